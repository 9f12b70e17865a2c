"""A search answers what asking every place of the registry in turn gives, page by page, on both engines."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from geopy.distance import geodesic

from servicemap.access import SEED
from servicemap.finder import listing, near
from servicemap.finder import query as query_room
from servicemap.finder import search as finder_search
from servicemap.finder.filters import Filters, Within
from servicemap.finder.query import Query
from servicemap.finder.search import WIDENED_M, Counts, Page, search
from servicemap.models import Division
from servicemap.registry import roll_over
from tests.conftest import fresh
from tests.factories import LAT, LNG, TODAY, a_place, a_tree, a_type, scaled
from tests.finder.countryside import KINDS, NOON, a_countryside, a_question
from tests.finder.oracle import Found, Oracle

PLACES = 700
HERE = Query(NOON, LNG, LAT)
AROUND = {"lng": LNG, "lat": LAT, "radius_m": 50_000}
METRE = 1 / 110_768  # of latitude here, in degrees


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no search is broken off."""
    monkeypatch.setattr(near, "BUDGET_S", 3600.0)
    monkeypatch.setattr(finder_search, "BUDGET_S", 3600.0)


def count(query: Query) -> Counts | None:
    return search(query, counted=True).counts


def pages_of(query: Query) -> list[Page]:
    pages = [search(query)]
    while pages[-1].next_cursor:
        pages.append(search(query, pages[-1].next_cursor))
    return pages


def facts_of(pages: list[Page]) -> list[dict[str, Any]]:
    items = [json.loads(item) for page in pages for item in page.items]
    return [item.get("properties", item) for item in items]


def found_on(pages: list[Page]) -> list[Found]:
    return [
        Found(item["marker_id"], item.get("distance_m", -1.0), item["approximate"])
        for item in facts_of(pages)
    ]


# Everything that can be asked


@dataclass(frozen=True, slots=True)
class Asked:
    query: Query
    right: list[Found]
    radius_m: int | None
    by_type: dict[int, int]


def test_both_engines_find_what_asking_every_place_gives(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    questions: list[Asked] = []

    for engine in ("sqlite", "postgresql"):
        with fresh("nothing", engine, request, tmp_path):
            oracle = Oracle(*a_countryside(Random(30), PLACES), today=TODAY)
            questions = questions or asked_at_random(oracle, Random(31), scaled(2000, 150))
            for number, asked in enumerate(questions):
                # half of them as if no set were small enough to be fetched whole
                monkeypatch.setattr(listing, "FEW_WITHIN", (500, 3)[number % 2])
                pages = pages_of(asked.query)
                assert found_on(pages) == asked.right, (engine, asked.query)
                assert {page.radius_m for page in pages} == {asked.radius_m}, (engine, asked.query)
                assert not any(page.partial for page in pages)
                counted = count(asked.query)
                assert counted == Counts(len(asked.right), False, asked.by_type), (engine, asked.query)

    assert sum(bool(asked.right) for asked in questions) > len(questions) / 2


def asked_at_random(oracle: Oracle, random: Random, number: int) -> list[Asked]:
    types = [a_type(key).id for key, *_ in KINDS]
    divisions = list(Division.select().order_by(Division.code))
    questions = []
    for _ in range(number):
        query = a_question(random, types, divisions)
        right, radius_m = oracle.answer(query)
        limit = max(random.choice((1, 3, 20, 100)), len(right) // 8 + 1)  # eight pages at most
        query = replace(query, limit=min(100, limit))
        questions.append(Asked(query, right, radius_m, oracle.by_type(right, query)))
    return questions


@pytest.mark.usefixtures("registry")
def test_what_is_said_of_a_distance_is_the_way_along_the_earth():
    places = {place.id: place for place in a_countryside(Random(32), PLACES)[0]}

    found = found_on(pages_of(replace(HERE, radius_m=50_000, limit=100)))

    exact = [one for one in found if one.distance_m is not None and not one.approximate]
    assert len(exact) > 100
    for one in exact:
        place = places[one.id]
        metres = geodesic((LAT, LNG), (place.lat, place.lng)).m
        assert one.distance_m == pytest.approx(metres, rel=1e-5, abs=0.02)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("position", "types"),
    [
        ({}, ()),
        ({}, ("nursery",)),
        (AROUND, ()),
        (AROUND, ("nursery",)),
        (AROUND, ("nursery", "parent_school")),
    ],
)
def test_an_age_is_marked_unknown_on_exactly_those_that_are_found_without_saying_theirs(position, types):
    oracle = Oracle(*a_countryside(Random(33), 300), today=TODAY)
    type_ids = tuple(sorted(a_type(key).id for key in types))
    query = Query(NOON, type_ids=type_ids, filters=Filters(age_months=24), limit=100, **position)

    items = facts_of(pages_of(query))

    marked = {item["marker_id"] for item in items if item["age_unknown"]}
    assert marked
    assert marked == {item["marker_id"] for item in items if oracle.age_is_unknown(item["marker_id"], query)}


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("position", [{}, AROUND])
def test_what_is_found_as_open_says_that_it_is(position):
    a_countryside(Random(34), 300)

    now = facts_of(pages_of(Query(NOON, open_now=True, limit=100, **position)))
    at_night = NOON.replace(hour=1, second=0) + timedelta(1)
    later = facts_of(pages_of(Query(NOON, filters=Filters(open_at=at_night), limit=100, **position)))

    assert now
    assert later
    assert {item["open_state"] for item in now + later} == {"open"}


# Wider circles


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("metres", "radius_m"),
    [
        (6000, 10_000),
        (9970, 10_000),
        (10_030, 20_000),
        (30_000, 50_000),
        (99_000, 100_000),
        (450_000, 500_000),
    ],
)
def test_where_nothing_is_inside_the_radius_the_smallest_wider_one_that_holds_something_is_searched(
    metres, radius_m
):
    a_place("first", lat=LAT + metres * METRE)
    a_place("second", lat=LAT + metres * METRE)
    a_place("third, farther", lat=LAT + 2.1 * metres * METRE)
    query = replace(HERE, radius_m=5000, limit=1)

    pages = pages_of(query)

    assert [one.id for one in found_on(pages)][:2] == [1, 2]
    assert {page.radius_m for page in pages} == {radius_m}
    assert count(query).total == len(found_on(pages))


