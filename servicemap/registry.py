"""登记册: what this database is (demo or real, its extent), and making one."""

import secrets
import threading
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from time import monotonic

from servicemap import cards, db, division_list, divisions, facility_types
from servicemap.access import SEED, Actor
from servicemap.audit import State, now_text, state, write_txn
from servicemap.errors import ConflictError, UnavailableError
from servicemap.models import Registry

PAUSE_SECONDS = 10  # until a roll-over that failed is tried again


def create(*, demo: bool = False, extent: str | None = None) -> list[str]:
    """Make the database and its schema; returns the migrations applied. ConflictError when one is there.

    `demo` marks it for invented places only; `extent` is west,south,east,north (WGS-84 degrees).
    """
    if extent:
        divisions.parse_extent(extent)
    if db.is_sqlite():
        db.sqlite_path().parent.mkdir(parents=True, exist_ok=True)
        db.sqlite_path().touch()
    db.connect()
    applied = db.upgrade()
    with db.transaction():
        if Registry.select().exists():
            kind = "示例库" if is_demo() else "登记册"
            raise ConflictError(f"{db.address()} 里已经有一个{kind}；什么都没有改", "already_created")
        Registry.create(
            id=1,
            demo=demo,
            extent=extent,
            secret=secrets.token_hex(32),
            created_at=now_text(),
        )
    return applied


def version() -> State:
    """This state of the registry, hash and demo; UnavailableError when there is none. See audit.state."""
    found = state()
    if found.demo is None:
        raise UnavailableError("这个数据库还不是登记册；先运行 servicemap-admin db create", "no_registry")
    return found


def is_demo() -> bool:
    return bool(version().demo)


def secret() -> bytes:
    """What this registry signs its cursors with: made with it and never changed."""
    return _secret(version().hash)  # another registry's content may be restored into this one


@lru_cache(maxsize=1)
def _secret(version: str) -> bytes:
    return bytes.fromhex(db.query("SELECT secret FROM registry WHERE id = 1")[0][0])


def upgrade(actor: Actor, today: date) -> list[str]:
    """Bring schema and rows of an older release up to date; returns the migrations applied now. Again
    changes nothing, and one that was broken off goes on."""
    applied = db.upgrade()
    with write_txn(actor):
        division_list.write_keys()
        facility_types.write_keys()
    roll_over(actor, today)
    return applied


def roll_over(actor: Actor, today: date, *, wait: bool = True, all_of_them: bool = False) -> int:
    """Rewrite the cards that the new day has made stale (a role opens, a title expires); how many.

    Some at a time, each time as a change that moves the version: what was kept of the old cards is not
    taken for the answer of now. Without `wait` it raises UnavailableError where another writer is at work.
    `all_of_them`: every card, where they are not what the records say.
    """
    count = 0
    if all_of_them:
        with write_txn(actor, wait=wait) as log:
            cards.distrust()
            log.record_change("card", str(today), "distrust")
    while db.query("SELECT 1 FROM card WHERE fresh_until <= ? LIMIT 1", (today.isoformat(),)):
        with write_txn(actor, wait=wait) as log:
            if rewritten := cards.roll_over(today):
                log.record_change("card", str(today), "roll_over", {"rewritten": [None, rewritten]})
        count += rewritten
    return count


class DayChange:
    """The roll-over by a server, at its first requests of a day, and what else `also` does once a day: one
    at a time tries, nobody waits for other writers."""

    def __init__(self, also: Callable[[date], object]) -> None:
        self._also = also
        self._day: date | None = None
        self._trying = threading.Lock()
        self._again_at = 0.0

    def is_done(self, today: date) -> bool:
        """Whether the cards are those of `today`; else some are still those of the day before."""
        if self._day == today:
            return True
        if monotonic() < self._again_at or not self._trying.acquire(blocking=False):
            return False
        self._again_at = monotonic() + PAUSE_SECONDS
        try:
            roll_over(SEED, today, wait=False)
            self._also(today)
            self._day = today
        except UnavailableError as error:
            if error.code == "read_only":  # a replica: its primary does it
                self._day = today
        finally:
            self._trying.release()
        return self._day == today
