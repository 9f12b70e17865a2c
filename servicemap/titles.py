"""称号: awarded to a place (儿童友好基地) or to a division (儿童友好示范县), with issuer, day and end."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from servicemap import cards, db, divisions, facilities, replays
from servicemap.access import EDIT, REVIEW, Actor, Span, narrowed, require
from servicemap.audit import Log, diff
from servicemap.errors import ConflictError, InvalidError, NotFoundError
from servicemap.models import Division, Title
from servicemap.records import Record, parse_code, public_code
from servicemap.replays import once

FACTS = ("kind", "issuer", "awarded_on", "expires_on")


def award(
    actor: Actor, holder: str, facts: Mapping[str, Any], today: date, *, request: Any, key: str | None
) -> dict[str, Any]:
    """A new title with these FACTS of the place or division with this code. Whoever edits a place enters its
    titles; a division's are entered by who reviews for the one above: nobody awards themselves.
    ConflictError for one that it holds already."""
    with once(actor, key, request) as (log, kept):
        if kept:
            return kept
        place, division = _holder(actor, holder, today)
        said: dict[str, Any] = {name: facts.get(name) for name in FACTS}
        if said["awarded_on"] > today:
            raise InvalidError(f"{said['awarded_on']} 还没有到", "future_date")
        if said["expires_on"] and said["expires_on"] <= said["awarded_on"]:
            raise InvalidError("失效日期应晚于授予日期", "dates_upside_down")
        whose = {"facility": place.id if place else None, "division": division.id if division else None}
        held = Title.select().where(Title.kind == said["kind"], Title.withdrawn_on.is_null())
        held = held.where(Title.facility == place.id if place else Title.division == division)
        for title in held:
            if title.expires_on is None or title.expires_on > said["awarded_on"]:
                raise ConflictError(f"已经有“{title.kind}”（第 {title.id} 号），没有失效", "title_held")
        title = Title.create(**whose, **said)
        _written(
            log, title, place, division, "award_title", diff({}, {**said, "reason": facts["reason"]}), today
        )
        answer = {"item": listed(title.id)}
        replays.keep(actor, key, request, answer)
        return answer


def withdraw(actor: Actor, id_: int, on: date, reason: str, today: date) -> dict[str, Any]:
    """The title counts from that day on no more. NotFoundError, also for one that was withdrawn."""
    with once(actor, None, None) as (log, _):
        title: Any = Title.get_or_none((Title.id == id_) & Title.withdrawn_on.is_null())
        if title is None:
            raise NotFoundError(f"没有第 {id_} 号有效的称号", "title_not_found")
        code = public_code(title.facility_id) if title.facility_id else title.division.padded_code
        place, division = _holder(actor, code, today)
        if not title.awarded_on <= on <= today:
            raise InvalidError("撤销日期应在授予之后、今天之前", "bad_date")
        title.withdrawn_on = on
        title.save(only=[Title.withdrawn_on])
        changed = {"withdrawn_on": [None, str(on)], "reason": [None, reason]}
        _written(log, title, place, division, "withdraw_title", changed, today)
        return {"item": listed(id_)}


def list_titles(
    actor: Actor, spans: Sequence[Span], *, kind: str | None = None, holder: str | None = None
) -> list[dict[str, Any]]:
    """All titles, ended ones too, of what stands in the spans (none: where the actor acts), by kind and day;
    of one holder alone where its code is given."""
    where, params = ["1 = 1"], list[Any]()
    if kind:
        where, params = ["t.kind = ?"], [kind]
    if holder:
        id_ = parse_code(holder)
        where.append("t.facility_id = ?" if id_ else "t.division_id = ?")
        params.append(id_ or divisions.get(holder).id)
    if spans := narrowed(actor, spans):
        where.append(f"({' OR '.join('d.lft BETWEEN ? AND ?' for _ in spans)})")
        params += [end for span in spans for end in span]
    return [
        _item(row) for row in db.query(f"{_TITLES} WHERE {' AND '.join(where)} ORDER BY {_ORDER}", params)
    ]


def listed(id_: int) -> dict[str, Any]:
    """One title as list_titles gives it."""
    return _item(db.query(f"{_TITLES} WHERE t.id = ?", (id_,))[0])


_TITLES = """SELECT t.id, t.facility_id, d.padded_code, COALESCE(f.name, d.name), t.kind, t.issuer, t.awarded_on,
  t.expires_on, t.withdrawn_on FROM title t LEFT JOIN facility f ON f.id = t.facility_id
  JOIN division d ON d.id = COALESCE(t.division_id, f.division_id)"""
_ORDER = "t.kind, t.awarded_on, t.id"


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    id_, facility_id, division, name, kind, issuer, *days = row
    holder = public_code(facility_id) if facility_id else division
    named = zip(("awarded_on", "expires_on", "withdrawn_on"), days, strict=True)
    dated = {day: None if value is None else str(value) for day, value in named}
    return {"id": id_, "holder": holder, "holder_name": name, "kind": kind, "issuer": issuer, **dated}


def _holder(actor: Actor, code: str, today: date) -> tuple[Record | None, Division | None]:
    """The place or the division with this code, if the actor may give it a title."""
    if parse_code(code):
        place = facilities.get(code)
        require(actor, EDIT, place.division_id)
        return place, None
    division = divisions.get(code, on=today)
    require(actor, REVIEW, division.parent_id or division.id)
    return None, division


def _written(
    log: Log,
    title: Any,
    place: Record | None,
    division: Division | None,
    action: str,
    changed: Mapping[str, list[Any]],
    today: date,
) -> None:
    """Into the audit of the holder, as one fact, and onto the card of a place."""
    said = {"title": [None, {"id": title.id, "kind": title.kind}], **changed}
    if division:
        log.record_change("division", division.padded_code, action, said)
    if place:
        log.record_change("facility", place.code, action, said)
        db.execute("UPDATE facility SET version = version + 1 WHERE id = ?", (place.id,))
        cards.write_cards([facilities.get(place.code)], today)
