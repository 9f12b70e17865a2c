"""What is kept in memory for a state of the registry: the county around a point, the unplaced ones of a
county, the boxes of a division, the hotlines."""

from collections.abc import Sequence
from functools import lru_cache

from servicemap import db, divisions
from servicemap.audit import State
from servicemap.finder.filters import NO_FILTERS, Box, Within, condition
from servicemap.finder.hotlines import hotlines
from servicemap.finder.items import Style, listed_items
from servicemap.finder.listing import by_code, extents_of
from servicemap.finder.near import nearest
from servicemap.finder.opening import Moment

MOST_A_PAGE = 100
FARTHEST_M = 500_000  # beyond it nothing is near


@lru_cache(maxsize=1024)
def extents(version: State, span: Within) -> Sequence[Box]:
    """Boxes that together hold all places with a position in a division."""
    return extents_of(span)


@lru_cache(maxsize=1024)
def unplaced_ids(version: State, type_id: int, county: Within, after: int) -> Sequence[int]:
    """The ids of the unplaced ones of a type in a county, as many as a page may show: the same for everybody
    there."""
    plain = condition(NO_FILTERS, "l", None, b"", b"")
    return by_code((type_id,), plain, after=after, limit=MOST_A_PAGE + 1, spans=(county,), unplaced=True)


@lru_cache(maxsize=4)
def hotline_items(version: State, now: Moment) -> Sequence[bytes]:
    return listed_items(hotlines(now.at.date()), (), Style(now), after_near=False)


def county_around(version: State, lng: float, lat: float, nearest_id: int) -> Within | None:
    """The county that the point lies in: by its shape, else that of the nearest place found, else that of the
    nearest of any kind."""
    id_ = divisions.locate(lng, lat, version)
    if id_ is None:
        if not nearest_id:
            hits, _ = nearest(lng, lat, radius_m=FARTHEST_M, type_ids=(), limit=1)
            nearest_id = hits[0].facility_id if hits else 0
        rows = db.query("SELECT division_id FROM facility WHERE id = ?", (nearest_id,))
        id_ = rows[0][0] if rows else None
    return _county_span(version, id_) if id_ else None


@lru_cache(maxsize=4096)
def _county_span(version: State, division_id: int) -> Within | None:
    """The county of a division, and what stands above it: a city's hotline is its counties' too."""
    rows = db.query(
        "SELECT c.id, c.lft, c.rgt FROM division d JOIN division c ON c.lft <= d.lft AND c.rgt >= d.rgt"
        " WHERE d.id = ? AND c.level NOT IN ('town', 'community') ORDER BY c.lft DESC",
        (division_id,),
    )
    if not rows:
        return None
    (_, lft, rgt), *higher = rows
    return Within(lft, rgt, tuple(sorted(row[0] for row in higher)))
