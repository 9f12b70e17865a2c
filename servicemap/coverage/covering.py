"""Shares of divisions: over which they are counted, and which of those are covered.

The rule (docs/decisions): an active role serves its explicit links, else the standing division's ancestor-or-self at the
role's level; a division is covered when an active role of the types serves it or a descendant of it, never an ancestor.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from servicemap import db
from servicemap.coverage.indicators import Definition
from servicemap.coverage.roles import Way, served, ways
from servicemap.coverage.tree import LFT, PLACED, VALID, Tree
from servicemap.models import LEVELS, STEPS

IN_LIST = """(d.id IN (SELECT m.division_id FROM denominator_member m WHERE m.list_id = ?)
  OR NOT EXISTS (SELECT 1 FROM denominator_member m WHERE m.list_id = ?))"""
IN_TOWN = "EXISTS (SELECT 1 FROM division t WHERE t.id IN (d.id, d.parent_id) AND t.level = 'town' AND t.town_kind IN ({kinds}))"


def denominator_ids(tree: Tree, definition: Definition) -> set[int] | None:
    """The divisions that a share is counted over; None when it needs urban–rural classes and none are known."""
    placed = denominator(tree, definition.denominator)
    return None if placed is None else {each % LFT for each in placed}


def denominator(tree: Tree, rule: Mapping[str, Any]) -> Sequence[int] | None:
    """Them, sorted as PLACED; None likewise. One query a rule, asked for once a tree."""
    return tree.once(("denominator", str(rule)), lambda: _denominator(tree, rule))


def _denominator(tree: Tree, rule: Mapping[str, Any]) -> Sequence[int] | None:
    day = tree.on.isoformat()
    sql, params = (
        f"FROM division d WHERE {VALID} AND d.level = ? AND NOT d.virtual",
        [day, day, rule["level"]],
    )
    if "list" in rule:
        sql += f" AND {IN_LIST}"
        params += [rule["list"], rule["list"]]
    if kinds := rule.get("community_kind"):
        sql += f" AND d.community_kind IN ({', '.join('?' * len(kinds))})"
        params += kinds
    if kinds := rule.get("town_kind"):
        sql += f" AND {IN_TOWN.format(kinds=', '.join('?' * len(kinds)))}"
        params += kinds
    if begins := rule.get("urban_rural"):
        if not db.query(f"SELECT 1 {sql} AND d.urban_rural <> '' LIMIT 1", params):
            return None
        sql += " AND d.urban_rural LIKE ?"
        params.append(f"{begins}%")
    return sorted(db.numbers(f"SELECT {PLACED} AS n {sql}", params))


def covered_ids(tree: Tree, definition: Definition, on: date) -> dict[str, set[int]]:
    """{step: the divisions at the denominator's level that an active role of the types covers, of a place that
    has come at least to this step}; the official figure is county's, and `verified` those of them that such a
    place covers which was looked at within VERIFIED_MONTHS. Only divisions of the level are to be sought in it."""
    level = definition.denominator["level"]
    covered: dict[str, set[int]] = {step: set() for step in (*STEPS, "verified")}
    for way, ids in ways(tree, definition, on).items():
        if definition.numerator.get("own_level") and way.level != level:
            continue
        at = _covered(tree, way, ids, level)
        for step in way.steps:
            covered[step] |= at
    return covered


def _covered(tree: Tree, way: Way, ids: set[int], level: str) -> set[int]:
    if level == LEVELS[-1]:  # nothing stands below it, so who serves one covers that alone
        return ids if way.linked or (way.level == level and not way.hidden) else set()
    at = {tree.climb(served(tree, id_, *way[:3]), level) for id_ in ids}
    return {id_ for id_ in at if id_ is not None}
