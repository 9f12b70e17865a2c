"""The answer to a family: near ones first, then those of the same county that have no position.

Items are bytes: the stored fragment with lat, lng and distance put in front.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from servicemap import db, divisions, geo
from servicemap.finder import cursor
from servicemap.finder.listing import by_code
from servicemap.finder.near import Hit, Within, nearest
from servicemap.models import Division


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. `lng` and `lat` are given both or not at all, in `datum`, in which positions are
    answered too; `type_ids` empty means all; distances in metres."""

    lng: float | None = None
    lat: float | None = None
    datum: str = "wgs84"
    radius_m: int = 5000
    type_ids: tuple[int, ...] = ()
    division: Division | None = None
    limit: int = 20

    @property
    def canonical(self) -> str:
        division = self.division and self.division.id
        return f"{self.lng}|{self.lat}|{self.datum}|{self.radius_m}|{self.type_ids}|{division}"


@dataclass(frozen=True, slots=True)
class Page:
    """JSON items, and the cursor of the next page or None."""

    items: list[str]
    next_cursor: str | None


def search(query: Query, cursor_text: str | None = None) -> Page:
    """One page. Three queries or so: the index, the fragments, and (a page that is not full) the tail."""
    start = cursor.read(cursor_text, query.canonical) if cursor_text else cursor.START
    within = Within(query.division.lft, query.division.rgt) if query.division else None
    wanted = query.limit + 1  # one more tells whether there is a next page
    hits: list[Hit] = []
    if query.lng is not None and query.lat is not None:
        lng, lat = geo.to_wgs84(query.lng, query.lat, query.datum)
        if not start.tail:
            hits = nearest(
                lng,
                lat,
                radius_m=query.radius_m,
                type_ids=query.type_ids,
                within=within,
                limit=wanted,
                after=(start.distance_m, start.facility_id),
                depth=start.depth,
            )
        tail: list[int] = []
        nearest_id = start.nearest_id or (hits[0].facility_id if hits else 0)
        if len(hits) < wanted and (county := within or _county(lng, lat, nearest_id)):
            after = start.facility_id if start.tail else 0
            tail = by_code(query.type_ids, county, after=after, limit=wanted - len(hits), unplaced=True)
        items = _near_items(hits[: query.limit], query.datum)
        items += _unplaced_items(tail[: query.limit - len(items)])
    else:
        nearest_id = 0
        tail = by_code(query.type_ids, within, after=start.facility_id, limit=wanted)
        items = _code_items(tail[: query.limit], query.datum)
    if len(hits) + len(tail) < wanted:
        return Page(items, None)
    shown_hits = min(len(hits), query.limit)
    in_tail = shown_hits < query.limit
    last = cursor.Place(
        -1.0 if in_tail else hits[shown_hits - 1].distance_m,
        tail[query.limit - shown_hits - 1] if in_tail else hits[shown_hits - 1].facility_id,
        in_tail,
        start.depth + query.limit,
        nearest_id,
    )
    return Page(items, cursor.write(last, query.canonical))


def _county(lng: float, lat: float, nearest_id: int) -> Within | None:
    """The county that the point lies in: by its shape, else that of the nearest place."""
    id_ = divisions.locate(lng, lat)
    if id_ is None and nearest_id:
        id_ = db.query("SELECT division_id FROM facility WHERE id = ?", (nearest_id,))[0][0]
    spans = db.query(
        "SELECT c.lft, c.rgt FROM division d JOIN division c ON c.lft <= d.lft AND c.rgt >= d.rgt"
        " WHERE d.id = ? AND c.level NOT IN ('town', 'community') ORDER BY c.lft DESC LIMIT 1",
        (id_,),
    )
    return Within(*spans[0]) if spans else None


def _bodies(ids: Sequence[int]) -> dict[int, str]:
    marks = ", ".join("?" * len(ids))
    return (
        dict(db.query(f"SELECT facility_id, body FROM card WHERE facility_id IN ({marks})", ids))
        if ids
        else {}
    )


def position(lng: float, lat: float, datum: str) -> str:
    """The JSON members of a position in the datum, to a centimetre."""
    if datum != "wgs84":
        lng, lat = geo.from_wgs84(lng, lat, datum)
    return f'"lat":{lat:.7f},"lng":{lng:.7f},'


def one(facility_id: int, datum: str) -> str:
    """The public JSON of one place, open or not. One query."""
    sql = (
        "SELECT c.body, f.lng, f.lat, f.position_precision, f.visibility FROM card c"
        " JOIN facility f ON f.id = c.facility_id WHERE c.facility_id = ?"
    )
    body, lng, lat, precision, visibility = db.query(sql, (facility_id,))[0]
    return _item(body, lng, lat, precision, datum, placed=lng is not None and visibility == "public")


def _item(body: str, lng: float, lat: float, precision: str, datum: str, *, placed: bool) -> str:
    approximate = "true" if not placed or precision in ("community", "town") else "false"
    head = position(lng, lat, datum) if placed else NO_POSITION
    return f'{{{head}"approximate":{approximate},{body}'


NO_POSITION = '"lat":null,"lng":null,'


def _near_items(hits: Sequence[Hit], datum: str) -> list[str]:
    body = _bodies([hit.facility_id for hit in hits])
    return [
        f"{{{position(hit.lng, hit.lat, datum)}"
        f'"distance_m":{hit.distance_m:.{0 if hit.approximate else 2}f},'
        f'"approximate":{"true" if hit.approximate else "false"},{body[hit.facility_id]}'
        for hit in hits
        if hit.facility_id in body  # a place closed between the two queries
    ]


def _unplaced_items(ids: Sequence[int]) -> list[str]:
    body = _bodies(ids)
    return [f'{{{NO_POSITION}"distance_m":null,"approximate":true,{body[id_]}' for id_ in ids if id_ in body]


def _code_items(ids: Sequence[int], datum: str) -> list[str]:
    if not ids:
        return []
    rows = db.query(
        "SELECT c.facility_id, c.body, l.placed, f.lng, f.lat, f.position_precision FROM card c"
        " JOIN facility f ON f.id = c.facility_id JOIN list_row l ON l.type_id = 0 AND l.facility_id = c.facility_id"
        f" WHERE c.facility_id IN ({', '.join('?' * len(ids))}) ORDER BY c.facility_id",
        ids,
    )
    return [
        _item(body, lng, lat, precision, datum, placed=bool(placed))
        for _, body, placed, lng, lat, precision in rows
    ]
