"""The rules of one record: what a statement makes of it, and what is written with it."""

import json
from datetime import date, timedelta

import pytest

from servicemap import db, facilities
from servicemap.access import SEED
from servicemap.facilities import Stated, flat, merged
from servicemap.facility_types import Kinds
from servicemap.records import Record, Role, load
from tests.factories import LAT, LNG, TODAY, a_change, a_division, a_place, a_type

YESTERDAY, TOMORROW = TODAY - timedelta(1), TODAY + timedelta(1)


def changes(place: Record) -> list[tuple[str, dict]]:
    rows = db.query("SELECT action, diff FROM change WHERE key = ? ORDER BY seq", (place.code,))
    return [(action, json.loads(diff)) for action, diff in rows]


def with_roles(*days: tuple[date | None, date | None], rests=()) -> Record:
    roles = [Role(0, 1, opened_on=opened_on, closed_on=closed_on) for opened_on, closed_on in days]
    return Record(1, "甲", 1, roles=roles, suspensions=list(rests))


# Status

STILL = (None, None)


@pytest.mark.parametrize(
    ("place", "status"),
    [
        (with_roles(STILL), "open"),
        (with_roles((TODAY, None)), "open"),
        (with_roles((TOMORROW, None)), "planned"),
        (with_roles((None, TODAY)), "closed"),
        (with_roles((None, TOMORROW)), "open"),
        (with_roles((None, YESTERDAY), (TOMORROW, None)), "planned"),
        (with_roles((None, YESTERDAY), STILL), "open"),
        (with_roles(), "closed"),
        (with_roles(STILL, rests=[(TODAY, None, "装修")]), "suspended"),
        (with_roles(STILL, rests=[(YESTERDAY, TODAY, "装修")]), "open"),
        (with_roles(STILL, rests=[(TOMORROW, None, "装修")]), "open"),
        (with_roles((None, TODAY), rests=[(YESTERDAY, None, "装修")]), "closed"),
    ],
)
def test_status_is_worked_out_for_the_day(place, status):
    assert place.status(TODAY) == status


# Writing


def test_a_new_place_stands_in_the_audit_with_what_it_says(registry):
    place = a_place("甲", phone="0763-3360000")

    [(action, said)] = changes(place)
    assert action == "create"
    assert said["name"] == [None, "甲"]
    assert said["phone"] == [None, "0763-3360000"]
    assert said["parent_school.is_role"] == [None, True]


def test_a_change_names_only_what_differs_and_counts_the_version_up(registry):
    place = a_place("甲", phone="0763-3360000", hours="Mo-Fr 09:00-17:00")

    changed = a_change(place, phone="0763-3361111", hours="24/7")

    assert (changed.phone, changed.hours, changed.version) == ("0763-3361111", "24/7", 2)
    assert changes(place)[1:] == [
        ("update", {"phone": ["0763-3360000", "0763-3361111"], "hours": ["Mo-Fr 09:00-17:00", "24/7"]})
    ]


def test_places_with_the_same_hours_share_one_text(registry):
    first, second = a_place("甲", hours="24/7"), a_place("乙", hours="24/7")

    assert first.hours_id == second.hours_id
    assert db.query("SELECT text FROM hours") == [("24/7",)]


def test_one_place_carries_many_plaques(registry):
    place = a_place(types=["parent_school", "childrens_home"], opened_on=date(2020, 1, 1))

    changed = a_change(place, types=["nursery"], age_to_months=36)

    key_of = {kind.id: kind.key for kind in Kinds().all}
    assert [key_of[role.type_id] for role in changed.roles] == ["parent_school", "childrens_home", "nursery"]
    assert [role.opened_on for role in changed.roles] == [date(2020, 1, 1), date(2020, 1, 1), None]
    assert changed.roles[2].age_to_months == 36


def test_a_role_that_is_named_again_is_the_same_role(registry):
    place = a_place(types=["nursery"], registered=60)

    changed = a_change(place, types=["nursery"], fee="paid")

    assert [role.id for role in changed.roles] == [place.roles[0].id]
    assert (changed.roles[0].fee, changed.roles[0].registered) == ("paid", 60)


