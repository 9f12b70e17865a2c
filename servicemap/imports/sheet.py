"""Cells: a file on a worker's PC becomes rows of text under headings. Pure; the client runs it.

Nothing is guessed and nothing is dropped without a word: a damaged value stays visible, so that
the server refuses it by row and column.
"""

import os
from dataclasses import replace
from pathlib import Path

from servicemap.errors import InvalidError
from servicemap.imports.features import open_geojson
from servicemap.imports.grid import MB, OLE, ZIP, Format, IsHeading, Sheet
from servicemap.imports.old_workbook import open_xls
from servicemap.imports.text_table import open_csv
from servicemap.imports.workbook import open_xlsx

FORMATS: dict[str, Format] = {
    ".xlsx": "xlsx",
    ".xls": "xls",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".geojson": "geojson",
    ".json": "geojson",
}
LOCKS = ("~$", ".~")  # how the names of their lock files begin
MAX_BYTES = {"xlsx": 10 * MB, "xls": 10 * MB, "csv": 256 * MB, "geojson": 256 * MB}


def open_sheets(
    path: Path, *, encoding: str | None = None, sheet: str | None = None, is_heading: IsHeading
) -> list[Sheet]:
    """Read the file's headings and, while `Sheet.rows` is walked, its rows: one sheet, or of a workbook all
    that have headings.

    `encoding` is for a csv whose encoding cannot be told, `sheet` names the only one of a workbook to
    read. Raises InvalidError, here or, for a csv, while the rows are walked.
    """
    first, *others = _read(path, encoding, sheet, is_heading)
    if _locked(path):
        said = "WPS/Excel 可能正打开着它：读到的是上次保存的内容"
        first = replace(first, remarks=(*first.remarks, said))
    return [first, *others]


def _read(path: Path, encoding: str | None, sheet: str | None, is_heading: IsHeading) -> list[Sheet]:
    size, start = _look(path)
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        program = " WPS " if path.suffix.lower() == ".et" else " WPS/Excel "
        raise InvalidError(
            f"不能读 {path.suffix or '没有后缀的'} 文件；请在{program}中另存为 .xlsx",
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
    # many a program names what is an .xlsx .xls
    if format == "xlsx" or (format == "xls" and start.startswith(ZIP)):
        return open_xlsx(path, start, is_heading, sheet)
    if format == "xls":
        return open_xls(path, start, is_heading, sheet)
    if sheet:
        raise InvalidError("--sheet 只用于 .xlsx 和 .xls；请去掉它", "sheet_not_applicable")
    if format == "geojson":
        return [open_geojson(path)]
    if start.startswith((OLE, ZIP)):
        raise InvalidError("名为文本，其实是表格文件；请在 WPS/Excel 中打开并另存为 .xlsx", "not_csv")
    return [open_csv(path, encoding, is_heading)]


def _locked(path: Path) -> bool:
    """Is there a file beside it by which WPS, Excel or LibreOffice say that they have it open?"""
    names = (f"~${path.name}", f".~{path.name}", f".~lock.{path.name}#")
    return any(os.path.lexists(path.parent / name) for name in names)


def _look(path: Path) -> tuple[int, bytes]:
    """The size and the first bytes."""
    try:
        if not path.exists():
            raise InvalidError("没有这个文件；请检查路径", "file_not_found")
        if not path.is_file():
            raise InvalidError("是文件夹或设备；请给出里面那个文件的路径", "not_a_file")
        if path.name.startswith(LOCKS):
            raise InvalidError("是 WPS/Excel 打开表格时的临时文件；请选表格本身", "lock_file")
        with path.open("rb") as stream:
            return os.fstat(stream.fileno()).st_size, stream.read(16)
    except OSError as error:
        if _locked(path):
            raise InvalidError("WPS/Excel 正打开着它；请保存并关闭，再试一次", "file_in_use") from None
        raise InvalidError(
            f"打不开（{error.strerror}）；请检查权限，或先关闭正在使用它的 WPS/Excel", "unreadable_file"
        ) from None
