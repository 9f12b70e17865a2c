"""Take an applied import back: each field as it was before, where nobody has changed it since; what the import
created is closed, never deleted. A plan first, then all of it in one transaction."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from servicemap import db
from servicemap.access import Actor, ids_in_scope
from servicemap.audit import diff, head_seq, now_text, write_txn
from servicemap.divisions import chunks
from servicemap.errors import ConflictError
from servicemap.facilities import flat, role_keys, write
from servicemap.facility_types import Kinds
from servicemap.imports.batches import get_batch
from servicemap.models import CLASSES, ImportBatch
from servicemap.records import UNDONE, Record, Role, RoleClass, Serves, load, parse_code

STALE = "看过预案之后登记册有了新的变更；请重新看预案"
# What is only right together is put back together, or kept.
TOGETHER = (
    {"lat", "lng", "position_precision", "position_datum", "delivery"},
    {"source", "external_id"},
    {"opened_on", "closed_on", "closed_reason"},
    {"age_from_months", "age_to_months"},
    {"places_on", "registered", "offered", "taken"},
)
DATES = ("opened_on", "closed_on", "places_on", "verified_on")


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays as it is; without fields the whole place."""

    code: str
    name: str
    fields: tuple[str, ...]
    detail: str


@dataclass(slots=True)
class Undo:
    """What undoing would do. `seq` is the registry's version that it was worked out against; the pairs are
    (now, after)."""

    seq: int
    restored: list[tuple[Record, Record]] = field(default_factory=list)
    closed: list[tuple[Record, Record]] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)  # dated facts that it brought


def work_out(actor: Actor, batch_id: int, today: date) -> Undo:
    """The plan of undoing an applied import. Changes nothing. ConflictError unless it is applied and not
    undone yet. What has left the actor's divisions since stays as it is."""
    batch, own = get_batch(batch_id, actor), ids_in_scope(actor)
    if batch.state != "applied":
        raise ConflictError(f"第 {batch_id} 号导入还没有执行，没有可撤销的", "not_applied")
    if batch.undone_at:
        raise ConflictError(f"第 {batch_id} 号导入已经撤销过了", "already_undone")
    plan, kinds = Undo(head_seq()), Kinds()
    changes = db.query(
        # one transaction wrote them, one after the other, right behind the state that was planned against
        "SELECT key, action, diff FROM change WHERE seq > ? AND batch_id = ? AND noun = 'facility' ORDER BY seq"
        f" LIMIT {_written(batch)}",
        (batch.planned_seq, batch.id),
    )
    since = _changed_since(batch, [key for key, _, _ in changes])
    records = load([id_ for key, _, _ in changes if (id_ := parse_code(key))])
    for key, action, text in changes:
        record = records.get(parse_code(key) or 0)
        if record is None:
            plan.kept.append(Kept(key, "", (), "已经不在登记册里"))
        elif own is not None and record.division_id not in own:
            plan.kept.append(Kept(key, "", (), f"已经不在“{actor.name}”的范围内"))
        elif action == "create" and key in since:
            plan.kept.append(Kept(key, record.name, (), "导入后有人改过"))
        elif action == "create":
            plan.closed.append((record, _never_open(record, today)))
        else:
            _put_back(plan, record, json.loads(text), since.get(key, set()), kinds, today)
    for now, after in (*plan.restored, *plan.closed):
        changed = diff(flat(now, kinds), flat(after, kinds))
        plan.changes.append({"code": now.code, "name": now.name, "changed": changed})
    return plan


def undo(actor: Actor, batch_id: int, seq: int, today: date) -> Undo:
    """Undo an import as planned at `seq`; ConflictError when the registry has changed since."""
    plan = work_out(actor, batch_id, today)
    with write_txn(actor, batch_id) as log:
        if not seq == plan.seq == head_seq(lock=True):
            raise ConflictError(STALE, "plan_stale")
        undone_at = now_text()
        ImportBatch.update(undone_at=undone_at).where(ImportBatch.id == batch_id).execute()
        log.record_change("import", str(batch_id), "undo", {"undone_at": [None, undone_at]})
        for sql, params in plan.dropped:
            db.execute(sql, params)
        write(log, [], [*plan.restored, *plan.closed], today)
    return plan


