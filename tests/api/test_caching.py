"""What a cache may keep, for how long, and what it learns when it asks again."""

import brotli
import pytest

from tests.factories import a_place

LIST = "/api/v1/facilities"


def etag(response) -> str:
    return response.headers["ETag"]


@pytest.mark.parametrize("shown", ["{}", "W/{}", '"other", {}'])
def test_who_holds_the_answer_of_now_is_told_so_without_it(client, shown):
    first = client.get(LIST)

    again = client.get(LIST, headers={"If-None-Match": shown.format(etag(first))})

    assert (again.status_code, again.data, etag(again)) == (304, b"", etag(first))
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert again.headers["Referrer-Policy"] == "no-referrer"


def test_another_state_or_another_question_is_another_tag(client):
    before = etag(client.get(LIST))

    other = etag(client.get(f"{LIST}?limit=5"))
    a_place()
    after = client.get(LIST, headers={"If-None-Match": before})

    assert (after.status_code, len({before, other, etag(after)})) == (200, 3)


def test_an_asterisk_stands_for_whatever_there_is(client):
    there = client.get(LIST, headers={"If-None-Match": "*"})
    nowhere = client.get(f"{LIST}/F0000001-5", headers={"If-None-Match": "*"})

    assert (there.status_code, nowhere.status_code) == (304, 404)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", "public, max-age=59"), ("?lat=23.697&lng=113.06&datum=gcj02", "private, max-age=59"),
     ("?lat=23.6971&lng=113.06&datum=gcj02", "no-store"), ("?l%61t=23.69&lng=113.06&datum=gcj02", "no-store"),
     ("?limit=0", "no-store")],
)  # fmt: skip
def test_the_more_exact_a_position_the_less_is_kept_of_its_answer(client, query, expected):
    assert client.get(LIST + query).headers["Cache-Control"] == expected


def test_what_an_administrator_sees_is_kept_for_nobody_else(admin):
    response = admin.get(LIST)

    assert (response.headers["Cache-Control"], "ETag" in response.headers) == ("private, no-cache", False)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0.1, gzip;q=0.9", "gzip"), ("br;q=0, *;q=0", None),
     ("", None), ("identity", None), ("identity;q=0", None), ("*", "br"), ("br;q=x", None)],
)  # fmt: skip
def test_an_answer_is_compressed_as_the_request_likes_it(client, accepted, coding):
    [a_place(name=f"北门社区家长学校{n}") for n in range(5)]
    plain = client.get(LIST)

    response = client.get(LIST, headers={"Accept-Encoding": accepted})
    again = client.get(LIST, headers={"Accept-Encoding": accepted, "If-None-Match": etag(response)})

    assert response.headers.get("Content-Encoding") == coding
    assert (etag(response) == etag(plain)) == (coding is None)
    assert again.status_code == 304
    assert coding != "br" or brotli.decompress(response.data) == plain.data
    assert "Accept-Encoding" in response.headers["Vary"]


def test_any_page_may_read_what_anybody_may_read(client):
    read, refused = client.get(LIST), client.post("/api/v1/imports", json={})
    asked = client.options(LIST)

    assert read.headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" in read.headers["Access-Control-Expose-Headers"]
    assert (asked.status_code, asked.headers["Access-Control-Allow-Methods"]) == (200, "GET, HEAD")
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert "Access-Control-Allow-Origin" not in refused.headers
