"""One record corrected by hand: read as an import's row is, held against files that are older.

Every verb takes the actor, the code, the version that was looked at and a reason; it opens its own
transaction, in which the version is looked at again: of two who saw the same, one is told what the other did.
The head of the audit is held from the beginning, as an import holds it: whoever writes a place waits there,
so that two never wait for each other's places.
"""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from servicemap import db, facilities, facts, replays, storing
from servicemap.access import EDIT, READ_RECORD, Actor, require
from servicemap.audit import diff
from servicemap.config import Settings
from servicemap.edit_fields import Cells, empty, kind_of, merged_with, reader_of, refused, type_meant, wrong
from servicemap.errors import ConflictError, InvalidError, StaleError
from servicemap.evidence import steps
from servicemap.facility_types import Kinds
from servicemap.records import Record, Role, load, public_code
from servicemap.replays import once

Change = Callable[[Record], Record]

MOST_CHANGES = 100  # of a record's changes that a page or a refusal tells


@dataclass(frozen=True, slots=True)
class Asked:
    """What every verb is told: who, why, which version they saw (None: a new record), the request as it
    was sent and the key under which the same may come again, and the day of today."""

    actor: Actor
    reason: str | None
    version: int | None
    request: Any
    key: str | None
    today: date


def add(asked: Asked, cells: Cells, settings: Settings) -> dict[str, Any]:
    """A new record of these fields (text, named as an import's). ConflictError where the same division has
    one of that name."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        given = {name: text for name, text in cells.items() if text is not None}
        row = reader_of(cells, settings, asked.today).read(0, given)
        if row.problems:
            raise refused(row.problems)
        name, stands = row.facility["name"], row.facility["division_id"]
        require(asked.actor, EDIT, None, stands)
        sql = "SELECT id FROM facility WHERE name = ? AND division_id = ? AND merged_into_id IS NULL"
        for (id_,) in db.query(sql, (name, stands)):
            raise ConflictError(
                f"这个村（居）已有同名的服务点 {public_code(id_)}；若是另一处，请在名称上写出区别",
                "already_exists",
            )
        record = merged_with(Record(0, name, stands, source="hand"), row, asked.today)
        require_over(asked.actor, Record(0, name, stands), record)
        record.held = dict.fromkeys(facilities.flat(record, Kinds()), str(asked.today))
        storing.write(log, [record], [], asked.today, action="create", reason=asked.reason)
        return answered(asked, record)


def edit(asked: Asked, code: str, cells: Cells, settings: Settings) -> dict[str, Any]:
    """The record with these fields (text; None empties one). A role's fields are those of `type`, or of the
    only current role."""
    return _change(asked, code, "update", editing(cells, settings, asked.today))


def close(asked: Asked, code: str, on: date, types: tuple[str, ...]) -> dict[str, Any]:
    """End the current roles of the types (none: all) on that day."""
    return _change(asked, code, "close", closing(on, types, asked.reason))


def reopen(asked: Asked, code: str, on: date, types: tuple[str, ...]) -> dict[str, Any]:
    """Begin the last roles of the types (none: all) anew on that day; the time between stays closed."""

    def change(record: Record) -> Record:
        ended = {role.type_id: role for role in record.roles if role.closed_on}
        for role in record.roles:
            if role.closed_on is None:
                ended.pop(role.type_id, None)
        wanted = _of_types(list(ended.values()), _ids(types))
        if not wanted:
            raise ConflictError("没有关闭的挂牌可以恢复", "not_closed")
        for role in wanted:
            if role.closed_on and on < role.closed_on:
                raise InvalidError(f"{on} 早于关闭日期 {role.closed_on}", "reopened_before_closed")
            again = replace(deepcopy(role), id=0, opened_on=on, closed_on=None, closed_reason=None)
            record.roles.append(again)
        return record

    return _change(asked, code, "reopen", change)


def suspend(asked: Asked, code: str, from_on: date, to_on: date | None) -> dict[str, Any]:
    """Rest from that day up to (not including) `to_on`; None: until resumed."""

    def change(record: Record) -> Record:
        if to_on and to_on <= from_on:
            raise InvalidError("恢复日期应晚于暂停日期", "suspension_upside_down")
        for start, end, _ in record.suspensions:
            if (to_on is None or start < to_on) and (end is None or from_on < end):
                raise ConflictError(f"{start} 起已经是暂停；请先恢复", "already_suspended")
        record.suspensions = sorted([*record.suspensions, (from_on, to_on, asked.reason or "")])
        return record

    return _change(asked, code, "suspend", change)


def resume(asked: Asked, code: str, on: date) -> dict[str, Any]:
    """End the rest that lasts on that day (one that begins on it never was)."""

    def change(record: Record) -> Record:
        lasting = [rest for rest in record.suspensions if rest[0] <= on and (rest[1] is None or on < rest[1])]
        if not lasting:
            raise ConflictError(f"{on} 没有暂停", "not_suspended")
        record.suspensions = [
            (start, on if (start, end, why) in lasting else end, why)
            for start, end, why in record.suspensions
            if (start, end, why) not in lasting or start < on
        ]
        return record

    return _change(asked, code, "resume", change)


def convert(asked: Asked, code: str, old_type: str, new_type: str, on: date) -> dict[str, Any]:
    """The role of one type becomes one of another on that day."""

    def change(record: Record) -> Record:
        kind = kind_of(new_type)
        role = _current(record, _ids((old_type,)))[0]
        if any(each.type_id == kind.id and each.closed_on is None for each in record.roles):
            raise ConflictError(f"这里已经是{kind.name}", "already_of_type")
        _after_opening(role, on)
        new = replace(deepcopy(role), id=0, type_id=kind.id, level=None, opened_on=on, serves=[])
        role.closed_on, role.closed_reason = on, asked.reason or f"改为{kind.name}"
        record.roles.append(new)
        return record

    return _change(asked, code, "convert", change)


def verify(asked: Asked, code: str, on: date) -> dict[str, Any]:
    """Somebody looked: the record is right as on that day."""
    return _change(asked, code, "verify", verifying(on, asked.today))


def history(actor: Actor, code: str) -> list[dict[str, Any]]:
    """The changes of a record, the last one first: of one that was merged its own."""
    id_ = facilities.id_of(code)
    record = load([id_])[id_]
    require(actor, READ_RECORD, record.division_id)
    return _changes(record)


def _changes(record: Record, most: int | None = None) -> list[dict[str, Any]]:
    rows = db.query(
        "SELECT seq, changed_at, actor, door, batch_id, action, diff FROM change WHERE noun = 'facility' AND key = ?"
        f" ORDER BY seq DESC{'' if most is None else f' LIMIT {most}'}",
        (record.code,),
    )
    names = ("seq", "changed_at", "actor", "door", "import_id", "action")
    return [{**dict(zip(names, row[:6], strict=True)), "changed": json.loads(row[6])} for row in rows]


# What becomes of a record, of one or of each of many


def editing(cells: Cells, settings: Settings, today: date) -> Change:
    """These fields (text; None empties one) are set, read as an import's."""
    reader = reader_of(cells, settings, today)
    given = {name: text for name, text in cells.items() if text is not None}

    def change(record: Record) -> Record:
        if len(given.keys() & {"lng", "lat"}) == 1:
            raise wrong("lat" if "lng" in given else "lng", "one_coordinate", "经度和纬度只给了一个")
        row = reader.read(0, given)
        if problems := [each for each in row.problems if each.code not in facts.MISSING]:
            raise refused(problems)
        if "type" not in given:
            row.kinds = [type_meant(record, cells)]
        after = merged_with(record, row, today)
        known = {role.type_id for role in record.roles}
        if any(role.id == 0 and role.type_id in known for role in after.roles):
            raise wrong("opened_on", "not_open", "这个挂牌已经关闭；重新挂牌请用 恢复 reopen")
        for name in [name for name, text in cells.items() if text is None]:
            for kind in row.kinds:
                empty(after, name, kind, today)
        return after

    return change


