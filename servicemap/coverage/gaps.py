"""缺口: the divisions that an indicator still lacks, by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from servicemap import zero_reports
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.measure import covered_ids, denominator_ids
from servicemap.coverage.tree import Node, Tree
from servicemap.errors import InvalidError, NotFoundError
from servicemap.models import Division

ANSWERS = ("waiting", "none", "unknown")  # 填报了，等审核；答了没有；没有回答


@dataclass(frozen=True, slots=True)
class Gap:
    """A division without an active role of the indicator's types that the county has passed; `path` runs from
    the root's child to it. `answer` is one of ANSWERS."""

    indicator: str
    definition: str
    division: Node
    path: tuple[Node, ...]
    answer: str


def list_gaps(
    root: Division,
    on: date,
    *,
    indicator_ids: Sequence[str] = (),
    definition_id: str | None = None,
    public: bool = False,
) -> list[Gap]:
    """The uncovered divisions within the root, by indicator and code; `public`: as everybody may know them.
    Empty when nothing is missing.

    Without indicators: of every share that has a target. Raises NotFoundError for an unknown indicator or
    definition, InvalidError for an indicator that is no share or whose denominator cannot be told.
    """
    wanted = [indicator_of(id_) for id_ in indicator_ids] or list(filter(is_due, list_indicators()))
    if no_share := [indicator.id for indicator in wanted if indicator.kind != "share"]:
        raise InvalidError(f"{no_share[0]} 不是按区划计算的比例，没有缺口名单", "no_gap_list")
    tree = Tree(on, public=public)
    return [gap for indicator in wanted for gap in _gaps(tree, root, indicator, definition_id, on)]


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


def _gaps(tree: Tree, root: Division, indicator: Measure, definition_id: str | None, on: date) -> list[Gap]:
    definition = definition_of(indicator, definition_id)
    counted = denominator_ids(tree, definition)
    if counted is None:
        raise InvalidError(
            f"{indicator.id} 口径“{definition.id}”缺城乡分类数据，列不出缺口", "no_urban_rural"
        )
    covered = covered_ids(tree, definition, on)
    none = zero_reports.answered_none(definition.numerator["types"], on, public=tree.public)
    gaps = []
    for id_ in counted - covered["county"]:
        said = "waiting" if id_ in covered["reported"] else "none" if id_ in none else "unknown"
        path = [tree.nodes[id_]]
        while path[0].id != root.id and path[0].parent_id in tree.nodes:
            path.insert(0, tree.nodes[path[0].parent_id])
        if path[0].id == root.id:
            gaps.append(Gap(indicator.id, definition.id, tree.nodes[id_], tuple(path[1:]), said))
    return sorted(gaps, key=lambda gap: gap.division.code)
