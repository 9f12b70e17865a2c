"""Positions: datum conversion, distance, Morton cells, polygons. Pure; degrees in, metres out.

Inside the house every position is WGS-84. GCJ-02 (高德, 腾讯, 微信) lies about 600 m beside it in
China, BD-09 (百度) about 1.3 km; no point tells by itself which datum it is in.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

DATUMS = ("wgs84", "gcj02", "bd09")

# Krasovsky 1940, the ellipsoid that the published GCJ-02 formula is written for.
_GCJ_A, _GCJ_EE = 6378245.0, 0.00669342162296594323
_BD_PI = math.pi * 3000.0 / 180.0


def _gcj_shift(lng: float, lat: float) -> tuple[float, float]:
    """How far GCJ-02 moves the WGS-84 point, in degrees (the formula known as eviltransform)."""
    x, y = lng - 105.0, lat - 35.0
    root, pi = math.sqrt(abs(x)), math.pi
    waves = (20.0 * math.sin(6.0 * x * pi) + 20.0 * math.sin(2.0 * x * pi)) * 2.0 / 3.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    dlat += (20.0 * math.sin(y * pi) + 40.0 * math.sin(y / 3.0 * pi)) * 2.0 / 3.0
    dlat += (160.0 * math.sin(y / 12.0 * pi) + 320.0 * math.sin(y * pi / 30.0)) * 2.0 / 3.0
    dlng = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    dlng += (20.0 * math.sin(x * pi) + 40.0 * math.sin(x / 3.0 * pi)) * 2.0 / 3.0
    dlng += (150.0 * math.sin(x / 12.0 * pi) + 300.0 * math.sin(x / 30.0 * pi)) * 2.0 / 3.0
    radlat = math.radians(lat)
    magic = 1.0 - _GCJ_EE * math.sin(radlat) ** 2
    dlat = math.degrees(dlat / (_GCJ_A * (1.0 - _GCJ_EE) / (magic * math.sqrt(magic))))
    dlng = math.degrees(dlng / (_GCJ_A / math.sqrt(magic) * math.cos(radlat)))
    return dlng, dlat


def _wgs_to_gcj(lng: float, lat: float) -> tuple[float, float]:
    dlng, dlat = _gcj_shift(lng, lat)
    return lng + dlng, lat + dlat


def _gcj_to_bd(lng: float, lat: float) -> tuple[float, float]:
    z = math.hypot(lng, lat) + 0.00002 * math.sin(lat * _BD_PI)
    theta = math.atan2(lat, lng) + 0.000003 * math.cos(lng * _BD_PI)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


Move = Callable[[float, float], tuple[float, float]]


def _undo(move: Move, lng: float, lat: float) -> tuple[float, float]:
    """The point that `move` takes to (lng, lat), by fixed-point iteration: to 1e-11 degrees (1 µm)."""
    x, y = lng, lat
    for _ in range(30):
        moved_x, moved_y = move(x, y)
        dx, dy = lng - moved_x, lat - moved_y
        x, y = x + dx, y + dy
        if abs(dx) < 1e-12 and abs(dy) < 1e-12:
            break
    return x, y


def to_wgs84(lng: float, lat: float, datum: str) -> tuple[float, float]:
    """(lng, lat) of a point given in `datum`, in WGS-84; to 1e-6 m."""
    if datum == "bd09":
        lng, lat = _undo(_gcj_to_bd, lng, lat)
    return (lng, lat) if datum == "wgs84" else _undo(_wgs_to_gcj, lng, lat)


def from_wgs84(lng: float, lat: float, datum: str) -> tuple[float, float]:
    """(lng, lat) of a WGS-84 point in `datum`."""
    if datum == "wgs84":
        return lng, lat
    lng, lat = _wgs_to_gcj(lng, lat)
    return _gcj_to_bd(lng, lat) if datum == "bd09" else (lng, lat)


def distance_from(lng: float, lat: float) -> Callable[[float, float], float]:
    """A function (lng, lat) → metres from this point: a plane at the middle latitude (as 47 CFR 73.208)
    with the series for a degree's length on WGS-84; within 0.001 % up to 150 km and 60° of latitude,
    0.6 µs a call."""
    radians, cos, sqrt = math.radians, math.cos, math.sqrt

    def metres(to_lng: float, to_lat: float) -> float:
        mid = radians((lat + to_lat) / 2.0)
        c1 = cos(mid)
        c2 = 2.0 * c1 * c1 - 1.0  # cos 2m, by the double-angle rule; likewise below
        c3 = c1 * (2.0 * c2 - 1.0)
        north = (111132.954 - 559.822 * c2 + 1.175 * (2.0 * c2 * c2 - 1.0)) * (to_lat - lat)
        east = (111412.84 * c1 - 93.5 * c3 + 0.118 * (2.0 * c2 * c3 - c1)) * (to_lng - lng)
        return sqrt(north * north + east * east)

    return metres


def box_around(lng: float, lat: float, radius_m: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) that holds the circle; a degree of latitude has at least 110,574 m."""
    dlat = radius_m / 110_500.0
    widest = min(89.9, abs(lat) + dlat)
    dlng = dlat / math.cos(math.radians(widest))
    return max(-180.0, lng - dlng), max(-90.0, lat - dlat), min(180.0, lng + dlng), min(90.0, lat + dlat)


