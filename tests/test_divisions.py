"""The tree of 行政区划: codes, versions, and lists that are read whole or not at all."""

import json
from datetime import date

import pytest

from servicemap import db, division_list, divisions
from servicemap.access import SEED
from servicemap.audit import head_seq, write_txn
from servicemap.division_list import DivisionRow, import_divisions
from servicemap.divisions import find, get
from servicemap.errors import ConflictError, InvalidError, NotFoundError
from servicemap.models import Division, Succession
from tests.factories import NORTH_GATE, TODAY, TREE, a_division, a_tree

# 东莞 is a city without counties: its code stands for the city and for the one county below it
DONGGUAN = (
    ("441900000000", "东莞市", "city", ""),
    ("441900000000", "市辖", "county", "441900000000"),
    ("441900003000", "东城街道", "town", "441900000000"),
    ("441900003001", "岗贝社区", "community", "441900003000"),
)
SAPPORO = (
    ("01100", "札幌市", "city", ""),
    ("01101", "中央区", "county", "01100"),
    ("01102", "北区", "county", "01100"),
)
RENAMED_ON = date(2025, 1, 1)


def row(code=NORTH_GATE, name="北门社区", level="community", parent="441802001000", **rest) -> DivisionRow:
    return DivisionRow(code, name, level, parent, **rest)


def subtree(code: str) -> set[str]:
    root = get(code)
    below = Division.select().where(Division.lft.between(root.lft, root.rgt))
    return {division.padded_code for division in below}


# Codes


def test_each_level_keeps_the_code_of_its_own_length(registry):
    tree = a_tree()

    codes = [tree[code].code for code in ("441800000000", "441802000000", "441802001000", NORTH_GATE)]

    assert codes == ["4418", "441802", "441802001", "441802001001"]


def test_what_a_code_says_is_kept_as_facts(registry):
    tree = a_tree()

    kinds = {code: (tree[code].town_kind, tree[code].community_kind) for code in tree}
    assert kinds["441802001000"] == ("street", None)
    assert kinds["441802102000"] == ("town", None)
    assert kinds["441881450000"] == ("pseudo", None)
    assert kinds["441802001001"] == (None, "residents_committee")
    assert kinds["441802102200"] == (None, "villagers_committee")
    assert kinds["441881101498"] == (None, "other")
    assert [code for code in tree if tree[code].pseudo] == ["441881450000"]
    assert [code for code in tree if tree[code].virtual] == ["441881101498"]


@pytest.mark.parametrize("code", ["4418", "441800", "441800000000"])
def test_a_division_is_found_by_its_code_padded_or_not(registry, code):
    a_tree()

    assert get(code).name == "清远市"


def test_a_padded_code_means_the_highest_level_unless_the_level_is_said(registry):
    a_tree(DONGGUAN)

    assert get("441900000000").level == "city"
    assert get("441900000000", level="county").name == "市辖"
    assert find("441900000000", level="town") is None
    assert get("4419").level == "city"


def test_a_code_that_stands_for_two_levels_makes_no_circle_when_it_is_read_again(registry):
    a_tree(DONGGUAN)

    again = import_divisions(SEED, [DivisionRow(*each) for each in DONGGUAN])

    assert again == {"created": 0, "updated": 0, "unchanged": 4}
    assert get("441900003000").parent.level == "county"
    assert get("441900000000", level="county").parent.level == "city"


def test_another_country_keeps_its_own_codes(registry):
    tree = a_tree(SAPPORO)

    assert {(d.code, d.padded_code, d.community_kind) for d in tree.values()} == {
        (code, code, None) for code, *_ in SAPPORO
    }
    assert get("01101").parent.name == "札幌市"
    assert subtree("01100") == {"01100", "01101", "01102"}


def test_who_is_not_there_is_told(registry):
    with pytest.raises(NotFoundError, match="999999"):
        get("999999")
    assert find("999999") is None


# The tree


def test_a_subtree_is_what_lies_between_left_and_right(registry):
    a_tree()

    everything = {code for code, *_ in TREE}
    assert subtree("441800000000") == everything
    assert subtree("441802000000") == {code for code in everything if code.startswith("441802")}
    assert subtree(NORTH_GATE) == {NORTH_GATE}


