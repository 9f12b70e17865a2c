"""The public face as a stream: what changed since a seq, for apps that keep a copy and work without a net.

A copy holds every place that is public and not closed, as facts with dates. A day that passes writes
no change, so whoever keeps a copy lets go by date what has ended: roles by `closed_on`, suspensions by
`to_on`, titles by `ends_on`, and a place with its last role. A contact_only place is in no copy: when it
becomes one, that is told once, without a reason, and nothing that happens to it later is told at all.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from servicemap import db
from servicemap.audit import head_seq
from servicemap.cards import is_approximate
from servicemap.divisions import SHOWN
from servicemap.errors import InvalidError, Problem
from servicemap.records import parse_code

MOST = 500  # changes read for one page: its cost, whatever the history
# what a fragment shows of a type or a division: when it changes, so does the face of places that did not
OTHERS = ("facility_type", "division", "registry")
SHOWN_OF_OTHERS = SHOWN | {"key", "demo"}
BECAME_HIDDEN = '%"visibility": ["public", "contact_only"]%'  # as the audit writes it

PLACES = (
    "SELECT f.id, f.name, f.division_id, f.lng, f.lat, f.position_precision, f.delivery, c.body FROM facility f"
    " JOIN card c ON c.facility_id = f.id WHERE f.visibility = 'public' AND EXISTS"
    " (SELECT 1 FROM role r WHERE r.facility_id = f.id AND (r.closed_on IS NULL OR r.closed_on > ?))"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a copy holds it: the stored fragment, and the position in WGS-84."""

    id: int
    name: str
    division_id: int
    lng: float | None
    lat: float | None
    precision: str
    delivery: str
    body: str

    @property
    def item(self) -> str:
        """The public JSON of the place."""
        position = '"lat":null,"lng":null'
        if self.lat is not None and self.lng is not None:
            position = f'"lat":{round(self.lat, 7)},"lng":{round(self.lng, 7)}'
        return f"{{{position},{self.properties[1:]}"

    @property
    def properties(self) -> str:
        """The same without the position."""
        approximate = is_approximate(self.precision, self.delivery, placed=self.lat is not None)
        return f'{{"marker_id":{self.id},"approximate":{"true" if approximate else "false"},{self.body}'


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of the stream. `items` are JSON; the stream ends where `next_since` is `head_seq`.

    `renamed_seq`: the last change of this page that gave a type or a division another name or place, or
    None. A copy that began before it (by the dump's seq, or by the first page's head_seq when it began
    at 0) keeps the old name where it is told of no change: it needs a dump made after it.
    """

    items: list[str]
    next_since: int
    head_seq: int
    renamed_seq: int | None


def list_places(today: date, *, after: int, limit: int) -> list[Place]:
    """At most `limit` places that a copy holds on the day, beyond the id `after`, by id. One query."""
    sql = f"{PLACES} AND f.id > ? ORDER BY f.id LIMIT {limit}"
    return [Place(*row) for row in db.query(sql, (today.isoformat(), after))]


def list_changes(since: int, limit: int, today: date) -> Feed:
    """What changed after the change `since` (0: everything), each place once, where it last changed.

    An item holds the place as it is now, or says that it is gone. A page may be short, even empty, before
    the end: it reads at most MOST changes, in five queries or so. Raises InvalidError for a `since` that
    the registry has not reached.
    """
    head = head_seq()
    if since > head:
        cure = "登记册可能从备份恢复过，请从 0 开始，或重新下载离线包（/api/v1/dump）"
        problem = Problem("since_ahead", f"登记册只到 {head}", field="since", value=str(since), cure=cure)
        raise InvalidError("参数有误：since", "bad_parameters", [problem])
    rows = db.query(
        "SELECT seq, changed_at, noun, key, action, CASE WHEN noun = 'facility' THEN '{}' ELSE diff END FROM change"
        f" WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT {MOST}",
        (since, head),
    )
    told = _told({key for _, _, noun, key, *_ in rows if noun == "facility"}, today)
    items: list[str] = []
    renamed_seq = None
    for seq, changed_at, noun, key, action, diff in rows:
        if noun in OTHERS and action != "create" and SHOWN_OF_OTHERS & json.loads(diff).keys():
            renamed_seq = seq
        at, now = told.get(key, (0, {})) if noun == "facility" else (0, {})
        if at == seq:
            items.append(_entry(seq, changed_at, key, now))
            if len(items) == limit:
                return Feed(items, seq, head, renamed_seq)
    return Feed(items, rows[-1][0] if len(rows) == MOST else head, head, renamed_seq)


def hidden_since(seq: int) -> bool:
    """Whether a public place has become contact_only after that change. One query, over the changes since."""
    sql = "SELECT 1 FROM change WHERE seq > ? AND noun = 'facility' AND diff LIKE ? LIMIT 1"
    return bool(db.query(sql, (seq, BECAME_HIDDEN)))


def _entry(seq: int, changed_at: str, code: str, now: Place | dict[str, Any]) -> str:
    entry = {"seq": seq, "changed_at": changed_at, "code": code, "marker_id": parse_code(code)}
    if isinstance(now, Place):
        return f'{json.dumps({**entry, "action": "upsert"})[:-1]},"item":{now.item}}}'
    return json.dumps({**entry, "action": "gone", **now}, ensure_ascii=False, default=str)


def _told(codes: set[str], today: date) -> dict[str, tuple[int, Place | dict[str, Any]]]:
    """For each of the places (seq of the change that tells of it, the place, or why it is gone)."""
    if not codes:
        return {}
    # the last change first, the place later: it is never older than the change that tells of it
    last = _last_changes(codes)
    code_of = {parse_code(code): code for code in codes}
    ids = list(code_of)
    held = [Place(*row) for row in db.query(f"{PLACES} AND f.id {_among(ids)}", (today.isoformat(), *ids))]
    told: dict[str, tuple[int, Place | dict[str, Any]]] = {
        code_of[place.id]: (last[code_of[place.id]], place) for place in held
    }
    hidden, closed = _not_held([id_ for id_ in ids if code_of[id_] not in told])
    for code in codes - told.keys() - {code_of[id_] for id_ in hidden}:
        told[code] = (last[code], closed.get(parse_code(code), {"closed_on": None, "reason": None}))
    for code, seq in _last_changes(
        [code_of[id_] for id_ in hidden], " AND diff LIKE ?", BECAME_HIDDEN
    ).items():
        told[code] = (seq, {"closed_on": None, "reason": None})
    return told


def _not_held(ids: Sequence[int | None]) -> tuple[set[int], dict[int | None, dict[str, Any]]]:
    """(Which are contact_only, the last closing of the others.)"""
    if not ids:
        return set(), {}
    rows = db.query(
        "SELECT f.id, f.visibility, r.closed_on, r.closed_reason FROM facility f"
        f" LEFT JOIN role r ON r.facility_id = f.id WHERE f.id {_among(ids)} ORDER BY r.closed_on, r.id",
        ids,
    )
    hidden = {id_ for id_, visibility, *_ in rows if visibility != "public"}
    closed = {id_: {"closed_on": on, "reason": reason} for id_, _, on, reason in rows if id_ not in hidden}
    return hidden, closed


def _last_changes(codes: Iterable[str], condition: str = "", *params: str) -> dict[str, int]:
    codes = sorted(codes)
    if not codes:
        return {}
    sql = f"SELECT key, MAX(seq) FROM change WHERE noun = 'facility' AND key {_among(codes)}{condition}"
    return dict(db.query(f"{sql} GROUP BY key", (*codes, *params)))


def _among(values: Sequence[Any]) -> str:
    return f"IN ({', '.join('?' * len(values))})"
