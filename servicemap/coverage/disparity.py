"""差距: between counties, between town and country, between the groups that the plan names (M01, M06).

A side is always pooled, never a mean of rates; where the numbers to pool are not known there is no row.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from servicemap.coverage.area_groups import list_area_groups
from servicemap.coverage.covering import covered_ids, denominator_ids
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.measure import Measurement, measure
from servicemap.coverage.tree import Tree
from servicemap.models import Division

URBAN_RURAL, COUNTIES = "urban_rural", "counties"
SIDES = {"residents_committee": "居委会（城市）", "villagers_committee": "村委会（农村）"}
RATES = (
    "share",
    "place_share",
    "per_thousand",
    "reported",
)  # a number of places says nothing beside another county's
LEVEL = "county"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared; numerator and denominator are None where only the value was reported."""

    name: str
    numerator: int | None
    denominator: int | None
    value: Fraction


@dataclass(frozen=True, slots=True)
class Disparity:
    """`by`: counties (the highest and the lowest), urban_rural, or the key of a group (its members and the
    others); `by_name` says it in words."""

    indicator: Measure
    definition: Definition
    by: str
    by_name: str
    one: Side
    other: Side

    @property
    def difference(self) -> Fraction:
        """one − other, in the indicator's unit: percentage points for %."""
        return self.one.value - self.other.value

    @property
    def ratio(self) -> Fraction | None:
        """one ÷ other; None over 0."""
        return self.one.value / self.other.value if self.other.value else None


def measure_disparity(root: Division, on: date, *, public: bool = False) -> list[Disparity]:
    """The disparities within the division by default definitions, in the order of the indicators. Those of
    counties and groups only above counties; empty where there is nothing to compare. As measure()."""
    below: dict[str, list[Measurement]] = {}
    for each in measure(root, on, public=public):
        counts = each.definition.default and each.exact is not None and each.indicator.kind in RATES
        if counts and each.division.level == LEVEL and each.division.id != root.id:
            below.setdefault(each.indicator.id, []).append(each)
    groups = list_area_groups()
    town_and_country = _urban_rural(Tree(on, public=public), root, on)
    found: list[Disparity] = []
    for indicator in list_indicators():
        counties = below.get(indicator.id, [])
        found += _extremes(counties)
        for group in groups:
            found += _beside(counties, group.key, group.name, group.members)
        found += town_and_country.get(indicator.id, [])
    return found


def _side(name: str, measured: Measurement) -> Side:
    assert measured.exact is not None
    return Side(name, measured.numerator, measured.denominator, measured.exact)


def _extremes(counties: Sequence[Measurement]) -> Iterator[Disparity]:
    """The highest county and the lowest; of equal ones the first by code."""
    if len(counties) > 1:
        sides = [_side(each.division.name, each) for each in counties]
        highest, lowest = max(sides, key=lambda side: side.value), min(sides, key=lambda side: side.value)
        first = counties[0]
        yield Disparity(
            first.indicator, first.definition, COUNTIES, "最高和最低的县（市、区）", highest, lowest
        )


def _beside(counties: Sequence[Measurement], by: str, name: str, ids: frozenset[int]) -> Iterator[Disparity]:
    members = [each for each in counties if each.division.id in ids]
    one = _pooled(name, members)
    other = _pooled("其余", [each for each in counties if each not in members])
    if one and other:
        yield Disparity(counties[0].indicator, counties[0].definition, by, f"{name}和其余", one, other)


def _pooled(name: str, members: Sequence[Measurement]) -> Side | None:
    if any(each.numerator is None or not each.denominator for each in members):
        return None
    numerator = sum(each.numerator or 0 for each in members)
    denominator = sum(each.denominator or 0 for each in members)
    return _share(name, numerator, denominator, members[0].scale) if members else None


def _share(name: str, numerator: int, denominator: int, scale: int) -> Side | None:
    if not denominator:
        return None
    return Side(name, numerator, denominator, Fraction(numerator * scale, denominator))


def _urban_rural(tree: Tree, root: Division, on: date) -> dict[str, list[Disparity]]:
    """By the indicator that comes first: what is counted over communities, its two halves (T01.urban, T01.rural)
    taken together."""
    within = tree.holders([tree.nodes[root.id]])
    halves: dict[str, list[Measure]] = {}
    for indicator in list_indicators():
        if indicator.kind == "share" and indicator.definitions[0].denominator["level"] == "community":
            halves.setdefault(indicator.id.partition(".")[0], []).append(indicator)
    found = {}
    for members in halves.values():
        sums = {kind: [0, 0] for kind in SIDES}
        for community, covered in _answers(tree, members, on):
            kind = tree.nodes[community].community_kind
            if kind in sums and within(community):
                sums[kind][0] += covered
                sums[kind][1] += 1
        one, other = (_share(SIDES[kind], n, d, 100) for kind, (n, d) in sums.items())
        if one and other:
            first = members[0]
            found[first.id] = [Disparity(first, first.definitions[0], URBAN_RURAL, "城乡", one, other)]
    return found


def _answers(tree: Tree, halves: Iterable[Measure], on: date) -> Iterator[tuple[int, bool]]:
    """(community, whether it is covered), each once."""
    seen: set[int] = set()
    for indicator in halves:
        definition = indicator.definitions[0]
        wanted = (denominator_ids(tree, definition) or set()) - seen
        covered = covered_ids(tree, definition, on)["county"]
        yield from ((id_, id_ in covered) for id_ in wanted)
        seen |= wanted
