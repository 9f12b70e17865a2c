"""The documentation: true to what the server does, and served without asking anybody else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from servicemap.api.edge import ASKED_BY_POST

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
pytestmark = SQLITE
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Error"}}}


@pytest.fixture
def document(client) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    return response.json


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            yield method, path, item[method]


def followed(document: dict[str, Any], node: dict[str, Any]) -> Any:
    """What the node is, or what its $ref leads to."""
    for name in node["$ref"].removeprefix("#/").split("/") if "$ref" in node else ():
        document = document[name]
    return document if "$ref" in node else node


def test_the_document_is_an_openapi_3_1_whose_references_all_lead_somewhere(document):
    references = re.findall(r'"\$ref": "(.*?)"', json.dumps(document))

    assert document["openapi"].startswith("3.1")
    assert document.keys() >= {"info", "paths", "components", "tags"}
    assert references
    for reference in set(references):
        assert isinstance(followed(document, {"$ref": reference}), dict)


def test_every_parameter_of_a_path_is_described_once_and_every_tag_is_known(document):
    tags = {tag["name"] for tag in document["tags"]}

    for method, path, operation in operations(document):
        parameters = [followed(document, p) for p in operation.get("parameters", [])]
        parameters += [followed(document, p) for p in document["paths"][path].get("parameters", [])]
        names = [(p["in"], p["name"]) for p in parameters]
        assert sorted(name for place, name in names if place == "path") == sorted(re.findall("{(.*?)}", path))
        assert len(names) == len(set(names)), (method, path)
        assert all("schema" in parameter for parameter in parameters)
        assert set(operation["tags"]) <= tags


def test_every_way_to_fail_is_documented_in_the_one_shape(document):
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status[0] in "45d":
                assert followed(document, response)["content"] == PROBLEM, (method, path, status)


def test_a_route_says_where_it_can_fail(document):
    said = {(method, path): operation["responses"].keys() for method, path, operation in operations(document)}

    for (method, path), statuses in said.items():
        if path in ("/healthz", "/f/{code}", "/c/{public_id}") or path.startswith("/ranking"):
            continue  # they ask nothing of the registry, or are a page for people
        assert {"422", "503"} - ({"422"} if path == "/readyz" else set()) <= statuses, path
        assert ("404" in statuses) >= ("{" in path), path
        if method == "post" and not path.endswith(ASKED_BY_POST):
            assert "401" in statuses, path  # which reads are guarded: tests/api/test_rights.py
    assert "201" in said["post", "/api/v1/imports"]
    assert "400" in said["get", "/api/v1/facilities"]
    assert {"409", "422"} <= said["post", "/api/v1/imports/{batch_id}/apply"]


def test_a_401_and_a_503_come_with_the_header_that_is_documented(document):
    responses = document["components"]["responses"]

    assert "WWW-Authenticate" in responses["UNAUTHORIZED"]["headers"]
    assert "Retry-After" in responses["SERVICE_UNAVAILABLE"]["headers"]


# The page


def test_the_page_is_found_with_and_without_its_slash_and_from_the_root(client):
    for url in ("/", "/docs", "/docs/"):
        response = client.get(url, follow_redirects=True)

        assert (response.status_code, response.mimetype) == (200, "text/html")
        assert 'id="swagger-ui"' in response.text


def test_the_page_asks_nobody_else_for_anything(client):
    page = client.get("/docs/", headers={"Host": "evil.example"}).text

    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", page, re.I) == []
    assets = re.findall(r'(?:src|href)="(.*?)"', page)
    assert len(assets) >= 4
    for asset in assets:
        assert asset.startswith("/docs/")
        with client.get(asset) as answer:
            assert answer.status_code == 200
    assert '"validatorUrl": null' in page
    assert '"url": "/openapi.json"' in page


def test_the_page_may_not_ask_anybody_else_either(client):
    policy = client.get("/docs/").headers["Content-Security-Policy"]

    rules = dict(rule.split(maxsplit=1) for rule in policy.split(";"))
    assert rules["default-src"] == "'self'"
    assert rules["img-src"] == "'self' data:"
    assert rules["script-src"] == rules["style-src"] == "'self' 'unsafe-inline'"
    assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == "'none'"