@pytest.mark.usefixtures("registry")
def test_a_radius_with_a_single_place_inside_is_never_widened():
    a_place("inside", lat=LAT + 4990 * METRE)
    a_place("outside", lat=LAT + 5100 * METRE)

    pages = pages_of(replace(HERE, limit=1))

    assert [one.id for one in found_on(pages)] == [1]
    assert [page.radius_m for page in pages] == [5000]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("radius_m", [1, 5000, 50_000])
def test_of_a_registry_without_places_the_widest_circle_is_said_to_be_empty(radius_m):
    a_tree()

    page = search(replace(HERE, radius_m=radius_m))

    assert (page.items, page.next_cursor, page.radius_m) == ([], None, WIDENED_M[-1])
    assert count(replace(HERE, radius_m=radius_m)) == Counts(0, False, {})


@pytest.mark.usefixtures("registry")
def test_the_unplaced_alone_are_shown_on_as_many_pages_as_it_takes():
    for number in range(5):
        a_place(f"unplaced {number}", lng=None)
    query = replace(HERE, limit=2, q="清城区")

    pages = pages_of(query)

    assert [one.id for one in found_on(pages)] == [1, 2, 3, 4, 5]
    assert count(query).total == 5


@pytest.mark.usefixtures("registry")
def test_the_unplaced_of_a_county_that_a_word_names_are_found_from_anywhere():
    a_place("在这里的儿童之家", types=["childrens_home"])
    a_place("英德的儿童之家", types=["childrens_home"], division="441881101201", lng=None)

    pages = pages_of(replace(HERE, q="英德 儿童之家"))

    assert [one.id for one in found_on(pages)] == [2]


# The new day


@pytest.mark.usefixtures("registry")
def test_an_unplaced_place_that_closes_tomorrow_is_gone_tomorrow():
    tomorrow = TODAY + timedelta(1)
    a_place("near")
    a_place("unplaced", lng=None, closed_on=tomorrow)
    today = [one.id for one in found_on(pages_of(HERE))]

    roll_over(SEED, tomorrow)

    assert today == [1, 2]
    assert [one.id for one in found_on(pages_of(replace(HERE, at=NOON + timedelta(1))))] == [1]


# What stands above a county, what is named, and what is empty there


CITY = "441800000000"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("delivery", ["online", "phone", "at_home"])
def test_what_a_city_offers_without_a_place_is_found_from_each_of_its_counties(delivery):
    a_place("市网上家长学校", delivery=delivery, lng=None, division=CITY)
    a_place("别的县的", lng=None, division="441881101201")
    near_one = a_place("近处的")

    pages = pages_of(replace(HERE, limit=1))

    assert [one.id for one in found_on(pages)] == [near_one.id, 1]
    assert count(HERE).total == 2