def closing(on: date, types: tuple[str, ...], reason: str | None) -> Change:
    """The current roles of the types (none: all) end on that day."""
    wanted = _ids(types)

    def change(record: Record) -> Record:
        for role in _current(record, wanted):
            _after_opening(role, on)
            role.closed_on, role.closed_reason = on, reason
        return record

    return change


def verifying(on: date, today: date) -> Change:
    """The record is right as on that day."""

    def change(record: Record) -> Record:
        if on > today:
            raise InvalidError(f"{on} 还没有到", "future_date")
        if record.verified_on and on <= record.verified_on:
            raise ConflictError(f"{record.verified_on} 已核实过", "already_verified")
        record.verified_on = on
        return record

    return change


# How a change is made


def changed(
    actor: Actor, record: Record, change: Change, today: date, kinds: Kinds
) -> tuple[Record, Record, dict[str, list[Any]]]:
    """(before, after, {field: [before, after]}): what the change would make of the record; what changes is
    held against older files. ForbiddenError where the actor may not."""
    before = deepcopy(record)
    after = change(record)
    require_over(actor, before, after)
    return before, after, hold(before, after, today, kinds)


def _change(asked: Asked, code: str, action: str, change: Change) -> dict[str, Any]:
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        before, after, fields = changed(asked.actor, seen(asked, code), change, asked.today, Kinds())
        if fields:
            storing.write(log, [], [(before, after)], asked.today, action=action, reason=asked.reason)
        return answered(asked, after)


