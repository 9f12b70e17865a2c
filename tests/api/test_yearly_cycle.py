"""The committee's year over HTTP: departments report, monitors pass or return, assessors and approvers do theirs."""

import pytest

from servicemap import db, divisions
from servicemap.coverage.measure import measure
from tests.cli.conftest import run_admin
from tests.factories import TODAY, a_place

URL = "/api/v1/reported-values"
CITY, COUNTY, OTHER = "441800000000", "441802000000", "441881000000"
SAID = {"division": COUNTY, "indicator": "R04", "year": 2026, "value": "98", "source": "年报"}


@pytest.fixture
def registry(reference: str) -> str:
    """With the indicators of seed/."""
    return reference


def decide(post, passed: bool, role="monitor", **given):
    body = {"division": COUNTY, "year": 2026, "passed": passed, **given}
    return post(role, f"{URL}/decide", body)


def value_of(indicator: str = "R04", code: str = COUNTY) -> tuple:
    [found] = [
        each
        for each in measure(divisions.get(code), TODAY)
        if (each.indicator.id, each.division.code) == (indicator, code)
    ]
    return found.exact, found.remark


def test_a_value_waits_is_passed_and_a_correction_waits_anew(post):
    post("reporter", URL, {"values": [SAID]})
    waiting = value_of()
    assert decide(post, True).json["decided"] == 1
    passed = value_of()
    post("reporter", URL, {"values": [SAID | {"value": "97"}]})

    assert waiting == (98, "报了，监测组还没有审核")
    assert passed == (98, None)
    assert value_of() == (97, "报了，监测组还没有审核")
    assert db.query("SELECT version, passed FROM value_decision") in ([(1, 1)], [(1, True)])


def test_what_was_returned_is_no_figure_until_it_is_corrected(post):
    post("reporter", URL, {"values": [SAID]})
    without_reason = decide(post, False)
    decide(post, False, reason="分母错了")
    returned = value_of()
    [item] = post("reporter", f"{URL}?division={COUNTY}").json["items"]
    post("reporter", URL, {"values": [SAID | {"value": "97"}]})

    assert (without_reason.status_code, without_reason.json["code"]) == (422, "reason_required")
    assert returned == (None, "退回了，等更正")
    assert (item["state"], item["reason"]) == ("returned", "分母错了")
    assert value_of()[0] == 97


def test_nobody_decides_twice_nor_their_own_nor_elsewhere(post, admin):
    post("reporter", URL, {"values": [SAID]})
    body = {"division": COUNTY, "year": 2026, "passed": True}
    elsewhere = post("monitor", f"{URL}/decide", body, scope=OTHER)
    decide(post, True)
    again = decide(post, True, indicators=["R04"])

    assert elsewhere.status_code == 403
    assert (again.status_code, again.json["code"]) == (404, "nothing_waits")


def test_a_department_reports_what_it_answers_for(post):
    own = post("reporter", URL, {"values": [SAID]}, departments=["卫健"])
    other = post("reporter", URL, {"values": [SAID]}, departments=["教育"])

    assert own.status_code == 200, own.text
    assert (other.status_code, other.json["code"]) == (403, "out_of_departments")


def test_a_file_with_one_wrong_row_changes_nothing_and_names_the_row(post):
    rows = [SAID | {"row": 5}, SAID | {"indicator": "R05", "value": "101", "row": 6}, SAID | {"row": 7}]

    answer = post("reporter", URL, {"values": rows})

    assert answer.status_code == 422
    assert [(each["row"], each["code"]) for each in answer.json["errors"]] == [
        (6, "out_of_range"),
        (7, "value_twice"),
    ]
    assert db.query("SELECT * FROM reported_value") == []


