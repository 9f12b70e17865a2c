"""Chinese hours text → rules: what a worker types, 周一至周五 8:30-12:00，14:30-17:30；节假日休息. Pure.

The text is cut into tokens; a token that nobody knows refuses the whole text with the piece in the
sentence, because a label built on half a text is a wrong label. A clause is what stands before its
times: period (months, 寒暑假), days, nth of the month; the next such word begins the next clause.
"""

import re
import unicodedata
from dataclasses import replace

from servicemap.hours_rules import (
    DAY,
    EVERY_DAY,
    HOLIDAY,
    SUMMER,
    WINTER,
    WORKDAY,
    Dates,
    NotUnderstoodError,
    Plan,
    Rule,
    Span,
    dates,
    holidays_last,
    read_osm,
    say,
    tidy,
)
from servicemap.hours_words import (
    EXAMPLE,
    TOKEN,
    date_of,
    fold,
    inside,
    minutes_of,
    not_known,
    number_of,
    span_of,
    weekdays_of,
    without,
)

MAX_CHARS = 500


def read(text: str) -> Plan:
    """The plan of a text, Chinese or OSM. Raises NotUnderstoodError with a Chinese sentence."""
    if len(text) > MAX_CHARS:
        raise NotUnderstoodError(f"开放时间最多 {MAX_CHARS} 个字；请写成：{EXAMPLE}")
    text = unicodedata.normalize("NFKC", text).replace("—", "-").replace("–", "-").strip()
    if not text:
        raise NotUnderstoodError(f"没有写时间；请写成：{EXAMPLE}")
    outside = re.sub(r'"[^"]*"', "", text)  # an OSM comment may be Chinese
    if not re.search(r"[\u3400-\u9fff]", outside) and re.search(r"[A-Za-z]{2}|24/7|\"", text):
        return read_osm(fold(text))
    return _Reader(fold(text)).plan()


