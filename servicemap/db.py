"""The database handle: SQLite or PostgreSQL by URL, its one write transaction, its migrations.

One process serves one registry: `database` is bound once by `open_database`. Each thread keeps
one connection for as long as it lives.
"""

import importlib
import json
import os
import pkgutil
import sqlite3
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import peewee

from servicemap import migrations
from servicemap.errors import InvalidError, UnavailableError

GATE_SECONDS = 30  # how long a writer waits for another before it is told to come back

MAPPED_BYTES = 2 * 1024**3

database = peewee.DatabaseProxy()

# synchronous=FULL: NORMAL lost acknowledged edits in simulated power cuts.
SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": GATE_SECONDS * 1000,
    "foreign_keys": "on",
    "trusted_schema": "off",
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -8192,
}


class Postgresql(peewee.PostgresqlDatabase):
    """It counts what this process may have written, for `glimpse`."""

    writes = 0

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        try:
            return super().execute_sql(sql, params)
        finally:
            if not sql.startswith("SELECT"):
                self.writes += 1


def open_database(url: str, *, mapped_bytes: int = MAPPED_BYTES) -> None:
    """Bind the process to the registry at `url` (see Settings.database_url). Connects to nothing. Of an SQLite
    file so much is read through mapped memory: quick, but all that was touched stays with the process."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        path = rest.removeprefix("/")
        if not path or path == ":memory:":
            raise InvalidError("SQLite 需要一个文件，例如 sqlite:///servicemap.db", "bad_database_url")
        if sqlite3.sqlite_version_info < (3, 37):
            raise InvalidError(f"SQLite {sqlite3.sqlite_version} 太旧，需要 3.37 以上", "sqlite_too_old")
        pragmas = {**SQLITE_PRAGMAS, "mmap_size": mapped_bytes}
        target: peewee.Database = peewee.SqliteDatabase(path, pragmas=pragmas, autoconnect=False)
    elif scheme in ("postgresql", "postgres"):
        target = Postgresql(f"postgresql://{rest}", prefer_psycopg3=True, autoconnect=False)
        target.connect_params.update(prepare_threshold=3, application_name="servicemap")
    else:
        raise InvalidError(
            f"不认识的数据库地址“{scheme}://…”；用 sqlite:///文件 或 postgresql://用户@主机/库名",
            "bad_database_url",
        )
    if database.obj is not None:
        database.close()
    database.initialize(target)


def is_sqlite() -> bool:
    return isinstance(database.obj, peewee.SqliteDatabase)


def sqlite_path() -> Path:
    return Path(database.obj.database)


def address() -> str:
    """The database's address for people: no password in it."""
    if is_sqlite():
        return f"sqlite:///{sqlite_path()}"
    parts = urlsplit(database.obj.database)
    user = f"{unquote(parts.username)}@" if parts.username else ""
    return f"postgresql://{user}{parts.hostname or ''}{parts.path}"


def connect() -> None:
    """Make sure that this thread has a usable connection."""
    if not database.is_closed() and not is_sqlite() and not database.is_connection_usable():
        database.close()
    if is_sqlite() and not os.path.exists(database.obj.database):  # a tenth of Path.exists
        raise UnavailableError(
            f"数据库 {sqlite_path()} 不存在；先运行 servicemap-admin db create", "no_database"
        )
    if not database.is_closed():
        return
    with mapped():
        if is_sqlite():
            _connect_to_file(sqlite_path().resolve())
        else:
            database.connect()


# Files that this process may have connections to. It must not open them by itself: closing any descriptor
# of a file drops the locks of all connections to it (sqlite.org/howtocorrupt, 2.2).
_connected: set[Path] = set()
_connecting = threading.Lock()


def _connect_to_file(path: Path) -> None:
    with _connecting:
        # nobody waits for a lock while a new file becomes WAL: its first visitors go one by one
        with nullcontext() if path in _connected or _is_wal(path) else gate():
            database.connect()
        _connected.add(path)


