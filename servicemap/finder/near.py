"""The nearest places: a capped ring search over Morton ranges, exact, ties by code.

A glance at the point's neighbours along the Morton curve tells a radius that holds enough; one probe then
asks for all rows in its box that the condition lets pass. It is capped; where the cap cuts, the radius is
bisected, and where that gains nothing the probe has no cap, or places stacked on one point would hide a
nearer one. `python -m bench` prints how many queries of the index a question takes.
"""

import math
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import NamedTuple

from servicemap import db, geo
from servicemap.cards import ANY
from servicemap.finder.filters import NO_FILTERS, Box, Condition
from servicemap.finder.filters import condition as filtered

CAP = 200  # index rows a probe may return before the radius is bisected
START_M = 1500.0
ROUNDED_M = 1000  # what an approximate distance is rounded to
BUDGET_S = 0.05  # a search that has taken longer answers with what is surely the nearest so far
NO_CONDITION = filtered(NO_FILTERS, "r", "r", b"", b"")


class Hit(NamedTuple):
    """A place and its shown distance: exact metres, or whole kilometres (at least 1) when approximate."""

    distance_m: float
    facility_id: int
    lng: float
    lat: float
    approximate: bool
    hours_id: int | None
    flags: int


Row = tuple[int, int, float, float, int | None, int]  # walk, facility_id, lng, lat, hours_id, flags


def nearest(
    lng: float,
    lat: float,
    *,
    radius_m: float,
    type_ids: Sequence[int],
    limit: int,
    condition: Condition = NO_CONDITION,
    within: Box | None = None,
    after: tuple[float, int] = (-1.0, 0),
    depth: int = 0,
) -> tuple[list[Hit], bool]:
    """At most `limit` places of any of the types (none: all) within the radius that meet the condition
    (on rows with the alias r), nearest first, beyond `after` = (distance, id) of the last one shown; `depth`
    = how many were shown before. And whether these are all that were asked for: False when the search was
    broken off after BUDGET_S. `within`: a box that holds all of them.

    The point is WGS-84. About two queries.
    """
    types = tuple(type_ids) or (ANY,)
    gap, entry = 0.0, (lng, lat)  # how far it is to the box, and where it is nearest
    if within:
        gap, entry, farthest = reach(lng, lat, within)
        radius_m = min(radius_m, farthest)
    cap = max(CAP, 4 * limit) + 2 * depth
    likely_m = gap + _glance(*entry, types, condition, depth + limit)
    radius = min(radius_m, max(likely_m, after[0] * 1.05))
    too_few, too_many = 0.0, math.inf  # radii: fewer than wanted within, more than the cap within
    began, complete, hits = time.monotonic(), True, list[Hit]()
    while True:
        stacked = too_many - too_few < max(1.0, (too_few - gap) * 0.1)
        if stacked:
            radius = too_many
        try:
            with db.at_most(BUDGET_S) if condition.slow else nullcontext():
                rows = _probe(lng, lat, radius, types, condition, within, None if stacked else cap)
        except db.TooLongError:
            complete = False
            break
        if len(rows) >= cap and not stacked:
            if too_many < math.inf:  # again: to read more costs less than to ask more often
                cap *= 4
            too_many = radius
            some = hits_of(rows, lng, lat, radius, after, limit)
            if len(some) == limit and some[-1].distance_m < 0.8 * radius:
                radius = some[-1].distance_m  # these rows alone would fill the page
            else:
                radius = (too_few + radius) / 2 if too_few else gap + (radius - gap) / 3
            continue
        hits = hits_of(rows, lng, lat, radius, after, limit)
        if len(hits) == limit or radius >= radius_m:
            break
        if time.monotonic() - began > BUDGET_S:
            complete = False
            break
        too_few = radius
        if stacked:
            too_many = math.inf
        growth = 1.3 * math.sqrt(limit / max(len(hits), 0.5))  # as if they stood evenly
        wider = gap + max(radius - gap, START_M / 4) * min(4.0, growth)
        radius = min(radius_m, wider, (radius + too_many) / 2)
    return hits, complete


