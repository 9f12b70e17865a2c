"""What users of other service finders complained of (the first 15 of our survey), asked of this one from outside.

Numbers are the survey's: 1 hours, 2 closed places, 3 coordinates, 4 Chinese words, 5 radius, 6 list and map,
7 paging and export, 14 sensitive places, 15 what hours can say.
"""

import json
import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta
from gzip import decompress
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from servicemap import db, dump, storing
from servicemap.access import SEED, Actor
from servicemap.app import ACTOR_KEY, create_app
from servicemap.audit import write_txn
from servicemap.config import Settings
from servicemap.models import Suspension
from servicemap.records import Record, load
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_change, a_place, a_tree, a_type, scaled

URL, CLUSTERS, IMPORTS = "/api/v1/facilities", "/api/v1/clusters", "/api/v1/imports"
HERE = {"lat": LAT, "lng": LNG, "datum": "wgs84"}
AROUND = {"bbox": "112.9,23.5,113.2,23.9", "datum": "wgs84"}
NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
YESTERDAY = TODAY - timedelta(1)
ADMIN = Actor("li@civil-affairs", "admin", "cli")


@pytest.fixture
def client(settings: Settings, tmp_path: Path) -> FlaskClient:
    """A family."""
    return asking(replace(settings, dump_folder=str(tmp_path / "dump")), NOON)


def asking(settings: Settings, now: datetime) -> FlaskClient:
    client = create_app(settings, lambda: now).test_client()
    db.connect()
    return client


def later(client: FlaskClient, now: datetime) -> FlaskClient:
    """The same registry at another time."""
    return asking(client.application.config["SERVICEMAP"], now)


@pytest.fixture
def admin(client: FlaskClient) -> FlaskClient:
    """A worker."""
    signed_in: FlaskClient = client.application.test_client()
    signed_in.environ_base[ACTOR_KEY] = ADMIN
    return signed_in


def get(client: FlaskClient, url: str = URL, **query: object) -> dict:
    response = client.get(url, query_string=query)
    assert response.status_code == 200, response.text
    return response.json


def pages(client: FlaskClient, between=lambda: None, **query: object) -> list[dict]:
    """The items of all pages, with something happening between them."""
    page = get(client, **query)
    found = page["items"]
    while page["next_cursor"]:
        between()
        page = get(client, **query, cursor=page["next_cursor"])
        found += page["items"]
    return found


def names(items: list[dict]) -> list[str]:
    return [item["name"] for item in items]


def refused(client: FlaskClient, **query: object) -> list[tuple[str, str]]:
    """(field, code) of each problem."""
    response = client.get(URL, query_string=query)
    assert response.status_code == 422, response.text
    return [(problem["field"], problem["code"]) for problem in response.json["errors"]]


def rows_refused(admin: FlaskClient, **cells: str) -> set[str]:
    """The codes of what is wrong with a row that has these cells."""
    a_tree()
    a_type()
    row = {"name": "北门家长学校", "type": "家长学校", "division": NORTH_GATE, **cells}
    opened = admin.post(IMPORTS, json={"file_name": "places.xlsx", "headings": {name: name for name in row}})
    url = f"{IMPORTS}/{opened.json['id']}"
    line = json.dumps({"row": 2, "cells": row})
    admin.post(f"{url}/rows", data=line, content_type="application/x-ndjson")
    return {problem["code"] for problem in admin.post(f"{url}/plan").json["problems"]}


def suspend(record: Record, from_on: date, to_on: date | None) -> None:
    Suspension.create(facility=record.id, from_on=from_on, to_on=to_on, reason="装修")
    with write_txn(SEED) as log:
        storing.write(log, [], [(record, load([record.id])[record.id])], TODAY)


# 1. The open or closed label is wrong; the label says one thing and the filter another


