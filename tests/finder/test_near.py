"""The nearest places are those that counting through all of them gives, wherever and however they stand."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from random import Random

import pytest

from servicemap import geo, storing
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.finder import near
from servicemap.finder.near import nearest
from servicemap.records import Record, Role
from tests.factories import LAT, LNG, TODAY, a_division, a_type

pytestmark = pytest.mark.usefixtures("registry", "unhurried")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no search is broken off."""
    monkeypatch.setattr(near, "BUDGET_S", 3600.0)


QUERIES = 500
STACKED = 5000
RADII = (1, 300, 999, 1000, 1499, 1500, 2500, 5000, 20_000, 50_000)
LONG_AGO, LATER = date(2020, 1, 1), date(2030, 1, 1)
METRE = 1 / 111_000  # of latitude, in degrees


def stored(records: Iterable[Record]) -> list[Record]:
    written = list(records)
    with write_txn(SEED) as log:
        storing.write(log, written, [], TODAY)
    return written


def a_record(lng: float, lat: float, *type_ids: int, precision: str = "door") -> Record:
    roles = [Role(0, type_id) for type_id in type_ids]
    place = Record(0, "地方", a_division().id, lng=lng, lat=lat, position_precision=precision, roles=roles)
    return replace(place, position_datum="wgs84")


def a_countryside(random: Random) -> list[Record]:
    """A dense town, villages of which only the middle is known, and single places far around."""
    types = [a_type(f"type_{number}").id for number in range(4)]
    places = []
    for number in range(1500):
        spread = random.choice((0.002, 0.01, 0.2))
        lng, lat = random.gauss(LNG, spread), random.gauss(LAT, spread)
        if number % 5 == 0:  # many in one place, and on one another's kilometre
            lng, lat = LNG + number % 4 * 0.007, LAT + number % 3 * 0.009
        precision = random.choice(("door", "door", "street", "community", "town"))
        kept = random.sample(types, random.choice((1, 1, 2)))
        places.append(a_record(lng, lat, *kept, precision=precision))
    for place in random.sample(places, 60):
        place.visibility = "contact_only"
    for place in random.sample(places, 60):
        place.roles[0].closed_on = LONG_AGO
    for place in random.sample(places, 60):
        place.roles[-1].opened_on, place.roles[-1].closed_on = LATER, None
    return stored(places)


def counted_through(
    places: list[Record], lng: float, lat: float, radius_m: float, type_ids: tuple[int, ...]
) -> list[tuple[float, int]]:
    """(shown distance, id) of all that should be found, nearest first, ties by code."""
    metres = geo.distance_from(lng, lat)
    found = []
    for place in places:
        kept = [
            role for role in place.roles if role.is_open(TODAY) and (role.type_id in type_ids or not type_ids)
        ]
        if not kept or place.visibility != "public":
            continue
        distance = round(metres(place.lng, place.lat), 2)
        if place.position_precision in ("community", "town"):
            distance = max(1000.0, round(metres(place.lng, place.lat) / 1000) * 1000.0)
        if distance <= radius_m:
            found.append((distance, place.id))
    return sorted(found)


def found(lng: float, lat: float, **asked: object) -> list[tuple[float, int]]:
    question = {"radius_m": 50_000, "type_ids": (), "limit": 20, **asked}
    hits, complete = nearest(lng, lat, **question)
    assert complete
    return [(hit.distance_m, hit.facility_id) for hit in hits]


def test_every_answer_is_what_counting_through_gives():
    random = Random(20)
    places = a_countryside(random)
    types = sorted({role.type_id for place in places for role in place.roles})

    for number in range(QUERIES):
        spread = random.choice((0.001, 0.02, 0.3))
        lng, lat = random.gauss(LNG, spread), random.gauss(LAT, spread)
        if number % 10 == 0:
            lng, lat = LNG, LAT
        asked = {
            "radius_m": random.choice(RADII),
            "type_ids": tuple(sorted(random.sample(types, random.choice((0, 0, 1, 2))))),
            "limit": random.choice((1, 5, 20, 100)),
        }

        answer = found(lng, lat, **asked)

        right = counted_through(places, lng, lat, asked["radius_m"], asked["type_ids"])
        assert answer == right[: asked["limit"]], (number, lng, lat, asked)


@pytest.mark.parametrize("type_count", [0, 2])
def test_page_after_page_shows_every_place_once(type_count):
    places = a_countryside(Random(21))
    type_ids = tuple(sorted({role.type_id for place in places for role in place.roles})[:type_count])
    right = counted_through(places, LNG, LAT, 50_000, type_ids)

    seen: list[tuple[float, int]] = []
    while page := found(
        LNG, LAT, type_ids=type_ids, limit=37, after=seen[-1] if seen else (-1.0, 0), depth=len(seen)
    ):
        seen += page

    assert len(seen) > 500
    assert seen == right


@pytest.mark.parametrize("precision", ["door", "community"])
def test_thousands_on_one_point_hide_nobody(precision):
    kind = a_type().id
    stack = stored(a_record(LNG, LAT, kind, precision=precision) for _ in range(STACKED))
    nearer = stored([a_record(LNG, LAT + 2 * METRE, kind)])[0]
    beyond = stored([a_record(LNG, LAT + 3000 * METRE, kind)])[0]

    first = found(LNG, LAT + 3 * METRE, limit=20)
    alone = found(LNG, LAT + 3000 * METRE, limit=1)
    last = found(LNG, LAT + 3 * METRE, limit=1, after=(1500.0, 0), depth=STACKED + 1)

    assert [id_ for _, id_ in first] == [nearer.id, *(place.id for place in stack[:19])]
    assert [id_ for _, id_ in alone] == [beyond.id]
    assert [id_ for _, id_ in last] == [beyond.id]


@pytest.mark.parametrize("wrong", [0.0, 0.01, 3.0, 3e5, math.inf])
def test_a_wrong_guess_costs_time_and_never_truth(wrong, monkeypatch):
    places = a_countryside(Random(22))
    right = counted_through(places, LNG, LAT, 50_000, ())[:20]
    monkeypatch.setattr(near, "_glance", lambda *_: wrong)

    assert found(LNG, LAT) == right


def test_nothing_is_found_where_nothing_is():
    stored([a_record(LNG, LAT, a_type().id)])

    assert found(LNG + 1, LAT) == []
    assert found(LNG, LAT + 2 * METRE, radius_m=1) == []
    assert found(LNG, LAT, type_ids=(99,)) == []
