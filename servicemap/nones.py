"""Who has none of what on a day, as the 零报告 say, over every change of divisions (沿革).

A "none" speaks for its division until a place of the type is there. After a split it speaks for every part. After a
merger it speaks for nobody unless all that became one had none, and one given after the merger speaks for itself.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from servicemap import db

# A row a role and a division of `said` (division, type) that its place stood in or below, with when it was open and from
# when to when it stood there: a change of divisions takes it from one to the other.
STAYS = """WITH RECURSIVE said(division_id, type_id) AS ({said})
SELECT said.division_id, said.type_id, f.id, f.name, r.opened_on, r.closed_on,
  (SELECT MAX(v.to_on) FROM former_division v WHERE v.facility_id = f.id) AS came_on, NULL AS left_on
FROM said JOIN division d ON d.id = said.division_id JOIN division x ON x.lft BETWEEN d.lft AND d.rgt
JOIN facility f ON f.division_id = x.id {open}
UNION ALL SELECT said.division_id, said.type_id, f.id, f.name, r.opened_on, r.closed_on,
  (SELECT MAX(v.to_on) FROM former_division v WHERE v.facility_id = f.id AND v.to_on < w.to_on), w.to_on
FROM said JOIN division d ON d.id = said.division_id JOIN division x ON x.lft BETWEEN d.lft AND d.rgt
JOIN former_division w ON w.division_id = x.id JOIN facility f ON f.id = w.facility_id {open}"""
OPEN = "JOIN role r ON r.facility_id = f.id AND r.type_id = said.type_id WHERE f.merged_into_id IS NULL"
PUBLIC = " AND f.visibility = 'public'"
# Who has said none up to a day (given twice), and who has come after them by then.
SAID = """SELECT division_id, type_id FROM zero_report WHERE reported_on <= ?
UNION SELECT s.new_id, said.type_id FROM said JOIN succession s ON s.old_id = said.division_id
WHERE s.succeeded_on <= ?"""
ZEROS = "SELECT division_id, type_id, reported_on FROM zero_report WHERE reported_on <= ?"
CHANGES = """SELECT s.new_id, s.old_id, s.succeeded_on, d.valid_from FROM succession s
JOIN division d ON d.id = s.new_id WHERE s.succeeded_on <= ?"""
ASKED = f"""WITH RECURSIVE said(division_id, type_id) AS ({SAID}) SELECT said.division_id, said.type_id, t.key FROM said
JOIN division d ON d.id = said.division_id JOIN facility_type t ON t.id = said.type_id
WHERE d.valid_to IS NULL OR d.valid_to > ?"""
ONE = "SELECT CAST(? AS INTEGER), CAST(? AS INTEGER)"

Whose = tuple[int, int]  # division, type
Answer = tuple[int, int, date]  # and on which day it said none


class Stay(NamedTuple):
    """A place of the type stood open in the division, from a day to the one before another."""

    division: int
    type: int
    facility: int
    name: str
    begins: date
    ends: date


def stays(said: str, params: Sequence[Any], *, public: bool = False) -> list[Stay]:
    """Of the divisions and types that the statement `said` gives; `public`: without contact_only places. One query."""
    found = []
    sql = STAYS.format(said=said, open=OPEN + PUBLIC * public)
    for division, kind, id_, name, opened_on, closed_on, came_on, left_on in db.query(sql, params):
        begins = max(db.day(opened_on) or date.min, db.day(came_on) or date.min)
        ends = min(db.day(closed_on) or date.max, db.day(left_on) or date.max)
        if begins < ends:
            found.append(Stay(division, kind, id_, name, begins, ends))
    return found


class Nones:
    """Who has none on the day; `public`: as everybody may know it, whatever contact_only places there are. Four
    queries, one where nobody has said anything."""

    def __init__(self, on: date, *, public: bool = False) -> None:
        day = on.isoformat()
        self.standing: set[Answer] = set()  # the answers that speak for somebody on the day
        self._none: dict[str, set[int]] = defaultdict(set)
        self._said: dict[Whose, list[date]] = defaultdict(list)
        self._there: dict[Whose, list[Stay]] = defaultdict(list)
        self._joined: dict[int, dict[date, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._began: dict[int, date] = {}  # of those that have taken another's place
        self._known: dict[tuple[int, int, date], frozenset[Answer]] = {}
        for division, kind, reported_on in db.query(ZEROS, (day,)):
            self._said[division, kind].append(db.day(reported_on))
        if not self._said:
            return
        for stay in stays(SAID, (day, day), public=public):
            self._there[stay.division, stay.type].append(stay)
        for new, old, succeeded_on, valid_from in db.query(CHANGES, (day,)):
            self._joined[new][db.day(succeeded_on)].add(old)
            self._began[new] = db.day(valid_from) or date.min
        for division, kind, key in db.query(ASKED, (day, day, day)):
            if answers := self._answers(division, kind, on):
                self._none[key].add(division)
                self.standing |= answers

    def of(self, types: Collection[str]) -> set[int]:
        """The divisions of the day that have none of every one of the types."""
        return set.intersection(*(self._none.get(key, set()) for key in types))

    def _answers(self, division: int, kind: int, day: date) -> frozenset[Answer]:
        """Those by which it is known that the division had none on the day; empty when it is not known."""
        grown = [each for each in self._joined.get(division, ()) if each <= day]
        since = max(grown, default=date.min)  # what was said before is another area's
        began = self._began.get(division) if grown else None
        if (division, kind, since) not in self._known:
            there = [stay for stay in self._there.get((division, kind), ()) if stay.begins <= day]
            found = {
                (division, kind, said)
                for said in self._said.get((division, kind), ())
                if said <= day
                and (said >= since or since == began)
                and all(stay.ends <= said for stay in there)
            }
            if grown and all(stay.ends <= since for stay in there):
                parts = self._joined[division][since] | ({division} if began != since else set())
                before = [self._answers(part, kind, since - timedelta(days=1)) for part in parts]
                found |= frozenset().union(*before) if all(before) else set()
            self._known[division, kind, since] = frozenset(found)
        return self._known[division, kind, since]
