"""Backups at the terminal, and a server that goes on while one is restored."""

import json
import threading
from collections import Counter
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from servicemap import db
from tests.api.test_server import serving
from tests.cli.conftest import run_admin
from tests.factories import LAT, LNG, a_place, scaled

SQLITE = pytest.mark.parametrize("engine", ["sqlite"])
RESTORES = scaled(10, 3)


@SQLITE
def test_a_backup_is_made_verified_and_restored(admin, tmp_path):
    copy = tmp_path / "copy.db"
    a_place("甲")
    made = admin("db", "backup", copy)
    a_place("乙")

    looked, live, restored = admin("db", "verify", copy), admin("db", "verify"), admin("db", "restore", copy)

    assert [ran.code for ran in (made, looked, live, restored)] == [0] * 4, restored.err
    assert f"已备份到 {copy}" in made.out
    assert looked.out.startswith("完好：登记册，备份于 20")
    assert live.out.startswith("完好：登记册，变更到 ")
    kept = Path(restored.out.split("原来的内容在 ")[1].strip())
    assert admin("db", "verify", kept).code == 0
    db.connect()
    assert db.query("SELECT name FROM facility") == [("甲",)]


@SQLITE
def test_a_backup_that_is_no_longer_good_is_a_finding_and_refused(admin, tmp_path):
    copy = tmp_path / "copy.db"
    admin("db", "backup", copy)
    copy.write_bytes(copy.read_bytes()[:-4096])

    looked, restored, again = (
        admin("db", "verify", copy),
        admin("db", "restore", copy),
        admin("db", "backup", copy),
    )

    assert (looked.code, restored.code, again.code) == (3, 1, 1)
    assert "[damaged]" in looked.err
    assert "[damaged]" in restored.err
    assert "没有覆盖" in again.err


@SQLITE
def test_a_backup_of_a_registry_with_a_broken_audit_is_made_and_told(admin, tmp_path):
    a_place()
    [(keeper,)] = db.query("SELECT sql FROM sqlite_master WHERE name = 'change_keeps_values'")
    for each in ("DROP TRIGGER change_keeps_values", "UPDATE change SET actor = 'nobody'", keeper):
        db.execute(each)

    ran = admin("db", "backup", tmp_path / "copy.db")

    assert ran.code == 3
    assert "[broken_chain]" in ran.err
    assert (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("engine", ["postgresql"])
def test_on_postgresql_the_tools_to_use_are_named(admin, tmp_path):
    commands = (("backup", tmp_path / "copy.db"), ("restore", tmp_path / "copy.db"), ("verify",))
    for command in commands:
        ran = admin("db", *command)

        assert ran.code == 1
        assert "pg_dump" in ran.err
        assert "pg_restore" in ran.err


def ask(port: int, tag: str | None = None) -> tuple[int, str | None, list[str]]:
    """(status, ETag, the names of the places) of a family's question."""
    url = f"http://127.0.0.1:{port}/api/v1/facilities?lat={LAT:.3f}&lng={LNG:.3f}&datum=wgs84"
    try:
        with urlopen(Request(url, headers={"If-None-Match": tag} if tag else {}), timeout=20) as answer:
            names = [item["name"] for item in json.load(answer)["items"]]
            return answer.status, answer.headers["ETag"], names
    except HTTPError as error:
        return error.code, None, []


@SQLITE
def test_families_are_answered_while_it_is_restored_and_see_it_at_once(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("SERVICEMAP_READS_PER_MINUTE", "0")
    copy = tmp_path / "copy.db"
    a_place("甲")
    for number in range(200):
        a_place(f"远 {number}", lng=LNG + 1)
    run_admin("db", "backup", copy, url=registry)
    db.connect()
    a_place("乙")
    stop, seen, torn = threading.Event(), Counter(), []

    def go_on(port: int) -> None:
        while not stop.is_set():
            status, _, names = ask(port)
            seen[status] += 1
            if status == 200 and sorted(names) not in (["乙", "甲"], ["甲"]):
                torn.append(names)

    with serving(registry) as (_, port):
        families = [threading.Thread(target=go_on, args=(port,)) for _ in range(3)]
        for family in families:
            family.start()
        try:
            for _ in range(RESTORES):
                _, tag, before = ask(port)
                restored = run_admin("db", "restore", copy, url=registry)
                status, _, after = ask(port, tag)

                assert restored.code == 0, restored.err
                assert sorted(before) == ["乙", "甲"]
                assert (status, after) == (200, ["甲"])
                db.connect()
                a_place("乙")
        finally:
            stop.set()
            for family in families:
                family.join()

    assert torn == []
    assert seen.keys() <= {200, 503}
    assert seen[200] > 50
