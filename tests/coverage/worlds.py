"""Random small registries: everything that the rule of coverage speaks of happens in them, often on the same day."""

from contextlib import suppress
from datetime import date, timedelta
from random import Random

from servicemap import db, division_changes, divisions, facilities, zero_reports
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.coverage.indicators import set_indicator
from servicemap.division_list import DivisionRow, import_divisions
from servicemap.division_plan import Order
from servicemap.errors import RegistryError
from servicemap.facilities import Stated
from servicemap.records import Record
from tests.factories import TODAY, a_type

TYPES = ("parent_school", "nursery", "childrens_home")
RESIDENTS, VILLAGES = {"community_kind": "residents_committee"}, {"community_kind": "villagers_committee"}
COMMUNITY = {"level": "community"}
DEFINITIONS = {
    "urban": ("share", {"types": ["parent_school"]}, COMMUNITY | RESIDENTS),
    "rural": ("share", {"types": ["parent_school", "childrens_home"]}, COMMUNITY | VILLAGES),
    "all": ("share", {"types": ["nursery"]}, COMMUNITY),
    "town": ("share", {"types": ["nursery"]}, {"level": "town"}),
    "own": ("share", {"types": ["childrens_home"], "own_level": True}, {"level": "county"}),
    "count": ("count", {"types": ["nursery"]}, {}),
    "places": ("per_thousand", {"types": ["nursery"], "places": "registered"}, {"population": "resident"}),
    "titled": ("titled", {"title": "好镇", "level": "town"}, {}),
    "hosts": ("place_share", {"types": ["nursery"], "hosts": ["parent_school"]}, {}),
    "fee": ("place_share", {"types": ["nursery"], "fee": ["free", "discounted"]}, {}),
    "accessible": ("place_share", {"types": ["childrens_home"], "accessible": True}, {"assessed": True}),
}
FIRST = TODAY - timedelta(days=900)


def a_world(seed: int) -> list[date]:
    """Fill the empty registry; the days to ask of, those of its events among them."""
    random = Random(seed)
    days = [TODAY, FIRST]

    def day(share: float = 1.0) -> date | None:
        if random.random() > share:
            return None
        days.append(FIRST + timedelta(days=random.randrange(900)))
        return days[-1]

    _tree(random)
    a_type("parent_school")
    a_type("nursery", level="town")
    a_type("childrens_home", level="county")
    _indicators()
    for number in range(random.randrange(12, 28)):
        _place(random, number, day)
    for _ in range(8):
        _say_none(random, day)
    _count_residents(random, day)
    _award(random, day)
    for _ in range(random.randrange(3)):
        _merge(random, day)
    return sorted({*days, *(each - timedelta(days=1) for each in days)} & _known())


def _known() -> set[date]:
    return {FIRST + timedelta(days=number) for number in range((TODAY - FIRST).days + 1)}


