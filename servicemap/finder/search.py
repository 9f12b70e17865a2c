"""The answer to a family: near ones first, then those of the same county that have no position;
the union of the query's parts, each place once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from heapq import merge
from typing import Any

from servicemap import db, divisions, geo, registry
from servicemap.audit import State
from servicemap.facility_types import known_kinds
from servicemap.finder import cursor, words
from servicemap.finder.filters import NO_FILTERS, Condition, Within, condition
from servicemap.finder.hotlines import hotlines
from servicemap.finder.items import Listed, Style, listed_items, listed_rows, near_items, shown_items
from servicemap.finder.listing import EVERYWHERE, FEW, NOWHERE, by_code, rows_among, rows_within
from servicemap.finder.near import NO_CONDITION, Hit, hits_of, nearest
from servicemap.finder.opening import Moment, moment
from servicemap.finder.query import Part, Query, parts_of

WIDENED_M = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000)  # where nothing is inside the radius
MOST_COUNTED = 1000
PROTECTION = "protection"  # the topic of a type whose answers begin with the hotlines


@dataclass(frozen=True, slots=True)
class Page:
    """JSON items; the cursor of the next page or None; the radius that was searched in the end, metres
    (None without a position); what the words were taken for; whether a search that took too long was broken
    off; the hotlines, where the query asks about protection."""

    items: list[bytes]
    next_cursor: str | None
    radius_m: int | None = None
    reading: words.Reading | None = None
    partial: bool = False
    hotlines: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many places the whole query finds, at most MOST_COUNTED, and of each type id how many of them."""

    total: int
    capped: bool
    by_type: dict[int, int]


def search(query: Query, cursor_text: str | None = None) -> Page:
    """One page. Three queries or so: the index, the fragments, and (a page that is not full) the tail."""
    start = cursor.read(cursor_text, query.canonical) if cursor_text else None
    found = _Search(query, start)
    return found.near() if query.lng is not None else found.listed()


def count(query: Query) -> Counts:
    """The same places as all pages of search() together."""
    found = _Search(query, None)
    ids = found.all_ids(MOST_COUNTED + 1)
    counted = ids[:MOST_COUNTED]
    types = f" AND type_id IN ({', '.join(map(str, query.type_ids))})" if query.type_ids else ""
    rows = db.query(
        "SELECT type_id, COUNT(*) FROM list_row"
        f" WHERE facility_id IN ({', '.join(map(str, counted)) or 'NULL'}) AND type_id > 0{types} GROUP BY type_id"
    )
    return Counts(len(counted), len(ids) > MOST_COUNTED, dict(rows))


