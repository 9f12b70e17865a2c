"""The divisions of a day as measuring needs them: who stands above whom, and what is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from servicemap import db
from servicemap.models import LEVELS
from servicemap.nones import Nones

Holders = Callable[[int | None], tuple[int, ...]]
RANK = {level: number for number, level in enumerate(LEVELS)}


@dataclass(slots=True)
class Node:
    """A division of the tree on a day, as measuring needs it."""

    id: int
    code: str
    name: str
    level: str
    parent_id: int | None
    community_kind: str | None
    town_kind: str | None
    urban_rural: str | None
    virtual: bool
    pseudo: bool


class Tree:
    """All divisions valid on a day, as they were called then. `public`: as everybody may know them measured. One query."""

    def __init__(self, on: date, *, public: bool = False) -> None:
        self.on, self.public = on, public
        day = on.isoformat()
        rows = db.query(
            "SELECT id, padded_code, COALESCE((SELECT n.name FROM former_name n WHERE n.division_id = division.id"
            " AND n.to_on > ? ORDER BY n.to_on LIMIT 1), name), level, parent_id, community_kind, town_kind,"
            " urban_rural, virtual, pseudo FROM division WHERE (valid_from IS NULL OR valid_from <= ?)"
            " AND (valid_to IS NULL OR valid_to > ?) ORDER BY padded_code",
            (day, day, day),
        )
        self.nodes = {row[0]: Node(*row) for row in rows}
        self.active: dict[tuple[Any, ...], list[Any]] = {}  # what roles.active_roles has found

    @cached_property
    def nones(self) -> Nones:
        """Who has said none. Four queries, once a tree."""
        return Nones(self.on, public=self.public)

    def climb(self, id_: int | None, level: str) -> int | None:
        """The ancestor-or-self at the level; None when the division stands higher or is not valid."""
        node = self.nodes.get(id_) if id_ is not None else None
        while node is not None and RANK[node.level] > RANK[level]:
            node = self.nodes.get(node.parent_id) if node.parent_id is not None else None
        return node.id if node is not None and node.level == level else None

    def standing(self, id_: int, visibility: str) -> int | None:
        """Where a place stands; a contact_only one where cards.public_path ends, if the tree is public."""
        if not (self.public and visibility == "contact_only"):
            return id_
        node = self.nodes.get(id_)
        while node is not None and node.level in ("town", "community") and node.parent_id is not None:
            node = self.nodes.get(node.parent_id)
        return node.id if node is not None else None

    def shown(self, top: Node, down_to: str | None) -> list[Node]:
        """The division and, by code, its children; with `down_to` all below it down to that level."""
        if down_to is None:
            return [top, *(node for node in self.nodes.values() if node.parent_id == top.id)]
        deep = [node for node in self.nodes.values() if RANK[top.level] < RANK[node.level] <= RANK[down_to]]
        return [top, *(node for node in deep if self.climb(node.id, top.level) == top.id)]

    def holders(self, shown: Sequence[Node]) -> Holders:
        """A function: division id → those of the shown divisions that hold it, itself among them."""
        known: dict[int | None, tuple[int, ...]] = {None: ()}
        wanted = {node.id for node in shown}

        def of(id_: int | None) -> tuple[int, ...]:
            if id_ not in known:
                node = self.nodes.get(id_) if id_ is not None else None
                above = of(node.parent_id) if node else ()
                known[id_] = (*above, node.id) if node and node.id in wanted else above
            return known[id_]

        return of
