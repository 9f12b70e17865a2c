"""One shape for every way to fail, and nothing from outside that makes the server fail."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from servicemap import db
from servicemap.app import ACTOR_KEY, create_app
from servicemap.config import Settings
from tests.api.conftest import ADMIN, NOON
from tests.factories import LAT, LNG, a_place, scaled

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
NEAR = "/api/v1/facilities"
JSON, NDJSON = "application/json", "application/x-ndjson"


def check_problem(response: TestResponse, status: int, code: str) -> None:
    """The one shape of RFC 9457, in Chinese."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    body = json.loads(response.data.decode("utf-8"))
    assert body.keys() >= {"type", "title", "status", "code", "detail"}
    assert body.keys() <= {"type", "title", "status", "code", "detail", "errors", "errors_total"}
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert re.search("[一-鿿]", body["detail"])
    for problem in body.get("errors", []):
        assert problem.keys() <= {"code", "detail", "cure", "field", "row", "column", "value"}
        assert re.search("[一-鿿]", problem["detail"])


# Every way to fail


@SQLITE
@pytest.mark.parametrize(
    ("method", "url", "given", "status", "code"),
    [
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/api/v1/nowhere", {}, 404, "not_found"),
        ("GET", "/docs/nowhere", {}, 404, "not_found"),
        ("GET", f"{NEAR}/F0000001-5", {}, 404, "facility_not_found"),
        ("GET", "/api/v1/divisions/1", {}, 404, "division_not_found"),
        ("GET", "/api/v1/coverage/1", {}, 404, "division_not_found"),
        ("DELETE", NEAR, {}, 405, "method_not_allowed"),
        ("GET", f"{NEAR}?limit=0", {}, 422, "bad_parameters"),
        ("GET", f"{NEAR}?cursor=x", {}, 400, "bad_cursor"),
        ("POST", "/api/v1/imports", {}, 401, "token_required"),
        ("GET", "/api/v1/facility-records", {}, 401, "token_required"),
    ],
)
def test_a_visitor_is_told_in_one_shape(client, method, url, given, status, code):
    check_problem(client.open(url, method=method, **given), status, code)


