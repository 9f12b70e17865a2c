"""备份: copies of a SQLite registry that can be trusted: made, verified and restored while others work."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import mkstemp
from time import monotonic

import peewee

from servicemap import audit, db, registry
from servicemap.access import Actor
from servicemap.backup_check import NOTE, Content, Progress, check_backup, check_live, digest
from servicemap.errors import ConflictError, InvalidError, NotFoundError, UnavailableError

# a file from elsewhere may hold anything
CAREFUL = ("trusted_schema = off", "query_only = on", "cell_size_check = on", "mmap_size = 0")
DAMAGED = ("damaged", "not_a_database")


def _quiet(count: int) -> None:
    """Nobody watches."""


def write(target: Path, *, progress: Progress = _quiet) -> None:
    """Make a backup of the bound registry; nobody waits for it. `progress` is told the rows digested.

    ConflictError when the file is there already, UnavailableError when the disk is full: nothing is left then.
    """
    _require_sqlite()
    _require_absent(target)
    db.connect()
    with _told(target), _temporary(target) as part:
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            _copy(db.database.connection(), copy)
            copy.execute("PRAGMA journal_mode = delete")  # one file, for a folder that can't be written too
            made_at = audit.now_text()
            note = (made_at, digest(copy, made_at, progress))
            copy.execute(NOTE[3])
            copy.execute("INSERT INTO backup VALUES (?, ?)", note)
        _require_absent(target)
        _place(part, target)


def verify(path: Path | None = None, *, progress: Progress = _quiet) -> Content:
    """Look at every row of a backup, or of the bound registry. InvalidError says the first thing that is wrong:
    not_a_database, or a code of check_backup."""
    _require_sqlite()
    if path is None:
        db.connect()
        with _told(db.sqlite_path()), _opened(db.sqlite_path(), "rw") as live:
            return check_live(live, db.sqlite_path())
    with _told(path), _opened(path) as copy:
        return check_backup(copy, path, progress)


def restore(
    path: Path,
    actor: Actor,
    today: date,
    now: datetime,
    *,
    other_registry: bool = False,
    progress: Progress = _quiet,
) -> tuple[Content, Path | None]:
    """Give the registry the content of a backup while servers go on; returns it and the file that keeps what
    was there before (None: nothing was). The content of an older release is upgraded first.

    Raises what `verify` does, and ConflictError for a demo into a real registry, a real one into a demo, and
    another registry's backup unless `other_registry`; nothing is changed then.
    """
    _require_sqlite()
    live = db.sqlite_path()
    with _temporary(live) as staged:
        with _told(path):
            with _opened(path) as source, closing(sqlite3.connect(staged, isolation_level=None)) as copy:
                _copy(source, copy)
            with _opened(staged) as copy:  # what was verified is what is restored, whatever becomes of `path`
                content = check_backup(copy, path, progress)
        with _told(live), closing(sqlite3.connect(staged, isolation_level=None)) as copy:
            copy.execute("DROP TABLE backup")
        with _told(live), _bound_to(staged):
            registry.upgrade(actor, today)
            with audit.write_txn(actor) as log:
                log.record_change("registry", "backup", "restore", {"anchor": [None, str(content.anchor)]})
        with db.gate(), _told(live):
            if not live.exists():
                _require_absent(Path(f"{live}-wal"))  # SQLite would take it for the new file's
                _place(staged, live)
                return content, None
            before = live.with_name(f"{live.name}.before-restore-{now:%Y%m%dT%H%M%S.%fZ}")
            _keep(before, content, other_registry)
            try:
                with closing(sqlite3.connect(staged)) as copy:
                    _copy(copy, db.database.connection())
            except BaseException:
                before.unlink()
                raise
    return content, before


def _require_sqlite() -> None:
    if not db.is_sqlite():
        raise InvalidError(
            "PostgreSQL 用它自己的工具：pg_dump -Fc 备份，pg_restore 恢复，audit verify 核对变更链",
            "use_pg_dump",
        )


def _require_absent(target: Path) -> None:
    if target.exists():
        raise ConflictError(f"{target} 已经有了，没有覆盖；请换一个文件名，或先把它移开", "already_exists")


def _keep(before: Path, content: Content, other_registry: bool) -> None:
    """Back up what the live registry holds; ConflictError unless the content may take its place."""
    try:
        with _told(db.sqlite_path()):
            db.connect()
            db.require_current_schema()
            demo, secret = db.query("SELECT demo, secret FROM registry")[0]
            _require_kin(content, bool(demo), secret, other_registry)
            write(before)
    except (InvalidError, IndexError) as error:
        if isinstance(error, InvalidError) and error.code not in DAMAGED:
            raise
        cure = "请停止服务，把它连同 -wal、-shm 移到别处，再恢复"
        raise ConflictError(f"现在的 {db.sqlite_path()} 读不出来；{cure}", "live_unreadable") from error


def _require_kin(content: Content, demo: bool, secret: str, other_registry: bool) -> None:
    if demo != content.demo:
        names = ("登记册", "示例库")
        detail = f"备份是{names[content.demo]}，这里是{names[demo]}；两者不能混，什么都没有改"
        raise ConflictError(detail, "demo_and_real")
    if bytes.fromhex(secret) != content.secret and not other_registry:
        detail = "备份是另一个登记册的，什么都没有改；确实要用它代替这一个，请加 --other-registry"
        raise ConflictError(detail, "other_registry")


# Files


@contextmanager
def _opened(path: Path, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise NotFoundError(f"没有 {path} 这个文件", "no_such_file")
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as file:
        for pragma in CAREFUL:
            file.execute(f"PRAGMA {pragma}")
        yield file


@contextmanager
def _bound_to(path: Path) -> Iterator[None]:
    """Bind the process to another file for the block."""
    home = db.sqlite_path()
    db.open_database(f"sqlite:///{path}")
    try:
        db.connect()
        yield
        db.execute("PRAGMA journal_mode = delete")
    finally:
        db.open_database(f"sqlite:///{home}")


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """All pages at one moment, as one transaction of the target."""
    deadline = monotonic() + db.GATE_SECONDS

    def patience(status: int, remaining: int, total: int) -> None:  # backup() itself would try for ever
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and monotonic() > deadline:
            raise UnavailableError("数据库正忙，请稍后再试", "busy")

    source.backup(target, pages=-1, progress=patience)


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A private file (0600) beside the target; what is left of it goes when the block ends."""
    with _told(target):
        handle, name = mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
            Path(name + suffix).unlink(missing_ok=True)


def _place(part: Path, target: Path) -> None:
    """Give a finished file its name, so that not even a power cut leaves half of one."""
    for step in (part, target.parent):
        handle = os.open(step, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if step is part:
            part.rename(target)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in words what SQLite or the disk says of a file."""
    try:
        with db.mapped(), peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            yield
    except UnavailableError as error:
        words = {"corrupt": ("文件已损坏", "damaged"), "not_a_database": ("不是数据库文件", "not_a_database")}
        if error.code not in words:
            raise
        detail, code = words[error.code]
        raise InvalidError(f"{path}: {detail}", code) from error
    except (peewee.DatabaseError, UnicodeDecodeError) as error:  # SQLite's words may quote broken text
        raise InvalidError(f"{path}: 文件已损坏（{error}）", "damaged") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UnavailableError("磁盘已满，什么都没有改；请清理后再试", "disk_full") from error
        raise InvalidError(f"{path}: 打不开或写不了（{error.strerror}）", "bad_file") from error