def test_a_tree_that_grows_is_numbered_anew(registry):
    a_tree()

    import_divisions(SEED, [row("441802001003", "东门社区")])

    assert subtree("441802001000") == {"441802001000", NORTH_GATE, "441802001002", "441802001003"}
    assert "441802001003" not in subtree("441802102000")


def test_a_path_leads_from_the_top_to_the_division(registry):
    tree = a_tree()

    path = divisions.paths([tree[NORTH_GATE].id])[tree[NORTH_GATE].id]

    assert [step.name for step in path] == ["清远市", "清城区", "凤城街道", "北门社区"]
    assert [step.level for step in path] == ["city", "county", "town", "community"]


def test_children_are_those_of_the_day_by_code(registry):
    tree = a_tree()
    import_divisions(SEED, [row("441802001003", "新社区", valid_from="2026-12-01")])

    today = [child.padded_code for child in divisions.children(tree["441802001000"], TODAY)]
    later = [child.padded_code for child in divisions.children(tree["441802001000"], date(2026, 12, 1))]

    assert today == ["441802001001", "441802001002"]
    assert later == [*today, "441802001003"]
    assert [top.name for top in divisions.children(None, TODAY)] == ["清远市"]


# Versions


def test_a_division_that_is_replaced_ends_on_the_day_its_successor_begins(registry):
    a_tree()

    import_divisions(SEED, [row("441802001009", "大北门社区", valid_from="2025-01-01", replaces=NORTH_GATE)])

    old, new = get(NORTH_GATE), get("441802001009")
    assert (old.valid_to, new.valid_from) == (RENAMED_ON, RENAMED_ON)
    assert [(s.old_id, s.new_id, s.succeeded_on) for s in Succession.select()] == [
        (old.id, new.id, RENAMED_ON)
    ]


def test_a_new_validity_of_the_same_code_is_another_division(registry):
    old = a_division()

    import_divisions(SEED, [row(name="大北门社区", valid_from="2025-01-01", replaces=NORTH_GATE)])

    assert get(NORTH_GATE).name == "大北门社区"
    assert get(NORTH_GATE, on=date(2024, 12, 31)).name == "北门社区"
    assert get(NORTH_GATE, on=RENAMED_ON).name == "大北门社区"
    assert [(s.old_id, s.new_id) for s in Succession.select()] == [(old.id, get(NORTH_GATE).id)]


def test_a_division_may_be_split(registry):
    a_tree()

    import_divisions(
        SEED,
        [
            row("441802001008", "东北门社区", valid_from="2025-01-01", replaces=NORTH_GATE),
            row("441802001009", "西北门社区", valid_from="2025-01-01", replaces=NORTH_GATE),
        ],
    )

    assert get(NORTH_GATE).valid_to == RENAMED_ON
    assert Succession.select().count() == 2


def test_a_list_with_its_history_gives_the_same_when_it_is_read_again(registry):
    history = [
        row("441802001009", "大北门社区", valid_from="2025-01-01", replaces=NORTH_GATE),
        row(),
        row(name="原北门社区", valid_from="2025-06-01"),
    ]
    a_tree()
    import_divisions(SEED, history)
    before = [d.__data__ for d in Division.select().order_by(Division.id)], head_seq()

    again = import_divisions(SEED, history)

    assert again == {"created": 0, "updated": 0, "unchanged": 3}
    assert ([d.__data__ for d in Division.select().order_by(Division.id)], head_seq()) == before


def test_what_has_ended_cannot_be_replaced(registry):
    a_tree()
    import_divisions(SEED, [row(valid_to="2020-01-01")])
    before = head_seq()

    with pytest.raises(ConflictError) as refused:
        import_divisions(SEED, [row("441802001009", "新", valid_from="2025-01-01", replaces=NORTH_GATE)])

    assert refused.value.code == "already_retired"
    assert (find("441802001009"), head_seq()) == (None, before)


def test_two_validities_of_a_code_never_overlap(registry):
    a_tree()

    with pytest.raises(ConflictError, match="重叠") as refused:
        import_divisions(SEED, [row(name="大北门社区", valid_from="2025-01-01")])

    assert refused.value.code == "overlapping_validity"
    assert get(NORTH_GATE).name == "北门社区"


