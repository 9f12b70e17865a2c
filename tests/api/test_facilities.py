"""服务点 over HTTP: near first, honest about what is not known, silent on what is hidden."""

import json
from datetime import timedelta
from decimal import Decimal

import marshmallow as ma
import pytest
from flask.testing import FlaskClient
from geopy.distance import geodesic
from playhouse.test_utils import count_queries

from servicemap import cards, db, division_changes, division_list, divisions, geo, reviews
from servicemap.access import SEED
from servicemap.api.schemas import FacilitiesSchema, FacilityDetailSchema, FacilitySchema
from servicemap.audit import write_txn
from servicemap.division_plan import Order
from servicemap.edits import Asked
from servicemap.facility_types import Kinds
from servicemap.finder import cursor
from servicemap.finder.query import Query
from servicemap.models import Registry, Suspension, Title
from servicemap.records import RoleClass, load
from tests.api.conftest import NOON
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_division, a_place, a_saying, a_tree, a_type

URL = "/api/v1/facilities"
HERE = {"lat": LAT, "lng": LNG, "datum": "wgs84"}
YESTERDAY, TOMORROW = TODAY - timedelta(1), TODAY + timedelta(1)
TIANXIN = "441802102200"  # in the same county as NORTH_GATE, in another town


def get(client: FlaskClient, url: str = URL, **query: object) -> dict:
    response = client.get(url, query_string=query)
    assert response.status_code == 200, response.text
    return response.json


def names(client: FlaskClient, **query: object) -> list[str]:
    return [item["name"] for item in get(client, **query)["items"]]


def pages(client: FlaskClient, **query: object) -> list[dict]:
    """The items of all pages."""
    page = get(client, **query)
    found = page["items"]
    while page["next_cursor"]:
        page = get(client, **query, cursor=page["next_cursor"])
        found += page["items"]
    return found


def a_county_shape(code: str = "441802000000") -> None:
    """The county as a square of 100 km around here."""
    west, south, east, north = LNG - 0.5, LAT - 0.5, LNG + 0.5, LAT + 0.5
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    with write_txn(SEED) as log:
        division_list.set_shape(log, a_division(code), {"type": "Polygon", "coordinates": [ring]}, "test")


# Near


def test_the_nearest_come_first_with_their_distance_in_metres(client):
    for name, offset in (("far", 0.02), ("near", 0.001), ("between", 0.01)):
        a_place(name, lat=LAT + offset)

    items = get(client, **HERE)["items"]

    assert [item["name"] for item in items] == ["near", "between", "far"]
    for item in items:
        metres = geodesic((LAT, LNG), (item["lat"], item["lng"])).m
        assert item["distance_m"] == pytest.approx(metres, rel=1e-4, abs=0.02)
        assert item["approximate"] is False


def test_nothing_beyond_the_radius_is_near(client):
    a_place("near", lat=LAT + 0.001)
    a_place("far", lat=LAT + 0.02)

    assert names(client, **HERE, radius_m=1000) == ["near"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "field"), [({"lat": 23, "lng": 113}, "datum"), ({"lat": 23}, "lng"), ({"lng": 113}, "lat")]
)
def test_a_position_that_is_not_whole_is_refused_by_what_it_lacks(client, query, field):
    response = client.get(URL, query_string=query)

    assert response.status_code == 422
    assert [problem["field"] for problem in response.json["errors"]] == [field]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_forgets_the_datum_is_told_the_three_and_whose_map_uses_which(client):
    response = client.get(URL, query_string={"lat": LAT, "lng": LNG})

    problem = response.json["errors"][0]
    assert (response.status_code, problem["code"]) == (422, "missing_datum")
    for word in (*geo.DATUMS, "高德", "百度", "天地图"):
        assert word in problem["detail"]


def test_a_place_known_only_roughly_is_said_to_stand_whole_kilometres_away(client):
    a_place("community", precision="community", lat=LAT + 0.001)
    a_place("town", precision="town", lat=LAT + 0.013)
    a_place("door", precision="door", lat=LAT + 0.0095)

    items = get(client, **HERE)["items"]

    said = [(item["name"], item["distance_m"], item["approximate"]) for item in items]
    assert said == [
        ("community", 1000, True),
        ("town", 1000, True),
        ("door", pytest.approx(1052, 0.01), False),
    ]


