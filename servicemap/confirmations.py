"""确认链接: by which a village's post confirms in a minute, on a phone, that its places are still right.

A link is a public id in the address and a secret behind its #, which browsers send to nobody; the page sends it
in a body. It shows the places of one division as everybody may know them and takes one answer a place and day:
all right, or what is wrong in one line. It can do nothing else.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from servicemap import db, facilities, storing
from servicemap.access import REVIEW, Actor, ids_in_scope, require
from servicemap.audit import now_text, write_txn
from servicemap.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError
from servicemap.facility_types import Kinds
from servicemap.models import Confirmation, Division
from servicemap.records import Record, load, parse_code
from servicemap.replays import once

USUAL_DAYS, LONGEST_DAYS = 30, 92
MOST_PLACES = 100


@dataclass(frozen=True, slots=True)
class Issued:
    """A link that was issued now; `path` holds the secret and is shown to nobody again."""

    link: Any
    path: str


def issue(
    actor: Actor, division: Division, label: str | None, expires_on: date | None, today: date
) -> Issued:
    """A new link for the post of a division; it ends the division's former one."""
    require(actor, REVIEW, division.id)
    if division.level != "community":
        raise InvalidError(f"{division.name}不是村（居）；链接发给村（居）", "not_a_community")
    expires_on = expires_on or today + timedelta(days=USUAL_DAYS)
    if not today < expires_on <= today + timedelta(days=LONGEST_DAYS):
        raise InvalidError(f"有效期应在今天之后、{LONGEST_DAYS} 天之内", "bad_expiry")
    public_id, secret = secrets.token_urlsafe(9), secrets.token_urlsafe(24)
    with write_txn(actor) as log:
        ended = Confirmation.update(revoked_at=now_text()).where(
            (Confirmation.division == division) & Confirmation.revoked_at.is_null()
        )
        ended.execute()
        link = Confirmation.create(
            public_id=public_id,
            division=division,
            label=label or f"{division.padded_code} {division.name}",
            hash=_hash(secret),
            issued_at=now_text(),
            issued_by=actor.name,
            expires_on=expires_on,
        )
        facts = {"division": division.padded_code, "label": link.label, "expires_on": str(expires_on)}
        log.record_change("confirmation", public_id, "issue", {k: [None, v] for k, v in facts.items()})
    return Issued(link, f"/c/{public_id}#{secret}")


def list_links(actor: Actor) -> Sequence[Any]:
    """Those of divisions in the actor's scope, ended ones too, by division. Two queries."""
    within = ids_in_scope(actor)
    links = Confirmation.select(Confirmation, Division).join(Division)
    links = links.order_by(Division.padded_code, Confirmation.id)
    return [link for link in links if within is None or link.division.id in within]


def revoke(actor: Actor, id_: int) -> Any:
    """End a link now. Raises NotFoundError, also for one that has ended."""
    with write_txn(actor) as log:
        link = Confirmation.get_or_none((Confirmation.id == id_) & Confirmation.revoked_at.is_null())
        if link is None:
            raise NotFoundError(f"没有第 {id_} 号有效的链接", "link_not_found")
        require(actor, REVIEW, link.division.id)
        link.revoked_at = now_text()
        link.save(only=[Confirmation.revoked_at])
        log.record_change("confirmation", link.public_id, "revoke", {"revoked_at": [None, link.revoked_at]})
    return link


def show(public_id: str, secret: str, today: date) -> dict[str, Any]:
    """What the page shows: the post, and its places that are not closed, as everybody may know them, with
    what was answered today."""
    link = _link(public_id, secret, today)
    answered = dict(
        db.query(
            "SELECT facility_id, CASE WHEN wrong IS NULL THEN 'right' ELSE 'wrong' END FROM"
            " confirmation_answer WHERE answered_on = ?",
            (today.isoformat(),),
        )
    )
    kinds = Kinds()
    places = [_shown(place, kinds, answered.get(place.id), today) for place in _places(link, today)]
    return {"division_name": link.division.name, "expires_on": link.expires_on, "places": places}


def answer(public_id: str, secret: str, code: str, wrong: str | None, today: date) -> None:
    """Take the post's answer about one place: right (a verification of today), or what is wrong."""
    link = _link(public_id, secret, today)
    if wrong is not None and not wrong.strip():
        raise InvalidError("请写一句哪里不对", "reason_required")
    actor = Actor(link.label, "public", "http")  # a role without any right: the link can do nothing else
    with once(actor, None, None) as (log, _):
        place = next((each for each in _places(link, today) if each.id == parse_code(code)), None)
        if place is None:
            raise NotFoundError(f"这个链接里没有 {code}", "facility_not_found")
        taken = db.query(
            "INSERT INTO confirmation_answer (facility_id, answered_on, confirmation_id, wrong)"
            " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING facility_id",
            (place.id, today.isoformat(), link.id, wrong),
        )
        if not taken:
            raise ConflictError(f"{place.name} 今天已经答过了", "already_answered")
        if wrong is None and (place.verified_on is None or place.verified_on < today):
            place = facilities.get(place.code)
            before, place.verified_on = deepcopy(place), today
            storing.write(log, [], [(before, place)], today, action="confirm")
        said = "right" if wrong is None else "wrong"  # not the words: what is in the audit stays for ever
        log.record_change("confirmation", public_id, said, {"facility": [None, place.code]})


def _link(public_id: str, secret: str, today: date) -> Any:
    link = Confirmation.get_or_none(Confirmation.public_id == public_id)
    if (
        link is None
        or not hmac.compare_digest(link.hash, _hash(secret))
        or link.revoked_at
        or link.expires_on <= today
    ):
        raise UnauthenticatedError("链接不完整、已到期或已收回；请向镇（街道）要新的", "link_unknown")
    return link


def _places(link: Any, today: date) -> list[Record]:
    rows = db.query(
        "SELECT f.id FROM facility f JOIN division d ON d.id = f.division_id WHERE d.lft BETWEEN ? AND ?"
        f" AND f.merged_into_id IS NULL ORDER BY f.id LIMIT {MOST_PLACES}",
        (link.division.lft, link.division.rgt),
    )
    found = load([row[0] for row in rows])
    return [found[id_] for (id_,) in rows if found[id_].status(today) != "closed"]


def _shown(place: Record, kinds: Kinds, answered: str | None, today: date) -> dict[str, Any]:
    return {
        "code": place.code,
        "name": place.name,
        "types": [kinds.by_id[role.type_id].name for role in place.roles if not role.is_closed(today)],
        "address": place.address if place.visibility == "public" else None,
        "phone": place.phone if place.phone_public else None,
        "phone_hidden": place.phone is not None and not place.phone_public,
        "hours": place.hours,
        "suspended": place.rests(today),
        "verified_on": place.verified_on,
        "answered": answered,
    }


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
