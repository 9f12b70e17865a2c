"""Every route is open to all by name, or declares who may; and each holds by role and by scope."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from servicemap import db, tokens
from servicemap.access import ALLOWED, SEED, WHOLE
from tests.factories import a_place, a_type

OPEN_TO_ALL = {
    "changes.list_changes",
    "clusters.list_clusters",
    "comparisons.get_disparity",
    "comparisons.get_reach",
    "confirmations.answer_place",  # to whoever holds the link's secret
    "confirmations.show_places",
    "coverage.get_coverage",  # what is published, and the live figures to those with rights
    "coverage.get_gaps",
    "coverage.get_proofs",
    "coverage.get_ranking",
    "indicators.get_indicators",
    "divisions.get_division",
    "divisions.list_divisions",
    "divisions.locate",
    "divisions.locate_posted",
    "dump.get_dump",
    "dump.get_dump_file",
    "facilities.get_facility",
    "facilities.list_facilities",
    "facilities.list_facility_types",
    "facilities.search_facilities",
    "feedback.get_feedback",  # whoever has the receipt
    "feedback.send_feedback",
    "hours.read_hours",
    "snapshots.export_published",
    "snapshots.get_published",
    "snapshots.list_published",
    "suggestions.list_suggestions",
}
ROLES = ("viewer", "editor", "verifier", "reporter", "monitor", "assessor", "approver", "admin")
MINE, OTHER = "441802000000", "441881000000"


@pytest.fixture
def app(client: FlaskClient) -> Flask:
    return client.application


def declared(app: Flask) -> dict[str, Any]:
    """endpoint → the action that it declares, of the routes below /api/v1 that are not open to all."""
    found = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and rule.endpoint not in OPEN_TO_ALL:
            view: Any = app.view_functions[rule.endpoint]
            while not hasattr(view, "action") and hasattr(view, "__wrapped__"):
                view = view.__wrapped__
            found[rule.endpoint] = getattr(view, "action", "UNDECLARED")
    return found


def test_a_route_declares_who_may_or_stands_in_the_list_of_those_open_to_all(app):
    actions = declared(app)

    assert [endpoint for endpoint, action in actions.items() if action == "UNDECLARED"] == []
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= OPEN_TO_ALL


def test_every_declared_route_holds_for_every_role_and_scope(app, client, bearer):
    posts = {(role, at): bearer(role, at) for role in ROLES for at in (None, MINE)}
    rules = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
    wrong = []

    for endpoint, action in declared(app).items():
        rule = rules[endpoint]
        url = app.url_map.bind("localhost").build(
            endpoint, {name: _example(name) for name in rule.arguments}, method=_method(rule)
        )
        for (role, at), headers in posts.items():
            answer = client.open(url, method=_method(rule), headers=headers)
            allowed = action is None or (action in ALLOWED[role] and (at is None or action not in WHOLE))
            if (answer.status_code != 403) != allowed or answer.status_code in (401, 500):
                wrong.append((endpoint, role, at, answer.status_code))
        nobody = client.open(url, method=_method(rule))
        if nobody.status_code != 401:
            wrong.append((endpoint, "nobody", None, nobody.status_code))

    assert wrong == []


def _method(rule: Any) -> str:
    return sorted(rule.methods - {"HEAD", "OPTIONS"})[0]


def _example(name: str) -> Any:
    return "F0000999-4" if name == "code" else 999


def test_a_county_sees_its_own_records_and_figures_alone(client, bearer):
    mine = a_place("一", division="441802001001")
    other = a_place("二", division="441881101201")
    headers = bearer("viewer", MINE)

    listed = client.get("/api/v1/facility-records", headers=headers).json["items"]

    assert [row["code"] for row in listed] == [mine.code]
    assert _status(client, f"facility-records/{mine.code}", headers) == (200, None)
    assert _status(client, f"facility-records/{other.code}", headers) == (403, "out_of_scope")
    assert _status(client, f"facility-records?division={OTHER}", headers) == (403, "out_of_scope")
    assert _status(client, f"coverage/{MINE}", headers) == (200, None)
    assert _status(client, "coverage/441800000000", headers) == (404, "not_published")
    assert _status(client, f"coverage/{OTHER}/gaps", headers) == (404, "not_published")


def _status(client: FlaskClient, path: str, headers: dict[str, str]) -> tuple[int, str | None]:
    answer = client.get(f"/api/v1/{path}", headers=headers)
    return answer.status_code, answer.json.get("code") if answer.status_code != 200 else None


def test_an_import_changes_nothing_outside_the_own_division(client, bearer):
    other = a_place("原名", division="441881101201")
    a_type()
    headers = bearer("editor", MINE)
    rows = [
        {"row": 2, "cells": {"name": "自己的", "division": "441802001001", "type": "家长学校"}},
        {"row": 3, "cells": {"name": "别人的", "division": "441881101201", "type": "家长学校"}},
        {
            "row": 4,
            "cells": {"code": other.code, "name": "改名", "division": "441802001001", "type": "家长学校"},
        },
        {
            "row": 5,
            "cells": {
                "name": "拉人",
                "division": "441802001002",
                "type": "家长学校",
                "serves": "441881101201",
            },
        },
    ]

    batch = client.post("/api/v1/imports", json={"file_name": "a", "headings": {}}, headers=headers).json[
        "id"
    ]
    client.post(f"/api/v1/imports/{batch}/rows", data=_lines(rows), headers={**headers, **NDJSON})
    plan = client.post(f"/api/v1/imports/{batch}/plan", headers=headers).json
    done = client.post(f"/api/v1/imports/{batch}/apply", json={"skip_bad_rows": True}, headers=headers)

    assert [(p["row"], p["code"]) for p in plan["problems"]] == [
        (3, "out_of_scope"),
        (4, "out_of_scope"),
        (5, "out_of_scope"),
    ]
    assert done.status_code == 200
    assert sorted(name for (name,) in db.query("SELECT name FROM facility")) == ["原名", "自己的"]


NDJSON = {"Content-Type": "application/x-ndjson"}


def _lines(rows: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_an_import_is_its_senders_own(client, bearer):
    mine, other, whole = bearer("editor", MINE), bearer("editor", OTHER), bearer("editor")
    opening = {"file_name": "a", "headings": {}}

    batch = client.post("/api/v1/imports", json=opening, headers=mine).json["id"]

    assert client.post(f"/api/v1/imports/{batch}/plan", headers=other).json["code"] == "import_not_found"
    assert client.post(f"/api/v1/imports/{batch}/plan", headers=whole).status_code == 200


def test_what_somebody_known_tried_and_may_not_stands_in_the_audit(client, bearer):
    headers = bearer("viewer", MINE)

    client.post("/api/v1/imports", json={}, headers=headers)
    client.post("/api/v1/imports", json={})  # nobody: no row

    rows = db.query("SELECT actor, door, noun, key, action FROM change WHERE noun = 'refusal'")
    assert rows == [(f"viewer {MINE}", "http", "refusal", f"viewer {MINE}", "forbidden")]


def test_a_revoked_token_ends_at_the_next_request(client, bearer):
    headers = bearer("editor", MINE)

    before = client.get("/api/v1/me", headers=headers)
    tokens.revoke(SEED, tokens.current(f"editor {MINE}").id)
    after = client.get("/api/v1/me", headers=headers)

    assert (before.json["name"], before.json["division_name"]) == (f"editor {MINE}", "清城区")
    assert (after.status_code, after.json["code"]) == (401, "token_unknown")


def test_who_tries_tokens_is_slowed_down(door):
    client = door(writes_per_minute=3)
    headers = {"Authorization": f"Bearer {tokens.new_secret()}"}

    answers = [client.get("/api/v1/facility-types", headers=headers).status_code for _ in range(5)]

    assert answers == [401, 401, 401, 429, 429]
