"""Workbooks (.xlsx), read whole and within limits: what is wrong shows before a row is sent."""

import codecs
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

from servicemap.errors import InvalidError
from servicemap.imports.grid import MB, OLE, ZIP, IsHeading, Sheet
from servicemap.imports.tables import Merges, Table, records, with_headings

MAX_UNZIPPED, MAX_RATIO, MAX_PARTS = 64 * MB, 100, 200
LAST_ROW = 1_048_576  # of any spreadsheet; openpyxl would count up to a forged one beyond
MERGED = re.compile(rb"<(?:\w+:)?mergeCell\b[^>]*?\bref=[\"']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})")


def open_xlsx(path: Path, start: bytes, is_heading: IsHeading, wanted: str | None) -> list[Sheet]:
    """Read whole sheets at once (20,000 rows each at most): what is wrong shows before a row is sent."""
    _check_container(path, start)
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")  # openpyxl remarks on styles and extensions
        return with_headings(_tables(stream), "xlsx", is_heading, wanted)


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
    with damage_named(), ZipFile(path) as archive:
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
def damage_named() -> Iterator[None]:
    try:
        yield
    except InvalidError:
        raise
    except Exception as error:  # a damaged file makes zipfile and openpyxl raise a dozen kinds
        raise InvalidError(
            "文件已损坏或不是 .xlsx；请在 WPS/Excel 中打开并另存为 .xlsx", "damaged_file"
        ) from error


def _tables(stream: BinaryIO) -> list[Table]:
    with damage_named():
        from openpyxl import load_workbook  # late: it costs 0.4 s

        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        return [
            Table(sheet.title, sheet.sheet_state == "visible", partial(_records, sheet))
            for sheet in book.worksheets
        ]


def _records(sheet: Any) -> Iterator[Sequence[str]]:
    with damage_named():
        sheet.reset_dimensions()  # the declared size may be anything
        yield from records(sheet.iter_rows(max_row=LAST_ROW, values_only=True), _merges(sheet))


def _merges(sheet: Any) -> Merges:
    """What is merged over several rows: it stands behind the cells, where openpyxl doesn't look when it
    streams."""
    with sheet._get_source() as source:
        _, _, behind = source.read().rpartition(b"sheetData>")
    found: Merges = {}
    for letters, first, last in MERGED.findall(behind):
        if int(last) > int(first):
            column = reduce(lambda value, letter: value * 26 + letter - 64, letters, 0) - 1
            found.setdefault(int(first), []).append((column, int(last)))
    return found
