"""The rules of one record: get it, say what it would become, how it is stored (storing.py does it)."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from servicemap import db, geo
from servicemap.access import Actor, Span, narrowed
from servicemap.errors import NotFoundError
from servicemap.facility_types import Kinds
from servicemap.models import CLASSES
from servicemap.records import (
    UNDONE,
    Record,
    Role,
    RoleClass,
    Serves,
    load,
    parse_code,
    public_code,
)

FACILITY_COLUMNS = (
    "name",
    "division_id",
    "address",
    "lat",
    "lng",
    "position_precision",
    "position_datum",
    "phone",
    "hours_id",
    "accessible",
    "visibility",
    "source",
    "external_id",
    "delivery",
    "note",
    "held",
    "merged_into_id",
    "credit_code",
    "phone_public",
    "position_source",
)
UNPLACED = {"lat": None, "lng": None, "position_datum": None, "position_source": None}
UNSAID = ("hours_id", "held", "merged_into_id", "phone_public")  # in the audit they stand in another form
STORED_AS_TEXT = (date, tuple, dict)
MATERIAL_M = 200  # a position that moves farther is another place to look at
PLACES = ("registered", "offered", "taken")
ROLE_COLUMNS = tuple(
    f.name for f in fields(Role) if f.name not in ("id", "places_on", *PLACES, "serves", "classes")
)
CLASS_COLUMNS = tuple(f.name for f in fields(RoleClass))
SAME_POSITION_M = 0.1  # a position that moves less (a conversion there and back) has not moved


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody says of one place: only the fields that they fill.

    `facility` and the dicts of `roles` (type id, fields) use the names of records.Record and
    records.Role; `serves` is a sorted list of division ids, `classes` all that there are.
    """

    facility: dict[str, Any]
    roles: list[tuple[int, dict[str, Any]]]
    verified_on: date | None = None


def get(code: str) -> Record:
    """The record with this public code (hyphen optional), of one that was merged the one that it became;
    raises NotFoundError. Eight queries."""
    id_ = parse_code(code)
    record = None
    while id_:
        record = load([id_]).get(id_)
        id_ = record.merged_into_id if record else None
    if record is None:
        cure = "" if parse_code(code) else "；编号像 F0012345-1，最后一位是校验码，请照抄"
        raise NotFoundError(f"没有编号“{code}”的服务点{cure}", "facility_not_found")
    return record


def id_of(code: str) -> int:
    """The id behind a code, whatever became of the place since; raises NotFoundError."""
    id_ = parse_code(code)
    if not id_ or not db.query("SELECT 1 FROM facility WHERE id = ?", (id_,)):
        raise NotFoundError(f"没有编号“{code}”的服务点", "facility_not_found")
    return id_


def list_records(
    actor: Actor, type_ids: Sequence[int], spans: Sequence[Span], *, after: int, limit: int
) -> list[Record]:
    """At most `limit` whole records, closed ones too, merged ones not, with a role of any of the types (none: all), in
    any of the spans of the division tree (none: where the actor acts), beyond the id `after`, by code. What
    an undone import had made was never there. ForbiddenError for a span that is not the actor's."""
    within, bounds = standing_in(narrowed(actor, spans))
    where = (
        f"f.merged_into_id IS NULL AND f.id > ? AND {within} AND EXISTS (SELECT 1 FROM role r"
        " WHERE r.facility_id = f.id AND COALESCE(r.closed_reason, '') <> ?)"
    )
    params: list[Any] = [after, *bounds, UNDONE]
    if type_ids:
        among = ", ".join(map(str, type_ids))
        where += f" AND EXISTS (SELECT 1 FROM role r WHERE r.facility_id = f.id AND r.type_id IN ({among}))"
    ids = [
        row[0]
        for row in db.query(f"SELECT f.id FROM facility f WHERE {where} ORDER BY f.id LIMIT {limit}", params)
    ]
    found = load(ids)  # in the order of the engine
    return [found[id_] for id_ in ids if id_ in found]


