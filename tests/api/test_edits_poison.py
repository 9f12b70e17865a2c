"""Whatever is sent to the doors that write, the answer is in our shape and never a 5xx."""

import json
import random
import shutil
from typing import Any

import pytest

from servicemap import db, edits
from tests.api.conftest import URL
from tests.api.test_server import NEAR, raw, serving, status
from tests.factories import a_place, a_type, scaled

VERBS = ("", "close", "reopen", "suspend", "resume", "convert", "verify", "merge", "revert")
LISTS = ("evidence", "activities")
CASES = scaled(6000, 600)

DEEP: Any = "x"
for _ in range(30):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**20,
    -(10**18),
    1e308,
    5e-324,
    0.1,
    "",
    " ",
    "x" * 5000,
    "\x00",
    "\ud800",
    "\u202e反",
    "😀" * 60,
    "ｆ１２３",
    [],
    [[]],
    [["a"], ["b"]],
    ["家长学校"] * 50,
    {},
    {"a": {"b": 1}},
    DEEP,
    "2026-11-01",
    "2026-02-30",
    "9999-12-31",
    "0001-01-01",
    "家长学校",
    "儿童之家",
    "441802001001",
    "441802001002、441802001001",
    "441800000000",
    "F0000001-5",
    "F0000002-3",
    "4.41802E+11",
    "=1+1",
    "113.0561",
    "23.6842",
    "wgs84",
    "百度",
    "网上",
    "只公开联系方式",
    "公开",
    "周一至周五 9:00-17:00",
    "24小时",
    "免费",
    "全日、半日",
    "乳儿班 6-12月 备案10",
    "12",
    "36",
    "document",
    "a" * 64,
)
NAMES = [
    "name",
    "type",
    "division",
    "address",
    "lng",
    "lat",
    "datum",
    "position_precision",
    "position_source",
    "phone",
    "phone_public",
    "credit_code",
    "hours",
    "accessible",
    "visibility",
    "delivery",
    "note",
    "opened_on",
    "closed_on",
    "closed_reason",
    "age_from_months",
    "age_to_months",
    "fee",
    "fee_text",
    "places_registered",
    "places_offered",
    "places_taken",
    "inclusive",
    "inclusive_body",
    "inclusive_no",
    "registration_body",
    "registration_no",
    "forms",
    "meals",
    "prepaid_months",
    "monthly_fee",
    "classes",
    "serves",
    "verified_on",
    "source",
    "external_id",
    "reason",
    "on",
    "from_on",
    "to_on",
    "types",
    "old_type",
    "new_type",
    "into",
    "seq",
    "kind",
    "body",
    "number",
    "dated_on",
    "file_hash",
    "held_on",
    "topic",
    "for_whom",
    "families",
    "code",
    "version",
    "held",
    "merged_into_id",
    "__proto__",
    "id",
]
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"If-Match": '"1"'},
    {"If-Match": 'W/"1"'},
    {"If-Match": '"1", "2"'},
    {"If-Match": "9" * 400},
    {"If-Match": '"999999999"'},
    {"If-Match": "\xff\xfe"},
    {"Idempotency-Key": "x" * 81},
    {"Idempotency-Key": "é"},
    {"Idempotency-Key": "'; DROP TABLE replay; --"},
    {"X-HTTP-Method-Override": "PUT"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"X-HTTP-Method-Override": "PATCH"},
    {"X-HTTP-Method-Override": "patch, GET"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/merge-patch+json"},
    {"Content-Encoding": "gzip"},
)


def sane(answer: Any) -> bool:
    if answer.status_code < 400:
        return answer.status_code in (200, 201, 204)
    problem = answer.get_json(force=True)
    shaped = {"type", "title", "status", "code", "detail"} <= problem.keys()
    return answer.status_code < 500 and shaped and problem["status"] == answer.status_code