# Lists


def test_a_list_is_counted_and_stands_in_the_audit(registry):
    a_tree()

    counts = import_divisions(
        SEED, [row(name="北门新社区"), row("441802001003", "东门社区"), row("441802001002", "南门社区")]
    )

    assert counts == {"created": 1, "updated": 1, "unchanged": 1}
    changes = db.query("SELECT key, action, diff FROM change ORDER BY seq DESC LIMIT 2")
    assert {(key, action) for key, action, _ in changes} == {
        (NORTH_GATE, "update"),
        ("441802001003", "create"),
    }
    renamed = next(text for key, _, text in changes if key == NORTH_GATE)
    assert json.loads(renamed) == {"name": ["北门社区", "北门新社区"]}


def test_an_empty_text_leaves_what_is_there(registry):
    a_tree()
    import_divisions(SEED, [row(valid_to="2030-01-01", urban_rural="111")])

    counts = import_divisions(SEED, [row()])

    assert counts["unchanged"] == 1
    assert (get(NORTH_GATE).urban_rural, get(NORTH_GATE).valid_to) == ("111", date(2030, 1, 1))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (row(name=""), "missing"),
        (row(level="乡村"), "unknown_level"),
        (row(parent="441899000000"), "unknown_parent"),
        (row(parent=NORTH_GATE), "unknown_parent"),
        (row(parent=""), "unknown_parent"),
        (row(valid_from="昨天"), "bad_date"),
        (row(valid_from="2025-01-02", valid_to="2025-01-01"), "dates_upside_down"),
        (row("441802001009", replaces=NORTH_GATE), "bad_succession"),
        (row("441802001009", replaces="441802001999", valid_from="2025-01-01"), "bad_succession"),
        (row("441802001003"), "duplicate_code"),
    ],
)
def test_a_list_with_a_mistake_is_refused_whole_and_names_the_row(registry, wrong, code):
    a_tree()
    before = head_seq()

    with pytest.raises(InvalidError) as refused:
        import_divisions(SEED, [row("441802001003", "东门社区"), wrong])

    assert [(problem.row, problem.code) for problem in refused.value.problems] == [(2, code)]
    assert (find("441802001003"), head_seq()) == (None, before)


# Shapes and residents

SQUARE = {"type": "Polygon", "coordinates": [[[113, 23], [114, 23], [114, 24], [113, 24], [113, 23]]]}
INNER = {
    "type": "Polygon",
    "coordinates": [[[113.2, 23.2], [113.4, 23.2], [113.4, 23.4], [113.2, 23.4], [113.2, 23.2]]],
}


def test_a_point_lies_in_the_smallest_division_that_holds_it(registry):
    tree = a_tree()
    with write_txn(SEED) as log:
        stored = [
            division_list.set_shape(log, tree["441800000000"], SQUARE, "test"),
            division_list.set_shape(log, tree["441802000000"], INNER, "test"),
            division_list.set_shape(log, tree["441802000000"], INNER, "test"),
        ]

    assert stored == [True, True, False]
    assert Division.get_by_id(divisions.locate(113.3, 23.3)).name == "清城区"
    assert Division.get_by_id(divisions.locate(113.6, 23.6)).name == "清远市"
    assert divisions.locate(115, 23.3) is None
    assert divisions.extent("") == (113, 23, 114, 24)
    assert divisions.extent("1,2,3,4") == (1, 2, 3, 4)


def test_residents_are_counted_once_a_day_and_kind(registry):
    city = a_division("441800000000")
    counted = ("resident_census", date(2020, 11, 1))
    with write_txn(SEED) as log:
        stored = [
            division_list.set_population(log, city, *counted, persons, "七普")
            for persons in (1, 3_969_473, 3_969_473)
        ]

    assert stored == [True, True, False]
    assert db.query("SELECT persons FROM population") == [(3_969_473,)]


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "3,2,1,4", "0,0,181,1"])
def test_an_extent_that_is_no_box_is_refused(text):
    with pytest.raises(InvalidError, match="西,南,东,北"):
        divisions.parse_extent(text)
