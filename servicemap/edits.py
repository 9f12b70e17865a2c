"""One record corrected by hand: read as an import's row is, held against files that are older.

Every verb takes the actor, the code, the version that was looked at and a reason; it opens its own
transaction, in which the version is looked at again: of two who saw the same, one is told what the other did.
The head of the audit is held from the beginning, as an import holds it: whoever writes a place waits there,
so that two never wait for each other's places.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from servicemap import db, facilities, facts, replays
from servicemap.access import EDIT, READ_RECORD, Actor, require
from servicemap.audit import diff
from servicemap.config import Settings
from servicemap.divisions import paths
from servicemap.errors import ConflictError, InvalidError, NotFoundError, Problem, StaleError
from servicemap.evidence import steps
from servicemap.facilities import Stated
from servicemap.facility_types import Kind, Kinds
from servicemap.imports.columns import FIELDS
from servicemap.inverse import clash, inverse
from servicemap.records import Record, Role, Serves, load, parse_code, public_code
from servicemap.replays import once

Cells = Mapping[str, str | None]
Change = Callable[[Record], Record]

# fields that nobody empties; without a visibility a hidden place would become public
KEPT = ("code", "name", "type", "division", "source", "datum", "visibility")
PLACES = {f"places_{name}": name for name in facilities.PLACES}
OF_ROLE = {*facilities.ROLE_COLUMNS, *facilities.PLACES, "classes", "serves"}
EMPTY: dict[str, Any] = {"forms": (), "delivery": "on_site", "phone_public": True}  # the others: None
MERGED = ("address", "hours", "accessible", "note", "credit_code")
MERGED_OF_ROLE = (  # where all of these are unknown
    ("age_from_months", "age_to_months"),
    ("fee", "fee_text"),
    ("inclusive", "inclusive_body", "inclusive_no"),
    ("registration_body", "registration_no", "registration_expires_on"),
    ("forms",),
    ("meals",),
    ("prepaid_months",),
    ("monthly_fee",),
    ("places_on", *facilities.PLACES),
    ("classes",),
)
MOST_CHANGES = 100  # of a record's changes that a page or a refusal tells
HEADINGS = {each.name: each.heading for each in FIELDS}


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
        row = _reader(cells, settings, asked.today).read(0, given)
        if row.problems:
            raise _refused(row.problems)
        name, stands = row.facility["name"], row.facility["division_id"]
        require(asked.actor, EDIT, None, stands)
        sql = "SELECT id FROM facility WHERE name = ? AND division_id = ? AND merged_into_id IS NULL"
        for (id_,) in db.query(sql, (name, stands)):
            raise ConflictError(
                f"这个村（居）已有同名的服务点 {public_code(id_)}；若是另一处，请在名称上写出区别",
                "already_exists",
            )
        record = _merged(Record(0, name, stands, source="hand"), row, asked.today)
        _require_over(asked.actor, Record(0, name, stands), record)
        record.held = dict.fromkeys(facilities.flat(record, Kinds()), str(asked.today))
        facilities.write(log, [record], [], asked.today, action="create", reason=asked.reason)
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
        kind = _kind(new_type)
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


def merge(asked: Asked, code: str, into: str, on: date) -> dict[str, Any]:
    """The record turns out to be `into`: its roles end, those that `into` lacks go on there with their whole
    past, as do the facts and titles that it lacks; its code answers with `into` from now on, and what is
    said of its roles (evidence, activities) is said of those of `into`. The answer is about `into`."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        gone, stays = seen(asked, code), facilities.get(into)
        require(asked.actor, EDIT, gone.division_id, stays.division_id)
        if gone.id == stays.id:
            raise InvalidError("两个编号是同一处", "same_facility")
        if gone.visibility != stays.visibility:
            raise ConflictError(
                "一处公开位置，一处只公开联系方式；请先把公开方式改成一样", "other_visibility"
            )
        if on > asked.today:
            raise InvalidError(f"{on} 还没有到", "future_date")
        before, gone_before = deepcopy(stays), deepcopy(gone)
        going_on = _merge_roles(gone, stays, on)
        _merge_facts(gone, stays)
        gone.merged_into_id = stays.id
        facilities.copy_titles(gone.id, stays.id)
        for pair in ((gone_before, gone), (before, stays)):  # in this order: see _meant
            facilities.write(log, [], [pair], asked.today, action="merge", reason=asked.reason)
        for role, again in going_on:
            facilities.copy_places(role.id, again.id)
        return answered(asked, stays)