def standing_in(spans: Sequence[Span]) -> tuple[str, list[int]]:
    """The condition, with its parameters, that the facility f stands in any of the spans; none: anywhere."""
    if not spans:
        return "1 = 1", []
    within = " OR ".join("lft BETWEEN ? AND ?" for _ in spans)
    return f"f.division_id IN (SELECT id FROM division WHERE {within})", [
        end for span in spans for end in span
    ]


def merged(record: Record, stated: Stated, as_of: date) -> Record:
    """A copy of the record as the statement would make it; a new role carries the id 0."""
    facility = _settle_position(record, dict(stated.facility))
    new = replace(record, **facility, roles=[replace(role) for role in record.roles])
    if stated.verified_on and (record.verified_on is None or stated.verified_on > record.verified_on):
        new.verified_on = stated.verified_on
    for type_id, role_fields in stated.roles:
        role = _role_meant(new, type_id, role_fields)
        role_fields = dict(role_fields)
        serves = role_fields.pop("serves", None)
        if serves is not None and serves != [link.division_id for link in role.serves if not link.to_on]:
            role.serves = serving(role, serves)
        if (classes := role_fields.pop("classes", None)) is not None:
            role.classes = _counted(role, classes, as_of)
        if any(getattr(role, name) != role_fields[name] for name in PLACES if name in role_fields):
            role.places_on = as_of
        for name, value in role_fields.items():
            setattr(role, name, value)
    return new


def _settle_position(record: Record, facility: dict[str, Any]) -> dict[str, Any]:
    """Keep position and precision together: none exactly where there is no position, and no position
    where nobody goes: what is online, at home or on the phone is never mapped."""
    precision = facility.get("position_precision")
    if facility.get("delivery", record.delivery) != "on_site":
        facility |= UNPLACED | {"position_precision": "none"}
    elif "lat" in facility:
        if precision in (None, "none"):
            kept = record.position_precision
            facility["position_precision"] = "door" if kept == "none" else kept
        if record.lat is not None and record.lng is not None:
            moved = geo.distance_from(record.lng, record.lat)(facility["lng"], facility["lat"])
            if moved < SAME_POSITION_M:
                facility |= {name: getattr(record, name) for name in ("lat", "lng", "position_datum")}
                return facility
        facility.setdefault("position_source", None)  # the old one speaks of another point
    elif precision == "none":
        facility |= UNPLACED
    elif record.lat is None:
        facility.pop("position_precision", None)
        facility.pop("position_source", None)
    return facility


def serving(role: Role, division_ids: Sequence[int]) -> list[Serves]:
    """The links to these divisions, beside those that a change of divisions has ended."""
    ended = [link for link in role.serves if link.to_on and link.division_id not in division_ids]
    known = {link.division_id: link for link in role.serves if not link.to_on}
    return [*ended, *(known.get(id_) or Serves(id_, None, None) for id_ in division_ids)]


def _counted(role: Role, classes: Iterable[RoleClass], as_of: date) -> list[RoleClass]:
    """The classes in their order; places that are new carry the day of the statement."""
    known = {each.kind: each for each in role.classes}
    counted = []
    for each in sorted(classes, key=lambda each: CLASSES.index(each.kind)):
        before, counts = known.get(each.kind), stored(each, PLACES)
        if any(count is not None for count in counts):
            same = before is not None and stored(before, PLACES) == counts
            each = replace(each, counted_on=before.counted_on if before and same else as_of)
        counted.append(each)
    return counted


def _role_meant(record: Record, type_id: int, role_fields: dict[str, Any]) -> Role:
    """The role that is spoken of: of its type the one opened on that day, else the one that ended on that
    day, else the current one, else (where no day is given) the last, else a new one. What began and ended
    before the current role is new."""
    of_type = [role for role in record.roles if role.type_id == type_id]
    opened_on, ended_on = role_fields.get("opened_on"), role_fields.get("closed_on")
    exact = [role for role in of_type if opened_on and role.opened_on == opened_on]
    ended = [
        role
        for role in of_type
        if ended_on and role.closed_on == ended_on and (role.opened_on is None or not opened_on)
    ]
    current = [role for role in of_type if role.closed_on is None]
    if current and opened_on and ended_on and current[0].opened_on and ended_on <= current[0].opened_on:
        current = []
    past = [] if opened_on else of_type
    if known := exact or ended or current or past:
        return known[-1]
    record.roles.append(Role(0, type_id))
    return record.roles[-1]


