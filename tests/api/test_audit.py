"""The chain of changes over HTTP."""

import pytest

from servicemap import audit
from tests.factories import TODAY, a_place

API = "/api/v1/audit"


def test_the_head_is_the_last_changes_anchor(admin):
    a_place()
    head = audit.head()

    answer = admin.get(f"{API}/head")

    expected = {"seq": head.seq, "hash": head.hash, "anchor": str(head), "on": str(TODAY), "demo": False}
    assert (answer.status_code, answer.json) == (200, expected)


def test_an_empty_registry_has_no_anchor(admin):
    answer = admin.get(f"{API}/head").json

    assert (answer["seq"], answer["anchor"]) == (0, None)


def test_the_anchors_that_lie_on_the_chain_are_told_from_those_that_do_not(admin):
    a_place()
    good, strange = str(audit.head()), str(audit.Anchor(1, "0" * 64))

    answer = admin.get(f"{API}/verify", query_string={"anchor": [good, strange]}).json

    assert (answer["broken_seq"], answer["lost_anchors"]) == (None, [strange])


@pytest.mark.parametrize("path", ["head", "verify", "verify?anchor=x"])
def test_only_who_may_look_behind_the_records_may_ask(client, path):
    answer = client.get(f"{API}/{path}")

    assert (answer.status_code, answer.json["code"]) == (401, "token_required")


@pytest.mark.parametrize(
    "anchor", ["", "1", "1:", f"0:{'0' * 64}", f"1:{'g' * 64}", f"1:{'0' * 63}", f"{'9' * 16}:{'0' * 64}"]
)
def test_what_is_no_anchor_is_refused(admin, anchor):
    answer = admin.get(f"{API}/verify", query_string={"anchor": anchor})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["code"] in ("bad_anchor", "too_long")
