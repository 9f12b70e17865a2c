"""报送材料 (四(四)(五)): a county's plan, a department's scheme, and every year what was done and is planned for the next.

Lines are added and never taken away; of the same kind, division, department and year the last counts. Departments hand
in to the committee of their own level, the committee of a county to the city's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from functools import cache
from typing import Any

from servicemap import db
from servicemap.access import REPORT, Actor, require
from servicemap.audit import diff
from servicemap.coverage.handed_in import REPORTING
from servicemap.coverage.indicators import departments_of, list_indicators
from servicemap.coverage.periods import due_on
from servicemap.coverage.roles import months_before
from servicemap.coverage.tree import Node, Tree
from servicemap.errors import ForbiddenError, InvalidError
from servicemap.models import Division, Submission
from servicemap.replays import keep, once

PLAN, SCHEME, YEARLY = "plan", "scheme", "yearly"
COMMITTEE = "妇儿工委办"  # to whom they hand in: what it reports itself has no department
GIVEN = ("kind", "department", "year", "title", "document_no", "issued_on")
NAMES = ("id", *GIVEN, "handed_in_on", "done", "planned", "noted_by")


@dataclass(frozen=True, slots=True)
class Material:
    """What is handed in; `done` and `planned` are paragraphs."""

    kind: str
    year: int
    title: str
    department: str | None = None
    document_no: str | None = None
    issued_on: date | None = None
    handed_in_on: date | None = None
    done: Sequence[str] = ()
    planned: Sequence[str] = ()


def hand_in(
    actor: Actor, division: Division, said: Material, today: date, *, key: str | None
) -> dict[str, Any]:
    """Note what was handed in, today unless it says when; as list_submissions tells it. InvalidError says what is
    wrong with it, ForbiddenError for a division or a department that is not the actor's."""
    require(actor, REPORT, division.id)
    handed_in_on = said.handed_in_on or today
    _check(actor, division, said, handed_in_on, today)
    request = ["submission", division.padded_code, *astuple(said)]
    with once(actor, key, request) as (log, kept):
        if kept:
            return kept
        facts: dict[str, Any] = {
            **{name: getattr(said, name) for name in GIVEN},
            "handed_in_on": handed_in_on,
            "done": "\n".join(said.done) or None,
            "planned": "\n".join(said.planned) or None,
        }
        made = Submission.create(division=division.id, noted_by=actor.post, **facts)
        changed = diff({}, {name: value for name, value in facts.items() if value is not None})
        log.record_change("submission", f"{division.padded_code} {made.id}", "create", changed)
        answer = list_submissions(division)[-1]
        keep(actor, key, request, answer)
        return answer


def _check(actor: Actor, division: Division, said: Material, handed_in_on: date, today: date) -> None:
    if division.level not in REPORTING:
        raise InvalidError("报送材料的是市、县（市、区）和它们的部门", "bad_level")
    known = _departments()
    if said.department is not None and said.department not in known:
        raise InvalidError(f"没有指标由“{said.department}”负责；有：{'、'.join(known)}", "unknown_department")
    if actor.departments is not None and said.department not in actor.departments:
        own = "、".join(sorted(actor.departments))
        raise ForbiddenError(f"这个岗位只报{own}的材料", "out_of_departments")
    if (said.kind == PLAN and said.department) or (said.kind == SCHEME and not said.department):
        raise InvalidError("规划由妇儿工委报，不写部门；实施方案由部门报，写明部门", "plan_or_scheme")
    if said.kind == YEARLY and not (said.done and said.planned):
        raise InvalidError("年度报告要写实施情况和下一年工作安排", "report_without_text")
    if said.kind != YEARLY and said.issued_on is None:
        raise InvalidError("规划和实施方案要写颁布（印发）日期", "issued_on_required")
    if not 2000 <= said.year <= today.year:
        raise InvalidError(f"年份应在 2000 到 {today.year} 之间，不是 {said.year}", "bad_year")
    if not (said.issued_on or date.min) <= handed_in_on <= today:
        raise InvalidError("报送日期应在颁布以后，不晚于今天", "bad_handed_in_on")


