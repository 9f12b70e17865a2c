"""Many records corrected at once: which ones, what is planned, and that it is all of it or nothing."""

import json

import pytest
from flask.testing import FlaskClient

from servicemap import bulk, db, divisions, records, tokens
from servicemap.access import SEED
from tests.factories import TODAY, a_change, a_place, a_tree, a_type

URL = "/api/v1/facilities/bulk"
CITY, MINE = "441800000000", "441802000000"


@pytest.fixture
def ask(admin: FlaskClient):
    """ask(key or None, **body) → the answer; in the whole city and with a reason, unless said."""

    def asked(key: str | None = None, **body):
        headers = {"Idempotency-Key": key} if key else {}
        return admin.post(URL, json={"division": CITY, "reason": "统一核对", **body}, headers=headers)

    return asked


def now(place: records.Record) -> records.Record:
    return records.load([place.id])[place.id]


def changes(place: records.Record) -> list[tuple[str, str | None]]:
    """(action, reason) of each change after it was made."""
    rows = db.query("SELECT action, diff FROM change WHERE key = ? ORDER BY seq", (place.code,))
    return [(action, json.loads(diff).get("reason", [None, None])[1]) for action, diff in rows[1:]]


def test_the_filter_meets_what_stands_there_is_of_the_type_lacks_the_field_and_is_open(ask):
    wanted = a_place("甲")
    other_type = a_place("乙", types=("childrens_home",))
    has_hours = a_place("丙", hours="周一 9:00-17:00")
    elsewhere = a_place("丁", division="441881101201")
    closed = a_place("戊", closed_on=TODAY)
    body = {"division": MINE, "type": "家长学校", "where": {"hours": None}, "cells": {"phone": "12355"}}

    plan = ask(**body).json
    with_closed = ask(**body, closed=True).json

    assert [row["code"] for row in plan["changes"]] == [wanted.code]
    assert [row["code"] for row in with_closed["changes"]] == [wanted.code, closed.code]
    assert (plan["matched"], plan["applied"]) == (1, False)
    assert {now(place).phone for place in (wanted, other_type, has_hours, elsewhere)} == {None}


def test_where_compares_with_what_an_export_writes(ask):
    free, paid = a_place("甲", fee="free"), a_place("乙", fee="paid", phone="0763-3360000")

    by_fee = ask(where={"fee": "免费"}, verb="verify").json
    by_phone = ask(where={"phone": "０７６３-3360000"}, verb="verify").json
    unknown = ask(where={"colour": "红"}, verb="verify")

    assert [row["code"] for row in by_fee["changes"]] == [free.code]
    assert [row["code"] for row in by_phone["changes"]] == [paid.code]
    assert (unknown.status_code, unknown.json["code"]) == (422, "unknown_field")


def test_all_are_changed_as_one_is_with_a_row_of_audit_each(ask):
    places = [a_place(name, verified_on=TODAY) for name in ("甲", "乙")]
    same = a_place("丙", note="暑假开放")
    body = {"cells": {"note": "暑假开放", "fee": "免费"}, "type": "家长学校", "where": {"phone": None}}
    a_change(same, types=("parent_school",), fee="free")

    plan = ask(**body).json
    done = ask(**body, apply=True, seq=plan["seq"]).json

    assert (plan["changed"], plan["unchanged"], plan["voided"]) == (2, 1, 0)
    assert (done["changed"], done["applied"], done["changes"]) == (2, True, plan["changes"])
    for place in places:
        after = now(place)
        assert (after.note, after.roles[0].fee, after.version) == ("暑假开放", "free", 2)
        assert after.held == {"note": str(TODAY), "parent_school.fee": str(TODAY)}
        assert changes(place) == [("update", "统一核对")]
    assert changes(same) == [("update", None)]


def test_a_material_change_voids_what_was_verified_and_the_plan_says_so(ask):
    place = a_place(verified_on=TODAY)
    body = {"verb": "close", "on": "2026-11-01", "type": ["家长学校"]}

    plan = ask(**body).json
    ask(**body, apply=True, seq=plan["seq"])

    after = now(place)
    assert plan["voided"] == 1
    assert (str(after.roles[0].closed_on), after.roles[0].closed_reason) == ("2026-11-01", "统一核对")
    assert after.verified_on is None
    assert changes(place) == [("close", "统一核对")]


