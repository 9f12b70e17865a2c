"""The divisions of a day as measuring needs them: who stands above whom, what is shown, and how much lies in that.

A division with divisions below it never ends alone (docs/decisions/0005), so what stands below another is between its lft
and rgt on every day that it is there.
"""

from bisect import bisect_left
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeVar

from servicemap import db
from servicemap.models import LEVELS, Division
from servicemap.nones import Nones

Made = TypeVar("Made")
Holders = Callable[[int | None], tuple[int, ...]]
RANK = {level: number for number, level in enumerate(LEVELS)}

VALID = "(d.valid_from IS NULL OR d.valid_from <= ?) AND (d.valid_to IS NULL OR d.valid_to > ?)"
NODES = f"""SELECT d.id, d.padded_code, COALESCE((SELECT n.name FROM former_name n WHERE n.division_id = d.id
  AND n.to_on > ? ORDER BY n.to_on LIMIT 1), d.name), d.level, d.parent_id, d.community_kind, d.lft, d.rgt
FROM division d WHERE {VALID}"""
LFT = 2**32
PLACED = f"CAST(d.lft AS BIGINT) * {LFT} + d.id"  # a division and its place in the tree as one number


@dataclass(slots=True)
class Node:
    """A division of the tree on a day, as measuring needs it."""

    id: int
    code: str
    name: str
    level: str
    parent_id: int | None
    community_kind: str | None
    lft: int
    rgt: int


class Tree:
    """The divisions valid on a day, as they were called then. `public`: as everybody may know them measured. Nothing is
    read before it is needed, and then once."""

    def __init__(self, on: date, *, public: bool = False) -> None:
        self.on, self.public = on, public
        self._known: dict[Hashable, Any] = {}

    @cached_property
    def nodes(self) -> dict[int, Node]:
        """All of them, by code. One query."""
        return self._read()

    @cached_property
    def placed(self) -> list[int]:
        """All of them, sorted as PLACED."""
        return sorted(node.lft * LFT + node.id for node in self.nodes.values())

    @cached_property
    def nones(self) -> Nones:
        """Who has said none. Four queries."""
        return Nones(self.on, public=self.public)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is made under the key, made once a tree."""
        if key not in self._known:
            self._known[key] = make()
        known: Made = self._known[key]
        return known

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

    def shown(self, root: Division, down_to: str | None) -> list[Node]:
        """The division and, by code, its children; with `down_to` all below it down to that level. One query."""
        if down_to is None:
            nodes = self._read(" AND (d.id = ? OR d.parent_id = ?)", (root.id, root.id))
        else:
            levels = LEVELS[RANK[root.level] + 1 : RANK[down_to] + 1]
            marks = ", ".join("?" * len(levels)) or "NULL"
            inside = "d.lft BETWEEN (SELECT o.lft FROM division o WHERE o.id = ?) AND (SELECT o.rgt FROM division o WHERE o.id = ?)"
            wanted = f" AND {inside} AND (d.id = ? OR d.level IN ({marks}))"
            nodes = self._read(wanted, (root.id, root.id, root.id, *levels))
        return [nodes.pop(root.id), *nodes.values()]

    def holders(self, shown: Iterable[Node]) -> Holders:
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

    def _read(self, where: str = "", params: Sequence[Any] = ()) -> dict[int, Node]:
        day = self.on.isoformat()
        rows = db.query(f"{NODES}{where} ORDER BY d.padded_code", (day, day, day, *params))
        return {row[0]: Node(*row) for row in rows}


class Spans:
    """Sums over some divisions, sorted as PLACED, for each of the shown: of what lies in it."""

    def __init__(self, placed: Sequence[int], shown: Iterable[Node]) -> None:
        self._ids = [each & (LFT - 1) for each in placed]
        self._ends = {
            node.id: (bisect_left(placed, node.lft * LFT), bisect_left(placed, (node.rgt + 1) * LFT))
            for node in shown
        }

    def counts(self) -> dict[int, int]:
        """Shown division → how many."""
        return {id_: end - start for id_, (start, end) in self._ends.items()}

    def among(self, ids: Container[int]) -> dict[int, int]:
        """Shown division → how many of these. Some 50 ns a division."""
        flags = bytes(map(ids.__contains__, self._ids))
        return {id_: flags.count(1, start, end) for id_, (start, end) in self._ends.items()}

    def sums(self, amounts: Mapping[int, int]) -> dict[int, int]:
        """Shown division → the sum of its divisions' amounts."""
        upto = [0, *accumulate(amounts.get(id_, 0) for id_ in self._ids)]
        return {id_: upto[end] - upto[start] for id_, (start, end) in self._ends.items()}
