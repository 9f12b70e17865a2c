"""填报值: what departments and counties say that an indicator was in a year.

Of what the registry does not count it is the figure; of what it counts it stands beside (beside.py). A
correction is a further version: what was said before stays. The monitors pass or return each version (五(一)):
what they returned is no figure, what they have not looked at yet is one, and says so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from servicemap import db, divisions
from servicemap.access import REPORT, Actor, keeps_registry, require
from servicemap.audit import Log, head_seq, write_txn
from servicemap.coverage.indicators import Measure, departments_of, list_indicators
from servicemap.errors import ForbiddenError, InvalidError, NotFoundError, Problem, RegistryError
from servicemap.models import Division

WAITING, PASSED, RETURNED = "waiting", "passed", "returned"  # 等审核 已通过 退回了
REMARKS = {WAITING: "报了，监测组还没有审核", RETURNED: "退回了，等更正"}


@dataclass(frozen=True, slots=True)
class Value:
    """`value` is exact, in the indicator's unit; numerator and denominator where they were given; `reason` is
    that of a return, `first_on` the day of the first version."""

    value: Fraction
    text: str
    numerator: int | None
    denominator: int | None
    source: str
    note: str | None
    version: int
    reported_on: date
    reported_by: str
    state: str
    reason: str | None
    first_on: date


@dataclass(frozen=True, slots=True)
class Said:
    """A value as it is handed in: a decimal as it was written, or numerator and denominator; `row` of its file."""

    indicator: str
    division: str
    year: int
    value: str | None
    numerator: int | None
    denominator: int | None
    source: str
    note: str | None
    row: int | None = None


Values = Mapping[tuple[str, int], Mapping[int, Value]]  # (indicator, division id) → year → the last version
_COLUMNS = "indicator_id, division_id, year, value, numerator, denominator, source, note, version, reported_on, reported_by"


def values_of(division_ids: Sequence[int]) -> Values:
    """What was last said of each year. One query."""
    if not division_ids:
        return {}
    marks = ", ".join("?" * len(division_ids))
    found: dict[tuple[str, int], dict[int, Value]] = {}
    rows = db.query(
        f"SELECT {', '.join('v.' + name for name in _COLUMNS.split(', '))}, d.passed, d.reason FROM reported_value v"
        " LEFT JOIN value_decision d ON d.indicator_id = v.indicator_id AND d.division_id = v.division_id"
        f" AND d.year = v.year AND d.version = v.version WHERE v.division_id IN ({marks}) ORDER BY v.version",
        list(division_ids),
    )
    for (
        indicator,
        division,
        year,
        text,
        numerator,
        denominator,
        source,
        note,
        version,
        on,
        by,
        passed,
        why,
    ) in rows:
        years = found.setdefault((indicator, division), {})
        first_on = years[year].first_on if year in years else db.day(on)
        state = WAITING if passed is None else PASSED if passed else RETURNED
        said = (Fraction(text), text, numerator, denominator, source, note, version, db.day(on), by)
        years[year] = Value(*said, state, why, first_on)
    return found


def report_values(actor: Actor, said: Iterable[Said], today: date) -> dict[str, int]:
    """Note values, all of them or none: {created, corrected, unchanged}. The same again is no new version. InvalidError
    with every row that cannot be; ForbiddenError for a division or a department that is not the actor's."""
    known = {indicator.id: indicator for indicator in list_indicators()}
    checked: dict[tuple[str, int, int], tuple[Division, Said, str]] = {}
    problems = []
    for each in said:
        try:
            division = divisions.get(each.division, on=min(today, date(each.year, 12, 31)))
            text = _checked(actor, division, known, each, today)
        except ForbiddenError:
            raise
        except RegistryError as error:
            problems.append(Problem(error.code, error.detail, row=each.row))
            continue
        place = (each.indicator, division.id, each.year)
        if place in checked:
            problems.append(Problem("value_twice", f"{each.indicator} {each.year} 年写了两次", row=each.row))
        checked[place] = (division, each, text)
    if problems:
        detail = (
            problems[0].detail
            if len(problems) == 1 and not problems[0].row
            else f"{len(problems)} 行有错，什么都没有写入"
        )
        code = problems[0].code if len(problems) == 1 else "bad_rows"
        raise InvalidError(detail, code, problems)
    done = dict.fromkeys(("created", "corrected", "unchanged"), 0)
    with write_txn(actor) as log:
        head_seq(lock=True)  # of two who report at once the second's is the later version
        for division, each, text in checked.values():
            done[_write(log, division, each, text, today)] += 1
    return done


