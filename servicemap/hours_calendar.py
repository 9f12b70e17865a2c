"""What kind of day a date is: holidays and make-up days (调休) as published, 寒暑假 by the term calendar. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

SUMMER_MAY_BE, WINTER_MAY_BE = ((6, 15), (9, 15)), ((1, 1), (3, 15))
WEEKDAY_SWAP_DAYS, WEEKEND_SWAP_DAYS = 4, 10


@dataclass(frozen=True, slots=True)
class Term:
    """A school holiday 寒暑假: `kind` summer or winter, from_on included, to_on excluded (term begins)."""

    kind: str
    from_on: date
    to_on: date


class Calendar:
    """The term calendar, compared by identity so that it is cheap as a cache's key."""

    def __init__(self, terms: tuple[Term, ...]) -> None:
        self.terms = terms
        self.known = {(term.kind, term.to_on.year) for term in terms}

    def may_be(self, on: date) -> frozenset[bool]:
        """Whether the day is in 寒暑假: {True}, {False}, or both when the calendar does not know."""
        if any(term.from_on <= on < term.to_on for term in self.terms):
            return frozenset([True])
        for kind, (first, last) in (("summer", SUMMER_MAY_BE), ("winter", WINTER_MAY_BE)):
            if first <= (on.month, on.day) <= last and (kind, on.year) not in self.known:
                return frozenset([True, False])
        return frozenset([False])


@lru_cache(maxsize=16)
def calendar_of(terms: tuple[Term, ...]) -> Calendar:
    return Calendar(terms)


def kinds_of(on: date) -> tuple[str, ...]:
    """What the day may be: ordinary, holiday, makeup; several where the arrangement is not published."""
    certain, doubtful = _arranged(on.year)
    return doubtful.get(on) or (certain.get(on, "ordinary"),)


@lru_cache(maxsize=64)
def _arranged(year: int) -> tuple[dict[date, str], dict[date, tuple[str, ...]]]:
    """The special days of a year: those arranged, and those of a year not published, with their choices.

    A year is known only if the package has a make-up day in it: for others it gives statutory days
    alone, without a sign.
    """
    certain: dict[date, str] = {}
    doubtful: dict[date, tuple[str, ...]] = {}
    for each in range(max(year - 1, 1), min(year + 1, 9999) + 1):
        off, makeup = _published(each)
        if makeup:
            certain |= dict.fromkeys(makeup, "makeup")
            certain |= {day: "holiday" for day in off if day not in makeup}
        else:
            doubtful |= _in_doubt(off)
    for day in sorted(day for day, kind in certain.items() if kind == "holiday"):
        for step in (-1, 1):  # the weekend beside a holiday belongs to it
            beside = day + timedelta(days=step)
            while beside.weekday() >= 5 and certain.get(beside, "ordinary") == "ordinary":
                certain[beside] = "holiday"
                beside += timedelta(days=step)
    for day in certain:
        if _published(day.year)[1] and certain[day] == "holiday":
            doubtful.pop(day, None)
    return certain, doubtful


def _in_doubt(off: frozenset[date]) -> dict[date, tuple[str, ...]]:
    doubtful: dict[date, tuple[str, ...]] = {}
    for day in off:
        for days in range(-WEEKEND_SWAP_DAYS, WEEKEND_SWAP_DAYS + 1):
            if not 1 <= day.toordinal() + days <= date.max.toordinal():
                continue
            near = day + timedelta(days=days)
            if near.weekday() >= 5:
                doubtful[near] = ("ordinary", "holiday", "makeup")
            elif abs(days) <= WEEKDAY_SWAP_DAYS:
                doubtful[near] = ("ordinary", "holiday")
    return doubtful


@lru_cache(maxsize=64)
def _published(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Days off and make-up workdays of a year; without make-up days its arrangement is not known."""
    import holidays

    calendar = holidays.country_holidays("CN", years=year)
    makeup = frozenset(day for day in calendar.weekend_workdays if day.year == year)
    return frozenset(day for day in calendar if day.year == year), makeup
