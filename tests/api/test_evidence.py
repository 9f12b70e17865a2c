"""What proves a role and what it did: for people with rights, beside the role, never in public."""

import hashlib

import pytest

from servicemap import db
from tests.api.test_edits import URL, record_of
from tests.api.test_rights import MINE
from tests.cli.conftest import run_admin
from tests.factories import TODAY, a_place, a_type

PROOF = {"kind": "plaque_photo", "dated_on": "2026-09-01", "body": "区妇联", "file_hash": "a" * 64}
ACTIVITY = {"held_on": "2026-09-12", "topic": "亲子阅读", "families": 18}


@pytest.fixture
def post(admin):
    def posted(place, noun, key=None, **body):
        headers = {"Idempotency-Key": key} if key else {}
        return admin.post(f"{URL}/{place.code}/{noun}", json=body, headers=headers)

    return posted


def test_three_steps_of_a_role_stand_in_its_record(post, admin):
    place = a_place(verified_on=TODAY.replace(year=2025, month=12))
    before = admin.get(f"/api/v1/facility-records/{place.code}").json["steps"]

    post(place, "evidence", **PROOF)
    for month in (1, 3, 5, 7):
        post(place, "activities", **{**ACTIVITY, "held_on": f"2026-0{month}-01"})
    post(place, "activities", **{**ACTIVITY, "held_on": "2025-12-31"})
    after = admin.get(f"/api/v1/facility-records/{place.code}").json["steps"]

    assert [(step["plaqued"], step["verified"], step["running"]) for step in before] == [(False, True, False)]
    assert after == [
        {
            "type": "parent_school",
            "plaqued": True,
            "verified": True,
            "running": True,
            "evidence": 1,
            "activities": 4,
        }
    ]


def test_three_activities_are_not_four_and_a_look_of_long_ago_is_none(post, admin):
    place = a_place(verified_on=TODAY.replace(year=2025))
    for _ in range(3):
        post(place, "activities", **ACTIVITY)

    [step] = admin.get(f"/api/v1/facility-records/{place.code}").json["steps"]

    assert (step["verified"], step["running"]) == (False, False)


def test_what_is_listed_is_what_was_added_the_latest_first(post, admin):
    place = a_place()
    post(place, "evidence", **PROOF)

    added = post(
        place, "evidence", **{**PROOF, "kind": "document", "dated_on": "2026-10-01", "number": "1 号"}
    )
    listed = admin.get(f"{URL}/{place.code}/evidence").json

    assert added.status_code == 201
    assert added.json == listed
    assert [row["kind"] for row in listed["items"]] == ["document", "plaque_photo"]
    assert listed["items"][1]["file_hash"] == "a" * 64
    last = db.query("SELECT noun, key, action FROM change ORDER BY seq DESC LIMIT 1")
    assert last == [("evidence", place.code, "create")]


def test_it_is_neither_public_nor_of_other_divisions(post, client, bearer):
    place, other = a_place(), a_place("别处", division="441881101201")
    post(place, "evidence", **{**PROOF, "note": "只给自己人"})

    viewer, editor = bearer("viewer", MINE), bearer("editor", MINE)

    assert client.get(f"{URL}/{place.code}/evidence").status_code == 401
    assert "只给自己人" not in client.get(f"{URL}/{place.code}").text
    assert client.get(f"{URL}/{place.code}/evidence", headers=viewer).status_code == 200
    assert client.get(f"{URL}/{other.code}/evidence", headers=viewer).status_code == 403
    assert client.post(f"{URL}/{place.code}/evidence", json=PROOF, headers=viewer).status_code == 403
    assert client.post(f"{URL}/{other.code}/evidence", json=PROOF, headers=editor).status_code == 403


def test_sent_again_it_is_there_once(post):
    place = a_place()

    answers = [post(place, "activities", "k", **ACTIVITY) for _ in range(3)]

    assert [answer.json for answer in answers] == [answers[0].json] * 3
    assert db.query("SELECT COUNT(*) FROM activity") == [(1,)]


