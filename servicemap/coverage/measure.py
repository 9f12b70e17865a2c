"""One measure of coverage: exact numbers of an indicator for a division and the divisions below it.

The rule (docs/decisions): an active role serves its explicit links, else the standing division's
ancestor-or-self at the role's level; a division is covered when an active role of the types serves it
or a descendant of it, never an ancestor. City = pooled sums, never the mean of county rates.

For everybody (Tree.public) a contact_only place stands in its county and serves that: no figure and no gap
below tells where.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from servicemap import db
from servicemap.coverage import reported
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.place_share import places_of_share
from servicemap.coverage.roles import active_roles, places_of, reached, serves
from servicemap.coverage.targets import Target
from servicemap.coverage.tree import Holders, Node, Tree
from servicemap.models import STEPS, Division


@dataclass(frozen=True, slots=True)
class Measurement:
    """现值 of one indicator, definition and division. `numerator` and `denominator` are None when the
    data to count them are missing (`remark` says which); `denominator` is None for plain counts."""

    indicator: Measure
    definition: Definition
    division: "Node"
    on: date
    numerator: int | None
    denominator: int | None
    population_on: date | None = None
    remark: str | None = None
    # the numerator (that is what the county has passed) with what only the town has, and with all reported
    town_passed: int | None = None
    reported: int | None = None
    # of a share's uncovered divisions: how many said that they have none, how many said nothing
    answered_none: int | None = None
    unanswered: int | None = None
    # of a share's covered divisions: how many by a place that somebody looked at within VERIFIED_MONTHS
    verified: int | None = None
    # of what is reported: the value as it was given, and those of other years
    given: Fraction | None = None
    earlier: Mapping[int, Fraction] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        return {"share": 100, "place_share": 100, "per_thousand": 1000}.get(self.indicator.kind, 1)

    @property
    def exact(self) -> Fraction | None:
        """The value in the indicator's unit; None without numbers or over a denominator of 0."""
        if self.indicator.kind == "reported":
            return self.given
        if self.numerator is None:
            return None
        if self.indicator.kind in ("count", "titled"):
            return Fraction(self.numerator)
        return Fraction(self.numerator * self.scale, self.denominator) if self.denominator else None

    @property
    def target(self) -> Target | None:
        """The indicator's first target; a plain count's holds only for the level that set it."""
        targets = self.indicator.targets
        if not targets or (
            self.indicator.kind in ("count", "titled") and targets[0].level != self.division.level
        ):
            return None
        return targets[0]

    @property
    def met(self) -> bool | None:
        """Whether the exact value reaches the target; None without a target or a value."""
        return self.target.met(self.exact, self.on.year, self.earlier) if self.target else None

    @property
    def needed(self) -> int | None:
        """How many more are needed; None where nothing is counted, see Target.needed."""
        if self.target is None or self.exact is None or self.indicator.kind == "reported":
            return None
        return self.target.needed(self.numerator, self.denominator, self.scale)


def measure(
    root: Division, on: date, *, public: bool = False, down_to: str | None = None
) -> list[Measurement]:
    """Every indicator under every definition, for the division and its children (with `down_to` all below it
    down to that level), in the indicators' order with the default first; `public`: for everybody. About two
    queries a definition."""
    tree = Tree(on, public=public)
    top = tree.nodes[root.id]
    found: list[Measurement] = []
    shown = tree.shown(top, down_to)
    holders = tree.holders(shown)
    values = reported.values_of([node.id for node in shown])
    for indicator in list_indicators():
        if indicator.kind == "reported":
            found += _reported(shown, indicator, values, on)
            continue
        for definition in indicator.definitions:
            found += _measure_one(tree, shown, holders, indicator, definition, on)
    return found


