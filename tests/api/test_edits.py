"""One record corrected by hand: what changes, what that does to trust and imports, and who was first."""

import pytest

from servicemap import db, facts, records
from servicemap.access import SEED
from servicemap.config import Settings
from servicemap.facility_types import Kinds
from servicemap.imports.plan import make_plan
from tests.factories import LAT, LNG, TODAY, a_batch, a_place, a_tree, a_type

URL = "/api/v1/facilities"
NEW = {"name": "新家", "division": "441802001001", "type": "家长学校"}


def record_of(place: records.Record) -> records.Record:
    return records.load([place.id])[place.id]


def test_a_field_is_changed_and_another_emptied(send):
    place = a_place(phone="0763-1", hours="周一至周五 9:00-17:00")

    answer = send("", place.code, 1, phone="0763-3360000", hours=None)

    after = record_of(place)
    assert (answer.status_code, answer.json["version"], answer.headers["ETag"]) == (200, 2, '"2"')
    assert (after.phone, after.hours) == ("0763-3360000", None)
    assert db.query("SELECT action, actor FROM change ORDER BY seq DESC LIMIT 1") == [
        ("update", "li@civil-affairs")
    ]


def test_who_saw_an_older_version_gets_the_present_one_and_what_others_did(send):
    place = a_place(phone="0763-1")
    send("", place.code, 1, phone="0763-2222222")

    stale = send("", place.code, 1, phone="0763-3333333")
    without = send("", place.code, None, phone="0763-3333333")

    assert (stale.status_code, stale.json["code"]) == (412, "stale")
    assert stale.json["current"]["version"] == 2
    assert stale.json["current"]["items"][0]["phone"] == "0763-2222222"
    assert [row["changed"]["phone"] for row in stale.json["changes"]] == [["0763-1", "0763-2222222"]]
    assert (without.status_code, without.json["code"]) == (428, "version_required")
    assert record_of(place).phone == "0763-2222222"


def test_a_write_that_is_sent_again_is_done_once(send, admin):
    place = a_place()
    body = {"json": {**NEW, "reason": "新设"}, "headers": {"Idempotency-Key": "k1"}}

    added = [admin.post(URL, **body) for _ in range(3)]
    closed = [send("close", place.code, 1, key="k2", on="2026-11-01") for _ in range(3)]
    reused = send("close", place.code, 1, key="k2", on="2026-10-01")

    assert [answer.json for answer in added] == [added[0].json] * 3
    assert [answer.json for answer in closed] == [closed[0].json] * 3
    assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    assert db.query("SELECT COUNT(*) FROM facility WHERE name = '新家'") == [(1,)]
    assert record_of(place).version == 2


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"phone": "0763-3360000"}, True),
        ({"hours": "24小时"}, True),
        ({"lng": LNG + 0.001, "lat": LAT, "datum": "wgs84"}, True),  # 100 m
        ({"lng": LNG + 0.003, "lat": LAT, "datum": "wgs84"}, False),
        ({"lng": None}, False),
        ({"name": "另一个名字"}, False),
        ({"division": "441802001002"}, False),
        ({"type": "儿童之家", "opened_on": "2026-01-01"}, False),
    ],
)
def test_what_was_looked_at_is_no_longer_verified_once_it_changes(send, change, kept):
    a_type("childrens_home")
    place = a_place(verified_on=TODAY)

    answer = send("", place.code, 1, **change)

    assert answer.status_code == 200, answer.json
    assert (record_of(place).verified_on == TODAY) == kept


def test_verified_again_after_the_change(send):
    place = a_place(verified_on=TODAY)
    send("", place.code, 1, name="另一个名字")

    again = send("verify", place.code, 2)
    twice = send("verify", place.code, 3)
    ahead = send("verify", place.code, 3, on="2030-01-01")

    assert again.json["items"][0]["verified_on"] == str(TODAY)
    assert record_of(place).verified_on == TODAY
    assert (twice.status_code, twice.json["code"]) == (409, "already_verified")
    assert (ahead.status_code, ahead.json["code"]) == (422, "future_date")


