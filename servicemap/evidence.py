"""依据和活动: what proves that a role is what it says, and what it did for families; no names, no pictures.

What is said of the roles of a place that was merged is said of those that it became.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from servicemap import db, facilities, replays
from servicemap.access import EDIT, READ_RECORD, Actor, require
from servicemap.audit import diff, now_text
from servicemap.coverage.roles import VERIFIED_MONTHS, months_before
from servicemap.errors import InvalidError, NotFoundError, Problem
from servicemap.facility_types import Kind, Kinds
from servicemap.records import Record
from servicemap.replays import once

# 全国家庭教育指导服务站点的要求: 每年至少 4 次活动
ACTIVITIES_A_YEAR = 4
COLUMNS = {
    "evidence": ("kind", "body", "number", "dated_on", "file_hash", "note"),
    "activity": ("held_on", "topic", "for_whom", "families"),
}
WITHDRAWN = {"evidence": ("withdrawn_on", "withdrawn_by", "withdrawn_reason"), "activity": ()}
DATED = {"evidence": "dated_on", "activity": "held_on"}


def add(
    actor: Actor,
    noun: str,
    code: str,
    word: str | None,
    facts: Mapping[str, Any],
    today: date,
    *,
    request: Any,
    key: str | None,
) -> dict[str, Any]:
    """Add one of `noun` (evidence or activity) with these columns to the role of the type that `word` names
    (None: the only one there is); `request` and `key`: see replays.once. The answer is as `list_all` gives it."""
    with once(actor, key, request) as (log, kept):
        if kept:
            return kept
        record = facilities.get(code)
        require(actor, EDIT, record.division_id)
        if facts[DATED[noun]] > today:
            raise InvalidError(f"{facts[DATED[noun]]} 还没有到", "future_date")
        kind = _kind(record, word)
        role = [each for each in record.roles if each.type_id == kind.id][-1]
        said = {name: facts.get(name) for name in COLUMNS[noun]}
        names = ("role_id", *said, "added_by", "added_at")
        values = [role.id, *said.values(), actor.name, now_text()]
        db.execute(
            f"INSERT INTO {noun} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [str(value) if isinstance(value, date) else value for value in values],
        )
        log.record_change(noun, record.code, "create", diff({}, {"type": kind.key, **said}))
        answer = {"code": record.code, "items": _rows(noun, record)}
        replays.keep(actor, key, request, answer)
        return answer


def withdraw(actor: Actor, code: str, id_: int, reason: str, today: date) -> dict[str, Any]:
    """This proof was wrong: it stays, with the reason, and proves nothing. NotFoundError, also for one that was
    withdrawn. The answer is as `list_all` gives it."""
    with once(actor, None, None) as (log, _):
        record = facilities.get(code)
        require(actor, EDIT, record.division_id)
        known = [row for row in _rows("evidence", record) if row["id"] == id_ and not row["withdrawn_on"]]
        if not known:
            raise NotFoundError(
                f"{record.code} 没有第 {id_} 号有效的依据；请看 evidence list", "evidence_not_found"
            )
        db.execute(
            "UPDATE evidence SET withdrawn_on = ?, withdrawn_by = ?, withdrawn_reason = ? WHERE id = ?",
            (today.isoformat(), actor.name, reason, id_),
        )
        changed: dict[str, list[Any]] = {
            "id": [id_, id_],
            "withdrawn_on": [None, today],
            "reason": [None, reason],
        }
        log.record_change("evidence", record.code, "withdraw", changed)
        return {"code": record.code, "items": _rows("evidence", record)}


def list_all(actor: Actor, noun: str, code: str) -> dict[str, Any]:
    """All of `noun` of a place, the latest first: {"code", "items"}."""
    record = facilities.get(code)
    require(actor, READ_RECORD, record.division_id)
    return {"code": record.code, "items": _rows(noun, record)}


def steps(record: Record, on: date) -> list[dict[str, Any]]:
    """How far each role that is open on the day has come: `plaqued` 已挂牌 (something proves it), `verified`
    已核实 (looked at within 12 months), `running` 正常运行 (so many activities in the calendar year)."""
    kinds = Kinds()
    proofs = [
        row["type"]
        for row in _rows("evidence", record)
        if row["dated_on"] <= str(on) and not row["withdrawn_on"]
    ]
    held = [
        row["type"]
        for row in _rows("activity", record)
        if str(date(on.year, 1, 1)) <= row["held_on"] <= str(on)
    ]
    verified = record.verified_on is not None and record.verified_on > months_before(on, VERIFIED_MONTHS)
    keys = [kinds.by_id[role.type_id].key for role in record.roles if role.is_open(on)]
    return [
        {
            "type": key,
            "plaqued": key in proofs,
            "verified": verified,
            "running": held.count(key) >= ACTIVITIES_A_YEAR,
            "evidence": proofs.count(key),
            "activities": held.count(key),
        }
        for key in keys
    ]


def _rows(noun: str, record: Record) -> list[dict[str, Any]]:
    names = ("type", "id", *COLUMNS[noun], "added_by", "added_at", *WITHDRAWN[noun])
    columns = ", ".join(f"e.{name}" for name in names[1:])
    ids = _with_merged(record)
    rows = db.query(
        f"SELECT t.key, {columns} FROM {noun} e JOIN role r ON r.id = e.role_id"
        f" JOIN facility_type t ON t.id = r.type_id WHERE r.facility_id IN ({', '.join('?' * len(ids))})"
        f" ORDER BY e.{DATED[noun]} DESC, e.id DESC",
        ids,
    )
    return [
        {
            name: str(value) if isinstance(value, date) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in rows
    ]


def _with_merged(record: Record) -> list[int]:
    """The ids of the place and of those that became it."""
    rows = db.query(
        "WITH RECURSIVE one (id) AS (SELECT CAST(? AS INTEGER) UNION"
        " SELECT f.id FROM facility f JOIN one ON f.merged_into_id = one.id) SELECT id FROM one",
        (record.id,),
    )
    return [row[0] for row in rows]


def _kind(record: Record, word: str | None) -> Kind:
    kinds = Kinds()
    here = {role.type_id: kinds.by_id[role.type_id] for role in record.roles}
    if word is None and len(here) == 1:
        return next(iter(here.values()))
    kind = kinds.find(word) if word else None
    if kind is None or kind.id not in here:
        names = "、".join(each.name for each in here.values())
        detail = f"这里的挂牌是：{names}；请说明是哪一个的"
        raise InvalidError(detail, "which_type", [Problem("which_type", detail, "type", column="类型")])
    return kind
