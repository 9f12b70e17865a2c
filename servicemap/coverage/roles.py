"""Which roles are active on a day, whom they serve, and how far their places have come."""

from collections import defaultdict
from datetime import date
from typing import Any, NamedTuple

from servicemap import db
from servicemap.coverage.indicators import Definition
from servicemap.coverage.tree import RANK, Tree
from servicemap.models import LEVELS, STEPS

VERIFIED_MONTHS = 12  # 已核实: looked at so lately


# Where the place stood on the day: a change of divisions later than that has taken it to a successor.
STOOD = """CASE WHEN f.id IN (SELECT w.facility_id FROM former_division w WHERE w.to_on > ?) THEN
  (SELECT w.division_id FROM former_division w WHERE w.facility_id = f.id AND w.to_on > ? ORDER BY w.to_on LIMIT 1)
  ELSE f.division_id END"""
LOOKED = """SELECT l.facility_id FROM verification l WHERE l.verified_on > ? AND l.verified_on <= ?
  AND (l.voided_on IS NULL OR l.voided_on > ?)"""
ACTIVE = f"""SELECT {STOOD}, COALESCE(v.state, 'county'), f.visibility, COALESCE(r.level, t.level), s.division_id, f.id, r.id,
  f.id IN ({LOOKED})"""
HIDDEN = "f.visibility = 'contact_only'"
# In one number, of which many are the same: the division, how far the place has come, and how the division is served.
SERVED = f"""SELECT CAST(COALESCE(CASE WHEN {{hidden}} THEN NULL ELSE s.division_id END, {STOOD}) AS BIGINT) * 128
  + CASE COALESCE(r.level, t.level) {" ".join(f"WHEN '{level}' THEN {rank * 16}" for level, rank in RANK.items())} END
  + CASE WHEN {{hidden}} THEN 4 WHEN s.division_id IS NULL THEN 0 ELSE 8 END
  + CASE v.state WHEN 'reported' THEN 0 WHEN 'town' THEN 1 ELSE CASE WHEN f.id IN ({LOOKED}) THEN 3 ELSE 2 END END AS n"""
# The active roles of the types: open on the day, the place not suspended; a row for each of their valid links s.
FROM = """ FROM role r
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


class Way(NamedTuple):
    """How divisions are served: by roles of a level that stand there (or are linked to them), of places that are hidden
    in a public tree; and which steps these have come, `verified` being the last."""

    level: str
    linked: bool
    hidden: bool
    steps: tuple[str, ...]


def active_roles(tree: Tree, definition: Definition, on: date) -> list[Active]:
    """The active roles of the definition, in their own order, asked for once a tree. For their names: some 6 µs a role."""

    def make() -> list[Active]:
        sql, params = _asked(ACTIVE, definition, on)
        return [Active(*row) for row in db.query(sql + " ORDER BY r.id, s.division_id", params)]

    return tree.once(("active", *_key(definition)), make)


def ways(tree: Tree, definition: Definition, on: date) -> dict[Way, set[int]]:
    """The divisions that the active roles of the definition are linked to, or else stand in; asked for once a tree. Some
    1.5 µs a role."""

    def make() -> dict[Way, set[int]]:
        hidden = HIDDEN if tree.public else "1 = 0"
        sql, params = _asked(SERVED.format(hidden=hidden), definition, on)
        found: dict[int, set[int]] = defaultdict(set)
        for number in db.numbers(sql, params):
            found[number & 127].add(number >> 7)
        return {_way(number): ids for number, ids in found.items()}

    return tree.once(("ways", *_key(definition)), make)


def _way(number: int) -> Way:
    steps = (*STEPS, "verified")[: (number & 3) + 1]
    return Way(LEVELS[number >> 4], bool(number & 8), bool(number & 4), steps)


def _key(definition: Definition) -> tuple[Any, ...]:
    rule = definition.numerator
    return tuple(rule["types"]), rule.get("verified_within_months"), rule.get("title")


def _asked(select: str, definition: Definition, on: date) -> tuple[str, list[Any]]:
    """The statement of the definition's active roles, and its parameters."""
    day = on.isoformat()
    types, months, title = _key(definition)
    sql = select + FROM.format(types=", ".join("?" * len(types)))
    params: list[Any] = [day, day, months_before(on, VERIFIED_MONTHS).isoformat(), day, day, day, day]
    params += [*types, day, day, day, day]
    if months:
        sql += f" AND f.id IN ({LOOKED})"
        params += [months_before(on, months).isoformat(), day, day]
    if title:
        sql += TITLED
        params += [title, day, day, day]
    return sql, params


def serves(tree: Tree, role: Active) -> int | None:
    """The division that the role, or this link of it, serves."""
    hidden = tree.public and role.visibility == "contact_only"
    linked = role.serves is not None and not hidden
    return served(tree, role.serves if linked else role.stands, role.level, linked, hidden)


def served(tree: Tree, division_id: int | None, level: str, linked: bool, hidden: bool) -> int | None:
    """Whom a role of the level serves that stands in the division or is linked to it."""
    if hidden:
        county = tree.standing(division_id, "contact_only") if division_id is not None else None
        return tree.climb(county, level) or county
    return division_id if linked else tree.climb(division_id, level)


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