@pytest.mark.parametrize(
    ("hours", "at", "state"),
    [
        ("周一至周五 8:30-17:30；节假日照常", "2026-11-27T17:29", "open"),  # Friday, the last day of its week
        ("周一至周五 8:30-17:30；节假日照常", "2026-11-27T17:30", "closed"),
        ("周一至周五 8:30-17:30；节假日照常", "2026-11-28T10:00", "closed"),
        ("周五 20:00-02:00；节假日照常", "2026-11-28T01:59", "open"),  # early morning: still Friday's night
        ("周五 20:00-02:00；节假日照常", "2026-11-27T01:59", "closed"),
        ("周五 20:00-02:00；节假日照常", "2026-11-28T02:00", "closed"),
        ("24小时", "2026-11-28T00:00", "open"),
        ("24小时", "2026-11-27T23:59", "open"),
        ("每天 8:30-12:00，14:30-17:30", "2026-11-25T13:00", "closed"),
        ("周一至周五 8:30-17:30；节假日休息", "2026-10-10T10:00", "open"),  # a Saturday that is worked
        ("周一至周五 8:30-17:30；节假日休息", "2026-10-05T10:00", "closed"),  # a Monday of the golden week
        (None, "2026-11-27T10:00", "unknown"),
        ("看通知", "2026-11-27T10:00", "unknown"),
    ],
)
def test_the_open_label_is_right_on_fridays_after_midnight_on_holidays_and_when_nobody_knows(
    client, hours, at, state
):
    a_place(hours=hours)
    a_place("another", hours="24小时")  # so that something else is found whatever is asked

    found = {item["name"]: item["open_state"] for item in get(client, **HERE, open=at)["items"]}
    everybody = names(get(client)["items"])

    assert found.pop("another") == "open"
    assert found == ({"北门社区家长学校": "open"} if state == "open" else {})
    assert len(everybody) == 2


def some_hours(random: Random) -> str | None:
    days = random.choice(("周一至周五", "周五", "周六、周日", "每天", "周一、周三", "周日"))
    opens, closes = random.sample(range(24), 2)  # half of them over midnight
    lunch = random.choice(("", "，22:00-23:30"))
    rest = random.choice(("；节假日休息", "；节假日照常", ""))
    written = f"{days} {opens}:00-{closes}:30{lunch}{rest}"
    return random.choice((written, written, written, "24小时", "Mo-Fr 08:30-12:00", None))


def test_the_open_label_and_the_open_filter_never_disagree(settings):
    clock = [NOON]
    asker = create_app(settings, lambda: clock[0]).test_client()
    db.connect()
    random = Random(1)
    for number in range(60):
        a_place(f"第 {number} 家", hours=some_hours(random))
    start, seen = datetime(2026, 11, 23), set()

    for _ in range(scaled(300, 30)):
        now = start + timedelta(minutes=random.randrange(60 * 24 * 14))
        clock[0] = now.replace(tzinfo=NOON.tzinfo)
        labelled = {item["name"]: item["open_state"] for item in get(asker, limit=100)["items"]}
        opened = {name for name, state in labelled.items() if state == "open"}
        at = f"{now:%Y-%m-%dT%H:%M}"

        assert set(names(get(asker, limit=100, open="now")["items"])) == opened, at
        assert set(names(get(asker, limit=100, open=at, **HERE)["items"])) == opened, at
        seen |= set(labelled.values())
    assert seen >= {"open", "closed"}


# 2. Closed places linger


@pytest.mark.parametrize("where", [{}, HERE, {"q": "家长学校"}, {"type": "parent_school"}])
def test_closed_places_do_not_linger_but_answer_with_when_why_and_where_instead(client, where):
    closed = a_place(
        "旧校", closed_on=YESTERDAY, closed_reason="并入新校", verified_on=YESTERDAY, hours="24小时"
    )
    a_place("新校", lat=LAT + 0.01, hours="24小时")

    one, listed = get(client, f"{URL}/{closed.code}"), get(client, **where)["items"]
    shared = client.get(f"/f/{closed.code}", follow_redirects=True)
    on_map = get(client, CLUSTERS, **AROUND)["total"]

    assert (one["status"], one["closed_on"], one["closed_reason"]) == ("closed", str(YESTERDAY), "并入新校")
    assert (one["former_types"], one["verified_on"]) == (["parent_school"], str(YESTERDAY))
    assert (one["open_state"], one["next_change"], one["links"]) == ("closed", None, {})
    [instead] = [each["facility"] for each in one["alternatives"]]
    assert (instead["name"], instead["open_state"]) == ("新校", "open")
    assert shared.json == one
    assert (names(listed), on_map) == (["新校"], 1)


def test_a_closing_date_takes_a_place_off_the_lists_on_its_day_without_anybody_doing_anything(client):
    place = a_place(closed_on=TODAY + timedelta(1))

    before, status = get(client)["items"], get(client, f"{URL}/{place.code}")["status"]
    tomorrow = later(client, NOON + timedelta(1))

    assert (names(before), status) == (["北门社区家长学校"], "open")
    assert get(tomorrow)["items"] == []
    assert get(tomorrow, f"{URL}/{place.code}")["status"] == "closed"


