"""Headings to fields: by aliases, and by a mapping file with every way to write it wrong."""

from pathlib import Path

import pytest

from servicemap.errors import InvalidError
from servicemap.imports.columns import FIELDS, Mapping, is_heading, load_mapping, match_columns
from servicemap.imports.grid import SheetRow, heading_text
from servicemap.imports.mapping_table import load_mapping_table
from servicemap.imports.sheet import open_sheets

SAPPORO = Path(__file__).parents[3] / "shared/data/import/sapporo_nurseryFacilities.geojson"

SAPPORO_MAPPING = """\
source: sapporo-papamama
datum: wgs84
columns:
  name: Name
  地址: [Add1, Add2]
  hours: {columns: [Open, Close], join: "-"}
  type: {column: Type, values: {認可保育所: 托育机构, 幼稚園: 幼儿园}}
constants: {division: 0441802, accessible: yes}
"""


def mapping_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mapping(tmp_path: Path, text: str = SAPPORO_MAPPING) -> Mapping:
    return load_mapping(mapping_file(tmp_path, text))


HEADINGS = ("Name", "Add1", "Add2", "Open", "Close", "Type", "TEL", "经度", "纬度")


# By aliases


def test_every_alias_means_one_field():
    owner = {}

    for field in FIELDS:
        for word in (field.name, field.heading, *field.aliases):
            assert owner.setdefault(heading_text(word).casefold(), field.name) == field.name

    assert len({field.name for field in FIELDS}) == len(FIELDS) == 43


def test_our_own_headings_are_matched_in_order():
    columns = match_columns([field.heading for field in FIELDS])

    assert columns.headings == {field.name: field.heading for field in FIELDS}
    assert columns.ignored == ()


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("机构名称", "name"),
        ("服务点名称（必填）", "name"),
        ("单位 名称*", "name"),
        ("ＮＡＭＥ", "name"),
        ("联系电话", "phone"),
        ("详细地址", "address"),
        ("村（居）代码", "division"),
        ("行政区划代码", "division"),
        ("挂牌日期", "opened_on"),
        ("成立日期", "opened_on"),
        ("托位数", "places_registered"),
        ("Verified_On", "verified_on"),
        ("Longitude", "lng"),
        ("是否普惠", "inclusive"),
        ("备案编号", "registration_no"),
        ("月费（元）", "monthly_fee"),
        ("托育班型", "classes"),
        ("服务方式", "delivery"),
    ],
)
def test_headings_of_real_files_are_recognised(heading, field):
    columns = match_columns([heading] if field == "name" else ["名称", heading])

    assert is_heading(heading)
    assert columns.headings[field] == heading


def test_headings_that_nobody_uses_are_told():
    columns = match_columns(["序号", "名称", "备注"])

    assert columns.ignored == ("序号", "备注")


def test_without_a_name_the_file_is_refused_and_a_near_heading_shown():
    with pytest.raises(InvalidError, match="“设施的名称”") as caught:
        match_columns(["设施的名称", "地址"])

    assert caught.value.code == "no_name_column"


def test_two_columns_for_one_field_are_refused_by_name():
    with pytest.raises(InvalidError, match="“成立日期”和“挂牌日期”") as caught:
        match_columns(["名称", "成立日期", "挂牌日期"])

    assert caught.value.code == "two_columns_for_field"


def test_cells_are_keyed_by_field():
    columns = match_columns(["机构名称", "托位数", "备注"])

    cells = columns.cells(SheetRow(2, {"机构名称": "甲", "备注": "x"}))

    assert cells == {"name": "甲"}


@pytest.mark.parametrize(
    ("given", "external_id"),
    [
        ({"备案编号": "B-1"}, "B-1"),
        ({"备案编号": "B-1", "外部编号": "7"}, "7"),
        ({"备案编号": "B-1", "编号": "F0000001-5"}, None),
        ({"外部编号": "7"}, "7"),
        ({}, None),
    ],
)
def test_a_registration_number_tells_which_place_it_is_where_a_row_has_no_other(given, external_id):
    columns = match_columns(["名称", *given])

    cells = columns.cells(SheetRow(2, {"名称": "甲", **given}))

    assert cells.get("external_id") == external_id
    assert cells.get("registration_no") == given.get("备案编号")


def test_what_a_rejection_calls_the_borrowed_number_stands_in_the_file():
    columns = match_columns(["名称", "备案号"])

    assert columns.headings["external_id"] == columns.headings["registration_no"] == "备案号"


# By a mapping


def test_a_mapping_joins_translates_and_fills_in(tmp_path):
    columns = match_columns(HEADINGS, mapping(tmp_path))
    row = {"Name": "あけぼの", "Add1": "札幌市中央区", "Add2": "南11条", "Open": "7:00", "Close": "19:00"}

    cells = columns.cells(
        SheetRow(1, row | {"Type": "認可保育所", "TEL": "011", "经度": "141.3", "纬度": "43.0"})
    )

    assert cells == {
        "name": "あけぼの",
        "address": "札幌市中央区南11条",
        "hours": "7:00-19:00",
        "type": "托育机构",
        "lng": "141.3",
        "lat": "43.0",
        "division": "0441802",
        "accessible": "yes",
        "source": "sapporo-papamama",
        "datum": "wgs84",
    }
    assert columns.ignored == ("TEL",)
    assert columns.headings["address"] == "Add1+Add2"


