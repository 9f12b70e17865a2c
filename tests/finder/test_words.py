"""What the words of a query mean, and that three ways of looking them up agree."""

from random import Random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from playhouse.test_utils import count_queries

from servicemap import db, keys, storing, text
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.facility_types import Kinds
from servicemap.finder import words
from servicemap.finder.words import Reading, contains_sql, ids_after, literal_ids, read, score
from servicemap.records import Record
from servicemap.text import holds, key_of, phrases
from tests.factories import TODAY, a_change, a_division, a_place, a_tree, a_type, scaled

CHARACTERS = "托育家长学校儿童之家乐园圖書館重行臺中心村abc1２é🌈·（）"
PLACES = 25


def kinds_read(q: str) -> tuple[list[str], list[str], tuple[str, ...]]:
    """(types, divisions, free words) of a query, of divisions the codes."""
    kinds = Kinds()
    reading = read(q, kinds)
    types = [kinds.by_id[id_].key for id_ in reading.types or ()]
    return types, sorted(place.code for place in reading.places), reading.free


NURSERIES = ["nursery", "community_nursery", "employer_nursery", "kindergarten_nursery", "family_nursery"]
HELP = ["protection_station", "protection_centre", "childrens_director"]
YINGDE, QINGCHENG = "441881000000", "441802000000"


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize(
    ("q", "types", "divisions", "free"),
    [
        ("托育", NURSERIES, [], ()),
        ("tuoyu", NURSERIES, [], ()),
        ("幼托", ["nursery", "kindergarten_nursery"], [], ()),
        ("早教", ["nursery"], [], ()),
        ("日托", ["nursery", "community_nursery", "family_nursery"], [], ()),
        ("育婴", ["nursery"], [], ()),
        ("托管", ["nursery", "childrens_home"], [], ()),
        ("晚托", ["childrens_home"], [], ()),
        ("留守儿童", ["childrens_home", "childrens_director"], [], ()),
        ("打针", ["township_health_centre", "community_health_centre"], [], ()),
        ("接种", ["township_health_centre", "community_health_centre"], [], ()),
        ("疫苗", ["township_health_centre", "community_health_centre"], [], ()),
        ("预防接种", ["township_health_centre", "community_health_centre"], [], ()),
        ("兴趣班", ["youth_palace"], [], ()),
        ("游乐场", ["theme_park", "play_area"], [], ()),
        ("游乐园", ["theme_park", "play_area"], [], ()),
        ("儿童公园", ["friendly_park", "theme_park"], [], ()),
        ("儿科", ["maternal_child_hospital", "hospital"], [], ()),
        ("erke", ["maternal_child_hospital", "hospital"], [], ()),
        ("科普", ["science_base", "science_venue"], [], ()),
        ("救助站", ["protection_centre"], [], ()),
        ("家长学堂", ["parent_school"], [], ()),
        ("公园", ["friendly_park", "theme_park", "park"], [], ()),
        ("兒童之家", ["childrens_home"], [], ()),
        ("ertongzhijia", ["childrens_home"], [], ()),
        ("etzj", ["childrens_home"], [], ()),
        ("nursery", [key for key in NURSERIES if key != "kindergarten_nursery"], [], ()),
        ("图书馆 博物馆", ["childrens_library", "museum", "library"], [], ()),
        ("儿童 公园", ["friendly_park", "theme_park"], [], ()),
        ("英德", [], [YINGDE], ()),
        ("英德市", [], [YINGDE], ()),
        ("yingde", [], [YINGDE], ()),
        ("英德 托育", NURSERIES, [YINGDE], ()),
        ("英德托育", NURSERIES, [YINGDE], ()),
        ("托育，英德！", NURSERIES, [YINGDE], ()),
        ("清城区家长学校", ["parent_school", "school_parent_school"], [QINGCHENG], ()),
        ("英德市沙口镇托育", NURSERIES, ["441881101000"], ()),
        ("yingdetuoyu", NURSERIES, [YINGDE], ()),
        ("ying de tuo yu", NURSERIES, [YINGDE], ()),
        ("yingdeshi tuo'yu", NURSERIES, [YINGDE], ()),
        ("er tong zhi jia", ["childrens_home"], [], ()),
        ("er'tong'zhi'jia", ["childrens_home"], [], ()),
        ("yingdeyangguang", [], [], ("yingdeyangguang",)),
        ("附近的托育", NURSERIES, [], ()),
        ("我要找离我最近的托育", NURSERIES, [], ()),
        ("哪里有 托育", NURSERIES, [], ()),
        ("英德哪里有托育", NURSERIES, [YINGDE], ()),
        ("英德附近的阳光", [], [YINGDE], ("阳光",)),
        ("附近 最近的", [], [], ()),
        ("在哪", [], [], ()),
        ("0-3岁托育", NURSERIES, [], ()),
        ("两岁 托育", NURSERIES, [], ()),
        ("18个月宝宝的托育", NURSERIES, [], ()),
        ("一岁半到三岁以下的孩子 英德托育", NURSERIES, [YINGDE], ()),
        ("家暴", HELP, [], ()),
        ("英德孩子被欺凌了怎么办", HELP, [YINGDE], ()),
        ("报警电话", HELP, [], ()),
        ("走失儿童", HELP, [], ()),
        ("走失 儿童", HELP, [], ()),
        ("心理", HELP, [], ()),
        ("想找个托班", ["nursery", "kindergarten_nursery"], [], ()),
        ("晚托班", ["childrens_home"], [], ()),
        ("哪里可以打疫苗", ["township_health_centre", "community_health_centre"], [], ()),
        ("12345", [], [], ("12345",)),
        ("英德 阳光", [], [YINGDE], ("阳光",)),
        ("英德阳光", [], [], ("英德阳光",)),
        ("英德 清城", [], [YINGDE], ("清城",)),
        ("家", [], [], ("家",)),
        ("13", [], [], ("13",)),
        ("zzz 没有", [], [], ("zzz", "没有")),
        ("+*", [], [], ()),
    ],
)
def test_a_query_is_read_as_types_places_and_free_words(q, types, divisions, free):
    assert kinds_read(q) == (types, divisions, free)


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize(
    ("q", "filters", "ignored"),
    [
        ("免费托育", ("free",), ()),
        ("普惠的 免费 托育", ("free", "inclusive"), ()),
        ("英德有备案的托育", ("registered",), ()),
        ("附近的托育", (), ()),
        ("0-3岁托育*", (), ("0-3岁", "*")),
        ("两岁半 托育", (), ("两岁半",)),
        ("第3小学", (), ()),
    ],
)
def test_some_words_are_filters_and_an_age_is_said_to_be_of_no_use(q, filters, ignored):
    reading = read(q, Kinds())

    assert (reading.filters, reading.ignored) == (filters, ignored)


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize(
    ("q", "asked"),
    [
        ("家暴", True), ("家 暴", False), ("老師虐待學生怎麼投訴", True), ("离家出走 英德", True), ("110", True),
        ("12355", True), ("人民路110号", False), ("托育", False), ("公园", False), ("", False),
    ],
)  # fmt: skip
def test_who_may_need_protection_is_heard_wherever_it_is_said(q, asked):
    assert read(q, Kinds()).protection == asked


