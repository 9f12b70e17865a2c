"""收表: what every community is asked once a year. A row a community and type that an indicator counts there,
filled with what the registry knows, in the fields of the import."""

from datetime import date
from typing import Any

from servicemap import db
from servicemap.coverage.covering import denominator_ids
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.tree import Tree
from servicemap.facility_types import Kinds
from servicemap.facts import rows_of
from servicemap.models import Division
from servicemap.records import load

LEVEL = "community"


def asked_types(tree: Tree) -> dict[int, set[str]]:
    """Community id → the keys of the types that the indicators count there by their default definitions."""
    asked: dict[int, set[str]] = {}
    for indicator in list_indicators():
        definition = indicator.definitions[0]
        if indicator.kind == "share" and definition.denominator["level"] == LEVEL:
            for id_ in denominator_ids(tree, definition) or ():
                asked.setdefault(id_, set()).update(definition.numerator["types"])
    return asked


def asked_rows(
    root: Division, on: date, *, after: str, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of at most `limit` communities within the root beyond the padded code `after`, by code; and
    the last code, when there are more. `town` and `community` name where the row belongs.

    Of a type that the community has, a row for each such place that is not closed; else an empty one.
    """
    tree, kinds = Tree(on), Kinds()
    asked = asked_types(tree)
    nodes = [
        node
        for node in tree.nodes.values()  # by code
        if node.id in asked and node.code > after and tree.climb(node.id, root.level) == root.id
    ]
    shown = nodes[:limit]
    known = _known_rows([node.id for node in shown], kinds, on)
    rows: list[dict[str, Any]] = []
    for node in shown:
        town = tree.nodes.get(tree.climb(node.id, "town") or 0)
        place = {"town": town.name if town else "", "community": node.name, "division": node.code}
        for kind in kinds.all:
            if kind.key in asked[node.id]:
                empty = [{"type": kind.name, "presence": ""}]
                rows += [place | row for row in known.get((node.code, kind.name), empty)]
    return rows, shown[-1].code if len(nodes) > limit else None


def _known_rows(
    division_ids: list[int], kinds: Kinds, on: date
) -> dict[tuple[str, str], list[dict[str, str]]]:
    """(padded division code, name of the type) → its places' rows."""
    if not division_ids:
        return {}
    marks = ", ".join("?" * len(division_ids))
    sql = f"SELECT id FROM facility WHERE division_id IN ({marks}) ORDER BY id"
    records = load([id_ for (id_,) in db.query(sql, division_ids)]).values()
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows_of(records, kinds):
        if row.get("closed_on", "9999") > on.isoformat():
            found.setdefault((row["division"], row["type"]), []).append(row | {"presence": "有"})
    return found