def test_a_place_closes_reopens_rests_and_goes_on(send, client):
    place = a_place(opened_on=None)

    steps = [
        send("close", place.code, 1, on="2026-10-01"),
        send("reopen", place.code, 2, on="2026-11-01"),
        send("suspend", place.code, 3, from_on="2026-11-20", to_on="2026-12-01"),
    ]
    resting = client.get(f"{URL}/{place.code}").json
    resumed = send("resume", place.code, 4, on="2026-11-23")

    assert [step.status_code for step in steps] == [200] * 3
    roles = record_of(place).roles
    assert [(str(role.opened_on), str(role.closed_on)) for role in roles] == [
        ("None", "2026-10-01"),
        ("2026-11-01", "None"),
    ]
    assert (resting["status"], resumed.status_code) == ("suspended", 200)
    assert client.get(f"{URL}/{place.code}").json["status"] == "open"
    wrong = {
        send("close", place.code, 5, on="2026-10-05").json["code"],
        send("reopen", place.code, 5).json["code"],
        send("resume", place.code, 5).json["code"],
        send("suspend", place.code, 5, from_on="2026-12-02", to_on="2026-12-01").json["code"],
    }
    assert wrong == {"closed_before_opened", "not_closed", "not_suspended", "suspension_upside_down"}


def test_the_export_of_a_place_that_was_closed_and_reopened_changes_nothing(send, settings):
    place = a_place(opened_on=None)
    send("close", place.code, 1, on="2026-10-01")
    send("reopen", place.code, 2, on="2026-11-01")

    rows = facts.rows_of([record_of(place)], Kinds())
    later = make_plan(SEED, a_batch(rows, as_of=TODAY.replace(day=24)).id, settings, TODAY)

    assert [row.get("closed_on") for row in rows] == ["2026-10-01", None]
    assert (later.changes, later.kept, later.counts["unchanged"]) == ([], [], 1)


def test_a_plaque_becomes_another_on_its_day(send):
    a_type("childrens_home")
    place = a_place(phone="0763-3360000", fee="free")

    answer = send("convert", place.code, 1, old_type="家长学校", new_type="儿童之家", on="2026-11-01")

    assert [(row["type"], row.get("opened_on"), row.get("closed_on")) for row in answer.json["items"]] == [
        ("家长学校", None, "2026-11-01"),
        ("儿童之家", "2026-11-01", None),
    ]
    again = send("convert", place.code, 2, old_type="儿童之家", new_type="儿童之家")
    assert (again.status_code, again.json["code"]) == (409, "already_of_type")


def test_after_a_merger_the_old_code_answers_with_the_one_that_stays(send, client, admin):
    a_type("childrens_home")
    gone = a_place("旧登记", types=("parent_school", "childrens_home"), phone="0763-3360000")
    stays = a_place("新登记", phone=None)

    answer = send("merge", gone.code, 1, into=stays.code)

    assert answer.json["code"] == stays.code
    assert {row["type"] for row in answer.json["items"]} == {"家长学校", "儿童之家"}
    assert answer.json["items"][0]["phone"] == "0763-3360000"
    assert client.get(f"{URL}/{gone.code}").json["code"] == stays.code
    assert admin.get(f"{URL}/{gone.code}/history").json["items"][0]["action"] == "merge"
    assert [i["code"] for i in client.get(URL, query_string={"q": "登记"}).json["items"]] == [stays.code]
    assert send("merge", stays.code, 2, into=gone.code).json["code"] == "same_facility"


def test_a_new_place_is_read_as_an_import_reads_it(admin):
    a_tree()
    a_type()

    added = admin.post(
        URL, json={**NEW, "lat": 23.6842, "lng": 113.0561, "datum": "gcj02", "phone_public": False}
    )
    again = admin.post(URL, json=NEW)
    wrong = admin.post(URL, json={**NEW, "name": "x", "type": "家长学效", "lat": 23.6, "credit_code": "91"})

    assert (added.status_code, added.json["version"]) == (201, 1)
    assert (again.status_code, again.json["code"]) == (409, "already_exists")
    assert {problem["code"] for problem in wrong.json["errors"]} == {
        "unknown_type",
        "one_coordinate",
        "bad_credit_code",
    }


