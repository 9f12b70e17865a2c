"""导入 over HTTP: open, send, plan, apply; for those with rights, and nothing by halves."""

import json
from io import RawIOBase

import pytest
from flask.testing import FlaskClient

from servicemap.app import ACTOR_KEY
from servicemap.models import Facility, ImportBatch, Registry
from tests.api.conftest import ADMIN
from tests.factories import NORTH_GATE, a_place, a_tree, a_type

URL = "/api/v1/imports"
NDJSON = "application/x-ndjson"
CELLS = {"name": "北门家长学校", "type": "家长学校", "division": NORTH_GATE}


@pytest.fixture(autouse=True)
def ground(registry: str) -> None:
    a_tree()
    a_type()


def opened(admin: FlaskClient) -> str:
    body = {"file_name": "places.xlsx", "headings": {"name": "机构名称"}, "as_of": "2026-11-01"}
    response = admin.post(URL, json=body)
    assert response.status_code == 201, response.text
    return f"{URL}/{response.json['id']}"


def send(admin: FlaskClient, url: str, *cells: dict[str, str], start: int = 2):
    lines = [json.dumps({"row": number, "cells": each}) for number, each in enumerate(cells, start)]
    return admin.post(f"{url}/rows", data="\n".join(lines), content_type=NDJSON)


def test_a_file_of_a_day_to_come_would_overrule_every_correction_until_then(admin):
    body = {"file_name": "a.xlsx", "headings": {}, "as_of": "2026-11-24"}

    answer = admin.post(URL, json=body)

    assert (answer.status_code, answer.json["code"]) == (422, "future_date")


def test_a_file_goes_in_whole(admin):
    url = opened(admin)

    sent = send(admin, url, CELLS, {**CELLS, "name": "南门家长学校"})
    plan = admin.post(f"{url}/plan")
    kept = admin.get(f"{url}/plan")
    done = admin.post(f"{url}/apply", json={})

    assert sent.json == {"id": 1, "state": "open", "staged": 2, "demo": False}
    assert plan.json["counts"] == {
        "rows": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "set_aside": 0,
    }
    assert kept.json == plan.json | {"state": "planned"}
    assert done.json["state"] == "applied"
    assert {item["name"] for item in admin.get("/api/v1/facilities").json["items"]} == {
        "北门家长学校",
        "南门家长学校",
    }


def test_a_row_that_is_sent_again_takes_the_place_of_the_first(admin):
    url = opened(admin)

    answers = [send(admin, url, {**CELLS, "name": name}) for name in ("旧名", "新名")]
    admin.post(f"{url}/plan")
    admin.post(f"{url}/apply", json={})

    assert [answer.json["staged"] for answer in answers] == [1, 1]
    assert [place.name for place in Facility.select()] == ["新名"]


def test_a_bad_row_stops_all_unless_it_may_be_skipped(admin):
    url = opened(admin)
    send(admin, url, CELLS, {**CELLS, "name": ""})

    plan = admin.post(f"{url}/plan").json
    stopped = admin.post(f"{url}/apply", json={})
    written = Facility.select().count()
    done = admin.post(f"{url}/apply", json={"skip_bad_rows": True})

    assert (plan["problems_total"], plan["problems"][0]["row"], plan["problems"][0]["column"]) == (
        1,
        3,
        "机构名称",
    )
    assert (stopped.status_code, stopped.json["code"], stopped.json["errors_total"]) == (422, "bad_rows", 1)
    assert (written, done.status_code, Facility.select().count()) == (0, 200, 1)


def test_a_plan_that_the_registry_has_overtaken_is_refused(admin):
    url = opened(admin)
    send(admin, url, CELLS)
    admin.post(f"{url}/plan")
    a_place("in between")

    stale = admin.post(f"{url}/apply", json={})
    admin.post(f"{url}/plan")
    fresh = admin.post(f"{url}/apply", json={})

    assert (stale.status_code, stale.json["code"]) == (409, "plan_stale")
    assert fresh.status_code == 200


