"""聚合点 over HTTP: list and map agree, whatever is asked (complaint 6); hidden places leave no trace."""

from datetime import date
from random import Random

import pytest
from flask.testing import FlaskClient

from servicemap import geo
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_place, a_tree, a_type, scaled

URL = "/api/v1/clusters"
AROUND = {"bbox": "112.9,23.5,113.2,23.9", "datum": "wgs84"}
TIANXIN = "441802102200"  # in the same county as NORTH_GATE, in another town


def get(client: FlaskClient, url: str = URL, **query: object) -> dict:
    response = client.get(url, query_string=query)
    assert response.status_code == 200, response.text
    return response.json


def listed(client: FlaskClient, **query: object) -> list[str]:
    """The codes of all pages of the list."""
    found, cursor = [], {}
    while True:
        page = get(client, "/api/v1/facilities", **query, **cursor, limit=100)
        found += [item["code"] for item in page["items"]]
        if not page["next_cursor"]:
            return found
        cursor = {"cursor": page["next_cursor"]}


def a_town(random: Random, count: int) -> None:
    a_tree()
    kinds = ("parent_school", "nursery", "childrens_home")
    points = [(LNG + random.gauss(0, 0.05), LAT + random.gauss(0, 0.05)) for _ in range(count // 2)]
    for number in range(count):
        lng, lat = random.choice(points)
        a_place(
            f"地方 {number}",
            types=random.sample(kinds, random.choice((1, 1, 2))),
            lng=random.choice((lng, lng, lng, None)),
            lat=lat,
            division=random.choice((NORTH_GATE, TIANXIN, "441881101201")),
            precision=random.choice(("door", "community")) if number % 3 else "door",
            visibility="contact_only" if number % 10 == 0 else "public",
            hours=random.choice(("Mo-Fr 08:30-17:30", "Sa-Su 09:00-12:00", None)),
            fee=random.choice(("free", "paid", None)),
            accessible=random.choice((True, False, None)),
            age_from_months=random.choice((None, 0, 36)),
            verified_on=random.choice((None, TODAY, date(2024, 1, 1))),
        )


def a_question(random: Random) -> dict[str, object]:
    west, south = LNG + random.uniform(-0.15, 0.05), LAT + random.uniform(-0.15, 0.05)
    size = random.choice((0.02, 0.1, 0.3))
    asked = {
        "bbox": f"{west:.6f},{south:.6f},{west + size:.6f},{south + size:.6f}",
        "datum": random.choice(geo.DATUMS),
    }
    maybe = {
        "type": random.sample(("parent_school", "nursery", "childrens_home"), 2),
        "division": random.choice(("441802", "441881101000")),
        "fee": "free",
        "accessible": random.choice(("yes", "maybe")),
        "age_months": 12,
        "verified_days": 365,
        "open": random.choice(("now", "2026-11-28T10:00")),
        "open_weekends": "true",
    }
    return asked | {name: maybe[name] for name in random.sample(list(maybe), random.choice((0, 1, 2)))}


def test_list_and_map_agree_whatever_is_asked(client):
    random = Random(6)
    a_town(random, 60)
    seen = 0

    for _ in range(scaled(300, 40)):
        asked = a_question(random)
        expected = listed(client, **asked)
        found = get(client, **asked)
        named = {place["code"] for item in found["items"] for place in item["places"]}
        seen += len(expected)

        assert sum(item["count"] for item in found["items"]) == found["total"] == len(expected), asked
        assert named <= set(expected)
    assert seen > 50


@pytest.mark.parametrize("datum", geo.DATUMS)
def test_what_is_shown_inside_of_the_box_is_found_in_it_up_to_its_edges(client, datum):
    random = Random(9)
    at_random = [(round(random.uniform(103, 118), 7), round(random.uniform(21, 41), 7)) for _ in range(25)]
    places = [a_place(lng=lng, lat=lat) for lng, lat in at_random]
    shown = {place.code: get(client, f"/api/v1/facilities/{place.code}", datum=datum) for place in places}

    for code, at in shown.items():
        for size in (0.002, 0.05, 0.12, 0.4, 3):
            left, low = (size * random.choice((0, 1, random.random())) for _ in range(2))
            west, south = at["lng"] - left, at["lat"] - low
            asked = {"bbox": f"{west:.7f},{south:.7f},{west + size:.7f},{south + size:.7f}", "datum": datum}
            found = listed(client, **asked)

            assert code in found, asked
            assert get(client, **asked)["total"] == len(found)


def test_the_box_of_another_datum_is_wider_by_three_hundred_metres_at_most(client):
    a_place()
    lng, lat = geo.from_wgs84(LNG, LAT, "bd09")

    for size in (0.002, 0.1, 1):
        for west, south in ((lng + 0.003, lat), (lng - size - 0.003, lat), (lng, lat + 0.003)):
            bbox = f"{west:.6f},{south:.6f},{west + size:.6f},{south + size:.6f}"
            assert listed(client, bbox=bbox, datum="bd09") == []


def test_at_a_cluster_the_list_finds_its_places(client):
    a_town(Random(7), 40)

    for item in get(client, **AROUND)["items"]:
        bbox = ",".join(str(degrees) for degrees in item["bbox"])
        assert len(listed(client, bbox=bbox, datum="wgs84")) == item["count"]


@pytest.mark.parametrize("datum", geo.DATUMS)
def test_positions_are_in_the_datum_that_was_asked(client, datum):
    a_place()
    lng, lat = geo.from_wgs84(LNG, LAT, datum)
    bbox = f"{lng - 0.001:.6f},{lat - 0.001:.6f},{lng + 0.001:.6f},{lat + 0.001:.6f}"

    answer = get(client, bbox=bbox, datum=datum)

    (item,) = answer["items"]
    assert (item["lng"], item["lat"]) == pytest.approx((lng, lat), abs=2e-7)
    west, south, east, north = item["bbox"]
    assert west <= lng <= east
    assert south <= lat <= north
    assert answer["datum"] == datum


def test_places_on_one_point_are_named_with_code_and_marker(client):
    upstairs, downstairs = a_place("楼上"), a_place("楼下")

    (item,) = get(client, **AROUND)["items"]

    assert item["places"] == [{"code": place.code, "marker_id": place.id} for place in (upstairs, downstairs)]


def test_a_nearer_zoom_makes_more_clusters_of_the_same_places(client):
    a_town(Random(8), 40)

    far, near = get(client, **AROUND, zoom=8), get(client, **AROUND, zoom=12)

    assert far["total"] == near["total"] > 0
    assert len(far["items"]) < len(near["items"])


def test_the_answer_is_the_same_wherever_a_hidden_place_stands(client):
    a_tree()
    a_type("nursery")
    a_place("open", lat=LAT + 0.01)
    questions = [
        {**AROUND, **asked}
        for asked in (
            {}, {"zoom": 0}, {"zoom": 12}, {"type": "nursery"}, {"type": ["nursery", "parent_school"]},
            {"division": "441802"}, {"division": "441802001000"}, {"fee": "free"}, {"accessible": "yes"},
            {"bbox": "112.6,23.2,113.5,24.1"}, {"bbox": f"{LNG - 0.001},{LAT - 0.001},{LNG + 0.001},{LAT + 0.001}"},
            {"bbox": "-180,-90,180,90"},
        )
    ]  # fmt: skip
    before = [client.get(URL, query_string=asked).data for asked in questions]

    for lng, lat, division in ((LNG, LAT, NORTH_GATE), (LNG + 0.2, LAT + 0.2, TIANXIN)):
        a_place(
            "hidden",
            types=("nursery",),
            lng=lng,
            lat=lat,
            division=division,
            visibility="contact_only",
            fee="free",
            accessible=True,
        )
        assert [client.get(URL, query_string=asked).data for asked in questions] == before


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"datum": "wgs84"}, "bbox", "missing_parameter"),
        ({"bbox": "112.9,23.5,113.2,23.9"}, "datum", "missing_datum"),
        ({**AROUND, "bbox": "113.2,23.5,112.9,23.9"}, "bbox", "bad_bbox"),
        ({**AROUND, "bbox": "-180,-90,180,90", "datum": "gcj02"}, "bbox", "out_of_range"),
        ({**AROUND, "zoom": 23}, "zoom", "out_of_range"),
        ({**AROUND, "zoom": 16}, "zoom", "too_many_cells"),
        ({**AROUND, "tpye": "nursery"}, "tpye", "unknown_parameter"),
        ({**AROUND, "lat": LAT}, "lat", "unknown_parameter"),
        ({**AROUND, "type": "nursrey"}, "type", "type_not_found"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(client, asked, field, code):
    response = client.get(URL, query_string=asked)

    assert response.status_code == 422
    assert [(problem["field"], problem["code"]) for problem in response.json["errors"]] == [(field, code)]


def test_the_whole_world_is_a_viewport(client):
    a_place()

    assert get(client, bbox="-180,-90,180,90", datum="wgs84")["total"] == 1
