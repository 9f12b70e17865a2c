"""The places of a random registry, with what is known of them and of residents and titles."""

from datetime import date, timedelta
from random import Random

from servicemap import db, facilities, storing
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.facilities import Stated
from servicemap.records import Record
from tests.factories import TODAY, a_type

TYPES = ("parent_school", "nursery", "childrens_home")
STEP = timedelta(days=45)
DAYS = [TODAY - STEP * number for number in range(20)]


class Day:
    """Random days of the same few, so that much happens on one day."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def __call__(self) -> date:
        return self.random.choice(DAYS)

    def maybe(self, share: float) -> date | None:
        return self() if self.random.random() < share else None

    def after(self, begins: date, share: float, steps: int) -> date | None:
        ends = begins + STEP * self.random.randrange(1, steps + 1)
        return ends if self.random.random() < share else None


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
        opened = day.maybe(0.6)
        closed = day.maybe(0.3)
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
        storing.write(log, [after], [], TODAY)
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
        begins, ends = day.maybe(0.3), day.maybe(0.3)
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
        ends = day.after(begins, 0.7, 4)
        db.execute(
            "INSERT INTO suspension (facility_id, from_on, to_on, reason) VALUES (?, ?, ?, '修')",
            (facility, begins.isoformat(), ends and ends.isoformat()),
        )
    if random.random() < 0.5:
        state = random.choice(("reported", "town", "county"))
        db.execute("DELETE FROM review WHERE facility_id = ?", (facility,))
        db.execute("INSERT INTO review (facility_id, state) VALUES (?, ?)", (facility, state))
    for looked in {day() for _ in range(random.randrange(3))}:
        voided = day.after(looked, 0.3, 3)
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
    """Titles of towns and of places."""
    ids = [row[0] for row in db.query("SELECT id FROM division WHERE level = 'town' ORDER BY id")]
    places = [row[0] for row in db.query("SELECT id FROM facility ORDER BY id")]
    for _ in range(random.randrange(4, 14)):
        awarded = day()
        holder = random.choice(("division", "facility"))
        ends = [day.after(awarded, 0.5, 5) for _ in range(2)]
        db.execute(
            f"INSERT INTO title ({holder}_id, kind, issuer, awarded_on, expires_on, withdrawn_on)"
            " VALUES (?, ?, '市', ?, ?, ?)",
            (
                *(
                    random.choice(ids if holder == "division" else places),
                    random.choice(("好镇", "好镇", "别的")),
                ),
                *(each and each.isoformat() for each in (awarded, *ends)),
            ),
        )
