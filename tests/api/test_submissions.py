"""What counties and departments hand in, over HTTP and by the command line: their own, complete, in time or late."""

from datetime import date

import pytest

from servicemap import db
from servicemap.coverage.submissions import due
from tests.cli.conftest import run_admin

URL = "/api/v1/submissions"
CITY, COUNTY, OTHER, TOWN = "441800000000", "441802000000", "441881000000", "441802006000"
REPORT = {
    "division": COUNTY, "kind": "yearly", "year": 2025, "title": "2025 年度报告", "department": "卫健",
    "done": ["新增托位 300 个。", "儿科门诊都开了。"], "planned": ["再增 200 个。"],
}  # fmt: skip
PLAN = {
    "division": COUNTY,
    "kind": "plan",
    "year": 2022,
    "title": "清城区儿童发展规划",
    "issued_on": "2022-08-31",
}


@pytest.fixture
def registry(reference: str) -> str:
    """With the indicators of seed/."""
    return reference


def test_what_was_handed_in_is_listed_as_it_was_written(post):
    sent = post("reporter", URL, REPORT | {"document_no": "清卫〔2026〕3号"}, departments=["卫健"])
    [item] = post("monitor", f"{URL}?division={COUNTY}").json["items"]

    assert sent.status_code == 201
    assert item == {name: value for name, value in sent.json.items() if name != "demo"}
    assert {name: item[name] for name in REPORT} == REPORT
    assert (item["division_name"], item["document_no"]) == ("清城区", "清卫〔2026〕3号")
    assert item["noted_by"] == f"reporter {COUNTY} 卫健"
    assert (item["due_on"], item["late"]) == ("2026-03-31", True)


def test_a_plan_is_due_a_month_after_it_was_issued(post):
    in_time = post("admin", URL, PLAN | {"handed_in_on": "2022-09-30"}).json
    late = post("admin", URL, PLAN | {"handed_in_on": "2022-10-01"}).json

    assert (in_time["due_on"], in_time["late"]) == ("2022-09-30", False)
    assert (late["due_on"], late["late"]) == ("2022-09-30", True)
    assert due("plan", 2024, date(2024, 1, 31)) == date(2024, 2, 29)
    assert due("plan", 2023, date(2023, 12, 15)) == date(2024, 1, 15)
    assert due("scheme", 2023, date(2023, 12, 15)) is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"department": "没有的局"}, "unknown_department"),
        ({"done": []}, "report_without_text"),
        ({"planned": []}, "report_without_text"),
        ({"kind": "plan", "issued_on": "2025-01-01"}, "plan_or_scheme"),
        ({"kind": "scheme", "issued_on": "2025-01-01", "department": None}, "plan_or_scheme"),
        ({"kind": "scheme"}, "issued_on_required"),
        ({"year": 2027}, "bad_year"),
        ({"handed_in_on": "2098-01-01"}, "bad_handed_in_on"),
        ({"kind": "scheme", "issued_on": "2025-05-01", "handed_in_on": "2025-04-30"}, "bad_handed_in_on"),
        ({"division": TOWN}, "bad_level"),
    ],
)
def test_what_is_not_complete_is_refused_and_nothing_is_noted(post, wrong, code):
    body = {name: value for name, value in (REPORT | wrong).items() if value is not None}

    refused = post("admin", URL, body, scope=None)

    assert (refused.status_code, refused.json["code"]) == (422, code)
    assert db.query("SELECT COUNT(*) FROM submission") == [(0,)]


def test_nobody_hands_in_for_another(post):
    wrong = [
        post("reporter", URL, REPORT, departments=["教育"]),
        post("reporter", URL, {n: v for n, v in REPORT.items() if n != "department"}, departments=["卫健"]),
        post("reporter", URL, REPORT, scope=OTHER),
        post("editor", URL, REPORT, scope=TOWN),
        post("monitor", URL, REPORT),
        post("assessor", URL, REPORT),
        post("reporter", f"{URL}?division={COUNTY}", scope=OTHER),
        post("reporter", f"{URL}/status?division={CITY}&year=2025"),
    ]

    village = post("admin", f"{URL}/status?division=441802006001&year=2025", scope=None)

    assert [answer.status_code for answer in wrong] == [403] * len(wrong)
    assert (village.status_code, village.json["items"]) == (200, [])
    assert db.query("SELECT COUNT(*) FROM submission") == [(0,)]


