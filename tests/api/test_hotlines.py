"""Whoever asks about protection reads first whom to call."""

import pytest
from flask.testing import FlaskClient

from tests.factories import LAT, LNG, a_place, a_type

URL = "/api/v1/facilities"
HERE = {"lat": LAT, "lng": LNG, "datum": "wgs84"}
NUMBERS = ["110", "12345", "12355", "12338", "12356"]
TYPES = ["protection_station", "protection_centre", "hotline", "childrens_director"]
WORDS = ["家暴", "被欺凌了怎么办", "校園霸凌", "离家出走", "心理咨询", "求助", "报警电话", "英德 举报", "未保", "救助", "热线",
         "儿童主任", "110", "12345", "12355 咨询", "老师虐待学生"]  # fmt: skip


@pytest.fixture
def registry(reference: str) -> str:
    """With the types, the sayings and the hotlines of the seed."""
    return reference


def ask(client: FlaskClient, **query: object) -> dict:
    response = client.get(URL, query_string=query)
    assert response.status_code == 200, response.text
    return response.json


def numbers(answer: dict) -> list[str]:
    return [hotline["phone"] for hotline in answer.get("hotlines", ())]


@pytest.mark.parametrize("where", [{}, HERE, HERE | {"format": "geojson"}])
@pytest.mark.parametrize("asked", [*({"type": key} for key in TYPES), *({"q": word} for word in WORDS)])
def test_every_answer_about_protection_begins_with_the_hotlines(client, where, asked):
    answer = ask(client, **asked, **where)

    assert numbers(answer) == NUMBERS
    assert next(iter(answer)) == ("type" if "format" in where else "hotlines")
    assert (
        answer["hotlines"][0] | {"name": "公安报警 110", "approximate": False, "lat": None}
        == answer["hotlines"][0]
    )


@pytest.mark.parametrize(
    "asked", [{}, {"q": "公园"}, {"q": "人民路110号"}, {"type": "nursery"}, {"q": "托育"}]
)
def test_other_answers_do_not(client, asked):
    assert "hotlines" not in ask(client, **asked)


def test_a_child_reads_what_a_number_is_for_and_who_runs_it(client):
    youth = next(each for each in ask(client, q="未保")["hotlines"] if each["phone"] == "12355")

    assert youth["note"] == (
        "青少年维权、心理和法律咨询。共青团中央设立（信息产业部信部电函〔2004〕391号核配号码，2004 年）"
    )
    assert youth["verified_on"] is None


def test_a_type_that_is_asked_for_does_not_hide_what_the_words_ask(client):
    assert numbers(ask(client, type="library", q="未保")) == NUMBERS
    assert numbers(ask(client, type="library", q="家暴")) == NUMBERS


def test_they_stand_on_the_first_page_only(client):
    a_type("childrens_director")
    a_place("一", types=["childrens_director"])
    a_place("二", types=["childrens_director"])

    first = ask(client, **HERE, q="家暴", limit=1)
    second = ask(client, **HERE, q="家暴", limit=1, cursor=first["next_cursor"])

    assert [page["items"][0]["name"] for page in (first, second)] == ["一", "二"]
    assert (numbers(first), "hotlines" in second) == (NUMBERS, False)


@pytest.mark.parametrize("format_", ["json", "geojson"])
def test_the_members_that_are_chosen_are_theirs_too(client, format_):
    answer = ask(client, q="家暴", fields=["name", "phone"], format=format_)

    assert {frozenset(hotline) for hotline in answer["hotlines"]} == {frozenset(("name", "phone"))}


def test_a_call_for_protection_finds_the_places_to_go_to_and_those_that_are_called_so(client):
    a_place("工作站", types=["protection_station"])
    a_place("反家暴咨询点", types=["library"])
    a_place("图书馆", types=["library"])

    answer = ask(client, **HERE, q="家暴")

    assert [item["name"] for item in answer["items"]] == ["工作站", "反家暴咨询点"]
    assert [item["name"] for item in ask(client, q="12355")["items"]] == ["青少年服务台 12355"]
