"""缺口: the divisions that an indicator still lacks, by name."""

from dataclasses import dataclass
from datetime import date

from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.measure import Node, Tree, covered_ids, denominator_ids
from servicemap.errors import InvalidError, NotFoundError
from servicemap.models import Division


@dataclass(frozen=True, slots=True)
class Gap:
    """A division without an active role of the indicator's types; `path` runs from the root's child to it."""

    indicator: str
    definition: str
    division: Node
    path: tuple[Node, ...]


def list_gaps(root: Division, indicator_id: str, on: date, *, definition_id: str | None = None) -> list[Gap]:
    """The uncovered divisions within the root, by code. Empty when nothing is missing.

    Raises NotFoundError for an unknown indicator or definition, InvalidError for an indicator that is
    no share or whose denominator cannot be told.
    """
    indicator = next((i for i in list_indicators() if i.id == indicator_id), None)
    if indicator is None:
        raise NotFoundError(f"没有“{indicator_id}”这个指标", "indicator_not_found")
    if indicator.kind != "share":
        raise InvalidError(f"{indicator_id} 不是按区划计算的比例，没有缺口名单", "no_gap_list")
    wanted_id = definition_id or indicator.definitions[0].id
    definition = next((d for d in indicator.definitions if d.id == wanted_id), None)
    if definition is None:
        known = "、".join(d.id for d in indicator.definitions)
        raise NotFoundError(f"{indicator_id} 没有口径“{wanted_id}”；有 {known}", "definition_not_found")
    tree = Tree(on)
    wanted = denominator_ids(tree, definition)
    if wanted is None:
        raise InvalidError(f"{indicator_id} 口径“{wanted_id}”缺城乡分类数据，列不出缺口", "no_urban_rural")
    gaps = []
    for id_ in wanted - covered_ids(tree, definition, on):
        path = [tree.nodes[id_]]
        while path[0].id != root.id and path[0].parent_id in tree.nodes:
            path.insert(0, tree.nodes[path[0].parent_id or 0])
        if path[0].id == root.id:
            gaps.append(Gap(indicator_id, definition.id, tree.nodes[id_], tuple(path[1:])))
    return sorted(gaps, key=lambda gap: gap.division.code)
