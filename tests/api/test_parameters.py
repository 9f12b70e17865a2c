"""Every parameter reaches what it is about: one place fits it, one does not, at each door that takes it."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.factories import LAT, LNG, TODAY, a_place

URL = "/api/v1/facilities"
HERE = {"lat": LAT, "lng": LNG, "datum": "wgs84"}
AROUND = {"bbox": "112.9,23.5,113.4,23.9", "datum": "wgs84"}

# The parameter, its value, what fits it, what does not
FILTERS: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
    ("type", ["nursery"], {}, {"types": ["parent_school"]}),
    ("division", "441802", {}, {"division": "441881101201"}),
    ("age_months", 24, {"age_from_months": 24, "age_to_months": 24}, {"age_from_months": 25, "age_to_months": 36}),
    ("age_months", 24, {}, {"age_from_months": 0, "age_to_months": 23}),
    ("birth_month", "2024-11", {"age_from_months": 24, "age_to_months": 24}, {"age_from_months": 25, "age_to_months": 36}),
    ("fee", ["free"], {"fee": "free"}, {"fee": "discounted"}),
    ("fee", ["discounted"], {"fee": "discounted"}, {"fee": "free"}),
    ("fee_max", 1000, {"fee": "paid", "monthly_fee": 1000}, {"fee": "paid", "monthly_fee": 1001}),
    ("inclusive", True, {"inclusive": True}, {"inclusive": False}),
    ("registered", True, {"registration_no": "1"}, {}),
    ("places_free", True, {"offered": 10, "taken": 9, "places_on": TODAY}, {"offered": 10, "taken": 10, "places_on": TODAY}),
    ("accessible", "yes", {"accessible": True}, {}),
    ("accessible", "maybe", {}, {"accessible": False}),
    ("open", "now", {"hours": "Mo 11:00-13:00"}, {"hours": "Mo 13:00-15:00"}),
    ("open", "2026-11-28T10:00", {"hours": "Sa 09:00-12:00"}, {"hours": "Mo 11:00-13:00"}),
    ("open_weekends", True, {"hours": "Sa-Su 09:00-12:00"}, {"hours": "Mo-Fr 09:00-12:00"}),
    ("verified_days", 10, {"verified_on": TODAY - timedelta(10)}, {"verified_on": TODAY - timedelta(11)}),
    ("bbox", "113.0,23.6,113.1,23.7", {}, {"lng": LNG + 0.2}),
]  # fmt: skip


def in_a_query(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: "true" if value is True else value for name, value in asked.items()}


@pytest.mark.parametrize(
    ("name", "value", "fits", "other"), FILTERS, ids=[f"{name}={value}" for name, value, *_ in FILTERS]
)
def test_a_filter_leaves_what_fits_in_the_list_and_on_the_map(client, name, value, fits, other):
    right = a_place("fits", **{"types": ["nursery"], **fits})
    wrong = a_place("other", **{"types": ["nursery"], **other})
    asked = {**AROUND, name: value}

    got = client.get(URL, query_string=in_a_query(asked)).json["items"]
    near = client.get(URL, query_string=in_a_query({**HERE, **asked, "radius_m": 50_000})).json["items"]
    posted = client.post(f"{URL}/search", json=asked).json["items"]
    on_map = client.get("/api/v1/clusters", query_string=in_a_query(asked)).json
    without = client.get(URL, query_string=AROUND).json["items"]

    for items in (got, near, posted, on_map["items"][0]["places"]):
        assert [item["code"] for item in items] == [right.code]
    assert on_map["total"] == 1
    assert [item["code"] for item in without] == [right.code, wrong.code]


def answers(client: FlaskClient, **asked: Any) -> list[dict[str, Any]]:
    """What is answered to the same question by GET and by POST."""
    return [client.get(URL, query_string=asked).json, client.post(f"{URL}/search", json=asked).json]


def test_only_the_members_that_were_asked_for_are_answered(client):
    place = a_place("北门托育")

    for answer in answers(client, **HERE, fields=["name", "distance_m"]):
        assert answer["items"] == [{"name": "北门托育", "distance_m": 0}]
    for answer in answers(client, format="geojson", fields=["name"]):
        (feature,) = answer["features"]
        assert (feature["id"], feature["properties"]) == (place.id, {"name": "北门托育"})


def test_a_rough_position_of_the_asker_makes_every_distance_a_rough_one(client):
    a_place(lat=LAT + 0.01)

    for answer in answers(client, **HERE):
        assert answer["items"][0]["distance_text"] == "1.1 公里"
    for answer in answers(client, **HERE, accuracy_m=500):
        assert answer["items"][0]["distance_text"] == "约 1 公里"


@pytest.mark.parametrize("position", [{}, HERE])
def test_geojson_says_the_longitude_first(client, position):
    a_place()
    a_place(lng=None)

    for answer in answers(client, **position, format="geojson", radius_m=1000):
        points = [feature["geometry"] for feature in answer["features"]]
        assert points == [{"type": "Point", "coordinates": [LNG, LAT]}, None]


def test_where_nothing_is_at_all_the_answer_says_how_far_was_looked(client):
    for answer in answers(client, **HERE, radius_m=2000):
        assert answer["items"] == []
        assert (answer["widened"]["from_m"], answer["widened"]["to_m"]) == (2000, 500_000)
        for word in ("2 公里内没有", "也没有", "500 公里"):
            assert word in answer["widened"]["notice"]


def test_where_something_is_further_away_the_answer_says_how_far(client):
    a_place(lat=LAT + 0.1)

    for answer in answers(client, **HERE, radius_m=2000):
        assert len(answer["items"]) == 1
        assert answer["widened"]["notice"] == "2 公里内没有，已扩大到 20 公里"
