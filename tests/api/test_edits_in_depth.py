"""What a correction must not do besides: leak, pull in strangers, lose what was known, guess."""

from datetime import date, datetime, time

import pytest
from flask.testing import FlaskClient

from servicemap import db, divisions
from servicemap.access import SEED
from servicemap.app import ACTOR_KEY, create_app
from servicemap.audit import write_txn
from servicemap.imports.plan import make_plan
from tests.api.conftest import ADMIN
from tests.api.test_edits import NEW, URL, record_of
from tests.api.test_rights import MINE, OTHER
from tests.factories import LAT, LNG, TODAY, a_batch, a_change, a_place, a_tree, a_type

THERE = "441881101201"  # in OTHER


@pytest.fixture
def mine(client: FlaskClient, bearer):
    """mine(verb or "", code, version, **body): the same from an editor of MINE."""
    headers = bearer("editor", MINE)

    def sent(verb: str, code: str, version: int, **body):
        given = {**headers, "If-Match": f'"{version}"'}
        if verb:
            return client.post(f"{URL}/{code}/{verb}", json={"reason": "x", **body}, headers=given)
        return client.patch(f"{URL}/{code}", json={"reason": "x", **body}, headers=given)

    return sent


def test_a_stale_version_shows_a_stranger_nothing(mine):
    other = a_place("别处", division=THERE, phone="0763-8888888", visibility="contact_only")

    answer = mine("", other.code, 99, phone="0763-1111111")

    assert (answer.status_code, answer.json["code"]) == (403, "out_of_scope")
    assert "8888888" not in answer.text


def test_a_version_that_is_not_yet_tells_no_changes(send):
    place = a_place()

    answer = send("", place.code, 7, phone="0763-1111111")

    assert (answer.status_code, answer.json["changes"]) == (412, [])


def test_nobody_lets_a_place_serve_what_is_not_theirs(mine, send):
    place = a_place()

    pulled = mine("", place.code, 1, serves=THERE)
    given = send("", place.code, 1, serves=THERE)
    kept = mine("", place.code, 2, serves=f"{THERE}、441802001002")

    assert (pulled.status_code, pulled.json["code"]) == (403, "out_of_scope")
    assert (given.status_code, kept.status_code) == (200, 200)


