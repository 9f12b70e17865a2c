"""A long file is planned and applied in parts: nothing in it may depend on where one part ends."""

import shutil

import pytest

from servicemap import db
from servicemap.access import SEED, Actor
from servicemap.config import Settings
from servicemap.errors import InvalidError
from servicemap.imports import apply as applying
from servicemap.imports import plan as planning
from servicemap.imports.plan import make_plan
from servicemap.models import StagedRow
from tests.conftest import bound_to
from tests.factories import NORTH_GATE, TODAY, a_batch, a_division, a_place, a_type

MARKED = ("facility", "role", "role_places", "verification", "card", "search_row", "list_row", "search_key")


def mixed() -> list[dict[str, str]]:
    """New places, changes, several rows a place far apart, repetitions, mistakes."""
    a_type("nursery")
    first, second = a_place("甲", phone="0763-3360000"), a_place("乙", external_id="A-1")
    rows = [{"name": f"新 {number}", "external_id": f"N-{number}"} for number in range(6)]
    return [
        {"code": first.code, "name": "甲", "phone": "0763-3361111"},
        *rows,
        {"external_id": "A-1", "name": "乙", "type": "家长学校", "hours": "24/7"},
        {"name": "新 0", "external_id": "N-0", "type": "托育机构", "places_registered": "60"},
        {"name": "新 1", "external_id": "N-1"},
        {"code": second.code, "name": "乙改名"},
        {"name": "新 2"},
        {"name": "无处", "division": "441802999999"},
        {"code": first.code, "name": "甲", "phone": "0763-3361111", "type": "托育机构"},
        {"name": "新 2"},
    ]


def in_parts(size, sqlite_templates, tmp_path, monkeypatch):
    path = shutil.copy(sqlite_templates("nothing"), tmp_path / f"{size}.db")
    monkeypatch.setattr(planning, "PART_ROWS", size)
    monkeypatch.setattr(applying, "PART_ROWS", size)
    with bound_to(f"sqlite:///{path}"):
        return imported(Settings())


@pytest.mark.parametrize("size", [1, 2, 5])
def test_parts_of_any_size_do_what_one_part_does(size, sqlite_templates, tmp_path, monkeypatch):
    whole = in_parts(1000, sqlite_templates, tmp_path, monkeypatch)

    assert in_parts(size, sqlite_templates, tmp_path, monkeypatch) == whole


def imported(settings) -> tuple:
    batch = a_batch(mixed())
    make_plan(SEED, batch.id, settings, TODAY)
    counts = applying.apply(SEED, batch.id, settings, TODAY, skip_bad_rows=True)
    rows = StagedRow.select().where(StagedRow.batch == batch).order_by(StagedRow.number)
    said = [(row.number, row.outcome, row.facility_id, row.problems, row.remarks) for row in rows]
    names = db.query("SELECT id, name, phone, external_id, version FROM facility ORDER BY id")
    return counts, said, names, [db.query(f"SELECT COUNT(*) FROM {table}") for table in MARKED]


def test_who_may_less_than_the_one_who_planned_gets_a_plan_of_their_own(settings):
    batch = a_batch([{"name": "甲", "division": NORTH_GATE}])
    make_plan(Actor(SEED.name, "admin", "http"), batch.id, settings, TODAY)
    elsewhere = a_division("441881000000").id

    with pytest.raises(InvalidError) as refused:
        applying.apply(Actor(SEED.name, "admin", "http", elsewhere), batch.id, settings, TODAY)

    assert [problem.code for problem in refused.value.problems] == ["out_of_scope"]
    assert db.query("SELECT COUNT(*) FROM facility") == [(0,)]
