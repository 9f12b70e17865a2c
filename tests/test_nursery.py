"""What a mother asks of a nursery, from the cell of a worker's table to the public answer and back."""

import json
import random
from datetime import date, timedelta

import pytest

from servicemap import cards, db, facts
from servicemap.access import SEED
from servicemap.api.schemas import PlacesSchema, RegistrationSchema, RoleClassSchema, RoleSchema
from servicemap.facilities import get
from servicemap.facility_types import Kinds
from servicemap.imports.apply import apply
from servicemap.models import CLASSES, DELIVERIES, FEES, FORMS, MEALS
from servicemap.nursery import read_classes, write_classes
from servicemap.records import Record, RoleClass, load
from tests.factories import LAT, LNG, TODAY, a_batch, a_change, a_place, a_plan, a_type, scaled

CELL = "托小班 12-24月 备案20 实际18 在托15 每月1800元；混龄 18-36月"
OFFER = {
    "inclusive": "是",
    "inclusive_body": "清城区卫生健康局",
    "inclusive_no": "清城普惠〔2025〕3号",
    "registration_body": "清城区卫生健康局",
    "registration_no": "示例-备案-0001",
    "forms": "半日托、全日",
    "meals": "另收餐费",
    "prepaid_months": "3个月",
    "monthly_fee": "1800元",
    "classes": CELL,
}


@pytest.fixture
def planned(settings):
    """planned(row, …): the plan of these rows."""

    def run(*rows):
        a_type("nursery")
        return a_plan(a_batch([{"type": "托育机构", **row} for row in rows]), settings)

    return run


@pytest.fixture
def applied(settings, planned):
    """applied(row, …): bring these rows into the registry; the places by name."""

    def run(*rows) -> dict[str, Record]:
        plan = planned(*rows)
        assert plan.problems == []
        (number,) = db.query("SELECT MAX(id) FROM import_batch")[0]
        apply(SEED, number, settings, TODAY)
        return {
            record.name: record
            for record in load([i for (i,) in db.query("SELECT id FROM facility")]).values()
        }

    return run


def body(place: Record) -> dict:
    return json.loads("{" + db.query("SELECT body FROM card WHERE facility_id = ?", (place.id,))[0][0])


def said(text: str) -> tuple[list[RoleClass], list[str]]:
    problems: list[str] = []
    return read_classes(text, lambda code, detail, cure: problems.append(code)), problems


# The cell 班型


def test_a_cell_names_classes_with_their_parts_in_any_order():
    usual, problems = said("托小班 12-24月 备案20 实际18 在托15 每月1800元; 混龄 18-36月")
    shuffled, _ = said("18-36个月 混龄班;每月1800元 在托15人 托小班 实际:18个 备案托位20 12月-24月;")

    assert problems == []
    assert usual == shuffled
    assert usual == [RoleClass("toddler", 12, 24, 20, 18, 15, 1800), RoleClass("mixed", 18, 36)]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("12-24月 备案20", "not_one_class"),
        ("托小班 混龄", "not_one_class"),
        ("小小班 备案20", "not_one_class"),
        ("托小班 12-24", "bad_class_part"),
        ("托小班 1-2岁", "bad_class_part"),
        ("托小班 备案", "bad_class_part"),
        ("托小班 备案-1", "bad_class_part"),
        ("托小班 每月1,800元", "bad_class_part"),
        ("托小班 20", "bad_class_part"),
        ("托小班 备案20 备案30", "class_part_twice"),
        ("托小班 12-24月 18月起", "class_part_twice"),
        ("托小班; 托小班", "class_twice"),
        ("托小班 24-12月", "ages_upside_down"),
        ("托小班 12-217月", "bad_age"),
        ("托小班 在托10001", "bad_places"),
        ("托小班 每月100001元", "bad_fee"),
        ("托小班 每月99999999999999999999元", "bad_fee"),
    ],
)
def test_a_part_that_cannot_be_read_is_told_and_never_guessed(cell, problem):
    _, problems = said(cell)

    assert set(problems) == {problem}


def test_what_is_written_reads_back_whatever_is_known():
    chance = random.Random(3)

    for _ in range(scaled(5000, 500)):
        classes = some_classes(chance)
        assert said(facts.clean("classes", write_classes(classes))) == (classes, [])


def some_classes(chance: random.Random) -> list[RoleClass]:
    def maybe(least: int, most: int) -> int | None:
        return chance.choice((None, chance.randint(least, most)))

    kinds = [kind for kind in CLASSES if chance.random() < 0.5]
    return [
        RoleClass(kind, maybe(0, 20), maybe(20, 216), *(maybe(0, 10_000) for _ in "123"), maybe(0, 100_000))
        for kind in kinds
    ]


# A row


