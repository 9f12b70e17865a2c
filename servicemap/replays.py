"""重发: a write that is sent again with its Idempotency-Key gets the first one's answer and is not done twice.

The answer is kept in the transaction of the write itself: what was acknowledged was applied, and what was
applied is acknowledged, however often the line breaks in between.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from servicemap import db
from servicemap.access import Actor
from servicemap.audit import Log, head_seq, now_text, write_txn
from servicemap.errors import InvalidError

KEPT_HOURS = 48


@contextmanager
def once(actor: Actor, key: str | None, request: Any) -> Iterator[tuple[Log, dict[str, Any] | None]]:
    """A write transaction, and the answer that was kept for this key of the actor, if any: then the block
    does nothing and gives that. `request` is what was asked, as JSON can hold it: the same key with another
    request raises InvalidError.

    The head of the audit is held from the beginning: two that were sent at once come one after the other.
    """
    with write_txn(actor) as log:
        head_seq(lock=True)
        yield log, None if key is None else _kept(actor, key, request)


def _kept(actor: Actor, key: str, request: Any) -> dict[str, Any] | None:
    rows = db.query("SELECT request_hash, answer FROM replay WHERE actor = ? AND key = ?", (actor.name, key))
    if not rows:
        return None
    if rows[0][0] != _hash(request):
        raise InvalidError(
            "这个 Idempotency-Key 用过了，内容却不同；每次新的修改请用新的", "idempotency_key_reused"
        )
    kept: dict[str, Any] = json.loads(rows[0][1])
    return kept


def keep(actor: Actor, key: str | None, request: Any, answer: dict[str, Any]) -> None:
    """Keep the answer in the write's transaction; lets go of old ones."""
    if key is None:
        return
    before = datetime.now(UTC) - timedelta(hours=KEPT_HOURS)
    db.execute("DELETE FROM replay WHERE created_at < ?", (before.isoformat(timespec="milliseconds"),))
    db.execute(
        "INSERT INTO replay (actor, key, request_hash, answer, created_at) VALUES (?, ?, ?, ?, ?)",
        (actor.name, key, _hash(request), json.dumps(answer, ensure_ascii=False), now_text()),
    )


def _hash(request: Any) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
