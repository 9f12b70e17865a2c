"""A link short enough for a poster leads to its place, however it is typed; a slip is told."""

import pytest

from tests.factories import a_place

PLACE = "/api/v1/facilities/"


@pytest.mark.parametrize("spell", [str, str.lower, lambda code: code.replace("-", "")])
def test_it_leads_to_the_place_however_it_is_typed(client, spell):
    place = a_place()

    response = client.get(f"/f/{spell(place.code)}")

    assert response.status_code == 302
    assert response.headers["Location"] == PLACE + place.code
    assert client.get(response.headers["Location"]).json["code"] == place.code


def test_what_wechat_adds_to_a_shared_link_does_no_harm(client):
    place = a_place()

    response = client.get(f"/f/{place.code}?from=groupmessage&isappinstalled=0")

    assert response.headers["Location"] == PLACE + place.code


@pytest.mark.parametrize("wrong", ["F0000001-0", "F00000017", "1", "G0000001-7", "F0000001-77", "%00", "％"])
def test_a_slip_is_told(client, wrong):
    response = client.get(f"/f/{wrong}")

    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    if wrong != "%00":  # no code at all
        assert response.json["code"] == "bad_code"
        assert "抄错" in response.json["detail"]


def test_a_head_request_is_answered_likewise(client):
    place = a_place()

    response = client.head(f"/f/{place.code}")

    assert (response.status_code, response.text) == (302, "")
    assert response.headers["Location"] == PLACE + place.code


def test_an_unknown_place_is_said_by_the_page_that_it_leads_to(client):
    a_place()

    response = client.get("/f/F0012345-1", follow_redirects=True)

    assert (response.status_code, response.json["code"]) == (404, "facility_not_found")
