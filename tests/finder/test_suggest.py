"""What is suggested while a family types."""

from collections.abc import Sequence

import pytest

from servicemap.facility_types import Kinds
from servicemap.finder import suggest as module
from servicemap.finder.suggest import Suggestions, suggest
from tests.factories import TODAY, a_place, a_saying, a_tree, a_type

pytestmark = pytest.mark.usefixtures("registry")

YINGDE, SHAKOU, TIANXIN_OF_YINGDE = "441881000000", "441881101000", "441881101201"


def suggested(q: str, limit: int = 5, within: Sequence[tuple[int, int]] = ()) -> Suggestions:
    return suggest(q, Kinds(), TODAY, limit=limit, within=within)


def names(found: Suggestions) -> tuple[list[str], list[str], list[str]]:
    return (
        [each.kind.key for each in found.types],
        [path[-1].code for path in found.divisions],
        [place.name for place in found.facilities],
    )


@pytest.mark.parametrize(
    "q",
    [
        "儿",
        "儿童",
        "兒童",
        "ertong",
        "ertongz",
        "ertongzhij",
        "ertongzhijia",
        "et",
        "etzj",
        "er tong",
        "er tong zh",
        "er'tong'zhi'j",
        "er tong zhi jia",
    ],
)
def test_a_type_a_place_and_its_pinyin_are_met_as_far_as_typed(q):
    a_type("childrens_home")
    a_place("儿童之家", types=["childrens_home"])
    a_place("图书馆", types=["library"])

    assert names(suggested(q)) == (["childrens_home"], [], ["儿童之家"])


def test_a_type_says_by_which_of_its_names_it_was_met():
    a_type("nursery", aliases=("托儿所", "早教"))

    assert [each.matched for each in suggested("早").types] == ["早教"]
    assert [each.matched for each in suggested("tuoyu").types] == ["托育机构"]


def test_what_is_called_so_comes_first_then_what_begins_so_the_higher_level_first():
    a_tree()
    a_place("大英德托育", division="441802001002")
    a_place("英德市托育", division="441802001002")

    by_start, by_name = suggested("英"), suggested("英德")
    villages, town = suggested("田心"), suggested("沙口")

    assert names(by_start)[1] == names(by_name)[1] == [YINGDE]
    assert names(by_name)[2] == ["英德市托育", "大英德托育"]
    assert names(villages)[1] == ["441802102200", TIANXIN_OF_YINGDE]
    assert names(town)[1] == [SHAKOU, "441881101498"]


@pytest.mark.parametrize(
    "q", ["英德 托", "英德托", "yingde 托", "英德市沙口镇托", "yingdetuoy", "ying de tuo y"]
)
def test_words_before_the_last_that_name_divisions_say_where(q):
    a_tree()
    a_type("nursery")
    a_place("宝宝托育园", division=TIANXIN_OF_YINGDE)
    a_place("贝贝托育园", division="441802001001")

    assert names(suggested(q)) == (["nursery"], [], ["宝宝托育园"])


@pytest.mark.parametrize("q", ["附近 托", "附近的托", "我要找 英德附近的托", "2岁 托", "我要找托"])
def test_what_says_nothing_is_left_out(q):
    for word in ("附近", "我要找", "的"):
        a_saying("filler", word)
    a_tree()
    a_type("nursery")
    a_place("宝宝托育园", division=TIANXIN_OF_YINGDE)

    found = suggested(q)

    assert names(found) == (["nursery"], [], ["宝宝托育园"])
    assert found.ignored == (("2岁",) if "2岁" in q else ())


def test_what_says_nothing_is_looked_for_where_a_name_has_it_or_nothing_else_was_typed():
    a_saying("filler", "附近")
    a_place("附近书店")
    a_place("书店")

    assert names(suggested("附近书"))[2] == names(suggested("附近"))[2] == ["附近书店"]


def test_a_printed_code_is_met_as_its_place_while_that_is_open():
    place, closed = a_place("家长学校"), a_place("旧校", closed_on=TODAY)

    for code in (place.code, place.code.replace("-", "").lower()):
        assert names(suggested(code)) == ([], [], ["家长学校"])
    assert names(suggested(closed.code)) == ([], [], [])


def test_a_type_that_is_named_whole_outdoes_one_that_has_it_inside():
    a_type("hospital", name="医院", aliases=("儿科",))
    a_type("science_venue", name="少儿科普活动场所")

    assert names(suggested("儿科"))[0] == ["hospital"]
    assert names(suggested("科普"))[0] == ["science_venue"]


def test_a_division_narrows_divisions_and_places():
    tree = a_tree()
    a_place("田心托育园", division=TIANXIN_OF_YINGDE)
    a_place("田心托育点", division="441802102200")
    county = tree[YINGDE]

    found = suggested("田心", within=[(county.lft, county.rgt)])

    assert names(found) == ([], [TIANXIN_OF_YINGDE], ["田心托育园"])
    assert names(suggested("清城 田心", within=[(county.lft, county.rgt)])) == ([], [], [])


def test_closed_and_planned_places_are_not_suggested_nor_divisions_that_are_no_more():
    a_tree()
    a_tree((("441882000000", "连州市", "county", "441800000000", "", "2020-01-01"),))
    a_place("连州托育一", closed_on=TODAY)
    a_place("连州托育二", opened_on=TODAY.replace(year=TODAY.year + 1))
    a_place("连州托育三")

    assert names(suggested("连州")) == ([], [], ["连州托育三"])


def test_a_place_of_which_only_the_contact_is_public_is_met_by_its_name_with_its_county():
    a_tree()
    a_place("连心庇护所", address="人民路 3 号", visibility="contact_only")

    (place,) = suggested("连心").facilities

    assert [step.name for step in place.path] == ["清远市", "清城区"]
    assert suggested("人民路").facilities == []


def test_of_more_places_than_are_ranked_those_that_begin_so_still_come_first(monkeypatch):
    monkeypatch.setattr(module, "FEW", 3)
    a_tree()
    for number in range(5):
        a_place(f"第{number}家托育园", division=TIANXIN_OF_YINGDE)
    a_place("托育园")

    assert names(suggested("托育", limit=1))[2] == ["托育园"]
    assert len(suggested("托育", limit=10).facilities) == 6
    assert len(suggested("英德 托育", limit=10).facilities) == 5
    assert suggested("源潭 托育", limit=10).facilities == []


def test_nothing_typed_is_silently_left_aside():
    a_tree()

    assert suggested("+*").ignored == ("+", "*")
    assert suggested("英德*").ignored == ("*",)
    assert names(suggested("英德*"))[1] == [YINGDE]
    assert suggested("没有这样的") == Suggestions([], [], [], ())
