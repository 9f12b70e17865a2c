"""监测期: annual, mid-term and final, each with the day until which values for it are to be reported.

A period ends on 12-31; what is reported after its due day is 补报, and is marked so.
"""

import re
from datetime import date
from typing import Any

from servicemap.access import MONITOR, Actor, require
from servicemap.audit import diff, write_txn
from servicemap.errors import InvalidError
from servicemap.models import Period

PERIOD = re.compile(r"(?:(mid|final)-)?(20[0-9]{2})").fullmatch
KINDS = {None: ("annual", "年度"), "mid": ("mid", "年中期"), "final": ("final", "年终期")}
USUAL_DUE = (3, 31)  # of the next year, unless the committee sets another day; 待委员会确认


def period_of(key: str) -> dict[str, Any]:
    """The period with this key: key, kind, year, name. InvalidError for any other text."""
    if not (found := PERIOD(key)):
        raise InvalidError(
            f"没有“{key}”这个监测期；年度写 2026，中期写 mid-2025，终期写 final-2030", "bad_period"
        )
    kind, name = KINDS[found[1]]
    return {"key": key, "kind": kind, "year": int(found[2]), "name": f"{found[2]} {name}"}


def due_on(key: str) -> date:
    """Until when values for the period are to be reported. One query."""
    kept: Any = Period.get_or_none(Period.key == key)
    return kept.due_on if kept else date(period_of(key)["year"] + 1, *USUAL_DUE)


def set_due(actor: Actor, key: str, day: date) -> bool:
    """Set the period's due day, for the whole registry; False when it is that already. InvalidError for a day
    before the period ends or more than two years after."""
    require(actor, MONITOR)
    if actor.scope is not None:
        raise InvalidError("报出期限由管全部区划的岗位定", "whole_registry_only")
    year = period_of(key)["year"]
    if not date(year, 12, 31) <= day <= date(year + 2, 12, 31):
        raise InvalidError(f"{key} 的报出期限应在 {year}-12-31 到 {year + 2}-12-31 之间", "bad_due_day")
    with write_txn(actor) as log:
        changed = diff({"due_on": due_on(key)}, {"due_on": day})
        if changed:
            Period.insert(key=key, due_on=day, set_by=actor.post).on_conflict(
                conflict_target=[Period.key], preserve=[Period.due_on, Period.set_by]
            ).execute()
            log.record_change("period", key, "set_due", changed)
    return bool(changed)
