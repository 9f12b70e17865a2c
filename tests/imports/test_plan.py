"""The plan of an import: what each row would do, and nothing done."""

from datetime import date
from types import SimpleNamespace

import pytest

from servicemap import db, edits, mergers
from servicemap.access import SEED
from servicemap.audit import head_seq
from servicemap.errors import ConflictError
from servicemap.imports import batches
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from servicemap.models import ImportBatch, StagedRow
from servicemap.records import public_code
from tests.factories import NORTH_GATE, TODAY, a_batch, a_place, a_plan, a_type

SOUTH_GATE = "441802001002"


def outcomes(plan: SimpleNamespace) -> list[str]:
    return [verdict.outcome for verdict in plan.rows]


def rejections(plan: SimpleNamespace) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in plan.problems]


@pytest.fixture
def planned(settings):
    """planned(rows): the plan of these rows."""
    return lambda rows, **given: a_plan(a_batch(rows, **given), settings)


@pytest.fixture
def applied(settings):
    """applied(rows): bring these rows into the registry."""

    def run(rows, **given) -> dict[str, int]:
        batch = a_batch(rows, **given)
        make_plan(SEED, batch.id, settings, TODAY)
        return apply(SEED, batch.id, settings, TODAY)

    return run


# Matching


def test_a_row_that_nobody_knows_makes_a_place(planned):
    plan = planned([{"name": "甲"}, {"name": "乙"}])

    assert plan.counts == {
        "rows": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "set_aside": 0,
    }
    assert [record.name for record in plan.created] == ["甲", "乙"]


def test_a_plan_changes_nothing_but_the_batch(planned):
    a_place("甲")
    before = head_seq()

    planned([{"name": "乙"}])

    assert db.query("SELECT name FROM facility") == [("甲",)]
    assert head_seq() == before
    assert [(batch.state, batch.planned_seq) for batch in ImportBatch.select()] == [("planned", before)]


def test_a_row_is_matched_by_its_code(planned):
    place = a_place("甲", phone="0763-3360000")

    plan = planned([{"code": place.code.replace("-", ""), "name": "甲", "phone": "0763-3361111"}])

    assert outcomes(plan) == ["update"]
    assert plan.changes == [
        {"code": place.code, "name": "甲", "changed": {"phone": ["0763-3360000", "0763-3361111"]}}
    ]


def test_a_row_is_matched_by_source_and_external_id_together(planned):
    a_place("甲", source="民政", external_id="7")

    plan = planned(
        [
            {"name": "甲（新）", "source": "民政", "external_id": "7"},
            {"name": "乙", "source": "教育", "external_id": "7"},
        ]
    )

    assert outcomes(plan) == ["update", "create"]


def test_a_name_alone_is_no_key_but_a_warning(planned):
    place = a_place("甲", division=NORTH_GATE)

    plan = planned([{"name": "甲", "division": NORTH_GATE}, {"name": "甲", "division": SOUTH_GATE}])

    assert rejections(plan) == [(2, "already_exists")]
    assert place.code in plan.problems[0].cure
    assert [record.name for record in plan.created] == ["甲"]


def test_every_row_of_a_place_that_is_there_already_is_sent_back(planned):
    a_place("甲")
    a_type("nursery")

    plan = planned([{"name": "甲"}, {"name": "甲", "type": "托育机构"}])

    assert rejections(plan) == [(2, "already_exists"), (3, "already_exists")]
    assert plan.created == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [(public_code(99), "unknown_code"), ("F0012345-7", "bad_code"), ("九十九", "bad_code")],
)
def test_a_code_that_means_nobody_is_sent_back(planned, code, problem):
    a_type("nursery")

    plan = planned([{"code": code, "name": "甲"}, {"code": code, "name": "甲", "type": "托育机构"}])

    assert set(rejections(plan)) == {(2, problem), (3, problem)}


# Several rows of one place


def test_rows_that_differ_in_their_role_only_make_one_place(planned):
    a_type("nursery")

    plan = planned(
        [
            {"name": "甲", "type": "家长学校", "opened_on": "2020-01-01"},
            {"name": "甲", "type": "托育机构", "opened_on": "2023-01-01", "phone": "0763-3360000"},
        ]
    )

    [place] = plan.created
    assert outcomes(plan) == ["create", "create"]
    assert place.phone == "0763-3360000"
    assert [role.opened_on for role in place.roles] == [date(2020, 1, 1), date(2023, 1, 1)]


def test_one_cell_may_name_several_types(planned):
    a_type("nursery")

    plan = planned([{"type": "家长学校、托育机构"}])

    assert [len(place.roles) for place in plan.created] == [2]


@pytest.mark.parametrize("rows", [(0, 1), (1, 0)])
def test_a_role_of_the_past_does_not_overwrite_the_current_one(planned, applied, rows):
    both = [
        {"external_id": "1", "name": "甲", "opened_on": "2021-01-01"},
        {"external_id": "1", "name": "甲", "opened_on": "2015-01-01", "closed_on": "2018-01-01"},
    ]
    both = [both[number] for number in rows]
    applied(both)

    again = planned(both)

    spans = db.query("SELECT opened_on, closed_on FROM role ORDER BY opened_on")
    assert [(db.day(opens), db.day(closes)) for opens, closes in spans] == [
        (date(2015, 1, 1), date(2018, 1, 1)),
        (date(2021, 1, 1), None),
    ]
    assert outcomes(again) == ["unchanged", "unchanged"]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ({}, "duplicate_row"),
        ({"external_id": "1"}, "duplicate_external_id"),
        ({"code": public_code(1)}, "duplicate_code"),
    ],
)
def test_the_later_of_two_rows_that_say_the_same_is_sent_back(planned, key, problem):
    a_place("乙")

    plan = planned([{"name": "甲", **key}, {"name": "甲", "phone": "0763-3360000", **key}])

    assert rejections(plan) == [(3, problem)]
    assert "第 2 行" in plan.problems[0].detail


