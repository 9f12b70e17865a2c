"""Who may do what where: the rule against an oracle that walks from parent to parent."""

from random import Random

import pytest

from servicemap import db
from servicemap.access import ALLOWED, ANONYMOUS, SEED, WHOLE, Actor, can, ids_in_scope
from servicemap.models import Division
from tests.factories import a_tree, scaled

ACTIONS = sorted(set().union(*ALLOWED.values()))
# the rule once more, as a table that a person can read
MAY = {
    "public": set(),
    "viewer": {"read_record", "read_live_coverage"},
    "editor": {"read_record", "read_live_coverage", "edit", "import", "report"},
    "verifier": {"read_record", "read_live_coverage", "edit", "import", "report", "review"},
    "reporter": {"read_live_coverage", "report"},
    "monitor": {"read_live_coverage", "monitor", "freeze"},
    "assessor": {"read_live_coverage", "assess", "freeze", "publish"},
    "approver": {"read_live_coverage", "approve"},
    "admin": set(ACTIONS),
}


def ancestors(parents: dict[int, int | None], division_id: int | None) -> set[int]:
    found = set()
    while division_id is not None:
        found.add(division_id)
        division_id = parents[division_id]
    return found


def right(parents: dict[int, int | None], actor: Actor, action: str, places: list[int | None]) -> bool:
    if action not in MAY[actor.role]:
        return False
    if actor.scope is None:
        return True
    return action not in ("manage_divisions", "manage_indicators", "check_registry") and all(
        actor.scope in ancestors(parents, place) for place in places if place is not None
    )


def prefix_rule(codes: dict[int, str], actor: Actor, action: str, places: list[int | None]) -> bool:
    """The known-bad way: scope by the beginning of the code."""
    own = codes[actor.scope].rstrip("0") if actor.scope else ""
    return action in MAY[actor.role] and all(codes[p].startswith(own) for p in places if p)


@pytest.mark.usefixtures("reference")
def test_scope_is_ancestry_whatever_the_codes_look_like():
    rows = db.query("SELECT id, parent_id, padded_code FROM division")
    parents, codes = {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}
    ids, random = sorted(parents), Random(12)
    bad = 0

    for _ in range(scaled(200_000, 4_000)):
        scope = random.choice([None, *random.sample(ids, 3)])
        actor = Actor("post", random.choice(sorted(MAY)), "http", scope)
        near = [id_ for id_ in random.sample(ids, 4) if scope is None or scope in ancestors(parents, id_)]
        places = [random.choice([None, random.choice(ids), scope, *near]) for _ in range(2)]
        action = random.choice(ACTIONS)

        answer = can(actor, action, *places)

        assert answer == right(parents, actor, action, places), (actor, action, places)
        bad += prefix_rule(codes, actor, action, places) != answer
    assert bad > 0  # the control is caught


@pytest.mark.usefixtures("registry")
def test_the_ids_in_scope_are_those_that_can_says():
    a_tree()
    for division in Division.select():
        actor = Actor("post", "editor", "http", division.id)

        ids = ids_in_scope(actor)

        assert ids == {d.id for d in Division.select() if can(actor, "edit", d.id)}
    assert ids_in_scope(SEED) is None
    assert not can(ANONYMOUS, None)
    assert can(SEED, None)
    assert ALLOWED["admin"] >= WHOLE
