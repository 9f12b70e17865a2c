"""从村到市: what was entered is looked at by the town, then by the county; nobody passes their own entry.

A record's state is that of its last material change (facilities.is_material). Who looks is a verifier or
administrator; where their scope ends says for whom: a town's passes 镇审, a county's or a wider one 县核.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from servicemap import cards, db, edits, facilities
from servicemap.access import MANAGE_REVIEWS, REVIEW, Actor, Span, can, narrowed, require
from servicemap.audit import Log, write_txn
from servicemap.edits import Asked
from servicemap.errors import ConflictError, ForbiddenError, InvalidError, Problem, RegistryError
from servicemap.models import Division, SkipTown
from servicemap.records import Record, public_code
from servicemap.replays import once
from servicemap.steps import NEEDS_TOWN

MOST_AT_ONCE = 500
WRONG = (
    "(SELECT {} FROM confirmation_answer a WHERE a.facility_id = f.id AND a.wrong IS NOT NULL"
    " AND a.settled_on IS NULL ORDER BY a.answered_on DESC LIMIT 1)"
)
IS_WRONG = f"{WRONG.format('a.wrong')} IS NOT NULL"
WHERE = {
    "reported": "v.state = 'reported' AND v.returned_on IS NULL",
    "town": "v.state = 'town'",
    "returned": "v.returned_on IS NOT NULL",
    "wrong": IS_WRONG,
    "all": f"(v.state <> 'county' OR {IS_WRONG})",
}
STATES = ("waiting", *WHERE)
COLUMNS = {
    "id": "f.id",
    "name": "f.name",
    "version": "f.version",
    "division": "d.padded_code",
    "division_name": "d.name",
    "state": "COALESCE(v.state, 'county')",
    **{
        name: f"v.{name}"
        for step in ("reported", "town", "county", "returned")
        for name in (f"{step}_on", f"{step}_by")
    },
    "reason": "v.reason",
    "wrong": WRONG.format("a.wrong"),
    "wrong_on": WRONG.format("a.answered_on"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One record of a bulk pass: where it goes, or why not."""

    code: str
    name: str | None
    version: int | None
    before: str | None
    after: str | None
    problem: Problem | None


def list_reviews(
    actor: Actor, spans: Sequence[Span], state: str, *, after: int, limit: int
) -> list[dict[str, Any]]:
    """At most `limit` places in this state within the spans (none: where the actor acts), beyond the id
    `after`, by code. `waiting`: for this actor. ForbiddenError for a span that is not the actor's."""
    where, params = _waiting(actor) if state == "waiting" else (WHERE[state], [])
    if spans := narrowed(actor, spans):
        where += f" AND ({' OR '.join('d.lft BETWEEN ? AND ?' for _ in spans)})"
        params += [end for span in spans for end in span]
    rows = db.query(
        f"SELECT {', '.join(COLUMNS.values())} FROM facility f JOIN division d ON d.id = f.division_id"
        " LEFT JOIN review v ON v.facility_id = f.id"
        f" WHERE f.id > ? AND f.merged_into_id IS NULL AND {where} ORDER BY f.id LIMIT {limit}",
        (after, *params),
    )
    return [_listed(dict(zip(COLUMNS, row, strict=True))) for row in rows]


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    days = {name: db.day(value) for name, value in row.items() if name.endswith("_on")}
    return {**row, **days, "code": public_code(row["id"])}


def _waiting(actor: Actor) -> tuple[str, list[Any]]:
    """What this actor can do something about: pass, correct what was returned, or what a post found wrong."""
    own = "(v.reported_by IS NULL OR v.reported_by <> ?)"
    step = _step_of(actor) if can(actor, REVIEW) else None
    if step == "county":
        ready = f"(v.state = 'town' OR ({WHERE['reported']} AND NOT ({NEEDS_TOWN})))"
        return f"{ready} AND {own}", [actor.post]
    if step == "town":
        return f"(({WHERE['reported']} AND {own}) OR {IS_WRONG})", [actor.post]
    return f"({WHERE['returned']} OR {IS_WRONG})", []