def test_which_plaque_is_meant_is_said_where_there_are_several(post):
    a_type("childrens_home")
    place = a_place(types=("parent_school", "childrens_home"))

    unsaid, wrong = post(place, "evidence", **PROOF), post(place, "evidence", **PROOF, type="托育机构")
    said = post(place, "evidence", **PROOF, type="儿童之家")

    assert [answer.json["code"] for answer in (unsaid, wrong)] == ["which_type"] * 2
    assert said.json["items"][0]["type"] == "childrens_home"


@pytest.mark.parametrize(
    ("noun", "body"),
    [
        ("evidence", {**PROOF, "dated_on": "2030-01-01"}),
        ("evidence", {**PROOF, "file_hash": "xyz"}),
        ("evidence", {**PROOF, "kind": "rumour"}),
        ("evidence", {"kind": "document"}),
        ("activities", {**ACTIVITY, "held_on": "2030-01-01"}),
        ("activities", {**ACTIVITY, "families": -1}),
    ],
)
def test_what_cannot_be_has_a_word(post, noun, body):
    answer = post(a_place(), noun, **body)

    assert (answer.status_code, "detail" in answer.json) == (422, True)


def test_what_was_said_of_a_merged_place_is_said_of_what_it_became_until_that_is_taken_back(
    post, send, admin
):
    gone, stays = a_place("旧"), a_place("新")
    post(gone, "evidence", **PROOF)
    merged = send("merge", gone.code, 1, into=stays.code)
    seq = admin.get(f"{URL}/{gone.code}/history").json["items"][0]["seq"]

    back = send("revert", gone.code, 2, seq=seq)
    again = admin.get(f"/api/v1/facility-records/{gone.code}").json

    assert [step["plaqued"] for step in merged.json["steps"]] == [True]
    assert [step["plaqued"] for step in back.json["steps"]] == [False]
    assert [step["plaqued"] for step in again["steps"]] == [True]
    assert record_of(gone).merged_into_id is None


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_picture_stays_on_the_computer_and_its_hash_is_kept(registry, tmp_path):
    place, picture = a_place(), tmp_path / "挂牌.jpg"
    picture.write_bytes(b"a picture")

    def facility(*arguments):
        return run_admin("facility", *arguments, url=registry)

    added = facility(
        "evidence", "add", place.code, "--kind", "plaque_photo", "--on", "2026-09-01", "--file", picture
    )
    listed = facility("evidence", "list", place.code, "--format", "json")
    held = facility(
        "activity", "add", place.code, "--on", "2026-09-12", "--topic", "亲子阅读", "--families", 18
    )
    told = facility("activity", "list", place.code)

    assert [each.code for each in (added, listed, held, told)] == [0, 0, 0, 0], added.err + held.err
    assert listed.json[0]["file_hash"] == hashlib.sha256(b"a picture").hexdigest()
    assert "亲子阅读" in told.out


def test_a_proof_that_was_wrong_stays_and_proves_nothing(post, admin):
    place = a_place()
    [row] = post(place, "evidence", **PROOF).json["items"]
    path = f"{URL}/{place.code}/evidence/{row['id']}/withdraw"

    answers = [admin.post(path, json={"reason": "照片是别处的"}) for _ in range(2)]

    [kept] = answers[0].json["items"]
    [step] = admin.get(f"/api/v1/facility-records/{place.code}").json["steps"]
    assert [answer.status_code for answer in answers] == [200, 404]
    assert (kept["withdrawn_reason"], kept["file_hash"]) == ("照片是别处的", "a" * 64)
    assert (step["plaqued"], step["evidence"]) == (False, 0)


def test_a_proof_is_withdrawn_at_its_own_place_alone(post, admin, registry):
    place, other = a_place(), a_place("另一处")
    [row] = post(place, "evidence", **PROOF).json["items"]

    elsewhere = admin.post(f"{URL}/{other.code}/evidence/{row['id']}/withdraw", json={"reason": "x"})
    here = run_admin(
        "facility", "evidence", "withdraw", place.code, row["id"], "--reason", "照片是别处的", url=registry
    )

    assert elsewhere.status_code == 404
    assert (here.code, "还有效的 0 条" in here.out) == (0, True)
