"""What a plan is suspicious of: said, never in the way."""

from datetime import date
from types import SimpleNamespace

import pytest

from servicemap import db, geo
from servicemap.imports.suspects import alike
from servicemap.records import Record
from tests.factories import LAT, LNG, a_batch, a_place, a_plan, scaled

SOUTH_GATE = "441802001002"
HERE = {"lng": str(LNG), "lat": str(LAT), "datum": "wgs84"}
KNOWN = "北门社区家长学校"


@pytest.fixture
def planned(settings):
    """planned(rows): the plan of these rows."""
    return lambda rows: a_plan(a_batch(rows), settings)


def suspicions(plan: SimpleNamespace) -> list[tuple[int | None, str]]:
    return [(remark.row, remark.code) for remark in plan.remarks]


# Known already?


@pytest.mark.parametrize(
    "row",
    [
        {"name": "凤城街道北门社区家长学校", **HERE},
        {"name": "北门社区 家长学校（中心）", **HERE, "lat": str(LAT + 0.0008)},  # 89 m
        {"name": "北门家长学校", "phone": "0763-3360000"},
    ],
)
def test_a_new_place_that_is_probably_known_is_named_and_created_all_the_same(planned, row):
    known = a_place(KNOWN, phone="0763-3360000")

    plan = planned([row])

    assert suspicions(plan) == [(2, "suspected_duplicate")]
    assert known.code in plan.remarks[0].detail
    assert known.code in (plan.remarks[0].cure or "")
    assert (len(plan.created), plan.problems) == (1, [])


@pytest.mark.parametrize(
    "row",
    [
        {"name": "北门社区儿童之家", **HERE, "phone": "0763-3360000"},
        {"name": "北门社区第二家长学校", **HERE},
        {"name": "北门家长学校", **HERE, "lat": str(LAT + 0.001)},  # 111 m
        {"name": "北门家长学校", **HERE, "division": SOUTH_GATE},
        {
            "name": "北门家长学校",
            **HERE,
            "position_precision": "村居",
        },  # where the community is, not the place
    ],
)
def test_what_only_stands_beside_it_is_no_suspect(planned, row):
    a_place(KNOWN, phone="0763-3360000")

    assert suspicions(planned([row])) == []


def test_a_place_that_is_closed_may_come_again_under_a_like_name(planned):
    a_place(KNOWN, opened_on=date(2020, 1, 1), closed_on=date(2024, 1, 1))

    assert suspicions(planned([{"name": "北门家长学校", **HERE}])) == []


def test_two_rows_of_one_file_that_mean_one_place_are_told_from_each_other(planned):
    plan = planned([{"name": KNOWN, **HERE}, {"name": "北门家长学校", **HERE}])

    assert suspicions(plan) == [(3, "suspected_duplicate")]
    assert "第 2 行" in plan.remarks[0].detail


def test_a_thousand_places_on_one_point_are_planned_without_comparing_each_with_each(planned):
    number = scaled(5000, 500)

    plan = planned([{"name": f"北门{chr(0x4E00 + n)}{chr(0x6E00 + n)}学校", **HERE} for n in range(number)])

    assert plan.counts["created"] == number


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        ("北门社区家长学校", "北门社区 家长学校", True),
        ("北门社区家长学校", "北门家长学校", True),
        ("第一幼儿园", "第二幼儿园", False),
        ("田心村3组儿童之家", "田心村4组儿童之家", False),
        ("北门社区家长学校", "北门社区儿童之家", False),
    ],
)
def test_names_are_alike_when_only_how_they_are_said_differs(one, other, are):
    assert alike(one, other) is alike(other, one) is are


# Of another datum?


def places(number: int = 5) -> list[Record]:
    return [a_place(f"第{n}校", lng=LNG + n / 100, lat=LAT + n / 100) for n in range(1, number + 1)]


def rows_of(known: list[Record], datum: str, *, declared: str) -> list[dict[str, str]]:
    """A file with the same places, whose coordinates are of `datum`, but are said to be of another."""
    rows = []
    for place in known:
        lng, lat = geo.from_wgs84(place.lng, place.lat, datum)
        rows.append({"code": place.code, "name": place.name, "lng": f"{lng:.6f}", "lat": f"{lat:.6f}"})
    return [row | {"datum": declared} for row in rows]


@pytest.mark.parametrize("datum", geo.DATUMS)
@pytest.mark.parametrize("declared", geo.DATUMS)
def test_places_that_all_move_by_what_lies_between_two_datums_were_given_in_the_other(
    planned, datum, declared
):
    plan = planned(rows_of(places(), datum, declared=declared))

    assert [remark.code for remark in plan.remarks] == ["suspected_datum"] * (datum != declared)
    if plan.remarks:
        assert f"--datum {datum}" in (plan.remarks[0].cure or "")
        assert (len(plan.updated), plan.problems) == (5, [])


def test_fewer_than_five_or_places_that_moved_each_its_own_way_tell_nothing(planned):
    known = places(9)
    few = rows_of(known[:4], "gcj02", declared="wgs84")
    east = rows_of(known[4:], "wgs84", declared="wgs84")
    for row in east:
        row["lng"] = f"{float(row['lng']) + 0.006:.6f}"

    assert suspicions(planned(few + east)) == []


def test_a_suspicion_is_kept_with_its_row(planned):
    a_place(KNOWN)

    planned([{"name": "北门家长学校", **HERE}])

    [[text]] = db.query("SELECT remarks FROM staged_row")
    assert "suspected_duplicate" in text