def _checked(actor: Actor, division: Division, known: Mapping[str, Measure], said: Said, today: date) -> str:
    """The value as it will be kept."""
    require(actor, REPORT, division.id)
    indicator = known.get(said.indicator)
    if indicator is None:
        raise NotFoundError(f"没有“{said.indicator}”这个指标；请看 indicator list", "indicator_not_found")
    if actor.departments is not None and not actor.departments & departments_of(indicator):
        own = "、".join(sorted(actor.departments))
        raise ForbiddenError(f"{indicator.id} 由{indicator.department}报，不由{own}", "out_of_departments")
    if not 2000 <= said.year <= today.year:
        raise InvalidError(f"年份应在 2000 到 {today.year} 之间，不是 {said.year}", "bad_year")
    if not said.source.strip():
        raise InvalidError("要写来源", "source_required")
    return _value(indicator.unit, said.value, said.numerator, said.denominator)


def _write(log: Log, division: Division, each: Said, text: str, today: date) -> str:
    said = (text, each.numerator, each.denominator, each.source, each.note)
    last = values_of([division.id]).get((each.indicator, division.id), {}).get(each.year)
    if last and (last.text, last.numerator, last.denominator, last.source, last.note) == said:
        return "unchanged"
    version = last.version + 1 if last else 1
    place = (each.indicator, division.id, each.year)
    db.execute(
        f"INSERT INTO reported_value ({_COLUMNS}) VALUES ({', '.join('?' * 11)})",
        (*place, *said, version, today.isoformat(), log.actor.post),
    )
    if keeps_registry(log.actor):  # who answers for the whole registry has nobody to look at it
        decide_value(log, place, version, True, None, today)
    names = ("value", "numerator", "denominator", "source", "note")
    before: Sequence[Any] = (
        [getattr(last, "text" if n == "value" else n) for n in names] if last else [None] * 5
    )
    changed = {n: [old, new] for n, old, new in zip(names, before, said, strict=True) if old != new}
    key = f"{each.indicator} {division.padded_code} {each.year}"
    log.record_change("reported_value", key, "update" if last else "create", changed)
    return "corrected" if last else "created"


def decide_value(
    log: Log, place: tuple[str, int, int], version: int, passed: bool, reason: str | None, today: date
) -> None:
    """Note what was decided of a version: `place` is (indicator, division id, year)."""
    db.execute(
        "INSERT INTO value_decision (indicator_id, division_id, year, version, passed, decided_on, decided_by,"
        " reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*place, version, passed, today.isoformat(), log.actor.post, reason),
    )


def _value(unit: str, value: str | None, numerator: int | None, denominator: int | None) -> str:
    if (numerator is None) != (denominator is None) or (value is None) == (numerator is None):
        raise InvalidError("请给一个数值，或分子和分母两个", "value_or_parts")
    if value is None:
        if unit not in ("%", "‰") or not denominator or numerator is None:
            raise InvalidError("分子分母只用于 % 和 ‰，分母大于 0", "no_parts")
        value = str(Fraction(numerator * (100 if unit == "%" else 1000), denominator))
    elif not re.fullmatch(r"-?[0-9]{1,9}([.][0-9]{1,6})?", value):
        raise InvalidError(f"“{value}”不是数；例如 96.5", "bad_number")
    exact = Fraction(value)
    if exact < 0 or (unit == "%" and exact > 100):
        raise InvalidError(f"{value} 超出了可能的范围（{unit}）", "out_of_range")
    return value
