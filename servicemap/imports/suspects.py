"""What a plan makes one suspicious of, without stopping it: a new place that is probably known already, and
coordinates that are probably of another datum than was said."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from statistics import median
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple

from servicemap import db, geo
from servicemap.divisions import chunks
from servicemap.duplicates import NEAR_M, alike
from servicemap.errors import Problem
from servicemap.facts import Facts, Reader
from servicemap.records import Record

IN_MEMORY = 1_000_000  # bytes; more goes to a file
CELL = 0.001  # degrees, about NEAR_M: what is nearer stands in this cell or one beside it
MOST_NEAR = 50  # places in a cell or on a phone: more are a school's or an office's, and tell nothing
FEWEST_MOVED, MOVED_M, FITS_M = 5, 300, 60
PLACE = ("name", "lng", "lat", "position_precision", "phone")

Nearby = dict[tuple[object, ...], list[tuple[str, Record]]]  # key → (what it's called, place)


class Moved(NamedTuple):
    sheet: str
    number: int
    lng_before: Any
    lat_before: Any
    lng: Any
    lat: Any
    apart: float


class Suspects:
    """Sees the parts of a plan and says at the end what is suspicious. Of each new place it keeps a line in a
    temporary file, and in memory where that begins."""

    def __init__(self, reader: Reader) -> None:
        self._headings = reader.headings
        self._lines = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - until close
        self._new: dict[int, array[int]] = {}  # by division: where its lines begin
        self._moved: dict[str, list[Moved]] = {}  # by the datum that was said

    def close(self) -> None:
        self._lines.close()

    def see(self, made: Iterable[tuple[Facts, Record | None, Record]]) -> None:
        """Of each place its first row, what it was (None: it is new), what it will be."""
        for row, before, after in made:
            if before is None:
                place = [getattr(after, name) for name in PLACE]
                self._new.setdefault(after.division_id, array("q")).append(self._lines.tell())
                line = json.dumps([row.sheet, row.number, place], ensure_ascii=False)
                self._lines.write(f"{line}\n".encode())
                continue
            apart = _distance(before, after)
            if apart is not None and apart > MOVED_M and after.position_datum and "lat" in row.facility:
                moved = Moved(row.sheet, row.number, before.lng, before.lat, after.lng, after.lat, apart)
                self._moved.setdefault(after.position_datum, []).append(moved)

    def remarks(self) -> list[Problem]:
        """A query for every 10 divisions."""
        return [*self._duplicates(), *self._other_datum()]

    def _duplicates(self) -> Iterable[Problem]:
        for division_ids in chunks(sorted(self._new), 10):
            nearby: Nearby = {}
            for place in _known(division_ids):
                for key in _keys(place):
                    nearby.setdefault(key, []).append((f"{place.code} {place.name}", place))
            for division_id in division_ids:
                for sheet, number, place in self._read(division_id):
                    record = Record(0, division_id=division_id, **dict(zip(PLACE, place, strict=True)))
                    where = Facts(number, sheet).where
                    if known := _known_as(record, nearby):
                        yield self._said("name", "suspected_duplicate", sheet, number, record.name, *known)
                    for key in _keys(record):
                        nearby.setdefault(key, []).append((f"{where}的 {record.name}", record))

    def _read(self, division_id: int) -> Iterator[list[Any]]:
        for start in self._new[division_id]:
            self._lines.seek(start)
            yield json.loads(self._lines.readline())

    def _other_datum(self) -> Iterable[Problem]:
        for said, rows in self._moved.items():
            for other in geo.DATUMS:
                fitting = [each for each in rows if other != said and _fits(each, said, other)]
                if len(fitting) >= max(FEWEST_MOVED, 0.8 * len(rows)):
                    metres = median(each.apart for each in fitting)
                    detail = f"{len(fitting)} 个已知的服务点都移动约 {metres:.0f} 米，正好是 {said} 和 {other} 之差"
                    cure = f"坐标若其实是 {other}，请撤销这次导入，用 --datum {other} 再导入"
                    sheet, number, *_ = fitting[0]
                    yield self._said("lng", "suspected_datum", sheet, number, said, detail, cure)

    def _said(
        self, name: str, code: str, sheet: str, number: int, value: str, detail: str, cure: str
    ) -> Problem:
        column = self._headings.get(name, name)
        return Problem(code, detail, name, number, column, value, cure, sheet or None)


def _known_as(record: Record, nearby: Nearby) -> tuple[str, str] | None:
    """What is to be said of a new place that is probably one of those nearby, and what to do."""
    beside = [key for own in _keys(record) for key in _around(own)]
    few = [near for key in beside if len(near := nearby.get(key, ())) < MOST_NEAR]
    for called, other in chain.from_iterable(few):
        apart = _distance(record, other)
        same_phone = record.phone is not None and record.phone == other.phone
        if (same_phone or (apart is not None and apart < NEAR_M)) and alike(record.name, other.name):
            why = f"相距 {apart:.0f} 米" if apart is not None and apart < NEAR_M else "电话相同"
            cure = f"在“编号”列填 {other.code}" if other.id else "删去一行"
            return (
                f"“{record.name}”像是 {called}（同一区划，{why}）",
                f"是同一处请{cure}；不是就不用管",
            )
    return None


def _known(division_ids: Sequence[int]) -> Iterable[Record]:
    """The places there that are not closed, as far as is needed here."""
    for id_, division_id, *place in db.query(
        f"SELECT id, division_id, {', '.join(PLACE)} FROM facility f"
        f" WHERE division_id IN ({', '.join('?' * len(division_ids))})"
        " AND EXISTS (SELECT 1 FROM role WHERE facility_id = f.id AND closed_on IS NULL)",
        division_ids,
    ):
        yield Record(id_, division_id=division_id, **dict(zip(PLACE, place, strict=True)))


def _keys(record: Record) -> Iterable[tuple[object, ...]]:
    """Where it is looked for: in its division by its phone, and by its cell when it stands exactly somewhere."""
    if record.phone:
        yield record.division_id, record.phone
    if record.lat is not None and record.lng is not None and record.position_precision in ("door", "street"):
        yield record.division_id, int(record.lng // CELL), int(record.lat // CELL)


def _around(key: tuple[object, ...]) -> Iterable[tuple[object, ...]]:
    match key:
        case (division_id, int(x), int(y)):
            yield from ((division_id, x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1))
        case _:
            yield key


def _distance(one: Record, other: Record) -> float | None:
    if one.lat is None or one.lng is None or other.lat is None or other.lng is None:
        return None
    return geo.distance_from(one.lng, one.lat)(other.lng, other.lat)


def _fits(moved: Moved, said: str, other: str) -> bool:
    """Whether the file's coordinates, read in the other datum, are where the place was known to be."""
    lng, lat = geo.to_wgs84(*geo.from_wgs84(moved.lng, moved.lat, said), other)
    return geo.distance_from(moved.lng_before, moved.lat_before)(lng, lat) < FITS_M
