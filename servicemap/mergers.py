"""Two records that turn out to be one place."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

from servicemap import facilities, storing
from servicemap.access import EDIT, require
from servicemap.divisions import paths
from servicemap.edits import Asked, answered, seen
from servicemap.errors import ConflictError, InvalidError
from servicemap.facility_types import Kinds
from servicemap.records import Record, Role, Serves
from servicemap.replays import once

MERGED = ("address", "hours", "accessible", "note", "credit_code")
MERGED_OF_ROLE = (  # where all of these are unknown
    ("age_from_months", "age_to_months"),
    ("fee", "fee_text"),
    ("inclusive", "inclusive_body", "inclusive_no"),
    ("registration_body", "registration_no", "registration_expires_on"),
    ("forms",),
    ("meals",),
    ("prepaid_months",),
    ("monthly_fee",),
    ("places_on", *facilities.PLACES),
    ("classes",),
)


def merge(asked: Asked, code: str, into: str, on: date) -> dict[str, Any]:
    """The record turns out to be `into`: its roles end, those that `into` lacks go on there with their whole
    past, as do the facts and titles that it lacks; its code answers with `into` from now on, and what is
    said of its roles (evidence, activities) is said of those of `into`. The answer is about `into`."""
    with once(asked.actor, asked.key, asked.request) as (log, kept):
        if kept:
            return kept
        gone, stays = seen(asked, code), facilities.get(into)
        require(asked.actor, EDIT, gone.division_id, stays.division_id)
        if gone.id == stays.id:
            raise InvalidError("两个编号是同一处", "same_facility")
        if gone.visibility != stays.visibility:
            raise ConflictError(
                "一处公开位置，一处只公开联系方式；请先把公开方式改成一样", "other_visibility"
            )
        if on > asked.today:
            raise InvalidError(f"{on} 还没有到", "future_date")
        before, gone_before = deepcopy(stays), deepcopy(gone)
        going_on = _merge_roles(gone, stays, on)
        _merge_facts(gone, stays)
        gone.merged_into_id = stays.id
        storing.copy_titles(gone.id, stays.id)
        for pair in ((gone_before, gone), (before, stays)):  # in this order: see reverts.py
            storing.write(log, [], [pair], asked.today, action="merge", reason=asked.reason)
        for role, again in going_on:
            storing.copy_places(role.id, again.id)
        return answered(asked, stays)


def _merge_roles(gone: Record, stays: Record, on: date) -> list[tuple[Role, Role]]:
    """End the roles of `gone`. What `stays` lacks goes on there, and was never here; where both have one of
    the type, its facts fill the gaps. The pairs of those that go on."""
    ours = {role.type_id: role for role in stays.roles if role.closed_on is None}
    going_on = []
    for role in (role for role in gone.roles if role.closed_on is None):
        if same := ours.get(role.type_id):
            for names in MERGED_OF_ROLE:
                if all(getattr(same, name) in (None, (), []) for name in names):
                    _take(same, role, names)
            same.serves = _served_by_both(same, role, stays.division_id)
            role.closed_on = max(on, role.opened_on or on)
        else:
            again = replace(deepcopy(role), id=0)
            stays.roles.append(again)
            going_on.append((role, again))
            role.opened_on = role.closed_on = role.opened_on or on
        role.closed_reason = f"并入 {stays.code}"
    return going_on


def _served_by_both(same: Role, role: Role, stands: int) -> list[Serves]:
    """Where the one that goes names what it serves, that too; the other served where it stands, if it names
    nothing."""
    if not role.serves:
        return same.serves
    level = same.level or Kinds().by_id[same.type_id].level
    steps_up = {step.level: step.id for step in paths([stands])[stands]}
    ours = same.serves or [Serves(steps_up.get(level, stands), None, None)]
    known = {link.division_id for link in ours}
    both = [*ours, *(replace(link) for link in role.serves if link.division_id not in known)]
    return sorted(both, key=lambda link: link.division_id)


def _merge_facts(gone: Record, stays: Record) -> None:
    for name in MERGED:
        if getattr(stays, name) is None:
            _take(stays, gone, (name,))
    if stays.phone is None:
        _take(stays, gone, ("phone", "phone_public"))
    if stays.lat is None and gone.lat is not None and stays.delivery == "on_site":
        _take(stays, gone, (*facilities.UNPLACED, "position_precision"))
    stays.titles = sorted({*stays.titles, *gone.titles}, key=lambda title: title[2])
    if stays.external_id is None and gone.external_id:  # its source's next file shall find it here
        _take(stays, gone, ("source", "external_id"))
        gone.external_id = None


def _take(to: Record | Role, of: Record | Role, names: Iterable[str]) -> None:
    for name in names:
        setattr(to, name, getattr(of, name))
