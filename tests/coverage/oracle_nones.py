"""零报告 as a story that is told from the first day on: who became one, who said none, who got a place."""

from typing import Any

from tests.coverage.oracle_day import Day


def none_of(day: Day, key: str) -> set[int]:
    """The ids of the divisions that have none of the type on the day."""
    [kind] = [each["id"] for each in day.facility_type if each["key"] == key]
    roles = [each for each in day.role if each["type_id"] == kind and is_told(day, each)]
    told: set[int] = set()
    for on in _days(day):
        told = _after_changes(day, told, on)
        told |= {
            each["division_id"]
            for each in day.zero_report
            if each["type_id"] == kind and each["reported_on"] == on
        }
        for role in roles if day.has("zero_ended") else ():
            if (role["opened_on"] or on) <= on and (role["closed_on"] is None or on < role["closed_on"]):
                told -= _holders(day, role, on)
    return told


def is_told(day: Day, role: dict[str, Any]) -> bool:
    place = day.places_of[role["facility_id"]]
    return not day.public or place["visibility"] == "public"


def _days(day: Day) -> list[str]:
    """On which something happens, up to the day."""
    found = {each["opened_on"] for each in day.role} | {each["to_on"] for each in day.former_division}
    found |= {each["reported_on"] for each in day.zero_report}
    found |= {each["succeeded_on"] for each in day.succession}
    return sorted(each for each in found if each is not None and each <= day.on)


def _after_changes(day: Day, told: set[int], on: str) -> set[int]:
    parts: dict[int, set[int]] = {}
    for each in day.succession:
        if each["succeeded_on"] == on:
            parts.setdefault(each["new_id"], set()).add(each["old_id"])
    after = set(told)
    for new, olds in parts.items():
        began = next(each["valid_from"] for each in day.division if each["id"] == new)
        if began is None or began < on:
            olds = olds | {new}
        had_none = olds <= told if day.has("all_had_none") else bool(olds & told)
        if had_none and day.has("goes_on"):
            after.add(new)
        else:
            after.discard(new)
    return after


def _holders(day: Day, role: dict[str, Any], on: str) -> set[int]:
    """The divisions that the place stood in on that day, one within the other."""
    place = day.places_of[role["facility_id"]]
    at: int | None = day.stood(place, on) if day.has("ended_where_it_stood") else place["division_id"]
    above = {each["id"]: each["parent_id"] for each in day.division}
    found = set()
    while at is not None:
        found.add(at)
        at = above[at]
    return found
