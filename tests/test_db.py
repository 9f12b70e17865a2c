"""The handle: one write transaction, and a schema that is made once."""

import fcntl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.errors import InvalidError, UnavailableError
from tests.conftest import bound_to
from tests.factories import scaled

WRITES = scaled(1000, 100)


def count_up(url: str, _: int) -> None:
    with bound_to(url):
        for _ in range(WRITES):
            with write_txn(SEED) as log:
                last = db.query("SELECT last FROM counter WHERE name = 'visits'" + for_update())[0][0]
                db.execute("UPDATE counter SET last = ? WHERE name = 'visits'", (last + 1,))
                log.record_change("counter", "visits", "update")


def for_update() -> str:
    return "" if db.is_sqlite() else " FOR UPDATE"


def upgrade(url: str, _: int) -> list[str]:
    with bound_to(url):
        return db.upgrade()


def counters() -> list[tuple]:
    return db.query("SELECT name, last FROM counter")


# Writing


def test_a_write_that_fails_leaves_nothing_behind(registry):
    def fail() -> None:
        with write_txn(SEED) as log:
            db.execute("INSERT INTO counter VALUES ('visits', 1)")
            log.record_change("counter", "visits", "create")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()

    assert counters() == []
    assert db.query("SELECT * FROM change") == []
    assert db.query("SELECT seq FROM change_head") == [(0,)]


def test_a_write_is_there_for_another_connection_when_it_has_ended(registry):
    with write_txn(SEED) as log:
        db.execute("INSERT INTO counter VALUES ('visits', 1)")
        log.record_change("counter", "visits", "create")
    db.database.close()
    db.connect()

    assert counters() == [("visits", 1)]
    assert db.query("SELECT seq, noun, key, action, actor FROM change") == [
        (1, "counter", "visits", "create", "seed")
    ]


def test_two_writing_processes_wait_for_each_other(registry, in_processes):
    with db.transaction():
        db.execute("INSERT INTO counter VALUES ('visits', 0)")

    in_processes(count_up, registry, 2)

    assert counters() == [("visits", 2 * WRITES)]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_thread_that_connects_takes_no_lock_from_the_others(registry):
    path = db.sqlite_path()
    with ThreadPoolExecutor(2) as threads:
        together = threading.Barrier(2)
        for done in [threads.submit(connect_and_stay, together) for _ in range(2)]:
            done.result()

        # who believes to be the last one takes the WAL away
        script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit(); c.close()"
        write = "INSERT INTO counter VALUES ('visits', 1)"
        subprocess.run([sys.executable, "-c", script, path, write], check=True, timeout=60)

        assert path.with_name(f"{path.name}-wal").exists()
        seen = [threads.submit(connect_and_stay, together) for _ in range(2)]
        assert [each.result() for each in seen] == [[("visits", 1)]] * 2


def connect_and_stay(together: threading.Barrier) -> list[tuple]:
    db.connect()
    together.wait(60)
    return counters()


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_writer_that_waits_too_long_is_told_to_come_back(registry, monkeypatch):
    monkeypatch.setattr(db, "GATE_SECONDS", 0.05)
    with open(f"{db.sqlite_path()}.lock", "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError) as refused, db.transaction():
            pass

    assert refused.value.code == "busy"
    assert refused.value.retry_after > 0


# Opening


@pytest.mark.parametrize(
    ("url", "word"),
    [("sqlite://", "一个文件"), ("sqlite:///:memory:", "一个文件"), ("mysql://host/db", "mysql")],
)
def test_an_address_that_is_none_is_refused_with_an_example(url, word):
    with pytest.raises(InvalidError, match=word) as refused:
        db.open_database(url)

    assert refused.value.code == "bad_database_url"


def test_a_missing_database_is_told_with_its_cure(tmp_path):
    db.open_database(f"sqlite:///{tmp_path / 'none.db'}")

    with pytest.raises(UnavailableError, match="servicemap-admin db create") as refused:
        db.connect()

    assert refused.value.code == "no_database"
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_cannot_be_opened_has_a_word(tmp_path):
    db.open_database(f"sqlite:///{tmp_path}")

    with pytest.raises(UnavailableError, match="打不开") as refused:
        db.connect()

    assert refused.value.code == "no_database"


def test_a_missing_postgresql_database_has_a_word(postgresql_server):
    db.open_database(urlunsplit(urlsplit(postgresql_server)._replace(path="/nowhere")))

    with pytest.raises(UnavailableError) as refused:
        db.connect()

    assert refused.value.code == "no_database"


# The schema


def test_upgrading_twice_does_nothing_the_second_time(empty):
    first, second = upgrade(empty, 0), upgrade(empty, 0)

    assert first == db.known_migrations()
    assert second == []


def test_three_processes_may_upgrade_at_once(empty, in_processes):
    done = in_processes(upgrade, empty, 3)

    assert sorted(done, key=len) == [[], [], db.known_migrations()]


def test_a_current_schema_is_fine(registry):
    db.require_current_schema()


def test_a_schema_that_lacks_a_migration_is_too_old(registry):
    with db.transaction():
        db.execute("DELETE FROM migration")

    with pytest.raises(UnavailableError, match="db upgrade") as refused:
        db.require_current_schema()

    assert refused.value.code == "schema_too_old"


def test_a_schema_from_the_future_is_too_new(registry):
    with db.transaction():
        db.execute("INSERT INTO migration VALUES ('9999_tomorrow')")

    with pytest.raises(UnavailableError, match="升级程序") as refused:
        db.require_current_schema()

    assert refused.value.code == "schema_too_new"


def test_a_database_without_tables_is_too_old(empty):
    with bound_to(empty), pytest.raises(UnavailableError) as refused:
        db.require_current_schema()

    assert refused.value.code == "schema_too_old"


def test_no_password_stands_in_the_address_for_people():
    db.open_database("postgresql://worker:secret@db.example/registry")

    assert db.address() == "postgresql://worker@db.example/registry"


def test_a_statement_that_takes_longer_than_it_may_is_broken_off_and_the_next_one_is_not(registry):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT MAX(i) FROM n"

    with pytest.raises(db.TooLongError), db.at_most(0.05):
        db.query(endless)

    with db.at_most(60):
        assert db.query("SELECT 1") == [(1,)]
    assert db.query("SELECT 1") == [(1,)]
