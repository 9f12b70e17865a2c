"""The committee asks how far the city is, and which names are missing."""

import yaml

from seed.reference import FOLDER

NEEDED = {  # with an empty registry; counted on the list of divisions of 2023-06-30
    ("T01.urban", "a"): (198, 189),
    ("T01.urban", "d"): (70, 67),
    ("T01.rural", "a"): (1031, 877),
    ("T02", "registered"): (3_986_700, 21_927),
    ("T02", "census"): (3_969_473, 21_833),
    ("T03", "own"): (8, 8),
    ("T04", "towns"): (85, 43),
    ("T04", "pseudo"): (92, 46),
    ("T06", "towns"): (85, 60),
    ("T06", "pseudo"): (92, 65),
    ("T07", "residents"): (198, 139),
    ("T07", "all"): (1229, 861),
    ("T22.urban", "residents"): (198, None),
    ("T22.rural", "villagers"): (1031, None),
}
KEYS = {
    *("indicator", "division", "numerator", "denominator", "value", "display", "target", "needed", "met"),
    *("definition", "default", "on", "population_on", "demo"),
}


def test_an_empty_registry_says_how_many_are_needed(city):
    ran = city("coverage", "report", "441800000000", "--on", "2026-11-23", "--format", "json")

    assert ran.code == 0
    rows = ran.json
    assert all(row.keys() >= KEYS for row in rows)
    of_city = {(r["indicator"], r["definition"]): r for r in rows if r["division"] == "441800000000"}
    found = {key: (of_city[key]["denominator"], of_city[key]["needed"]) for key in NEEDED}
    assert found == NEEDED
    seeded = yaml.safe_load((FOLDER / "indicators.yaml").read_text(encoding="utf-8"))["indicators"]
    assert list(dict.fromkeys(row["indicator"] for row in rows)) == [entry["id"] for entry in seeded]
    urban = [r["needed"] for r in rows if r["indicator"] == "T01.urban" and r["default"]]
    assert (urban[0], sum(urban[1:])) == (189, 191)  # the city pools; the counties' needs sum to more
    rural = [r["needed"] for r in rows if r["indicator"] == "T01.rural" and r["default"]]
    assert (rural[0], sum(rural[1:])) == (877, 881)


def test_a_report_for_people_fits_and_says_how_it_counts(city):
    ran = city("coverage", "report", "441800000000")

    assert "清远市" in ran.out
    assert "尚差 189 个" in ran.out
    assert "口径：居委会" in ran.out
    assert "缺城乡分类数据" in ran.out
    assert "按截尾，不四舍五入" in ran.out


def test_a_report_before_the_list_of_divisions_remarks_it(city):
    rows = city("coverage", "report", "4418", "--on", "2021-12-31", "--format", "json").json

    assert "区划口径：2023-06-30" in {row["remark"] for row in rows}


def test_the_gaps_are_named(city):
    ran = city("coverage", "gaps", "441826", "--indicator", "T01.urban", "--format", "json")

    assert ran.code == 0
    assert len(ran.json) == 2  # 连南 has two urban communities
    assert all(gap["where"].startswith("三江镇") or gap["where"] for gap in ran.json)


def test_an_unknown_division_or_day_is_a_word_and_no_traceback(city):
    for arguments in (("999999",), ("4418", "--on", "2026-13-01")):
        ran = city("coverage", "report", *arguments)

        assert ran.code == 1
        assert "[" in ran.err
        assert "Traceback" not in ran.err


def test_the_ranking_fits_a_terminal_and_says_its_rule(city):
    ran = city("coverage", "rank", "441800000000", "--on", "2026-11-23")

    assert ran.code == 0, ran.err
    assert "尚差 89 个" in ran.out  # of 93 in 清城区
    assert "数据待核：全部" in ran.out
    assert "先看达到目标的重点指标有几个" in ran.out