def _reported(
    shown: Sequence[Node], indicator: Measure, values: reported.Values, on: date
) -> Iterable[Measurement]:
    """What was reported of the day's year; never a sum of counties."""
    for node in shown:
        years = values.get((indicator.id, node.id), {})
        now = years.get(on.year)
        stands = {year: each for year, each in years.items() if each.state != reported.RETURNED}
        figure = stands.get(on.year)
        yield Measurement(
            indicator,
            indicator.definitions[0],
            node,
            on,
            figure.numerator if figure else None,
            figure.denominator if figure else None,
            remark=reported.REMARKS.get(now.state) if now else f"还没有 {on.year} 年的报数",
            given=figure.value if figure else None,
            earlier={year: each.value for year, each in stands.items() if year < on.year},
        )


def _measure_one(
    tree: Tree,
    shown: Sequence[Node],
    holders: Holders,
    indicator: Measure,
    definition: Definition,
    on: date,
) -> Iterable[Measurement]:
    remark = population_on = None
    unknown: Mapping[int, int | None] = {node.id: None for node in shown}
    steps: Mapping[str, Mapping[int, int | None]] = dict.fromkeys(STEPS, unknown)
    denominators = answered_none = unanswered = verified = unknown
    if indicator.kind == "share":
        wanted = denominator_ids(tree, definition)
        if wanted is None:
            remark = "缺城乡分类数据"
        else:
            covered = covered_ids(tree, definition, on)
            none = tree.nones.of(definition.numerator["types"]) - covered["reported"]
            silent = wanted - covered["reported"] - none
            counts = {step: _tally(shown, holders, _ones(wanted & covered[step])) for step in covered}
            steps, verified = counts, counts["verified"]
            denominators = _tally(shown, holders, _ones(wanted))
            answered_none = _tally(shown, holders, _ones(wanted & none))
            unanswered = _tally(shown, holders, _ones(silent))
    elif indicator.kind == "place_share":
        places = places_of_share(tree, definition, on)
        counts = {step: _tally(shown, holders, at) for step, at in places.steps.items()}
        steps, verified = counts, counts["verified"]
        denominators, answered_none, unanswered = (
            _tally(shown, holders, at) for at in (places.every, places.no, places.unknown)
        )
    elif indicator.kind == "titled":
        held = titled_ids(definition, on)
        at_level = {
            id_
            for id_ in held
            if id_ in tree.nodes and tree.nodes[id_].level == definition.numerator["level"]
        }
        steps = dict.fromkeys(STEPS, _tally(shown, holders, _ones(at_level)))  # no record, no review
    else:
        counted = (
            _places(tree, definition, on)
            if indicator.kind == "per_thousand"
            else _standing(tree, definition, on)
        )
        steps = {step: _tally(shown, holders, counted[step]) for step in STEPS}
    if indicator.kind == "per_thousand":
        persons, population_on = _population(shown, definition.denominator["population"], on)
        denominators = persons
        remark = None if population_on else "缺人口数据"
    edition = _edition(definition)
    if remark is None and edition and on.isoformat() < edition:
        remark = f"区划口径：{edition}"
    for node in shown:
        yield Measurement(
            indicator,
            definition,
            node,
            on,
            steps["county"].get(node.id),
            denominators.get(node.id),
            population_on,
            remark,
            steps["town"].get(node.id),
            steps["reported"].get(node.id),
            answered_none.get(node.id),
            unanswered.get(node.id),
            verified.get(node.id),
        )


def _ones(ids: Iterable[int]) -> list[tuple[int, int]]:
    return [(id_, 1) for id_ in ids]


def _tally(
    shown: Sequence[Node],
    holders: Holders,
    counted: Iterable[tuple[int | None, int]] | Iterable[tuple[int, int]],
) -> dict[int, int | None]:
    sums: dict[int, int | None] = {node.id: 0 for node in shown}
    for division_id, count in counted:
        for holder in holders(division_id):
            sums[holder] = (sums[holder] or 0) + count
    return sums


