"""Places by code: lists without a position, the unplaced ones that follow the near ones, small sets."""

from collections.abc import Sequence

from servicemap import db
from servicemap.cards import ANY
from servicemap.finder.filters import Condition, Within
from servicemap.finder.near import Row

FEW = 2000  # a set of at most so many places is fetched whole and sorted
EVERYWHERE = Within(-(2**31), 2**31 - 1)
NOWHERE = Within(1, 0)


def by_code(
    type_ids: Sequence[int],
    condition: Condition,
    *,
    after: int,
    limit: int,
    county: Within | None = None,
    unplaced: bool = False,
    among: Sequence[int] | None = None,
) -> list[int]:
    """At most `limit` ids of open places of any of the types (none: all) that meet the condition (on rows
    with the alias l), beyond the id `after`, in the order of their codes; `county`: only there; `unplaced`:
    only those that have no position to show; `among`: only these ids. One query."""
    types = ", ".join(str(id_) for id_ in type_ids) or str(ANY)
    only = " AND NOT l.placed" if unplaced else ""
    if among is not None:
        only += f" AND l.facility_id IN ({', '.join(map(str, among)) or 'NULL'})"
    source, span = "list_row l", list[int]()
    if county and county != EVERYWHERE:
        # SQLite would rather walk the whole type: 5 ms instead of 0.5 at 1,000,000 places
        forced = unplaced and db.is_sqlite()
        join = "CROSS JOIN list_row l INDEXED BY list_row_unplaced" if forced else "JOIN list_row l"
        source = f"division c {join} ON l.division_id = c.id"
        above = f" OR c.id IN ({', '.join(map(str, county.above))})" if county.above else ""
        only += f" AND (c.lft BETWEEN ? AND ?{above})"
        span = [county.lft, county.rgt]
    distinct = "" if condition.once and len(type_ids) < 2 else "DISTINCT "
    rows = db.query(
        f"SELECT {distinct}l.facility_id FROM {source}{_place(condition)} WHERE l.type_id IN ({types})"
        f" AND l.facility_id > ?{only}{condition.sql} ORDER BY l.facility_id LIMIT {limit}",
        [after, *span, *condition.params],
    )
    return [row[0] for row in rows]


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


def rows_within(type_ids: Sequence[int], spans: Sequence[Within], condition: Condition) -> list[Row] | None:
    """All placed rows of some divisions that meet the condition, one or more a place, or None when they are
    more than FEW. One query."""
    where = " OR ".join(f"c.lft BETWEEN {span.lft} AND {span.rgt}" for span in spans)
    source = "division c JOIN list_row l ON l.division_id = c.id"
    rows = _rows(type_ids, condition, f"({where})", source, f" LIMIT {FEW + 1}")
    return rows if len(rows) <= FEW else None


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