def test_who_has_not_reported_and_who_is_late(post, admin):
    assert (
        post("monitor", "/api/v1/periods", {"period": "2025", "due_on": "2026-01-31"}, None).status_code
        == 200
    )
    post("reporter", URL, {"values": [SAID | {"year": 2025}]})

    found = post("monitor", f"{URL}/status?division={COUNTY}&year=2025").json

    [health] = [row for row in found["items"] if "卫健" in row["department"] and row["waiting"]]
    assert found["due_on"] == "2026-01-31"
    assert (health["waiting"], health["late"], health["overdue"]) == (1, 1, True)
    assert len(health["missing"]) == health["expected"] - 1
    assert "R04" not in health["missing"]


@pytest.mark.parametrize(("role", "scope"), [("monitor", COUNTY), ("reporter", None), ("approver", None)])
def test_the_due_day_is_set_for_all_by_the_monitors_of_all(post, role, scope):
    answer = post(role, "/api/v1/periods", {"period": "2025", "due_on": "2026-01-31"}, scope)

    assert answer.status_code in (403, 422)


def test_the_checks_name_the_jump_the_outlier_and_the_sum_that_is_none(post, admin):
    counties = divisions.children(divisions.get(CITY), TODAY)
    values = [
        {"division": each.padded_code, "indicator": "R04", "year": 2026, "source": "年报", "value": value}
        for each, value in zip(counties, ["90", "91", "92", "93", "94", "95", "96", "10"], strict=True)
    ]
    parts = [
        {"division": each.padded_code, "indicator": "R05", "year": 2026, "source": "年报", "numerator": 9, "denominator": 10}
        for each in counties
    ]  # fmt: skip
    city = {
        "division": CITY,
        "indicator": "R05",
        "year": 2026,
        "source": "年报",
        "numerator": 72,
        "denominator": 81,
    }
    before = values[0] | {"year": 2025, "value": "60"}
    assert admin.post(URL, json={"values": [*values, *parts, city, before]}).status_code == 200

    found = post("monitor", f"{URL}/checks?division={CITY}&year=2026", scope=None).json["items"]

    assert [(each["code"], each["indicator"], each["division"]) for each in found] == [
        ("jump", "R04", counties[0].padded_code),  # 60 → 90
        (
            "outlier",
            "R04",
            counties[7].padded_code,
        ),  # median 92.5, deviations' median 2: z = 0.6745 × 82.5 ÷ 2
        ("pooled", "R05", CITY),
    ]
    assert "-27.8" in found[1]["detail"]
    assert "分母 81，各县（市、区）合计 80" in found[2]["detail"]


def test_both_books_and_the_names_that_explain_the_difference(post, admin):
    town = divisions.get("441802006000")
    rows = [row for row in divisions.children(town, TODAY) if row.community_kind == "residents_committee"]
    a_place("家长学校", division=rows[0].padded_code)
    said = {"division": COUNTY, "indicator": "T01.urban", "year": 2026, "source": "妇联", "value": "50"}
    post("reporter", URL, {"values": [said]})

    [row] = post("monitor", f"{URL}/beside?division={COUNTY}&year=2026").json["items"]

    lacking = {each["code"] for each in row["lacking"]}
    assert (row["indicator"], row["reported"]["display"], row["registry"]["numerator"]) == (
        "T01.urban",
        "50.0%",
        1,
    )
    assert row["registry"]["denominator"] == 1 + len(lacking)
    assert rows[0].padded_code not in lacking
    assert {each.padded_code for each in rows[1:]} <= lacking


