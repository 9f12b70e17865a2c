"""Changes of divisions over HTTP: a plan until it is applied, for those with the right alone."""

import pytest

from servicemap.audit import head_seq
from servicemap.models import Division
from tests.factories import NORTH_GATE, TREE, a_place, a_tree

URL = "/api/v1/division-changes"
SOUTH, GREAT, STREET = "441802001002", "441802001009", "441802001000"
MERGER = {
    "codes": [NORTH_GATE, SOUTH],
    "into": GREAT,
    "name": "大北门社区",
    "on": "2026-03-01",
    "reason": "合并",
    "document": "清民〔2026〕3号",
}
SPLIT = {
    "code": NORTH_GATE,
    "into": [{"code": GREAT, "name": "东北门社区"}, {"code": "441802001008", "name": "西北门社区"}],
    "on": "2026-03-01",
}
RENAMING = {"code": NORTH_GATE, "name": "光明社区", "on": "2026-03-01"}
EDITION = {
    "rows": [dict(zip(("code", "name", "level", "parent_code"), row, strict=True)) for row in TREE[:-1]],
    "on": "2026-03-01",
}
EVERY = {"merge": MERGER, "split": SPLIT, "rename": RENAMING, "edition": EDITION}


@pytest.mark.parametrize("kind", EVERY)
def test_a_plan_is_shown_and_then_carried_out_as_shown(admin, kind):
    a_tree()
    before = head_seq()

    plan = admin.post(f"{URL}/{kind}", json=EVERY[kind])
    seen = head_seq()
    done = admin.post(f"{URL}/{kind}", json={**EVERY[kind], "apply": True, "seq": plan.json["seq"]})

    assert (plan.status_code, plan.json["applied"], plan.json["problems"], seen) == (200, False, [], before)
    assert plan.json["divisions"]
    assert (done.status_code, done.json["applied"]) == (200, True)
    assert done.json == {**plan.json, "applied": True}
    assert head_seq() > before


def test_what_came_before_and_after_is_told_with_day_and_document(admin, client):
    a_tree()
    admin.post(f"{URL}/rename", json={**RENAMING, "on": "2025-01-01", "document": "旧文"})
    admin.post(f"{URL}/merge", json={**MERGER, "apply": True})
    admin.post(f"{URL}/rename", json={**RENAMING, "code": GREAT, "on": "2026-06-01", "apply": True})

    old, new = (client.get(f"/api/v1/divisions/{code}").json for code in (NORTH_GATE, GREAT))

    assert (old["valid_to"], new["valid_from"]) == ("2026-03-01", "2026-03-01")
    assert old["successors"] == [
        {
            "code": GREAT,
            "name": "光明社区",
            "level": "community",
            "on": "2026-03-01",
            "document": "清民〔2026〕3号",
        }
    ]
    assert [each["code"] for each in new["predecessors"]] == [NORTH_GATE, SOUTH]
    assert new["former_names"] == [{"name": "大北门社区", "to_on": "2026-06-01", "document": None}]
    assert client.get(f"/api/v1/divisions/{GREAT}?on=2026-02-28").status_code == 404
    below = client.get(f"/api/v1/divisions/{STREET}?on=2026-02-28").json["children"]
    assert [child["code"] for child in below] == [NORTH_GATE, SOUTH]


def test_a_plan_that_is_no_longer_true_is_refused(admin):
    a_tree()
    plan = admin.post(f"{URL}/merge", json=MERGER).json
    a_place()

    late = admin.post(f"{URL}/merge", json={**MERGER, "apply": True, "seq": plan["seq"]})

    assert (late.status_code, late.json["code"]) == (409, "plan_stale")


def test_what_is_wrong_is_told_in_the_plan_and_refused_when_applied(admin):
    a_tree()
    place = a_place()

    plan = admin.post(f"{URL}/split", json=SPLIT)
    refused = admin.post(f"{URL}/split", json={**SPLIT, "apply": True})

    assert [problem["code"] for problem in plan.json["problems"]] == ["undecided_places"]
    assert [(each["code"], each["to_code"]) for each in plan.json["places"]] == [(place.code, None)]
    assert (refused.status_code, refused.json["code"]) == (422, "bad_change")
    assert refused.json["errors"] == plan.json["problems"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", EVERY)
def test_nobody_changes_divisions_without_the_right(client, kind):
    a_tree()

    response = client.post(f"{URL}/{kind}", json={**EVERY[kind], "apply": True})

    assert response.status_code == 401
    assert Division.select().count() == len(TREE)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("merge", {"on": None}, "on"),
        ("merge", {"on": "2026-02-30"}, "on"),
        ("merge", {"codes": 7}, "codes"),
        ("split", {"into": [{"code": GREAT}]}, "into.0.name"),
        ("split", {"places": []}, "places"),
        ("rename", {"apply": "yes"}, "apply"),
        ("edition", {"rows": [{"colour": "red"}]}, "rows.0.colour"),
    ],
)
def test_a_body_of_the_wrong_form_is_refused_where_it_is_wrong(admin, kind, change, field):
    a_tree()

    response = admin.post(f"{URL}/{kind}", json={**EVERY[kind], **change})

    assert response.status_code == 422
    assert field in {problem["field"] for problem in response.json["errors"]}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "emptied", "code"),
    [
        ("merge", {"codes": []}, "missing_codes"),
        ("merge", {"name": ""}, "missing_name"),
        ("merge", {"into": ""}, "bad_change"),
        ("split", {"into": []}, "too_few_successors"),
        ("rename", {"name": ""}, "bad_change"),
        ("rename", {"code": ""}, "unknown_division"),
        ("edition", {"rows": []}, "bad_change"),
    ],
)
def test_what_is_empty_changes_nothing(admin, kind, emptied, code):
    a_tree()

    response = admin.post(f"{URL}/{kind}", json={**EVERY[kind], **emptied, "apply": True})

    assert (response.status_code, response.json["code"]) == (422, code)
    assert Division.select().where(Division.valid_to.is_null()).count() == len(TREE)
