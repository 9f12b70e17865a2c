"""kill -9 in the middle of an import leaves all of it or nothing.

Run as a program, this file is the importer that is killed: it applies the batch of a prepared copy and
prints a mark, with the time, at BEGIN and right before COMMIT.
"""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.config import Settings
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from tests import postgres
from tests.conftest import bound_to
from tests.factories import TODAY, a_batch, a_place, scaled

ROOT = Path(__file__).parents[2]
ROWS = 600
KILLS = scaled(200, 8)
TABLES = ("facility", "role", "card", "search_row", "list_row", "change", "verification", "hours")


# The importer


def importer(url: str, mode: str) -> None:
    transaction = db.transaction

    @contextmanager
    def marked(*, wait: bool = True) -> Iterator[None]:
        with transaction(wait=wait):
            mark("BEGIN")
            yield
            mark("COMMIT")

    db.transaction = marked if mode == "transaction" else no_transaction
    with bound_to(url):
        if mode == "autocommit" and db.is_sqlite():
            db.execute("PRAGMA synchronous = off")  # else it takes ten times as long
        apply(SEED, 1, Settings(), TODAY)


def mark(word: str) -> None:
    print(word, time.monotonic(), flush=True)


@contextmanager
def no_transaction(*, wait: bool = True) -> Iterator[None]:
    """What a careless writer would do: every statement for itself."""
    mark("BEGIN")
    yield
    mark("COMMIT")


# The killer


class Run(NamedTuple):
    inside: bool  # killed after BEGIN and before COMMIT
    took: float | None  # seconds from BEGIN to COMMIT, when it came so far
    left: tuple  # what the registry holds afterwards


Copy = Callable[[], str]  # the URL of a fresh copy of the prepared registry


def run(copy: Copy, mode: str, kill_after: float | None) -> Run:
    """Apply a fresh copy of the prepared registry; `kill_after` seconds after BEGIN, kill -9."""
    url = copy()
    command = [sys.executable, "-m", "tests.imports.test_kill", url, mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        begun = process.stdout.readline().split()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        ended = process.stdout.read().split()
    took = float(ended[1]) - float(begun[1]) if len(ended) > 1 else None
    return Run(not ended, took, held(url))


def held(url: str) -> tuple:
    facts = [f"SELECT COUNT(*) FROM {table}" for table in TABLES]
    facts += ["SELECT seq FROM change_head", "SELECT state FROM import_batch"]
    facts += ["SELECT MAX(last) FROM counter", "SELECT SUM(version) FROM facility"]
    with bound_to(url):
        if db.is_sqlite():
            facts.append("PRAGMA integrity_check")
        else:
            _await_alone()
        return tuple(db.query(sql)[0][0] for sql in facts)


def _await_alone() -> None:
    """Until the engine has noticed that who was killed is gone."""
    for _ in range(300):
        others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        if db.query(others)[0][0] == 0:
            return
        time.sleep(0.02)
    raise TimeoutError("the killed one's connection stays")


@pytest.fixture
def copy(registry: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Copy]:
    """copy() → the URL of a fresh copy of a registry with one planned batch that makes places and changes
    some."""
    places = [a_place(f"老 {number}") for number in range(20)]
    rows = [{"code": place.code, "name": f"{place.name}（新）"} for place in places]
    for number in range(ROWS - len(rows)):
        position = {"lng": f"113.{number:04d}", "lat": "23.6", "datum": "gcj02"}
        rows.append({"name": f"新 {number}", "hours": f"Mo 09:{number % 60:02d}-18:00", **position})
    make_plan(SEED, a_batch(rows).id, Settings(), TODAY)
    if db.is_sqlite():
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.database.close()
        yield (
            lambda: f"sqlite:///{_copied(Path(registry.removeprefix('sqlite:///')), tmp_path / 'killed.db')}"
        )
        return
    db.database.close()  # nobody may be connected to what is copied
    server = request.getfixturevalue("postgresql_server")
    template = urlsplit(registry).path.removeprefix("/")
    name = f"{template}_killed"

    def copied() -> str:
        postgres.drop_database(server, name)
        return postgres.create_database(server, name, template)

    yield copied
    postgres.drop_database(server, name)


def _copied(path: Path, to: Path) -> Path:
    for suffix in ("-wal", "-shm"):
        Path(f"{to}{suffix}").unlink(missing_ok=True)
    return Path(shutil.copy(path, to))


def kills(copy: Copy, mode: str, number: int) -> tuple[list[Run], tuple, tuple]:
    """So many runs killed at random moments, and what is right to be left: nothing, or all."""
    chance, whole = random.Random(9), run(copy, mode, None)
    typical, runs = whole.took, []
    for _ in range(number):
        runs.append(run(copy, mode, chance.uniform(0, 1.1 * typical)))
        typical = runs[-1].took or typical  # the machine's speed changes while others use it
    return runs, held(copy()), whole.left


def test_a_killed_import_leaves_all_or_nothing(copy):
    runs, nothing, everything = kills(copy, "transaction", KILLS)

    assert {each.left for each in runs} <= {nothing, everything}
    assert sum(each.inside for each in runs) >= 0.6 * KILLS
    assert everything[0] == nothing[0] + ROWS - 20
    assert nothing[-1] == everything[-1] == "ok" or nothing[-1] == 20  # integrity, on PostgreSQL the versions


def test_the_same_kills_catch_an_importer_without_a_transaction(copy):
    runs, nothing, everything = kills(copy, "autocommit", 6)

    assert {each.left for each in runs} - {nothing, everything}


if __name__ == "__main__":
    importer(*sys.argv[1:])
