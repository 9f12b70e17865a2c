"""Workbooks of Excel 97–2003 (.xls). calamine reads them, in a child process with limits: a file of 5 KB that
is legal can make it ask for half a gigabyte and end the process.

Run as a program, this file is that child: it writes the sheets of the file at argv[1] as JSON lines.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from servicemap.errors import InvalidError
from servicemap.imports.grid import HEADING_ROWS, MAX_ROWS, MB, OLE, IsHeading, Sheet, cell_text
from servicemap.imports.tables import BLANK_ROWS, MAX_COLUMNS, Merges, Table, records, with_headings

MAX_MEMORY, MAX_OUTPUT = 512 * MB, 64 * MB
MAX_SECONDS = 30
MOST_ROWS = MAX_ROWS["xls"] + HEADING_ROWS + BLANK_ROWS + 1  # one more than is read: it is seen and refused
ENCRYPTED = 3  # the child's exit code


def open_xls(path: Path, start: bytes, is_heading: IsHeading, wanted: str | None) -> list[Sheet]:
    if not start.startswith(OLE):
        raise InvalidError("不是 .xls 的内容；请在 WPS/Excel 中打开并另存为 .xlsx", "not_xls")
    with TemporaryFile() as output:
        try:
            code = subprocess.run(
                [sys.executable, "-m", __name__, path.resolve()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=MAX_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
        if code == ENCRYPTED:
            raise InvalidError("文件有密码，请去掉密码后另存", "encrypted_file")
        if code != 0:
            raise InvalidError(
                "这个 .xls 读不了（已损坏，或内容离得太远）；请在 WPS/Excel 中打开并另存为 .xlsx",
                "damaged_file",
            )
        output.seek(0)
        tables = [_table(json.loads(line)) for line in output]
    return with_headings(tables, "xls", is_heading, wanted)


def _table(said: dict[str, Any]) -> Table:
    merges: Merges = {}
    for first, column, last in said["merges"]:
        merges.setdefault(first, []).append((column, last))
    return Table(said["title"], said["visible"], partial(records, said["rows"], merges))


# The child


def limit() -> None:
    """No more memory, time and output than a file of 10 MB can need."""
    with suppress(ImportError):  # Windows knows no such limits: there the parent's clock ends it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str) -> None:
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(path)
    except PasswordError:
        sys.exit(ENCRYPTED)
    for about in book.sheets_metadata:
        if about.typ is not SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_name(about.name)
        merges = [
            (first + 1, column, last + 1)
            for (first, column), (last, _) in sheet.merged_cell_ranges or ()
            if last > first
        ]
        said = {
            "title": about.name,
            "visible": about.visible is SheetVisibleEnum.Visible,
            "rows": list(_rows(sheet)),
            "merges": merges,
        }
        print(json.dumps(said))


def _rows(sheet: Any) -> Iterator[list[str]]:
    """The rows from the first of the sheet on, which calamine leaves out while they are blank."""
    if sheet.start is None:
        return
    above, left = sheet.start
    yield from ([] for _ in range(min(above, MOST_ROWS)))
    for number, values in enumerate(sheet.iter_rows(), above):
        if number == MOST_ROWS:
            return
        # one column more than is read: it is seen and refused
        yield [""] * min(left, MAX_COLUMNS) + [_text(value) for value in values[: MAX_COLUMNS + 1 - left]]


def _text(value: object) -> str:
    """A cell as text. Every number of an .xls is a float: one that ends in so many zeros that Excel's
    4.41802E+11 may have stood there is left as damaged, any other has all its digits."""
    if isinstance(value, float) and value.is_integer() and 1e10 <= abs(value) < 1e15 and value % 1e6:
        return f"{value:.0f}"
    return cell_text(value)


if __name__ == "__main__":
    limit()
    main(sys.argv[1])
