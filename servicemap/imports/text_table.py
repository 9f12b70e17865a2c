"""Text tables (.csv, .tsv, .txt), streamed; the encoding is told strictly or asked for, never guessed."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from servicemap.errors import InvalidError
from servicemap.imports.grid import (
    MAX_ROWS,
    MB,
    HeadingRow,
    IsHeading,
    Sheet,
    checked,
    filled_rows,
    find_heading,
    guard,
    shown,
    unguard,
)

MAX_LINE = MB  # characters of one line
ENCODINGS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "gb18030": "GB18030"}


def open_csv(path: Path, encoding: str | None, is_heading: IsHeading) -> Sheet:
    known = _declared(path, encoding) if encoding else _detected(path)
    found = [
        (headings, delimiter)
        for delimiter in ",\t;"
        if (headings := find_heading(_until_error(_csv_records(path, known, delimiter)), is_heading))
    ]
    best, delimiter = max(found, key=lambda pair: pair[0].recognised, default=(None, ","))
    if not encoding and known == "gb18030" and not _has_chinese_heading(best, is_heading):
        raise InvalidError(
            "认不出编码：不是 UTF-8，按 GB18030 读也没有认得的中文标题；请用 --encoding 说明，或另存为 .xlsx",
            "unknown_encoding",
        )
    headings = checked(best)
    rows = filled_rows(_csv_records(path, known, delimiter), headings, MAX_ROWS["csv"])
    return Sheet(tuple(filter(None, headings.texts)), rows, "csv", (f"编码：{ENCODINGS.get(known, known)}",))


def _has_chinese_heading(headings: HeadingRow | None, is_heading: IsHeading) -> bool:
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
                yield [shown(unguard(cell)) for cell in record]
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
