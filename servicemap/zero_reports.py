"""零报告: a division's dated "none" of a type, which is an answer. It is never deleted: a place of the type that
is there later ends it by itself."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from servicemap import db
from servicemap.access import EDIT, Actor, Span, narrowed, require
from servicemap.audit import write_txn
from servicemap.errors import ConflictError, InvalidError
from servicemap.facility_types import Kind
from servicemap.models import Division
from servicemap.records import public_code

# Of a zero report z and its division d: a place of the type that was there on that day or after it, up to a day
# (given twice). On a day before a merger it stood where it stood then, and ends nothing of its successor.
ENDED = """SELECT f.id FROM role r JOIN facility f ON f.id = r.facility_id JOIN division x ON x.id =
    COALESCE((SELECT w.division_id FROM former_division w WHERE w.facility_id = f.id AND w.to_on > ?
              ORDER BY w.to_on LIMIT 1), f.division_id)
  WHERE r.type_id = z.type_id AND x.lft BETWEEN d.lft AND d.rgt AND f.merged_into_id IS NULL
  AND (r.opened_on IS NULL OR r.opened_on <= ?) AND (r.closed_on IS NULL OR r.closed_on > z.reported_on)"""


@dataclass(frozen=True, slots=True)
class Zero:
    """One answer; `stands`: no place of the type has come since."""

    division: str
    division_name: str
    type: str
    type_name: str
    reported_on: date
    reported_by: str
    stands: bool


def report_none(actor: Actor, division: Division, kinds: Sequence[Kind], on: date, today: date) -> int:
    """Note that on that day the division had none of these types; how many of them are new answers.
    ConflictError where the registry knows an open one."""
    require(actor, EDIT, division.id)
    if on > today:
        raise InvalidError(f"{on} 还没有到", "future_date")
    count = 0
    with write_txn(actor) as log:
        for kind in kinds:
            day = on.isoformat()
            known = db.query(
                "SELECT f.id, f.name FROM role r JOIN facility f ON f.id = r.facility_id"
                " JOIN division x ON x.id = f.division_id WHERE r.type_id = ? AND x.lft BETWEEN ? AND ?"
                " AND f.merged_into_id IS NULL AND (r.opened_on IS NULL OR r.opened_on <= ?)"
                " AND (r.closed_on IS NULL OR r.closed_on > ?) LIMIT 1",
                (kind.id, division.lft, division.rgt, day, day),
            )
            if known:
                id_, name = known[0]
                raise ConflictError(
                    f"登记册里 {on} 有{kind.name} {public_code(id_)} {name}；没有了的请先关闭它", "not_none"
                )
            added = db.query(
                "INSERT INTO zero_report VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING type_id",
                (division.id, kind.id, day, actor.name),
            )
            if added:
                key = f"{division.padded_code} {kind.key}"
                log.record_change("zero_report", key, "create", {"reported_on": [None, day]})
                count += 1
    return count


def list_zeros(actor: Actor, spans: Sequence[Span], on: date) -> list[Zero]:
    """The latest answer of each division and type up to the day, by code, within the spans (none: where the
    actor acts)."""
    where, params = "z.reported_on <= ?", [on.isoformat()] * 3
    if spans := narrowed(actor, spans):
        where += f" AND ({' OR '.join('d.lft BETWEEN ? AND ?' for _ in spans)})"
        params += [end for span in spans for end in span]  # type: ignore[misc]
    rows = db.query(
        "SELECT d.padded_code, d.name, t.key, t.name, z.reported_on, z.reported_by,"
        f" NOT EXISTS ({ENDED}) FROM zero_report z JOIN division d ON d.id = z.division_id"
        f" JOIN facility_type t ON t.id = z.type_id WHERE {where} ORDER BY d.padded_code, t.id, z.reported_on",
        params,
    )
    latest = {(row[0], row[2]): row for row in rows}
    return [
        Zero(code, name, key, type_name, db.day(day), by, bool(stands))
        for code, name, key, type_name, day, by, stands in latest.values()
    ]


def answered_none(types: Collection[str], on: date, *, public: bool) -> set[int]:
    """The divisions that have said of every one of the types that they have none, and have none still on the
    day; `public`: as everybody may know it, whatever contact_only places there are. One query."""
    day, seen = on.isoformat(), " AND f.visibility = 'public'" if public else ""
    rows = db.query(
        "SELECT z.division_id, t.key FROM zero_report z JOIN division d ON d.id = z.division_id"
        f" JOIN facility_type t ON t.id = z.type_id WHERE t.key IN ({', '.join('?' * len(types))})"
        f" AND z.reported_on <= ? AND NOT EXISTS ({ENDED}{seen})",
        (*types, day, day, day),
    )
    said: dict[int, set[str]] = {}
    for division_id, key in rows:
        said.setdefault(division_id, set()).add(key)
    return {id_ for id_, keys in said.items() if keys >= set(types)}
