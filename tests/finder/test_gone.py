"""A place that closed says when and why, and where to go instead; what is hidden stays hidden."""

from datetime import timedelta

import pytest

from servicemap import storing
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.finder.gone import tombstone
from servicemap.models import Suspension
from servicemap.records import Record, load
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_change, a_place, a_tree

pytestmark = pytest.mark.usefixtures("registry")

YESTERDAY, TOMORROW = TODAY - timedelta(1), TODAY + timedelta(1)
TIANXIN = "441802102200"  # in the same county as NORTH_GATE, in another town
SOUTH_GATE = "441802001002"  # in the same town
FAR_COUNTY = "441881101201"


def a_closed_place(**given: object) -> Record:
    return a_place("关了", **{"closed_on": YESTERDAY, "closed_reason": "并入新址"} | given)


def rest(record: Record) -> None:
    Suspension.create(facility=record.id, from_on=YESTERDAY, to_on=None, reason="装修")
    before = load([record.id])[record.id]
    with write_txn(SEED) as log:
        storing.write(log, [], [(record, before)], TODAY)


def instead(record: Record) -> list[tuple[str, int]]:
    gone = tombstone(record, TODAY)
    assert gone is not None
    return [(place["type"], place["facility_id"]) for place in gone["alternatives"]]


def test_it_says_when_and_why_it_closed_and_what_it_was():
    gone = tombstone(a_closed_place(types=("parent_school", "nursery")), TODAY)

    assert gone == {
        "status": "closed",
        "closed_on": YESTERDAY,
        "reason": "并入新址",
        "types": ["parent_school", "nursery"],
        "alternatives": [],
    }


def test_its_day_and_reason_are_those_of_the_last_role_that_closed():
    record = a_place("关了", closed_on=TODAY - timedelta(9), closed_reason="先关")
    record = a_change(record, types=("nursery",), closed_on=YESTERDAY, closed_reason="后关")

    gone = tombstone(record, TODAY)

    assert (gone["closed_on"], gone["reason"]) == (YESTERDAY, "后关")
    assert gone["types"] == ["parent_school", "nursery"]


def test_the_nearest_open_place_of_the_type_is_offered_with_its_distance():
    a_place("far", lat=LAT + 0.02)
    near = a_place("near", lat=LAT + 0.01)
    a_place("of another type", types=("nursery",), lat=LAT + 0.001)

    gone = tombstone(a_closed_place(), TODAY)

    (place,) = gone["alternatives"]
    assert (place["type"], place["facility_id"]) == ("parent_school", near.id)
    assert place["distance_m"] == pytest.approx(1107.5, abs=1)


def test_each_of_its_former_types_has_its_own_alternative():
    school = a_place("school", lat=LAT + 0.01)
    nursery = a_place("nursery", types=("nursery",), lat=LAT + 0.02)
    home = a_place("both", types=("childrens_home",), lat=LAT + 0.03)

    closed = a_closed_place(types=("nursery", "childrens_home", "parent_school"))

    assert instead(closed) == [
        ("nursery", nursery.id),
        ("childrens_home", home.id),
        ("parent_school", school.id),
    ]


def test_one_place_may_stand_in_for_several_types():
    both = a_place("both", types=("parent_school", "nursery"), lat=LAT + 0.01)

    closed = a_closed_place(types=("parent_school", "nursery"))

    assert instead(closed) == [("parent_school", both.id), ("nursery", both.id)]


def test_what_rests_is_planned_or_closed_is_no_alternative():
    rest(a_place("rests", lat=LAT + 0.001))
    a_place("planned", lat=LAT + 0.002, opened_on=TOMORROW)
    a_place("closed", lat=LAT + 0.003, closed_on=YESTERDAY)
    works = a_place("works", lat=LAT + 0.05)

    assert instead(a_closed_place()) == [("parent_school", works.id)]


def test_a_place_without_a_position_has_the_first_of_its_town_by_code_else_of_its_county():
    a_place("other county", division=FAR_COUNTY)
    rest(a_place("rests"))
    of_county = a_place("of the county", division=TIANXIN)
    elsewhere = tombstone(a_closed_place(lng=None), TODAY)
    first, _ = a_place("of the town", division=SOUTH_GATE, lat=LAT + 0.2), a_place("later")

    gone = tombstone(a_closed_place(lng=None), TODAY)

    assert [each["facility_id"] for each in elsewhere["alternatives"]] == [of_county.id]
    assert gone["alternatives"] == [{"type": "parent_school", "facility_id": first.id, "distance_m": None}]


def test_where_there_are_no_counties_it_is_the_first_of_the_city():
    a_tree((("4419", "东莞市", "city", ""), ("441901", "东城街道", "town", "4419"),
            ("441902", "南城街道", "town", "4419")))  # fmt: skip
    other = a_place("other town", division="441902")

    assert instead(a_closed_place(lng=None, division="441901")) == [("parent_school", other.id)]


def test_from_where_it_stood_only_roughly_whole_kilometres_are_said():
    a_place(lat=LAT + 0.013)

    gone = tombstone(a_closed_place(precision="community"), TODAY)

    assert gone["alternatives"][0]["distance_m"] == 1000


@pytest.mark.parametrize("type_", ["nursery", "parent_school"])
def test_a_hidden_places_tombstone_is_the_same_wherever_in_its_county_it_stood(type_):
    a_place("east", lng=LNG + 0.3, types=("nursery",))
    a_place("west", lng=LNG - 0.3, types=("nursery",))
    said = []

    for lng, division in ((LNG + 0.3, NORTH_GATE), (LNG - 0.3, TIANXIN)):
        record = a_closed_place(types=(type_,), lng=lng, division=division, visibility="contact_only")
        said.append(tombstone(record, TODAY))

    assert said[0] == said[1]
    assert said[0]["reason"] is None


def test_planned_resting_and_open_places_are_not_gone():
    resting = a_place("rests")
    rest(resting)

    assert tombstone(a_place("planned", opened_on=TOMORROW), TODAY) is None
    assert tombstone(load([resting.id])[resting.id], TODAY) is None
    assert tombstone(a_place("open"), TODAY) is None
    assert tombstone(a_place("closes tomorrow", closed_on=TOMORROW), TODAY) is None


def test_a_place_that_still_is_something_else_is_not_gone():
    record = a_place(types=("parent_school", "nursery"))
    record = a_change(record, types=("nursery",), closed_on=YESTERDAY)

    assert tombstone(record, TODAY) is None
