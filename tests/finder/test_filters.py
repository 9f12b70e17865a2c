"""Each filter has one meaning: near, by code, in the counts, and where thousands stand on one point."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from servicemap.finder import near
from servicemap.finder.filters import Filters, Within
from servicemap.finder.search import search
from servicemap.models import Division
from servicemap.records import Record, Role, RoleClass
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_division, a_place, a_type, scaled
from tests.finder.countryside import a_countryside, a_role, stored
from tests.finder.oracle import Oracle
from tests.finder.test_search import HERE, NOON, facts_of, found_on, pages_of

pytestmark = pytest.mark.usefixtures("registry", "unhurried")

STACKED = 5000  # no deeper does a cursor go
MIDNIGHT = NOON.replace(hour=0, minute=0, second=0)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no search is broken off."""
    monkeypatch.setattr(near, "BUDGET_S", 3600.0)


def found(filters: Filters, **asked: Any) -> set[int]:
    """The ids found near, which are those found by code, each once."""
    query = replace(HERE, filters=filters, **asked)
    nearby = [one.id for one in found_on(pages_of(query))]
    listed = [one.id for one in found_on(pages_of(replace(query, lng=None, lat=None)))]
    assert sorted(nearby) == listed == sorted(set(listed))
    return set(nearby)


FITTING = [
    (Filters(age_months=24), {"age_from_months": 24, "age_to_months": 24}, {"age_from_months": 25}),
    (Filters(age_months=24), {}, {"age_to_months": 23}),
    (Filters(fees=("free",)), {"fee": "free"}, {"fee": "discounted"}),
    (Filters(fees=("free", "discounted")), {"fee": "discounted"}, {"fee": "paid"}),
    (Filters(fees=("free",)), {"fee": "free"}, {}),
    (Filters(fee_max=800), {"monthly_fee": 800, "fee": "paid"}, {"monthly_fee": 801, "fee": "paid"}),
    (Filters(fee_max=0), {"fee": "free"}, {"fee": "paid"}),
    (Filters(fee_max=100_000), {"monthly_fee": 100_000}, {}),
    (Filters(inclusive=True), {"inclusive": True}, {"inclusive": False}),
    (Filters(inclusive=True), {"inclusive": True}, {}),
    (Filters(registered=True), {"registration_no": "1"}, {}),
    (Filters(registered=True), {"registration_body": "卫健局"}, {"inclusive": True}),
    (Filters(places_free=True), {"offered": 10, "taken": 9}, {"offered": 10, "registered": 20, "taken": 10}),
    (Filters(places_free=True), {"registered": 10, "taken": 9}, {"offered": 10}),
    (Filters(accessible="yes"), {"accessible": True}, {}),
    (Filters(accessible="maybe"), {}, {"accessible": False}),
    (Filters(verified_since=TODAY), {"verified_on": TODAY}, {"verified_on": TODAY - timedelta(1)}),
    (Filters(verified_since=TODAY), {"verified_on": TODAY}, {}),
    (Filters(open_at=MIDNIGHT), {"hours": "24/7"}, {"hours": "周一至周日 0:01-23:59"}),
    (Filters(open_at=MIDNIGHT), {"hours": "24/7"}, {}),
    (Filters(open_weekends=True), {"hours": "周六 9:00-17:00"}, {"hours": "周一至周五 9:00-17:00"}),
    (Filters(open_weekends=True), {"hours": "24/7"}, {"hours": "看情况"}),
    (Filters(box=(LNG, LAT, LNG + 1, LAT + 1)), {}, {"lng": LNG - 1e-7}),
    (Filters(box=(LNG - 1, LAT - 1, LNG, LAT)), {}, {"lat": LAT + 1e-7}),
    (Filters(box=(LNG - 1, LAT - 1, LNG, LAT)), {}, {"lng": None}),
]


@pytest.mark.parametrize(("filters", "fits", "fails"), FITTING)
def test_a_filter_lets_through_what_fits_to_the_last_month_yuan_minute_and_degree(filters, fits, fails):
    inside = a_place("inside", **fits)
    a_place("outside", **fails)

    assert found(filters) == {inside.id}