def test_a_place_that_is_only_planned_is_not_open_yet(client):
    place = a_place(opened_on=TODAY + timedelta(1), hours="24小时")

    planned, begun = (
        get(asker, f"{URL}/{place.code}") for asker in (client, later(client, NOON + timedelta(1)))
    )

    assert (planned["status"], planned["open_state"], planned["next_change"]) == ("planned", "closed", None)
    assert (begun["status"], begun["open_state"]) == ("open", "open")


# 3. Wrong coordinates do harm


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"lng": "0", "lat": "0", "datum": "wgs84"}, "zero_coordinates"),
        ({"lng": "23.6842", "lat": "113.0561", "datum": "wgs84"}, "swapped_coordinates"),
        ({"lng": "113.0561", "lat": "23.6842"}, "datum_missing"),
        ({"lng": "113.0561", "lat": "23.6842", "datum": "地图"}, "unknown_datum"),
    ],
)
def test_wrong_coordinates_are_refused_where_they_come_in(admin, cells, code):
    right = rows_refused(admin, lng="113.0561", lat="23.6842", datum="gcj02")

    wrong = rows_refused(admin, **cells)

    assert code not in right
    assert code in wrong


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"lat": LNG, "lng": LAT, "datum": "wgs84"}, ("lat", "out_of_range")),
        ({"lat": LNG, "lng": LAT, "datum": "gcj02"}, ("lat", "out_of_range")),
        ({"lat": 0, "lng": 0, "datum": "gcj02"}, ("lat", "out_of_range")),
        ({"lat": LAT, "lng": LNG}, ("datum", "missing_datum")),
        ({"bbox": "112.9,23.5,113.2,23.9"}, ("datum", "missing_datum")),
        ({"bbox": "23.5,112.9,23.9,113.2", "datum": "wgs84"}, ("bbox", "bad_bbox")),
    ],
)
def test_wrong_coordinates_in_a_question_are_refused_not_guessed(client, query, problem):
    assert refused(client, **query) == [problem]


def test_wrong_coordinates_do_not_come_from_going_to_another_datum_and_back(client):
    a_place()

    for datum in ("gcj02", "bd09"):
        item = get(client, **HERE)["items"][0]
        there = get(client, f"{URL}/{item['code']}", datum=datum)
        found = get(client, lat=there["lat"], lng=there["lng"], datum=datum)["items"][0]

        assert (there["lat"], there["lng"]) != (LAT, LNG)
        assert found["distance_m"] < 0.1


# 4. Chinese search finds nothing


@pytest.mark.parametrize("where", [{}, HERE])
@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("托育", ["阳光托育中心"]),
        ("家长", ["北门家长学校"]),
        ("學校", ["北门家长学校"]),
        ("yangguang", ["阳光托育中心"]),
        ("bmjz", ["北门家长学校"]),
        ("阳光 中心", ["阳光托育中心"]),
        ("早教", ["阳光托育中心"]),
        ("光", ["阳光托育中心"]),
        ("北门 托育 火星", []),
    ],
)
def test_chinese_search_finds_words_of_any_length_and_ignores_none(client, where, q, expected):
    a_type("nursery", aliases=("早教", "托班"))
    a_place("北门家长学校")
    a_place("阳光托育中心", types=("nursery",))

    answer = get(client, **where, q=q)

    assert names(answer["items"]) == expected
    assert answer["understood"]["ignored"] == []


def test_chinese_search_says_what_of_a_question_it_could_not_use(client):
    a_place("北门家长学校")

    understood = get(client, q="家长 %")["understood"]

    assert understood["ignored"] == ["%"]


# 5. Radius and dead ends


def test_the_radius_is_the_lists_too_and_a_dead_end_is_widened_and_said(client):
    a_place("near", lat=LAT + 0.02)
    a_place("far", lat=LAT + 0.1)

    inside = get(client, **HERE, radius_m=3000)
    wider = get(client, **HERE, radius_m=500)

    assert (names(inside["items"]), inside["radius_m"], "widened" in inside) == (["near"], 3000, False)
    assert (wider["widened"]["from_m"], wider["widened"]["to_m"]) == (500, wider["radius_m"])
    assert wider["radius_m"] > 500
    assert "0.5 公里内没有" in wider["widened"]["notice"]
    assert names(wider["items"])[0] == "near"


def test_a_dead_end_of_filters_is_widened_as_well(client):
    a_place("near", fee="paid")
    a_place("free", fee="free", lat=LAT + 0.3)

    answer = get(client, **HERE, fee="free")

    assert names(answer["items"]) == ["free"]
    assert answer["widened"]["from_m"] == 5000


