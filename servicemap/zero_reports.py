"""零报告: a division's dated "none" of a type, which is an answer. It is never deleted: a place of the type that
is there later ends it by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from servicemap import db
from servicemap.access import EDIT, Actor, Span, narrowed, require
from servicemap.audit import write_txn
from servicemap.errors import ConflictError, InvalidError
from servicemap.facility_types import Kind
from servicemap.models import Division
from servicemap.nones import ONE, Nones, stays
from servicemap.records import public_code


@dataclass(frozen=True, slots=True)
class Zero:
    """One answer; `stands`: no place of the type has come since, and whoever became one with the division had none."""

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
    if division.valid_from and on < division.valid_from:
        raise InvalidError(f"{division.name} 从 {division.valid_from} 起才有", "before_valid_from")
    count = 0
    with write_txn(actor) as log:
        for kind in kinds:
            day = on.isoformat()
            for stay in stays(ONE, (division.id, kind.id)):
                if stay.begins <= on < stay.ends:
                    place = f"{public_code(stay.facility)} {stay.name}"
                    raise ConflictError(
                        f"登记册里 {on} 有{kind.name} {place}；没有了的请先关闭它", "not_none"
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
    where, params = "z.reported_on <= ?", [on.isoformat()]
    if spans := narrowed(actor, spans):
        where += f" AND ({' OR '.join('d.lft BETWEEN ? AND ?' for _ in spans)})"
        params += [end for span in spans for end in span]  # type: ignore[misc]
    rows = db.query(
        "SELECT d.level, d.padded_code, d.name, t.key, t.name, z.reported_on, z.reported_by, d.id, t.id"
        " FROM zero_report z JOIN division d ON d.id = z.division_id JOIN facility_type t ON t.id = z.type_id"
        f" WHERE {where} ORDER BY d.padded_code, d.level, t.id, z.reported_on",
        params,
    )
    latest = {(row[0], row[1], row[3]): row for row in rows}  # of all that have had the code
    standing = Nones(on).standing
    return [
        Zero(code, name, key, type_name, db.day(said), by, (division, kind, db.day(said)) in standing)
        for _, code, name, key, type_name, said, by, division, kind in latest.values()
    ]
