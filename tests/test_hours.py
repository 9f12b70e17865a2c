"""Opening state: a table of instants, an oracle that counts minutes, and one answer for label and filter."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from servicemap import hours
from servicemap.hours import CODES, Term, opening, opens_on_weekends, states, tried, understand, weekends

SHANGHAI = ZoneInfo("Asia/Shanghai")
TERMS = (
    Term("winter", date(2026, 1, 31), date(2026, 3, 2)),
    Term("summer", date(2026, 7, 11), date(2026, 9, 1)),
)

OFFICE = "周一至周五 8:30-12:00，14:30-17:30；节假日休息"
SILENT = "周一至周五 8:30-17:30"
USUAL = "周一至周五 8:30-17:30，法定节假日照常开放"
WORKDAYS = "工作日 14:00-20:00，周末 9:00-20:00"
MUSEUM = "周二至周日 9:00-17:00，逢周一闭馆（节假日除外）"
PLAIN_MUSEUM = "周二至周日 9:00-17:00，周一闭馆"
NIGHT = "每天 18:00-次日2:00"
FRIDAY_NIGHT = "周五、周六 22:00-次日6:00"
SEASONS = "夏季（5月-10月）8:00-18:00；冬季（11月-4月）8:30-17:30"
HOLIDAY_CLUB = "学期内 周一至周五 16:30-18:00；寒暑假 周一至周五 9:00-17:00；节假日休息"
NO_SUMMER = "周一至周五 8:30-17:30；暑假休息；节假日照常"
NTH = "每月第一个周六 9:00-12:00"
LAST = "每月最后一个周日 9:00-12:00"
WITH_SATURDAY = "周一至周五 8:30-17:30；周六 9:00-12:00；节假日休息"
EARLY_FRIDAY = "周一至周四 8:30-17:30；周五 8:30-16:00；节假日休息"

# 2026-11-23 is a Monday in an ordinary week; holidays are those of 国办发明电〔2025〕7号 (2025-11-04)
TABLE = [
    # lunch gap, first and last minute
    (OFFICE, "2026-11-23T08:29", "closed", "2026-11-23T08:30"),
    (OFFICE, "2026-11-23T08:30", "open", "2026-11-23T12:00"),
    (OFFICE, "2026-11-23T11:59", "open", "2026-11-23T12:00"),
    (OFFICE, "2026-11-23T12:00", "closed", "2026-11-23T14:30"),
    (OFFICE, "2026-11-23T14:29", "closed", "2026-11-23T14:30"),
    (OFFICE, "2026-11-23T14:30", "open", "2026-11-23T17:30"),
    (OFFICE, "2026-11-23T17:30", "closed", "2026-11-24T08:30"),
    ("周一至周五 9:00-17:00（中午休息12:00-14:30）", "2026-11-24T13:00", "closed", "2026-11-24T14:30"),
    # Friday, weekend, early morning, last minute of the week
    (OFFICE, "2026-11-27T17:29", "open", "2026-11-27T17:30"),
    (OFFICE, "2026-11-27T17:30", "closed", "2026-11-30T08:30"),
    (OFFICE, "2026-11-28T10:00", "closed", "2026-11-30T08:30"),
    (OFFICE, "2026-11-29T23:59", "closed", "2026-11-30T08:30"),
    (EARLY_FRIDAY, "2026-11-26T16:30", "open", "2026-11-26T17:30"),
    (EARLY_FRIDAY, "2026-11-27T16:30", "closed", "2026-11-30T08:30"),
    ("每天 6:00-8:00", "2026-11-23T05:59", "closed", "2026-11-23T06:00"),
    ("每天 6:00-8:00", "2026-11-23T06:00", "open", "2026-11-23T08:00"),
    ("周日 0:00-24:00", "2026-11-29T23:59", "open", "2026-11-30T00:00"),
    ("周日 22:00-次日2:00", "2026-11-30T01:59", "open", "2026-11-30T02:00"),
    # overnight
    (NIGHT, "2026-11-23T00:00", "open", "2026-11-23T02:00"),
    (NIGHT, "2026-11-23T01:59", "open", "2026-11-23T02:00"),
    (NIGHT, "2026-11-23T02:00", "closed", "2026-11-23T18:00"),
    (NIGHT, "2026-11-23T23:59", "open", "2026-11-24T02:00"),
    (FRIDAY_NIGHT, "2026-11-27T05:00", "closed", "2026-11-27T22:00"),
    (FRIDAY_NIGHT, "2026-11-28T05:59", "open", "2026-11-28T06:00"),
    (FRIDAY_NIGHT, "2026-11-29T05:59", "open", "2026-11-29T06:00"),
    (FRIDAY_NIGHT, "2026-11-29T06:00", "closed", "2026-12-04T22:00"),
    ("22:00-02:00", "2026-11-23T23:00", "open", "2026-11-24T02:00"),
    ("晚上10点-凌晨2点", "2026-11-24T01:00", "open", "2026-11-24T02:00"),
    # 24 hours: nothing ever changes
    ("24小时", "2026-11-23T03:00", "open", None),
    ("全天开放", "2026-10-01T00:00", "open", None),
    ("24/7", "2027-02-06T12:00", "open", None),
    ("周末全天", "2026-11-27T23:59", "closed", "2026-11-28T00:00"),
    ("周末全天", "2026-11-28T12:00", "open", "2026-11-30T00:00"),
    ("暂停开放", "2026-11-23T10:00", "closed", None),
    # every day, holidays too; a text without days
    ("11:00 - 19:00", "2026-11-29T11:00", "open", "2026-11-29T19:00"),
    ("每天 9:00-17:00", "2026-10-01T10:00", "open", "2026-10-01T17:00"),
    ("全年无休 9:00-17:00", "2027-10-01T10:00", "open", "2027-10-01T17:00"),
    # 2026: 元旦 1–3, 4 works
    (OFFICE, "2025-12-31T17:30", "closed", "2026-01-04T08:30"),
    (OFFICE, "2026-01-02T10:00", "closed", "2026-01-04T08:30"),
    (OFFICE, "2026-01-04T10:00", "open", "2026-01-04T12:00"),
    # 春节 02-15–23; 02-14 and 02-28 work
    (OFFICE, "2026-02-14T16:00", "open", "2026-02-14T17:30"),
    (OFFICE, "2026-02-14T17:30", "closed", "2026-02-24T08:30"),
    (OFFICE, "2026-02-28T09:00", "open", "2026-02-28T12:00"),
    (OFFICE, "2026-02-20T09:00", "closed", "2026-02-24T08:30"),
    # 清明 04-04–06, 劳动节 05-01–05 with 05-09, 端午 06-19–21
    (OFFICE, "2026-04-06T09:00", "closed", "2026-04-07T08:30"),
    (OFFICE, "2026-05-05T09:00", "closed", "2026-05-06T08:30"),
    (OFFICE, "2026-05-09T09:00", "open", "2026-05-09T12:00"),
    (OFFICE, "2026-06-19T09:00", "closed", "2026-06-22T08:30"),
    # 中秋 09-25–27, 国庆 10-01–07; 09-20 and 10-10 work
    (OFFICE, "2026-09-20T09:00", "open", "2026-09-20T12:00"),
    (OFFICE, "2026-09-25T09:00", "closed", "2026-09-28T08:30"),
    (OFFICE, "2026-10-07T09:00", "closed", "2026-10-08T08:30"),
    (OFFICE, "2026-10-10T09:00", "open", "2026-10-10T12:00"),
    (OFFICE, "2026-10-11T09:00", "closed", "2026-10-12T08:30"),
    ("工作日 8:30-17:30", "2026-10-10T09:00", "open", "2026-10-10T17:30"),
    ("工作日 8:30-17:30", "2026-10-01T09:00", "closed", "2026-10-08T08:30"),
    (WORKDAYS, "2026-10-10T10:00", "closed", "2026-10-10T14:00"),
    (WORKDAYS, "2026-10-17T10:00", "open", "2026-10-17T20:00"),
    (WITH_SATURDAY, "2026-10-10T11:00", "open", "2026-10-10T12:00"),
    (WITH_SATURDAY, "2026-09-20T11:00", "open", "2026-09-20T17:30"),
    (WITH_SATURDAY, "2026-10-03T11:00", "closed", "2026-10-08T08:30"),
    # a make-up day when Friday has other hours: until 16:00 sure, then not
    (EARLY_FRIDAY, "2026-10-10T10:00", "open", None),
    (EARLY_FRIDAY, "2026-10-10T16:30", "unknown", None),
    # museums
    (MUSEUM, "2026-11-23T10:00", "closed", "2026-11-24T09:00"),
    (MUSEUM, "2026-10-05T10:00", "open", "2026-10-05T17:00"),
    (PLAIN_MUSEUM, "2026-10-05T10:00", "closed", "2026-10-06T09:00"),
    (PLAIN_MUSEUM, "2026-10-01T10:00", "open", "2026-10-01T17:00"),
    (PLAIN_MUSEUM, "2026-09-20T10:00", "open", "2026-09-20T17:00"),
    # no word on holidays: unknown only while it makes a difference
    (SILENT, "2026-10-01T10:00", "unknown", None),
    (SILENT, "2026-10-01T20:00", "closed", None),
    (SILENT, "2026-10-10T10:00", "unknown", None),
    (SILENT, "2026-10-17T10:00", "closed", "2026-10-19T08:30"),
    (USUAL, "2026-10-01T10:00", "open", "2026-10-01T17:30"),
    (USUAL, "2026-10-10T10:00", "closed", "2026-10-12T08:30"),
    # years that are not published
    (OFFICE, "2027-10-01T10:00", "unknown", None),
    (OFFICE, "2027-10-06T10:00", "unknown", None),
    (OFFICE, "2027-10-09T10:00", "unknown", None),
    (OFFICE, "2027-10-01T20:00", "closed", None),
    (OFFICE, "2027-03-10T10:00", "open", "2027-03-10T12:00"),
    (OFFICE, "2027-07-17T10:00", "closed", "2027-07-19T08:30"),
    (OFFICE, "2026-12-31T17:30", "closed", None),
    (OFFICE, "2044-10-03T10:00", "unknown", None),
    (PLAIN_MUSEUM, "2027-10-01T10:00", "open", "2027-10-01T17:00"),
    # seasons
    (SEASONS, "2026-10-31T17:45", "open", "2026-10-31T18:00"),
    (SEASONS, "2026-11-01T17:45", "closed", "2026-11-02T08:30"),
    (SEASONS, "2026-04-30T08:15", "closed", "2026-04-30T08:30"),
    (SEASONS, "2026-05-01T08:15", "open", "2026-05-01T18:00"),
    (SEASONS, "2028-02-29T08:30", "open", "2028-02-29T17:30"),
    ("每天 9:00-17:00；7月1日-8月31日休息", "2026-06-30T17:00", "closed", "2026-09-01T09:00"),
    ("2026年7月1日-2026年8月31日 9:00-12:00", "2026-08-31T12:00", "closed", None),
    ("2026年7月1日-2026年8月31日 9:00-12:00", "2026-06-30T12:00", "closed", "2026-07-01T09:00"),
    # 寒暑假
    (HOLIDAY_CLUB, "2026-07-10T10:00", "closed", "2026-07-10T16:30"),
    (HOLIDAY_CLUB, "2026-07-13T10:00", "open", "2026-07-13T17:00"),
    (HOLIDAY_CLUB, "2026-08-31T10:00", "open", "2026-08-31T17:00"),
    (HOLIDAY_CLUB, "2026-09-01T10:00", "closed", "2026-09-01T16:30"),
    (HOLIDAY_CLUB, "2026-02-17T10:00", "closed", "2026-02-24T09:00"),
    (HOLIDAY_CLUB, "2027-07-20T10:00", "unknown", None),
    (HOLIDAY_CLUB, "2027-07-20T16:45", "open", None),
    (HOLIDAY_CLUB, "2027-07-20T08:00", "closed", None),
    (HOLIDAY_CLUB, "2027-11-24T16:45", "open", "2027-11-24T18:00"),
    (NO_SUMMER, "2026-07-10T17:30", "closed", "2026-09-01T08:30"),
    (NO_SUMMER, "2026-02-03T10:00", "open", "2026-02-03T17:30"),
    (NO_SUMMER, "2027-08-02T10:00", "unknown", None),
    # nth weekday of a month
    (NTH, "2026-12-05T09:00", "open", "2026-12-05T12:00"),
    (NTH, "2026-11-07T12:00", "closed", "2026-12-05T09:00"),
    (NTH, "2026-12-12T10:00", "closed", None),
    (LAST, "2026-11-29T10:00", "open", "2026-11-29T12:00"),
    (LAST, "2026-11-22T10:00", "closed", "2026-11-29T09:00"),
    # never a guess
    ("预约开放", "2026-11-23T10:00", "unknown", None),
    ("周六预约开放；周一至周五 9:00-17:00；节假日照常", "2026-11-28T10:00", "unknown", None),
    ("周六预约开放；周一至周五 9:00-17:00；节假日照常", "2026-11-29T10:00", "closed", "2026-11-30T09:00"),
    ("看心情", "2026-11-23T10:00", "unknown", None),
    ("", "2026-11-23T10:00", "unknown", None),
    (None, "2026-11-23T10:00", "unknown", None),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(("text", "instant", "state", "change"), TABLE)
def test_the_table_of_hours(text: str | None, instant: str, state: str, change: str | None) -> None:
    answer = opening(text, at(instant), TERMS)

    assert answer.state == state
    assert answer.next_change == (at(change) if change else None)


@pytest.mark.parametrize(("text", "instant"), [row[:2] for row in TABLE])
def test_a_text_that_is_only_tried_gets_the_same_answer_and_leaves_nothing_behind(text, instant):
    stored = opening(text, at(instant), TERMS)
    kept = hours._plan.cache_info(), hours._line.cache_info()

    answer, _ = tried(text or "", at(instant), TERMS)

    assert answer == stored
    assert (hours._plan.cache_info(), hours._line.cache_info()) == kept


def test_label_and_filter_give_the_same_answer_for_the_whole_table() -> None:
    texts = [row[0] for row in TABLE]
    for instant in {row[1] for row in TABLE}:
        answer = states(texts, at(instant), TERMS)

        assert list(answer) == [CODES[opening(text, at(instant), TERMS).state] for text in texts]


def test_the_next_change_is_in_the_zone_of_the_instant() -> None:
    change = opening(OFFICE, at("2026-11-23T09:00"), TERMS).next_change

    assert change is not None
    assert change.isoformat() == "2026-11-23T12:00:00+08:00"


def test_an_answer_holds_only_until_nobody_knows() -> None:
    before = opening(SILENT, at("2026-10-01T08:00"), TERMS)
    inside = opening(SILENT, at("2026-10-01T10:00"), TERMS)

    assert (before.state, before.next_change, before.until) == ("closed", None, at("2026-10-01T08:30"))
    assert (inside.state, inside.next_change, inside.until) == ("unknown", None, at("2026-10-01T17:30"))


def test_of_a_text_that_is_not_understood_no_further_day_is_asked():
    hours._line.cache_clear()

    answer = opening("看心情", at("2026-11-23T10:00"), TERMS)

    assert answer == hours.Opening("unknown", None)
    assert hours._line.cache_info().currsize == 0


def test_seconds_do_not_move_a_change() -> None:
    instant = at("2026-11-23T11:59").replace(second=59, microsecond=999_999)

    assert opening(OFFICE, instant, TERMS).state == "open"


@pytest.mark.parametrize(
    ("text", "weekend"),
    [
        (OFFICE, False),
        (MUSEUM, True),
        ("24小时", True),
        ("11:00-19:00", True),
        ("每天 9:00-17:00（周末除外）", False),
        ("每天 9:00-17:00（周六除外）", True),
        (WITH_SATURDAY, True),
        (NTH, True),
        ("预约开放", None),
        ("看心情", None),
        ("", None),
        (None, None),
    ],
)
def test_open_on_weekends_is_yes_no_or_unknown(text: str | None, weekend: bool | None) -> None:
    assert opens_on_weekends(text) is weekend
    assert weekends([text]) == bytes([{None: 0, True: 1, False: 2}[weekend]])


def test_a_week_shows_the_make_up_day() -> None:
    _, days = tried(OFFICE, at("2026-10-05T10:00"), TERMS)
    _, nothing = tried("", at("2026-10-05T10:00"), TERMS)

    spans_of_a_day = [("08:30", "12:00", "open"), ("14:30", "17:30", "open")]
    assert [spans for _, spans in days] == [[], [], [], *[spans_of_a_day] * 3, []]
    assert nothing[0][1] == [("00:00", "24:00", "unknown")]


@pytest.mark.parametrize("year", [1, 2, 1900, 2050, 2100, 9998, 9999])
def test_no_year_is_an_exception(year: int) -> None:
    for day in (date(year, 1, 1), date(year, 12, 31)):
        for text in (OFFICE, HOLIDAY_CLUB, NIGHT, "24/7"):
            instant = datetime(day.year, day.month, day.day, 23, 59, tzinfo=SHANGHAI)
            assert opening(text, instant, TERMS).state in CODES


# The oracle: the 2026 notice written down by hand, and minutes counted one by one.

OFF_2026 = [("0101", 3), ("0215", 9), ("0404", 3), ("0501", 5), ("0619", 3), ("0925", 3), ("1001", 7)]
HOLIDAYS = {
    datetime.strptime(f"2026{first}", "%Y%m%d").date() + timedelta(days=i)
    for first, days in OFF_2026
    for i in range(days)
}
MAKE_UP = {date(2026, m, d) for m, d in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]}
NAMES = "一二三四五六日"

Week = dict[int, list[tuple[int, int]]]


@st.composite
def weeks(draw: st.DrawFn) -> tuple[Week, str]:
    """A week in which some weekdays share hours, and how a worker writes it."""
    of_day = draw(st.lists(st.integers(0, 3), min_size=7, max_size=7).filter(any))
    week_of: Week = {}
    clauses = []
    for group in sorted({g for g in of_day if g}):
        cuts = draw(st.lists(st.integers(0, 287), min_size=2, max_size=6, unique=True).map(sorted))
        cuts = [5 * cut for cut in cuts[: len(cuts) // 2 * 2]]
        spans = list(zip(cuts[::2], cuts[1::2], strict=True))
        if draw(st.booleans()) and spans[0][0] > 60:
            start = draw(st.integers(spans[-1][1] + 1, 1439)) if spans[-1][1] < 1439 else None
            spans += [(start, 1440 + draw(st.integers(0, min(59, start - 1))))] if start else []
        days = [day for day in range(7) if of_day[day] == group]
        week_of |= dict.fromkeys(days, spans)
        colon, dash, comma = draw(
            st.sampled_from([(":", "-", "，"), ("：", "—", "、"), (":", "~", ","), (":", "至", " ")])
        )
        said = comma.join(_said(span, colon, dash) for span in spans)
        clauses.append(
            "、".join(f"周{NAMES[day]}" for day in days) + draw(st.sampled_from([" ", "", "："])) + said
        )
    clauses = draw(st.permutations(clauses))
    return week_of, draw(st.sampled_from(["；", "。", "\n"])).join(clauses)


def _said(span: tuple[int, int], colon: str, dash: str) -> str:
    start, end = span
    tomorrow = "次日" if end > 1440 else ""
    end -= 1440 if tomorrow else 0
    return f"{start // 60}{colon}{start % 60:02d}{dash}{tomorrow}{end // 60}{colon}{end % 60:02d}"


def oracle(hours: Week, holidays_off: bool) -> Callable[[datetime], str]:
    def tables(day: date) -> list[list[tuple[int, int]]]:
        own = hours.get(day.weekday(), [])
        if not holidays_off:
            return [own]
        if day in HOLIDAYS:
            return [[]]
        if day in MAKE_UP and not own:
            return [hours.get(weekday, []) for weekday in range(5)]
        if day in MAKE_UP and not any(hours.get(weekday) for weekday in range(5)):
            return [own, []]
        return [own]

    def state(instant: datetime) -> str:
        minute, day = instant.hour * 60 + instant.minute, instant.date()
        votes = [[any(a <= minute < b for a, b in table) for table in tables(day)]]
        votes.append(
            [any(a <= minute + 1440 < b for a, b in table) for table in tables(day - timedelta(days=1))]
        )
        if any(all(vote) for vote in votes):
            return "open"
        return "unknown" if any(any(vote) for vote in votes) else "closed"

    return state


INSTANTS = st.datetimes(datetime(2026, 1, 3), datetime(2026, 12, 1)) | st.sampled_from(
    [
        datetime(day.year, day.month, day.day, hour)
        for day in sorted(HOLIDAYS | MAKE_UP)
        for hour in (0, 9, 23)
    ]
)


@settings(max_examples=80, deadline=None)
@given(weeks(), INSTANTS, st.booleans())
def test_counting_minutes_gives_the_same_state_and_change(
    drawn: tuple[Week, str], instant: datetime, holidays_off: bool
) -> None:
    hours, text = drawn
    text += "；节假日休息" if holidays_off else "；节假日照常"
    state = oracle(hours, holidays_off)

    answer = opening(text, instant.replace(tzinfo=SHANGHAI), TERMS)

    assert understand(text).problem is None
    assert answer.state == state(instant)
    now = instant.replace(second=0, microsecond=0)
    later = (now + timedelta(minutes=i) for i in range(1, 12 * 1440))
    change = next((minute for minute in later if state(minute) != answer.state), None)
    if answer.state == "unknown" or (change and state(change) == "unknown"):
        assert answer.next_change is None
    elif change:
        assert answer.next_change == change.replace(tzinfo=SHANGHAI)
    else:
        assert answer.next_change is None or answer.next_change.replace(tzinfo=None) - now > timedelta(
            days=11
        )


@settings(max_examples=60, deadline=None)
@given(st.lists(weeks().map(lambda drawn: drawn[1]) | st.none() | st.text(max_size=20), max_size=8), INSTANTS)
def test_many_texts_at_once_get_the_answers_of_each_alone(texts: list[str | None], instant: datetime) -> None:
    local = instant.replace(tzinfo=SHANGHAI)

    assert list(states(texts, local, TERMS)) == [CODES[opening(text, local, TERMS).state] for text in texts]


@settings(max_examples=60, deadline=None)
@given(weeks(), INSTANTS)
def test_what_was_understood_means_the_same_as_osm_and_in_chinese(
    drawn: tuple[Week, str], instant: datetime
) -> None:
    text = drawn[1] + "；节假日休息"
    local = instant.replace(tzinfo=SHANGHAI)

    understood = understand(text)

    assert understood.rules is not None
    assert opening(understood.rules, local, TERMS) == opening(text, local, TERMS)
    assert opening(understood.said, local, TERMS) == opening(text, local, TERMS)


@settings(max_examples=60, deadline=None)
@given(weeks(), st.datetimes(datetime(2026, 11, 2), datetime(2026, 12, 20)))
def test_the_osm_library_reads_our_rules_alike_in_ordinary_weeks(
    drawn: tuple[Week, str], instant: datetime
) -> None:
    from opening_hours import OpeningHours

    text = drawn[1] + "；节假日休息"
    instant = instant.replace(second=0, microsecond=0)

    rules = understand(text).rules or ""
    # what goes on past midnight the library drops where the next day's rule stands before it
    assume(not re.search(r"-2[4-9]:(?!00)", rules))
    theirs = OpeningHours(rules)

    assert theirs.is_open(instant) == (opening(text, instant.replace(tzinfo=SHANGHAI), TERMS).state == "open")
