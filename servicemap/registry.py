"""登记册: what this database is (demo or real, its extent), and making one."""

import secrets
from datetime import date
from functools import lru_cache

from servicemap import cards, db, divisions
from servicemap.access import Actor
from servicemap.audit import State, now_text, state, write_txn
from servicemap.errors import ConflictError, UnavailableError
from servicemap.models import Registry


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
    return _secret(db.database.obj)


@lru_cache(maxsize=1)
def _secret(handle: object) -> bytes:
    return bytes.fromhex(db.query("SELECT secret FROM registry WHERE id = 1")[0][0])


def roll_over(actor: Actor, today: date) -> int:
    """Rewrite the cards that the new day has made stale (a role opens, a title expires); how many."""
    if not db.query("SELECT 1 FROM card WHERE fresh_until <= ? LIMIT 1", (today.isoformat(),)):
        return 0
    with write_txn(actor):
        return cards.roll_over(today)
