"""What is answered of a place that closed: when, why, and where to go instead."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from servicemap import divisions
from servicemap.cards import ROUGH, SUSPENDED
from servicemap.facility_types import known_kinds
from servicemap.finder.filters import Condition, Within
from servicemap.finder.listing import by_code
from servicemap.finder.near import nearest, shown_distance
from servicemap.models import Division
from servicemap.records import Record

FARTHEST_M = 150_000.0  # to where distances are exact; who lives farther off asks anew


def tombstone(record: Record, today: date) -> dict[str, Any] | None:
    """Of a place all of whose roles are closed: status, closed_on, reason, the keys of its former types
    and `alternatives`; None of any other, planned and suspended ones too.

    An alternative is {"type", "facility_id", "distance_m"}: for each former type the nearest place of it
    that is open to where this one stood (in whole kilometres where that is only roughly known); of a place
    without a public position the first by code in its town, else in its county, with the distance None. A type that nobody near offers has none. About one query a type.
    """
    if record.status(today) != "closed":
        return None
    hidden = record.visibility == "contact_only"
    last = max(record.roles, key=lambda role: (role.closed_on or today, role.id))
    kinds = known_kinds()
    types = {kinds.by_id[role.type_id].key: role.type_id for role in record.roles}
    found = {key: _instead(record, type_id, hidden=hidden) for key, type_id in types.items()}
    return {
        "status": "closed",
        "closed_on": last.closed_on,
        "reason": None if hidden else last.closed_reason,
        "types": list(types),
        "alternatives": [
            {"type": key, "facility_id": place[0], "distance_m": place[1]}
            for key, place in found.items()
            if place
        ],
    }


def _instead(record: Record, type_id: int, *, hidden: bool) -> tuple[int, float | None] | None:
    """(id, metres or None) of the open place of the type to go to."""
    if record.lng is not None and record.lat is not None and not hidden:
        working = Condition()
        working.add("r.flags & ? = 0", SUSPENDED)
        hits, _ = nearest(
            record.lng, record.lat, radius_m=FARTHEST_M, type_ids=(type_id,), limit=1, condition=working
        )
        rough = record.position_precision in ROUGH
        return (hits[0].facility_id, shown_distance(hits[0].distance_m, rough)) if hits else None
    working = Condition()
    working.add("l.flags & ? = 0", SUSPENDED)
    for span in _around(record.division_id, hidden=hidden):
        if ids := by_code((type_id,), working, after=0, limit=1, spans=(span,)):
            return ids[0], None
    return None


def _around(division_id: int, *, hidden: bool) -> Iterator[Within]:
    """The town, which of a hidden place would be told, and what holds it: the county, or where there are
    none the lowest division above the towns."""
    path = divisions.paths([division_id])[division_id]
    towns = [step for step in path if step.level == "town" and not hidden]
    above = [step for step in path if step.level not in ("town", "community")] or path[:1]
    for step in (*towns, above[-1]):
        division = Division.get_by_id(step.id)
        yield Within(division.lft, division.rgt)
