"""Files as a city's offices send them, by the thousand, and files that were made to break a reader: what is read
is what was written, or it is refused; and no file takes the memory away."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from openpyxl import Workbook

from servicemap.errors import InvalidError
from servicemap.imports.columns import is_heading
from servicemap.imports.sheet import open_sheets
from tests.factories import scaled

FILES = 2_000
MOST_MB = 150
HEADINGS = ["名称", "类型", "区划代码", "地址", "电话"]
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le")
WORDS = (
    "北门南村社区家长学校儿童之家清远市英德连州县路号幼托中心活动室阳光红领巾东西大小新一二三龙塘源潭飞来峡"
)
RARE = "喆犇圳垚浛洸塱陂㙟䶮𠮷é•—“”"
Rows = list[list[str]]


def a_table(random: Random) -> Rows:
    rows = [HEADINGS]
    for _ in range(random.randint(1, 12)):
        name = "".join(random.choices(WORDS, k=random.randint(1, 9)))
        if random.random() < 0.2:
            name += random.choice(RARE)
        address = random.choice(["", f"{name}路{random.randint(1, 99)}号", 'A座,"二楼"', "一行\n两行"])
        rows.append([name, "家长学校", "441802006001", address, random.choice(["", "0763-3360000"])])
    return rows


def encoded(rows: Rows, encoding: str, random: Random) -> bytes | None:
    """The file as a program saves it; None when the encoding lacks a character."""
    stream = io.StringIO()
    end = random.choice(["\r\n", "\n"])
    csv.writer(stream, delimiter=random.choice(",\t;"), lineterminator=end).writerows(rows)
    try:
        return stream.getvalue().encode(encoding)
    except UnicodeEncodeError:
        return None


def as_read(path: Path) -> Rows | None:
    """What the reader makes of it, or None when it refuses."""
    try:
        [sheet] = open_sheets(path, is_heading=is_heading)
        return [HEADINGS, *([row.cells.get(h, "") for h in HEADINGS] for row in sheet.rows)]
    except InvalidError:
        return None


def as_a_guesser_reads(path: Path) -> Rows | None:
    """The known-bad reader: the first encoding that raises nothing."""
    for encoding in ("gb18030", "utf-8"):
        try:
            text = path.read_bytes().decode(encoding)
        except UnicodeDecodeError:
            continue
        delimiter = max(",\t;", key=text.partition("\n")[0].count)
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return None


def wrong_of(read: Callable[[Path], Rows | None], folder: Path, count: int) -> tuple[int, int, int]:
    """(silently wrong, refused, right) of so many files in all encodings."""
    random = Random(150)
    wrong = refused = right = 0
    for number in range(count):
        encoding, rows = ENCODINGS[number % len(ENCODINGS)], a_table(random)
        data = encoded(rows, encoding, random)
        if data is None:
            continue
        path = folder / "表.csv"
        path.write_bytes(data)
        got = read(path)
        said = [[" ".join(cell.split()) for cell in row] for row in got or []]
        meant = [[" ".join(cell.split()) for cell in row] for row in rows]
        refused += got is None
        right += got is not None and said == meant
        wrong += got is not None and said != meant
    return wrong, refused, right


def test_no_file_in_any_encoding_is_silently_misread(tmp_path):
    count = scaled(FILES, 300)

    wrong, refused, right = wrong_of(as_read, tmp_path, count)
    wrong_by_guessing, _, _ = wrong_of(as_a_guesser_reads, tmp_path, count)

    assert wrong == 0
    assert right > count * 0.6
    assert refused > 0  # UTF-16 without its mark
    assert wrong_by_guessing > 0  # the control


# Made to break a reader


def a_zip_bomb(path: Path) -> None:
    book = Workbook()
    book.active.append(HEADINGS)
    book.save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", bytes(500_000_000))


def a_billion_laughs(path: Path) -> None:
    book = Workbook()
    book.active.append(HEADINGS)
    book.save(path)
    names = "abcdefghij"
    entities = "".join(
        f'<!ENTITY {name} "{f"&{names[n - 1]};" * 10 if n else "ha"}">' for n, name in enumerate(names)
    )
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode().replace("电话", "&j;")
    parts["xl/worksheets/sheet1.xml"] = f"<!DOCTYPE x [{entities}]>{sheet}".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def a_sparse_sheet(path: Path) -> None:
    book = Workbook()
    for column, heading in enumerate(HEADINGS, 1):
        book.active.cell(1, column, heading)
    book.active["XFD1048576"] = "x"
    book.save(path)


def a_line_without_an_end(path: Path) -> None:
    path.write_bytes(",".join(HEADINGS).encode() + b"\n" + b"x" * 200_000_000)


def a_quote_that_never_closes(path: Path) -> None:
    path.write_bytes(",".join(HEADINGS).encode() + b'\n"' + b"x,\n" * 50_000_000)


def deep_geojson(path: Path) -> None:
    path.write_text('{"type":"FeatureCollection","features":' + "[" * 2_000_000)


HOSTILE = {
    ".xlsx": (a_zip_bomb, a_billion_laughs, a_sparse_sheet),
    ".csv": (a_line_without_an_end, a_quote_that_never_closes),
    ".geojson": (deep_geojson,),
}
READ = """
import json, sys
from pathlib import Path
from servicemap.errors import InvalidError
from servicemap.imports.columns import is_heading
from servicemap.imports.sheet import open_sheets
said = "read"
try:
    for sheet in open_sheets(Path(sys.argv[1]), is_heading=is_heading):
        for row in sheet.rows:
            pass
except InvalidError as error:
    said = error.code
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps([said, peak]))
"""
READ_BADLY = """
import json, sys
from pathlib import Path
from openpyxl import load_workbook
cells = [[cell.value for cell in row] for row in load_workbook(sys.argv[1]).active.iter_rows(max_row=400)]
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps(["read", peak]))
"""


def peak_of(program: str, path: Path) -> tuple[str, int]:
    """(what was said, most memory in MB) of a process that reads the file."""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    said, peak = json.loads(ran.stdout)
    return said, peak


@pytest.mark.parametrize(
    ("suffix", "make"), [(suffix, make) for suffix, makes in HOSTILE.items() for make in makes]
)
def test_a_hostile_file_is_refused_without_taking_the_memory(tmp_path, suffix, make):
    path = tmp_path / f"a{suffix}"
    make(path)

    said, peak = peak_of(READ, path)

    assert said != "read"
    assert peak < MOST_MB, (said, peak)


def test_a_reader_that_fills_the_grid_would_take_it(tmp_path):
    a_sparse_sheet(tmp_path / "a.xlsx")

    _, peak = peak_of(READ_BADLY, tmp_path / "a.xlsx")

    assert peak > MOST_MB
