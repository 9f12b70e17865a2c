"""收表: a town gets one sheet with all that is asked of its communities, fills it in and gives it back."""

from pathlib import Path

import openpyxl
import pytest

from tests.cli.test_import import GOOD, a_file

TOWN = "441802006"
PLACES = [
    GOOD | {"名称": "=甲家长学校", "类型": "家长学校、儿童之家", "电话": "0763-3360000"},
    GOOD | {"名称": "已关的", "区划代码": "441802006002", "关闭日期": "2024-01-01", "设立日期": "2020-01-01"},
]


@pytest.fixture
def sheet(city, tmp_path):
    """The path of a template of a town in which one community has two roles of one place."""
    assert city("facility", "import", a_file(tmp_path / "places.csv", PLACES)).code == 0
    ran = city("facility", "template", "--division", TOWN, "--output", tmp_path / "收表.xlsx")
    assert ran.code == 0, ran.err
    return tmp_path / "收表.xlsx"


def table(path: Path) -> list[dict[str, str | None]]:
    headings, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return [dict(zip(headings, row, strict=True)) for row in rows]


def filled(path: Path, answers: dict[int, dict[str, str]]) -> Path:
    """The template with some cells filled in, by row as the spreadsheet shows it."""
    book = openpyxl.load_workbook(path)
    headings = [cell.value for cell in book.worksheets[0][1]]
    for number, cells in answers.items():
        for heading, text in cells.items():
            book.worksheets[0].cell(number, headings.index(heading) + 1).value = text
    book.save(path)
    return path


def test_every_community_is_asked_for_every_type_that_an_indicator_counts_there(sheet):
    first = [row for row in table(sheet) if row["区划代码"] == "441802006001"]

    assert [(row["类型"], row["有没有"], row["名称"]) for row in first] == [
        ("家长学校", "有", "=甲家长学校"),
        ("儿童之家", "有", "=甲家长学校"),
        ("家庭教育指导服务站点", None, None),
        ("少儿科普活动场所", None, None),
        ("儿童主任", None, None),
        ("社区儿童游戏场地", None, None),
    ]
    assert {row["名称"] for row in table(sheet)} == {"=甲家长学校", None}  # what is closed is asked for anew
    assert {row["镇（街道）"] for row in table(sheet)} == {"凤城街道"}


def test_the_sheet_can_be_filled_in_without_spoiling_a_code(sheet):
    page = openpyxl.load_workbook(sheet).worksheets[0]
    headings = {cell.value: cell for cell in page[1]}

    lists = {str(rule.sqref): rule.formula1 for rule in page.data_validations.dataValidation}

    column = headings["有没有"].column_letter
    assert lists[f"{column}2:{column}{page.max_row + 200}"] == '"有,无,变更,不清楚"'
    assert page.freeze_panes == f"{headings['编号'].column_letter}2"
    assert not page.protection.sheet
    for heading, cell in headings.items():
        below = page.cell(2, cell.column)
        assert (below.number_format, below.data_type in "sn") == ("@", True), heading
        assert page.column_dimensions[cell.column_letter].width >= 10 or cell.column_letter not in (
            page.column_dimensions
        )


def test_an_untouched_sheet_changes_nothing(city, sheet):
    before = city("facility", "export").out

    ran = city("facility", "import", sheet)

    assert ran.code == 0, ran.out + ran.err
    assert "新增 0，更新 0，没有变化 1，退回 0 行，没有要写入的" in ran.out
    assert city("facility", "export").out == before


def test_what_a_town_fills_in_is_read_as_it_is_meant(city, sheet):
    answers = {
        2: {"有没有": "变更", "电话": "0763-3361111"},
        4: {"有没有": "无"},
        5: {"有没有": "不清楚"},
        6: {"有没有": "有", "名称": "新的家长学校"},
    }

    ran = city("facility", "import", filled(sheet, answers | {3: {"电话": "0763-3361111"}}))

    assert ran.code == 3, ran.out + ran.err
    assert "新增 1，更新 1，没有变化 0，退回 0 行" in ran.out
    assert "填了无，没有要写入的：共 1 行 [zero_report]" in ran.err
    assert "第 5 行 有没有: 不清楚，这一行没有导入" in ran.err


def test_only_that_there_is_none_asks_for_nothing_more(city, sheet):
    ran = city("facility", "import", filled(sheet, {4: {"有没有": "无"}}))

    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize(
    ("row", "cells", "said", "code"),
    [
        (2, {"有没有": "无"}, "[absent_but_registered]", 3),
        (4, {"有没有": "有"}, "[missing_name]", 1),
        (4, {"有没有": "也许"}, "[unknown_presence]", 1),
        (4, {"有没有": "无", "区划代码": "441802006999"}, "[unknown_division]", 1),
    ],
)
def test_what_cannot_be_meant_is_said(city, sheet, row, cells, said, code):
    ran = city("facility", "import", filled(sheet, {row: cells}))

    assert (ran.code, said in ran.out + ran.err) == (code, True), ran.out + ran.err


def test_a_sheet_that_somebody_fills_in_is_never_overwritten(city, sheet):
    before = sheet.read_bytes()

    ran = city("facility", "template", "--division", TOWN, "--output", sheet)

    assert "收表-2.xlsx" in ran.err
    assert sheet.read_bytes() == before


def test_where_nobody_is_asked_a_word_says_so(city, tmp_path):
    ran = city("facility", "template", "--division", "441802006001x", "--output", tmp_path / "a.xlsx")

    assert (ran.code, "division_not_found" in ran.err) == (1, True)
