"""Which roles are active on a day, whom they serve, and how far their places have come."""

from datetime import date
from typing import Any, NamedTuple

from servicemap import db
from servicemap.coverage.indicators import Definition
from servicemap.coverage.tree import Tree
from servicemap.models import STEPS

VERIFIED_MONTHS = 12  # 已核实: looked at so lately


# Where the place stood on the day: a change of divisions later than that has taken it to a successor.
STOOD = """COALESCE((SELECT w.division_id FROM former_division w WHERE w.facility_id = f.id AND w.to_on > ?
  ORDER BY w.to_on LIMIT 1), f.division_id)"""
# An active role of the types: open on the day, its place not suspended; a row for each of its valid links s.
ACTIVE = """
SELECT {stood}, COALESCE(v.state, 'county'), f.visibility, COALESCE(r.level, t.level), s.division_id, f.id, r.id,
  f.id IN ({looked}) FROM role r
JOIN facility f ON f.id = r.facility_id
JOIN facility_type t ON t.id = r.type_id
LEFT JOIN review v ON v.facility_id = f.id
LEFT JOIN role_serves s ON s.role_id = r.id
  AND (s.from_on IS NULL OR s.from_on <= ?) AND (s.to_on IS NULL OR s.to_on > ?)
WHERE t.key IN ({types})
  AND (r.opened_on IS NULL OR r.opened_on <= ?) AND (r.closed_on IS NULL OR r.closed_on > ?)
  AND f.id NOT IN (SELECT x.facility_id FROM suspension x
                   WHERE x.from_on <= ? AND (x.to_on IS NULL OR x.to_on > ?))
"""
LOOKED = """SELECT l.facility_id FROM verification l WHERE l.verified_on > ? AND l.verified_on <= ?
  AND (l.voided_on IS NULL OR l.voided_on > ?)"""
TITLED = """ AND f.id IN (SELECT i.facility_id FROM title i WHERE i.facility_id IS NOT NULL AND i.kind = ?
  AND i.awarded_on <= ? AND (i.expires_on IS NULL OR i.expires_on > ?) AND (i.withdrawn_on IS NULL OR i.withdrawn_on > ?))"""


class Active(NamedTuple):
    """An active role, or one of its links: where its place stands, how far that has come, whom it serves."""

    stands: int
    state: str
    visibility: str
    level: str
    serves: int | None
    facility: int
    role: int
    verified: bool


def active_roles(tree: Tree, definition: Definition, on: date) -> list[Active]:
    """The active roles of the definition, in their own order, asked for once a tree."""
    rule, day = definition.numerator, on.isoformat()
    months, title = rule.get("verified_within_months"), rule.get("title")
    key = (tuple(rule["types"]), months, title)
    if key not in tree.active:
        sql = ACTIVE.format(stood=STOOD, looked=LOOKED, types=", ".join("?" * len(rule["types"])))
        params: list[Any] = [day, months_before(on, VERIFIED_MONTHS).isoformat(), day, day, day, day]
        params += [*rule["types"], day, day, day, day]
        if months:
            sql += f" AND f.id IN ({LOOKED})"
            params += [months_before(on, months).isoformat(), day, day]
        if title:
            sql += TITLED
            params += [title, day, day, day]
        tree.active[key] = [Active(*row) for row in db.query(sql + " ORDER BY r.id, s.division_id", params)]
    return tree.active[key]


def serves(tree: Tree, role: Active) -> int | None:
    """The division that the role, or this link of it, serves."""
    if tree.public and role.visibility == "contact_only":
        county = tree.standing(role.stands, role.visibility)
        return tree.climb(county, role.level) or county
    return role.serves if role.serves is not None else tree.climb(role.stands, role.level)


def reached(state: str) -> tuple[str, ...]:
    """The steps that a record in this state has taken."""
    return STEPS[: STEPS.index(state) + 1]


def months_before(on: date, months: int) -> date:
    """The same day of the month that many months earlier, or the last day of a shorter month."""
    year, month = divmod(on.year * 12 + on.month - 1 - months, 12)
    for day in range(on.day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, on.day)


def places_of(definition: Definition, on: date) -> dict[int, int]:
    """Role → its places of the definition, by the latest count on the day. One query."""
    column = definition.numerator["places"]
    return dict(
        db.query(
            f"SELECT p.role_id, p.{column} FROM role_places p WHERE p.{column} IS NOT NULL AND p.from_on ="
            " (SELECT MAX(q.from_on) FROM role_places q WHERE q.role_id = p.role_id AND q.from_on <= ?)",
            (on.isoformat(),),
        )
    )
