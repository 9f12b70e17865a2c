"""The nearest places: a capped ring search over Morton ranges, exact, ties by code.

One probe asks for all rows in the box of a radius that the condition lets pass. It is capped; where the
cap cuts, the radius is bisected, and where that gains nothing the probe has no cap, or places stacked on
one point would hide a nearer one. `python -m bench` prints how many probes a query takes.
"""

import math
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from servicemap import db, geo
from servicemap.cards import ANY
from servicemap.finder.filters import Condition

CAP = 200  # index rows a probe may return before the radius is bisected
START_M = 1500.0
ROUNDED_M = 1000  # what an approximate distance is rounded to
BUDGET_S = 0.05  # a search that has taken longer answers with what is surely the nearest so far

# (types, wanted, condition, cells a degree, cell) → the radius that sufficed last and its rows; a wrong hint
# costs time, never truth
_hints: dict[tuple[Any, ...], tuple[float, int]] = {}
FINENESS = (100, 20, 4, 0)  # cells a degree: what is not known here is guessed from around
NO_CONDITION = Condition()


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
    after: tuple[float, int] = (-1.0, 0),
    depth: int = 0,
) -> tuple[list[Hit], bool]:
    """At most `limit` places of any of the types (none: all) within the radius that meet the condition
    (on rows with the alias r), nearest first, beyond `after` = (distance, id) of the last one shown;
    `depth` = how many were shown before. And whether these are all that were asked for: False when the
    search was broken off after BUDGET_S.

    The point is WGS-84. About one query.
    """
    types = tuple(type_ids) or (ANY,)
    cells = [(types, limit, condition.sql, fine, int(lng * fine), int(lat * fine)) for fine in FINENESS]
    learned, rows_there = next((_hints[cell] for cell in cells if cell in _hints), (START_M, 0))
    radius = min(radius_m, max(learned, after[0] * 1.2))
    cap = max(CAP + depth, 4 * limit, 2 * rows_there)
    too_few, too_many = 0.0, math.inf  # radii: fewer than wanted within, more than the cap within
    began, complete = time.monotonic(), True
    while True:
        stacked = too_many - too_few < max(1.0, too_few * 0.1)
        if stacked:
            radius = too_many
        rows = _probe(lng, lat, radius, types, condition, None if stacked else cap)
        if len(rows) >= cap and not stacked:
            if too_many < math.inf:  # again: to read more costs less than to ask more often
                cap *= 4
            too_many = radius
            some = hits_of(rows, lng, lat, radius, after, limit)
            if len(some) == limit and some[-1].distance_m < 0.8 * radius:
                radius = some[-1].distance_m  # these rows alone would fill the page
            else:
                radius = (too_few + radius) / 2 if too_few else radius / 3
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
        radius = min(radius_m, radius * min(4.0, growth), (radius + too_many) / 2)
    if len(_hints) > 20_000:
        _hints.clear()
    # where the circle asked for was too small for a page, what a page would have needed
    enough = hits[-1].distance_m if len(hits) == limit else radius * math.sqrt(limit / max(len(hits), 0.5))
    hint = max(100.0, min(1.2 * enough, 4 * radius)), len(rows)
    for cell in cells:
        _hints[cell] = hint
    return hits, complete


def hits_of(
    rows: Iterable[Row], lng: float, lat: float, radius_m: float, after: tuple[float, int], limit: int
) -> list[Hit]:
    """The nearest `limit` of the rows; a place that several walks gave counts once."""
    n0, n1, n2, e0, e1, e2 = geo.degree_lengths(lat)  # geo.distance_from, without a call a row
    sqrt, (beyond_m, beyond_id) = math.sqrt, after
    found = []
    for walk, facility_id, row_lng, row_lat, hours_id, flags in rows:
        d = row_lat - lat
        north, east = (n0 + (n1 + n2 * d) * d) * d, (e0 + (e1 + e2 * d) * d) * (row_lng - lng)
        distance = sqrt(north * north + east * east)
        approximate = walk & 1
        distance = shown_distance(distance, True) if approximate else round(distance, 2)
        if beyond_m <= distance <= radius_m and (distance > beyond_m or facility_id > beyond_id):
            found.append((distance, facility_id, row_lng, row_lat, approximate, hours_id, flags))
    found.sort()
    hits: list[Hit] = []
    last = 0
    for one in found:
        if one[1] != last:  # the same place has the same distance, so its rows are neighbours
            last = one[1]
            hits.append(Hit._make(one))
            if len(hits) == limit:
                break
    return hits


def shown_distance(distance_m: float, approximate: bool) -> float:
    """What is said, filtered and sorted by: one measure for all three."""
    if approximate:
        return float(max(ROUNDED_M, round(distance_m / ROUNDED_M) * ROUNDED_M))
    return round(distance_m, 2)


def _probe(
    lng: float, lat: float, radius_m: float, types: tuple[int, ...], condition: Condition, cap: int | None
) -> list[Row]:
    """The rows of the walks in the box of the radius, at most `cap`."""
    scans: list[tuple[Any, ...]] = []
    for approximate in (0, 1):
        reach = radius_m + 0.01  # distances are cut to the centimetre
        if approximate:  # none is shown nearer than 1 km; one shown at r may stand half a km farther out
            if radius_m < ROUNDED_M:
                continue
            reach = radius_m // ROUNDED_M * ROUNDED_M + ROUNDED_M / 2
        box = geo.box_around(lng, lat, reach)
        ranges = geo.cover(*box)
        scans += [(2 * type_id + approximate, *span, *box) for type_id in types for span in ranges]
    if db.is_sqlite():
        params: list[Any] = [value for scan in scans for value in scan]
        params += [*condition.params, -1 if cap is None else cap]
        return db.query(_sqlite_probe(len(scans), condition.sql), params)
    params = [list(column) for column in zip(*scans, strict=True)] + [*condition.params, cap]
    return db.query(_POSTGRESQL_PROBE.format(condition=condition.sql), params)


@lru_cache
def _sqlite_probe(scans: int, condition: str) -> str:
    # few different texts, so that SQLite's prepared statements stay in their cache
    return (
        "WITH g(walk, first, last, west, south, east, north) AS"
        f" (VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?)'] * scans)})"
        " SELECT r.walk, r.facility_id, r.lng, r.lat, r.hours_id, r.flags FROM g CROSS JOIN search_row r"
        " WHERE r.walk = g.walk AND r.morton BETWEEN g.first AND g.last"
        " AND r.lng BETWEEN g.west AND g.east AND r.lat BETWEEN g.south AND g.north"
        f"{condition} LIMIT ?"
    )


_POSTGRESQL_PROBE = (
    "SELECT s.walk, s.facility_id, s.lng, s.lat, s.hours_id, s.flags FROM unnest(?::int[], ?::bigint[],"
    " ?::bigint[], ?::float8[], ?::float8[], ?::float8[], ?::float8[])"
    " g(walk, first, last, west, south, east, north)"
    " CROSS JOIN LATERAL (SELECT r.walk, r.facility_id, r.lng, r.lat, r.hours_id, r.flags FROM search_row r"
    " WHERE r.walk = g.walk AND r.morton BETWEEN g.first AND g.last"
    " AND r.lng BETWEEN g.west AND g.east AND r.lat BETWEEN g.south AND g.north{condition} OFFSET 0) s LIMIT ?"
)