def contradictions(record: Record) -> Iterable[tuple[str, str, str]]:
    """(field, code, detail) of what was said against what the registry knew before."""
    for role in record.roles:
        if role.opened_on and role.closed_on and role.closed_on < role.opened_on:
            yield (
                "closed_on",
                "closed_before_opened",
                f"关闭日期 {role.closed_on} 早于设立日期 {role.opened_on}",
            )
        youngest, oldest = role.age_from_months, role.age_to_months
        if youngest is not None and oldest is not None and oldest < youngest:
            yield "age_to_months", "ages_upside_down", f"最大月龄 {oldest} 小于最小月龄 {youngest}"


def flat(record: Record, kinds: Kinds) -> dict[str, Any]:
    """The record as {field: value}, a role's fields behind its type's key: what audit and plan compare."""
    facts: dict[str, Any] = {name: getattr(record, name) for name in FACILITY_COLUMNS if name not in UNSAID}
    facts |= {
        "hours": record.hours,
        "review": None if record.review == "county" else record.review,
        "verified_on": record.verified_on,
        "phone_public": None if record.phone_public else False,
        "merged_into": record.merged_into_id and public_code(record.merged_into_id),
        "suspensions": record.suspensions,
    }
    for key, role in zip(role_keys(record, kinds), record.roles, strict=True):
        facts[f"{key}.is_role"] = True
        facts |= {f"{key}.{name}": getattr(role, name) for name in (*ROLE_COLUMNS[1:], "places_on", *PLACES)}
        facts[f"{key}.serves"] = [link.division_id for link in role.serves if not link.to_on]
        facts |= {f"{key}.{each.kind}": stored(each, CLASS_COLUMNS[1:]) for each in role.classes}
    return {name: value for name, value in facts.items() if value not in (None, [], ())}


def role_keys(record: Record, kinds: Kinds) -> list[str]:
    """What stands before the fields of each role in `flat`: its type's key, numbered from the second on."""
    seen: dict[str, int] = {}
    keys = []
    for role in record.roles:
        key = kinds.by_id[role.type_id].key
        seen[key] = seen.get(key, 0) + 1
        keys.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return keys


def is_material(before: Record, after: Record) -> bool:
    """Whether what was looked at is no longer so: name, division, position, types and their dates, rests.
    Phone and hours are not looked at on the spot."""
    if (before.name, before.division_id, before.suspensions) != (
        after.name,
        after.division_id,
        after.suspensions,
    ):
        return True
    plaques = [{(r.type_id, r.opened_on, r.closed_on) for r in each.roles} for each in (before, after)]
    if plaques[0] != plaques[1] or (before.lat is None) != (after.lat is None):
        return True
    if before.lng is None or before.lat is None or after.lng is None or after.lat is None:
        return False
    return geo.distance_from(before.lng, before.lat)(after.lng, after.lat) > MATERIAL_M


def voids_verification(before: Record, after: Record) -> bool:
    """Whether what was verified is no longer so, and nobody has looked again."""
    return (
        after.verified_on is not None
        and after.verified_on == before.verified_on
        and is_material(before, after)
    )


def stored(record: Any, columns: Sequence[str]) -> list[Any]:
    """The columns of a record as they are stored."""
    values = _getter(tuple(columns))(record)
    return [plain(value) if type(value) in STORED_AS_TEXT else value for value in values]


@lru_cache
def _getter(columns: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*columns)


def plain(value: Any) -> Any:
    """The value as it is stored."""
    if isinstance(value, tuple | dict):
        return json.dumps(value) if value else None
    return value.isoformat() if isinstance(value, date) else value
