"""零报告: "we have none" is an answer, apart from silence, and a place that comes later ends it."""

from datetime import date, timedelta

import pytest

from servicemap import db, division_changes, divisions, zero_reports
from servicemap.access import SEED, Actor
from servicemap.coverage.gaps import list_gaps
from servicemap.coverage.measure import measure
from servicemap.division_list import DivisionRow
from servicemap.division_plan import Order
from servicemap.errors import ConflictError, ForbiddenError, InvalidError
from tests.coverage.test_measure import an_indicator
from tests.factories import NORTH_GATE, TODAY, a_change, a_place, a_tree, a_type

CITY, SOUTH, TEA = "441800000000", "441802001002", "441881450001"
SAID = TODAY - timedelta(days=30)


@pytest.fixture(autouse=True)
def tree(registry: str) -> None:
    a_tree()
    a_type()


def say_none(code: str = SOUTH, *, types=("parent_school",), on: date = SAID, actor: Actor = SEED) -> int:
    kinds = [a_type(key) for key in types]
    return zero_reports.report_none(actor, divisions.get(code), kinds, on, TODAY)


def answers(on: date = TODAY, *, public: bool = False) -> dict[str, str]:
    gaps = list_gaps(divisions.get(CITY), on, indicator_ids=["X"], public=public)
    return {gap.division.code: gap.answer for gap in gaps}


def counts(on: date = TODAY) -> tuple[int | None, ...]:
    top = measure(divisions.get(CITY), on)[0]
    return top.numerator, top.answered_none, top.unanswered, top.denominator


def test_none_is_told_from_silence_in_gaps_and_counts():
    an_indicator()
    a_place(division=NORTH_GATE)

    added = [say_none() for _ in range(2)]

    assert added == [1, 0]
    assert answers() == {SOUTH: "none", TEA: "unknown"}
    assert counts() == (1, 1, 1, 3)
    assert counts(SAID - timedelta(days=1)) == (1, 0, 2, 3)
    assert db.query("SELECT key, action, actor FROM change WHERE noun = 'zero_report'") == [
        (f"{SOUTH} parent_school", "create", "seed")
    ]


def test_a_later_place_ends_it_by_itself_and_the_row_stays():
    an_indicator()
    say_none()

    place = a_place(division=SOUTH, opened_on=SAID + timedelta(days=5))
    a_change(place, types=["parent_school"], closed_on=SAID + timedelta(days=9))

    assert answers()[SOUTH] == "unknown"  # it had one meanwhile: the old answer says nothing of today
    assert answers(SAID + timedelta(days=2))[SOUTH] == "none"
    assert [zero.stands for zero in zero_reports.list_zeros(SEED, [], TODAY)] == [False]
    say_none(on=TODAY)
    assert answers()[SOUTH] == "none"


def test_what_waits_for_review_is_neither_none_nor_silence():
    an_indicator()
    place = a_place(division=SOUTH)
    db.execute("INSERT INTO review (facility_id, state) VALUES (?, 'town')", (place.id,))

    assert answers()[SOUTH] == "waiting"
    assert counts() == (0, 0, 2, 3)


def test_an_indicator_of_two_types_is_answered_when_both_are():
    a_type("childrens_home")
    an_indicator(numerator={"types": ["parent_school", "childrens_home"]})

    say_none()
    one = answers()[SOUTH]
    say_none(types=("childrens_home",))

    assert (one, answers()[SOUTH]) == ("unknown", "none")


def test_none_is_refused_where_one_is_known_or_on_a_day_to_come_or_elsewhere():
    place = a_place(division=SOUTH)
    other = Actor("英德", "editor", "http", divisions.get("441881000000").id)

    with pytest.raises(ConflictError, match=place.code):
        say_none()
    with pytest.raises(InvalidError):
        say_none(TEA, on=TODAY + timedelta(days=1))
    with pytest.raises(ForbiddenError):
        say_none(NORTH_GATE, actor=other)

    assert db.query("SELECT 1 FROM zero_report") == []


def test_a_hidden_place_does_not_tell_its_village_by_ending_an_answer():
    an_indicator()
    say_none()
    say_none(NORTH_GATE)

    a_place(division=SOUTH, visibility="contact_only")

    assert answers(public=True) == {NORTH_GATE: "none", SOUTH: "none", TEA: "unknown"}
    assert answers() == {NORTH_GATE: "none", TEA: "unknown"}


