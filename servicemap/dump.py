"""The public dump: every place of the public face as files, for work without a net and for whoever wants all.

A dump is a folder that is renamed into place when it is whole; the newest one counts and the one before
stays for who is still reading it, but none in which a place may stand that was hidden since. Its names
carry the instant and the seq, and what has a name never changes. feed.list_changes since its seq gives what happened later, and what happened while it was made.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from servicemap import db, divisions, feed, registry
from servicemap.audit import head_hash, head_seq
from servicemap.config import Settings
from servicemap.errors import ConflictError, NotFoundError, UnavailableError
from servicemap.models import Division

PAGE = 2000  # places a query: no read transaction lives longer
MOST_SLICE_BYTES = 2_000_000
SLICE_HEAD_BYTES = 1000  # at most
PACKING = 6  # gzip's level
KEPT = 2
LICENCE = "公开资料：可以转载和使用，请注明出处和生成时间"
BUILDING = ".building"
STAMP = re.compile(r"\d{8}T\d{6}Z-\d+")

SCHEMA = """
CREATE TABLE about (
    seq INTEGER NOT NULL, built_at TEXT NOT NULL, demo INTEGER NOT NULL, datum TEXT NOT NULL, licence TEXT NOT NULL
);
CREATE TABLE facility (
    marker_id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL, county TEXT NOT NULL,
    lat REAL, lng REAL, json TEXT NOT NULL
);
CREATE TABLE facility_role (
    type TEXT NOT NULL, marker_id INTEGER NOT NULL, PRIMARY KEY (type, marker_id)
) WITHOUT ROWID;
"""
INDEXES = """
CREATE UNIQUE INDEX facility_code ON facility (code);
CREATE INDEX facility_county ON facility (county);
CREATE INDEX facility_position ON facility (lat, lng);
"""


def folder_of(settings: Settings) -> Path:
    """Where the dumps of this registry lie (see Settings.dump_folder); NotFoundError when nothing says."""
    if settings.dump_folder:
        return Path(settings.dump_folder).resolve()
    if not db.is_sqlite():
        detail = "用 PostgreSQL 时，请管理员用 SERVICEMAP_DUMP_FOLDER 说明离线包放在哪里"
        raise NotFoundError(detail, "no_dump_folder")
    return Path(f"{db.sqlite_path().resolve()}.dump")


# Making one


def build(
    folder: Path, now: datetime, today: date, at: Callable[[int], None] = lambda count: None, page: int = PAGE
) -> dict[str, Any]:
    """Make a dump of the places as on `today` and return its index; `at` hears how many places are written.

    Reads pages by id, each on its own, so that no writer waits; memory holds a page and a slice. Raises
    UnavailableError while another one is being made, ConflictError when this second has one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        seq = head_seq()  # before the first page: what a page misses is in the feed since then
        about = {
            "seq": seq,
            "built_at": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "demo": registry.is_demo(),
            "datum": "wgs84",
            "licence": LICENCE,
        }
        stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{seq}"
        if (folder / stamp).exists():
            raise ConflictError(f"离线包 {stamp} 已经有了；什么都没有改", "dump_exists")
        shutil.rmtree(folder / BUILDING, ignore_errors=True)  # of one that was killed
        (folder / BUILDING).mkdir()
        writer = _Writer(folder / BUILDING, stamp, about)
        writer.write(_pages(today, page, at))
        index = {**about, "places": writer.places, "files": writer.files}
        (folder / BUILDING / "index.json").write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
        (folder / BUILDING).rename(folder / stamp)
        for old in _stamps(folder)[KEPT:]:
            shutil.rmtree(folder / old)
    return index


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    import fcntl  # late: absent on Windows, where nobody serves a registry

    with open(folder / ".lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnavailableError("正在生成另一份离线包，请稍后再试", "busy") from None
        yield


def _pages(today: date, size: int, at: Callable[[int], None]) -> Iterator[list[tuple[feed.Place, str]]]:
    """All places with their counties' codes, by id."""
    after = count = 0
    while places := feed.list_places(today, after=after, limit=size):
        path_of = divisions.paths({place.division_id for place in places})
        yield [(place, _county(path_of[place.division_id])) for place in places]
        after, count = places[-1].id, count + len(places)
        at(count)


def _county(path: tuple[divisions.Step, ...]) -> str:
    """The code of the county; of a place that stands higher, or where there are no counties, of the lowest
    division above the towns."""
    return next((step for step in reversed(path) if step.level not in ("town", "community")), path[0]).code


class _Writer:
    """Writes the files of one dump: first all places, then from these the slices, county by county."""

    def __init__(self, folder: Path, stamp: str, about: dict[str, Any]) -> None:
        self.folder, self.stamp, self.about = folder, stamp, about
        self.head = json.dumps(about, ensure_ascii=False)[1:-1]
        self.files: list[dict[str, Any]] = []
        self.places = 0

    def write(self, pages: Iterator[list[tuple[feed.Place, str]]]) -> None:
        plain = self.folder / "registry.db"
        with closing(sqlite3.connect(plain)) as copy:
            # nobody reads it yet, and a build that is cut short begins anew
            copy.executescript(f"PRAGMA journal_mode = off; PRAGMA synchronous = off; {SCHEMA}")
            copy.execute("INSERT INTO about VALUES (:seq, :built_at, :demo, :datum, :licence)", self.about)
            with self._packed("all.geojson.gz") as packed:
                self._all(copy, packed, pages)
            self._listed("all.geojson.gz", "geojson", self.places)
            copy.commit()
            copy.executescript(INDEXES)
            self._slices(copy)
        with open(plain, "rb") as file, self._packed("registry.db.gz") as packed:
            shutil.copyfileobj(file, packed, 1 << 20)
        plain.unlink()
        self._listed("registry.db.gz", "sqlite", self.places)

    def _all(
        self, copy: sqlite3.Connection, packed: gzip.GzipFile, pages: Iterator[list[tuple[feed.Place, str]]]
    ) -> None:
        packed.write(f'{{"type":"FeatureCollection",{self.head},"features":['.encode())
        for page in pages:
            rows, roles = [], set()
            for place, county in page:
                facts = json.loads(place.item)
                rows.append((place.id, facts["code"], place.name, county, place.lat, place.lng, place.item))
                roles |= {(role["type"], place.id) for role in facts["roles"]}
            copy.executemany("INSERT INTO facility VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            copy.executemany("INSERT INTO facility_role VALUES (?, ?)", sorted(roles))
            features = ",\n".join(_feature(place) for place, _ in page)
            packed.write(f"{',' if self.places else ''}\n{features}".encode())
            self.places += len(page)
        packed.write(b"\n]}\n")

    def _slices(self, copy: sqlite3.Connection) -> None:
        counties = [row[0] for row in copy.execute("SELECT DISTINCT county FROM facility ORDER BY county")]
        division_of = divisions.find_all(counties)
        for code in counties:
            named = {"division": code, "division_name": division_of[code].name}
            items: list[str] = []
            size = part = 0
            sql = "SELECT json FROM facility WHERE county = ? ORDER BY marker_id"
            for (item,) in copy.execute(sql, (code,)):
                added = len(item.encode()) + 2
                if size + added > MOST_SLICE_BYTES - SLICE_HEAD_BYTES:
                    part += 1
                    self._slice(f"{code}-{part}.json", items, named)
                    items, size = [], 0
                items.append(item)
                size += added
            self._slice(f"{code}-{part + 1}.json" if part else f"{code}.json", items, named)

    def _slice(self, name: str, items: list[str], named: dict[str, str]) -> None:
        head = f'{{{self.head},{json.dumps(named, ensure_ascii=False)[1:-1]},"items":['
        text = "".join((head, "\n", ",\n".join(items), "\n]}\n"))
        (self.folder / self._full(name)).write_bytes(text.encode())
        self._listed(name, "slice", len(items), **named)

    @contextmanager
    def _packed(self, name: str) -> Iterator[gzip.GzipFile]:
        # without a name and a time of its own the same places give the same bytes
        with (
            open(self.folder / self._full(name), "wb") as file,
            gzip.GzipFile("", "wb", PACKING, file, mtime=0) as packed,
        ):
            yield packed

    def _full(self, name: str) -> str:
        return f"{self.stamp}-{name}"

    def _listed(self, name: str, kind: str, places: int, **named: str) -> None:
        """Note a file that is whole, and see it on the disk before the folder gets its name."""
        path = self.folder / self._full(name)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        facts = {"name": path.name, "kind": kind, **named, "places": places, "size": size, "sha256": digest}
        self.files.append(facts)


def _feature(place: feed.Place) -> str:
    """The place as GeoJSON, whose order is lng, lat."""
    point = "null"
    if place.lat is not None and place.lng is not None:
        point = f'{{"type":"Point","coordinates":[{round(place.lng, 7)},{round(place.lat, 7)}]}}'
    return f'{{"type":"Feature","id":{place.id},"geometry":{point},"properties":{place.properties}}}'


# Reading one


def index(folder: Path, division: Division | None = None) -> dict[str, Any]:
    """The index of the newest dump; with a division only the slices that hold its places. NotFoundError
    when there is none to give."""
    _, found = next(_given(folder), (None, None))
    if found is None:
        detail = "没有可用的离线包；请管理员在服务器上运行 servicemap-admin dump build"
        raise NotFoundError(detail, "no_dump")
    if division is None:
        return found
    counties = divisions.find_all({file["division"] for file in found["files"] if "division" in file})
    now = divisions.current(division)
    wanted = {code for code, county in counties.items() if any(_overlap(county, each) for each in now)}
    return {**found, "files": [file for file in found["files"] if file.get("division") in wanted]}


def _overlap(one: Division, other: Division) -> bool:
    """Whether one of them is the other or lies in it."""
    return one.lft <= other.rgt and other.lft <= one.rgt


def find_file(folder: Path, name: str) -> tuple[Path, str]:
    """(Path, ETag) of a file of the newest dumps; NotFoundError. Only names that an index holds are opened."""
    for dump, held in _given(folder):
        for file in held["files"]:
            if file["name"] == name:
                return dump / name, f"{held['seq']}-{file['sha256'][:32]}"
    raise NotFoundError("没有这个文件；它可能属于更早的离线包，请重新取 /api/v1/dump", "dump_file_not_found")


def _given(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The dumps that may be given with their indexes, newest first: not those that a place may stand in
    which was hidden later."""
    for stamp in _stamps(folder):
        try:
            held = _index(folder / stamp)
        except FileNotFoundError:  # a newer dump has just pushed it out
            continue
        if not _hidden_since(held["seq"], head_hash()):
            yield folder / stamp, held


@lru_cache(maxsize=2 * KEPT)
def _hidden_since(seq: int, version: str) -> bool:
    return feed.hidden_since(seq)


def _stamps(folder: Path) -> list[str]:
    """The dumps, newest first."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted((name for name in names if STAMP.fullmatch(name)), reverse=True)


@lru_cache(maxsize=KEPT)
def _index(dump: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((dump / "index.json").read_text(encoding="utf-8"))
    return found