def seen(asked: Asked, code: str) -> Record:
    """The record; StaleError when it is not the version that was seen."""
    record = facilities.get(code)
    require(asked.actor, EDIT, record.division_id)
    if record.version != asked.version:
        missed = min(record.version - (asked.version or 0), MOST_CHANGES)
        raise StaleError(
            "这条资料在你打开之后有了新的修改；请看过现在的内容再改",
            current=shown(record, asked.today),
            changes=_changes(record, missed) if missed > 0 else [],
        )
    return record


def require_over(actor: Actor, before: Record, after: Record) -> None:
    """Where the place stood, stands now, and whatever it serves from now on must be the actor's."""
    require(actor, EDIT, before.division_id, after.division_id)
    served = {link.division_id for role in before.roles for link in role.serves}
    for division_id in {link.division_id for role in after.roles for link in role.serves} - served:
        require(actor, EDIT, None, division_id)


def hold(before: Record, after: Record, today: date, kinds: Kinds) -> dict[str, list[Any]]:
    """Mark what changed as corrected by hand today; {field: [before, after]}."""
    changed = diff(facilities.flat(before, kinds), facilities.flat(after, kinds))
    names = {re.sub("#[0-9]+", "", name) for name in changed}  # an import speaks of a type's current role
    after.held = before.held | dict.fromkeys(sorted(names), str(today))
    return changed


def shown(record: Record, today: date) -> dict[str, Any]:
    """The whole record for people with rights: its version, a row a role as an import reads it, and how far
    each role that is open has come."""
    rows = facts.rows_of([record], Kinds())
    return {"code": record.code, "version": record.version, "items": rows, "steps": steps(record, today)}


def answered(asked: Asked, record: Record) -> dict[str, Any]:
    answer = shown(load([record.id])[record.id], asked.today)
    replays.keep(asked.actor, asked.key, asked.request, answer)
    return answer


def _ids(types: tuple[str, ...]) -> set[int]:
    return {kind_of(word).id for word in types}


def _of_types(roles: list[Role], wanted: set[int]) -> list[Role]:
    return [role for role in roles if not wanted or role.type_id in wanted]


def _current(record: Record, wanted: set[int]) -> list[Role]:
    roles = _of_types([role for role in record.roles if role.closed_on is None], wanted)
    if not roles:
        raise ConflictError("没有这样的、还开着的挂牌", "not_open")
    return roles


def _after_opening(role: Role, on: date) -> None:
    if role.opened_on and on < role.opened_on:
        raise InvalidError(f"{on} 早于设立日期 {role.opened_on}", "closed_before_opened")
