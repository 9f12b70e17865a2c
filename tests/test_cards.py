"""The public face: always what a rebuild from the records would give, and silent on what is hidden."""

import json
import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from servicemap import cards, db, division_list
from servicemap import registry as registries
from servicemap.access import SEED
from servicemap.audit import head_seq, write_txn
from servicemap.division_list import DivisionRow
from servicemap.feed import list_changes
from servicemap.models import Suspension, Title
from servicemap.records import Record, RoleClass, load
from tests.conftest import bound_to
from tests.factories import LAT, LNG, TODAY, TREE, a_change, a_division, a_place, a_tree, a_type, scaled

YESTERDAY, TOMORROW = TODAY - timedelta(1), TODAY + timedelta(1)
COMMUNITIES = [code for code, _, level, _ in TREE if level == "community"]
TYPES = ("parent_school", "nursery", "childrens_home")
STEPS = scaled(600, 60)


def faces() -> dict[str, list[tuple]]:
    """All that the finder reads, in an order that does not depend on how it was written."""
    return {table: sorted(map(repr, db.query(f"SELECT * FROM {table}"))) for table in cards.TABLES}


def rebuilt(today: date) -> dict[str, list[tuple]]:
    """The same, made from nothing but the records; the registry is left as it was."""
    ids = [id_ for (id_,) in db.query("SELECT id FROM facility")]
    try:
        with write_txn(SEED):
            for table in cards.TABLES:
                db.execute(f"DELETE FROM {table}")
            cards.write_cards(load(ids).values(), today, new=True)
            made = faces()
            raise InterruptedError
    except InterruptedError:
        return made


def body(place: Record) -> dict:
    return json.loads("{" + body_text(place))


def body_text(place: Record) -> str:
    return db.query("SELECT body FROM card WHERE facility_id = ?", (place.id,))[0][0]


def walks(place: Record) -> list[int]:
    return sorted(w for (w,) in db.query("SELECT walk FROM search_row WHERE facility_id = ?", (place.id,)))


def listed(place: Record) -> list[tuple]:
    sql = "SELECT type_id, division_id, placed FROM list_row WHERE facility_id = ? ORDER BY type_id"
    return [
        (type_id, division_id, bool(placed)) for type_id, division_id, placed in db.query(sql, (place.id,))
    ]


# The law


def test_whatever_happens_the_faces_are_those_of_a_rebuild(registry):
    chance, today = random.Random(20261123), TODAY
    a_tree()
    places = [a_place(f"第 {number} 家", division=chance.choice(COMMUNITIES)) for number in range(8)]

    for step in range(STEPS):
        today += timedelta(chance.choice((0, 0, 0, 1, 9)))
        registries.roll_over(SEED, today)
        number = chance.randrange(len(places))
        places[number] = chance.choice(STEPS_OF)(chance, places[number], today)

        if step % 5 == 0:
            assert faces() == rebuilt(today)
    assert faces() == rebuilt(today)


def move(chance: random.Random, place: Record, today: date) -> Record:
    point = {"lng": LNG + chance.uniform(-0.2, 0.2), "lat": LAT + chance.uniform(-0.2, 0.2)}
    return a_change(
        place, today=today, precision=chance.choice(("door", "street", "community", "town")), **point
    )


def lose_position(chance: random.Random, place: Record, today: date) -> Record:
    return a_change(place, today=today, precision="none")


def hide_or_show(chance: random.Random, place: Record, today: date) -> Record:
    return a_change(place, today=today, visibility=chance.choice(("public", "contact_only")))


def move_house(chance: random.Random, place: Record, today: date) -> Record:
    return a_change(place, today=today, division=chance.choice(COMMUNITIES), accessible=chance.random() < 0.5)


def open_role(chance: random.Random, place: Record, today: date) -> Record:
    opens = today + timedelta(chance.randrange(-5, 15))
    ages = {"age_from_months": chance.choice((None, 6)), "age_to_months": chance.choice((None, 36))}
    kept = {name: value for name, value in ages.items() if value is not None}
    kind = chance.choice(TYPES)
    if any(role.type_id == a_type(kind).id and role.closed_on is None for role in place.roles):
        return a_change(place, types=[kind], today=today, fee=chance.choice(("free", "paid")), **kept)
    return a_change(place, types=[kind], today=today, opened_on=opens, **kept)


def close_role(chance: random.Random, place: Record, today: date) -> Record:
    current = [role for role in place.roles if role.closed_on is None]
    if not current:
        return place
    role = chance.choice(current)
    kind = next(key for key in TYPES if a_type(key).id == role.type_id)
    closes = max(today + timedelta(chance.randrange(-2, 20)), role.opened_on or today)
    return a_change(place, types=[kind], today=today, closed_on=closes)


