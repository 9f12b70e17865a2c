"""From a figure to the places behind it: what is listed adds up to the figure, and hides what is hidden."""

import pytest

from servicemap import divisions
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.measure import measure
from servicemap.coverage.proofs import HIDDEN, list_proofs
from servicemap.errors import InvalidError, NotFoundError
from tests.cli.conftest import run_admin
from tests.factories import TODAY

CITY, COUNTY = "441800000000", "441802000000"


@pytest.mark.parametrize("public", [False, True])
def test_the_places_behind_every_figure_add_up_to_it(demo, public):
    checked = 0
    for code in (CITY, COUNTY):
        root = divisions.get(code)
        figures = {
            (m.indicator.id, m.definition.id): m
            for m in measure(root, TODAY, public=public)
            if m.division.code == code and m.numerator is not None
        }
        for (indicator, definition), figure in figures.items():
            kind = figure.indicator.kind
            if kind not in ("share", "count", "per_thousand"):
                continue
            proofs = list_proofs(root, TODAY, indicator, definition_id=definition, public=public)
            passed = [proof for proof in proofs if proof.state == "county"]
            divided = {proof.division.id for proof in passed}
            added = len(divided) if kind == "share" else sum(proof.number for proof in passed)

            assert added == figure.numerator, (code, indicator, definition)
            checked += 1
    assert checked > 60


def test_everybody_is_told_of_a_hidden_place_only_that_it_is_there(demo):
    root = divisions.get(CITY)

    inside, outside = (list_proofs(root, TODAY, "T03", public=public) for public in (False, True))

    hidden = [proof for proof in outside if proof.code is None]
    assert len(inside) == len(outside)
    assert all((proof.name, proof.verified_on, proof.documents) == (HIDDEN, None, 0) for proof in hidden)
    assert all(proof.code for proof in inside)


def test_what_has_no_places_behind_it_is_refused_with_a_word(reference):
    root = divisions.get(CITY)

    with pytest.raises(InvalidError, match="没有依据名单"):
        list_proofs(root, TODAY, "R01")
    with pytest.raises(NotFoundError, match="没有“T99”这个指标"):
        list_proofs(root, TODAY, "T99")
    with pytest.raises(NotFoundError, match="没有口径“zz”"):
        list_proofs(root, TODAY, "T01.urban", definition_id="zz")
    assert {each.kind for each in list_indicators()} == {
        "share",
        "place_share",
        "count",
        "per_thousand",
        "titled",
        "reported",
    }


def test_from_the_command_line(demo):
    ran = run_admin(
        "coverage", "proofs", COUNTY, "--indicator", "T01.urban", "--format", "json", "--on", TODAY, url=demo
    )

    figure = measure(divisions.get(COUNTY), TODAY)[0]
    passed = {row["division"] for row in ran.json if row["state"] == "county"}
    assert (ran.code, len(passed)) == (0, figure.numerator)
    assert f"在 {figure.numerator} 个区划" in ran.err
