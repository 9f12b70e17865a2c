"""Cursors: where a list goes on. Signed, good for 24 hours and for their own query only."""

import hashlib
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

from servicemap import registry
from servicemap.errors import InvalidError

GOOD_FOR_S = 24 * 3600
DEEPEST = 5000  # places; who wants more wants the export


@dataclass(frozen=True, slots=True)
class Place:
    """After which place the next page begins: its distance (or -1 in a list by code), its id, whether the
    near ones are done (`tail`), and how many places were shown so far."""

    distance_m: float
    facility_id: int
    tail: bool
    depth: int


START = Place(-1.0, 0, False, 0)


def write(place: Place, query: str) -> str:
    """The cursor for the page after `place` of the query (its canonical text)."""
    return _serializer(query).dumps([place.distance_m, place.facility_id, int(place.tail), place.depth])


def read(text: str, query: str) -> Place:
    """The place that a cursor names; InvalidError when it is forged, too old, of another query, or too deep."""
    try:
        distance_m, facility_id, tail, depth = _serializer(query).loads(text, max_age=GOOD_FOR_S)
    except BadData:
        raise InvalidError(
            "cursor 无效：它只用于原来的查询，24 小时内有效；请从第一页重新开始", "bad_cursor"
        ) from None
    if depth >= DEEPEST:
        raise InvalidError(f"最多翻到第 {DEEPEST} 个；请缩小范围，或用导出", "too_deep")
    return Place(distance_m, facility_id, bool(tail), depth)


def _serializer(query: str) -> URLSafeTimedSerializer:
    salt = hashlib.sha256(query.encode()).hexdigest()
    return URLSafeTimedSerializer(registry.secret(), salt=f"cursor:{salt}")
