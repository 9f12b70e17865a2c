"""审核 over HTTP: what waits for whom, one at a time and many with a plan; the public answer says how far."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from servicemap import db, divisions, tokens
from servicemap.access import SEED
from tests.factories import NORTH_GATE, TODAY, a_place, a_tree, a_type

URL = "/api/v1/reviews"
STREET, QINGCHENG, YINGDE = "441802001000", "441802000000", "441881000000"
Post = Callable[..., dict[str, str]]


@pytest.fixture
def post(registry: str) -> Post:
    """post(label, role, division) → headers of a token."""
    a_tree()
    a_type()

    def headers(label: str, role: str, division: str) -> dict[str, str]:
        at = divisions.get(division)
        issued = tokens.issue(SEED, label=label, role=role, division=at, expires_on=None, today=TODAY)
        return {"Authorization": f"Bearer {issued.secret}"}

    return headers


def added(client: FlaskClient, headers: dict[str, str], name: str = "新学校") -> str:
    cells = {"name": name, "division": NORTH_GATE, "type": "家长学校"}
    return client.post("/api/v1/facilities", json=cells, headers=headers).json["code"]


def test_a_family_finds_what_is_reported_and_is_told_how_far_it_has_come(client, post):
    code = added(client, post("北门", "editor", NORTH_GATE))
    old = a_place("早就有的")
    town = post("凤城", "verifier", STREET)
    said = [client.get(f"/api/v1/facilities/{code}").json["review"]]

    client.post(f"{URL}/{code}/pass", json={}, headers={**town, "If-Match": '"1"'})
    said.append(client.get(f"/api/v1/facilities/{code}").json["review"])
    found = client.get("/api/v1/facilities").json["items"]

    assert said == ["reported", "town"]
    assert {item["code"]: item.get("review") for item in found} == {code: "town", old.code: None}


def test_what_waits_is_listed_in_pages_for_whom_it_waits(client, post):
    village, town = post("北门", "editor", NORTH_GATE), post("凤城", "verifier", STREET)
    codes = [added(client, village, f"学校{n}") for n in range(3)]
    county = post("清城", "verifier", QINGCHENG)

    first = client.get(URL, query_string={"limit": 2}, headers=town).json
    second = client.get(URL, query_string={"limit": 2, "after": first["next_after"]}, headers=town).json
    of_county = client.get(URL, headers=county).json["items"]

    rows = [*first["items"], *second["items"]]
    assert [row["code"] for row in rows] == codes
    assert (rows[0]["state"], rows[0]["reported_by"], rows[0]["reported_on"]) == (
        "reported",
        "北门",
        "2026-11-23",
    )
    assert of_county == []
    outside = client.get(URL, query_string={"division": YINGDE}, headers=town)
    assert (outside.status_code, outside.json["code"]) == (403, "out_of_scope")


def test_a_pass_says_which_version_was_seen_and_is_done_once(client, post):
    code = added(client, post("北门", "editor", NORTH_GATE))
    town = post("凤城", "verifier", STREET)
    sent = {"json": {}, "headers": {**town, "If-Match": '"1"', "Idempotency-Key": "k"}}

    without = client.post(f"{URL}/{code}/pass", json={}, headers=town)
    stale = client.post(f"{URL}/{code}/pass", json={}, headers={**town, "If-Match": '"7"'})
    done = [client.post(f"{URL}/{code}/pass", **sent) for _ in range(2)]

    assert (without.status_code, stale.status_code) == (428, 412)
    assert [(answer.status_code, answer.json["version"]) for answer in done] == [(200, 2), (200, 2)]
    assert db.query("SELECT COUNT(*) FROM change WHERE action = 'pass_town'") == [(1,)]


def test_a_return_needs_a_reason(client, post):
    code = added(client, post("北门", "editor", NORTH_GATE))
    headers = {**post("凤城", "verifier", STREET), "If-Match": '"1"'}

    refused = client.post(f"{URL}/{code}/return", json={}, headers=headers)
    done = client.post(f"{URL}/{code}/return", json={"reason": "地址不全"}, headers=headers)

    assert (refused.status_code, done.status_code) == (422, 200)
    [row] = client.get(URL, query_string={"state": "returned"}, headers=headers).json["items"]
    assert (row["returned_by"], row["reason"]) == ("凤城", "地址不全")


def test_many_are_planned_then_passed(client, post):
    village, town = post("北门", "editor", NORTH_GATE), post("凤城", "verifier", STREET)
    codes = [added(client, village, f"学校{n}") for n in range(3)]
    wanted = [{"code": code} for code in [*codes, "F0000999-4"]]

    plan = client.post(f"{URL}/pass", json={"items": wanted}, headers=town).json
    unseen = client.post(f"{URL}/pass", json={"items": wanted, "apply": True}, headers=town)
    good = [{"code": row["code"], "version": row["version"]} for row in plan["items"] if row["after"]]
    done = client.post(f"{URL}/pass", json={"items": good, "apply": True}, headers=town)
    again = client.post(f"{URL}/pass", json={"items": good, "apply": True}, headers=town)

    assert [row["after"] for row in plan["items"]] == ["town", "town", "town", None]
    assert plan["items"][3]["problem"]["code"] == "facility_not_found"
    assert (unseen.status_code, unseen.json["code"]) == (428, "version_required")
    assert (done.status_code, done.json["applied"]) == (200, True)
    assert {error["code"] for error in again.json["errors"]} == {"stale"}


def test_a_county_without_town_reviews_is_set_by_who_manages_it(client, post):
    asked = {"division": QINGCHENG, "on": True}

    answers = [
        client.post(f"{URL}/skip-town", json=asked, headers=post(label, role, at)).status_code
        for label, role, at in (
            ("清城", "verifier", QINGCHENG),
            ("英德", "admin", YINGDE),
            ("清城管理", "admin", QINGCHENG),
        )
    ]
    village = client.post(
        f"{URL}/skip-town", json={"division": NORTH_GATE, "on": True}, headers=post("二", "admin", QINGCHENG)
    )

    assert answers == [403, 403, 200]
    assert (village.status_code, village.json["code"]) == (422, "not_a_county")


def test_who_may_not_look_is_not_shown_the_record_by_being_late(client, post):
    place = a_place(phone="0763-1", phone_public=False)

    answer = client.post(
        f"{URL}/{place.code}/pass", json={}, headers={**post("英德", "verifier", YINGDE), "If-Match": '"9"'}
    )

    assert (answer.status_code, "current" in answer.json) == (403, False)