def test_a_role_is_closed_and_opened_again_as_another(registry):
    place = a_place(opened_on=date(2020, 1, 1))
    closed = a_change(place, types=["parent_school"], closed_on=YESTERDAY, closed_reason="搬迁")

    again = a_change(closed, types=["parent_school"], opened_on=TODAY)

    assert (closed.status(TODAY), again.status(TODAY)) == ("closed", "open")
    assert [(role.opened_on, role.closed_on) for role in again.roles] == [
        (date(2020, 1, 1), YESTERDAY),
        (TODAY, None),
    ]


def test_new_counts_of_places_carry_their_day(registry):
    place = a_place(types=["nursery"], registered=60, today=date(2025, 1, 1))

    same = a_change(place, types=["nursery"], registered=60)
    more = a_change(same, types=["nursery"], registered=80, taken=70)

    assert same.roles[0].places_on == date(2025, 1, 1)
    assert (more.roles[0].places_on, more.roles[0].registered, more.roles[0].taken) == (TODAY, 80, 70)
    assert db.query("SELECT registered FROM role_places ORDER BY from_on") == [(60,), (80,)]


def test_divisions_served_are_replaced_as_a_whole(registry):
    place = a_place(serves=["441802001001", "441802001002"])

    changed = a_change(place, types=["parent_school"], serves=["441802102200"])

    assert [link.division_id for link in changed.roles[0].serves] == [a_division("441802102200").id]


def test_a_verification_is_kept_and_an_older_one_changes_nothing(registry):
    place = a_place(verified_on=date(2026, 5, 1))

    older = a_change(place, verified_on=date(2025, 5, 1))
    newer = a_change(older, verified_on=date(2026, 6, 1))

    assert (older.verified_on, newer.verified_on) == (date(2026, 5, 1), date(2026, 6, 1))
    assert db.query("SELECT verified_by FROM verification") == [("seed",), ("seed",)]


# Positions


def test_a_place_with_a_position_stands_at_its_door_unless_said(registry):
    assert a_place("甲").position_precision == "door"
    assert a_place("乙", precision="town").position_precision == "town"
    assert a_place("丙", lng=None).position_precision == "none"
    assert a_place("丁", lng=None, precision="door").position_precision == "none"
    assert a_place("戊", precision="none").position_precision == "door"


def test_a_position_that_hardly_moves_has_not_moved(registry):
    place = a_place()

    kept = merged(place, Stated({"lng": LNG + 5e-7, "lat": LAT, "position_datum": "gcj02"}, []), TODAY)
    moved = merged(place, Stated({"lng": LNG + 5e-5, "lat": LAT, "position_datum": "gcj02"}, []), TODAY)

    assert (kept.lng, kept.position_datum) == (LNG, "wgs84")
    assert (moved.lng, moved.position_datum) == (LNG + 5e-5, "gcj02")


def test_a_position_is_taken_away_by_saying_that_there_is_none(registry):
    place = a_change(a_place(), precision="none")

    assert (place.lng, place.lat, place.position_precision, place.position_datum) == (
        None,
        None,
        "none",
        None,
    )


# Statements


def test_a_statement_does_not_touch_the_record_that_it_is_about(registry):
    place = a_place(types=["nursery"])
    before = flat(place, Kinds())

    after = merged(
        place, Stated({"name": "乙"}, [(a_type("nursery").id, {"fee": "free", "serves": [1]})]), TODAY
    )

    assert flat(place, Kinds()) == before == flat(load([place.id])[place.id], Kinds())
    assert (after.name, after.roles[0].fee) == ("乙", "free")


def test_the_source_of_a_position_lasts_as_long_as_the_position(registry):
    place = a_place(position_source="geocoded:amap 2026-11-26")

    assert a_change(place, lng=LNG + 5e-7, lat=LAT).position_source == "geocoded:amap 2026-11-26"
    assert a_change(place, lng=LNG + 5e-5, lat=LAT).position_source is None
    assert a_change(place, precision="none").position_source is None
    assert a_place("乙", lng=None, position_source="geocoded:amap 2026-11-26").position_source is None


# Lists


def test_records_are_listed_by_code_whatever_was_written_last(registry):
    places = [a_place(f"第 {number} 家", division="441802001001") for number in range(6)]
    for place in reversed(places):
        a_change(place, note="改过")

    listed = [
        [record.id for record in facilities.list_records(SEED, (), (), after=after, limit=3)]
        for after in (0, places[2].id)
    ]

    assert listed == [[place.id for place in places[:3]], [place.id for place in places[3:]]]
