"""How figures are printed: one line each, 80 columns."""

from collections.abc import Sequence
from statistics import median


def head(title: str, columns: Sequence[object]) -> None:
    print(f"\n{title:32}{_cells(columns)}")


def row(label: str, cells: Sequence[object]) -> None:
    print(f"  {label:30}{_cells(cells)}", flush=True)


def _cells(cells: Sequence[object]) -> str:
    return "".join(f"{cell:>{48 // max(3, len(cells))}}" for cell in cells)


def note(text: str) -> None:
    print(f"  {text}")


def spread(values: Sequence[float], form: str = ".1f") -> str:
    """Median, least–most."""
    return f"{median(values):{form}}  {min(values):{form}}–{max(values):{form}}"
