"""The tree of 行政区划 and its versions: find one, walk up and down. division_list.py writes it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from servicemap import audit, db, geo
from servicemap.errors import InvalidError, NotFoundError
from servicemap.models import LEVELS, Division, FormerName, Registry, Succession


def rank(level: str) -> int:
    """0 for the province, growing downwards."""
    return LEVELS.index(level)


def find(code: str, *, level: str | None = None, on: date | None = None) -> Division | None:
    """The division with this code, padded or not: at the highest level at which it exists, unless
    `level` says; the one valid on the day `on`, else the latest validity. One query."""
    return find_all([code], level=level, on=on).get(code)


def find_all(
    codes: Iterable[str], *, level: str | None = None, on: date | None = None
) -> dict[str, Division]:
    """What find gives for each code; unknown ones are absent. One query for every 200 codes."""
    spellings = {code: {code} for code in codes}
    for code, spelt in spellings.items():
        if code.isascii() and code.isdigit():
            spelt.add(code.ljust(12, "0"))
    by_spelling: dict[str, list[Division]] = {}
    for chunk in chunks(sorted(set().union(*spellings.values())), 200):
        for division in Division.select().where(Division.code.in_(chunk) | Division.padded_code.in_(chunk)):
            if (level is None or division.level == level) and (on is None or is_valid(division, on)):
                for spelling in {division.code, division.padded_code}:
                    by_spelling.setdefault(spelling, []).append(division)
    found = {}
    for code, spelt in spellings.items():
        fits = [division for spelling in spelt for division in by_spelling.get(spelling, ())]
        if fits:
            found[code] = min(fits, key=_prominence)
    return found


def _prominence(division: Division) -> tuple[int, bool, int]:
    """Sorts first what a bare code means: the highest level, then the current validity, then the latest."""
    began = division.valid_from or date.min
    return rank(division.level), division.valid_to is not None, -began.toordinal()


def get(code: str, *, level: str | None = None, on: date | None = None) -> Division:
    """Like find, but raises NotFoundError."""
    division = find(code, level=level, on=on)
    if division is None:
        raise NotFoundError(f"没有“{code}”这个区划代码{_codes_of(code)}", "division_not_found")
    return division


def _codes_of(name: str) -> str:
    """What to say to somebody who gave a name for a code."""
    named = (
        Division.select().where((Division.name == name) & Division.valid_to.is_null()).order_by(Division.code)
    )
    found = [f"{each.padded_code} {each.name}" for each in named.limit(5)]
    return f"；是不是 {'、'.join(found)}？" if found else ""


def is_valid(division: Division, on: date) -> bool:
    return (division.valid_from is None or division.valid_from <= on) and (
        division.valid_to is None or on < division.valid_to
    )


def children(division: Division | None, on: date) -> list[Division]:
    """The divisions right below (of the whole registry for None), valid on the day, by code."""
    below = Division.select().where(Division.parent == (division.id if division else None))
    return [child for child in below.order_by(Division.code) if is_valid(child, on)]


def list_divisions(
    parent: Division | None, level: str | None, on: date, *, after: str, limit: int
) -> list[Division]:
    """At most `limit` divisions valid on the day, beyond the padded code `after`, by code: those of the
    level within the parent, or without a level those right below it (or at the top). One query."""
    query = Division.select().where(
        (Division.padded_code > after)
        & (Division.valid_from.is_null() | (Division.valid_from <= on))
        & (Division.valid_to.is_null() | (Division.valid_to > on))
    )
    if level is None:
        query = query.where(Division.parent == (parent.id if parent else None))
    else:
        query = query.where(Division.level == level)
        if parent:
            query = query.where(Division.lft.between(parent.lft, parent.rgt))
    return list(query.order_by(Division.padded_code).limit(limit))


@dataclass(frozen=True, slots=True)
class Relation:
    """A division that came before or after another, from a day on, and by which 文号."""

    code: str
    name: str
    level: str
    on: date
    document: str | None


def predecessors(division: Division) -> list[Relation]:
    """What the division took the place of, by day and code. One query."""
    return _related(division, "old", "new")


def successors(division: Division) -> list[Relation]:
    """What took the place of the division, by day and code. One query."""
    return _related(division, "new", "old")


def _related(division: Division, other: str, own: str) -> list[Relation]:
    rows = db.query(
        "SELECT d.padded_code, d.name, d.level, s.succeeded_on, s.document FROM succession s"
        f" JOIN division d ON d.id = s.{other}_id WHERE s.{own}_id = ? ORDER BY s.succeeded_on, d.code",
        (division.id,),
    )
    return [Relation(code, name, level, db.day(on), document) for code, name, level, on, document in rows]


def current(division: Division) -> list[Division]:
    """The division itself, or what stands in its place after all that came since; a division that was
    abolished without a successor stands for itself. A query for each that has ended."""
    if division.valid_to is None:
        return [division]
    following = Division.select().join(Succession, on=Succession.new == Division.id)
    found = {
        last.id: last
        for after in following.where(Succession.old == division.id).order_by(Division.code)
        for last in current(after)
    }
    return list(found.values()) or [division]


def former_names(divisions: Sequence[Division]) -> dict[int, list[FormerName]]:
    """The names that divisions had, the oldest first; only of those that had any. A query for every 500."""
    found: dict[int, list[FormerName]] = {}
    for chunk in chunks([division.id for division in divisions], 500):
        for former in FormerName.select().where(FormerName.division.in_(chunk)).order_by(FormerName.to_on):
            found.setdefault(former.division_id, []).append(former)
    return found


def name_on(division: Division, former: Sequence[FormerName], on: date) -> str:
    """What the division, which had these names, was called on the day."""
    return next((each.name for each in former if on < each.to_on), division.name)


SHOWN = {"padded_code", "name", "level", "parent_id"}  # what a path shows of a division


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a division path."""

    id: int
    code: str
    name: str
    level: str


