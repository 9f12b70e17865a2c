"""Places by code: lists without a position, the unplaced ones that follow the near ones, small sets."""

from collections.abc import Sequence
from heapq import merge
from itertools import groupby

from servicemap import db
from servicemap.cards import ANY
from servicemap.finder.filters import Box, Condition, Within
from servicemap.finder.near import Row

FEW = 1000  # a set of at most so many places is fetched whole and sorted
FEW_NEAR = 4000  # near a position, where nothing else of them is read
FEW_WITHIN = 500  # of what stands in a division, where a ring search could do it too
MOST_BOXES = 300  # of a division that are searched one by one
# SQLite must be told: without statistics it rather walks the whole type
BY_DIVISION = "list_row_type_id_division_id_facility_id"
EVERYWHERE = Within(-(2**31), 2**31 - 1)
NOWHERE = Within(1, 0)


def by_code(
    type_ids: Sequence[int],
    condition: Condition,
    *,
    after: int,
    limit: int,
    spans: Sequence[Within] = (),
    unplaced: bool = False,
    among: Sequence[int] | None = None,
) -> list[int]:
    """At most `limit` ids of open places of any of the types (none: all) that meet the condition (on rows
    with the alias l), beyond the id `after`, in the order of their codes; `spans`: only in these divisions;
    `unplaced`: only those that have no position to show; `among`: only these ids. One query a type."""
    if len(type_ids) > 1:  # as a walk each: together they would be sorted whole
        walks = [
            by_code(
                (type_id,), condition, after=after, limit=limit, spans=spans, unplaced=unplaced, among=among
            )
            for type_id in type_ids
        ]
        return [id_ for id_, _ in groupby(merge(*walks))][:limit]
    type_id = type_ids[0] if type_ids else ANY
    distinct = "" if condition.once else "DISTINCT "
    asked = f"{' AND NOT l.placed' * unplaced}{condition.sql}"
    within, ends = _standing(spans)
    if among is None and spans and sum(span.rgt - span.lft + 1 for span in spans) <= FEW:
        # the first ones of each division: of the whole type most would stand elsewhere
        index = "list_row_unplaced" if unplaced else BY_DIVISION
        forced = f" INDEXED BY {index}" if db.is_sqlite() else ""
        first = (
            f"SELECT {distinct}l.facility_id FROM list_row l{forced}{_place(condition)}"
            f" WHERE l.type_id = {type_id} AND l.division_id = c.id AND l.facility_id > ?{asked}"
            f" ORDER BY l.facility_id LIMIT {limit}"
        )
        values = [after, *condition.params]
        if db.is_sqlite():
            source = "division c CROSS JOIN list_row s"
            where = f"{within} AND s.type_id = {type_id} AND s.facility_id IN ({first})"
            values = [*ends, *values]
        else:
            source, where = f"division c CROSS JOIN LATERAL ({first}) s", within
            values = [*values, *ends]
        sql = (
            f"SELECT DISTINCT s.facility_id FROM {source} WHERE {where} ORDER BY s.facility_id LIMIT {limit}"
        )
        return [row[0] for row in db.query(sql, values)]
    if spans:
        asked += f" AND EXISTS (SELECT 1 FROM division c WHERE c.id = l.division_id AND {within})"
    beyond = f"> {after}"
    if among is not None:  # without the comparison, or SQLite walks the whole type
        beyond = f"IN ({', '.join(str(id_) for id_ in among if id_ > after) or 'NULL'})"
    rows = db.query(
        f"SELECT {distinct}l.facility_id FROM list_row l{_place(condition)} WHERE l.type_id = {type_id}"
        f" AND l.facility_id {beyond}{asked} ORDER BY l.facility_id LIMIT {limit}",
        [*condition.params, *ends],
    )
    return [row[0] for row in rows]


def extents_of(span: Within) -> Sequence[Box]:
    """Boxes that together hold all places with a position in a division: one each of the divisions in it, or
    where these are many one alone. One query."""
    boxes = db.query(
        "SELECT e.west, e.south, e.east, e.north FROM division c JOIN division_extent e ON e.division_id = c.id"
        f" WHERE c.lft BETWEEN {span.lft} AND {span.rgt}"
    )
    if len(boxes) <= MOST_BOXES:
        return boxes
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return [(min(wests), min(souths), max(easts), max(norths))]


def _standing(spans: Sequence[Within]) -> tuple[str, list[int]]:
    """(a condition on a division c that it lies in one of the spans, its values)."""
    tests = ["c.lft BETWEEN ? AND ?"] * len(spans)
    tests += [f"c.id IN ({', '.join(map(str, span.above))})" for span in spans if span.above]
    return f"({' OR '.join(tests)})", [end for span in spans for end in (span.lft, span.rgt)]


def _place(condition: Condition) -> str:
    """The facility itself, where the condition asks for its position (alias f)."""
    return " JOIN facility f ON f.id = l.facility_id" if "f.l" in condition.sql else ""


def rows_among(ids: Sequence[int], type_ids: Sequence[int], condition: Condition) -> list[Row]:
    """The placed ones of these ids as rows of the finder, one or more each; the condition's aliases are l
    and f. One query."""
    return _rows(type_ids, condition, f"l.facility_id IN ({', '.join(map(str, ids)) or 'NULL'})")


def types_among(ids: Sequence[int], type_ids: Sequence[int], condition: Condition) -> list[tuple[int, int]]:
    """(type, id) for each of the types (none: all) as which one of these ids meets the condition. One query."""
    types = f"IN ({', '.join(map(str, type_ids))})" if type_ids else f"<> {ANY}"
    return db.query(
        f"SELECT DISTINCT l.type_id, l.facility_id FROM list_row l{_place(condition)} WHERE l.type_id {types}"
        f" AND l.facility_id IN ({', '.join(map(str, ids)) or 'NULL'}){condition.sql}",
        condition.params,
    )


def rows_within(
    type_ids: Sequence[int], spans: Sequence[Within], condition: Condition
) -> tuple[list[Row], bool]:
    """(placed rows of some divisions that meet the condition, one or more a place; whether these are all,
    which they are not beyond FEW_WITHIN). One query."""
    where = " OR ".join(f"c.lft BETWEEN {span.lft} AND {span.rgt}" for span in spans)
    forced = f" INDEXED BY {BY_DIVISION}" if db.is_sqlite() else ""
    source = f"division c CROSS JOIN list_row l{forced}"
    where = f"l.division_id = c.id AND ({where})"
    rows = _rows(type_ids, condition, f"({where})", source, f" LIMIT {FEW_WITHIN + 1}")
    return rows, len(rows) <= FEW_WITHIN


def _rows(
    type_ids: Sequence[int], condition: Condition, where: str, source: str = "list_row l", end: str = ""
) -> list[Row]:
    types = ", ".join(str(id_) for id_ in type_ids) or str(ANY)
    return db.query(
        "SELECT CASE WHEN f.position_precision IN ('community', 'town') THEN 1 ELSE 0 END,"
        f" l.facility_id, f.lng, f.lat, l.hours_id, l.flags FROM {source} JOIN facility f ON f.id = l.facility_id"
        f" WHERE l.type_id IN ({types}) AND l.placed AND {where}{condition.sql}{end}",
        condition.params,
    )
