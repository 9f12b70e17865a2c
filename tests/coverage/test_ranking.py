"""Counties in order, from rows whose every number is worked out here by hand."""

import random
from fractions import Fraction

import pytest

from servicemap.coverage.ranking import rank, together
from tests.factories import scaled


def a_row(county: str, numerator: int | None, denominator: int | None, **given) -> dict:
    """A share of the county with the target of 95 %."""
    known = numerator is not None and denominator
    exact = Fraction(numerator * 100, denominator) if known else None
    needed = max(0, -(-95 * denominator // 100) - numerator) if known else None
    return {
        "indicator": "T1", "name": "指标", "unit": "%", "division": county, "division_name": county,
        "level": "county", "key": True, "default": True, "better": "up", "numerator": numerator,
        "denominator": denominator, "value": exact and float(exact), "exact": exact and str(exact),
        "display": "", "target_text": "≥ 95 %", "needed": needed, "met": None if exact is None else exact >= 95,
    } | given  # fmt: skip


# 1: 30 of 30; 2: 57 of 60 = 95 %; 3: 19 of 20 = 95 %, as good as 2; 4: 46 of 50 = 92 %, 48 are needed: 2 more;
# 5 and 6 have few: 2 of 2, and 7 of 8 where 8 are needed; 7 has none to cover, 8 said nothing.
ROWS = [
    a_row("1", 30, 30),
    a_row("2", 57, 60),
    a_row("3", 19, 20),
    a_row("4", 46, 50),
    a_row("5", 2, 2),
    a_row("6", 7, 8),
    a_row("7", 0, 0),
    a_row("8", None, None),
]
ORDER = [
    ("1", "ranked", 1, 0),
    ("2", "ranked", 2, 0),
    ("3", "ranked", 2, 0),
    ("4", "ranked", 4, 2),
    ("5", "small", 1, 0),
    ("6", "small", 2, 1),
    ("7", "unknown", None, None),
    ("8", "unknown", None, None),
]


def order(ranking) -> list[tuple]:
    return [(each["division"], each["group"], each["rank"], each["needed"]) for each in ranking]


def test_equal_ones_share_a_rank_small_ones_are_apart_and_no_figure_is_no_rank():
    assert order(rank(ROWS)) == ORDER


def test_the_order_does_not_hang_on_that_of_the_rows():
    chance = random.Random(5)
    for _ in range(scaled(200, 20)):
        assert order(rank(chance.sample(ROWS, len(ROWS)))) == ORDER


def test_only_key_indicators_of_counties_by_their_default_definition_are_ranked():
    others = [
        a_row("9", 1, 30, key=False),
        a_row("9", 1, 30, default=False),
        a_row("9", 1, 30, level="city"),
    ]

    assert order(rank([*ROWS, *others])) == ORDER


def test_nothing_to_cover_is_not_none_covered():
    zero, none = rank([a_row("1", 0, 30), a_row("2", 0, 0)])

    assert (zero["group"], zero["rank"], none["group"], none["rank"]) == ("ranked", 1, "unknown", None)


def test_where_less_is_better_the_least_is_first():
    rows = [
        a_row(county, 0, 30, better="down", unit="‰", exact=exact)
        for county, exact in zip("123", ("2", "1/2", "3"), strict=True)
    ]

    assert [each["division"] for each in rank(rows)] == ["2", "1", "3"]


def test_two_that_print_alike_are_told_apart_exactly():
    rows = [a_row("1", 18_999, 20_000), a_row("2", 949_951, 1_000_000)]  # 94.995 % and 94.9951 %

    assert [(each["division"], each["rank"]) for each in rank(rows)] == [("2", 1), ("1", 2)]


@pytest.mark.parametrize(
    ("before", "moved"),
    [
        ([a_row("1", 29, 30), a_row("2", 60, 60), a_row("3", 10, 20)], {"1": 1, "2": -1, "3": 1}),
        ([a_row("1", None, None), a_row("3", 10, 10)], {"1": None, "2": None, "3": None}),
        ([], {"1": None, "2": None, "3": None}),
    ],
)
def test_how_far_a_county_has_moved_since_the_last_period(before, moved):
    found = {each["division"]: each["moved"] for each in rank(ROWS, before)}

    assert {county: found[county] for county in moved} == moved


def test_all_key_indicators_together_by_a_rule_that_can_be_redone_by_hand():
    second = [
        a_row("1", 10, 40, indicator="T2"),  # 38 are needed: 28 more
        a_row("2", 39, 40, indicator="T2"),
        a_row("4", 40, 40, indicator="T2"),
    ]

    lines = together(rank([*ROWS, *second]))

    assert [(line["division"], line["rank"], line["reached"], line["short"], line["needed"], line["pending"]) for line in lines] == [
        ("2", 1, 2, 0, 0, 0),
        ("3", 2, 1, 0, 0, 0),
        ("5", 2, 1, 0, 0, 0),
        ("4", 4, 1, 1, 2, 0),
        ("1", 5, 1, 1, 28, 0),
        ("7", 6, 0, 0, 0, 1),
        ("8", 6, 0, 0, 0, 1),
        ("6", 8, 0, 1, 1, 0),
    ]  # fmt: skip


def test_nothing_to_rank_is_an_empty_list():
    assert (rank([]), together([])) == ([], [])
