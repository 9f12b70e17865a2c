"""What changed, in words: a field's Chinese heading, a type's name, an instant by the clock on the wall."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from admin_cli.client import Client
from admin_cli.output import cell

STEPS = {"reported": "填报", "town": "镇审", "county": "县核"}
STATUSES = {"open": "开放", "suspended": "暂停", "closed": "关闭", "planned": "还没有设立"}
# of the audit, beside the columns of an import
HEADINGS = {
    "is_role": "挂牌",
    "suspensions": "暂停",
    "merged_into": "并入",
    "review": "审核",
    "division_id": "区划（内部号）",
    "position_datum": "坐标系",
    "places_on": "托位日期",
    "registered": "备案托位",
    "offered": "实际托位",
    "taken": "在托人数",
}


class Words:
    """The words of one registry; asks it once for the names of its types."""

    def __init__(self, client: Client) -> None:
        from servicemap.imports.columns import FIELDS

        self._headings = HEADINGS | {each.name: each.heading for each in FIELDS}
        self._types = {each["key"]: each["name"] for each in client.get("facility-types")["items"]}

    def heading(self, name: str) -> str:
        """电话 of phone, 托育机构 月费 of nursery.monthly_fee, 家长学校（2） 收费 of the second such role's."""
        role, _, attribute = name.rpartition(".")
        key, _, number = role.partition("#")
        of = f"{self._types.get(key, key)}{f'（{number}）' if number else ''} " if key else ""
        return f"{of}{self._headings.get(attribute, attribute)}"

    def changes(self, changed: Mapping[str, Sequence[Any]]) -> list[str]:
        """电话：0763-1 → 0763-2 of each field."""
        return [
            f"{self.heading(name)}：{short(before) or '空'} → {short(after) or '空'}"
            for name, (before, after) in changed.items()
        ]

    def differences(
        self, before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]
    ) -> Iterator[str]:
        """The same of a record's rows as they were and are, each but once; of a new row its type and day."""
        pairs: dict[str, None] = {}
        for number, row in enumerate(after):
            if number < len(before):
                was = before[number]
                names = [name for name in {**was, **row} if was.get(name) != row.get(name)]
                changed = {name: (was.get(name), row.get(name)) for name in names}
            else:
                changed = {name: (None, row[name]) for name in ("type", "opened_on") if name in row}
            pairs |= dict.fromkeys(self.changes(changed))
        yield from pairs


def short(value: Any, most: int = 30) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else cell(value)
    return text if len(text) <= most else f"{text[: most - 2]}…"


def moment(text: str) -> str:
    """2026-11-26 15:22 of an instant: by the registry's clock, to the minute."""
    try:
        zone = ZoneInfo(os.environ.get("SERVICEMAP_TIMEZONE", "Asia/Shanghai"))
    except (
        ZoneInfoNotFoundError,
        ValueError,
    ):  # a Windows PC knows no time zones, but has a clock of its own
        zone = None
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"
