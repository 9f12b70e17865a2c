"""Grid clusters of a viewport: how many places stand in each cell, exactly those that the list gives.

Every cell is a range of Morton codes, summed up inside the database. Cells that lie wholly inside of the
viewport need no look at the positions. It costs about 0.25 µs a place that is counted.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from servicemap import db, geo
from servicemap.cards import ANY
from servicemap.errors import InvalidError, Problem
from servicemap.finder.filters import Box, Condition

MOST_CELLS = 2000
DEEPEST = 24  # level: cells of about 2 m
CELLS_A_TILE = 2  # levels below a map's tiles: 4 cells a side, each about a thumb wide
MOST_NAMED = 5  # places that stand on one point


@dataclass(frozen=True, slots=True)
class Cluster:
    """The places of one cell: their mean position, how many (and how many of them only roughly placed),
    the cell as far as it is in view, and when all stand on one point the first ids, else none."""

    lng: float
    lat: float
    count: int
    approximate: int
    box: Box
    ids: list[int]


class Cell(NamedTuple):
    first: int  # Morton codes
    last: int
    box: Box


def level_of(box: Box, zoom: int | None) -> int:
    """How often the world is halved into cells: by a web map's zoom, else so that the longer side of the
    box takes 8 to 16 of them."""
    if zoom is not None:
        return min(zoom + CELLS_A_TILE, DEEPEST)
    west, south, east, north = box
    longer = max(east - west, north - south, 360.0 * 16 / 2**DEEPEST)
    return max(0, math.floor(math.log2(360.0 * 16 / longer)))


def clusters(box: Box, level: int, type_ids: Sequence[int], condition: Condition) -> list[Cluster]:
    """The occupied cells of the WGS-84 box in Morton order; a place of several of the types counts once.

    `condition` is about rows with the alias r, without the box. InvalidError beyond MOST_CELLS. Up to
    three queries.
    """
    walks = ", ".join(str(2 * id_ + rough) for id_ in type_ids or (ANY,) for rough in (0, 1))
    cells = _cells(box, level)
    inner = [cell for cell in cells if _is_inside(cell.box, box)]
    rim = [cell for cell in cells if not _is_inside(cell.box, box)]
    in_view = _in_view(box, condition)
    several = len(type_ids) > 1 or not condition.once
    sums = _sums(inner, walks, condition, several=several) | _sums(rim, walks, in_view, several=several)
    points = [lowest for _, _, _, lowest, highest, _ in sums.values() if lowest == highest]
    ids = _ids_on(points, walks, in_view)
    return [
        Cluster(lng / count, lat / count, count, rough, _cut(cell.box, box), ids.get(lowest, []))
        for cell in cells
        if cell.first in sums
        for count, lng, lat, lowest, highest, rough in [sums[cell.first]]
    ]


def _cells(box: Box, level: int) -> list[Cell]:
    west, south, east, north = box
    side = 360.0 / 2**level
    columns = range(int((west + 180.0) / side), min(2**level - 1, int((east + 180.0) / side)) + 1)
    rows = range(int((south + 90.0) / side), int((north + 90.0) / side) + 1)
    if len(columns) * len(rows) > MOST_CELLS:
        detail = f"要分 {len(columns) * len(rows)} 格，最多 {MOST_CELLS} 格；请缩小 bbox，或减小 zoom（不给则自动）"
        raise InvalidError(
            "参数有误：zoom", "bad_parameters", [Problem("too_many_cells", detail, field="zoom")]
        )
    shift = 2 * (31 - level)
    cells = []
    for column in columns:
        for row in rows:
            left, low = column * side - 180.0, row * side - 90.0
            prefix = geo.morton(left + side / 2, low + side / 2) >> shift
            first = prefix << shift
            cells.append(Cell(first, first + (1 << shift) - 1, (left, low, left + side, low + side)))
    return sorted(cells)


def _is_inside(cell: Box, box: Box) -> bool:
    # by more than what a float may be off at the cell's edge
    return (
        box[0] + 1e-9 < cell[0]
        and box[1] + 1e-9 < cell[1]
        and cell[2] < box[2] - 1e-9
        and cell[3] < box[3] - 1e-9
    )


def _cut(cell: Box, box: Box) -> Box:
    return max(cell[0], box[0]), max(cell[1], box[1]), min(cell[2], box[2]), min(cell[3], box[3])


def _in_view(box: Box, condition: Condition) -> Condition:
    west, south, east, north = box
    both = Condition(list(condition.parts), list(condition.params))
    both.add("r.lng BETWEEN ? AND ? AND r.lat BETWEEN ? AND ?", west, east, south, north)
    return both


Sums = tuple[int, float, float, int, int, int]  # count, lng, lat, lowest and highest Morton code, approximate
_SUMS = "COUNT(*), SUM(r.lng), SUM(r.lat), MIN(r.morton), MAX(r.morton), SUM(r.walk & 1)"


def _sums(cells: Sequence[Cell], walks: str, condition: Condition, *, several: bool) -> dict[int, Sums]:
    """The sums of the cells that hold something, by their first code. One query."""
    if not cells:
        return {}
    rows = f"search_row r WHERE r.walk IN ({walks}) AND r.morton BETWEEN g.first AND g.last{condition.sql}"
    if several:  # each place once
        rows = f"(SELECT DISTINCT r.facility_id, r.lng, r.lat, r.morton, r.walk & 1 AS walk FROM {rows}) r"
    if db.is_sqlite():
        spans: list[Any] = [end for cell in cells for end in (cell.first, cell.last)]
        found = db.query(
            f"WITH g(first, last) AS (VALUES {', '.join(['(?, ?)'] * len(cells))})"
            f" SELECT g.first, (SELECT json_array({_SUMS}) FROM {rows}) FROM g",
            spans + condition.params,
        )
        by_cell = {first: tuple(json.loads(sums)) for first, sums in found}
    else:
        found = db.query(
            "SELECT g.first, s.* FROM unnest(?::bigint[], ?::bigint[]) g(first, last)"
            f" CROSS JOIN LATERAL (SELECT {_SUMS} FROM {rows}) s",
            [[cell.first for cell in cells], [cell.last for cell in cells], *condition.params],
        )
        by_cell = {first: tuple(sums) for first, *sums in found}
    return {first: sums for first, sums in by_cell.items() if sums[0]}


def _ids_on(points: Sequence[int], walks: str, condition: Condition) -> dict[int, list[int]]:
    """The first MOST_NAMED ids on each of the points (Morton codes). One query."""
    if not points:
        return {}
    found: dict[int, list[int]] = {}
    marks = ", ".join("?" * len(points))
    for point, id_ in db.query(
        "SELECT n.morton, n.facility_id FROM (SELECT d.morton, d.facility_id,"
        " ROW_NUMBER() OVER (PARTITION BY d.morton ORDER BY d.facility_id) AS place"
        " FROM (SELECT DISTINCT r.morton, r.facility_id FROM search_row r"
        f" WHERE r.walk IN ({walks}) AND r.morton IN ({marks}){condition.sql}) d) n"
        f" WHERE n.place <= {MOST_NAMED} ORDER BY n.morton, n.facility_id",
        [*points, *condition.params],
    ):
        found.setdefault(point, []).append(id_)
    return found
