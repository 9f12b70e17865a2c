"""Every number here was worked out by hand on the small tree of tests/factories.py:
清城区: 凤城街道 (北门, 南门 居委会), 源潭镇 (田心村); 英德市: 沙口镇 (田心村, a virtual one),
the pseudo-town 华侨茶场 (茶场社区)."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from servicemap import db, division_list, divisions
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage import denominators, indicators
from servicemap.coverage.gaps import list_gaps
from servicemap.coverage.measure import measure
from servicemap.coverage.report import cut, display, report
from servicemap.coverage.roles import months_before
from servicemap.errors import InvalidError
from servicemap.models import Suspension, Title
from tests.factories import NORTH_GATE, TODAY, a_change, a_place, a_tree, a_type

CITY, QINGCHENG, YINGDE = "441800000000", "441802000000", "441881000000"
NORTH, SOUTH, TIANXIN = "441802001001", "441802001002", "441802102200"
STREET = "441802001000"


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    return a_tree()


def an_indicator(kind="share", target="50", numerator=None, denominator=None, level="city", **alternatives):
    """Indicator X with one target and the given definition; alternatives: id → denominator."""
    numerator = {"types": ["parent_school"]} | (numerator or {})
    denominator = denominator or {"level": "community", "community_kind": "residents_committee"}
    definitions = [
        {"id": "a", "name": "默认", "default": True, "numerator": numerator, "denominator": denominator}
    ]
    definitions += [
        {"id": id_, "name": id_, "numerator": numerator, "denominator": rule}
        for id_, rule in alternatives.items()
    ]
    entry = {
        "id": "X",
        "name": "指标",
        "name_en": "Indicator",
        "clause": "条",
        "quote": "文",
        "kind": kind,
        "department": "某部门",
        "targets": [{"at_least": target, "due_year": 2030, "level": level, "source": "规划"}]
        if target
        else [],
        "definitions": definitions,
    }
    with write_txn(SEED) as log:
        indicators.set_indicator(log, 1, entry)


def measured(code=CITY, on=TODAY, definition="a"):
    """{padded code: (numerator, denominator)} of the division and its children."""
    found = measure(divisions.get(code), on)
    return {m.division.code: (m.numerator, m.denominator) for m in found if m.definition.id == definition}


def gaps(code=CITY, on=TODAY):
    return [gap.division.code for gap in list_gaps(divisions.get(code), on, indicator_ids=["X"])]


def test_an_empty_registry_lacks_every_community_that_counts():
    an_indicator(target="95")

    found = {m.division.code: m for m in measure(divisions.get(CITY), TODAY)}

    assert measured() == {CITY: (0, 3), QINGCHENG: (0, 2), YINGDE: (0, 1)}
    assert found[CITY].needed == 3  # 95 % of 3 is 2.85
    assert found[CITY].met is False


def test_a_place_covers_the_community_it_stands_in_once_however_many_there_are():
    an_indicator()
    a_place(division=NORTH)
    a_place("又一处", division=NORTH)

    assert measured() == {CITY: (1, 3), QINGCHENG: (1, 2), YINGDE: (0, 1)}
    assert gaps() == [SOUTH, "441881450001"]


def test_a_place_that_serves_three_communities_counts_once_in_each():
    an_indicator()
    a_place(division=NORTH, serves=[NORTH, SOUTH, "441881450001"])

    assert measured() == {CITY: (3, 3), QINGCHENG: (2, 2), YINGDE: (1, 1)}
    assert gaps() == []


def test_explicit_links_replace_the_place_where_it_stands():
    an_indicator()
    a_place(division=NORTH, serves=[SOUTH])

    assert gaps(QINGCHENG) == [NORTH]


def test_a_place_that_stands_above_its_level_covers_nothing():
    an_indicator()
    a_place(division=STREET)

    assert measured()[CITY] == (0, 3)


def test_a_community_place_covers_its_town_and_county_but_never_the_other_way():
    a_type("station", level="town")
    town = {"level": "town", "town_kind": ["street", "town", "township"]}
    an_indicator(numerator={"types": ["parent_school"]}, denominator=town)
    a_place(division=NORTH)

    assert measured() == {CITY: (1, 3), QINGCHENG: (1, 2), YINGDE: (0, 1)}
    an_indicator(numerator={"types": ["station"]})
    a_place("站", types=["station"], division=STREET)
    assert measured()[CITY] == (0, 3)


def test_only_own_level_counts_no_community_role_for_a_county():
    county = {"level": "county"}
    a_type("centre", level="county")
    an_indicator(numerator={"types": ["centre"], "own_level": True}, denominator=county)
    a_place("社区的", types=["centre"], division=NORTH, level="community")

    assert measured()[CITY] == (0, 2)

    a_place("县级的", types=["centre"], division=QINGCHENG)

    assert measured()[CITY] == (1, 2)


def test_a_role_counts_from_its_opening_to_the_day_before_its_closing():
    an_indicator()
    a_place(division=NORTH, opened_on=date(2024, 5, 1), closed_on=date(2025, 5, 1))

    days = [date(2024, 4, 30), date(2024, 5, 1), date(2025, 4, 30), date(2025, 5, 1)]
    assert [measured(on=day)[CITY][0] for day in days] == [0, 1, 1, 0]


def test_a_suspended_place_doesnt_count_meanwhile():
    an_indicator()
    place = a_place(division=NORTH)
    Suspension.create(facility=place.id, from_on=date(2026, 3, 1), to_on=date(2026, 4, 1), reason="装修")

    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert [measured(on=day)[CITY][0] for day in days] == [1, 0, 0, 1]


def test_only_places_confirmed_within_twelve_months_count_as_verified():
    an_indicator(numerator={"verified_within_months": 12})
    place = a_place(division=NORTH, verified_on=date(2025, 11, 23))

    assert measured(on=date(2026, 11, 22))[CITY][0] == 1
    assert measured(on=TODAY)[CITY][0] == 0
    a_change(place, verified_on=TODAY)
    assert measured(on=TODAY)[CITY][0] == 1


def test_twelve_months_before_the_end_of_february():
    assert months_before(date(2024, 2, 29), 12) == date(2023, 2, 28)
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 1) == date(2025, 12, 15)


def test_definitions_stand_side_by_side_and_missing_classes_are_said():
    an_indicator(
        under_streets={"level": "community", "community_kind": "residents_committee", "town_kind": "street"},
        classes={"level": "community", "urban_rural": "1"},
        villages={"level": "community", "community_kind": ["residents_committee", "villagers_committee"]},
    )
    a_place(division=TIANXIN)

    assert measured()[CITY] == (0, 3)
    assert measured(definition="under_streets")[CITY] == (0, 2)
    assert measured(definition="villages")[CITY] == (1, 5)
    assert measured(definition="classes")[CITY] == (None, None)
    rows = [row for row in report(divisions.get(CITY), TODAY) if row["definition"] == "classes"]
    assert {row["remark"] for row in rows} == {"缺城乡分类数据"}
    assert {row["display"] for row in rows} == {"—"}


def test_known_classes_decide_what_is_urban():
    an_indicator(classes={"level": "community", "urban_rural": "1"})
    db.execute("UPDATE division SET urban_rural = '121' WHERE padded_code IN (?, ?)", (NORTH, TIANXIN))
    a_place(division=TIANXIN)

    assert measured(definition="classes")[CITY] == (1, 2)


def test_a_denominator_list_with_members_counts_only_them(tree):
    members = [tree[NORTH].id, tree[SOUTH].id]
    with write_txn(SEED) as log:
        denominators.set_denominator_list(log, "2027", "2027-12-31", "某文", "清妇〔2027〕1号", members)
    an_indicator(denominator={"level": "community", "list": "2027"})

    assert measured() == {CITY: (0, 2), QINGCHENG: (0, 2), YINGDE: (0, 0)}
    row = next(row for row in report(divisions.get(CITY), TODAY) if row["division"] == YINGDE)
    assert (row["value"], row["display"], row["met"], row["needed"]) == (None, "—", None, None)
    assert row["remark"] == "区划口径：2027-12-31"  # the day is before the edition


def test_places_per_thousand_use_the_count_of_the_day_and_name_the_day_of_the_population(tree):
    a_type("nursery", level="county")
    rule = {"types": ["nursery"], "places": "registered"}
    an_indicator("per_thousand", "5.5", rule, {"population": "resident_yearend"})
    with write_txn(SEED) as log:
        for code, persons in ((CITY, 10_001), (QINGCHENG, 4000), (YINGDE, 6001)):
            division_list.set_population(
                log, tree[code], "resident_yearend", date(2023, 12, 31), persons, "公报"
            )
    place = a_place(types=["nursery"], division=NORTH, registered=30, today=date(2025, 1, 1))
    a_change(place, types=["nursery"], registered=55, today=date(2026, 1, 1))

    on_2025 = {m.division.code: m for m in measure(divisions.get(CITY), date(2025, 6, 1))}
    on_2026 = {m.division.code: m for m in measure(divisions.get(CITY), date(2026, 6, 1))}

    assert [on_2025[CITY].numerator, on_2026[CITY].numerator] == [30, 55]
    assert on_2026[CITY].exact == Fraction(55_000, 10_001)
    assert (on_2026[CITY].met, on_2026[CITY].needed) == (False, 1)  # 5.4994 < 5.5, and 56 are needed
    assert (on_2026[QINGCHENG].met, on_2026[YINGDE].needed) == (True, 34)  # 5.5 × 6.001 = 33.0055
    assert on_2026[CITY].population_on == date(2023, 12, 31)


def test_a_plain_count_has_its_target_only_where_it_was_set():
    an_indicator("count", "2")
    a_place(division=NORTH)

    rows = {row["division"]: row for row in report(divisions.get(CITY), TODAY)}

    assert (rows[CITY]["numerator"], rows[CITY]["target"], rows[CITY]["needed"]) == (1, 2.0, 1)
    assert (rows[QINGCHENG]["numerator"], rows[QINGCHENG]["target"], rows[QINGCHENG]["met"]) == (
        1,
        None,
        None,
    )


def test_areas_with_a_title_count_while_it_holds(tree):
    an_indicator("titled", "1", {"title": "示范镇", "level": "town"})
    Title.create(
        division=tree[STREET].id,
        kind="示范镇",
        issuer="市妇儿工委",
        awarded_on=date(2025, 6, 1),
        expires_on=date(2026, 6, 1),
    )

    days = [date(2025, 5, 31), date(2025, 6, 1), date(2026, 6, 1)]
    assert [measured(on=day)[CITY][0] for day in days] == [0, 1, 0]


@pytest.mark.parametrize(
    ("kind", "rule", "known", "told"),
    [
        ("count", {}, {CITY: 1, QINGCHENG: 1, STREET: 1}, {CITY: 1, QINGCHENG: 1, STREET: 0}),
        ("share", {"level": "county"}, {CITY: 1, QINGCHENG: 1}, {CITY: 1, QINGCHENG: 1}),
        ("share", {"level": "town"}, {CITY: 1, QINGCHENG: 1, STREET: 1}, {CITY: 0, QINGCHENG: 0, STREET: 0}),
        ("share", {"level": "community"}, {CITY: 1, STREET: 1, NORTH: 1}, {CITY: 0, STREET: 0, NORTH: 0}),
    ],
)
def test_for_everybody_a_contact_only_place_counts_in_its_county_and_no_lower(kind, rule, known, told):
    an_indicator(kind, denominator={"level": "community", **rule})
    a_place(visibility="contact_only", serves=[NORTH])

    def numerators(*, public: bool) -> dict[str, int]:
        measured = [m for code in known for m in measure(divisions.get(code), TODAY, public=public)]
        return {m.division.code: m.numerator for m in measured if m.division.code in known}

    assert (numerators(public=False), numerators(public=True)) == (known, told)


def test_for_everybody_a_community_that_only_a_contact_only_place_covers_is_a_gap():
    an_indicator()
    a_place(visibility="contact_only")
    root = divisions.get(STREET)

    gaps = [[gap.division.code for gap in list_gaps(root, TODAY, public=public)] for public in (False, True)]

    assert gaps == [[SOUTH], [NORTH, SOUTH]]


def test_the_gap_list_is_refused_where_there_is_none():
    an_indicator("count", "2")

    with pytest.raises(InvalidError) as refused:
        gaps()

    assert refused.value.code == "no_gap_list"


@pytest.mark.parametrize(
    ("n", "d", "target", "shown", "met"),
    [
        (949_600, 1_000_000, 95, "94.9%", False),
        (9_499_999, 10_000_000, 95, "94.9%", False),
        (19, 20, 95, "95.0%", True),
        (188, 198, 95, "94.9%", False),
        (189, 198, 95, "95.4%", True),
        (0, 5, 95, "0.0%", False),
    ],
)
def test_printing_cuts_and_never_lifts_a_miss_over_the_line(n, d, target, shown, met):
    value = Fraction(n * 100, d)

    assert display(value, "share") == shown
    assert (value >= target) is met
    assert float(cut(value, 4)) <= value


def test_the_brute_force_says_the_same(tree):
    """The oracle knows no nested sets and no climbing: it asks of every pair of place and community."""
    import random

    an_indicator(
        denominator={"level": "community", "community_kind": ["residents_committee", "villagers_committee"]}
    )
    rng = random.Random(7)
    communities = [code for code, d in tree.items() if d.level == "community"]
    places = []
    for number in range(40):
        stands = rng.choice(list(tree))
        serves = rng.sample(communities, rng.randint(1, 3)) if rng.random() < 0.4 else []
        opened = date(2020 + rng.randrange(8), 1, 1)
        closed = date(opened.year + rng.randrange(1, 4), 1, 1) if rng.random() < 0.4 else None
        given = {"serves": serves} if serves else {}
        a_place(f"第{number}处", division=stands, opened_on=opened, closed_on=closed, **given)
        places.append((stands, serves, opened, closed))

    for on in (date(2021, 6, 1), date(2024, 6, 1), TODAY):
        covered = {
            code
            for code in communities
            for stands, serves, opened, closed in places
            if opened <= on
            and not (closed and closed <= on)
            and (code in serves if serves else code == stands)
        }
        counted = {code for code in communities if not tree[code].virtual}
        assert measured(on=on)[CITY] == (len(covered & counted), len(counted))
        assert set(gaps(on=on)) == counted - covered


@pytest.mark.parametrize(
    ("verified_on", "verified"),
    [
        (TODAY, 1),
        (TODAY.replace(year=TODAY.year - 1) + timedelta(days=1), 1),
        (TODAY.replace(year=TODAY.year - 1), 0),  # twelve months are over
        (None, 0),
    ],
)
def test_what_is_covered_is_told_apart_by_when_somebody_looked(verified_on, verified):
    an_indicator()
    a_place(division=NORTH_GATE, verified_on=verified_on)

    top = measure(divisions.get(CITY), TODAY)[0]

    assert (top.numerator, top.verified) == (1, verified)


def test_of_two_places_one_that_was_looked_at_is_enough():
    an_indicator()
    a_place("一", division=NORTH_GATE)
    a_place("二", division=NORTH_GATE, verified_on=TODAY)

    top = measure(divisions.get(CITY), TODAY)[0]

    assert (top.numerator, top.verified) == (1, 1)
