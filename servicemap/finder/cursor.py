"""Cursors: where a list goes on. Signed, good for 24 hours and for their own query only."""

import hmac
import time
from dataclasses import dataclass
from hashlib import blake2b

from servicemap import registry
from servicemap.errors import InvalidError

GOOD_FOR_S = 24 * 3600
DEEPEST = 5000  # places; who wants more wants the export


@dataclass(frozen=True, slots=True)
class Place:
    """After which place the next page begins, and what the first page settled.

    Its distance (a score in a ranked list, -1 in a list by code) and id; whether the near ones are done
    (`tail`); how many places were shown so far; the id of the nearest (or 0); the radius that was searched
    in the end, metres; the minute (since 1970) whose opening state is asked for; how many levels up the
    places named in the words were widened.
    """

    distance_m: float
    facility_id: int
    tail: bool
    depth: int
    nearest_id: int
    radius_m: int
    minute: int
    up: int = 0


def write(place: Place, query: str) -> str:
    """The cursor for the page after `place` of the query (its canonical text)."""
    numbers = (
        round(place.distance_m * 100),
        place.facility_id,
        int(place.tail),
        place.depth,
        place.nearest_id,
        place.radius_m,
        place.minute,
        place.up,
    )
    text = f"{'~'.join(map(str, numbers))}.{int(time.time())}"
    return f"{text}.{_signature(text, query)}"


def read(text: str, query: str) -> Place:
    """The place that a cursor names; InvalidError when it is forged, too old, of another query, or too deep."""
    signed, _, signature = text.rpartition(".")
    numbers, _, written_at = signed.partition(".")
    genuine = hmac.compare_digest(signature.encode(), _signature(signed, query).encode())
    if not genuine or int(written_at) + GOOD_FOR_S < time.time():
        raise InvalidError("cursor 无效：它只用于原来的查询，24 小时内有效；请从第一页重新开始", "bad_cursor")
    centimetres, facility_id, tail, depth, *rest = map(int, numbers.split("~"))
    if depth >= DEEPEST:
        raise InvalidError(f"最多翻到第 {DEEPEST} 个；请缩小范围，或用导出", "too_deep")
    return Place(centimetres / 100, facility_id, bool(tail), depth, *rest)


def _signature(text: str, query: str) -> str:
    signed = f"cursor {text} {query}".encode("utf-8", "replace")
    return blake2b(signed, key=registry.secret(), digest_size=16).hexdigest()