def _merge_roles(gone: Record, stays: Record, on: date) -> list[tuple[Role, Role]]:
    """End the roles of `gone`. What `stays` lacks goes on there, and was never here; where both have one of
    the type, its facts fill the gaps. The pairs of those that go on."""
    ours = {role.type_id: role for role in stays.roles if role.closed_on is None}
    going_on = []
    for role in (role for role in gone.roles if role.closed_on is None):
        if same := ours.get(role.type_id):
            for names in MERGED_OF_ROLE:
                if all(getattr(same, name) in (None, (), []) for name in names):
                    _take(same, role, names)
            same.serves = _served_by_both(same, role, stays.division_id)
            role.closed_on = max(on, role.opened_on or on)
        else:
            again = replace(deepcopy(role), id=0)
            stays.roles.append(again)
            going_on.append((role, again))
            role.opened_on = role.closed_on = role.opened_on or on
        role.closed_reason = f"并入 {stays.code}"
    return going_on


def _served_by_both(same: Role, role: Role, stands: int) -> list[Serves]:
    """Where the one that goes names what it serves, that too; the other served where it stands, if it names
    nothing."""
    if not role.serves:
        return same.serves
    level = same.level or Kinds().by_id[same.type_id].level
    steps_up = {step.level: step.id for step in paths([stands])[stands]}
    ours = same.serves or [Serves(steps_up.get(level, stands), None, None)]
    known = {link.division_id for link in ours}
    both = [*ours, *(replace(link) for link in role.serves if link.division_id not in known)]
    return sorted(both, key=lambda link: link.division_id)


def _merge_facts(gone: Record, stays: Record) -> None:
    for name in MERGED:
        if getattr(stays, name) is None:
            _take(stays, gone, (name,))
    if stays.phone is None:
        _take(stays, gone, ("phone", "phone_public"))
    if stays.lat is None and gone.lat is not None and stays.delivery == "on_site":
        _take(stays, gone, (*facilities.UNPLACED, "position_precision"))
    stays.titles = sorted({*stays.titles, *gone.titles}, key=lambda title: title[2])
    if stays.external_id is None and gone.external_id:  # its source's next file shall find it here
        _take(stays, gone, ("source", "external_id"))
        gone.external_id = None


def _take(to: Record | Role, of: Record | Role, names: Iterable[str]) -> None:
    for name in names:
        setattr(to, name, getattr(of, name))


def revert(asked: Asked, code: str, seq: int) -> dict[str, Any]:
    """Put back what the change `seq` did to the record, as a new change. ConflictError, with the fields, where
    somebody changed them since. A merger is taken back on both sides; it is told to the code that stays."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        record, pairs, stay = seen(asked, code), [], list[str]()
        for id_, changed, since in _meant(record, seq):
            now = record if id_ == record.id else load([id_])[id_]
            undone = inverse(now, changed, since, asked.today, "退回")
            _require_over(asked.actor, now, undone.after)
            stay += undone.kept
            pairs.append((now, undone))
        if stay:
            names = "、".join(stay)
            raise ConflictError(f"后来又改过，不能退回：{names}；请直接改成要的内容", "changed_since")
        for now, undone in pairs:
            if now.id != record.id and now.titles:
                raise ConflictError("退不回去：并入的那处有称号，已经算在这里", "cannot_be_put_back")
            if why := clash(undone.after):
                raise ConflictError(f"退不回去：{why}", "cannot_be_put_back")
            for sql, params in undone.dropped:
                db.execute(sql, params)
            _hold(now, undone.after, asked.today, Kinds())
            pair = (now, undone.after)
            facilities.write(log, [], [pair], asked.today, action="revert", reason=asked.reason)
        return answered(asked, record)


def _meant(record: Record, seq: int) -> list[tuple[int, dict[str, list[Any]], set[str]]]:
    """(facility, what was changed, which fields were changed since): of one change, of a merger of both, the
    last one first."""
    sql = "SELECT seq, key, action, diff FROM change WHERE noun = 'facility' AND seq BETWEEN ? AND ?"
    near = {
        number: (key, action, json.loads(text))
        for number, key, action, text in db.query(sql, (seq - 1, seq + 1))
    }
    numbers = [seq]
    if seq in near and near[seq][1] == "merge":  # the one that went is written first, then the one that stays
        numbers = [seq + 1, seq] if "merged_into" in near[seq][2] else [seq, seq - 1]
    if seq not in near or near[numbers[0]][0] != record.code:
        raise NotFoundError(f"{record.code} 没有第 {seq} 号变更；请看 history", "change_not_found")
    if near[seq][1] == "create":
        raise ConflictError("这是新增这一处；不再有了请用 关闭 close", "is_creation")
    sql = "SELECT diff FROM change WHERE noun = 'facility' AND key = ? AND seq > ?"
    meant = []
    for number in numbers:
        key, _, changed = near[number]
        changed.pop("reason", None)
        later = {name for (text,) in db.query(sql, (key, number)) for name in json.loads(text)}
        meant.append((parse_code(key) or 0, changed, later))
    return meant


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
    reader = _reader(cells, settings, today)
    given = {name: text for name, text in cells.items() if text is not None}

    def change(record: Record) -> Record:
        if len(given.keys() & {"lng", "lat"}) == 1:
            raise _wrong("lat" if "lng" in given else "lng", "one_coordinate", "经度和纬度只给了一个")
        row = reader.read(0, given)
        if problems := [each for each in row.problems if each.code not in facts.MISSING]:
            raise _refused(problems)
        if "type" not in given:
            row.kinds = [_type_meant(record, cells)]
        after = _merged(record, row, today)
        known = {role.type_id for role in record.roles}
        if any(role.id == 0 and role.type_id in known for role in after.roles):
            raise _wrong("opened_on", "not_open", "这个挂牌已经关闭；重新挂牌请用 恢复 reopen")
        for name in [name for name, text in cells.items() if text is None]:
            for kind in row.kinds:
                _empty(after, name, kind, today)
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
    _require_over(actor, before, after)
    return before, after, _hold(before, after, today, kinds)


def _change(asked: Asked, code: str, action: str, change: Change) -> dict[str, Any]:
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        before, after, fields = changed(asked.actor, seen(asked, code), change, asked.today, Kinds())
        if fields:
            facilities.write(log, [], [(before, after)], asked.today, action=action, reason=asked.reason)
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


def _require_over(actor: Actor, before: Record, after: Record) -> None:
    """Where the place stood, stands now, and whatever it serves from now on must be the actor's."""
    require(actor, EDIT, before.division_id, after.division_id)
    served = {link.division_id for role in before.roles for link in role.serves}
    for division_id in {link.division_id for role in after.roles for link in role.serves} - served:
        require(actor, EDIT, None, division_id)


