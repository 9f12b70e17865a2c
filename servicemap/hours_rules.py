"""What an hours text means: rules in order, later ones override; and their OSM and Chinese spelling. Pure.

OSM `opening_hours` is what others can read. What it has no word for stands in its comments: "工作日"
(weekdays minus holidays plus make-up days), "节假日照常", "预约". SH is 寒暑假: with Jun–Sep the 暑假,
with Dec–Mar the 寒假. PH is a day of a holiday as the State Council arranges it, weekends inside it too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

WORKDAY, HOLIDAY = 7, 8  # beside Monday 0 to Sunday 6
EVERY_DAY = frozenset(range(7))
DAY = 1440  # minutes

SUMMER, WINTER = ((0, 6, 1), (0, 9, 30)), ((0, 12, 1), (0, 3, 31))

Span = tuple[int, int]  # minutes since midnight, half-open; the end may lie in the next day (≤ 2880)
Day = tuple[int, int, int]  # year (0 = every year), month, day of the month
Dates = tuple[Day, Day]  # both days included; without a year it may go round the new year


class NotUnderstoodError(ValueError):
    """The Chinese sentence for the worker: which part, and how to write it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`spans` on the days that match everything said; no spans = closed; `unknown` = by appointment."""

    days: frozenset[int]
    spans: tuple[Span, ...] = ()
    dates: tuple[Dates, ...] = ()  # empty = all the year
    term: bool = False  # only in 寒暑假
    nth: tuple[int, ...] = ()  # only the nth such weekday of a month; -1 = the last
    unknown: bool = False
    more: bool = False  # adds to what earlier rules say of these days instead of replacing it

    def in_season(self, on: date) -> bool:
        return not self.dates or any(_between(first, last, on) for first, last in self.dates)

    def is_nth(self, on: date) -> bool:
        return not self.nth or (on.day + 6) // 7 in self.nth or (-1 in self.nth and _last_week(on))


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules in the order in which they override; `as_usual`: 节假日照常 was said; notes are Chinese."""

    rules: tuple[Rule, ...]
    as_usual: bool = False
    notes: tuple[str, ...] = ()

    @property
    def knows_holidays(self) -> bool:
        return self.as_usual or any(HOLIDAY in rule.days for rule in self.rules)

    @property
    def knows_workdays(self) -> bool:
        return any(WORKDAY in rule.days for rule in self.rules)


def _between(first: Day, last: Day, on: date) -> bool:
    if first[0]:
        return first <= (on.year, on.month, on.day) <= last
    day = (on.month, on.day)
    return first[1:] <= day <= last[1:] if first <= last else day >= first[1:] or day <= last[1:]


def _last_week(on: date) -> bool:
    return on.day + 7 > month_days(on.month, on.year)


def month_days(month: int, year: int = 2024) -> int:
    """Days of the month; without a year February has 29."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def tidy(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans in order, touching ones merged."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


# OSM

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBERS = {name.lower(): i for names in (_DAYS, ("", *_MONTHS)) for i, name in enumerate(names) if name}
_WEEKDAY = "(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_MONTH = "(?:" + "|".join(_MONTHS) + ")"
_TIME = r"\d{1,2}:\d{2}"
_SPAN = rf"{_TIME}\s*-\s*{_TIME}"
_DATE = rf"(?:\d{{4}}\s+)?{_MONTH}(?:\s+\d{{1,2}}(?![\d:]))?"
_DATES = rf"{_DATE}(?:\s*-\s*(?:{_DATE}|\d{{1,2}}(?![\d:])))?"
_ON = rf"(?:PH|{_WEEKDAY}(?:\[[-\d,\s]+\]|\s*-\s*{_WEEKDAY})?)"
_RULE = re.compile(
    rf"\s*(?P<dates>{_DATES}(?:\s*,\s*{_DATES})*)?\s*:?\s*(?P<term>SH\b)?\s*(?P<days>{_ON}(?:\s*,\s*{_ON})*)?"
    rf"\s*:?\s*(?P<hours>24/7|(?:{_SPAN}(?:\s*,\s*{_SPAN})*)|off\b|closed\b|unknown\b)?"
    r'\s*(?:"(?P<comment>[^"]*)")?\s*(?P<end>;|,|$|\|\|)',
    re.IGNORECASE,
)


def read_osm(text: str) -> Plan:
    """The plan of an OSM text: weekdays, dates, PH, SH, nth weekdays, times. Raises NotUnderstoodError."""
    text = " ".join(text.split())  # _RULE tries every way to share a run of blanks among its parts
    rules: list[Rule] = []
    as_usual, notes, at, more = False, [], 0, False
    while at < len(text.rstrip("; ")):
        found = _RULE.match(text, at)
        if not found or found["end"] == "||" or not (found["hours"] or found["days"] or found["comment"]):
            raise NotUnderstoodError(f"看不懂“{text[at : at + 20].strip()}”")
        rule = _osm_rule(found, more)
        if found["comment"] == "工作日":
            rule = replace(rule, days=rule.days - frozenset(range(5)) | {WORKDAY})
        as_usual |= found["comment"] == "节假日照常"
        if not (found["dates"] or found["days"] or found["term"]) and found["hours"] not in ("24/7", None):
            notes.append("没有写星期，按每天理解")
        rules.append(rule)
        at, more = found.end(), found["end"] == ","
    if not rules:
        raise NotUnderstoodError("没有写时间")
    return Plan(holidays_last(rules), as_usual, tuple(dict.fromkeys(notes)))


def holidays_last(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The same rules, what is said of holidays alone behind the others."""
    return tuple(sorted(rules, key=lambda rule: rule.days == {HOLIDAY}))


