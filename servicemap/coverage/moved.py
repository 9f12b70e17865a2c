"""What has moved since a freezing: figures, and the divisions behind them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from servicemap.access import Actor
from servicemap.coverage import snapshots
from servicemap.coverage.content import figures
from servicemap.coverage.snapshots import Content
from servicemap.divisions import is_valid
from servicemap.errors import InvalidError
from servicemap.models import Division

FIGURES = ("numerator", "denominator", "value", "target", "needed", "met", "display")
LATE, SINCE = "late", "since"  # 补报或更正: recorded later for the same day; 之后的变化: of another day

Place = tuple[str, str, str]  # indicator, definition, division's code


def compare(actor: Actor, number: int, other: int | None, today: date) -> list[dict[str, Any]]:
    """What moved from the snapshot to another of its division, or to the registry of today: first what is known
    now of its own day and was not then (`late`), then what happened after it (`since`).

    Each item: kind, indicator, name, definition, division, division_name, level, `before` and `after` (FIGURES,
    None where there was no such row), `covered` and `missing`: [{code, name}] no longer and newly in the gap list.
    """
    facts = snapshots.get(actor, number)
    frozen = snapshots.content_of(facts)
    if other is not None:
        later = snapshots.get(actor, other)
        if later["division_id"] != facts["division_id"]:
            raise InvalidError(f"第 {number} 号和第 {other} 号不是同一区划的", "other_division")
        kind = LATE if later["on"] == facts["on"] else SINCE
        return _moved(kind, frozen, snapshots.content_of(later))
    root: Division = Division.get_by_id(facts["division_id"])
    on = date.fromisoformat(facts["on"])
    known_now = figures(root, on)
    items = _moved(LATE, frozen, known_now)
    if on != today and is_valid(root, today):
        items += _moved(SINCE, known_now, figures(root, today))
    return items


def _moved(kind: str, before: Content, after: Content) -> list[dict[str, Any]]:
    old, new = _rows(before), _rows(after)
    lacked, lacks = _gaps(before), _gaps(after)
    covered = _by_place(before, (gap for key, gap in lacked.items() if key not in lacks))
    missing = _by_place(after, (gap for key, gap in lacks.items() if key not in lacked))
    items = []
    for place in [*old, *(place for place in new if place not in old)]:
        was, now = (None if row is None else _figures(row) for row in (old.get(place), new.get(place)))
        if was == now and place not in covered and place not in missing:
            continue
        row = new.get(place) or old[place]
        items.append(
            {
                "kind": kind,
                **{
                    name: row.get(name)
                    for name in ("indicator", "name", "definition", "division", "division_name", "level")
                },
                "before": was,
                "after": now,
                "covered": covered.get(place, []),
                "missing": missing.get(place, []),
            }
        )
    return items


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in FIGURES}


def _rows(content: Content) -> dict[Place, dict[str, Any]]:
    return {(row["indicator"], row["definition"], row["division"]): row for row in content["rows"]}


def _gaps(content: Content) -> dict[Place, dict[str, Any]]:
    return {(gap["indicator"], gap["definition"], gap["code"]): gap for gap in content["gaps"]}


def _by_place(content: Content, gaps: Iterable[dict[str, Any]]) -> dict[Place, list[dict[str, str]]]:
    """The gaps by every row that they stand behind: of the root and of each division on the way to them."""
    root = content["division"]["code"]
    found: dict[Place, list[dict[str, str]]] = {}
    for gap in gaps:
        for code in dict.fromkeys((root, *(step["code"] for step in gap["path"]))):
            named = {"code": gap["code"], "name": gap["name"]}
            found.setdefault((gap["indicator"], gap["definition"], code), []).append(named)
    return found
