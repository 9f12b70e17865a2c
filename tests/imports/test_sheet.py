"""Cells: every kind of file a worker may hand over, and every way in which it may be broken."""

import io
import json
import os
import zipfile
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from servicemap.errors import InvalidError
from servicemap.imports.columns import is_heading
from servicemap.imports.grid import Sheet, guard, heading_text, unguard
from servicemap.imports.sheet import open_sheets
from servicemap.imports.text_table import write_csv

SAPPORO = Path(__file__).parents[3] / "shared/data/import/sapporo_nurseryFacilities.geojson"


def read(path: Path, **options: str) -> Sheet:
    [sheet] = open_sheets(path, is_heading=is_heading, **options)
    return sheet


def rows(path: Path, **options: str) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, row.cells) for row in read(path, **options).rows]


def refusal(path: Path, **options: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        rows(path, **options)
    return caught.value


def xlsx(path: Path, *records: list[object]) -> Path:
    book = Workbook()
    for record in records:
        book.active.append(record)
    book.save(path)
    return path


def patched(path: Path, part: str, change: dict[str, str]) -> Path:
    """The same .xlsx with texts of one part replaced: what openpyxl itself would not write."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for old, new in change.items():
        assert old.encode() in parts[part]
        parts[part] = parts[part].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def csv_file(tmp_path: Path, content: bytes | str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def geojson(tmp_path: Path, *features: object) -> Path:
    return csv_file(tmp_path, json.dumps({"type": "FeatureCollection", "features": features}), "a.geojson")


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


# .xlsx


def test_cells_of_a_sheet_become_text_without_loss(tmp_path):
    values = {
        "名称": " 田心村 儿童之家 ",
        "无障碍": True,
        "区划代码": 441802001001,
        "设立日期": date(2023, 6, 1),
        "核实日期": datetime(2024, 1, 2, 9, 30, 0, 400_000),
        "开放时间": time(9, 30),
        "托位数": 90.0,
        "经度": 113.05625,
    }
    path = xlsx(tmp_path / "a.xlsx", list(values), list(values.values()))

    [(_, cells)] = rows(path)

    assert cells == {
        "名称": " 田心村 儿童之家 ",
        "无障碍": "是",
        "区划代码": "441802001001",
        "设立日期": "2023-06-01",
        "核实日期": "2024-01-02T09:30:00",
        "开放时间": "09:30",
        "托位数": "90",
        "经度": "113.05625",
    }


def test_a_clock_time_is_not_a_second_short_in_any_minute_of_the_day(tmp_path):
    minutes = [time(m // 60, m % 60) for m in range(1440)]
    path = xlsx(tmp_path / "a.xlsx", ["名称", "开放时间"], *(["x", each] for each in minutes))

    read_back = [cells["开放时间"] for _, cells in rows(path)]

    assert read_back == [f"{each:%H:%M}" for each in minutes]


def test_a_code_damaged_to_a_float_stays_visibly_damaged(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["名称", "区划代码", "托位数"], ["甲", 441802000001, 90])
    patched(
        path,
        "xl/worksheets/sheet1.xml",
        {"<v>441802000001</v>": "<v>4.41802E+11</v>", "<v>90</v>": "<v>9E1</v>"},
    )

    [(_, cells)] = rows(path)

    assert cells == {"名称": "甲", "区划代码": "4.41802E+11", "托位数": "90"}


def test_a_formula_gives_the_value_that_the_spreadsheet_showed(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["名称", "托位数"], ["甲", "=40+50"])
    patched(path, "xl/worksheets/sheet1.xml", {"<f>40+50</f><v />": "<f>40+50</f><v>90</v>"})

    assert rows(path) == [(2, {"名称": "甲", "托位数": "90"})]


def test_pictures_and_blanks_are_empty_and_error_cells_are_not(tmp_path):
    path = xlsx(
        tmp_path / "a.xlsx",
        ["名称", "类型", "地址", "电话", "来源"],
        ["甲", '=_xlfn.DISPIMG("ID_1",1)', "  ", "#REF!", "x"],
    )
    patched(
        path,
        "xl/worksheets/sheet1.xml",
        {'<f>_xlfn.DISPIMG("ID_1",1)</f><v />': '<f>_xlfn.DISPIMG("ID_1",1)</f><v>=DISPIMG("ID_1",1)</v>'}
        | {'<c r="B2">': '<c r="B2" t="str">'},
    )

    [(_, cells)] = rows(path)

    assert cells == {"名称": "甲", "电话": "#REF!", "来源": "x"}


def test_rows_keep_the_number_that_the_spreadsheet_shows(tmp_path):
    path = xlsx(
        tmp_path / "a.xlsx", ["清远市儿童之家一览表"], [], ["名称", "地址"], ["甲", "一路"], [], ["乙"]
    )

    assert rows(path) == [(4, {"名称": "甲", "地址": "一路"}), (6, {"名称": "乙"})]


def test_the_first_visible_sheet_with_a_heading_row_is_read(tmp_path):
    book = Workbook()
    book.active.append(["名称", "填写单位的全称"])  # one known word: notes on how to fill in
    hidden = book.create_sheet("旧")
    hidden.sheet_state = "hidden"
    hidden.append(["名称", "地址"])
    shown = book.create_sheet("一览")
    shown.append(["名称", "地址"])
    shown.append(["甲", "一路"])
    book.save(tmp_path / "a.xlsx")

    sheet = read(tmp_path / "a.xlsx")

    assert [row.cells for row in sheet.rows] == [{"名称": "甲", "地址": "一路"}]
    assert sheet.remarks == ("工作表：一览", "没有读的工作表：Sheet")


def test_a_single_column_of_names_is_a_sheet(tmp_path):
    assert rows(xlsx(tmp_path / "a.xlsx", ["机构名称"], ["甲"])) == [(2, {"机构名称": "甲"})]


def test_the_row_with_most_known_headings_is_the_heading_row(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["名称", "地址"], ["名称", "详细地址", "电话"], ["甲"])

    assert read(path).headings == ("名称", "详细地址", "电话")


@pytest.mark.parametrize("written", ["名 称*", "＊名称", "名称（必填）", "名称(必填)*", "\ufeff名\n称 "])
def test_a_heading_is_known_in_any_dress(written):
    assert heading_text(written) == "名称"


def test_full_width_headings_are_recognised(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["ＮＡＭＥ", "村（居）代码 ＊"], ["甲", "441802001001"])

    assert read(path).headings == ("NAME", "村(居)代码")


def test_two_equal_headings_are_refused_by_column(tmp_path):
    error = refusal(xlsx(tmp_path / "a.xlsx", ["名称", "备注", None, None, "备 注"], ["甲"]))

    assert error.code == "duplicate_heading"
    assert "B 列和 E 列" in error.detail


@pytest.mark.parametrize("record", [["foo", "bar"], ["名称", "填写单位的全称"]])
def test_a_sheet_without_known_headings_is_refused(tmp_path, record):
    assert refusal(xlsx(tmp_path / "a.xlsx", ["填表说明"], record)).code == "no_heading_row"


def test_the_last_cell_of_the_grid_costs_no_memory_and_is_not_dropped(tmp_path):
    book = Workbook()
    book.active["A1"], book.active["B1"] = "名称", "地址"
    book.active["XFD1048576"] = "x"
    book.save(tmp_path / "a.xlsx")

    error = refusal(tmp_path / "a.xlsx")

    assert error.code == "content_after_blank_rows"
    assert "1048576" in error.detail


def test_a_cell_beyond_the_last_column_is_refused_by_name(tmp_path):
    error = refusal(xlsx(tmp_path / "a.xlsx", ["名称", "地址"], ["甲", *[None] * 63, "x"]))

    assert error.code == "too_many_columns"
    assert "第 2 行 BM 列" in error.detail


def test_a_sheet_holds_20000_rows_and_not_one_more(tmp_path):
    full = xlsx(tmp_path / "full.xlsx", ["名称"], *[["甲"]] * 20_000, [" "])
    over = xlsx(tmp_path / "over.xlsx", ["名称"], *[["甲"]] * 20_001)

    assert len(rows(full)) == 20_000
    assert refusal(over).code == "too_many_rows"


def test_formatted_blank_rows_end_the_sheet_without_a_word(tmp_path):
    assert rows(xlsx(tmp_path / "a.xlsx", ["名称"], ["甲"], *[[" "]] * 25_000)) == [(2, {"名称": "甲"})]


def test_a_forged_row_number_does_not_count_for_ever(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["名称"], ["甲"])
    patched(
        path,
        "xl/worksheets/sheet1.xml",
        {'<row r="2">': '<row r="999999999999">', 'r="A2"': 'r="A999999999999"'},
    )

    assert rows(path) == []


@pytest.mark.parametrize(
    ("sizes", "noise", "code"),
    [
        ([40_000_000, 40_000_000], 1_000_000, "unzips_too_large"),
        ([5_000_000], 0, "unzips_too_large"),
        ([1] * 200, 0, "too_many_parts"),
    ],
)
def test_a_zip_bomb_is_refused_before_it_is_unzipped(tmp_path, sizes, noise, code):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("noise", os.urandom(noise))
        for number, size in enumerate(sizes):
            archive.writestr(f"xl/{number}.xml", bytes(size))

    assert refusal(tmp_path / "a.xlsx").code == code


def test_an_xml_entity_bomb_is_damage(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["名称"], ["甲"])
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet '
    patched(path, "xl/worksheets/sheet1.xml", {"<worksheet ": bomb})

    assert refusal(path).code == "damaged_file"


@pytest.mark.parametrize("length", [30, 300, 3000])
def test_a_truncated_xlsx_is_damage(tmp_path, length):
    whole = xlsx(tmp_path / "whole.xlsx", ["名称"], ["甲"]).read_bytes()

    assert refusal(csv_file(tmp_path, whole[:length], "a.xlsx")).code == "damaged_file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("名称,地址\n甲,一路\n".encode(), "not_xlsx"),
        (b"\xef\xbb\xbf \n<html><table>", "not_xlsx"),
        (bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600), "not_xlsx"),
        (bytes.fromhex("D0CF11E0A1B11AE1") + "EncryptedPackage".encode("utf-16-le"), "encrypted_file"),
        (b"", "empty_file"),
        (bytes(10 * 1024 * 1024 + 1), "file_too_large"),
    ],
)
def test_what_only_calls_itself_xlsx_is_named(tmp_path, content, code):
    assert refusal(csv_file(tmp_path, content, "a.xlsx")).code == code


@pytest.mark.parametrize("name", ["a.et", "a.numbers", "a.ods", "a.pdf", "a"])
def test_other_formats_are_refused_with_the_cure(tmp_path, name):
    error = refusal(csv_file(tmp_path, "名称\n甲\n", name))

    assert error.code == "unsupported_format"
    assert "另存为 .xlsx" in error.detail


# The file itself


def test_a_missing_file_and_a_directory_are_named(tmp_path):
    assert refusal(tmp_path / "no.csv").code == "file_not_found"
    assert refusal(tmp_path).code == "not_a_file"


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    path = csv_file(tmp_path, "名称\n甲\n")
    path.chmod(0)

    with as_nobody():
        found = refusal(path).code

    assert found == "unreadable_file"


LOCK_FILES = ["~$表 1.csv", ".~表 1.csv", ".~lock.表 1.csv#"]


@pytest.mark.parametrize("lock", LOCK_FILES)
def test_a_file_that_a_spreadsheet_holds_open_is_read_with_a_remark_or_named(tmp_path, monkeypatch, lock):
    monkeypatch.chdir(tmp_path)  # nobody may look into it, but not into the folders above
    tmp_path.chmod(0o755)
    path = csv_file(Path(), "名称\r\n甲\r\n", "表 1.csv")
    Path(lock).touch()

    remarks = read(path).remarks
    path.chmod(0)
    with as_nobody():
        found = refusal(path).code

    assert "WPS/Excel 可能正打开着它：读到的是上次保存的内容" in remarks
    assert found == "file_in_use"


@pytest.mark.parametrize("lock", LOCK_FILES)
def test_the_lock_file_itself_is_not_taken_for_the_table(tmp_path, lock):
    error = refusal(csv_file(tmp_path, "甲", lock))

    assert error.code == "lock_file"


@pytest.mark.parametrize("path", ["C:\\Users\\王\\我的 表.xlsx", "\\\\srv\\共享\\a.csv", "x" * 5000 + ".csv"])
def test_a_path_that_is_not_here_is_named(path):
    assert refusal(Path(path)).code in ("file_not_found", "unreadable_file")


@contextmanager
def as_nobody():
    """Root may read everything: step down meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# .csv


@pytest.mark.parametrize(
    ("encoding", "remark"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("gb18030", "GB18030"),
        ("gbk", "GB18030"),
    ],
)
def test_the_encoding_of_a_chinese_csv_is_told_by_the_whole_file(tmp_path, encoding, remark):
    path = csv_file(tmp_path, "名称,地址\r\n田心村,一路\r\n".encode(encoding))

    sheet = read(path)

    assert [row.cells for row in sheet.rows] == [{"名称": "田心村", "地址": "一路"}]
    assert sheet.remarks == (f"编码：{remark}",)


def test_gb18030_without_a_chinese_heading_is_refused_until_declared(tmp_path):
    path = csv_file(tmp_path, "name,address\n田心村,一路\n".encode("gb18030"))

    assert refusal(path).code == "unknown_encoding"
    assert rows(path, encoding="gbk") == [(2, {"name": "田心村", "address": "一路"})]


def test_a_declared_utf_8_may_have_a_bom_before_a_quote(tmp_path):
    path = csv_file(tmp_path, '\ufeff"名称","地址"\n甲,一路\n')

    assert rows(path, encoding="UTF8") == rows(path) == [(2, {"名称": "甲", "地址": "一路"})]


def test_japanese_text_is_never_read_as_chinese(tmp_path):
    path = csv_file(tmp_path, "名称,住所\n保育園,札幌\n".encode("shift_jis"))

    assert refusal(path).code in ("unknown_encoding", "undecodable_text")
    assert rows(path, encoding="shift_jis")[0][1]["名称"] == "保育園"


def test_an_undecodable_byte_is_named_by_line_even_late_in_a_large_file(tmp_path):
    path = csv_file(tmp_path, "名称,地址\n".encode() + "甲,一路\n".encode() * 200_000 + b"\xff\xff,x\n")

    error = refusal(path)

    assert error.code == "undecodable_text"
    assert "第 200002 行" in error.detail


@pytest.mark.parametrize(
    ("content", "encoding", "code"),
    [
        ("名称\n甲\0\n".encode(), None, "nul_character"),
        ("名称\n甲\n".encode("utf-16-le"), None, "nul_character"),
        ("名称\n甲\n".encode("gbk"), "utf-8", "undecodable_text"),
        ("名称\n甲\n".encode(), "utf-16", "undecodable_text"),
        ("名称\n甲\n".encode(), "rot13", "bad_encoding"),
        ("名称\n甲\n".encode(), "no-such", "bad_encoding"),
        (b"PK\x03\x04....", None, "not_csv"),
        (b"\n\n", None, "no_heading_row"),
    ],
)
def test_a_text_that_cannot_be_trusted_is_refused(tmp_path, content, encoding, code):
    assert refusal(csv_file(tmp_path, content), **({"encoding": encoding} if encoding else {})).code == code


def test_encoding_is_refused_where_it_has_no_meaning(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ["名称"], ["甲"])

    assert refusal(path, encoding="gbk").code == "encoding_not_applicable"


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_decided_on_the_heading_row(tmp_path, delimiter):
    lines = ["一览，2024;年,度\t表", "", "名称|地址", '"甲"|"一,路;\t1号"']
    path = csv_file(tmp_path, "\n".join(lines).replace("|", delimiter))

    assert rows(path) == [(4, {"名称": "甲", "地址": "一,路;\t1号"})]


def test_title_rows_and_cells_of_several_lines_keep_the_row_number(tmp_path):
    path = csv_file(tmp_path, '"一览\n表",\r\n名称,地址\r\n甲,"一路\n二楼\n三室"\r\n,\r\n乙,二路\r\n')

    assert rows(path) == [
        (3, {"名称": "甲", "地址": "一路\n二楼\n三室"}),
        (5, {"名称": "乙", "地址": "二路"}),
    ]


@pytest.mark.parametrize("tail", ['"乙,二路\n丙,三路\n', '"乙"x,二路\n', '"' + "乙" * 140_000])
def test_a_broken_quote_is_named_by_row(tmp_path, tail):
    error = refusal(csv_file(tmp_path, "名称,地址\n甲,一路\n" + tail))

    assert error.code == "bad_quotes"
    assert "第 3 行" in error.detail


def test_a_line_without_end_is_refused(tmp_path):
    assert refusal(csv_file(tmp_path, "名称,地址\n" + "甲," * 600_000)).code == "line_too_long"


def test_a_row_shifted_by_an_unquoted_comma_is_refused(tmp_path):
    error = refusal(csv_file(tmp_path, "名称,地址\n甲,一路,,\n乙,二路,三楼\n"))

    assert error.code == "too_many_cells"
    assert "第 3 行" in error.detail


def test_a_csv_is_read_while_it_is_walked(tmp_path):
    path = csv_file(tmp_path, "名称,地址\n" + "甲,一路\n" * 100 + '"乙')

    first = next(read(path).rows)

    assert first.number == 2


# .geojson


def test_a_point_gives_lng_and_lat_and_properties_give_text(tmp_path):
    point = {"type": "Point", "coordinates": [141.343758, 43.0, 12]}
    path = geojson(
        tmp_path,
        feature(
            point, name="あけぼの", Full=90.0, H24=None, 经度="0", tags={"a": [1, "二"]}, code=4.41802e11
        ),
        feature(None),
        feature(None, name="无处"),
    )

    sheet = read(path)

    assert [(row.number, row.cells) for row in sheet.rows] == [
        (
            1,
            {"name": "あけぼの", "Full": "90", "经度": "141.343758", "纬度": "43.0"}
            | {"tags": '{"a":[1,"二"]}', "code": "4.41802E+11"},
        ),
        (3, {"name": "无处"}),
    ]
    assert sheet.headings == ("name", "Full", "H24", "经度", "tags", "code", "纬度")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[" * 100_000, "too_deep"),
        ('{"type": "FeatureCollection", "features": [{"properties": {"a": NaN}}]}', "bad_json"),
        ('{"a": -Infinity}', "bad_json"),
        ('{"a": ' + "9" * 5000 + "}", "bad_json"),
        ('{"type": "FeatureCollection",\n "features": [}', "bad_json"),
        ('{"type": "Feature"}', "not_geojson"),
        ("[]", "not_geojson"),
        ('{"type": "FeatureCollection", "features": [3]}', "not_geojson"),
        ('{"type": "FeatureCollection", "features": [{"properties": {"a": "\\ud800"}}]}', "not_utf8"),
        ('{"a": "名称"}'.encode("gbk"), "not_utf8"),
    ],
)
def test_a_broken_geojson_is_refused(tmp_path, content, code):
    assert refusal(csv_file(tmp_path, content, "a.json")).code == code


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 0]]]},
        {"type": "Point", "coordinates": ["113", "23"]},
        {"type": "Point", "coordinates": []},
        "POINT (113 23)",
    ],
)
def test_anything_but_a_point_is_refused_by_feature(tmp_path, geometry):
    error = refusal(geojson(tmp_path, feature(None, name="甲"), feature(geometry, name="乙")))

    assert error.code == "bad_geometry"
    assert "第 2 个要素" in error.detail