def paths(ids: Iterable[int]) -> dict[int, tuple[Step, ...]]:
    """For each division id its path, top first and itself last. One query a level."""
    steps: dict[int, tuple[Step, int | None]] = {}
    wanted, missing = set(ids), set(ids)
    while missing:
        rows: list[tuple[Any, ...]] = []
        for chunk in chunks(sorted(missing), 500):
            marks = ", ".join("?" * len(chunk))
            rows += db.query(
                f"SELECT id, padded_code, name, level, parent_id FROM division WHERE id IN ({marks})", chunk
            )
        steps.update({row[0]: (Step(*row[:4]), row[4]) for row in rows})
        missing = {row[4] for row in rows if row[4] is not None} - steps.keys()
    found: dict[int, tuple[Step, ...]] = {}
    for id_ in wanted:
        path: list[Step] = []
        at: int | None = id_
        while at is not None:
            step, at = steps[at]
            path.append(step)
        found[id_] = tuple(reversed(path))
    return found


def chunks(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def locate(lng: float, lat: float, version: audit.State | None = None) -> int | None:
    """The id of the smallest division whose known shape holds the WGS-84 point; `version` where it is known
    already. No query once its neighbourhood is known."""
    version = version or audit.state()
    whole, crossing = _neighbourhood(version.hash, int(lng * CELLS // 1), int(lat * CELLS // 1))
    holding = [(rank, id_) for rank, id_, geometry in crossing if geo.contains(geometry, lng, lat)]
    return max(*holding, whole)[1] if holding else whole[1]


CELLS = 50  # a degree: a neighbourhood is about 2 km wide
Shaped = tuple[int, int | None, Any]  # rank of the level, division id, geometry
NOWHERE = (-1, None)


@lru_cache(maxsize=16384)
def _neighbourhood(version: str, x: int, y: int) -> tuple[tuple[int, int | None], tuple[Shaped, ...]]:
    """Of a cell of 1/CELLS degree: the smallest division that holds all of it, and those smaller ones
    whose edge may cross it. One query."""
    west, south, east, north = box = (x / CELLS, y / CELLS, (x + 1) / CELLS, (y + 1) / CELLS)
    rows = db.query(
        "SELECT d.id, d.level, s.geometry FROM shape s JOIN division d ON d.id = s.division_id"
        " WHERE s.west <= ? AND s.east >= ? AND s.south <= ? AND s.north >= ?"
        " AND d.id NOT IN (SELECT old_id FROM succession)",
        (east, west, north, south),
    )
    whole: tuple[int, int | None] = NOWHERE
    crossing = list[Shaped]()
    for id_, level, text in rows:
        geometry = _geometry(text)
        if geo.edge_in_box(geometry, box):
            crossing.append((rank(level), id_, geometry))
        elif geo.contains(geometry, west, south):
            whole = max(whole, (rank(level), id_))
    return whole, tuple(shaped for shaped in crossing if shaped[0] > whole[0])


@lru_cache(maxsize=256)
def _geometry(text: str) -> dict[str, Any]:
    return json.loads(text)


def extent(setting: str) -> tuple[float, float, float, float] | None:
    """(west, south, east, north) outside of which a place is refused: `setting`, else the stored
    one, else the box of the known shapes, else 0.5° around the known places; None when nothing is known."""
    stored = setting or Registry.get_by_id(1).extent
    if stored:
        return parse_extent(stored)
    box = db.query("SELECT MIN(west), MIN(south), MAX(east), MAX(north) FROM shape")[0]
    if box[0] is not None:
        return box
    box = db.query("SELECT MIN(lng), MIN(lat), MAX(lng), MAX(lat) FROM facility")[0]
    return None if box[0] is None else (box[0] - 0.5, box[1] - 0.5, box[2] + 0.5, box[3] + 0.5)


def parse_extent(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = south = east = north = 0.0
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InvalidError(f"范围“{text}”应为 西,南,东,北，例如 111.9,23.4,114.0,25.2", "bad_extent")
    return west, south, east, north