def state_classes(chance: random.Random, place: Record, today: date) -> Record:
    if not any(role.type_id == a_type("nursery").id and role.closed_on is None for role in place.roles):
        return place
    classes = [RoleClass("toddler", 12, 24), RoleClass("senior", 24, 36), RoleClass("mixed", monthly_fee=800)]
    return a_change(
        place, types=["nursery"], today=today, classes=classes[chance.randrange(3) : chance.randrange(4)]
    )


STEPS_OF: list[Callable[[random.Random, Record, date], Record]] = [
    move, lose_position, hide_or_show, move_house, open_role, close_role, state_classes,
]  # fmt: skip


# Who is found


def test_a_placed_public_place_has_a_row_for_any_type_and_for_each_of_its_own(registry):
    place = a_place(types=["parent_school", "nursery"])

    kinds = sorted([a_type("parent_school").id, a_type("nursery").id])
    assert walks(place) == [0, *(2 * kind for kind in kinds)]
    assert listed(place) == [(kind, place.division_id, True) for kind in (0, *kinds)]


@pytest.mark.parametrize(("precision", "odd"), [("door", 0), ("street", 0), ("community", 1), ("town", 1)])
def test_places_known_only_roughly_are_walked_apart(registry, precision, odd):
    place = a_place(precision=precision)

    assert walks(place) == [odd, 2 * a_type().id + odd]


def test_an_unplaced_place_is_listed_but_not_searched(registry):
    place = a_place(lng=None)

    assert walks(place) == []
    assert [placed for *_, placed in listed(place)] == [False, False]


@pytest.mark.parametrize("role", [{"opened_on": TOMORROW}, {"closed_on": TODAY}])
def test_a_place_that_is_planned_or_closed_is_neither_searched_nor_listed(registry, role):
    place = a_place(**role)

    assert (walks(place), listed(place)) == ([], [])
    assert body(place)["code"] == place.code


def test_a_role_that_is_closed_leaves_the_others_findable(registry):
    place = a_place(types=["parent_school", "nursery"])

    a_change(place, types=["nursery"], closed_on=YESTERDAY)

    assert walks(place) == [0, 2 * a_type("parent_school").id]
    assert [role["type"] for role in body(place)["roles"]] == ["parent_school"]


def test_a_search_row_carries_what_filters_ask_for(registry):
    place = a_place(types=["nursery"], accessible=True, fee="free", age_from_months=6, hours="24/7")

    row = db.query("SELECT flags, age_from_months, age_to_months, hours_id, lng, lat FROM search_row")[0]

    assert row == (cards.FREE | cards.ACCESSIBLE, 6, None, place.hours_id, LNG, LAT)


def test_a_place_has_a_row_for_each_distinct_offer_of_a_type_and_of_all(registry):
    same, other = {"fee": "free", "age_to_months": 36}, {"fee": "free", "age_to_months": 72}
    place = a_place(types=["nursery", "childrens_home"], **same)
    alike = offers(place)

    place = a_change(place, types=["childrens_home"], **other)
    toddlers, seniors = RoleClass("toddler", 12, 24), RoleClass("senior", 24, 36)
    place = a_change(place, types=["nursery"], classes=[toddlers, seniors])

    nursery, home = a_type("nursery").id, a_type("childrens_home").id
    assert alike == [(0, 0, None, 36), (nursery, 0, None, 36), (home, 0, None, 36)]
    assert offers(place) == [
        (0, 0, 12, 24), (0, 1, 24, 36), (0, 2, None, 72),
        (nursery, 0, 12, 24), (nursery, 1, 24, 36), (home, 0, None, 72),
    ]  # fmt: skip
    assert faces() == rebuilt(TODAY)


def offers(place: Record) -> list[tuple]:
    columns = "offer, age_from_months, age_to_months"
    listed, searched = (
        db.query(f"SELECT {type_id}, {columns} FROM {table} WHERE facility_id = ? ORDER BY 1, 2", (place.id,))
        for table, type_id in (("list_row", "type_id"), ("search_row", "walk / 2"))
    )
    assert listed == searched
    return listed


def test_a_fragment_never_holds_the_position(registry):
    text = body_text(a_place())

    assert not [word for word in ("lng", "lat", str(LNG), str(LAT)) if word in text]


# Who is hidden


def hidden(division: str, **given) -> Record:
    return a_place("临时庇护", visibility="contact_only", division=division, phone="0763-3360000", **given)


def test_a_contact_only_place_is_not_searched_and_is_listed_under_its_county(registry):
    place = hidden("441802001001")

    county = a_division("441802000000")
    assert walks(place) == []
    assert [division_id for _, division_id, _ in listed(place)] == [county.id, county.id]
    assert [step["code"] for step in body(place)["division"]["path"]] == ["441800000000", "441802000000"]