def _hold(before: Record, after: Record, today: date, kinds: Kinds) -> dict[str, list[Any]]:
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


# What is meant


def _reader(cells: Cells, settings: Settings, today: date) -> facts.Reader:
    """InvalidError for a field that there is not."""
    unknown = [name for name in cells if name not in HEADINGS]
    if unknown:
        raise InvalidError(f"没有这些字段：{'、'.join(unknown)}", "unknown_field")
    return facts.Reader(HEADINGS, settings.extent, today)


def _merged(record: Record, row: facts.Facts, today: date) -> Record:
    stated = Stated(row.facility, [(kind.id, row.role) for kind in row.kinds], row.verified_on)
    after = facilities.merged(record, stated, today)
    for name, code, detail in facilities.contradictions(after):
        raise _wrong(name, code, detail)
    if after.delivery != "on_site" and "lat" in row.facility:
        detail = "这是网上、上门或电话服务，没有可去的地方，不能有坐标"
        raise _wrong("lng", "position_of_remote_service", detail)
    owner = "SELECT id FROM facility WHERE source = ? AND external_id = ? AND id <> ?"
    for (id_,) in db.query(owner, (after.source, after.external_id, after.id)) if after.external_id else ():
        raise _wrong("external_id", "external_id_taken", f"这个外部编号属于 {public_code(id_)}")
    return after


def _refused(problems: Iterable[Problem]) -> InvalidError:
    wrong = [replace(problem, row=None) for problem in problems]
    columns = dict.fromkeys(problem.column or "" for problem in wrong)
    return InvalidError(f"内容有误：{'、'.join(columns)}", "bad_fields", wrong)


def _wrong(name: str, code: str, detail: str) -> InvalidError:
    return _refused([Problem(code, detail, name, column=HEADINGS[name])])


def _type_meant(record: Record, cells: Cells) -> Kind:
    """Whose fields are spoken of, where `cells` names no type: the only current role's, else the last one's."""
    kinds = Kinds()
    of_role = [name for name in cells if PLACES.get(name, name) in OF_ROLE]
    current = [role for role in record.roles if role.closed_on is None] or record.roles[-1:]
    if of_role and "type" not in cells and len(current) > 1:
        names = "、".join(kinds.by_id[role.type_id].name for role in current)
        raise _wrong("type", "which_type", f"这里有几个挂牌：{names}；请说明改哪一个的{HEADINGS[of_role[0]]}")
    return kinds.by_id[current[0].type_id]


def _empty(record: Record, name: str, kind: Kind, today: date) -> None:
    """Take a field away, of a role that of its type's current one (else the last)."""
    if name in KEPT:
        raise _wrong(name, "cannot_be_empty", f"{HEADINGS[name]}不能为空")
    if name in ("lng", "lat", "position_precision"):
        for each, value in facilities.UNPLACED.items():
            setattr(record, each, value)
        record.position_precision = "none"
        return
    attribute = PLACES.get(name, name)
    if attribute not in OF_ROLE:
        setattr(record, attribute, EMPTY.get(attribute))
        return
    of_type = [role for role in record.roles if role.type_id == kind.id]
    role = ([role for role in of_type if role.closed_on is None] or of_type)[-1]
    if attribute == "serves":
        role.serves = facilities.serving(role, ())
    elif attribute == "classes":
        role.classes = []
    else:
        if name in PLACES and getattr(role, attribute) is not None:
            role.places_on = today  # earlier days keep their count
        setattr(role, attribute, EMPTY.get(attribute))


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
