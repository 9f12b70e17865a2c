"""The answer to a family: near ones first, then those of the same county that have no position;
the union of the query's parts, each place once."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from heapq import merge
from time import monotonic
from typing import Any

from servicemap import db, geo, registry
from servicemap.audit import State
from servicemap.cards import ANY
from servicemap.facility_types import PROTECTION, known_kinds
from servicemap.finder import cursor, near, words
from servicemap.finder.around import FARTHEST_M, county_around, extents, hotline_items, unplaced_ids
from servicemap.finder.filters import NO_FILTERS, Box, Condition, Filters, Within, condition
from servicemap.finder.items import Listed, Style, listed_rows, near_items, shown_items
from servicemap.finder.listing import (
    EVERYWHERE,
    FEW,
    NOWHERE,
    by_code,
    rows_among,
    rows_within,
    types_among,
)
from servicemap.finder.near import BUDGET_S, Hit, hits_of, nearest
from servicemap.finder.opening import Moment, moment
from servicemap.finder.query import Part, Query, parts_of

USUAL_M = 5000
WIDENED_M = (10_000, 20_000, 50_000, 100_000, 200_000, FARTHEST_M)  # where nothing is inside the radius
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Counts:
    """How many places the whole query finds, at most MOST_COUNTED, and of each type id how many of them."""

    total: int
    capped: bool
    by_type: dict[int, int]


@dataclass(frozen=True, slots=True)
class Page:
    """JSON items; the cursor of the next page or None; the radius that was searched in the end, metres
    (None where no radius bounds the answer); the one in which nothing was (None: it was not widened), and
    whether the wider one holds anything; what the words were taken for, and the places named in them in
    which nothing was; whether a search that took too long was broken off; the hotlines, where the query asks
    about protection; the counts, where they were asked for."""

    items: list[bytes]
    next_cursor: str | None
    radius_m: int | None = None
    widened_from_m: int | None = None
    found_wider: bool = False
    reading: words.Reading | None = None
    empty_places: tuple[words.Place, ...] = ()
    partial: bool = False
    hotlines: Sequence[bytes] | None = None
    counts: Counts | None = None


def search(
    query: Query, cursor_text: str | None = None, *, counted: bool = False, version: State | None = None
) -> Page:
    """One page, with the counts of the whole query when they are asked for; `version` where it is known
    already. Three queries or so: the index, the fragments, and (a page that is not full) the tail."""
    start = cursor.read(cursor_text, query.canonical) if cursor_text else None
    found = _Search(query, start, version or registry.version())
    page = found.page()
    while found.may_climb and not page.items:  # nothing in 凤城街道: in its county, then
        found = found.climbed()
        page = found.page()
    return replace(page, counts=found.counts()) if counted else page


class _Search:
    """One query on its way: its parts, its moment, where its page begins."""

    def __init__(self, query: Query, start: cursor.Place | None, version: State, up: int = 0) -> None:
        now = query.at.replace(second=0, microsecond=0)
        asked_at = datetime.fromtimestamp(start.minute * 60, UTC).astimezone(now.tzinfo) if start else now
        filters = replace(query.filters, open_at=asked_at) if query.open_now else query.filters
        self.query = query
        self.minute = int(asked_at.timestamp()) // 60
        self.version = version
        self.moment: Moment = moment(filters.open_at or now, version)
        self.reading = words.read(query.q, known_kinds(version)) if query.q else None
        self.up = start.up if start else up
        self.empty_places = self.reading.places if self.reading and self.up else ()
        for _ in range(self.up):
            self.reading = self.reading and words.wider(self.reading)
        self.parts = parts_of(query, filters, self.reading)
        read = self.reading
        self.named = bool(filters.within or (read and (read.places or read.facility_id)))
        asked_m = query.radius_m or (FARTHEST_M if self.named else USUAL_M)
        self.begin = cursor.Place(-1.0, 0, False, 0, 0, asked_m, self.minute, self.up)
        self.start = start or self.begin
        self.first = start is None
        self.radius_m = self.start.radius_m
        self.complete = True
        self.reached = 0  # where a list that took too long was broken off: the last id that was looked at
        self.until = monotonic() + BUDGET_S

    @property
    def may_climb(self) -> bool:
        return bool(self.first and self.complete and self.reading and self.reading.places)

    def climbed(self) -> "_Search":
        """The same where the places named in the words are those just above them."""
        return _Search(self.query, None, self.version, self.up + 1)

    def page(self) -> Page:
        beyond = not self.first and not self.start.tail and not self.start.nearest_id  # as the first page was
        return self.listed() if self.query.lng is None or beyond else self.near()

    @property
    def style(self) -> Style:
        query = self.query
        return Style(
            self.moment,
            query.datum,
            query.accuracy_m > 0,
            query.filters.age_months is not None,
            query.geojson,
        )

    # With a position

    @cached_property
    def point(self) -> tuple[float, float]:
        query = self.query
        assert query.lng is not None
        assert query.lat is not None
        return geo.to_wgs84(query.lng, query.lat, query.datum)

    def near(self) -> Page:
        query, start = self.query, self.start
        wanted = query.limit + 1  # one more tells whether there is a next page
        hits = [] if start.tail else self._hits(self.radius_m, wanted, start)
        if not hits and self.first and self.complete:
            if self.named and query.radius_m is None:
                return self.listed()  # there, however far away
            hits = self._widened(wanted, start)
        nearest_id = start.nearest_id or (hits[0].facility_id if hits else 0)
        tail: Sequence[Listed] = ()
        if len(hits) < wanted and self.complete and (county := self._county(nearest_id)):
            tail = self._tail(county, start.facility_id if start.tail else 0, wanted - len(hits))
        shown = hits[: query.limit]
        unplaced = tail[: query.limit - len(shown)]
        items = near_items(shown, self.style) + shown_items(unplaced, self.style, after_near=True)
        last = None
        if len(hits) + len(tail) >= wanted or (hits and not self.complete):
            distance, id_ = (-1.0, unplaced[-1][0]) if unplaced else shown[-1][:2]
            last = (distance, id_, bool(unplaced) or (len(shown) < query.limit and self.complete))
        bounded = None if self.named and query.radius_m is None else self.radius_m
        return self._page(items, last, nearest_id, bounded, found_wider=bool(nearest_id))

    def _hits(self, radius_m: float, limit: int, start: cursor.Place) -> list[Hit]:
        hits = list[Hit]()
        for part in self.parts:
            more = self._part_hits(part, radius_m, limit, start)
            hits = _once(merge(hits, more), lambda hit: hit.facility_id, limit) if hits else more
            if len(hits) == limit:  # the other part must do better
                radius_m = hits[-1].distance_m
        return hits

    def _part_hits(self, part: Part, radius_m: float, limit: int, start: cursor.Place) -> list[Hit]:
        lng, lat = self.point
        after = (start.distance_m, start.facility_id)
        spans = part.filters.within
        sample = list[Hit]()
        if part.ids is not None:
            few = rows_among(part.ids, part.type_ids, self._on(part, "l", "f"))
            return hits_of(few, lng, lat, radius_m, after, limit)
        if spans:
            some, are_all = rows_within(part.type_ids, spans, self._on(part, "l", "f"))
            sample = hits_of(some, lng, lat, radius_m, after, limit)
            if are_all:
                return sample
            if len(sample) == limit:
                radius_m = sample[-1].distance_m  # the others must do better
        elif part.words and self.query.radius_m is None:
            radius_m = min(radius_m, USUAL_M)  # of names that so many places have, those around
        hits = list[Hit]()
        for gap_m, box in self._boxes(spans) if spans else [(0.0, None)]:
            if gap_m > radius_m:
                break
            more, complete = nearest(
                lng,
                lat,
                radius_m=radius_m,
                type_ids=part.type_ids,
                limit=limit,
                condition=self._on(part, "r", "r"),
                within=box,
                after=after,
                depth=start.depth,
            )
            hits = _once(merge(hits, more), lambda hit: hit.facility_id, limit) if hits else more
            if len(hits) == limit:
                radius_m = hits[-1].distance_m
            self.complete = self.complete and complete
            if monotonic() > self.until and spans:
                self.complete = False
                break
        return hits or sample  # broken off before the nearest were known: some, then, and not none

    def _boxes(self, spans: Sequence[Within]) -> list[tuple[float, Box]]:
        """(how far it is at least to what stands there, a box), the nearest first; together they hold the spans."""
        boxes = {box for span in spans for box in extents(self.version, span)}
        reached = ((near.reach(*self.point, box)[0], box) for box in boxes)
        return sorted((max(0.0, gap_m - near.ROUNDED_M), box) for gap_m, box in reached)

    def _widened(self, limit: int, start: cursor.Place) -> list[Hit]:
        """What is in the smallest wider radius that holds something; `radius_m` tells it."""
        found = self._hits(FARTHEST_M, limit, start)
        if found or self.complete:
            nearest_m = max(found[0].distance_m if found else FARTHEST_M, self.radius_m + 1)
            self.radius_m = next(radius for radius in WIDENED_M if radius >= nearest_m)
        return [hit for hit in found if hit.distance_m <= self.radius_m]

    def _tail(self, county: Within, after: int, limit: int) -> Sequence[Listed]:
        query = self.query
        if query.filters == NO_FILTERS and not query.open_now and not query.q:
            found = [
                unplaced_ids(self.version, type_id, county, after) for type_id in query.type_ids or (ANY,)
            ]
            return self._rows(_once(merge(*found), lambda id_: id_, limit))
        return self._rows(self._codes(after, limit, county=county, unplaced=True))

    def _rows(self, ids: Sequence[int]) -> Sequence[Listed]:
        types = self.parts[0].type_ids if len(self.parts) == 1 else self.query.type_ids
        return listed_rows(ids, types, self.query.filters)

    def _county(self, nearest_id: int) -> Within | None:
        """Where the unplaced ones are looked for: in the divisions asked for, else in the point's county."""
        if self.query.filters.box:
            return None  # nothing without a position is in a box
        if all(part.filters.within for part in self.parts):
            return EVERYWHERE
        return county_around(self.version, *self.point, nearest_id) or NOWHERE

    # Without a position

    def listed(self) -> Page:
        query, start = self.query, self.start
        wanted = query.limit + 1
        ranked = self._ranked()
        if ranked is not None:
            after = (start.distance_m, start.facility_id)
            scored = [pair for pair in ranked if self.first or pair > after][:wanted]
        else:
            scored = [(-1.0, id_) for id_ in self._codes(start.facility_id, wanted)]
        shown = scored[: query.limit]
        rows = self._rows([id_ for _, id_ in shown])
        items = shown_items(rows, self.style, after_near=False)
        last = (*shown[-1], False) if len(scored) == wanted else None
        if not last and self.reached:
            last = (-1.0, self.reached, False)
        return self._page(items, last, 0, None)

    def _ranked(self) -> list[tuple[float, int]] | None:
        """(score, id) best first, where the query is nothing but a few places' words; else None."""
        part = self.parts[0] if len(self.parts) == 1 else None
        if part is None or part.ids is None or self.reading is None:
            return None
        ids = self._part_codes(part, 0, FEW)
        keys = dict(
            db.query(
                "SELECT facility_id, ch FROM search_key"
                f" WHERE facility_id IN ({', '.join(map(str, ids)) or 'NULL'})"
            )
        )
        asked = part.words or self.reading.words
        return sorted((float(words.score(keys.get(id_, ""), asked)), id_) for id_ in ids)

    # Both

    def counts(self) -> Counts:
        """The same places as all pages together, and of them those that it would find if it asked for one
        type alone."""
        ids = self._all_ids(MOST_COUNTED + 1)
        counted = ids[:MOST_COUNTED]
        as_type = set[tuple[int, int]]()
        for part in self.parts:
            among = counted if part.ids is None else sorted(set(counted) & set(part.ids))
            as_type |= set(types_among(among, part.type_ids, self._on(part, "l", "f")))
        capped = len(ids) > MOST_COUNTED or not self.complete
        return Counts(len(counted), capped, Counter(type_id for type_id, _ in as_type))

    def _all_ids(self, limit: int) -> list[int]:
        hits = self._hits(self.radius_m, limit, self.begin) if self.query.lng is not None else []
        if not hits and (self.query.lng is None or (self.named and self.query.radius_m is None)):
            return self._codes(0, limit)
        ids = [hit.facility_id for hit in hits]
        if len(ids) == limit:
            return ids
        county = self._county(ids[0] if ids else 0)
        return ids + (self._codes(0, limit - len(ids), county=county, unplaced=True) if county else [])

    def _codes(
        self, after: int, limit: int, *, county: Within | None = None, unplaced: bool = False
    ) -> list[int]:
        found = list[list[int]]()
        last: int | None = None  # what a part that fills the page leaves to the others
        for part in self.parts:
            found.append(self._part_codes(part, after, limit, last, county, unplaced=unplaced))
            last = found[-1][-1] if len(found[-1]) == limit else last
        ids = found[0] if len(found) == 1 else _once(merge(*found), lambda id_: id_, limit)
        return [id_ for id_ in ids if id_ <= self.reached] if self.reached else ids

    def _part_codes(
        self,
        part: Part,
        after: int,
        limit: int,
        last: int | None = None,
        county: Within | None = None,
        *,
        unplaced: bool = False,
    ) -> list[int]:
        """Up to the id `last` where it is given; `county`: only there, if the part names no place itself."""
        spans = part.filters.within or ((county,) if county not in (None, EVERYWHERE) else ())

        def some(among: Sequence[int] | None) -> list[int]:
            elsewhere = replace(part.filters, within=())  # by_code knows the spans
            on = self._on(part, "l", None if unplaced else "f", elsewhere, keyed=among is None)
            return by_code(
                part.type_ids, on, after=after, limit=limit, spans=spans, unplaced=unplaced, among=among
            )

        if not part.words or unplaced or (last is None and part.ids is not None):
            return some(part.ids)
        got = list[int]()
        at = after
        while len(got) < limit:  # as they come from the text index, by id
            ids = words.ids_after(part.words, at, FEW, last)
            got += some(ids)
            if len(ids) < FEW:
                break
            at = ids[-1]
            if monotonic() > self.until:
                self.complete, self.reached = False, min(self.reached or at, at)
                break
        return got[:limit]

    def _on(
        self, part: Part, row: str, point: str | None, filters: Filters | None = None, *, keyed: bool = True
    ) -> Condition:
        """The part, or its words with other filters, as a condition; `keyed`: with the words, where they are
        not ids already."""
        filters, now = filters or part.filters, self.moment
        open_ = now.open if filters.open_at else b""
        weekends = now.weekends if filters.open_weekends else b""
        asked = condition(filters, row, point, open_, weekends)
        if keyed and part.words and part.ids is None:
            sql, params = words.contains_sql(part.words)
            exists = (
                f"EXISTS (SELECT 1 FROM search_key k WHERE k.facility_id = {row}.facility_id AND ({sql}))"
            )
            asked.add(exists, *params)
            asked.slow = True
        return asked

    def _page(
        self,
        items: list[bytes],
        last: tuple[float, int, bool] | None,
        nearest_id: int,
        radius_m: int | None,
        *,
        found_wider: bool = False,
    ) -> Page:
        """The page; `last` = (distance or score, id, is in the tail) of its last place when more follow."""
        written = None
        if last:
            depth = self.start.depth + self.query.limit
            place = cursor.Place(*last, depth, nearest_id, self.radius_m, self.minute, self.up)
            written = cursor.write(place, self.query.canonical)
        asked_m = self.begin.radius_m
        return Page(
            items,
            written,
            radius_m,
            asked_m if radius_m not in (None, asked_m) else None,
            found_wider,
            self.reading,
            self.empty_places,
            not self.complete,
            self._hotlines(),
        )

    def _hotlines(self) -> Sequence[bytes] | None:
        """Whom to call, before the first place, where protection is asked for by type or by word."""
        read, kinds = self.reading, known_kinds(self.version)
        types = {*self.query.type_ids, *((read and read.types) or ())}
        topics = {kinds.by_id[id_].topic for id_ in types if id_ in kinds.by_id}
        asked = PROTECTION in topics or (read and read.protection)
        return hotline_items(self.version, self.moment) if asked and self.first else None


def _once(items: Iterable[Any], key: Callable[[Any], int], limit: int) -> list[Any]:
    seen, kept = set[int](), list[Any]()
    for item in items:
        if key(item) not in seen:
            seen.add(key(item))
            kept.append(item)
            if len(kept) == limit:
                break
    return kept
