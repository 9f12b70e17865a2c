"""One facility as it stands: its facts, roles, places, links, read many at a time; its public code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from servicemap import db
from servicemap.divisions import chunks
from servicemap.models import CLASSES

Fact = TypeVar("Fact")


UNDONE = "导入撤销"  # why a role is closed that an undone import had made


@dataclass(slots=True)
class Serves:
    division_id: int
    from_on: date | None
    to_on: date | None

    def is_valid(self, on: date) -> bool:
        return (self.from_on is None or self.from_on <= on) and (self.to_on is None or on < self.to_on)


@dataclass(slots=True)
class RoleClass:
    """班型 of a nursery; fees in yuan a month."""

    kind: str
    age_from_months: int | None = None
    age_to_months: int | None = None
    registered: int | None = None
    offered: int | None = None
    taken: int | None = None
    monthly_fee: int | None = None
    counted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a family is offered as one: for these ages, at this fee (yuan a month), with places free or not;
    None = not known."""

    age_from_months: int | None
    age_to_months: int | None
    monthly_fee: int | None
    places_free: bool | None


@dataclass(slots=True)
class Role:
    """挂牌. `registered`, `offered`, `taken` are the latest places and `places_on` their date."""

    id: int
    type_id: int
    level: str | None = None
    opened_on: date | None = None
    closed_on: date | None = None
    closed_reason: str | None = None
    age_from_months: int | None = None
    age_to_months: int | None = None
    fee: str | None = None
    fee_text: str | None = None
    inclusive: bool | None = None
    inclusive_body: str | None = None
    inclusive_no: str | None = None
    registration_body: str | None = None
    registration_no: str | None = None
    registration_expires_on: date | None = None
    forms: tuple[str, ...] = ()
    meals: str | None = None
    prepaid_months: int | None = None
    monthly_fee: int | None = None
    places_on: date | None = None
    registered: int | None = None
    offered: int | None = None
    taken: int | None = None
    serves: list[Serves] = field(default_factory=list)
    classes: list[RoleClass] = field(default_factory=list)

    def is_open(self, on: date) -> bool:
        return (self.opened_on is None or self.opened_on <= on) and not self.is_closed(on)

    def is_closed(self, on: date) -> bool:
        return self.closed_on is not None and self.closed_on <= on

    @property
    def offers(self) -> list[Offer]:
        """Its classes, each with what the role says where the class says nothing; without classes itself."""
        return [_offer(self, each) for each in self.classes] or [_offer(self, self)]


def _offer(role: Role, of: Role | RoleClass) -> Offer:
    return Offer(
        _known(of.age_from_months, role.age_from_months),
        _known(of.age_to_months, role.age_to_months),
        0 if role.fee == "free" else _known(of.monthly_fee, role.monthly_fee),
        _known(_has_places_free(of), _has_places_free(role)),
    )


def _known(of_it: Fact | None, of_role: Fact | None) -> Fact | None:
    return of_role if of_it is None else of_it


def _has_places_free(counted: Role | RoleClass) -> bool | None:
    """Whether more places are offered (or, where that is not known, registered) than taken."""
    there = _known(counted.offered, counted.registered)
    return None if there is None or counted.taken is None else there > counted.taken


@dataclass(slots=True)
class Record:
    """服务点, positions in WGS-84. `review`: how far it has come, see models.Review. `held`: {field as in facilities.flat, a role's behind its type alone: the day
    of its last correction by hand}."""

    id: int
    name: str
    division_id: int
    address: str | None = None
    lat: float | None = None
    lng: float | None = None
    position_precision: str = "none"
    position_datum: str | None = None
    phone: str | None = None
    hours: str | None = None
    accessible: bool | None = None
    visibility: str = "public"
    source: str = "import"
    external_id: str | None = None
    version: int = 1
    delivery: str = "on_site"
    note: str | None = None
    hours_id: int | None = None
    held: dict[str, str] = field(default_factory=dict)
    merged_into_id: int | None = None
    credit_code: str | None = None
    phone_public: bool = True
    position_source: str | None = None
    review: str = "county"
    verified_on: date | None = None
    roles: list[Role] = field(default_factory=list)
    suspensions: list[tuple[date, date | None, str]] = field(default_factory=list)
    titles: list[tuple[str, str, date, date | None]] = field(default_factory=list)

    @property
    def code(self) -> str:
        return public_code(self.id)

    @property
    def is_undone(self) -> bool:
        """Whether an import made it and was undone: the place was never there."""
        return bool(self.roles) and all(role.closed_reason == UNDONE for role in self.roles)

    def status(self, on: date) -> str:
        """open, suspended, closed or planned, as on that day."""
        if all(role.is_closed(on) for role in self.roles):
            return "closed"
        if not any(role.is_open(on) for role in self.roles):
            return "planned"
        return "suspended" if self.rests(on) else "open"

    def rests(self, on: date) -> bool:
        return any(start <= on and (end is None or on < end) for start, end, _ in self.suspensions)


FACILITY = (
    "f.id, f.name, f.division_id, f.address, f.lat, f.lng, f.position_precision, f.position_datum,"
    " f.phone, h.text, f.accessible, f.visibility, f.source, f.external_id, f.version, f.delivery,"
    " f.note, f.hours_id, f.held, f.merged_into_id, f.credit_code, f.phone_public,"
    " f.position_source, COALESCE(v.state, 'county')"
)
ROLE = (
    "id, type_id, level, opened_on, closed_on, closed_reason, age_from_months, age_to_months, fee, fee_text,"
    " inclusive, inclusive_body, inclusive_no, registration_body, registration_no, registration_expires_on,"
    " forms, meals, prepaid_months, monthly_fee"
)