def test_unplaced_ones_of_the_county_follow_the_near_ones_and_are_marked(client):
    a_tree()
    a_county_shape()
    a_place("elsewhere", lng=None, division="441881101201")
    a_place("unplaced", lng=None, division=TIANXIN)
    a_place("near")

    items = get(client, **HERE)["items"]

    assert [item["name"] for item in items] == ["near", "unplaced"]
    assert items[1] | {"lat": None, "lng": None, "distance_m": None, "approximate": True} == items[1]


@pytest.mark.parametrize(
    ("delivery", "approximate"), [("on_site", True), ("phone", False), ("online", False)]
)
def test_only_where_one_goes_can_be_known_roughly(client, delivery, approximate):
    place = a_place(delivery=delivery, lng=None)

    one, [listed] = get(client, f"{URL}/{place.code}"), get(client)["items"]
    [change] = get(client, "/api/v1/changes")["items"]

    assert [each["approximate"] for each in (one, listed, change["item"])] == [approximate] * 3


def test_without_a_position_the_order_is_by_code_and_no_distance_is_said(client):
    for name in ("first", "second", "third"):
        a_place(name, lng=LNG - len(name) / 1000)

    items = get(client)["items"]

    assert [item["name"] for item in items] == ["first", "second", "third"]
    assert not any("distance_m" in item for item in items)


@pytest.mark.parametrize("datum", geo.DATUMS)
def test_positions_are_answered_in_the_datum_of_the_question(client, datum):
    place = a_place()
    lng, lat = geo.from_wgs84(LNG, LAT, datum)

    page = get(client, lng=lng, lat=lat, datum=datum)
    one = get(client, f"{URL}/{place.code}", datum=datum)

    assert page["datum"] == one["datum"] == datum
    for item in (page["items"][0], one):
        assert (item["lng"], item["lat"]) == (pytest.approx(lng, abs=1e-7), pytest.approx(lat, abs=1e-7))
    assert page["items"][0]["distance_m"] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("degrees", [23.6979123, 23.69791234567891, 1e-7, -0.00000012, 23])
def test_a_posted_position_is_the_one_that_was_sent(client, degrees):
    sent = format(Decimal(repr(degrees)), "f")
    asked = {"lng": "113.0627", "datum": "wgs84", "limit": 1}
    for lng in (113.0627, 113.0628):
        a_place(lng=lng, lat=degrees)

    first = get(client, **asked, lat=sent)["next_cursor"]
    posted = client.post(f"{URL}/search", json={**asked, "lat": degrees, "cursor": first})

    assert len(posted.json["items"]) == 1  # a cursor is good for its own position only


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("degrees", [1e22, 1e-300, 10**18, 90.0000001, True])
def test_a_posted_position_is_refused_where_the_same_in_an_address_is(client, degrees):
    response = client.post(f"{URL}/search", json={"lat": degrees, "lng": 113, "datum": "wgs84"})

    assert (response.status_code, response.json["errors"][0]["field"]) == (422, "lat")


# Filters


def test_one_value_needs_no_list_in_a_body(client):
    a_place("school")
    a_place("nursery", types=["nursery"], fee="free")
    asked = {"type": "nursery", "fee": "free", "fields": "name", "counts": "type"}

    posted = client.post(f"{URL}/search", json=asked)
    listed = client.post(f"{URL}/search", json={name: [value] for name, value in asked.items()})

    assert posted.json["items"] == [{"name": "nursery"}]
    assert posted.json == listed.json == get(client, **asked)


def test_a_repeated_type_means_any_of_them_and_may_be_said_in_chinese(client):
    for kind in ("parent_school", "nursery", "childrens_home"):
        a_place(kind, types=[kind])

    found = get(client, **HERE, type=["nursery", "家长学校"])["items"]

    assert {item["name"] for item in found} == {"parent_school", "nursery"}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("birth_month", "age_months"),
    [("2026-12", 0), ("2027-08", 0), ("2026-11", 0), ("2026-10", 1), ("2025-12", 11), ("2008-12", 215)],
)
def test_a_month_of_birth_is_answered_with_the_age_that_it_was_taken_for(client, birth_month, age_months):
    a_place("of this age", types=["nursery"], age_from_months=age_months, age_to_months=age_months)
    a_place("older", types=["nursery"], age_from_months=age_months + 1, age_to_months=216)

    page = get(client, birth_month=birth_month)

    assert (page["age_months"], [item["name"] for item in page["items"]]) == (age_months, ["of this age"])


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("birth_month", ["2027-09", "2008-11"])
def test_a_child_that_is_not_expected_yet_or_grown_up_is_refused_in_words(client, birth_month):
    response = client.get(URL, query_string={"birth_month": birth_month})

    (problem,) = response.json["errors"]
    assert (response.status_code, problem["field"], problem["code"]) == (422, "birth_month", "out_of_range")
    assert "今后 9 个月" in problem["detail"]