def test_nothing_public_tells_where_in_its_county_a_contact_only_place_stands(registry):
    here = {"address": "北门街 1 号", "external_id": "A-1", "serves": ["441802001001"], "registered": 9}
    there = {"address": "田心 30 号", "external_id": "B-2", "serves": ["441802102200"], "registered": 5}
    place = hidden("441802001001", types=["nursery"], **here)
    before = faces()

    moved = a_change(
        place,
        types=["nursery"],
        division="441802102200",
        lng=LNG + 0.3,
        lat=LAT + 0.1,
        precision="town",
        **there,
    )

    assert moved.lng == LNG + 0.3
    assert faces() == before


def test_a_place_that_becomes_contact_only_leaves_the_index(registry):
    place = a_place(address="北门街 1 号")

    a_change(place, visibility="contact_only")

    assert walks(place) == []
    assert "北门街" not in body_text(place)
    assert "凤城街道" not in body_text(place)


# The days


def test_a_place_is_found_from_the_day_on_which_its_role_opens(registry):
    place = a_place(opened_on=TOMORROW)

    early = registries.roll_over(SEED, TODAY), walks(place)
    on_time = registries.roll_over(SEED, TOMORROW), walks(place)
    again = registries.roll_over(SEED, TOMORROW)

    assert early == (0, [])
    assert on_time == (1, [0, 2 * a_type().id])
    assert again == 0


def test_a_place_is_found_until_the_day_on_which_its_role_closes(registry):
    place = a_place(closed_on=TOMORROW)

    before = walks(place), body(place)["roles"]
    registries.roll_over(SEED, TOMORROW)

    assert before[0] == [0, 2 * a_type().id]
    assert before[1][0]["closed_on"] == str(TOMORROW)
    assert (walks(place), listed(place), body(place)["roles"]) == ([], [], [])


def test_a_suspension_and_a_title_leave_the_fragment_on_their_last_day(registry):
    place = a_place()
    with write_txn(SEED):
        Suspension.create(facility=place.id, from_on=YESTERDAY, to_on=TOMORROW, reason="装修")
        Title.create(
            facility=place.id, kind="儿童友好", issuer="市", awarded_on=YESTERDAY, expires_on=TOMORROW
        )
        cards.write_cards(load([place.id]).values(), TODAY)

    before = body(place)
    registries.roll_over(SEED, TOMORROW)
    after = body(place)

    assert [len(before[name]) for name in ("suspensions", "titles")] == [1, 1]
    assert [len(after[name]) for name in ("suspensions", "titles")] == [0, 0]


def test_a_roll_over_goes_in_steps_each_a_change_that_the_feed_tells_nobody(registry, monkeypatch):
    monkeypatch.setattr(cards, "ROLLED_AT_ONCE", 2)
    for number in range(5):
        a_place(f"第 {number} 家", opened_on=TOMORROW)
    before = head_seq()

    count = registries.roll_over(SEED, TOMORROW)

    assert (count, head_seq()) == (5, before + 3)
    told = list_changes(before, 500, TOMORROW)
    assert (told.items, told.renamed_seq, told.next_since) == ([], None, before + 3)


def test_a_town_that_moves_to_another_county_takes_its_places_along(registry):
    places = hidden("441802001001"), a_place(division="441802001002")

    row = DivisionRow("441802001000", "凤城街道", "town", "441881000000")
    division_list.import_divisions(SEED, [row])
    registries.roll_over(SEED, TODAY)

    assert faces() == rebuilt(TODAY)
    assert {body(place)["division"]["path"][1]["name"] for place in places} == {"英德市"}


def roll(url: str, _: int) -> int:
    with bound_to(url):
        return registries.roll_over(SEED, TOMORROW)


def test_processes_that_meet_the_new_day_at_once_do_not_collide(registry, in_processes):
    for number in range(scaled(300, 60)):
        a_place(f"第 {number} 家", opened_on=TOMORROW)

    in_processes(roll, registry, 3)

    assert faces() == rebuilt(TOMORROW)


def test_the_box_of_a_division_holds_all_that_the_index_has_of_it(registry):
    chance = random.Random(9)
    places = [
        a_place(f"第 {number} 家", lng=LNG + chance.gauss(0, 1), lat=LAT + chance.gauss(0, 1))
        for number in range(20)
    ]
    for place in places[:10]:
        a_change(place, lng=LNG + chance.gauss(0, 2), lat=LAT, position_datum="wgs84")

    outside = db.query(
        "SELECT r.facility_id FROM search_row r LEFT JOIN division_extent e ON e.division_id = r.division_id"
        " WHERE e.west IS NULL OR r.lng < e.west OR r.lng > e.east OR r.lat < e.south OR r.lat > e.north"
    )
    [box] = db.query("SELECT west, south, east, north FROM division_extent")

    assert outside == []
    assert box[0] < LNG < box[2]
    assert box[1] < LAT < box[3]
