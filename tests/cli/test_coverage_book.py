"""The report as a workbook: opened again by two programs, the same figures, no formula, the same bytes."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest

from servicemap import db, divisions
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.proofs import COUNTED, list_proofs
from servicemap.coverage.report import report
from tests.cli.conftest import run_admin
from tests.factories import TODAY

CITY = "441800000000"


@pytest.fixture
def book(demo: str, tmp_path: Path):
    """book(name) → the path of a workbook of the demo."""

    def made(name: str = "清远 2026.xlsx", *options: object) -> Path:
        ran = run_admin("coverage", "book", CITY, tmp_path / name, "--on", TODAY, *options, url=demo)
        assert ran.code == 0, ran.err
        return tmp_path / name

    return made


def table(path: Path, name: str, head: str = "指标") -> list[dict]:
    rows = list(openpyxl.load_workbook(path)[name].iter_rows(values_only=True))
    top = next(number for number, row in enumerate(rows) if row[0] == head)
    return [dict(zip(rows[top], row, strict=True)) for row in rows[top + 1 :]]


def test_the_sheets_say_what_the_report_says(book):
    path = book()

    expected = [row for row in report(divisions.get(CITY), TODAY) if row["division"] == CITY]
    summary = table(path, "概览")
    assert openpyxl.load_workbook(path).sheetnames == [
        *("概览", "各县", "图", "缺口", "排序", "差距", "可及", "展望", "历年", "依据", "口径"),
    ]
    assert [(row["指标"], row["分子"], row["分母"]) for row in summary] == [
        (row["indicator"], row["numerator"], row["denominator"]) for row in expected
    ]
    assert summary[0]["对目标"] == f"尚差 {expected[0]['needed']} 个"
    assert {row["指标"] for row in table(path, "口径")} == {row["indicator"] for row in expected}
    assert len(openpyxl.load_workbook(path)["图"]._charts) >= 5
    assert all(row["代码"].isdigit() and len(row["代码"]) == 12 for row in table(path, "缺口"))


def test_behind_every_figure_stand_its_own_places_live_and_frozen(book, demo):
    frozen = run_admin("snapshot", "freeze", CITY, TODAY.year, "--on", TODAY, url=demo)
    root, expected = divisions.get(CITY), []
    for indicator in list_indicators():
        if indicator.kind in COUNTED:
            expected += [
                (indicator.id, proof.division.code, proof.code, proof.name, proof.type, proof.number)
                for proof in list_proofs(root, TODAY, indicator.id)
            ]

    assert frozen.code == 0, frozen.err
    for path in (book(), book("冻结.xlsx", "--snapshot", 1)):
        lines = table(path, "依据")
        names = ("指标", "区划代码", "编号", "名称", "类型", "计")
        assert [tuple(line[name] for name in names) for line in lines] == expected
    assert (
        len({line["类型"] for line in lines if line["编号"] == "F0000014-6"}) > 1
    )  # a place of several plaques


def test_the_pages_can_be_printed(book):
    for sheet in openpyxl.load_workbook(book()).worksheets:
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert "共 &N 页" in sheet.oddFooter.right.text
        assert sheet["A1"].value.startswith("【示例库：服务点都是虚构的】清远市")


def test_no_cell_is_a_formula_whatever_a_village_is_called(book):
    db.execute("UPDATE division SET name = '=HYPERLINK(1)' || name WHERE level = 'community'")

    with zipfile.ZipFile(book()) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]

    assert any(b"=HYPERLINK(1)" in part for part in (*sheets, _strings(book("三.xlsx"))))
    assert not any(b"<f>" in sheet for sheet in sheets)


def _strings(path: Path) -> bytes:
    with zipfile.ZipFile(path) as parts:
        return parts.read("xl/sharedStrings.xml")


def test_the_same_report_gives_the_same_bytes(book):
    one, other = book("一.xlsx").read_bytes(), book("二.xlsx").read_bytes()

    assert one == other


def test_another_program_opens_it_without_a_word(book, tmp_path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("没有 LibreOffice：apt-get install libreoffice-calc")
    profile = f"-env:UserInstallation={(tmp_path / 'office').as_uri()}"
    command = [
        office,
        profile,
        "--headless",
        "--convert-to",
        "csv:Text - txt - csv (StarCalc):44,34,76",
        book(),
    ]

    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert (ran.returncode, "rror" in ran.stderr) == (0, False), ran.stderr
    assert "尚差" in (tmp_path / "清远 2026.csv").read_text(encoding="utf-8")


def test_a_file_is_never_overwritten(book, demo, tmp_path):
    kept = book()
    again = run_admin("coverage", "book", CITY, kept, "--on", TODAY, url=demo)

    assert (again.code, "清远 2026-2.xlsx" in again.out) == (0, True)
