"""A golden report: a registry small enough to count on one's fingers, every number of its report worked out below.

甲县  东街（街道）  一居 二居 三居 四居        西镇  五居  一村 二村 三村
乙县  北镇          六居  四村 五村 (merge into 新村 on 2026-07-01)  虚拟社区 (no place of its own)

家长学校（community level）                        counts for
  A 一居        open, looked at 2026-06-01          一居: verified
  B 二居        open, looked at 2024-01-01          二居: covered, stale
  C 三居        open, the county has not passed it  三居: reported, not official
  D 四居        suspended in November               四居: no; it said none before it opened: no answer any more
  E 五居        closed on 2026-05-01                五居: no
  F 东街 (a street) at community level              nothing: it stands above its level
  G 二村        serves 一村 二村 三村, looked at     all three, once in each
  H 四村        open, looked at 2026-06-01          四村, from the merger on 新村
六居 said none on 2026-03-01; 五村 said nothing

                      all  reported  official  verified  none  silent
居委会  city           6      3         2         1        1      2     1/6 … 2/6   95 %: ceil(5.7) − 2 = 4 more
        甲县           5      3         2         1        0      2
        乙县           1      0         0         0        1      0
        东街           4      3         2         1        0      1     2/4 = 50.0 %: ceil(3.8) − 2 = 2 more
        西镇           1      0         0         0        0      1     五居
        北镇           1      0         0         0        1      0     六居
村委会  city           4      4         4         4        0      0     after the merger: 一村 二村 三村 新村
        甲县           3      3         3         3        0      0
        乙县           1      1         1         1        0      0
村委会 on 2026-06-30   5      4         4         4        0      1     before it: 五村 lacks, 4/5 = 80.0 %
乡镇（街道） city      3      3         3         -        -      -     东街 by A, 西镇 by G, 北镇 by H
"""

from datetime import date
from fractions import Fraction

import pytest

from servicemap import db, division_changes, divisions, zero_reports
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.gaps import list_gaps
from servicemap.coverage.indicators import set_indicator
from servicemap.coverage.measure import measure
from servicemap.coverage.report import report
from servicemap.division_list import DivisionRow, import_divisions, set_population
from servicemap.division_plan import Order
from tests.factories import a_place, a_type

ON, BEFORE, MERGED = date(2026, 11, 20), date(2026, 6, 30), date(2026, 7, 1)
CITY, ONE, TWO = "441800000000", "441801000000", "441802000000"
STREET, WEST, NORTH = "441801001000", "441801101000", "441802101000"
HOMES = [f"441801001{n:03d}" for n in (1, 2, 3, 4)] + ["441801101001", "441802101001"]
VILLAGES = ["441801101201", "441801101202", "441801101203", "441802101201", "441802101202"]
NEW = "441802101203"
RULE = {"types": ["parent_school"]}
CITY_TARGET = {"due_year": 2030, "level": "city", "source": "规划"}


def an_entry(id_: str, kind: str, target: str, denominator: dict, numerator: dict | None = None) -> dict:
    one = {
        "id": "a",
        "name": "默认",
        "default": True,
        "numerator": numerator or RULE,
        "denominator": denominator,
    }
    return {
        "id": id_, "name": id_, "name_en": id_, "clause": "条", "quote": "文", "kind": kind, "department": "某部门",
        "targets": [{"at_least": target, **CITY_TARGET}], "definitions": [one],
    }  # fmt: skip


