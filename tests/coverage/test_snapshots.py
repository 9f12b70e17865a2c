"""What is frozen stays: through edits, divisions that change, other processes, kills, and whoever writes in the tables."""

import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from random import Random

import peewee
import pytest

from servicemap import audit, db, divisions, edits, mergers
from servicemap.access import SEED, Actor
from servicemap.audit import write_txn
from servicemap.config import Settings
from servicemap.coverage import freezing, indicators, moved, publication, snapshots
from servicemap.division_changes import apply, merge, rename
from servicemap.division_plan import Order
from servicemap.edits import Asked
from servicemap.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnavailableError
from servicemap.imports import apply as imports
from tests.conftest import bound_to
from tests.factories import TODAY, a_batch, a_change, a_place, a_plan, a_tree, a_type, scaled

CITY, QINGCHENG = "441800000000", "441802000000"
STREET, NORTH, SOUTH, TEA = "441802001000", "441802001001", "441802001002", "441881450001"
OTHER = Actor("审核岗", "admin", "http")
ROOT = Path(__file__).parents[2]


def an_indicator():
    entry = {
        "id": "X",
        "name": "家长学校",
        "name_en": "X",
        "clause": "条",
        "quote": "文",
        "kind": "share",
        "department": "某部门",
        "targets": [{"at_least": "95", "due_year": 2030, "level": "city", "source": "规划"}],
        "definitions": [
            {
                "id": "a",
                "name": "居委会",
                "default": True,
                "numerator": {"types": ["parent_school"]},
                "denominator": {"level": "community", "community_kind": "residents_committee"},
            },
        ],
    }
    with write_txn(SEED) as log:
        indicators.set_indicator(log, 1, entry)


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    a_tree()
    an_indicator()


def frozen(on=TODAY, code=CITY, actor=SEED, **given):
    return freezing.freeze(actor, "2026", divisions.get(code, on=on), on, None, today=TODAY, **given)


def kept() -> list[bytes]:
    """Every frozen byte and fact."""
    return [tuple(map(str, row)) for row in db.query("SELECT * FROM snapshot ORDER BY id")] + [
        snapshots.content_bytes(number, public=public)
        for (number,) in db.query("SELECT id FROM snapshot ORDER BY id")
        for public in (False, True)
    ]


def test_the_same_registry_and_day_give_the_same_bytes_in_the_next_version():
    a_place(division=NORTH)

    first, second = frozen(), frozen()

    assert [first["version"], second["version"], frozen(code=QINGCHENG)["version"]] == [1, 2, 1]
    assert first["sha256"] == second["sha256"]
    assert snapshots.content_bytes(first["number"]) == snapshots.content_bytes(second["number"])
    assert first["anchor"] != second["anchor"]


