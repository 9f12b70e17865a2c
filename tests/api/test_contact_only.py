"""The proof that nobody learns where a contact_only place stands: two registries that differ in nothing else
answer everything with the same bytes."""

import gzip
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from servicemap import db, division_list, dump, geo
from servicemap.access import SEED, Actor
from servicemap.app import create_app
from servicemap.audit import Log, write_txn
from servicemap.config import Settings
from servicemap.coverage import freezing, indicators, publication
from servicemap.models import Division, Title
from servicemap.records import Record
from tests.api.conftest import NOON
from tests.conftest import fresh
from tests.factories import (
    LAT,
    LNG,
    NORTH_GATE,
    TODAY,
    TREE,
    a_change,
    a_division,
    a_place,
    a_tree,
    a_type,
    scaled,
)

API = "/api/v1"
TIANXIN = "441802102200"  # in the same county as NORTH_GATE, in another town
THERE_LNG, THERE_LAT = LNG + 0.2, LAT + 0.2  # 30 km
HERE = {
    "lng": LNG, "lat": LAT, "precision": "door", "division": NORTH_GATE, "address": "北门街 7 号", "note": "北门菜场后面", "accessible": True,
    "external_id": "北门-7", "serves": [NORTH_GATE], "registration_body": "北门街道", "registration_no": "BM-1", "inclusive_body": "北门食堂",
    "inclusive": True, "monthly_fee": 500, "offered": 20, "taken": 1, "meals": "extra",
}  # fmt: skip
THERE = {
    "lng": THERE_LNG, "lat": THERE_LAT, "precision": "town", "division": TIANXIN, "address": "田心村 30 号", "note": "村口大榕树旁",
    "accessible": False, "external_id": None, "serves": [TIANXIN, NORTH_GATE], "offered": 5, "taken": 5,
}  # fmt: skip
POSITIONS = (
    {},
    {"lng": LNG, "lat": LAT, "datum": "wgs84"},
    {"lng": THERE_LNG, "lat": THERE_LAT, "datum": "wgs84"},
    {"lng": THERE_LNG, "lat": LAT, "datum": "gcj02", "radius_m": 50_000},
    {"lng": 100.0, "lat": 30.0, "datum": "bd09", "radius_m": 1},
)
DIVISIONS = ("4418", "441802", "441881", NORTH_GATE[:9], TIANXIN[:9], NORTH_GATE, TIANXIN)
PUBLISHED = ("441800000000", "441802000000")
AROUND = tuple(
    f"{lng - size},{lat - size},{lng + size},{lat + size}"
    for (lng, lat), size in product(((LNG, LAT), (THERE_LNG, THERE_LAT)), (0.0001, 0.05, 1.0))
)
WORDS = ("隐蔽", "隐蔽处", "yinbichu", "ybc", "北门", "北门街", "7号", "田心村", "田心 30", "beimenjie", "bmj", "源潭",
         "凤城街道", "清城区", "托育", "北门 托育", "田心托育", "BM-1", "北门食堂", "号", "隐")  # fmt: skip
FILTERS = (
    *({"division": code} for code in DIVISIONS),
    *({"bbox": box, "datum": "wgs84"} for box in AROUND),
    {"type": "nursery"}, {"type": ["nursery", "parent_school"]}, {"type": "parent_school"},
    {"age_months": 12}, {"birth_month": "2024-05"}, {"fee": "free"}, {"fee": ["free", "discounted"]},
    {"fee_max": 600}, {"fee_max": 100_000}, {"inclusive": "true"}, {"registered": "true"}, {"places_free": "true"},
    {"accessible": "yes"}, {"accessible": "maybe"}, {"open": "now"}, {"open": "2026-11-24T03:00"},
    {"open_weekends": "true"}, {"verified_days": 30},
)  # fmt: skip
SHAPES = (
    *({"q": word} for word in WORDS),
    {"limit": 1}, {"radius_m": 900}, {"accuracy_m": 3000}, {"fields": ["code", "address", "division", "lat"]},
    {"format": "geojson"},
)  # fmt: skip


# what is measured: only the hidden places are 儿童之家
MEASURED = (
    ("share", {}, {"level": "community"}),
    ("share", {"own_level": True}, {"level": "community"}),
    ("share", {"verified_within_months": 12}, {"level": "town"}),
    ("share", {}, {"level": "county"}),
    ("count", {}, {}),
    ("count", {"title": "儿童友好"}, {}),
    ("per_thousand", {"places": "registered"}, {"population": "resident"}),
)