_DAYS = {"workday", "weekend", "every", "weekdays", "holiday"}
_WHEN = _DAYS | {"date", "term", "school", "nth"}


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.rules: list[Rule] = []
        self.implied: set[int] = set()  # rules whose days were not written
        self.later: list[Rule] = []  # exceptions said in brackets before the hours
        self.excepted = False
        self.notes: list[str] = []
        self.as_usual = self.school = False
        self.period: tuple[Dates, ...] = ()  # goes on in the next clauses
        self.period_term = False
        self.period_had_days = False
        self._clear()

    def _clear(self) -> None:
        self.dates: list[Dates] = []
        self.term = False
        self.days: set[int] = set()
        self.nth: tuple[int, ...] = ()
        self.spans: list[Span] = []
        self.season = self.what = ""  # what: "", closed, unknown
        self.excluding = self.more = False

    # tokens

    def plan(self) -> Plan:
        tokens = self._tokens()
        at = 0
        while at < len(tokens):
            kind, found = tokens[at]
            at = self._take(kind, found, tokens, at)
        self._flush()
        return self._finish()

    def _tokens(self) -> list[tuple[str, re.Match[str]]]:
        tokens, at = [], 0
        while at < len(self.text):
            found = TOKEN.match(self.text, at)
            if not found:
                raise not_known(self.text[at : at + 12])
            at = found.end()
            kind = found.lastgroup or ""
            if kind not in ("space", "noise", "through"):
                tokens.append((kind, found))
        return tokens

    def _take(self, kind: str, found: re.Match[str], tokens: list[tuple[str, re.Match[str]]], at: int) -> int:
        word = found[0]
        if kind in _WHEN:
            if self._complete() and not self._belongs_to_hours(tokens, at):
                self._flush()
            if kind == "date":
                return self._take_dates(tokens, at)
            self._select(kind, word)
        elif kind in ("part", "next", "time"):
            if self.what:
                self._flush()
            return self._take_span(tokens, at)
        elif kind == "season":
            if self._complete():
                self._flush()
            self.season = word
        elif kind == "allday":
            self.spans = [(0, DAY)]
        elif kind == "closed":
            self._close(word)
        elif kind == "lunch":
            return self._take_lunch(tokens, at)
        elif kind == "open":
            return self._take_bracket(tokens, at)
        elif kind == "usual":
            self._usual()
        elif kind == "butfor":
            if self._complete():
                self._flush()
            self.excluding = True
        elif kind == "but":
            self._except(word)
        elif kind == "appointment":
            self._appointment(word)
        elif kind == "entry":
            self.notes.append(word)
        elif kind == "more":
            if self._complete():
                self._flush()
            self.more = True
        elif kind == "rest" and self.what:
            self._flush()
        elif kind == "festival":
            raise NotUnderstoodError(
                f"不能只写“{word}”一个节日；请写“节假日休息”，或写明日期，例如：2026年2月15日-23日休息"
            )
        elif kind in ("dayonly", "dash") or (kind == "rest" and self._complete()):
            raise not_known(self.text[found.start() : found.start() + 8])
        return at + 1

    def _complete(self) -> bool:
        return bool(self.spans or self.what)

    def _belongs_to_hours(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> bool:
        """9:00-17:00（周一至周五）: the days stand in brackets behind the times of a clause without days."""
        bare = bool(self.spans) and not (self.days or self.dates or self.term)
        return (
            bare and tokens[at - 1][0] == "open" and set(self._bracket(tokens, at)) <= {*_WHEN, "sep", "dash"}
        )

    def _bracket(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> list[str]:
        """The kinds of tokens from here to the closing bracket."""
        kinds = []
        for kind, found in tokens[at:]:
            if found[0] in ")]】":
                break
            kinds.append(kind)
        return kinds

    def _take_bracket(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> int:
        """周一至周五（节假日除外）8:30-17:30: closed on the days in the brackets; else read on inside them."""
        kinds = self._bracket(tokens, at + 1)
        if (
            self._complete()
            or not self.days
            or "but" not in kinds
            or not set(kinds) <= {*_DAYS, "sep", "but", "butfor"}
        ):
            return at + 1
        outer, self.days = self.days, set()
        for kind, found in tokens[at + 1 : at + 1 + len(kinds)]:
            if kind in _DAYS:
                self._select(kind, found[0])
        self.later.append(Rule(frozenset(self.days)))
        self.days = outer
        return at + 2 + len(kinds)

    def _select(self, kind: str, word: str) -> None:
        if kind == "workday":
            self.days.add(WORKDAY)
        elif kind == "weekend":
            self.days |= {5, 6}
        elif kind == "every":
            self.days |= EVERY_DAY
        elif kind == "holiday":
            self.days.add(HOLIDAY)
        elif kind == "weekdays":
            self.days |= weekdays_of(word)
        elif kind == "nth":
            numbers = re.sub(r"每个?月", "", word)
            self.nth = (
                (-1,)
                if "最后" in word
                else tuple(sorted({number_of(n) for n in re.findall(r"[一二三四五1-5]", numbers)}))
            )
        elif kind == "term":
            self.term = True
            if "寒" not in word and "学生" not in word:
                self.dates.append(SUMMER)
            elif "暑" not in word and "学生" not in word:
                self.dates.append(WINTER)
        elif kind == "school":
            self.school = True
            self.period, self.period_term, self.period_had_days = (), False, True

    def _take_dates(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> int:
        first = date_of(tokens[at][1])
        last = first
        at += 1
        if at + 1 < len(tokens) and tokens[at][0] == "dash":
            kind, found = tokens[at + 1]
            if kind == "date":
                last = date_of(found)
                last = (last[0] or first[0], *last[1:])
                at += 2
            elif kind == "dayonly" and first[2]:
                last = (first[0], first[1], int(found[0][:-1]))
                at += 2
        self.dates.append(dates(first, last))
        return at

    def _take_span(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> int:
        start_at = at
        start, part, _, at = self._time(tokens, at)
        if start is None or at >= len(tokens) or tokens[at][0] != "dash":
            piece = self.text[tokens[start_at][1].start() :][:12]
            raise NotUnderstoodError(f"“{piece}”要写明从几点到几点，例如 8:30-12:00")
        end, end_part, tomorrow, at = self._time(tokens, at + 1)
        piece = self.text[tokens[start_at][1].start() : tokens[at - 1][1].end()]
        if end is None:
            raise NotUnderstoodError(f"“{piece}”没有写到几点为止，例如 8:30-12:00")
        self.spans.append(span_of(piece, (start, part), (end, end_part), tomorrow))
        return at

    def _time(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> tuple[int | None, str, bool, int]:
        part, tomorrow = "", False
        while at < len(tokens) and tokens[at][0] in ("part", "next", "open", "sep"):
            kind, found = tokens[at]
            if kind in ("open", "sep") and (not part or found[0] not in ":("):
                break
            part = found[0] if kind == "part" else part
            tomorrow |= kind == "next"
            at += 1
        if at < len(tokens) and tokens[at][0] == "time":
            return minutes_of(tokens[at][1][0]), part, tomorrow, at + 1
        return None, part, tomorrow, at

    # clauses

    def _close(self, word: str) -> None:
        if self.what == "unknown":
            raise not_known(word)
        if len(self.spans) > 1 and inside(self.spans[-1], self.spans[:-1]):
            self.spans = without(self.spans[:-1], self.spans[-1])  # 8:30-17:30，12:00-14:00休息
        elif self.spans and self.spans != [(0, DAY)]:
            raise NotUnderstoodError(f"“{word}”前面写了时间：是开放还是休息？请分开写，例如：{EXAMPLE}")
        elif self.days or self.dates or self.term:
            self.spans, self.what = [], "closed"
        elif self.rules or self.notes or self.spans:
            raise NotUnderstoodError(f"“{word}”是指哪一天？请写成“周一{word}”或“节假日{word}”")
        else:
            self.days, self.what = set(EVERY_DAY), "closed"

    def _take_lunch(self, tokens: list[tuple[str, re.Match[str]]], at: int) -> int:
        word = tokens[at][1][0]
        at += 1
        while at < len(tokens) and tokens[at][0] in ("sep", "open"):
            at += 1
        before = list(self.spans)
        if not before or at >= len(tokens) or tokens[at][0] not in ("time", "part"):
            raise NotUnderstoodError(f"“{word}”是几点到几点？请写成：8:30-12:00，14:30-17:30")
        at = self._take_span(tokens, at)
        if not inside(self.spans[-1], before):
            raise NotUnderstoodError(f"“{word}”不在开放时间里面；请写成：8:30-12:00，14:30-17:30")
        self.spans = without(before, self.spans[-1])
        return at

    def _usual(self) -> None:
        if self._complete() and self.days - {HOLIDAY}:
            self._flush()
        if HOLIDAY in self.days or not self.days or self.days >= EVERY_DAY:
            self.as_usual = True
            self.days.discard(HOLIDAY)
            if self.days and not self.spans:
                return  # 全年无休 9:00-17:00: the times come behind
            self.days = self.days if self.spans else set()
        else:
            raise NotUnderstoodError("“照常”是几点到几点？请写出时间")

    def _except(self, word: str) -> None:
        if word.startswith("不"):
            if self._complete():
                self._flush()
            self.excluding = True
            return
        if not self.days or self.spans or self.what:
            raise NotUnderstoodError(f"“{word}”前面要写明哪几天，例如：节假日{word}")
        last = self.rules[-1] if self.rules and not self.excluding else None
        if last is not None and not last.spans and not last.unknown:
            if self.days != {HOLIDAY} or last.days & {5, 6}:
                raise NotUnderstoodError(
                    f"“{self._named()}{word}”是开放还是休息？请写成“节假日休息”或“节假日照常”"
                )
            self.excepted = True
        else:
            self.what, self.excluding = "closed", False
            self._flush()
        self._clear()

    def _appointment(self, word: str) -> None:
        if self.spans or (self.rules and not (self.days or self.dates or self.term)):
            self.notes.append(word)
        elif not self.what:
            self.days = self.days or set(EVERY_DAY)
            self.what = "unknown"

    def _flush(self) -> None:
        if self.excluding and self.days:
            self.what = "closed"
        if not self._complete():
            if self.days >= EVERY_DAY and self.as_usual and self.rules:
                self._clear()  # 9:00-17:00，全年无休
                return
            if self.days or self.dates or self.term or self.nth:
                raise NotUnderstoodError(f"“{self._named()}”没有写几点到几点，也没有写休息")
            return
        own = bool(self.dates or self.term)
        if self.season and not own:
            raise NotUnderstoodError(
                f"“{self.season}”是几月到几月？请写成：5月-10月 8:00-18:00；11月-4月 8:30-17:30"
            )
        if own:
            # 7月1日-8月31日休息；周一至周五 …: those hours are the whole year's
            goes_on = self.what != "closed"
            self.period = tuple(self.dates) if goes_on else ()
            self.period_term, self.period_had_days = self.term and goes_on, bool(self.days)
        follows = (
            not own and (self.period or self.period_term) and self.what != "closed" and self.days != {HOLIDAY}
        )
        if follows and not self.period_had_days:
            raise NotUnderstoodError(f"“{self._named()}”是全年，还是只指前面写的那段日期？请分别写明日期")
        season = tuple(self.dates) if own else self.period if follows else ()
        term = self.term if own else bool(follows) and self.period_term
        spans = tidy(self.spans) if not self.what else ()
        if not self.days:
            self.implied.add(len(self.rules))
        rule = Rule(
            frozenset(self.days) or EVERY_DAY,
            spans,
            season,
            term,
            self.nth,
            self.what == "unknown",
            self.more,
        )
        self.rules += _apart(rule) if self.what == "closed" or HOLIDAY in rule.days else [rule]
        self._clear()

    def _named(self) -> str:
        rule = Rule(frozenset(self.days) or EVERY_DAY, (), tuple(self.dates), self.term, self.nth)
        return say(Plan((rule,))).removesuffix("休息")

    # the whole

    def _finish(self) -> Plan:
        if not self.rules:
            raise NotUnderstoodError(f"没有写几点到几点；请写成：{EXAMPLE}")
        closed = [r for r in self.rules if not (r.spans or r.unknown or r.nth or _seasonal(r))]
        shut = frozenset().union(*(rule.days for rule in closed)) - {HOLIDAY}
        rules: list[Rule] = []
        for i, rule in enumerate(self.rules):
            if i in self.implied and rule.spans and shut < EVERY_DAY:
                rule = replace(rule, days=EVERY_DAY - shut)
            _merge(rules, rule)
        if all(not rule.spans and not rule.unknown for rule in rules) and not (
            any(rule.days >= EVERY_DAY for rule in rules)
        ):
            raise NotUnderstoodError(f"只写了休息，没有写几点到几点开放；请写成：{EXAMPLE}")
        rules = sorted(rules + [part for rule in self.later for part in _apart(rule)], key=_order)
        if self.excepted:
            rules += _holiday_hours(rules)
        if self.school and not any(rule.term and not rule.dates and rule.days >= EVERY_DAY for rule in rules):
            before = next((i for i, rule in enumerate(rules) if rule.term), len(rules))
            rules.insert(before, Rule(EVERY_DAY, term=True))
        if any(WORKDAY in rule.days for rule in rules) and not any(
            HOLIDAY in rule.days or rule.days & {5, 6} for rule in rules
        ):
            rules.append(Rule(frozenset({HOLIDAY})))  # 工作日 alone: a holiday is no workday
        if any(
            self.rules[i].spans not in ((), ((0, DAY),)) and not _seasonal(self.rules[i])
            for i in self.implied
        ):
            self.notes += [] if shut else ["没有写星期，按每天理解"]
        return Plan(holidays_last(rules), self.as_usual, tuple(dict.fromkeys(self.notes)))


def _seasonal(rule: Rule) -> bool:
    return bool(rule.dates or rule.term)


def _apart(rule: Rule) -> list[Rule]:
    """周末和节假日 as two rules, so that what is said of holidays can stand last."""
    days = [rule.days - {HOLIDAY}, rule.days & {HOLIDAY}]
    return [replace(rule, days=part) for part in days if part]


def _merge(rules: list[Rule], rule: Rule) -> None:
    """Add a rule: a second one for the very same days adds its times (上午 here, 下午 there)."""
    for i, other in enumerate(rules):
        season = (other.dates, other.term, other.nth) == (rule.dates, rule.term, rule.nth)
        if rule.more or not (season and other.spans and rule.spans):
            continue
        both = tidy(other.spans + rule.spans)
        if rule.days == other.days:
            rules[i] = replace(other, spans=both)
            return
        if _weekdays_of(rule) & _weekdays_of(other) and both == tuple(sorted(other.spans + rule.spans)):
            raise NotUnderstoodError(
                f"“{say(Plan((other, rule)))}”有几天写了两次：是增加还是代替？"
                "增加请写：另周三 14:00-17:00；代替请把每一天的时间写全"
            )
    rules.append(rule)


def _weekdays_of(rule: Rule) -> frozenset[int]:
    return rule.days | frozenset(range(5)) if WORKDAY in rule.days else rule.days


def _order(rule: Rule) -> tuple[int, bool, int]:
    """Whole-year hours first, 每天 before 周六; then seasons and closed days as typed, 寒暑假, closed dates."""
    closed = not rule.spans and not rule.unknown
    if rule.term:
        return 3, False, 0
    if rule.dates or closed:
        return 4 if rule.dates and closed else 1, False, 0
    return (2, False, 0) if rule.nth else (0, rule.more, -len(_weekdays_of(rule)))


def _holiday_hours(rules: list[Rule]) -> list[Rule]:
    """逢周一闭馆（节假日除外）: on a holiday the hours of the other days."""
    hours = [rule for rule in rules if rule.spans and HOLIDAY not in rule.days]
    if len({rule.spans for rule in hours if not rule.dates}) != 1 or any(rule.dates for rule in hours):
        raise NotUnderstoodError("节假日是几点到几点？请写成：节假日 9:00-17:00")
    return [replace(hours[0], days=frozenset({HOLIDAY}))]
