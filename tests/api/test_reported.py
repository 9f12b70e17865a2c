"""Values that departments and counties report: kept as they were said, corrected by a further version."""

from fractions import Fraction

import pytest

from servicemap import db, divisions, tokens
from servicemap.access import SEED
from servicemap.coverage.report import report
from tests.cli.conftest import run_admin
from tests.factories import TODAY

URL = "/api/v1/reported-values"
CITY, COUNTY = "441800000000", "441802000000"
SAID = {"division": COUNTY, "indicator": "R04", "year": 2026, "source": "区卫健局年报"}


@pytest.fixture
def registry(reference: str) -> str:
    """With the indicators of seed/."""
    return reference


@pytest.fixture
def send(admin):
    return lambda **given: admin.post(URL, json={"values": [SAID | given]})


def row_of(indicator: str, division: str = COUNTY) -> dict:
    rows = report(divisions.get(division), TODAY)
    return next(row for row in rows if (row["indicator"], row["division"]) == (indicator, division))


@pytest.mark.parametrize(
    ("given", "value", "display", "met"),
    [
        ({"value": "98"}, 98.0, "98.00", True),
        ({"value": "97.999"}, 97.999, "97.99", False),  # cut, never rounded
        ({"numerator": 8760, "denominator": 8890}, 98.5376, "98.53", True),
        ({"numerator": 97, "denominator": 99}, 97.9797, "97.97", False),
    ],
)
def test_a_value_stands_in_the_report_of_its_year_exactly(send, given, value, display, met):
    before = row_of("R04")

    assert send(**given).status_code == 200

    row = row_of("R04")
    assert (before["value"], before["remark"]) == (None, "还没有 2026 年的报数")
    assert (row["value"], row["display"], row["met"], row["remark"]) == (value, display, met, None)
    assert (row["target_text"], row["target_kind"]) == ("≥ 98 %", "at_least")


def test_the_city_has_no_value_of_its_counties(send):
    send(value="98")

    assert row_of("R04", CITY)["value"] is None


def test_a_fall_by_a_fifth_is_held_against_the_base_year(send):
    send(indicator="R29", value="8.0")
    without = row_of("R29")["met"]
    send(indicator="R29", year=2020, value="10")

    assert (without, row_of("R29")["met"]) == (None, True)


def test_a_correction_is_a_further_version_and_the_same_again_is_none(send):
    done = [send(value=value).json for value in ("97", "97", "98")]

    kept = db.query("SELECT version, value, reported_by FROM reported_value ORDER BY version")
    counts = [(each["created"], each["corrected"], each["unchanged"]) for each in done]
    assert counts == [(1, 0, 0), (0, 0, 1), (0, 1, 0)]
    assert [row[:2] for row in kept] == [(1, "97"), (2, "98")]
    assert db.query("SELECT action FROM change WHERE noun = 'reported_value' ORDER BY seq") == [
        ("create",),
        ("update",),
    ]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"value": "100.01"}, 422, "out_of_range"),
        ({"value": "-1"}, 422, "out_of_range"),
        ({"value": "1e3"}, 422, "bad_number"),
        ({"value": "٩"}, 422, "bad_number"),
        ({"numerator": 9, "denominator": 8}, 422, "out_of_range"),
        ({"numerator": 9, "denominator": 0}, 422, "no_parts"),
        ({"numerator": 9}, 422, "value_or_parts"),
        ({"value": "9", "numerator": 9, "denominator": 10}, 422, "value_or_parts"),
        ({}, 422, "value_or_parts"),
        ({"value": "9", "year": 2027}, 422, "bad_year"),
        ({"value": "9", "indicator": "T99"}, 422, "indicator_not_found"),
        ({"value": "9", "division": "441899000000"}, 422, "division_not_found"),
        ({"value": "9", "source": " "}, 422, "bad_parameters"),
    ],
)
def test_what_cannot_be_is_refused_with_a_word(send, given, status, code):
    answer = send(**given)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert db.query("SELECT * FROM reported_value") == []


def test_more_than_all_is_possible_of_a_gross_rate(send):
    assert send(indicator="R22", value="104.2").status_code == 200


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        ("editor", COUNTY, 200),
        ("viewer", COUNTY, 403),
        ("editor", "441881000000", 403),
        ("editor", "441802006000", 403),
    ],
)
def test_a_county_reports_its_own(client, role, scope, status):
    where = divisions.get(scope)
    issued = tokens.issue(SEED, label="岗位", role=role, division=where, expires_on=None, today=TODAY)
    headers = {"Authorization": f"Bearer {issued.secret}"}

    assert client.post(URL, json={"values": [SAID | {"value": "98"}]}, headers=headers).status_code == status


def test_nobody_sees_what_is_not_published(client, send):
    send(value="98")

    assert client.get(URL, query_string={"division": COUNTY}).status_code == 401
    assert client.get(f"/api/v1/coverage/{COUNTY}").status_code == 404


def test_from_the_command_line(registry):
    arguments = ("reported", "set", "R04", COUNTY, 2026, "--numerator", 8760, "--denominator", 8890)

    ran = run_admin(*arguments, "--source", "区卫健局年报", url=registry)
    [row] = run_admin("reported", "list", COUNTY, "--format", "json", url=registry).json

    assert ran.code == 0, ran.err
    assert (row["name"], row["unit"], row["numerator"], row["version"]) == (
        "新生儿遗传代谢性疾病筛查率", "%", 8760, 1,
    )  # fmt: skip
    assert Fraction(row["value"]) == Fraction(876000, 8890)