def _written(batch: ImportBatch) -> int:
    counts = json.loads(batch.summary or "{}")
    return counts["created"] + counts["updated"]


def _changed_since(batch: ImportBatch, keys: list[str]) -> dict[str, set[str]]:
    """Code → the fields that later changes touched."""
    after = (batch.planned_seq or 0) + _written(batch)
    found: dict[str, set[str]] = {}
    for chunk in chunks(keys, 500):
        rows = db.query(
            f"SELECT key, diff FROM change WHERE noun = 'facility' AND key IN ({', '.join('?' * len(chunk))})"
            " AND seq > ?",
            (*chunk, after),
        )
        for key, text in rows:
            found.setdefault(key, set()).update(json.loads(text))
    return found


def _never_open(record: Record, today: date) -> Record:
    """The place as one that no day has seen open, and whose external id is free for its file to come again."""
    roles = [_role_never_open(role, today) for role in record.roles]
    return replace(record, external_id=None, roles=roles)


def _role_never_open(role: Role, today: date) -> Role:
    day = min(role.opened_on or today, today)
    return replace(role, opened_on=day, closed_on=day, closed_reason=UNDONE)


def _put_back(
    plan: Undo,
    record: Record,
    changed: Mapping[str, list[Any]],
    since: set[str],
    kinds: Kinds,
    today: date,
) -> None:
    now = json.loads(json.dumps(flat(record, kinds), default=str))
    after = replace(record, roles=[replace(role, classes=list(role.classes)) for role in record.roles])
    roles = dict(zip(role_keys(record, kinds), range(len(record.roles)), strict=True))
    kept: list[str] = []
    dropped: list[tuple[str, tuple[Any, ...]]] = []
    for names in _groups(changed):
        key = names[0].partition(".")[0] if "." in names[0] else None
        touched = since.intersection(_together(names)) or any(
            now.get(name) != changed[name][1] for name in names
        )
        if touched or (key is not None and key not in roles):
            kept += names
        elif f"{key}.is_role" in changed and key is not None:
            after.roles[roles[key]] = _role_never_open(after.roles[roles[key]], today)
        else:
            target = after if key is None else after.roles[roles[key]]
            before = {name.rpartition(".")[2]: changed[name] for name in names}
            dropped += _set(target, before)
    clash = _clash(after)
    if kept:
        plan.kept.append(Kept(record.code, record.name, tuple(kept), "导入后有人改过"))
    if clash:
        plan.kept.append(Kept(record.code, record.name, (), clash))
    elif after != record:
        plan.restored.append((record, after))
        plan.dropped += dropped


def _groups(changed: Mapping[str, Any]) -> Iterable[list[str]]:
    """The changed fields, those together that are put back together: all of a role that the import added."""
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
                counted_on = date.fromisoformat(was[-1]) if was[-1] else None
                target.classes.append(replace(RoleClass(name, *was[:-1]), counted_on=counted_on))
                target.classes.sort(key=lambda each: CLASSES.index(each.kind))
        elif name == "serves" and isinstance(target, Role):
            target.serves = [Serves(id_, None, None) for id_ in was or ()]
        elif name == "forms":
            setattr(target, name, tuple(was or ()))
        elif name == "phone_public":
            setattr(target, name, was is not False)
        else:
            setattr(target, name, date.fromisoformat(was) if was and name in DATES else was)
        if name == "verified_on" and brought:
            sql = "DELETE FROM verification WHERE facility_id = ? AND verified_on = ?"
            yield sql, (target.id, brought)
        if name == "places_on" and brought:
            yield "DELETE FROM role_places WHERE role_id = ? AND from_on = ?", (target.id, brought)


def _clash(after: Record) -> str | None:
    """Why the place cannot be what it was; None when it can."""
    current = [role.type_id for role in after.roles if role.closed_on is None]
    if len(current) != len(set(current)):
        return "现在另有一个同类的挂牌开着"
    owner = "SELECT 1 FROM facility WHERE source = ? AND external_id = ? AND id <> ?"
    if after.external_id and db.query(owner, (after.source, after.external_id, after.id)):
        return f"外部编号 {after.external_id} 现在属于另一处"
    return None
