"""差距 and 可及 on the small tree of tests/factories.py, worked out by hand; nearest sites against all pairs."""

import random
from datetime import date

import pytest

from servicemap import divisions, geo
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.area_groups import set_area_group
from servicemap.coverage.disparity import measure_disparity
from servicemap.coverage.gaps import list_gaps, shown_gaps
from servicemap.coverage.indicators import set_indicator
from servicemap.coverage.nearest import Site, Sites
from servicemap.coverage.reach import measure_reach
from servicemap.coverage.report import shown_disparity
from servicemap.coverage.reported import Said, report_values
from servicemap.division_list import set_population
from tests.factories import LAT, LNG, TODAY, a_place, a_tree, a_type, scaled

CITY, QINGCHENG, YINGDE = "441800000000", "441802000000", "441881000000"
NORTH, SOUTH, TEA = "441802001001", "441802001002", "441881450001"
TIANXIN_QINGCHENG, TIANXIN_YINGDE = "441802102200", "441881101201"
DEGREE_M = 110_772.0  # of latitude at 23.68 N


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    return a_tree()


def entry(id_: str, **given) -> dict:
    definition = {"id": "a", "name": "默认", "default": True, "numerator": {"types": ["parent_school"]}}
    return {
        "id": id_,
        "name": id_,
        "name_en": id_,
        "clause": "条",
        "quote": "文",
        "department": "某部门",
        "kind": "share",
        "targets": [],
        "definitions": [definition | {"denominator": given.pop("denominator", {"level": "community"})}],
        **given,
    }


@pytest.fixture
def halves() -> None:
    """X.urban and X.rural, as the plan's T01."""
    with write_txn(SEED) as log:
        for position, kind in enumerate(("residents_committee", "villagers_committee"), 1):
            rule = {"level": "community", "community_kind": kind}
            set_indicator(log, position, entry(f"X.{kind[:3]}", denominator=rule))


def found(by: str, on: date = TODAY) -> list[tuple]:
    return [
        (
            each["indicator"],
            each["one"]["display"],
            each["other"]["display"],
            each["difference"],
            each["ratio"],
        )
        for each in map(shown_disparity, measure_disparity(divisions.get(CITY), on))
        if each["by"] == by
    ]


def test_town_and_country_are_the_two_halves_together(halves):
    a_place(division=NORTH)  # 1 of 3 residents' committees, 1 of 2 villagers'
    a_place("田心", division=TIANXIN_YINGDE)

    assert found("urban_rural") == [("X.res", "33.3%", "50.0%", "-16.6", "0.66")]


def test_the_highest_county_stands_beside_the_lowest(halves):
    a_place(division=NORTH)
    a_place("田心", division=TIANXIN_YINGDE)

    # residents: 清城 1/2, 英德 0/1; villagers: 清城 0/1, 英德 1/1
    assert found("counties") == [
        ("X.res", "50.0%", "0.0%", "50.0", None),
        ("X.vil", "100.0%", "0.0%", "100.0", None),
    ]


def report_value(division: str, value: str) -> None:
    report_values(SEED, [Said("R", division, 2026, value, None, None, "年报", None)], TODAY)


def test_a_group_is_pooled_and_stands_beside_the_others(halves):
    with write_txn(SEED) as log:
        set_area_group(log, "hills", "山区县", "规划", ["441881"])
    a_place(division=NORTH)

    assert found("hills") == [
        ("X.res", "0.0%", "50.0%", "-50.0", "0.00"),
        ("X.vil", "0.0%", "0.0%", "0.0", None),
    ]


def test_counties_that_report_rates_alone_are_compared_and_never_pooled(registry):
    with write_txn(SEED) as log:
        set_indicator(log, 1, entry("R", kind="reported", unit="%") | {"definitions": []})
        set_area_group(log, "hills", "山区县", "规划", ["441881"])
    for code, value in ((QINGCHENG, "98.25"), (YINGDE, "96")):
        report_value(code, value)

    assert found("counties") == [("R", "98.25", "96.00", "2.25", "1.02")]
    assert found("hills") == []


