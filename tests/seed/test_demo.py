"""The demo is invented, looks real, and stays apart."""

import json

import pytest

from seed.demo import load_demo, remove_demo
from servicemap import audit, db, geo
from servicemap import registry as registries
from servicemap.config import Settings
from servicemap.errors import ConflictError
from servicemap.finder.hotlines import hotlines
from servicemap.models import Shape
from tests.factories import TODAY


def test_about_two_thousand_places_that_say_that_they_are_invented(demo):
    names = db.query("SELECT name, phone FROM facility WHERE source <> 'hotline'")

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


def some(sql: str) -> int:
    return db.query(f"SELECT COUNT(*) FROM {sql}")[0][0]


def test_it_has_every_kind_of_trouble(demo):
    assert some("facility WHERE lat IS NULL") > 50
    assert some("facility WHERE position_precision IN ('community', 'town')") > 50
    assert some("role WHERE closed_on IS NOT NULL") > 20
    assert some("role WHERE opened_on > '2026-11-23'") > 5
    assert some("(SELECT facility_id FROM role GROUP BY facility_id HAVING COUNT(*) > 1) x") > 200
    assert some("role_serves") > 10
    assert some("verification WHERE verified_on < '2025-11-23'") > 100


def test_its_nurseries_say_what_a_mother_asks_with_numbers_that_are_visibly_invented(demo):
    numbers = db.query(
        "SELECT registration_no FROM role WHERE registration_no IS NOT NULL"
        " UNION ALL SELECT inclusive_no FROM role WHERE inclusive_no IS NOT NULL"
    )

    assert len(numbers) == len(set(numbers)) > 200
    assert all(number.startswith("示例-") for (number,) in numbers)
    for kind in ("infant", "toddler", "senior", "mixed"):
        assert some(f"role_class WHERE kind = '{kind}' AND monthly_fee BETWEEN 1000 AND 4000") > 20
    assert some("role WHERE forms IS NOT NULL AND meals IS NOT NULL AND prepaid_months > 0") > 100
    assert some("role WHERE NOT inclusive") > 50
    assert some("role WHERE inclusive AND monthly_fee IS NOT NULL") > 50


def test_the_classes_of_a_nursery_add_up_to_its_places(demo):
    wrong = db.query(
        "SELECT p.role_id FROM role_places p JOIN role_class c ON c.role_id = p.role_id"
        " GROUP BY p.role_id, p.registered, p.taken"
        " HAVING SUM(c.registered) <> p.registered OR SUM(c.taken) <> p.taken"
    )

    assert wrong == []


def test_what_is_online_or_comes_home_is_there_and_not_on_the_map(demo):
    rows = db.query(
        "SELECT delivery, lat, position_precision FROM facility WHERE delivery IN ('online', 'at_home')"
    )

    assert sorted(rows) == [("at_home", None, "none")] * 4 + [("online", None, "none")]


def test_again_it_changes_nothing(demo):
    seq, known = audit.head_seq(), some("facility WHERE source = 'demo'")

    counts = load_demo(Settings(database_url=demo), TODAY)

    assert (counts["created"], counts["updated"], counts["unchanged"]) == (0, 0, known)
    assert audit.head_seq() == seq


def test_it_never_enters_a_real_registry(reference):
    with pytest.raises(ConflictError) as refused:
        load_demo(Settings(database_url=reference), TODAY)

    assert refused.value.code == "not_a_demo_database"
    assert "db create --demo" in refused.value.detail


def test_removed_it_leaves_a_real_registry_with_the_hotlines_and_the_audit(demo):
    known = some("facility WHERE source = 'demo'")

    assert remove_demo() == known

    assert not registries.is_demo()
    assert [some(table) for table in ("facility", "role", "card", "list_row")] == [5, 5, 5, 10]
    assert [some(table) for table in ("search_row", "role_class", "role_places", "verification")] == [0] * 4
    assert hotlines(TODAY) == [1, 2, 3, 4, 5]
    assert audit.broken_link() is None
