"""A worker imports a file: nothing is lost, and what is wrong is named."""

import csv
import io
import shutil
from pathlib import Path

import openpyxl
import pytest

from servicemap import db, division_list
from servicemap.access import SEED
from servicemap.division_list import DivisionRow
from servicemap.records import public_code
from tests.cli.conftest import run_admin

HEADINGS = (
    "编号",
    "外部编号",
    "名称",
    "类型",
    "区划代码",
    "经度",
    "纬度",
    "坐标系",
    "电话",
    "设立日期",
    "关闭日期",
    "最小月龄",
    "最大月龄",
    "备案托位",
)
HOTLINES = 5  # of the reference data, before the first import
FIRST = public_code(HOTLINES + 1)
GOOD = {
    "类型": "家长学校",
    "区划代码": "441802006001",
    "经度": "113.0262",
    "纬度": "23.7080",
    "坐标系": "gcj02",
}


def a_file(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, HEADINGS)
        writer.writeheader()
        writer.writerows(rows)
    return path


# what is wrong: (row, column that is named, code, cure says)
FAULTS = [
    ({"区划代码": "4.41802E+11"}, "区划代码", "scientific_notation", "文本"),
    ({"区划代码": "41802006001"}, "区划代码", "lost_leading_zero", "文本"),
    ({"设立日期": "45231"}, "设立日期", "date_serial", "日期"),
    ({"类型": "家长学效"}, "类型", "unknown_type", "家长学校"),
    ({"经度": "23.7080", "纬度": "113.0262"}, "纬度", "swapped_coordinates", "对调"),
    ({"经度": "116.3974", "纬度": "39.9087"}, "纬度", "outside_extent", "核对"),
    ({"经度": "0", "纬度": "0"}, "纬度", "zero_coordinates", "留空"),
    ({"坐标系": ""}, "坐标系", "datum_missing", "高德"),
    ({"纬度": ""}, "纬度", "one_coordinate", "都填"),
    ({"名称": ""}, "名称", "missing_name", "名称"),
    ({"区划代码": ""}, "区划代码", "missing_division", "代码"),
    ({"区划代码": "441802006999"}, "区划代码", "unknown_division", "核对"),
    ({"区划代码": "441802006998"}, "区划代码", "retired_division", "现在"),
    ({"外部编号": "A-1"}, "外部编号", "duplicate_external_id", "一行"),
    ({"编号": FIRST}, "编号", "duplicate_code", "一行"),
    ({"电话": "7.63336E+09"}, "电话", "scientific_notation", "文本"),
    ({"设立日期": "2024-05-01", "关闭日期": "2023-05-01"}, "关闭日期", "closed_before_opened", "核对"),
    ({"备案托位": "-5"}, "备案托位", "negative_places", "整数"),
    ({"最小月龄": "36", "最大月龄": "6"}, "最大月龄", "ages_upside_down", "核对"),
    ({"名称": "长" * 1000}, "名称", "name_too_long", "缩短"),
]


def test_a_file_with_twenty_faults_names_all_twenty_and_writes_nothing(city, tmp_path):
    retired = DivisionRow("441802006998", "旧社区", "community", "441802006000", valid_to="2024-01-01")
    division_list.import_divisions(SEED, [retired])
    first = a_file(tmp_path / "first.csv", [GOOD | {"名称": "已在册", "外部编号": "A-0"}])
    assert city("facility", "import", first).code == 0
    before = city("facility", "export").out
    good = [
        GOOD | {"名称": "好的甲", "外部编号": "A-1"},
        GOOD | {"名称": "已在册", "编号": FIRST},
    ]
    rows = good + [GOOD | {"名称": f"坏的{number}"} | fault for number, (fault, *_) in enumerate(FAULTS)]

    ran = city("facility", "import", a_file(tmp_path / "faults.csv", rows), "--format", "json")

    assert ran.code == 1
    found = [(p["row"], p["column"], p["code"]) for p in ran.json]
    assert found == [(4 + n, column, code) for n, (_, column, code, _) in enumerate(FAULTS)]
    for problem, (_, _, code, cure) in zip(ran.json, FAULTS, strict=True):
        assert cure in problem["cure"], code
    assert city("facility", "export").out == before