def test_a_place_is_moved_neither_out_of_ones_scope_nor_into_it(mine):
    here, there = a_place("这里"), a_place("那里", division=THERE)

    answers = [
        mine("", here.code, 1, division=THERE),
        mine("", there.code, 1, division="441802001001"),
        mine("merge", here.code, 1, into=there.code),
        mine("merge", there.code, 1, into=here.code),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert (record_of(here).version, record_of(there).version) == (1, 1)


def test_the_history_of_what_was_merged_belongs_to_where_it_stood(send, client, bearer):
    gone, stays = a_place("旧", division=THERE, phone="0763-8888888"), a_place("新")
    send("merge", gone.code, 1, into=stays.code)
    url = f"{URL}/{gone.code}/history"

    mine, other = (client.get(url, headers=bearer("viewer", scope)) for scope in (MINE, OTHER))

    assert (mine.status_code, other.status_code) == (403, 200)
    assert other.json["items"][0]["changed"]["merged_into"] == [None, stays.code]


def test_a_merger_does_not_bring_a_hidden_place_to_light(send):
    hidden, public = a_place("庇护", visibility="contact_only"), a_place("公开", lng=None)

    answers = [send("merge", a.code, 1, into=b.code) for a, b in ((hidden, public), (public, hidden))]

    assert [answer.json["code"] for answer in answers] == ["other_visibility"] * 2
    assert record_of(public).lat is None


def test_visibility_is_said_not_emptied(send):
    place = a_place(visibility="contact_only")

    answer = send("", place.code, 1, visibility=None)

    assert answer.json["errors"][0]["code"] == "cannot_be_empty"
    assert record_of(place).visibility == "contact_only"


def test_a_phone_that_is_not_public_stays_so_in_a_merger(send, client):
    gone, stays = a_place("旧", phone="0763-3360000", phone_public=False), a_place("新")

    send("merge", gone.code, 1, into=stays.code)

    assert record_of(stays).phone == "0763-3360000"
    assert client.get(f"{URL}/{stays.code}").json["phone"] is None


def test_what_is_no_place_to_go_to_gets_no_position_from_a_merger(send):
    gone, stays = a_place("旧"), a_place("新", lng=None, delivery="online")

    answer = send("merge", gone.code, 1, into=stays.code)
    asked = send("", stays.code, 2, lng=LNG, lat=LAT, datum="wgs84")

    assert (answer.status_code, record_of(stays).lat) == (200, None)
    assert asked.json["errors"][0]["code"] == "position_of_remote_service"


def test_in_a_merger_roles_of_a_type_fill_each_others_gaps(send):
    a_tree()
    a_type("nursery")
    gone = a_place(
        "旧",
        types=("nursery",),
        fee="free",
        taken=3,
        age_from_months=6,
        age_to_months=36,
        serves=("441802001002",),
        source="民政",
        external_id="A1",
    )
    stays = a_place("新", types=("nursery",), age_from_months=12)

    answer = send("merge", gone.code, 1, into=stays.code)

    role = record_of(stays).roles[0]
    assert answer.status_code == 200, answer.json
    assert (role.fee, role.taken, role.age_from_months, role.age_to_months) == ("free", 3, 12, None)
    served = {path[-1].code for path in divisions.paths([link.division_id for link in role.serves]).values()}
    assert served == {"441802001001", "441802001002"}
    assert (record_of(stays).source, record_of(stays).external_id) == ("民政", "A1")
    assert record_of(gone).external_id is None


def test_a_role_goes_over_with_its_whole_past_and_counts_once(send):
    a_type("nursery")
    gone = a_place("旧", types=("nursery",), opened_on=date(2020, 1, 1), taken=3, today=date(2024, 1, 1))
    gone = a_change(gone, types=("nursery",), taken=5)
    stays = a_place("新")

    send("merge", gone.code, 2, into=stays.code)

    went, goes_on = record_of(gone).roles[0], record_of(stays).roles[-1]
    assert (went.opened_on, went.closed_on) == (date(2020, 1, 1), date(2020, 1, 1))
    assert (goes_on.opened_on, goes_on.closed_on, goes_on.taken) == (date(2020, 1, 1), None, 5)
    rows = db.query("SELECT taken FROM role_places WHERE role_id = ? ORDER BY from_on", (goes_on.id,))
    assert rows == [(3,), (5,)]


def test_a_chain_of_mergers_answers_with_its_end_and_leaves_the_lists(send, client, admin):
    first, second, third = (a_place(name) for name in ("一家", "二家", "三家"))

    send("merge", first.code, 1, into=second.code)
    send("merge", second.code, 2, into=third.code)

    assert client.get(f"{URL}/{first.code}").json["code"] == third.code
    assert client.get(URL, query_string={"q": "一家"}).json["items"] == []
    assert {row["code"] for row in admin.get("/api/v1/facility-records").json["items"]} == {third.code}
    told = {each["code"]: each for each in client.get("/api/v1/changes").json["items"]}
    assert [told[place.code]["action"] for place in (first, second, third)] == ["gone", "gone", "upsert"]
    assert told[first.code]["reason"] == f"并入 {second.code}"


def test_a_page_goes_on_behind_a_place_that_was_merged_meanwhile(send, admin):
    places = [a_place(f"第 {number} 家") for number in range(4)]
    first = admin.get("/api/v1/facility-records?limit=2").json

    send("merge", places[1].code, 1, into=places[0].code)
    rest = admin.get("/api/v1/facility-records", query_string={"after": first["next_after"]}).json

    assert [row["code"] for row in rest["items"]] == [places[2].code, places[3].code]


def test_a_merger_of_tomorrow_is_none(send):
    gone, stays = a_place("旧"), a_place("新")

    answer = send("merge", gone.code, 1, into=stays.code, on="2030-01-01")

    assert answer.json["code"] == "future_date"


def test_a_verification_can_be_taken_back(send):
    place = a_place(verified_on=TODAY)

    answer = send("", place.code, 1, verified_on=None)

    assert (answer.json["version"], record_of(place).verified_on) == (2, None)
    assert "verified_on" not in answer.json["items"][0]


def test_places_that_are_no_longer_known_were_known_before(send):
    a_type("nursery")
    place = a_place(types=("nursery",), taken=3, today=date(2026, 1, 1))

    send("", place.code, 1, places_taken=None)

    rows = db.query("SELECT taken FROM role_places ORDER BY from_on")
    assert rows == [(3,), (None,)]


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_empties_a_field_as_null_does(send, blank):
    place = a_place(phone="0763-3360000")

    send("", place.code, 1, phone=blank)

    assert record_of(place).phone is None


def test_a_field_of_several_named_plaques_is_emptied_on_each(send):
    a_type("childrens_home")
    place = a_place(types=("parent_school", "childrens_home"), fee="free")

    send("", place.code, 1, type="家长学校、儿童之家", fee=None)

    assert [role.fee for role in record_of(place).roles] == [None, None]


def test_a_closed_plaque_is_not_opened_by_correcting_its_first_day(send):
    place = a_place(opened_on=date(2020, 1, 1))
    send("close", place.code, 1, on="2026-10-01")

    answer = send("", place.code, 2, opened_on="2021-01-01")

    assert answer.json["errors"][0]["code"] == "not_open"
    assert len(record_of(place).roles) == 1


def test_a_closed_place_in_a_division_that_ended_can_still_be_corrected(send):
    place = a_place()
    send("close", place.code, 1, on="2026-10-01")
    db.execute("UPDATE division SET valid_to = '2026-11-01' WHERE padded_code = '441802001001'")

    answer = send("", place.code, 2, phone="0763-3360000")

    assert answer.status_code == 200, answer.json


def test_an_external_id_that_is_taken_has_a_word(send, admin):
    a_place("有编号的", source="民政", external_id="A1")
    place = a_place("另一家", source="民政")

    changed = send("", place.code, 1, external_id="A1")
    added = admin.post(URL, json={**NEW, "source": "民政", "external_id": "A1"})

    assert [answer.json["errors"][0]["code"] for answer in (changed, added)] == ["external_id_taken"] * 2


def test_the_same_request_after_midnight_is_the_same(settings):
    place = a_place()
    body = {"json": {"reason": "x"}, "headers": {"If-Match": '"1"', "Idempotency-Key": "k"}}

    answers = []
    for day in (TODAY, TODAY.replace(day=24)):
        app = create_app(settings, lambda day=day: datetime.combine(day, time(12), settings.zone))
        db.connect()
        client = app.test_client()
        client.environ_base[ACTOR_KEY] = ADMIN
        answers.append(client.post(f"{URL}/{place.code}/close", **body))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json


def test_a_correction_of_a_plaque_that_was_reopened_survives_an_older_file(send, settings):
    place = a_place(opened_on=date(2020, 1, 1), fee="paid")
    send("close", place.code, 1, on="2026-10-01")
    send("reopen", place.code, 2, on="2026-11-01")
    send("", place.code, 3, fee="免费")
    row = {"code": place.code, "name": place.name, "fee": "收费"}

    plan = make_plan(SEED, a_batch([row], as_of=TODAY).id, settings, TODAY)

    assert [kept["field"] for kept in plan.kept] == ["parent_school.fee"]


# One change taken back


def test_a_change_is_taken_back_field_by_field(send, admin):
    place = a_place(phone="0763-1", hours="24小时", verified_on=TODAY)
    wrong = send("", place.code, 1, phone="0763-2222222", hours=None, name="错了一家")
    seq = admin.get(f"{URL}/{place.code}/history").json["items"][0]["seq"]

    answer = send("revert", place.code, 2, seq=seq)

    assert wrong.status_code == answer.status_code == 200, answer.json
    after, last = record_of(place), admin.get(f"{URL}/{place.code}/history").json["items"][0]
    assert (after.phone, after.hours, after.name) == ("0763-1", place.hours, place.name)
    assert (after.verified_on, after.version, last["action"]) == (TODAY, 3, "revert")
    assert after.held["phone"] == str(TODAY)


def test_what_others_changed_since_is_named_and_nothing_is_taken_back(send, admin):
    place = a_place(phone="0763-1", address="旧址")
    send("", place.code, 1, phone="0763-2222222", address="新址")
    seq = admin.get(f"{URL}/{place.code}/history").json["items"][0]["seq"]
    send("", place.code, 2, phone="0763-3333333")

    answer = send("revert", place.code, 3, seq=seq)

    assert (answer.status_code, answer.json["code"]) == (409, "changed_since")
    assert "phone" in answer.json["detail"]
    assert record_of(place).address == "新址"


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("close", {"on": "2026-10-01"}),
        ("suspend", {"from_on": "2026-11-01", "to_on": "2026-12-01"}),
        ("convert", {"old_type": "家长学校", "new_type": "儿童之家"}),
        ("verify", {}),
        ("", {"phone_public": False, "lng": None}),
        ("", {"type": "儿童之家", "opened_on": "2026-01-01"}),
        ("", {"serves": "441802001002"}),
        ("", {"division": "441802001002", "delivery": "网上"}),
    ],
)
def test_every_kind_of_change_can_be_taken_back(send, admin, verb, body):
    a_type("childrens_home")
    place = a_place(phone="0763-1")
    now = admin.get(f"{URL}/{place.code}").json
    done = send(verb, place.code, 1, **body)
    seq = admin.get(f"{URL}/{place.code}/history").json["items"][0]["seq"]

    answer = send("revert", place.code, 2, seq=seq)

    assert done.status_code == answer.status_code == 200, answer.json
    assert done.json["version"] == 2
    assert admin.get(f"{URL}/{place.code}").json == now