def pass_one(asked: Asked, code: str) -> dict[str, Any]:
    """镇审 or 县核, by who the actor is; the record as it is then."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        record = edits.seen(asked, code)
        _pass(log, record, asked)
        return edits.answered(asked, record)


def pass_many(
    actor: Actor, wanted: Sequence[tuple[str, int | None]], today: date, *, apply: bool = False
) -> list[Step]:
    """The plan for these (code, version seen); `apply` carries it out, all of it: InvalidError with every
    problem when one of them cannot pass."""
    if apply and any(version is None for _, version in wanted):
        raise InvalidError("执行时要写明看到的是哪个版本（version）", "version_required")
    with once(actor, None, None) as (log, _):
        steps = [_planned(log, code, version, today, apply=apply) for code, version in wanted]
        problems = [step.problem for step in steps if step.problem]
        if apply and problems:
            raise InvalidError(f"{len(problems)} 条不能通过，什么都没有改", "cannot_pass", problems)
    return steps


def _planned(log: Log, code: str, version: int | None, today: date, *, apply: bool) -> Step:
    asked = Asked(log.actor, None, version, None, None, today)
    name = seen = before = None
    try:
        record = edits.seen(asked, code) if version is not None else facilities.get(code)
        name, seen, before = record.name, record.version, record.review
        after = _pass(log, record, asked) if apply else _next(log.actor, record)
    except RegistryError as error:
        problem = Problem(error.code, error.detail, field=code)
        return Step(code, name, seen, before, None, problem)
    return Step(record.code, name, seen, before, after, None)


def _pass(log: Log, record: Record, asked: Asked) -> str:
    to = _next(log.actor, record)
    db.execute(
        f"UPDATE review SET state = ?, {to}_on = ?, {to}_by = ?, returned_on = NULL, returned_by = NULL,"
        " reason = NULL WHERE facility_id = ?",
        (to, asked.today.isoformat(), log.actor.post, record.id),
    )
    _write(log, record, f"pass_{to}", to, asked)
    return to


def return_one(asked: Asked, code: str) -> dict[str, Any]:
    """Back to 填报 with a reason, for whoever entered it; a town returns what the county has not passed."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        record = edits.seen(asked, code)
        step = _step_for(asked.actor, record)
        if not (asked.reason or "").strip():
            raise InvalidError("退回要说明原因", "reason_required")
        if step == "town" and record.review == "county":
            raise ForbiddenError("县已核的由县（市、区）退回", "county_passed")
        day = asked.today.isoformat()
        db.execute(
            "INSERT INTO review (facility_id, state, returned_on, returned_by, reason)"
            " VALUES (?, 'reported', ?, ?, ?) ON CONFLICT (facility_id) DO UPDATE SET state = 'reported',"
            " town_on = NULL, town_by = NULL, county_on = NULL, county_by = NULL, returned_on ="
            " excluded.returned_on, returned_by = excluded.returned_by, reason = excluded.reason",
            (record.id, day, asked.actor.post, asked.reason),
        )
        _write(log, record, "return", "reported", asked)
        return edits.answered(asked, record)


def _write(log: Log, record: Record, action: str, state: str, asked: Asked) -> None:
    db.execute("UPDATE facility SET version = version + 1 WHERE id = ?", (record.id,))
    reason = {"reason": [None, asked.reason]} if asked.reason else {}
    log.record_change("facility", record.code, action, {"review": [record.review, state], **reason})
    record.review = state
    cards.write_cards([record], asked.today)


def _next(actor: Actor, record: Record) -> str:
    """What the record becomes when the actor passes it; ForbiddenError or ConflictError where it may not."""
    step = _step_for(actor, record)
    if record.review in ("county", step):
        said = "县已核" if record.review == "county" else "镇已审，等县核"
        raise ConflictError(f"{record.code} {said}", "already_passed")
    [(reported_by,)] = db.query("SELECT reported_by FROM review WHERE facility_id = ?", (record.id,))
    if _is_own(actor, reported_by):
        raise ForbiddenError("自己填报的要由别的岗位审核", "own_entry")
    if step == "county" and record.review == "reported" and _needs_town(record.division_id):
        raise ConflictError(
            f"{record.code} 还没有镇审；本县（市、区）不要镇审的，请先 review skip-town", "town_first"
        )
    return step


def _is_own(actor: Actor, reported_by: str | None) -> bool:
    return reported_by == actor.post


def _step_for(actor: Actor, record: Record) -> str:
    require(actor, REVIEW, record.division_id)
    if (step := _step_of(actor)) is None:
        raise ForbiddenError("村（居）的岗位只填报；审核由镇（街道）和县（市、区）做", "no_reviewer")
    return step


def _step_of(actor: Actor) -> str | None:
    """Which step this verifier takes; None for a community's."""
    if actor.scope is None:
        return "county"
    [(level,)] = db.query("SELECT level FROM division WHERE id = ?", (actor.scope,))
    return {"community": None, "town": "town"}.get(level, "county")


def _needs_town(division_id: int) -> bool:
    return bool(db.query(f"SELECT 1 FROM division d WHERE d.id = ? AND {NEEDS_TOWN}", (division_id,)))


def skip_town(actor: Actor, division: Division, today: date, *, on: bool) -> bool:
    """Whether the county's verifiers pass what no town has looked at; whether that is new."""
    require(actor, MANAGE_REVIEWS, division.id)
    if not db.query("SELECT 1 FROM division WHERE parent_id = ? AND level = 'town'", (division.id,)):
        raise InvalidError(f"{division.name}下面没有镇（街道）；请给县（市、区）的代码", "not_a_county")
    with write_txn(actor) as log:
        known = SkipTown.get_or_none(SkipTown.division == division)
        if (known is not None) == on:
            return False
        if known:
            known.delete_instance()
        else:
            SkipTown.create(division=division, set_on=today, set_by=actor.name)
        log.record_change("division", division.padded_code, "skip_town", {"skip_town": [not on, on]})
    return True
