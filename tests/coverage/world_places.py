"""The places of a random registry, with what is known of them and of residents and titles."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from servicemap import db, facilities
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.facilities import Stated
from servicemap.records import Record
from tests.factories import TODAY, a_type

TYPES = ("parent_school", "nursery", "childrens_home")
Day = Callable[..., Any]  # a random day; with a share: or, less often than that, none


def a_random_place(random: Random, number: int, day: Day) -> None:
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
    _suspend_and_look(random, after.id, day)


def _date_links(random: Random, facility: int, day: Day) -> None:
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


def _suspend_and_look(random: Random, facility: int, day: Day) -> None:
    if random.random() < 0.3:
        begins = day()
        ends = begins + timedelta(days=random.randrange(1, 200)) if random.random() < 0.7 else None
        db.execute(
            "INSERT INTO suspension (facility_id, from_on, to_on, reason) VALUES (?, ?, ?, '修')",
            (facility, begins.isoformat(), ends and ends.isoformat()),
        )
    if random.random() < 0.5:
        state = random.choice(("reported", "town", "county"))
        db.execute("DELETE FROM review WHERE facility_id = ?", (facility,))
        db.execute("INSERT INTO review (facility_id, state) VALUES (?, ?)", (facility, state))
    for looked in {day() for _ in range(random.randrange(3))}:
        voided = looked + timedelta(days=random.randrange(1, 90)) if random.random() < 0.3 else None
        db.execute(
            "INSERT INTO verification (facility_id, verified_on, verified_by, voided_on) VALUES (?, ?, '岗', ?)"
            " ON CONFLICT DO NOTHING",
            (facility, looked.isoformat(), voided and voided.isoformat()),
        )


def count_residents(random: Random, day: Day) -> None:
    ids = [
        row[0] for row in db.query("SELECT id FROM division WHERE level IN ('city', 'county') ORDER BY id")
    ]
    for counted_on in {day() for _ in range(random.randrange(4))}:
        for id_ in random.sample(ids, random.randrange(1, len(ids) + 1)):
            db.execute(
                "INSERT INTO population (division_id, kind, counted_on, persons, source) VALUES (?, 'resident', ?, ?, '公报')",
                (id_, counted_on.isoformat(), random.randrange(100, 9000)),
            )


def award(random: Random, day: Day) -> None:
    """Titles of divisions and of places."""
    ids = [row[0] for row in db.query("SELECT id FROM division WHERE level <> 'city' ORDER BY id")]
    places = [row[0] for row in db.query("SELECT id FROM facility ORDER BY id")]
    for number in range(random.randrange(4, 14)):
        awarded = day()
        holder = random.choice(("division", "facility"))
        ends = [
            awarded + timedelta(days=random.randrange(1, 300)) if random.random() < 0.5 else None
            for _ in range(2)
        ]
        db.execute(
            f"INSERT INTO title (id, {holder}_id, kind, issuer, awarded_on, expires_on, withdrawn_on)"
            " VALUES (?, ?, ?, '市', ?, ?, ?)",
            (
                number + 1, random.choice(ids if holder == "division" else places), random.choice(("好镇", "别的")), awarded.isoformat(),
                *(each and each.isoformat() for each in ends),
            ),
        )  # fmt: skip
