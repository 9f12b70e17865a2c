"""What is asked, and the parts that it comes to.

A query is one or two parts: what its words mean (types, divisions, free words) with the filters, and,
where they mean something, the places whose name or address holds all the words as they stand.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from servicemap.finder import words
from servicemap.finder.filters import NO_FILTERS, Filters, Within
from servicemap.finder.listing import EVERYWHERE, FEW, FEW_NEAR


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. `lng` and `lat` are given both or not at all, in `datum`, in which positions are
    answered too; `type_ids` empty means all; distances in metres. `radius_m` None: the usual one, or none
    where the query names a division. `at` is the present (aware); `open_now` asks what is open then, on every
    page what was open at the first. `accuracy_m` > 0: the position itself is only known to that. `asked`: the
    filters in the asker's words, which stay the same while the day and the divisions change."""

    at: datetime
    lng: float | None = None
    lat: float | None = None
    datum: str = "wgs84"
    radius_m: int | None = None
    type_ids: tuple[int, ...] = ()
    filters: Filters = NO_FILTERS
    open_now: bool = False
    q: str = ""
    limit: int = 20
    accuracy_m: int = 0
    geojson: bool = False
    asked: str = ""

    @property
    def canonical(self) -> str:
        """What a cursor is good for."""
        filters = self.asked or (self.filters if self.filters is not NO_FILTERS else "")
        return f"{self.lng}|{self.lat}|{self.datum}|{self.radius_m}|{self.type_ids}|{filters}|{self.open_now}|{self.q}"


@dataclass(frozen=True)
class Part:
    """Places of any of the types (none: all) that pass the filters, with the words in their keys; `only`:
    among these ids. `most`: so many may be meant by the words and still be named by their ids."""

    type_ids: tuple[int, ...]
    filters: Filters
    words: tuple[str, ...] = ()
    only: list[int] | None = None
    most: int = FEW

    @cached_property
    def ids(self) -> list[int] | None:
        """Those that may be meant, whatever their types and filters; None where they are too many to be named.
        A query of the text index."""
        return words.literal_ids(self.words, cap=self.most) if self.words else self.only


def parts_of(query: Query, filters: Filters, reading: words.Reading | None) -> list[Part]:
    """What the query comes to, once its words are read."""
    if reading is None:
        return [Part(query.type_ids, filters)]
    if reading.facility_id:
        anywhere = replace(filters, within=filters.within or (EVERYWHERE,))
        return [Part(query.type_ids, anywhere, only=[reading.facility_id])]
    parts = []
    most = FEW if query.lng is None else FEW_NEAR
    spans = tuple(Within(place.lft, place.rgt) for place in reading.places)
    meant = replace(
        filters,
        within=_both(filters.within, spans),
        fees=filters.fees or ("free",) * ("free" in reading.filters),
        inclusive=filters.inclusive or "inclusive" in reading.filters,
        registered=filters.registered or "registered" in reading.filters,
    )
    types = _common(query.type_ids, reading.types or ())
    if types is not None and (meant.within or not (filters.within and spans)):
        parts.append(Part(types, meant, reading.free, most=most))
    if reading.words and (reading.types or spans or reading.filters):
        parts.append(Part(query.type_ids, filters, reading.words, most=most))
    return parts or [Part(query.type_ids, filters, only=[])]


def _common(asked: tuple[int, ...], meant: tuple[int, ...]) -> tuple[int, ...] | None:
    """The types that both name (none: all), or None when there is none."""
    if not asked or not meant:
        return asked or meant
    return tuple(sorted(set(asked) & set(meant))) or None


def _both(some: tuple[Within, ...], others: tuple[Within, ...]) -> tuple[Within, ...]:
    """The spans that lie in both (no span: everywhere): of two divisions one holds the other, or neither."""
    if not some or not others:
        return some or others
    pairs = [(Within(max(a.lft, b.lft), min(a.rgt, b.rgt))) for a in some for b in others]
    return tuple(sorted({span for span in pairs if span.lft <= span.rgt}, key=lambda span: span.lft))