class _Search:
    """One query on its way: its parts, its moment, where its page begins."""

    def __init__(self, query: Query, start: cursor.Place | None) -> None:
        now = query.at.replace(second=0, microsecond=0)
        asked_at = datetime.fromtimestamp(start.minute * 60, UTC).astimezone(now.tzinfo) if start else now
        filters = replace(query.filters, open_at=asked_at) if query.open_now else query.filters
        self.query = query
        self.minute = int(asked_at.timestamp()) // 60
        self.version = registry.version()
        self.moment: Moment = moment(filters.open_at or now, self.version)
        self.reading = words.read(query.q, known_kinds()) if query.q else None
        self.parts = parts_of(query, filters, self.reading)
        self.start = start or cursor.Place(-1.0, 0, False, 0, 0, query.radius_m, self.minute)
        self.first = start is None
        self.complete = True

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

    def near(self) -> Page:
        query, start = self.query, self.start
        assert query.lng is not None
        assert query.lat is not None
        lng, lat = geo.to_wgs84(query.lng, query.lat, query.datum)
        wanted = query.limit + 1  # one more tells whether there is a next page
        radius_m, hits = start.radius_m, list[Hit]()
        if not start.tail:
            hits = self._hits(lng, lat, radius_m, wanted)
            if not hits and self.first:
                radius_m, hits = self._widened(lng, lat, wanted)
        nearest_id = start.nearest_id or (hits[0].facility_id if hits else 0)
        tail: Sequence[Listed] = ()
        if len(hits) < wanted and (county := self._county(lng, lat, nearest_id)):
            tail = self._tail(county, start.facility_id if start.tail else 0, wanted - len(hits))
        shown = hits[: query.limit]
        unplaced = tail[: query.limit - len(shown)]
        items = near_items(shown, self.style) + shown_items(unplaced, self.style, after_near=True)
        last = None
        if len(hits) + len(tail) >= wanted:
            distance, id_ = (-1.0, unplaced[-1][0]) if unplaced else shown[-1][:2]
            last = (distance, id_, len(shown) < query.limit)
        return self._page(items, last, nearest_id, radius_m, located=True)

    def _hits(self, lng: float, lat: float, radius_m: float, limit: int) -> list[Hit]:
        after = (self.start.distance_m, self.start.facility_id)
        found = [self._part_hits(part, lng, lat, radius_m, after, limit) for part in self.parts]
        return found[0] if len(found) == 1 else _once(merge(*found), lambda hit: hit.facility_id, limit)

    def _part_hits(
        self, part: Part, lng: float, lat: float, radius_m: float, after: tuple[float, int], limit: int
    ) -> list[Hit]:
        if part.ids is not None:
            rows = rows_among(part.ids, part.type_ids, self._on(part, "l", "f"))
            return hits_of(rows, lng, lat, radius_m, after, limit)
        if spans := part.filters.within:
            few = rows_within(part.type_ids, spans, self._on(part, "l", "f"))
            if few is not None:
                return hits_of(few, lng, lat, radius_m, after, limit)
        hits, complete = nearest(
            lng,
            lat,
            radius_m=radius_m,
            type_ids=part.type_ids,
            limit=limit,
            condition=self._on(part, "r", "r"),
            after=after,
            depth=self.start.depth,
        )
        self.complete = self.complete and complete
        return hits

    def _tail(self, county: Within, after: int, limit: int) -> Sequence[Listed]:
        query = self.query
        if query.filters == NO_FILTERS and not query.open_now and not query.q:
            return _plain_tail(self.version, query.at.date(), query.type_ids, county, after, limit)
        return self._rows(self._codes(after, limit, county=county, unplaced=True))

    def _rows(self, ids: Sequence[int]) -> Sequence[Listed]:
        types = self.parts[0].type_ids if len(self.parts) == 1 else self.query.type_ids
        return listed_rows(ids, types, self.query.filters.age_months)

    def _widened(self, lng: float, lat: float, limit: int) -> tuple[int, list[Hit]]:
        """The smallest wider radius within which something is, and what; the widest and nothing, or, when
        that was not found out in time, the one asked for and nothing."""
        found = self._hits(lng, lat, WIDENED_M[-1], 1)
        if not found:
            return WIDENED_M[-1] if self.complete else self.query.radius_m, []
        wider = next(radius for radius in WIDENED_M if radius >= found[0].distance_m)
        return wider, self._hits(lng, lat, wider, limit)

    def _county(self, lng: float, lat: float, nearest_id: int) -> Within | None:
        """Where the unplaced ones are looked for: in the divisions asked for, else in the point's county."""
        if self.query.filters.box:
            return None  # nothing without a position is in a box
        if all(part.filters.within for part in self.parts):
            return EVERYWHERE
        return _county(self.version, lng, lat, nearest_id) or NOWHERE

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
        return self._page(items, last, 0, query.radius_m, located=False)

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

    def all_ids(self, limit: int) -> list[int]:
        """The ids of the places on all pages, at most `limit`."""
        query = self.query
        if query.lng is None or query.lat is None:
            return self._codes(0, limit)
        lng, lat = geo.to_wgs84(query.lng, query.lat, query.datum)
        hits = self._hits(lng, lat, query.radius_m, limit) or self._widened(lng, lat, limit)[1]
        ids = [hit.facility_id for hit in hits]
        county = self._county(lng, lat, ids[0] if ids else 0)
        return ids + (self._codes(0, limit - len(ids), county=county, unplaced=True) if county else [])

    def _codes(
        self, after: int, limit: int, *, county: Within | None = None, unplaced: bool = False
    ) -> list[int]:
        found = [self._part_codes(part, after, limit, county, unplaced=unplaced) for part in self.parts]
        return found[0] if len(found) == 1 else _once(merge(*found), lambda id_: id_, limit)

    def _part_codes(
        self, part: Part, after: int, limit: int, county: Within | None = None, *, unplaced: bool = False
    ) -> list[int]:
        if unplaced and part.filters.within:  # there, wherever the point is
            county = EVERYWHERE
        if (
            county in (None, EVERYWHERE) and len(part.filters.within) == 1
        ):  # as a join: quicker than a test a row
            county = part.filters.within[0]
            part = replace(part, filters=replace(part.filters, within=()))
        on = self._on(part, "l", None if unplaced else "f")

        def some(among: Sequence[int] | None) -> list[int]:
            return by_code(
                part.type_ids, on, after=after, limit=limit, county=county, unplaced=unplaced, among=among
            )

        if part.ids is not None or not part.words or unplaced:
            return some(part.ids)
        got = list[int]()
        at = after
        while len(got) < limit:  # as they come from the text index, by id
            ids = words.ids_after(part.words, at, FEW)
            got += some(ids)
            if len(ids) < FEW:
                break
            at = ids[-1]
        return got[:limit]

    def _on(self, part: Part, row: str, point: str | None) -> Condition:
        filters, now = part.filters, self.moment
        open_ = now.open if filters.open_at else b""
        weekends = now.weekends if filters.open_weekends else b""
        asked = condition(filters, row, point, open_, weekends)
        if part.words and part.ids is None:
            sql, params = words.contains_sql(part.words)
            exists = (
                f"EXISTS (SELECT 1 FROM search_key k WHERE k.facility_id = {row}.facility_id AND ({sql}))"
            )
            asked.add(exists, *params)
        return asked

    def _page(
        self,
        items: list[bytes],
        last: tuple[float, int, bool] | None,
        nearest_id: int,
        radius_m: int,
        *,
        located: bool,
    ) -> Page:
        """The page; `last` = (distance or score, id, is in the tail) of its last place when more follow."""
        written = None
        if last:
            depth = self.start.depth + self.query.limit
            place = cursor.Place(*last, depth, nearest_id, radius_m, self.minute)
            written = cursor.write(place, self.query.canonical)
        return Page(
            items,
            written,
            radius_m if located else None,
            self.reading,
            not self.complete,
            self._hotlines(),
        )

    def _hotlines(self) -> Sequence[bytes] | None:
        """Whom to call, where protection is asked for by type or by word."""
        asked = self.query.type_ids or (self.reading and self.reading.types) or ()
        if not asked:
            return None
        kinds = known_kinds()
        if not any(kinds.by_id[id_].topic == PROTECTION for id_ in asked if id_ in kinds.by_id):
            return None
        return _hotline_items(self.version, self.moment)


