"""Shares of places, worked out by hand: parks with a play area, venues free for children, places that are accessible."""

from datetime import date

import pytest

from servicemap import db, divisions
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.disparity import measure_disparity
from servicemap.coverage.indicators import set_indicator
from servicemap.coverage.measure import measure
from servicemap.coverage.proofs import list_proofs
from servicemap.errors import InvalidError
from tests.factories import TODAY, a_change, a_place, a_tree, a_type

CITY, QINGCHENG, YINGDE = "441800000000", "441802000000", "441881000000"


@pytest.fixture(autouse=True)
def tree(registry):
    a_tree()
    for key in ("park", "play_area", "museum", "library"):
        a_type(key, level="county")


def an_indicator(numerator: dict, denominator: dict | None = None) -> None:
    one = {"id": "a", "name": "默认", "default": True, "numerator": numerator}
    entry = {
        "id": "P", "name": "某指标", "name_en": "p", "clause": "条", "quote": "文", "kind": "place_share",
        "department": "某部门", "targets": [{"at_least": "50", "due_year": 2030, "level": "city", "source": "规划"}],
        "definitions": [one | ({"denominator": denominator} if denominator else {})],
    }  # fmt: skip
    with write_txn(SEED) as log:
        set_indicator(log, 1, entry)


def figures(on: date = TODAY, *, public: bool = False) -> dict[str, tuple]:
    """By division: numerator, denominator, known not to, not known."""
    return {
        m.division.code: (m.numerator, m.denominator, m.answered_none, m.unanswered)
        for m in measure(divisions.get(CITY), on, public=public)
    }


def wait(record) -> None:
    db.execute("DELETE FROM review WHERE facility_id = ?", (record.id,))
    db.execute("INSERT INTO review (facility_id, state) VALUES (?, 'town')", (record.id,))


def test_a_park_with_a_play_area_on_it():
    an_indicator({"types": ["park"], "hosts": ["play_area"]})
    a_place("两样", types=["park", "play_area"], division=QINGCHENG)
    a_place("只是公园", types=["park"], division=QINGCHENG)
    a_place("只是游戏场地", types=["play_area"], division=QINGCHENG)
    wait(a_place("等审核的", types=["park", "play_area"], division=QINGCHENG))
    a_place("关了的", types=["park", "play_area"], division=YINGDE, closed_on=date(2025, 1, 1))

    assert figures() == {CITY: (1, 2, 1, 0), QINGCHENG: (1, 2, 1, 0), YINGDE: (0, 0, 0, 0)}
    assert figures(date(2024, 12, 31))[YINGDE] == (1, 1, 0, 0)
    [city, *_] = measure(divisions.get(CITY), TODAY)
    assert (city.reported, city.town_passed, city.met, city.needed) == (2, 2, True, 0)
    assert [
        proof.name for proof in list_proofs(divisions.get(CITY), TODAY, "P") if proof.state == "county"
    ] == ["两样"]


def test_a_venue_whose_fee_nobody_told_is_not_known_and_not_free():
    an_indicator({"types": ["museum", "library"], "fee": ["free", "discounted"]})
    a_place("免费", types=["museum"], division=QINGCHENG, fee="free")
    a_place("优惠", types=["library"], division=QINGCHENG, fee="discounted")
    a_place("收费", types=["museum"], division=YINGDE, fee="paid")
    a_place("没说", types=["library"], division=YINGDE)

    assert figures() == {CITY: (2, 4, 1, 1), QINGCHENG: (2, 2, 0, 0), YINGDE: (0, 2, 1, 1)}
    lacking = list_proofs(divisions.get(CITY), TODAY, "P", lacking=True)
    assert sorted(proof.name for proof in lacking) == ["收费", "没说"]
    [extremes, *_] = measure_disparity(divisions.get(CITY), TODAY)
    assert (extremes.one.name, extremes.difference) == ("清城区", 100)


@pytest.mark.parametrize(
    ("numerator", "denominator", "city"),
    [
        ({"accessible": True}, {"assessed": True}, (1, 2, 1, 0)),  # of those that were assessed
        ({"accessible": True}, None, (1, 3, 1, 1)),
        ({"assessed": True}, None, (2, 3, 1, 0)),
    ],
)
def test_unknown_is_not_no(numerator, denominator, city):
    an_indicator({"types": ["park"], **numerator}, denominator)
    for name, accessible in (("有", True), ("没有", False), ("没评估", None)):
        a_place(name, types=["park"], division=QINGCHENG, accessible=accessible)

    assert figures()[CITY] == city


def test_a_suspended_place_is_in_neither():
    an_indicator({"types": ["park"], "hosts": ["play_area"]})
    place = a_place("两样", types=["park", "play_area"], division=QINGCHENG)
    db.execute(
        "INSERT INTO suspension (facility_id, from_on, to_on, reason) VALUES (?, '2026-11-01', NULL, '修')",
        (place.id,),
    )

    assert figures()[CITY] == (0, 0, 0, 0)
    [city, *_] = measure(divisions.get(CITY), TODAY)
    assert (city.exact, city.met, city.needed) == (None, None, None)


def test_what_is_looked_at_is_counted_beside():
    an_indicator({"types": ["park"], "hosts": ["play_area"]})
    a_place("新", types=["park", "play_area"], division=QINGCHENG, verified_on=TODAY)
    a_place("旧", types=["park", "play_area"], division=YINGDE, verified_on=date(2024, 1, 1))

    assert [m.verified for m in measure(divisions.get(CITY), TODAY)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("numerator", "word"),
    [
        ({"types": ["park"]}, "中的一个"),
        ({"types": ["park"], "hosts": ["play_area"], "fee": ["free"]}, "中的一个"),
        ({"types": ["park"], "hosts": ["nothing"]}, "没有的类型：nothing"),
        ({"types": ["park"], "fee": ["cheap"]}, "fee 只能是"),
        ({"types": ["park"], "accessible": False}, "accessible 只能是"),
    ],
)
def test_what_a_file_says_wrong_is_named(numerator, word):
    with pytest.raises(InvalidError) as refused:
        an_indicator(numerator)

    assert word in refused.value.detail


@pytest.mark.parametrize(
    ("fees", "figure"),
    [
        (("free", "paid"), (1, 1, 0, 0)),
        (("paid", "free"), (1, 1, 0, 0)),
        ((None, "free"), (1, 1, 0, 0)),
        (("paid", None), (0, 1, 0, 1)),
        (("paid", "paid"), (0, 1, 1, 0)),
    ],
)
def test_of_two_plaques_at_one_place_any_that_is_free_is_enough(fees, figure):
    an_indicator({"types": ["museum", "library"], "fee": ["free", "discounted"]})
    place = a_place("馆", types=["museum", "library"], division=QINGCHENG)

    for key, fee in zip(("museum", "library"), fees, strict=True):
        a_change(place, types=[key], fee=fee)

    assert figures()[CITY] == figure
