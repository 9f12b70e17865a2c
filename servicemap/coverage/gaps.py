"""缺口: the divisions that an indicator still lacks, by name."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from servicemap import db
from servicemap.coverage.covering import covered_ids, denominator_ids
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.nearest import Positions, Sites
from servicemap.coverage.roles import active_roles
from servicemap.coverage.tree import Node, Tree
from servicemap.errors import InvalidError, NotFoundError
from servicemap.models import Division
from servicemap.records import public_code

ANSWERS = ("waiting", "none", "unknown")  # 填报了，等审核；答了没有；没有回答


@dataclass(frozen=True, slots=True)
class Gap:
    """A division without an active role of the indicator's types that the county has passed; `path` runs from
    the root's child to it. `answer` is one of ANSWERS; `population` its residents at the last count, where known."""

    indicator: str
    definition: str
    division: Node
    path: tuple[Node, ...]
    answer: str
    population: int | None

    @property
    def order(self) -> tuple[int, str]:
        """Most people first; where they are not known, last and by code."""
        return -(self.population or 0), self.division.code


def list_gaps(
    root: Division,
    on: date,
    *,
    indicator_ids: Sequence[str] = (),
    definition_id: str | None = None,
    public: bool = False,
) -> list[Gap]:
    """The uncovered divisions within the root, by indicator and Gap.order; `public`: as everybody may know them.
    Empty when nothing is missing.

    Without indicators: of every share that has a target and whose denominator can be told. Raises NotFoundError for an
    unknown indicator or definition, InvalidError for a named one that is no share or whose denominator cannot be told.
    """
    wanted = [indicator_of(id_) for id_ in indicator_ids]
    if no_share := [indicator.id for indicator in wanted if indicator.kind != "share"]:
        raise InvalidError(f"{no_share[0]} 不是按区划计算的比例，没有缺口名单", "no_gap_list")
    tree, residents = Tree(on, public=public), _residents(on)
    found: list[Gap] = []
    for indicator in wanted or filter(is_due, list_indicators()):
        with nullcontext() if wanted else suppress(InvalidError):
            found += _gaps(tree, residents, root, indicator, definition_id, on)
    return found


def shown_gaps(gaps: Sequence[Gap], on: date) -> list[dict[str, Any]]:
    """The gaps JSON-ready, each with `nearest`: the nearest existing site that counts for it, in the division or
    not, as {code, name, distance_m}; None where no site or no position of the division is known (nearest.py).
    Some 20 µs a gap; two queries and one a set of types."""
    tree = Tree(on)
    positions = Positions(tree)
    indicators = {indicator.id: indicator for indicator in list_indicators()}
    sites: dict[tuple[str, str], Sites] = {}
    shown = []
    for gap in gaps:
        asked = gap.indicator, gap.definition
        if asked not in sites:
            roles = active_roles(tree, definition_of(indicators[gap.indicator], gap.definition), on)
            sites[asked] = positions.sites({role.facility for role in roles if role.state == "county"})
        middle = positions.middle(gap.division.id)
        nearest = sites[asked].nearest(*middle) if middle else None
        shown.append(
            {
                "indicator": gap.indicator,
                "definition": gap.definition,
                "code": gap.division.code,
                "name": gap.division.name,
                "path": [{"code": step.code, "name": step.name, "level": step.level} for step in gap.path],
                "answer": gap.answer,
                "population": gap.population,
                "nearest": nearest
                and {
                    "code": public_code(nearest[1].facility),
                    "name": nearest[1].name,
                    "distance_m": round(nearest[0]),
                },
            }
        )
    return shown


def _residents(on: date) -> dict[int, int]:
    """Division → residents at its last count on the day; of two kinds of that day the larger."""
    sql = "SELECT division_id, persons FROM population WHERE counted_on <= ? ORDER BY counted_on, persons"
    return dict(db.query(sql, (on.isoformat(),)))


def indicator_of(id_: str) -> Measure:
    """The indicator; NotFoundError."""
    for indicator in list_indicators():
        if indicator.id == id_:
            return indicator
    raise NotFoundError(f"没有“{id_}”这个指标", "indicator_not_found")


def definition_of(indicator: Measure, id_: str | None) -> Definition:
    """Its 口径 of that id, the default for None; NotFoundError."""
    for definition in indicator.definitions:
        if id_ in (None, definition.id):
            return definition
    known = "、".join(definition.id for definition in indicator.definitions)
    raise NotFoundError(f"{indicator.id} 没有口径“{id_}”；有 {known}", "definition_not_found")


def is_due(indicator: Measure) -> bool:
    """Whether something may be missing: a share with a number as target."""
    return indicator.kind == "share" and any(target.value is not None for target in indicator.targets)


def _gaps(
    tree: Tree,
    residents: Mapping[int, int],
    root: Division,
    indicator: Measure,
    definition_id: str | None,
    on: date,
) -> list[Gap]:
    definition = definition_of(indicator, definition_id)
    counted = denominator_ids(tree, definition)
    if counted is None:
        raise InvalidError(
            f"{indicator.id} 口径“{definition.id}”缺城乡分类数据，列不出缺口", "no_urban_rural"
        )
    covered = covered_ids(tree, definition, on)
    none = tree.nones.of(definition.numerator["types"])
    gaps = []
    for id_ in counted - covered["county"]:
        said = "waiting" if id_ in covered["reported"] else "none" if id_ in none else "unknown"
        path = [tree.nodes[id_]]
        while path[0].id != root.id and path[0].parent_id in tree.nodes:
            path.insert(0, tree.nodes[path[0].parent_id])
        if path[0].id == root.id:
            node = tree.nodes[id_]
            gaps.append(Gap(indicator.id, definition.id, node, tuple(path[1:]), said, residents.get(id_)))
    return sorted(gaps, key=lambda gap: gap.order)
