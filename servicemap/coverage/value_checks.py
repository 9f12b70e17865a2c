"""数据质量 (M11): what a person should look at in the values of a year; nothing is refused for it.

jump     changed by more than JUMP of last year's value
outlier  modified z-score over OUTLIER among at least FEWEST counties: 0.6745 × (value − median) ÷ median of the
         absolute deviations (Iglewicz and Hoaglin 1993)
pooled   the city's numerator or denominator is not the sum of its counties'
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from statistics import median
from typing import Any

from servicemap.coverage import reported
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.report import cut
from servicemap.coverage.reported import RETURNED, Value
from servicemap.coverage.tree import Node, Tree
from servicemap.models import Division

JUMP = Fraction(30, 100)
OUTLIER = Fraction(7, 2)
FEWEST = 7
Z = Fraction(6745, 10000)
Found = tuple[str, Node, Value, str]  # code, where, which value, in words


def check_values(root: Division, year: int, today: date) -> list[dict[str, Any]]:
    """The findings in the year's values of the division and its counties, in the order of the indicators, each with
    the threshold that it passed: indicator, name, division, division_name, code, value, detail. Three queries."""
    tree = Tree(min(today, date(year, 12, 31)))
    top, *below = tree.shown(root, None)
    counties = [node for node in below if node.level == "county"]
    values = reported.values_of([top.id, *(node.id for node in counties)])
    found = []
    for indicator in list_indicators():
        years = {node.id: values.get((indicator.id, node.id), {}) for node in (top, *counties)}
        now = {
            id_: each[year] for id_, each in years.items() if year in each and each[year].state != RETURNED
        }
        findings = [
            *_jumps([top, *counties], years, now, year),
            *_outliers(counties, now),
            *_pooled(top, counties, now),
        ]
        found += [
            {
                "indicator": indicator.id,
                "name": indicator.name,
                "division": node.code,
                "division_name": node.name,
                "code": code,
                "value": str(cut(value.value, 2)),
                "detail": detail,
            }
            for code, node, value, detail in findings
        ]
    return found


def _jumps(
    nodes: Sequence[Node],
    years: Mapping[int, Mapping[int, Value]],
    now: Mapping[int, Value],
    year: int,
) -> Iterator[Found]:
    for node in nodes:
        last = years[node.id].get(year - 1)
        if node.id in now and last and last.value:
            change = (now[node.id].value - last.value) / last.value
            if abs(change) > JUMP:
                said = f"上年 {cut(last.value, 2)}，变了 {cut(change * 100, 1)}%，超过 {JUMP * 100}%"
                yield "jump", node, now[node.id], said


def _outliers(counties: Sequence[Node], now: Mapping[int, Value]) -> Iterator[Found]:
    given = [now[node.id].value for node in counties if node.id in now]
    if len(given) < FEWEST:
        return
    middle = median(given)
    spread = median(abs(value - middle) for value in given)
    if not spread:
        return
    for node in counties:
        if node.id in now:
            z = Z * (now[node.id].value - middle) / spread
            if abs(z) > OUTLIER:
                said = f"各县中位数 {cut(middle, 2)}，修正 z 值 {cut(z, 1)}，超过 {cut(OUTLIER, 1)}"
                yield "outlier", node, now[node.id], said


def _pooled(top: Node, counties: Sequence[Node], now: Mapping[int, Value]) -> Iterator[Found]:
    parts = [now[node.id] for node in counties if node.id in now]
    whole = now.get(top.id)
    if not whole or whole.denominator is None or len(parts) < len(counties) or not counties:
        return
    if any(part.denominator is None for part in parts):
        return
    for name, given, summed in (
        ("分子", whole.numerator, sum(part.numerator or 0 for part in parts)),
        ("分母", whole.denominator, sum(part.denominator or 0 for part in parts)),
    ):
        if given != summed:
            yield "pooled", top, whole, f"{name} {given}，各县（市、区）合计 {summed}"
