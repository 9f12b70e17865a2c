"""A disk that is full: a clear word, nothing half, and readers who notice nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.audit import broken_link
from servicemap.config import Settings
from servicemap.errors import UnavailableError
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from servicemap.records import Record, load
from tests.conftest import bound_to
from tests.factories import TODAY, a_batch, a_change, a_place

ROOM = 2_500_000  # bytes beside the registry: a small import fits, a large one does not


@pytest.fixture
def nearly_full(sqlite_templates: Callable[[str], Path], small_disk: Callable[[int], Path]):
    template = sqlite_templates("nothing")
    path = small_disk(template.stat().st_size + ROOM) / "registry.db"
    shutil.copy(template, path)
    with bound_to(f"sqlite:///{path}") as url:
        yield url


def rows(count: int) -> list[dict[str, str]]:
    return [{"name": f"第 {number} 家", "address": "很长的路" * 40} for number in range(count)]


def test_a_full_disk_stops_a_write_with_a_word_and_leaves_nothing_half(nearly_full):
    settings = Settings(database_url=nearly_full)
    known = a_place("先来的")
    stored = [db.query("SELECT seq FROM change_head")]

    def imported(times: int) -> None:
        for _ in range(times):  # staging, planning or applying: wherever it ends
            batch = a_batch(rows(400))
            make_plan(SEED, batch.id, settings, TODAY)
            apply(SEED, batch.id, settings, TODAY, skip_bad_rows=True)
            stored.append(db.query("SELECT seq FROM change_head"))

    with pytest.raises(UnavailableError) as error:
        imported(20)

    assert error.value.code == "disk_full"
    assert db.query("SELECT seq FROM change_head") == stored[-1]
    assert broken_link() is None
    assert db.query("PRAGMA integrity_check") == [("ok",)]
    facilities = db.query("SELECT COUNT(*) FROM facility")[0][0]
    assert db.query("SELECT COUNT(*) FROM card") == [(facilities,)]
    assert db.query("SELECT name FROM facility WHERE id = ?", (known.id,)) == [("先来的",)]


def test_with_room_again_the_next_write_goes_through(nearly_full):
    place = a_place("先来的")
    folder = Path(db.sqlite_path()).parent
    ballast = folder / "ballast"
    free = shutil.disk_usage(folder).free
    ballast.write_bytes(bytes(max(0, free - 8_192)))

    def changed(record: Record, times: int) -> None:
        for number in range(times):
            record = a_change(record, note=f"{number}" * 300)

    with pytest.raises(UnavailableError, match="磁盘已满"):
        changed(place, 200)
    ballast.unlink()
    after = a_change(load([place.id])[place.id], note="写进去了")

    assert after.note == "写进去了"
    assert broken_link() is None
