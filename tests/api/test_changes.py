"""An app keeps a copy up to date over HTTP."""

import json

from servicemap.audit import head_seq
from tests.factories import TODAY, a_change, a_place

ONLY_NEARBY = {"datum", "demo", "status", "opening"}


def pairs_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs), "a key stands twice"
    return dict(pairs)


def test_anybody_reads_what_changed_since_a_seq(client):
    a_place("甲")
    since = head_seq()
    place = a_place("乙")

    response = client.get(f"/api/v1/changes?since={since}")

    answer = json.loads(response.data, object_pairs_hook=pairs_once)
    assert response.status_code == 200
    [entry] = answer.pop("items")
    assert answer == {
        "next_since": head_seq(), "head_seq": head_seq(), "renamed_seq": None, "datum": "wgs84", "demo": False,
    }  # fmt: skip
    assert entry["changed_at"].endswith("Z")
    assert (entry["seq"], entry["code"], entry["marker_id"]) == (head_seq(), place.code, place.id)
    assert (entry["action"], entry["item"]["name"]) == ("upsert", "乙")


def test_an_item_is_the_place_as_the_detail_answers_it(client):
    place = a_place(precision="community")

    item = client.get("/api/v1/changes").json["items"][-1]["item"]

    detail = client.get(f"/api/v1/facilities/{place.code}").json
    shared = item.keys() & detail.keys()
    assert shared >= {"code", "name", "roles", "division", "lat", "lng", "approximate", "phone", "hours"}
    assert {key: item[key] for key in shared} == {key: detail[key] for key in shared}


def test_pages_go_on_by_next_since(client):
    codes = [a_place(f"第 {number} 家").code for number in range(3)]

    found, since = [], 0
    for _ in range(3):
        page = client.get(f"/api/v1/changes?since={since}&limit=1").json
        found += [entry["code"] for entry in page["items"]]
        since = page["next_since"]

    assert found == codes
    assert since == page["head_seq"]


def test_a_closed_place_is_gone_with_its_reason(client):
    place = a_place()
    a_change(place, types=["parent_school"], closed_on=TODAY, closed_reason="并入南门社区")

    entry = client.get("/api/v1/changes").json["items"][-1]

    assert (entry["action"], entry["closed_on"], entry["reason"]) == ("gone", str(TODAY), "并入南门社区")
    assert "item" not in entry


def test_a_seq_from_another_life_of_the_registry_is_refused_with_a_cure(client):
    response = client.get(f"/api/v1/changes?since={head_seq() + 1}")

    assert response.status_code == 422
    [problem] = response.json["errors"]
    assert (problem["code"], problem["field"]) == ("since_ahead", "since")
    assert "/api/v1/dump" in problem["cure"]
