"""目标值: how a value is held against what the plan asks, exactly; nothing here is ever rounded.

at_least, at_most   the value itself (of a share, a rate, a count)
every_unit          every unit passes: its value is the share of units that do, and must be 100
change_from_base    the change on the base year, in per cent of that year's value: -20 is a fall by a fifth
yearly_step         the change on the year before, in the unit: -0.5 is half a point less every year
direction           no number: up or down is a trend, never reached or missed
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

SIGNS = {"at_least": "≥", "at_most": "≤"}
TRENDS = {"up": "逐步上升", "down": "逐步下降"}


@dataclass(frozen=True, slots=True)
class Target:
    """目标值. `value` is exact, in the indicator's unit; None of a direction. `text` is as the plan has it."""

    kind: str
    value: Fraction | None
    text: str
    due_year: int
    level: str
    source: str
    to_check: bool
    base_year: int | None = None
    tolerance: Fraction = Fraction(0)

    def words(self, unit: str) -> str:
        """The target as people say it."""
        match self.kind:
            case "direction":
                return TRENDS[self.text]
            case "every_unit":
                return f"每个都达到 {self.text}{unit}"
            case "change_from_base":
                return f"比 {self.base_year} 年{_moved(self.text)}%"
            case "yearly_step":
                return f"每年{_moved(self.text)} {unit}"
        about = f"（左右，容差 {float(self.tolerance):g}）" if self.tolerance else ""
        return f"{SIGNS[self.kind]} {self.text} {unit}{about}"

    def bound(self, year: int, earlier: Mapping[int, Fraction]) -> Fraction | None:
        """What the value of the year may not fall short of or exceed; None where that needs an earlier value
        that nobody reported, and of a direction. `earlier`: year → value."""
        match self.kind:
            case "at_least" | "at_most":
                return self.value
            case "every_unit":
                return Fraction(100)
            case "change_from_base":
                base = earlier.get(self.base_year or 0)
                return None if base is None or self.value is None else base * (100 + self.value) / 100
            case "yearly_step":
                before = earlier.get(year - 1)
                return None if before is None or self.value is None else before + self.value
        return None

    @property
    def is_ceiling(self) -> bool:
        """Whether less is what is asked for."""
        falls = self.kind in ("change_from_base", "yearly_step") and (self.value or 0) < 0
        return self.kind == "at_most" or falls

    def met(self, value: Fraction | None, year: int, earlier: Mapping[int, Fraction]) -> bool | None:
        """Whether the exact value reaches the target; 以上 and 以下 include the number itself. None without a
        value or a bound."""
        bound = self.bound(year, earlier)
        if value is None or bound is None:
            return None
        return value <= bound + self.tolerance if self.is_ceiling else value >= bound - self.tolerance

    def needed(self, numerator: int | None, denominator: int | None, scale: int) -> int | None:
        """How many more are needed, of what is counted: max(0, ceil(target × denominator) − numerator). None
        where fewer are asked for, or nothing can be counted."""
        if self.value is None or numerator is None or self.kind not in ("at_least", "every_unit"):
            return None
        share = Fraction(100) if self.kind == "every_unit" else self.value
        return max(0, ceil(share * (1 if denominator is None else denominator) / scale) - numerator)


def _moved(text: str) -> str:
    return f"下降 {text[1:]}" if text.startswith("-") else f"上升 {text}"
