"""展望: every status and swing worked out by hand in the table; what is lost next quarter; the sample drawn again."""

import hashlib
from datetime import date
from fractions import Fraction

import pytest

from servicemap import db, divisions
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage import freezing
from servicemap.coverage.expiring import next_quarter_end
from servicemap.coverage.indicators import set_indicator
from servicemap.coverage.outlook import foresee, trend_of
from servicemap.coverage.reported import Said, report_values
from servicemap.coverage.sample import draw
from servicemap.coverage.targets import Target
from tests.factories import NORTH_GATE, TODAY, a_place, a_tree, a_type

CITY, COUNTY, SOUTH = "441800000000", "441802000000", "441802001002"


def target(kind="at_least", value="95", due=2030, base=None) -> Target:
    number = None if kind == "direction" else Fraction(value)
    return Target(kind, number, value, due, "city", "规划", False, base)


def trend(values: dict[int, str], unit="%", **given):
    return trend_of(target(**given), {year: Fraction(value) for year, value in values.items()}, unit)


@pytest.mark.parametrize(
    ("values", "given", "status", "observed", "required", "projected"),
    [
        # 80 → 86 in 2 years is 3 a year; 9 are left in 4 years, 2.25 a year; 86 + 12 = 98
        ({2024: "80", 2025: "84", 2026: "86"}, {}, "on_pace", "3", "9/4", "98"),
        # 1 a year makes 86 + 4 = 90
        ({2024: "84", 2025: "84", 2026: "86"}, {}, "difficult", "1", "9/4", "90"),
        # exactly the target is enough, and a hair less is not
        ({2024: "83", 2025: "84", 2026: "87"}, {}, "on_pace", "2", "2", "95"),
        ({2024: "83.02", 2025: "84", 2026: "87"}, {}, "difficult", "199/100", "2", "2374/25"),
        # 94.96 is not 95, and is foretold exactly
        ({2024: "94.96", 2025: "94.96", 2026: "94.96"}, {}, "difficult", "0", "1/100", "94.96"),
        ({2024: "90", 2025: "92", 2026: "95"}, {}, "reached", None, None, None),
        ({2025: "80", 2026: "94"}, {}, "too_few", None, None, None),
        ({2026: "94"}, {}, "too_few", None, None, None),
        ({}, {}, "unknown", None, None, None),
        ({2024: "80", 2025: "85", 2026: "94"}, {"due": 2026}, "overdue", None, None, None),
        # a year that nobody reported counts by its length
        ({2022: "80", 2024: "82", 2026: "84"}, {}, "difficult", "1", "11/4", "88"),
        # fewer is better: 8 → 6 is one less a year; 3 are left to 3
        ({2024: "8", 2025: "7", 2026: "6"}, {"kind": "at_most", "value": "3"}, "on_pace", "-1", "-3/4", "2"),
        ({2024: "8", 2025: "8", 2026: "7"}, {"kind": "at_most", "value": "3"}, "difficult", "-1/2", "-1", "5"),
        # a fifth less than 10 is 8
        ({2020: "10", 2025: "9.5", 2026: "9.4"}, {"kind": "change_from_base", "value": "-20", "base": 2020},
         "difficult", "-1/10", "-7/20", "9"),
        ({2024: "5", 2025: "6", 2026: "7"}, {"kind": "direction", "value": "up"}, "on_pace", "1", None, None),
        ({2024: "5", 2025: "6", 2026: "5"}, {"kind": "direction", "value": "up"}, "difficult", "0", None, None),
        ({2024: "5", 2025: "6", 2026: "7"}, {"kind": "direction", "value": "down"}, "difficult", "1", None, None),
        ({2024: "60", 2025: "59.6", 2026: "59"}, {"kind": "yearly_step", "value": "-0.5"}, "on_pace", "-1/2", "-1/2", None),
        ({2024: "60", 2025: "59.8", 2026: "59.2"}, {"kind": "yearly_step", "value": "-0.5"}, "difficult", "-2/5", "-1/2", None),
    ],
)  # fmt: skip
def test_the_status_is_what_a_person_works_out(values, given, status, observed, required, projected):
    found = trend(values, **given)

    expected = [None if text is None else Fraction(text) for text in (observed, required, projected)]
    assert (found.status, [found.observed, found.required, found.projected]) == (status, expected)


@pytest.mark.parametrize(
    ("values", "unit", "change", "limit", "swings"),
    [
        ({2024: "80", 2025: "81", 2026: "86"}, "%", "5", "5", False),  # not more than 5 points
        ({2024: "80", 2025: "81", 2026: "86.1"}, "%", "5.1", "5", True),
        ({2024: "80", 2025: "86", 2026: "97"}, "%", "11", "12", False),  # less than twice the usual
        ({2024: "80", 2025: "84", 2026: "75.9"}, "%", "-8.1", "8", True),
        # of 200 a point is 2
        ({2024: "200", 2025: "200", 2026: "189"}, "个", "-11", "10", True),
        ({2025: "20", 2026: "90"}, "%", None, None, False),  # two periods say nothing of what is usual
    ],
)
def test_a_swing_is_told_from_the_usual_change(values, unit, change, limit, swings):
    found = trend(values, unit)

    expected = [None if text is None else Fraction(text) for text in (change, limit)]
    assert ([found.change, found.limit], found.swings) == (expected, swings)