def test_what_the_roles_of_a_place_say_counts_for_the_type_that_is_asked_for():
    both = a_place("both", types=["nursery"], fee="free", age_from_months=0, age_to_months=36)
    school = a_type("parent_school").id
    stored([replace(both, id=0, roles=[*both.roles, Role(0, school, fee="paid", age_from_months=72)])])

    free_schools = found(Filters(fees=("free",)), type_ids=(school,))
    free_places = found(Filters(fees=("free",)))
    toddlers = found(Filters(age_months=24), type_ids=(school,))

    assert (free_schools, free_places, toddlers) == (set(), {1, 2}, set())


NURSERY = {"age_from_months": 0, "age_to_months": 36, "fee": "paid", "monthly_fee": 2000}
CLASSES = [
    RoleClass("toddler", 12, 24, registered=10, taken=10, monthly_fee=1800),
    RoleClass("senior", 24, 36, registered=10, taken=4),
    RoleClass("mixed", registered=10, monthly_fee=900),
]


def a_site(*roles: Role, placed: bool = True) -> None:
    """A place that carries just these plaques."""
    at = {"lng": LNG, "lat": LAT, "position_precision": "door", "position_datum": "wgs84"}
    stored([Record(0, "site", a_division().id, roles=list(roles), **(at if placed else {}))])


@pytest.mark.parametrize(
    ("filters", "finds"),
    [
        (Filters(age_months=60), False),  # between the ages of the nursery and of the youth palace
        (Filters(age_months=30, fees=("free",)), False),  # only the palace is free
        (Filters(age_months=72, fees=("free",), fee_max=0), True),
        (
            Filters(age_months=12, places_free=True),
            True,
        ),  # of the mixed class only the nursery's count is known
        (Filters(age_months=12, places_free=True, fee_max=899), False),
        (Filters(age_months=24, places_free=True, fee_max=2000), True),
        (Filters(age_months=72, inclusive=True), False),  # only the nursery is 普惠
        (Filters(age_months=36, inclusive=True, fee_max=900), True),
    ],
)
def test_all_that_is_asked_of_an_offer_holds_of_one_and_the_same(filters, finds):
    nursery = Role(
        0, a_type("nursery").id, **NURSERY, inclusive=True, registered=50, taken=40, places_on=TODAY
    )
    nursery.classes = CLASSES
    palace = Role(0, a_type("youth_palace").id, fee="free", age_from_months=72, age_to_months=144)
    a_site(nursery, palace)

    assert found(filters) == ({1} if finds else set())


def test_a_class_with_all_places_taken_is_not_the_one_that_has_some():
    nursery = Role(0, a_type("nursery").id, **NURSERY, classes=CLASSES[:2])
    a_site(nursery)

    def listed(months: int) -> int:
        return search(
            replace(HERE, filters=Filters(age_months=months, places_free=True)), counted=True
        ).counts.total

    assert (listed(14), listed(23), listed(24), listed(36), listed(37)) == (0, 0, 1, 1, 0)


def test_a_nursery_that_names_ages_by_class_only_is_of_those_ages():
    nursery = Role(0, a_type("nursery").id, classes=[CLASSES[0]])
    a_site(nursery)

    def items(months: int) -> list[dict[str, Any]]:
        return facts_of(pages_of(replace(HERE, filters=Filters(age_months=months))))

    assert [len(items(months)) for months in (11, 12, 24, 25)] == [0, 1, 1, 0]
    assert items(12)[0]["age_unknown"] is False


def test_the_age_is_marked_unknown_by_the_offer_that_is_found_not_by_another():
    nursery = Role(0, a_type("nursery").id, **NURSERY)
    library = Role(0, a_type("library").id, fee="free")
    a_site(nursery, library)
    a_site(nursery)
    a_site(nursery, library, placed=False)
    asked = replace(HERE, filters=Filters(age_months=12, fee_max=100))

    near_items, by_code = facts_of(pages_of(asked)), facts_of(pages_of(replace(asked, lng=None, lat=None)))

    marks = [(1, True), (3, True)]
    assert [(item["marker_id"], item["age_unknown"]) for item in near_items] == marks
    assert [(item["marker_id"], item["age_unknown"]) for item in by_code] == marks


def test_a_type_is_counted_where_asking_for_it_would_find():
    nursery = Role(0, a_type("nursery").id, **NURSERY)
    palace = Role(0, a_type("youth_palace").id, age_from_months=72, age_to_months=144)
    a_site(nursery, palace)

    counted = search(replace(HERE, filters=Filters(age_months=12)), counted=True).counts

    assert counted.by_type == {nursery.type_id: 1}


