"""The audit: nothing is missing from it, nothing in it can be changed unseen."""

import json

import peewee
import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.audit import broken_link, diff, head_seq, write_txn
from tests.conftest import bound_to
from tests.factories import scaled

WRITERS = 3
WRITES = scaled(500, 60)
KEEPERS = {"sqlite": ("change_keeps_rows", "change_keeps_values"), "postgresql": ("change_keeps",)}


def record(*keys: str) -> None:
    with write_txn(SEED) as log:
        for key in keys:
            log.record_change("thing", key, "update", {"名称": ["旧", key]})


def write_much(url: str, number: int) -> None:
    """Short writes and long ones, one in five of them failing at the end."""
    with bound_to(url):
        for turn in range(WRITES):
            keys = [f"{number}-{turn}-{part}" for part in range(1 + turn % 3)]
            try:
                with write_txn(SEED, batch_id=turn % 2 or None) as log:
                    for key in keys:
                        log.record_change("thing", key, "update")
                    if turn % 5 == 4:
                        raise InterruptedError
            except InterruptedError:
                continue


def follow(url: str, _: int) -> list[int]:
    """What a reader sees who asks again and again for what is newer than the last he saw."""
    with bound_to(url):
        seen = [0]
        while seen[-1] < TOTAL:
            rows = db.query("SELECT seq FROM change WHERE seq > ? ORDER BY seq LIMIT 50", (seen[-1],))
            seen += [seq for (seq,) in rows]
    return seen


def write_or_follow(url: str, number: int) -> list[int] | None:
    return follow(url, number) if number == WRITERS else write_much(url, number)


TOTAL = WRITERS * sum(1 + turn % 3 for turn in range(WRITES) if turn % 5 != 4)


def test_a_diff_says_what_differs_with_nothing_for_a_side_that_lacks_it():
    before, after = {"name": "甲", "phone": "110"}, {"name": "甲", "hours": "24/7"}

    assert diff(before, after) == {"phone": ["110", None], "hours": [None, "24/7"]}


def test_a_change_says_who_did_what_through_which_door(registry):
    with write_txn(SEED, batch_id=7) as log:
        log.record_change("facility", "F0000001-6", "update", {"name": ["甲", "乙"]})

    row = db.query("SELECT seq, actor, door, batch_id, noun, key, action, diff FROM change")[0]
    assert row[:-1] == (1, "seed", "seed", 7, "facility", "F0000001-6", "update")
    assert json.loads(row[-1]) == {"name": ["甲", "乙"]}


def test_a_write_without_changes_leaves_the_audit_alone(registry):
    with write_txn(SEED):
        pass

    assert head_seq() == 0


def test_a_reader_of_the_audit_misses_nothing_while_several_processes_write(registry, in_processes):
    *_, seen = in_processes(write_or_follow, registry, WRITERS + 1)

    assert seen == list(range(TOTAL + 1))
    assert head_seq() == TOTAL
    assert broken_link() is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change SET actor = 'somebody'",
        "DELETE FROM change WHERE seq = 1",
        "DELETE FROM change",
        "INSERT INTO change SELECT * FROM change WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET actor = 'x'",
    ],
)
def test_the_database_refuses_to_change_the_audit(registry, statement):
    record("a", "b")

    with pytest.raises(peewee.DatabaseError, match="append-only"), db.transaction():
        db.execute(statement)

    assert db.query("SELECT seq, actor FROM change ORDER BY seq") == [(1, "seed"), (2, "seed")]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_sqlite_refuses_to_replace_a_row_of_the_audit(registry):
    record("a", "b")
    before = db.query("SELECT * FROM change ORDER BY seq")
    forged = "1, changed_at, 'somebody', door, batch_id, noun, key, action, diff, previous_hash, hash"

    with pytest.raises(peewee.DatabaseError, match="append-only"), db.transaction():
        db.execute(f"INSERT OR REPLACE INTO change SELECT {forged} FROM change WHERE seq = 1")

    assert db.query("SELECT * FROM change ORDER BY seq") == before


@pytest.mark.parametrize("engine", ["postgresql"])
def test_postgresql_refuses_to_empty_the_audit(registry):
    record("a")

    with pytest.raises(peewee.DatabaseError, match="append-only"), db.transaction():
        db.execute("TRUNCATE change")


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE change SET diff = '{}' WHERE seq = 3", 3),
        ("UPDATE change SET changed_at = '2020-01-01T00:00:00.000Z' WHERE seq = 3", 3),
        ("UPDATE change SET batch_id = 9 WHERE seq = 3", 3),
        ("UPDATE change SET previous_hash = '' WHERE seq = 3", 3),
        ("DELETE FROM change WHERE seq = 2", 2),
        ("DELETE FROM change WHERE seq = 4", 4),
        ("UPDATE change_head SET hash = ''", 4),
        ("UPDATE change_head SET seq = 3, hash = (SELECT hash FROM change WHERE seq = 3)", 4),
    ],
)
def test_a_tampered_row_breaks_the_chain(registry, engine, statement, broken):
    record("a", "b")
    record("c", "d")
    for trigger in KEEPERS[engine]:
        db.execute(f"DROP TRIGGER {trigger}{' ON change' if engine == 'postgresql' else ''}")
    before = broken_link()

    db.execute(statement)

    assert before is None
    assert broken_link() == broken