def test_a_merger_is_taken_back_on_both_sides(send, admin, client):
    a_type("childrens_home")
    gone = a_place("旧", types=("parent_school", "childrens_home"), phone="0763-3360000", external_id="A1")
    stays = a_place("新")
    now = [client.get(f"{URL}/{place.code}").json for place in (gone, stays)]
    send("merge", gone.code, 1, into=stays.code)
    seq = admin.get(f"{URL}/{stays.code}/history").json["items"][0]["seq"]

    answer = send("revert", stays.code, 2, seq=seq)

    assert answer.status_code == 200, answer.json
    assert [client.get(f"{URL}/{place.code}").json for place in (gone, stays)] == now
    assert (record_of(gone).external_id, record_of(stays).external_id) == ("A1", None)


def test_what_cannot_be_taken_back_has_a_word(send, admin, mine):
    place, other = a_place("一"), a_place("二")
    created = admin.get(f"{URL}/{place.code}/history").json["items"][0]["seq"]
    send("", place.code, 1, division=THERE)
    moved = admin.get(f"{URL}/{place.code}/history").json["items"][0]["seq"]
    send("", place.code, 2, division="441802001001")
    back = admin.get(f"{URL}/{place.code}/history").json["items"][0]["seq"]

    answers = [
        send("revert", place.code, 3, seq=created),
        send("revert", other.code, 1, seq=moved),
        send("revert", place.code, 3, seq=999),
        mine("revert", place.code, 3, seq=back),
    ]

    assert [answer.json["code"] for answer in answers] == [
        "is_creation",
        "change_not_found",
        "change_not_found",
        "out_of_scope",
    ]


def test_titles_of_both_are_those_of_the_one_that_stays(send):
    gone, stays = a_place("旧"), a_place("新")
    with write_txn(SEED) as log:
        sql = "INSERT INTO title (facility_id, kind, issuer, awarded_on) VALUES (?, ?, ?, ?)"
        db.execute(sql, (gone.id, "儿童友好基地", "市妇儿工委", "2025-06-01"))
        log.record_change("title", gone.code, "create")

    send("merge", gone.code, 1, into=stays.code)

    assert [title[0] for title in record_of(stays).titles] == ["儿童友好基地"]