def a_measure(
    log: Log, number: int, kind: str, numerator: dict[str, Any], denominator: dict[str, Any]
) -> None:
    rules = {"numerator": {"types": ["childrens_home"], **numerator}, "denominator": denominator}
    target = {"at_least": "50", "due_year": 2030, "level": "city", "source": "规划"}
    texts = dict.fromkeys(("name", "name_en", "clause", "quote", "department"), "x")
    definition = {"id": "a", "name": "默认", "default": True, **rules}
    entry = {"id": f"X{number}", "kind": kind, "targets": [target], "definitions": [definition], **texts}
    indicators.set_indicator(log, number, entry)


def a_registry(hidden: dict[str, Any], visibility: str) -> list[Record]:
    """Public places around both points, and among them two that stand where `hidden` says: one that is open,
    one that has closed there. Both were somewhere else before and then hidden."""
    a_tree()
    a_type("nursery")
    a_type("childrens_home")
    west, south, east, north = LNG - 0.5, LAT - 0.5, LNG + 0.5, LAT + 0.5
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    with write_txn(SEED) as log:
        shape = {"type": "Polygon", "coordinates": [ring]}
        division_list.set_shape(log, a_division("441802000000"), shape, "test")
        for division in Division.select():
            division_list.set_population(log, division, "resident", TODAY, 1000, "test")
        for number, rules in enumerate(MEASURED):
            a_measure(log, number, *rules)
    a_neighbourhood("first")
    facts = {
        "phone": "0763-3360000",
        "hours": "每天 9:00-17:00",
        "age_from_months": 6,
        "verified_on": TODAY,
        "registered": 9,
    }
    moving = a_place(
        "隐蔽处托育中心",
        types=["nursery", "childrens_home"],
        visibility=visibility,
        fee="discounted",
        **facts,
        **hidden,
    )
    closing = a_place(
        "隐蔽处旧址", types=["nursery"], visibility=visibility, **{**hidden, "external_id": None}
    )
    a_neighbourhood("last")
    with write_txn(SEED):
        issuer = f"{hidden['division']} 居委会"
        Title.create(facility=moving.id, kind="儿童友好", issuer=issuer, awarded_on=TODAY)
    moving = a_change(moving, phone="0763-3360001")
    reason = f"{hidden['address']}拆迁"
    closing = a_change(closing, types=["nursery"], closed_on=TODAY, closed_reason=reason)
    return [moving, closing]


def a_neighbourhood(name: str) -> None:
    for number in range(4):
        point = {"lng": LNG + number * 0.06, "lat": LAT + number * 0.06}
        division = (NORTH_GATE, TIANXIN)[number % 2]
        a_place(f"{name} {number}", types=["nursery"], division=division, hours="24/7", fee="free", **point)
    a_place(f"{name} 北门托育", types=["nursery"], lng=None, division=TIANXIN, accessible=True)
    a_place(f"{name} 家长学校", precision="community", monthly_fee=300, fee="paid", verified_on=TODAY)


