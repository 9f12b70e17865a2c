"""The engine against the plain loops of oracle.py, on random registries and their days, on both engines; and every
rule that an oracle forgets, and every slip in the engine, is noticed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from random import Random
from typing import Any

import pytest

from servicemap import divisions
from servicemap.coverage.gaps import list_gaps
from servicemap.coverage.measure import measure
from tests.conftest import fresh
from tests.coverage.oracle import Oracle, verdict
from tests.coverage.oracle_day import RULES
from tests.coverage.slips import SLIPS, slipped
from tests.coverage.worlds import ASKED, DEFINITIONS, TARGETS, a_world
from tests.factories import scaled

CITY = "441800000000"
DAYS = 6  # asked of each world
SCALES = {"share": 100, "place_share": 100, "per_thousand": 1000, "count": 1, "titled": 1}
ENGINE = ("reported", "town", "county", "verified", "none", "silent", "all")
Key = tuple[str, str, int]  # indicator, definition, division
Figures = Mapping[Key, tuple[Any, ...]]


def of_engine(on: date, public: bool) -> Figures:
    return {
        (m.indicator.id, m.definition.id, m.division.id): (
            *(m.reported, m.town_passed, m.numerator),
            *(m.verified, m.answered_none, m.unanswered, m.denominator),
            *(m.met, m.needed),
        )
        for m in measure(divisions.get(CITY), on, public=public, down_to="community")
    }


def of_oracle(oracle: Oracle, keys: Iterable[Key]) -> Figures:
    divisions_of_day = {key[2] for key in keys}
    found = {}
    for (id_, definition), (kind, numerator, denominator) in DEFINITIONS.items():
        counts = _counts(oracle, kind, numerator, denominator)
        whole = kind in ("share", "place_share")
        for division in divisions_of_day:
            of_one = (counts or {}).get(division, {})
            figures: list[int | None] = [of_one.get(word, 0) for word in (ENGINE if whole else ENGINE[:3])]
            figures += [] if whole else [None, None, None, of_one.get("all")]
            if counts is None:
                figures = [None] * 7
            found[id_, definition, division] = (*figures, *_verdict(oracle, kind, division, figures))
    return found


def _verdict(oracle: Oracle, kind: str, division: int, figures: Sequence[int | None]) -> tuple[Any, Any]:
    over = figures[6]
    if kind in ("count", "titled"):  # the city's target is nobody else's
        over = 1 if oracle.divisions[division]["level"] == "city" else None
    return verdict(figures[2], over, SCALES[kind], TARGETS[kind])


def _counts(oracle: Oracle, kind: str, numerator: Any, denominator: Any) -> Any:
    match kind:
        case "share":
            return oracle.share(numerator, denominator)
        case "place_share":
            return oracle.place_share(numerator, denominator)
        case "per_thousand":
            return oracle.places(numerator, denominator["population"])
        case "titled":
            return oracle.titled(numerator)
    return oracle.count(numerator)


def engine_gaps(oracle: Oracle, on: date, public: bool) -> Mapping[Key, str]:
    """What is asked for of a class that nobody knows is refused, and not asked here."""
    asked_for: dict[str, list[str]] = {}
    for indicator, definition, *_ in _listed(oracle):
        asked_for.setdefault(definition, []).append(indicator)
    return {
        (gap.indicator, gap.definition, gap.division.id): gap.answer
        for definition, ids in asked_for.items()
        for gap in list_gaps(
            divisions.get(CITY), on, indicator_ids=ids, definition_id=definition, public=public
        )
    }


def oracle_gaps(oracle: Oracle) -> Mapping[Key, str]:
    return {
        (indicator, definition, division): said
        for indicator, definition, numerator, denominator in _listed(oracle)
        for division, said in oracle.gaps(numerator, denominator).items()
    }


def _listed(oracle: Oracle) -> Iterator[tuple[str, str, Any, Any]]:
    for (indicator, definition), (kind, numerator, denominator) in DEFINITIONS.items():
        if kind == "share" and oracle.counted(denominator) is not None:
            yield indicator, definition, numerator, denominator


def asked(seed: int, days: int = DAYS) -> Iterator[tuple[date, bool]]:
    a_world(seed)
    random = Random(seed)
    for on in random.sample(ASKED, days):
        yield on, random.random() < 0.3


@pytest.mark.parametrize("seed", range(scaled(40, 5)))
@pytest.mark.usefixtures("registry")
def test_every_figure_and_every_gap_of_a_random_registry_is_the_plain_loops(seed):
    compared = 0
    for on, public in asked(seed):
        engine, oracle = of_engine(on, public), Oracle(on, public=public)

        assert engine == of_oracle(oracle, engine), (seed, on, public)
        assert engine_gaps(oracle, on, public) == oracle_gaps(oracle), (seed, on, public)
        compared += len(engine)
    assert compared > 100


def test_every_rule_that_is_forgotten_is_noticed(request, tmp_path):
    forgotten = set(RULES)
    for seed in range(30):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with fresh("nothing", "sqlite", request, folder):
            for on, _ in asked(seed):
                for public in (False, True):
                    figures = of_engine(on, public)
                    forgotten -= {
                        rule
                        for rule in forgotten
                        if of_oracle(Oracle(on, public=public, without=rule), figures) != figures
                    }
        if not forgotten:
            break

    assert forgotten == set()


def test_every_slip_of_the_engine_is_noticed(engine, request, tmp_path):
    unnoticed = set(list(SLIPS)[: scaled(len(SLIPS), 10)])
    for seed in range(30):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with fresh("nothing", engine, request, folder):
            for on, public in asked(seed, 15):
                oracle = Oracle(on, public=public)
                figures, gaps = of_oracle(oracle, of_engine(on, public)), oracle_gaps(oracle)
                for slip in sorted(unnoticed):
                    with slipped(slip):
                        same = of_engine(on, public) == figures and engine_gaps(oracle, on, public) == gaps
                    unnoticed -= set() if same else {slip}
                assert of_engine(on, public) == figures  # it is as it was
                if not unnoticed:
                    return

    assert unnoticed == set()