def test_what_is_applied_is_done_and_what_has_no_plan_is_not(admin):
    url = opened(admin)
    send(admin, url, CELLS)

    early = admin.post(f"{url}/apply", json={})
    admin.post(f"{url}/plan")
    admin.post(f"{url}/apply", json={})
    late = [admin.post(f"{url}/apply", json={}), admin.post(f"{url}/plan"), send(admin, url, CELLS)]

    assert (early.status_code, early.json["code"]) == (409, "not_planned")
    assert {(answer.status_code, answer.json["code"]) for answer in late} == {(409, "already_applied")}
    assert Facility.select().count() == 1


def test_a_demo_takes_no_real_file(admin):
    Registry.update(demo=True).execute()

    response = admin.post(URL, json={"file_name": "places.xlsx", "headings": {}})

    assert (response.status_code, response.json["code"]) == (409, "demo_database")


# Who may


class Untouched:
    """A body that must not be read."""

    def read(self, *_: int) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = __iter__ = read


WRITES = [URL, *(f"{URL}/1/{verb}" for verb in ("rows", "plan", "apply", "undo")), "/api/v1/divisions"]
READS = [URL, *(f"{URL}/1{part}" for part in ("", "/plan", "/rows", "/undo"))]
READS += [f"/api/v1/{path}" for path in ("facility-template?division=4418", "facility-records")]
READS += ["/api/v1/facility-records/F0000001-5"]


@pytest.mark.parametrize(
    "headers", [{}, {"servicemap.actor": "admin", "Servicemap-Actor": "admin"}, {"Authorization": "Bearer x"}]
)
def test_nobody_without_rights_gets_in_and_the_body_is_not_even_read(client, headers):
    body = {"wsgi.input": Untouched(), "CONTENT_LENGTH": "100", "CONTENT_TYPE": "text/html"}

    answers = [client.open(url, method="POST", headers=headers, environ_overrides=body) for url in WRITES]
    answers += [client.get(url, headers=headers) for url in READS]

    for answer in answers:
        wrong = "token_incomplete" if "Authorization" in headers else "token_required"
        assert (answer.status_code, answer.json["code"]) == (401, wrong)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert ImportBatch.select().count() == 0


def test_only_the_process_itself_says_who_acts(client):
    as_header = client.get("/api/v1/facility-records", environ_overrides={"HTTP_SERVICEMAP_ACTOR": ADMIN})
    in_process = client.get("/api/v1/facility-records", environ_overrides={ACTOR_KEY: ADMIN})

    assert [as_header.status_code, in_process.status_code] == [401, 200]


def test_records_are_whole_and_come_in_pages(admin):
    places = [a_place(f"第 {number} 家", external_id=f"X-{number}", source="test") for number in range(3)]

    first = admin.get("/api/v1/facility-records", query_string={"limit": 2}).json
    second = admin.get(
        "/api/v1/facility-records", query_string={"limit": 2, "after": first["next_after"]}
    ).json
    one = admin.get(f"/api/v1/facility-records/{places[1].code}").json

    assert [row["external_id"] for row in (*first["items"], *second["items"])] == ["X-0", "X-1", "X-2"]
    assert second["next_after"] is None
    assert one["items"] == [first["items"][1]]


