"""The first requests of a day: the cards are brought up to date, and nobody waits for that."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from servicemap import db
from servicemap import registry as registries
from servicemap.access import SEED
from tests.factories import TODAY, a_place, a_type

LIST = "/api/v1/facilities"
YESTERDAY = TODAY - timedelta(1)


@contextmanager
def another_writer(url: str) -> Iterator[None]:
    """Somebody who is writing all places meanwhile."""
    begun, ended = threading.Event(), threading.Event()

    def write() -> None:
        db.connect()
        with db.transaction():
            db.execute("UPDATE facility SET version = version + 1")
            begun.set()
            ended.wait(60)
        db.database.close()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(60)
    try:
        yield
    finally:
        ended.set()
        writer.join()


def test_nobody_waits_while_another_writes_and_yesterdays_answer_is_kept_by_nobody(
    registry, client, monkeypatch
):
    monkeypatch.setattr(registries, "PAUSE_SECONDS", 0)
    place = a_place(opened_on=TODAY, today=YESTERDAY)

    with another_writer(registry):
        started = time.monotonic()
        meanwhile = [client.get(LIST) for _ in range(3)]
        waited = time.monotonic() - started
    afterwards = client.get(LIST)

    assert waited < 5
    for response in meanwhile:
        assert (response.status_code, response.json["items"]) == (200, [])
        assert (response.headers["Cache-Control"], "ETag" in response.headers) == ("no-store", False)
    assert [item["code"] for item in afterwards.json["items"]] == [place.code]
    assert "ETag" in afterwards.headers


def test_an_attempt_that_failed_is_not_made_again_at_once(registry, client):
    a_place(opened_on=TODAY, today=YESTERDAY)

    with another_writer(registry):
        client.get(LIST)
    soon = client.get(LIST)

    assert soon.json["items"] == []


def test_what_was_answered_before_a_name_was_rolled_over_is_not_the_answer_of_now(client):
    a_place()
    client.get(LIST)
    a_type(name="家长大学")  # and its places are due
    between = client.get(LIST)

    registries.roll_over(SEED, TODAY)
    after = client.get(LIST, headers={"If-None-Match": between.headers["ETag"]})

    assert after.status_code == 200
    assert after.json["items"][0]["roles"][0]["type_name"] == "家长大学"
