"""One record corrected by hand: read as an import's row is, held against files that are older.

Every verb takes the actor, the code, the version that was looked at and a reason; it opens its own
transaction, in which the version is looked at again: of two who saw the same, one is told what the other did.
"""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from servicemap import db, facilities, facts, replays
from servicemap.access import EDIT, Actor, require
from servicemap.audit import diff, write_txn
from servicemap.config import Settings
from servicemap.divisions import paths
from servicemap.errors import ConflictError, InvalidError, NotFoundError, Problem, StaleError
from servicemap.facilities import Stated
from servicemap.facility_types import Kind, Kinds
from servicemap.imports.columns import FIELDS
from servicemap.records import Record, Role, load, parse_code, public_code

Cells = Mapping[str, str | None]
Change = Callable[[Record], Record]

KEPT = ("code", "name", "type", "division", "source", "datum")  # fields that nobody empties
PLACES = {f"places_{name}": name for name in facilities.PLACES}
OF_ROLE = {*facilities.ROLE_COLUMNS, *facilities.PLACES, "classes", "serves"}
EMPTY: dict[str, Any] = {
    "forms": (),
    "classes": [],
    "serves": [],
    "visibility": "public",
    "delivery": "on_site",
}
HEADINGS = {each.name: each.heading for each in FIELDS}


@dataclass(frozen=True, slots=True)
class Asked:
    """What every verb is told: who, why, which version they saw (None: a new record), the key under which
    the same request may come again, and the day of today."""

    actor: Actor
    reason: str | None
    version: int | None
    key: str | None
    today: date


def add(asked: Asked, cells: Cells, settings: Settings) -> dict[str, Any]:
    """A new record of these fields (text, named as an import's). ConflictError where the same division has
    one of that name."""

    def make() -> Record:
        given = {name: text for name, text in cells.items() if text is not None}
        row = _read(_reader(cells, settings, asked.today), given)
        stands = row.facility["division_id"]
        require(asked.actor, EDIT, None, stands)
        same = db.query(
            "SELECT id FROM facility WHERE name = ? AND division_id = ? AND merged_into_id IS NULL",
            (row.facility["name"], stands),
        )
        if same:
            code = public_code(same[0][0])
            raise ConflictError(
                f"这个村（居）已有同名的服务点 {code}；若是另一处，请在名称上写出区别", "already_exists"
            )
        blank = Record(0, row.facility["name"], stands, source="hand")
        return _merged(blank, row, asked.today)

    request = ["add", dict(cells), asked.reason]
    with write_txn(asked.actor) as log:
        if kept := replays.answered(asked.actor, asked.key, request):
            return kept
        record = make()
        record.held = dict.fromkeys(facilities.flat(record, Kinds()), str(asked.today))
        facilities.write(log, [record], [], asked.today, action="create", reason=asked.reason)
        return _answer(asked, request, record)


def edit(asked: Asked, code: str, cells: Cells, settings: Settings) -> dict[str, Any]:
    """The record with these fields (text; None empties one). A role's fields are those of `type`, or of the
    only current role."""
    change = editing(cells, settings, asked.today)
    return _change(asked, code, "update", ["edit", code, dict(cells), asked.reason], change)


def close(asked: Asked, code: str, on: date, types: tuple[str, ...]) -> dict[str, Any]:
    """End the current roles of the types (none: all) on that day."""
    change = closing(on, types, asked.reason)
    return _change(asked, code, "close", ["close", code, on, types, asked.reason], change)


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

    return _change(asked, code, "reopen", ["reopen", code, on, types, asked.reason], change)


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

    return _change(asked, code, "suspend", ["suspend", code, from_on, to_on, asked.reason], change)


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

    return _change(asked, code, "resume", ["resume", code, on, asked.reason], change)


def convert(asked: Asked, code: str, old_type: str, new_type: str, on: date) -> dict[str, Any]:
    """The role of one type becomes one of another on that day."""

    def change(record: Record) -> Record:
        kind = _kind(new_type)
        role = _current(record, _ids((old_type,)))[0]
        if any(each.type_id == kind.id and each.closed_on is None for each in record.roles):
            raise ConflictError(f"这里已经是{kind.name}", "already_of_type")
        _after_opening(role, on)
        new = replace(deepcopy(role), id=0, type_id=kind.id, level=None, opened_on=on, serves=[])
        role.closed_on, role.closed_reason = on, asked.reason or f"改为{kind.name}"
        record.roles.append(new)
        return record

    return _change(asked, code, "convert", ["convert", code, old_type, new_type, on, asked.reason], change)


