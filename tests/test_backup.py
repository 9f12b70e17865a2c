"""Backups (SQLite): good under load, and what is wrong with a file is seen."""

import os
import random
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from servicemap import audit, backup, db
from servicemap.backup_check import digest
from servicemap.errors import ConflictError, InvalidError, RegistryError, UnavailableError
from tests.conftest import bound_to
from tests.factories import a_place, scaled

SQLITE = pytest.mark.parametrize("engine", ["sqlite"])
BACKUPS = scaled(50, 10)
FLIPS = scaled(1500, 150)


def write_until_stopped(url: str) -> None:
    stop = Path(url.removeprefix("sqlite:///")).with_name("stop")
    with bound_to(url):
        number = 0
        while not stop.exists():
            a_place(f"{os.getpid()} {number}")
            number += 1


def stopping(url: str, take: Callable[[Path], int]) -> list[tuple[int, int]]:
    """(The seq acknowledged before, the seq in the copy or -1 where it is broken) of each copy taken."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    found = []
    try:
        with bound_to(url):
            for number in range(BACKUPS):
                before = audit.head_seq()
                found.append((before, take(folder / f"copy-{number}.db")))
    finally:
        (folder / "stop").touch()
    return found


def by_backup(target: Path) -> int:
    backup.write(target)
    return backup.verify(target).anchor.seq


def by_cp(target: Path) -> int:
    """A plain copy: every one is refused; its seq where the rest of it would have been good."""
    subprocess.run(["cp", db.sqlite_path(), target], check=True)
    with pytest.raises(InvalidError):
        backup.verify(target)
    try:
        with closing(sqlite3.connect(target)) as file:
            if file.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return -1
            query = lambda sql, params=(): file.execute(sql, params).fetchall()  # noqa: E731
            return -1 if audit.broken_link(query) else query("SELECT seq FROM change_head")[0][0]
    except sqlite3.DatabaseError:
        return -1


def back_up_or_write(url: str, number: int) -> Any:
    return write_until_stopped(url) if number else stopping(url, by_backup)


def copy_or_write(url: str, number: int) -> Any:
    return write_until_stopped(url) if number else stopping(url, by_cp)


@pytest.fixture
def copy(registry: str, tmp_path: Path) -> Path:
    """A good backup of a registry with some places."""
    for number in range(20):
        a_place(f"第 {number} 家", phone="0763-3360000", hours="周一至周五 9:00-17:00")
    backup.write(tmp_path / "copy.db")
    return tmp_path / "copy.db"


@contextmanager
def tampered(path: Path) -> Iterator[sqlite3.Connection]:
    """The file in the hands of somebody who knows SQLite."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        yield file


def refused(path: Path) -> str:
    """The code with which the file is refused; empty when it is good."""
    try:
        backup.verify(path)
    except InvalidError as error:
        return error.code if str(path) in error.detail else "it names no file"
    return ""


# Making


@SQLITE
def test_every_backup_taken_while_others_write_is_whole_and_has_what_was_acknowledged(registry, in_processes):
    a_place()

    taken, *_ = in_processes(back_up_or_write, registry, 3)

    assert len(taken) == BACKUPS
    assert [pair for pair in taken if pair[1] < pair[0]] == []
    assert taken[-1][0] > taken[0][0]  # others did write meanwhile


@SQLITE
def test_most_plain_copies_taken_while_others_write_are_not(registry, in_processes):
    a_place()

    taken, *_ = in_processes(copy_or_write, registry, 3)

    assert sum(seq < before for before, seq in taken) > BACKUPS / 2


@SQLITE
def test_a_backup_is_one_private_file(copy, tmp_path):
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".", "copy.db"))] == ["copy.db"]