def test_on_a_day_before_a_merger_a_place_ends_the_none_of_where_it_stood_then():
    an_indicator()
    merged_on = TODAY - timedelta(days=5)
    a_place(division=NORTH_GATE, opened_on=date(2020, 1, 1))
    say_none()
    order = Order(merged_on, division_changes.merge([NORTH_GATE, SOUTH], SOUTH, ""))

    division_changes.apply(SEED, order, TODAY)

    day_before = merged_on - timedelta(days=1)
    assert answers(day_before) == {SOUTH: "none", TEA: "unknown"}
    assert counts(day_before) == (1, 1, 1, 3)
    assert counts() == (1, 0, 1, 2)  # 南门 has it now


# What a "none" says after a change of divisions

NEW = "441802001009"
MERGED_ON = TODAY - timedelta(days=5)


def become(rows: list[DivisionRow], on: date = MERGED_ON, **order) -> None:
    division_changes.apply(SEED, Order(on, rows, **order), TODAY)


def standing() -> dict[str, bool]:
    return {zero.division: zero.stands for zero in zero_reports.list_zeros(SEED, [], TODAY)}


@pytest.mark.parametrize("into", [SOUTH, NEW])
def test_a_none_of_one_village_is_none_of_the_village_it_merged_into(into):
    an_indicator()
    say_none()

    become(division_changes.merge([NORTH_GATE, SOUTH], into, "合"))

    assert answers() == {into: "unknown", TEA: "unknown"}
    assert answers(MERGED_ON - timedelta(days=1)) == {NORTH_GATE: "unknown", SOUTH: "none", TEA: "unknown"}
    assert standing() == {SOUTH: False}


@pytest.mark.parametrize("into", [SOUTH, NEW])
def test_of_villages_that_all_had_none_what_they_became_has_none(into):
    an_indicator()
    a_place(division=NORTH_GATE, opened_on=date(2020, 1, 1), closed_on=SAID + timedelta(days=3))
    say_none()
    say_none(NORTH_GATE, on=SAID + timedelta(days=10))  # after its place had closed

    become(division_changes.merge([NORTH_GATE, SOUTH], into, "合"))

    assert answers() == {into: "none", TEA: "unknown"}
    assert standing() == {NORTH_GATE: True, SOUTH: True}
    a_place(division=into, opened_on=MERGED_ON + timedelta(days=1), closed_on=MERGED_ON + timedelta(days=2))
    assert answers() == {into: "unknown", TEA: "unknown"}
    assert answers(MERGED_ON) == {into: "none", TEA: "unknown"}
    assert standing() == {NORTH_GATE: False, SOUTH: False}


@pytest.mark.parametrize("into", [SOUTH, NEW])
def test_a_none_that_is_given_after_a_merger_speaks_for_itself(into):
    an_indicator()
    a_place(division=NORTH_GATE, opened_on=date(2020, 1, 1), closed_on=MERGED_ON)
    become(division_changes.merge([NORTH_GATE, SOUTH], into, "合"))

    say_none(into, on=MERGED_ON)

    assert answers() == {into: "none", TEA: "unknown"}
    assert standing() == {into: True}


def test_every_part_of_a_village_that_had_none_has_none_until_it_gets_one():
    an_indicator()
    say_none()

    become(division_changes.split(SOUTH, [(SOUTH, "南一"), (NEW, "南二")]))
    a_place(division=NEW, opened_on=MERGED_ON + timedelta(days=1), closed_on=TODAY)

    assert answers() == {NORTH_GATE: "unknown", SOUTH: "none", NEW: "unknown", TEA: "unknown"}
    assert standing() == {SOUTH: True}


def test_a_new_edition_of_the_list_silences_nobody():
    an_indicator()
    say_none()

    become([DivisionRow(SOUTH, "南门社区", "community", "441802001000", urban_rural="111")])
    become([DivisionRow(NEW, "南门社区", "community", "441802001000", replaces=SOUTH)], TODAY)

    assert answers() == {NORTH_GATE: "unknown", NEW: "none", TEA: "unknown"}


def test_a_none_is_told_from_the_day_on_which_its_division_began_and_of_where_places_stood_then():
    a_place(division=NORTH_GATE, opened_on=date(2020, 1, 1))
    become(division_changes.merge([NORTH_GATE, SOUTH], SOUTH, ""))
    become(division_changes.split(TEA, [(TEA, "茶一"), ("441881450002", "茶二")]))

    assert say_none(on=MERGED_ON - timedelta(days=1)) == 1
    with pytest.raises(ConflictError):
        say_none(on=MERGED_ON)
    with pytest.raises(InvalidError, match="才有"):
        say_none(TEA, on=MERGED_ON - timedelta(days=1))
