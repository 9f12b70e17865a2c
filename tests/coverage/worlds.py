"""Random small registries: everything that the rule of coverage speaks of happens in them, often on the same day."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from random import Random

from servicemap import db, division_changes, divisions, zero_reports
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.denominators import set_denominator_list
from servicemap.coverage.indicators import set_indicator
from servicemap.division_list import DivisionRow, import_divisions
from servicemap.division_plan import Order
from servicemap.errors import RegistryError
from servicemap.records import public_code
from tests.coverage.world_places import DAYS, STEP, TYPES, Day, a_random_place, award, count_residents
from tests.factories import TODAY, a_type

COMMUNITY, TOWN = {"level": "community"}, {"level": "town"}
RESIDENTS = COMMUNITY | {"community_kind": "residents_committee"}
VILLAGES = COMMUNITY | {"community_kind": "villagers_committee"}
SCHOOL, NURSERY, HOME = ({"types": [key]} for key in TYPES)
# indicator → kind, and numerator and denominator of each definition
INDICATORS: dict[str, tuple[str, list[tuple[dict, dict]]]] = {
    "urban": (
        "share",
        [
            (SCHOOL, RESIDENTS),
            (SCHOOL, COMMUNITY | {"urban_rural": "1"}),
            (SCHOOL, RESIDENTS | {"list": "some"}),
        ],
    ),
    "rural": (
        "share",
        [
            ({"types": ["parent_school", "childrens_home"]}, VILLAGES),
            (SCHOOL | {"verified_within_months": 12}, VILLAGES),
        ],
    ),
    "all": ("share", [(NURSERY, COMMUNITY), (NURSERY, COMMUNITY | {"town_kind": "town"})]),
    "town": ("share", [(NURSERY, TOWN), (SCHOOL | {"title": "好镇"}, TOWN | {"town_kind": "street"})]),
    "own": ("share", [(HOME | {"own_level": True}, {"level": "county"})]),
    "count": ("count", [(NURSERY, {}), (NURSERY | {"title": "好镇"}, {})]),
    "places": ("per_thousand", [(NURSERY | {"places": "registered"}, {"population": "resident"})]),
    "titled": ("titled", [({"title": "好镇", "level": "town"}, {})]),
    "hosts": ("place_share", [(NURSERY | {"hosts": ["parent_school"]}, {})]),
    "fee": ("place_share", [({"types": list(TYPES), "fee": ["free", "discounted"]}, {})]),
    "accessible": ("place_share", [(HOME | {"accessible": True}, {"assessed": True})]),
}
DEFINITIONS = {
    (id_, f"d{number}"): (kind, *rule)
    for id_, (kind, rules) in INDICATORS.items()
    for number, rule in enumerate(rules)
}
TARGETS = {"share": "70", "place_share": "40", "per_thousand": "3.5", "count": "4", "titled": "1"}
ASKED = [day - timedelta(days=before) for day in DAYS for before in (0, 1)]  # days of events, and before them


def a_world(seed: int) -> None:
    """Fill the empty registry."""
    random = Random(seed)
    day = Day(random)
    _tree(random)
    for key, level in zip(TYPES, ("community", "town", "county"), strict=True):
        a_type(key, level=level)
    _indicators(random)
    for number in range(random.randrange(12, 28)):
        a_random_place(random, number, day)
    count_residents(random, day)
    award(random, day)
    for _ in range(15):
        _say_none(random, day)
    for _ in range(random.randrange(4, 12)):
        random.choice((_merge, _merge, _split, _renew))(random, day)
        _say_none(random, day)


def _tree(random: Random) -> None:
    rows = [DivisionRow("441800000000", "市", "city", "")]
    for county in range(1, 3):
        county_code = f"44180{county}000000"
        rows.append(DivisionRow(county_code, f"县{county}", "county", "441800000000"))
        for number in range(1, random.randrange(2, 4) + 1):
            town = random.choice((number, 100 + number, 200 + number, 450 + number))  # 街道、镇、乡、类似乡级
            town_code = f"44180{county}{town:03d}000"
            rows.append(DivisionRow(town_code, f"镇{county}{number}", "town", county_code))
            for place in range(random.randrange(1, 5)):
                last = random.choice((place + 1, 200 + place, 498 + place // 3))
                code = f"44180{county}{town:03d}{last:03d}"
                if code not in {row.code for row in rows}:
                    name = "虚拟社区" if last >= 498 else f"村{county}{number}{last}"
                    known = random.choice(("", "111", "121", "220"))
                    rows.append(DivisionRow(code, name, "community", town_code, urban_rural=known))
    import_divisions(SEED, rows)


def _indicators(random: Random) -> None:
    ids = [row[0] for row in db.query("SELECT id FROM division WHERE level = 'community' ORDER BY id")]
    with write_txn(SEED) as log:
        some = random.sample(ids, random.randrange(1, len(ids) + 1))
        set_denominator_list(log, "some", "2020-01-01", "名录", None, some)
        for number, (id_, (kind, rules)) in enumerate(INDICATORS.items()):
            definitions = [
                {
                    "id": f"d{nth}",
                    "name": f"d{nth}",
                    "default": nth == 0,
                    "numerator": dict(numerator),
                    **({"denominator": dict(denominator)} if denominator else {}),
                }
                for nth, (numerator, denominator) in enumerate(rules)
            ]
            target = {"at_least": TARGETS[kind], "due_year": 2030, "level": "city", "source": "规划"}
            entry = {
                "id": id_, "name": id_, "name_en": id_, "clause": "条", "quote": "文", "kind": kind, "key": True,
                "department": "某部门", "targets": [target], "definitions": definitions,
            }  # fmt: skip
            set_indicator(log, number, entry)


def _say_none(random: Random, day: Day) -> None:
    codes = [
        row[0]
        for row in db.query(
            "SELECT padded_code FROM division WHERE level IN ('community', 'town') AND valid_to IS NULL ORDER BY id"
        )
    ]
    _says_none(random.choice(codes), random.sample(TYPES, random.randrange(1, 3)), day())


def _says_none(code: str, types: Sequence[str], on: date) -> None:
    for key in types:
        with suppress(RegistryError):  # there is one, or the division began later
            zero_reports.report_none(SEED, divisions.get(code), [a_type(key)], on, TODAY)


def _merge(random: Random, day: Day) -> None:
    """Two villages of a town, of which one or both have often said none of much, become a new one or one of them."""
    rows = db.query(
        "SELECT a.padded_code, b.padded_code FROM division a JOIN division b ON b.parent_id = a.parent_id"
        " AND b.id <> a.id WHERE a.level = 'community' AND a.valid_to IS NULL AND b.valid_to IS NULL ORDER BY a.id, b.id"
    )
    if not rows:
        return
    one, other = random.choice(rows)
    on = day()
    for code in (one, other):
        if random.random() < 0.6:
            _says_none(code, TYPES, on - STEP * random.randrange(1, 4))
    into = random.choice((one, f"{one[:9]}9{random.randrange(10, 99)}"))
    with suppress(RegistryError):  # it was there already, or a link forbids it
        merged = division_changes.merge([one, other], into, f"并村{into[-3:]}")
        division_changes.apply(SEED, Order(on, merged, reason="合并"), TODAY)


def _split(random: Random, day: Day) -> None:
    """A village becomes two, under its own code or another, and its places go to either."""
    division = _a_village(random)
    other = f"{division.padded_code[:9]}2{random.randrange(50, 99)}"
    one = random.choice((division.padded_code, f"{other[:9]}2{random.randrange(20, 49)}"))
    standing = db.query("SELECT id FROM facility WHERE division_id = ? ORDER BY id", (division.id,))
    places = {public_code(id_): random.choice((one, other)) for (id_,) in standing}
    with suppress(RegistryError):
        parts = division_changes.split(division.padded_code, [(one, "分村一"), (other, "分村二")])
        division_changes.apply(SEED, Order(day(), parts, places=places), TODAY)


def _renew(random: Random, day: Day) -> None:
    """A village gets another class in the next edition of the list."""
    division = _a_village(random)
    row = DivisionRow(
        division.padded_code, division.name, "community", division.parent.padded_code, urban_rural="122"
    )
    with suppress(RegistryError):
        division_changes.apply(SEED, Order(day(), [row]), TODAY)


def _a_village(random: Random) -> divisions.Division:
    rows = db.query(
        "SELECT padded_code FROM division WHERE level = 'community' AND valid_to IS NULL ORDER BY id"
    )
    return divisions.get(random.choice(rows)[0])