@SQLITE
def test_verifying_leaves_nothing_beside_the_backup(copy, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    shutil.copy(copy, folder)

    assert refused(folder / copy.name) == ""
    assert os.listdir(folder) == [copy.name]


@SQLITE
def test_no_file_is_overwritten(copy):
    before = copy.read_bytes()

    with pytest.raises(ConflictError) as refusal:
        backup.write(copy)

    assert refusal.value.code == "already_exists"
    assert copy.read_bytes() == before


@SQLITE
def test_a_folder_that_is_not_there_is_told(registry, tmp_path):
    with pytest.raises(InvalidError, match="打不开") as refusal:
        backup.write(tmp_path / "none" / "copy.db")

    assert refusal.value.code == "bad_file"


@pytest.mark.parametrize("engine", ["postgresql"])
def test_on_postgresql_its_own_tools_are_named(registry, tmp_path):
    for act in (lambda: backup.write(tmp_path / "copy.db"), lambda: backup.verify()):
        with pytest.raises(InvalidError, match=r"pg_dump.*pg_restore") as refusal:
            act()

        assert refusal.value.code == "use_pg_dump"


# Verifying


@SQLITE
def test_the_live_registry_is_verified_too(registry):
    a_place()

    found = backup.verify()

    assert (found.demo, found.anchor, found.made_at) == (False, audit.head(), None)


def values(path: Path) -> Any:
    """What the file says, read without our code; an error is something else than any value."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
            file.text_factory = bytearray
            objects = file.execute(
                "SELECT type, CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master"
            ).fetchall()
            said: dict[Any, Any] = {"objects": sorted(map(repr, objects))}
            for kind, name, sql in objects:
                if kind == b"table" and not sql.startswith(b"CREATE VIRTUAL"):
                    rows = file.execute(f'SELECT * FROM "{name.decode()}" NOT INDEXED')
                    said[name] = sorted(map(repr, rows))
            return said
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return repr(error)


@SQLITE
def test_every_bit_flip_that_changes_a_value_is_seen(copy, tmp_path):
    good, original, rng = values(copy), copy.read_bytes(), random.Random(20261126)
    flipped, changed, missed, missed_by_sqlite = tmp_path / "flipped.db", 0, [], 0
    for _ in range(FLIPS):
        data, at, bit = bytearray(original), rng.randrange(len(original)), rng.randrange(8)
        data[at] ^= 1 << bit
        flipped.write_bytes(data)

        if values(flipped) == good:
            continue
        changed += 1
        try:
            backup.verify(flipped)
            missed.append((at, bit))
        except RegistryError:
            missed_by_sqlite += is_fine_to_sqlite(flipped)

    assert missed == []
    assert changed > FLIPS / 20
    assert missed_by_sqlite > 0


def is_fine_to_sqlite(path: Path) -> bool:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        try:
            return file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return False


HARMS: dict[str, tuple[str, list[str]]] = {
    "a newer schema": ("schema_too_new", ["INSERT INTO migration VALUES ('9999_tomorrow')"]),
    "a trigger": (
        "foreign_schema",
        ["CREATE TRIGGER t AFTER INSERT ON change BEGIN DELETE FROM facility; END"],
    ),
    "a view": ("foreign_schema", ["CREATE VIEW v AS SELECT 1"]),
    "a table": ("foreign_schema", ["CREATE TABLE t (x)"]),
    "a column": ("foreign_schema", ["ALTER TABLE facility ADD COLUMN x"]),
    "an index on a function": ("foreign_schema", ["CREATE INDEX i ON facility (abs(lat))"]),
    "no keeper of the audit": ("foreign_schema", ["DROP TRIGGER change_keeps_rows"]),
    "the names of migrations that it lacks": (
        "foreign_schema",
        ["DELETE FROM migration WHERE name >= '0003'"],
    ),
    "another rule": (
        "foreign_schema",
        [
            "PRAGMA writable_schema = on",
            "UPDATE sqlite_master SET sql = replace(sql, 'BETWEEN -90 AND 90', 'BETWEEN -99 AND 99')",
        ],
    ),
    "a view for a table": (
        "not_a_registry",
        [
            "DROP TABLE migration",
            "CREATE VIEW migration (name) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n",
        ],
    ),
    "no digest": ("no_digest", ["DELETE FROM backup"]),
    "another value": ("wrong_digest", ["UPDATE facility SET phone = '0763-3360001' WHERE id = 1"]),
    "another type of value": (
        "wrong_digest",
        ["UPDATE facility SET phone = CAST(phone AS BLOB) WHERE id = 1"],
    ),
    "a row less": ("wrong_digest", ["DELETE FROM card WHERE facility_id = 1"]),
    "another date": ("wrong_digest", ["UPDATE backup SET made_at = '2020-01-01T00:00:00.000Z'"]),
    "a row that leads nowhere": (
        "damaged",
        ["PRAGMA foreign_keys = off", "DELETE FROM facility WHERE id = 1"],
    ),
}


def harmed(name: str, copy: Path) -> None:
    with tampered(copy) as file:
        for statement in HARMS[name][1]:
            file.execute(statement)


@SQLITE
@pytest.mark.parametrize("name", HARMS)
def test_what_is_wrong_with_a_backup_has_its_code(copy, name):
    before = refused(copy)

    harmed(name, copy)

    assert before == ""
    assert refused(copy) == HARMS[name][0]


@SQLITE
@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE change_head SET seq = 0, hash = ''", "broken_chain"),
        ("UPDATE change_head SET seq = 'x'", "not_a_registry"),
        ("DELETE FROM change_head", "not_a_registry"),
        ("DELETE FROM registry", "not_a_registry"),
        ("UPDATE registry SET secret = 'x'", "not_a_registry"),
        ("UPDATE registry SET secret = x'00'", "not_a_registry"),
        ("UPDATE backup SET made_at = x'00'", ""),
    ],
)
def test_a_digest_that_was_made_anew_does_not_hide_what_cannot_be(copy, statement, code):
    with tampered(copy) as file:
        file.execute(statement)
        [(made_at,)] = file.execute("SELECT made_at FROM backup")
        file.execute("UPDATE backup SET digest = ?", (digest(file, str(made_at), lambda count: None),))

    assert refused(copy) == code


@SQLITE
def test_a_file_of_something_else_is_told_from_a_registry(copy, tmp_path):
    found = []
    for data in (b"", b"PK\3\4" * 3000, copy.read_bytes()[: copy.stat().st_size // 2]):
        (tmp_path / "file.db").write_bytes(data)
        found.append(refused(tmp_path / "file.db"))

    assert found == ["not_a_registry", "not_a_database", "damaged"]


@SQLITE
def test_a_plain_copy_is_no_backup_even_when_nobody_writes(registry, tmp_path):
    a_place()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    subprocess.run(["cp", db.sqlite_path(), tmp_path / "copy.db"], check=True)

    assert refused(tmp_path / "copy.db") == "no_digest"


@SQLITE
@pytest.mark.parametrize(
    "statement",
    ["UPDATE change SET actor = 'nobody' WHERE seq = 1", "UPDATE change SET diff = x'00' WHERE seq = 1"],
)
def test_a_registry_whose_audit_was_rewritten_is_told_live_and_in_its_backup(registry, tmp_path, statement):
    a_place()
    [(keeper,)] = db.query("SELECT sql FROM sqlite_master WHERE name = 'change_keeps_values'")
    for each in ("DROP TRIGGER change_keeps_values", statement, keeper):
        db.execute(each)
    backup.write(tmp_path / "copy.db")

    with pytest.raises(InvalidError) as refusal:
        backup.verify()

    assert refusal.value.code == "broken_chain"
    assert refused(tmp_path / "copy.db") == "broken_chain"


# A full disk


@SQLITE
def test_a_full_disk_leaves_no_half_backup(copy, small_disk):
    size = copy.stat().st_size
    for share in (0, 0.5, 0.9):
        folder = small_disk(max(4096, int(size * share)))

        with pytest.raises(UnavailableError, match="磁盘已满") as refusal:
            backup.write(folder / "copy.db")

        assert refusal.value.code == "disk_full"
        assert os.listdir(folder) == []
    assert backup.verify().anchor == audit.head()
