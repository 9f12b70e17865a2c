"""Rows under headings: what every kind of file becomes, and what csv and xlsx have in common."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Literal

from servicemap.errors import InvalidError

Format = Literal["xlsx", "xls", "csv", "geojson"]
IsHeading = Callable[[str], bool]

MB = 1024 * 1024
MAX_ROWS = {"xlsx": 20_000, "xls": 20_000, "csv": 1_000_000, "geojson": 1_000_000}
HEADING_ROWS = 20
LNG, LAT = "经度", "纬度"
OLE, ZIP = bytes.fromhex("D0CF11E0"), b"PK\x03\x04"
# A picture inside a cell, as WPS writes it.
PICTURES = ("=DISPIMG(", "=_xlfn.DISPIMG(", "DISPIMG(", "_xlfn.DISPIMG(")
FORMULA = re.compile(r"'*[=+\-@＝＋－＠]")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A filled row: `number` as WPS or Excel shows it (geojson: the feature, from 1)."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file, or a sheet of a workbook, holds. `rows` can be walked once; a csv is read while it is
    walked. `name` is there where several sheets are read."""

    headings: tuple[str, ...]
    rows: Iterator[SheetRow]
    format: Format
    remarks: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class HeadingRow:
    number: int
    recognised: int
    texts: tuple[str, ...]


def heading_text(text: str) -> str:
    """A heading without what does not tell it from another: width, spaces, the mark 必填 (required)."""
    text = re.sub(r"[\s\u200b\ufeff]+", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^\*+|(\*|\(必填\))+$", "", text)


def guard(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula. `unguard` gives back exactly `text`."""
    return "'" + text if FORMULA.match(text) else text


def unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def column_letter(index: int) -> str:
    """The column as a spreadsheet names it: 0 is A, 26 is AA."""
    return (column_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def find_heading(grid: Iterable[Sequence[str]], is_heading: IsHeading) -> HeadingRow | None:
    """The row with most recognised headings: two or more, or one in the first filled row."""
    found, top = [], True
    for number, record in enumerate(islice(grid, HEADING_ROWS), 1):
        texts = tuple(heading_text(cell) for cell in record)
        recognised = sum(is_heading(text) for text in texts if text)
        if recognised > 1 or (recognised and top):
            found.append(HeadingRow(number, recognised, texts))
        top = top and not any(texts)
    best = max(found, key=lambda row: row.recognised, default=None)
    for row in found:  # a heading of two rows: what is merged stands in both, the second has the details
        if best and (row.number, row.recognised) == (best.number + 1, best.recognised):
            best = row
    return best


def checked(headings: HeadingRow | None) -> HeadingRow:
    if headings is None:
        raise InvalidError(
            f"前 {HEADING_ROWS} 行里没有认得的标题行；请给各列加上标题（如 名称、类型、地址），或用列对照文件说明",
            "no_heading_row",
        )
    first: dict[str, int] = {}
    for index, text in enumerate(headings.texts):
        if text and first.setdefault(text, index) != index:
            raise InvalidError(
                f"{column_letter(first[text])} 列和 {column_letter(index)} 列的标题都是“{text}”；请改掉或删去一列",
                "duplicate_heading",
            )
    return headings


def filled_rows(grid: Iterable[Sequence[str]], headings: HeadingRow, limit: int) -> Iterator[SheetRow]:
    for number, record in islice(enumerate(grid, 1), headings.number, None):
        if any(record[len(headings.texts) :]):
            raise InvalidError(
                f"第 {number} 行的格子比标题多；多半是内容里的分隔符没有加引号", "too_many_cells"
            )
        cells = {
            heading: text for heading, text in zip(headings.texts, record, strict=False) if heading and text
        }
        if cells and number - headings.number > limit:
            raise InvalidError(f"超过 {limit} 行；请分成几个文件", "too_many_rows")
        if cells:
            yield SheetRow(number, cells)


def shown(text: str) -> str:
    """The text as it is; nothing for blanks and pictures."""
    return "" if text.isspace() or text.startswith(PICTURES) else text


def cell_text(value: object) -> str:
    """A cell as text without loss."""
    match value:
        case None:
            return ""
        case str():
            return shown(value)
        case bool():
            return "是" if value else "否"
        case float():
            return _float_text(value)
        case datetime():
            text = value.isoformat(timespec="seconds")
            return text.removesuffix("T00:00:00")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("seconds").removesuffix(":00")
        case timedelta():
            minutes = round(value.total_seconds() / 60)
            return f"{minutes // 60:02}:{minutes % 60:02}"
        case _:
            return str(value)


def _float_text(value: float) -> str:
    """Digits; but 4.41802E+11 stays as it is: openpyxl and json give a float only where the file
    has a point or an E, and what stood behind the digits that are left is lost."""
    if not value.is_integer():
        return repr(value)
    return f"{value:.0f}" if abs(value) < 1e10 else f"{Decimal(repr(value)).normalize():E}"
