"""The report as a page and a PDF: complete, self-contained, the same bytes, printed by a real browser."""

import csv
import io
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from servicemap import db, divisions
from servicemap.coverage.report import report
from servicemap.pages import document, table, tag
from tests.cli.conftest import run_admin
from tests.factories import TODAY

CITY = "441800000000"
PARTS = ("一、概览", "二、各县", "三、排序", "四、差距", "五、可及", "六、预警", "七、缺口", "八、口径和依据")


@pytest.fixture
def page(demo: str, tmp_path: Path):
    """page(name, …) → the path of a page of the demo."""

    def made(name: str, *options: object) -> Path:
        asked = options or ("--on", TODAY)
        ran = run_admin("coverage", "page", CITY, tmp_path / name, *asked, url=demo)
        assert ran.code == 0, ran.err
        return tmp_path / name

    return made


def test_the_page_holds_every_part_and_loads_nothing(page):
    text = page("清远 2026.html").read_text("utf-8")

    assert all(f"<h2>{part}" in text for part in PARTS)
    assert not re.search(r"(src|href)=", text)
    assert "http" not in text
    assert text.count("<svg") >= 5
    for row in report(divisions.get(CITY), TODAY):
        if row["division"] == CITY and row["default"]:
            assert row["name"] in text
    assert "变更链的锚" in text
    assert "示例库：服务点都是虚构的" in text


def test_the_same_report_gives_the_same_bytes_live_and_frozen(page, demo):
    one, other = page("一.html").read_bytes(), page("二.html").read_bytes()
    froze = run_admin("snapshot", "freeze", CITY, TODAY.year, "--on", TODAY, url=demo)
    before = page("三.html", "--snapshot", 1).read_bytes()
    db.execute("UPDATE facility SET name = name || '改'")
    sql = "UPDATE role SET closed_on = ?, closed_reason = '关' WHERE id < 900 AND opened_on < ?"
    db.execute(sql, (TODAY.isoformat(), TODAY.isoformat()))

    assert froze.code == 0, froze.err
    assert one == other
    assert page("四.html", "--snapshot", 1).read_bytes() == before
    assert "第 1 版" in before.decode()
    assert page("五.html").read_bytes() != one


def test_a_village_whose_name_is_markup_breaks_nothing(page):
    db.execute("UPDATE division SET name = '<script>alert(1)</script>&\"' WHERE level = 'community'")

    text = page("坏.html").read_text("utf-8")

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;" in text


def test_the_pdf_is_printed_with_its_words(page):
    if shutil.which("chromium") is None:
        pytest.skip("没有 Chromium：apt-get install chromium")
    path = page("清远.pdf")

    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 5
    if shutil.which("pdftotext"):
        words = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
        assert "清远市儿童发展规划监测报告" in words
        assert "尚差" in words
    time.sleep(1.1)  # another second of printing
    assert page("又.pdf").read_bytes() == data


def test_without_a_browser_there_is_a_word(demo, tmp_path):
    ran = run_admin("coverage", "page", CITY, tmp_path / "x.pdf", url=demo, PATH="/nowhere")

    assert ran.code == 75
    assert "先写成 .html" in ran.err
    assert not (tmp_path / "x.pdf").exists()


def test_another_ending_is_refused(demo, tmp_path):
    ran = run_admin("coverage", "page", CITY, tmp_path / "x.docx", url=demo)

    assert (ran.code, ".html 或 .pdf" in ran.err) == (1, True)


def test_sdmx_of_today_has_the_reports_numbers(demo, tmp_path):
    ran = run_admin("coverage", "export", CITY, "--on", TODAY, url=demo)

    rows = list(csv.DictReader(io.StringIO(ran.out)))
    expected = report(divisions.get(CITY), TODAY)
    assert [(row["INDICATOR"], row["REF_AREA"], row["EXACT"]) for row in rows] == [
        (row["indicator"], row["division"], row["exact"] or "") for row in expected
    ]


def test_the_builder_escapes_all_but_what_it_made():
    cell = tag("td", "<b>", class_='"x"')

    text = document("a < b", "p { color: red }", table(("<",), [(cell,), ("&\0",)]))

    assert '<td class="&quot;x&quot;">&lt;b&gt;</td>' in text
    assert "<td>&amp;</td>" in text
    assert "<title>a &lt; b</title>" in text
    assert "\0" not in text
