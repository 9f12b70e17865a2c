"""The demo registry: about 2,000 invented places, the same ones every time, in a database marked demo.

Names begin 示例·, no place has a phone number, each stands inside its own county. Some sites carry many
roles or serve several communities, some communities are uncovered, some places are stale, closed, not
yet open, without a position, or nothing to go to: online or at home. Nurseries say what a mother asks.
"""

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from seed import hotlines
from seed.demo_nurseries import offer
from servicemap import cards, db, geo, registry
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.config import Settings
from servicemap.errors import ConflictError
from servicemap.facility_types import Kinds
from servicemap.imports import batches
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from servicemap.models import Division, Registry, Shape

AS_OF = date(2026, 6, 30)
DOWNTOWN, CITY_CENTRE = "4418020", (113.056, 23.700)  # the streets of 清城区 stand close together
SEEDED_WITH = 4418
OF_ROLES = ("evidence", "activity", "role_serves", "role_places", "role_class")
TABLES = (
    *OF_ROLES,
    "review",
    "confirmation_answer",
    "suspension",
    "verification",
    "title",
    "former_division",
    "role",
    "facility",
)

Row = dict[str, str]
NURSERIES = ("nursery", "community_nursery", "employer_nursery", "kindergarten_nursery", "family_nursery")
COUNTY_SITES = {  # how many of each type a county has
    "friendly_park": 3,
    "park": 8,
    "library": 2,
    "museum": 1,
    "culture_hall": 3,
    "sports_venue": 3,
    "youth_palace": 1,
    "hospital": 2,
    "maternal_child_hospital": 1,
    "kindergarten": 12,
    "school": 10,
    "science_base": 2,
    "friendly_base": 2,
    "special_school": 1,
}


def load_demo(settings: Settings, today: date) -> dict[str, int]:
    """Load the demo through the import and return its counts; again changes nothing.
    ConflictError unless the database is marked demo."""
    if not registry.is_demo():
        raise ConflictError(
            "这个库不是示例库，示例不能和真实数据混在一起；请先建一个示例库：\n"
            "SERVICEMAP_DATABASE_URL=sqlite:///demo.db servicemap-admin db create --demo",
            "not_a_demo_database",
        )
    batch = batches.open_batch(SEED, file_name="demo", headings={}, as_of=AS_OF, today=today)
    batches.add_rows(SEED, batch.id, list(enumerate(places(), 1)))
    make_plan(SEED, batch.id, settings, today)
    return apply(SEED, batch.id, settings, today)


def remove_demo() -> int:
    """Take every demo place out and the demo mark off; how many there were. Codes are not used again, and
    the hotlines, which are real, stay."""
    if not registry.is_demo():
        raise ConflictError("这个库不是示例库，没有示例可删", "not_a_demo_database")
    with write_txn(SEED) as log:
        gone = "SELECT id FROM facility WHERE source <> ?"
        ids = [row[0] for row in db.query(gone, (hotlines.SOURCE,))]
        cards.delete_cards(ids, Kinds())
        of_roles = f"role_id IN (SELECT id FROM role WHERE facility_id IN ({gone}))"
        of_places = {"facility": f"id IN ({gone})"}
        for table in TABLES:
            others = of_roles if table in OF_ROLES else f"facility_id IN ({gone})"
            db.execute(f"DELETE FROM {table} WHERE {of_places.get(table, others)}", (hotlines.SOURCE,))
        Registry.update(demo=False).execute()
        log.record_change("registry", "demo", "remove", {"facilities": [len(ids), 0], "demo": [True, False]})
    return len(ids)


def places() -> Iterator[Row]:
    """The rows, in the form of an import file."""
    rng = random.Random(SEEDED_WITH)
    names = {kind.key: kind.name for kind in Kinds().all}
    number = 0
    for county, shape in _counties():
        box = geo.box_of(shape)
        for row in _county_rows(rng, county, names):
            number += 1
            row |= {"source": "demo", "external_id": f"demo-{number:04d}"}
            _place(rng, row, shape, box)
            _date(rng, row)
            yield row
    for row in _remote(names):
        number += 1
        yield row | {"source": "demo", "external_id": f"demo-{number:04d}"}


def _remote(names: dict[str, str]) -> Iterator[Row]:
    """What comes to the family: online for the city, at home in some counties; it has no position."""
    city = Division.get(Division.level == "city")
    yield _row(city, f"{city.name}网上家长学校", [names["parent_school"]]) | {
        "delivery": "网上",
        "address": "",
    }
    for county, _ in list(_counties())[:4]:
        row = _row(county, f"{county.name}入户指导", [names["family_guidance_station"]])
        yield row | {"delivery": "上门", "address": ""}


def _counties() -> Iterator[tuple[Division, dict[str, Any]]]:
    for shape in Shape.select(Shape, Division).join(Division).order_by(Division.code):
        if shape.division.level == "county":
            yield shape.division, json.loads(shape.geometry)


