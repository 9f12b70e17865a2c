"""报送记录 (五(五)): which version was sent to whom, when. Lines are added and never taken away."""

from datetime import date
from typing import Any

from servicemap import db
from servicemap.access import PUBLISH, Actor, require
from servicemap.audit import diff
from servicemap.coverage import snapshots
from servicemap.errors import ConflictError, InvalidError
from servicemap.models import Sending
from servicemap.replays import keep, once

NAMES = ("id", "number", "sent_to", "sent_on", "document_no", "note", "noted_by")


def note_sending(
    actor: Actor,
    number: int,
    *,
    sent_to: str,
    sent_on: date,
    document_no: str | None,
    note: str | None,
    today: date,
    key: str | None = None,
) -> dict[str, Any]:
    """Note that a snapshot was sent, as list_sendings tells it. ConflictError before it is approved; InvalidError
    for a day to come."""
    request = ["send", number, sent_to, sent_on, document_no, note]
    with once(actor, key, request) as (log, kept):
        if kept:
            return kept
        facts = snapshots.find(number)
        require(actor, PUBLISH, facts["division_id"])
        if facts["state"] == "frozen":
            raise ConflictError(f"第 {number} 号还没有批准；批准了的才报送", "wrong_state")
        if sent_on > today:
            raise InvalidError(f"{sent_on} 还没有到", "future_day")
        said = {"sent_to": sent_to, "sent_on": sent_on, "document_no": document_no, "note": note}
        Sending.create(snapshot=number, noted_by=actor.post, **said)
        log.record_change("snapshot", str(number), "send", diff({}, {k: v for k, v in said.items() if v}))
        answer = list_sendings(actor, number)[-1]
        keep(actor, key, request, answer)
        return answer


def list_sendings(actor: Actor, number: int | None = None) -> list[dict[str, Any]]:
    """NAMES with period, division_name and version of each line for the snapshot, or for all in the actor's scope,
    in the order in which they were noted. Three queries."""
    found = [snapshots.get(actor, number)] if number else snapshots.list_snapshots(actor, None, None)
    facts = {each["number"]: each for each in found}
    rows = db.query(
        "SELECT id, snapshot_id, sent_to, sent_on, document_no, note, noted_by FROM sending ORDER BY id"
    )
    return [
        dict(zip(NAMES, row, strict=True))
        | {"sent_on": str(db.day(row[3]))}
        | {name: facts[row[1]][name] for name in ("period", "division_name", "version")}
        for row in rows
        if row[1] in facts
    ]
