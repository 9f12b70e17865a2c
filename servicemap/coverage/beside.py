"""两本账: of what the registry counts, the value that was reported beside the registry's own, and the names that
explain the difference."""

from datetime import date
from typing import Any

from servicemap.coverage import reported
from servicemap.coverage.gaps import list_gaps
from servicemap.coverage.measure import measure
from servicemap.coverage.report import cut, display
from servicemap.errors import InvalidError
from servicemap.models import Division


def side_by_side(root: Division, year: int, today: date) -> list[dict[str, Any]]:
    """A row for each indicator that the registry counts and the division or one below it reported for the year:
    `reported` and `registry` {numerator, denominator, display}, `difference` (reported − registry, cut), and
    of a share the divisions that explain it: `waiting` (entered, and not yet passed by the county) and `lacking`
    (not in the registry) as [{code, name, level}]. The registry is that of the year's last day, or today. As measure()."""
    on = min(today, date(year, 12, 31))
    measured = [each for each in measure(root, on) if each.definition.default]
    values = reported.values_of(sorted({each.division.id for each in measured}))
    rows = []
    for each in measured:
        value = values.get((each.indicator.id, each.division.id), {}).get(year)
        if value is None or each.indicator.kind == "reported":
            continue
        kind = each.indicator.kind
        names = _names(root, each.indicator.id, each.division.code, on) if kind == "share" else ([], [])
        rows.append(
            {
                "indicator": each.indicator.id,
                "name": each.indicator.name,
                "division": each.division.code,
                "division_name": each.division.name,
                "reported": {
                    "numerator": value.numerator,
                    "denominator": value.denominator,
                    "display": display(value.value, kind),
                },
                "registry": {
                    "numerator": each.numerator,
                    "denominator": each.denominator,
                    "display": display(each.exact, kind),
                },
                "difference": None if each.exact is None else str(cut(value.value - each.exact, 1)),
                "state": value.state,
                "source": value.source,
                "waiting": names[0],
                "lacking": names[1],
            }
        )
    return rows


def _names(root: Division, indicator: str, code: str, on: date) -> tuple[list[Any], list[Any]]:
    waiting: list[dict[str, str]] = []
    lacking: list[dict[str, str]] = []
    try:
        gaps = list_gaps(root, on, indicator_ids=[indicator])
    except InvalidError:  # its denominator cannot be told
        return waiting, lacking
    for gap in gaps:
        if code in (root.padded_code, *(step.code for step in gap.path)):
            named = {name: getattr(gap.division, name) for name in ("code", "name", "level")}
            (waiting if gap.answer == "waiting" else lacking).append(named)
    return waiting, lacking