@pytest.mark.parametrize("position", [{}, HERE])
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_division_filters_at_any_level_padded_or_not(client, position, level):
    a_place("inside", division=NORTH_GATE)
    a_place("outside", division="441881101201")
    length = (4, 6, 9, 12)[level - 1]

    padded = names(client, **position, division=NORTH_GATE[:length].ljust(12, "0"))
    bare = names(client, **position, division=NORTH_GATE[:length])

    assert padded == bare == (["inside"] if level > 1 else ["inside", "outside"])


def test_an_abolished_division_still_answers_to_its_code_wherever_it_is_asked(client):
    a_place("北门托育", division=NORTH_GATE)
    a_place("田心托育", division=TIANXIN)
    merger = Order(TODAY, division_changes.merge([NORTH_GATE], "441802001009", "大北门社区"))
    division_changes.apply(SEED, merger, TODAY)

    listed = names(client, division=NORTH_GATE)
    suggested = get(client, "/api/v1/suggestions", q="托育", division=NORTH_GATE)["facilities"]

    assert listed == [place["name"] for place in suggested] == ["北门托育"]
    assert get(client, "/api/v1/divisions", parent=NORTH_GATE)["items"] == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "field", "word"),
    [({"type": "nursry"}, "type", "nursery"), ({"tpye": "nursery"}, "tpye", "type"),
     ({"division": "999999"}, "division", "999999")],
)  # fmt: skip
def test_what_the_registry_does_not_know_is_refused_by_name(client, query, field, word):
    a_type("nursery", name="nursery")

    response = client.get(URL, query_string=query)

    assert response.status_code == 422
    assert response.json["errors"][0]["field"] == field
    assert word in response.text


# One place


@pytest.mark.parametrize(
    ("facts", "status"),
    [({}, "open"), ({"opened_on": TOMORROW}, "planned"), ({"closed_on": TODAY}, "closed"),
     ({"opened_on": TODAY, "closed_on": TOMORROW}, "open")],
)  # fmt: skip
def test_a_place_says_its_status_of_today(client, facts, status):
    place = a_place(**facts)

    assert get(client, f"{URL}/{place.code}")["status"] == status


def test_a_suspended_place_says_so_until_the_day_it_opens_again(client):
    rests, rested = a_place("rests"), a_place("rested")
    with write_txn(SEED):
        Suspension.create(facility=rests.id, from_on=TODAY, to_on=TOMORROW, reason="装修")
        Suspension.create(facility=rested.id, from_on=YESTERDAY, to_on=TODAY, reason="装修")

    said = [get(client, f"{URL}/{place.code}")["status"] for place in (rests, rested)]

    assert said == ["suspended", "open"]


def test_a_code_is_found_without_its_hyphen_and_in_small_letters(client):
    place = a_place()

    assert get(client, f"{URL}/{place.code.replace('-', '').lower()}")["code"] == place.code


def test_a_code_that_is_not_there_is_a_404_that_says_so(client):
    response = client.get(f"{URL}/F0000001-0")

    assert (response.status_code, response.json["code"]) == (404, "facility_not_found")


# The fragment


def a_full_place():
    place = a_place(
        types=["nursery"], address="北门街 1 号", note="周三可参观", phone="0763-3360000", hours="24/7", accessible=True, fee="paid",
        fee_text="每月 1200 元", age_from_months=6, age_to_months=36, registered=30, offered=25, taken=20,
        places_on=TODAY, serves=[NORTH_GATE, TIANXIN], opened_on=YESTERDAY, verified_on=TODAY,
        inclusive=True, inclusive_body="区卫健局", inclusive_no="1", registration_body="区卫健局",
        registration_no="2", forms=("full_day",), meals="included", prepaid_months=1, monthly_fee=1200,
        classes=[RoleClass("mixed", 18, 36, 9, 9, 9, 1800, TODAY)],
    )  # fmt: skip
    with write_txn(SEED):
        Suspension.create(facility=place.id, from_on=TODAY, to_on=TOMORROW, reason="装修")
        Title.create(facility=place.id, kind="儿童友好", issuer="市", awarded_on=TODAY, expires_on=TOMORROW)
        record = load([place.id])[place.id]
        cards.write_cards([record], TODAY)
    return record