def test_one_place_named_by_its_code_and_by_its_external_id_is_named_twice(planned):
    place = a_place("甲", external_id="1")

    plan = planned([{"code": place.code, "name": "乙"}, {"external_id": "1", "name": "丙"}])

    assert rejections(plan) == [(3, "duplicate_code")]


def test_two_places_never_get_one_external_id(planned):
    mine, other = a_place("甲"), a_place("乙", external_id="7")

    taken = planned([{"code": mine.code, "name": "甲", "external_id": "7"}])
    twice = planned(
        [{"code": other.code, "name": "乙", "external_id": "8"}, {"name": "丙", "external_id": "8"}]
    )

    assert rejections(taken) == [(2, "external_id_taken")]
    assert rejections(twice) == [(3, "duplicate_external_id")]


def test_a_good_row_beside_a_bad_one_of_the_same_place_still_means_that_place(planned):
    a_type("nursery")
    place = a_place("甲")

    plan = planned(
        [
            {"code": place.code, "name": "甲", "opened_on": "明年"},
            {"code": place.code, "name": "甲", "type": "托育机构"},
        ]
    )

    assert outcomes(plan) == ["rejected", "update"]
    assert plan.created == []


# Values


def test_the_same_file_twice_changes_nothing_the_second_time(planned, applied):
    rows = [
        {
            "external_id": "1",
            "address": "北门街 1 号",
            "lng": "113.0561",
            "lat": "23.6842",
            "datum": "gcj02",
            "hours": "Mo-Fr 09:00-17:00",
            "accessible": "否",
            "fee": "免费",
            "age_from_months": "0",
            "places_registered": "60",
            "serves": f"{NORTH_GATE}、{SOUTH_GATE}",
            "verified_on": "2026-10-01",
        }
    ]
    applied(rows)

    again = planned(rows)

    assert again.counts == {
        "rows": 1,
        "created": 0,
        "updated": 0,
        "unchanged": 1,
        "rejected": 0,
        "set_aside": 0,
    }
    assert again.changes == []


def test_an_empty_cell_erases_nothing(planned):
    place = a_place("甲", phone="0763-3360000", hours="24/7", accessible=True, fee="free", registered=60)
    names = ("phone", "hours", "accessible", "fee", "places_registered", "lng", "lat", "address", "serves")

    plan = planned([{"code": place.code, "name": "甲", **dict.fromkeys(names, " ")}])

    assert outcomes(plan) == ["unchanged"]


def test_a_row_that_contradicts_what_the_registry_knows_is_sent_back(planned):
    place = a_place("甲", opened_on=date(2020, 1, 1), age_from_months=24)
    key = {"code": place.code, "name": "甲"}

    early = planned([{**key, "closed_on": "2019-01-01"}])
    upside_down = planned([{**key, "age_to_months": "12"}])

    assert rejections(early) == [(2, "closed_before_opened")]
    assert rejections(upside_down) == [(2, "ages_upside_down")]


def test_a_rejection_says_row_column_value_and_cure(planned):
    plan = planned([{}, {"type": "家长学效"}], headings={"type": "机构类型"})

    [problem] = plan.problems
    assert (problem.row, problem.column, problem.value) == (3, "机构类型", "家长学效")
    assert "家长学校" in problem.cure
    assert str(problem).startswith("第 3 行 机构类型: ")


# The batch


def test_the_plan_s_word_stands_beside_every_row(planned):
    place = a_place("甲")

    planned([{"name": "新"}, {"code": place.code, "name": "乙"}, {"type": ""}])

    rows = StagedRow.select().order_by(StagedRow.number)
    assert [(row.number, row.outcome, row.facility_id) for row in rows] == [
        (2, "create", None),
        (3, "update", place.id),
        (4, "rejected", None),
    ]


def test_a_row_that_is_sent_again_replaces_the_first_and_asks_for_a_new_plan(settings):
    batch = a_batch([{"name": "甲"}, {"name": "乙"}])
    make_plan(SEED, batch.id, settings, TODAY)

    staged = batches.add_rows(
        SEED, batch.id, [(3, {"name": "丙", "division": NORTH_GATE, "type": "家长学校"})]
    )

    assert staged == 2
    assert batches.get_batch(batch.id, SEED).state == "open"
    assert [place.name for place in a_plan(batch, settings).created] == ["甲", "丙"]


def test_an_applied_batch_is_not_planned_again(applied, settings):
    applied([{}])

    with pytest.raises(ConflictError) as refused:
        make_plan(SEED, 1, settings, TODAY)

    assert refused.value.code == "already_applied"


def test_the_code_of_a_merged_place_is_refused_with_the_one_that_stays(planned):
    gone, stays = a_place("旧登记"), a_place("新登记")
    asked = edits.Asked(SEED, "重复", 1, "merge", None, TODAY)
    mergers.merge(asked, gone.code, stays.code, TODAY)

    plan = planned([{"code": gone.code, "name": "旧登记"}])

    assert [(p.code, p.cure) for p in plan.problems] == [("merged_code", f"请把编号改为 {stays.code}")]
