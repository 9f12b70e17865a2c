"""排序: the counties by each key indicator, and by all of them together; no weights, nothing that a person could
not do again by hand.

Of a share over fewer than SMALL divisions a single one moves the percentage by more than five points: such
counties are ranked apart. What has no figure is not ranked (数据待核), which is not 0 %.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

LEVEL = "county"
SMALL = 20
RULE = "先看达到目标的重点指标有几个，多的在前；再看尚差合计，少的在前；都一样的并列。"
GROUPS = ("ranked", "small", "unknown")  # 一起排的、分母小而另排的、数据待核的
KEPT = (
    *(
        "indicator",
        "name",
        "unit",
        "division",
        "division_name",
        "numerator",
        "denominator",
        "value",
        "display",
    ),
    *("target_text", "needed", "met"),
)

Row = Mapping[str, Any]


def rank(rows: Iterable[Row], previous: Iterable[Row] = ()) -> list[dict[str, Any]]:
    """The counties' rows of key indicators by default definitions, in the order of the indicators and ranks: KEPT,
    `group` (GROUPS), `rank` within it (equal values share one; None of what is unknown) and `moved`: how many
    ranks up since `previous` (rows of an earlier period), None where one of both has none."""
    before = {(each["indicator"], each["division"]): each for each in rank(previous)} if previous else {}
    found = []
    for _, of_one in groupby(filter(_is_ranked, rows), key=lambda row: row["indicator"]):
        grouped: dict[str, list[Row]] = {group: [] for group in GROUPS}
        for row in of_one:
            grouped[_group(row)].append(row)
        for group, members in grouped.items():
            for place, row in _in_order(members, ranked=group != "unknown"):
                was = before.get((row["indicator"], row["division"]), {})
                same = was.get("group") == group and place is not None
                found.append(
                    {name: row[name] for name in KEPT}
                    | {"group": group, "rank": place, "moved": was["rank"] - place if same else None}
                )
    return found


def _is_ranked(row: Row) -> bool:
    return bool(row["key"] and row["default"] and row["level"] == LEVEL)


def _group(row: Row) -> str:
    if row["exact"] is None:
        return "unknown"
    return "small" if row["unit"] == "%" and row["denominator"] and row["denominator"] < SMALL else "ranked"


def _in_order(rows: Sequence[Row], *, ranked: bool) -> Iterable[tuple[int | None, Row]]:
    """(rank, row): the best first; of equal ones all have the rank of the first, by code."""
    if not ranked:
        yield from ((None, row) for row in sorted(rows, key=lambda row: row["division"]))
        return
    worth = {id(row): Fraction(row["exact"]) * (-1 if row["better"] == "up" else 1) for row in rows}
    values = sorted(worth.values())
    for row in sorted(rows, key=lambda row: (worth[id(row)], row["division"])):
        yield values.index(worth[id(row)]) + 1, row


def together(ranking: Iterable[Row]) -> list[dict[str, Any]]:
    """A line a county over all key indicators, by RULE: how many it has reached, how many not, how many more are
    needed in all, and how many are pending (数据待核); `rank` is shared by equal ones."""
    counties: dict[str, dict[str, Any]] = {}
    for each in ranking:
        line = counties.setdefault(
            each["division"],
            {
                "division": each["division"],
                "division_name": each["division_name"],
                **dict.fromkeys(("reached", "short", "needed", "pending"), 0),
            },
        )
        line["reached"] += each["met"] is True
        line["short"] += each["met"] is False
        line["needed"] += each["needed"] or 0
        line["pending"] += each["group"] == "unknown"
    order = sorted(counties.values(), key=lambda line: (*_merit(line), line["division"]))
    merits = [_merit(line) for line in order]
    return [{"rank": merits.index(_merit(line)) + 1, **line} for line in order]


def _merit(line: Row) -> tuple[int, int]:
    return -line["reached"], line["needed"]