def _county_rows(rng: random.Random, county: Division, names: dict[str, str]) -> Iterator[Row]:
    towns = list(Division.select().where(Division.parent == county).order_by(Division.code))
    for town in towns:
        if not town.pseudo and rng.random() < 0.6:
            yield _row(town, f"{town.name}未成年人保护工作站", [names["protection_station"]])
        communities = Division.select().where((Division.parent == town) & ~Division.virtual)
        yield from _community_rows(rng, list(communities.order_by(Division.code)), names)
    real = [town for town in towns if not town.pseudo]
    for number in range(round(len(real) * 3.8)):
        yield _nursery(rng, county, rng.choice(real), number + 1, names)
    for key, count in COUNTY_SITES.items():
        for number in range(count):
            town = rng.choice(real)
            yield _row(town, f"{town.name}{names[key]}{number + 1}", [names[key]])
    if rng.random() < 0.75:
        yield _row(county, f"{county.name}未成年人救助保护中心", [names["protection_centre"]])


def _community_rows(rng: random.Random, communities: list[Division], names: dict[str, str]) -> Iterator[Row]:
    skipped: list[Division] = []
    for community in communities:
        urban = community.community_kind == "residents_committee"
        if rng.random() > (0.90 if urban else 0.76):
            skipped.append(community)
            continue
        kinds = [names["parent_school" if rng.random() < 0.8 else "family_guidance_station"]]
        if rng.random() < 0.35:
            kinds.append(names["childrens_home"])
        if rng.random() < (0.55 if urban else 0.2):
            kinds.append(names["science_venue"])
        row = _row(community, f"{community.name}{kinds[0]}", kinds)
        if skipped and rng.random() < 0.15:  # one site for its own and a neighbouring community
            row["serves"] = f"{community.padded_code}、{skipped.pop().padded_code}"
        yield row
        if len(kinds) == 1 and rng.random() < 0.25:
            yield _row(community, f"{community.name}儿童之家", [names["childrens_home"]])


def _row(division: Division, name: str, kinds: list[str]) -> Row:
    return {
        "name": f"示例·{name}",
        "type": "、".join(kinds),
        "division": division.padded_code,
        "address": f"{division.name}示例路",
        "hours": "周一至周五 8:30-12:00，14:30-17:30；节假日休息",
        "fee": "免费",
    }


def _nursery(rng: random.Random, county: Division, town: Division, number: int, names: dict[str, str]) -> Row:
    kind = names[rng.choices(NURSERIES, (6, 2, 1, 3, 1))[0]]
    registered = rng.choice((15, 30, 45, 60, 75, 90, 120))
    taken = rng.randint(registered // 3, registered)
    fee, youngest = rng.randrange(1200, 2600, 100), rng.choice((6, 12, 18))
    row = _row(town, f"{town.name}{kind}{number}", [kind]) | {
        "hours": "周一至周五 7:30-18:00",
        "fee": "收费",
        "fee_text": f"每月 {fee} 元",
        "monthly_fee": str(fee),
        "age_from_months": str(youngest),
        "age_to_months": "36",
        "places_registered": str(registered),
        "places_offered": str(rng.randint(taken, registered)),
        "places_taken": str(taken),
    }
    return row | offer(county.name, f"{county.code}-{number:03d}", fee, youngest, registered, taken)


def _place(
    rng: random.Random, row: Row, shape: dict[str, Any], box: tuple[float, float, float, float]
) -> None:
    """Somewhere in the county near its town's invented centre; some only roughly, some nowhere."""
    fate = rng.random()
    if fate < 0.06:
        return
    near = random.Random(row["division"][:9])  # one centre a town, whatever the order of the rows
    in_town = row["division"].startswith(DOWNTOWN)
    centre = _inside(near, shape, box)
    if in_town:
        centre = near.gauss(CITY_CENTRE[0], 0.01), near.gauss(CITY_CENTRE[1], 0.01)
    spread = 0.008 if in_town else 0.02
    for _ in range(50):
        lng, lat = rng.gauss(centre[0], spread), rng.gauss(centre[1], spread)
        if geo.contains(shape, lng, lat):
            break
    else:
        lng, lat = centre
    row |= {"lng": f"{lng:.6f}", "lat": f"{lat:.6f}", "datum": "wgs84"}
    row["position_precision"] = "村居" if fate < 0.14 else "乡镇" if fate < 0.17 else "门牌"


def _inside(
    rng: random.Random, shape: dict[str, Any], box: tuple[float, float, float, float]
) -> tuple[float, float]:
    west, south, east, north = box
    while True:
        point = rng.uniform(west, east), rng.uniform(south, north)
        if geo.contains(shape, *point):
            return point


def _date(rng: random.Random, row: Row) -> None:
    """When it opened, whether it has closed or is still to open, when somebody last confirmed it."""
    opened = date(2019, 1, 1) + timedelta(days=rng.randrange(2500))
    fate = rng.random()
    if fate < 0.01:
        row["opened_on"] = "2027-09-01"
        return
    row["opened_on"] = opened.isoformat()
    if fate < 0.04:
        row["closed_on"] = (opened + timedelta(days=rng.randrange(30, 180))).isoformat()
        row["closed_reason"] = "场地到期"
    elif fate < 0.9:
        row["verified_on"] = (AS_OF - timedelta(days=rng.choice((20, 60, 150, 300, 600, 900)))).isoformat()
