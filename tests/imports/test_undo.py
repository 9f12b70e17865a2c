"""An import that should not have been: taken back whole, but never what somebody has done since."""

from datetime import date
from typing import Any

import pytest

from servicemap import db
from servicemap.access import SEED
from servicemap.audit import broken_link, head_seq
from servicemap.errors import ConflictError
from servicemap.facility_types import Kinds
from servicemap.facts import rows_of
from servicemap.imports import undo as undoing
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from servicemap.models import Facility, ImportBatch
from servicemap.records import Record, RoleClass, load, public_code
from tests.factories import NORTH_GATE, TODAY, a_batch, a_change, a_place, a_type

SOUTH_GATE = "441802001002"
TABLES = ("facility", "role", "role_places", "role_serves", "role_class", "verification")


@pytest.fixture
def imported(settings):
    """imported(rows): bring these rows into the registry; the batch's number."""

    def run(rows: list[dict[str, str]], **given: Any) -> int:
        batch = a_batch(rows, **given)
        make_plan(SEED, batch.id, settings, TODAY)
        apply(SEED, batch.id, settings, TODAY)
        return batch.id

    return run


def undone(batch_id: int, today: date = TODAY) -> undoing.Undo:
    return undoing.undo(SEED, batch_id, undoing.work_out(SEED, batch_id, today).seq, today)


def as_row(record: Record) -> dict[str, str]:
    return rows_of(load([record.id]).values(), Kinds())[0]


def tables() -> dict[str, set[tuple[Any, ...]]]:
    """What stands in the tables of facilities, without versions."""
    found = {}
    for table in TABLES:
        columns = [column.name for column in db.database.get_columns(table) if column.name != "version"]
        found[table] = set(db.query(f"SELECT {', '.join(columns)} FROM {table}"))
    return found


def a_full_place(**given: Any) -> Record:
    facts = {
        "types": ("nursery",),
        "address": "一路",
        "phone": "0763-3360000",
        "hours": "Mo-Fr 08:30-17:30",
        "accessible": True,
        "note": "说明",
        "external_id": "A-1",
        "opened_on": date(2020, 1, 1),
        "age_from_months": 6,
        "age_to_months": 36,
        "fee": "paid",
        "fee_text": "每月 2000 元",
        "forms": ("full_day", "half_day"),
        "monthly_fee": 2000,
        "registered": 90,
        "offered": 80,
        "taken": 70,
        "serves": [NORTH_GATE, SOUTH_GATE],
        "classes": [RoleClass("toddler", 24, 36, 20, 20, 10, 2000)],
        "verified_on": date(2025, 5, 1),
        "today": date(2025, 6, 1),
    }
    return a_place("甲托", **(facts | given))


EVERYTHING = {
    "name": "乙托",
    "type": "托育机构",
    "division": SOUTH_GATE,
    "address": "二路",
    "phone": "0763-3361111",
    "hours": "每天 9:00-12:00",
    "accessible": "否",
    "note": "另一个说明",
    "external_id": "B-1",
    "opened_on": "2021-01-01",
    "age_from_months": "3",
    "age_to_months": "24",
    "fee": "优惠",
    "fee_text": "每月 1500 元",
    "forms": "计时",
    "monthly_fee": "1500",
    "places_registered": "60",
    "places_taken": "50",
    "serves": SOUTH_GATE,
    "classes": "乳儿班 6-12月 备案10",
    "verified_on": "2026-11-01",
    "lng": "113.06",
    "lat": "23.69",
    "datum": "gcj02",
    "meals": "含餐",
    "inclusive": "是",
    "closed_on": "2026-10-01",
    "closed_reason": "搬走",
}


def test_every_field_is_put_back(imported):
    a_type("nursery")
    place = a_full_place()
    before, row = tables(), as_row(place)
    batch_id = imported([EVERYTHING | {"code": place.code}])
    assert tables() != before

    plan = undone(batch_id)

    assert (len(plan.restored), plan.closed, plan.kept) == (1, [], [])
    assert as_row(place) == row
    assert tables() == before


@pytest.mark.parametrize("name", sorted(EVERYTHING.keys() - {"name", "type", "division"}))
def test_each_field_alone_is_put_back(imported, name):
    a_type("nursery")
    place = a_full_place()
    before = tables()
    alone = {"name": place.name, "type": "托育机构", "code": place.code, name: EVERYTHING[name]}
    if name in ("lng", "lat", "datum"):
        alone |= {each: EVERYTHING[each] for each in ("lng", "lat", "datum")}
    if name == "fee_text":
        alone["fee"] = "收费"
    batch_id = imported([alone])

    undone(batch_id)

    assert tables() == before


def test_what_the_import_created_is_closed_and_was_never_open_but_is_not_deleted(imported):
    batch_id = imported([{"name": "错的", "opened_on": "2024-01-01", "external_id": "A-1"}, {"name": "也错"}])

    plan = undone(batch_id)

    places = load([row.id for row in Facility.select()]).values()
    assert (len(plan.closed), len(places)) == (2, 2)
    for place in places:
        assert place.status(TODAY) == "closed"
        assert place.roles[0].closed_reason == "导入撤销"
        assert not any(place.roles[0].is_open(day) for day in (date(2020, 1, 1), date(2024, 6, 1), TODAY))
    assert db.query("SELECT COUNT(*) FROM search_row")[0][0] == 0


