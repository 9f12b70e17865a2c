"""The places that a plan makes, kept with its rows as JSON until they are written: no row is read twice."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from operator import attrgetter
from typing import Any

from servicemap import db
from servicemap.records import Record, Role, RoleClass, Serves, load

DAYS_OF_ROLE = ("opened_on", "closed_on", "places_on", "registration_expires_on")
Place = tuple[str, int]  # a row's sheet and number


@dataclass(frozen=True, slots=True)
class Made:
    """A place as it was (None: it is new), as it will be, and the rows that say so."""

    before: Record | None
    after: Record
    rows: list[Place]


def packed(made: Made) -> str:
    return json.dumps([_facts(made.after), made.rows], ensure_ascii=False, default=_facts)


def kept(batch_id: int, size: int) -> Iterator[list[Made]]:
    """What the plan of a batch makes, in the order of the rows, `size` places at a time."""
    sheet, number = "", 0
    while rows := db.query(
        "SELECT sheet, number, made FROM staged_row WHERE batch_id = ? AND (sheet, number) > (?, ?)"
        f" AND made IS NOT NULL ORDER BY sheet, number LIMIT {size}",
        (batch_id, sheet, number),
    ):
        sheet, number, _ = rows[-1]
        unpacked = [
            (_record(facts), [tuple(row) for row in said])
            for facts, said in map(json.loads, (r[2] for r in rows))
        ]
        before = load([record.id for record, _ in unpacked if record.id])
        yield [Made(before.get(record.id), record, said) for record, said in unpacked]


def settle(batch_id: int, made: Iterable[Made]) -> None:
    """Keep which place each row has made, once they are written; inside the write transaction."""
    db.execute_many(
        "UPDATE staged_row SET facility_id = ?, made = NULL WHERE batch_id = ? AND sheet = ? AND number = ?",
        [(each.after.id, batch_id, *row) for each in made for row in each.rows],
    )


_KINDS = (Record, Role, RoleClass, Serves)
_VALUES = {kind: attrgetter(*(each.name for each in fields(kind))) for kind in _KINDS}
_DEFAULTS: dict[type, list[tuple[str, Any]]] = {
    kind: [
        (each.name, each.default_factory() if each.default_factory is not MISSING else each.default)
        for each in fields(kind)
    ]
    for kind in _KINDS
}


def _facts(thing: Any) -> Any:
    """What json takes of a record or of a part of it: the fields that say something."""
    if isinstance(thing, date):
        return thing.isoformat()
    values = zip(_DEFAULTS[type(thing)], _VALUES[type(thing)](thing), strict=True)
    return {name: value for (name, default), value in values if value != default}


def _record(facts: dict[str, Any]) -> Record:
    record = Record(**_with_days(facts, "verified_on"))
    record.roles = [_role(role) for role in facts.get("roles", ())]
    record.suspensions = [(_day(a), b and _day(b), why) for a, b, why in facts.get("suspensions", ())]
    record.titles = [(k, by, _day(a), b and _day(b)) for k, by, a, b in facts.get("titles", ())]
    return record


def _role(facts: dict[str, Any]) -> Role:
    role = Role(**_with_days(facts, *DAYS_OF_ROLE))
    role.forms = tuple(role.forms)
    role.serves = [Serves(**_with_days(link, "from_on", "to_on")) for link in facts.get("serves", ())]
    role.classes = [RoleClass(**_with_days(each, "counted_on")) for each in facts.get("classes", ())]
    return role


def _with_days(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**facts, **{name: _day(facts[name]) for name in names if facts.get(name)}}


_day = date.fromisoformat
