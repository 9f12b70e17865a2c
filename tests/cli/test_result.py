"""The workbook that an import leaves beside its file: a worker mends it and imports it."""

import json

import openpyxl
import pytest

from tests.cli.test_import import GOOD, a_file

ROWS = [GOOD | {"名称": "=1+1"}, GOOD | {"名称": "乙校", "类型": "家长学效", "电话": "12"}]


@pytest.fixture
def engine() -> str:
    return "sqlite"  # of the database there is no more here than of other imports


def table(path) -> list[dict[str, openpyxl.cell.Cell]]:
    headings, *rows = openpyxl.load_workbook(path).active.iter_rows()
    return [{heading.value: cell for heading, cell in zip(headings, row, strict=True)} for row in rows]


def coloured(row) -> set[str]:
    return {heading for heading, cell in row.items() if cell.fill.fill_type}


def test_a_refused_file_comes_back_with_what_is_wrong_and_how_to_mend_it(city, tmp_path):
    ran = city("facility", "import", a_file(tmp_path / "a.csv", ROWS))

    first, second = table(tmp_path / "a.结果.xlsx")
    assert f"结果表：{tmp_path / 'a.结果.xlsx'}" in ran.err
    assert (first["名称"].value, first["名称"].data_type, first["结果"].value) == ("=1+1", "s", "没有写入")
    assert (second["原行号"].value, second["结果"].value) == ("3", "退回")
    assert second["问题"].value == "类型：没有“家长学效”这个类型\n电话：“12”不像电话号码"
    assert second["怎么改"].value == "是不是“家长学校”？\n请填数字，例如 0763-3360000"
    assert (coloured(first), coloured(second)) == (set(), {"类型", "电话"})


def test_mended_it_is_imported_itself_and_what_went_in_before_is_known(city, tmp_path):
    city("facility", "import", a_file(tmp_path / "a.csv", ROWS), "--skip-bad-rows")
    book = openpyxl.load_workbook(tmp_path / "a.结果.xlsx")
    for cell, text in (("E3", "家长学校"), ("J3", "0763-3360000")):
        assert book.active[cell].fill.fill_type
        book.active[cell].value = text
    book.save(tmp_path / "a.结果.xlsx")

    ran = city("facility", "import", tmp_path / "a.结果.xlsx")

    assert "新增 1，更新 0，没有变化 1，退回 0 行" in ran.out
    assert (tmp_path / "a.结果-2.xlsx").exists()


def test_a_result_is_never_overwritten(city, tmp_path):
    (tmp_path / "a.结果.xlsx").write_text("mine")
    file = a_file(tmp_path / "a.csv", ROWS[:1])

    for _ in range(2):
        city("facility", "import", file, "--dry-run")

    assert (tmp_path / "a.结果.xlsx").read_text() == "mine"
    assert [row["结果"].value for row in table(tmp_path / "a.结果-3.xlsx")] == ["将新增"]


def test_where_it_cannot_be_written_the_import_goes_on(city, tmp_path):
    name = "长" * 83 + ".csv"  # 249 + 4 bytes: its result's name is longer than a file's may be

    ran = city("facility", "import", a_file(tmp_path / name, ROWS[:1]))

    assert ran.code == 0
    assert "没有写下结果表" in ran.err


def test_of_a_geojson_the_features_come_back_as_rows(city, tmp_path):
    properties = {"名称": "甲校", "类型": "家长学校", "区划代码": GOOD["区划代码"]}
    point = {"type": "Point", "coordinates": [0, 0]}
    feature = {"type": "Feature", "properties": properties, "geometry": point}
    document = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "a.geojson").write_text(json.dumps(document), "utf-8")

    city("facility", "import", tmp_path / "a.geojson", "--datum", "wgs84")

    [row] = table(tmp_path / "a.结果.xlsx")
    assert (row["名称"].value, row["经度"].value, coloured(row)) == ("甲校", "0", {"纬度"})


def test_of_several_sheets_each_comes_back_as_its_own(city, tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "源潭"
    for sheet in (book.active, book.create_sheet("石角")):
        sheet.append(["名称", "类型", "区划代码"])
        sheet.append([f"{sheet.title}家长学校", "家长学校", GOOD["区划代码"]])
    book.save(tmp_path / "a.xlsx")

    city("facility", "import", tmp_path / "a.xlsx")

    result = openpyxl.load_workbook(tmp_path / "a.结果.xlsx")
    assert [(sheet.title, sheet["B2"].value, sheet["F2"].value) for sheet in result] == [
        ("源潭", "源潭家长学校", "新增"),
        ("石角", "石角家长学校", "新增"),
    ]
