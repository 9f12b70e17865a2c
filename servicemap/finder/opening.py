"""Opening states of this minute: each distinct hours text is asked once, for label and filter alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from servicemap import db, hours, registry
from servicemap.audit import State
from servicemap.cards import SUSPENDED


@dataclass(frozen=True, slots=True)
class Hours:
    """The texts of the table hours by id (index 0 is id 1; a gap is None), and the terms that were held
    against their source."""

    texts: tuple[str | None, ...]
    terms: tuple[hours.Term, ...]


class Moment:
    """The states at one instant (aware, to the minute), made as they are asked for."""

    def __init__(self, known: Hours, at: datetime) -> None:
        self.known = known
        self.at = at
        self._members: dict[int, bytes] = {}
        self._open: bytes | None = None

    @property
    def open(self) -> bytes:
        """One byte a hours_id, 1 = open: see hours.states. Worked out once."""
        if self._open is None:
            self._open = hours.states(self.known.texts, self.at, self.known.terms)
        return self._open

    @property
    def weekends(self) -> bytes:
        """One byte a hours_id, 1 = it opens on ordinary weekends."""
        return _weekends(self.known.texts)

    def member(self, hours_id: int | None, flags: int) -> bytes:
        """The JSON members `open_state` and `next_change` of a place; a suspended one is closed."""
        if flags & SUSPENDED:
            return b'"open_state":"closed","next_change":null,'
        key = hours_id or 0
        found = self._members.get(key)
        if found is None:
            text = self.known.texts[key - 1] if 0 < key <= len(self.known.texts) else None
            opening = hours.opening(text, self.at, self.known.terms)
            change = opening.next_change and opening.next_change.isoformat(timespec="seconds")
            members = f'"open_state":"{opening.state}","next_change":{json.dumps(change)},'
            found = self._members[key] = members.encode()
        return found


def moment(at: datetime, version: State | None = None) -> Moment:
    """The states at an instant, shared by the requests of its minute; `version` where it is known already.
    Two queries after a change."""
    return _moment(version or registry.version(), at.replace(second=0, microsecond=0))


@lru_cache(maxsize=8)
def _moment(version: State, at: datetime) -> Moment:
    return Moment(_hours(version), at)


@lru_cache(maxsize=2)
def _hours(version: State) -> Hours:
    rows = dict(db.query("SELECT id, text FROM hours"))
    texts = tuple(rows.get(id_) for id_ in range(1, max(rows, default=0) + 1))
    terms = db.query("SELECT kind, from_on, to_on FROM term WHERE NOT to_check ORDER BY from_on")
    return Hours(texts, tuple(hours.Term(kind, db.day(start), db.day(end)) for kind, start, end in terms))


@lru_cache(maxsize=4)
def _weekends(texts: Sequence[str | None]) -> bytes:
    return hours.weekends(texts)