def answers(
    hidden: dict[str, Any], visibility: str, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> dict[str, str]:
    """What a registry of its own says to every question."""
    tmp_path.mkdir()
    with fresh("nothing", engine, request, tmp_path) as url:
        places = a_registry(hidden, visibility)
        for code in PUBLISHED:
            made = freezing.freeze(SEED, "2026", a_division(code), TODAY, None, today=TODAY)
            publication.approve(Actor("another", "admin", "http"), made["number"], TODAY)
            publication.publish(SEED, made["number"], TODAY)
        folder, rates = tmp_path / "dump", tmp_path / "rates"
        dump.build(folder, NOON, TODAY)
        settings = Settings(
            url, reads_per_minute=0, dump_folder=str(folder), rate_file=str(rates), coverage_public="live"
        )
        app = create_app(settings, lambda: NOON)
        db.connect()
        return dict(everything(app.test_client(), [place.code for place in places]))


def everything(client: FlaskClient, codes: list[str]) -> Iterator[tuple[str, str]]:
    """(question, answer) of all that anybody can ask about places."""
    questions = [
        {**where, **more} for where in POSITIONS for more in (*FILTERS, *SHAPES) if fits(where, more)
    ]
    random = Random(20)
    for _ in range(scaled(1000, 60)):
        where, one, other, shape = map(random.choice, (POSITIONS, FILTERS, FILTERS, SHAPES))
        if {"age_months", "birth_month"} <= one.keys() | other.keys():  # one child has one age
            continue
        if fits(where, one) and fits(where, other) and fits(where, shape):
            questions.append({**where, **one, **other, **shape})
    for question in questions:
        yield from paged(client, {"limit": 6, "total": "true", "counts": "type", **question})
    for box, zoom, filters in product(AROUND[::2], (None, 9), ({}, *FILTERS)):
        if "bbox" not in filters:
            asked = {**filters, "bbox": box, "datum": "wgs84", **({} if zoom is None else {"zoom": zoom})}
            yield answer(client, f"{API}/clusters", asked)
    for word, division in product(WORDS, (None, *DIVISIONS)):
        yield answer(
            client, f"{API}/suggestions", {"q": word, **({"division": division} if division else {})}
        )
    for code, datum in product(codes, geo.DATUMS):
        yield answer(client, f"{API}/facilities/{code}", {"datum": datum})
        yield answer(client, f"/f/{code}", {})
    for since, limit in product((0, 3, 20), (1, 500)):
        yield answer(client, f"{API}/changes", {"since": since, "limit": limit})
    for code in DIVISIONS:
        yield answer(client, f"{API}/divisions/{code}", {})
        yield answer(client, f"{API}/dump", {"division": code})
    for code, *_ in TREE:
        yield answer(client, f"{API}/coverage/{code}", {})
        yield answer(client, f"{API}/coverage/{code}/gaps", {})
        yield answer(client, f"{API}/coverage/{code}/ranking", {})
        yield answer(client, f"{API}/coverage/{code}/disparity", {})
        yield answer(client, f"{API}/coverage/{code}/reach", {})
    yield answer(client, f"{API}/coverage/published", {})
    for code in PUBLISHED:
        yield answer(client, f"{API}/coverage/published/2026", {"division": code})
    for position in POSITIONS[1:3]:
        yield answer(client, f"{API}/divisions/locate", position)
    for file in client.get(f"{API}/dump").json["files"]:
        packed = client.get(file["href"], buffered=True).data
        whole = gzip.decompress(packed) if file["name"].endswith(".gz") else packed
        yield file["href"], whole.decode("latin-1")


def fits(where: dict[str, Any], more: dict[str, Any]) -> bool:
    """Whether the datum of one is the other's: GeoJSON and the boxes here are in WGS-84."""
    return where.get("datum", "wgs84") == "wgs84" or not {"bbox", "format"} & more.keys()


def answer(client: FlaskClient, path: str, question: dict[str, Any]) -> tuple[str, str]:
    response = client.get(path, query_string=question)
    return f"{path} {question}", said(response)


def paged(client: FlaskClient, question: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """All pages, and the first in a body."""
    page = client.get(f"{API}/facilities", query_string=question)
    yield f"POST {question}", said(client.post(f"{API}/facilities/search", json=body_of(question)))
    number = 0
    while True:
        assert page.status_code == 200, page.text
        yield f"{API}/facilities {question} page {number}", said(page)
        number += 1
        following = page.json["next_cursor"]
        if not following:
            return
        page = client.get(f"{API}/facilities", query_string={**question, "cursor": following})


def body_of(question: dict[str, Any]) -> dict[str, Any]:
    several = ("type", "fee", "fields", "counts")
    return {
        name: [value] if name in several and isinstance(value, str) else value
        for name, value in question.items()
    }


def said(response: TestResponse) -> str:
    """All that an asker sees, but for what names the clock and the registry: the signed end of a cursor,
    the instants of changes, the ETag."""
    text = re.sub(r'(cursor(?:":"|=)[^".]*)\.[^"]*"', r'\1"', response.text)
    text = re.sub(r'"changed_at":\s*"[^"]*"', '"changed_at":""', text)
    headers = {name: value for name, value in response.headers if name not in ("ETag", "Content-Length")}
    return f"{response.status} {headers} {text}"


def test_every_answer_has_the_same_bytes_wherever_in_its_county_a_contact_only_place_stands(
    engine, request, tmp_path
):
    here = answers(HERE, "contact_only", engine, request, tmp_path / "here")
    there = answers(THERE, "contact_only", engine, request, tmp_path / "there")

    assert {question for question in here if here[question] != there.get(question)} == set()
    assert len(here) == len(there)
    assert any("隐蔽处托育中心" in text for text in here.values())


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_proof_would_see_a_public_place_move_through_every_door(engine, request, tmp_path):
    here = answers(HERE, "public", engine, request, tmp_path / "here")
    there = answers(THERE, "public", engine, request, tmp_path / "there")

    differing = {question for question in here if here[question] != there.get(question)}
    doors = {
        question.partition(" ")[0].removeprefix(API).split("/")[1]
        for question in differing
        if question[0] == "/"
    }
    assert doors >= {"facilities", "clusters", "suggestions", "changes", "dump", "coverage"}
    assert any(question.startswith("POST") for question in differing)
