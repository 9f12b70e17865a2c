"""The reference data are the real ones, and loading them again changes nothing."""

import csv

import pytest
import yaml

from seed.reference import FOLDER, load_reference
from servicemap import db, divisions
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.models import Division, Saying, Term
from tests.conftest import SHARED

REAL = ~Division.virtual


def count(*where) -> int:
    return Division.select().where(True, *where).count()


def test_the_divisions_are_counted_as_the_statistics_bureau_lists_them(reference):
    community = Division.level == "community"

    assert count() == 1336
    assert [count(Division.level == level) for level in ("city", "county", "town")] == [1, 8, 92]
    assert count(Division.level == "town", Division.pseudo) == 7
    assert [count(Division.town_kind == kind) for kind in ("street", "town", "township", "pseudo")] == [
        5,
        77,
        3,
        7,
    ]
    assert count(community) == 1235
    assert count(community, Division.community_kind == "residents_committee", REAL) == 198
    assert count(community, Division.community_kind == "villagers_committee", REAL) == 1031
    assert count(community, Division.virtual) == 6


@pytest.mark.shared_data
def test_the_divisions_are_the_ones_of_the_table(reference):
    with open(SHARED / "data" / "qingyuan_divisions_2023.csv", encoding="utf-8") as file:
        table = {row["code"]: (row["name"], row["parent_code"]) for row in csv.DictReader(file)}

    parents = {d.id: d.padded_code for d in Division.select()}
    ours = {d.padded_code: (d.name, parents.get(d.parent_id, "440000000000")) for d in Division.select()}

    assert ours == table


def test_loading_twice_changes_nothing(reference):
    before = db.query("SELECT seq, hash FROM change_head")

    again = load_reference()

    assert {name: counts["changed"] for name, counts in again.items()} == dict.fromkeys(again, 0)
    assert db.query("SELECT seq, hash FROM change_head") == before


def test_the_terms_are_dated_sourced_and_marked_until_they_are_checked(reference):
    terms = list(Term.select().order_by(Term.from_on))

    assert {term.kind for term in terms} == {"winter", "summer"}
    assert all(term.from_on < term.to_on and term.source for term in terms)
    assert all(term.to_check in (True, False) for term in terms)


def test_a_term_that_was_changed_is_mended_with_a_word_in_the_audit(reference):
    before = list(Term.select().order_by(Term.from_on).dicts())
    Term.update(to_check=False, source="传闻").execute()

    done = load_reference()["terms.yaml"]

    assert done == {"rows": len(before), "changed": len(before)}
    assert list(Term.select().order_by(Term.from_on).dicts()) == before
    changes = db.query("SELECT action FROM change WHERE noun = 'term' ORDER BY seq")
    assert changes == [("create",)] * len(before) + [("update",)] * len(before)


def test_a_saying_is_written_once_and_what_the_file_no_longer_says_is_taken_away(reference):
    before = {row.word: row.meaning for row in Saying.select()}
    written = yaml.safe_load((FOLDER / "sayings.yaml").read_text(encoding="utf-8"))
    with write_txn(SEED):
        Saying.delete().where(Saying.word == "家暴").execute()
        Saying.create(word="早些时候的词", meaning="filler")
        Saying.update(meaning="filler").where(Saying.word == "免费").execute()

    done = load_reference()["sayings.yaml"]

    assert sum(map(len, written.values())) + len(("110", "12345", "12355", "12338", "12356")) == len(before)
    assert done == {"rows": len(before) + 1, "changed": 3}
    assert {row.word: row.meaning for row in Saying.select()} == before


def test_the_counties_residents_sum_to_the_citys(reference):
    for kind, city in (("resident_census", 3969473), ("resident_yearend", 3986700)):
        rows = db.query(
            "SELECT d.level, SUM(p.persons) FROM population p JOIN division d ON d.id = p.division_id"
            " WHERE p.kind = ? GROUP BY d.level",
            (kind,),
        )
        # the year-end figures are published to the hundred, so the counties may miss the sum
        assert dict(rows)["city"] == city
        assert dict(rows)["county"] == pytest.approx(city, abs=1000)


def test_a_point_is_located_in_its_county(reference):
    assert Division.get_by_id(divisions.locate(113.0513, 23.7021)).name == "清城区"
    assert divisions.locate(112.0, 20.0) is None