def test_a_phone_that_is_not_public_is_shown_to_nobody(send, client):
    place = a_place(phone="0763-3360000")

    send("", place.code, 1, phone_public=False)

    assert client.get(f"{URL}/{place.code}").json["phone"] is None
    assert "3360000" not in client.get(URL).text


@pytest.mark.parametrize("code", ["91350100M000100Y43", "12441800MB2C12345"])
def test_the_check_character_of_a_credit_code_is_looked_at(send, code):
    place = a_place()

    answer = send("", place.code, 1, credit_code=code)

    assert (answer.status_code == 200) == (code == "91350100M000100Y43"), answer.json


def test_whose_fields_are_meant_must_be_said_where_there_are_several_plaques(send):
    a_type("childrens_home")
    place = a_place(types=("parent_school", "childrens_home"))

    unsaid = send("", place.code, 1, fee="免费")
    said = send("", place.code, 1, fee="免费", type="儿童之家")
    emptied = send("", place.code, 2, fee=None, type="儿童之家")

    assert unsaid.json["errors"][0]["code"] == "which_type"
    assert [row.get("fee") for row in said.json["items"]] == [None, "免费"]
    assert [row.get("fee") for row in emptied.json["items"]] == [None, None]


@pytest.mark.parametrize("field", ["name", "type", "division", "source"])
def test_what_a_record_cannot_do_without_is_not_emptied(send, field):
    place = a_place()

    answer = send("", place.code, 1, **{field: None})

    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "cannot_be_empty")


def test_a_correction_by_hand_survives_an_older_file(send, settings: Settings):
    place = a_place(phone="0763-1", address="旧址")
    send("", place.code, 1, phone="0763-3360000")
    row = {"code": place.code, "name": place.name, "phone": "0763-9999999", "address": "新址"}

    old = make_plan(SEED, a_batch([row], as_of=TODAY).id, settings, TODAY)
    later = make_plan(SEED, a_batch([row], as_of=TODAY.replace(day=24)).id, settings, TODAY)

    assert [change["changed"] for change in old.changes] == [{"address": ["旧址", "新址"]}]
    assert [(kept["field"], kept["kept"], kept["in_file"]) for kept in old.kept] == [
        ("phone", "0763-3360000", "0763-9999999")
    ]
    assert later.changes[0]["changed"]["phone"] == ["0763-3360000", "0763-9999999"]
    assert later.kept == []


def test_history_tells_who_did_what_and_why(send, admin, client):
    place = a_place(phone="0763-1")
    send("", place.code, 1, phone="0763-3360000")

    rows = admin.get(f"{URL}/{place.code}/history").json["items"]

    assert [(row["action"], row["actor"], row["door"]) for row in rows] == [
        ("update", "li@civil-affairs", "cli"),
        ("create", "seed", "seed"),
    ]
    assert rows[0]["changed"]["reason"] == [None, "电话核对"]
    assert client.get(f"{URL}/{place.code}/history").status_code == 401


def test_a_mini_program_may_patch_by_post(admin):
    place = a_place(phone="0763-1")
    headers = {"If-Match": '"1"', "X-HTTP-Method-Override": "PATCH"}

    answer = admin.post(f"{URL}/{place.code}", json={"phone": "0763-3360000", "reason": "x"}, headers=headers)

    assert (answer.status_code, record_of(place).phone) == (200, "0763-3360000")


def test_what_changes_nothing_makes_no_version(send):
    place = a_place(phone="0763-1")
    seq = db.query("SELECT seq FROM change_head")

    answer = send("", place.code, 1, phone="0763-1")

    assert (answer.status_code, answer.json["version"]) == (200, 1)
    assert db.query("SELECT seq FROM change_head") == seq


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": "x"},
        {"If-Match": "*"},
        {"If-Match": '"-1"'},
        {"If-Match": '"1"', "Idempotency-Key": "字"},
    ],
)
def test_a_version_or_key_that_is_none_has_a_word(admin, headers):
    place = a_place()

    answer = admin.patch(f"{URL}/{place.code}", json={"reason": "x"}, headers=headers)

    assert answer.status_code in (422, 428)
    assert answer.json["detail"]
