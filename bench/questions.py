"""What families ask: the same questions at every size of the registry."""

from random import Random
from urllib.parse import urlencode

from bench.generate import TYPES
from bench.ground import SEED, Ground, around
from servicemap.facility_types import Kinds
from servicemap.finder.search import Query

RADII = (1_000, 3_000, 5_000, 5_000, 10_000, 50_000)  # metres; the default twice
LIMIT = 20
NEAR_PLACES = 0.7
WEST, SOUTH, EAST, NORTH = 111.92, 23.45, 113.93, 25.20  # the counties' box, of which a third is no county


def ask(count: int) -> list[Query]:
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
        asked.append(Query(lng, lat, "wgs84", random.choice(RADII), tuple(types), None, LIMIT))
    return asked


def target(query: Query, kinds: Kinds) -> str:
    """The question as path and query string."""
    types = [kinds.by_id[type_id].key for type_id in query.type_ids]
    position = {"lat": query.lat, "lng": query.lng, "datum": query.datum}
    rest = {"radius_m": query.radius_m, "type": types, "limit": query.limit}
    return "/api/v1/facilities?" + urlencode(position | rest, doseq=True)