def test_spans_of_several_divisions_mean_any_of_them():
    a_place("one", division=NORTH_GATE)
    a_place("two", division="441881101201")
    a_place("three", division="441802102200")
    spans = [Within(each.lft, each.rgt) for each in (a_division("441802001000"), a_division("441881000000"))]

    assert found(Filters(within=tuple(spans))) == {1, 2}


def test_of_a_hidden_place_no_filter_finds_more_than_its_public_facts():
    facts = {"accessible": True, "inclusive": True, "registration_no": "1", "monthly_fee": 5}
    a_place("public")
    classes = [RoleClass("toddler", 12, 24)]
    hidden = a_place(
        "hidden", visibility="contact_only", offered=9, taken=1, age_from_months=36, classes=classes, **facts
    )
    asked = [
        Filters(accessible="yes"),
        Filters(inclusive=True),
        Filters(registered=True),
        Filters(places_free=True),
        Filters(fee_max=100),
        Filters(age_months=12),
        Filters(box=(LNG - 1, LAT - 1, LNG + 1, LAT + 1)),
        *(Filters(within=(Within(each.lft, each.rgt),)) for each in Division.select() if len(each.code) > 6),
    ]

    assert not any(hidden.id in found(filters) for filters in asked)
    assert hidden.id in found(Filters(accessible="maybe"))
    assert hidden.id in found(Filters(age_months=36))


@pytest.mark.parametrize("filters", [Filters(fees=("free",)), Filters(fee_max=0), Filters(fee_max=500)])
def test_a_hidden_place_that_is_free_is_found_by_its_fee(filters):
    public = a_place("public", fee="free")
    hidden = a_place("hidden", visibility="contact_only", fee="free")
    a_place("hidden and paid for", visibility="contact_only", fee="paid", monthly_fee=0)

    assert found(filters) == {public.id, hidden.id}


def test_thousands_on_one_point_are_found_page_by_page_whatever_is_asked():
    random, number = Random(40), scaled(STACKED, 500)
    types = [a_type(key).id for key in ("nursery", "parent_school")]
    division = a_division().id
    stack = [a_stacked(random, types, division) for _ in range(number)]
    stored(stack)
    oracle = Oracle(stack, today=TODAY)
    queries = [
        replace(HERE, type_ids=type_ids, filters=filters, limit=limit, q=q)
        for type_ids in ((), (types[0],), tuple(types))
        for filters, q, limit in (
            (Filters(), "", 100),
            (Filters(fees=("free",)), "", 37),
            (Filters(fee_max=1500, age_months=12, places_free=True), "", 50),
            (Filters(age_months=24, accessible="maybe"), "", 100),
            (Filters(open_at=NOON.replace(second=0)), "", 100),
            (Filters(box=(LNG, LAT, LNG + 1, LAT + 1)), "二楼", 100),
            (Filters(verified_since=TODAY), "", 23),
        )
    ]

    for query in queries:
        right, _ = oracle.answer(query)
        assert found_on(pages_of(query)) == right, query
        assert search(query, counted=True).counts.total == min(len(right), 1000)


def a_stacked(random: Random, types: list[int], division: int) -> Record:
    roles = [a_role(random, type_id) for type_id in random.sample(types, random.choice((1, 2)))]
    return Record(
        0,
        random.choice(("托育一楼", "托育二楼", "幼儿园二楼")),
        division,
        lng=LNG,
        lat=LAT,
        position_datum="wgs84",
        position_precision=random.choice(("door", "community")),
        hours=random.choice((None, "24/7", "周六 9:00-17:00")),
        accessible=random.choice((True, False, None)),
        verified_on=random.choice((None, TODAY)),
        roles=roles,
    )


def test_every_division_filters_what_stands_in_it_and_nothing_else():
    places, shapes = a_countryside(Random(41), 300)
    oracle = Oracle(places, shapes, today=TODAY)

    for division in Division.select():
        span = (Within(division.lft, division.rgt),)
        for query in (replace(HERE, radius_m=50_000), replace(HERE, lng=None, lat=None)):
            asked = replace(query, filters=Filters(within=span), limit=100)
            assert found_on(pages_of(asked)) == oracle.answer(asked)[0], division.name