@pytest.fixture(autouse=True)
def golden(registry):
    rows = [
        *((CITY, "市", "city", ""), (ONE, "甲县", "county", CITY), (TWO, "乙县", "county", CITY)),
        *((STREET, "东街街道", "town", ONE), (WEST, "西镇", "town", ONE), (NORTH, "北镇", "town", TWO)),
        *((code, f"{n}居", "community", code[:9] + "000") for n, code in enumerate(HOMES, 1)),
        *((code, f"{n}村", "community", code[:9] + "000") for n, code in enumerate(VILLAGES, 1)),
        ("441802101498", "虚拟社区", "community", NORTH),
    ]
    import_divisions(SEED, [DivisionRow(*row) for row in rows])
    a_type("parent_school")
    a_type("nursery")
    community = {"level": "community"}
    entries = [
        an_entry("homes", "share", "95", community | {"community_kind": "residents_committee"}),
        an_entry("villages", "share", "85", community | {"community_kind": "villagers_committee"}),
        an_entry("towns", "share", "100", {"level": "town"}),
        an_entry("schools", "count", "7", {}),
        an_entry(
            "places",
            "per_thousand",
            "5.5",
            {"population": "resident"},
            {"types": ["nursery"], "places": "registered"},
        ),
    ]
    with write_txn(SEED) as log:
        for number, entry in enumerate(entries):
            set_indicator(log, number, entry if entry["definitions"][0]["denominator"] else _bare(entry))
    looked, long_ago, begun = date(2026, 6, 1), date(2024, 1, 1), date(2023, 1, 1)
    zero_reports.report_none(SEED, divisions.get(HOMES[3]), [a_type()], date(2022, 12, 1), ON)
    zero_reports.report_none(SEED, divisions.get(HOMES[5]), [a_type()], date(2026, 3, 1), ON)
    a_place("A", division=HOMES[0], opened_on=begun, verified_on=looked)
    a_place("B", division=HOMES[1], opened_on=begun, verified_on=long_ago)
    waiting = a_place("C", division=HOMES[2], opened_on=begun)
    closed_for_now = a_place("D", division=HOMES[3], opened_on=begun)
    a_place("E", division=HOMES[4], opened_on=begun, closed_on=date(2026, 5, 1))
    a_place("F", division=STREET, opened_on=begun)
    a_place("G", division=VILLAGES[1], opened_on=begun, serves=VILLAGES[:3], verified_on=looked)
    a_place("H", division=VILLAGES[3], opened_on=begun, verified_on=looked)
    db.execute("DELETE FROM review WHERE facility_id = ?", (waiting.id,))
    db.execute("INSERT INTO review (facility_id, state) VALUES (?, 'reported')", (waiting.id,))
    db.execute(
        "INSERT INTO suspension (facility_id, from_on, to_on, reason) VALUES (?, '2026-11-01', '2026-12-01', '修')",
        (closed_for_now.id,),
    )
    merged = division_changes.merge([VILLAGES[3], VILLAGES[4]], NEW, "新村")
    division_changes.apply(SEED, Order(MERGED, merged, reason="合并"), ON)


def _bare(entry: dict) -> dict:
    [one] = entry["definitions"]
    return {**entry, "definitions": [{name: value for name, value in one.items() if name != "denominator"}]}


def figures(indicator: str, on: date = ON, *, down_to: str | None = None) -> dict[str, tuple]:
    """By division name: all, reported, official, verified, none, silent."""
    return {
        m.division.name: (m.denominator, m.reported, m.numerator, m.verified, m.answered_none, m.unanswered)
        for m in measure(divisions.get(CITY), on, down_to=down_to)
        if m.indicator.id == indicator
    }


def test_residents_committees():
    assert figures("homes") == {
        "市": (6, 3, 2, 1, 1, 2),
        "甲县": (5, 3, 2, 1, 0, 2),
        "乙县": (1, 0, 0, 0, 1, 0),
    }


def test_residents_committees_of_the_towns_and_one_by_one():
    below = figures("homes", down_to="community")

    assert {name: below[name] for name in ("东街街道", "西镇", "北镇")} == {
        "东街街道": (4, 3, 2, 1, 0, 1),
        "西镇": (1, 0, 0, 0, 0, 1),
        "北镇": (1, 0, 0, 0, 1, 0),
    }
    assert {name: row for name, row in below.items() if name.endswith("居")} == {
        "1居": (1, 1, 1, 1, 0, 0),
        "2居": (1, 1, 1, 0, 0, 0),
        "3居": (1, 1, 0, 0, 0, 0),
        "4居": (1, 0, 0, 0, 0, 1),
        "5居": (1, 0, 0, 0, 0, 1),
        "6居": (1, 0, 0, 0, 1, 0),
    }
    assert {below[name] for name in ("1村", "2村", "3村", "新村", "虚拟社区")} == {(0,) * 6}
    assert len(below) == 1 + 2 + 3 + 6 + 4 + 1


def test_the_report_of_the_towns_and_communities_as_people_read_it():
    rows = {
        row["division_name"]: (row["display"], row["exact"], row["needed"], row["met"])
        for row in report(divisions.get(CITY), ON, down_to="community")
        if row["indicator"] == "homes"
    }

    assert rows["东街街道"] == ("50.0%", "50", 2, False)
    assert rows["西镇"] == rows["北镇"] == rows["3居"] == rows["6居"] == ("0.0%", "0", 1, False)
    assert rows["1居"] == rows["2居"] == ("100.0%", "100", 0, True)
    assert rows["1村"] == rows["新村"] == rows["虚拟社区"] == ("—", None, None, None)


def test_villagers_committees_before_and_after_the_merger():
    assert figures("villages") == {
        "市": (4, 4, 4, 4, 0, 0),
        "甲县": (3, 3, 3, 3, 0, 0),
        "乙县": (1, 1, 1, 1, 0, 0),
    }
    assert figures("villages", BEFORE) == {
        "市": (5, 4, 4, 4, 0, 1), "甲县": (3, 3, 3, 3, 0, 0), "乙县": (2, 1, 1, 1, 0, 1),
    }  # fmt: skip


def test_towns_are_covered_from_below():
    assert {name: row[:3] for name, row in figures("towns").items()} == {
        "市": (3, 3, 3),
        "甲县": (2, 2, 2),
        "乙县": (1, 1, 1),
    }