def test_the_content_is_all_that_a_report_shows_with_the_clock_beside_it():
    a_place(division=NORTH)
    facts = frozen()

    content = snapshots.content_of(facts)
    raw = snapshots.content_bytes(facts["number"])

    rows = {row["division_name"]: (row["numerator"], row["denominator"]) for row in content["rows"]}
    assert rows == {
        "清远市": (1, 3),
        "清城区": (1, 2),
        "英德市": (0, 1),
        "凤城街道": (1, 2),
        "源潭镇": (0, 0),
        "沙口镇": (0, 0),
        "华侨茶场": (0, 1),
    }
    assert [gap["name"] for gap in content["gaps"]] == ["南门社区", "茶场社区"]
    [behind] = content["evidence"]["of"].values()
    assert [(each[0], content["evidence"]["places"][each[1]], *each[2:4]) for each in behind] == [
        (NORTH, "北门社区家长学校", "家长学校", "county"),
    ]
    assert [each["status"] for each in content["outlook"][:1]] == ["too_few"]
    assert content["period"] == {"key": "2026", "kind": "annual", "year": 2026, "name": "2026 年度"}
    assert (content["version"], content["anchor"], content["demo"]) == (1, facts["anchor"], False)
    assert not {"made_at", "version", "anchor"} & json.loads(raw).keys()
    assert (
        raw == json.dumps(json.loads(raw), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    )


def test_what_happens_afterwards_moves_no_byte(registry):
    mine, other = a_place(division=NORTH), a_place("又一处", division=SOUTH)
    frozen()
    frozen(code=QINGCHENG)
    before = kept()

    mine = a_change(mine, division=TEA)
    ask = Asked(SEED, "重复", edits.facilities.get(mine.code).version, {}, None, TODAY)
    mergers.merge(ask, mine.code, other.code, TODAY)
    a_change(edits.facilities.get(other.code), types=["parent_school"], closed_on=TODAY)
    batch, settings = a_batch([{"division": TEA}, {"division": NORTH}]), Settings(database_url=registry)
    a_plan(batch, settings)
    assert imports.apply(SEED, batch.id, settings, TODAY)["created"] == 2
    a_place("第三处", division=NORTH, opened_on=date(2020, 1, 1))
    for rows in (merge([NORTH, SOUTH], "441802001009", "大北门社区"), rename(QINGCHENG, "大清城区")):
        apply(SEED, Order(TODAY, rows), TODAY)

    assert kept() == before
    assert [each["problems"] for each in snapshots.verify(SEED)] == [[], []]
    assert [facts["division_name"] for facts in snapshots.find_all()] == ["清远市", "清城区"]


STATEMENTS = (
    "UPDATE {} SET reason = 'x'",
    "DELETE FROM {}",
    "INSERT INTO {} SELECT * FROM {} WHERE TRUE ON CONFLICT ({}) DO UPDATE SET reason = 'x'",
)
KEYS = {"snapshot": "id", "snapshot_step": "snapshot_id, state"}


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("table", KEYS)
def test_the_database_refuses_to_change_what_is_frozen_and_what_was_decided(table, statement):
    number = frozen()["number"]
    publication.approve(OTHER, number, TODAY)
    before = db.query(f"SELECT * FROM {table}")

    with pytest.raises(peewee.DatabaseError, match=f"{table} is append-only"), db.transaction():
        db.execute(statement.format(table, table, KEYS[table]))

    assert [tuple(map(str, row)) for row in db.query(f"SELECT * FROM {table}")] == [
        tuple(map(str, row)) for row in before
    ]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("number", ["1", "99"])
def test_sqlite_refuses_to_replace_a_version_under_the_same_or_another_number(number):
    frozen()
    columns = [row[1] for row in db.query("PRAGMA table_info(snapshot)")]
    forged = ", ".join([number, *("'x'" if name == "reason" else name for name in columns[1:])])

    with pytest.raises(peewee.DatabaseError, match="append-only"), db.transaction():
        db.execute(f"INSERT OR REPLACE INTO snapshot SELECT {forged} FROM snapshot WHERE id = 1")

    assert db.query("SELECT id, reason FROM snapshot") == [(1, None)]


@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("table", KEYS)
def test_postgresql_refuses_to_empty_the_tables(table):
    with pytest.raises(peewee.DatabaseError, match="append-only"), db.transaction():
        db.execute(f"TRUNCATE {table} CASCADE")


FORGED = {
    "content = public_content": ["content"],
    "public_content = content": ["public"],
    "content = public_content, sha256 = public_sha256": ["audit"],
    "version = 7": ["audit"],
    "as_of_on = '2026-01-01'": ["audit"],
    "anchor = '1:' || sha256": ["audit", "anchor"],
    "anchor = 'nonsense'": ["audit", "anchor"],
}


@pytest.mark.parametrize("change", FORGED)
def test_verifying_finds_what_was_changed_behind_the_triggers(engine, change):
    frozen()
    before = snapshots.verify(SEED)
    for trigger in ("snapshot_keeps",) if engine == "postgresql" else ("snapshot_keeps_values",):
        db.execute(f"DROP TRIGGER {trigger}{' ON snapshot' if engine == 'postgresql' else ''}")

    db.execute(f"UPDATE snapshot SET {change}")

    assert [each["problems"] for each in before] == [[]]
    assert [each["problems"] for each in snapshots.verify(SEED)] == [FORGED[change]]


def test_bytes_that_are_not_the_frozen_ones_are_shown_to_nobody(engine):
    facts = frozen()
    trigger = "snapshot_keeps ON snapshot" if engine == "postgresql" else "snapshot_keeps_values"
    db.execute(f"DROP TRIGGER {trigger}")

    for forged in (b"", b"not packed", facts["sha256"].encode()):
        db.execute("UPDATE snapshot SET content = ?", (forged,))
        with pytest.raises(UnavailableError, match="和冻结时不同"):
            snapshots.content_of(facts)


def test_a_day_to_come_or_of_another_year_and_an_unknown_period_are_refused():
    root = divisions.get(CITY)
    wrong = {
        ("2026", date(2026, 12, 31)): "future_day",
        ("2025", TODAY): "not_in_period",
        ("mid-2025", TODAY): "not_in_period",
        ("final", TODAY): "bad_period",
        ("２０２６", TODAY): "bad_period",
        ("2026\n", TODAY): "bad_period",
    }

    for (period, on), code in wrong.items():
        with pytest.raises(InvalidError) as refused:
            freezing.freeze(SEED, period, root, on, None, today=TODAY)
        assert refused.value.code == code
    assert snapshots.find_all() == []


def test_a_county_freezes_and_sees_its_own_alone():
    here = divisions.get(QINGCHENG)
    county = Actor("清城区", "admin", "http", here.id)
    number = frozen()["number"]
    own = frozen(code=QINGCHENG, actor=county)

    assert [facts["number"] for facts in snapshots.list_snapshots(county, None, None)] == [own["number"]]
    for forbidden in (
        lambda: frozen(actor=county),
        lambda: snapshots.get(county, number),
        lambda: snapshots.list_snapshots(county, divisions.get(CITY), None),
        lambda: publication.approve(county, number, TODAY),
        lambda: moved.compare(county, own["number"], number, TODAY),
    ):
        with pytest.raises(ForbiddenError):
            forbidden()
    with pytest.raises(NotFoundError):
        snapshots.find(999)


def test_what_is_sent_again_under_its_key_is_frozen_once():
    first, again = frozen(key="k"), frozen(key="k")

    assert first == again
    assert len(snapshots.find_all()) == 1


# What moved


def test_late_facts_are_told_apart_from_what_came_after():
    day, later = date(2026, 6, 30), date(2026, 9, 1)
    a_place(division=NORTH, opened_on=date(2026, 1, 1))
    number = frozen(on=day)["number"]
    before = kept()

    a_place("补报的", division=SOUTH, opened_on=date(2026, 2, 1))
    a_place("后来的", division=TEA, opened_on=later)
    items = moved.compare(SEED, number, None, TODAY)

    of_city = [item for item in items if item["division"] == CITY]
    assert kept() == before
    assert [
        (item["kind"], item["before"]["numerator"], item["after"]["numerator"], item["covered"])
        for item in of_city
    ] == [
        ("late", 1, 2, [{"code": SOUTH, "name": "南门社区"}]),
        ("since", 2, 3, [{"code": TEA, "name": "茶场社区"}]),
    ]
    late = [item["division_name"] for item in items if item["kind"] == "late"]
    assert late == ["清远市", "清城区", "凤城街道"]
    assert not any(item["missing"] for item in items)


def test_two_versions_of_one_day_differ_by_what_was_told_in_between():
    place = a_place(division=NORTH)
    first = frozen()
    assert moved.compare(SEED, first["number"], None, TODAY) == []
    a_change(place, division=SOUTH)
    second = frozen()

    items = moved.compare(SEED, first["number"], second["number"], TODAY)

    city = items[0]
    assert (city["kind"], city["before"], city["division"]) == ("late", city["after"], CITY)
    assert [city["covered"][0]["name"], city["missing"][0]["name"]] == ["南门社区", "北门社区"]
    with pytest.raises(InvalidError):
        moved.compare(SEED, first["number"], frozen(code=QINGCHENG)["number"], TODAY)


def test_a_division_that_has_gone_since_is_compared_up_to_its_end_and_refused_before_its_beginning():
    on = date(2026, 6, 30)
    number = frozen(on=on, code=NORTH)["number"]
    merger = Order(date(2026, 7, 1), merge([NORTH, SOUTH], "441802001009", "大北门社区"))
    apply(SEED, merger, TODAY)

    assert moved.compare(SEED, number, None, TODAY) == []
    db.execute("UPDATE division SET valid_to = '2026-06-30' WHERE padded_code = ?", (NORTH,))
    with pytest.raises(ConflictError):
        moved.compare(SEED, number, None, TODAY)


# Other processes


FREEZER = """
import sys
from datetime import date
from servicemap import db, divisions
from servicemap.access import SEED, Actor
from servicemap.coverage import freezing, publication, snapshots
db.open_database(sys.argv[1])
db.connect()
on = date.fromisoformat(sys.argv[2])
print("ready", flush=True)
while True:
    facts = freezing.freeze(SEED, "2026", divisions.get(sys.argv[3]), on, None, today=on)
    print(facts["sha256"], flush=True)
    if sys.argv[4] == "once":
        break
    publication.approve(Actor("b", "admin", "cli"), facts["number"], on)
    publication.publish(SEED, facts["number"], on)
"""


def a_freezer(url: str, how: str, **environ: str) -> subprocess.Popen:
    command = [sys.executable, "-c", FREEZER, url, str(TODAY), CITY, how]
    environ = {**os.environ, **environ}
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)


