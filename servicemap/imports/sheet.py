"""Cells: a file on a worker's PC becomes rows of text under headings. Pure; the client runs it.

Nothing is guessed and nothing is dropped without a word: a damaged value stays visible, so that
the server refuses it by row and column.
"""

import codecs
import csv
import json
import os
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal
from zipfile import ZipFile

from servicemap.errors import InvalidError

Format = Literal["xlsx", "csv", "geojson"]
IsHeading = Callable[[str], bool]

MB = 1024 * 1024
FORMATS: dict[str, Format] = {
    ".xlsx": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".geojson": "geojson",
    ".json": "geojson",
}
MAX_BYTES = {"xlsx": 10 * MB, "csv": 256 * MB, "geojson": 256 * MB}
MAX_ROWS = {"xlsx": 20_000, "csv": 1_000_000, "geojson": 1_000_000}
MAX_COLUMNS = 64
MAX_UNZIPPED, MAX_RATIO, MAX_PARTS = 64 * MB, 100, 200
MAX_LINE = MB  # characters of one line of a text file
BLANK_ROWS = 50
HEADING_ROWS = 20
LAST_ROW = 1_048_576  # of any spreadsheet; openpyxl would count up to a forged one beyond

LNG, LAT = "经度", "纬度"
OLE, ZIP = bytes.fromhex("D0CF11E0"), b"PK\x03\x04"
ENCODINGS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "gb18030": "GB18030"}
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
    """What a file holds. `rows` can be walked once; a csv is read while it is walked."""

    headings: tuple[str, ...]
    rows: Iterator[SheetRow]
    format: Format
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _HeadingRow:
    number: int
    recognised: int
    texts: tuple[str, ...]


def open_sheet(path: Path, *, encoding: str | None = None, is_heading: IsHeading) -> Sheet:
    """Read the file's headings and, while `Sheet.rows` is walked, its rows.

    `encoding` is for a csv whose encoding cannot be told. Raises InvalidError, here or, for a csv,
    while the rows are walked.
    """
    size, start = _look(path)
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        raise InvalidError(
            f"不能读 {path.suffix or '没有后缀的'} 文件；请在 WPS/Excel 中另存为 .xlsx",
            "unsupported_format",
        )
    if size == 0:
        raise InvalidError("文件是空的；请检查选的是不是这个文件", "empty_file")
    if size > MAX_BYTES[format]:
        raise InvalidError(
            f"文件有 {size / MB:.1f} MB，.{format} 最多 {MAX_BYTES[format] // MB} MB；请分成几个文件",
            "file_too_large",
        )
    if encoding and format != "csv":
        raise InvalidError("--encoding 只用于 .csv；请去掉它", "encoding_not_applicable")
    if format == "xlsx":
        return _open_xlsx(path, start, is_heading)
    if format == "geojson":
        return _open_geojson(path)
    if start.startswith((OLE, ZIP)):
        raise InvalidError("名为文本，其实是表格文件；请在 WPS/Excel 中打开并另存为 .xlsx", "not_csv")
    return _open_csv(path, encoding, is_heading)


