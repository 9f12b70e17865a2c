"""覆盖率 over HTTP: live figures for those with rights, or for all where the registry says so."""

from datetime import date

import pytest
import yaml
from flask.testing import FlaskClient

from seed.reference import FOLDER
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.denominators import set_denominator_list
from servicemap.coverage.indicators import set_indicator
from tests.factories import NORTH_GATE, a_place, a_tree, a_type

CITY = "/api/v1/coverage/441800000000"
KEYS = {  # decisions.md 22
    "indicator", "name", "clause", "division", "division_name", "numerator", "denominator", "value", "display", "unit",
    "target", "due_year", "needed", "met", "definition", "definition_name", "default", "other_targets", "on",
    "population_on", "remark", "demo", "reported", "town_passed", "county_passed", "answered_none", "unanswered",
    "exact", "level", "kind", "verified", "stale", "target_kind", "target_text", "better", "key", "project", "department",
}  # fmt: skip


@pytest.fixture(autouse=True)
def indicator(registry: str) -> None:
    """T01.urban, the first of the plan: residents' communities with a parent school."""
    a_tree()
    a_type("parent_school")
    a_type("family_guidance_station")
    plan = yaml.safe_load((FOLDER / "indicators.yaml").read_text(encoding="utf-8"))
    with write_txn(SEED) as log:
        set_denominator_list(log, **plan["denominator_lists"][0])
        set_indicator(log, 1, plan["indicators"][0])


@pytest.fixture
def live(door) -> FlaskClient:
    """Anybody, where the registry shows live figures to all."""
    return door(coverage_public="live")


@pytest.mark.parametrize(
    "url",
    [CITY, f"{CITY}/gaps?indicator=T01.urban", f"{CITY}/disparity", f"{CITY}/reach", f"{CITY}/ranking"],
)
def test_without_rights_there_is_nothing_before_it_is_published(client, url):
    response = client.get(url)

    assert (response.status_code, response.json["code"]) == (404, "not_published")


def test_who_has_rights_sees_live_figures(admin):
    a_place(division=NORTH_GATE)

    items = [item for item in admin.get(CITY).json["items"] if item["default"]]

    assert [(item["division_name"], item["display"], item["needed"]) for item in items] == [
        ("清远市", "33.3%", 2),
        ("清城区", "50.0%", 1),
        ("英德市", "0.0%", 1),
    ]


def test_everybody_sees_them_where_the_setting_is_live(live):
    items = live.get(CITY).json["items"]

    assert items
    assert all(item.keys() == KEYS for item in items)
    assert all(item["on"] == "2026-11-23" and item["demo"] is False for item in items)


def test_a_figure_is_that_of_the_day_which_is_asked_for(live):
    a_place(division=NORTH_GATE, opened_on=date(2026, 5, 1))

    counts = [
        live.get(CITY, query_string={"on": on}).json["items"][0]["numerator"]
        for on in ("2026-04-30", "2026-05-01")
    ]

    assert counts == [0, 1]


def test_disparity_and_reach_are_rows(admin):
    a_place(division=NORTH_GATE)

    disparity, reach = (admin.get(f"{CITY}/{name}").json["items"] for name in ("disparity", "reach"))

    assert [(row["by"], row["one"]["name"], row["difference"]) for row in disparity] == [
        ("counties", "清城区", "50.0")
    ]
    assert [(row["radius_m"], row["display"], row["least"]) for row in reach[:3]] == [
        *((1000, "100.0%", "33.3%"), (3000, "100.0%", "33.3%"), (5000, "100.0%", "33.3%")),
    ]


def test_a_page_of_gaps_goes_on_where_it_ended_though_its_last_one_is_covered_meanwhile(live):
    first = live.get(f"{CITY}/gaps", query_string={"limit": 1}).json
    a_place(division=NORTH_GATE)

    second = live.get(f"{CITY}/gaps", query_string={"limit": 5, "after": first["next_after"]}).json

    assert first["items"][0]["code"] == NORTH_GATE
    assert [gap["code"] for gap in second["items"]] == ["441802001002", "441881450001"]


@pytest.mark.parametrize("cursor", ["x", "T01.urban", "T01.urban:-5:1", "T01.urban:９:", "::", "T99:1:2"])
def test_an_invented_cursor_is_no_fault(live, cursor):
    assert live.get(f"{CITY}/gaps", query_string={"after": cursor}).status_code == 200


def test_gaps_are_named_by_code_in_pages(live):
    url, query = f"{CITY}/gaps", {"limit": 2}

    first = live.get(url, query_string=query).json
    second = live.get(url, query_string={**query, "after": first["next_after"]}).json

    gaps = [*first["items"], *second["items"]]
    assert [gap["code"] for gap in gaps] == [NORTH_GATE, "441802001002", "441881450001"]
    assert [step["name"] for step in gaps[0]["path"]] == ["清城区", "凤城街道", "北门社区"]
    assert (first["total"], second["total"], second["next_after"]) == (3, 3, None)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_not_known_is_refused_by_name(live):
    asked = [
        ({"indicator": "T99"}, "indicator"),
        ({"indicator": ["T01.urban", "T99"]}, "indicator"),
        ({"indicator": "T01.urban", "definition": "mine"}, "definition"),
        ({"indicator": "T01.urban", "on": "0001-01-01"}, "on"),
    ]

    for query, field in asked:
        response = live.get(f"{CITY}/gaps", query_string=query)

        assert response.status_code == 422, query
        assert [problem["field"] for problem in response.json["errors"]] == [field]
    assert live.get("/api/v1/coverage/999999").status_code == 404


def test_the_counties_are_ranked_for_those_with_rights(admin, client):
    a_place(division=NORTH_GATE)

    ranking = admin.get(f"{CITY}/ranking").json

    assert [(each["division_name"], each["rank"], each["needed"]) for each in ranking["items"]] == [
        ("清城区", 1, 1),
        ("英德市", 2, 1),
    ]
    assert [(line["division_name"], line["rank"], line["short"]) for line in ranking["counties"]] == [
        ("清城区", 1, 1),
        ("英德市", 1, 1),
    ]
    assert client.get(f"{CITY}/ranking").json["code"] == "not_published"
