"""The data checks: each finds what was planted, and nothing in a registry that is whole."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from servicemap import checks, db, registry
from servicemap.access import SEED
from servicemap.checks import Finding
from servicemap.models import Indicator
from servicemap.records import public_code
from tests.factories import TODAY, a_place, a_tree, a_type
from tests.test_todo import a_shape

SUNNY = {"hours": "周一至周五 9:00-17:00", "address": "北门街 3 号"}


@pytest.fixture
def whole(registry: str) -> str:
    """A registry without a fault, of a few places."""
    a_tree()
    a_shape("441802000000", 112.9, 23.5, 113.3, 23.9)
    a_shape("441881000000", 113.3, 23.9, 113.6, 24.3)
    a_place("甲家长学校", serves=["441802001002"], verified_on=TODAY, accessible=True, **SUNNY)
    a_place("乙托育园", types=("nursery", "childrens_home"), age_from_months=6, monthly_fee=900, lng=113.2)
    a_place("临时庇护", visibility="contact_only", lng=113.1, **SUNNY)
    a_place("网上家长学校", delivery="online", lng=None)
    a_place("将要开的", opened_on=TODAY + timedelta(days=30), lng=113.15)
    a_place("关了的", closed_on=TODAY - timedelta(days=30), lng=113.16)
    return registry


def found(today=TODAY) -> list[tuple[str, str]]:
    return [(finding.check, finding.subject) for finding in checks.run(today)]


def past_the_database(sql: str) -> None:
    """A fault that the database's own rules would refuse."""
    if db.is_sqlite():
        db.execute("PRAGMA foreign_keys = off")
        db.execute("PRAGMA ignore_check_constraints = on")
        db.execute(sql)
        db.execute("PRAGMA ignore_check_constraints = off")
        db.execute("PRAGMA foreign_keys = on")
        return
    names = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'role'::regclass"
    for table, name in db.query(names):
        db.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    db.execute(sql)


def test_nothing_is_found_in_a_registry_that_is_whole(whole):
    assert found() == []
    assert found(TODAY + timedelta(days=31)) == []  # cards that the day has made due are no fault


FAULTS: dict[str, tuple[Callable[[], object], tuple[str, str]]] = {
    "hours": (lambda: a_place("丙", hours="看心情", lng=113.11), ("hours", public_code(7))),
    "closed before opened": (
        lambda: past_the_database("UPDATE role SET opened_on = '2026-02-01', closed_on = '2026-01-01' WHERE facility_id = 6"),
        ("dates", public_code(6)),
    ),
    "a link that ends before it begins": (
        lambda: db.execute("UPDATE role_serves SET from_on = '2027-01-01', to_on = '2026-12-01'"),
        ("dates", public_code(1)),
    ),
    "stands higher": (lambda: a_place("丙", division="441802001000"), ("higher", public_code(7))),
    "outside": (lambda: a_place("丙", lng=113.4, lat=24.0), ("outside", public_code(7))),
    "twice": (lambda: a_place("甲 家长学校"), ("duplicate", public_code(1))),
    "an ended division": (
        lambda: db.execute("UPDATE division SET valid_to = '2026-11-23' WHERE code = '441802001001'"),
        ("ended_division", public_code(1)),
    ),
    "a card of other words": (
        lambda: db.execute("UPDATE card SET body = replace(body, '甲家长', '假家长')"),
        ("cards", public_code(1)),
    ),
    "a search row that lacks": (lambda: db.execute("DELETE FROM search_row WHERE facility_id = 2"), ("cards", public_code(2))),
    "a list row that lies": (
        lambda: db.execute("UPDATE list_row SET monthly_fee = 1 WHERE facility_id = 2"), ("cards", public_code(2))),
    "a search key that lacks": (
        lambda: db.execute("UPDATE search_key SET ch = 'x' WHERE facility_id = 2"), ("cards", public_code(2))),
    "a row of nobody": (
        lambda: db.execute("INSERT INTO search_row (walk, morton, facility_id, offer, lng, lat, flags, division_id) VALUES (0, 1, 99, 0, 113, 23, 0, 1)"),
        ("stray_rows", public_code(99))),
    "a hidden place with a position": (
        lambda: db.execute("INSERT INTO search_row (walk, morton, facility_id, offer, lng, lat, flags, division_id) VALUES (0, 1, 3, 0, 113, 23, 0, 1)"),
        ("stray_rows", public_code(3))),
    "a county without a shape": (
        lambda: db.execute("DELETE FROM shape WHERE west > 113.1"), ("shapes", "441881000000")),
    "an indicator of no type": (
        lambda: Indicator.create(
            id="T99", position=99, name="x", name_en="x", clause="x", quote="x", kind="count", unit="个", department="x",
            is_key=False, better="up", definitions=json.dumps([{"id": "a", "name": "x", "default": True, "numerator": {"types": ["moon_base", "nursery"]}, "denominator": {}}]),
        ), ("indicators", "T99")),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_with_a_hint_what_to_type(whole, fault):
    plant, expected = FAULTS[fault]
    plant()

    findings: list[Finding] = checks.run(TODAY)

    assert expected in [(finding.check, finding.subject) for finding in findings]
    assert all(finding.hint.startswith("servicemap-admin ") and finding.problem for finding in findings)


def test_an_indicator_of_known_types_is_no_finding(whole):
    a_type("nursery")
    definition = {
        "id": "a",
        "name": "x",
        "default": True,
        "numerator": {"types": ["nursery"]},
        "denominator": {},
    }
    Indicator.create(
        id="T98", position=98, name="x", name_en="x", clause="x", quote="x", kind="count", unit="个",
        department="x", is_key=False, better="up", definitions=json.dumps([definition]),
    )  # fmt: skip

    assert found() == []


def test_a_chain_that_was_written_anew_is_found(whole):
    for (name,) in db.query(_TRIGGERS[db.engine()]):
        db.execute(f"DROP TRIGGER {name}" + ("" if db.is_sqlite() else " ON change"))
    db.execute("UPDATE change SET actor = 'nobody' WHERE seq = 3")

    assert ("audit", "3") in found()


_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'change'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'change'::regclass AND NOT tgisinternal",
}


def test_one_roll_over_of_all_makes_faces_and_rows_right_again(whole):
    for fault in (
        "a card of other words",
        "a search row that lacks",
        "a list row that lies",
        "a row of nobody",
        "a hidden place with a position",
        "a search key that lacks",
    ):
        FAULTS[fault][0]()
    wrong = found()

    registry.roll_over(SEED, TODAY, all_of_them=True)

    assert {check for check, _ in wrong} == {"cards", "stray_rows"}
    assert found() == []


def test_one_check_lists_no_more_than_its_share(whole):
    for number in range(checks.MOST + 20):
        a_place(f"第 {number} 处", hours=f"看心情 {number}", lng=None)

    assert len(checks.run(TODAY)) == checks.MOST
