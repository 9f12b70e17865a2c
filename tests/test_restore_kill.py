"""kill -9 in the middle of a restore leaves all of the old content or all of the new (SQLite).

Run as a program, this file is the restorer that is killed: it prints a mark, with the time, before the
content goes into the live file and after.
"""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from servicemap import backup, db
from servicemap.access import SEED
from servicemap.errors import RegistryError
from tests.conftest import bound_to
from tests.factories import TODAY, scaled

ROOT = Path(__file__).parents[1]
KILLS = scaled(50, 6)


# The restorer


def restorer(live: str, copy: str, mode: str) -> None:
    original = backup._copy

    def marked(source, target) -> None:
        into_live = not db.database.is_closed() and target is db.database.connection()
        if into_live:
            print(time.monotonic(), flush=True)
        original(source, target)

    backup._copy = marked
    db.open_database(f"sqlite:///{live}")
    if mode == "restore":
        backup.restore(Path(copy), SEED, TODAY, datetime.now(UTC))
    else:
        overwrite(live, copy)
    print(time.monotonic(), flush=True)


def overwrite(live: str, copy: str) -> None:
    """What `cp` would do, a little slower."""
    print(time.monotonic(), flush=True)
    with open(copy, "rb") as source, open(live, "r+b", buffering=0) as target:
        while piece := source.read(256 * 1024):
            target.write(piece)
            time.sleep(0.001)


# The killer


class Run(NamedTuple):
    inside: bool  # killed after the first mark and before the second
    took: float | None  # seconds between them, when it came so far
    left: str  # old, new or broken


def run(live: Path, copy: Path, mode: str, kill_after: float | None) -> Run:
    killed = Path(shutil.copy(live, live.with_name("killed.db")))
    for suffix in ("-wal", "-shm"):
        Path(f"{killed}{suffix}").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.test_restore_kill", killed, copy, mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        begun = process.stdout.readline()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        ended = process.stdout.read()
    return Run(not ended, float(ended) - float(begun) if ended else None, held(killed))


def held(path: Path) -> str:
    with bound_to(f"sqlite:///{path}"):
        try:
            backup.verify()
        except RegistryError:
            return "broken"
        [(ours, all_)] = db.query("SELECT COUNT(*) FILTER (WHERE phone = '1'), COUNT(*) FROM facility")
        return {all_: "old", 0: "new"}.get(ours, "broken")


@pytest.fixture
def live(sqlite_templates: Callable[[str], Path], tmp_path: Path) -> Path:
    """A registry in which every phone number is 1; beside it a backup and a plain copy in which none is."""
    path = Path(shutil.copy(sqlite_templates("demo"), tmp_path / "live.db"))
    shutil.copy(path, tmp_path / "overwrite.db")
    with bound_to(f"sqlite:///{path}"):
        backup.write(tmp_path / "restore.db")
        db.execute("UPDATE facility SET phone = '1'")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def kills(live: Path, mode: str, number: int) -> list[Run]:
    chance, copy = random.Random(9), live.with_name(f"{mode}.db")
    runs = [run(live, copy, mode, None)]
    typical = runs[0].took
    for _ in range(number):
        runs.append(run(live, copy, mode, chance.uniform(0, 0.9 * typical)))
        typical = runs[-1].took or typical
    return runs


def test_a_killed_restore_leaves_the_old_content_or_the_new(live):
    whole, *runs = kills(live, "restore", KILLS)

    assert (held(live), whole.left) == ("old", "new")
    assert {each.left for each in runs} <= {"old", "new"}
    assert sum(each.inside for each in runs) >= 0.6 * KILLS


def test_the_same_kills_catch_who_copies_over_the_live_file(live):
    whole, *runs = kills(live, "overwrite", 6)

    assert whole.left == "new"
    assert "broken" in {each.left for each in runs}


if __name__ == "__main__":
    restorer(*sys.argv[1:])