def heading_text(text: str) -> str:
    """A heading without what does not tell it from another: width, spaces, the mark 必填 (required)."""
    text = re.sub(r"[\s\u200b\ufeff]+", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^\*+|(\*|\(必填\))+$", "", text)


def guard(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula. `unguard` gives back exactly `text`."""
    return "'" + text if FORMULA.match(text) else text


def unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def write_csv(
    stream: BinaryIO, headings: Sequence[str], rows: Iterable[Sequence[str | float | None]]
) -> None:
    """Write UTF-8 with BOM and CRLF, so that WPS and Excel show Chinese; texts are guarded."""
    text = TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(headings)
        for row in rows:
            writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in row])
    finally:
        text.detach()  # flushes, and leaves the stream open to its owner


def _look(path: Path) -> tuple[int, bytes]:
    """The size and the first bytes."""
    try:
        if not path.exists():
            raise InvalidError("没有这个文件；请检查路径", "file_not_found")
        if not path.is_file():
            raise InvalidError("不是文件；请给出文件的路径", "not_a_file")
        with path.open("rb") as stream:
            return os.fstat(stream.fileno()).st_size, stream.read(16)
    except OSError as error:
        raise InvalidError(
            f"打不开（{error.strerror}）；请检查权限，或先关闭正在使用它的 WPS/Excel", "unreadable_file"
        ) from None


# Grids: what csv and xlsx have in common


def _letter(index: int) -> str:
    """The column as a spreadsheet names it: 0 is A, 26 is AA."""
    return (_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _find_heading(grid: Iterable[Sequence[str]], is_heading: IsHeading) -> _HeadingRow | None:
    """The row with most recognised headings: two or more, or one in the first filled row."""
    found, top = [], True
    for number, record in enumerate(islice(grid, HEADING_ROWS), 1):
        texts = tuple(heading_text(cell) for cell in record)
        recognised = sum(is_heading(text) for text in texts if text)
        if recognised > 1 or (recognised and top):
            found.append(_HeadingRow(number, recognised, texts))
        top = top and not any(texts)
    return max(found, key=lambda row: row.recognised, default=None)


def _checked(headings: _HeadingRow | None) -> _HeadingRow:
    if headings is None:
        raise InvalidError(
            f"前 {HEADING_ROWS} 行里没有认得的标题行；请给各列加上标题（如 名称、类型、地址），或用列对照文件说明",
            "no_heading_row",
        )
    first: dict[str, int] = {}
    for index, text in enumerate(headings.texts):
        if text and first.setdefault(text, index) != index:
            raise InvalidError(
                f"{_letter(first[text])} 列和 {_letter(index)} 列的标题都是“{text}”；请改掉或删去一列",
                "duplicate_heading",
            )
    return headings


def _rows(grid: Iterable[Sequence[str]], headings: _HeadingRow, limit: int) -> Iterator[SheetRow]:
    for number, record in islice(enumerate(grid, 1), headings.number, None):
        if any(record[len(headings.texts) :]):
            raise InvalidError(
                f"第 {number} 行的格子比标题多；多半是内容里的分隔符没有加引号", "too_many_cells"
            )
        cells = {heading: text for heading, text in zip(headings.texts, record) if heading and text}
        if cells and number - headings.number > limit:
            raise InvalidError(f"超过 {limit} 行；请分成几个文件", "too_many_rows")
        if cells:
            yield SheetRow(number, cells)


def _shown(text: str) -> str:
    """The text as it is; nothing for blanks and pictures."""
    return "" if text.isspace() or text.startswith(PICTURES) else text


# .xlsx


def _open_xlsx(path: Path, start: bytes, is_heading: IsHeading) -> Sheet:
    """Read the whole sheet at once (20,000 rows at most): what is wrong shows before a row is sent."""
    _check_container(path, start)
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")  # openpyxl remarks on styles and extensions
        sheets = _visible_sheets(stream)
        found: list[tuple[_HeadingRow | None, Any]] = [(None, None)]
        found += [(_find_heading(_worksheet_records(sheet), is_heading), sheet) for sheet in sheets]
        # A sheet of notes may hold one such word; a real heading row holds two.
        best, sheet = max(found, key=lambda pair: min(pair[0].recognised, 2) if pair[0] else 0)
        headings = _checked(best)
        width = len(headings.texts)
        grid = (record[:width] for record in _worksheet_records(sheet))
        rows = list(_rows(grid, headings, MAX_ROWS["xlsx"]))
    remarks = (f"工作表：{sheet.title}",) if len(sheets) > 1 else ()
    return Sheet(tuple(filter(None, headings.texts)), iter(rows), "xlsx", remarks)


def _check_container(path: Path, start: bytes) -> None:
    """Is it really an .xlsx, and small when unzipped? Decided before anything is unzipped."""
    if start.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise InvalidError("文件有密码，请去掉密码后另存", "encrypted_file")
        raise InvalidError("其实是旧的 .xls 文件；请在 WPS/Excel 中另存为 .xlsx", "not_xlsx")
    if start.lstrip(codecs.BOM_UTF8 + b" \t\r\n").startswith(b"<"):
        raise InvalidError("其实是网页（HTML/XML）；请在 WPS/Excel 中打开并另存为 .xlsx", "not_xlsx")
    if not start.startswith(ZIP):
        raise InvalidError(
            "不是 .xlsx，像是文本；请把后缀改为 .csv，或在 WPS/Excel 中另存为 .xlsx", "not_xlsx"
        )
    with _damage_named(), ZipFile(path) as archive:
        parts = archive.infolist()
    size = sum(part.file_size for part in parts)  # zipfile never unzips more than a part declares
    if len(parts) > MAX_PARTS:
        raise InvalidError(
            f"里面有 {len(parts)} 个部件，最多 {MAX_PARTS} 个；请删去图片后另存", "too_many_parts"
        )
    if size > MAX_UNZIPPED or size > MAX_RATIO * path.stat().st_size:
        raise InvalidError(
            f"解压后有 {size / MB:.0f} MB（最多 {MAX_UNZIPPED // MB} MB，且不超过文件的 {MAX_RATIO} 倍）；"
            "请把内容复制到新的表格后另存",
            "unzips_too_large",
        )


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except InvalidError:
        raise
    except Exception as error:  # a damaged file makes zipfile and openpyxl raise a dozen kinds
        raise InvalidError(
            "文件已损坏或不是 .xlsx；请在 WPS/Excel 中打开并另存为 .xlsx", "damaged_file"
        ) from error


def _visible_sheets(stream: BinaryIO) -> list[Any]:
    with _damage_named():
        from openpyxl import load_workbook  # type: ignore[import-untyped]  # late: it costs 0.4 s

        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        return [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _worksheet_records(sheet: Any) -> Iterator[Sequence[str]]:
    """The rows as texts; after BLANK_ROWS blank ones the sheet is over."""
    blank = 0
    with _damage_named():
        sheet.reset_dimensions()  # the declared size may be anything
        for number, values in enumerate(sheet.iter_rows(max_row=LAST_ROW, values_only=True), 1):
            record = [_cell_text(value) for value in values]
            if not any(record):
                blank += 1
                if blank <= BLANK_ROWS:
                    yield ()
                continue
            if blank >= BLANK_ROWS:
                raise InvalidError(
                    f"第 {number} 行还有内容，上面却空了 {blank} 行；请删去空行或这些内容",
                    "content_after_blank_rows",
                )
            if any(record[MAX_COLUMNS:]):
                last = max(index for index, text in enumerate(record) if text)
                raise InvalidError(
                    f"第 {number} 行 {_letter(last)} 列还有内容，最多 {MAX_COLUMNS} 列；请删去用不到的列",
                    "too_many_columns",
                )
            blank = 0
            yield record


def _cell_text(value: object) -> str:
    """A cell as text without loss."""
    match value:
        case None:
            return ""
        case str():
            return _shown(value)
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


# .csv


def _open_csv(path: Path, encoding: str | None, is_heading: IsHeading) -> Sheet:
    known = _declared(path, encoding) if encoding else _detected(path)
    found = [
        (headings, delimiter)
        for delimiter in ",\t;"
        if (headings := _find_heading(_until_error(_csv_records(path, known, delimiter)), is_heading))
    ]
    best, delimiter = max(found, key=lambda pair: pair[0].recognised, default=(None, ","))
    if not encoding and known == "gb18030" and not _has_chinese_heading(best, is_heading):
        raise InvalidError(
            "认不出编码：不是 UTF-8，按 GB18030 读也没有认得的中文标题；请用 --encoding 说明，或另存为 .xlsx",
            "unknown_encoding",
        )
    headings = _checked(best)
    rows = _rows(_csv_records(path, known, delimiter), headings, MAX_ROWS["csv"])
    return Sheet(tuple(filter(None, headings.texts)), rows, "csv", (f"编码：{ENCODINGS.get(known, known)}",))


def _has_chinese_heading(headings: _HeadingRow | None, is_heading: IsHeading) -> bool:
    texts = headings.texts if headings else ()
    return any(is_heading(text) and re.search("[\u4e00-\u9fff]", text) for text in texts)


def _declared(path: Path, encoding: str) -> str:
    try:
        "x".encode(encoding)  # also refuses rot13 and the like, which are no text encodings
        name = codecs.lookup(encoding).name
    except (LookupError, UnicodeError, ValueError):
        raise InvalidError(
            f"没有“{encoding}”这种编码；常用的是 gb18030、utf-8、utf-16、big5、shift_jis",
            "bad_encoding",
        ) from None
    return _first_that_decodes(path, ["utf-8-sig" if name == "utf-8" else name])


def _detected(path: Path) -> str:
    """BOM, else strict UTF-8, else strict GB18030, on the whole file: guessers err on short texts."""
    with path.open("rb") as stream:
        start = stream.read(3)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _first_that_decodes(path, ["utf-16"])
    if start == codecs.BOM_UTF8:
        return _first_that_decodes(path, ["utf-8-sig"])
    return _first_that_decodes(path, ["utf-8-sig", "gb18030"])


def _first_that_decodes(path: Path, encodings: Sequence[str]) -> str:
    failures = []
    for encoding in encodings:
        line = _undecodable_line(path, encoding)
        if line is None:
            return encoding
        failures.append((line, encoding))
    line, encoding = max(failures)
    raise InvalidError(
        f"文本第 {line} 行有不能按 {ENCODINGS.get(encoding, encoding)} 读的字节；请另存为 .xlsx，或用 --encoding 说明编码",
        "undecodable_text",
    )


def _undecodable_line(path: Path, encoding: str) -> int | None:
    """The first line that is not in `encoding`, or None; reads the file in pieces."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as stream:
        try:
            while piece := stream.read(MB):
                text = decoder.decode(piece)
                if "\0" in text:
                    line += text[: text.index("\0")].count("\n")
                    raise InvalidError(
                        f"文本第 {line} 行有 NUL 字符，文件可能已损坏；请另存为 .xlsx", "nul_character"
                    )
                line += text.count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
        except UnicodeError:
            return line
    return None


def _csv_records(path: Path, encoding: str, delimiter: str) -> Iterator[list[str]]:
    number = 0
    with path.open(encoding=encoding, newline="") as stream:
        try:
            for record in csv.reader(_lines(stream), delimiter=delimiter, strict=True):
                number += 1
                yield [_shown(unguard(cell)) for cell in record]
        except csv.Error:
            raise InvalidError(
                f"第 {number + 1} 行的引号没有成对，或一格超过 {csv.field_size_limit()} 字；请改正后再导入",
                "bad_quotes",
            ) from None


def _lines(stream: Any) -> Iterator[str]:
    while line := stream.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise InvalidError(f"有一行超过 {MAX_LINE} 字；请检查是不是表格", "line_too_long")
        yield line


def _until_error(records: Iterable[list[str]]) -> Iterator[list[str]]:
    """A wrong delimiter breaks quotes: what could be read decides."""
    with suppress(InvalidError):
        yield from records


# .geojson


def _open_geojson(path: Path) -> Sheet:
    try:
        document = json.loads(path.read_text("utf-8-sig"), parse_constant=_no_constant)
        headings, rows = _read_features(document)
    except UnicodeError:
        raise InvalidError(
            "有不是 UTF-8 的文字，GeoJSON 只能是 UTF-8（RFC 7946）；请转换后再导入", "not_utf8"
        ) from None
    except RecursionError:
        raise InvalidError("JSON 嵌套太深；请检查文件", "too_deep") from None
    except json.JSONDecodeError as error:
        raise InvalidError(
            f"文本第 {error.lineno} 行第 {error.colno} 字不是 JSON；请检查文件", "bad_json"
        ) from None
    except ValueError:
        raise InvalidError("JSON 里有 NaN、Infinity 或过长的数；请检查文件", "bad_json") from None
    return Sheet(headings, iter(rows), "geojson")


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _read_features(document: Any) -> tuple[tuple[str, ...], list[SheetRow]]:
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise InvalidError("不是 FeatureCollection（RFC 7946）；请从地图软件导出为 GeoJSON", "not_geojson")
    if len(features) > MAX_ROWS["geojson"]:
        raise InvalidError(f"超过 {MAX_ROWS['geojson']} 个要素；请分成几个文件", "too_many_rows")
    names: dict[str, str] = {}
    rows = []
    for number, feature in enumerate(features, 1):
        where = f"第 {number} 个要素"
        properties = feature.get("properties") or {} if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            raise InvalidError(f"{where}不是 Feature；请检查文件", "not_geojson")
        for name in properties:
            if names.setdefault(heading_text(name), name) != name:
                raise InvalidError(
                    f"{where}的属性“{name}”和“{names[heading_text(name)]}”同名；请改掉一个",
                    "duplicate_heading",
                )
        cells = {heading_text(name): _property_text(value) for name, value in properties.items()}
        cells |= _position(where, feature.get("geometry"))
        filled = {heading: text for heading, text in cells.items() if heading and text}
        "".join(filled.values()).encode()  # half a surrogate pair is no text: UnicodeError
        if filled:
            rows.append(SheetRow(number, filled))
    positions = [heading for heading in (LNG, LAT) if any(heading in row.cells for row in rows)]
    return tuple(dict.fromkeys(filter(None, [*names, *positions]))), rows


def _position(where: str, geometry: Any) -> dict[str, str]:
    match geometry:
        case None:
            return {}
        case {"type": "Point", "coordinates": [int() | float() as lng, int() | float() as lat, *_]}:
            return {LNG: repr(lng), LAT: repr(lat)}
        case {"type": "Point"}:
            raise InvalidError(f"{where}的坐标不是 [经度, 纬度]；请检查文件", "bad_geometry")
        case _:
            kind = geometry.get("type") if isinstance(geometry, dict) else geometry
            raise InvalidError(f"{where}的图形是 {kind}，只收点（Point）；请改为点再导入", "bad_geometry")


def _property_text(value: object) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _cell_text(value)
