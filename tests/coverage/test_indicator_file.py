"""A file of indicators: what is wrong is said by line; another city's file needs no code."""

import random
from pathlib import Path

import pytest
import yaml

from seed import reference
from servicemap import divisions
from servicemap.access import SEED, Actor
from servicemap.audit import write_txn
from servicemap.coverage import indicators
from servicemap.coverage.indicator_file import check_file, load_file
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.measure import measure
from servicemap.errors import ForbiddenError, InvalidError
from tests.cli.conftest import run_admin
from tests.conftest import SHARED
from tests.factories import NORTH_GATE, TODAY, a_place, a_tree, scaled

SEEDED = Path(reference.__file__).parent / "indicators.yaml"
PLAN = SHARED / "plan" / "qingyuan-children-plan-2021-2030.txt"
# A city that there is not, with a kind of place and a target that our plan does not know.
OTHER = """facility_types:
  - {id: 900, key: toy_library, name: 玩具图书馆, name_en: Toy library, level: community, clauses: [X1], aliases: []}
denominator_lists:
  - {key: other-2026, edition: "2026-01-01", source: 某市}
area_groups:
  - {key: hills, name: 山区县, source: 某市规划, divisions: ["441881"]}
indicators:
  - id: X1
    name: 有玩具图书馆的居委会比例
    name_en: Communities with a toy library
    clause: 二(一)目1
    quote: 三分之一的社区有玩具图书馆
    kind: share
    department: 文化
    targets:
      - {at_least: "33.3", due_year: 2030, level: city, source: 某市规划}
    definitions:
      - id: all
        name: 居委会
        default: true
        numerator: {types: [toy_library]}
        denominator: {level: community, community_kind: residents_committee, list: other-2026}
"""


def test_nothing_is_wrong_with_our_own(reference):
    assert check_file(SEEDED.read_text(encoding="utf-8")) == []


@pytest.mark.shared_data
def test_every_clause_is_quoted_word_for_word():
    plan = PLAN.read_text(encoding="utf-8")
    entries = yaml.safe_load(SEEDED.read_text(encoding="utf-8"))["indicators"]

    assert [entry["id"] for entry in entries if entry["quote"] not in plan] == []


def test_a_clause_without_a_number_has_no_number():
    entries = yaml.safe_load(SEEDED.read_text(encoding="utf-8"))["indicators"]
    without = {"T09.counties", "T09b", "T16b.urban", "T16b.rural", "T22.urban", "T22.rural", "T25.urban"}

    targets = {entry["id"]: [set(target) for target in entry["targets"]] for entry in entries}

    assert all("direction" in target for id_ in without for target in targets[id_])


# what is replaced by what; on which line that is said, and how
FAULTS = [
    ("kind: share", "kind: shares", 8, "没有 kind “shares”"),
    ('at_least: "33.3"', "at_least: 33.3", 16, "应为带引号的数"),
    ('at_least: "33.3"', 'atleast: "33.3"', 16, "有不认识的词：atleast"),
    ("due_year: 2030", "due_year: 30", 16, "due_year 应为年份"),
    ("level: city, source", "level: citty, source", 16, "level 应为"),
    ("types: [toy_library]", "types: [toy_libary]", 18, "没有的类型：toy_libary"),
    ("default: true", "default: false", 8, "第一个口径"),
    ("level: community, community", "level: village, community", 18, "level 只能是"),
    ("list: other-2026", "list: other-2025", 18, "没有的分母名录 other-2025"),
    ("    quote: 三分之一的社区有玩具图书馆\n", "", 8, "缺 quote"),
    ("kind: share", "kind: reported", 8, "要写 unit"),
    ('at_least: "33.3"', 'change_from_base: "-20"', 16, "要有 base_year"),
    ("indicators:", "indicators", 8, "不是 YAML"),
    ("indicators:", "indicator:", 1, "文件要有 indicators"),
    ("      - id: all", "      - <<: *x\n        id: all", 18, "不支持合并键"),
    ("numerator: {types", "numerator: {type: [x], types", 21, "有不认识的词：type"),
    ("id: 900", "id: abc", 2, "id 应为"),
    ("level: community, clauses", "level: town_, clauses", 2, "level 应为"),
    ("clauses: [X1]", "clauses: X1", 2, "clauses 应为一个列表"),
    ('divisions: ["441881"]', "divisions: [449999]", 6, "没有这个区划：449999"),
    ("name: 山区县, ", "", 6, "缺 name"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "words"), FAULTS)
def test_a_fault_is_told_by_its_line(registry, right, wrong, line, words):
    a_tree()
    assert OTHER.count(right) == 1

    found = check_file(OTHER.replace(right, wrong))

    assert any(each.line == line and words in each.detail for each in found), found


def test_a_file_in_pieces_is_refused_with_a_word_and_never_a_fault(registry):
    chance = random.Random(20261126)
    for _ in range(scaled(2000, 200)):
        lines = OTHER.splitlines()
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(lines))
            lines[at] = chance.choice(
                (
                    lines[at][: chance.randrange(len(lines[at]) + 1)],
                    "- " + lines[at],
                    "[",
                    "&a [*a]",
                    "\x00",
                    "~",
                )
            )

        assert all(each.line >= 1 and each.detail for each in check_file("\n".join(lines)))


def test_another_city_needs_no_code(registry):
    a_tree()

    first, again = load_file(SEED, OTHER), load_file(SEED, OTHER)
    a_place(division=NORTH_GATE, types=["toy_library"])
    city = measure(divisions.get("441800000000"), TODAY)[0]

    assert (first, again) == ({"rows": 4, "changed": 4}, {"rows": 4, "changed": 0})
    assert (city.numerator, city.denominator, city.met, city.needed) == (1, 3, True, 0)  # 33.33… % ≥ 33.3 %


def test_a_faulty_file_loads_nothing_and_says_every_line(registry):
    a_tree()

    with pytest.raises(InvalidError) as refused:
        load_file(SEED, OTHER.replace("due_year: 2030", "due_year: 30").replace("[X1]", "X1"))

    assert [problem.row for problem in refused.value.problems] == [2, 16]
    assert list_indicators() == []


@pytest.mark.parametrize("role", ["viewer", "editor", "verifier", "admin"])
def test_only_who_keeps_the_registry_loads_a_file(registry, role):
    county = a_tree()["441802000000"]

    with pytest.raises(ForbiddenError):
        load_file(Actor("清城区", role, "http", county.id), OTHER)


def test_what_is_wrong_is_not_loaded_either(registry):
    [entry] = yaml.safe_load(OTHER)["indicators"]

    with write_txn(SEED) as log, pytest.raises(InvalidError, match="没有的类型"):
        indicators.set_indicator(log, 1, entry)


def test_from_the_command_line(reference, tmp_path):
    file = tmp_path / "某市.yaml"
    file.write_text(OTHER.replace("due_year: 2030", "due_year: 30"), encoding="utf-8")

    wrong = run_admin("indicator", "check", file, url=reference)
    right = run_admin("indicator", "check", SEEDED, url=reference)
    shown = run_admin("indicator", "show", "R29", url=reference)
    listed = run_admin("indicator", "list", "--format", "json", url=reference)

    assert (wrong.code, "某市.yaml 第 16 行 X1：due_year" in wrong.out) == (1, True)
    assert (right.code, right.out) == (0, "没有问题\n")
    assert "目标 比 2020 年下降 20%，2030 年" in shown.out
    assert {"T01.urban", "T25.rural", "R01", "R35"} <= {row["id"] for row in listed.json}