def test_each_step_has_its_post_and_no_other(post):
    freeze = {"division": CITY, "period": "2026", "on": TODAY.isoformat()}
    wrong = [
        post("assessor", "/api/v1/snapshots", freeze, None),
        post("reporter", "/api/v1/snapshots", freeze, None),
        post("monitor", "/api/v1/snapshots", freeze | {"period": "mid-2026"}, None),
    ]
    frozen = post("monitor", "/api/v1/snapshots", freeze, None)
    path = f"/api/v1/snapshots/{frozen.json['number']}"
    sending = {"sent_to": "市妇儿工委办公室", "sent_on": TODAY.isoformat(), "document_no": "清统〔2026〕1号"}
    early = post("assessor", f"{path}/sendings", sending, None)
    wrong += [post(role, f"{path}/approve", {}, None) for role in ("monitor", "assessor", "reporter")]
    approved = post("approver", f"{path}/approve", {}, None)
    wrong += [post(role, f"{path}/publish", {}, None) for role in ("monitor", "approver")]
    sent = post("assessor", f"{path}/sendings", sending, None)
    published = post("assessor", f"{path}/publish", {}, None)

    assert [answer.status_code for answer in wrong] == [403] * 8
    assert [answer.status_code for answer in (frozen, approved, sent, published)] == [201, 200, 201, 200]
    assert (early.status_code, early.json["code"]) == (409, "wrong_state")
    [line] = post("assessor", "/api/v1/sendings", scope=None).json["items"]
    assert {name: line[name] for name in sending} == sending
    assert (line["period"], line["version"], line["division_name"]) == ("2026", 1, "清远市")


def test_the_printed_form_is_imported_as_it_was_filled_in(registry, tmp_path):
    from openpyxl import load_workbook

    form = tmp_path / "清城 卫健.xlsx"
    wrote = run_admin("reported", "form", COUNTY, 2026, form, "--department", "卫健", url=registry)
    book = load_workbook(form)
    sheet = book.active
    [head] = [row[0].row for row in sheet.iter_rows() if row[0].value == "区划代码"]
    column = {cell.value: cell.column for cell in sheet[head]}
    row = next(n for n in range(head + 1, sheet.max_row) if sheet.cell(n, column["指标"]).value == "R04")
    for heading, value in (("分子", "8760"), ("分母", 8890), ("来源", "区卫健局年报")):
        sheet.cell(row, column[heading]).value = value
    book.save(form)

    ran = run_admin("reported", "import", form, url=registry)
    [item] = run_admin("reported", "list", COUNTY, "--format", "json", url=registry).json
    status = run_admin("reported", "status", COUNTY, 2026, url=registry)

    said = [str(cell.value) for line in sheet.iter_rows() for cell in line if cell.value]
    assert wrote.code == 0, wrote.err
    assert ran.code == 0, ran.err
    assert "新报 1" in ran.out
    assert (item["indicator"], item["numerator"], item["denominator"]) == ("R04", 8760, 8890)
    assert all(
        any(word in text for text in said)
        for word in ("表号", "填报单位", "单位负责人", "填表人", "报出日期")
    )
    assert "报出期限 2027-03-31" in status.err


def test_a_wrong_cell_of_a_file_is_named_and_nothing_is_reported(registry, tmp_path):
    file = tmp_path / "报数.csv"
    file.write_text(
        "指标,区划代码,年份,数值,分子,分母,来源\nR04,441802,2026,,十,20,年报\nR05,441802,2026,98,,,\n",
        "utf-8",
    )

    ran = run_admin("reported", "import", file, url=registry)

    assert ran.code == 1
    assert "第 2 行" in ran.err
    assert "第 3 行" in ran.err
    assert "Traceback" not in ran.err
    assert run_admin("reported", "list", COUNTY, "--format", "json", url=registry).json == []


@pytest.mark.parametrize("what", ["status", "checks", "beside"])
@pytest.mark.parametrize(("code", "status"), [("441802006001", 200), ("new", 404)])
def test_a_village_reports_nothing_and_a_county_of_today_was_not_there_before(admin, what, code, status):
    if code == "new":
        rows = [
            {
                "code": "441899",
                "name": "新县",
                "level": "county",
                "parent_code": CITY,
                "valid_from": "2026-01-01",
            }
        ]
        assert admin.post("/api/v1/divisions", json={"rows": rows}).status_code == 200
        code = "441899000000"

    assert admin.get(f"{URL}/{what}?division={code}&year=2025").status_code == status
