"""Whether the server lives and can serve."""

from servicemap import audit, db
from tests.factories import a_place


def test_a_living_server_says_so_without_its_database(client):
    if db.is_sqlite():
        db.sqlite_path().unlink()

    assert client.get("/healthz").json == {"status": "ok"}


def test_a_ready_server_says_which_version_of_the_registry_it_has(client):
    a_place()

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "seq": audit.head_seq(), "demo": False}
    assert answer.json["seq"] > 0


def test_a_server_of_another_schema_is_not_ready(client):
    before = client.get("/readyz").status_code
    db.execute("INSERT INTO migration (name) VALUES ('9999_later')")

    answer = client.get("/readyz")

    assert before == 200
    assert (answer.status_code, answer.json["code"]) == (503, "schema_too_new")
    assert answer.headers["Retry-After"].isdigit()
