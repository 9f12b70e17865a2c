"""Carry an import's plan out: all of it in one transaction, or nothing."""

import json
from datetime import date

from servicemap.access import Actor
from servicemap.audit import head_seq, now_text, write_txn
from servicemap.config import Settings
from servicemap.errors import ConflictError, InvalidError
from servicemap.imports.batches import get_batch, list_words
from servicemap.imports.made import kept, settle
from servicemap.imports.plan import PART_ROWS, basis, make_plan
from servicemap.models import ImportBatch
from servicemap.storing import write

STALE = "预案之后登记册有了新的变更；请重新生成预案"


def apply(
    actor: Actor, batch_id: int, settings: Settings, today: date, *, skip_bad_rows: bool = False
) -> dict[str, int]:
    """Apply a planned batch and return its counts.

    Raises InvalidError with every problem when rows are rejected and `skip_bad_rows` is not asked,
    ConflictError when the batch was applied before, was never planned, or the registry has changed since.
    """
    batch = get_batch(batch_id, actor)
    if batch.state != "planned":
        done = batch.state == "applied"
        raise ConflictError(
            f"第 {batch_id} 号导入已经执行过了" if done else f"第 {batch_id} 号导入还没有预案",
            "already_applied" if done else "not_planned",
        )
    if head_seq() != batch.planned_seq:  # said before its problems: somebody may have applied this batch
        raise ConflictError(STALE, "plan_stale")
    if batch.basis != basis(actor, settings, today):
        make_plan(actor, batch_id, settings, today)
        batch = get_batch(batch_id, actor)
    counts: dict[str, int] = json.loads(batch.summary or "{}")
    if counts["rejected"] and not skip_bad_rows:
        problems, _ = list_words(batch)
        raise InvalidError(f"{counts['rejected']} 行有错误，什么都没有写入", "bad_rows", problems)
    with write_txn(actor, batch.id) as log:
        if head_seq(lock=True) != batch.planned_seq:
            raise ConflictError(STALE, "plan_stale")
        done_now = ImportBatch.update(state="applied", applied_at=now_text()).where(
            (ImportBatch.id == batch.id) & (ImportBatch.state == "planned")
        )
        if done_now.execute() == 0:
            raise ConflictError(f"第 {batch_id} 号导入已经执行过了", "already_applied")
        for made in kept(batch.id, PART_ROWS):
            created = [each.after for each in made if each.before is None]
            updated = [(each.before, each.after) for each in made if each.before]
            write(log, created, updated, today)
            settle(batch.id, made)
            log.flush()
    return counts
