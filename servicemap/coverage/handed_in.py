"""报送: who has handed in what for a year, who is late; and what the monitors pass or return.

Departments report to the monitors of their own level (五(一)(二)): whoever has the division in scope may decide.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from servicemap.access import MONITOR, Actor, require
from servicemap.audit import head_seq, write_txn
from servicemap.coverage import reported
from servicemap.coverage.indicators import departments_of, list_indicators
from servicemap.coverage.periods import due_on
from servicemap.coverage.reported import PASSED, RETURNED, WAITING
from servicemap.coverage.tree import Tree
from servicemap.errors import ForbiddenError, InvalidError, NotFoundError
from servicemap.models import Division

REPORTING = ("city", "county")  # the levels whose departments report


def status(root: Division, year: int, today: date) -> dict[str, Any]:
    """`due_on` and `items`: a line for the division, and each county of it, and each department: how many indicators
    it is to report, how many it has (`waiting`, `passed`, `returned`; `late` of them after the due day), and which
    are `missing`; `overdue` where some are and the day is over. Three queries."""
    tree = Tree(min(today, date(year, 12, 31)))
    nodes = [node for node in tree.shown(root, None) if node.level in REPORTING]
    values = reported.values_of([node.id for node in nodes])
    due = due_on(str(year))
    asked: dict[str, list[str]] = {}
    for indicator in list_indicators():
        if indicator.kind == "reported":
            asked.setdefault("、".join(sorted(departments_of(indicator))), []).append(indicator.id)
    items = []
    for node in nodes:
        for department, wanted in asked.items():
            given = {id_: values.get((id_, node.id), {}).get(year) for id_ in wanted}
            states = [value.state for value in given.values() if value]
            missing = [id_ for id_, value in given.items() if value is None]
            items.append(
                {
                    "division": node.code,
                    "division_name": node.name,
                    "department": department,
                    "expected": len(wanted),
                    **{state: states.count(state) for state in (WAITING, PASSED, RETURNED)},
                    "late": sum(value is not None and value.first_on > due for value in given.values()),
                    "missing": missing,
                    "overdue": bool(missing) and today > due,
                }
            )
    return {"due_on": due, "items": items}


def decide(
    actor: Actor,
    division: Division,
    year: int,
    indicator_ids: Sequence[str],
    *,
    passed: bool,
    reason: str | None,
    today: date,
) -> int:
    """Pass or return what waits of the division and year: these indicators, or all of them; how many. A return
    says why. NotFoundError where one of them does not wait, ForbiddenError for one's own."""
    require(actor, MONITOR, division.id)
    if not passed and not (reason or "").strip():
        raise InvalidError("退回要说明原因", "reason_required")
    with write_txn(actor) as log:
        head_seq(lock=True)
        waiting = {
            indicator: years[year]
            for (indicator, _), years in reported.values_of([division.id]).items()
            if year in years and years[year].state == WAITING
        }
        if unknown := [id_ for id_ in indicator_ids if id_ not in waiting]:
            raise NotFoundError(f"{'、'.join(unknown)} 没有等审核的 {year} 年报数", "nothing_waits")
        chosen = {id_: waiting[id_] for id_ in (indicator_ids or waiting)}
        if own := [id_ for id_, value in chosen.items() if value.reported_by == actor.post]:
            raise ForbiddenError(f"自己报的（{'、'.join(own)}）要由别的岗位审核", "own_value")
        for id_, value in chosen.items():
            reported.decide_value(log, (id_, division.id, year), value.version, passed, reason, today)
            said: dict[str, list[Any]] = {
                "version": [None, value.version],
                **({"reason": [None, reason]} if reason else {}),
            }
            key = f"{id_} {division.padded_code} {year}"
            log.record_change("reported_value", key, "pass" if passed else "return", said)
        return len(chosen)
