"""A restore (SQLite) brings back all of a good backup and nothing of any other file."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from servicemap import audit, backup, db
from servicemap import registry as registries
from servicemap.access import SEED
from servicemap.errors import ConflictError, NotFoundError, RegistryError, UnavailableError
from tests.conftest import bound_to
from tests.factories import TODAY, a_place, a_type
from tests.test_backup import HARMS, copy, harmed  # noqa: F401  (copy is a fixture)

SQLITE = pytest.mark.parametrize("engine", ["sqlite"])
pytestmark = SQLITE
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)


def restore(path: Path, **options: bool) -> tuple[backup.Content, Path | None]:
    return backup.restore(path, SEED, TODAY, NOW, **options)


def names() -> list[str]:
    return [name for (name,) in db.query("SELECT name FROM facility ORDER BY id")]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("registry.db-")}


def refusal_of(path: Path, **options: bool) -> str:
    """The code with which a restore is refused; the registry and its folder are as before."""
    db.connect()
    folder = db.sqlite_path().parent
    before = audit.head(), names(), files(folder) | {"registry.db.lock"}
    with pytest.raises(RegistryError) as refusal:
        restore(path, **options)
    db.connect()
    assert (audit.head(), names(), files(folder) | {"registry.db.lock"}) == before
    return refusal.value.code


def other(url: str, *, demo: bool) -> Path:
    """A backup of another registry."""
    with bound_to(url):
        registries.create(demo=demo)
        a_place("别处")
        backup.write(db.sqlite_path().with_name("other-backup.db"))
        return db.sqlite_path().with_name("other-backup.db")


# What comes back


def test_everything_is_as_it_was_but_for_the_change_that_says_so(copy):  # noqa: F811
    before, head = names(), audit.head()
    a_place("后来的")

    content, kept = restore(copy)

    db.connect()
    assert names() == before
    assert content.anchor == head
    assert db.query("SELECT noun, action, actor FROM change WHERE seq > ?", (head.seq,)) == [
        ("registry", "restore", "seed")
    ]
    assert audit.broken_link() is None
    assert kept is not None
    assert backup.verify(kept).anchor.seq == head.seq + 1


def test_what_was_there_before_is_kept_and_can_come_back(copy):  # noqa: F811
    a_place("后来的")
    after = names()
    _, kept = restore(copy)

    backup.restore(kept, SEED, TODAY, NOW + timedelta(seconds=1))

    db.connect()
    assert names() == after


def test_nothing_is_left_beside_but_what_is_kept(copy, tmp_path):  # noqa: F811
    _, kept = restore(copy)

    assert files(tmp_path) == {"registry.db", "registry.db.lock", copy.name, kept.name}


def test_a_restore_where_no_database_is_makes_it(copy):  # noqa: F811
    expected = names()
    db.database.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{db.sqlite_path()}{suffix}").unlink(missing_ok=True)

    _, kept = restore(copy)

    db.connect()
    assert (names(), kept) == (expected, None)
    assert backup.verify().anchor == audit.head()


def test_a_log_left_of_a_lost_database_is_not_played_into_the_new_one(copy):  # noqa: F811
    db.database.close()
    db.sqlite_path().rename(db.sqlite_path().with_name("lost.db"))
    Path(f"{db.sqlite_path()}-wal").write_bytes(b"frames")

    with pytest.raises(ConflictError, match="-wal") as refusal:
        restore(copy)

    assert refusal.value.code == "already_exists"
    assert not db.sqlite_path().exists()


def test_a_backup_of_an_older_release_is_upgraded_before_it_is_let_in(registry, tmp_path, monkeypatch):
    with bound_to(f"sqlite:///{tmp_path / 'old.db'}"), monkeypatch.context() as before:
        before.setattr(db, "known_migrations", lambda: ["0001_registry"])
        db.upgrade()
        db.execute("INSERT INTO registry VALUES (1, 0, NULL, 'abcd', '2026-11-23T00:00:00.000Z')")
        backup.write(tmp_path / "old-backup.db")
    db.open_database(registry)

    restore(tmp_path / "old-backup.db", other_registry=True)

    db.connect()
    db.require_current_schema()
    assert backup.verify().secret == bytes.fromhex("abcd")


def test_the_cards_of_the_day_are_written_before_servers_see_them(registry, tmp_path):
    tomorrow = TODAY + timedelta(1)
    a_place(opened_on=tomorrow, types=("parent_school",))
    backup.write(tmp_path / "copy.db")

    backup.restore(tmp_path / "copy.db", SEED, tomorrow, NOW)

    db.connect()
    stale = "SELECT COUNT(*) FROM card WHERE fresh_until <= ?"
    assert db.query(stale, (str(tomorrow),)) == [(0,)]


def test_another_connection_notices_the_content_and_the_secret(copy, tmp_path):  # noqa: F811
    other_copy = other(f"sqlite:///{tmp_path / 'other.db'}", demo=False)
    db.open_database(f"sqlite:///{tmp_path / 'registry.db'}")
    db.connect()
    before = registries.version(), registries.secret(), a_type().key

    restore(other_copy, other_registry=True)

    db.connect()
    assert registries.version() != before[0]
    assert registries.secret() != before[1]
    assert names() == ["别处"]


# What is refused


@pytest.mark.parametrize("name", HARMS)
def test_a_file_with_something_wrong_is_refused_by_its_code(copy, name):  # noqa: F811
    harmed(name, copy)

    assert refusal_of(copy) == HARMS[name][0]


def test_files_of_something_else_are_refused_each_by_its_code(copy, tmp_path):  # noqa: F811
    found = []
    for data in (b"", b"PK\3\4" * 3000, copy.read_bytes()[: copy.stat().st_size // 2]):
        (tmp_path / "file.db").write_bytes(data)
        found.append(refusal_of(tmp_path / "file.db"))

    assert found == ["not_a_registry", "not_a_database", "damaged"]


def test_a_file_that_is_not_there_is_refused(copy, tmp_path):  # noqa: F811
    with pytest.raises(NotFoundError):
        restore(tmp_path / "none.db")


def test_a_rewritten_audit_is_refused(registry, tmp_path):
    a_place()
    [(keeper,)] = db.query("SELECT sql FROM sqlite_master WHERE name = 'change_keeps_values'")
    for each in ("DROP TRIGGER change_keeps_values", "UPDATE change SET actor = 'nobody'", keeper):
        db.execute(each)
    backup.write(tmp_path / "copy.db")

    assert refusal_of(tmp_path / "copy.db") == "broken_chain"


@pytest.mark.parametrize("into_demo", [False, True])
def test_a_demo_and_a_real_registry_never_take_each_others_place(registry, tmp_path, into_demo):
    copy = other(f"sqlite:///{tmp_path / 'other.db'}", demo=not into_demo)  # noqa: F811
    db.open_database(registry)
    db.connect()
    db.execute(f"UPDATE registry SET demo = {int(into_demo)}")

    assert refusal_of(copy, other_registry=True) == "demo_and_real"


def test_another_registrys_backup_is_refused_unless_it_is_said(registry, tmp_path):
    copy = other(f"sqlite:///{tmp_path / 'other.db'}", demo=False)  # noqa: F811
    db.open_database(registry)

    assert refusal_of(copy) == "other_registry"
    restore(copy, other_registry=True)
    db.connect()
    assert names() == ["别处"]


def test_a_database_that_cannot_be_read_is_to_be_moved_away_first(copy):  # noqa: F811
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.database.close()
    data = bytearray(db.sqlite_path().read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    db.sqlite_path().write_bytes(data)

    with pytest.raises(ConflictError, match="移到别处") as refusal:
        restore(copy)

    assert refusal.value.code == "live_unreadable"
    db.sqlite_path().rename(db.sqlite_path().with_name("lost.db"))
    for suffix in ("-wal", "-shm"):
        Path(f"{db.sqlite_path()}{suffix}").unlink(missing_ok=True)
    restore(copy)
    db.connect()
    assert len(names()) == 20


def test_a_full_disk_leaves_the_registry_as_it_was(copy, small_disk: Callable[[int], Path]):  # noqa: F811
    outcomes = []
    for times in (2.2, 2.8, 3.4, 4, 4.6, 5.2, 8):
        folder = small_disk(int(copy.stat().st_size * times))
        live = Path(shutil.copy(copy, folder / "registry.db"))
        with closing(sqlite3.connect(live)) as file:
            file.execute("DROP TABLE backup")
        with bound_to(f"sqlite:///{live}"):
            db.execute("UPDATE facility SET phone = '12345'")
            try:
                restore(copy)
                outcomes.append("restored")
                phone = "0763-3360000"
            except UnavailableError as error:
                outcomes.append(error.code)
                phone = "12345"
                assert files(folder) <= {"registry.db", "registry.db.lock"}
            db.connect()
            assert set(db.query("SELECT phone FROM facility")) == {(phone,)}
            assert backup.verify().anchor == audit.head()

    assert outcomes == sorted(outcomes)
    assert {outcomes[0], outcomes[-1]} == {"disk_full", "restored"}


def test_a_registry_that_somebody_holds_is_left_alone(copy, monkeypatch):  # noqa: F811
    monkeypatch.setattr(db, "GATE_SECONDS", 0.1)
    monkeypatch.setitem(db.SQLITE_PRAGMAS, "busy_timeout", 50)
    db.open_database(f"sqlite:///{db.sqlite_path()}")
    with closing(sqlite3.connect(db.sqlite_path(), isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")  # without the gate

        assert refusal_of(copy) == "busy"
