"""Many records corrected at once: those that a filter meets, each by the rules of one (edits.py). A plan
first, worked out at one state of the registry; then all of it in one transaction, or nothing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from servicemap import edits, facilities, facts, replays, storing
from servicemap.access import Actor, Span
from servicemap.audit import head_seq
from servicemap.cells import clean
from servicemap.edit_fields import HEADINGS, Cells
from servicemap.edits import Asked, Change
from servicemap.errors import ConflictError, InvalidError, Problem
from servicemap.facility_types import Kinds
from servicemap.records import Record
from servicemap.replays import once

MOST = 20_000  # records that a filter may have to look at
PAGE = 500
OWN = ("name", "external_id", "credit_code", "registration_no", "lng", "lat")  # of one place alone
ALREADY = ("already_verified", "not_open")  # of many, nothing that would have to be mended
STALE = "看过预案之后登记册有了新的变更；请重新看预案"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: in any of the spans of the division tree, with a role of any of the types (none: all)
    of which `where` holds: {field: its text as an export writes it; None: it is empty}. What is closed only
    with `closed`; at most `limit`, by code."""

    spans: Sequence[Span]
    type_ids: Sequence[int]
    where: Cells
    closed: bool
    limit: int


@dataclass(slots=True)
class Plan:
    """What would become of them. `seq` is the registry's version that it was worked out against."""

    seq: int
    matched: int = 0
    unchanged: int = 0
    voided: int = 0  # verifications, by a material change
    updated: list[tuple[Record, Record]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)  # value: the record's code


def check_shared(cells: Cells) -> None:
    """InvalidError for what no two places have in common; emptying it is another matter."""
    if own := [HEADINGS[name] for name in OWN if cells.get(name) is not None]:
        raise InvalidError(f"{'、'.join(own)}每处不同，不能一次改成一样的；请逐个改，或用导入", "not_shared")


def work_out(actor: Actor, wanted: Wanted, change: Change, today: date) -> Plan:
    """The plan; changes nothing. InvalidError when the filter has more than MOST to look at, ForbiddenError
    outside the actor's divisions."""
    plan, kinds = Plan(head_seq()), Kinds()
    for record in _meeting(actor, wanted, today, kinds):
        if plan.matched == wanted.limit:
            break
        plan.matched += 1
        name = record.name
        try:
            before, after, fields = edits.changed(actor, record, change, today, kinds)
        except (InvalidError, ConflictError) as error:
            if error.code in ALREADY:
                plan.unchanged += 1
                continue
            detail = "；".join(map(str, error.problems)) or error.detail
            plan.refused.append(Problem(error.code, f"{record.code} {name}: {detail}", value=record.code))
            continue
        if fields:
            plan.updated.append((before, after))
            plan.changes.append({"code": before.code, "name": before.name, "changed": fields})
            plan.voided += facilities.voids_verification(before, after)
        else:
            plan.unchanged += 1
    return plan


def apply(
    asked: Asked,
    wanted: Wanted,
    change: Change,
    *,
    action: str,
    seq: int,
    skip_bad: bool,
    most_shown: int,
) -> dict[str, Any]:
    """Carry the plan of `seq` out, and what was done. ConflictError when the registry has changed since,
    InvalidError with every record that is refused unless `skip_bad`."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        plan = work_out(asked.actor, wanted, change, asked.today)
        if seq != plan.seq:
            raise ConflictError(STALE, "plan_stale")
        if plan.refused and not skip_bad:
            raise InvalidError(f"{len(plan.refused)} 个不能改，什么都没有写入", "bad_records", plan.refused)
        storing.write(log, [], plan.updated, asked.today, action=action, reason=asked.reason)
        answer = shown(plan, most_shown, applied=True)
        replays.keep(asked.actor, asked.key, asked.request, answer)
    return answer


def shown(plan: Plan, most: int, *, applied: bool) -> dict[str, Any]:
    """The plan in numbers, with the first `most` changes and refusals."""
    return {
        "seq": plan.seq,
        "applied": applied,
        "matched": plan.matched,
        "changed": len(plan.updated),
        "unchanged": plan.unchanged,
        "voided": plan.voided,
        "changes": json.loads(json.dumps(plan.changes[:most], default=str)),
        "refused": [
            {"code": each.code, "facility": each.value, "detail": each.detail} for each in plan.refused[:most]
        ],
        "refused_total": len(plan.refused),
    }


def _meeting(actor: Actor, wanted: Wanted, today: date, kinds: Kinds) -> Iterator[Record]:
    if unknown := [name for name in wanted.where if name not in HEADINGS]:
        raise InvalidError(f"没有这些字段：{'、'.join(unknown)}", "unknown_field")
    where = {name: clean(name, text or "") for name, text in wanted.where.items()}
    type_ids = set(wanted.type_ids or kinds.by_id)
    looked_at = after = 0
    while page := facilities.list_records(actor, wanted.type_ids, wanted.spans, after=after, limit=PAGE):
        looked_at, after = looked_at + len(page), page[-1].id
        if looked_at > MOST:
            raise InvalidError(f"要看的超过 {MOST} 个；请缩小区划，或用 --type 说明类型", "too_many_records")
        rows = iter(facts.rows_of(page, kinds))
        for record in page:
            of_roles = list(zip(record.roles, rows, strict=False))  # a row a role
            if record.merged_into_id is None and any(
                role.type_id in type_ids
                and (wanted.closed or not role.is_closed(today))
                and all(row.get(name, "") == text for name, text in where.items())
                for role, row in of_roles
            ):
                yield record
