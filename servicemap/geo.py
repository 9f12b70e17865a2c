"""Positions: datum conversion, distance, Morton cells, polygons. Pure; degrees in, metres out.

Inside the house every position is WGS-84. GCJ-02 (高德, 腾讯, 微信) lies about 600 m beside it in
China, BD-09 (百度) about 1.3 km; no point tells by itself which datum it is in.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

DATUMS = ("wgs84", "gcj02", "bd09")
CHINA = (72.0, 0.8, 137.9, 55.9)  # west, south, east, north: where gcj02 and bd09 mean anything

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
    convert = CONVERT[datum]
    return convert(lng, lat) if convert else (lng, lat)


CONVERT: dict[str, Move | None] = {  # from WGS-84; None: as it is
    "wgs84": None,
    "gcj02": _wgs_to_gcj,
    "bd09": lambda lng, lat: _gcj_to_bd(*_wgs_to_gcj(lng, lat)),
}


def degree_lengths(lat: float) -> tuple[float, float, float, float, float, float]:
    """How long a degree is half way from this latitude to another one d degrees north of it, in metres:
    of latitude n0 + n1·d + n2·d², of longitude e0 + e1·d + e2·d².

    The series of a degree's length on WGS-84 (as in 47 CFR 73.208), taken at the middle latitude and
    expanded around `lat`: to 1e-8 of itself at 50 km, 1e-5 at 500 km.
    """
    m = math.radians(lat)
    half = math.radians(0.5)  # the middle latitude moves half as far as the other end
    n0 = 111132.954 - 559.822 * math.cos(2 * m) + 1.175 * math.cos(4 * m)
    n1 = (2 * 559.822 * math.sin(2 * m) - 4 * 1.175 * math.sin(4 * m)) * half
    n2 = (4 * 559.822 * math.cos(2 * m) - 16 * 1.175 * math.cos(4 * m)) * half * half / 2
    e0 = 111412.84 * math.cos(m) - 93.5 * math.cos(3 * m) + 0.118 * math.cos(5 * m)
    e1 = (-111412.84 * math.sin(m) + 3 * 93.5 * math.sin(3 * m) - 5 * 0.118 * math.sin(5 * m)) * half
    e2 = (
        (-111412.84 * math.cos(m) + 9 * 93.5 * math.cos(3 * m) - 25 * 0.118 * math.cos(5 * m))
        * half
        * half
        / 2
    )
    return n0, n1, n2, e0, e1, e2


def distance_from(lng: float, lat: float) -> Callable[[float, float], float]:
    """A function (lng, lat) → metres from this point, on a plane with the degree lengths of the middle
    latitude: within 0.001 % of the geodesic up to 150 km and 60° of latitude, 0.3 µs a call."""
    n0, n1, n2, e0, e1, e2 = degree_lengths(lat)
    sqrt = math.sqrt

    def metres(to_lng: float, to_lat: float) -> float:
        d = to_lat - lat
        north, east = (n0 + (n1 + n2 * d) * d) * d, (e0 + (e1 + e2 * d) * d) * (to_lng - lng)
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


def _spread_bits(n: int) -> int:
    return sum((n >> bit & 1) << 2 * bit for bit in range(n.bit_length()))


_SPREAD = [_spread_bits(byte) for byte in range(256)]


def _spread(n: int) -> int:
    """The bits of a number below 2³², with a gap after each."""
    return (
        _SPREAD[n & 255] | _SPREAD[n >> 8 & 255] << 16 | _SPREAD[n >> 16 & 255] << 32 | _SPREAD[n >> 24] << 48
    )


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
    """Ranges (first, last) of Morton codes that together hold the box, neighbours merged."""
    x0, y0 = _grid(west, south)
    x1, y1 = _grid(east, north)
    # 5 to 9 cells a side; twice as many where a town beside the box may hold more than all of it
    level = max(0, max(x1 - x0, y1 - y0).bit_length() - (4 if north - south > 0.2 else 3))
    columns = [_spread(x) << 1 for x in range(x0 >> level, (x1 >> level) + 1)]
    rows = [_spread(y) for y in range(y0 >> level, (y1 >> level) + 1)]
    ranges: list[tuple[int, int]] = []
    cells = sorted([column | row for column in columns for row in rows])
    first = last = cells[0]
    for cell in cells[1:]:
        if cell != last + 1:
            ranges.append((first << 2 * level, ((last + 1) << 2 * level) - 1))
            first = cell
        last = cell
    ranges.append((first << 2 * level, ((last + 1) << 2 * level) - 1))
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


def edge_in_box(geometry: dict[str, Any], box: tuple[float, float, float, float]) -> bool:
    """Whether an edge may cross (west, south, east, north): False is certain, True means that an edge's own
    box does."""
    west, south, east, north = box
    for rings in polygons(geometry):
        for ring in rings:
            x0, y0 = ring[-1][:2]
            for x1, y1, *_ in ring:
                if (
                    (x0 >= west or x1 >= west)
                    and (x0 <= east or x1 <= east)
                    and (y0 >= south or y1 >= south)
                    and (y0 <= north or y1 <= north)
                ):
                    return True
                x0, y0 = x1, y1
    return False


def box_of(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a geometry."""
    points = [point for rings in polygons(geometry) for point in rings[0]]
    lngs, lats = [p[0] for p in points], [p[1] for p in points]
    return min(lngs), min(lats), max(lngs), max(lats)