def test_the_same_faults_are_read_by_people(city, tmp_path):
    rows = [GOOD | {"名称": "坏的"} | {"类型": "家长学效"}]

    ran = city("facility", "import", a_file(tmp_path / "faults.csv", rows))

    assert "第 2 行 类型: 没有“家长学效”这个类型；是不是“家长学校”？ [unknown_type]" in ran.out
    assert "1 行有错误，什么都没有写入" in ran.err
    assert "Traceback" not in ran.out + ran.err


def many_rows() -> list[dict[str, str]]:
    names = ("村居家长学校", "社区儿童之家", "镇家长学校（中心）")
    return [
        GOOD
        | {
            "名称": f"{names[number % 3]}{number}",
            "外部编号": f"编-{number:04d}",
            "类型": ("家长学校", "儿童之家", "家长学校、儿童之家")[number % 3],
            "经度": f"{113.0 + number / 10_000:.4f}",
            "电话": f"0763-33{number:05d}",
            "设立日期": f"202{number % 5}-0{number % 9 + 1}-15",
            "备案托位": str(number % 60) if number % 4 == 0 else "",
        }
        for number in range(500)
    ]


def as_csv(encoding: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADINGS)
    writer.writeheader()
    writer.writerows(many_rows())
    return text.getvalue().encode(encoding)


def as_xlsx() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["清远市服务点登记表"])  # a title above the headings
    book.active.append(HEADINGS)
    for row in many_rows():
        book.active.append([row.get(heading, "") for heading in HEADINGS])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_same_rows_in_four_file_forms_give_the_same_registry(reference, tmp_path):
    forms = {
        "utf8.csv": as_csv("utf-8"),
        "bom.csv": as_csv("utf-8-sig"),
        "gb18030.csv": as_csv("gb18030"),
        "book.xlsx": as_xlsx(),
    }
    exports = {}
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        shutil.copy(db.sqlite_path(), tmp_path / f"{name}.db")
        url = f"sqlite:///{tmp_path / name}.db"

        ran = run_admin("facility", "import", tmp_path / name, url=url)

        assert ran.code == 0, ran.out + ran.err
        exports[name] = run_admin("facility", "export", url=url).out
    assert len(set(exports.values())) == 1
    assert len(exports["book.xlsx"].splitlines()) == 1 + HOTLINES + 500 + 166  # a line a role


def test_an_export_imports_back_to_no_change(city, tmp_path):
    (tmp_path / "in.csv").write_bytes(as_csv("utf-8"))
    city("facility", "import", tmp_path / "in.csv")
    city("facility", "export", "--output", tmp_path / "out.csv")

    ran = city("facility", "import", tmp_path / "out.csv")

    assert ran.code == 0
    assert "新增 0，更新 0，没有变化 505，退回 0 行" in ran.out


def test_a_dry_run_shows_the_plan_and_writes_nothing(city, tmp_path):
    file = a_file(tmp_path / "one.csv", [GOOD | {"名称": "新的"}])

    ran = city("facility", "import", file, "--dry-run")

    assert ran.code == 0
    assert "预案：1 行：新增 1" in ran.out
    assert len(city("facility", "list", "--format", "json").json) == HOTLINES


def test_bad_rows_are_left_out_only_when_asked(city, tmp_path):
    rows = [GOOD | {"名称": "好的"}, GOOD | {"名称": ""}]

    ran = city("facility", "import", a_file(tmp_path / "two.csv", rows), "--skip-bad-rows")

    assert ran.code == 3
    assert "新增 1" in ran.out
    assert "退回 1 行" in ran.out
    assert len(city("facility", "list", "--format", "json").json) == HOTLINES + 1