def verify(asked: Asked, code: str, on: date) -> dict[str, Any]:
    """Somebody looked: the record is right as on that day."""

    return _change(asked, code, "verify", ["verify", code, on, asked.reason], verifying(on, asked.today))


def merge(asked: Asked, code: str, into: str, on: date) -> dict[str, Any]:
    """The record turns out to be `into`: its roles end, those that `into` lacks go on there with the facts
    that it lacks, and its code answers with `into` from now on. The answer is about `into`."""
    request = ["merge", code, into, on, asked.reason]
    with write_txn(asked.actor) as log:
        if kept := replays.answered(asked.actor, asked.key, request):
            return kept
        gone, stays = _seen(asked, code), facilities.get(into)
        require(asked.actor, EDIT, gone.division_id, stays.division_id)
        if gone.id == stays.id:
            raise InvalidError("两个编号是同一处", "same_facility")
        stays, before = _locked(stays.id)
        gone_before = deepcopy(gone)
        held = {role.type_id for role in stays.roles if role.closed_on is None}
        for role in gone.roles:
            if role.closed_on is None:
                if role.type_id not in held:
                    stays.roles.append(replace(deepcopy(role), id=0))
                role.closed_on = max(on, role.opened_on or on)
                role.closed_reason = f"并入 {stays.code}"
        for name in ("address", "phone", "hours", "accessible", "note", "credit_code"):
            if getattr(stays, name) is None:
                setattr(stays, name, getattr(gone, name))
        if stays.lat is None and gone.lat is not None:
            for name in (*facilities.UNPLACED, "position_precision"):
                setattr(stays, name, getattr(gone, name))
        gone.merged_into_id = stays.id
        facilities.write(log, [], [(gone_before, gone)], asked.today, action="merge", reason=asked.reason)
        facilities.write(log, [], [(before, stays)], asked.today, action="merge", reason=asked.reason)
        return _answer(asked, request, stays)


def history(code: str) -> list[dict[str, Any]]:
    """The changes of a record, the last one first."""
    id_ = parse_code(code)
    rows = db.query(
        "SELECT seq, changed_at, actor, door, batch_id, action, diff FROM change WHERE noun = 'facility' AND key = ?"
        " ORDER BY seq DESC",
        (public_code(id_) if id_ else code,),
    )
    if not rows:
        raise NotFoundError(f"没有编号“{code}”的服务点", "facility_not_found")
    names = ("seq", "changed_at", "actor", "door", "import_id", "action")
    return [{**dict(zip(names, row[:6], strict=True)), "changed": json.loads(row[6])} for row in rows]


# What becomes of a record, of one or of each of many


def editing(cells: Cells, settings: Settings, today: date) -> Change:
    """These fields (text; None empties one) are set, read as an import's."""
    reader = _reader(cells, settings, today)
    given = {name: text for name, text in cells.items() if text is not None}

    def change(record: Record) -> Record:
        known = {
            "name": record.name,
            "division": _code_of(record.division_id),
            "type": _type_meant(record, cells, reader.kinds).key,
        }
        if len(given.keys() & {"lng", "lat"}) == 1:
            raise _wrong("lat" if "lng" in given else "lng", "one_coordinate", "经度和纬度只给了一个")
        row = _read(reader, known | given)
        after = _merged(record, row, today)
        for name in (name for name, text in cells.items() if text is None):
            _empty(after, name, row.kinds[0])
        return after

    @cache
    def _code_of(division_id: int) -> str:
        return paths([division_id])[division_id][-1].code

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
    require(actor, EDIT, before.division_id)
    after = change(record)
    if after.division_id != before.division_id:
        require(actor, EDIT, after.division_id)
    fields = diff(facilities.flat(before, kinds), facilities.flat(after, kinds))
    if fields:
        after.held = before.held | dict.fromkeys(fields, str(today))
    return before, after, fields


def _change(asked: Asked, code: str, action: str, request: Any, change: Change) -> dict[str, Any]:
    with write_txn(asked.actor) as log:
        if kept := replays.answered(asked.actor, asked.key, request):
            return kept
        before, after, fields = changed(asked.actor, _seen(asked, code), change, asked.today, Kinds())
        if fields:
            facilities.write(log, [], [(before, after)], asked.today, action=action, reason=asked.reason)
            after.version += 1
        return _answer(asked, request, after)