def test_the_stored_fragment_is_what_the_schema_would_dump(client):
    record = a_full_place()
    served = [link.division_id for role in record.roles for link in role.serves]
    facts = cards.public_facts(record, Kinds(), divisions.paths([record.division_id, *served]), TODAY)

    stored = json.loads("{" + db.query("SELECT body FROM card")[0][0])

    assert stored == json.loads(json.dumps(FacilitySchema().dump(facts), default=str))


def test_every_answer_has_exactly_the_keys_of_its_schema(client):
    place = a_full_place()
    reviews.return_one(Asked(SEED, "没有照片", 1, None, None, TODAY), place.code)

    near, one = get(client, **HERE, age_months=18), get(client, f"{URL}/{place.code}")

    asked_for = {"hotlines", "widened", "understood", "partial", "total", "counts"}
    assert keys(near) == {
        key for key in keys_of(FacilitiesSchema()) if key.partition(".")[0] not in asked_for
    }
    of_gone = {"closed_on", "closed_reason", "former_types", "alternatives"}
    of_near = {"distance_m", "distance_text", "age_unknown"}
    assert keys(one) == {
        key
        for key in keys_of(FacilityDetailSchema())
        if key.partition(".")[0] not in of_gone | of_near | {"links"}
    } | {f"links{map_}" for map_ in ("", ".amap", ".tencent", ".baidu", ".geo")}


def keys(value: object, path: str = "") -> set[str]:
    """Every key in the JSON value, with the path to it; lists are looked at by their first item."""
    if isinstance(value, list):
        return keys(value[0], path) if value else set()
    if not isinstance(value, dict):
        return set()
    return {f"{path}{key}" for key in value}.union(*(keys(v, f"{path}{key}.") for key, v in value.items()))


def keys_of(schema: ma.Schema, path: str = "") -> set[str]:
    found = set()
    for name, field in schema.fields.items():
        found.add(f"{path}{name}")
        inner = field.inner if isinstance(field, ma.fields.List) else field
        if isinstance(inner, ma.fields.Nested):
            found |= keys_of(inner.schema, f"{path}{name}.")
    return found


# Pages


@pytest.mark.parametrize("position", [{}, HERE])
@pytest.mark.parametrize("limit", [1, 7])
def test_paging_covers_every_place_once_and_in_order(client, position, limit):
    a_tree()
    a_county_shape()
    for number in range(9):
        a_place(f"placed {number}", lat=LAT + number % 3 * 0.001)
        a_place(f"rough {number}", precision="community", lat=LAT + number * 0.002)
        a_place(f"unplaced {number}", lng=None)

    paged_ones = [item["code"] for item in pages(client, **position, limit=limit)]

    whole = [item["code"] for item in get(client, **position, limit=100)["items"]]
    assert len(whole) == len(set(whole)) == 27
    assert paged_ones == whole


def test_the_unplaced_follow_on_later_pages_where_no_shape_tells_the_county(client):
    for number in range(3):
        a_place(f"placed {number}", lat=LAT + number * 0.001)
        a_place(f"unplaced {number}", lng=None)

    assert len(pages(client, **HERE, limit=1)) == 6


@pytest.fixture
def second(client: FlaskClient) -> str:
    """The cursor of the second page of HERE with limit 1."""
    a_place("first")
    a_place("second")
    return get(client, **HERE, limit=1)["next_cursor"]


def refused(client: FlaskClient, **query: object) -> tuple[int, str]:
    response = client.get(URL, query_string=query)
    return response.status_code, response.json["code"]


