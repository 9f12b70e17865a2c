"""Where results go: terminals that lack characters, and files."""

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Admin
from tests.cli.test_import import GOOD, a_file

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
ROOT = Path(__file__).parents[2]
NAME = "𠮷é🙂小屋"


@pytest.fixture
def rare(city: Admin, tmp_path: Path) -> Admin:
    """A registry with a place whose name GBK cannot write."""
    assert city("facility", "import", a_file(tmp_path / "in.csv", [GOOD | {"名称": NAME}])).code == 0
    return city


def gbk(url: str, *arguments: object) -> tuple[int, str]:
    """What a Windows console in code page 936 would show."""
    done = subprocess.run(
        [sys.executable, "-m", "admin_cli.main", *map(str, arguments)],
        env={**os.environ, "SERVICEMAP_DATABASE_URL": url, "PYTHONIOENCODING": "gbk"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode("gbk")


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_character_that_the_terminal_lacks_has_a_stand_in(rare, reference, form):
    code, said = gbk(reference, "facility", "list", "--type", "家长学校", "--format", form)

    assert code == 0
    assert "[U+20BB7]é[U+1F642]小屋" in said


def test_a_name_that_the_terminal_lacks_breaks_no_error(reference):
    code, said = gbk(reference, "facility", "import", "没有🙂.csv")

    assert code == 1
    assert "没有[U+1F642].csv: 没有这个文件" in said


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_file_gets_what_the_terminal_would_and_every_character(rare, tmp_path, form):
    file = tmp_path / "结果 1.txt"

    ran = rare("facility", "list", "--type", "家长学校", "--format", form, "--output", file)

    data = file.read_bytes()
    assert (ran.code, ran.out) == (0, "")
    assert "已写到" in ran.err
    assert "替换" not in ran.err
    assert data.startswith(codecs.BOM_UTF8) == (form == "csv")
    assert NAME in data.decode()
    assert [path.name for path in tmp_path.glob("结果*")] == ["结果 1.txt"]


@pytest.mark.parametrize(
    "command",
    [["facility", "types"], ["facility", "export"], ["division", "list"], ["coverage", "report", "441800000000"],
     ["facility", "hours", "周一 8:30-12:00"], ["coverage", "gaps", "441802000000"]],
)  # fmt: skip
def test_every_command_that_prints_results_writes_them(city, tmp_path, command):
    ran = city(*command, "--output", tmp_path / "a", "--format", "json")

    assert ran.code == 0
    assert json.loads((tmp_path / "a").read_bytes())


def test_replacing_a_file_is_said(city, tmp_path):
    file = tmp_path / "types.txt"
    file.write_text("old")

    ran = city("facility", "types", "--output", file)

    assert "替换了原有的文件" in ran.err
    assert "家长学校" in file.read_text(encoding="utf-8")


def test_a_command_that_is_refused_leaves_the_file_as_it_was(city, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("old")

    ran = city("facility", "list", "--type", "没有这类", "--output", file)

    assert ran.code == 1
    assert file.read_text() == "old"
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a.csv"]


def test_a_table_of_problems_can_be_kept(city, tmp_path):
    bad = a_file(tmp_path / "in.csv", [GOOD | {"名称": ""}])

    ran = city("facility", "import", bad, "--format", "csv", "--output", tmp_path / "problems.csv")

    assert ran.code == 1
    assert "missing_name" in (tmp_path / "problems.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("name", "code"),
    [("a.xlsx", "not_a_workbook"), (".", "not_a_file"), ("no/a.csv", "unwritable_file"), ("x" * 300, "unwritable_file")],
)  # fmt: skip
def test_a_place_that_cannot_be_written_is_named(city, tmp_path, name, code):
    ran = city("facility", "types", "--output", tmp_path / name)

    assert ran.code == 1
    assert f"[{code}]" in ran.err
    assert "Traceback" not in ran.err
