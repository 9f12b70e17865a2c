"""Workbooks (.xlsx), read whole and within limits: what is wrong shows before a row is sent."""

import codecs
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

from servicemap.errors import InvalidError
from servicemap.imports.grid import (
    MAX_ROWS,
    MB,
    OLE,
    ZIP,
    HeadingRow,
    IsHeading,
    Sheet,
    _letter,
    cell_text,
    checked,
    filled_rows,
    find_heading,
)

MAX_COLUMNS = 64
MAX_UNZIPPED, MAX_RATIO, MAX_PARTS = 64 * MB, 100, 200
BLANK_ROWS = 50
LAST_ROW = 1_048_576  # of any spreadsheet; openpyxl would count up to a forged one beyond


def open_xlsx(path: Path, start: bytes, is_heading: IsHeading) -> Sheet:
    """Read the whole sheet at once (20,000 rows at most): what is wrong shows before a row is sent."""
    _check_container(path, start)
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")  # openpyxl remarks on styles and extensions
        sheets = _visible_sheets(stream)
        found: list[tuple[HeadingRow | None, Any]] = [(None, None)]
        found += [(find_heading(_worksheet_records(sheet), is_heading), sheet) for sheet in sheets]
        # A sheet of notes may hold one such word; a real heading row holds two.
        best, sheet = max(found, key=lambda pair: min(pair[0].recognised, 2) if pair[0] else 0)
        headings = checked(best)
        width = len(headings.texts)
        grid = (record[:width] for record in _worksheet_records(sheet))
        rows = list(filled_rows(grid, headings, MAX_ROWS["xlsx"]))
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
        from openpyxl import load_workbook  # late: it costs 0.4 s

        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        return [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _worksheet_records(sheet: Any) -> Iterator[Sequence[str]]:
    """The rows as texts; after BLANK_ROWS blank ones the sheet is over."""
    blank = 0
    with _damage_named():
        sheet.reset_dimensions()  # the declared size may be anything
        for number, values in enumerate(sheet.iter_rows(max_row=LAST_ROW, values_only=True), 1):
            record = [cell_text(value) for value in values]
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
