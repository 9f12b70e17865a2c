"""Sheets of a workbook, whatever wrote it: what is merged is filled in, and those with headings are read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from servicemap.errors import InvalidError
from servicemap.imports.grid import (
    MAX_ROWS,
    Format,
    HeadingRow,
    IsHeading,
    Sheet,
    cell_text,
    checked,
    column_letter,
    filled_rows,
    find_heading,
)

MAX_COLUMNS = 64
BLANK_ROWS = 50
Records = Iterator[Sequence[str]]
Merges = dict[int, list[tuple[int, int]]]  # first row: (column, last row); rows from 1, columns from 0


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet as it stands; `records` begins anew with every call."""

    title: str
    visible: bool
    records: Callable[[], Records]


def with_headings(
    tables: Sequence[Table], format: Format, is_heading: IsHeading, wanted: str | None
) -> list[Sheet]:
    """The sheet named `wanted`; without, every visible one that has headings: two known ones, or, where
    none has, the first with one (a sheet of notes may hold such a word)."""
    if wanted:
        tables = [table for table in tables if table.title.strip() == wanted.strip()] or _absent(
            wanted, tables
        )
    else:
        tables = [table for table in tables if table.visible]
    found = [(table, heading) for table in tables if (heading := find_heading(table.records(), is_heading))]
    found = [pair for pair in found if pair[1].recognised > 1] or found[:1]
    if not found:
        checked(None)
    titles = [table.title for table, _ in found]
    unread = [table.title for table in tables if table.title not in titles]
    remarks = [f"工作表：{'、'.join(titles)}"] if len(tables) > 1 else []
    remarks += [f"没有读的工作表：{'、'.join(unread)}"] if unread else []
    sheets = [_sheet(table, heading, format, several=len(found) > 1) for table, heading in found]
    return [Sheet(s.headings, s.rows, format, tuple(remarks), s.name) for s in sheets[:1]] + sheets[1:]


def _absent(wanted: str, tables: Sequence[Table]) -> list[Table]:
    titles = "、".join(f"“{table.title}”" for table in tables)
    raise InvalidError(f"没有工作表“{wanted}”；文件里有{titles}", "sheet_not_found")


def _sheet(table: Table, heading: HeadingRow, format: Format, *, several: bool) -> Sheet:
    try:
        headings = checked(heading)
        width = len(headings.texts)
        rows = list(filled_rows((record[:width] for record in table.records()), headings, MAX_ROWS[format]))
    except InvalidError as error:
        where = f"工作表“{table.title}”：" if several else ""
        raise InvalidError(f"{where}{error.detail}", error.code) from None
    return Sheet(tuple(filter(None, headings.texts)), iter(rows), format, (), table.title if several else "")


def records(rows: Iterable[Sequence[object]], merges: Merges) -> Records:
    """The rows as texts; after BLANK_ROWS blank ones the sheet is over. A value merged over rows is meant
    for each of them that has something of its own."""
    blank = 0
    spans: dict[int, tuple[int, str]] = {}  # column: (last row, the value)
    for number, values in enumerate(rows, 1):
        record = [cell_text(value) for value in values]
        for column, last in merges.get(number, ()):
            if column < min(len(record), MAX_COLUMNS):
                spans[column] = last, record[column]
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
                f"第 {number} 行 {column_letter(last)} 列还有内容，最多 {MAX_COLUMNS} 列；请删去用不到的列",
                "too_many_columns",
            )
        blank = 0
        for column, (last, text) in spans.items():
            if number <= last and text:
                record += [""] * (column + 1 - len(record))
                record[column] = record[column] or text
        yield record
