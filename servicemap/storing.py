"""Records written with all that hangs on them, their audit and their public face."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from servicemap import cards, db, steps
from servicemap.audit import Log, diff
from servicemap.divisions import chunks
from servicemap.errors import ConflictError
from servicemap.facilities import (
    CLASS_COLUMNS,
    FACILITY_COLUMNS,
    PLACES,
    ROLE_COLUMNS,
    flat,
    is_material,
    plain,
    stored,
    voids_verification,
)
from servicemap.facility_types import Kinds
from servicemap.records import Record, Role, allocate


def write(
    log: Log,
    created: Sequence[Record],
    updated: Iterable[tuple[Record, Record]],
    today: date,
    *,
    action: str | None = None,
    reason: str | None = None,
    voids: bool = True,
) -> None:
    """Write new records (their ids are given here) and (before, after) pairs with all that hangs on
    them: hours, roles, places, links, rests, verifications, audit, public face. Inside a write transaction.

    A material change voids the verification, unless it comes with one, or with `voids` False. `action` and `reason` go into the
    audit; without them it says create or update.
    What is new or changes materially begins at 填报, see steps.begin.
    """
    kinds = Kinds()
    pairs: list[tuple[Record | None, Record]] = [(None, record) for record in created]
    pairs += updated
    material = [after for before, after in pairs if before is None or (voids and is_material(before, after))]
    for before, after in pairs:
        if voids and before and voids_verification(before, after):
            after.verified_on = None
    _store_hours([after for _, after in pairs])
    for id_, record in enumerate(created, allocate("facility", len(created))):
        record.id = id_
    _store("facility", FACILITY_COLUMNS, [(before, after, ()) for before, after in pairs])
    db.execute_many(
        "UPDATE facility SET version = version + 1 WHERE id = ?",
        [(after.id,) for before, after in pairs if before],
    )
    db.execute_many(  # what was verified later than it says now
        "UPDATE verification SET voided_on = ? WHERE facility_id = ? AND voided_on IS NULL AND verified_on > ?",
        [
            (today.isoformat(), after.id, plain(after.verified_on) or "1900-01-01")
            for before, after in pairs
            if before and before.verified_on and before.verified_on != after.verified_on
        ],
    )
    roles = []
    for before, after in pairs:
        old = {role.id: role for role in before.roles} if before else {}
        roles += [(old.get(role.id), role, (after.id,)) for role in after.roles]
    new = [role for was, role, _ in roles if was is None]
    for id_, role in enumerate(new, allocate("role", len(new))):
        role.id = id_
    roles.sort(key=lambda row: row[1].closed_on is None)  # of a type only one may be open at any moment
    _store("role", ROLE_COLUMNS, roles)
    _store_places(roles)
    _store_serves(roles)
    _store_classes(roles)
    _store_suspensions([(before, after) for before, after in pairs])
    db.execute_many(
        "INSERT INTO verification (facility_id, verified_on, verified_by) VALUES (?, ?, ?)"
        " ON CONFLICT (facility_id, verified_on) DO UPDATE SET verified_by = excluded.verified_by, voided_on = NULL",
        [
            (after.id, plain(after.verified_on), log.actor.name)
            for before, after in pairs
            if after.verified_on and after.verified_on != (before and before.verified_on)
        ],
    )
    if voids:
        steps.settle([after.id for before, after in pairs if before], today)
    steps.begin(log.actor, material, today)
    for before, after in pairs:
        said = flat(after, kinds)
        changed = diff(flat(before, kinds), said) if before else {name: [None, said[name]] for name in said}
        changed |= {"reason": [None, reason]} if reason else {}
        log.record_change("facility", after.code, action or ("update" if before else "create"), changed)
    written = [after.id for _, after in pairs]  # the check is kept to the end, the records need not be
    log.check_last(lambda: _refuse_ended(written, today))
    cards.write_cards(created, today, new=True)
    cards.write_cards([after for before, after in pairs if before], today)


def _refuse_ended(ids: Sequence[int], today: date) -> None:
    """Nothing that is not closed may stand in a division that has ended, even one that ended meanwhile."""
    day = today.isoformat()
    for chunk in chunks(ids, 500):
        found = db.query(
            "SELECT d.padded_code, d.name, d.valid_to FROM facility f JOIN division d ON d.id = f.division_id"
            f" WHERE f.id IN ({', '.join('?' * len(chunk))}) AND d.valid_to <= ? AND EXISTS (SELECT 1 FROM role r"
            " WHERE r.facility_id = f.id AND (r.closed_on IS NULL OR r.closed_on > ?)) LIMIT 1",
            (*chunk, day, day),
        )
        for code, name, ended_on in found:
            detail = f"{code} {name} 已于 {ended_on} 停用；请填现在的区划代码"
            raise ConflictError(detail, "retired_division")


def _store(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, Any, tuple[int, ...]]]) -> None:
    """Update what differs, insert where there was nothing before: in this order, for what closes or gives an
    external id away makes room. A role's row carries its facility."""
    keys = ("id", "facility_id") if table == "role" else ("id",)
    names = (*keys, *columns)
    db.execute_many(
        f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
        [
            (*stored(new, columns), new.id)
            for old, new, _ in rows
            if old is not None and stored(old, columns) != stored(new, columns)
        ],
    )
    db.execute_many(
        f"INSERT INTO {table} ({', '.join(names)}{', version' if table == 'facility' else ''})"
        f" VALUES ({', '.join('?' * len(names))}{', 1' if table == 'facility' else ''})",
        [(new.id, *owner, *stored(new, columns)) for old, new, owner in rows if old is None],
    )


