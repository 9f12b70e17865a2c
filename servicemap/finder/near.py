"""The nearest places: a capped ring search over Morton ranges, exact, ties by code.

One probe asks for all rows in the box of a radius. It is capped; where the cap cuts, the radius is
bisected, and where that gains nothing the probe has no cap, or places stacked on one point would hide a
nearer one. `python -m bench` prints how many probes a query takes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from servicemap import db, geo
from servicemap.cards import ANY

CAP = 200  # index rows a probe may return before the radius is bisected
FEW = 2000  # a division with at most so many places is fetched whole and sorted
START_M = 1500.0
ROUNDED_M = 1000  # what an approximate distance is rounded to

# (types, wanted, cell of 0.05°) → the radius that sufficed last and its rows; a wrong hint costs time, never truth
_hints: dict[tuple[tuple[int, ...], int, int, int], tuple[float, int]] = {}


class Hit(NamedTuple):
    """A place and its shown distance: exact metres, or whole kilometres (at least 1) when approximate."""

    distance_m: float
    facility_id: int
    lng: float
    lat: float
    approximate: bool


@dataclass(frozen=True, slots=True)
class Within:
    """A division's span in the nested set."""

    lft: int
    rgt: int


def nearest(
    lng: float,
    lat: float,
    *,
    radius_m: float,
    type_ids: Sequence[int],
    within: Within | None,
    limit: int,
    after: tuple[float, int] = (-1.0, 0),
    depth: int = 0,
) -> list[Hit]:
    """At most `limit` places of any of the types (none: all) within the radius, nearest first, beyond
    `after` = (distance, id) of the last one shown; `depth` = how many were shown before.

    The point is WGS-84. About one query; with a division one more.
    """
    types = tuple(type_ids) or (ANY,)
    if within and (few := _few_within(types, within)) is not None:
        return _hits(few, lng, lat, radius_m, after, limit)
    return _ring(lng, lat, radius_m, types, within, limit, after, CAP + depth)


def shown_distance(distance_m: float, approximate: bool) -> float:
    """What is said, filtered and sorted by: one measure for all three."""
    if approximate:
        return float(max(ROUNDED_M, round(distance_m / ROUNDED_M) * ROUNDED_M))
    return round(distance_m, 2)


Row = tuple[int, int, float, float]  # walk, facility_id, lng, lat


def _ring(
    lng: float,
    lat: float,
    farthest: float,
    types: tuple[int, ...],
    within: Within | None,
    limit: int,
    after: tuple[float, int],
    cap: int,
) -> list[Hit]:
    hint = (types, limit, int(lng * 20), int(lat * 20))
    learned, rows_there = _hints.get(hint, (START_M, 0))
    radius = min(farthest, max(learned, after[0] * 1.2))
    cap = max(cap, 2 * rows_there)
    too_few, too_many = 0.0, math.inf  # radii: fewer than wanted within, more than the cap within
    while True:
        stacked = too_many - too_few < max(1.0, too_few * 0.1)
        if stacked:
            radius = too_many
        rows = _probe(lng, lat, radius, types, within, None if stacked else cap)
        if len(rows) >= cap and not stacked:
            too_many = radius
            radius = (too_few + radius) / 2 if too_few else radius / 3
            continue
        hits = _hits(rows, lng, lat, radius, after, limit)
        if len(hits) == limit or radius >= farthest:
            break
        too_few = radius
        if stacked:
            too_many = math.inf
        growth = 1.3 * math.sqrt(limit / max(len(hits), 0.5))  # as if they stood evenly
        radius = min(farthest, radius * min(4.0, growth), (radius + too_many) / 2)
    if len(_hints) > 20_000:
        _hints.clear()
    needed = hits[-1].distance_m * 1.2 if len(hits) == limit else radius
    _hints[hint] = max(100.0, min(radius, needed)), len(rows)
    return hits


