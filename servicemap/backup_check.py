"""What tells a good copy of a SQLite registry from a damaged, foreign or hostile file.

A backup holds one table more than the registry, with a digest of all rows: SQLite's own check sees a page
that is broken, not a value that has changed.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from servicemap import audit, db
from servicemap.errors import InvalidError

Object = tuple[str, str, str, str]  # a row of sqlite_master: type, name, table, statement
Progress = Callable[[int], None]  # is told the rows digested so far

MIGRATION: Object = ("table", "migration", "migration", db.MIGRATION_TABLE)
NOTE: Object = (
    "table",
    "backup",
    "backup",
    "CREATE TABLE backup (made_at TEXT NOT NULL, digest TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a good file holds; `made_at` is None of the live registry."""

    demo: bool
    secret: bytes
    anchor: audit.Anchor
    made_at: str | None


def check_live(file: sqlite3.Connection, path: Path) -> Content:
    """Raise InvalidError for the first thing that is wrong with a registry, see `check_backup`."""
    file.execute("BEGIN")  # all of it at one moment
    _check_schema(file, path, _objects(file))
    _check_pages(file, path)
    return _content(file, path, None)


def check_backup(file: sqlite3.Connection, path: Path, progress: Progress) -> Content:
    """Raise InvalidError for the first thing that is wrong with a backup: not_a_registry, schema_too_new,
    foreign_schema, no_digest, damaged, wrong_digest, broken_chain. The schema comes first: until it is known
    to be ours, nothing is read that a hostile one could have made something else of.
    """
    file.execute("BEGIN")
    objects = _objects(file)
    _check_schema(file, path, objects - {NOTE})
    notes = file.execute("SELECT made_at, digest FROM backup").fetchall() if NOTE in objects else []
    if len(notes) != 1:
        cure = "直接复制的数据库文件不是备份，请用 servicemap-admin db backup"
        raise InvalidError(f"{path}: 没有摘要，无从核对；{cure}", "no_digest")
    _check_pages(file, path)
    made_at, noted = map(str, notes[0])
    if digest(file, made_at, progress) != noted:
        raise InvalidError(f"{path}: 内容和备份时的摘要不同，文件已损坏或被改过", "wrong_digest")
    return _content(file, path, made_at)


def _check_schema(file: sqlite3.Connection, path: Path, objects: set[Object]) -> None:
    if MIGRATION not in objects:
        raise InvalidError(f"{path}: 不是儿童服务地图的登记册", "not_a_registry")
    applied = tuple(name for (name,) in file.execute("SELECT name FROM migration ORDER BY name"))
    if set(applied) - set(db.known_migrations()):
        raise InvalidError(f"{path}: 比程序新；请升级程序", "schema_too_new")
    if strange := {name for _, name, *_ in objects ^ _schema(applied)}:
        names = "、".join(sorted(strange)[:5])
        raise InvalidError(f"{path}: 结构和登记册的不同（{names}），不能信任", "foreign_schema")


def _check_pages(file: sqlite3.Connection, path: Path) -> None:
    whole = file.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
    if not whole or file.execute("PRAGMA foreign_key_check").fetchone():
        raise InvalidError(f"{path}: 文件已损坏", "damaged")


def _content(file: sqlite3.Connection, path: Path, made_at: str | None) -> Content:
    def query(sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        return file.execute(sql, params).fetchall()

    try:  # the columns are what they should be; what stands in them may be anything
        if broken := audit.broken_link(query):
            raise InvalidError(f"{path}: 变更链从第 {broken} 条起不符，数据可能被改过", "broken_chain")
        demo, secret, seq, chain = query("SELECT demo, secret, seq, hash FROM registry, change_head")[0]
        return Content(bool(demo), bytes.fromhex(secret), audit.Anchor(seq, chain), made_at)
    except (IndexError, TypeError, ValueError):
        raise InvalidError(f"{path}: 还不是登记册", "not_a_registry") from None


def _objects(file: sqlite3.Connection) -> set[Object]:
    return set(file.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


@cache
def _schema(migrations: tuple[str, ...]) -> set[Object]:
    """What these migrations make."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute(db.MIGRATION_TABLE)
        for name in migrations:
            for statement in db.statements(name):
                memory.execute(statement)
        return _objects(memory)


def digest(file: sqlite3.Connection, made_at: str, progress: Progress) -> str:
    """Of the date and of every row of every table in the order of its key, types told apart."""
    found, count = sha256(made_at.encode()), 0
    for table in sorted(name for kind, name, *_ in _objects(file) - {NOTE} if kind == "table"):
        key = f"SELECT group_concat('\"' || name || '\"') FROM pragma_table_info('{table}') WHERE pk"
        [(columns,)] = file.execute(key).fetchall()
        if not columns:  # an index of texts: its rows stand in tables of its own
            continue
        found.update(f"{table}\n".encode())
        for page in _pages(file, f'SELECT * FROM "{table}" ORDER BY {columns}'):
            found.update(repr(page).encode())
            count += len(page)
            progress(count)
    return found.hexdigest()


def _pages(file: sqlite3.Connection, sql: str) -> Iterator[list[tuple[Any, ...]]]:
    kept, file.text_factory = file.text_factory, bytearray  # broken text is no str, and bytes are a blob's
    try:
        rows = file.execute(sql)
        while page := rows.fetchmany(1000):
            yield page
    finally:
        file.text_factory = kept