def test_places_are_counted_once_wherever_they_serve():
    # A B F G H; C waits, D is suspended, E closed
    assert {name: row[1:3] for name, row in figures("schools").items()} == {
        "市": (6, 5),
        "甲县": (5, 4),
        "乙县": (1, 1),
    }


def test_the_report_says_it_as_people_read_it():
    rows = {(row["indicator"], row["division_name"]): row for row in report(divisions.get(CITY), ON)}
    shown = {
        key: (row["display"], row["exact"], row["needed"], row["met"], row["stale"])
        for key, row in rows.items()
    }

    assert shown["homes", "市"] == ("33.3%", "100/3", 4, False, 1)  # ceil(0.95 × 6) = 6, 6 − 2
    assert shown["homes", "甲县"] == ("40.0%", "40", 3, False, 1)  # ceil(4.75) = 5, 5 − 2
    assert shown["homes", "乙县"] == ("0.0%", "0", 1, False, 0)  # ceil(0.95) = 1
    assert shown["villages", "市"] == ("100.0%", "100", 0, True, 0)
    assert shown["towns", "市"][:4] == ("100.0%", "100", 0, True)
    assert shown["schools", "市"][:4] == ("5", "5", 2, False)
    assert shown["schools", "甲县"][:4] == ("4", "4", None, None)  # the target is the city's
    assert shown["places", "市"] == ("—", None, None, None, None)
    assert rows["places", "市"]["remark"] == "缺人口数据"


def test_the_gaps_are_named():
    found = [
        (gap.division.name, gap.answer) for gap in list_gaps(divisions.get(CITY), ON, indicator_ids=["homes"])
    ]

    assert found == [("3居", "waiting"), ("4居", "unknown"), ("5居", "unknown"), ("6居", "none")]


def test_per_thousand_names_the_count_that_it_divides_by():
    a_place(
        "托",
        types=["nursery"],
        division=HOMES[0],
        opened_on=date(2023, 1, 1),
        registered=30,
        places_on=date(2023, 1, 1),
    )
    with write_txn(SEED) as log:
        for counted_on, persons in (
            (date(2020, 11, 1), 9000),
            (date(2025, 12, 31), 8000),
            (date(2027, 1, 1), 1),
        ):
            set_population(log, divisions.get(CITY), "resident", counted_on, persons, "公报")

    def on(day: date) -> tuple:
        [city, *_] = [m for m in measure(divisions.get(CITY), day) if m.indicator.id == "places"]
        return city.numerator, city.exact, city.needed, city.population_on

    # 30 × 1000 ÷ 8000; ceil(5.5 × 8) = 44
    assert on(ON) == (30, Fraction(30, 8), 14, date(2025, 12, 31))
    assert on(date(2025, 12, 30)) == (30, Fraction(30, 9), 20, date(2020, 11, 1))  # ceil(49.5) = 50
    assert on(date(2020, 1, 1)) == (0, Fraction(0), 50, date(2020, 11, 1))  # before any count, by the first
    assert on(date(2027, 1, 1)) == (30, Fraction(30_000), 0, date(2027, 1, 1))


def test_94_96_percent_never_prints_as_95_nor_passes():
    many = [f"4418010{2 + n // 199:02d}{1 + n % 199:03d}" for n in range(2494)]
    towns = sorted({code[:9] + "000" for code in many})
    import_divisions(
        SEED,
        [
            *(DivisionRow(code, f"镇{code[6:9]}", "town", ONE) for code in towns),
            *(DivisionRow(code, f"社区{n}", "community", code[:9] + "000") for n, code in enumerate(many)),
        ],
    )

    def city() -> tuple:
        rows = {(row["indicator"], row["level"]): row for row in report(divisions.get(CITY), ON)}
        row = rows["homes", "city"]
        return row["numerator"], row["denominator"], row["display"], row["met"], row["needed"]

    a_place("全", division=HOMES[0], serves=many[: 2374 - 2], opened_on=date(2023, 1, 1))
    assert city() == (2374, 2500, "94.9%", False, 1)  # 94.96 %

    a_place("又一处", division=HOMES[0], serves=many[2374 - 2 : 2375 - 2], opened_on=date(2023, 1, 1))
    assert city() == (2375, 2500, "95.0%", True, 0)


def test_over_a_denominator_of_zero_there_is_no_value_and_no_verdict():
    db.execute("UPDATE division SET community_kind = 'other' WHERE padded_code = ?", (HOMES[5],))

    row = next(
        r for r in report(divisions.get(CITY), ON) if (r["indicator"], r["division"]) == ("homes", TWO)
    )

    assert (row["denominator"], row["value"], row["display"], row["met"], row["needed"]) == (
        0,
        None,
        "—",
        None,
        None,
    )
