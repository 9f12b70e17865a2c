"""Workbooks that are written for people to fill in or to mend, with xlsxwriter: every cell is a text, so that
no code loses a zero and no text becomes a formula."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from admin_cli.output import width
from servicemap.errors import InvalidError

MOST_CHARACTERS = 32_767  # of a cell
NARROWEST, WIDEST = 10, 40  # characters; a heading shares its cell with the filter's arrow
HEAD = {"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "vcenter"}
MORE_ROWS = 200  # that a town may add below keep the drop-downs
TEXT = {"num_format": "@", "valign": "top", "text_wrap": True}


def free_path(path: Path) -> Path:
    """The path itself, or with -2, -3 … before the suffix when such a file is there: nothing is overwritten."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


@contextmanager
def new_book(path: Path, *, in_order: bool = False) -> Iterator[Any]:
    """A workbook that is written at `path` when the block ends; InvalidError when it cannot be. `in_order`:
    sheet by sheet and row by row, so that it may be long."""
    from xlsxwriter import Workbook  # late
    from xlsxwriter.exceptions import FileCreateError

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = Workbook(str(path), options | {"constant_memory": in_order})
    yield book
    try:
        book.close()
    except (FileCreateError, OSError) as error:
        raise InvalidError(
            f"写不了 {path}（{error}）；请换一个文件夹，或检查权限", "unwritable_file"
        ) from None


class Page:
    """Writes rows of texts below headings, and makes the columns as wide as what stands in them."""

    def __init__(self, book: Any, title: str, headings: Sequence[str], *, freeze: int) -> None:
        self.sheet = book.add_worksheet(title)
        self._text = book.add_format(TEXT)
        self._widths = [0] * len(headings)
        self.number = 0
        self.row(headings, book.add_format(HEAD))
        self.sheet.freeze_panes(1, freeze)

    def row(self, texts: Sequence[str], format: Any = None, marked: Mapping[int, Any] | None = None) -> None:
        """`marked` are formats of single cells, by column."""
        for column, text in enumerate(texts):
            shown = (marked or {}).get(column, format or self._text)
            if text:
                self.sheet.write_string(self.number, column, text[:MOST_CHARACTERS], shown)
            else:
                self.sheet.write_blank(self.number, column, None, shown)
            if 2 * len(text) > self._widths[column]:  # no text is wider
                self._widths[column] = max(self._widths[column], *map(width, text.split("\n")))
        self.number += 1

    def done(self) -> None:
        for column, widest in enumerate(self._widths):
            self.sheet.set_column(column, column, min(max(widest + 3, NARROWEST), WIDEST), self._text)
        self.sheet.autofilter(0, 0, max(self.number - 1, 1), len(self._widths) - 1)


def write_template(
    path: Path,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, str]],
    choices: Mapping[str, Sequence[str]],
    notes: Iterable[str],
) -> None:
    """A sheet to fill in: `columns` are {field: heading}, `choices` {field: words of its drop-down}."""
    with new_book(path) as book:
        sheet = Page(book, "收表", list(columns.values()), freeze=list(columns).index("presence") + 1)
        for row in rows:
            sheet.row([row.get(name, "") for name in columns])
        for column, name in enumerate(columns):
            if words := choices.get(name):
                rule = {
                    "validate": "list",
                    "source": list(words),
                    "error_title": "不认识这个词",
                    "error_message": f"请填 {'、'.join(words)}",
                }
                sheet.sheet.data_validation(1, column, sheet.number - 1 + MORE_ROWS, column, rule)
        sheet.done()
        said = book.add_worksheet("说明")
        said.set_column(0, 0, 100)
        for number, line in enumerate(notes):
            said.write_string(number, 0, line)