def _hits(
    rows: Sequence[Row], lng: float, lat: float, radius_m: float, after: tuple[float, int], limit: int
) -> list[Hit]:
    """The nearest `limit` of the rows; a place that several walks gave counts once."""
    metres = geo.distance_from(lng, lat)
    found: dict[int, tuple[float, int, float, float, bool]] = {}
    for walk, facility_id, row_lng, row_lat in rows:
        approximate = bool(walk & 1)
        distance = shown_distance(metres(row_lng, row_lat), approximate)
        if distance <= radius_m and (distance, facility_id) > after:
            found[facility_id] = (distance, facility_id, row_lng, row_lat, approximate)
    return [Hit(*values) for values in sorted(found.values())[:limit]]


def _probe(
    lng: float, lat: float, radius_m: float, types: tuple[int, ...], within: Within | None, cap: int | None
) -> list[Row]:
    """The rows of the walks in the box of the radius, at most `cap`."""
    scans = []
    for approximate in (0, 1):
        reach = radius_m + 0.01  # distances are cut to the centimetre
        if approximate:  # none is shown nearer than 1 km; one shown at r may stand half a km farther out
            if radius_m < ROUNDED_M:
                continue
            reach = radius_m // ROUNDED_M * ROUNDED_M + ROUNDED_M / 2
        box = geo.box_around(lng, lat, reach)
        ranges = geo.cover(*box)
        scans += [(2 * type_id + approximate, *span, *box) for type_id in types for span in ranges]
    span = (within.lft, within.rgt) if within else ()
    if db.is_sqlite():
        params: list[Any] = [value for scan in scans for value in scan] + [*span, -1 if cap is None else cap]
        return db.query(_sqlite_probe(len(scans), within is not None), params)
    params = [list(column) for column in zip(*scans, strict=True)] + [*span, cap]
    return db.query(_POSTGRESQL_PROBE.format(within=_WITHIN if within else ""), params)


_WITHIN = " AND EXISTS (SELECT 1 FROM division d WHERE d.id = r.division_id AND d.lft BETWEEN ? AND ?)"


@lru_cache
def _sqlite_probe(scans: int, within: bool) -> str:
    # few different texts, so that SQLite's prepared statements stay in their cache
    return (
        "WITH g(walk, first, last, west, south, east, north) AS"
        f" (VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?)'] * scans)})"
        " SELECT r.walk, r.facility_id, r.lng, r.lat FROM g CROSS JOIN search_row r"
        " WHERE r.walk = g.walk AND r.morton BETWEEN g.first AND g.last"
        " AND r.lng BETWEEN g.west AND g.east AND r.lat BETWEEN g.south AND g.north"
        f"{_WITHIN if within else ''} LIMIT ?"
    )


_POSTGRESQL_PROBE = (
    "SELECT s.walk, s.facility_id, s.lng, s.lat FROM unnest(?::int[], ?::bigint[], ?::bigint[],"
    " ?::float8[], ?::float8[], ?::float8[], ?::float8[]) g(walk, first, last, west, south, east, north)"
    " CROSS JOIN LATERAL (SELECT r.walk, r.facility_id, r.lng, r.lat FROM search_row r"
    " WHERE r.walk = g.walk AND r.morton BETWEEN g.first AND g.last"
    " AND r.lng BETWEEN g.west AND g.east AND r.lat BETWEEN g.south AND g.north{within} OFFSET 0) s LIMIT ?"
)


def _few_within(types: tuple[int, ...], within: Within) -> list[Row] | None:
    """All placed rows of a division, or None when there are more than FEW."""
    rows = db.query(
        "SELECT CASE WHEN f.position_precision IN ('community', 'town') THEN 1 ELSE 0 END, f.id, f.lng, f.lat"
        " FROM division d JOIN list_row l ON l.division_id = d.id JOIN facility f ON f.id = l.facility_id"
        f" WHERE l.type_id IN ({', '.join(map(str, types))}) AND l.placed AND d.lft BETWEEN ? AND ? LIMIT {FEW + 1}",
        (within.lft, within.rgt),
    )
    return rows if len(rows) <= FEW else None
