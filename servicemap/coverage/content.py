"""What a report holds, live or frozen: figures, gaps and what stands behind them, written in one way."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from servicemap import registry
from servicemap.coverage.disparity import measure_disparity
from servicemap.coverage.gaps import list_gaps, shown_gaps
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.outlook import foresee
from servicemap.coverage.proofs import evidence
from servicemap.coverage.ranking import rank as rank_counties
from servicemap.coverage.reach import measure_reach
from servicemap.coverage.report import report, shown_disparity, shown_indicator, shown_outlook, shown_reach
from servicemap.coverage.snapshots import BESIDE, Content
from servicemap.coverage.tree import Tree
from servicemap.divisions import is_valid, rank
from servicemap.errors import ConflictError
from servicemap.models import Division

PUBLIC_LEVELS = ("province", "city", "county")
# of the content for everybody; what compares the divisions below only where those are counties
SHOWN = ("division", "on", "indicators", "rows")
COMPARED = ("disparity", "ranking")


def content(root: Division, on: date, *, public: bool = False) -> Content:
    """What a report of the division shows on the day, down to the towns; gaps, evidence and outlook name
    communities and places, and are not there `public`. Some seconds for a city."""
    tree = Tree(on, public=public)
    parents = {node.code: node.parent_id for node in reversed(tree.nodes.values())}
    codes = {node.id: node.code for node in tree.nodes.values()}
    down_to = "town" if rank(root.level) < rank("town") else None
    rows = [
        {**row, "parent": codes.get(parents[row["division"]] or 0)}
        for row in report(root, on, public=public, down_to=down_to)
    ]
    found: Content = {
        "division": {"code": root.padded_code, "name": tree.nodes[root.id].name, "level": root.level},
        "on": on,
        "period": None,
        "version": None,
        "made_at": None,
        "anchor": None,
        "demo": registry.is_demo(),
        "indicators": [shown_indicator(each) for each in list_indicators()],
        "rows": rows,
        "ranking": rank_counties(rows),
        "gaps": shown_gaps(list_gaps(root, on, public=public), on),
        "disparity": [shown_disparity(each) for each in measure_disparity(root, on, public=public)],
    }
    if not public:
        found["reach"] = [shown_reach(each) for each in measure_reach(root, on)]
        found["outlook"] = [shown_outlook(each) for each in foresee(root, on)]
        found["evidence"] = evidence(root, on)
    return found


def figures(root: Division, on: date) -> Content:
    """What a freezing of that day would hold now, as it reads a frozen one; ConflictError where the division
    is no longer in the list of that day."""
    if not is_valid(root, on):
        raise ConflictError(f"{on} 的名录里现在没有 {root.padded_code} {root.name}", "division_not_valid")
    found: Content = json.loads(canonical(content(root, on)))
    return found


def for_everybody(whole: Content) -> Content:
    """What of a content (measured for everybody) may be published: figures of counties and above, named one by
    one here; neither gaps nor evidence nor the name of a town or a community."""
    above_county = rank(whole["division"]["level"]) < rank("county")
    shown = (*SHOWN, *COMPARED) if above_county else SHOWN
    rows = [row for row in whole["rows"] if row["level"] in PUBLIC_LEVELS]
    return {name: whole[name] for name in shown if name in whole} | {"rows": rows}


def canonical(whole: Mapping[str, Any]) -> bytes:
    """The content without what stands beside it, in the one way of writing it: UTF-8, keys sorted, no blanks."""
    kept = {name: value for name, value in whole.items() if name not in BESIDE}
    text = json.dumps(
        kept,
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
        default=date.isoformat,
    )
    return text.encode()
