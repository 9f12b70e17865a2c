"""The audit: what changed, who, when, through which door; append-only and hash-chained."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from servicemap import db
from servicemap.access import Actor


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """{field: [before, after]} of what differs; a field that one side lacks counts as None."""
    keys = [*before, *(key for key in after if key not in before)]
    pairs = {key: [before.get(key), after.get(key)] for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


class Log:
    """The changes of one write transaction, written when it ends."""

    def __init__(self, actor: Actor, batch_id: int | None) -> None:
        self.actor = actor
        self.batch_id = batch_id
        self.rows: list[tuple[str, str, str, str]] = []
        self.checks: list[Callable[[], None]] = []

    def record_change(
        self, noun: str, key: str, action: str, changed: Mapping[str, list[Any]] | None = None
    ) -> None:
        """Note one change of the record `noun` `key`; it's written in the same transaction."""
        text = json.dumps(changed or {}, ensure_ascii=False, sort_keys=True, default=str)
        self.rows.append((noun, key, action, text))

    def check_last(self, check: Callable[[], None]) -> None:
        """Have `check` look once the order of commits is settled: it sees all that was committed before,
        and whoever holds the head from the beginning (head_seq) sees what it let pass."""
        self.checks.append(check)

    def write(self) -> None:
        # the head is locked here, as the last act, so that seq is the order of commits
        head_seq(lock=True)
        for check in self.checks:
            check()
        self.flush()

    def flush(self) -> None:
        """Write the changes so far: for who holds the head from the beginning (head_seq), and has more of
        them than memory should hold."""
        if not self.rows:
            return
        seq, chain = db.query(f"SELECT seq, hash FROM change_head WHERE id = 1{_lock()}")[0]
        at = now_text()
        rows = []
        for noun, key, action, text in self.rows:
            seq, previous = seq + 1, chain
            facts = (seq, at, self.actor.name, self.actor.door, self.batch_id, noun, key, action, text)
            chain = hashlib.sha256(json.dumps([previous, *facts]).encode()).hexdigest()
            rows.append((*facts, previous, chain))
        db.execute_many(f"INSERT INTO change VALUES ({', '.join('?' * 11)})", rows)
        db.execute("UPDATE change_head SET seq = ?, hash = ? WHERE id = 1", (seq, chain))
        self.rows.clear()


@contextmanager
def write_txn(actor: Actor, batch_id: int | None = None, *, wait: bool = True) -> Iterator[Log]:
    """The one way in which rooms write: all of the block and its changes, or nothing. `wait` for other
    writers: see db.transaction.

    A block that records no change leaves the audit as it is (a staging area is no part of the registry).
    """
    with db.transaction(wait=wait):
        log = Log(actor, batch_id)
        yield log
        if log.rows or log.checks:
            log.write()


def _lock() -> str:
    return "" if db.is_sqlite() else " FOR UPDATE"  # SQLite's writer holds the whole database


def head_seq(*, lock: bool = False) -> int:
    """The seq of the last change: the registry's version. `lock` keeps other writers out to the end of
    the transaction."""
    return db.query(f"SELECT seq FROM change_head WHERE id = 1{_lock() if lock else ''}")[0][0]


@dataclass(frozen=True, slots=True)
class State:
    """The registry at one moment: `hash` is the last change's, which no other state of any registry has;
    `demo` says whether its places are invented (None: the database is no registry yet)."""

    hash: str
    demo: bool | None


_seen = threading.local()  # .state as of .glimpse


def state() -> State:
    """The registry as it is now. A query only after a change (on PostgreSQL: and once a second a thread)."""
    glimpse = db.glimpse()
    if glimpse is not None and glimpse == getattr(_seen, "glimpse", None):
        return _seen.state
    sql = "SELECT hash, (SELECT demo FROM registry WHERE id = 1) FROM change_head WHERE id = 1"
    chain, demo = db.query(sql)[0]
    found = State(chain, None if demo is None else bool(demo))
    if glimpse is not None:
        _seen.glimpse, _seen.state = glimpse, found
    return found


def head_hash() -> str:
    """The hash of the last change: it names this state of this registry, and no other one ever has it."""
    return state().hash


def now_text() -> str:
    """This instant as the tables keep it: UTC with Z, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A change's place in the chain. Who keeps the head's elsewhere can tell later whether anything up to it
    was written anew, even when the whole chain was."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def head() -> Anchor:
    """The last change's; seq 0 and no hash when there is none."""
    return Anchor(*db.query("SELECT seq, hash FROM change_head WHERE id = 1")[0])


def lost(anchors: Iterable[Anchor]) -> list[Anchor]:
    """Those that don't lie on the chain. A query each."""
    return [
        anchor
        for anchor in anchors
        if not db.query("SELECT 1 FROM change WHERE seq = ? AND hash = ?", (anchor.seq, anchor.hash))
    ]


def broken_link(query: Callable[..., list[tuple[Any, ...]]] = db.query) -> int | None:
    """The first seq that is missing or too much, or whose hash doesn't follow from its row and the one
    before; None when the chain holds up to the head. `query` may read another database than the bound one.
    """
    sql = "SELECT seq, hash, (SELECT MAX(seq) FROM change) FROM change_head WHERE id = 1"
    last, last_hash, newest = query(sql)[0]
    columns = "seq, changed_at, actor, door, batch_id, noun, key, action, diff, previous_hash, hash"
    page = f"SELECT {columns} FROM change WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1000"
    seq, previous = 0, ""
    while rows := query(page, (seq, last)):  # in pages: a long reader would keep the WAL from being emptied
        for *facts, claimed, chain in rows:
            seq += 1
            right = hashlib.sha256(json.dumps([previous, *facts], default=str).encode()).hexdigest()
            if (facts[0], claimed, chain) != (seq, previous, right) or (seq == last and chain != last_hash):
                return seq
            previous = chain
    return seq + 1 if seq < max(last, newest or 0) else None
