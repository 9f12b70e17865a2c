"""Carrying a plan out: once, whole, and only against the registry that it was made for."""

import json
from datetime import date

import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.audit import broken_link, head_seq
from servicemap.config import Settings
from servicemap.errors import ConflictError, InvalidError, NotFoundError
from servicemap.imports import batches
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from servicemap.records import load, public_code
from tests.conftest import bound_to
from tests.factories import NORTH_GATE, TODAY, a_batch, a_change, a_place

TABLES = ("facility", "role", "card", "search_row", "list_row", "change")


def counts() -> list[int]:
    return [db.query(f"SELECT COUNT(*) FROM {table}")[0][0] for table in TABLES]


@pytest.fixture
def planned(settings):
    """planned(rows): the number of a batch with these rows, planned."""

    def run(rows) -> int:
        batch = a_batch(rows)
        make_plan(SEED, batch.id, settings, TODAY)
        return batch.id

    return run


def test_what_was_planned_stands_in_the_registry_and_in_the_audit(planned, settings):
    place = a_place("甲", phone="0763-3360000")
    before = head_seq()
    batch_id = planned([{"name": "乙"}, {"code": place.code, "name": "甲", "phone": "0763-3361111"}])

    done = apply(SEED, batch_id, settings, TODAY)

    assert done == {"rows": 2, "created": 1, "updated": 1, "unchanged": 0, "rejected": 0, "set_aside": 0}
    assert db.query("SELECT name, phone FROM facility ORDER BY id") == [("甲", "0763-3361111"), ("乙", None)]
    changes = db.query("SELECT key, action, batch_id, diff FROM change WHERE seq > ? ORDER BY seq", (before,))
    assert [change[:3] for change in changes] == [
        (public_code(2), "create", batch_id),
        (place.code, "update", batch_id),
    ]
    assert json.loads(changes[1][3]) == {"phone": ["0763-3360000", "0763-3361111"]}
    assert broken_link() is None


def test_a_batch_is_applied_once(planned, settings):
    batch_id = planned([{}])
    apply(SEED, batch_id, settings, TODAY)
    before = counts()

    with pytest.raises(ConflictError) as refused:
        apply(SEED, batch_id, settings, TODAY)

    assert refused.value.code == "already_applied"
    assert counts() == before


def test_a_batch_without_a_plan_is_not_applied(registry, settings):
    batch = a_batch([{}])

    with pytest.raises(ConflictError) as refused:
        apply(SEED, batch.id, settings, TODAY)

    assert refused.value.code == "not_planned"


def test_a_plan_is_stale_when_the_registry_has_changed_since(planned, settings):
    place = a_place("甲")
    batch_id = planned([{"code": place.code, "name": "乙"}])
    a_change(place, phone="0763-3360000")
    before = counts()

    with pytest.raises(ConflictError, match="重新生成预案") as refused:
        apply(SEED, batch_id, settings, TODAY)

    assert refused.value.code == "plan_stale"
    assert counts() == before
    make_plan(SEED, batch_id, settings, TODAY)
    assert apply(SEED, batch_id, settings, TODAY)["updated"] == 1


def test_one_bad_row_stops_the_whole_file(planned, settings):
    batch_id = planned([{}, {"division": "441802999999"}])
    before = counts()

    with pytest.raises(InvalidError) as refused:
        apply(SEED, batch_id, settings, TODAY)

    assert [(problem.row, problem.code) for problem in refused.value.problems] == [(3, "unknown_division")]
    assert counts() == before
    assert batches.get_batch(batch_id, SEED).state == "planned"


def test_bad_rows_are_left_out_when_that_is_asked_for(planned, settings):
    batch_id = planned([{"name": "甲"}, {"division": "441802999999"}])

    done = apply(SEED, batch_id, settings, TODAY, skip_bad_rows=True)

    assert (done["created"], done["rejected"]) == (1, 1)
    assert db.query("SELECT name FROM facility") == [("甲",)]


def test_a_fault_in_the_middle_leaves_nothing(planned, settings, monkeypatch):
    batch_id = planned([{} for _ in range(5)])
    before = counts()
    monkeypatch.setattr(db, "execute_many", failing_at("role_places", db.execute_many))

    with pytest.raises(ZeroDivisionError):
        apply(SEED, batch_id, settings, TODAY)

    assert counts() == before
    assert batches.get_batch(batch_id, SEED).state == "planned"


def failing_at(table, execute_many):
    def run(sql, rows):
        return 1 / 0 if table in sql else execute_many(sql, rows)

    return run


def test_a_row_cannot_be_added_to_an_applied_batch(planned, settings):
    batch_id = planned([{}])
    apply(SEED, batch_id, settings, TODAY)

    with pytest.raises(ConflictError) as refused:
        batches.add_rows(SEED, batch_id, [(9, {"name": "晚"})])

    assert refused.value.code == "already_applied"


def test_a_field_or_a_batch_that_does_not_exist_is_told(registry):
    batch = a_batch([{}])

    with pytest.raises(InvalidError, match="电邮"):
        batches.add_rows(SEED, batch.id, [(3, {"电邮": "a@b.c"})])
    with pytest.raises(NotFoundError, match="99"):
        batches.get_batch(99, SEED)


def apply_first(url: str, _: int) -> str:
    with bound_to(url):
        try:
            apply(SEED, 1, Settings(database_url=url), TODAY)
        except ConflictError as error:
            return error.code
    return "applied"


def test_of_processes_that_apply_one_batch_at_once_one_does_it(planned, registry, in_processes):
    planned([{"division": NORTH_GATE} for _ in range(30)])

    done = in_processes(apply_first, registry, 3)

    assert done.count("applied") == 1
    assert set(done) <= {"applied", "already_applied", "plan_stale"}
    assert counts()[:3] == [30, 30, 30]


def test_a_plaque_can_be_closed_and_hung_anew_by_one_file(settings):
    place = a_place("甲", opened_on=date(2020, 1, 1))
    same = {"code": place.code, "name": "甲"}
    batch = a_batch([same | {"closed_on": "2026-01-01"}, same | {"opened_on": "2026-02-01"}])
    make_plan(SEED, batch.id, settings, TODAY)

    apply(SEED, batch.id, settings, TODAY)

    roles = load([place.id])[place.id].roles
    assert [role.is_open(TODAY) for role in roles] == [False, True]