def test_parts_that_are_missing_leave_a_list_short_and_a_join_empty(tmp_path):
    columns = match_columns(HEADINGS, mapping(tmp_path))

    cells = columns.cells(SheetRow(1, {"Name": "甲", "Add2": "南11条", "Open": "7:00", "Type": "その他"}))

    assert cells["address"] == "南11条"
    assert "hours" not in cells
    assert cells["type"] == "その他"
    assert "datum" not in cells  # no position, no datum


def test_a_column_of_the_file_comes_before_the_default(tmp_path):
    columns = match_columns(
        ["Name", "From"], mapping(tmp_path, "source: default\ncolumns: {name: Name, source: From}\n")
    )

    assert columns.cells(SheetRow(1, {"Name": "甲", "From": "乙"}))["source"] == "乙"
    assert columns.cells(SheetRow(1, {"Name": "甲"}))["source"] == "default"


def test_a_mapping_without_columns_adds_to_the_aliases(tmp_path):
    columns = match_columns(
        ["机构名称", "类型"], mapping(tmp_path, "source: s\nconstants: {类型: 托育机构, fee: 免费}\n")
    )

    cells = columns.cells(SheetRow(1, {"机构名称": "甲"}))

    assert cells == {"name": "甲", "fee": "免费", "source": "s"}


def test_a_mapping_decides_alone_what_a_heading_is(tmp_path):
    sapporo = mapping(tmp_path)

    assert is_heading("name", sapporo)
    assert is_heading("Add 2", sapporo)
    assert not is_heading("电话", sapporo)


def test_a_mapped_column_is_found_by_its_exact_case_first(tmp_path):
    columns = match_columns(["Name", "NAME"], mapping(tmp_path, "columns: {name: Name}"))

    assert columns.headings == {"name": "Name"}
    assert columns.ignored == ("NAME",)


def test_a_mapped_column_that_the_file_lacks_is_refused_with_a_near_one(tmp_path):
    with pytest.raises(InvalidError, match=r"“Add2”.*是不是.*“Addr2”") as caught:
        match_columns(["Name", "Add1", "Addr2", "Open", "Close", "Type"], mapping(tmp_path))

    assert caught.value.code == "mapped_column_absent"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("columns:\n  nmae: Name\n", 2, "是不是 “name”"),
        ("columns:\n  名秤: Name\n", 2, "是不是 “名称”"),
        ("sourc: x\n", 1, "是不是 “source”"),
        ("columns:\n  name: Name\n  name: B\n", 3, "写了两次"),
        ("columns:\n  name: Name\n  名称: B\n", 3, "写了两次"),
        ("columns:\n  name:\n", 2, "一个值"),
        ("columns:\n  name: []\n", 2, "几个列名"),
        ("columns:\n  name: {colum: A}\n", 2, "是不是 “column”"),
        ("columns:\n  name: {column: A, columns: [A]}\n", 2, "只能有一个"),
        ("columns:\n  name: {column: A, join: x}\n", 2, "columns"),
        ("columns:\n  name: A\nconstants:\n  name: B\n", 4, "各有一次"),
        ("columns: x\n", 1, "键: 值"),
        ("source: x\ncolumns: {name: [A\n", 3, "不是 YAML"),
        ("source: x\n\tdatum: y\n", 2, "不是 YAML"),
        ("- a\n", 1, "键: 值"),
    ],
)
def test_a_wrong_mapping_file_is_refused_by_line(tmp_path, text, line, word):
    with pytest.raises(InvalidError) as caught:
        mapping(tmp_path, text)

    assert caught.value.code == "bad_mapping"
    assert f"mapping.yaml 第 {line} 行" in caught.value.detail
    assert word in caught.value.detail


@pytest.mark.parametrize(
    "content", [b"", b"# nothing\n", "source: 名".encode("gbk"), b"a: \x01", b"[" * 50_000]
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content):
    path = tmp_path / "mapping.yaml"
    path.write_bytes(content)

    with pytest.raises(InvalidError) as caught:
        load_mapping(path)

    assert caught.value.code == "bad_mapping"


def test_a_mapping_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidError, match=r"no\.yaml"):
        load_mapping(tmp_path / "no.yaml")


@pytest.mark.shared_data
def test_the_sapporo_file_is_mapped(tmp_path):
    sapporo = mapping(tmp_path)
    [sheet] = open_sheets(SAPPORO, is_heading=lambda text: is_heading(text, sapporo))

    columns = match_columns(sheet.headings, sapporo)
    cells = [columns.cells(row) for row in sheet.rows]

    assert len(cells) == 528
    assert all(row["name"] and row["lng"] and row["datum"] == "wgs84" for row in cells)
    assert cells[0]["hours"] == "7:00-19:00"


# As a table


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("文件的列,登记册的列\nTitle,名成\n", "第 2 行: 登记册没有“名成”这一列；是不是 “名称”？"),
        ("文件的列,备注\nTitle,名称\n", "要有“文件的列”和“登记册的列”两列"),
    ],
)
def test_a_mapping_table_that_is_wrong_says_where(tmp_path, text, said):
    (tmp_path / "mapping.csv").write_text(text, "utf-8")

    with pytest.raises(InvalidError) as refused:
        load_mapping_table(tmp_path / "mapping.csv")

    assert (refused.value.code, said in refused.value.detail) == ("bad_mapping", True)
