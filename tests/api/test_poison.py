"""The poison list, against every parameter of every route of the document: refused in words, never a fault."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from servicemap import feedback
from servicemap.records import public_code
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_place, a_tree, a_type, scaled

JSON, NDJSON, PROBLEM = "application/json", "application/x-ndjson", "application/problem+json"
MEGABYTE = "x" * 1_000_000
MOST_OF_AN_ERROR = 400_000  # bytes: 1,000 problems, each with the names that would be right

# what stands in a URL, as the bytes that arrive
NO_NUMBERS = (
    "", " ", "1_0", "１０", "٣", " 23.6 ", "23.6\n", "+5", "1e400", "1e1", "0x17", "NaN", "nan", "Infinity", "-Infinity", "inf",
    "true", "false", "null", "None", "[]", "{}", "23,6", "1/2", "二十", "9" * 5000, "1." + "1" * 5000,
)  # fmt: skip
NOT_THERE = (
    b"\0",
    b"a\0b",
    b"\xff",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xb3\xbf",
    "\x1b[31m",
)
WORDS = (
    *(str(10**20), str(2**63), str(-(2**63) - 1), "-1", "0", "-0", "-0.0", "1", "1.0", "01", "1e-400", "1" * 20),
    *("'", '"', "' OR 1=1 --", "'; DROP TABLE role;--", "%", "_", "\\", "%' ESCAPE '", "?", ":1", "$1", "%s", "{0}", "${x}"),
    *('"', "*", "托*", "a AND", "OR", "NOT 托育", "NEAR(托 育)", "name:托育", "^托", "(", "((", "托 + 育", "-托", "- -"),
    *("%00", "%ff", "%", "%2", "\u202e育托", "\u200f", "\u200d", "\ufeff", "👨‍👩‍👧", "𠮷", "e\u0301" * 50, "ﷺ" * 100, "\u0345" * 90),
    *("2026-02-30", "2026-13-01", "0000-00-00", "9999-12-31", "2026-11-24T99:99", "2026-11-24T12:00+08:00", "2026-00"),
    *("113.2,23.8,112.9,23.6", "-180,-90,180,90", "73,18,135,54", "0,0,0,0", "1,2,3", ",,,", "nan,nan,nan,nan", "1,1,1," + "9" * 999),
    *("113.05", "-113.05", "AAAA", "eyJ9", "=" * 40, "x" * 500, "../../etc/passwd", "http://x/", "\r\nX-A: b", "\t\n", "x" * 16_000),
    *("7" * 309, "24:00-99:99", "周一至周日 25:00", "Mo-Su 00:00-24:00; " * 9, "24/7 || ||", "🕐-🕑", MEGABYTE),
)  # fmt: skip
POISONS = tuple(dict.fromkeys((*NO_NUMBERS, *NOT_THERE, *WORDS)))

# what stands in a body, as JSON text
DEEP = "[" * 40 + "]" * 40
NO_JSON = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "9" * 5000,
    "0." + "1" * 5000,
    str(10**20),
    DEEP,
    "[" * 100_000,
)
VALUES = (
    *("null", "true", "false", "[]", "{}", "[[]]", "[null]", "[{}]", '{"a": {"b": 1}}', '""', '"1"', '"true"', "-1", "0", "-0.0"),
    *(str(2**63), str(-(2**63) - 1), str(10**19), "1.0", "1e2", "1e-400", "5e-324", "1e19", '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"'),
    *('{"\\ud800": 1}', '{"\\u0000": "x"}', '{"": ""}', '{"__proto__": "x"}', json.dumps([0] * 30_000), json.dumps(["托"] * 200)),
    *(json.dumps(text) for text in (*NO_NUMBERS, *WORDS)),
)  # fmt: skip
WHOLE_BODIES = (
    b"",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"1",
    b"{}" * 2,
    b"\0",
    b"[" * 100_000,
)

# of every name a value that is right, so that a poison comes as far as it can
GOOD = {
    "lat": LAT, "lng": LNG, "datum": "wgs84", "bbox": "112.9,23.6,113.2,23.8", "q": "家长", "text": "周一至周五 8:30-12:00",
    "division": NORTH_GATE, "file_name": "places.xlsx", "headings": {"name": "机构名称"}, "on": "2026-11-23",
    "indicator": "T01.urban", "year": 2026, "seed": "2026-11-26", "kind": "hours", "answer": "not_so", "row": 2, "cells": {"name": "北门家长学校", "type": "家长学校", "division": NORTH_GATE},
    "rows": [{"code": NORTH_GATE, "name": "北门社区", "level": "community", "parent_code": "441802001000"}],
}  # fmt: skip
TOGETHER = ("lat", "lng", "datum")


class Sent(NamedTuple):
    """A request: what is poisoned, with what, and how it is sent."""

    method: str
    path: str
    where: str
    poison: str | bytes
    url: str
    body: bytes | None = None
    content_type: str | None = None


def percent(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if data.isalnum():
        return data.decode()
    return "".join(f"%{byte:02X}" for byte in data)


def query_of(values: dict[str, Any]) -> str:
    return "&".join(f"{name}={percent(v if isinstance(v, bytes) else str(v))}" for name, v in values.items())


def poisoned(document: dict[str, Any], good_path: Callable[[str], str]) -> Iterator[Sent]:
    """Every parameter of every operation with every poison, all others right."""
    for path, item in document["paths"].items():
        of_path = [each for each in item.get("parameters", []) if each["in"] == "path"]
        for method in [name for name in item if name != "parameters"]:
            operation = item[method]
            asked = [each for each in operation.get("parameters", []) if each.get("in") == "query"]
            right = {each["name"]: GOOD[each["name"]] for each in asked if each.get("required")}
            if {each["name"] for each in asked} >= set(TOGETHER):
                right |= {name: GOOD[name] for name in TOGETHER}
            url, search = good_path(path), query_of(right)
            body, kind = good_body(document, operation)
            for each in of_path:
                for poison in POISONS:
                    at = path.replace(f"{{{each['name']}}}", percent(poison))
                    yield Sent(method, path, each["name"], poison, f"{at}?{search}", body, kind)
            for each in asked:
                for poison in POISONS:
                    search_for = query_of(right | {each["name"]: poison})
                    yield Sent(method, path, each["name"], poison, f"{url}?{search_for}", body, kind)
            for poison in POISONS:
                yield Sent(method, path, "a name", poison, f"{url}?{search}&{percent(poison)}=1", body, kind)
            if body is not None:
                for where, value, text in poisoned_bodies(body):
                    yield Sent(method, path, where, value, url, text, kind)
                for whole in WHOLE_BODIES:
                    yield Sent(method, path, "the body", whole, url, whole, kind)
                for other in (
                    "",
                    "text/plain",
                    "application/json; charset=utf-7",
                    "multipart/form-data",
                    "\xff",
                ):
                    yield Sent(method, path, "the type", other, url, body, other)


def good_body(document: dict[str, Any], operation: dict[str, Any]) -> tuple[bytes | None, str | None]:
    content = operation.get("requestBody", {}).get("content", {})
    if NDJSON in content:
        return json.dumps({name: GOOD[name] for name in ("row", "cells")}).encode(), NDJSON
    if JSON not in content:
        return None, None
    schema = content[JSON]["schema"]
    schema = (
        document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    )
    wanted = schema.get("required", [])
    known = {name: GOOD.get(name) for name in schema["properties"] if name in wanted or name in TOGETHER}
    optional = {name: None for name in schema["properties"] if name not in known}
    inner = schema["properties"].get("rows", {}).get("items", {})
    if "$ref" in inner:
        fields = document["components"]["schemas"][inner["$ref"].rpartition("/")[2]]["properties"]
        known["rows"] = [{**dict.fromkeys(fields), **GOOD["rows"][0]}]
    return json.dumps(known | optional).encode(), JSON


def poisoned_bodies(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """(field, poison, JSON text): one field at a time; what is null in the good body is left out of it."""
    good = json.loads(body)
    for holder, path in (
        (good, ""),
        (good.get("cells"), "cells."),
        (*(good.get("rows") or [None])[:1], "rows.0."),
    ):
        for name in list(holder or ()):
            kept, holder[name] = holder[name], "POISON"
            template = json.dumps(without_nulls(good), ensure_ascii=False)
            holder[name] = kept
            for value in (*VALUES, *NO_JSON):
                text = template.replace('"POISON"', value)
                yield path + name, value, text.encode("utf-8", "surrogatepass")
            double = json.dumps(name)
            yield (
                path + name,
                "twice",
                template.replace(f'{double}: "POISON"', f"{double}: 1, {double}: 1").encode(),
            )
    yield "", "deep", b'{"x": ' * 5000 + b"1" + b"}" * 5000


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def fault(response: TestResponse) -> str | None:
    """What is wrong with an answer, whatever was asked: it failed, or an error has not the one shape."""
    if response.status_code >= 500:
        return f"{response.status_code} {response.text[:200]}"
    if response.status_code < 400:
        return None
    if response.mimetype != PROBLEM:
        return f"{response.status_code} as {response.mimetype}"
    said = json.loads(response.data.decode("utf-8"))
    if not re.fullmatch("[a-z_]+", said["code"]) or not re.search("[一-鿿]", said["detail"]):
        return f"not in words: {said}"
    return None if len(response.data) < MOST_OF_AN_ERROR else f"an error of {len(response.data)} bytes"


def faults(client: FlaskClient, requests: Iterable[Sent]) -> list[tuple[Any, ...]]:
    found = []
    for sent in requests:
        response = client.open(
            sent.url, method=sent.method.upper(), data=sent.body, content_type=sent.content_type
        )
        if why := fault(response):
            found.append((sent.method, sent.path, sent.where, sent.poison[:60], why))
    return found


@pytest.fixture
def document(client: FlaskClient, admin: FlaskClient) -> dict[str, Any]:
    """The OpenAPI document of an application that knows some places."""
    a_tree()
    a_type()
    a_place("北门社区家长学校", hours="Mo-Fr 08:30-17:30", phone="0763-3360000")
    return client.get("/openapi.json").json


def good_path(admin: FlaskClient) -> Callable[[str], str]:
    """Fills a path's parameters; every operation on an import has a new one, with a row."""
    receipt, _ = feedback.receive(public_code(1), "hours", "", TODAY)

    def filled(path: str) -> str:
        if "{batch_id}" in path:
            opened = admin.post(
                "/api/v1/imports", json={name: GOOD[name] for name in ("file_name", "headings")}
            )
            rows = f"/api/v1/imports/{opened.json['id']}/rows"
            row = json.dumps({name: GOOD[name] for name in ("row", "cells")})
            assert admin.post(rows, data=row, content_type=NDJSON).status_code == 200
            if path.endswith("apply"):
                assert admin.post(rows.replace("rows", "plan")).status_code == 200
            path = path.replace("{batch_id}", str(opened.json["id"]))
        return (
            path.replace("{division}", NORTH_GATE)
            .replace("{code}", NORTH_GATE)
            .replace("{file}", "index.json")
            .replace("{receipt}", receipt)
            .replace("{number}", "1")
            .replace("{period}", "2026")
        )

    return filled