def _departments() -> list[str]:
    """Those that are responsible for an indicator, each once."""
    return sorted({name for indicator in list_indicators() for name in departments_of(indicator)})


def due(kind: str, year: int, issued_on: date | None, of_year: Callable[[str], date] = due_on) -> date | None:
    """Until when it is to be handed in: a plan within a month of its issue (M02), a year's report when its values are
    due (`of_year`); no day is named for a scheme."""
    if kind == YEARLY:
        return of_year(str(year))
    return months_before(issued_on, -1) if kind == PLAN and issued_on else None


def list_submissions(division: Division) -> list[dict[str, Any]]:
    """NAMES with the division's code and name, `due_on` and whether it came `late`, in the order in which they were
    noted. One query, and one a year."""
    rows = db.query(
        f"SELECT {', '.join(NAMES)} FROM submission WHERE division_id = ? ORDER BY id", (division.id,)
    )
    of_year = cache(due_on)
    return [_shown(division.padded_code, division.name, row, of_year) for row in rows]


def _shown(code: str, name: str, row: Sequence[Any], of_year: Callable[[str], date]) -> dict[str, Any]:
    facts = dict(zip(NAMES, row, strict=True))
    issued_on, handed_in_on = db.day(facts["issued_on"]), db.day(facts["handed_in_on"])
    until = due(facts["kind"], facts["year"], issued_on, of_year)
    return facts | {
        "division": code,
        "division_name": name,
        "issued_on": issued_on and str(issued_on),
        "handed_in_on": str(handed_in_on),
        **{text: (facts[text] or "").split("\n") if facts[text] else [] for text in ("done", "planned")},
        "due_on": until and str(until),
        "late": until is not None and handed_in_on > until,
    }


def status(root: Division, kind: str, year: int, today: date) -> list[dict[str, Any]]:
    """Who of the division and its counties has handed it in: a line each (and each department) with `due_on` and, None
    where nothing came, `handed_in_on`, `title`, `late`; `overdue` where the day is over. Of plans and schemes the
    last of any year. One query and a few more."""
    nodes = [
        node for node in Tree(min(today, date(year, 12, 31))).shown(root, None) if node.level in REPORTING
    ]
    last = _last([node.id for node in nodes], kind, year if kind == YEARLY else None)
    of_year = cache(due_on)
    until = due(kind, year, None, of_year)
    items = []
    for node, department in _asked(nodes, kind):
        found = last.get((node.id, department))
        nothing: dict[str, Any] = dict.fromkeys(("handed_in_on", "title", "late"))
        shown = _shown(node.code, node.name, found, of_year) if found else nothing
        items.append(
            {
                "division": node.code,
                "division_name": node.name,
                "department": department,
                "due_on": shown.get("due_on", until and str(until)),
                **{name: shown[name] for name in ("handed_in_on", "title", "late")},
                "overdue": found is None and until is not None and today > until,
            }
        )
    return items


def _asked(nodes: Sequence[Node], kind: str) -> Iterator[tuple[Node, str | None]]:
    """Who is to hand it in: of plans the counties, of schemes the departments, of yearly reports both."""
    departments = [] if kind == PLAN else [name for name in _departments() if name != COMMITTEE]
    for node in nodes:
        if kind != SCHEME and node.level == "county":
            yield node, None
        for department in departments:
            yield node, department


def _last(
    division_ids: Sequence[int], kind: str, year: int | None
) -> dict[tuple[int, str | None], Sequence[Any]]:
    marks = ", ".join("?" * len(division_ids)) or "NULL"
    rows = db.query(
        f"SELECT division_id, {', '.join(NAMES)} FROM submission WHERE division_id IN ({marks}) AND kind = ? ORDER BY id",
        (*division_ids, kind),
    )
    names = ("division_id", *NAMES)
    at, of_year = names.index("department"), names.index("year")
    return {(row[0], row[at]): row[1:] for row in rows if year in (None, row[of_year])}
