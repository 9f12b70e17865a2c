"""The plan of a change of divisions: what becomes of each division and of each place, and what is wrong.

An order is a list of divisions as they are from a day on, each with the codes that it takes the place of.
A division is one row a validity: another name leaves it the same one, another parent, area or class makes
a new one of the same code. Places go to the one successor; of several, to the one that the order names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from servicemap import db
from servicemap.audit import head_seq
from servicemap.division_list import DivisionRow, read
from servicemap.divisions import chunks, rank
from servicemap.errors import Problem
from servicemap.models import Division
from servicemap.records import parse_code, public_code

ACTIONS = ("create", "renew", "rename", "succeed", "end")
MOST_NAMED = 5  # places or divisions that one sentence names


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: the rows hold from the day `on`. `whole`: they are all that there is, and what they
    don't name ends. `places` says for single places (by code) to which successor (by code) they go."""

    on: date
    rows: Sequence[DivisionRow]
    whole: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    document: str = ""  # 文号


@dataclass(slots=True, eq=False)
class Node:
    """A division as it is from the day on: a known one, or one to be made of `fields`."""

    fields: dict[str, Any]
    known: Division | None = None
    parent: "Node | None" = None
    olds: list[Division] = field(default_factory=list)
    made: Division | None = None  # once the plan is carried out

    @property
    def id(self) -> int:
        division = self.known or self.made
        assert division
        return int(division.id)

    @property
    def code(self) -> str:
        return str(self.fields["padded_code"])


@dataclass(frozen=True, slots=True)
class DivisionChange:
    """`action` is one of ACTIONS; renew: another validity of its code; succeed: it takes others in."""

    action: str
    code: str
    name: str
    level: str
    former_name: str | None = None
    predecessors: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """Where a place goes; `to_code` is None while nobody has said it."""

    id: int
    code: str
    name: str
    address: str | None
    from_code: str
    to_code: str | None


@dataclass(slots=True)
class Plan:
    """What an order would do to the registry as it was at `seq`."""

    order: Order
    seq: int
    nodes: list[Node] = field(default_factory=list)  # all that changes, top down
    ended: dict[int, Division] = field(default_factory=dict)
    heirs: dict[int, list[Node]] = field(default_factory=dict)  # by the id of what ends
    places: list[PlaceChange] = field(default_factory=list)
    serving: list[int] = field(default_factory=list)  # places whose explicit links follow
    problems: list[Problem] = field(default_factory=list)

    @property
    def renamed(self) -> list[Node]:
        return [node for node in self.nodes if node.known and node.known.name != node.fields["name"]]

    @property
    def divisions(self) -> list[DivisionChange]:
        """The changes in words, what ends last."""
        found = []
        for node in self.nodes:
            code, name, level = node.code, str(node.fields["name"]), str(node.fields["level"])
            olds = tuple(old.padded_code for old in node.olds)
            itself = node.known or next((d for d in node.olds if d.code == node.fields["code"]), None)
            was = itself.name if itself and itself.name != name else None
            action = "renew" if itself else "create"
            if node.known:
                action = "succeed" if olds else "rename"
            found.append(DivisionChange(action, code, name, level, was, olds))
        for id_, old in self.ended.items():
            codes = tuple(node.code for node in self.heirs.get(id_, ()))
            found.append(DivisionChange("end", old.padded_code, old.name, old.level, successors=codes))
        return found

    def wrong(self, code: str, detail: str, cure: str | None = None, **where: Any) -> None:
        self.problems.append(Problem(code, detail, cure=cure, **where))


def work_out(order: Order, today: date) -> Plan:
    """The plan of the order against the registry as it is now. Changes nothing."""
    plan = Plan(order, head_seq())
    if order.on > today:  # a place stands in one division, and its card must not tell of one to come
        plan.wrong("future_date", f"{order.on} 还没有到", "请在生效那天或以后再执行；以前的日期可以")
    known: dict[str, list[Division]] = {}
    for division in Division.select():
        for code in {division.code, division.padded_code}:
            known.setdefault(code, []).append(division)
    for number, row in enumerate(order.rows, 1):
        if order.whole and (row.valid_from or row.valid_to):
            cure = "启用日期由 --on 说明；请清空这两列"
            plan.wrong("dated_row", "新一版名录不填启用、停用日期", cure, row=row.row or number)
    lengths = {len(each.padded_code) for of_one in known.values() for each in of_one}
    for number, row in enumerate(order.rows, 1):
        if lengths and len(row.code) not in lengths:
            cure = f"代码应有 {'、'.join(map(str, sorted(lengths)))} 位"
            plan.wrong("bad_code", f"“{row.code}”不像这里的区划代码", cure, row=row.row or number)
    dated = [replace(row, valid_from=str(order.on), valid_to="") for row in order.rows]
    facts, problems = read(dated, known)
    plan.problems += problems
    if plan.problems:
        return plan
    named = _place_nodes(plan, facts, known)
    current = {each.id: each for of_one in known.values() for each in of_one if each.valid_to is None}
    if order.whole:
        top = min((rank(each.level) for each in current.values()), default=0)
        if all(rank(fields["level"]) > top for _, fields in facts):
            plan.wrong("no_top", "名录里没有最高一级", "请用完整的一版；没有列出的区划会撤销")
        plan.ended |= {id_: each for id_, each in current.items() if id_ not in named | plan.ended.keys()}
    _check_dates(plan, known)
    _check_tree(plan, current.values())
    _follow(plan)
    if not (plan.nodes or plan.ended or plan.problems):
        plan.wrong("nothing_changes", "和现在一样，没有要改的")
    return plan