# 6. List and map disagree; pins are stacked


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"type": "nursery"},
        {"fee": "free"},
        {"open": "now"},
        {"accessible": "yes"},
        {"division": "441802"},
    ],
)
def test_list_and_map_agree_on_every_count(client, filters):
    random = Random(6)
    for number in range(40):
        a_place(
            f"第 {number} 家",
            types=(random.choice(("nursery", "parent_school")),),
            lat=LAT + random.choice((0, 0.001, 0.02, 1)),
            fee=random.choice(("free", "paid")),
            hours=random.choice(("24小时", "周日 9:00-12:00", None)),
            accessible=random.choice((True, False, None)),
            division=random.choice((NORTH_GATE, "441881101201")),
        )

    listed = pages(client, **AROUND, **filters)
    counted = get(client, **AROUND, **filters, total="true")
    on_map = get(client, CLUSTERS, **AROUND, **filters)

    assert 0 < len(listed) < 40
    assert counted["total"] == {"count": len(listed), "capped": False}
    assert sum(each["count"] for each in counted["counts"]) == len(listed)
    assert on_map["total"] == sum(item["count"] for item in on_map["items"]) == len(listed)


def test_stacked_pins_are_one_group_that_names_its_places(client):
    upstairs, downstairs = a_place("楼上"), a_place("楼下")

    [group] = get(client, CLUSTERS, **AROUND)["items"]

    assert group["count"] == 2
    assert [place["code"] for place in group["places"]] == [upstairs.code, downstairs.code]
    markers = {item["marker_id"] for item in get(client, **HERE)["items"]}
    assert {place["marker_id"] for place in group["places"]} == markers


# 7. Paging loses or duplicates, links drop filters, exports are cut


@pytest.mark.parametrize("where", [{}, HERE])
def test_paging_neither_loses_nor_duplicates_while_others_write(client, where):
    kept = [a_place(f"留 {number}", lat=LAT + number * 0.0001) for number in range(30)]
    moving = [a_place(f"改 {number}", lat=LAT + number * 0.0001) for number in range(10)]
    random = Random(7)

    def write() -> None:
        if moving:
            a_change(moving.pop(), types=("parent_school",), closed_on=TODAY)
        a_place(f"新 {random.random()}", lat=LAT + random.random() / 100)

    found = [item["code"] for item in pages(client, write, **where, limit=4)]

    assert len(found) == len(set(found))
    assert {place.code for place in kept} <= set(found)


@pytest.mark.parametrize("where", [{}, HERE])
def test_a_link_to_the_next_page_drops_no_filter(client, where):
    for number in range(5):
        a_place(f"第 {number} 家", fee="free", types=("parent_school", "nursery"))
    query = {"fee": "free", "type": ["parent_school", "nursery"], "q": "家", "limit": 2, **where}

    found, page = [], client.get(URL, query_string=query)
    while page:
        found += names(page.json["items"])
        page = page.json["next"] and client.get(page.json["next"])

    assert found == [f"第 {number} 家" for number in range(5)]


def test_a_cursor_without_its_filters_is_refused(client):
    for number in range(4):
        a_place(f"第 {number} 家", fee="free")
    following = get(client, fee="free", limit=2)["next_cursor"]

    dropped = client.get(URL, query_string={"limit": 2, "cursor": following})
    in_body = client.post(f"{URL}/search", json={"fee": ["free"], "limit": 2})

    assert (dropped.status_code, dropped.json["code"]) == (400, "bad_cursor")
    assert (in_body.json["next"], in_body.json["next_cursor"] is None) == (None, False)


def test_an_export_is_not_cut(client, admin, tmp_path):
    codes = {a_place(f"第 {number} 家").code for number in range(260)}
    dump.build(tmp_path / "dump", NOON, TODAY)

    records, after = [], {}
    while after is not None:
        page = get(admin, "/api/v1/facility-records", limit=100, **after)
        records += [item["code"] for item in page["items"]]
        after = page["next_after"] and {"after": page["next_after"]}
    index = get(client, "/api/v1/dump")
    by_kind = {file["kind"]: client.get(file["href"], buffered=True).data for file in index["files"]}

    assert (set(records), len(records)) == (codes, 260)
    assert index["places"] == 260
    assert {f["properties"]["code"] for f in json.loads(decompress(by_kind["geojson"]))["features"]} == codes


# 14. Sensitive places are given away; services without a place are drawn somewhere