def _osm_rule(found: re.Match[str], more: bool) -> Rule:
    hours = (found["hours"] or "").lower()
    spans: tuple[Span, ...] = ()
    if not hours or hours == "24/7":
        spans = ((0, DAY),)
    elif hours[0].isdigit():
        spans = tidy([_osm_span(span) for span in hours.split(",")])
    dates = tuple(_osm_dates(part) for part in found["dates"].split(",")) if found["dates"] else ()
    days, nth = _osm_days(found["days"]) if found["days"] else (EVERY_DAY, ())
    return Rule(days, spans, dates, bool(found["term"]), nth, hours == "unknown", more)


def _osm_span(text: str) -> Span:
    start, end = (int(hour) * 60 + int(minute) for hour, minute in re.findall(r"(\d+):(\d+)", text))
    if start >= DAY or end > 2 * DAY or start == end or re.search(r":[6-9]", text):
        raise NotUnderstoodError(f"没有“{text.strip()}”这样的时间")
    return start, end + DAY if end < start else end


def _osm_dates(text: str) -> Dates:
    parts = re.findall(
        rf"(?:(\d{{4}})\s+)?(?:({_MONTH})\s*)?(\d{{1,2}})?(?:\s*-\s*|\s*$)", text, re.IGNORECASE
    )
    ends = [(int(y or 0), _NUMBERS.get(m.lower(), 0), int(d or 0)) for y, m, d in parts if y or m or d]
    (year, month, day), (to_year, to_month, to_day) = ends[0], ends[-1]
    return dates((year, month, day), (to_year or year, to_month or month, to_day))


def dates(first: Day, last: Day) -> Dates:
    """A range with its ends checked; day 0 means the whole month. Raises NotUnderstoodError."""
    for _, month, _ in (first, last):
        if not 1 <= month <= 12:
            raise NotUnderstoodError(f"没有 {month}月")
    first = (first[0], first[1], first[2] or 1)
    last = (last[0], last[1], last[2] or month_days(last[1], last[0] or 2024))
    for year, month, day in (first, last):
        if not 1 <= day <= month_days(month, year or 2024):
            raise NotUnderstoodError(f"没有 {month}月{day}日 这一天")
    if first[0] and not 1 <= first[0] <= last[0] <= 9999:
        raise NotUnderstoodError(f"“{say_dates((first, last))}”的年份不对")
    if first[0] and first > last:
        raise NotUnderstoodError(f"“{say_dates((first, last))}”的开始晚于结束")
    return first, last


def _osm_days(text: str) -> tuple[frozenset[int], tuple[int, ...]]:
    days: set[int] = set()
    nth: set[int] = set()
    for part in re.findall(_ON, text, re.IGNORECASE):
        if part.upper() == "PH":
            days.add(HOLIDAY)
            continue
        first, last = _NUMBERS[part[:2].lower()], _NUMBERS[re.split(r"\[", part)[0][-2:].lower()]
        days |= set(day_range(first, last))
        nth |= {int(number) for number in re.findall(r"-?\d", part)}
    if nth and (nth - {-1, 1, 2, 3, 4, 5} or text.count("[") != len(re.findall(_ON, text, re.IGNORECASE))):
        raise NotUnderstoodError(f"看不懂“{text}”")
    return frozenset(days), tuple(sorted(nth))


def day_range(first: int, last: int) -> Iterator[int]:
    """Weekdays from the first to the last, both included, round the week's end."""
    return (day % 7 for day in range(first, last + 1 if last >= first else last + 8))


def osm(plan: Plan) -> str:
    """The plan as OSM text; `read_osm` gives the same meaning back."""
    text = ""
    for rule in plan.rules:
        text += (", " if rule.more else "; ") if text else ""
        text += _osm_text(rule, '"节假日照常"' if plan.as_usual else "")
    return text