def _place_nodes(
    plan: Plan, facts: Iterable[tuple[DivisionRow, dict[str, Any]]], known: dict[str, list[Division]]
) -> set[int]:
    """Make a node of each row that changes something; returns the ids of the divisions that rows name."""
    nodes: dict[str, list[Node]] = {}
    named: set[int] = set()
    for row, fields in sorted(facts, key=lambda pair: rank(pair[1]["level"])):
        here = next((d for d in known.get(fields["code"], ()) if _is_it(d, fields)), None)
        olds = [old for code in row.replaced if (old := _old(plan, row, code, fields["level"], known))]
        parent = _parent(row.parent_code, fields["level"], nodes, known)
        node = Node(fields, None, parent)
        where: dict[str, Any] = {"row": row.row or None, "value": row.code}
        if parent is None and row.parent_code:
            plan.wrong("unknown_parent", f"{row.parent_code} 不是现行的区划", "请写现行的上级代码", **where)
        if here:
            named.add(here.id)
            if here.level != fields["level"]:
                plan.wrong(
                    "different_levels", f"{row.code} 现在是 {here.level}，不能改为 {fields['level']}", **where
                )
            fields["urban_rural"] = fields["urban_rural"] or here.urban_rural
            same = parent is not None and parent.known is not None and parent.known.id == here.parent_id
            same = same or (parent is None and here.parent_id is None)
            if here not in olds and same and fields["urban_rural"] == here.urban_rural:
                node.known = here
            elif here not in olds:
                olds.append(here)
        node.olds = list({old.id: old for old in olds}.values())
        nodes.setdefault(fields["padded_code"], []).append(node)
        if node.known is None or node.olds or node.known.name != fields["name"]:
            plan.nodes.append(node)
        for old in node.olds:
            plan.ended[old.id] = old
            plan.heirs.setdefault(old.id, []).append(node)
    return named


def _is_it(division: Division, fields: Mapping[str, Any]) -> bool:
    return bool(division.code == fields["code"] and division.valid_to is None)


def _old(
    plan: Plan, row: DivisionRow, code: str, level: str, known: dict[str, list[Division]]
) -> Division | None:
    """The division now there that the row takes the place of: of the row's level where the code has several."""
    where: dict[str, Any] = {"row": row.row or None, "value": code}
    candidates = [each for each in known[code] if each.valid_to is None]
    if not candidates:
        plan.wrong("already_retired", f"{code} {known[code][-1].name} 已经停用，不能再被替代", **where)
        return None
    old = next((each for each in candidates if each.level == level), candidates[0])
    if old.level != level:
        plan.wrong("different_levels", f"{code} {old.name} 和 {row.code} 不是同一级", **where)
    return old


def _parent(
    code: str, level: str, nodes: Mapping[str, list[Node]], known: Mapping[str, list[Division]]
) -> Node | None:
    """The lowest division of the code above the level, as it is from the day on."""
    above = [node for node in nodes.get(code, ()) if rank(node.fields["level"]) < rank(level)]
    seen = {node.fields["code"] for node in above}
    above += [
        Node({"level": each.level, "padded_code": each.padded_code}, each)
        for each in known.get(code, ())
        if each.valid_to is None and each.code not in seen and rank(each.level) < rank(level)
    ]
    return max(above, key=lambda node: rank(node.fields["level"]), default=None)


def _check_dates(plan: Plan, known: Mapping[str, list[Division]]) -> None:
    """Nothing may change before it began, or before another change that it took part in."""
    on = plan.order.on
    grown = dict(db.query("SELECT new_id, succeeded_on FROM succession WHERE succeeded_on >= ?", (str(on),)))
    renamed = dict(db.query("SELECT division_id, to_on FROM former_name WHERE to_on >= ?", (str(on),)))
    changing: dict[int, tuple[Division, Any]]
    changing = {old.id: (old, grown.get(old.id) or renamed.get(old.id)) for old in plan.ended.values()}
    changing |= {node.id: (node.known, renamed.get(node.id)) for node in plan.renamed if node.known}
    for each, later in changing.values():
        if each.valid_from and each.valid_from >= on:
            detail = f"{each.padded_code} {each.name} 从 {each.valid_from} 起才有"
            plan.wrong("before_valid_from", detail, "日期要晚于它的启用日期", value=each.padded_code)
        elif later:
            detail = f"{each.padded_code} {each.name} 在 {later} 已有变更"
            plan.wrong("later_change", detail, "日期要晚于以前的变更", value=each.padded_code)
    for node in plan.nodes:
        for there in (node.known, node.parent.known if node.parent else None):
            if there and there.valid_from and there.valid_from > on and there.id not in changing:
                detail = f"{there.padded_code} {there.name} 从 {there.valid_from} 起才有"
                plan.wrong("before_valid_from", detail, "日期不能早于它的启用日期", value=node.code)
        for each in known.get(node.fields["code"], ()) if node.known is None else ():
            same = each.code == node.fields["code"] and each.id not in plan.ended
            if same and (each.valid_to is None or each.valid_to > on):
                detail = f"{node.code} 的两段有效期重叠：{each.name} 到 {each.valid_to or '今后'}"
                plan.wrong("overlapping_validity", detail, "请核对代码和日期", value=node.code)


