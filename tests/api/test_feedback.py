"""A family says what is wrong: no account, nothing kept of who they are, and nobody floods anything."""

import json
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from servicemap import db, facilities, feedback
from servicemap.access import SEED
from servicemap.feedback import MASK
from tests.api.conftest import Door
from tests.factories import TODAY, a_change, a_place, scaled

FAMILY = {"REMOTE_ADDR": "203.0.113.7", "HTTP_USER_AGENT": "MicroMessenger/8.0"}


def send(client: FlaskClient, code: str, kind: str = "hours", text: str = "", **environ: str):
    body = {"kind": kind, "text": text}
    return client.post(f"/api/v1/facilities/{code}/feedback", json=body, environ_base=FAMILY | environ)


def test_a_family_gets_a_receipt_and_later_the_answer(client, admin):
    place = a_place(phone="0763-3360000")

    sent = send(client, place.code, "phone", "打我 13800138000")
    receipt = sent.json["receipt"]
    waiting = client.get(f"/api/v1/feedback/{receipt}")
    a_change(place, phone="0763-3360001")
    answer = {"answer": "fixed", "word": "电话已更新", "checked": True}
    answered = admin.post(f"/api/v1/feedback/{receipt}/answer", json=answer)
    told = client.get(f"/api/v1/feedback/{receipt.replace('-', '')}")

    assert (sent.status_code, sent.json["state"], sent.json["masked"]) == (201, "open", True)
    assert receipt in sent.json["notice"]
    assert "不记您是谁" in sent.json["notice"]
    assert "已经遮去" in sent.json["notice"]
    assert (waiting.json["state"], waiting.json["answer"], waiting.json["changed"]) == ("open", None, [])
    assert answered.status_code == 200
    assert told.json["changed"] == ["电话"]
    assert (told.json["state"], told.json["word"]) == ("answered", "电话已更新")
    assert told.headers["Cache-Control"] == "no-store"
    assert "text" not in told.json  # a receipt is shared by all who say the same
    assert facilities.get(place.code).verified_on == TODAY


def test_nothing_says_who_it_was(client, caplog):
    place = a_place()

    send(client, place.code, text="我是李四 13800138000，li@example.cn")

    tables = [
        name for name in db.database.get_tables() if not name.startswith(("search_text", "division_text"))
    ]
    everything = "\n".join(repr(db.query(f"SELECT * FROM {table}")) for table in tables) + caplog.text
    assert MASK in everything
    for trace in ("203.0.113.7", "MicroMessenger", "13800138000", "li@example.cn"):
        assert trace not in everything


def test_what_workers_see_is_scoped_paged_and_masked(client, admin):
    places = [a_place(f"第 {number} 处") for number in range(3)]
    receipts = [send(client, place.code, text="打 13800138000").json["receipt"] for place in places]

    first = admin.get("/api/v1/feedback?limit=2").json
    rest = admin.get(f"/api/v1/feedback?limit=2&after={first['next_after']}").json
    one = admin.get(f"/api/v1/feedback?code={places[1].code}&division=441802&state=open").json["items"]
    wrong = admin.get("/api/v1/feedback?after=1234")

    assert [row["receipt"] for row in (*first["items"], *rest["items"])] == receipts
    assert [(row["receipt"], row["text"]) for row in one] == [(receipts[1], f"打 {MASK}")]
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "after")
    assert client.get("/api/v1/feedback").status_code == 401
    assert client.post(f"/api/v1/feedback/{receipts[0]}/answer", json={"answer": "not_so"}).status_code == 401


def test_a_contact_only_places_feedback_is_the_same_wherever_it_stands(door: Door, admin):
    client = door()
    a, b = (
        a_place("临时庇护", visibility="contact_only", division=code)
        for code in ("441802001001", "441802102200")
    )

    seen = []
    for place in (a, b):
        receipt = send(client, place.code, "moved", "搬到南门街了").json["receipt"]
        told = [client.get(f"/api/v1/feedback/{receipt}").text]
        a_change(place, address=f"{place.id} 号", lng=113.1 + place.id / 100, phone="0763-3360000")
        admin.post(f"/api/v1/feedback/{receipt}/answer", json={"answer": "fixed"})
        told.append(client.get(f"/api/v1/feedback/{receipt}").text)
        seen.append([text.replace(receipt, "").replace(place.code, "") for text in told])

    assert seen[0] == seen[1]
    assert json.loads(client.get(f"/api/v1/feedback/{receipt}").text)["changed"] == ["电话"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "hours", "text": "长" * 6_800}, 422),
        ({"kind": "hours", "text": "长" * 201}, 422),
        ({"kind": "hours", "text": "a\x00b"}, 422),
        ({"kind": "hours", "text": "\x1b[2J"}, 422),
        ({"kind": "hours", "text": "\ud800"}, 422),
        ({"kind": "hours", "text": None}, 422),
        ({"kind": "hours", "text": ["a"]}, 422),
        ({"kind": "hours", "name": "李四"}, 422),
        ({"kind": "spam"}, 422),
        ({"kind": "other"}, 422),
        ({}, 422),
        ({"kind": "hours", "text": "\u202e\u200b"}, 201),
        ({"kind": "hours", "text": "😀👨‍👩‍👧" * 20}, 201),
        ({"kind": "hours", "text": "<script>alert(1)</script>'; DROP TABLE feedback;--"}, 201),
        ({"kind": "hours", "text": "%s {code} ？?"}, 201),
    ],
)  # fmt: skip
def test_hostile_words_are_refused_in_words_or_kept_as_words(client, admin, body, status):
    place = a_place()

    url, data = f"/api/v1/facilities/{place.code}/feedback", json.dumps(body)
    answer = client.post(url, data=data, content_type="application/json")

    assert answer.status_code == status
    assert answer.json.get("code") != "internal"
    listed = admin.get("/api/v1/feedback")
    assert listed.status_code == 200
    assert len(listed.json["items"]) == (status == 201)