def reach(lng: float, lat: float, box: Box) -> tuple[float, tuple[float, float], float]:
    """(how far it is to a box; where it is nearest; how far it is at most to what is in it), in metres."""
    west, south, east, north = box
    metres = geo.distance_from(lng, lat)
    entry = min(max(lng, west), east), min(max(lat, south), north)
    corners = (metres(x, y) for x in (west, east) for y in (south, north))
    return metres(*entry), entry, 1.02 * max(corners) + 2 * ROUNDED_M


def _glance(lng: float, lat: float, types: tuple[int, ...], condition: Condition, wanted: int) -> float:
    """A radius, metres, that is likely to hold as many places: by the point's neighbours on the Morton curve,
    on either side. One query."""
    each = wanted + 4
    code = geo.morton(lng, lat)
    walks = [value for type_id in types for value in (2 * type_id, code, each) * 2]
    rows = db.query(_glance_sql(len(types), condition.sql, db.is_sqlite()), [*condition.params, *walks])
    north, _, _, east, _, _ = geo.degree_lengths(lat)  # near enough
    squares = {id_: ((x - lng) * east) ** 2 + ((y - lat) * north) ** 2 for id_, x, y, fits in rows if fits}
    if len(squares) >= wanted:
        return 1.001 * math.sqrt(sorted(squares.values())[wanted - 1])
    if len(rows) < each:  # these are all that there are
        return math.inf
    # as if all around were as among them; half of them, for the curve leads away in places
    metres = geo.distance_from(lng, lat)
    halfway = sorted(metres(x, y) for _, x, y, _ in rows)[len(rows) // 2]
    return halfway * math.sqrt(2 * wanted / (len(squares) + 0.5))


@lru_cache
def _glance_sql(types: int, condition: str, sqlite: bool) -> str:
    side = "SELECT * FROM (SELECT * FROM search_row WHERE walk = ? AND morton {} ? ORDER BY morton {} LIMIT ?) {}"
    sides = (
        side.format(*("<", "DESC") if n % 2 else (">=", "ASC"), "" if sqlite else f"s{n}")
        for n in range(2 * types)
    )
    return f"SELECT r.facility_id, r.lng, r.lat, 1 = 1{condition} FROM ({' UNION ALL '.join(sides)}) r"


def hits_of(
    rows: Iterable[Row], lng: float, lat: float, radius_m: float, after: tuple[float, int], limit: int
) -> list[Hit]:
    """The nearest `limit` of the rows; a place that several walks or offers gave counts once, as the
    one that says its ages (the fewest flags)."""
    n0, n1, n2, e0, e1, e2 = geo.degree_lengths(lat)  # geo.distance_from, without a call a row
    sqrt, (beyond_m, beyond_id) = math.sqrt, after
    too_far = (radius_m + 0.01) ** 2  # distances are rounded to the centimetre
    found = []
    for row in rows:
        d = row[3] - lat
        north, east = (n0 + (n1 + n2 * d) * d) * d, (e0 + (e1 + e2 * d) * d) * (row[2] - lng)
        square = north * north + east * east
        if row[0] & 1:
            distance = shown_distance(sqrt(square), True)
        elif square > too_far:
            continue
        else:
            distance = round(sqrt(square), 2)
        if beyond_m <= distance <= radius_m and (distance > beyond_m or row[1] > beyond_id):
            found.append((distance, row[1], row[5], row))
    found.sort()
    hits: list[Hit] = []
    last = 0
    for distance, facility_id, flags, (walk, _, row_lng, row_lat, hours_id, _) in found:
        if facility_id != last:  # the same place has the same distance, so its rows are neighbours
            last = facility_id
            hits.append(Hit(distance, facility_id, row_lng, row_lat, walk & 1 == 1, hours_id, flags))
            if len(hits) == limit:
                break
    return hits


def shown_distance(distance_m: float, approximate: bool) -> float:
    """What is said, filtered and sorted by: one measure for all three."""
    if approximate:
        return float(max(ROUNDED_M, round(distance_m / ROUNDED_M) * ROUNDED_M))
    return round(distance_m, 2)


def _probe(
    lng: float,
    lat: float,
    radius_m: float,
    types: tuple[int, ...],
    condition: Condition,
    within: Box | None,
    cap: int | None,
) -> list[Row]:
    """The rows of the walks in the box of the radius, and in `within`, at most `cap`."""
    walks = [2 * type_id for type_id in types]
    reach = radius_m + 0.01  # distances are cut to the centimetre
    if radius_m >= ROUNDED_M:  # of the approximate ones none is shown nearer than 1 km
        walks += [walk + 1 for walk in walks]
        reach = max(reach, radius_m // ROUNDED_M * ROUNDED_M + ROUNDED_M / 2)  # shown at r, half a km beyond
    box = geo.box_around(lng, lat, reach)
    if within:
        box = max(box[0], within[0]), max(box[1], within[1]), min(box[2], within[2]), min(box[3], within[3])
        if box[0] > box[2] or box[1] > box[3]:
            return []
        condition = _also_in_circle(lng, lat, reach, box, condition)
    ranges = geo.cover(*box)
    if db.is_sqlite():
        ranges += [NOTHING] * (-len(ranges) % 4)  # few different texts: prepared statements stay cached
        ends = [end for span in ranges for end in span]
        params = [*walks, *ends, *box, *condition.params, -1 if cap is None else cap]
        return db.query(_sqlite_probe(len(walks), len(ranges), condition.sql), params)
    firsts, lasts = map(list, zip(*ranges, strict=True))
    return db.query(
        _POSTGRESQL_PROBE.format(condition=condition.sql),
        [walks, firsts, lasts, *box, *condition.params, cap],
    )


def _also_in_circle(lng: float, lat: float, radius_m: float, box: Box, condition: Condition) -> Condition:
    """The condition, and roughly the circle: its own box holds all of a box that lies far off to a corner."""
    north, _, _, east, _, _ = geo.degree_lengths(max(abs(lat), abs(box[1]), abs(box[3])))
    inside = "(r.lng - ?) * (r.lng - ?) * ? + (r.lat - ?) * (r.lat - ?) * ? <= ?"
    both = Condition([*condition.parts, inside], list(condition.params))
    both.params += [lng, lng, east**2, lat, lat, (0.98 * north) ** 2, radius_m**2]
    return both


NOTHING = (1, 0)  # a range without a code


@lru_cache
def _sqlite_probe(walks: int, ranges: int, condition: str) -> str:
    return (
        f"WITH w(walk) AS (VALUES {', '.join(['(?)'] * walks)}),"
        f" g(first, last) AS (VALUES {', '.join(['(?, ?)'] * ranges)}),"
        " b(west, south, east, north) AS (VALUES (?, ?, ?, ?))"
        " SELECT r.walk, r.facility_id, r.lng, r.lat, r.hours_id, r.flags"
        " FROM b CROSS JOIN w CROSS JOIN g CROSS JOIN search_row r"
        " WHERE r.walk = w.walk AND r.morton BETWEEN g.first AND g.last"
        " AND r.lng BETWEEN b.west AND b.east AND r.lat BETWEEN b.south AND b.north"
        f"{condition} LIMIT ?"
    )


_POSTGRESQL_PROBE = (
    "SELECT s.walk, s.facility_id, s.lng, s.lat, s.hours_id, s.flags FROM unnest(?::int[]) w(walk)"
    " CROSS JOIN unnest(?::bigint[], ?::bigint[]) g(first, last)"
    " CROSS JOIN (VALUES (?::float8, ?::float8, ?::float8, ?::float8)) b(west, south, east, north)"
    " CROSS JOIN LATERAL (SELECT r.walk, r.facility_id, r.lng, r.lat, r.hours_id, r.flags FROM search_row r"
    " WHERE r.walk = w.walk AND r.morton BETWEEN g.first AND g.last"
    " AND r.lng BETWEEN b.west AND b.east AND r.lat BETWEEN b.south AND b.north{condition} OFFSET 0) s LIMIT ?"
)
