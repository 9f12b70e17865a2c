"""What people and programs read: tables that keep their columns with Chinese text, JSON, CSV."""

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from servicemap.errors import InvalidError

Column = tuple[str, str]  # key in the row, heading


def show(rows: Sequence[dict[str, Any]], columns: Sequence[Column], form: str) -> None:
    """Print rows on stdout as table, json or csv; JSON carries every key, the others the columns."""
    if form == "json":
        click.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
    elif form == "csv":
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([heading for _, heading in columns])
        writer.writerows([cell(row.get(key)) for key, _ in columns] for row in rows)
        click.echo(stream.getvalue(), nl=False)
    else:
        click.echo(
            table([[cell(row.get(key)) for key, _ in columns] for row in rows], [h for _, h in columns])
        )


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def table(rows: Sequence[Sequence[str]], headings: Sequence[str]) -> str:
    """Columns aligned by display width, two blanks between."""
    lines = [headings, *rows]
    widths = [max(width(line[i]) for line in lines) for i in range(len(headings))]
    texts = []
    for line in lines:
        padded = [text + " " * (widths[i] - width(text)) for i, text in enumerate(line)]
        texts.append("  ".join(padded).rstrip())
    texts.insert(1, "  ".join("-" * n for n in widths))
    return "\n".join(texts)


def width(text: str) -> int:
    """How many terminal columns the text takes: two for a wide character."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


@contextmanager
def about(file: Path) -> Iterator[None]:
    """Say which file it is that is wrong."""
    try:
        yield
    except InvalidError as error:
        raise InvalidError(f"{file.name}: {error.detail}", error.code, error.problems) from None


def remark(text: str) -> None:
    """A word beside the results, on stderr."""
    click.echo(text, err=True)


class Progress:
    """How far a long work is: rewritten in place on a terminal, silent otherwise; on stderr."""

    def __init__(self, what: str) -> None:
        self.what = what

    def at(self, count: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{self.what} {count:,}", err=True, nl=False)

    def done(self) -> None:
        if sys.stderr.isatty():
            click.echo(err=True)
