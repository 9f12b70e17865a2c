"""The demo is invented, looks real, and stays apart."""

import json

import pytest

from seed.demo import load_demo, remove_demo
from servicemap import audit, db, geo
from servicemap import registry as registries
from servicemap.config import Settings
from servicemap.errors import ConflictError
from servicemap.models import Shape
from tests.factories import TODAY


def test_about_two_thousand_places_that_say_that_they_are_invented(demo):
    names = db.query("SELECT name, phone FROM facility")

    assert 1800 <= len(names) <= 2200
    assert all(name.startswith("示例·") and phone is None for name, phone in names)


def test_every_position_is_inside_its_own_county(demo):
    shapes = {s.division_id: json.loads(s.geometry) for s in Shape.select()}
    rows = db.query(
        "SELECT f.lng, f.lat, c.id FROM facility f JOIN division d ON d.id = f.division_id"
        " JOIN division c ON c.level = 'county' AND d.lft BETWEEN c.lft AND c.rgt WHERE f.lat IS NOT NULL"
    )

    assert len(rows) > 1500
    assert all(geo.contains(shapes[county], lng, lat) for lng, lat, county in rows)


def test_it_has_every_kind_of_trouble(demo):
    def some(sql: str) -> int:
        return db.query(f"SELECT COUNT(*) FROM {sql}")[0][0]

    assert some("facility WHERE lat IS NULL") > 50
    assert some("facility WHERE position_precision IN ('community', 'town')") > 50
    assert some("role WHERE closed_on IS NOT NULL") > 20
    assert some("role WHERE opened_on > '2026-11-23'") > 5
    assert some("(SELECT facility_id FROM role GROUP BY facility_id HAVING COUNT(*) > 1) x") > 200
    assert some("role_serves") > 10
    assert some("verification WHERE verified_on < '2025-11-23'") > 100


def test_again_it_changes_nothing(demo):
    seq, (known,) = audit.head_seq(), db.query("SELECT COUNT(*) FROM facility")[0]

    counts = load_demo(Settings(database_url=demo), TODAY)

    assert (counts["created"], counts["updated"], counts["unchanged"]) == (0, 0, known)
    assert audit.head_seq() == seq


def test_it_never_enters_a_real_registry(reference):
    with pytest.raises(ConflictError) as refused:
        load_demo(Settings(database_url=reference), TODAY)

    assert refused.value.code == "not_a_demo_database"
    assert "db create --demo" in refused.value.detail


def test_removed_it_leaves_an_empty_real_registry_and_the_audit(demo):
    (known,) = db.query("SELECT COUNT(*) FROM facility")[0]

    assert remove_demo() == known

    assert not registries.is_demo()
    for table in ("facility", "role", "card", "search_row", "list_row"):
        assert db.query(f"SELECT COUNT(*) FROM {table}") == [(0,)]
    assert audit.broken_link() is None
