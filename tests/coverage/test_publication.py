"""Frozen, approved by another, published, replaced, retracted: a random walk against an oracle, and who may."""

import json
from dataclasses import dataclass, field
from random import Random

import pytest

from servicemap import audit, db, divisions
from servicemap.access import SEED, Actor
from servicemap.coverage import publication, snapshots
from servicemap.coverage.content import for_everybody
from servicemap.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, RegistryError
from servicemap.models import Division
from tests.coverage.test_snapshots import CITY, NORTH, OTHER, QINGCHENG, STREET, an_indicator, frozen
from tests.factories import TODAY, TREE, a_place, a_tree, a_type, scaled

ONE, TWO = Actor("甲", "admin", "http"), OTHER


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    a_tree()
    an_indicator()


def published(code=CITY):
    number = frozen(code=code)["number"]
    publication.approve(OTHER, number, TODAY)
    return publication.publish(SEED, number, TODAY)


def test_who_froze_does_not_approve_under_another_name_of_the_machine_either():
    number = frozen(actor=Actor("li@pc as 甲", "admin", "cli"))["number"]

    for same in (ONE, Actor("wang@pc as 甲", "admin", "cli")):
        with pytest.raises(ForbiddenError) as refused:
            publication.approve(same, number, TODAY)
        assert refused.value.code == "own_snapshot"
    with pytest.raises(ConflictError):
        publication.publish(OTHER, number, TODAY)

    assert publication.approve(OTHER, number, TODAY)["state"] == "approved"


def test_a_newer_version_replaces_the_older_which_stays_readable_by_its_number():
    a_place(division=NORTH)
    old = published()
    a_place("又一处", division="441802001002")
    new = published()

    standing, figures = publication.get_published("2026", None, None)
    replaced, figures_before = publication.get_published("2026", None, 1)

    assert (standing["version"], standing["state_name"], standing["replaced_by"]) == (2, "已公布", None)
    assert (replaced["version"], replaced["state_name"], replaced["replaced_by"]) == (1, "被代替", 2)
    assert [json.loads(each)["rows"][0]["numerator"] for each in (figures, figures_before)] == [2, 1]
    assert [snapshots.find(each["number"])["state"] for each in (old, new)] == ["replaced", "published"]


def test_of_a_retracted_version_stays_that_it_was_and_why():
    number = published()["number"]
    with pytest.raises(InvalidError):
        publication.retract(SEED, number, TODAY, " \n")

    publication.retract(SEED, number, TODAY, "分母有误")
    alone, nothing = publication.get_published("2026", None, None)
    published()
    after, _ = publication.get_published("2026", None, 1)

    assert (alone["state_name"], alone["reason"], alone["replaced_by"]) == ("已撤回", "分母有误", None)
    assert (json.loads(nothing)["rows"], json.loads(nothing)["on"]) == ([], str(TODAY))
    assert (after["state"], after["replaced_by"]) == ("retracted", 2)
    assert [item["version"] for item in publication.list_published()] == [1, 2]


def test_an_older_version_waits_until_the_newer_one_is_retracted():
    first, second = (frozen()["number"] for _ in range(2))
    for number in (first, second):
        publication.approve(OTHER, number, TODAY)
    publication.publish(SEED, second, TODAY)

    with pytest.raises(ConflictError) as refused:
        publication.publish(SEED, first, TODAY)
    publication.retract(SEED, second, TODAY, "x")

    assert refused.value.code == "newer_published"
    assert publication.publish(SEED, first, TODAY)["state"] == "published"


@pytest.mark.parametrize("code", [STREET, NORTH])
def test_what_lies_below_a_county_is_not_published(code):
    number = frozen(code=code)["number"]
    publication.approve(OTHER, number, TODAY)

    with pytest.raises(InvalidError) as refused:
        publication.publish(SEED, number, TODAY)

    assert refused.value.code == "not_for_publication"
    assert publication.list_published() == []


@pytest.mark.parametrize("code", [CITY, QINGCHENG])
def test_what_is_published_names_nothing_below_a_county(code):
    a_place(division=NORTH)
    published(code)

    text = publication.get_published("2026", None, None)[1].decode()

    below = [(code, name) for code, name, level, _ in TREE if level in ("town", "community")]
    assert [each for pair in below for each in pair if each in text] == []
    assert "清城区" in text


