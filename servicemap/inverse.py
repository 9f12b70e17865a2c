"""The inverse of a change: each field of a place as it was before, where nobody has changed it since.

What a change added is ended, never deleted.
"""

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from servicemap import db
from servicemap.facilities import flat, role_keys, serving
from servicemap.facility_types import Kinds
from servicemap.models import CLASSES
from servicemap.records import Record, Role, RoleClass, parse_code

# What is only right together is put back together, or stays.
TOGETHER = (
    {"lat", "lng", "position_precision", "position_datum", "position_source", "delivery"},
    {"source", "external_id"},
    {"phone", "phone_public"},
    {"opened_on", "closed_on", "closed_reason"},
    {"registration_body", "registration_no", "registration_expires_on"},
    {"age_from_months", "age_to_months"},
    {"places_on", "registered", "offered", "taken"},
)
DATES = ("opened_on", "closed_on", "places_on", "registration_expires_on", "verified_on")


@dataclass(slots=True)
class Inverse:
    """`after` is the place with the fields put back that nobody touched; the others are `kept`. Statements
    that take away the dated facts behind them are `dropped`: for the transaction that writes `after`."""

    after: Record
    kept: list[str] = field(default_factory=list)
    dropped: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)


def inverse(
    record: Record, changed: Mapping[str, list[Any]], since: Set[str], today: date, why: str
) -> Inverse:
    """What undoes a change (its fields as the audit holds them) of the record as it is now; `since` names the
    fields that later changes touched, `why` is why a role that it added is closed. Changes nothing."""
    kinds = Kinds()
    now = json.loads(json.dumps(flat(record, kinds), default=str))
    undone = Inverse(
        replace(record, roles=[replace(role, classes=list(role.classes)) for role in record.roles])
    )
    roles = dict(zip(role_keys(record, kinds), range(len(record.roles)), strict=True))
    for names in _groups(changed):
        key = names[0].partition(".")[0] if "." in names[0] else None
        touched = not since.isdisjoint(_together(names)) or any(
            now.get(name) != changed[name][1] for name in names
        )
        if touched or (key is not None and key not in roles):
            undone.kept += names
        elif key is None:
            undone.dropped += _set(undone.after, {name: changed[name] for name in names})
        elif f"{key}.is_role" in changed:
            undone.after.roles[roles[key]] = never_open(undone.after.roles[roles[key]], today, why)
        else:
            before = {name.rpartition(".")[2]: changed[name] for name in names}
            undone.dropped += _set(undone.after.roles[roles[key]], before)
    return undone


def never_open(role: Role, today: date, why: str) -> Role:
    """The role as one that no day has seen open."""
    day = min(role.opened_on or today, today)
    return replace(role, opened_on=day, closed_on=day, closed_reason=why)


def clash(after: Record) -> str | None:
    """Why the place cannot be what it was; None when it can. One query."""
    current = [role.type_id for role in after.roles if role.closed_on is None]
    if len(current) != len(set(current)):
        return "现在另有一个同类的挂牌开着"
    owner = "SELECT 1 FROM facility WHERE source = ? AND external_id = ? AND id <> ?"
    if after.external_id and db.query(owner, (after.source, after.external_id, after.id)):
        return f"外部编号 {after.external_id} 现在属于另一处"
    return None


def _groups(changed: Mapping[str, Any]) -> Iterable[list[str]]:
    """The changed fields, those together that are put back together: all of a role that the change added."""
    groups: dict[Any, list[str]] = {}
    for name in changed:
        key, _, own = name.rpartition(".")
        alone = next((index for index, some in enumerate(TOGETHER) if own in some), own)
        groups.setdefault(key if key and f"{key}.is_role" in changed else (key, alone), []).append(name)
    return groups.values()


def _together(names: list[str]) -> set[str]:
    """The fields themselves and those that are only right together with them."""
    key, dot, own = names[0].rpartition(".")
    return set(names) | {f"{key}{dot}{each}" for some in TOGETHER if own in some for each in some}


def _set(target: Record | Role, before: Mapping[str, list[Any]]) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """Give the fields their values from before; the dated facts behind them that have to go."""
    for name, (was, brought) in before.items():
        if name in CLASSES and isinstance(target, Role):
            target.classes = [each for each in target.classes if each.kind != name]
            if was:
                target.classes.append(replace(RoleClass(name, *was[:-1]), counted_on=_day(was[-1])))
                target.classes.sort(key=lambda each: CLASSES.index(each.kind))
        elif name == "serves" and isinstance(target, Role):
            target.serves = serving(target, was or ())
        elif name == "merged_into" and isinstance(target, Record):
            target.merged_into_id = parse_code(was) if was else None
        elif name == "suspensions" and isinstance(target, Record):
            target.suspensions = [
                (date.fromisoformat(start), _day(end), why) for start, end, why in was or ()
            ]
        else:
            setattr(target, name, _value(name, was))
        if name == "verified_on" and brought:
            yield (
                "DELETE FROM verification WHERE facility_id = ? AND verified_on = ?",
                (target.id, brought),
            )
        if name == "places_on" and brought:
            yield "DELETE FROM role_places WHERE role_id = ? AND from_on = ?", (target.id, brought)


def _value(name: str, was: Any) -> Any:
    if name == "forms":
        return tuple(was or ())
    if name == "phone_public":  # the audit names it only where it is not
        return was is None
    return _day(was) if name in DATES else was


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
