"""The public face of a facility: its JSON fragment and its rows in the finder's indexes.

The fragment holds facts and dates, never the position, a distance or a state of the moment: those are
put in front of it by the finder. It is written in the transaction of whatever changes the record.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from servicemap import db, geo, keys, text
from servicemap.divisions import Step, chunks, paths
from servicemap.facility_types import Kinds
from servicemap.nursery import CLASS_NAMES
from servicemap.records import Record, Role, RoleClass, load

# search_row.flags: what filters ask for; what is not known sets no flag
FREE, DISCOUNTED, ACCESSIBLE, NOT_ACCESSIBLE = 1, 2, 4, 8
INCLUSIVE, REGISTERED, PLACES_FREE, SUSPENDED, AGE_UNKNOWN = 16, 32, 64, 128, 256
ROUGH = ("community", "town")  # precisions that lead to no door
ANY = 0  # the type that stands for all
TABLES = ("card", "search_row", "list_row", "search_key")
ROLLED_AT_ONCE = 500  # memory holds so many records, and other writers wait for no more

Row = tuple[Any, ...]
Paths = dict[int, tuple[Step, ...]]


def public_facts(record: Record, kinds: Kinds, path_of: Paths, today: date) -> dict[str, Any]:
    """What everybody may know, as on `today`; the schema Facility of the API describes it.

    Of a contact_only place: name, types, phone, hours and the county, nothing that says where.
    """
    hidden = record.visibility == "contact_only"
    path = public_path(record, path_of)
    note = {"note": record.note} if record.note and not hidden else {}
    return {
        "code": record.code,
        "name": record.name,
        "roles": [
            _role(_public_role(role) if hidden else role, kinds, path_of, today)
            for role in record.roles
            if not role.is_closed(today)
        ],
        "division": {**_step(path[-1]), "path": [_step(step) for step in path]},
        "address": None if hidden else record.address,
        "delivery": record.delivery,
        **note,
        "position_precision": "none" if hidden else record.position_precision,
        "phone": record.phone if record.phone_public else None,
        "hours": record.hours,
        "accessible": None if hidden else record.accessible,
        "visibility": record.visibility,
        "verified_on": record.verified_on,
        **({} if record.review == "county" else {"review": record.review}),
        "suspensions": [
            {"from_on": start, "to_on": end, "reason": None if hidden else reason}
            for start, end, reason in record.suspensions
            if end is None or end > today
        ],
        "titles": [
            {"kind": kind, "issuer": issuer, "awarded_on": awarded_on, "ends_on": ends_on}
            for kind, issuer, awarded_on, ends_on in record.titles
            if (ends_on is None or ends_on > today) and not hidden
        ],
    }


def public_path(record: Record, path_of: Paths) -> tuple[Step, ...]:
    """The division path that may be shown: of a contact_only place down to its county only."""
    path = path_of[record.division_id]
    if record.visibility != "contact_only":
        return path
    return tuple(step for step in path if step.level in ("province", "city", "county")) or path[:1]


def _step(step: Step) -> dict[str, str]:
    return {"code": step.code, "name": step.name, "level": step.level}


def _public_role(role: Role) -> Role:
    """What may be said of a role of a hidden place: nothing that would tell which one it is."""
    said = ("level", "opened_on", "closed_on", "age_from_months", "age_to_months", "fee", "fee_text")
    return Role(role.id, role.type_id, **{name: getattr(role, name) for name in said})


def _role(role: Role, kinds: Kinds, path_of: Paths, today: date) -> dict[str, Any]:
    kind = kinds.by_id[role.type_id]
    return {
        "type": kind.key,
        "type_name": kind.name,
        "level": role.level or kind.level,
        "opened_on": role.opened_on,
        "closed_on": role.closed_on,
        "age_from_months": role.age_from_months,
        "age_to_months": role.age_to_months,
        "fee": role.fee,
        "fee_text": role.fee_text,
        **_offer(role),
        "serves": [_step(path_of[link.division_id][-1]) for link in role.serves if link.is_valid(today)],
    }


def _offer(role: Role) -> dict[str, Any]:
    """What a nursery says of itself: only what is known, as most places are none and phones have little
    signal."""
    body, number = role.registration_body, role.registration_no
    offer = {
        "inclusive": role.inclusive,
        "inclusive_body": role.inclusive_body,
        "inclusive_no": role.inclusive_no,
        "registration": {"body": body, "no": number} if body or number else None,
        "forms": list(role.forms),
        "meals": role.meals,
        "prepaid_months": role.prepaid_months,
        "monthly_fee": role.monthly_fee,
        "classes": [
            {
                "kind": each.kind,
                "name": CLASS_NAMES[each.kind],
                "age_from_months": each.age_from_months,
                "age_to_months": each.age_to_months,
                "places": _places(each, each.counted_on),
                "monthly_fee": each.monthly_fee,
            }
            for each in role.classes
        ],
    }
    known = {name: value for name, value in offer.items() if value not in (None, [])}
    return {"places": _places(role, role.places_on), **known}


def _places(counted: Role | RoleClass, on: date | None) -> dict[str, Any] | None:
    counts = {"registered": counted.registered, "offered": counted.offered, "taken": counted.taken}
    return {**counts, "on": on} if on else None


def is_approximate(precision: str, delivery: str, *, placed: bool) -> bool:
    """Whether one goes to a place of which only the community or town is told, or not even that."""
    return precision in ROUGH if placed else delivery == "on_site"


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def fragment(facts: dict[str, Any]) -> str:
    """The facts as JSON without the opening brace, so that a head can be put in front."""
    return _encode(facts)[1:]


def fresh_until(record: Record, today: date) -> date | None:
    """The next day on which the fragment or the index rows would differ."""
    days = [day for role in record.roles for day in (role.opened_on, role.closed_on)]
    days += [day for role in record.roles for link in role.serves for day in (link.from_on, link.to_on)]
    days += [day for start, end, _ in record.suspensions for day in (start, end)]
    days += [ends_on for *_, ends_on in record.titles]
    return min((day for day in days if day and day > today), default=None)


def rows_of(record: Record, path_of: Paths, today: date) -> tuple[list[Row], list[Row]]:
    """(search rows, list rows) of a record as on `today`: none for a place that is planned or closed,
    and no search row for one that is unplaced or contact_only."""
    open_roles = [role for role in record.roles if role.is_open(today)]
    if not open_roles:
        return [], []
    lng, lat = record.lng, record.lat
    hidden = record.visibility == "contact_only"
    placed = lat is not None and not hidden
    division_id = public_path(record, path_of)[-1].id
    by_type: dict[int, list[Role]] = {ANY: open_roles}
    for role in open_roles:  # one that ends and the next one of its type may overlap
        by_type.setdefault(role.type_id, []).append(role)
    asked = [
        (type_id, number, row)
        for type_id, roles in by_type.items()
        for number, row in enumerate(_asked(record, roles, today, hidden=hidden))
    ]
    listed = [(type_id, record.id, number, division_id, placed, *row) for type_id, number, row in asked]
    if not placed or lng is None or lat is None:
        return [], listed
    approximate = record.position_precision in ROUGH
    cell = geo.morton(lng, lat)
    searched = [
        (2 * type_id + approximate, cell, record.id, number, lng, lat, *row, division_id)
        for type_id, number, row in asked
    ]
    return searched, listed


def _asked(record: Record, roles: Sequence[Role], today: date, *, hidden: bool) -> list[Row]:
    """What filters ask of a place, once for each distinct offer of the roles: hours_id, flags, ages, fee, the
    day of verification. Of a hidden place only what its public facts say."""
    flags = SUSPENDED * record.rests(today)
    if not hidden:
        flags |= {None: 0, True: ACCESSIBLE, False: NOT_ACCESSIBLE}[record.accessible]
    verified_day = record.verified_on and record.verified_on.toordinal()
    rows = [
        (record.hours_id, flags | of_offer, *rest, verified_day)
        for role in (map(_public_role, roles) if hidden else roles)
        for of_offer, *rest in _asked_of(role)
    ]
    return list(dict.fromkeys(rows))


def _asked_of(role: Role) -> Iterable[Row]:
    """(flags, ages, fee) of each offer of a role."""
    flags = {"free": FREE, "discounted": DISCOUNTED}.get(role.fee or "", 0)
    flags |= INCLUSIVE * bool(role.inclusive)
    flags |= REGISTERED * bool(role.registration_no or role.registration_body)
    for offer in role.offers:
        ages = offer.age_from_months, offer.age_to_months
        of_offer = PLACES_FREE * bool(offer.places_free) | AGE_UNKNOWN * (ages == (None, None))
        yield flags | of_offer, *ages, offer.monthly_fee


def write_cards(records: Iterable[Record], today: date, *, new: bool = False) -> None:
    """Write fragment and index rows of the records, inside a write transaction. `new` saves the
    removal of old ones. Four queries, whatever the number, for every 500 records."""
    kinds = Kinds()
    for chunk in chunks(list(records), 500):
        ids = {record.division_id for record in chunk}
        ids |= {link.division_id for record in chunk for role in record.roles for link in role.serves}
        path_of = paths(ids)
        cards, searched, listed, keyed = [], [], [], []
        for record in chunk:
            facts = public_facts(record, kinds, path_of, today)
            of_search, of_list = rows_of(record, path_of, today)
            cell = of_search[0][1] if of_search else None
            stale_on = fresh_until(record, today)
            cards.append((record.id, fragment(facts), cell, stale_on and stale_on.isoformat()))
            searched += of_search
            listed += of_list
            keyed.append(keys.row(record.id, key_of(record)))
        if not new:
            delete_cards([record.id for record in chunk], kinds)
        insert_cards(cards, searched, listed, keyed)


def key_of(record: Record) -> text.Key:
    """What the place is found by: its name and its address, of a contact_only one the name alone."""
    return text.key_of(record.name, also=record.address if record.visibility == "public" else None)


def insert_cards(cards: list[Row], searched: list[Row], listed: list[Row], keyed: list[Row]) -> None:
    """Insert prepared rows of the three tables and of search_key (keys.row), inside a write transaction."""
    for table, rows in zip(TABLES[:3], (cards, searched, listed), strict=True):
        if rows:
            db.execute_many(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    keys.insert("search_key", keyed)
    _grow_extents(searched)


def _grow_extents(searched: list[Row]) -> None:
    """See to it that the boxes of the divisions hold these search rows."""
    points: dict[int, list[tuple[float, float]]] = {}
    for walk, _, _, _, lng, lat, *_, division_id in searched:
        if walk // 2 == ANY:
            points.setdefault(division_id, []).append((lng, lat))
    if not points:
        return
    marks = ", ".join("?" * len(points))
    known = set(db.query(f"SELECT * FROM division_extent WHERE division_id IN ({marks})", list(points)))
    for division_id, west, south, east, north in known:
        points[division_id] += [(west, south), (east, north)]
    boxes = [
        (division_id, min(lngs), min(lats), max(lngs), max(lats))
        for division_id, (lngs, lats) in sorted(
            (id_, tuple(zip(*of, strict=True))) for id_, of in points.items()
        )
    ]
    least, most = (
        ("min", "max") if db.is_sqlite() else ("LEAST", "GREATEST")
    )  # others may have grown them too
    grown = [
        f"{side} = {how}(division_extent.{side}, excluded.{side})"
        for side, how in (("west", least), ("south", least), ("east", most), ("north", most))
    ]
    db.execute_many(
        "INSERT INTO division_extent VALUES (?, ?, ?, ?, ?)"
        f" ON CONFLICT (division_id) DO UPDATE SET {', '.join(grown)}",
        [box for box in boxes if box not in known],
    )


def delete_cards(ids: Sequence[int], kinds: Kinds) -> None:
    """Take the facilities out of the finder, inside a write transaction."""
    cards = db.query(
        f"SELECT morton, facility_id FROM card WHERE facility_id IN ({', '.join('?' * len(ids))})", ids
    )
    # both tables lead with the type: naming every type makes each removal a few seeks, not a scan
    types = [ANY, *kinds.by_id]
    walks = ", ".join(str(2 * type_id + approximate) for type_id in types for approximate in (0, 1))
    db.execute_many(
        f"DELETE FROM search_row WHERE walk IN ({walks}) AND morton = ? AND facility_id = ?",
        [row for row in cards if row[0] is not None],
    )
    gone = [(facility_id,) for _, facility_id in cards]
    db.execute_many(
        f"DELETE FROM list_row WHERE type_id IN ({', '.join(map(str, types))}) AND facility_id = ?", gone
    )
    db.execute_many("DELETE FROM card WHERE facility_id = ?", gone)
    keys.delete("search_key", [facility_id for (facility_id,) in gone])


def distrust() -> None:
    """Make every card due for roll_over, and take away index rows that belong to none; inside a write
    transaction."""
    db.execute("UPDATE card SET fresh_until = '1900-01-01'")
    own = "SELECT 1 FROM card c WHERE c.facility_id = s.facility_id"
    db.execute(f"DELETE FROM search_row AS s WHERE NOT EXISTS ({own} AND c.morton = s.morton)")
    db.execute(f"DELETE FROM list_row AS s WHERE NOT EXISTS ({own})")


def roll_over(today: date) -> int:
    """Rewrite the first ROLLED_AT_ONCE cards that `today` has made stale and return how many; inside a
    write transaction."""
    due = "SELECT facility_id FROM card WHERE fresh_until <= ?"
    stale = [row[0] for row in db.query(f"{due} LIMIT {ROLLED_AT_ONCE}", (today.isoformat(),))]
    if not db.is_sqlite():  # its writers don't wait for each other: let those end who write these places now
        marks = ", ".join("?" * len(stale)) or "NULL"
        db.query(f"SELECT id FROM facility WHERE id IN ({marks}) ORDER BY id FOR UPDATE", stale)
        stale = [
            row[0] for row in db.query(f"{due} AND facility_id IN ({marks})", (today.isoformat(), *stale))
        ]
    write_cards(load(stale).values(), today)
    return len(stale)
