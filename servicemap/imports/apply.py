"""Carry an import's plan out: all of it in one transaction, or nothing."""

from datetime import date

from servicemap.access import Actor
from servicemap.audit import head_seq, now_text, write_txn
from servicemap.config import Settings
from servicemap.errors import ConflictError, InvalidError
from servicemap.facilities import write
from servicemap.imports.batches import get_batch
from servicemap.imports.plan import store_codes, work_out
from servicemap.models import ImportBatch

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
    plan = work_out(actor, batch, settings, today)
    if head_seq() != batch.planned_seq:  # said before its problems: somebody may have applied this batch
        raise ConflictError(STALE, "plan_stale")
    if plan.problems and not skip_bad_rows:
        rejected = plan.counts["rejected"]
        raise InvalidError(f"{rejected} 行有错误，什么都没有写入", "bad_rows", plan.problems)
    with write_txn(actor, batch.id) as log:
        if head_seq(lock=True) != batch.planned_seq or plan.seq != batch.planned_seq:
            raise ConflictError(STALE, "plan_stale")
        done_now = ImportBatch.update(state="applied", applied_at=now_text()).where(
            (ImportBatch.id == batch.id) & (ImportBatch.state == "planned")
        )
        if done_now.execute() == 0:
            raise ConflictError(f"第 {batch_id} 号导入已经执行过了", "already_applied")
        write(log, plan.created, plan.updated, today)
        store_codes(batch, plan)
    return plan.counts
