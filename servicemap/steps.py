"""填报、镇审、县核: where a record begins, and what its next change does to it. reviews.py takes it on."""

from collections.abc import Sequence
from datetime import date

from servicemap import db
from servicemap.access import Actor, keeps_registry
from servicemap.divisions import chunks
from servicemap.records import Record

# Of a division d: whether the town must look before the county does
NEEDS_TOWN = """EXISTS (SELECT 1 FROM division t WHERE t.level = 'town' AND d.lft BETWEEN t.lft AND t.rgt)
  AND NOT EXISTS (SELECT 1 FROM skip_town s JOIN division c ON c.id = s.division_id
                  WHERE d.lft BETWEEN c.lft AND c.rgt)"""


def begin(actor: Actor, records: Sequence[Record], today: date) -> None:
    """Put what was entered or materially changed by the actor where it begins: 填报, or 县核 if they keep the
    registry. Inside the transaction of the change, when the facilities are stored."""
    for chunk in chunks([record.id for record in records], 500):
        db.execute(f"DELETE FROM review WHERE facility_id IN ({', '.join('?' * len(chunk))})", list(chunk))
    for record in records:
        record.review = "county" if keeps_registry(actor) else "reported"
    if not keeps_registry(actor):
        day = today.isoformat()
        db.execute_many(
            "INSERT INTO review (facility_id, state, reported_on, reported_by) VALUES (?, 'reported', ?, ?)",
            [(record.id, day, actor.post) for record in records],
        )


def settle(ids: Sequence[int], today: date) -> None:
    """Somebody changed or verified these: that answers what was returned, and what a post found wrong."""
    for chunk in chunks(ids, 500):
        among = f"facility_id IN ({', '.join('?' * len(chunk))})"
        db.execute(
            "UPDATE review SET returned_on = NULL, returned_by = NULL, reason = NULL"
            f" WHERE {among} AND returned_on IS NOT NULL",
            list(chunk),
        )
        db.execute(
            "UPDATE confirmation_answer SET settled_on = ?"
            f" WHERE {among} AND wrong IS NOT NULL AND settled_on IS NULL",
            [today.isoformat(), *chunk],
        )