def _seen(asked: Asked, code: str) -> Record:
    """The record, held until the transaction ends; StaleError when it is not the version that was seen."""
    record, _ = _locked(facilities.get(code).id)
    if record.version != asked.version:
        since = [row for row in history(record.code) if asked.version is not None][
            : record.version - (asked.version or 0)
        ]
        raise StaleError(
            "这条资料在你打开之后有了新的修改；请看过现在的内容再改",
            current=shown(record),
            changes=since,
        )
    return record


def _locked(facility_id: int) -> tuple[Record, Record]:
    """The record as it is now and a copy; on PostgreSQL nobody else changes it meanwhile."""
    if not db.is_sqlite():
        db.query("SELECT id FROM facility WHERE id = ? FOR UPDATE", (facility_id,))
    record = load([facility_id])[facility_id]
    return record, deepcopy(record)


def shown(record: Record) -> dict[str, Any]:
    """The whole record for people with rights: its version and a row a role, as an import reads it."""
    return {"code": record.code, "version": record.version, "items": facts.rows_of([record], Kinds())}


def _answer(asked: Asked, request: Any, record: Record) -> dict[str, Any]:
    answer = shown(load([record.id])[record.id])
    replays.keep(asked.actor, asked.key, request, answer)
    return answer


# What is meant


def _reader(cells: Cells, settings: Settings, today: date) -> facts.Reader:
    """InvalidError for a field that there is not."""
    unknown = [name for name in cells if name not in HEADINGS]
    if unknown:
        raise InvalidError(f"没有这些字段：{'、'.join(unknown)}", "unknown_field")
    return facts.Reader(HEADINGS, settings.extent, today)


def _read(reader: facts.Reader, cells: Mapping[str, str]) -> facts.Facts:
    """The fields read as a row of an import is; InvalidError with every problem."""
    row = reader.read(0, cells)
    if row.problems:
        wrong = [replace(problem, row=None) for problem in row.problems]
        raise InvalidError(
            f"内容有误：{'、'.join(dict.fromkeys(p.column or '' for p in wrong))}", "bad_fields", wrong
        )
    return row


def _merged(record: Record, row: facts.Facts, today: date) -> Record:
    stated = Stated(row.facility, [(kind.id, row.role) for kind in row.kinds], row.verified_on)
    after = facilities.merged(record, stated, today)
    for name, code, detail in facilities.contradictions(after):
        raise _wrong(name, code, detail)
    return after


def _wrong(name: str, code: str, detail: str) -> InvalidError:
    return InvalidError(detail, "bad_fields", [Problem(code, detail, name, column=HEADINGS[name])])


def _type_meant(record: Record, cells: Cells, kinds: Kinds) -> Kind:
    """Whose fields are spoken of, where `cells` names no type: the only current role's."""
    of_role = [name for name in cells if PLACES.get(name, name) in OF_ROLE]
    current = [role for role in record.roles if role.closed_on is None] or record.roles[-1:]
    if of_role and "type" not in cells and len(current) > 1:
        names = "、".join(kinds.by_id[role.type_id].name for role in current)
        raise _wrong("type", "which_type", f"这里有几个挂牌：{names}；请说明改哪一个的{HEADINGS[of_role[0]]}")
    return kinds.by_id[current[0].type_id]


def _empty(record: Record, name: str, kind: Kind) -> None:
    if name in KEPT:
        raise _wrong(name, "cannot_be_empty", f"{HEADINGS[name]}不能为空")
    if name in ("lng", "lat", "position_precision"):
        for each, value in facilities.UNPLACED.items():
            setattr(record, each, value)
        record.position_precision = "none"
        return
    attribute = PLACES.get(name, name)
    roles = [role for role in record.roles if role.type_id == kind.id]
    of: Any = roles[-1] if attribute in OF_ROLE else record
    setattr(of, attribute, True if name == "phone_public" else EMPTY.get(attribute))


def _kind(word: str) -> Kind:
    kinds = Kinds()
    kind = kinds.find(word)
    if kind is None:
        near = kinds.near(word)
        raise _wrong(
            "type", "unknown_type", f"没有“{word}”这个类型" + (f"；是不是“{near}”？" if near else "")
        )
    return kind


def _ids(types: tuple[str, ...]) -> set[int]:
    return {_kind(word).id for word in types}


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