def test_a_cursor_serves_its_own_query_only(client, second):
    others = [{"radius_m": 4999}, {"type": "parent_school"}, {"division": NORTH_GATE}, {"lat": LAT + 1e-6}]

    answers = {refused(client, **{**HERE, **other}, limit=1, cursor=second) for other in others}

    assert answers == {(400, "bad_cursor")}
    assert names(client, **HERE, limit=5, cursor=second) == ["second"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_forged_cursor_is_refused(client, second):
    forged = [second[:-1], second[::-1], "x" + second, "x", "ё", ".".join(["a"] * 9), second.replace(".", "")]

    answers = {refused(client, **HERE, limit=1, cursor=each) for each in forged}

    assert answers == {(400, "bad_cursor")}


def test_nobody_pages_deeper_than_five_thousand(client):
    deep = cursor.write(cursor.Place(-1.0, 0, False, cursor.DEEPEST, 0, 5000, 0), Query(NOON).canonical)

    assert refused(client, cursor=deep) == (400, "too_deep")


# The demo, the cache, the cost


def test_answers_of_a_demo_are_marked_in_body_and_header(client):
    place = a_place()
    real = client.get(URL)
    Registry.update(demo=True).execute()

    answers = [client.get(url) for url in (URL, f"{URL}/{place.code}", "/api/v1/facility-types", "/readyz")]

    assert (real.json["demo"], real.headers.get("Servicemap-Demo")) == (False, None)
    assert [answer.json["demo"] for answer in answers] == [True] * 4
    assert [answer.headers["Servicemap-Demo"] for answer in answers] == ["true"] * 4


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_answer_to_an_exact_position_is_kept_by_nobody(client):
    response = client.get(URL, query_string=HERE)

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("query", "most"),
    [({**HERE, "limit": 5}, 4), ({**HERE, "limit": 5, "type": "parent_school"}, 5), ({"limit": 5}, 4)],
)
def test_a_full_page_costs_a_handful_of_queries(client, query, most):
    for number in range(8):
        a_place(f"第 {number} 家", lat=LAT + number * 0.001)
    get(client, **query)

    with count_queries() as counter:
        get(client, **query)

    assert counter.count <= most


# What people type


def test_a_printed_code_finds_its_place_wherever_one_is(client):
    a_place("another")
    place, unplaced = a_place("far", lng=LNG + 1), a_place("unplaced", lng=None, division="441881101201")
    closed = a_place("closed", closed_on=TODAY)
    a_type("nursery")

    for where in ({}, HERE):
        for code in (place.code, place.code.replace("-", "").lower(), f" ｆ{place.code[1:]}"):
            answer = get(client, **where, q=code)

            assert [item["name"] for item in answer["items"]] == ["far"], code
            assert answer["understood"]["code"] == place.code
        assert names(client, **where, q=unplaced.code) == ["unplaced"]
        assert names(client, **where, q=place.code, type="nursery") == []
        gone = get(client, **where, q=closed.code)
        assert (gone["items"], gone["understood"]["code"]) == ([], closed.code)
    assert get(client, q="F0000001-0")["understood"]["code"] is None


def test_a_filter_that_is_typed_is_one(client):
    a_saying("free", "免费")
    a_saying("filler", "附近的")
    a_type("nursery", aliases=("托育",))
    a_place("free", types=["nursery"], fee="free")
    a_place("paid", types=["nursery"], fee="paid")
    a_place("免费托育咨询处", types=["library"])

    for where in ({}, HERE):
        answer = get(client, **where, q="附近的免费托育")

        assert [item["name"] for item in answer["items"]] == ["free"]
        assert names(client, **where, q="免费 托育") == ["free", "免费托育咨询处"]
        assert names(client, **where, q="附近的") == ["free", "paid", "免费托育咨询处"]
        assert names(client, **where, q="附近的免费托育", fee="discounted") == []
    understood = {
        "code": None,
        "types": ["nursery"],
        "divisions": [],
        "words": [],
        "filters": ["free"],
        "ignored": [],
    }
    assert answer["understood"] == understood


def test_a_type_that_stands_in_other_words_by_accident_is_not_looked_for_in_names(client):
    a_saying("type_only", "儿科")
    a_type("hospital", name="医院", aliases=("儿科",))
    a_type("science_venue", name="少儿科普活动场所")
    a_place("人民医院", types=["hospital"])
    a_place("少儿科普室", types=["science_venue"])

    for where in ({}, HERE):
        assert names(client, **where, q="儿科") == ["人民医院"]
        assert names(client, **where, q="少儿科普") == ["少儿科普室"]