def test_two_properties_with_one_heading_are_refused(tmp_path):
    path = geojson(tmp_path, feature(None, **{"Add 1": "a"}), feature(None, Add1="b"))

    assert refusal(path).code == "duplicate_heading"


@pytest.mark.shared_data
def test_the_sapporo_file_gives_528_rows():
    found = rows(SAPPORO)

    assert len(found) == 528
    assert found[0][1]["Name"] == "札幌市あけぼの保育園"
    assert found[0][1]["经度"] == "141.343758"


# The guard of exported csv


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2))
)
def test_guard_and_unguard_are_inverse(table):
    for text in [cell for row in table for cell in row] + ["'=1", "''-1", "'", "=1", "＝1", "'t"]:
        assert unguard(guard(text)) == text
        assert not guard(text).startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


def test_an_exported_csv_reads_back_as_it_was(tmp_path):
    headings = ("名称", "地址", "电话")
    table = [
        ["=SUM(A1)", '"一"路,\r\n二楼', "+86 763 1234567"],
        ["＠甲", "'-x", "-1"],
        ["'乙", " 三路 ", "'"],
    ]
    stream = io.BytesIO()

    write_csv(stream, headings, [*table, ["丙", None, 5]])
    path = csv_file(tmp_path, stream.getvalue())

    assert stream.getvalue().startswith("\ufeff名称,地址,电话\r\n'=SUM(A1),".encode())
    assert [list(cells.values()) for _, cells in rows(path)] == [*table, ["丙", "5"]]