def test_what_compares_is_published_where_it_compares_counties_and_nothing_unknown_ever():
    row = {"level": "county", "division": QINGCHENG}
    whole = {
        "on": str(TODAY),
        "indicators": [],
        "rows": [row, {"level": "town"}],
        "gaps": [1],
        "evidence": [1],
        "ranking": [1],
        "disparity": [1],
        "outlook": [1],
        "reach": [1],
        "new": [1],
    }

    shown = [
        for_everybody({**whole, "division": {"code": "x", "name": "x", "level": level}})
        for level in ("city", "county")
    ]

    assert [sorted(each) for each in shown] == [
        ["disparity", "division", "indicators", "on", "ranking", "rows"],
        ["division", "indicators", "on", "rows"],
    ]
    assert [each["rows"] for each in shown] == [[row]] * 2


def test_without_a_division_the_highest_that_has_one_answers():
    published(QINGCHENG)
    county = publication.get_published("2026", None, None)[0]
    published()
    city = publication.get_published("2026", None, None)[0]
    named = publication.get_published("2026", divisions.get(QINGCHENG).id, None)[0]

    assert [each["division"] for each in (county, city, named)] == [QINGCHENG, CITY, QINGCHENG]
    for wrong in (("2025", None, None), ("2026", None, 9), ("nonsense", None, None), ("2026", 999, None)):
        with pytest.raises(NotFoundError) as missing:
            publication.get_published(*wrong)
        assert missing.value.code == "not_published"


def freeze_and_publish(url: str, number: int) -> str:
    """What came of it: published, or the code of the refusal."""
    db.open_database(url)
    db.connect()
    made = frozen(actor=Actor(f"岗位 {number}", "admin", "http"))["number"]
    try:
        publication.approve(SEED, made, TODAY)
        return publication.publish(SEED, made, TODAY)["state"]
    except ConflictError as error:
        return error.code
    finally:
        db.database.close()


def test_of_several_who_publish_at_once_one_version_stands_and_it_is_the_newest(registry, in_processes):
    said = in_processes(freeze_and_publish, registry, 4)

    found = snapshots.find_all()
    assert [facts["version"] for facts in found] == [1, 2, 3, 4]
    assert found[-1]["state"] == "published"
    assert {facts["state"] for facts in found[:-1]} <= {"approved", "replaced"}
    assert set(said) <= {"published", "newer_published"}
    assert not any(each["problems"] for each in snapshots.verify(SEED))


# The oracle: what stands on paper of one period and division


@dataclass
class Paper:
    by: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def freeze(self, who, _):
        self.by.append(who.name)
        self.states.append("frozen")

    def approve(self, who, n):
        self._require(self.states[n] == "frozen" and self.by[n] != who.name)
        self.states[n] = "approved"

    def publish(self, who, n):
        self._require(self.states[n] == "approved" and "published" not in self.states[n + 1 :])
        self.states = ["replaced" if state == "published" else state for state in self.states]
        self.states[n] = "published"

    def retract(self, who, n):
        self._require(self.states[n] in ("published", "replaced"))
        self.states[n] = "retracted"

    def _require(self, may):
        if not may:
            raise AssertionError


def test_a_random_walk_goes_as_it_does_on_paper():
    random = Random(33)
    papers = {code: Paper() for code in (CITY, QINGCHENG)}
    numbers: dict[str, list[int]] = {code: [] for code in papers}
    head = audit.head().seq
    done = 0

    for step in range(scaled(1500, 150)):
        code, who = random.choice(list(papers)), random.choice((ONE, TWO))
        verb = random.choice(("freeze", "approve", "approve", "publish", "publish", "retract"))
        paper = papers[code]
        if verb != "freeze" and not paper.states:
            continue
        n = random.randrange(len(paper.states)) if paper.states else 0
        try:
            getattr(paper, verb)(who, n)
            expected = True
        except AssertionError:
            expected = False
        try:
            if verb == "freeze":
                numbers[code].append(frozen(code=code, actor=who)["number"])
            else:
                more = ("错了",) if verb == "retract" else ()
                getattr(publication, verb)(who, numbers[code][n], TODAY, *more)
            happened = True
        except RegistryError:
            happened = False
        assert (step, verb, happened) == (step, verb, expected)
        done += happened

    for code, paper in papers.items():
        found = snapshots.find_all("d.padded_code = ?", (code,))
        assert [facts["state"] for facts in found] == paper.states
        assert paper.states.count("published") <= 1
        shown = [item["state"] for item in publication.list_published() if item["division"] == code]
        assert shown == [s for s in paper.states if s in ("published", "replaced", "retracted")]
    replacements = db.query("SELECT COUNT(*) FROM snapshot_step WHERE state = 'replaced'")[0][0]
    assert audit.head().seq - head == done + replacements
    assert audit.broken_link() is None
    assert Division.select().count() == len(TREE)
