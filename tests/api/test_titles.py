"""Titles of places and divisions: entered with who awarded them, ended, and never by their holder."""

from datetime import date, timedelta

import pytest

from servicemap import db, divisions
from servicemap.coverage.measure import measure
from tests.cli.conftest import run_admin
from tests.coverage.test_measure import an_indicator
from tests.factories import TODAY, a_place, a_type

URL = "/api/v1/titles"
COUNTY, STREET = "441802000000", "441802001000"
AWARD = {"kind": "儿童友好基地", "issuer": "市妇儿工委", "awarded_on": "2026-06-01", "reason": "〔2026〕3 号"}


def award(client, holder: str, headers=None, **given):
    return client.post(URL, json={"holder": holder, **AWARD, **given}, headers=headers)


def test_a_place_shows_its_title_until_it_ends(admin, client, bearer):
    place = a_place()

    item = award(admin, place.code, expires_on="2027-06-01").json["item"]
    shown = client.get(f"/api/v1/facilities/{place.code}").json["titles"]
    admin.post(f"{URL}/{item['id']}/withdraw", json={"reason": "发错了"})
    after = client.get(f"/api/v1/facilities/{place.code}").json["titles"]

    [known] = admin.get(URL, query_string={"holder": place.code}).json["items"]
    assert [(each["kind"], each["ends_on"]) for each in shown] == [("儿童友好基地", "2027-06-01")]
    assert after == []
    assert (known["holder_name"], known["withdrawn_on"]) == (place.name, str(TODAY))


def test_a_county_with_the_title_counts_from_the_day_of_the_award(admin, bearer):
    a_type()
    an_indicator(kind="titled", numerator={"title": "儿童友好示范县", "level": "county"}, denominator={})

    assert award(admin, COUNTY, kind="儿童友好示范县").status_code == 201

    city = divisions.get("441800000000")
    counted = [measure(city, on)[0].numerator for on in (date(2026, 5, 31), date(2026, 6, 1))]
    assert counted == [0, 1]


@pytest.mark.parametrize(
    ("role", "scope", "holder", "status"),
    [
        ("editor", STREET, "place", 201),
        ("viewer", STREET, "place", 403),
        ("editor", "441881000000", "place", 403),
        ("verifier", "441800000000", COUNTY, 201),
        ("verifier", COUNTY, COUNTY, 403),  # nobody awards themselves
        ("admin", COUNTY, STREET, 201),
        ("editor", "441800000000", COUNTY, 403),
    ],
)
def test_who_may_award(client, bearer, role, scope, holder, status):
    headers = bearer(role, scope)
    code = a_place().code if holder == "place" else holder

    assert award(client, code, headers).status_code == status


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"awarded_on": str(TODAY + timedelta(1))}, 422, "future_date"),
        ({"expires_on": "2026-06-01"}, 422, "dates_upside_down"),
        ({"holder": "F9999999-9"}, 404, "division_not_found"),
        ({"kind": " "}, 422, "bad_parameters"),
    ],
)
def test_a_wrong_title_is_refused_with_a_word(admin, given, status, code):
    place = a_place()

    answer = admin.post(URL, json={"holder": place.code, **AWARD, **given})

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert db.query("SELECT * FROM title") == []


def test_the_same_title_is_not_held_twice_and_a_withdrawn_one_is_gone(admin):
    place = a_place()
    item = award(admin, place.code).json["item"]

    assert award(admin, place.code).json["code"] == "title_held"
    path = f"{URL}/{item['id']}/withdraw"
    early = admin.post(path, json={"on": "2026-05-01", "reason": "x"}).json["code"]
    answers = [admin.post(path, json={"reason": "x"}).status_code for _ in range(2)]
    assert (early, answers) == ("bad_date", [200, 404])


def test_a_dropped_answer_asked_for_again_awards_once(admin):
    place = a_place()
    headers = {"Idempotency-Key": "k"}

    answers = [award(admin, place.code, headers).json["item"] for _ in range(2)]

    assert answers[0] == answers[1]
    assert db.query("SELECT COUNT(*) FROM title") == [(1,)]


def test_from_the_command_line(registry, bearer):
    bearer("viewer")
    given = ("--issuer", "市妇儿工委", "--on", "2026-06-01", "--reason", "3 号")

    ran = run_admin("title", "award", STREET, "--kind", "儿童友好示范镇", *given, url=registry)
    listed = run_admin("title", "list", "--format", "json", url=registry).json
    ended = run_admin("title", "withdraw", listed[0]["id"], "--reason", "发错", url=registry)

    assert (ran.code, ended.code) == (0, 0), ran.err + ended.err
    assert [(row["holder"], row["kind"]) for row in listed] == [(STREET, "儿童友好示范镇")]
    history = run_admin("title", "list", "--holder", STREET, url=registry)
    assert "儿童友好示范镇" in history.out