def test_a_county_that_has_not_reported_is_not_the_lowest(registry):
    with write_txn(SEED) as log:
        set_indicator(log, 1, entry("R", kind="reported", unit="%") | {"definitions": []})
    report_value(YINGDE, "96")

    assert found("counties") == []


# Reach


def reached(root: str = CITY) -> dict:
    """{(division, radius): (numerator, denominator, unplaced)}"""
    return {
        (each.division.code, each.radius_m): (each.numerator, each.denominator, each.unplaced)
        for each in measure_reach(divisions.get(root), TODAY)
    }


@pytest.fixture
def everywhere() -> None:
    with write_txn(SEED) as log:
        set_indicator(log, 1, entry("X"))


def test_reach_counts_communities_whose_position_is_known(everywhere):
    a_type("childrens_home")
    a_place(division=NORTH)  # the school, at LNG, LAT
    a_place("南门儿童之家", types=["childrens_home"], division=SOUTH, lat=LAT + 2000 / DEGREE_M)
    a_place("茶场儿童之家", types=["childrens_home"], division=TEA, lat=LAT + 4000 / DEGREE_M)

    # 5 communities that are not virtual; 田心 and 田心 have no place at all
    assert [reached()[CITY, radius] for radius in (1000, 3000, 5000)] == [(1, 3, 2), (2, 3, 2), (3, 3, 2)]
    assert [reached()[YINGDE, radius] for radius in (3000, 5000)] == [(0, 1, 1), (1, 1, 1)]


def test_a_hidden_or_coarse_or_unplaced_place_says_nothing_of_where_a_village_lies(everywhere):
    a_place(division=NORTH, visibility="contact_only")
    a_place("南门", division=SOUTH, precision="town")
    a_place("茶场", division=TEA, lng=None)

    assert reached()[CITY, 5000] == (0, 0, 5)


def test_a_site_that_waits_for_the_county_is_not_reached(everywhere, tree):
    from servicemap import db

    place = a_place(division=NORTH)
    db.execute("INSERT INTO review (facility_id, state) VALUES (?, 'town')", (place.id,))

    assert reached()[CITY, 1000] == (0, 1, 4)


# Gaps


def test_gaps_begin_where_most_people_live_and_name_the_nearest_site(everywhere):
    a_type("childrens_home")
    school = a_place(division=NORTH)
    a_place("南门儿童之家", types=["childrens_home"], division=SOUTH, lat=LAT + 2000 / DEGREE_M)
    with write_txn(SEED) as log:
        for code, persons in ((TEA, 900), (TIANXIN_YINGDE, 5000)):
            set_population(log, divisions.get(code), "resident_census", date(2020, 11, 1), persons, "普查")

    gaps = shown_gaps(list_gaps(divisions.get(CITY), TODAY, indicator_ids=["X"]), TODAY)

    assert [(gap["code"], gap["population"]) for gap in gaps] == [
        *((TIANXIN_YINGDE, 5000), (TEA, 900), (SOUTH, None), (TIANXIN_QINGCHENG, None)),
    ]
    near = gaps[2]["nearest"]
    assert near["code"].startswith(f"F{school.id:07}")
    assert near["name"] == "北门社区家长学校"
    assert abs(near["distance_m"] - 2000) <= 2
    assert [gap["nearest"] for gap in gaps if gap["code"] != SOUTH] == [None, None, None]


def test_the_nearest_is_the_nearest_of_all():
    chance = random.Random(20261126)
    for _ in range(scaled(300, 30)):
        sites = [
            Site(number, "", round(LNG + chance.uniform(-1, 1), 2), round(LAT + chance.uniform(-1, 1), 2))
            for number in range(chance.randint(1, 60))
        ]
        lng, lat = LNG + chance.uniform(-1, 1), LAT + chance.uniform(-1, 1)
        metres = geo.distance_from(lng, lat)
        expected = min((metres(site.lng, site.lat), site.facility) for site in sites)

        distance, site = Sites(sites).nearest(lng, lat)

        assert (distance, site.facility) == expected
    assert Sites([]).nearest(LNG, LAT) is None
