"""Coverage as rows for people and programs: cut, never rounded, with the 口径 beside every figure."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from servicemap import registry
from servicemap.coverage.disparity import Disparity, Side
from servicemap.coverage.expiring import EXPIRES, STALES, Loss
from servicemap.coverage.indicators import Measure
from servicemap.coverage.measure import Measurement, measure
from servicemap.coverage.outlook import Outlook
from servicemap.coverage.reach import Reach
from servicemap.models import Division


def cut(value: Fraction, places: int) -> Decimal:
    """The value cut (not rounded) to that many decimals: 94.96 is never 95.0."""
    step = 10**places
    steps = abs(value.numerator) * step // value.denominator  # of a difference: towards 0
    return Decimal(steps if value >= 0 else -steps).scaleb(-places)


def display(value: Fraction | None, kind: str) -> str:
    """For people: cut to one decimal, counts whole; a dash where there is no value."""
    if value is None:
        return "—"
    if kind in ("count", "titled"):
        return str(value.numerator)
    return f"{cut(value, 2 if kind == 'reported' else 1)}{'%' if kind in ('share', 'place_share') else ''}"


def report(
    root: Division, on: date, *, public: bool = False, down_to: str | None = None
) -> list[dict[str, Any]]:
    """A row an indicator, definition and division (the root and its children; with `down_to` all below it down
    to that level), defaults first; `public`: for everybody."""
    demo = registry.is_demo()
    return [_row(measurement, demo) for measurement in measure(root, on, public=public, down_to=down_to)]


def _row(m: Measurement, demo: bool) -> dict[str, Any]:
    exact, target = m.exact, m.target
    return {
        "indicator": m.indicator.id,
        "name": m.indicator.name,
        "clause": m.indicator.clause,
        "kind": m.indicator.kind,
        "division": m.division.code,
        "division_name": m.division.name,
        "level": m.division.level,
        "numerator": m.numerator,
        "denominator": m.denominator,
        "reported": m.reported,
        "town_passed": m.town_passed,
        "county_passed": m.numerator,
        "verified": m.verified,
        "stale": None if m.verified is None or m.numerator is None else m.numerator - m.verified,
        "answered_none": m.answered_none,
        "unanswered": m.unanswered,
        "value": None if exact is None else float(cut(exact, 4)),
        "exact": None if exact is None else str(exact),
        "display": display(exact, m.indicator.kind),
        "unit": m.indicator.unit,
        "target": None if target is None or target.value is None else float(target.value),
        "target_kind": target and target.kind,
        "target_text": target and target.words(m.indicator.unit),
        "better": m.indicator.better,
        "key": m.indicator.is_key,
        "project": m.indicator.project,
        "department": m.indicator.department,
        "due_year": target and target.due_year,
        "needed": m.needed,
        "met": m.met,
        "definition": m.definition.id,
        "definition_name": m.definition.name,
        "default": m.definition.default,
        "other_targets": [
            {
                "at_least": None if other.value is None else float(other.value),
                "kind": other.kind,
                "text": other.words(m.indicator.unit),
                "due_year": other.due_year,
                "source": other.source,
                "to_check": other.to_check,
            }
            for other in m.indicator.targets[1:]
        ],
        "on": m.on,
        "population_on": m.population_on,
        "remark": m.remark,
        "demo": demo,
    }


def shown_indicator(indicator: Measure) -> dict[str, Any]:
    """What an indicator is: clause, targets, definitions."""
    names = ("id", "name", "name_en", "clause", "quote", "kind", "unit", "department", "project", "better")
    return {
        **{name: getattr(indicator, name) for name in names},
        "key": indicator.is_key,
        "targets": [
            {
                "at_least": None if target.value is None else float(target.value),
                "kind": target.kind,
                "text": target.words(indicator.unit),
                "due_year": target.due_year,
                "source": target.source,
                "to_check": target.to_check,
            }
            for target in indicator.targets
        ],
        "definitions": [
            {"id": each.id, "name": each.name, "default": each.default} for each in indicator.definitions
        ],
    }


def shown_disparity(each: Disparity) -> dict[str, Any]:
    """A disparity as a row: values cut, the difference in the indicator's unit."""
    places = 2 if each.indicator.kind == "reported" else 1
    return {
        "indicator": each.indicator.id,
        "name": each.indicator.name,
        "definition": each.definition.id,
        "unit": each.indicator.unit,
        "by": each.by,
        "by_name": each.by_name,
        "one": _side(each.one, each.indicator.kind),
        "other": _side(each.other, each.indicator.kind),
        "difference": str(cut(each.difference, places)),
        "ratio": None if each.ratio is None else str(cut(each.ratio, 2)),
    }


def _side(side: Side, kind: str) -> dict[str, Any]:
    return {
        "name": side.name,
        "numerator": side.numerator,
        "denominator": side.denominator,
        "exact": str(side.value),
        "display": display(side.value, kind),
    }


def shown_reach(each: Reach) -> dict[str, Any]:
    """A reach as a row: `display` of those whose position is known (a dash without any), `least` of all, as if
    the others were too far."""
    known, everybody = each.denominator, each.denominator + each.unplaced
    share, least = (Fraction(each.numerator * 100, n) if n else None for n in (known, everybody))
    return {
        "indicator": each.indicator.id,
        "name": each.indicator.name,
        "definition": each.definition.id,
        "division": each.division.code,
        "division_name": each.division.name,
        "level": each.division.level,
        "radius_m": each.radius_m,
        "numerator": each.numerator,
        "denominator": each.denominator,
        "unplaced": each.unplaced,
        "display": display(share, "share"),
        "least": display(least, "share"),
    }


def shown_outlook(each: Outlook) -> dict[str, Any]:
    """An outlook as a row: values cut, paces to two decimals."""
    m, trend = each.measured, each.trend
    numbers = {
        name: getattr(trend, name) for name in ("observed", "required", "projected", "change", "limit")
    }
    words = {name: None if value is None else str(cut(value, 2)) for name, value in numbers.items()}
    return {
        "indicator": m.indicator.id,
        "name": m.indicator.name,
        "unit": m.indicator.unit,
        "division": m.division.code,
        "division_name": m.division.name,
        "level": m.division.level,
        "target_text": m.target and m.target.words(m.indicator.unit),
        "due_year": m.target and m.target.due_year,
        "values": [
            {"year": year, "exact": str(value), "display": display(value, m.indicator.kind)}
            for year, value in each.values.items()
        ],
        "status": trend.status,
        "observed_pace": words["observed"],
        "required_pace": words["required"],
        "projected": words["projected"],
        "swings": trend.swings,
        "change": words["change"],
        "limit": words["limit"],
        "expiring": _lost(each.losses, EXPIRES),
        "staling": _lost(each.losses, STALES),
    }


def _lost(losses: Iterable[Loss], kind: str) -> list[dict[str, Any]]:
    return [
        {name: getattr(loss.division, name) for name in ("code", "name", "level")}
        for loss in losses
        if loss.kind == kind
    ]
