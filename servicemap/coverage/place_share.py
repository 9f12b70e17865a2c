"""Shares of places: how many of the places of some types are what the plan wants them to be.

A definition's numerator names the `types` of the places and one condition: `hosts` (types that have an active role at the
same place), `fee` (the role's own is one of these), `accessible` (it is), `assessed` (whether it is has been said at all).
The denominator is all those places; with `assessed` only those of which it has been said. What is not known is not no:
it stands apart (unanswered), so that a share has a least and a most. A place stands where it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from servicemap import db
from servicemap.coverage.indicators import Definition
from servicemap.coverage.roles import Active, active_roles, reached
from servicemap.coverage.tree import Tree
from servicemap.models import STEPS

Standing = list[tuple[int | None, int]]  # (division where a place stands, 1)
Known = Mapping[int, bool | None]  # role → whether it fulfils the condition; None: not known

BEST: Final = (True, None, False)


@dataclass(slots=True)
class Places:
    """Where the places stand: all of the denominator, those of the numerator by how far they have come, those that do
    not fulfil the condition, and those of which it is not known; of the last three only what the county has passed."""

    every: Standing = field(default_factory=list)
    steps: dict[str, Standing] = field(default_factory=lambda: {step: [] for step in (*STEPS, "verified")})
    no: Standing = field(default_factory=list)
    unknown: Standing = field(default_factory=list)


def places_of_share(tree: Tree, definition: Definition, on: date) -> Places:
    """Some three queries."""
    found = Places()
    for role, is_right in judged(tree, definition, on):
        at = [(tree.standing(role.stands, role.visibility), 1)]
        if is_right:
            for step in reached(role.state):
                found.steps[step] += at
        if role.state != STEPS[-1]:
            continue
        found.every += at
        if is_right:
            found.steps["verified"] += at if role.verified else []
        else:
            (found.unknown if is_right is None else found.no).extend(at)
    return found


def judged(tree: Tree, definition: Definition, on: date) -> list[tuple[Active, bool | None]]:
    """Each place of the denominator once, with whether it fulfils the condition; None: not known. Of several roles
    at one place the one that does, else one of which it is not known."""
    known = _known(tree, definition, on)
    found: dict[int, tuple[Active, bool | None]] = {}
    for role in active_roles(tree, definition, on):
        is_right = known.get(role.role if "fee" in definition.numerator else role.facility)
        before = found.get(role.facility)
        if before is None or BEST.index(is_right) < BEST.index(before[1]):
            found[role.facility] = role, is_right
    pairs = list(found.values())
    if "hosts" in definition.numerator:
        return [(role, bool(is_right)) for role, is_right in pairs]
    if "assessed" in definition.numerator:
        return [(role, is_right is not None) for role, is_right in pairs]
    if "assessed" in definition.denominator:
        return [(role, is_right) for role, is_right in pairs if is_right is not None]
    return pairs


def _known(tree: Tree, definition: Definition, on: date) -> Known:
    """By role for a fee, else by place."""
    rule = definition.numerator
    if "hosts" in rule:
        hosted = Definition(definition.id, definition.name, False, {"types": rule["hosts"]}, {})
        return {each.facility: True for each in active_roles(tree, hosted, on)}
    if "fee" in rule:
        rows = db.query("SELECT id, fee FROM role WHERE fee IS NOT NULL")
        return {role: fee in rule["fee"] for role, fee in rows}
    rows = db.query("SELECT id, accessible FROM facility WHERE accessible IS NOT NULL")
    return {facility: bool(accessible) for facility, accessible in rows}