def test_a_row_says_what_a_mother_asks(applied):
    place = applied({"name": "甲", **OFFER, "places_registered": "40"})["甲"]

    [role] = place.roles
    assert (role.inclusive, role.inclusive_body, role.inclusive_no) == (
        True,
        "清城区卫生健康局",
        "清城普惠〔2025〕3号",
    )
    assert (role.registration_body, role.registration_no) == ("清城区卫生健康局", "示例-备案-0001")
    assert (role.forms, role.meals) == (("full_day", "half_day"), "extra")
    assert (role.prepaid_months, role.monthly_fee) == (3, 1800)
    assert role.classes == [
        RoleClass("toddler", 12, 24, 20, 18, 15, 1800, TODAY),
        RoleClass("mixed", 18, 36),
    ]


@pytest.mark.parametrize(
    ("field", "text", "problem", "word"),
    [
        ("inclusive", "大概", "unknown_inclusive", "是"),
        ("forms", "全日、周末", "unknown_forms", "计时"),
        ("meals", "有", "unknown_meals", "另收餐费"),
        ("delivery", "邮寄", "unknown_delivery", "上门"),
        ("prepaid_months", "37", "bad_prepaid_months", "36"),
        ("prepaid_months", "一学期", "bad_number", "整数"),
        ("monthly_fee", "-1", "bad_fee", "100000"),
        ("monthly_fee", "1800.5元", "bad_number", "整数"),
        ("monthly_fee", "1800-2600元", "bad_number", "整数"),
        ("monthly_fee", "元", "bad_number", "整数"),
        ("registration_no", "4.41802E+17", "scientific_notation", "文本"),
        ("registration_no", "9" * 61, "registration_no_too_long", "缩短"),
        ("inclusive_body", "局" * 61, "inclusive_body_too_long", "缩短"),
        ("note", "说" * 301, "note_too_long", "缩短"),
        ("classes", "托小班 备案20\n混龄 备案9", "not_one_class", "；"),
    ],
)
def test_a_wrong_value_is_sent_back_by_row_column_and_cure(planned, field, text, problem, word):
    plan = planned({field: text})

    [told] = plan.problems
    assert (told.row, told.field, told.code) == (2, field, problem)
    assert told.column != field  # the heading, as the file has it
    assert word in told.cure


def test_an_empty_cell_leaves_the_offer_and_a_filled_one_replaces_it_whole(applied):
    before = applied({"name": "甲", "external_id": "1", **OFFER})["甲"]

    kept = applied({"name": "甲", "external_id": "1", **dict.fromkeys(OFFER, "")})["甲"]
    changed = applied({"name": "甲", "external_id": "1", "classes": "混龄 备案9", "forms": "临时"})["甲"]

    assert kept == before
    assert [each.kind for each in changed.roles[0].classes] == ["mixed"]
    assert (changed.roles[0].forms, changed.roles[0].monthly_fee) == (("temporary",), 1800)


def test_only_new_counts_of_a_class_carry_a_new_day(registry):
    before = a_place(types=["nursery"], classes=[RoleClass("toddler", registered=20)], today=date(2026, 1, 1))

    dearer = a_change(before, types=["nursery"], classes=[RoleClass("toddler", registered=20, monthly_fee=9)])
    fuller = a_change(dearer, types=["nursery"], classes=[RoleClass("toddler", registered=20, taken=20)])

    days = [place.roles[0].classes[0].counted_on for place in (before, dearer, fuller)]
    assert days == [date(2026, 1, 1), date(2026, 1, 1), TODAY]


def test_an_export_imports_back_to_zero_changes(registry, planned):
    chance = random.Random(20261124)
    for number in range(scaled(300, 40)):
        a_place(f"第 {number} 家", types=["nursery"], **an_offer(chance))
    ids = [id_ for (id_,) in db.query("SELECT id FROM facility")]

    plan = planned(*facts.rows_of(load(ids).values(), Kinds()))

    assert plan.problems == []
    assert plan.changes == []
    assert plan.counts["unchanged"] == len(ids)


def an_offer(chance: random.Random) -> dict:
    delivery = chance.choice(DELIVERIES)
    offer = {
        "inclusive": chance.choice((True, False)),
        "note": "周三可参观；先打电话",
        "inclusive_body": "局（甲）",
        "inclusive_no": "普惠〔2025〕3 号",
        "registration_body": "局",
        "registration_no": f"示例-备案-{chance.randrange(99)}",
        "registration_expires_on": TODAY + timedelta(days=chance.randint(-900, 900)),
        "forms": tuple(form for form in FORMS if chance.random() < 0.5),
        "meals": chance.choice(MEALS),
        "fee": chance.choice(FEES),
        "prepaid_months": chance.randint(0, 36),
        "monthly_fee": chance.choice((0, 1, 1800, 100_000)),
        "classes": some_classes(chance),
    }
    kept = {name: value for name, value in offer.items() if chance.random() < 0.7}
    return {**kept, "delivery": delivery, **({} if delivery == "on_site" else {"lng": None})}