def _osm_text(rule: Rule, comment: str) -> str:
    parts = [",".join(_osm_range(*each) for each in rule.dates), "SH" if rule.term else ""]
    weekdays = rule.days | frozenset(range(5)) if WORKDAY in rule.days else rule.days
    if not weekdays >= EVERY_DAY or HOLIDAY in weekdays or rule.nth or WORKDAY in rule.days:
        nth = f"[{','.join(map(str, rule.nth))}]" if rule.nth else ""
        runs = [(a, a) for a in sorted(weekdays & EVERY_DAY)] if nth else runs_of(weekdays & EVERY_DAY)
        names = [_DAYS[a] + nth if a == b else f"{_DAYS[a]}-{_DAYS[b]}" for a, b in runs]
        parts.append(",".join(names + ["PH"] * (HOLIDAY in weekdays)))
    if rule.unknown:
        parts.append('unknown "预约"')
    elif rule.spans == ((0, DAY),):
        parts.append("00:00-24:00" if any(parts) else "24/7")
    else:
        parts.append(",".join(f"{clock(a)}-{clock(b)}" for a, b in rule.spans) or "off")
    if not rule.unknown:
        parts.append('"工作日"' if WORKDAY in rule.days else comment)
    return " ".join(part for part in parts if part)


def _osm_range(first: Day, last: Day) -> str:
    if first[0] == 0 and first[2] == 1 and last[2] == month_days(last[1]):
        names = [_MONTHS[first[1] - 1], _MONTHS[last[1] - 1]]
    else:
        names = [f"{y:04d} " * bool(y) + f"{_MONTHS[m - 1]} {d:02d}" for y, m, d in (first, last)]
    return "-".join(dict.fromkeys(names))


def runs_of(days: frozenset[int]) -> list[tuple[int, int]]:
    """Weekdays as runs (first, last)."""
    runs: list[tuple[int, int]] = []
    for day in sorted(days):
        if runs and runs[-1][1] == day - 1:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def clock(minute: int) -> str:
    """510 → 08:30; past midnight 24:00–48:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


# Chinese


def say(plan: Plan) -> str:
    """The plan in Chinese, as a worker would write it; notes behind in brackets."""
    said = "；".join(_say_rule(rule, plan.as_usual) for rule in plan.rules)
    said += "；节假日照常" if plan.as_usual else ""
    return said + (f"（{'；'.join(plan.notes)}）" if plan.notes else "")


def _say_rule(rule: Rule, as_usual: bool) -> str:
    when = "、".join(map(say_dates, rule.dates))
    if rule.term:
        when = {(): "寒暑假", (SUMMER,): "暑假", (WINTER,): "寒假"}.get(rule.dates, f"{when}寒暑假")
    if rule.nth:
        when += "每月" + "、".join("最后一个" if n < 0 else f"第{'一二三四五'[n - 1]}个" for n in rule.nth)
    days = _say_days(rule.days)
    if days == "每天" and when and not rule.nth:
        days = ""
    if rule.unknown:
        what = "预约开放"
    elif rule.spans == ((0, DAY),):
        what = "全天"
    else:
        what = "、".join(map(_say_span, rule.spans)) or "休息"
    head = when + days
    return ("另" if rule.more else "") + head + ("" if what == "休息" else " ") + what


def _say_days(days: frozenset[int]) -> str:
    names = []
    if days >= EVERY_DAY:
        names.append("每天")
    else:
        names += ["工作日"] * (WORKDAY in days)
        for first, last in runs_of(days & EVERY_DAY):
            pair = last > first + 1 or (last == first + 1 and first != 5)
            names += (
                [f"周{'一二三四五六日'[first]}至周{'一二三四五六日'[last]}"]
                if pair
                else [f"周{'一二三四五六日'[day]}" for day in range(first, last + 1)]
            )
    return "、".join(names + ["节假日"] * (HOLIDAY in days))


def _say_span(span: Span) -> str:
    start, end = span
    night = end > DAY
    return f"{start // 60}:{start % 60:02d}–" + "次日" * night + f"{(end - DAY * night) // 60}:{end % 60:02d}"


def say_dates(each: Dates) -> str:
    """5月–10月, 7月1日–8月31日, 2026年7月1日–2026年8月31日."""
    first, last = each
    whole = first[0] == 0 and first[2] == 1 and last[2] == month_days(last[1])
    names = [f"{y}年" * bool(y) + f"{m}月" + ("" if whole else f"{d}日") for y, m, d in (first, last)]
    return "–".join(dict.fromkeys(names))