@pytest.mark.parametrize(
    ("on", "end"),
    [("2026-01-01", "2026-06-30"), ("2026-09-30", "2026-12-31"), ("2026-10-01", "2027-03-31"), ("2026-12-31", "2027-03-31")],
)  # fmt: skip
def test_the_next_quarter_ends_after_this_one(on, end):
    assert next_quarter_end(date.fromisoformat(on)) == date.fromisoformat(end)


@pytest.fixture
def tree(registry):
    a_type("parent_school")
    a_tree()
    rule = {"types": ["parent_school"]}
    over = {"level": "community", "community_kind": "residents_committee"}
    one = {"id": "a", "name": "默认", "default": True, "numerator": rule, "denominator": over}
    target = {"at_least": "95", "due_year": 2030, "level": "city", "source": "规划"}
    entry = {
        "id": "X", "name": "某指标", "name_en": "x", "clause": "条", "quote": "文", "department": "某部门",
        "kind": "share", "unit": "%", "targets": [target], "definitions": [one],
    }  # fmt: skip
    with write_txn(SEED) as log:
        set_indicator(log, 1, entry)
        set_indicator(log, 2, {**entry, "id": "R", "kind": "reported", "definitions": []})


def seen(indicator: str, code: str = CITY):
    found = foresee(divisions.get(CITY), TODAY)
    return next(
        each
        for each in found
        if (each.measured.indicator.id, each.measured.division.code) == (indicator, code)
    )


def test_the_periods_are_what_was_frozen_and_today(tree):
    root = divisions.get(CITY)
    for year in (2023, 2024):
        freezing.freeze(SEED, str(year), root, date(year, 12, 31), None, today=TODAY)
    freezing.freeze(SEED, "2025", root, date(2025, 12, 31), None, today=TODAY)
    a_place("甲", division=NORTH_GATE)

    city = seen("X")

    # 0, 0, 0 and today 1 of 3: a third in three years, 95 − 33⅓ are left in four
    third = Fraction(100, 3)
    assert dict(city.values) == {2023: 0, 2024: 0, 2025: 0, TODAY.year: third}
    trend = city.trend
    assert (trend.status, trend.observed, trend.required) == ("difficult", third / 3, (95 - third) / 4)
    assert city.trend.swings


def test_what_was_reported_is_a_period_of_its_year_and_what_was_returned_is_none(tree):
    values = [
        Said("R", CITY, year, value, None, None, "年报", None)
        for year, value in ((2020, "90"), (2024, "91"), (2025, "92"))
    ]
    report_values(SEED, values, TODAY)
    before = seen("R")
    db.execute("UPDATE value_decision SET passed = ? WHERE year = 2025", (False,))

    assert (before.trend.status, before.trend.observed) == ("difficult", Fraction(2, 5))
    assert list(seen("R").values) == [2020, 2024]
    assert seen("R").trend.status == "too_few"


def test_what_ends_by_the_next_quarter_is_named_and_what_grows_old(tree):
    end = next_quarter_end(TODAY)
    closing = a_place("将关", division=NORTH_GATE, verified_on=TODAY)
    a_place("旧了", division=SOUTH, verified_on=date(TODAY.year, 1, 15))
    db.execute("UPDATE role SET closed_on = ? WHERE facility_id = ?", (end.isoformat(), closing.id))

    named = {(loss.kind, loss.division.code) for loss in seen("X").losses}

    assert named == {("expires", NORTH_GATE), ("stales", SOUTH)}
    assert seen("X", COUNTY).losses == seen("X").losses


def test_what_another_place_still_covers_is_not_lost(tree):
    closing = a_place("将关", division=NORTH_GATE, verified_on=TODAY)
    a_place("还开", division=NORTH_GATE, verified_on=TODAY)
    db.execute("UPDATE role SET closed_on = ? WHERE facility_id = ?", (TODAY.isoformat(), closing.id))

    assert seen("X").losses == ()


def test_the_sample_is_drawn_again_by_anybody(tree, client, admin):
    codes = sorted(f"F{n:07d}" for n in range(1, 13))
    places = [a_place(f"学校{n}", division=(NORTH_GATE, SOUTH)[n % 2]) for n in range(12)]
    assert len(places) == len(codes)

    drawn = draw(divisions.get(CITY), TODAY, "X", seed="2026-11-26", size=5)
    again = admin.get(f"/api/v1/coverage/{CITY}/sample?indicator=X&seed=2026-11-26&size=5").json["items"]
    other = draw(divisions.get(CITY), TODAY, "X", seed="2026-11-27", size=5)

    everybody = draw(divisions.get(CITY), TODAY, "X", seed="2026-11-26", size=500)
    order = [hashlib.sha256(f"2026-11-26{proof.code}".encode()).hexdigest() for _, proof in everybody]
    assert len({proof.code for _, proof in everybody}) == 12
    assert order == sorted(order)
    assert drawn == everybody[:5]
    assert [each["code"] for each in again] == [proof.code for _, proof in drawn]
    assert other != drawn
    assert client.get(f"/api/v1/coverage/{CITY}/sample?indicator=X&seed=1").status_code == 401


def test_what_is_expected_is_nobody_elses_business(tree, client, admin):
    url = f"/api/v1/coverage/{CITY}/outlook"

    assert client.get(url).status_code == 401
    row = admin.get(url).json["items"][0]
    assert (row["indicator"], row["status"], row["target_text"]) == ("X", "too_few", "≥ 95 %")
