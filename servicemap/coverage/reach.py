"""可及: how many communities have an open site within 1, 3 and 5 km, where their positions are known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from servicemap.coverage.covering import denominator
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.nearest import Positions
from servicemap.coverage.roles import active_roles
from servicemap.coverage.tree import LFT, Node, Tree
from servicemap.models import Division

LEVEL = "community"
RADII_M = (1000, 3000, 5000)
COUNTED = ("share", "count", "per_thousand")  # the kinds behind which sites stand


@dataclass(frozen=True, slots=True)
class Reach:
    """Of a division's communities `denominator` have a known position, `unplaced` have none; of the former
    `numerator` have a site that the county has passed within `radius_m`."""

    indicator: Measure
    definition: Definition
    division: Node
    radius_m: int
    numerator: int
    denominator: int
    unplaced: int


def measure_reach(root: Division, on: date, *, public: bool = False) -> list[Reach]:
    """Every indicator behind which sites stand, by its default definition, for the division and its children and
    each of RADII_M; a share of communities asks those that it counts, the others ask all that are not virtual.
    A query a set of types and three more."""
    tree = Tree(on, public=public)
    positions = Positions(tree)
    shown = tree.shown(root, None)
    holders = tree.holders(shown)
    found = []
    for indicator in list_indicators():
        if indicator.kind not in COUNTED:
            continue
        definition = indicator.definitions[0]
        sums = {node.id: [0, 0, *(0 for _ in RADII_M)] for node in shown}
        for community, metres in _distances(tree, positions, definition, on):
            for holder in holders(community):
                sums[holder][0 if metres is None else 1] += 1
                for number, radius in enumerate(RADII_M, 2):
                    sums[holder][number] += metres is not None and metres <= radius
        for node in shown:
            unplaced, known, *within = sums[node.id]
            found += [
                Reach(indicator, definition, node, radius, numerator, known, unplaced)
                for radius, numerator in zip(RADII_M, within, strict=True)
            ]
    return found


def _distances(
    tree: Tree, positions: Positions, definition: Definition, on: date
) -> Iterator[tuple[int, float | None]]:
    """(community, metres to the nearest site): None where the community has no position, infinite without sites."""
    sites = positions.sites(
        {role.facility for role in active_roles(tree, definition, on) if role.state == "county"}
    )
    rule = definition.denominator
    for placed in denominator(tree, rule if rule.get("level") == LEVEL else {"level": LEVEL}) or ():
        community = placed % LFT
        middle = positions.middle(community)
        nearest = sites.nearest(*middle) if middle else None
        yield community, None if middle is None else nearest[0] if nearest else float("inf")
