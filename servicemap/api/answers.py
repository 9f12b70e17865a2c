"""Making answers: every one says whether the registry is a demo."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

from flask import Response, g, request

from servicemap.facility_types import known_kinds
from servicemap.finder.gone import tombstone
from servicemap.finder.items import Style, one
from servicemap.finder.query import Query
from servicemap.finder.search import Page
from servicemap.links import route_links
from servicemap.records import Record, public_code

GEOJSON = "application/geo+json"


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with the demo mark; the view's schema dumps it."""
    return {**payload, "demo": g.demo}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def spliced(item: bytes, more: dict[str, Any], mimetype: str = "application/json") -> Response:
    """An answer that is a JSON object already, with more members behind its own."""
    members = _encode({**more, "demo": g.demo})[1:].encode("utf-8", "replace")
    return Response(b"%b,%b" % (item[:-1], members), mimetype=mimetype)


def spliced_list(items: Iterable[bytes | str], more: dict[str, Any]) -> Response:
    """An answer whose items are JSON already: {"items":[…], more…, "demo":…}."""
    encoded = (item if isinstance(item, bytes) else item.encode() for item in items)
    return spliced(b'{"items":[' + b",".join(encoded) + b"]}", more)


def found(page: Page, query: Query, members: list[str] | None) -> Response:
    """A page of places, with what the search has to say about itself."""
    items, hotlines = page.items, page.hotlines
    more: dict[str, Any] = {"next": _next(page.next_cursor), **about(page, query)}
    if members:
        items = [_only(item, members, geojson=query.geojson) for item in items]
        hotlines = hotlines and [_only(item, members, geojson=False) for item in hotlines]
    if counts := page.counts:
        kinds = known_kinds()
        by_type = sorted(counts.by_type.items(), key=lambda pair: (-pair[1], pair[0]))
        more["total"] = {"count": counts.total, "capped": counts.capped}
        more["counts"] = [
            {"type": kinds.by_id[id_].key, "type_name": kinds.by_id[id_].name, "count": number}
            for id_, number in by_type
        ]
    if page.partial:
        g.max_age = 0  # the next one may have more time
    first = b"" if hotlines is None else b'"hotlines":[' + b",".join(hotlines) + b"],"
    if query.geojson:
        start = b'{"type":"FeatureCollection",' + first + b'"features":['
        return spliced(start + b",".join(items) + b"]}", more, GEOJSON)
    return spliced(b"{" + first + b'"items":[' + b",".join(items) + b"]}", more)


def detail(record: Record, style: Style, today: date) -> Response:
    """One place; of one that is gone also when, why, and where to go instead."""
    status = record.status(today)
    item = one(record.id, style, shut=status != "open")
    links = {} if status == "closed" else _links(record)
    more: dict[str, Any] = {"status": status, "datum": style.datum, "links": links}
    if gone := tombstone(record, today):
        instead = [
            b'{"type":"%b","distance_m":%b,"facility":%b}'
            % (
                each["type"].encode(),
                _encode(each["distance_m"]).encode(),
                one(each["facility_id"], style),
            )
            for each in gone["alternatives"]
        ]
        item = item[:-1] + b',"alternatives":[' + b",".join(instead) + b"]}"
        more |= {
            "closed_on": gone["closed_on"],
            "closed_reason": gone["reason"],
            "former_types": gone["types"],
        }
    return spliced(item, more)


def _links(record: Record) -> dict[str, str]:
    """The way there, where it is known to the door: a rough position would send people astray."""
    if record.visibility != "public" or record.position_precision not in ("door", "street"):
        return {}
    return route_links(record.lng, record.lat, record.name)


def about(page: Page, query: Query) -> dict[str, Any]:
    more: dict[str, Any] = {"next_cursor": page.next_cursor, "datum": query.datum}
    if page.radius_m is not None:
        more["radius_m"] = page.radius_m
    if widened := _widened(page):
        more["widened"] = widened
    if query.filters.age_months is not None:
        more["age_months"] = query.filters.age_months
    if page.reading:
        id_ = page.reading.facility_id
        more["understood"] = {
            "code": public_code(id_) if id_ else None,
            "types": [known_kinds().by_id[id_].key for id_ in page.reading.types or ()],
            "divisions": [{"code": place.code, "name": place.name} for place in page.reading.places],
            "words": list(page.reading.free),
            "filters": list(page.reading.filters),
            "ignored": list(page.reading.ignored),
        }
    if page.partial:
        more["partial"] = True
    return more


def _next(cursor: str | None) -> str | None:
    """The address of the next page: the query as it was sent with this cursor; None of a query in a body."""
    environ = request.environ
    if not cursor or environ["REQUEST_METHOD"] == "POST":
        return None
    sent = [pair for pair in environ["QUERY_STRING"].split("&") if pair]
    kept = [pair for pair in sent if unquote(pair.partition("=")[0]) != "cursor"]
    asked = "&".join([*kept, f"cursor={cursor}"])
    asked = asked if asked.isascii() else quote(asked, safe="%&+,:;=~", encoding="latin-1")
    return f"{environ['SCRIPT_NAME']}{environ['PATH_INFO']}?{asked}"


def _widened(page: Page) -> dict[str, Any] | None:
    """What was widened because nothing was there, and how that is said."""
    if page.empty_places:
        here = "、".join(place.name for place in page.empty_places)
        wider = page.reading.places if page.reading else ()
        there = "、".join(place.name for place in wider) or "更大的范围"
        found_some = "有这些" if page.items else "也没有"
        named = [{"code": place.code, "name": place.name} for place in wider]
        return {"divisions": named, "notice": f"{here}没有，{there}{found_some}"}
    if page.widened_from_m is None or page.radius_m is None:
        return None
    before, after = f"{page.widened_from_m / 1000:g} 公里", f"{page.radius_m / 1000:g} 公里"
    notice = (
        f"{before}内没有，已扩大到 {after}" if page.found_wider else f"{before}内没有，扩大到 {after}也没有"
    )
    if page.items and not page.found_wider:
        notice += "；下面这些没有地图上的位置"
    return {"from_m": page.widened_from_m, "to_m": page.radius_m, "notice": notice}


def _only(item: bytes, members: list[str], *, geojson: bool) -> bytes:
    facts = json.loads(item)
    if geojson:
        kept = {name: value for name, value in facts["properties"].items() if name in members}
        return _encode({**facts, "properties": kept}).encode()
    return _encode({name: value for name, value in facts.items() if name in members}).encode()