# What may be sent


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_rows_have_limits_and_one_form(admin):
    url = f"{opened(admin)}/rows"
    row = json.dumps({"row": 2, "cells": CELLS})
    deep = "[" * 9 + "]" * 9
    refusals = [
        (row, "application/json", 415, "unsupported_media_type"),
        ("\n".join([row] * 501), NDJSON, 413, "too_large"),
        (json.dumps({"row": 2, "cells": {"name": "x" * 1_000_000}}), NDJSON, 413, "too_large"),
        ("{", NDJSON, 400, "bad_json"),
        (deep, NDJSON, 400, "bad_json"),
        ('{"row": 2, "row": 3, "cells": {}}', NDJSON, 400, "bad_json"),
        ('{"row": 2, "cells": {"name": NaN}}', NDJSON, 400, "bad_json"),
        (b'{"row": 2, "cells": {"name": "\xff"}}', NDJSON, 400, "bad_json"),
        ('{"row": ' + "9" * 5000 + ', "cells": {}}', NDJSON, 400, "bad_json"),
        ('{"row": 99999999999, "cells": {}}', NDJSON, 422, "bad_row"),
        ('{"row": 0, "cells": {}}', NDJSON, 422, "bad_row"),
        ('{"row": true, "cells": {}}', NDJSON, 422, "bad_row"),
        ('{"row": 2, "cells": {"name": 7}}', NDJSON, 422, "bad_row"),
        ("[1]", NDJSON, 422, "bad_row"),
        ('{"row": 2, "cells": {"colour": "red"}}', NDJSON, 422, "unknown_field"),
        ('{"row": 2, "cells": {"\\ud800": "red"}}', NDJSON, 422, "unknown_field"),
    ]

    for body, kind, status, code in refusals:
        response = admin.post(url, data=body, content_type=kind)

        assert (response.status_code, response.json["code"]) == (status, code), body[:80]
    assert admin.get(url.replace("rows", "plan")).json["staged"] == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_body_that_hides_its_length_has_the_same_limit(admin):
    url = f"{opened(admin)}/rows"

    body = {"wsgi.input": Endless(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = admin.post(url, content_type=NDJSON, environ_overrides=body)

    assert (response.status_code, response.json["code"]) == (413, "too_large")


class Endless(RawIOBase):
    """A body without an end, that nobody may ask for all at once."""

    def readinto(self, buffer: memoryview) -> int:
        assert len(buffer) <= 2**20
        buffer[:] = b"\n" * len(buffer)
        return len(buffer)


def test_a_character_that_cannot_be_kept_is_refused_by_row_and_column(admin):
    url = opened(admin)

    sent = send(admin, url, {**CELLS, "name": "北\0门"}, {**CELLS, "address": "街\ud800"})
    plan = admin.post(f"{url}/plan").json

    assert sent.json["staged"] == 2
    assert (plan["problems"][0]["code"], plan["problems"][0]["column"]) == ("bad_character", "机构名称")


@pytest.mark.parametrize("path", ["0", "77", "999999999"])
def test_an_import_that_is_not_there_is_a_404(admin, path):
    answers = [
        admin.get(f"{URL}/{path}/plan"),
        admin.post(f"{URL}/{path}/plan"),
        admin.post(f"{URL}/{path}/apply", json={}),
        send(admin, f"{URL}/{path}", CELLS),
    ]

    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(404, "import_not_found")}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("body", "field"),
    [({"headings": {}}, "file_name"), ({"file_name": "a"}, "headings"), ({"file_name": "a", "headings": []}, "headings"),
     ({"file_name": 7, "headings": {}}, "file_name"), ({"file_name": "a", "headings": {}, "as_of": "2026-02-30"}, "as_of"),
     ({"file_name": "a", "headings": {}, "asof": "2026-02-03"}, "asof")],
)  # fmt: skip
def test_an_opening_of_the_wrong_form_is_refused_by_name(admin, body, field):
    response = admin.post(URL, json=body)

    assert response.status_code == 422
    assert [problem["field"] for problem in response.json["errors"]] == [field]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("flag", [1, "true", None, []])
def test_skipping_bad_rows_is_said_by_true_and_nothing_like_it(admin, flag):
    response = admin.post(f"{URL}/1/apply", json={"skip_bad_rows": flag})

    assert response.status_code == 422
    assert response.json["errors"][0]["field"] == "skip_bad_rows"
