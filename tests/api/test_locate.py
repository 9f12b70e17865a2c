"""Where a point lies: the county, and the town where its shape is known."""

import pytest

from servicemap import division_list, geo
from servicemap.access import SEED
from servicemap.audit import write_txn
from tests.factories import LAT, LNG, a_division, a_tree

URL = "/api/v1/divisions/locate"
HERE = {"lat": LAT, "lng": LNG, "datum": "wgs84"}


def a_shape(code: str, half: float) -> None:
    """The division as a square around here, `half` a side long in degrees."""
    west, south, east, north = LNG - half, LAT - half, LNG + half, LAT + half
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    division = a_division(code)
    with write_txn(SEED) as log:
        division_list.set_shape(log, division, {"type": "Polygon", "coordinates": [ring]}, "test")


@pytest.fixture(params=["query", "body"])
def ask(client, request):
    """ask(parameters) → the response: a position in the address, or in the body."""
    if request.param == "query":
        return lambda asked: client.get(URL, query_string=asked)
    return lambda asked: client.post(URL, json=asked)


def test_a_point_lies_in_its_county(ask):
    a_shape("441802000000", 0.5)

    answer = ask(HERE).json

    assert answer["county"] == {"code": "441802000000", "name": "清城区", "level": "county"}
    assert answer["town"] is None
    assert [step["name"] for step in answer["path"]] == ["清远市", "清城区"]
    assert answer["remark"] is None


def test_and_in_its_town_where_the_shape_is_known(ask):
    a_shape("441802000000", 0.5)
    a_shape("441802001000", 0.1)

    answer = ask(HERE).json

    assert (answer["county"]["name"], answer["town"]["name"]) == ("清城区", "凤城街道")


def test_outside_of_all_shapes_it_says_so(ask):
    a_shape("441802000000", 0.5)

    response = ask({**HERE, "lat": LAT + 1})

    assert response.status_code == 200
    assert (response.json["county"], response.json["town"], response.json["path"]) == (None, None, [])
    assert "边界" in response.json["remark"]


def test_a_city_alone_is_no_county(ask):
    a_shape("441800000000", 0.5)

    answer = ask(HERE).json

    assert answer["county"] is None
    assert [step["name"] for step in answer["path"]] == ["清远市"]
    assert answer["remark"]


@pytest.mark.parametrize("datum", geo.DATUMS)
def test_the_datum_moves_the_point(ask, datum):
    a_shape("441802000000", 0.001)  # 100 m: only the right datum hits it
    lng, lat = geo.from_wgs84(LNG, LAT, datum)

    hit = ask({"lat": round(lat, 7), "lng": round(lng, 7), "datum": datum})
    missed = ask(
        {"lat": round(lat, 7), "lng": round(lng, 7), "datum": "bd09" if datum != "bd09" else "gcj02"}
    )

    assert hit.json["county"]["name"] == "清城区"
    assert missed.json["county"] is None


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"lng": LNG, "datum": "wgs84"}, "lat", "missing_parameter"),
        ({"lat": LAT, "datum": "wgs84"}, "lng", "missing_parameter"),
        ({"lat": LAT, "lng": LNG}, "datum", "missing_datum"),
        ({**HERE, "datum": "wgs48"}, "datum", "bad_choice"),
        ({**HERE, "lat": LNG}, "lat", "out_of_range"),
        ({**HERE, "lat": "二十三"}, "lat", "bad_number"),
        ({**HERE, "lat": "nan"}, "lat", "bad_number"),
        ({**HERE, "lng": 141.35, "datum": "gcj02"}, "lng", "out_of_range"),
        ({**HERE, "radius_m": 5}, "radius_m", "unknown_parameter"),
    ],
)
def test_a_position_that_is_none_is_refused_by_name(ask, asked, field, code):
    response = ask(asked)

    assert response.status_code == 422
    assert [(problem["field"], problem["code"]) for problem in response.json["errors"]] == [(field, code)]


def test_a_division_is_still_found_by_its_code(client):
    a_tree()

    assert client.get("/api/v1/divisions/441802").json["name"] == "清城区"
    assert client.get("/api/v1/divisions/locate").status_code == 422