def load(ids: Sequence[int]) -> dict[int, Record]:
    """The records with these ids; unknown ids are absent. Eight queries for every 500 ids."""
    found: dict[int, Record] = {}
    for chunk in chunks(ids, 500):
        found.update(_load(list(chunk)))
    return found


def _load(ids: list[int]) -> dict[int, Record]:
    among = f"IN ({', '.join('?' * len(ids))})"
    records = {}
    for row in db.query(
        f"SELECT {FACILITY} FROM facility f LEFT JOIN hours h ON h.id = f.hours_id"
        f" LEFT JOIN review v ON v.facility_id = f.id WHERE f.id {among} ORDER BY f.id",
        ids,
    ):
        record = Record(*row)
        record.accessible = None if row[10] is None else bool(row[10])
        record.held = json.loads(row[18]) if row[18] else {}
        record.phone_public = bool(record.phone_public)
        records[record.id] = record
    roles: dict[int, Role] = {}
    for facility_id, *columns in db.query(
        f"SELECT facility_id, {ROLE} FROM role WHERE facility_id {among} ORDER BY id", ids
    ):
        role = Role(*columns)
        role.opened_on, role.closed_on = db.day(role.opened_on), db.day(role.closed_on)
        role.registration_expires_on = db.day(role.registration_expires_on)
        role.inclusive = None if role.inclusive is None else bool(role.inclusive)
        role.forms = tuple(json.loads(role.forms)) if isinstance(role.forms, str) else ()
        roles[role.id] = role
        records[facility_id].roles.append(role)
    of_roles = f"role_id IN (SELECT id FROM role WHERE facility_id {among})"
    for role_id, on, *places in db.query(
        f"SELECT role_id, from_on, registered, offered, taken FROM role_places WHERE {of_roles} ORDER BY from_on",
        ids,
    ):
        roles[role_id].places_on = db.day(on)
        roles[role_id].registered, roles[role_id].offered, roles[role_id].taken = places
    for role_id, division_id, from_on, to_on in db.query(
        f"SELECT role_id, division_id, from_on, to_on FROM role_serves WHERE {of_roles} ORDER BY division_id",
        ids,
    ):
        roles[role_id].serves.append(Serves(division_id, db.day(from_on), db.day(to_on)))
    for role_id, *columns, on in db.query(
        "SELECT role_id, kind, age_from_months, age_to_months, registered, offered, taken, monthly_fee, counted_on"
        f" FROM role_class WHERE {of_roles}",
        ids,
    ):
        one = RoleClass(*columns)
        one.counted_on = db.day(on)
        roles[role_id].classes.append(one)
        roles[role_id].classes.sort(key=lambda each: CLASSES.index(each.kind))
    for facility_id, on in db.query(
        f"SELECT facility_id, MAX(verified_on) FROM verification WHERE facility_id {among} AND voided_on IS NULL"
        " GROUP BY facility_id",
        ids,
    ):
        records[facility_id].verified_on = db.day(on)
    for facility_id, from_on, to_on, reason in db.query(
        f"SELECT facility_id, from_on, to_on, reason FROM suspension WHERE facility_id {among} ORDER BY from_on",
        ids,
    ):
        records[facility_id].suspensions.append((db.day(from_on), db.day(to_on), reason))
    for facility_id, kind, issuer, awarded_on, ends_on in db.query(
        "SELECT facility_id, kind, issuer, awarded_on, COALESCE(withdrawn_on, expires_on) FROM title"
        f" WHERE facility_id {among} ORDER BY awarded_on, id",
        ids,
    ):
        records[facility_id].titles.append((kind, issuer, db.day(awarded_on), db.day(ends_on)))
    return records


# 编号: F + 7 digits + a check digit, so that it can be said on a phone and no spreadsheet takes it for
# a number or a date.


def public_code(facility_id: int) -> str:
    """F0012345-1 for the id 12345; the check digit is ISO 7064 MOD 11,10."""
    digits = f"{facility_id:07d}"
    return f"F{digits}-{check_digit(digits)}"


def parse_code(text: str) -> int | None:
    """The id behind a public code (hyphen optional); None when it is not one or its check digit is wrong."""
    plain = text.replace("-", "").upper()
    if len(plain) != 9 or plain[0] != "F" or not (plain.isascii() and plain[1:].isdigit()):
        return None
    return int(plain[1:8]) if check_digit(plain[1:8]) == int(plain[8]) else None


def check_digit(digits: str) -> int:
    """The last digit that ISO 7064 MOD 11,10 gives to these: it tells every wrong digit and most swaps."""
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10


def allocate(kind: str, count: int) -> int:
    """The first of `count` new numbers of this kind, inside a write transaction; none is ever used again."""
    if not count:  # who takes none waits for nobody who does
        return 0
    # one statement: two first takers at once must not both find the counter missing
    rows = db.query(
        "INSERT INTO counter (name, last) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET last = counter.last + excluded.last RETURNING last",
        (kind, count),
    )
    return rows[0][0] - count + 1
