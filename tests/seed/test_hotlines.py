"""Hotlines are real numbers without a position, in every registry, and count in no figure."""

from datetime import date, timedelta

import pytest
import yaml

from seed import hotlines as seeded
from seed.hotlines import load_hotlines
from servicemap import audit, db, divisions, facilities, records
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.measure import measure
from servicemap.facility_types import Kinds
from servicemap.finder.hotlines import hotlines
from servicemap.models import Suspension
from tests.factories import TODAY, a_change, a_place, a_tree, a_type

NUMBERS = ["110", "12345", "12355", "12338", "12356"]
ENTRIES = yaml.safe_load(seeded.FILE.read_text(encoding="utf-8"))


def phones(ids: list[int]) -> list[str | None]:
    known = records.load(ids)
    return [known[id_].phone for id_ in ids]


# The file


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["phone"])
def test_an_entry_names_its_source_and_never_claims_a_check_that_nobody_made(entry):
    assert entry["name"].endswith(entry["phone"])
    assert entry["for"]
    assert set(entry["source"]) == {"office", "document", "year"}
    assert entry["to_check"] is (entry["checked_on"] is None)


# The registry


def test_they_stand_at_the_top_of_the_tree_without_a_position(reference):
    known = list(records.load(hotlines(TODAY)).values())

    assert [record.phone for record in known] == [record.external_id for record in known] == NUMBERS
    for record in known:
        assert (record.source, record.delivery, record.position_precision) == ("hotline", "phone", "none")
        assert divisions.paths([record.division_id])[record.division_id][-1].name == "清远市"
        assert [role.level for role in record.roles] == ["province"]
    for record, entry in zip(known, ENTRIES, strict=True):
        assert all(part in record.note for part in (entry["for"], *map(str, entry["source"].values())))
    assert [record.hours for record in known] == ["全天", "全天", None, None, None]
    assert {record.verified_on for record in known} == {None}
    assert audit.broken_link() is None


def test_they_count_in_no_figure(reference):
    counted = [(m.indicator.id, m.numerator) for m in measure(divisions.get("441800000000"), TODAY)]

    assert len(counted) > 100
    assert [each for each in counted if each[1]] == []


def test_loading_them_again_changes_nothing_and_mends_what_was_changed(reference):
    again = load_hotlines(TODAY), audit.head_seq()
    a_change(facilities.get("F0000001-5"), name="别的", phone="119")

    mended = load_hotlines(TODAY)

    assert again[0] == [False] * 5
    assert mended == [True, False, False, False, False]
    assert facilities.get("F0000001-5").name == "公安报警 110"
    assert phones(hotlines(TODAY)) == NUMBERS


def test_without_a_division_they_wait(registry):
    a_type("hotline")

    assert load_hotlines(TODAY) == []
    assert db.query("SELECT COUNT(*) FROM facility") == [(0,)]


def test_they_stand_at_the_top_of_any_tree(registry):
    a_type("hotline")
    a_tree((("JP", "札幌市", "city", ""), ("JP-1", "中央区", "county", "JP")))

    load_hotlines(TODAY)

    assert phones(hotlines(TODAY)) == NUMBERS


# Who is named


def test_a_city_s_own_hotline_follows_and_what_is_no_number_to_call_is_left_out(reference):
    own = a_place(
        "清远市未成年人保护热线", types=["hotline"], division="441800000000", delivery="phone", lng=None
    )
    a_place("热线办公室", types=["hotline"], division="441800000000")

    assert hotlines(TODAY) == [1, 2, 3, 4, 5, own.id]


def test_a_hotline_that_is_closed_planned_or_rests_is_not_named(reference):
    tomorrow, yesterday = TODAY + timedelta(1), TODAY - timedelta(1)
    a_change(facilities.get(records.public_code(1)), types=["hotline"], closed_on=TODAY)
    a_change(facilities.get(records.public_code(2)), types=["hotline"], opened_on=tomorrow)
    with write_txn(SEED):
        Suspension.create(facility=3, from_on=yesterday, to_on=None, reason="搬迁")
        Suspension.create(facility=4, from_on=date(2026, 1, 1), to_on=TODAY, reason="搬迁")

    assert hotlines(TODAY) == [4, 5]
    assert hotlines(tomorrow) == [2, 4, 5]


# The topic


def test_the_types_of_protection_know_their_topic(reference):
    topics = {kind.key: kind.topic for kind in Kinds().all if kind.topic}

    kinds = ("protection_station", "protection_centre", "hotline", "childrens_director")
    assert topics == dict.fromkeys(kinds, "protection")
