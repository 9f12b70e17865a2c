"""One measure of coverage: exact numbers of an indicator for a division and the divisions below it.

The rule (docs/decisions): an active role serves its explicit links, else the standing division's
ancestor-or-self at the role's level; a division is covered when an active role of the types serves it
or a descendant of it, never an ancestor. City = pooled sums, never the mean of county rates.

For everybody (Tree.public) a contact_only place stands in its county and serves that: no figure and no gap
below tells where.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from servicemap import db, zero_reports
from servicemap.coverage import reported
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.targets import Target
from servicemap.models import LEVELS, STEPS, Division

VERIFIED_MONTHS = 12  # 已核实: looked at so lately
Holders = Callable[[int | None], tuple[int, ...]]
RANK = {level: number for number, level in enumerate(LEVELS)}


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
        return {"share": 100, "per_thousand": 1000}.get(self.indicator.kind, 1)

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
        self.public = public
        day = on.isoformat()
        rows = db.query(
            "SELECT id, padded_code, COALESCE((SELECT n.name FROM former_name n WHERE n.division_id = division.id"
            " AND n.to_on > ? ORDER BY n.to_on LIMIT 1), name), level, parent_id, community_kind, town_kind,"
            " urban_rural, virtual, pseudo FROM division WHERE (valid_from IS NULL OR valid_from <= ?)"
            " AND (valid_to IS NULL OR valid_to > ?) ORDER BY padded_code",
            (day, day, day),
        )
        self.nodes = {row[0]: Node(*row) for row in rows}
        self.active: dict[tuple[Any, ...], list[Active]] = {}

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
        earlier = {year: each.value for year, each in years.items() if year < on.year}
        yield Measurement(
            indicator,
            indicator.definitions[0],
            node,
            on,
            now.numerator if now else None,
            now.denominator if now else None,
            remark=None if now else f"还没有 {on.year} 年的报数",
            given=now.value if now else None,
            earlier=earlier,
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
            none = (
                zero_reports.answered_none(definition.numerator["types"], on, public=tree.public)
                - covered["reported"]
            )
            silent = wanted - covered["reported"] - none
            counts = {step: _tally(shown, holders, _ones(wanted & covered[step])) for step in covered}
            steps, verified = counts, counts["verified"]
            denominators = _tally(shown, holders, _ones(wanted))
            answered_none = _tally(shown, holders, _ones(wanted & none))
            unanswered = _tally(shown, holders, _ones(silent))
    elif indicator.kind == "titled":
        held = _titled_divisions(definition, on)
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
    for role in _active(tree, definition, on):
        if definition.numerator.get("own_level") and role.level != level:
            continue
        if tree.public and role.visibility == "contact_only":
            county = tree.standing(role.stands, role.visibility)
            at = tree.climb(county, role.level) or county
        else:
            at = role.serves if role.serves is not None else tree.climb(role.stands, role.level)
        for step in reached(role.state):
            served[step].add(at)
        if role.verified and role.state == "county":
            served["verified"].add(at)
    return {
        step: {covered for id_ in ids if (covered := tree.climb(id_, level)) is not None}
        for step, ids in served.items()
    }


def reached(state: str) -> tuple[str, ...]:
    """The steps that a record in this state has taken."""
    return STEPS[: STEPS.index(state) + 1]


# Where the place stood on the day: a change of divisions later than that has taken it to a successor.
STOOD = """COALESCE((SELECT w.division_id FROM former_division w WHERE w.facility_id = f.id AND w.to_on > ?
  ORDER BY w.to_on LIMIT 1), f.division_id)"""
# An active role of the types: open on the day, its place not suspended; a row for each of its valid links s.
ACTIVE = """
SELECT {stood}, COALESCE(v.state, 'county'), f.visibility, COALESCE(r.level, t.level), s.division_id, f.id, r.id,
  EXISTS ({looked}) FROM role r