@pytest.mark.usefixtures("registry")
def test_what_only_a_city_offers_is_no_reason_to_widen_the_circle_and_say_that_it_held_something():
    a_place("市网上家长学校", delivery="online", lng=None, division=CITY)
    a_place("附近的儿童之家", types=("childrens_home",))

    page = search(replace(HERE, q="网上家长学校"))

    assert [item["name"] for item in facts_of([page])] == ["市网上家长学校"]
    assert (page.widened_from_m, page.found_wider) == (5000, False)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("asked", [{"q": "英德 家长学校"}, {"filters": "within"}])
@pytest.mark.parametrize("far_m", [0, 300_000, 2_000_000])
def test_in_a_division_that_is_named_no_radius_bounds_the_answer(asked, far_m):
    for number in range(5):
        a_place(f"第 {number} 家", lat=LAT + 0.5 + number * 0.1, division="441881101201")
    a_place("近处的")
    yingde = Division.get(Division.name == "英德市")
    if "filters" in asked:
        asked = {"filters": Filters(within=(Within(yingde.lft, yingde.rgt),))}
    query = replace(HERE, lat=LAT + far_m * METRE, limit=2, **asked)

    pages = pages_of(query)

    assert sorted(one.id for one in found_on(pages)) == [1, 2, 3, 4, 5]
    assert {page.radius_m for page in pages} == {page.widened_from_m for page in pages} == {None}
    assert count(query).total == 5


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("position", [{}, {"lng": LNG, "lat": LAT}])
def test_a_named_place_in_which_nothing_is_gives_way_to_the_one_above_it_on_every_page(position):
    a_type("nursery")
    for number in range(5):
        a_place(f"第 {number} 家", types=("nursery",), division="441802102200")
    a_place("别的县的", types=("nursery",), division="441881101201")
    query = Query(NOON, q="凤城街道 托育机构", limit=2, **position)

    pages = pages_of(query)

    assert [one.id for one in found_on(pages)] == [1, 2, 3, 4, 5]
    assert [[place.name for place in page.empty_places] for page in pages] == [["凤城街道"]] * 3
    assert {place.name for page in pages for place in page.reading.places} == {"清城区"}
    assert count(query).total == 5


@pytest.mark.usefixtures("registry")
def test_a_list_that_is_broken_off_says_so_and_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(finder_search, "BUDGET_S", 0.0)
    monkeypatch.setattr(finder_search, "FEW", 10)
    monkeypatch.setattr(query_room, "FEW", 10)
    places = [
        a_place(f"第 {number} 村小学", verified_on=TODAY if number % 9 == 0 else None) for number in range(60)
    ]
    query = Query(NOON, q="村", filters=Filters(verified_since=TODAY), limit=3)

    pages = pages_of(query)

    assert [one.id for one in found_on(pages)] == [place.id for place in places if place.verified_on]
    assert any(page.partial for page in pages)
    assert count(query).capped


@pytest.mark.usefixtures("registry")
def test_a_search_that_runs_out_of_time_says_so_and_pretends_no_end(monkeypatch):
    a_place("far", lat=LAT + 0.3)
    a_place("unplaced", lng=None)
    monkeypatch.setattr(near, "BUDGET_S", -1.0)
    monkeypatch.setattr(near, "_glance", lambda *_: 10.0)  # so that the first circle is too small

    page = search(replace(HERE, radius_m=50_000), counted=True)

    assert (page.partial, page.items, page.widened_from_m) == (True, [], None)
    assert page.counts.capped


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("position", [{}, {"lng": LNG, "lat": LAT}])
def test_counting_ends_at_the_most_that_is_counted(monkeypatch, position):
    monkeypatch.setattr(finder_search, "MOST_COUNTED", 3)
    for number in range(6):
        a_place(f"第 {number} 家")

    counts = search(Query(NOON, **position), counted=True).counts

    assert (counts.total, counts.capped) == (3, True)


@pytest.mark.usefixtures("registry")
def test_every_page_says_the_same_of_the_wider_circle():
    a_place("far", lat=LAT + 0.1)
    for number in range(3):
        a_place(f"unplaced {number}", lng=None)

    pages = pages_of(replace(HERE, limit=1))

    assert [page.found_wider for page in pages] == [True] * 4
