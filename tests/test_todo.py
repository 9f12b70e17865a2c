"""What to do next: each kind of work is seen where it is and not where it is not, the weightiest first."""

import json
from datetime import timedelta

import pytest

from servicemap import divisions, feedback, todo
from servicemap.access import SEED, Actor
from servicemap.audit import write_txn
from servicemap.errors import ForbiddenError, InvalidError
from servicemap.models import Shape, Title
from tests.factories import TODAY, a_change, a_division, a_place
from tests.test_laws import ALL_COMMANDS

GOOD = {"phone": "0763-3360000", "hours": "周一至周五 9:00-17:00", "verified_on": TODAY}
NURSERY = {"types": ("nursery",), "age_from_months": 6, "age_to_months": 36, "fee": "paid"}


def found(**given) -> list[str]:
    """The checks that find something about a place that is otherwise good."""
    a_place(**(GOOD | given))
    return [item.check for item in listed()]


def listed(actor=SEED, spans=(), **page) -> list[todo.Item]:
    return todo.list_todo(actor, spans, TODAY, **({"limit": 100} | page))


def a_shape(code: str, west: float, south: float, east: float, north: float) -> None:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    Shape.create(
        division=a_division(code), geometry=json.dumps({"type": "Polygon", "coordinates": [ring]}),
        west=west, south=south, east=east, north=north, source="test",
    )  # fmt: skip
    with write_txn(SEED) as log:
        log.record_change("shape", code, "create")


@pytest.mark.parametrize(
    ("given", "checks"),
    [
        ({}, []),
        ({"lng": None}, ["position"]),
        ({"lng": None, "delivery": "online"}, []),
        ({"phone": None}, ["phone"]),
        ({"hours": None}, ["hours"]),
        ({"precision": "community"}, ["rough"]),
        ({"verified_on": None}, ["unverified"]),
        ({"verified_on": TODAY - timedelta(days=366)}, ["stale"]),
        ({"verified_on": TODAY - timedelta(days=365)}, []),
        ({"division": "441802001000"}, ["higher"]),
        ({"division": "441802001000", "serves": ["441802001001"]}, []),
        ({"division": "441802001000", "level": "town"}, []),
        (NURSERY, []),
        (NURSERY | {"age_from_months": None, "age_to_months": None}, ["ages"]),
        (NURSERY | {"fee": None}, ["fee"]),
        (NURSERY | {"fee": None, "monthly_fee": 1800}, []),
        ({"phone": None, "closed_on": TODAY}, []),
    ],
)
def test_each_kind_of_work_is_seen_and_nothing_else(registry, given, checks):
    assert found(**given) == checks


@pytest.mark.parametrize(
    ("days", "withdrawn_on", "checks"),
    [(90, None, ["title"]), (91, None, []), (-90, None, ["title"]), (9, TODAY, [])],
)
def test_a_title_that_ends_within_90_days_is_seen(registry, days, withdrawn_on, checks):
    place, ends_on = a_place(**GOOD), TODAY + timedelta(days=days)
    Title.create(
        facility=place.id, kind="儿童友好基地", issuer="市妇儿工委", awarded_on=TODAY - timedelta(days=900),
        expires_on=ends_on, withdrawn_on=withdrawn_on,
    )  # fmt: skip

    items = listed()

    assert [item.check for item in items] == checks
    assert all(f"儿童友好基地 {ends_on}" in item.problem for item in items)


@pytest.mark.parametrize(("days", "checks"), [(90, ["licence"]), (91, []), (-900, ["licence"])])
def test_a_licence_that_ends_within_90_days_or_has_ended_is_seen(registry, days, checks):
    ends_on = TODAY + timedelta(days=days)
    a_place(**GOOD, registration_no="粤备 1 号", registration_expires_on=ends_on)

    items = listed()

    assert [item.check for item in items] == checks
    assert all(str(ends_on) in item.problem and "备案有效期至" in item.command for item in items)


def test_a_point_outside_its_county_is_seen(registry):
    a_shape("441802000000", 113.0, 23.5, 113.2, 23.8)
    a_shape("441881000000", 113.2, 23.8, 113.6, 24.3)
    a_place("在县里", **GOOD)
    inside = listed()
    a_place("在邻县", lng=113.4, lat=24.0, **GOOD)
    a_place("在海里", lng=113.4, lat=22.0, **GOOD)

    items = listed()

    assert inside == []
    assert [(item.check, item.name, item.problem) for item in items] == [
        ("outside", "在邻县", "位置在英德市，不是所属的县（市、区）"),
        ("outside", "在海里", "位置不在任何已知的县（市、区），不是所属的县（市、区）"),
    ]


def test_a_likely_duplicate_comes_with_the_merge_to_type(registry):
    one, other = a_place("甲托育园", **GOOD), a_place("甲 托育园", **GOOD)

    [item] = listed()

    assert (item.check, item.code) == ("duplicate", one.code)
    assert f"facility merge {one.code} {other.code}" in item.command


def test_a_familys_word_comes_first_even_about_a_closed_place(registry):
    a_place("没电话", **(GOOD | {"phone": None}))
    place = a_place("关了的", closed_on=TODAY, **GOOD)
    receipt, _ = feedback.receive(place.code, "closed", "还开着", TODAY)

    first = listed()[0]
    feedback.answer(SEED, receipt, "not_so", "", TODAY, checked=False)

    assert (first.check, first.code, first.weight) == ("feedback", place.code, 100)
    assert first.command.endswith(place.code)
    assert [item.check for item in listed()] == ["phone"]


def test_the_weights_fall_and_every_item_has_a_command_that_exists():
    weights = [check.weight for check in todo.CHECKS]

    assert weights == sorted(weights, reverse=True)
    assert len({check.key for check in todo.CHECKS}) == len(todo.CHECKS)
    for check in todo.CHECKS:
        assert " ".join(check.command.split()[:3]) in ALL_COMMANDS, check.key


def test_pages_of_any_size_hold_every_item_once_in_one_order(registry):
    for number in range(7):
        a_place(f"第 {number} 处", lng=None, types=("nursery",))
    whole = listed()

    for size in (1, 2, 5, 100):
        paged: list[todo.Item] = []
        while page := listed(after=paged[-1].key if paged else None, limit=size):
            paged += page
        assert paged == whole

    assert len(whole) == 7 * 6  # position, phone, hours, ages, fee, unverified
    for bad in ("x:F0000001-5", "phone:1", "phone"):
        with pytest.raises(InvalidError):
            listed(after=bad)


def test_a_worker_sees_their_own_division(registry):
    mine = a_place("甲", **(GOOD | {"phone": None}))
    a_place("乙", division="441881101201", **(GOOD | {"phone": None}))
    county, other = divisions.get("441802000000"), divisions.get("441881000000")
    worker = Actor("清城", "viewer", "http", county.id)

    assert [item.code for item in listed(worker)] == [mine.code]
    assert [item.name for item in listed(spans=[(other.lft, other.rgt)])] == ["乙"]
    with pytest.raises(ForbiddenError):
        listed(worker, spans=[(other.lft, other.rgt)])


def test_a_corrected_place_leaves_the_list(registry):
    place = a_place(**(GOOD | {"phone": None}))
    before = listed()

    a_change(place, phone="0763-3360000")

    assert [item.check for item in before] == ["phone"]
    assert listed() == []
