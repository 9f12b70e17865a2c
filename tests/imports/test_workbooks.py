"""Workbooks as offices make them: merged cells, several sheets, the old .xls, and files made to do harm.

The files in xls/ were written with xlwt 1.3.0, the only free writer of .xls. places.xls: a title merged over
row 1; headings merged over rows 2–3, "联系" over "地址" and "电话" only; 甲校 with its code (a number) merged over
rows 4–5, with a date and a number; 乙校 in row 6 with the number 441802000000; a sheet of notes.
sparse.xls: 名称 in A1, x in IV65536.
"""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from openpyxl import Workbook

from servicemap.errors import InvalidError
from servicemap.imports.columns import headings_of, is_heading, match_sheets
from servicemap.imports.grid import Sheet
from servicemap.imports.sheet import open_sheets

XLS = Path(__file__).with_name("xls")


def read(path: Path, **options: str) -> list[Sheet]:
    return open_sheets(path, is_heading=is_heading, **options)


def rows(path: Path, **options: str) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, row.cells) for sheet in read(path, **options) for row in sheet.rows]


def refusal(path: Path, **options: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        rows(path, **options)
    return caught.value


def a_book(path: Path, sheets: dict[str, list[list[object]]], merged: tuple[str, ...] = ()) -> Path:
    book = Workbook()
    book.remove(book.active)
    for title, records in sheets.items():
        sheet = book.create_sheet(title)
        for record in records:
            sheet.append(record)
        for cells in merged:
            sheet.merge_cells(cells)
    book.save(path)
    return path


# Merged cells


def test_a_value_merged_over_rows_is_meant_for_each_of_them(tmp_path):
    records = [["名称", "类型", "地址"], ["甲", "家长学校", "一路"], [None, "儿童之家"], ["乙", "家长学校"]]

    path = a_book(tmp_path / "a.xlsx", {"一览": records}, ("A2:A3", "C2:C3"))

    assert rows(path) == [
        (2, {"名称": "甲", "类型": "家长学校", "地址": "一路"}),
        (3, {"名称": "甲", "类型": "儿童之家", "地址": "一路"}),
        (4, {"名称": "乙", "类型": "家长学校"}),
    ]


def test_a_row_that_has_only_what_is_merged_is_no_row(tmp_path):
    records = [["名称", "类型"], ["甲", "家长学校"], [], ["乙", "家长学校"]]

    path = a_book(tmp_path / "a.xlsx", {"一览": records}, ("A2:A3", "B2:B3"))

    assert [number for number, _ in rows(path)] == [2, 4]


def test_headings_of_two_rows_are_read_from_the_second_and_a_merged_title_is_passed_over(tmp_path):
    records = [
        ["清远市家长学校一览表"],
        ["名称", "位置", None, "类型"],
        [None, "经度", "纬度"],
        ["甲", 113.1, 23.7, "家长学校"],
    ]

    path = a_book(tmp_path / "a.xlsx", {"一览": records}, ("A1:D1", "A2:A3", "B2:C2", "D2:D3"))

    assert rows(path) == [(4, {"名称": "甲", "经度": "113.1", "纬度": "23.7", "类型": "家长学校"})]


def test_headings_merged_over_two_rows_are_no_row_of_their_own(tmp_path):
    records = [["名称", "类型", "其他"], [None, None, "一"], ["甲", "家长学校", "x"]]

    path = a_book(tmp_path / "a.xlsx", {"一览": records}, ("A1:A2", "B1:B2"))

    assert rows(path) == [(3, {"名称": "甲", "类型": "家长学校", "一": "x"})]


def test_cells_merged_to_the_end_of_the_sheet_do_not_make_a_million_rows(tmp_path):
    path = a_book(
        tmp_path / "a.xlsx", {"一览": [["名称", "类型"], ["甲", "家长学校"]]}, ("A2:A1048576", "B2:XFD9")
    )

    assert [number for number, _ in rows(path)] == [2]


# Several sheets

TOWNS = {
    "源潭": [["名称", "类型"], ["甲", "家长学校"]],
    "飞来峡": [["清远市"], ["机构名称", "类型", "电话"], ["乙", "家长学校", "0763-3360000"]],
    "填表说明": [["类型", "说明"], ["家长学校", "村居设的"]],
    "封面": [["二〇二六年"]],
}


def test_every_sheet_with_headings_is_read_and_named(tmp_path):
    sheets = read(a_book(tmp_path / "a.xlsx", TOWNS))

    matched, left_out = match_sheets(sheets)

    assert [(sheet.name, [row.number for row in sheet.rows]) for sheet, _ in matched] == [
        ("源潭", [2]),
        ("飞来峡", [3]),
    ]
    assert left_out == ["工作表“填表说明”没有“名称”这一列，没有读"]
    assert sheets[0].remarks == ("工作表：源潭、飞来峡、填表说明", "没有读的工作表：封面")
    assert headings_of(columns for _, columns in matched)["name"] == "名称/机构名称"


def test_the_only_sheet_with_headings_needs_no_name(tmp_path):
    [sheet] = read(a_book(tmp_path / "a.xlsx", {"封面": TOWNS["封面"], "源潭": TOWNS["源潭"]}))

    assert sheet.name == ""


def test_one_sheet_can_be_asked_for(tmp_path):
    path = a_book(tmp_path / "a.xlsx", TOWNS)

    assert rows(path, sheet="飞来峡") == [(3, {"机构名称": "乙", "类型": "家长学校", "电话": "0763-3360000"})]
    absent = refusal(path, sheet="石角")
    assert (absent.code, "“源潭”、“飞来峡”" in absent.detail) == ("sheet_not_found", True)


def test_what_is_wrong_with_one_of_several_sheets_names_it(tmp_path):
    path = a_book(tmp_path / "a.xlsx", TOWNS | {"石角": [["名称", "类型", "名称"], ["丙"]]})

    error = refusal(path)

    assert (error.code, error.detail.startswith("工作表“石角”：A 列和 C 列")) == ("duplicate_heading", True)


def test_only_a_workbook_has_sheets_to_choose_from(tmp_path):
    (tmp_path / "a.csv").write_text("名称,类型\n甲,家长学校\n", "utf-8")

    assert refusal(tmp_path / "a.csv", sheet="一览").code == "sheet_not_applicable"


# .xls


def test_an_old_workbook_reads_like_a_new_one():
    assert rows(XLS / "places.xls") == [
        (
            4,
            {
                "名称": "甲校",
                "类型": "家长学校",
                "区划代码": "441802001001",
                "地址": "一路",
                "电话": "0763-3360000",
                "设立日期": "2023-06-01",
                "备案托位": "90",
            },
        ),
        (5, {"名称": "甲校", "类型": "儿童之家", "区划代码": "441802001001", "地址": "一路"}),
        (6, {"名称": "乙校", "区划代码": "4.41802E+11"}),  # may have been 4.41802E+11 when it was saved
    ]


def test_a_legal_file_that_asks_for_half_a_gigabyte_ends_a_child_and_is_refused():
    assert (XLS / "sparse.xls").stat().st_size < 6_000

    assert refusal(XLS / "sparse.xls").code == "damaged_file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600), "damaged_file"),
        (b"<html><table><tr><td>", "not_xls"),
        ("名称,类型\n甲,家长学校\n".encode(), "not_xls"),
    ],
)
def test_what_only_bears_the_name_of_an_old_workbook_is_refused_with_a_word(tmp_path, content, code):
    (tmp_path / "a.xls").write_bytes(content)

    error = refusal(tmp_path / "a.xls")

    assert (error.code, ".xlsx" in error.detail) == (code, True)


def test_a_new_workbook_under_the_old_name_is_read(tmp_path):
    path = a_book(tmp_path / "a.xlsx", {"源潭": TOWNS["源潭"]})
    shutil.move(path, tmp_path / "a.xls")

    assert rows(tmp_path / "a.xls") == [(2, {"名称": "甲", "类型": "家长学校"})]


def test_a_broken_old_workbook_never_breaks_the_reader(tmp_path):
    whole = (XLS / "places.xls").read_bytes()
    for place in range(512, len(whole), 997):
        (tmp_path / "a.xls").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])

        with suppress(InvalidError):  # its content may be wrong, but nothing else is raised
            rows(tmp_path / "a.xls")


def test_what_wps_alone_reads_is_refused_with_its_way_out(tmp_path):
    (tmp_path / "a.et").write_bytes((XLS / "places.xls").read_bytes())

    assert refusal(tmp_path / "a.et").detail == "不能读 .et 文件；请在 WPS 中另存为 .xlsx"
