"""A village's post confirms by a link: it can do this and nothing else, and leaves its secret nowhere."""

import base64
import hashlib
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from servicemap import confirmations, db, divisions, reviews
from servicemap.access import SEED, Actor
from tests.factories import NORTH_GATE, TODAY, a_change, a_place, a_tree

URL = "/api/v1/confirmations"
SOUTH, STREET = "441802001002", "441802001000"


@pytest.fixture(autouse=True)
def tree(registry: str) -> None:
    a_tree()


def a_link(division: str = NORTH_GATE, **given) -> tuple[str, str]:
    """(public id, secret)"""
    given = {"label": None, "expires_on": None, "today": TODAY} | given
    path = confirmations.issue(SEED, divisions.get(division), **given).path
    public_id, _, secret = path.removeprefix("/c/").partition("#")
    return public_id, secret


def places(client: FlaskClient, link: tuple[str, str]):
    return client.post(f"{URL}/{link[0]}/places", json={"secret": link[1]})


def say(client: FlaskClient, link: tuple[str, str], code: str, **words: str):
    return client.post(f"{URL}/{link[0]}/answers", json={"secret": link[1], "code": code, **words})


def test_the_page_is_one_for_all_and_asks_nobody_else(client):
    public_id, secret = a_link()

    pages = [client.get(f"/c/{each}?from=groupmessage") for each in (public_id, "any")]

    assert pages[0].data == pages[1].data
    page, policy = pages[0].text, pages[0].headers["Content-Security-Policy"]
    assert secret not in page
    assert re.findall(r"(?:src|href)=|https?://|//[a-z]", page) == []
    for tag in ("script", "style"):
        [body] = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert pages[0].headers["Referrer-Policy"] == "no-referrer"


def test_the_post_sees_the_places_of_its_village_as_everybody_may(client):
    a_place("一", phone="0763-1", hours="周一至周五 9:00-17:00", address="北门路 1 号")
    a_place("二", phone="0763-2", phone_public=False, address="藏起来", visibility="contact_only")
    a_place("三", division=SOUTH)
    a_place("四", closed_on=TODAY - timedelta(days=9))

    answer = places(client, a_link()).json

    assert answer["division_name"] == "北门社区"
    assert [
        (p["name"], p["phone"], p["phone_hidden"], p["address"], p["answered"]) for p in answer["places"]
    ] == [
        ("一", "0763-1", False, "北门路 1 号", None),
        ("二", None, True, None, None),
    ]


def test_all_right_is_a_verification_of_the_day_by_the_posts_label_once(client):
    place = a_place()
    link = a_link(label="北门社区妇联")

    answers = [say(client, link, place.code).status_code for _ in range(2)]

    assert answers == [200, 409]
    [(on, by)] = db.query("SELECT verified_on, verified_by FROM verification")
    assert (db.day(on), by) == (TODAY, "北门社区妇联")
    assert places(client, link).json["places"][0]["answered"] == "right"
    assert client.get(f"/api/v1/facilities/{place.code}").json["verified_on"] == "2026-11-23"


def test_what_is_wrong_goes_to_the_towns_list_until_somebody_sees_to_it(client):
    place = a_place()
    town = Actor("凤城", "verifier", "http", divisions.get(STREET).id)

    said = say(client, a_link(), place.code, wrong="周末也开")
    [row] = reviews.list_reviews(town, [], "waiting", after=0, limit=10)
    a_change(place, phone="0763-3360000")

    assert said.status_code == 200
    assert (row["code"], row["wrong"], row["wrong_on"]) == (place.code, "周末也开", TODAY)
    assert reviews.list_reviews(town, [], "wrong", after=0, limit=10) == []
    assert db.query("SELECT 1 FROM verification") == []
    assert "周末" not in "".join(diff for (diff,) in db.query("SELECT diff FROM change"))
    assert say(client, a_link(), place.code, wrong=" ").status_code == 422


def test_a_link_opens_nothing_but_its_own_village(client):
    other = a_place("别村的", division=SOUTH)
    link = a_link()
    bearer = {"Authorization": f"Bearer {link[1]}"}

    assert say(client, link, other.code).status_code == 404
    assert client.get("/api/v1/facility-records", headers=bearer).status_code == 401
    assert db.query("SELECT 1 FROM verification") == []


def test_a_wrong_an_ended_and_a_revoked_link_are_told_alike(client):
    a_place()
    ended, revoked = a_link(SOUTH, today=TODAY - timedelta(days=30)), a_link()
    confirmations.revoke(SEED, db.query("SELECT MAX(id) FROM confirmation")[0][0])
    replaced, current = a_link(), a_link()

    answers = [
        places(client, link) for link in (ended, revoked, replaced, (current[0], ended[1]), ("no", "no"))
    ]

    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(401, "link_unknown")}
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert places(client, current).status_code == 200


def test_the_secret_stands_nowhere_in_the_registry(client):
    _, secret = a_link()
    tables = db.database.get_tables()

    rows = [row for table in tables for row in db.query(f"SELECT * FROM {table}")]

    assert any(hashlib.sha256(secret.encode()).hexdigest() in row for row in rows)
    assert not any(secret in str(row) for row in rows)


def test_guesses_are_slowed_down_like_writes(door):
    client = door(writes_per_minute=3)

    answers = [places(client, ("guess", f"secret{n}")).status_code for n in range(5)]

    assert answers == [401, 401, 401, 429, 429]


def test_links_are_issued_for_villages_by_who_looks_there(admin):
    asked = [NORTH_GATE, STREET]

    answers = [admin.post(URL, json={"division": code}) for code in asked]
    long = admin.post(URL, json={"division": SOUTH, "expires_on": "2028-01-01"})
    listed = admin.get(URL).json["items"]

    assert [answer.status_code for answer in answers] == [201, 422]
    assert re.fullmatch(r"/c/[\w-]{12}#[\w-]{32}", answers[0].json["path"])
    assert answers[0].json["item"]["expires_on"] == "2026-12-23"
    assert (long.status_code, long.json["code"]) == (422, "bad_expiry")
    assert [(item["division"], "path" in item) for item in listed] == [(NORTH_GATE, False)]
    with pytest.raises(Exception, match="范围"):
        confirmations.issue(
            Actor("英德", "verifier", "http", divisions.get("441881000000").id),
            divisions.get(NORTH_GATE),
            None,
            None,
            TODAY,
        )