def test_the_datum_can_be_said_in_a_workers_words(city, tmp_path):
    file = a_file(tmp_path / "one.csv", [GOOD | {"名称": "新的", "坐标系": ""}])

    ran = city("facility", "import", file, "--datum", "高德")

    assert ran.code == 0
    place = city("facility", "list", "--type", "家长学校", "--format", "json").json[0]
    assert (place["lng"], place["lat"]) == pytest.approx((113.020818, 23.7105512), abs=1e-6)


def test_a_real_file_is_refused_by_a_demo_database_with_the_way_out(tmp_path):
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    run_admin("db", "create", "--demo", url=url)

    ran = run_admin("facility", "import", a_file(tmp_path / "one.csv", [GOOD]), url=url)

    assert ran.code == 1
    assert "servicemap-admin db create" in ran.err
    assert "[demo_database]" in ran.err


def test_demo_places_never_enter_a_real_registry(city, tmp_path):
    file = a_file(tmp_path / "one.csv", [GOOD | {"名称": "示例·家长学校"}])

    ran = city("facility", "import", file)

    assert ran.code == 1
    assert "[demo_row]" in ran.out


def test_of_several_sheets_all_are_read_and_what_is_wrong_names_its_sheet(city, tmp_path):
    book = openpyxl.Workbook()
    for sheet, name in ((book.active, "名称"), (book.create_sheet("石角"), "机构名称")):
        sheet.append([name, "类型", "区划代码"])
    book.active.title = "源潭"
    book["源潭"].append(["甲", "家长学校", GOOD["区划代码"]])
    book["石角"].append(["乙", "家长学效", GOOD["区划代码"]])
    book["石角"].append(["甲", "家长学校", GOOD["区划代码"]])
    book.save(tmp_path / "towns.xlsx")

    refused = city("facility", "import", tmp_path / "towns.xlsx", "--format", "json")
    one = city("facility", "import", tmp_path / "towns.xlsx", "--sheet", "源潭")

    assert [(p["sheet"], p["row"], p["code"]) for p in refused.json] == [
        ("石角", 2, "unknown_type"),
        ("石角", 3, "duplicate_row"),
    ]
    assert one.code == 0, one.out + one.err


def test_what_is_suspicious_is_said_and_goes_in(city, tmp_path):
    city("facility", "import", a_file(tmp_path / "one.csv", [GOOD | {"名称": "北门社区家长学校"}]))

    ran = city("facility", "import", a_file(tmp_path / "two.csv", [GOOD | {"名称": "北门家长学校"}]))

    assert ran.code == 3
    assert "新增 1" in ran.out
    assert f"像是 {FIRST} 北门社区家长学校" in ran.err


def test_another_registrys_columns_are_known_by_a_table_of_two_columns(city, tmp_path):
    mapping = "文件的列,登记册的列\nTitle,名称\nKind,类型\nArea,区划代码\nRoad,地址\nHouse,地址\nRest,\n"
    (tmp_path / "mapping.csv").write_text(mapping, "utf-8")
    rows = f"Title,Kind,Area,Road,House,Rest\n甲,家长学校,{GOOD['区划代码']},一路,5 号,x\n"
    (tmp_path / "theirs.csv").write_text(rows, "utf-8")

    ran = city("facility", "import", tmp_path / "theirs.csv", "--mapping", tmp_path / "mapping.csv")

    assert ran.code == 0, ran.out + ran.err
    place = city("facility", "list", "--type", "家长学校", "--format", "json").json[0]
    assert (place["name"], place["address"]) == ("甲", "一路5 号")


@pytest.mark.parametrize("name", ["no.csv", "old.xls", "sheet.et"])
def test_a_file_that_cannot_be_read_has_a_word(city, tmp_path, name):
    if name != "no.csv":
        (tmp_path / name).write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600)

    ran = city("facility", "import", tmp_path / name)

    assert ran.code in (1, 2)
    assert name in ran.err
    assert "Traceback" not in ran.err
