"""Take an applied import back: each field as it was before, where nobody has changed it since; what the import
created is closed, never deleted. A plan first, then all of it in one transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from servicemap import db
from servicemap.access import Actor, ids_in_scope
from servicemap.audit import diff, head_seq, now_text, write_txn
from servicemap.divisions import chunks
from servicemap.errors import ConflictError
from servicemap.facilities import flat
from servicemap.facility_types import Kinds
from servicemap.imports.batches import get_batch
from servicemap.inverse import clash, inverse, never_open
from servicemap.models import ImportBatch
from servicemap.records import UNDONE, Record, load, parse_code
from servicemap.storing import write

STALE = "看过预案之后登记册有了新的变更；请重新看预案"


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
            _put_back(plan, record, json.loads(text), since.get(key, set()), today)
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
    return replace(record, external_id=None, roles=[never_open(role, today, UNDONE) for role in record.roles])


def _put_back(
    plan: Undo, record: Record, changed: Mapping[str, list[Any]], since: set[str], today: date
) -> None:
    undone = inverse(record, changed, since, today, UNDONE)
    if undone.kept:
        plan.kept.append(Kept(record.code, record.name, tuple(undone.kept), "导入后有人改过"))
    if why := clash(undone.after):
        plan.kept.append(Kept(record.code, record.name, (), why))
    elif undone.after != record:
        plan.restored.append((record, undone.after))
        plan.dropped += undone.dropped
