"""What a search must answer, found by asking every place of the registry in turn: no index, no SQL.

It knows what words mean (words.read, text.holds), the opening states (hours) and the length of a degree
(geo) from the product; who is found, how far, in which order and how often is thought out here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any

from servicemap import geo, hours, text
from servicemap.cards import key_of
from servicemap.facility_types import known_kinds
from servicemap.finder import words
from servicemap.finder.filters import Box, Filters
from servicemap.finder.query import Query
from servicemap.models import Division
from servicemap.records import Record, Role, RoleClass

WIDER_KM = (10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Found:
    """`distance_m`: None behind the near ones, and -1 where no position was given."""

    id: int
    distance_m: float | None
    approximate: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """One way to take a query: of these types (none: all), in one of the divisions (None: anywhere), with
    these words in the name or the address."""

    types: frozenset[int]
    places: frozenset[int] | None
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Face:
    """One thing that a place offers, as far as it may be known: everything asked of an offer is asked of it."""

    fee: str | None
    price: int | None
    youngest: int | None
    oldest: int | None
    has_room: bool = False
    inclusive: bool = False
    registered: bool = False


class Oracle:
    """All places of a registry as they are written, its divisions, and the counties whose shape is known:
    {division id: (west, south, east, north)}."""

    def __init__(self, places: Iterable[Record], shapes: dict[int, Box] | None = None, *, today: date):
        self.places = {place.id: place for place in places}
        self.shapes = shapes or {}
        self.today = today
        self.divisions = {each.id: each for each in Division.select()}
        self.keys = {place.id: key_of(place) for place in self.places.values()}
        self.standing = {place.id: self._standing(place) for place in self.places.values()}
        self.named: set[int] = set()  # the divisions that the words of the query at hand are taken to name

    def answer(self, query: Query) -> tuple[list[Found], int | None]:
        """(all that the pages show, in order; the radius that was searched in the end, None without one).
        Where nothing is in the places that the words name, what is just above them counts as named."""
        self.named = {place.id for place in words.read(query.q, known_kinds()).places}
        while True:
            found, radius = self._answer(query)
            if found or not self.named:
                return found, radius
            self.named = {above for id_ in self.named if (above := self.divisions[id_].parent_id)}

    def _answer(self, query: Query) -> tuple[list[Found], int | None]:
        listed = [self._shown(place, -1.0) for place in self._by_code(query)]
        if query.lng is None:
            return listed, None
        unbounded = query.radius_m is None and bool(query.filters.within or self.named)
        asked = query.radius_m or (500_000 if unbounded else 5000)
        where = geo.to_wgs84(query.lng, query.lat, query.datum)
        metres = geo.distance_from(*where)
        matching = self._matching(query)
        placed = [place for place in matching if self._has_position(place)]
        all_near = sorted((said(metres, place), place.id) for place in placed)
        rings = [asked, *(km * 1000 for km in WIDER_KM if km * 1000 > asked)]
        reached = (radius for radius in rings if all_near and all_near[0][0] <= radius)
        radius = next(reached, WIDER_KM[-1] * 1000)
        near = [(distance, id_) for distance, id_ in all_near if distance <= radius]
        if unbounded and not near:
            return listed, None
        found = [self._shown(self.places[id_], distance) for distance, id_ in near]
        tail = self._tail(query, where, near[0][1] if near else None)
        return found + [self._shown(place, None) for place in tail], None if unbounded else radius

    def by_type(self, found: Iterable[Found], query: Query) -> dict[int, int]:
        """How many of them would be found if one type alone were asked for."""
        shown = {one.id for one in found}
        counted = {}
        for type_id in query.type_ids or known_kinds().by_id:
            alone = {place.id for place in self._matching(replace(query, type_ids=(type_id,)))}
            if alone & shown:
                counted[type_id] = len(alone & shown)
        return counted

    def age_is_unknown(self, id_: int, query: Query) -> bool:
        """Whether it is found only because it does not say for which ages it is."""
        place = self.places[id_]
        return all(
            face.youngest is None and face.oldest is None
            for meaning in self._meanings(query)
            for face in self._faces(place, meaning.types)
            if self._meets(place, face, query)
        )

    # Who

    def _matching(self, query: Query) -> list[Record]:
        meanings = list(self._meanings(query))
        return [
            place
            for place in self.places.values()
            if any(self._is_meant(place, meaning, query) for meaning in meanings)
        ]

    def _meanings(self, query: Query) -> Iterator[Meaning]:
        asked = frozenset(query.type_ids)
        reading = words.read(query.q, known_kinds())
        if not reading.words:
            yield Meaning(asked, None, ())
            return
        meant = frozenset(reading.types or ())
        where = frozenset(self.named) or None
        agree = not asked or not meant or asked & meant
        if agree and (where is None or self._overlap(where, query.filters)):
            yield Meaning(asked & meant if asked and meant else asked | meant, where, reading.free)
        if meant or self.named:
            yield Meaning(asked, None, reading.words)

    def _is_meant(self, place: Record, meaning: Meaning, query: Query) -> bool:
        standing = self.standing[place.id]
        return (
            (meaning.places is None or not meaning.places.isdisjoint(standing))
            and all(text.holds(self.keys[place.id], text.phrases(word)) for word in meaning.words)
            and any(self._meets(place, face, query) for face in self._faces(place, meaning.types))
        )

    def _open_roles(self, place: Record) -> list[Role]:
        def has_begun(role: Role) -> bool:
            return role.opened_on is None or not role.opened_on > self.today

        def has_ended(role: Role) -> bool:
            return role.closed_on is not None and not role.closed_on > self.today

        return [role for role in place.roles if has_begun(role) and not has_ended(role)]

    def _faces(self, place: Record, types: frozenset[int]) -> Iterator[Face]:
        """As what it may be judged: as each of its plaques, of a nursery that names its classes as each class."""
        for role in self._open_roles(place):
            if types and role.type_id not in types:
                continue
            if not self._is_public(place):
                yield Face(
                    role.fee, 0 if role.fee == "free" else None, role.age_from_months, role.age_to_months
                )
                continue
            for each in role.classes or [RoleClass("mixed")]:
                either = [each, role]
                yield Face(
                    role.fee,
                    0 if role.fee == "free" else said_first(one.monthly_fee for one in either),
                    said_first(one.age_from_months for one in either),
                    said_first(one.age_to_months for one in either),
                    said_first(map(has_room, either)) is True,
                    role.inclusive is True,
                    bool(role.registration_no or role.registration_body),
                )

    def _standing(self, place: Record) -> list[int]:
        """The divisions in which it stands as far as may be known, the smallest first."""
        chain = self._chain(place.division_id)
        if place.visibility == "contact_only":
            return [id_ for id_ in chain if self.divisions[id_].level not in ("town", "community")]
        return chain

    def _chain(self, division_id: int | None) -> list[int]:
        """The division and all that hold it, the smallest first."""
        chain = []
        while division_id is not None:
            chain.append(division_id)
            division_id = self.divisions[division_id].parent_id
        return chain

    def _overlap(self, places: frozenset[int], asked: Filters) -> bool:
        spans = [(span.lft, span.rgt) for span in asked.within]
        within = [each.id for each in self.divisions.values() if (each.lft, each.rgt) in spans]
        pairs = [(a, b) for a in within for b in places]
        return not within or any(a in self._chain(b) or b in self._chain(a) for a, b in pairs)

    def _meets(self, place: Record, face: Face, query: Query) -> bool:
        asked = query.filters
        if query.open_now:
            asked = replace(asked, open_at=query.at.replace(second=0, microsecond=0))
        tests = (
            self._stands_within,
            self._fits_the_age,
            self._is_cheap_enough,
            self._is_what_a_nursery_should_be,
            self._is_accessible,
            self._is_open,
            self._is_verified,
            self._is_in_the_box,
        )
        return all(test(place, face, asked) for test in tests)

    def _stands_within(self, place: Record, face: Face, asked: Filters) -> bool:
        spans = [(self.divisions[id_].lft, self.divisions[id_].rgt) for id_ in self.standing[place.id]]
        return not asked.within or any((span.lft, span.rgt) in spans for span in asked.within)

    def _fits_the_age(self, place: Record, face: Face, asked: Filters) -> bool:
        if asked.age_months is None:
            return True
        too_young = face.youngest is not None and asked.age_months < face.youngest
        return not too_young and not (face.oldest is not None and asked.age_months > face.oldest)

    def _is_cheap_enough(self, place: Record, face: Face, asked: Filters) -> bool:
        if asked.fees and face.fee not in asked.fees:
            return False
        return asked.fee_max is None or (face.price is not None and face.price <= asked.fee_max)

    def _is_what_a_nursery_should_be(self, place: Record, face: Face, asked: Filters) -> bool:
        wanted = asked.inclusive, asked.registered, asked.places_free
        is_so = face.inclusive, face.registered, face.has_room
        return all(so or not want for want, so in zip(wanted, is_so, strict=True))

    def _is_accessible(self, place: Record, face: Face, asked: Filters) -> bool:
        known = place.accessible if self._is_public(place) else None
        return known in {None: (True, False, None), "yes": (True,), "maybe": (True, None)}[asked.accessible]

    def _is_open(self, place: Record, face: Face, asked: Filters) -> bool:
        if asked.open_weekends and not opens_on_weekends(place.hours):
            return False
        if asked.open_at is None:
            return True
        rests = any(
            start <= self.today and not (end and end <= self.today) for start, end, _ in place.suspensions
        )
        return not rests and state(place.hours, asked.open_at) == hours.OPEN

    def _is_verified(self, place: Record, face: Face, asked: Filters) -> bool:
        since = asked.verified_since
        return since is None or (place.verified_on is not None and place.verified_on >= since)

    def _is_in_the_box(self, place: Record, face: Face, asked: Filters) -> bool:
        if asked.box is None:
            return True
        west, south, east, north = asked.box
        return self._has_position(place) and west <= place.lng <= east and south <= place.lat <= north

    # Where

    def _is_public(self, place: Record) -> bool:
        return place.visibility == "public"

    def _has_position(self, place: Record) -> bool:
        return place.lat is not None and self._is_public(place)

    def _tail(self, query: Query, where: tuple[float, float], nearest: int | None) -> list[Record]:
        """The ones without a position: where a division is asked for (by code or by a word) there, else in
        the county of the point and at what is above it."""
        county, meanings = self._county(where, nearest), list(self._meanings(query))
        tail = []
        for place in self.places.values():
            standing = self.standing[place.id]
            for meaning in meanings:
                asked_for = bool(query.filters.within) or meaning.places is not None
                if (
                    not self._has_position(place)
                    and (asked_for or county in standing or standing[0] in self._chain(county))
                    and self._is_meant(place, meaning, query)
                ):
                    tail.append(place)
                    break
        return sorted(tail, key=lambda place: place.id)

    def _county(self, where: tuple[float, float], nearest: int | None) -> int | None:
        lng, lat = where
        for id_, (west, south, east, north) in self.shapes.items():
            if west < lng < east and south < lat < north:
                return id_
        if nearest is None:
            metres = geo.distance_from(lng, lat)
            placed = [
                each for each in self.places.values() if self._has_position(each) and self._open_roles(each)
            ]
            distances = sorted((said(metres, place), place.id) for place in placed)
            if not distances or distances[0][0] > 500_000:
                return None
            nearest = distances[0][1]
        steps = self.standing[nearest]
        return next(id_ for id_ in steps if self.divisions[id_].level not in ("town", "community"))

    # In which order

    def _by_code(self, query: Query) -> list[Record]:
        matching = sorted(self._matching(query), key=lambda place: place.id)
        meanings = list(self._meanings(query))
        if len(meanings) == 1 and meanings[0].words:
            matching.sort(key=lambda place: rank(place, meanings[0].words))
        return matching

    def _shown(self, place: Record, distance_m: float | None) -> Found:
        vague = not self._has_position(place) or place.position_precision in ("community", "town")
        return Found(place.id, distance_m, vague)


@cache
def state(words: str | None, at: datetime) -> str:
    return hours.opening(words, at, ()).state


@cache
def opens_on_weekends(words: str | None) -> bool:
    return hours.opens_on_weekends(words) is True


def said(metres: Callable[[float, float], float], place: Record) -> float:
    """The distance that is said: metres to the centimetre, of what is only roughly known kilometres."""
    exact = metres(place.lng, place.lat)
    if place.position_precision in ("community", "town"):
        return max(1.0, round(exact / 1000)) * 1000.0
    return round(exact, 2)


def said_first(facts: Iterable[Any]) -> Any:
    return next((fact for fact in facts if fact is not None), None)


def has_room(counted: Role | RoleClass) -> bool | None:
    there = counted.registered if counted.offered is None else counted.offered
    if there is None or counted.taken is None:
        return None
    return there - counted.taken > 0


def rank(place: Record, asked: tuple[str, ...]) -> int:
    """0: it is called just so, 1: its name begins so, 2: its name holds all the words, 3: something else does."""
    name = text.folded(place.name)
    if name == "".join(asked):
        return 0
    if name.startswith("".join(asked)):
        return 1
    return 2 if all(word in name for word in asked) else 3
