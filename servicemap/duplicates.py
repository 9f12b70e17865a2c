"""同一处登记了两次? Pairs that look like one place; a person says which are (mergers.merge) and which are not.

A pair is suspected when its names are alike and it stands within NEAR_M in one division or shares a phone;
or when it shares a credit code or a registration number. What very many share (an office's phone, a legal
person's code, the point in a town's middle) tells nothing: so the cost grows with the places, not their pairs.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations

from servicemap import audit, db, facilities, geo
from servicemap.access import EDIT, Actor, Span, narrowed, require
from servicemap.audit import now_text, write_txn
from servicemap.errors import InvalidError
from servicemap.records import public_code

NEAR_M = 100
CELL = 0.001  # degrees; 98 m or more up to 28° of latitude, so that what is nearer stands in it or beside it
LIKENESS = 0.75  # difflib's: two plaques of one community (北门社区家长学校, 北门社区儿童之家) come to 0.5
MOST_NEAR = 30  # places in a cell that are compared with each other
MOST_SHARING = 6  # places on a phone or a code: more are an office's
EXACT = ("door", "street")
_NUMERALS = re.compile(r"\d+|[一二三四五六七八九十]+")


@dataclass(frozen=True, slots=True)
class Place:
    """What is compared of a place; positions in WGS-84, None where it is not known exactly."""

    id: int
    name: str
    division_id: int
    lng: float | None = None
    lat: float | None = None
    phone: str | None = None
    credit_code: str | None = None
    registration_no: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places that may be one, the one with the lower id first, and why."""

    one: Place
    other: Place
    reasons: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{public_code(self.one.id)}+{public_code(self.other.id)}"


def pairs(places: Iterable[Place]) -> list[Pair]:
    """The pairs among these places that look like one, by id."""
    places = sorted(places, key=lambda place: place.id)
    reasons: dict[tuple[int, int], list[str]] = {}
    for one, other, why in (*_near(places), *_sharing(places)):
        reasons.setdefault((one.id, other.id), []).append(why)
    by_id = {place.id: place for place in places}
    return [Pair(by_id[a], by_id[b], tuple(why)) for (a, b), why in sorted(reasons.items())]


def alike(one: str, other: str) -> bool:
    """Whether two names may be of one place: nearly the same, or one within the other; and of the same
    numbers, for 第一幼儿园 is not 第二幼儿园."""
    one, other = plain(one), plain(other)
    if _NUMERALS.findall(one) != _NUMERALS.findall(other):
        return False
    if one in other or other in one:
        return True
    likeness = SequenceMatcher(None, one, other, autojunk=False)
    return likeness.real_quick_ratio() >= LIKENESS <= likeness.quick_ratio() and likeness.ratio() >= LIKENESS


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """The letters and digits of a name, narrow and small."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()


def _near(places: Iterable[Place]) -> Iterator[tuple[Place, Place, str]]:
    """Each place against those before it in its cell and the eight around; in a crowded cell, against those
    of its very name."""
    cells: dict[tuple[int, int, int], list[Place]] = {}
    namesakes: dict[tuple[int, int, int, str], list[Place]] = {}
    for place in places:
        if place.lng is None or place.lat is None:
            continue
        x, y = int(place.lng // CELL), int(place.lat // CELL)
        metres, name = geo.distance_from(place.lng, place.lat), plain(place.name)
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                cell = (place.division_id, x + dx, y + dy)
                beside = cells.get(cell, [])
                for other in namesakes.get((*cell, name), []) if len(beside) >= MOST_NEAR else beside:
                    apart = metres(other.lng or 0, other.lat or 0)
                    if apart < NEAR_M and alike(place.name, other.name):
                        yield other, place, f"名称相近，相距 {int(apart)} 米"
        own = (place.division_id, x, y)
        for kept in (cells.setdefault(own, []), namesakes.setdefault((*own, name), [])):
            if len(kept) < MOST_NEAR:
                kept.append(place)


def _sharing(places: Iterable[Place]) -> Iterator[tuple[Place, Place, str]]:
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        digits = re.sub(r"\D", "", place.phone or "")
        for what, value in (
            ("电话", digits),
            ("统一社会信用代码", place.credit_code),
            ("备案编号", place.registration_no),
        ):
            if value:
                groups.setdefault((what, value), []).append(place)
    for (what, _), sharing in groups.items():
        if len(sharing) > MOST_SHARING:
            continue
        for one, other in combinations(sharing, 2):
            if what != "电话":
                yield one, other, f"{what}相同"
            elif alike(one.name, other.name):
                yield one, other, "名称相近，电话相同"


# In the registry


def suspects(spans: Sequence[Span], today: date) -> list[Pair]:
    """The pairs in the spans (none: everywhere) that nobody has told apart, closed and merged places left
    out. Three queries after a change."""
    return _suspects(audit.state().hash, tuple(spans), today)


@lru_cache(maxsize=8)
def _suspects(version: str, spans: tuple[Span, ...], today: date) -> list[Pair]:
    within, bounds = facilities.standing_in(spans)
    day = today.isoformat()
    here = f"(r.closed_on IS NULL OR r.closed_on > ?) AND f.merged_into_id IS NULL AND {within}"
    numbers = dict(
        db.query(
            "SELECT f.id, MIN(r.registration_no) FROM facility f JOIN role r ON r.facility_id = f.id"
            f" WHERE r.registration_no IS NOT NULL AND {here} GROUP BY f.id",
            (day, *bounds),
        )
    )
    rows = db.query(
        "SELECT f.id, f.name, f.division_id, f.lng, f.lat, f.phone, f.credit_code, f.position_precision"
        f" FROM facility f WHERE EXISTS (SELECT 1 FROM role r WHERE r.facility_id = f.id AND {here})",
        (day, *bounds),
    )
    places = []
    for id_, name, division_id, lng, lat, phone, credit, how in rows:
        lng, lat = (lng, lat) if how in EXACT else (None, None)
        places.append(Place(id_, name, division_id, lng, lat, phone, credit, numbers.get(id_)))
    apart = set(db.query("SELECT one_id, other_id FROM not_same"))
    return [pair for pair in pairs(places) if (pair.one.id, pair.other.id) not in apart]


def list_suspects(
    actor: Actor, spans: Sequence[Span], today: date, *, after: str | None, limit: int
) -> list[Pair]:
    """At most `limit` pairs beyond the key `after`, in the spans (none: where the actor acts)."""
    found = suspects(narrowed(actor, spans), today)
    return [pair for pair in found if after is None or pair.key > after][:limit]


def tell_apart(actor: Actor, code: str, other_code: str, reason: str) -> tuple[str, str]:
    """The two are different places, for good; their codes. Said again it changes the reason alone."""
    one, other = sorted((facilities.get(code), facilities.get(other_code)), key=lambda place: place.id)
    require(actor, EDIT, one.division_id, other.division_id)
    if one.id == other.id:
        raise InvalidError("两个编号是同一处", "same_facility")
    with write_txn(actor) as log:
        known = db.query("SELECT reason FROM not_same WHERE one_id = ? AND other_id = ?", (one.id, other.id))
        db.execute(
            "INSERT INTO not_same (one_id, other_id, reason, decided_at, decided_by) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (one_id, other_id) DO UPDATE SET reason = excluded.reason,"
            " decided_at = excluded.decided_at, decided_by = excluded.decided_by",
            (one.id, other.id, reason, now_text(), actor.name),
        )
        before = known[0][0] if known else None
        log.record_change("not_same", f"{one.code}+{other.code}", "tell_apart", {"reason": [before, reason]})
    return one.code, other.code
