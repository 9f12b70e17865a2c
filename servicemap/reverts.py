"""A change of a record put back, as a new change."""

import json
from typing import Any

from servicemap import db, storing
from servicemap.edits import Asked, answered, hold, require_over, seen
from servicemap.errors import ConflictError, NotFoundError
from servicemap.facility_types import Kinds
from servicemap.inverse import clash, inverse
from servicemap.records import Record, load, parse_code
from servicemap.replays import once


def revert(asked: Asked, code: str, seq: int) -> dict[str, Any]:
    """Put back what the change `seq` did to the record, as a new change. ConflictError, with the fields, where
    somebody changed them since. A merger is taken back on both sides; it is told to the code that stays."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        record, pairs, stay = seen(asked, code), [], list[str]()
        for id_, changed, since in _meant(record, seq):
            now = record if id_ == record.id else load([id_])[id_]
            undone = inverse(now, changed, since, asked.today, "退回")
            require_over(asked.actor, now, undone.after)
            stay += undone.kept
            pairs.append((now, undone))
        if stay:
            names = "、".join(stay)
            raise ConflictError(f"后来又改过，不能退回：{names}；请直接改成要的内容", "changed_since")
        for now, undone in pairs:
            if now.id != record.id and now.titles:
                raise ConflictError("退不回去：并入的那处有称号，已经算在这里", "cannot_be_put_back")
            if why := clash(undone.after):
                raise ConflictError(f"退不回去：{why}", "cannot_be_put_back")
            for sql, params in undone.dropped:
                db.execute(sql, params)
            hold(now, undone.after, asked.today, Kinds())
            pair = (now, undone.after)
            storing.write(log, [], [pair], asked.today, action="revert", reason=asked.reason)
        return answered(asked, record)


def _meant(record: Record, seq: int) -> list[tuple[int, dict[str, list[Any]], set[str]]]:
    """(facility, what was changed, which fields were changed since): of one change, of a merger of both, the
    last one first."""
    sql = "SELECT seq, key, action, diff FROM change WHERE noun = 'facility' AND seq BETWEEN ? AND ?"
    near = {
        number: (key, action, json.loads(text))
        for number, key, action, text in db.query(sql, (seq - 1, seq + 1))
    }
    numbers = [seq]
    if seq in near and near[seq][1] == "merge":  # the one that went is written first, then the one that stays
        numbers = [seq + 1, seq] if "merged_into" in near[seq][2] else [seq, seq - 1]
    if seq not in near or near[numbers[0]][0] != record.code:
        raise NotFoundError(f"{record.code} 没有第 {seq} 号变更；请看 history", "change_not_found")
    if near[seq][1] == "create":
        raise ConflictError("这是新增这一处；不再有了请用 关闭 close", "is_creation")
    sql = "SELECT diff FROM change WHERE noun = 'facility' AND key = ? AND seq > ?"
    meant = []
    for number in numbers:
        key, _, changed = near[number]
        changed.pop("reason", None)
        later = {name for (text,) in db.query(sql, (key, number)) for name in json.loads(text)}
        meant.append((parse_code(key) or 0, changed, later))
    return meant
