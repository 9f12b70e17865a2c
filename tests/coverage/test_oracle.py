"""The engine against the plain loops of oracle.py, on random registries and their days, on both engines; and every
rule that an oracle forgets is noticed."""

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any

import pytest

from servicemap import divisions
from servicemap.coverage.measure import measure
from tests.conftest import fresh
from tests.coverage.oracle import RULES, Day
from tests.coverage.worlds import DEFINITIONS, a_world
from tests.factories import scaled

CITY = "441800000000"
DAYS = 6  # asked of each world
ENGINE = ("reported", "town", "county", "verified", "none", "silent", "all")


def of_engine(on: date, public: bool) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        (m.indicator.id, m.division.id): (
            *(
                m.reported,
                m.town_passed,
                m.numerator,
                m.verified,
                m.answered_none,
                m.unanswered,
                m.denominator,
            ),
        )
        for m in measure(divisions.get(CITY), on, public=public, down_to="community")
    }


def of_oracle(day: Day, keys: Any) -> dict[tuple[str, int], tuple[Any, ...]]:
    found = {}
    for id_, (kind, numerator, denominator) in DEFINITIONS.items():
        match kind:
            case "share":
                counts = day.share(numerator, denominator)
            case "place_share":
                counts = day.place_share(numerator, denominator)
            case "per_thousand":
                counts = day.places(numerator, denominator["population"])
            case "titled":
                counts = day.titled(numerator)
            case _:
                counts = day.count(numerator)
        whole = kind in ("share", "place_share")
        for indicator, division in keys:
            if indicator == id_:
                of_one = counts.get(division, {})
                figures = [of_one.get(word, 0) for word in (ENGINE if whole else ENGINE[:3])]
                residents = [] if whole else [None, None, None, of_one.get("all")]
                found[indicator, division] = (*figures, *residents)
    return found


def asked(seed: int) -> Iterator[tuple[date, bool]]:
    days = a_world(seed)
    random = Random(seed)
    for on in random.sample(days, min(DAYS, len(days))):
        yield on, random.random() < 0.3


@pytest.mark.parametrize("seed", range(scaled(20, 4)))
@pytest.mark.usefixtures("registry")
def test_every_figure_of_a_random_registry_is_the_plain_loops(seed):
    compared = 0
    for on, public in asked(seed):
        engine = of_engine(on, public)

        assert engine == of_oracle(Day(on, public=public), engine.keys()), (seed, on, public)
        compared += len(engine)
    assert compared > 100


def test_every_rule_that_is_forgotten_is_noticed(request, tmp_path):
    forgotten = set(RULES)
    for seed in range(12):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with fresh("nothing", "sqlite", request, folder):
            for on, _ in asked(seed):
                for public in (False, True):
                    figures = of_engine(on, public)
                    forgotten -= {
                        rule
                        for rule in forgotten
                        if of_oracle(Day(on, public=public, without=rule), figures.keys()) != figures
                    }
        if not forgotten:
            break

    assert forgotten == set()