# The registration number was once another name of 外部编号


def test_a_file_that_knew_its_places_by_their_registration_number_still_finds_them(applied, planned):
    a_place("甲", types=["nursery"], external_id="B-1")
    row = {"name": "甲", "external_id": "B-1", "registration_no": "B-1"}

    after = applied(row)["甲"]

    assert after.roles[0].registration_no == "B-1"
    assert planned(row).counts["unchanged"] == 1


# The answer


def test_the_public_answer_carries_the_offer(applied):
    place = applied({"name": "甲", **OFFER})["甲"]

    [role] = body(place)["roles"]

    assert {name: role[name] for name in ("inclusive", "inclusive_body", "inclusive_no", "registration")} == {
        "inclusive": True,
        "inclusive_body": "清城区卫生健康局",
        "inclusive_no": "清城普惠〔2025〕3号",
        "registration": {"body": "清城区卫生健康局", "no": "示例-备案-0001"},
    }
    assert (role["forms"], role["meals"], role["prepaid_months"], role["monthly_fee"]) == (
        ["full_day", "half_day"],
        "extra",
        3,
        1800,
    )
    assert role["classes"] == [
        {
            "kind": "toddler",
            "name": "托小班",
            "age_from_months": 12,
            "age_to_months": 24,
            "places": {"registered": 20, "offered": 18, "taken": 15, "on": str(TODAY)},
            "monthly_fee": 1800,
        },
        {
            "kind": "mixed",
            "name": "混龄",
            "age_from_months": 18,
            "age_to_months": 36,
            "places": None,
            "monthly_fee": None,
        },
    ]


def test_the_schema_describes_all_of_it_and_no_more(applied):
    [role] = body(applied({"name": "甲", **OFFER, "places_registered": "40"})["甲"])["roles"]

    assert role.keys() == RoleSchema().fields.keys()
    assert role["classes"][0].keys() == RoleClassSchema().fields.keys()
    assert role["classes"][0]["places"].keys() == role["places"].keys() == PlacesSchema().fields.keys()
    assert role["registration"].keys() == RegistrationSchema().fields.keys()


def test_what_is_not_known_is_not_said_and_not_no(registry):
    [role] = body(a_place(types=["nursery"]))["roles"]

    assert not {"inclusive", "registration", "monthly_fee", "forms", "classes"} & role.keys()
    assert role["places"] is None


def test_of_a_hidden_place_the_offer_says_nothing_that_tells_which_one_it_is(applied):
    place = applied({"name": "甲", **OFFER, "visibility": "只公开联系方式"})["甲"]
    bare = applied({"name": "乙", "visibility": "只公开联系方式"})["乙"]

    assert body(place)["roles"] == body(bare)["roles"]
    assert (
        cards.INCLUSIVE & db.query("SELECT flags FROM list_row WHERE facility_id = ?", (place.id,))[0][0] == 0
    )


# What is not to be gone to


@pytest.mark.parametrize(("word", "delivery"), [("网上", "online"), ("上门", "at_home"), ("电话", "phone")])
def test_a_service_that_comes_to_the_family_is_listed_and_never_mapped(applied, word, delivery):
    place = applied({"name": "甲", "delivery": word})["甲"]

    assert (body(place)["delivery"], body(place)["position_precision"]) == (delivery, "none")
    assert db.query("SELECT placed FROM list_row WHERE type_id = 0") in ([(False,)], [(0,)])
    assert db.query("SELECT COUNT(*) FROM search_row") == [(0,)]


def test_a_position_of_a_service_that_has_none_is_sent_back(planned):
    position = {"lng": "113.0561", "lat": "23.6842", "datum": "wgs84"}

    plan = planned(
        {"name": "甲", "delivery": "网上", **position}, {"name": "乙", "delivery": "到场", **position}
    )

    [told] = plan.problems
    assert (told.row, told.column, told.code) == (2, "经度", "position_of_remote_service")
    assert [place.name for place in plan.created] == ["乙"]


def test_a_place_that_goes_online_leaves_the_map(registry):
    place = a_place(types=["nursery"])

    online = a_change(place, delivery="online")
    still = a_change(online, lng=LNG, lat=LAT, position_datum="wgs84")

    assert [(each.lng, each.lat, each.position_precision) for each in (online, still)] == [
        (None, None, "none")
    ] * 2
    assert get(place.code).delivery == "online"
    assert db.query("SELECT COUNT(*) FROM search_row") == [(0,)]