@SQLITE
@pytest.mark.parametrize(
    ("url", "given", "status", "code"),
    [
        ("/api/v1/imports", {"data": "{}", "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ("/api/v1/imports", {"data": {"file_name": "x"}}, 415, "unsupported_media_type"),
        ("/api/v1/imports", {}, 415, "unsupported_media_type"),
        ("/api/v1/imports", {"data": "{", "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "", "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "[" * 100 + "]" * 100, "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "[" * 100_000, "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "9" * 5000, "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "1e999", "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "NaN", "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": b"\xff\xfe", "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": '{"file_name": "a", "file_name": "b"}', "content_type": JSON}, 400, "bad_json"),
        ("/api/v1/imports", {"data": "[]", "content_type": JSON}, 422, "bad_parameters"),
        ("/api/v1/imports", {"data": '{"\\ud800": 1}', "content_type": JSON}, 422, "bad_parameters"),
        ("/api/v1/imports", {"data": '{"file_name": "\\ud800", "headings": {}}', "content_type": JSON}, 422, "bad_parameters"),
        ("/api/v1/facilities/search", {"data": b" " * 64_001, "content_type": JSON}, 413, "too_large"),
        ("/api/v1/divisions/locate", {"data": b" " * 64_001, "content_type": JSON}, 413, "too_large"),
        ("/api/v1/imports", {"data": b" " * 16_000_001, "content_type": JSON}, 413, "too_large"),
        ("/api/v1/imports/1/rows", {"data": "{}", "content_type": NDJSON}, 422, "bad_row"),
        ("/api/v1/imports/1/plan", {}, 404, "import_not_found"),
        ("/api/v1/imports/9223372036854775808/plan", {}, 404, "not_found"),
        ("/api/v1/imports/１/plan", {}, 404, "not_found"),
        ("/api/v1/imports/-1/plan", {}, 404, "not_found"),
    ],
)  # fmt: skip
def test_an_administrator_is_told_in_one_shape(admin, url, given, status, code):
    check_problem(admin.post(url, **given), status, code)


@SQLITE
def test_a_method_that_is_not_there_comes_with_those_that_are(client):
    response = client.delete(NEAR)

    assert {"GET", "HEAD", "OPTIONS", "POST"} == set(response.headers["Allow"].split(", "))


def test_a_head_is_a_get_without_a_body_and_options_say_what_is_allowed(client):
    a_place()

    head, options = client.head(NEAR), client.options(NEAR)

    assert (head.status_code, head.data, head.mimetype) == (200, b"", JSON)
    assert (options.status_code, "GET" in options.headers["Allow"]) == (200, True)


# What is refused, by name

ONE_PARAMETER = [
    ("limit", "0"), ("limit", "-1"), ("limit", "101"), ("limit", "1_0"), ("limit", "１０"), ("limit", " 10"), ("limit", "10 "),
    ("limit", "1e1"), ("limit", "1.0"), ("limit", ""), ("limit", "9" * 5000), ("limit", str(10**20)), ("limit", "٣"),
    ("radius_m", "50001"), ("radius_m", "true"), ("lat", "90.1"), ("lat", "nan"), ("lat", "inf"), ("lat", "-Infinity"),
    ("lat", " 23.6 "), ("lat", "2_3"), ("lat", "２３"), ("lat", "23,6"), ("lat", "1e1"), ("lat", "0x17"), ("lat", "9" * 5000),
    ("lng", "180.1"), ("lng", "1" + "." + "1" * 5000), ("datum", "WGS84"), ("datum", ""), ("type", "no such"), ("type", "\0"),
    ("type", "x" * 61), ("division", "\0"), ("division", "\ud800"), ("division", "x" * 21), ("division", "x" * 100_000),
    ("division", ""), ("cursor", "x" * 501), ("colour", "red"), ("colour", ""), ("lat ", "23"), ("LAT", "23"), ("\0", "x"),
]  # fmt: skip


def test_a_parameter_that_is_not_understood_is_refused_by_its_name(client):
    for name, value in ONE_PARAMETER:
        near = {"lat": "23.6", "lng": "113", "datum": "wgs84"} if name in ("lat", "lng", "datum") else {}
        query = "&".join(f"{percent(k)}={percent(v)}" for k, v in {**near, name: value}.items())

        response = client.get(f"{NEAR}?{query}")

        check_problem(response, 422, "bad_parameters")
        named = [problem["field"].removesuffix(".0") for problem in response.json["errors"]]
        assert named == [name], (name, value[:80])


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


@SQLITE
@pytest.mark.parametrize(
    ("url", "name", "cure"),
    [
        *[(NEAR, name, "请用 cursor") for name in ("page", "page_num", "offset")],
        *[(NEAR, name, "结果按距离；不给位置则按匹配或编号") for name in ("sort", "orderby")],
        *[(NEAR, name, "请用 q") for name in ("keyword", "keywords", "query")],
        *[(NEAR, name, "请用 lat、lng") for name in ("location", "lon", "longitude", "latitude")],
        *[(NEAR, name, "请用 type") for name in ("types", "category")],
        *[(NEAR, name, "请用 division") for name in ("region", "adcode", "city")],
        *[(NEAR, name, "请用 datum") for name in ("coord_type", "coordtype")],
        (NEAR, "age", "请用 age_months"),
        (NEAR, "radius", "请用 radius_m"),
        (NEAR, "page_size", "请用 limit"),
        ("/api/v1/clusters", "lat", "请用 bbox"),
        ("/api/v1/divisions", "page", "请用 after"),
        (NEAR, "tpye", "是不是 type？"),
        (NEAR, "opne", "是不是 open？"),
        (NEAR, "verified", "是不是 verified_days？"),
        ("/api/v1/divisions", "sort", "可用：parent、level、on、after、limit"),
        ("/api/v1/facility-types", "sort", None),
    ],
)
def test_who_comes_from_another_map_is_told_what_the_parameter_is_called_here(client, url, name, cure):
    response = client.get(url, query_string={name: "1"})

    wrong = [problem for problem in response.json["errors"] if problem["field"] == name]
    assert [problem.get("cure") for problem in wrong] == [cure]


@SQLITE
@pytest.mark.parametrize(
    "query", ["limit=5&limit=6", "limit=5&limit=5", "lat=1&lat=1&lng=2&datum=wgs84", "cursor=a&cursor=b"]
)
def test_a_parameter_that_may_be_said_once_is_not_said_twice(client, query):
    response = client.get(f"{NEAR}?{query}")

    check_problem(response, 422, "bad_parameters")
    assert [problem["code"] for problem in response.json["errors"]] == ["repeated_parameter"]
    assert response.json["errors"][0]["field"] in query


def test_no_route_ignores_a_key_that_it_does_not_know(client, admin):
    a_place()
    paths = client.get("/openapi.json").json["paths"]

    for path, operations in paths.items():
        if not path.startswith(("/api/", "/healthz", "/readyz")):
            continue  # what is shared bears what WeChat adds to it
        for method in operations.keys() - {"parameters"}:
            url = re.sub("{.*?}", "1", path)
            response = admin.open(
                f"{url}?tpye=x", method=method.upper(), json={} if method == "post" else None
            )

            check_problem(response, 422, "bad_parameters")
            assert "tpye" in {problem["field"] for problem in response.json["errors"]}


def test_a_road_that_leads_nowhere_is_a_404_whatever_stands_in_it(client):
    for root in (NEAR, "/api/v1/divisions", "/api/v1/coverage", "/docs", ""):
        for end in (
            "%00",
            "%ED%A0%80",
            "%FF",
            "x" * 5000,
            "9" * 5000,
            "%0A",
            "..%2F..%2Fetc%2Fpasswd",
            "%E4%B8%AD",
            "F００００００１-５",
        ):
            response = client.get(f"{root}/{end}")

            assert (response.status_code, response.mimetype) == (404, "application/problem+json"), (root, end)


def test_a_query_of_a_hundred_kilobytes_is_refused_quickly_and_in_few_words(client):
    queries = {
        "many unknown": "&".join(f"x{number}=1" for number in range(12_000)),
        "one long name": "x" * 100_000 + "=1",
        "one long value": "division=" + "9" * 100_000,
        "many types": "&".join(["type=nursery"] * 8000),
        "one many times": "&".join(["limit=5"] * 12_000),
        "only signs": "&=" * 50_000,
    }

    for name, query in queries.items():
        response = client.get(f"{NEAR}?{query}")

        check_problem(response, 422, "bad_parameters")
        assert len(response.json["detail"]) < 2000, name
        assert len(response.data) < 300_000, name


@SQLITE
@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
@pytest.mark.parametrize(
    ("lat", "lng"), [("90", "113"), ("-90", "113"), ("23", "-113"), ("0", "0"), ("23", "180")]
)
def test_a_datum_of_china_is_refused_where_it_means_nothing(client, datum, lat, lng):
    response = client.get(NEAR, query_string={"lat": lat, "lng": lng, "datum": datum})

    check_problem(response, 422, "bad_parameters")
    assert response.json["errors"][0]["field"] in ("lat", "lng")


@SQLITE
@pytest.mark.parametrize(
    ("lat", "lng"), [("90", "180"), ("-90", "-180"), ("0", "0"), ("-0", "-0.0"), ("89.99999999", "0")]
)
def test_the_ends_of_the_earth_have_nothing_near(client, lat, lng):
    a_place()

    response = client.get(NEAR, query_string={"lat": lat, "lng": lng, "datum": "wgs84", "radius_m": 50_000})

    assert (response.status_code, response.json["items"]) == (200, [])


# When the ground is gone


def lose_the_database() -> None:
    if db.is_sqlite():
        db.sqlite_path().unlink()
    else:
        ours = "SELECT pg_terminate_backend(pg_backend_pid())"
        with pytest.raises(Exception, match="terminat"):
            db.execute(ours)


def test_a_server_that_loses_its_database_says_later_and_no_more(client, tmp_path):
    a_place()
    before = client.get(NEAR).status_code

    lose_the_database()
    response = client.get(NEAR)

    assert before == 200
    if db.is_sqlite():
        check_problem(response, 503, "no_database")
        assert int(response.headers["Retry-After"]) > 0
        assert str(tmp_path) not in response.text
        assert "servicemap-admin" not in response.text
    else:  # its server lives: a new connection serves the next one at the latest
        assert response.status_code in (200, 503)
    assert client.get(NEAR).status_code == (503 if db.is_sqlite() else 200)


@SQLITE
def test_who_keeps_the_server_is_told_the_path_and_the_cure(admin, tmp_path):
    lose_the_database()

    response = admin.get(NEAR)

    check_problem(response, 503, "no_database")
    assert str(tmp_path) in response.json["detail"]
    assert "servicemap-admin db create" in response.json["detail"]


def test_a_database_that_is_too_old_answers_nothing(settings):
    db.execute("DELETE FROM migration")
    fresh = create_app(settings, lambda: NOON).test_client()

    for url in (NEAR, "/readyz", "/api/v1/divisions"):
        check_problem(fresh.get(url), 503, "schema_too_old")
    assert fresh.get("/healthz").status_code == 200


def test_an_unexpected_fault_says_nothing_of_itself_or_of_the_question(client, caplog):
    db.execute("ALTER TABLE search_row RENAME TO search_row_gone")

    with caplog.at_level(logging.DEBUG, "servicemap"):
        response = client.get(NEAR, query_string={"lat": LAT, "lng": LNG, "datum": "wgs84"})

    check_problem(response, 500, "internal")
    for text in (response.text, caplog.text):
        assert str(LAT) not in text
        assert "search_row" not in text
    assert ".py" not in response.text
    assert "near.py" in caplog.text
    db.connect()
    db.execute("ALTER TABLE search_row_gone RENAME TO search_row")
    assert client.get(NEAR).status_code == 200


# Whatever comes


NASTY = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cc", "Cs", "Nd", "Zs", "Sm"]), max_size=12),
    st.sampled_from(["", "0", "-1", "1_0", "nan", "1e308", "9" * 400, "null", "../..", "%00", "'; DROP TABLE role;--", "F0000001-5"]),
    st.integers(-(10**30), 10**30).map(str),
    st.floats(allow_nan=True).map(str),
    st.dates().map(str),
    st.sampled_from(["23.68", "113.05", "wgs84", "gcj02", "nursery", "441802", "T01.urban", "community", "20"]),
)  # fmt: skip
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def fields_of(document: dict, schema: dict) -> Iterator[str]:
    """The names of a request body's fields, at any depth."""
    schema = document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]] if "$ref" in schema else schema
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from fields_of(document, inner)
        yield from fields_of(document, inner.get("items", {}))


