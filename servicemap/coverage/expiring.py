"""将失效: what counts today and, as the registry stands, no longer does at the end of the next quarter: a closing, a
suspension or a title that ends (expires), a last look that grows older than 12 months (stales)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from servicemap.coverage.covering import covered_ids, denominator_ids
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.measure import titled_ids
from servicemap.coverage.tree import Node, Tree
from servicemap.models import Division

EXPIRES, STALES = "expires", "stales"
Losses = dict[tuple[str, int], tuple["Loss", ...]]  # (indicator, shown division id) → by code


@dataclass(frozen=True, slots=True)
class Loss:
    """`division` is covered today; then not (EXPIRES), or by no place that somebody looked at lately (STALES)."""

    kind: str
    division: Node


def next_quarter_end(on: date) -> date:
    """The last day of the quarter after the day's."""
    month = (on.month - 1) // 3 * 3 + 7  # the first month after it, from the year's beginning
    return date(on.year + (month - 1) // 12, (month - 1) % 12 + 1, 1) - timedelta(days=1)


def losses(root: Division, on: date) -> Losses:
    """Those of the shares and titles under their default definitions, for the division and its children."""
    then_on = next_quarter_end(on)
    now, then = Tree(on), Tree(then_on)
    shown = now.shown(root, None)
    holders = now.holders(shown)
    found: dict[tuple[str, int], list[Loss]] = {}
    for indicator in list_indicators():
        for loss in sorted(_of(indicator, now, then, on, then_on), key=lambda loss: loss.division.code):
            for holder in holders(loss.division.id):
                found.setdefault((indicator.id, holder), []).append(loss)
    return {key: tuple(each) for key, each in found.items()}


def _of(indicator: Measure, now: Tree, then: Tree, on: date, then_on: date) -> Iterable[Loss]:
    definition = indicator.definitions[0] if indicator.definitions else None
    if definition is None:
        return
    if indicator.kind == "titled":
        gone = titled_ids(definition, on) - titled_ids(definition, then_on)
        yield from (Loss(EXPIRES, now.nodes[id_]) for id_ in gone if id_ in now.nodes)
    if indicator.kind == "share":
        yield from _of_share(definition, now, then, on, then_on)


def _of_share(definition: Definition, now: Tree, then: Tree, on: date, then_on: date) -> Iterable[Loss]:
    wanted = denominator_ids(now, definition)
    if wanted is None:
        return
    has, will = covered_ids(now, definition, on), covered_ids(then, definition, then_on)
    gone = (has["county"] - will["county"]) & wanted
    yield from (Loss(EXPIRES, now.nodes[id_]) for id_ in gone)
    yield from (Loss(STALES, now.nodes[id_]) for id_ in (has["verified"] - will["verified"] - gone) & wanted)
