"""kill -9 in the middle of an import leaves all of it or nothing (SQLite).

Run as a program, this file is the importer that is killed: it applies the batch of a prepared copy and
prints a mark, with the time, at BEGIN and right before COMMIT.
"""

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.config import Settings
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from tests.conftest import bound_to
from tests.factories import TODAY, a_batch, a_place, scaled

ROOT = Path(__file__).parents[2]
ROWS = 600
KILLS = scaled(50, 8)
TABLES = ("facility", "role", "card", "search_row", "list_row", "change", "verification", "hours")


# The importer


def importer(path: str, mode: str) -> None:
    if mode == "autocommit":
        db.transaction = no_transaction
    with bound_to(f"sqlite:///{path}"):
        if mode == "autocommit":
            db.execute("PRAGMA synchronous = off")  # else it takes ten times as long
        db.database.connection().set_trace_callback(mark)
        apply(SEED, 1, Settings(), TODAY)


def mark(statement: str) -> None:
    if statement.startswith(("BEGIN", "COMMIT")):
        print(statement.split()[0], time.monotonic(), flush=True)


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


def run(prepared: Path, mode: str, kill_after: float | None) -> Run:
    """Apply a fresh copy of the prepared registry; `kill_after` seconds after BEGIN, kill -9."""
    path = shutil.copy(prepared, prepared.with_name("killed.db"))
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.imports.test_kill", path, mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        begun = process.stdout.readline().split()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        ended = process.stdout.read().split()
    took = float(ended[1]) - float(begun[1]) if len(ended) > 1 else None
    return Run(not ended, took, held(path))


def held(path: Path) -> tuple:
    with closing(sqlite3.connect(path)) as connection:
        facts = [f"SELECT COUNT(*) FROM {table}" for table in TABLES]
        facts += ["PRAGMA integrity_check", "SELECT seq FROM change_head", "SELECT state FROM import_batch"]
        facts += ["SELECT MAX(last) FROM counter", "SELECT SUM(version) FROM facility"]
        return tuple(connection.execute(sql).fetchone()[0] for sql in facts)


@pytest.fixture
def prepared(sqlite_templates: Callable[[str], Path], tmp_path: Path) -> Path:
    """A registry with one planned batch that makes places and changes some."""
    path = shutil.copy(sqlite_templates("nothing"), tmp_path / "prepared.db")
    with bound_to(f"sqlite:///{path}"):
        places = [a_place(f"老 {number}") for number in range(20)]
        rows = [{"code": place.code, "name": f"{place.name}（新）"} for place in places]
        for number in range(ROWS - len(rows)):
            position = {"lng": f"113.{number:04d}", "lat": "23.6", "datum": "gcj02"}
            rows.append({"name": f"新 {number}", "hours": f"Mo 09:{number % 60:02d}-18:00", **position})
        make_plan(SEED, a_batch(rows).id, Settings(), TODAY)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def kills(prepared: Path, mode: str, number: int) -> tuple[list[Run], tuple, tuple]:
    """So many runs killed at random moments, and what is right to be left: nothing, or all."""
    chance, whole = random.Random(9), run(prepared, mode, None)
    typical, runs = whole.took, []
    for _ in range(number):
        runs.append(run(prepared, mode, chance.uniform(0, 1.1 * typical)))
        typical = runs[-1].took or typical  # the machine's speed changes while others use it
    return runs, held(prepared), whole.left


def test_a_killed_import_leaves_all_or_nothing(prepared):
    runs, nothing, everything = kills(prepared, "transaction", KILLS)

    assert {each.left for each in runs} <= {nothing, everything}
    assert sum(each.inside for each in runs) >= 0.6 * KILLS
    assert nothing[len(TABLES)] == everything[len(TABLES)] == "ok"
    assert everything[0] == nothing[0] + ROWS - 20


def test_the_same_kills_catch_an_importer_without_a_transaction(prepared):
    runs, nothing, everything = kills(prepared, "autocommit", 4)

    assert {each.left for each in runs} - {nothing, everything}


if __name__ == "__main__":
    importer(*sys.argv[1:])
