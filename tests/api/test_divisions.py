"""行政区划 over HTTP: lists, one with its path, and an import that is whole or nothing."""

from dataclasses import asdict
from itertools import chain

import pytest
from flask.testing import FlaskClient

from servicemap.division_list import DivisionRow
from servicemap.models import Division
from tests.factories import NORTH_GATE, TREE, a_tree

URL = "/api/v1/divisions"
COUNTY = "441802000000"
ROWS = [asdict(DivisionRow(*row)) | {"row": number} for number, row in enumerate(TREE, 2)]


def codes(client: FlaskClient, **query: object) -> list[str]:
    response = client.get(URL, query_string=query)
    assert response.status_code == 200, response.text
    return [item["code"] for item in response.json["items"]]


def test_the_list_begins_at_the_top_and_goes_down_a_level(client):
    a_tree()

    assert codes(client) == ["441800000000"]
    assert codes(client, parent="4418") == [COUNTY, "441881000000"]
    assert codes(client, parent="441802") == ["441802001000", "441802102000"]


def test_a_level_lists_all_of_it_within_the_parent(client):
    a_tree()

    found = codes(client, parent=COUNTY, level="community")

    assert found == ["441802001001", "441802001002", "441802102200"]


def test_pages_go_on_after_the_last_code_until_none_is_left(client):
    a_tree()
    query = {"level": "community", "limit": 2}

    found, after = [], ""
    while after is not None:
        page = client.get(URL, query_string={**query, "after": after}).json
        found.append([item["code"] for item in page["items"]])
        after = page["next_after"]

    assert list(chain(*found)) == codes(client, level="community")
    assert [len(page) for page in found[:3]] == [2, 2, 2]


def test_one_says_its_path_and_its_kind(client):
    a_tree()

    one = client.get(f"{URL}/{NORTH_GATE}").json

    assert [step["name"] for step in one["path"]] == ["清远市", "清城区", "凤城街道", "北门社区"]
    assert (one["level"], one["community_kind"], one["children"]) == ("community", "residents_committee", [])
    assert client.get(f"{URL}/441802").json["children"][0]["name"] == "凤城街道"


def test_a_code_of_two_levels_is_the_higher_one_unless_the_level_says(client):
    a_tree((("441900000000", "东莞市", "city", ""), ("441900000000", "东莞市本级", "county", "441900000000")))

    levels = [client.get(f"{URL}/441900", query_string=q).json["level"] for q in ({}, {"level": "county"})]

    assert levels == ["city", "county"]


def test_a_division_that_is_not_there_is_a_404_and_as_a_filter_a_wrong_parameter(client):
    one = client.get(f"{URL}/999999")
    filtered = client.get(URL, query_string={"parent": "999999"})

    assert (one.status_code, one.json["code"]) == (404, "division_not_found")
    assert (filtered.status_code, filtered.json["errors"][0]["field"]) == (422, "parent")


def test_an_import_is_carried_out_once(admin):
    first = admin.post(URL, json={"rows": ROWS})
    again = admin.post(URL, json={"rows": ROWS})

    assert (first.status_code, first.json) == (
        200,
        {"created": len(TREE), "updated": 0, "unchanged": 0, "demo": False},
    )
    assert again.json["unchanged"] == len(TREE)
    assert codes(admin, level="county") == [COUNTY, "441881000000"]


def test_one_bad_row_leaves_everything_as_it_was_and_every_bad_one_is_named(admin):
    bad = [
        *ROWS,
        ROWS[-1] | {"row": 77, "level": "hamlet"},
        ROWS[-1] | {"row": 78, "code": "", "valid_from": "soon"},
    ]

    response = admin.post(URL, json={"rows": bad})

    assert (response.status_code, response.json["code"]) == (422, "bad_rows")
    assert {problem["row"] for problem in response.json["errors"]} == {77, 78}
    assert Division.select().count() == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "rows"), ({"rows": 1}, "rows"), ({"rows": [1]}, "rows.0"), ({"rows": [{"row": -1}]}, "rows.0.row"),
     ({"rows": [{**ROWS[0], "colour": "red"}]}, "rows.0.colour"), ({"rows": [{**ROWS[0], "code": 44}]}, "rows.0.code"),
     ({"rows": [{**ROWS[0], "name": "\x00"}]}, "rows.0.name"), ({"rows": [{**ROWS[0], "name": None}]}, "rows.0.name")],
)  # fmt: skip
def test_a_body_of_the_wrong_form_is_refused_where_it_is_wrong(admin, body, field):
    response = admin.post(URL, json=body)

    assert response.status_code == 422
    assert field in {problem["field"] for problem in response.json["errors"]}
    assert response.json["detail"].startswith("参数有误")
