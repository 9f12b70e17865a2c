"""The ground of the generated registries: where people live, from dense towns to empty country.

Everything follows from SEED; the ground is the same at every size.
"""

import json
import math
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

from servicemap import db, geo

SEED = 20261123
METRES = 111_000.0  # a degree of latitude, near enough for inventing places


class Home(NamedTuple):
    """A community: where its places stand, how far apart, and how many of them."""

    division_id: int
    name: str
    lng: float
    lat: float
    spread_m: float
    weight: float


class Ground:
    """The communities of the registry that is open, each with a place on the map."""

    def __init__(self) -> None:
        random = Random(SEED)
        self.homes = [home for town in self._towns(random) for home in self._homes(random, *town)]
        self._weights = list(accumulate(home.weight for home in self.homes))

    def _towns(self, random: Random) -> Iterator[tuple[int, float, float]]:
        """(id, lng, lat) of every town: somewhere in its county."""
        sql = "SELECT division_id, geometry, west, south, east, north FROM shape ORDER BY division_id"
        for county_id, geometry, west, south, east, north in db.query(sql):
            shape = json.loads(geometry)
            for (town_id,) in db.query(
                "SELECT id FROM division WHERE parent_id = ? ORDER BY id", (county_id,)
            ):
                lng, lat = random.uniform(west, east), random.uniform(south, north)
                while not geo.contains(shape, lng, lat):
                    lng, lat = random.uniform(west, east), random.uniform(south, north)
                yield town_id, lng, lat

    def _homes(self, random: Random, town_id: int, lng: float, lat: float) -> Iterator[Home]:
        """A town's communities: a few dense ones in the middle, thinner and wider ones around."""
        size = min(15.0, random.paretovariate(1.2))
        rows = db.query("SELECT id, name FROM division WHERE parent_id = ? ORDER BY id", (town_id,))
        for rank, (id_, name) in enumerate(rows, 1):
            at = around(random, lng, lat, 600.0 * rank)
            yield Home(id_, name, *at, 400.0 * rank, size / rank)

    def home(self, random: Random) -> Home:
        return random.choices(self.homes, cum_weights=self._weights)[0]


def around(random: Random, lng: float, lat: float, spread_m: float) -> tuple[float, float]:
    """A point beside another, to 7 decimals as they're stored."""
    degrees = spread_m / METRES
    return (
        round(lng + random.gauss(0, degrees) / math.cos(math.radians(lat)), 7),
        round(lat + random.gauss(0, degrees), 7),
    )