def test_hostile_bodies_headers_and_paths_get_a_word(admin):
    a_type("childrens_home")
    a_type("nursery")
    places = [a_place("一"), a_place("二", types=("nursery", "childrens_home"), taken=3)]
    chance, seen, bad = random.Random(4), set(), []

    for _ in range(CASES):
        place, verb = chance.choice(places), chance.choice((*VERBS, *LISTS, "add"))
        [(version,)] = db.query("SELECT version FROM facility WHERE id = ?", (place.id,))
        body: Any = {name: chance.choice(VALUES) for name in chance.sample(NAMES, chance.randint(0, 4))}
        if chance.random() < 0.8:
            body["reason"] = "x"
        if chance.random() < 0.8:
            body = {name: value for name, value in body.items() if name in _known(verb)}
        if chance.random() < 0.03:
            body = chance.choice(VALUES)
        headers = {"If-Match": f'"{version}"', "Content-Type": "application/json"}
        if chance.random() < 0.2:
            headers |= chance.choice(HEADERS)
        code = (
            place.code if chance.random() < 0.95 else chance.choice(("F9999999-9", "%00", "null", "一" * 40))
        )
        path = URL if verb == "add" else f"{URL}/{code}" + (f"/{verb}" if verb else "")
        method = "POST" if verb else "PATCH"
        answer = admin.open(path, method=method, data=json.dumps(body), headers=headers)
        seen.add((verb, answer.status_code))
        if not sane(answer):
            bad.append((method, path, body, headers, answer.status_code))

    assert bad == []
    assert {verb for verb, code in seen if code in (200, 201)} >= {"", "verify", "close"}


def test_a_fault_would_be_seen(admin, monkeypatch):
    place = a_place()
    monkeypatch.setattr(edits, "_current", lambda record, types: 1 // 0)

    answer = admin.post(f"{URL}/{place.code}/close", json={"reason": "x"}, headers={"If-Match": '"1"'})

    assert not sane(answer)


def _known(verb: str) -> set[str]:
    of_verb = ["reason", "on", "from_on", "to_on", "types", "old_type", "new_type", "into", "seq"]
    if verb in LISTS:
        return {
            "type",
            "kind",
            "body",
            "number",
            "dated_on",
            "file_hash",
            "note",
            "held_on",
            "topic",
            "families",
        }
    return set(of_verb) if verb not in ("", "add") else set(NAMES[:41]) | {"reason"}


@pytest.mark.parametrize("count", [10_000])
def test_thousands_of_keys_are_refused_in_one_answer(admin, count):
    place = a_place()

    answer = admin.patch(
        f"{URL}/{place.code}", json={f"k{n}": n for n in range(count)}, headers={"If-Match": '"1"'}
    )

    assert answer.status_code in (413, 422)
    assert sane(answer)
    assert len(answer.data) < 400_000


@pytest.mark.parametrize(
    "text",
    ["[" * 10_000, '{"reason": "x", "reason": "y"}', '{"reason": ' + "9" * 5000 + "}", "NaN", '{"reason": "\\ud800"}', "\xff", "{"],
    ids=["deep", "twice", "digits", "nan", "surrogate", "latin", "cut"],
)  # fmt: skip
def test_what_is_no_json_of_ours_is_refused(admin, text):
    place = a_place()
    headers = {"If-Match": '"1"', "Content-Type": "application/json"}

    answer = admin.patch(f"{URL}/{place.code}", data=text.encode("latin-1"), headers=headers)

    assert 400 <= answer.status_code < 500
    assert sane(answer)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer  x", "bearer smk_", "Basic eDp5", "Bearer " + "smk_" + "a" * 59, "Bearer \xe4\xb8\xad", "x" * 9000,
     "Bearer smk_" + "0" * 59, "Bearer a, Bearer b", "\t", "Digest username=x"],
)  # fmt: skip
def test_an_authorization_that_is_none_has_a_word(client, header):
    answer = client.get("/api/v1/me", headers={"Authorization": header})

    assert answer.status_code == 401
    assert sane(answer)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_no_header_tells_a_server_to_break(sqlite_templates, tmp_path):

    path = shutil.copy(sqlite_templates("nothing"), tmp_path / "registry.db")
    with serving(f"sqlite:///{path}") as (_, port):
        answers = [
            raw(
                port,
                f"GET {NEAR} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + lines + b"\r\n\r\n",
            )
            for lines in (
                b"Authorization: Bearer a\r\nAuthorization: Bearer b",
                b"Authorization: Bearer " + b"x" * 1_000_000,
                b"Authorization: Bearer \xe4\xb8\xad\xff",
                b"Authorization:",
                b'If-Match: "1"\r\nIf-Match: "2"',
                b"X-HTTP-Method-Override: PATCH\r\nX-HTTP-Method-Override: DELETE",
            )
        ]
        alive = raw(port, b"GET /readyz HTTP/1.0\r\n\r\n")

    assert all(answer == b"" or status(answer) in (200, 400, 401, 431) for answer in answers)
    assert status(answers[0]) == 401
    assert status(alive) == 200
