"""One place registered twice: seen, however many there are; and two that are two, told apart for good."""

import pytest

from servicemap import db, divisions, duplicates
from servicemap.access import SEED, Actor
from servicemap.duplicates import Place, alike, pairs
from servicemap.errors import ForbiddenError, InvalidError
from tests.factories import LAT, LNG, TODAY, a_change, a_place, scaled

METRE = 1 / 110_900  # degrees of latitude


def near(id_: int, name: str, *, metres: float = 0, division_id: int = 1, **more: str) -> Place:
    return Place(id_, name, division_id, LNG, LAT + metres * METRE, **more)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("北门社区家长学校", "北门社区 家长学校", True),
        ("北门社区家长学校", "北门社区居委会家长学校", True),
        ("阳光托育园", "清城区阳光托育园", True),
        ("北门社区家长学校", "北门社区儿童之家", False),
        ("第一幼儿园", "第二幼儿园", False),
        ("北门小学", "南门中学", False),
    ],
)
def test_names_are_alike(one, other, expected):
    assert alike(one, other) is alike(other, one) is expected


def test_alike_and_near_in_one_division_is_a_pair_and_no_less():
    first = near(1, "北门家长学校")

    assert [pair.reasons for pair in pairs([first, near(2, "北门 家长学校", metres=95)])] == [
        ("名称相近，相距 94 米",)
    ]
    assert pairs([first, near(2, "北门家长学校", metres=105)]) == []
    assert pairs([first, near(2, "北门家长学校", division_id=2)]) == []
    assert pairs([first, near(2, "北门儿童之家")]) == []


def test_a_phone_needs_alike_names_and_a_code_does_not():
    def pair(one: dict[str, str], other: dict[str, str], name: str = "南门家长学校") -> list[str]:
        found = pairs([Place(2, "北门家长学校", 1, **one), Place(1, name, 2, **other)])
        return [f"{each.one.id}-{each.other.id} {'、'.join(each.reasons)}" for each in found]

    phone, same_phone = {"phone": "0763-3360000"}, {"phone": "(0763) 3360000"}
    assert pair(phone, same_phone, "北门社区家长学校") == ["1-2 名称相近，电话相同"]
    assert pair(phone, same_phone, "儿童之家") == []
    assert pair({"credit_code": "A"}, {"credit_code": "A"}, "儿童之家") == ["1-2 统一社会信用代码相同"]
    assert pair({"registration_no": "7"}, {"registration_no": "7"}) == ["1-2 备案编号相同"]
    assert pair({"registration_no": "7"}, {"registration_no": "8"}, "儿童之家") == []


def test_what_very_many_share_is_an_offices_and_no_sign():
    many = [Place(n, "家长学校", 1, credit_code="A", phone="1") for n in range(duplicates.MOST_SHARING + 1)]

    assert pairs(many) == []
    assert len(pairs(many[1:])) == 15


def test_a_crowd_on_one_point_hides_no_namesake():
    crowd = [near(n, f"{chr(0x4E00 + n)}{chr(0x5E00 + n)}学校") for n in range(scaled(10_000, 1000))]

    found = pairs([*crowd, near(90_000, "唯一的托育园"), near(90_001, "唯一的托育园")])

    assert [(pair.one.id, pair.other.id) for pair in found][-1:] == [(90_000, 90_001)]


def test_many_places_are_gone_through_in_one_go():
    number = scaled(100_000, 10_000)
    places = [
        Place(n, f"{n // 3} 村家长学校", n // 30, LNG + n % 300 * 0.0004, LAT + n // 300 * 0.0004)
        for n in range(number)
    ]

    found = pairs([*places, Place(number, "1 村家长学校", 0, LNG + 3 * 0.0004, LAT)])

    assert all(pair.one.name == pair.other.name for pair in found)
    assert [pair.one.id for pair in found if pair.other.id == number] == [3, 4, 5]


def test_the_registrys_pairs_leave_out_what_is_closed_rough_and_told_apart(registry):
    one = a_place("甲托育园", types=("nursery",), registration_no="441802001")
    other = a_place("乙托育园", types=("nursery",), registration_no="441802001", lng=113.2)
    a_place("甲 托育园", precision="community")
    gone = a_place("甲托育园 ", closed_on=TODAY)
    before = duplicates.suspects((), TODAY)

    told = duplicates.tell_apart(SEED, other.code, one.code, "两个园区")
    after = duplicates.suspects((), TODAY)
    duplicates.tell_apart(SEED, one.code, other.code, "问过园长")

    assert gone.id not in {pair.other.id for pair in before}
    assert [(pair.one.id, pair.other.id, pair.reasons) for pair in before] == [
        (one.id, other.id, ("备案编号相同",))
    ]
    assert (told, after) == ((one.code, other.code), [])
    assert db.query("SELECT reason FROM not_same") == [("问过园长",)]
    assert db.query("SELECT key, action FROM change ORDER BY seq DESC LIMIT 1") == [
        (f"{one.code}+{other.code}", "tell_apart")
    ]
    a_change(one, name="丙托育园")
    assert duplicates.suspects((), TODAY) == []


def test_pairs_come_in_pages_and_in_ones_own_division(registry):
    places = [a_place("甲托育园") for _ in range(3)]
    far = [a_place("乙托育园", division="441881101201") for _ in range(2)]
    county = Actor("清城", "editor", "http", divisions.get("441802000000").id)

    first = duplicates.list_suspects(SEED, (), TODAY, after=None, limit=2)
    rest = duplicates.list_suspects(SEED, (), TODAY, after=first[-1].key, limit=9)
    own = duplicates.list_suspects(county, (), TODAY, after=None, limit=9)

    assert len({pair.key for pair in (*first, *rest)}) == 4
    assert rest[-1].key == f"{far[0].code}+{far[1].code}"
    assert {pair.one.division_id for pair in own} == {places[0].division_id}
    with pytest.raises(ForbiddenError):
        duplicates.tell_apart(county, far[0].code, far[1].code, "x")
    with pytest.raises(InvalidError):
        duplicates.tell_apart(SEED, far[0].code, far[0].code, "x")
