"""What a plan makes one suspicious of, without stopping it: a new place that is probably known already, and
coordinates that are probably of another datum than was said."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain
from statistics import median

from servicemap import db, geo
from servicemap.divisions import chunks
from servicemap.errors import Problem
from servicemap.facts import Facts, Reader
from servicemap.records import Record

NEAR_M = 100
ALIKE = 0.75  # of difflib: 0.5 is what two types in one community share (北门社区家长学校, 北门社区儿童之家)
CELL = 0.001  # degrees, about NEAR_M: what is nearer stands in this cell or one beside it
MOST_NEAR = 50  # places in a cell or on a phone: more are a school's or an office's, and tell nothing
FEWEST_MOVED, MOVED_M, FITS_M = 5, 300, 60
NUMERALS = re.compile("[0-9一二三四五六七八九十]+")

Row = tuple[Facts, Record]  # a row and the place that it makes


def look(created: Sequence[Row], updated: Iterable[tuple[Facts, Record, Record]], reader: Reader) -> None:
    """Remark on the rows what is suspicious about them. A query for every 500 divisions."""
    _duplicates(created, reader)
    _other_datum(updated, reader)


def _duplicates(created: Sequence[Row], reader: Reader) -> None:
    nearby: dict[tuple[object, ...], list[tuple[str, Record]]] = {}  # key → (what it's called, place)
    for place in _known({record.division_id for _, record in created}):
        for key in _keys(place):
            nearby.setdefault(key, []).append((f"{place.code} {place.name}", place))
    for row, record in created:
        beside = [key for own in _keys(record) for key in _around(own)]
        few = [near for key in beside if len(near := nearby.get(key, ())) < MOST_NEAR]
        for called, other in chain.from_iterable(few):
            apart = _distance(record, other)
            same_phone = record.phone is not None and record.phone == other.phone
            if (same_phone or (apart is not None and apart < NEAR_M)) and alike(record.name, other.name):
                why = f"相距 {apart:.0f} 米" if apart is not None and apart < NEAR_M else "电话相同"
                detail = f"“{record.name}”像是 {called}（同一区划，{why}）"
                cure = f"在“编号”列填 {other.code}" if other.id else "删去一行"
                cure = f"是同一处请{cure}；不是就不用管"
                _remark(reader, row, "name", "suspected_duplicate", detail, cure, record.name)
                break
        for key in _keys(record):
            nearby.setdefault(key, []).append((f"{row.where}的 {record.name}", record))


def _known(division_ids: set[int]) -> Iterable[Record]:
    """The places there that are not closed, as far as is needed here."""
    for chunk in chunks(sorted(division_ids), 500):
        yield from (
            Record(id_, name, division_id, lat=lat, lng=lng, position_precision=precision, phone=phone)
            for id_, name, division_id, lat, lng, precision, phone in db.query(
                "SELECT id, name, division_id, lat, lng, position_precision, phone FROM facility f"
                f" WHERE division_id IN ({', '.join('?' * len(chunk))})"
                " AND EXISTS (SELECT 1 FROM role WHERE facility_id = f.id AND closed_on IS NULL)",
                chunk,
            )
        )


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


def alike(one: str, other: str) -> bool:
    """Whether two names may be one place's: alike, and with the same numbers (第一幼儿园 is not 第二幼儿园)."""
    one, other = (re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)) for name in (one, other))
    if NUMERALS.findall(one) != NUMERALS.findall(other):
        return False
    likeness = SequenceMatcher(None, one, other)
    near = likeness.quick_ratio() >= ALIKE and likeness.ratio() >= ALIKE  # the quick one is never less
    return near or one in other or other in one


def _other_datum(updated: Iterable[tuple[Facts, Record, Record]], reader: Reader) -> None:
    moved: dict[str, list[tuple[Facts, Record, Record, float]]] = {}
    for row, before, after in updated:
        apart = _distance(before, after)
        if apart is not None and apart > MOVED_M and after.position_datum and "lat" in row.facility:
            moved.setdefault(after.position_datum, []).append((row, before, after, apart))
    for said, rows in moved.items():
        for other in geo.DATUMS:
            fitting = [each for each in rows if other != said and _fits(*each[1:3], said, other)]
            if len(fitting) >= max(FEWEST_MOVED, 0.8 * len(rows)):
                metres = median(apart for *_, apart in fitting)
                detail = (
                    f"{len(fitting)} 个已知的服务点都移动约 {metres:.0f} 米，正好是 {said} 和 {other} 之差"
                )
                cure = f"坐标若其实是 {other}，请撤销这次导入，用 --datum {other} 再导入"
                _remark(reader, fitting[0][0], "lng", "suspected_datum", detail, cure, said)


def _fits(before: Record, after: Record, said: str, other: str) -> bool:
    """Whether the file's coordinates, read in the other datum, are where the place was known to be."""
    if after.lat is None or after.lng is None:
        return False
    lng, lat = geo.to_wgs84(*geo.from_wgs84(after.lng, after.lat, said), other)
    apart = _distance(before, replace(after, lng=lng, lat=lat))
    return apart is not None and apart < FITS_M


def _remark(reader: Reader, row: Facts, name: str, code: str, detail: str, cure: str, value: str) -> None:
    column = reader.headings.get(name, name)
    row.remarks.append(Problem(code, detail, name, row.number, column, value, cure, row.sheet or None))