JOIN facility f ON f.id = r.facility_id
JOIN facility_type t ON t.id = r.type_id
LEFT JOIN review v ON v.facility_id = f.id
LEFT JOIN role_serves s ON s.role_id = r.id
  AND (s.from_on IS NULL OR s.from_on <= ?) AND (s.to_on IS NULL OR s.to_on > ?)
WHERE t.key IN ({types})
  AND (r.opened_on IS NULL OR r.opened_on <= ?) AND (r.closed_on IS NULL OR r.closed_on > ?)
  AND NOT EXISTS (SELECT 1 FROM suspension x WHERE x.facility_id = f.id
                  AND x.from_on <= ? AND (x.to_on IS NULL OR x.to_on > ?))
"""
LOOKED = """SELECT 1 FROM verification l WHERE l.facility_id = f.id AND l.verified_on > ? AND l.verified_on <= ?
  AND (l.voided_on IS NULL OR l.voided_on > ?)"""
TITLED = """ AND EXISTS (SELECT 1 FROM title i WHERE i.facility_id = f.id AND i.kind = ? AND i.awarded_on <= ?
  AND (i.expires_on IS NULL OR i.expires_on > ?) AND (i.withdrawn_on IS NULL OR i.withdrawn_on > ?))"""


class Active(NamedTuple):
    """An active role, or one of its links: where its place stands, how far that has come, whom it serves."""

    stands: int
    state: str
    visibility: str
    level: str
    serves: int | None
    facility: int
    role: int
    verified: bool


def _active(tree: Tree, definition: Definition, on: date) -> list[Active]:
    """The active roles of the definition, asked for once a tree."""
    rule, day = definition.numerator, on.isoformat()
    months, title = rule.get("verified_within_months"), rule.get("title")
    key = (tuple(rule["types"]), months, title)
    if key not in tree.active:
        sql = ACTIVE.format(stood=STOOD, looked=LOOKED, types=", ".join("?" * len(rule["types"])))
        params: list[Any] = [day, months_before(on, VERIFIED_MONTHS).isoformat(), day, day, day, day]
        params += [*rule["types"], day, day, day, day]
        if months:
            sql += f" AND EXISTS ({LOOKED})"
            params += [months_before(on, months).isoformat(), day, day]
        if title:
            sql += TITLED
            params += [title, day, day, day]
        tree.active[key] = [Active(*row) for row in db.query(sql, params)]
    return tree.active[key]


def months_before(on: date, months: int) -> date:
    """The same day of the month that many months earlier, or the last day of a shorter month."""
    year, month = divmod(on.year * 12 + on.month - 1 - months, 12)
    for day in range(on.day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, on.day)


Counted = dict[str, list[tuple[int | None, int]]]  # step: (standing division, number) of what has come so far


def _standing(tree: Tree, definition: Definition, on: date) -> Counted:
    """1 for each place with an active role of the types."""
    found: Counted = {step: [] for step in STEPS}
    for each in {each.facility: each for each in _active(tree, definition, on)}.values():
        for step in reached(each.state):
            found[step].append((tree.standing(each.stands, each.visibility), 1))
    return found


def _places(tree: Tree, definition: Definition, on: date) -> Counted:
    """The places of each active role that has them, by its latest count on the day."""
    column = definition.numerator["places"]
    counts = dict(
        db.query(
            f"SELECT p.role_id, p.{column} FROM role_places p WHERE p.{column} IS NOT NULL AND p.from_on ="
            " (SELECT MAX(q.from_on) FROM role_places q WHERE q.role_id = p.role_id AND q.from_on <= ?)",
            (on.isoformat(),),
        )
    )
    found: Counted = {step: [] for step in STEPS}
    for each in {each.role: each for each in _active(tree, definition, on)}.values():
        for step in reached(each.state) if each.role in counts else ():
            found[step].append((tree.standing(each.stands, each.visibility), counts[each.role]))
    return found


def _titled_divisions(definition: Definition, on: date) -> set[int]:
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
