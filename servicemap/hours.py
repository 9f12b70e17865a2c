"""Opening state: open, closed or unknown at an instant, and the next change. Pure.

One timetable answers label, filter and sort. A day on which the text or the calendar leaves a choice is
worked out for every choice: where all agree the answer is certain, where they differ it is unknown.

What a text means on special days:
- 节假日休息, 节假日 9:00-17:00: a holiday is every day of the State Council's arrangement, the weekends
  inside it too. On a make-up workday (调休上班) a Saturday or Sunday without hours of its own has the
  hours of Monday to Friday; a weekend day with own hours keeps them. 工作日 is Monday to Friday minus
  holidays plus make-up days.
- 节假日照常, 每天, 24小时, or hours on a weekend day and no word of holidays: the weekday alone decides.
- Monday to Friday only and no word of holidays: unknown at the hours that a holiday would take away or
  a make-up day would add.
- A year whose arrangement is not published: its statutory days, weekdays up to 4 days and weekends up
  to 10 days beside them may be holidays or make-up days (the widest swaps since 2008 [M]).
- 寒暑假 of a year that the term calendar lacks: any day of SUMMER_MAY_BE, WINTER_MAY_BE may be in it.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from servicemap.hours_calendar import Calendar, calendar_of, kinds_of
from servicemap.hours_calendar import Term as Term
from servicemap.hours_rules import (
    DAY,
    EVERY_DAY,
    HOLIDAY,
    WORKDAY,
    NotUnderstoodError,
    Plan,
    Rule,
    Span,
    osm,
    say,
    tidy,
)
from servicemap.hours_text import read

OPEN, CLOSED, UNKNOWN = "open", "closed", "unknown"
CODES = {UNKNOWN: 0, OPEN: 1, CLOSED: 2}

HORIZON_DAYS = 400  # no change within it = never: longer than any year's season


@dataclass(frozen=True, slots=True)
class Opening:
    """`next_change`, in the zone of the instant, is what a family is told: from open to closed or back; None
    when nothing changes or the change is not certain. `until`: as long as the answer holds (None = for good),
    changes from and to unknown counted too."""

    state: str
    next_change: datetime | None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """`rules` in OSM syntax (None = not understood), `said` in Chinese, `problem` what to write instead."""

    rules: str | None
    said: str
    problem: str | None


Line = tuple[tuple[int, ...], tuple[str, ...]]  # minutes of a day at which a state begins, the states


# the worker's view


def understand(text: str) -> Understood:
    """What a text, Chinese or OSM, was understood to mean. Never raises; over 500 characters is refused."""
    try:
        plan = read(text)
    except NotUnderstoodError as error:
        return Understood(None, "", str(error))
    said = say(plan)
    if _silent(plan):
        said += "；没有写节假日，节假日和调休日显示“不确定”"
    return Understood(osm(plan), said, None)


Week = list[tuple[date, list[tuple[str, str, str]]]]


def tried(text: str, at: datetime, terms: Sequence[Term]) -> tuple[Opening, Week]:
    """What `opening` would say of a text that is not stored, and its seven days from `at`: the spans (from,
    to, state) that are not closed; to may be 24:00. Nothing of it is kept: anybody may try any text."""
    plan, calendar = _read(text), calendar_of(tuple(terms))
    on = at.date()
    days = [on + timedelta(days=i) for i in range(7)]
    week = [(day, _spans_said(_line_of(plan, day, calendar))) for day in days]
    return _opening(lambda day: _line_of(plan, day, calendar), at, understood=plan is not None), week


def _spans_said(line: Line) -> list[tuple[str, str, str]]:
    starts, states = line
    ends = (*starts[1:], DAY)
    hours = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in (*starts, DAY)]
    return [(hours[i], hours[i + 1], states[i]) for i in range(len(ends)) if states[i] != CLOSED]


# the state


def opening(text: str | None, at: datetime, terms: Sequence[Term]) -> Opening:
    """State and next change of one text at an aware instant, which must be in the local zone already.

    No text, or one not understood, is unknown. About 30 µs for a text's first question of the day, less
    than 2 µs after it, plus the days to the next change.
    """
    words, calendar = text or "", calendar_of(tuple(terms))
    return _opening(lambda day: _line(words, day, calendar), at, understood=_plan(words) is not None)


def _opening(line_of: Callable[[date], Line], at: datetime, *, understood: bool) -> Opening:
    if not understood:
        return Opening(UNKNOWN, None)
    on, minute = at.date(), at.hour * 60 + at.minute
    starts, states = line_of(on)
    i = bisect_right(starts, minute) - 1
    state = states[i]
    here = i + 1 < len(starts)
    change, after = (starts[i + 1], states[i + 1]) if here else _later(line_of, on, state)
    if after == state:
        return Opening(state, None)
    until = datetime(on.year, on.month, on.day, tzinfo=at.tzinfo) + timedelta(minutes=change)
    return Opening(state, None if UNKNOWN in (state, after) else until, until)


def states(texts: Sequence[str | None], at: datetime, terms: Sequence[Term]) -> bytes:
    """Byte i is the state of text i at `at`: 0 unknown, 1 open, 2 closed; the same answers as `opening`.

    5,000 texts: the first call of a local day works the day out, the others cost a look-up each.
    """
    calendar, on, minute = calendar_of(tuple(terms)), at.date(), at.hour * 60 + at.minute
    answer = bytearray(len(texts))
    for i, text in enumerate(texts):
        starts, line = _line(text or "", on, calendar)
        answer[i] = CODES[line[bisect_right(starts, minute) - 1]]
    return bytes(answer)


def opens_on_weekends(text: str | None) -> bool | None:
    """Whether it opens on a Saturday or Sunday of an ordinary week in any season; None = unknown."""
    plan = _plan(text or "")
    if plan is None:
        return None
    weekend = [rule for rule in plan.rules if rule.days & {5, 6}]
    whole = [rule for rule in weekend if not (rule.dates or rule.term or rule.nth)]
    if any(_hours_left(plan, rule) for rule in weekend if rule.spans and not rule.unknown):
        return True
    return None if any(rule.unknown for rule in whole) else False


def weekends(texts: Sequence[str | None]) -> bytes:
    """Byte i: 1 the text opens on weekends, 2 it does not, 0 unknown."""
    return bytes({None: 0, True: 1, False: 2}[opens_on_weekends(text)] for text in texts)


def _hours_left(plan: Plan, rule: Rule) -> bool:
    """Whether a weekend day keeps the rule's hours: no later rule for the whole year closes it."""
    later = plan.rules[plan.rules.index(rule) + 1 :]
    shut = [r.days for r in later if not (r.spans or r.unknown or r.dates or r.term or r.nth or r.more)]
    return bool((rule.days & {5, 6}) - frozenset().union(*shut))