def test_nothing_that_can_be_sent_makes_the_server_fail_or_answer_what_is_not_documented(reference):
    app = create_app(Settings(database_url=reference, coverage_public="live"), lambda: NOON)
    client, admin = app.test_client(), app.test_client()
    admin.environ_base[ACTOR_KEY] = ADMIN
    db.connect()
    document = client.get("/openapi.json").json
    place = a_place()
    operations = [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post")
    ]

    @effort(
        max_examples=scaled(3000, 200),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        method, path, operation = data.draw(st.sampled_from(operations))
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        path = re.sub(
            "{.*?}", lambda _: percent(data.draw(NASTY | st.just(place.code) | st.just("1"))) or "x", path
        )
        name = st.sampled_from(names) | NASTY if names else NASTY
        query = data.draw(st.lists(st.tuples(name, NASTY), max_size=4, unique_by=lambda pair: pair[0]))
        url = f"{path}?" + "&".join(f"{percent(k)}={percent(v)}" for k, v in query)
        body = None
        if method == "post":
            content = operation.get("requestBody", {}).get("content", {JSON: {"schema": {}}})
            kind = data.draw(st.sampled_from([*content, "text/plain"]))
            known = list(fields_of(document, next(iter(content.values()))["schema"])) or ["row", "cells"]
            value = data.draw(
                JSONS | st.dictionaries(st.sampled_from(known), JSONS | NASTY | st.lists(JSONS), max_size=5)
            )
            body = {"data": json.dumps(value), "content_type": kind}

        caller = data.draw(st.sampled_from([admin, client]))
        response = caller.open(url, method=method.upper(), **(body or {}))

        assert response.status_code < 500, (method, url, body)
        assert str(response.status_code) in {*operation["responses"], "404", "308"}, (method, url, body)
        if response.status_code >= 400:
            assert response.mimetype == "application/problem+json"

    send()


@pytest.mark.parametrize(
    "path", [f"/{NEAR}", "/api//v1/facilities", f"{NEAR}//", "///api/v1/facilities", "//docs"]
)
def test_an_address_with_an_empty_part_is_none(client: FlaskClient, path: str) -> None:
    position = {"lat": 23.69712, "lng": 113.06123, "datum": "gcj02"}
    sent = {"PATH_INFO": path, "HTTP_HOST": "evil.example"}
    response = client.get(NEAR, query_string=position, environ_overrides=sent)

    assert (response.status_code, response.json["code"]) == (404, "not_found")
    assert "evil" not in response.text + str(response.headers)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_redirect_stays_on_the_host_whatever_it_was_called(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"Host": "evil.example"})

    assert response.headers["Location"] == "/docs/"
    assert "evil" not in response.text


def test_no_address_is_redirected_by_the_framework(client: FlaskClient) -> None:
    redirected = {
        rule.rule.rstrip("/") for rule in client.application.url_map.iter_rules() if not rule.is_leaf
    }

    assert redirected <= {rule.rule for rule in client.application.url_map.iter_rules()} | {""}


def test_an_error_never_hides_behind_a_redirect_or_a_page(client: FlaskClient) -> None:
    for url in ("/docs/nothing", "/api//v1/facilities", f"{NEAR}/"):
        response = client.get(url)

        assert (response.status_code, response.mimetype) == (404, "application/problem+json"), url