def test_what_somebody_changed_since_is_kept_and_named_and_the_rest_goes_back(imported):
    place = a_place("甲", address="一路", phone="0763-1111111")
    batch_id = imported([{"code": place.code, "name": "乙", "address": "二路", "phone": "0763-2222222"}])
    a_change(load([place.id])[place.id], phone="0763-3333333")

    plan = undone(batch_id)

    now = load([place.id])[place.id]
    assert (now.name, now.address, now.phone) == ("甲", "一路", "0763-3333333")
    assert [(kept.code, kept.fields) for kept in plan.kept] == [(place.code, ("phone",))]


def test_a_field_that_was_changed_there_and_back_is_somebodys_too(imported):
    place = a_place("甲", address="一路")
    batch_id = imported([{"code": place.code, "name": "甲", "address": "二路"}])
    for address in ("三路", "二路"):
        a_change(load([place.id])[place.id], address=address)

    plan = undone(batch_id)

    assert load([place.id])[place.id].address == "二路"
    assert [kept.fields for kept in plan.kept] == [("address",)]


def test_half_a_position_is_never_put_back(imported):
    place = a_place("甲")
    batch_id = imported(
        [{"code": place.code, "name": "甲", "lng": "113.06", "lat": "23.69", "datum": "wgs84"}]
    )
    a_change(load([place.id])[place.id], precision="street")

    plan = undone(batch_id)

    now = load([place.id])[place.id]
    assert (now.lng, now.lat, now.position_precision) == (113.06, 23.69, "street")
    assert "lng" in plan.kept[0].fields


def test_a_new_place_that_somebody_has_worked_on_stays_open(imported):
    batch_id = imported([{"name": "甲"}])
    [id_] = [row.id for row in Facility.select()]
    a_change(load([id_])[id_], phone="0763-3333333")

    plan = undone(batch_id)

    assert load([id_])[id_].status(TODAY) == "open"
    assert [(kept.code, kept.fields) for kept in plan.kept] == [(public_code(id_), ())]


def test_a_plaque_that_the_import_exchanged_for_another_is_the_old_one_again(imported):
    a_type("childrens_home")
    place = a_place("甲", opened_on=date(2020, 1, 1))
    rows = [
        {"code": place.code, "name": "甲", "closed_on": "2026-01-01"},
        {"code": place.code, "name": "甲", "type": "儿童之家", "opened_on": "2026-01-01"},
        {"code": place.code, "name": "甲", "opened_on": "2026-02-01"},
    ]
    batch_id = imported(rows)

    undone(batch_id)

    roles = load([place.id])[place.id].roles
    assert [role.is_open(TODAY) for role in roles] == [True, False, False]
    assert (roles[0].closed_on, roles[1].closed_reason) == (None, "导入撤销")


def test_an_external_id_that_went_to_another_place_meanwhile_is_not_taken_from_it(imported):
    place = a_place("甲", external_id="A-1")
    batch_id = imported([{"code": place.code, "name": "甲", "external_id": "B-1"}])
    a_place("乙", external_id="A-1")

    plan = undone(batch_id)

    assert load([place.id])[place.id].external_id == "B-1"
    assert "A-1" in plan.kept[0].detail


def test_the_mended_file_goes_in_again_as_new_places(imported, settings):
    rows = [{"name": "甲", "external_id": "A-1", "opened_on": "2024-01-01"}, {"name": "乙"}]
    undone(imported(rows))

    again = make_plan(SEED, a_batch(rows).id, settings, TODAY)
    by_code = make_plan(SEED, a_batch([{"code": public_code(1), "name": "甲"}]).id, settings, TODAY)

    assert (again.counts["created"], again.problems) == (2, [])
    assert [problem.code for problem in by_code.problems] == ["undone_code"]


def test_it_is_one_audited_change_and_happens_once(imported):
    place = a_place("甲")
    batch_id = imported([{"code": place.code, "name": "乙"}, {"name": "丙"}])
    before = head_seq()

    undone(batch_id)

    told = db.query("SELECT noun, action, batch_id FROM change WHERE seq > ? ORDER BY seq", (before,))
    assert told == [("import", "undo", batch_id), *[("facility", "update", batch_id)] * 2]
    assert broken_link() is None
    assert ImportBatch.get_by_id(batch_id).undone_at
    with pytest.raises(ConflictError) as again:
        undoing.work_out(SEED, batch_id, TODAY)
    assert again.value.code == "already_undone"


def test_a_plan_changes_nothing_and_an_old_one_is_refused(imported):
    batch_id = imported([{"name": "甲"}])
    before = tables()
    plan = undoing.work_out(SEED, batch_id, TODAY)
    assert (tables(), head_seq()) == (before, plan.seq)
    a_place("乙")

    with pytest.raises(ConflictError) as stale:
        undoing.undo(SEED, batch_id, plan.seq, TODAY)

    assert stale.value.code == "plan_stale"
    assert ImportBatch.get_by_id(batch_id).undone_at is None


def test_what_was_never_applied_cannot_be_undone(registry):
    batch = a_batch([{"name": "甲"}])

    with pytest.raises(ConflictError) as refused:
        undoing.work_out(SEED, batch.id, TODAY)

    assert refused.value.code == "not_applied"


def test_an_undone_place_is_counted_by_no_indicator_on_any_day(imported):
    # the audit keeps that it stood here for a while; coverage is what is true of a day as known now
    batch_id = imported([{"name": "甲", "opened_on": "2024-01-01"}])

    undone(batch_id)

    sql = "SELECT COUNT(*) FROM role WHERE closed_on IS NULL OR opened_on IS NULL OR opened_on < closed_on"
    assert db.query(sql)[0][0] == 0
