"""The files of the newest dump over HTTP."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from servicemap import dump
from servicemap.audit import head_seq
from tests.api.conftest import NOON
from tests.factories import TODAY, a_change, a_place


@pytest.fixture
def client(door, tmp_path):
    return door(dump_folder=str(tmp_path / "dump"))


def build(tmp_path: Path, after: timedelta = timedelta(0)) -> None:
    dump.build(tmp_path / "dump", NOON + after, TODAY)


def fetched(client: FlaskClient, file: dict, **options) -> TestResponse:
    return client.get(file["href"], buffered=True, **options)  # else the file stays open


def test_before_the_first_dump_the_answer_says_how_to_make_one(client):
    response = client.get("/api/v1/dump")

    assert response.status_code == 404
    assert response.json["code"] == "no_dump"
    assert "servicemap-admin dump build" in response.json["detail"]


def test_the_index_leads_to_every_file(client, tmp_path):
    a_place()
    a_place("沙口家长学校", division="441881101201")
    build(tmp_path)

    index = client.get("/api/v1/dump").json

    assert (index["seq"], index["places"], index["datum"], index["demo"]) == (head_seq(), 2, "wgs84", False)
    assert [file["kind"] for file in index["files"]] == ["geojson", "slice", "slice", "sqlite"]
    for file in index["files"]:
        body = fetched(client, file).data
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file["size"], file["sha256"])


def test_a_division_gives_the_slices_of_its_county(client, tmp_path):
    a_place()
    place = a_place("沙口家长学校", division="441881101201")
    build(tmp_path)

    [file] = client.get("/api/v1/dump?division=441881101000").json["files"]

    assert (file["division"], file["division_name"]) == ("441881000000", "英德市")
    answer = fetched(client, file)
    assert [item["code"] for item in answer.json["items"]] == [place.code]
    assert answer.mimetype == "application/json"


def test_a_division_that_there_is_not_is_a_wrong_parameter(client, tmp_path):
    build(tmp_path)

    response = client.get("/api/v1/dump?division=999999")

    assert response.status_code == 422
    assert response.json["errors"][0]["field"] == "division"


def test_a_file_may_be_kept_for_a_day_asked_for_again_and_taken_in_pieces(client, tmp_path):
    a_place()
    build(tmp_path)
    file = client.get("/api/v1/dump").json["files"][0]

    whole = fetched(client, file)
    again = fetched(client, file, headers={"If-None-Match": whole.headers["ETag"]})
    piece = fetched(client, file, headers={"Range": "bytes=2-5"})

    assert whole.headers["ETag"] == f'"{head_seq()}-{file["sha256"][:32]}"'
    assert whole.headers["Cache-Control"] == "public, max-age=86400"
    assert (again.status_code, again.data) == (304, b"")
    assert (piece.status_code, piece.data) == (206, whole.data[2:6])


@pytest.mark.parametrize(
    "name", ["index.json", ".lock", "..%2Fregistry.db", "%2Fetc%2Fpasswd", "..", "%00", "x" * 99, "x" * 101]
)
def test_nothing_else_is_served(client, tmp_path, name):
    a_place()
    build(tmp_path)

    response = client.get(f"/api/v1/dump/{name}")

    assert response.status_code == 404
    assert "json" in response.mimetype


def test_who_still_reads_the_dump_before_gets_its_files(client, tmp_path):
    a_place()
    build(tmp_path)
    old = client.get("/api/v1/dump").json["files"]

    build(tmp_path, timedelta(1))

    new = client.get("/api/v1/dump").json["files"]
    assert {file["name"] for file in old}.isdisjoint(file["name"] for file in new)
    assert {fetched(client, file).status_code for file in (*old, *new)} == {200}


def test_no_dump_is_given_in_which_a_place_stands_that_was_hidden_since(client, tmp_path):
    place = a_place()
    build(tmp_path)
    old = client.get("/api/v1/dump").json["files"]
    build(tmp_path, timedelta(1))
    new = client.get("/api/v1/dump").json["files"]

    a_change(place, visibility="contact_only")
    index = client.get("/api/v1/dump")
    statuses = {fetched(client, file).status_code for file in (*old, *new)}
    build(tmp_path, timedelta(2))
    rebuilt = client.get("/api/v1/dump").json

    assert (index.status_code, index.json["code"], statuses) == (404, "no_dump", {404})
    assert rebuilt["places"] == 0
    assert {fetched(client, file).status_code for file in rebuilt["files"]} == {200}
    assert {fetched(client, file).status_code for file in old + new} == {404}


def test_a_copy_goes_on_from_the_dump_by_the_changes_since_its_seq(client, tmp_path):
    a_place("甲")
    build(tmp_path)
    place = a_place("乙")

    index = client.get("/api/v1/dump").json
    entries = client.get(f"/api/v1/changes?since={index['seq']}").json["items"]

    assert [entry["code"] for entry in entries] == [place.code]
    slice_ = next(file for file in index["files"] if file["kind"] == "slice")
    [item] = json.loads(fetched(client, slice_).data)["items"]
    assert item.keys() == entries[0]["item"].keys()
