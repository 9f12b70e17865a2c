"""The migrations and the models give the same schema: each is built for real and read back."""

import importlib
import re
from typing import Any

import peewee
import pytest

from servicemap import db
from servicemap.models import TABLES
from tests.conftest import bound_to

Schema = dict[str, Any]


def read_schema() -> Schema:
    """Every table, column, key, constraint, index and trigger of the bound database, as plain values."""
    return _sqlite_schema() if db.is_sqlite() else _postgresql_schema()


def _sqlite_schema() -> Schema:
    schema: Schema = {}
    for kind, name, table, sql in db.query("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        if name.startswith("sqlite_") or table == "migration":
            continue
        if kind != "table":
            schema[kind, name] = plain(sql) if kind == "trigger" else (table, *_sqlite_index(name, sql))
            continue
        schema["table", name] = {
            "columns": [row[1:6] for row in db.query(f"PRAGMA table_info({name})")],
            "foreign keys": {row[2:7] for row in db.query(f"PRAGMA foreign_key_list({name})")},
            "checks": checks(sql),
            "without rowid": "WITHOUT ROWID" in sql.upper(),
            "own indexes": {
                (unique, origin, *columns_of(index))
                for _, index, unique, origin, _ in db.query(f"PRAGMA index_list({name})")
                if origin != "c"
            },
        }
    return schema


def _sqlite_index(name: str, sql: str) -> tuple[Any, ...]:
    _, _, where = plain(sql).partition(" where ")
    return "UNIQUE" in sql.upper(), where, columns_of(name)


def columns_of(index: str) -> tuple[Any, ...]:
    return tuple(row[2:6] for row in db.query(f"PRAGMA index_xinfo({index})"))


def checks(sql: str) -> list[str]:
    """The texts of a table's CHECKs, wherever they stand in its statement."""
    found = []
    for start in re.finditer(r"\bCHECK\s*\(", sql, re.IGNORECASE):
        depth, end = 1, start.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(plain(sql[start.end() : end - 1]))
    return sorted(found)


def plain(sql: str) -> str:
    """A statement without what means nothing: quotes of names, line breaks, case of words."""
    return " ".join(sql.replace('"', "").split()).lower()


def _postgresql_schema() -> Schema:
    ours = "SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname <> 'migration'"
    parts = {
        "column": f"""SELECT attrelid::regclass::text, attname, attnum, format_type(atttypid, atttypmod),
            attnotnull, pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef
            ON adrelid = attrelid AND adnum = attnum
            WHERE attnum > 0 AND attrelid IN ({ours} AND relkind = 'r')""",
        "constraint": f"""SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE conrelid IN ({ours})""",
        "index": f"""SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid IN ({ours})""",
        "trigger": f"""SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
            WHERE tgrelid IN ({ours}) AND NOT tgisinternal""",
    }
    return {part: sorted(map(repr, db.query(sql))) for part, sql in parts.items()}


def build_from_models(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in TABLES:  # peewee says WITHOUT ROWID to PostgreSQL too, which does not know it
        narrow = db.is_sqlite() and getattr(model._meta, "without_rowid", False)
        monkeypatch.setattr(model._meta, "without_rowid", narrow, raising=False)
    db.database.create_tables(TABLES)
    for name in db.known_migrations():
        module = importlib.import_module(f"servicemap.migrations.{name}")
        for statement in getattr(module, db.engine().upper()):
            db.execute(db.fill(statement))


def test_the_migrations_and_the_models_give_the_same_schema(registry, empty, monkeypatch):
    migrated = read_schema()
    with bound_to(empty):
        build_from_models(monkeypatch)
        modelled = read_schema()

    for part in migrated.keys() | modelled.keys():
        assert migrated.get(part) == modelled.get(part), part


def test_a_schema_that_differs_in_one_thing_is_told_apart(registry):
    before = read_schema()

    for change in (
        "ALTER TABLE facility ADD COLUMN fax TEXT",
        "DROP INDEX role_current",
        "CREATE INDEX role_opened_on ON role (opened_on) WHERE opened_on IS NOT NULL",
        "ALTER TABLE succession RENAME COLUMN succeeded_on TO since_on",
    ):
        db.execute(change)
        after = read_schema()

        assert after != before, change
        before = after


def test_every_model_has_its_table_and_every_table_its_model(registry):
    # SQLite's text indexes are tables too, each with some of its own: no rows of ours stand in them
    indexes = ("search_text", "division_text")
    tables = {name for name in db.database.get_tables() if not name.startswith(indexes)} - {"migration"}

    assert tables == {model._meta.table_name for model in TABLES}


def test_an_upgrade_that_is_broken_off_leaves_no_table(empty, monkeypatch):
    module = importlib.import_module(f"servicemap.migrations.{db.known_migrations()[0]}")
    monkeypatch.setattr(module, "STATEMENTS", (*module.STATEMENTS, "CREATE TABLE half ("))

    with bound_to(empty):
        with pytest.raises(peewee.DatabaseError):
            db.upgrade()
        left = db.database.get_tables()

    assert left == []


def test_what_was_staged_before_imports_had_sheets_is_there_after(empty, monkeypatch):
    known = db.known_migrations()
    with bound_to(empty):
        monkeypatch.setattr(db, "known_migrations", lambda: [name for name in known if name < "0012"])
        db.upgrade()
        db.execute(
            "INSERT INTO import_batch (file_name, headings, as_of_on, actor, created_at, state)"
            " VALUES ('a.csv', '{}', '2026-01-01', 'a', '', 'open')"
        )
        db.execute("INSERT INTO staged_row (batch_id, number, cells) VALUES (1, 2, '{}')")
        monkeypatch.undo()

        db.upgrade()

        assert db.query("SELECT batch_id, sheet, number, cells, remarks FROM staged_row") == [
            (1, "", 2, "{}", None)
        ]
