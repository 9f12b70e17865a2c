"""联想 over HTTP: three groups, and nothing from outside that makes it fail."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.factories import NORTH_GATE, a_place, a_tree, a_type, scaled

URL = "/api/v1/suggestions"
POISON = [
    "'", '"', "\\", "%", "_", "*", "AND", "OR NOT", "NEAR(a b)", 'ch : "x"', "^托", "-托", "托 -育", "(", ")", "a:*", "&|!<->",
    "托\u200b育", "👨‍👩‍👧", "\u202e托", "ﷺ", "İ", "ß", "ａ", "𠮷", "\ufdfa" * 3, "z" * 50, "xian" * 12, "托" * 50,
    "1" * 50, "{}", "$1", "?", ";", "--", "' OR 1=1", "\u0301", "·", "、", "\ue000",
]  # fmt: skip


def test_the_three_groups_say_what_a_family_chooses_from(client):
    a_tree()
    a_type("nursery", aliases=("早教",))
    place = a_place("英德托育园", types=["nursery"], division="441881101201")

    body = client.get(URL, query_string={"q": "英德 托"}).json
    division = client.get(URL, query_string={"q": "英"}).json["divisions"][0]

    assert body["types"] == [{"key": "nursery", "name": "托育机构", "matched": "托育机构"}]
    (facility,) = body["facilities"]
    assert (facility["code"], facility["name"]) == (place.code, "英德托育园")
    assert [step["name"] for step in facility["division"]["path"]] == ["清远市", "英德市", "沙口镇", "田心村"]
    assert (division["code"], division["name"], division["level"]) == ("441881000000", "英德市", "county")
    assert (body["ignored"], body["notice"], body["demo"]) == ([], None, False)


@pytest.mark.parametrize("q", ["托育", "家长", "托", "家", "tuoyu", "jzxx", "社區", "3", "AND", "托育 家长"])
def test_complaint_4_a_chinese_search_finds_words_of_any_length_and_drops_no_term(client, q):
    a_place("社区托育 AND 家长学校 3", types=["library"])
    a_place("图书馆", types=["library"])

    body = client.get(URL, query_string={"q": q}).json

    assert [place["name"] for place in body["facilities"]] == ["社区托育 AND 家长学校 3"]
    assert body["ignored"] == []
    assert client.get(URL, query_string={"q": f"{q} 没有"}).json["facilities"] == []


def test_a_character_that_could_not_be_used_is_named(client):
    body = client.get(URL, query_string={"q": "托育*+"}).json

    assert body["ignored"] == ["*", "+"]
    assert "* +" in body["notice"]


def test_a_division_says_where_and_a_wrong_one_is_a_wrong_parameter(client):
    a_place("北门托育")

    inside = client.get(URL, query_string={"q": "托", "division": NORTH_GATE}).json["facilities"]
    outside = client.get(URL, query_string={"q": "托", "division": "441881"}).json["facilities"]
    nowhere = client.get(URL, query_string={"q": "托", "division": "999"})

    assert ([place["name"] for place in inside], outside) == (["北门托育"], [])
    assert (nowhere.status_code, nowhere.json["errors"][0]["field"]) == (422, "division")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "field"),
    [("", "q"), ("q=", "q"), ("q=" + "x" * 51, "q"), ("q=" + "x" * 1_000_000, "q"), ("q=%00", "q"),
     ("q=a&limit=0", "limit"), ("q=a&limit=21", "limit"), ("q=a&colour=red", "colour"), ("q=a&q=b", "q")],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_by_name(client, query, field):
    response = client.get(f"{URL}?{query}")

    assert response.status_code == 422
    assert field in {problem["field"] for problem in response.json["errors"]}


@pytest.mark.parametrize("query", ["q=%ED%A0%80", "q=%ff%fe", "q=%F0%9F", "q=%u6258"])
def test_bytes_that_are_no_text_have_an_answer(client, query):
    assert client.get(f"{URL}?{query}").status_code in (200, 422)


@pytest.mark.parametrize("poison", POISON)
def test_poison_is_plain_text(client, poison):
    a_place("托育中心")

    response = client.get(URL, query_string={"q": poison})

    assert response.status_code == 200, response.text
    assert client.get(URL, query_string={"q": "托", "division": poison}).status_code == 422


@given(q=st.text(min_size=1, max_size=50))
@effort(max_examples=scaled(2000, 100), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_has_an_answer(client, q):
    response = client.get(URL, query_string={"q": q.encode("utf-8", "replace").decode()})

    assert response.status_code in (200, 422), response.text