def _tree(random: Random) -> None:
    rows = [DivisionRow("441800000000", "市", "city", "")]
    for county in range(1, 3):
        county_code = f"44180{county}000000"
        rows.append(DivisionRow(county_code, f"县{county}", "county", "441800000000"))
        for town in range(1, random.randrange(2, 4) + 1):
            town_code = f"44180{county}{town:03d}000"
            rows.append(DivisionRow(town_code, f"镇{county}{town}", "town", county_code))
            for place in range(random.randrange(1, 5)):
                last = random.choice((place + 1, 200 + place, 498 + place // 3))
                code = f"44180{county}{town:03d}{last:03d}"
                if code not in {row.code for row in rows}:
                    name = "虚拟社区" if last >= 498 else f"村{county}{town}{last}"
                    rows.append(DivisionRow(code, name, "community", town_code))
    import_divisions(SEED, rows)


def _indicators() -> None:
    for number, (id_, (kind, numerator, denominator)) in enumerate(DEFINITIONS.items()):
        one = {
            "id": "a",
            "name": "默认",
            "default": True,
            "numerator": dict(numerator),
            "denominator": dict(denominator),
        }
        if not denominator:
            del one["denominator"]
        entry = {
            "id": id_, "name": id_, "name_en": id_, "clause": "条", "quote": "文", "kind": kind,
            "department": "某部门", "targets": [], "definitions": [one],
        }  # fmt: skip
        with write_txn(SEED) as log:
            set_indicator(log, number, entry)


def _place(random: Random, number: int, day) -> None:
    anywhere = [row[0] for row in db.query("SELECT id FROM division WHERE level <> 'city' ORDER BY id")]
    hidden = random.random() < 0.2
    record = Record(0, f"第 {number} 处", random.choice(anywhere))
    stated = {
        "visibility": "contact_only" if hidden else "public",
        "accessible": random.choice((None, True, False)),
    }
    roles = []
    for key in random.sample(TYPES, random.choice((1, 1, 2))):
        opened = day(0.6)
        closed = day(0.3)
        if opened and closed and closed < opened:
            opened, closed = closed, opened
        facts: dict = {
            "opened_on": opened,
            "closed_on": closed,
            "fee": random.choice((None, "free", "paid", "discounted")),
        }
        if random.random() < 0.2:
            facts["level"] = random.choice(("community", "town", "county"))
        if random.random() < 0.35:
            facts["serves"] = sorted(random.sample(anywhere, random.randrange(1, 4)))
        roles.append((a_type(key).id, facts))
    after = facilities.merged(record, Stated(stated, roles, None), TODAY)
    with write_txn(SEED) as log:
        facilities.write(log, [after], [], TODAY)
    _date_links(random, after.id, day)
    for (role,) in sorted(db.query("SELECT id FROM role WHERE facility_id = ?", (after.id,))):
        for counted_on in {day() for _ in range(random.randrange(3))}:
            places = (role, counted_on.isoformat(), random.choice((None, random.randrange(90))))
            db.execute("INSERT INTO role_places (role_id, from_on, registered) VALUES (?, ?, ?)", places)
    if random.random() < 0.3:
        begins = day()
        ends = begins + timedelta(days=random.randrange(1, 200)) if random.random() < 0.7 else None
        db.execute(
            "INSERT INTO suspension (facility_id, from_on, to_on, reason) VALUES (?, ?, ?, '修')",
            (after.id, begins.isoformat(), ends and ends.isoformat()),
        )
    if random.random() < 0.5:
        state = random.choice(("reported", "town", "county"))
        db.execute("DELETE FROM review WHERE facility_id = ?", (after.id,))
        db.execute("INSERT INTO review (facility_id, state) VALUES (?, ?)", (after.id, state))
    for looked in {day() for _ in range(random.randrange(3))}:
        voided = looked + timedelta(days=random.randrange(1, 90)) if random.random() < 0.3 else None
        db.execute(
            "INSERT INTO verification (facility_id, verified_on, verified_by, voided_on) VALUES (?, ?, '岗', ?)"
            " ON CONFLICT DO NOTHING",
            (after.id, looked.isoformat(), voided and voided.isoformat()),
        )


def _count_residents(random: Random, day) -> None:
    ids = [
        row[0] for row in db.query("SELECT id FROM division WHERE level IN ('city', 'county') ORDER BY id")
    ]
    for counted_on in {day() for _ in range(random.randrange(4))}:
        for id_ in random.sample(ids, random.randrange(1, len(ids) + 1)):
            db.execute(
                "INSERT INTO population (division_id, kind, counted_on, persons, source) VALUES (?, 'resident', ?, ?, '公报')",
                (id_, counted_on.isoformat(), random.randrange(100, 9000)),
            )


def _award(random: Random, day) -> None:
    ids = [row[0] for row in db.query("SELECT id FROM division WHERE level <> 'city' ORDER BY id")]
    for number in range(random.randrange(6)):
        awarded = day()
        ends = [
            awarded + timedelta(days=random.randrange(1, 300)) if random.random() < 0.5 else None
            for _ in range(2)
        ]
        db.execute(
            "INSERT INTO title (id, division_id, kind, issuer, awarded_on, expires_on, withdrawn_on)"
            " VALUES (?, ?, ?, '市', ?, ?, ?)",
            (
                number + 1, random.choice(ids), random.choice(("好镇", "别的")), awarded.isoformat(),
                *(each and each.isoformat() for each in ends),
            ),
        )  # fmt: skip


def _date_links(random: Random, facility: int, day) -> None:
    """Some links of the place hold only for a time."""
    sql = "SELECT s.role_id, s.division_id FROM role_serves s JOIN role r ON r.id = s.role_id WHERE r.facility_id = ?"
    for link in sorted(db.query(sql, (facility,))):
        begins, ends = day(0.3), day(0.3)
        if begins and ends and ends <= begins:
            begins, ends = ends, begins + timedelta(days=1)
        dates = (begins and begins.isoformat(), ends and ends.isoformat())
        db.execute(
            "UPDATE role_serves SET from_on = ?, to_on = ? WHERE role_id = ? AND division_id = ?",
            (*dates, *link),
        )


def _say_none(random: Random, day) -> None:
    ids = [
        row[0] for row in db.query("SELECT padded_code FROM division WHERE level = 'community' ORDER BY id")
    ]
    kinds = [a_type(key) for key in random.sample(TYPES, random.randrange(1, 3))]
    with suppress(RegistryError):  # there is one
        zero_reports.report_none(SEED, divisions.get(random.choice(ids)), kinds, day(), TODAY)


def _merge(random: Random, day) -> None:
    """Two villages of a town become one of both, or one of them, or a new one."""
    rows = db.query(
        "SELECT a.padded_code, b.padded_code FROM division a JOIN division b ON b.parent_id = a.parent_id"
        " AND b.id > a.id WHERE a.level = 'community' AND a.valid_to IS NULL AND b.valid_to IS NULL ORDER BY a.id, b.id"
    )
    if not rows:
        return
    one, other = random.choice(rows)
    into = random.choice((one, f"{one[:9]}9{random.randrange(10, 99)}"))
    with suppress(RegistryError):  # it was there already, or a link forbids it
        merged = division_changes.merge([one, other], into, f"并村{into[-3:]}")
        division_changes.apply(SEED, Order(day(), merged, reason="合并"), TODAY)
