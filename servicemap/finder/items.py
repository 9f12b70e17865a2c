"""Places as JSON bytes: the stored fragment with position, distance and opening state put in front."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from servicemap import db, geo
from servicemap.cards import AGE_UNKNOWN, ANY, SUSPENDED, is_approximate
from servicemap.finder.filters import NO_FILTERS, Filters, condition
from servicemap.finder.near import ROUNDED_M, Hit
from servicemap.finder.opening import Moment


@dataclass(frozen=True, slots=True)
class Style:
    """How places are shown: the datum of positions, the moment of opening states, whether the asker's own
    position is coarse, whether an unknown age is marked, and whether items are GeoJSON features."""

    moment: Moment
    datum: str = "wgs84"
    coarse: bool = False
    ages: bool = False
    geojson: bool = False


def near_items(hits: Sequence[Hit], style: Style) -> list[bytes]:
    """One query."""
    body = _bodies([hit[1] for hit in hits])
    member, convert, coarse = style.moment.member, geo.CONVERT[style.datum], style.coarse
    plain = not (style.geojson or style.ages)
    items = []
    for distance, id_, lng, lat, approximate, hours_id, flags in hits:
        if id_ not in body:  # a place closed between the two queries
            continue
        words = distance_text(int(distance), approximate or coarse)
        if plain:
            if convert:
                lng, lat = convert(lng, lat)
            form = _ROUGH if approximate else _EXACT
            items.append(form % (lat, lng, id_, distance, words, member(hours_id, flags), body[id_]))
        else:
            shown = (_ROUGH_SHOWN if approximate else _EXACT_SHOWN) % (distance, words)
            items.append(_item(id_, (lng, lat), shown, member(hours_id, flags), flags, body[id_], style))
    return items


# bytes from the start: no text is made that would only be encoded
_EXACT_SHOWN = b'"distance_m":%.2f,"distance_text":"%b","approximate":false,'
_ROUGH_SHOWN = b'"distance_m":%.0f,"distance_text":"%b","approximate":true,'
_EXACT = b'{"lat":%.7f,"lng":%.7f,"marker_id":%d,' + _EXACT_SHOWN + b"%b%b"
_ROUGH = b'{"lat":%.7f,"lng":%.7f,"marker_id":%d,' + _ROUGH_SHOWN + b"%b%b"


Listed = tuple[int, Any, Any, float, float, str, str, int | None, int]


def listed_items(ids: Sequence[int], types: Iterable[int], style: Style, *, after_near: bool) -> list[bytes]:
    """Places in the order of `ids`: those of a list by code, or those without a position that follow the
    near ones (with an empty distance). One query."""
    return shown_items(listed_rows(ids, types), style, after_near=after_near)


def listed_rows(ids: Sequence[int], types: Iterable[int], filters: Filters = NO_FILTERS) -> list[Listed]:
    """What listed_items shows of places, in the order of `ids`: of the offers that are asked for one that
    names its ages before one that does not. One query."""
    if not ids:
        return []
    fits = condition(filters.of_offer, "l", None, b"", b"")
    rows = db.query(
        f"SELECT c.facility_id, {_body()}, l.placed, f.lng, f.lat, f.position_precision, f.delivery, l.hours_id, l.flags"
        " FROM card c JOIN facility f ON f.id = c.facility_id JOIN list_row l ON l.facility_id = c.facility_id"
        f" WHERE l.type_id IN ({', '.join(map(str, types)) or ANY})"
        f" AND c.facility_id IN ({', '.join(map(str, ids))}){fits.sql} ORDER BY l.flags DESC",
        fits.params,
    )
    by_id = {row[0]: row for row in rows}
    return [by_id[id_] for id_ in ids if id_ in by_id]


def shown_items(rows: Iterable[Listed], style: Style, *, after_near: bool) -> list[bytes]:
    """No query."""
    items = []
    for id_, body, placed, lng, lat, precision, delivery, hours_id, flags in rows:
        shown = _approximate(precision, delivery, placed=placed)
        if after_near:
            shown = b'"distance_m":null,"distance_text":null,' + shown
        at = (lng, lat) if placed else None
        member = style.moment.member(hours_id, flags)
        items.append(_item(id_, at, shown, member, flags, _bytes(body), style))
    return items


def one(facility_id: int, style: Style, *, shut: bool = False) -> bytes:
    """One place, open or not; `shut`: it is not open today, whatever its hours say. One query."""
    sql = (
        f"SELECT {_body()}, f.lng, f.lat, f.position_precision, f.delivery, f.visibility, f.hours_id FROM card c"
        " JOIN facility f ON f.id = c.facility_id WHERE c.facility_id = ?"
    )
    body, lng, lat, precision, delivery, visibility, hours_id = db.query(sql, (facility_id,))[0]
    placed = lng is not None and visibility == "public"
    shown = _approximate(precision, delivery, placed=placed)
    member = style.moment.member(hours_id, SUSPENDED * shut)
    return _item(facility_id, (lng, lat) if placed else None, shown, member, 0, _bytes(body), style)


def _approximate(precision: str, delivery: str, *, placed: bool) -> bytes:
    vague = is_approximate(precision, delivery, placed=placed)
    return b'"approximate":true,' if vague else b'"approximate":false,'


def _item(
    id_: int,
    at: tuple[float, float] | None,
    shown: bytes,
    opening: bytes,
    flags: int,
    body: bytes,
    style: Style,
) -> bytes:
    if style.ages:
        shown += b'"age_unknown":true,' if flags & AGE_UNKNOWN else b'"age_unknown":false,'
    if style.geojson:
        point = b'{"type":"Point","coordinates":[%.7f,%.7f]}' % at if at else b"null"
        form = b'{"type":"Feature","id":%d,"geometry":%b,"properties":{"marker_id":%d,%b%b%b}'
        return form % (id_, point, id_, shown, opening, body)
    return b'{%b"marker_id":%d,%b%b%b' % (position(at, style.datum), id_, shown, opening, body)


def position(at: tuple[float, float] | None, datum: str) -> bytes:
    """The JSON members of a WGS-84 position in the datum, to a centimetre; of none, two nulls."""
    if at is None:
        return b'"lat":null,"lng":null,'
    lng, lat = geo.from_wgs84(*at, datum)
    return b'"lat":%.7f,"lng":%.7f,' % (lat, lng)


@lru_cache(maxsize=8192)
def distance_text(metres: int, vague: bool) -> bytes:
    """What a person is told: 850 米, 3.2 公里 (cut), and of what is only roughly known 约 3 公里."""
    if vague:
        return f"约 {max(1, round(metres / ROUNDED_M))} 公里".encode()
    return (f"{metres} 米" if metres < 1000 else f"{metres // 100 / 10} 公里").encode()


def _body() -> str:  # SQLite gives the bytes that it holds: no text is decoded that would be encoded again
    return "CAST(c.body AS BLOB)" if db.is_sqlite() else "c.body"


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


def _bodies(ids: Sequence[int]) -> dict[int, bytes]:
    if not ids:
        return {}
    if db.is_sqlite():
        marks = ", ".join("?" * len(ids))
        return dict(
            db.query(f"SELECT facility_id, CAST(body AS BLOB) FROM card WHERE facility_id IN ({marks})", ids)
        )
    rows = db.query("SELECT facility_id, body FROM card WHERE facility_id = ANY(?)", (list(ids),))
    return {id_: body.encode() for id_, body in rows}
