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

from bench import names
from bench.ground import SEED, Ground, Home, around
from seed.reference import load_reference
from servicemap import cards, db, divisions, geo, keys, registry
from servicemap.facility_types import Kinds
from servicemap.records import Record, Role, allocate

TODAY, OPENED_ON = date(2026, 11, 23), date(2021, 9, 1)
TYPES = 20
SHARES = [0.1 + 19.9 * (1 - i / (TYPES - 1)) ** 3.3 for i in range(TYPES)]  # percent of roles: 20 … 0.1
ROLES, ROLES_OF_100 = (1, 2, 3), (76, 20, 4)  # 1.28 a place
APPROXIMATE, UNPLACED = 0.10, 0.03
CHUNK = 10_000
NURSERY = 2  # the type that costs money


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
    known = {"kinds": Kinds(), "path_of": divisions.paths({home.division_id for home in ground.homes})}
    with db.transaction():
        texts = [(text,) for text in names.HOURS]
        db.execute_many("INSERT INTO hours (text) VALUES (?) ON CONFLICT (text) DO NOTHING", texts)
        known["hours_ids"] = {text: id_ for id_, text in db.query("SELECT id, text FROM hours")}
        first = allocate("facility", count)  # the seed has places of its own
    chunks = ((first + start, sites[start : start + CHUNK]) for start in range(0, count, CHUNK))
    # two processes make the rows, this one stores them
    with get_context("spawn").Pool(2, _prepare, (known,)) as maker, db.transaction():
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
    return [_role(random, type_id) for type_id in sorted(type_ids)]


def _role(random: Random, type_id: int) -> Role:
    role = Role(0, type_id, opened_on=OPENED_ON, fee=random.choice(("free", "free", "discounted")))
    if type_id == NURSERY:
        role.fee, role.monthly_fee = "paid", random.randrange(600, 4_000, 20)
        role.age_from_months, role.age_to_months = random.choice(((0, 36), (6, 36), (12, 36), (18, 36)))
        role.inclusive = random.choice((True, False, None))
        role.registration_no = f"粤托备 {random.randint(1, 999_999):06}" if random.random() < 0.7 else None
    return role


def _record(random: Random, id_: int, site: Site, roles: list[Role]) -> Record:
    _, home, precision, at = site
    lng, lat = (None, None) if precision == "none" else at
    dice = int(random.random() * 1_000_000)
    hours = names.hours(random)
    kind = _known["kinds"].by_id[roles[0].type_id]
    return Record(
        id=id_,
        name=names.name(random, home.name, [kind.name, *kind.aliases]),
        division_id=home.division_id,
        address=f"{home.name}{dice % 300 + 1} 号",
        lng=lng,
        lat=lat,
        position_precision=precision,
        phone=f"0763-3{dice:06}",
        hours=hours,
        hours_id=_known["hours_ids"].get(hours),
        accessible=(True, False, None)[dice % 3],
        verified_on=date(2026, dice % 10 + 1, 1),
        roles=roles,
    )


FACILITY = "id, name, division_id, address, lat, lng, position_precision, phone, hours_id, accessible, source"
ROLE = "type_id, fee, monthly_fee, age_from_months, age_to_months, inclusive, registration_no"
_known: dict[str, Any] = {}  # of a process that makes rows


def _prepare(known: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the first process
    random = Random(SEED)
    _known.update(known, plaques=[_plaques(random) for _ in range(10_000)])


def _rows(chunk: tuple[int, list[Site]]) -> tuple[int, tuple[list[tuple], ...]]:
    """How many are done with this chunk, and its rows as _insert takes them, through the product's functions."""
    start, sites = chunk
    random, path_of = Random(SEED + start), _known["path_of"]
    places, roles, faces, searched, listed, keyed = [], [], [], [], [], []
    facility, plaque = attrgetter(*FACILITY.split(", ")), attrgetter(*ROLE.split(", "))
    for id_, site in enumerate(sites, start):
        record = _record(random, id_, site, random.choice(_known["plaques"]))
        places.append(facility(record))
        roles += [(id_, OPENED_ON.isoformat(), *plaque(role)) for role in record.roles]
        of_search, of_list = cards.rows_of(record, path_of, TODAY)
        body = cards.fragment(cards.public_facts(record, _known["kinds"], path_of, TODAY))
        faces.append((id_, body, of_search[0][1] if of_search else None, None))
        searched += of_search
        listed += of_list
        keyed.append(keys.row(record.id, cards.key_of(record)))
    return start + len(sites), (places, roles, faces, sorted(searched), sorted(listed), keyed)


def _insert(places: list[tuple], roles: list[tuple], *of_cards: list[tuple]) -> None:
    columns = f"{FACILITY}, visibility, version"
    db.execute_many(f"INSERT INTO facility ({columns}) VALUES ({'?, ' * 11}'public', 1)", places)
    db.execute_many(f"INSERT INTO role (facility_id, opened_on, {ROLE}) VALUES ({', '.join('?' * 9)})", roles)
    cards.insert_cards(*of_cards)
