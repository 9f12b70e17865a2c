"""Changes of divisions from a day on: merge, split, rename, a new edition of the list; plan, then apply."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from servicemap import db, divisions, keys, storing
from servicemap.access import Actor
from servicemap.audit import Log, diff, head_seq, write_txn
from servicemap.division_list import DivisionRow, make_due, renumber, write_keys
from servicemap.division_plan import Node, Order, Plan, work_out
from servicemap.errors import ConflictError, InvalidError, NotFoundError
from servicemap.models import Division, FormerName, Succession
from servicemap.records import Serves, load


def merge(codes: Sequence[str], into: str, name: str) -> list[DivisionRow]:
    """The rows of a merger: the divisions become one, a new one of this name or one that is there."""
    if not codes:
        raise InvalidError("没有说合并哪些区划", "missing_codes")
    olds = [_current(code) for code in codes]
    there = divisions.find(into)
    if there is None or there.valid_to is not None:
        parents = {old.parent_id for old in olds}
        if len(parents) > 1:
            cure = "请用 division import --on 导入新的一版名录，写明上级"
            raise InvalidError(f"它们不在同一个上级之下，{into} 归哪里说不清；{cure}", "different_parents")
        if not name:
            raise InvalidError(f"{into} 是新的区划，请写名称", "missing_name")
        return [_row(into, name, olds[0], [old.padded_code for old in olds])]
    others = [old.padded_code for old in olds if old.id != there.id]
    return [_row(there.padded_code, name or there.name, there, others)]


def split(code: str, into: Sequence[tuple[str, str]]) -> list[DivisionRow]:
    """The rows of a split into (code, name) each; its own code among them goes on with a smaller area."""
    old = _current(code)
    if len(into) < 2:
        raise InvalidError("分设至少要有两个后继", "too_few_successors")
    if others := [d for c, _ in into if (d := divisions.find(c)) and not d.valid_to and d.id != old.id]:
        detail = f"{others[0].padded_code} {others[0].name} 已经有了"
        raise InvalidError(f"{detail}；分设要用新的代码", "overlapping_validity")
    return [_row(each, name, old, [old.padded_code]) for each, name in into]


def rename(code: str, name: str) -> list[DivisionRow]:
    """The row of another name."""
    old = _current(code)
    return [_row(old.padded_code, name, old, [])]


def _current(code: str) -> Division:
    try:
        division = divisions.get(code)
    except NotFoundError as error:
        raise InvalidError(error.detail, "unknown_division") from None
    if division.valid_to is not None:
        detail = f"{division.padded_code} {division.name} 已于 {division.valid_to} 停用"
        raise InvalidError(detail, "already_retired")
    return division


def _row(code: str, name: str, like: Division, replaced: Sequence[str]) -> DivisionRow:
    parent = like.parent.padded_code if like.parent_id else ""
    return DivisionRow(code, name, like.level, parent, replaces=" ".join(replaced))


def apply(actor: Actor, order: Order, today: date, *, seq: int | None = None) -> Plan:
    """Carry the order out, all of it in one transaction or nothing; returns what was done.

    Raises InvalidError with every problem; ConflictError when the registry has changed since `seq`. The cards
    of places that only tell of another name are left to registry.roll_over.
    """
    with write_txn(actor) as log:
        head = head_seq(lock=True)  # from here on nobody else commits: see Log.check_last
        if seq is not None and seq != head:
            raise ConflictError("预案之后登记册有了新的变更；请重新看预案", "plan_stale")
        plan = work_out(order, today)
        if plan.problems:
            raise InvalidError("区划变更有问题，什么都没有改", "bad_change", plan.problems)
        _carry_out(log, plan, today)
    return plan


def _carry_out(log: Log, plan: Plan, today: date) -> None:
    on, order = plan.order.on, plan.order
    said = {"reason": order.reason, "document": order.document}
    why: dict[str, list[Any]] = {name: [None, text] for name, text in said.items() if text}
    for old in plan.ended.values():
        Division.update(valid_to=on).where(Division.id == old.id).execute()
        successors = [node.code for node in plan.heirs.get(old.id, ())]
        changed: dict[str, list[Any]] = {"valid_to": [None, on], "successors": [None, successors], **why}
        log.record_change("division", old.padded_code, "retire", changed)
    for node in plan.renamed:
        was = node.known.name if node.known else None
        FormerName.create(division=node.id, to_on=on, name=was, document=order.document or None)
        Division.update(name=node.fields["name"]).where(Division.id == node.id).execute()
        changed = {"name": [was, node.fields["name"]], "on": [None, on], **why}
        log.record_change("division", node.code, "rename", changed)
        make_due(node.id)
    new = [node for node in plan.nodes if node.known is None]
    for node in new:  # top down: a parent is made before what stands below it
        fields = {**node.fields, "parent_id": node.parent.id if node.parent else None}
        node.made = Division.create(**fields, lft=0, rgt=0)
        log.record_change("division", node.code, "create", {**diff({}, fields), **why})
    for node in plan.nodes:
        for old in node.olds:
            Succession.create(old=old, new=node.id, succeeded_on=on, document=order.document or None)
            _inherit(plan, old, node, alone=node in new and len(node.olds) == 1)
    if new:
        renumber()
    keys.delete("division_key", [*(node.id for node in plan.nodes), *plan.ended])
    write_keys()
    _move(log, plan, today)


def _inherit(plan: Plan, old: Division, node: Node, *, alone: bool) -> None:
    """Lists of denominators go on with the successor; shape, residents, titles and a county's 免镇审 only where it is the same
    area under another code or parent."""
    new = node.id
    db.execute(
        "INSERT INTO denominator_member (list_id, division_id) SELECT list_id, ? FROM denominator_member m"
        " WHERE m.division_id = ? AND NOT EXISTS (SELECT 1 FROM denominator_member n"
        " WHERE n.list_id = m.list_id AND n.division_id = ?)",
        (new, old.id, new),
    )
    if not alone or len(plan.heirs[old.id]) > 1:
        return
    db.execute("UPDATE shape SET division_id = ? WHERE division_id = ?", (new, old.id))
    for table, columns in (
        ("population", "kind, counted_on, persons, source"),
        ("title", "kind, issuer, awarded_on, expires_on, withdrawn_on"),
        ("skip_town", "set_on, set_by"),
    ):
        db.execute(
            f"INSERT INTO {table} (division_id, {columns}) SELECT ?, {columns} FROM {table} WHERE division_id = ?",
            (new, old.id),
        )


def _move(log: Log, plan: Plan, today: date) -> None:
    """Places and links to the successors; where places stood is kept for reports of earlier days."""
    to = {place.id: place.to_code for place in plan.places if place.to_code}
    heirs = {id_: {node.code: node.id for node in nodes} for id_, nodes in plan.heirs.items()}
    pairs = []
    for id_, before in load(sorted({*to, *plan.serving})).items():
        stands = heirs[before.division_id][to[id_]] if id_ in to else before.division_id
        roles = [replace(each, serves=_serving(each.serves, heirs, plan.order.on)) for each in before.roles]
        pairs.append((before, replace(before, division_id=stands, roles=roles)))
    db.execute_many(
        "INSERT INTO former_division (facility_id, to_on, division_id) VALUES (?, ?, ?)"
        " ON CONFLICT (facility_id, to_on) DO NOTHING",
        [
            (before.id, str(plan.order.on), before.division_id)
            for before, after in pairs
            if after.division_id != before.division_id
        ],
    )
    storing.write(log, [], pairs, today, voids=False)  # the places are what they were


def _serving(links: Sequence[Serves], heirs: Mapping[int, Mapping[str, int]], on: date) -> list[Serves]:
    """The links after the change: one that holds beyond the day goes on with every successor, from the day
    or from its own beginning if that is later."""
    kept = {link.division_id: replace(link) for link in links}
    for link in links:
        new_ids = heirs.get(link.division_id, {}).values()
        if not new_ids or (link.to_on and link.to_on <= on):
            continue
        starts = max(link.from_on or on, on)
        if link.from_on and link.from_on >= on:
            del kept[link.division_id]
        else:
            kept[link.division_id].to_on = on
        for id_ in new_ids:
            there = kept.get(id_)
            if there is None:
                kept[id_] = Serves(id_, starts, link.to_on)
            elif there.to_on and there.to_on < starts:
                detail = f"有挂牌服务过区划 {id_}（到 {there.to_on}），现在又要服务；请先改它的服务区划"
                raise ConflictError(detail, "served_before")
            else:
                there.from_on = there.from_on and min(there.from_on, starts)
                there.to_on = max(there.to_on, link.to_on) if there.to_on and link.to_on else None
    return sorted(kept.values(), key=lambda link: link.division_id)