# Morton codes: 31 bits a side, interleaved with lng first, so that a square cell is one range of codes.

_SIDE = 1 << 31
_MASKS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _spread(n: int) -> int:
    for shift, mask in _MASKS:
        n = (n | n << shift) & mask
    return n


def _grid(lng: float, lat: float) -> tuple[int, int]:
    # one scale for both axes, so that cells are square in degrees
    return (
        min(_SIDE - 1, int((lng + 180.0) / 360.0 * _SIDE)),
        min(_SIDE - 1, int((lat + 90.0) / 360.0 * _SIDE)),
    )


def morton(lng: float, lat: float) -> int:
    """The cell code of a WGS-84 point: 62 bits, so it fits a signed 64-bit column."""
    x, y = _grid(lng, lat)
    return _spread(x) << 1 | _spread(y)


def cover(west: float, south: float, east: float, north: float) -> list[tuple[int, int]]:
    """At most 9 ranges (first, last) of Morton codes that together hold the box, neighbours merged."""
    x0, y0 = _grid(west, south)
    x1, y1 = _grid(east, north)
    level = max(0, max(x1 - x0, y1 - y0).bit_length() - 1)
    ranges: list[tuple[int, int]] = []
    starts = sorted(
        (_spread(x) << 1 | _spread(y)) << 2 * level
        for x in range(x0 >> level, (x1 >> level) + 1)
        for y in range(y0 >> level, (y1 >> level) + 1)
    )
    size = 1 << 2 * level
    for start in starts:
        if ranges and ranges[-1][1] + 1 == start:
            ranges[-1] = (ranges[-1][0], start + size - 1)
        else:
            ranges.append((start, start + size - 1))
    return ranges


# Polygons: GeoJSON geometries, Polygon or MultiPolygon, in WGS-84 [lng, lat].

Ring = Sequence[Sequence[float]]


def polygons(geometry: dict[str, Any]) -> list[list[Ring]]:
    """The polygons of a GeoJSON geometry, each an outer ring followed by its holes."""
    return geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]


def contains(geometry: dict[str, Any], lng: float, lat: float) -> bool:
    """Whether the point lies inside (even-odd rule; a point on the edge may fall on either side)."""
    return any(
        _inside(rings[0], lng, lat) and not any(_inside(hole, lng, lat) for hole in rings[1:])
        for rings in polygons(geometry)
    )


def _inside(ring: Ring, lng: float, lat: float) -> bool:
    inside = False
    x0, y0 = ring[-1][:2]
    for x1, y1, *_ in ring:
        if (y0 > lat) != (y1 > lat) and lng < (x1 - x0) * (lat - y0) / (y1 - y0) + x0:
            inside = not inside
        x0, y0 = x1, y1
    return inside


def box_of(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a geometry."""
    points = [point for rings in polygons(geometry) for point in rings[0]]
    lngs, lats = [p[0] for p in points], [p[1] for p in points]
    return min(lngs), min(lats), max(lngs), max(lats)