def _check_tree(plan: Plan, current: Iterable[Division]) -> None:
    """What is to be has a parent that is to be, and what ends leaves no division below it."""
    ended = plan.ended
    for node in plan.nodes:
        parent = node.parent.known if node.parent else None
        if parent and parent.id in ended:
            detail = f"{node.code} 的上级 {parent.padded_code} {parent.name} 同时停用"
            plan.wrong("parent_ends", detail, "请写新的上级代码", value=node.code)
    left: dict[int, list[Division]] = {}
    for each in current:
        if each.parent_id in ended and each.id not in ended:
            left.setdefault(each.parent_id, []).append(each)
    for id_, below in left.items():
        detail = f"{ended[id_].padded_code} {ended[id_].name} 还有 {len(below)} 个下级：{_named(d.name for d in below)}"
        cure = "下级的代码也会变：请用 division import --on 导入新的一版名录"
        plan.wrong("has_children", detail, cure, value=ended[id_].padded_code)


def _follow(plan: Plan) -> None:
    """Where the places of what ends go, and which links go with them."""
    ended = plan.ended
    on = str(plan.order.on)
    standing: list[tuple[Any, ...]] = []
    serving: set[int] = set()
    linked: dict[int, int] = {}
    for chunk in chunks(sorted(ended), 500):
        among = f"IN ({', '.join('?' * len(chunk))})"
        standing += db.query(
            "SELECT f.id, f.name, f.address, f.division_id, (SELECT COUNT(*) FROM role r WHERE r.facility_id = f.id"
            f" AND (r.closed_on IS NULL OR r.closed_on > ?)) FROM facility f WHERE f.division_id {among} ORDER BY f.id",
            (on, *chunk),
        )
        for facility_id, division_id in db.query(
            "SELECT r.facility_id, s.division_id FROM role_serves s JOIN role r ON r.id = s.role_id"
            f" WHERE s.division_id {among} AND (s.to_on IS NULL OR s.to_on > ?)"
            " AND (r.closed_on IS NULL OR r.closed_on > ?)",
            (*chunk, on, on),
        ):
            serving.add(facility_id)
            linked[division_id] = facility_id
    plan.serving = sorted(serving)
    wanted = _wanted(plan, {row[0] for row in standing})
    for id_, name, address, division_id, open_roles in standing:
        old = ended[division_id]
        codes = [node.code for node in plan.heirs.get(division_id, ())]
        to_code = codes[0] if len(codes) == 1 else None
        if id_ in wanted and wanted[id_] in codes:
            to_code = wanted[id_]
        elif id_ in wanted:
            detail = (
                f"{public_code(id_)} {name} 不能归 {wanted[id_]}：它不是 {old.padded_code} {old.name} 的后继"
            )
            plan.wrong("not_a_successor", detail, f"可以是 {'、'.join(codes)}", value=public_code(id_))
            continue
        if to_code or open_roles:  # what has closed may stay where it was
            plan.places.append(PlaceChange(id_, public_code(id_), name, address, old.padded_code, to_code))
    for old in ended.values():
        codes = [node.code for node in plan.heirs.get(old.id, ())]
        undecided = [p for p in plan.places if p.from_code == old.padded_code and p.to_code is None]
        title = f"{old.padded_code} {old.name}"
        if not codes and (undecided or old.id in linked):
            places = [place.code for place in undecided] or [public_code(linked[old.id])]
            detail = f"{title} 撤销后没有后继，还有服务点：{_named(places)}"
            plan.wrong("no_successor", detail, "请说明由谁替代，或先把服务点改到别处", value=old.padded_code)
        elif undecided:
            detail = f"{title} 分给 {'、'.join(codes)}，有 {len(undecided)} 个服务点还没有说归哪里：{_named(p.code for p in undecided)}"
            cure = "请用 --places 给出每个服务点的编号和新区划代码"
            plan.wrong("undecided_places", detail, cure, value=old.padded_code)


def _wanted(plan: Plan, concerned: set[int]) -> dict[int, str]:
    """Which successor the order names for which place."""
    wanted = {}
    for code, division in plan.order.places.items():
        id_ = parse_code(code)
        if id_ is None or id_ not in concerned:
            detail = f"“{code}”不是这次要转移的服务点"
            plan.wrong("not_concerned", detail, "请核对编号", value=code)
        elif division:
            wanted[id_] = division
    return wanted


def _named(words: Iterable[str]) -> str:
    some = list(words)
    return "、".join(some[:MOST_NAMED]) + (" 等" if len(some) > MOST_NAMED else "")