def test_one_that_is_refused_stops_all_unless_it_is_left_out(ask):
    early, late = a_place("早", opened_on=TODAY), a_place("晚")
    body = {"verb": "close", "on": "2026-01-01"}

    plan = ask(**body).json
    refused = ask(**body, apply=True, seq=plan["seq"])
    untouched = now(late).roles[0].closed_on
    done = ask(**body, apply=True, seq=plan["seq"], skip_bad=True)

    assert [(row["facility"], row["code"]) for row in plan["refused"]] == [
        (early.code, "closed_before_opened")
    ]
    assert (refused.status_code, refused.json["code"], untouched) == (422, "bad_records", None)
    assert early.code in refused.json["errors"][0]["detail"]
    assert (done.json["changed"], done.json["refused_total"]) == (1, 1)
    assert now(late).roles[0].closed_on
    assert not now(early).roles[0].closed_on


def test_what_is_so_already_needs_no_mending(ask):
    verified, closed = a_place("甲", verified_on=TODAY), a_place("乙", closed_on=TODAY)

    verify = ask(verb="verify").json
    close = ask(verb="close", closed=True, where={"name": closed.name}).json

    assert (verify["matched"], verify["unchanged"], verify["refused"]) == (1, 1, [])
    assert (close["matched"], close["unchanged"], close["refused"]) == (1, 1, [])
    assert now(verified).version == 1


def test_a_plan_that_the_registry_has_left_behind_is_not_carried_out(ask):
    place = a_place()
    body = {"cells": {"phone": "12355"}}
    plan = ask(**body).json
    a_change(place, note="别人改的")

    stale = ask(**body, apply=True, seq=plan["seq"])
    without = ask(**body, apply=True)

    assert (stale.status_code, stale.json["code"]) == (409, "plan_stale")
    assert (without.status_code, without.json["errors"][0]["field"]) == (422, "seq")
    assert now(place).phone is None


def test_a_request_that_is_sent_again_is_done_once(ask):
    place = a_place()
    body = {"cells": {"phone": "12355"}}
    body |= {"apply": True, "seq": ask(**body).json["seq"]}

    answers = [ask(key="k1", **body) for _ in range(3)]
    reused = ask(key="k1", **body | {"cells": {"phone": "12356"}})

    assert [answer.json for answer in answers] == [answers[0].json] * 3
    assert (answers[0].json["changed"], now(place).version) == (1, 2)
    assert reused.json["code"] == "idempotency_key_reused"


def test_a_county_changes_its_own_places_alone(client):
    mine, other = a_place("一"), a_place("二", division="441881101201")
    issued = tokens.issue(
        SEED, label="清城", role="editor", division=divisions.get(MINE), expires_on=None, today=TODAY
    )
    headers = {"Authorization": f"Bearer {issued.secret}"}

    def sent(**body):
        return client.post(URL, json={"reason": "核对", **body}, headers=headers)

    whole = sent(division=CITY, cells={"phone": "12355"})
    away = sent(division=MINE, cells={"division": "441881101201"})
    own = sent(division=MINE, cells={"phone": "12355"})
    sent(division=MINE, cells={"phone": "12355"}, apply=True, seq=own.json["seq"])

    assert [(answer.status_code, answer.json["code"]) for answer in (whole, away)] == [
        (403, "out_of_scope")
    ] * 2
    assert (now(mine).phone, now(other).phone) == ("12355", None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"cells": {"name": "都叫这个"}}, "not_shared"),
        ({"cells": {"lng": "113.05", "lat": "23.68", "datum": "gcj02"}}, "not_shared"),
        ({"cells": {"colour": "红"}}, "unknown_field"),
        ({"cells": {}}, "bad_parameters"),
        ({"cells": {"phone": "12355"}, "on": "2026-01-01"}, "bad_parameters"),
        ({"verb": "close", "cells": {"phone": "12355"}}, "bad_parameters"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_looked_at(ask, body, code):
    a_place()

    answer = ask(**body)

    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_what_is_wrong_with_a_field_is_said_of_each_place(ask):
    a_tree()
    a_type("childrens_home")
    place, two = a_place("甲"), a_place("乙", types=("parent_school", "childrens_home"))

    bad = ask(cells={"phone": "无"}).json
    unclear = ask(cells={"fee": "免费"}).json

    assert [row["facility"] for row in bad["refused"]] == [place.code, two.code]
    assert "不像电话号码" in bad["refused"][0]["detail"]
    assert [row["facility"] for row in unclear["refused"]] == [two.code]


def test_a_filter_has_its_bounds(ask, monkeypatch):
    places = [a_place(f"{number} 号") for number in range(5)]
    monkeypatch.setattr(bulk, "PAGE", 2)
    body = {"cells": {"phone": "12355"}}

    first = ask(**body, limit=3).json
    monkeypatch.setattr(bulk, "MOST", 4)
    too_many = ask(**body)

    assert [row["code"] for row in first["changes"]] == [place.code for place in places[:3]]
    assert (too_many.status_code, too_many.json["code"]) == (422, "too_many_records")
