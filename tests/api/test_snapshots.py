"""监测快照 over HTTP: from frozen to published, and what anybody learns before and after."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from servicemap.access import Actor
from servicemap.app import ACTOR_KEY
from tests.coverage.test_snapshots import CITY, NORTH, QINGCHENG, an_indicator
from tests.factories import TODAY, TREE, a_place, a_tree, a_type

API = "/api/v1"
PUBLISHED = f"{API}/coverage/published"
ASKED = {"division": CITY, "period": "2026", "on": str(TODAY)}


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    a_tree()
    an_indicator()
    a_place(division=NORTH)


@pytest.fixture
def other(client: FlaskClient) -> FlaskClient:
    """Another post than admin's."""
    signed_in: FlaskClient = client.application.test_client()
    signed_in.environ_base[ACTOR_KEY] = Actor("审核岗", "admin", "http")
    return signed_in


def froze(admin: FlaskClient, **given: str) -> int:
    answer = admin.post(f"{API}/snapshots", json={**ASKED, **given})
    assert answer.status_code == 201, answer.text
    return answer.json["number"]


def published(admin: FlaskClient, other: FlaskClient, **given: str) -> int:
    number = froze(admin, **given)
    for who, verb in ((other, "approve"), (admin, "publish")):
        assert who.post(f"{API}/snapshots/{number}/{verb}").status_code == 200
    return number


def test_from_frozen_to_what_everybody_reads(client, admin, other):
    number = froze(admin)
    early = admin.post(f"{API}/snapshots/{number}/publish")
    own = admin.post(f"{API}/snapshots/{number}/approve")
    approved = other.post(f"{API}/snapshots/{number}/approve")
    admin.post(f"{API}/snapshots/{number}/publish")

    listed = client.get(PUBLISHED).json["items"]
    answer = client.get(f"{PUBLISHED}/2026")

    assert [(each.status_code, each.json.get("code")) for each in (early, own, approved)] == [
        (409, "wrong_state"),
        (403, "own_snapshot"),
        (200, None),
    ]
    assert [(item["state_name"], item["version"], item["published_on"]) for item in listed] == [
        ("已公布", 1, str(TODAY))
    ]
    assert [(row["division_name"], row["display"]) for row in answer.json["rows"]] == [
        ("清远市", "33.3%"),
        ("清城区", "50.0%"),
        ("英德市", "0.0%"),
    ]
    assert (answer.json["demo"], answer.json["anchor"], answer.json["gaps"]) == (False, None, [])


def test_an_edit_afterwards_moves_no_published_byte_and_a_cache_asks_within_a_minute(client, admin, other):
    published(admin, other)
    before = client.get(f"{PUBLISHED}/2026")

    held = client.get(f"{PUBLISHED}/2026", headers={"If-None-Match": before.headers["ETag"]})
    a_place("补报的", division="441802001002")
    after = client.get(f"{PUBLISHED}/2026")

    assert (held.status_code, after.data) == (304, before.data)
    assert before.headers["Cache-Control"] == "public, max-age=60"


def test_a_retracted_version_shows_the_reason_and_no_figure(client, admin, other):
    number = published(admin, other)
    without = admin.post(f"{API}/snapshots/{number}/retract", json={})
    admin.post(f"{API}/snapshots/{number}/retract", json={"reason": "分母有误"})

    answer = client.get(f"{PUBLISHED}/2026?version=1").json

    assert without.status_code == 422
    assert (answer["state_name"], answer["reason"], answer["rows"]) == ("已撤回", "分母有误", [])
    assert answer["division"]["name"] == "清远市"


def test_the_live_figures_route_says_where_the_published_ones_are(client):
    answer = client.get(f"{API}/coverage/{CITY}")

    assert (answer.status_code, answer.json["code"]) == (404, "not_published")
    assert "/coverage/published" in answer.json["detail"]


def test_what_is_sent_again_under_its_key_is_done_once(admin, other):
    key = {"Idempotency-Key": "k1"}
    first, again = (admin.post(f"{API}/snapshots", json=ASKED, headers=key) for _ in range(2))
    steps = [other.post(f"{API}/snapshots/1/approve", headers={"Idempotency-Key": "k2"}) for _ in range(2)]
    reused = admin.post(f"{API}/snapshots", json={**ASKED, "division": QINGCHENG}, headers=key)

    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert [each.status_code for each in steps] == [200, 200]
    assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    assert len(admin.get(f"{API}/snapshots").json["items"]) == 1