# days


def _read(text: str) -> Plan | None:
    try:
        return read(text)
    except NotUnderstoodError:
        return None


# for the texts that a registry stores: 5,000 of them and a few days each
_plan = lru_cache(maxsize=8192)(_read)


@lru_cache(maxsize=16_384)
def _line(text: str, on: date, calendar: Calendar) -> Line:
    return _line_of(_plan(text), on, calendar)


def _later(line_of: Callable[[date], Line], on: date, state: str) -> tuple[int, str]:
    """The first other state after the day: minutes from its midnight; the same state when there is none."""
    for days in range(1, min(HORIZON_DAYS, (date.max - on).days - 1)):
        for start, then in zip(*line_of(on + timedelta(days=days)), strict=True):
            if then != state:
                return days * DAY + start, then
    return 0, state


def _line_of(plan: Plan | None, on: date, calendar: Calendar) -> Line:
    """The local day with what the day before leaves."""
    if plan is None:
        return (0,), (UNKNOWN,)
    today = _choices(plan, on, calendar)
    before = _choices(plan, on - timedelta(days=1), calendar) if on > date.min else frozenset([()])
    left = [tuple((a - DAY, b - DAY) for a, b in spans if b > DAY) for spans in before]
    cuts = {0} | {minute for spans in (*today, *left) for span in spans for minute in span}
    starts: list[int] = []
    line: list[str] = []
    for minute in sorted(cut for cut in cuts if 0 <= cut < DAY):
        now, rest = ({_covers(spans, minute) for spans in choices} for choices in (today, left))
        state = OPEN if False not in now or False not in rest else UNKNOWN if True in now | rest else CLOSED
        if not line or line[-1] != state:
            starts.append(minute)
            line.append(state)
    return tuple(starts), tuple(line)


def _covers(spans: Sequence[Span], minute: int) -> bool:
    return any(start <= minute < end for start, end in spans)


Choices = frozenset[tuple[Span, ...]]


def _choices(plan: Plan, on: date, calendar: Calendar) -> Choices:
    """Every timetable that the day may have, one when text and calendars are certain."""
    terms = calendar.may_be(on) if any(rule.term for rule in plan.rules) else (False,)
    kinds = ("ordinary",) if plan.as_usual and not plan.knows_workdays else kinds_of(on)
    return frozenset().union(*(_of_kind(plan, on, kind, term) for kind in kinds for term in terms))


def _of_kind(plan: Plan, on: date, kind: str, term: bool) -> Choices:
    weekday = on.weekday()
    if kind == "ordinary":
        return _spans(plan, on, {weekday, WORKDAY} if weekday < 5 else {weekday}, term)
    own = _spans(plan, on, {weekday}, term)
    if kind == "holiday":
        return _spans(plan, on, {weekday, HOLIDAY}, term) | (
            frozenset([()]) if _silent(plan) else frozenset()
        )
    if plan.knows_workdays:
        return _spans(plan, on, {WORKDAY}, term)
    workdays = frozenset().union(*(_spans(plan, on, {day}, term) for day in range(5)))
    if plan.as_usual or (own != {()} and workdays != {()}):
        return own
    if own == {()} and plan.knows_holidays:
        return workdays
    return own | workdays


def _spans(plan: Plan, on: date, day: set[int], term: bool) -> Choices:
    """The timetable of a day that is these kinds of day: the last rule that matches, and what adds to it."""
    spans: tuple[Span, ...] = ()
    unknown = False
    for rule in plan.rules:
        matches = rule.days & day or (rule.days >= EVERY_DAY and day == {WORKDAY})
        if matches and rule.in_season(on) and rule.is_nth(on) and (term or not rule.term):
            unknown = rule.unknown
            spans = tidy(spans + rule.spans) if rule.more else rule.spans
    return frozenset([(), ((0, DAY),)]) if unknown else frozenset([spans])


def _silent(plan: Plan) -> bool:
    """Monday to Friday only, and no word that says whether holidays count."""
    return not (
        plan.knows_holidays
        or plan.knows_workdays
        or any(rule.days & {5, 6} and (rule.spans or rule.unknown) for rule in plan.rules)
        or not any(rule.spans or rule.unknown for rule in plan.rules)
    )