def _store_suspensions(pairs: Sequence[tuple[Record | None, Record]]) -> None:
    changed = [
        after for before, after in pairs if after.suspensions != (before.suspensions if before else [])
    ]
    db.execute_many("DELETE FROM suspension WHERE facility_id = ?", [(after.id,) for after in changed])
    db.execute_many(
        "INSERT INTO suspension (facility_id, from_on, to_on, reason) VALUES (?, ?, ?, ?)",
        [
            (after.id, plain(start), plain(end), why)
            for after in changed
            for start, end, why in after.suspensions
        ],
    )


def _store_hours(records: Sequence[Record]) -> None:
    """Give each record the id of its hours' text, storing texts that are new."""
    texts = sorted({record.hours for record in records if record.hours})
    db.execute_many(
        "INSERT INTO hours (text) VALUES (?) ON CONFLICT (text) DO NOTHING", [(text,) for text in texts]
    )
    ids: dict[str, int] = {}
    for text in texts:
        ids[text] = db.query("SELECT id FROM hours WHERE text = ?", (text,))[0][0]
    for record in records:
        record.hours_id = ids[record.hours] if record.hours else None


def _store_places(roles: Sequence[tuple[Role | None, Role, tuple[int, ...]]]) -> None:
    columns = ("places_on", *PLACES)
    changed = [
        (role.id, *stored(role, columns))
        for old, role, _ in roles
        if role.places_on and (old is None or stored(old, columns) != stored(role, columns))
    ]
    db.execute_many(
        "INSERT INTO role_places (role_id, from_on, registered, offered, taken) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (role_id, from_on) DO UPDATE SET registered = excluded.registered,"
        " offered = excluded.offered, taken = excluded.taken",
        changed,
    )


def copy_places(from_id: int, to_id: int) -> None:
    """Give a role the earlier places of another, for reports of earlier days. In a write transaction."""
    db.execute(
        "INSERT INTO role_places (role_id, from_on, registered, offered, taken) SELECT ?, from_on, registered, offered,"
        " taken FROM role_places WHERE role_id = ? ON CONFLICT (role_id, from_on) DO NOTHING",
        (to_id, from_id),
    )


def copy_titles(from_id: int, to_id: int) -> None:
    """Give a place the titles of another that it lacks: those of a closed one count no more. In a write
    transaction."""
    db.execute(
        "INSERT INTO title (facility_id, kind, issuer, awarded_on, expires_on, withdrawn_on)"
        " SELECT ?, kind, issuer, awarded_on, expires_on, withdrawn_on FROM title t WHERE t.facility_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM title o WHERE o.facility_id = ? AND o.kind = t.kind AND o.awarded_on = t.awarded_on)",
        (to_id, from_id, to_id),
    )


def _store_serves(roles: Sequence[tuple[Role | None, Role, tuple[int, ...]]]) -> None:
    changed = [(old, role) for old, role, _ in roles if role.serves != (old.serves if old else [])]
    db.execute_many("DELETE FROM role_serves WHERE role_id = ?", [(role.id,) for old, role in changed if old])
    db.execute_many(
        "INSERT INTO role_serves (role_id, division_id, from_on, to_on) VALUES (?, ?, ?, ?)",
        [
            (role.id, link.division_id, plain(link.from_on), plain(link.to_on))
            for _, role in changed
            for link in role.serves
        ],
    )


def _store_classes(roles: Sequence[tuple[Role | None, Role, tuple[int, ...]]]) -> None:
    changed = [(old, role) for old, role, _ in roles if role.classes != (old.classes if old else [])]
    db.execute_many("DELETE FROM role_class WHERE role_id = ?", [(role.id,) for old, role in changed if old])
    db.execute_many(
        f"INSERT INTO role_class (role_id, {', '.join(CLASS_COLUMNS)})"
        f" VALUES (?{', ?' * len(CLASS_COLUMNS)})",
        [(role.id, *stored(each, CLASS_COLUMNS)) for _, role in changed for each in role.classes],
    )
