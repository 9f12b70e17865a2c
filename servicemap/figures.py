"""横条图: bars beside each other with the target as a line, as SVG; every bar has its number and verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicemap.pages import Html, tag

PAPER = (132, 300, 228)  # units of width: labels, bars, words; for text of 11 units
PHONE = (154, 80, 262)  # for text of 15, which is read on 360 pixels
LINE = 24  # the height of a line
COLOURS = {"reached": "#2f7d4f", "short": "#c05621", "open": "#8a94a3"}


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` from 0 to `most` of the chart, None without a figure; `words` stand beside it; `state` of COLOURS."""

    label: str
    value: float | None
    words: str
    state: str


def bars(
    title: str,
    rows: Sequence[Bar],
    *,
    most: float,
    target: float | None,
    shape: tuple[int, int, int] = PAPER,
) -> Html:
    """The chart, in the shape PAPER or PHONE; names are cut to ten characters."""
    label, bar, words = shape
    height = LINE * len(rows) + 8
    parts: list[Html] = []
    for number, row in enumerate(rows):
        top = 4 + LINE * number
        middle = top + LINE * 0.68
        name = row.label if len(row.label) <= 10 else f"{row.label[:9]}…"
        parts.append(tag("text", name, x=label - 8, y=middle, text_anchor="end"))
        width = 0 if row.value is None or most <= 0 else max(0.0, min(row.value / most, 1)) * bar
        parts.append(
            tag("rect", x=label, y=top + 4, width=f"{width:.1f}", height=LINE - 8, fill=COLOURS[row.state])
        )
        parts.append(tag("text", row.words, x=label + bar + 8, y=middle))
    if target is not None and most > 0:
        at = f"{label + min(target / most, 1) * bar:.1f}"
        parts.append(
            tag(
                "line",
                x1=at,
                x2=at,
                y1=0,
                y2=height,
                stroke="#9b1c1c",
                stroke_width=1.5,
                stroke_dasharray="4 3",
            )
        )
    return tag(
        "svg", tag("title", title), *parts,
        viewBox=f"0 0 {label + bar + words} {height}", role="img", aria_label=title, class_="chart",
    )  # fmt: skip
