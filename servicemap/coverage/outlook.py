"""展望 (五(五)): whether an indicator reaches its target at the pace at which it moves, and whether it swings. Two
warnings, each with its numbers, so that a person can do them again by hand:

预计完成困难  observed pace = (last value − first value) ÷ years between them
             required pace = (target − last value) ÷ years left until it is due
             difficult: last value + observed pace × years left misses the target
波动较大      |last change| > max(5 points, 2 × median of the absolute yearly changes before it); a point is 1 of a
             percentage, else a hundredth of the value before

A period is a year whose figure stands: frozen, or reported and not returned; and the day's own. Fewer than FEWEST
are no trend, and nothing is foretold from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from statistics import median

from servicemap.coverage import snapshots
from servicemap.coverage.expiring import Loss, losses
from servicemap.coverage.measure import Measurement, measure
from servicemap.coverage.targets import Target
from servicemap.models import Division

FEWEST = 3  # periods
POINTS = 5
STATUSES = {
    "reached": "已达到",
    "on_pace": "照这样能达到",
    "difficult": "预计完成困难",
    "overdue": "到期没有达到",
    "too_few": "不到三期，不预测",
    "unknown": "没有数",
}
Values = Mapping[int, Fraction]  # year → value, the years rising


@dataclass(frozen=True, slots=True)
class Trend:
    """`status` is one of STATUSES; paces are in the indicator's unit a year, `projected` the value in the due year;
    None where they cannot be told. `change` is the last yearly one and swings over `limit`."""

    status: str
    observed: Fraction | None = None
    required: Fraction | None = None
    projected: Fraction | None = None
    change: Fraction | None = None
    limit: Fraction | None = None

    @property
    def swings(self) -> bool:
        return self.change is not None and self.limit is not None and abs(self.change) > self.limit


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of an indicator under its default definition; `losses` until the next quarter's end."""

    measured: Measurement
    values: Values
    trend: Trend
    losses: tuple[Loss, ...]


def foresee(root: Division, on: date) -> list[Outlook]:
    """Of every indicator that has a target, for the division and its children, in the order of measure(); what it
    costs, and as much again for the quarter to come, and a frozen content a year."""
    frozen = _frozen(root, on.year)
    lost = losses(root, on)
    found = []
    for each in measure(root, on):
        if each.target is None or not each.definition.default:
            continue
        key = (each.indicator.id, each.definition.id, each.division.code)
        values = dict(sorted({**frozen.get(key, {}), **each.earlier}.items()))
        if each.exact is not None:
            values[on.year] = each.exact
        trend = trend_of(each.target, values, each.indicator.unit)
        found.append(Outlook(each, values, trend, lost.get((each.indicator.id, each.division.id), ())))
    return found


def _frozen(root: Division, before: int) -> dict[tuple[str, str, str], dict[int, Fraction]]:
    """(indicator, definition, division code) → the values of frozen years."""
    found: dict[tuple[str, str, str], dict[int, Fraction]] = {}
    for year, rows in snapshots.annual_rows(root, before).items():
        for row in rows:
            if row["exact"] is not None:
                key = (row["indicator"], row["definition"], row["division"])
                found.setdefault(key, {})[year] = Fraction(row["exact"])
    return found


def trend_of(target: Target, values: Values, unit: str) -> Trend:
    """The rules of the module's head on the values."""
    if not values:
        return Trend("unknown")
    *_, last = values
    earlier = {year: value for year, value in values.items() if year < last}
    bound = target.bound(last, earlier)
    met = target.kind != "yearly_step" and target.met(values[last], last, earlier)
    left = target.due_year - last
    if met or len(values) < FEWEST or left <= 0:
        status = "reached" if met else "overdue" if left <= 0 and bound is not None else "too_few"
        return Trend(status, **_swing(values, unit))
    first = next(iter(values))
    observed = (values[last] - values[first]) / (last - first)
    projected = values[last] + observed * left
    if target.kind == "direction":  # no number: it moves as the plan asks, or does not
        wrong = observed <= 0 if target.text == "up" else observed >= 0
        return Trend("difficult" if wrong else "on_pace", observed, **_swing(values, unit))
    if target.kind == "yearly_step" and target.value is not None:
        short = observed > target.value if target.is_ceiling else observed < target.value
        return Trend("difficult" if short else "on_pace", observed, target.value, **_swing(values, unit))
    if bound is None:
        return Trend("unknown", observed, **_swing(values, unit))
    reaches = target.met(projected, target.due_year, earlier)
    required = (bound - values[last]) / left
    return Trend("on_pace" if reaches else "difficult", observed, required, projected, **_swing(values, unit))


def _swing(values: Values, unit: str) -> dict[str, Fraction]:
    """`change` and `limit` of the last change between two years; nothing from fewer than FEWEST periods."""
    if len(values) < FEWEST:
        return {}
    years = list(values)
    changes = [(values[later] - values[year]) / (later - year) for year, later in pairwise(years)]
    *before, last = changes
    point = Fraction(1) if unit == "%" else abs(values[years[-2]]) / 100
    return {"change": last, "limit": max(POINTS * point, 2 * median(abs(each) for each in before))}