def test_a_body_longer_than_a_word_is_not_read(client):
    place, body = a_place(), json.dumps({"kind": "hours", "text": "长" * 30_000})

    answer = client.post(
        f"/api/v1/facilities/{place.code}/feedback", data=body, content_type="application/json"
    )

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_a_place_that_is_not_there_takes_none(client):
    assert send(client, "F0000999-4").status_code == 404
    assert client.get("/api/v1/feedback/1234").json["code"] == "feedback_not_found"


def test_a_thousand_a_minute_are_stopped_by_the_minute_the_day_and_the_place(door: Door):
    places, others = ([a_place(f"{kind} {number}", lng=None) for number in range(5)] for kind in "甲乙")
    minute, day = door(writes_per_minute=60), door(writes_per_minute=0, feedback_per_day=7)
    number = scaled(1000, 100)

    by_minute = [send(minute, places[n % 5].code, text=f"{n}").status_code for n in range(number)]
    by_day = [send(day, others[n % 5].code, "moved", REMOTE_ADDR="203.0.113.8") for n in range(number)]

    stored = db.query("SELECT COUNT(*) FROM feedback WHERE kind = 'hours'")[0][0]
    assert by_minute.count(201) == stored == 50  # five places, MOST_A_DAY each, whatever the minute allows
    assert set(by_minute) == {201, 429}
    assert [answer.status_code for answer in by_day] == [201] * 7 + [429] * (number - 7)
    assert 0 < int(by_day[-1].headers["Retry-After"]) <= 86_400
    assert send(day, others[0].code, "fee", REMOTE_ADDR="203.0.113.9").status_code == 201


def test_many_addresses_do_not_bury_a_place(door: Door):
    place, client = a_place(), door(feedback_per_day=0)

    answers = [send(client, place.code, text=f"第 {n} 次") for n in range(feedback.MOST_A_DAY + 5)]

    assert [answer.status_code for answer in answers].count(201) == feedback.MOST_A_DAY
    assert (answers[-1].status_code, answers[-1].json["code"]) == (429, "enough_feedback")
    assert "工作人员会去看" in answers[-1].json["detail"]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_what_comes_in_spoils_nobodys_cache(client):
    place = a_place()
    before = client.get("/api/v1/facilities").headers["ETag"]

    receipt = send(client, place.code).json["receipt"]

    assert client.get("/api/v1/facilities").headers["ETag"] == before
    assert re.fullmatch(r"[0-9-]{19}", receipt)


def test_a_servers_new_day_lets_go_of_old_texts(client):
    long_ago = TODAY - timedelta(days=200)
    receipt, _ = feedback.receive(a_place().code, "hours", "周六没开", long_ago)
    feedback.answer(SEED, receipt, "not_so", "", long_ago, checked=False)

    client.get("/api/v1/facilities")

    assert db.query("SELECT text, kind, answer FROM feedback") == [(None, "hours", "not_so")]


def test_duplicates_todo_and_checks_answer_who_may(client, admin):
    one, other = a_place("甲托育园"), a_place("甲 托育园")

    [pair] = admin.get("/api/v1/duplicates?division=441802").json["items"]
    todo = admin.get("/api/v1/todo?limit=1").json
    following = admin.get(f"/api/v1/todo?limit=500&after={todo['next_after']}").json
    wrong = admin.get("/api/v1/todo?after=x")
    told = admin.post(
        f"/api/v1/facilities/{other.code}/not-same", json={"other": one.code, "reason": "两个园区"}
    )
    after = admin.get("/api/v1/duplicates").json["items"]
    findings = admin.get("/api/v1/checks").json["items"]

    assert (pair["code"], pair["other_code"]) == (one.code, other.code)
    assert pair["reasons"] == ["名称相近，相距 0 米"]
    assert todo["items"][0]["check"] == "phone"
    assert one.code in {item["code"] for item in following["items"] if item["check"] == "duplicate"}
    assert (wrong.status_code, wrong.json["code"]) == (422, "bad_after")
    assert (told.status_code, after) == (200, [])
    assert {finding["check"] for finding in findings} == {"shapes"}
    for path in ("duplicates", "todo", "checks"):
        assert client.get(f"/api/v1/{path}").status_code == 401
