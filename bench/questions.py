"""What families ask: the same questions at every size of the registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlencode

from bench import names
from bench.generate import TYPES
from bench.ground import SEED, Ground, Home, around
from servicemap import db, geo
from servicemap.facility_types import Kind, Kinds

RADII = (1_000, 3_000, 5_000, 5_000, 10_000, 50_000)  # metres; the default twice
LIMIT = 20
NEAR_PLACES = 0.7
WEST, SOUTH, EAST, NORTH = 111.92, 23.45, 113.93, 25.20  # the counties' box, of which a third is no county
NEARBY = "/api/v1/facilities?"


@contextmanager
def opened(path: Path) -> Iterator[Kinds]:
    """The registry at the path, open in this process; gives its types."""
    db.open_database(f"sqlite:///{path}")
    db.connect()
    try:
        yield Kinds()
    finally:
        db.database.close()


class Question(NamedTuple):
    """A point in WGS-84, a radius in metres, type ids (none: all)."""

    lng: float
    lat: float
    radius_m: int
    type_ids: tuple[int, ...]


def mix(count: int) -> list[Question]:
    """Nearby questions: 7 of 10 near places, the others anywhere in the box; half for any type, the others
    for one or two of them, rare ones as often as frequent ones. Needs the registry that is open."""
    random, ground = Random(SEED), Ground()
    asked = []
    for _ in range(count):
        if random.random() < NEAR_PLACES:
            home = ground.home(random)
            lng, lat = around(random, home.lng, home.lat, home.spread_m)
        else:
            lng, lat = round(random.uniform(WEST, EAST), 7), round(random.uniform(SOUTH, NORTH), 7)
        types = sorted(random.sample(range(1, TYPES + 1), random.choice((0, 0, 1, 2))))
        asked.append(Question(lng, lat, random.choice(RADII), tuple(types)))
    return asked


def target(question: Question, kinds: Kinds, datum: str = "wgs84", **more: str) -> str:
    """The question as path and query string, its point in the datum."""
    lng, lat = question.lng, question.lat
    if datum != "wgs84":
        lng, lat = geo.from_wgs84(lng, lat, datum)
    position = {"lat": f"{lat:.7f}", "lng": f"{lng:.7f}", "datum": datum}
    types = [kinds.by_id[type_id].key for type_id in question.type_ids]
    rest = {"radius_m": question.radius_m, "type": types, "limit": LIMIT}
    return NEARBY + urlencode(position | rest | more, doseq=True)


SCENARIO_TYPES = {"any type": (), "20 % type": (1,), "2 % type": (11,), "0.1 % type": (TYPES,)}
SCENARIO_RADII = {"1 km": 1_000, "5 km": 5_000, "50 km": 50_000}


def scenarios(count: int) -> dict[str, list[Question]]:
    """48 kinds of question with `count` of each: from the densest community to the emptiest country,
    from 1 km to the widest radius, from any type to one in a thousand."""
    random, ground = Random(SEED), Ground()
    by_density = sorted(ground.homes, key=lambda home: home.weight / home.spread_m**2)
    town, village = by_density[len(by_density) * 9 // 10], by_density[0]
    spots = {"densest": by_density[-1], "town": town, "village": village, "empty": _emptiest(ground.homes)}
    found = {}
    for spot, home in spots.items():
        for radius, radius_m in SCENARIO_RADII.items():
            for type_, type_ids in SCENARIO_TYPES.items():
                points = [around(random, home.lng, home.lat, home.spread_m) for _ in range(count)]
                asked = [Question(lng, lat, radius_m, type_ids) for lng, lat in points]
                found[f"{spot}, {radius}, {type_}"] = asked
    return found


def _emptiest(homes: list[Home]) -> Home:
    """The point of a grid over the box that is farthest from every community."""
    steps = range(41)
    grid = [(WEST + (EAST - WEST) * x / 40, SOUTH + (NORTH - SOUTH) * y / 40) for x in steps for y in steps]
    lng, lat = max(grid, key=lambda at: min(abs(at[0] - h.lng) + abs(at[1] - h.lat) for h in homes))
    return Home(0, "", lng, lat, 1000.0, 0.0)


def words(count: int, kinds: Kinds) -> list[str]:
    """What people type into the search box: types and their everyday names, words of names from common to
    rare, communities, and a county with a type."""
    random, ground = Random(SEED), Ground()
    known: list[Kind] = [kinds.by_id[type_id] for type_id in range(1, TYPES + 1)]
    typed = []
    for _ in range(count):
        kind = random.choice(known)
        type_ = random.choice((kind.name, *kind.aliases))
        brand = names.brand(random) if random.random() < 0.5 else random.choice(names.RARE)
        place = names.short(random.choice(ground.homes).name)
        typed.append(random.choice((type_, brand, place, f"{place} {type_}", f"{brand}{type_}")))
    return typed
