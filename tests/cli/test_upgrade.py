"""A registry of the release before, after `db upgrade`."""

from servicemap import db
from servicemap.app import create_app
from servicemap.config import Settings
from tests.cli.conftest import run_admin
from tests.conftest import bound_to

OLD = (
    "INSERT INTO registry VALUES (1, {false}, NULL, '00', '2026-11-23T00:00:00.000Z')",
    "INSERT INTO division VALUES (1, '441802', '441802000000', '清城区', 'county', NULL, NULL, NULL, NULL,"
    " {false}, {false}, NULL, NULL, 1, 2)",
    "INSERT INTO facility_type VALUES (1, 'nursery', '托育机构', 'nursery', 'community', '[]', '[\"托儿所\"]')",
    "INSERT INTO facility VALUES (1, '小太阳', 1, NULL, 23.68, 113.05, 'door', 'wgs84', NULL, NULL, NULL,"
    " 'public', 'import', NULL, 1)",
    "INSERT INTO role (id, facility_id, type_id) VALUES (1, 1, 1)",
    "INSERT INTO card VALUES (1, '{}', 0, NULL)",
)


def test_everything_is_found_once_an_old_registry_is_upgraded(empty, tmp_path, monkeypatch):
    with bound_to(empty):
        with monkeypatch.context() as before:
            before.setattr(db, "known_migrations", lambda: ["0001_registry"])
            db.upgrade()
        for statement in OLD:
            db.execute(statement.replace("{false}", "0" if db.is_sqlite() else "FALSE"))

    first, again = (run_admin("db", "upgrade", url=empty) for _ in range(2))

    assert (first.code, again.code) == (0, 0), first.err
    assert again.out == "已是最新，无需升级\n"
    client = create_app(Settings(database_url=empty, rate_file=str(tmp_path / "rate"))).test_client()
    db.connect()
    assert db.query("SELECT COUNT(*) FROM card WHERE fresh_until IS NOT NULL") == [(0,)]
    for question in ("q=小太阳", "lat=23.68&lng=113.05&datum=wgs84&type=nursery", "q=清城托儿所"):
        items = client.get(f"/api/v1/facilities?{question}").json["items"]
        assert [item["name"] for item in items] == ["小太阳"], question
    suggested = client.get("/api/v1/suggestions?q=qingcheng").json
    assert [each["name"] for each in suggested["divisions"]] == ["清城区"]
    db.database.close()
