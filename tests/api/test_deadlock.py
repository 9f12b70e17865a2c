"""Two writers who wait for each other, on PostgreSQL, which ends one of them: its request is answered all the same."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from flask.testing import FlaskClient

from servicemap import app as application
from servicemap import db
from servicemap.access import SEED
from servicemap.audit import write_txn
from tests.factories import a_place, a_tree

WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def change_note() -> str:
    """A view that locks its place first and the head last."""
    with write_txn(SEED) as log:
        db.execute("UPDATE facility SET note = 'x'")
        log.record_change("facility", "F", "edit")
    return "done"


@pytest.fixture(params=["postgresql"])  # SQLite lets writers in one by one
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def crossed(registry: str, client: FlaskClient) -> Callable[[], int]:
    """crossed() → the status of a request that holds its place and waits for the head, whose holder then
    asks for the place."""

    def run() -> int:
        a_tree()
        a_place("红星家长学校")
        client.application.add_url_rule("/api/v1/note", view_func=change_note, methods=["POST"])
        answers: list[int] = []

        def send() -> None:
            answers.append(client.post("/api/v1/note").status_code)
            db.database.close()  # this thread's

        # who waits longest ends the knot: the request, however slow this machine is
        name = db.query("SELECT current_database()")[0][0]
        db.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '3s'")
        request = threading.Thread(target=send)
        with psycopg.connect(registry) as other, psycopg.connect(registry, autocommit=True) as watcher:
            other.execute("SET deadlock_timeout = '60s'")
            other.execute("SELECT seq FROM change_head FOR UPDATE")
            request.start()
            until = time.monotonic() + 10
            while not watcher.execute(WAITS).fetchone():
                assert time.monotonic() < until
                time.sleep(0.01)
            other.execute("SELECT id FROM facility FOR UPDATE")
        request.join(30)
        return answers[0]

    return run


def test_a_write_that_was_sent_home_by_a_deadlock_is_made_all_the_same(crossed) -> None:
    assert crossed() == 200


def test_without_asking_again_it_would_be_refused(crossed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(application.Application, "dispatch_request")

    assert crossed() == 503