def test_who_has_not_handed_it_in_and_who_was_late(post):
    post("admin", URL, REPORT, scope=None)
    post("admin", URL, REPORT | {"department": "教育", "handed_in_on": "2026-03-31"}, scope=None)
    post("admin", URL, PLAN | {"handed_in_on": "2022-09-01"}, scope=None)

    status = post("viewer", f"{URL}/status?division={CITY}&year=2025", scope=None).json
    lines = {(each["division"], each["department"]): each for each in status["items"]}
    plans = post("viewer", f"{URL}/status?division={CITY}&kind=plan&year=2026", scope=None).json

    own = {code for code, department in lines if department is None}
    assert (len(own), CITY in own) == (
        8,
        False,
    )  # the committees of the counties; the departments of all nine
    assert {code for code, department in lines if department == "卫健"} == {*own, CITY}
    assert (lines[COUNTY, "卫健"]["late"], lines[COUNTY, "教育"]["late"]) == (True, False)
    assert (lines[OTHER, "卫健"]["handed_in_on"], lines[OTHER, "卫健"]["overdue"]) == (None, True)
    assert status["missing"] == len(lines) - 2
    assert [each["division"] for each in plans["items"] if each["title"]] == [COUNTY]
    assert (len(plans["items"]), plans["missing"]) == (8, 7)
    assert not any(
        each["overdue"] for each in plans["items"]
    )  # when a plan is not there, nobody knows when it was issued


def test_a_county_that_was_not_there_yet_is_not_found_in_that_year(post):
    db.execute("UPDATE division SET valid_from = '2025-01-01' WHERE padded_code LIKE ?", (f"{COUNTY[:6]}%",))

    years = {y: post("admin", f"{URL}/status?division={COUNTY}&year={y}", scope=None) for y in (2010, 2025)}

    assert (years[2010].status_code, years[2010].json["code"]) == (404, "division_not_found")
    assert years[2025].status_code == 200


def test_a_department_prints_its_report_with_what_it_wrote_or_with_room_to_write(registry, tmp_path):
    def page(name: str, *options: object) -> str:
        ran = run_admin(
            "coverage", "page", COUNTY, tmp_path / name, "--on", "2025-12-31", *options, url=registry
        )
        assert ran.code == 0, ran.err
        return (tmp_path / name).read_text("utf-8")

    blank = page("空.html", "--department", "卫健")
    given = [each for name in ("done", "planned") for text in REPORT[name] for each in (f"--{name}", text)]
    added = run_admin(
        "submission", "add", COUNTY, 2025, "年度报告", "--department", "卫健", *given, url=registry
    )
    filled = page("填.html", "--department", "卫健")
    own = run_admin(
        "submission", "add", COUNTY, 2025, "县报告", "--done", "都报了。", "--planned", "再看。", url=registry
    )
    committee = page("县.html", "--department", "妇儿工委")
    listed = run_admin("submission", "list", COUNTY, url=registry)
    missing = run_admin("submission", "status", COUNTY, 2025, "--missing", "--format", "csv", url=registry)
    nobody = run_admin(
        "coverage", "page", COUNTY, tmp_path / "x.html", "--department", "没有的局", url=registry
    )

    assert added.code == 0, added.err
    assert "卫健的年度报告" in added.out
    assert "<h1>清城区卫健儿童发展规划实施情况报告</h1>" in filled
    assert (blank.count('class="room"'), filled.count('class="room"')) == (2, 0)
    assert all(text in filled and text not in blank for text in (*REPORT["done"], *REPORT["planned"]))
    assert ">T13.paediatricians<" in filled or ">R04<" in filled
    assert ">T01.urban<" not in filled
    assert "T01.urban" in page("全.html")
    assert own.code == 0, own.err
    assert all(text in committee for text in (">T01.urban<", ">R04<", "都报了。", "再看。"))
    assert REPORT["done"][0] not in committee
    assert "年度报告" in listed.out
    assert "卫健" not in missing.out
    assert "教育" in missing.out
    assert (nobody.code, "没有由“没有的局”负责的指标" in nobody.err) == (1, True)