def test_every_process_freezes_the_same_bytes_whatever_its_hash_seed(registry):
    for number, code in enumerate((NORTH, SOUTH, TEA)):
        a_place(f"第 {number} 家", division=code, serves=[NORTH, TEA])
    here = frozen()["sha256"]

    told = []
    for seed in ("0", "1", "4418"):
        with a_freezer(registry, "once", PYTHONHASHSEED=seed) as process:
            told += process.stdout.read().split()[1:]

    assert told == [here] * 3


def test_a_kill_leaves_the_old_or_the_new_and_never_a_part(registry):
    random = Random(9)
    for _ in range(scaled(30, 5)):
        with a_freezer(registry, "on and on") as process:
            process.stdout.readline()
            time.sleep(random.uniform(0.02, 0.25))
            process.kill()

    db.database.close()
    with bound_to(registry):
        said = db.query("SELECT key, action FROM change WHERE noun = 'snapshot' ORDER BY key, action")
        found = snapshots.find_all()
        steps = [(str(each["number"]), step["state"]) for each in found for step in each["steps"]]
        assert sorted(said) == sorted([*steps, *((str(each["number"]), "freeze") for each in found)])
        assert [each["version"] for each in found] == list(range(1, len(found) + 1))
        assert [each["state"] for each in found].count("published") == 1
        assert not any(each["problems"] for each in snapshots.verify(SEED))
        assert audit.broken_link() is None
