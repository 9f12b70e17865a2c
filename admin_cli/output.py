"""What people and programs read: tables that keep their columns with Chinese text, JSON, CSV."""

import codecs
import csv
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import click

from servicemap.errors import InvalidError

Column = tuple[str, str]  # key in the row, heading
WORKBOOKS = (".xlsx", ".xls", ".et", ".ods")


def readable_everywhere() -> None:
    """Let a terminal or file whose encoding (GBK) lacks a character get a stand-in, never a traceback."""
    codecs.register_error("stand_in", _stand_in)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="stand_in")


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """Its plain form where it has one (é: e), else its number, like [U+20BB7]."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(
        plain
        if (plain := unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode())
        else f"[U+{ord(char):04X}]"
        for char in error.object[error.start : error.end]
    ), error.end


def to_file(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    """--output FILE: what the command prints on stdout goes there when it has come to its end."""
    if file:
        context.with_resource(_printing_into(file, context))


@contextmanager
def _printing_into(file: Path, context: click.Context) -> Iterator[None]:
    if file.suffix.lower() in WORKBOOKS:
        raise InvalidError(f"{file}: 写出的是文本，不是工作簿；请用 .csv，WPS/Excel 打得开", "not_a_workbook")
    held = io.BytesIO()
    with _writable(file):
        file, there = file.resolve(), file.exists()
        if there and not file.is_file():
            raise InvalidError(f"{file}: 是文件夹或设备；请写上文件名", "not_a_file")
    with redirect_stdout(io.TextIOWrapper(held, "utf-8", "stand_in", newline="", write_through=True)):
        yield
        data = held.getvalue()
    if context.params.get("form") == "csv" and not data.startswith(codecs.BOM_UTF8):
        data = codecs.BOM_UTF8 + data  # without it Excel takes the text for GBK
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    with _writable(file):
        try:
            part.write_bytes(data)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    remark(f"已写到 {file}{'，替换了原有的文件' if there else ''}")


@contextmanager
def _writable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidError(
            f"{file}: 写不了（{error.strerror}）；请检查文件夹和权限，或先关闭正在使用它的 WPS/Excel",
            "unwritable_file",
        ) from None


def show(rows: Sequence[dict[str, Any]], columns: Sequence[Column], form: str) -> None:
    """Print rows on stdout as table, json or csv; JSON carries every key, the others the columns."""
    if form == "json":
        click.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
    elif form == "csv":
        from servicemap.imports.grid import guard  # late: --help does not need it

        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([heading for _, heading in columns])
        values = ([row.get(key) for key, _ in columns] for row in rows)
        writer.writerows(
            [guard(value) if isinstance(value, str) else cell(value) for value in line] for line in values
        )
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


def sealed(path: Path, text: str) -> None:
    """A new file that its owner alone may read: it holds a secret."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(opened, "w", encoding="utf-8-sig", newline="") as file:
        file.write(text)


def file_name(name: str) -> str:
    """The name without what file systems refuse."""
    return re.sub(r'[\\/:*?"<>|\s]', "_", name)


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