def _is_wal(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(20)[18:] == b"\2\2"  # the header's write and read version
    except OSError:
        return True  # SQLite will say what is wrong with it


def glimpse() -> Hashable:
    """What names the data as this connection sees them now: equal glimpses, equal data. None inside a
    transaction, where nothing may be remembered.

    SQLite: one PRAGMA, no query. PostgreSQL: nothing at all; another process is noticed within a second,
    this one at once.
    """
    if is_sqlite():
        connection = database.obj.connection()
        if connection.in_transaction:
            return None
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            others = connection.execute("PRAGMA data_version").fetchone()[0]
        return connection, others, connection.total_changes
    if not database.is_closed() and _in_transaction():
        return None
    return database.obj, database.obj.writes, int(time.monotonic())


def query(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of one statement written with `?` placeholders; for reads that models would slow down."""
    return database.execute_sql(placeholders(sql), params).fetchall()


def numbers(sql: str, params: Sequence[Any] = ()) -> list[int]:
    """The whole numbers of a statement's one column, named n; of a million rows a third cheaper than `query`."""
    if not is_sqlite():
        return [number for (number,) in query(sql, params)]
    [(text,)] = query(f"SELECT group_concat(n) FROM ({sql})", params)
    found: list[int] = json.loads(f"[{text or ''}]")
    return found


def placeholders(sql: str) -> str:
    return sql if is_sqlite() else sql.replace("?", "%s")


def execute(sql: str, params: Sequence[Any] = ()) -> None:
    """One statement written with `?`, without an answer."""
    database.execute_sql(placeholders(sql), params)


def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement written with `?` for many rows, inside the open transaction."""
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
        database.connection().cursor().executemany(placeholders(sql), rows)


def day(value: Any) -> Any:
    """A date column as read by a plain query: SQLite gives text, PostgreSQL a date."""
    return date.fromisoformat(value) if isinstance(value, str) else value


class TooLongError(Exception):
    """A statement took longer than it was given."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Break off a reading statement of the block that takes longer: TooLongError."""
    if is_sqlite():
        connection, until = database.connection(), time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    else:
        execute(f"SET statement_timeout = {max(1, round(seconds * 1000))}")
    try:
        yield
    except (peewee.OperationalError, sqlite3.OperationalError) as error:  # the latter while rows are fetched
        if "interrupted" in str(error) or "statement timeout" in str(error):
            raise TooLongError from error
        raise
    finally:
        if is_sqlite():
            connection.set_progress_handler(None, 0)
        else:
            execute("RESET statement_timeout")


@contextmanager
def mapped() -> Iterator[None]:
    """Turn what the engine says into words that a person can act on."""
    try:
        yield
    except peewee.DatabaseError as error:
        text = str(error)
        known = {
            "disk is full": ("磁盘已满，什么都没有改；请清理后再试", "disk_full"),
            "No space left": ("磁盘已满，什么都没有改；请清理后再试", "disk_full"),
            "deadlock": (
                "数据库正忙，请稍后再试",
                "deadlock",
            ),  # before "locked": it says by whom it is blocked
            "locked": ("数据库正忙，请稍后再试", "busy"),
            "lock timeout": ("数据库正忙，请稍后再试", "busy"),
            "readonly": ("数据库是只读的；请检查文件权限", "read_only"),
            "read-only": ("数据库是只读的；请连接主库", "read_only"),
            "unable to open": ("打不开数据库文件；请检查路径和权限", "no_database"),
            "not a database": ("这个文件不是数据库；请检查路径，或换一个文件名", "not_a_database"),
            "malformed": ("数据库文件已损坏；请从备份恢复", "corrupt"),
            "connection": ("连不上数据库，请稍后再试", "no_database"),
        }
        for needle, (detail, code) in known.items():
            if needle in text:
                raise UnavailableError(detail, code) from error
        raise


@contextmanager
def gate(*, wait: bool = True) -> Iterator[None]:
    """Let SQLite's writers in one by one: its own busy handler is unfair and starves some. Rooms write
    through `transaction`, which goes through it; a restore takes it alone."""
    if not is_sqlite():
        yield
        return
    import fcntl  # late: absent on Windows, where nobody serves a database

    with open(f"{sqlite_path()}.lock", "a") as file:
        deadline = time.monotonic() + (GATE_SECONDS if wait else 0)
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UnavailableError("数据库正忙（有人正在导入），请稍后再试", "busy") from None
                time.sleep(0.002)
        yield


@contextmanager
def transaction(*, wait: bool = True) -> Iterator[None]:
    """The only way to write: all of the block or none of it. Rooms use audit.write_txn, which adds the audit.

    Raises UnavailableError when another writer stays longer than GATE_SECONDS (without `wait`: when one is
    in the way), or the disk is full.
    """
    with mapped(), gate(wait=wait):
        database.execute_sql("BEGIN IMMEDIATE" if is_sqlite() else "BEGIN")
        try:
            if not (wait or is_sqlite()):
                database.execute_sql("SET LOCAL lock_timeout = '100ms'")
            yield
            database.execute_sql("COMMIT")
        except BaseException:
            if _in_transaction():  # a full disk may have ended it; the first error is the one to tell
                database.execute_sql("ROLLBACK")
            raise


@contextmanager
def one_moment() -> Iterator[None]:
    """All that the block reads is as it was when it began to read, whoever writes meanwhile. A transaction of its own,
    unless one is open; it keeps no writer waiting. For every block that puts together what several queries gave."""
    if _in_transaction():
        yield
        return
    connection = database.connection()  # not execute_sql, for which this would be a write
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
        connection.execute("BEGIN" if is_sqlite() else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        # there is nothing to keep; of a connection that broke the first error is the one to tell
        if _in_transaction():
            with suppress(peewee.DatabaseError), peewee.__exception_wrapper__:  # type: ignore[attr-defined]
                connection.execute("ROLLBACK")


def _in_transaction() -> bool:
    connection = database.connection()
    if is_sqlite():
        return bool(connection.in_transaction)
    return connection.info.transaction_status.name != "IDLE"


# Migrations: modules NNNN_name with STATEMENTS (tokens below differ by engine), each whole or not at all.

TOKENS = {
    "sqlite": {
        "id": "INTEGER NOT NULL PRIMARY KEY",
        "bool": "INTEGER",
        "bigint": "INTEGER",
        "double": "REAL",
        "bytes": "BLOB",
        "narrow": " WITHOUT ROWID",
    },
    "postgresql": {
        "id": "SERIAL NOT NULL PRIMARY KEY",
        "bool": "BOOLEAN",
        "bigint": "BIGINT",
        "double": "DOUBLE PRECISION",
        "bytes": "BYTEA",
        "narrow": "",
    },
}


MIGRATION_TABLE = "CREATE TABLE migration (name TEXT NOT NULL PRIMARY KEY)"


def engine() -> str:
    return "sqlite" if is_sqlite() else "postgresql"


def known_migrations() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(migrations.__path__))


def applied_migrations() -> list[str]:
    """The migrations that this database has; empty for a fresh one."""
    if "migration" not in database.get_tables():
        return []
    return [name for (name,) in query("SELECT name FROM migration ORDER BY name")]


def upgrade() -> list[str]:
    """Bring the schema up to date and return the migrations applied now. Safe to start twice at once."""
    done = []
    with transaction():
        if not is_sqlite():
            database.execute_sql("SELECT pg_advisory_xact_lock(4418)")
        database.execute_sql(MIGRATION_TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))
        for name in [n for n in known_migrations() if n not in applied_migrations()]:
            for statement in statements(name):
                database.execute_sql(statement)
            execute("INSERT INTO migration (name) VALUES (?)", (name,))
            done.append(name)
    return done


def statements(name: str) -> list[str]:
    """What a migration tells the bound engine."""
    module = importlib.import_module(f"servicemap.migrations.{name}")
    return [fill(statement) for statement in (*module.STATEMENTS, *getattr(module, engine().upper()))]


def fill(statement: str) -> str:
    """Replace {tokens} by the engine's words; braces that are no token stay."""
    for token, word in TOKENS[engine()].items():
        statement = statement.replace("{" + token + "}", word)
    return statement


def require_current_schema() -> None:
    """Raise UnavailableError unless the database has exactly the migrations that this code knows."""
    applied, known = applied_migrations(), known_migrations()
    if applied == known:
        return
    if set(applied) - set(known):
        raise UnavailableError("数据库比程序新；请升级程序", "schema_too_new")
    raise UnavailableError("数据库需要升级；先运行 servicemap-admin db upgrade", "schema_too_old")
