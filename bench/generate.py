"""Generated registries of any size, built through the product's own functions for fragments and rows."""

import signal
import sys
import time
from datetime import date
from multiprocessing import get_context
from operator import attrgetter, itemgetter
from pathlib import Path
from random import Random
from typing import Any

from bench.ground import SEED, Ground, Home, around
from seed.reference import load_reference
from servicemap import cards, db, divisions, geo, registry
from servicemap.facility_types import Kinds
from servicemap.records import Record, Role

TODAY = date(2026, 11, 23)
TYPES = 20
SHARES = [0.1 + 19.9 * (1 - i / (TYPES - 1)) ** 3.3 for i in range(TYPES)]  # percent of roles: 20 … 0.1
ROLES, ROLES_OF_100 = (1, 2, 3), (76, 20, 4)  # 1.28 a place
APPROXIMATE, UNPLACED = 0.10, 0.03
CHUNK = 25_000
HOURS = ("Mo-Fr 09:00-17:00", "Mo-Su 08:30-21:00", "Tu-Su 09:00-12:00,14:30-17:30", "Sa,Su 10:00-16:00", None)


def build(path: Path, count: int) -> float:
    """Make the registry of `count` facilities at the path; returns the seconds it took."""
    began = time.perf_counter()
    db.open_database(f"sqlite:///{path}")
    registry.create(demo=True)
    load_reference()
    # what a build may do without: power cuts, doubts about its own ids
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -400000", "journal_mode = OFF"):
        db.execute(f"PRAGMA {pragma}")
    random, ground = Random(SEED + count), Ground()
    # in Morton order, so that places that are near each other are neighbours in the file
    sites = sorted((_site(random, ground) for _ in range(count)), key=itemgetter(0))
    chunks = ((start, sites[start : start + CHUNK]) for start in range(0, count, CHUNK))
    path_of = divisions.paths({home.division_id for home in ground.homes})
    # one process makes the rows, this one stores them
    with get_context("spawn").Pool(1, _prepare, (Kinds(), path_of)) as maker, db.transaction():
        texts = [(id_, text) for id_, text in enumerate(HOURS, 1) if text]
        db.execute_many("INSERT INTO hours VALUES (?, ?)", texts)
        for done, rows in maker.imap(_rows, chunks):
            _insert(*rows)
            print(f"\r{path.name}: {done:,}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    db.database.close()
    return time.perf_counter() - began


Site = tuple[int, Home, str, tuple[float, float]]


def _site(random: Random, ground: Ground) -> Site:
    """(Morton code, home, precision, position); what is only known to its community stands in its middle."""
    home = ground.home(random)
    dice = random.random()
    precision = "none" if dice < UNPLACED else "community" if dice < UNPLACED + APPROXIMATE else "door"
    at = around(random, home.lng, home.lat, home.spread_m) if precision == "door" else (home.lng, home.lat)
    return geo.morton(*at), home, precision, at


def _plaques(random: Random) -> list[Role]:
    """The roles of a place; places share them, so no role has an id of its own."""
    type_ids: set[int] = set()
    wanted = random.choices(ROLES, ROLES_OF_100)[0]
    while len(type_ids) < wanted:
        type_ids |= set(random.choices(range(1, TYPES + 1), SHARES))
    return [Role(0, type_id, opened_on=date(2021, 9, 1), fee="free") for type_id in sorted(type_ids)]


def _record(random: Random, id_: int, site: Site, roles: list[Role]) -> Record:
    _, home, precision, at = site
    lng, lat = (None, None) if precision == "none" else at
    dice = int(random.random() * 1_000_000)
    hours = HOURS[dice % len(HOURS)]
    return Record(
        id=id_,
        name=f"{home.name}服务点 {id_}",
        division_id=home.division_id,
        address=f"{home.name}{dice % 300 + 1} 号",
        lng=lng,
        lat=lat,
        position_precision=precision,
        phone=f"0763-3{dice:06}",
        hours=hours,
        hours_id=HOURS.index(hours) + 1 if hours else None,
        accessible=(True, False, None)[dice % 3],
        verified_on=date(2026, dice % 10 + 1, 1),
        roles=roles,
    )


FACILITY = "id, name, division_id, address, lat, lng, position_precision, phone, hours_id, accessible, source"
_known: dict[str, Any] = {}  # of the process that makes the rows


def _prepare(kinds: Kinds, path_of: cards.Paths) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the first process
    random = Random(SEED)
    _known.update(kinds=kinds, path_of=path_of, plaques=[_plaques(random) for _ in range(10_000)])


def _rows(chunk: tuple[int, list[Site]]) -> tuple[int, tuple[list[tuple], ...]]:
    """How many are done with this chunk, and its rows as _insert takes them, through the product's functions."""
    start, sites = chunk
    random, path_of = Random(SEED + start), _known["path_of"]
    places, roles, faces, searched, listed = [], [], [], [], []
    facility = attrgetter(*FACILITY.split(", "))
    for id_, site in enumerate(sites, start + 1):
        record = _record(random, id_, site, random.choice(_known["plaques"]))
        places.append(facility(record))
        roles += [(id_, role.type_id, role.opened_on.isoformat(), role.fee) for role in record.roles]
        of_search, of_list = cards.rows_of(record, path_of, TODAY)
        body = cards.fragment(cards.public_facts(record, _known["kinds"], path_of, TODAY))
        faces.append((id_, body, of_search[0][1] if of_search else None, None))
        searched += of_search
        listed += of_list
    return start + len(sites), (places, roles, faces, sorted(searched), sorted(listed))


def _insert(places: list[tuple], roles: list[tuple], *of_cards: list[tuple]) -> None:
    columns = f"{FACILITY}, visibility, version"
    db.execute_many(f"INSERT INTO facility ({columns}) VALUES ({'?, ' * 11}'public', 1)", places)
    db.execute_many("INSERT INTO role (facility_id, type_id, opened_on, fee) VALUES (?, ?, ?, ?)", roles)
    cards.insert_cards(*of_cards)
