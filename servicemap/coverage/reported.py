"""填报值: what departments and counties say that an indicator was in a year; the registry counts nothing of it.

A correction is a further version: what was said before stays.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from servicemap import db
from servicemap.access import REPORT, Actor, require
from servicemap.audit import head_seq, write_txn
from servicemap.coverage.indicators import list_indicators
from servicemap.errors import InvalidError, NotFoundError
from servicemap.models import Division


@dataclass(frozen=True, slots=True)
class Value:
    """`value` is exact, in the indicator's unit; numerator and denominator where they were given."""

    value: Fraction
    text: str
    numerator: int | None
    denominator: int | None
    source: str
    note: str | None
    version: int
    reported_on: date
    reported_by: str


Values = Mapping[tuple[str, int], Mapping[int, Value]]  # (indicator, division id) → year → the last version
_COLUMNS = "indicator_id, division_id, year, value, numerator, denominator, source, note, version, reported_on, reported_by"


def values_of(division_ids: Sequence[int]) -> Values:
    """What was last said of each year. One query."""
    marks = ", ".join("?" * len(division_ids))
    found: dict[tuple[str, int], dict[int, Value]] = {}
    for indicator, division, year, text, numerator, denominator, source, note, version, on, by in db.query(
        f"SELECT {_COLUMNS} FROM reported_value WHERE division_id IN ({marks}) ORDER BY version",
        list(division_ids),
    ):
        value = Value(Fraction(text), text, numerator, denominator, source, note, version, db.day(on), by)
        found.setdefault((indicator, division), {})[year] = value
    return found


def report_value(
    actor: Actor,
    division: Division,
    indicator_id: str,
    year: int,
    *,
    value: str | None,
    numerator: int | None = None,
    denominator: int | None = None,
    source: str,
    note: str | None = None,
    today: date,
) -> Value:
    """Note the value of an indicator for a division and a year: a decimal, or of a percentage numerator and
    denominator, from which it follows. The same again is no new version. NotFoundError for an indicator that
    nobody reports, InvalidError for what cannot be."""
    require(actor, REPORT, division.id)
    known = {each.id: each for each in list_indicators() if each.kind == "reported"}
    indicator = known.get(indicator_id)
    if indicator is None:
        raise NotFoundError(f"没有“{indicator_id}”这个报数的指标；请看 indicator list", "indicator_not_found")
    if not 2000 <= year <= today.year:
        raise InvalidError(f"年份应在 2000 到 {today.year} 之间，不是 {year}", "bad_year")
    text = _value(indicator.unit, value, numerator, denominator)
    said = (text, numerator, denominator, source, note)
    with write_txn(actor) as log:
        head_seq(lock=True)  # of two who report at once the second's is the later version
        last = values_of([division.id]).get((indicator_id, division.id), {}).get(year)
        if last and (last.text, last.numerator, last.denominator, last.source, last.note) == said:
            return last
        version = last.version + 1 if last else 1
        db.execute(
            f"INSERT INTO reported_value ({_COLUMNS}) VALUES ({', '.join('?' * 11)})",
            (indicator_id, division.id, year, *said, version, today.isoformat(), actor.post),
        )
        key = f"{indicator_id} {division.padded_code} {year}"
        names = ("value", "numerator", "denominator", "source", "note")
        before: Sequence[Any] = (
            [getattr(last, "text" if n == "value" else n) for n in names] if last else [None] * 5
        )
        changed = {n: [old, new] for n, old, new in zip(names, before, said, strict=True) if old != new}
        log.record_change("reported_value", key, "update" if last else "create", changed)
    return values_of([division.id])[indicator_id, division.id][year]


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