@pytest.mark.usefixtures("reference")
def test_a_name_that_begins_with_a_saying_is_searched_as_it_stands():
    without = read("我家阳光屋", Kinds()).free
    a_place("我家阳光屋")

    assert (without, read("我家阳光屋", Kinds()).free) == (("阳光屋",), ("我家阳光屋",))
    assert literal_ids(("我家阳光屋",), cap=1) is not None


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("q", ["英德" * 50, "英德市" * 33, "yingde" * 16, "田心" * 50, "的" * 100, "a" * 100])
def test_no_query_costs_more_than_some_look_ups(q):
    kinds = Kinds()
    read("英德托育", kinds)  # what is kept in memory

    with count_queries() as asked:
        read(q, kinds)

    assert asked.count <= 5 * words.LONGEST_PLACE


@pytest.mark.usefixtures("reference")
def test_a_name_that_eight_villages_share_means_all_of_them_and_with_a_county_its_one():
    _, all_of_them, _ = kinds_read("田心")
    _, one, _ = kinds_read("英德 田心村")

    assert len(all_of_them) == 8
    assert one == ["441881114215"]


@pytest.mark.usefixtures("registry")
def test_a_name_of_more_divisions_than_one_can_mean_is_a_free_word():
    town = ("441802102000", "源潭镇", "town", "441802000000")
    county = ("441802000000", "清城区", "county", "")
    villages = [
        (f"441802102{n:03}", "田心村", "community", town[0]) for n in range(200, 200 + words.MOST_PLACES + 1)
    ]
    a_tree((county, town, *villages[:-1]))
    within = kinds_read("田心")
    a_tree((county, town, *villages))

    beyond = kinds_read("田心")

    assert (len(within[1]), within[2]) == (words.MOST_PLACES, ())
    assert beyond == ([], [], ("田心",))


@pytest.mark.usefixtures("registry")
def test_a_renamed_division_is_found_by_its_new_name_only():
    a_tree()
    a_tree((("441802102000", "新潭镇", "town", "441802000000"),))

    assert kinds_read("新潭") == ([], ["441802102000"], ())
    assert kinds_read("源潭") == ([], [], ("源潭",))


@pytest.mark.usefixtures("registry")
def test_a_renamed_type_is_found_by_its_new_names():
    a_type("nursery", aliases=("托儿所",))
    a_type("nursery", aliases=("宝宝屋",))

    assert kinds_read("宝宝屋")[0] == ["nursery"]
    assert kinds_read("托儿所")[0] == []


@pytest.mark.usefixtures("registry")
def test_what_is_ignored_is_said_and_every_word_is_kept():
    a_tree()

    reading = read("英德 托育*", Kinds())

    assert reading == Reading(None, reading.places, ("托育",), ("英德", "托育"), ("*",))