def status(client: FlaskClient, sent: Sent) -> int:
    method, body = sent.method.upper(), sent.body
    return client.open(sent.url, method=method, data=body, content_type=sent.content_type).status_code


def by_caller(requests: Iterable[Sent], document: dict[str, Any]) -> tuple[list[Sent], list[Sent]]:
    """(anybody's, the administrator's): most go to the one for whom the route is made, some to the other."""
    random, anybody, administrator = Random(5), list[Sent](), list[Sent]()
    for sent in requests:
        closed = "401" in document["paths"][sent.path][sent.method]["responses"]
        if (random.random() < 0.9) == closed:
            administrator.append(sent)
        else:
            anybody.append(sent)
    return anybody, administrator


def test_no_poison_in_any_parameter_of_any_route_makes_the_server_fail_or_lose_its_words(
    client, admin, document
):
    requests = poisoned(document, good_path(admin))

    anybody, administrator = by_caller(requests, document)
    shares = [Random(6).sample(each, scaled(len(each), 2000)) for each in (anybody, administrator)]

    assert faults(client, shares[0]) == []
    assert faults(admin, shares[1]) == []


def test_a_fault_on_poison_is_seen():
    document = {"paths": {"/halves": {"get": {"parameters": [{"name": "of", "in": "query"}]}}}}
    app = Flask("control")

    @app.get("/halves")
    def halves() -> str:
        return str(int(request.args["of"][:4000]) // 2)

    found = faults(app.test_client(), poisoned(document, str))

    caught = {poison for _, _, where, poison, _ in found if where == "of"}
    assert caught >= {"", "NaN", "二十", b"\xff"}
    assert not caught & {"-1", "1_0", "１０"}


def kinds_of(document: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """(method, path, parameter) → its schema."""
    return {
        (method, path, each["name"]): each["schema"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for each in operation.get("parameters", [])
        if each.get("in") == "query"
    }


def test_what_is_no_plain_number_is_nowhere_taken_for_one(client, admin, document):
    kinds = kinds_of(document)
    taken, asked = [], 0

    for sent in poisoned(document, good_path(admin)):
        kind = kinds.get((sent.method, sent.path, sent.where), {}).get("type")
        if kind in ("integer", "number") and sent.poison in NO_NUMBERS:
            asked += 1
            taken += [sent[:4]] if status(admin, sent) != 422 else []

    assert asked > 200
    assert taken == []


def test_no_text_holds_a_nul_or_a_megabyte(client, admin, document):
    kinds = kinds_of(document)
    sent_ones = [
        sent
        for sent in poisoned(document, good_path(admin))
        if (sent.method, sent.path, sent.where) in kinds and sent.poison in (b"\0", b"a\0b", MEGABYTE)
    ]

    taken = [sent[:3] for sent in sent_ones if status(admin, sent) != 422]

    assert len(sent_ones) > 200
    assert taken == []


def test_the_same_key_twice_a_swapped_position_and_a_clash_are_refused_in_words(client, admin, document):
    twice = b'{"lat": 23.6, "lat": 23.7, "lng": 113, "datum": "wgs84"}'
    row = GOOD["rows"][0]
    clashing = [row, {**row, "valid_from": "2026-01-01"}]

    answers = [
        client.post("/api/v1/divisions/locate", data=twice, content_type=JSON),
        client.post("/api/v1/divisions/locate", json={"lat": LNG, "lng": LAT, "datum": "wgs84"}),
        client.get("/api/v1/facilities", query_string={"lat": LNG, "lng": LAT, "datum": "gcj02"}),
        admin.post("/api/v1/divisions", json={"rows": [row, row]}),
        admin.post("/api/v1/divisions", json={"rows": clashing}),
    ]

    assert [answer.status_code for answer in answers] == [400, 422, 422, 422, 409]
    assert [fault(answer) for answer in answers] == [None] * 5
