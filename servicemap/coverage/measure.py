"""One measure of coverage: exact numbers of an indicator for a division and the divisions below it. City = pooled sums,
never the mean of county rates.

For everybody (Tree.public) a contact_only place stands in its county and serves that: no figure and no gap
below tells where.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from servicemap import db
from servicemap.coverage import reported
from servicemap.coverage.covering import covered_ids, denominator
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.place_share import places_of_share
from servicemap.coverage.roles import Active, active_roles, places_of, reached
from servicemap.coverage.targets import Target
from servicemap.coverage.tree import Node, Spans, Tree
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


@db.one_moment()
def measure(
    root: Division, on: date, *, public: bool = False, down_to: str | None = None
) -> list[Measurement]:
    """Every indicator under every definition, for the division and its children (with `down_to` all below it
    down to that level), in the indicators' order with the default first; `public`: for everybody. About two
    queries a definition, all of one moment."""
    tree = Tree(on, public=public)
    found: list[Measurement] = []
    shown = tree.shown(root, down_to)
    values = reported.values_of([node.id for node in shown])
    for indicator in list_indicators():
        if indicator.kind == "reported":
            found += _reported(shown, indicator, values, on)
            continue
        for definition in indicator.definitions:
            found += _measure_one(tree, shown, indicator, definition, on)
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


Sums = Mapping[int, int]  # by shown division


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a measurement is made of; empty where nothing is known."""

    steps: Mapping[str, Sums]
    over: Sums = field(default_factory=dict)
    answered_none: Sums = field(default_factory=dict)
    unanswered: Sums = field(default_factory=dict)


def _measure_one(
    tree: Tree, shown: Sequence[Node], indicator: Measure, definition: Definition, on: date
) -> Iterable[Measurement]:
    remark = population_on = None
    persons: Sums = {}
    match indicator.kind:
        case "share":
            sums = _of_share(tree, shown, definition, on)
            remark = None if sums.over else "缺城乡分类数据"
        case "place_share":
            sums = _of_places(tree, shown, definition, on)
        case "titled":
            sums = _of_titles(tree, shown, definition, on)
        case "per_thousand":
            sums = _of_counted(tree, shown, _places(tree, definition, on))
            persons, population_on = _population(shown, definition.denominator["population"], on)
            remark = None if population_on else "缺人口数据"
        case _:
            sums = _of_counted(tree, shown, _standing(tree, definition, on))
    edition = _edition(definition)
    if remark is None and edition and on.isoformat() < edition:
        remark = f"区划口径：{edition}"
    step = {name: sums.steps.get(name, {}) for name in (*STEPS, "verified")}
    for node in shown:
        yield Measurement(
            indicator,
            definition,
            node,
            on,
            step["county"].get(node.id),
            (persons or sums.over).get(node.id),
            population_on,
            remark,
            step["town"].get(node.id),
            step["reported"].get(node.id),
            sums.answered_none.get(node.id),
            sums.unanswered.get(node.id),
            step["verified"].get(node.id),
        )


def _of_share(tree: Tree, shown: Sequence[Node], definition: Definition, on: date) -> _Sums:
    """Empty when it needs urban–rural classes and none are known."""
    placed = denominator(tree, definition.denominator)
    if placed is None:
        return _Sums({})
    spans, covered = Spans(placed, shown), covered_ids(tree, definition, on)
    steps = {step: spans.among(ids) for step, ids in covered.items()}
    over = spans.counts()
    none = spans.among(tree.nones.of(definition.numerator["types"]) - covered["reported"])
    silent = {id_: number - steps["reported"][id_] - none[id_] for id_, number in over.items()}
    return _Sums(steps, over, none, silent)


def _of_places(tree: Tree, shown: Sequence[Node], definition: Definition, on: date) -> _Sums:
    spans, places = Spans(tree.placed, shown), places_of_share(tree, definition, on)
    over, no, unknown = (spans.sums(_amounts(at)) for at in (places.every, places.no, places.unknown))
    return _Sums({step: spans.sums(_amounts(at)) for step, at in places.steps.items()}, over, no, unknown)


def _of_titles(tree: Tree, shown: Sequence[Node], definition: Definition, on: date) -> _Sums:
    level = definition.numerator["level"]
    held = {id_ for id_ in titled_ids(definition, on) if id_ in tree.nodes and tree.nodes[id_].level == level}
    return _Sums(dict.fromkeys(STEPS, Spans(tree.placed, shown).among(held)))  # no record, no review


def _of_counted(tree: Tree, shown: Sequence[Node], counted: Iterable[tuple[Active, int]]) -> _Sums:
    found: dict[str, list[tuple[int | None, int]]] = {step: [] for step in STEPS}
    for role, number in counted:
        for step in reached(role.state):
            found[step].append((tree.standing(role.stands, role.visibility), number))
    spans = Spans(tree.placed, shown)
    return _Sums({step: spans.sums(_amounts(at)) for step, at in found.items()})


def _amounts(counted: Iterable[tuple[int | None, int]]) -> Sums:
    """Division → the sum of what stands right in it."""
    sums = Counter[int]()
    for division_id, number in counted:
        if division_id is not None:
            sums[division_id] += number
    return sums


def _standing(tree: Tree, definition: Definition, on: date) -> Iterable[tuple[Active, int]]:
    """1 for each place with an active role of the types."""
    return [
        (each, 1) for each in {each.facility: each for each in active_roles(tree, definition, on)}.values()
    ]


def _places(tree: Tree, definition: Definition, on: date) -> Iterable[tuple[Active, int]]:
    """The places of each active role that has them."""
    counts = places_of(definition, on)
    once = {each.role: each for each in active_roles(tree, definition, on)}.values()
    return [(each, counts[each.role]) for each in once if each.role in counts]


def titled_ids(definition: Definition, on: date) -> set[int]:
    """The divisions that hold the definition's title on the day. One query."""
    day = on.isoformat()
    rows = db.query(
        "SELECT DISTINCT division_id FROM title WHERE kind = ? AND division_id IS NOT NULL AND awarded_on <= ?"
        " AND (expires_on IS NULL OR expires_on > ?) AND (withdrawn_on IS NULL OR withdrawn_on > ?)",
        (definition.numerator["title"], day, day, day),
    )
    return {row[0] for row in rows}


def _population(shown: Sequence[Node], kind: str, on: date) -> tuple[Sums, date | None]:
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
    return {node.id: persons[node.id] for node in shown if node.id in persons}, counted


def _edition(definition: Definition) -> str | None:
    rows = db.query(
        "SELECT edition FROM denominator_list WHERE key = ?", (definition.denominator.get("list"),)
    )
    return rows[0][0] if rows else None