@pytest.mark.usefixtures("registry")
def test_a_place_is_found_by_its_new_name_and_no_longer_by_the_old():
    place = a_place("北门社区家长学校", address="人民路 3 号")
    before = literal_ids(("北门", "人民路3"), cap=10)
    a_change(place, name="南门社区儿童之家")

    assert before == [place.id]
    assert literal_ids(("北门",), cap=10) == []
    assert literal_ids(("nanmen",), cap=10) == [place.id]


@pytest.mark.usefixtures("registry")
def test_a_place_of_which_only_the_contact_is_public_is_not_found_by_its_address():
    place = a_place("北门庇护所", address="人民路 3 号", visibility="contact_only")

    assert literal_ids(("庇护所",), cap=10) == [place.id]
    assert literal_ids(("人民路",), cap=10) == []


@pytest.mark.usefixtures("registry")
def test_beyond_the_cap_there_is_no_answer_but_the_walk_goes_on():
    ids = [a_place(f"第{n}家托育").id for n in range(5)]

    assert literal_ids(("托育",), cap=5) == ids
    assert literal_ids(("托育",), cap=4) is None
    assert ids_after(("托育",), ids[1], 2) == ids[2:4]


def test_the_name_counts_more_than_the_address_and_its_beginning_more_than_its_middle():
    key = key_of("托育中心", also="阳光路").ch

    scores = [score(key, asked) for asked in (("托育", "中心"), ("托育",), ("中心",), ("阳光",), ("tuoyu",))]

    assert scores == [0, 1, 2, 3, 3]


# The index, the condition and counting agree

NAMES = st.text(st.one_of(st.sampled_from(CHARACTERS), st.characters()), max_size=14)
LATIN = ("tuoyu", "tuo", "jiazh", "etzj", "zj", "xuexiao", "leyuan", "chongxing", "abc", "1", "a1", "ertongz")


@pytest.fixture
def ids(registry: str) -> list[int]:
    """The ids of places whose keys a test may write as it likes."""
    places = [Record(0, f"第 {number} 家", a_division().id) for number in range(PLACES)]
    with write_txn(SEED) as log:
        storing.write(log, places, [], TODAY)
    return [id_ for (id_,) in db.query("SELECT id FROM facility ORDER BY id")]


@given(data=st.data())
@effort(
    max_examples=scaled(1000, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_index_the_condition_and_pythons_in_give_the_same_places(ids, data):
    names = data.draw(st.lists(st.tuples(NAMES, NAMES), min_size=PLACES, max_size=PLACES))
    made = {id_: key_of(name, also=also) for id_, (name, also) in zip(ids, names, strict=True)}
    with db.transaction():
        keys.delete("search_key", ids)
        keys.insert("search_key", [keys.row(id_, key) for id_, key in made.items()])
    random = Random(repr(names))

    for asked in _queries(random, [text.folded(name) for name, _ in names]):
        expected = [id_ for id_, key in made.items() if all(holds(key, phrases(word)) for word in asked)]
        sql, values = contains_sql(asked)
        rows = db.query(f"SELECT facility_id FROM search_key k WHERE {sql} ORDER BY facility_id", values)

        assert literal_ids(asked, cap=PLACES) == expected, asked
        assert ids_after(asked, 0, PLACES) == expected, asked
        assert [row[0] for row in rows] == expected, asked


def _queries(random: Random, names: list[str]) -> list[tuple[str, ...]]:
    """Parts of names, as they are and in pinyin, some that no name has, one word or two."""
    parts = []
    for name in filter(None, names):
        start = random.randrange(len(name))
        parts += text.words(name[start : start + random.choice((1, 2, 2, 3, 9))])[0]
    parts += [*random.sample(LATIN, 4), "".join(random.sample(CHARACTERS[:20], 2))]
    parts = [word for part in parts for word in text.words(part)[0]]
    return [(part,) for part in parts] + [tuple(random.sample(parts, 2)) for _ in range(8)]


@pytest.mark.usefixtures("demo")
def test_in_the_demo_too_after_all_its_writes():
    rows = db.query("SELECT facility_id, ch, py, ini FROM search_key ORDER BY facility_id")
    made = {id_: text.Key(*columns) for id_, *columns in rows}

    for asked in (
        ("托育",),
        ("家长",),
        ("家",),
        ("etzj",),
        ("ertongz",),
        ("xuexiao",),
        ("英德", "学校"),
        ("长家",),
    ):
        expected = [id_ for id_, key in made.items() if all(holds(key, phrases(word)) for word in asked)]

        assert literal_ids(asked, cap=10_000) == expected
    assert len(made) == len(db.query("SELECT 1 FROM card"))


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    "word", ["and", "or", "not", "near", "a", "ch", "rowid", "é", "🌈", "0" * 50, "zz" * 25]
)
def test_words_of_the_engines_own_language_are_plain_characters(word):
    place = a_place(word)

    assert literal_ids((word,), cap=10) == [place.id]
