"""Figures are exact to the last division: fractions are compared, printing cuts, a city is the pooled sum of what lies
in it, and the engine that keeps the records changes no letter of the report."""

import json
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from servicemap import db, divisions
from servicemap.coverage.gaps import list_gaps, shown_gaps
from servicemap.coverage.measure import measure
from servicemap.coverage.proofs import evidence
from servicemap.coverage.ranking import rank, together
from servicemap.coverage.report import cut, display, report
from tests.conftest import fresh
from tests.coverage.test_measure import an_indicator
from tests.coverage.worlds import ASKED, TARGETS, a_world
from tests.factories import NORTH_GATE, TODAY, a_place, a_tree, a_type, scaled

CITY, ONE, TWO = "441800000000", "441802000000", "441881000000"
SCALES = {"share": 100, "place_share": 100, "per_thousand": 1000}


def long_division(numerator: int, denominator: int, places: int) -> str:
    """Digit by digit, as at school; what is left over is thrown away."""
    whole, left = divmod(numerator, denominator)
    digits = ""
    for _ in range(places):
        digit, left = divmod(left * 10, denominator)
        digits += str(digit)
    return f"{whole}.{digits}" if places else str(whole)


def test_what_is_printed_is_the_first_digits_of_a_long_division():
    random = Random(11)
    for _ in range(scaled(200_000, 5_000)):
        denominator = random.choice((random.randrange(1, 40), random.randrange(1, 10**9)))
        numerator = random.randrange(denominator * 3)
        places = random.randrange(5)

        shown = cut(Fraction(numerator, denominator), places)

        assert str(shown) == long_division(numerator, denominator, places)
        assert cut(Fraction(-numerator, denominator), places) == -shown  # of a difference: towards 0


def test_whatever_misses_a_target_by_one_prints_less_than_it_and_who_reaches_it_no_less():
    for denominator in range(1, scaled(200_000, 5_000)):
        least = -(-95 * denominator // 100)
        miss, reached = (Fraction(n * 100, denominator) for n in (least - 1, least))

        assert Decimal(display(miss, "share").rstrip("%")) < 95 <= Decimal(display(reached, "share")[:-1])


@pytest.mark.parametrize("seed", range(scaled(10, 2)))
@pytest.mark.usefixtures("registry")
def test_every_row_of_a_report_is_its_integers_and_nothing_else(seed):
    a_world(seed)
    on = Random(seed).choice(ASKED)
    compared = 0
    for row in report(divisions.get(CITY), on, down_to="town"):
        scale, over = SCALES.get(row["kind"], 1), row["denominator"]
        over = 1 if row["kind"] in ("count", "titled") else over
        if row["numerator"] is None or not over:
            assert (row["exact"], row["value"], row["met"], row["needed"]) == (None,) * 4
            assert row["display"] == "—"
            continue
        exact = Fraction(row["numerator"] * scale, over)

        assert row["exact"] == str(exact)
        assert Decimal(str(row["value"])) == Decimal(long_division(row["numerator"] * scale, over, 4))
        plain = long_division(row["numerator"] * scale, over, 1 if scale > 1 else 0)
        assert row["display"] == plain + ("%" if scale == 100 else "")
        if row["target"] is not None:
            bound = Fraction(TARGETS[row["kind"]])
            assert row["met"] is (exact >= bound)
            assert Fraction((row["numerator"] + row["needed"]) * scale, over) >= bound
            if row["needed"]:
                assert Fraction((row["numerator"] + row["needed"] - 1) * scale, over) < bound
        compared += 1
    assert compared > 30


def test_a_city_is_what_lies_in_it_and_not_the_mean_of_its_counties(registry):
    a_tree()
    a_type()
    an_indicator()
    a_place()

    shares = {m.division.code: m.exact for m in measure(divisions.get(CITY), TODAY)}

    assert shares == {ONE: 50, TWO: 0, CITY: Fraction(100, 3)}  # 1 of 2, 0 of 1: 1 of 3, and not 25 %


@pytest.mark.parametrize("seed", range(scaled(10, 2)))
@pytest.mark.usefixtures("registry")
def test_a_division_has_what_the_divisions_below_it_have_together(seed):
    a_world(seed)
    on = Random(seed).choice(ASKED)
    found = [m for m in measure(divisions.get(CITY), on, down_to="community") if m.indicator.kind == "share"]
    below: dict[tuple, list] = {}
    for m in found:
        below.setdefault((m.indicator.id, m.definition.id, m.division.parent_id), []).append(m)

    for m in found:
        parts = below.get((m.indicator.id, m.definition.id, m.division.id), [])
        level = m.definition.denominator["level"]
        if parts and m.division.level != level and m.denominator is not None:
            for figure in ("denominator", "numerator", "reported", "verified", "answered_none", "unanswered"):
                assert getattr(m, figure) == sum(getattr(part, figure) for part in parts)
            assert m.denominator == m.reported + m.answered_none + m.unanswered


@pytest.mark.parametrize("seed", range(scaled(20, 2)))
def test_both_engines_give_the_same_report_to_the_letter(seed, request, tmp_path):
    on = Random(seed).choice(ASKED)
    told = []
    for engine in ("sqlite", "postgresql"):
        with fresh("nothing", engine, request, tmp_path):
            a_world(seed)
            city = divisions.get(CITY)
            rows = report(city, on, down_to="community")
            ranking = rank(rows, report(city, ASKED[-1]))
            shares = [row["indicator"] for row in rows if row["kind"] == "share" and row["level"] == "city"]
            gaps = list_gaps(city, on, indicator_ids=list(dict.fromkeys(shares)))
            everything = [rows, ranking, together(ranking), shown_gaps(gaps, on), evidence(city, on)]
            told.append(json.dumps(everything, ensure_ascii=False, default=str, indent=1))

    assert told[0] == told[1]
    assert len(told[0]) > 10_000


@pytest.mark.parametrize(
    "kinds", [("resident_census", "resident_yearend"), ("resident_yearend", "resident_census")]
)
def test_of_two_counts_of_one_day_the_larger_says_how_many_wait(registry, kinds):
    a_tree()
    a_type()
    an_indicator()
    north = divisions.get(NORTH_GATE).id
    for kind, persons, counted_on in (
        (kinds[0], 900, "2025-12-31"),
        (kinds[1], 1000, "2025-12-31"),
        (kinds[0], 5000, "2020-11-01"),  # longer ago
        (kinds[1], 9000, "2026-12-31"),  # still to come
    ):
        db.execute(
            "INSERT INTO population (division_id, kind, counted_on, persons, source) VALUES (?, ?, ?, ?, '公报')",
            (north, kind, counted_on, persons),
        )

    gaps = {gap.division.code: gap.population for gap in list_gaps(divisions.get(CITY), TODAY)}

    assert gaps[NORTH_GATE] == 1000