def denominator_ids(tree: Tree, definition: Definition) -> set[int] | None:
    """The divisions that a share is counted over; None when it needs urban–rural classes and none are known."""
    rule = definition.denominator
    members = {
        row[0]
        for row in db.query(
            "SELECT division_id FROM denominator_member WHERE list_id = ?", (rule.get("list"),)
        )
    }
    nodes = [
        node
        for node in tree.nodes.values()
        if node.level == rule["level"] and not node.virtual and (not members or node.id in members)
    ]
    if kinds := rule.get("community_kind"):
        nodes = [node for node in nodes if node.community_kind in kinds]
    if kinds := rule.get("town_kind"):
        towns = [tree.nodes.get(tree.climb(node.id, "town") or 0) for node in nodes]
        nodes = [node for node, town in zip(nodes, towns, strict=True) if town and town.town_kind in kinds]
    if begins := rule.get("urban_rural"):
        if not any(node.urban_rural for node in nodes):
            return None
        nodes = [node for node in nodes if (node.urban_rural or "").startswith(begins)]
    return {node.id for node in nodes}


def covered_ids(tree: Tree, definition: Definition, on: date) -> dict[str, set[int]]:
    """{step: the divisions at the denominator's level that an active role of the types covers, of a place that
    has come at least to this step}; the official figure is county's, and `verified` those of them that such a
    place covers which was looked at within VERIFIED_MONTHS."""
    level = definition.denominator["level"]
    served: dict[str, set[int | None]] = {step: set() for step in (*STEPS, "verified")}
    for role in active_roles(tree, definition, on):
        if definition.numerator.get("own_level") and role.level != level:
            continue
        at = serves(tree, role)
        for step in reached(role.state):
            served[step].add(at)
        if role.verified and role.state == "county":
            served["verified"].add(at)
    return {
        step: {covered for id_ in ids if (covered := tree.climb(id_, level)) is not None}
        for step, ids in served.items()
    }


Counted = dict[str, list[tuple[int | None, int]]]  # step: (standing division, number) of what has come so far


def _standing(tree: Tree, definition: Definition, on: date) -> Counted:
    """1 for each place with an active role of the types."""
    found: Counted = {step: [] for step in STEPS}
    for each in {each.facility: each for each in active_roles(tree, definition, on)}.values():
        for step in reached(each.state):
            found[step].append((tree.standing(each.stands, each.visibility), 1))
    return found


def _places(tree: Tree, definition: Definition, on: date) -> Counted:
    """The places of each active role that has them."""
    counts = places_of(definition, on)
    found: Counted = {step: [] for step in STEPS}
    for each in {each.role: each for each in active_roles(tree, definition, on)}.values():
        for step in reached(each.state) if each.role in counts else ():
            found[step].append((tree.standing(each.stands, each.visibility), counts[each.role]))
    return found


def titled_ids(definition: Definition, on: date) -> set[int]:
    """The divisions that hold the definition's title on the day. One query."""
    day = on.isoformat()
    rows = db.query(
        "SELECT DISTINCT division_id FROM title WHERE kind = ? AND division_id IS NOT NULL AND awarded_on <= ?"
        " AND (expires_on IS NULL OR expires_on > ?) AND (withdrawn_on IS NULL OR withdrawn_on > ?)",
        (definition.numerator["title"], day, day, day),
    )
    return {row[0] for row in rows}


def _population(shown: Sequence[Node], kind: str, on: date) -> tuple[dict[int, int | None], date | None]:
    """Residents by reported division at the latest count on or before the day, else the earliest; and its date."""
    rows = db.query(
        "SELECT p.division_id, p.counted_on, p.persons FROM population p WHERE p.kind = ? ORDER BY p.counted_on",
        (kind,),
    )
    dates = sorted({day for _, counted_on, _ in rows if (day := db.day(counted_on))})
    if not dates:
        return {}, None
    counted = max((day for day in dates if day <= on), default=dates[0])
    persons = {division_id: n for division_id, counted_on, n in rows if db.day(counted_on) == counted}
    return {node.id: persons.get(node.id) for node in shown}, counted


def _edition(definition: Definition) -> str | None:
    rows = db.query(
        "SELECT edition FROM denominator_list WHERE key = ?", (definition.denominator.get("list"),)
    )
    return rows[0][0] if rows else None