def test_a_sensitive_place_gives_its_phone_and_in_no_output_where_it_is(client, tmp_path):
    shelter = a_place(
        "临时庇护所", phone="0763-3360000", address="北门街 77 号", visibility="contact_only", hours="24小时"
    )
    a_place("open", lat=LAT + 0.01)
    dump.build(tmp_path / "dump", NOON, TODAY)

    one = get(client, f"{URL}/{shelter.code}")
    listed = {item["name"]: item for item in get(client, **HERE)["items"]} | {
        item["name"]: item for item in get(client)["items"]
    }
    geojson = get(client, format="geojson")["features"]
    outputs = [
        json.dumps(one, ensure_ascii=False),
        json.dumps(listed["临时庇护所"], ensure_ascii=False),
        *(
            json.dumps(each, ensure_ascii=False)
            for each in geojson
            if each["properties"]["name"] == "临时庇护所"
        ),
        json.dumps(get(client, CLUSTERS, **AROUND)),
        json.dumps(get(client, "/api/v1/changes"), ensure_ascii=False),
        *(everything(client, file) for file in get(client, "/api/v1/dump")["files"]),
    ]

    assert (one["phone"], one["open_state"], one["links"]) == ("0763-3360000", "open", {})
    assert (one["lat"], one["lng"], one["address"]) == (None, None, None)
    assert not [output for output in outputs if "北门街 77" in output or str(LAT) in output]
    assert not [output for output in outputs[-5:] if "临时庇护所" in output]
    assert get(client, CLUSTERS, **AROUND)["total"] == 1


def everything(client: FlaskClient, file: dict) -> str:
    """What a file of the dump says, as text."""
    data = client.get(file["href"], buffered=True).data
    data = decompress(data) if file["name"].endswith(".gz") else data
    if file["kind"] != "sqlite":
        return data.decode()
    memory = sqlite3.connect(":memory:")
    memory.deserialize(data)
    said = "\n".join(memory.iterdump())
    memory.close()
    return said


@pytest.mark.parametrize("delivery", ["online", "at_home", "phone"])
def test_a_service_without_a_place_is_found_and_never_mapped(client, tmp_path, delivery):
    a_place("网上家长学校", delivery=delivery, lng=None)
    dump.build(tmp_path / "dump", NOON, TODAY)

    [item] = get(client, q="网上家长")["items"]
    [feature] = get(client, format="geojson")["features"]
    [slice_] = [file for file in get(client, "/api/v1/dump")["files"] if file["kind"] == "slice"]

    assert (item["delivery"], item["lat"], item["lng"]) == (delivery, None, None)
    assert feature["geometry"] is None
    assert get(client, CLUSTERS, **AROUND)["items"] == []
    assert "网上家长学校" in everything(client, slice_)


# 15. Hours cannot say several spans a day, notices are vague, the next year crashes


def test_several_spans_a_day_are_understood_shown_and_kept(client):
    said = "周一至周五 8:30-11:30，14:30-17:30，19:00-21:00；节假日照常"
    place = a_place(hours=said)

    understood = get(client, "/api/v1/hours", text=said)
    states = {at: names(get(client, open=f"2026-11-23T{at}")["items"]) for at in ("11:29", "13:00", "20:59")}

    assert understood["problem"] is None
    spans = [(span["start"], span["end"]) for span in understood["week"][0]["spans"]]
    assert spans == [("08:30", "11:30"), ("14:30", "17:30"), ("19:00", "21:00")]
    assert [bool(found) for found in states.values()] == [True, False, True]
    assert get(client, f"{URL}/{place.code}")["hours"] == said


def test_a_vague_notice_is_a_dated_suspension_in_lists_too(client):
    place = a_place(hours="24小时")
    suspend(place, YESTERDAY, TODAY + timedelta(7))

    one, [item] = get(client, f"{URL}/{place.code}"), get(client, **HERE)["items"]

    notice = {"from_on": str(YESTERDAY), "to_on": str(TODAY + timedelta(7)), "reason": "装修"}
    assert (one["status"], one["suspensions"], item["suspensions"]) == ("suspended", [notice], [notice])
    assert one["open_state"] == item["open_state"] == "closed"
    assert get(client, **HERE, open="now")["items"] == []


def test_next_years_holidays_are_unknown_and_never_an_exception(client):
    a_place("休息", hours="周一至周五 8:30-17:30；节假日休息")
    a_place("照常", hours="每天 8:30-17:30；节假日照常")
    labels = {}
    for day in ("2027-10-01", "2028-05-01", "2049-10-01", "2098-12-31", "2099-10-01"):
        then = later(client, datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=NOON.tzinfo))
        labels[day] = [item["open_state"] for item in get(then)["items"]]

        assert names(get(then, open="now")["items"]) == names(get(client, open=f"{day}T10:00")["items"])

    assert labels.pop("2098-12-31")[1] == "open"
    assert set(map(tuple, labels.values())) == {("unknown", "open")}