def _once(items: Iterable[Any], key: Callable[[Any], int], limit: int) -> list[Any]:
    seen, kept = set[int](), list[Any]()
    for item in items:
        if key(item) not in seen:
            seen.add(key(item))
            kept.append(item)
            if len(kept) == limit:
                break
    return kept


@lru_cache(maxsize=256)
def _plain_tail(
    version: State, day: date, type_ids: tuple[int, ...], county: Within, after: int, limit: int
) -> Sequence[Listed]:
    """The unplaced ones of a county when nothing more is asked: few, and the same for everybody there for
    the day (roll_over opens and closes without a change that a version would show)."""
    ids = by_code(type_ids, NO_CONDITION, after=after, limit=limit, county=county, unplaced=True)
    return listed_rows(ids, type_ids)


@lru_cache(maxsize=4)
def _hotline_items(version: State, now: Moment) -> Sequence[bytes]:
    return listed_items(hotlines(now.at.date()), (), Style(now), after_near=False)


def _county(version: State, lng: float, lat: float, nearest_id: int) -> Within | None:
    """The county that the point lies in: by its shape, else that of the nearest place."""
    id_ = divisions.locate(lng, lat, version)
    if id_ is None and nearest_id:
        id_ = db.query("SELECT division_id FROM facility WHERE id = ?", (nearest_id,))[0][0]
    return _county_span(version, id_) if id_ else None


@lru_cache(maxsize=4096)
def _county_span(version: State, division_id: int) -> Within | None:
    spans = db.query(
        "SELECT c.lft, c.rgt FROM division d JOIN division c ON c.lft <= d.lft AND c.rgt >= d.rgt"
        " WHERE d.id = ? AND c.level NOT IN ('town', 'community') ORDER BY c.lft DESC LIMIT 1",
        (division_id,),
    )
    return Within(*spans[0]) if spans else None