def test_the_office_reads_all_of_it_and_what_moved(admin):
    number = froze(admin)
    a_place("补报的", division="441802001002")

    content = admin.get(f"{API}/snapshots/{number}/content").json
    diff = admin.get(f"{API}/snapshots/{number}/diff").json["items"]
    checked = admin.get(f"{API}/snapshots/verify").json["items"]

    assert [gap["name"] for gap in content["gaps"]] == ["南门社区", "茶场社区"]
    assert (content["version"], content["period"]["name"]) == (1, "2026 年度")
    assert [(item["kind"], item["division_name"]) for item in diff] == [
        ("late", "清远市"),
        ("late", "清城区"),
        ("late", "凤城街道"),
    ]
    assert [each["problems"] for each in checked] == [[]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {**ASKED, "period": "2026\0"},
        {**ASKED, "period": "２０２６"},
        {**ASKED, "period": "9999"},
        {**ASKED, "on": "2026-02-30"},
        {**ASKED, "on": "2099-01-01"},
        {**ASKED, "division": "' OR 1=1"},
        {**ASKED, "division": ["441800000000"]},
        {**ASKED, "reason": "x" * 201},
        {**ASKED, "more": 1},
        {"division": CITY, "period": "2026"},  # its last day is still to come
    ],
)
def test_hostile_input_is_refused_in_words_and_freezes_nothing(admin, body):
    answer = admin.post(f"{API}/snapshots", json=body)

    assert answer.status_code in (400, 422), answer.text
    assert answer.json["detail"]
    assert admin.get(f"{API}/snapshots").json["items"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/0",
        "/999",
        "/99999999999999999999",
        "/x",
        "/-1",
        "/1%00",
        "/999/content",
        "/999/diff",
        "/1/diff?to=0",
    ],
)
def test_a_number_that_is_none_is_a_missing_page_or_a_wrong_parameter(admin, path):
    assert admin.get(f"{API}/snapshots{path}").status_code in (404, 422)


@pytest.mark.parametrize(
    "path", ["/x", "/2026%00", "/2025", "/2026?version=0", "/2026?division=x", "/2026?a=1"]
)
def test_a_period_that_is_none_is_a_missing_page_or_a_wrong_parameter(client, path):
    assert client.get(f"{PUBLISHED}{path}").status_code in (404, 422)


# Every route, without a token


def asked_without_a_token(app: Flask) -> Iterator[tuple[str, TestResponse]]:
    """The answers of all routes about coverage, snapshots and rankings, for every division and number there is."""
    client = app.test_client()
    codes, numbers = [code for code, *_ in TREE], (1, 2, 3)
    texts = {"period": ("2026", "mid-2026", "1"), "division": codes, "indicator": ("X",)}
    for rule in app.url_map.iter_rules():
        if not any(word in rule.rule for word in ("coverage", "snapshot", "ranking", "outlook", "period")):
            continue
        urls = [{}]
        for name in rule.arguments:
            converter = type(rule._converters[name]).__name__
            values = numbers if converter == "Number" else texts.get(name, codes)
            urls = [{**url, name: value} for url in urls for value in values]
        for url in urls:
            path = app.url_map.bind("localhost").build(rule.endpoint, url, method=None)
            for query in ("", "?version=1", f"?division={NORTH}", f"?division={QINGCHENG}", f"?on={TODAY}"):
                for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                    yield rule.endpoint, client.open(path + query, method=method, json={})


def test_without_a_token_no_route_tells_an_unpublished_figure_or_a_community(client, admin, other):
    a_place("后来的", division="441802001002")
    published(admin, other)
    a_place("再后来的", division="441881450001")  # makes 3 of 3
    froze(admin)
    published(admin, other, division=QINGCHENG)
    below = [each for code, name, level, _ in TREE if level in ("town", "community") for each in (code, name)]

    answers = list(asked_without_a_token(client.application))

    told = [(endpoint, answer) for endpoint, answer in answers if answer.status_code < 300]
    assert {endpoint for endpoint, _ in told} == {
        *("snapshots.list_published", "snapshots.get_published", "snapshots.export_published"),
        *("ranking_page.list_periods", "ranking_page.show_period", "ranking_page.show_version"),
    }
    assert {answer.status_code for _, answer in answers} <= {200, 401, 404, 405, 415, 422}
    assert len({endpoint for endpoint, _ in answers}) >= 12
    for endpoint, answer in told:
        assert not [each for each in below if each in answer.text], endpoint
    figures = {
        (row["division"], row["numerator"])
        for endpoint, answer in told
        if endpoint == "snapshots.get_published"
        for row in answer.json["rows"]
    }
    assert figures == {(CITY, 2), (QINGCHENG, 2), ("441881000000", 0)}
