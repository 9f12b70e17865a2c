"""What a place must be: one meaning for every filter, wherever it is asked (near, list, box, clusters, counts)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from servicemap import db
from servicemap.cards import (
    ACCESSIBLE,
    DISCOUNTED,
    FREE,
    INCLUSIVE,
    NOT_ACCESSIBLE,
    PLACES_FREE,
    REGISTERED,
    SUSPENDED,
)

FEE_FLAGS = {"free": FREE, "discounted": DISCOUNTED}


@dataclass(frozen=True, slots=True)
class Within:
    """A division's span in the nested set; with `above`, what stands in these divisions themselves too."""

    lft: int
    rgt: int
    above: tuple[int, ...] = ()


Box = tuple[float, float, float, float]  # west, south, east, north, WGS-84


@dataclass(frozen=True, slots=True)
class Filters:
    """Each is off by default; all that are on must hold, those of `of_offer` of one and the same offer.

    `within`: in any of the spans; `age_months`: an unknown age stays in; `fees`: any of free, discounted;
    `fee_max`: yuan a month, free is 0, an unknown fee stays out; `accessible`: "yes" = assessed so,
    "maybe" = not assessed otherwise; `open_at`: open at that instant, unknown stays out; `verified_since`:
    confirmed on that day or later.
    """

    within: tuple[Within, ...] = ()
    age_months: int | None = None
    fees: tuple[str, ...] = ()
    fee_max: int | None = None
    inclusive: bool = False
    registered: bool = False
    places_free: bool = False
    accessible: str | None = None
    open_at: datetime | None = None
    open_weekends: bool = False
    verified_since: date | None = None
    box: Box | None = None

    @property
    def of_offer(self) -> "Filters":
        """Those alone that ask about an offer; NO_FILTERS when none does."""
        return Filters(
            age_months=self.age_months,
            fees=self.fees,
            fee_max=self.fee_max,
            inclusive=self.inclusive,
            registered=self.registered,
            places_free=self.places_free,
        )


NO_FILTERS = Filters()


@dataclass(slots=True)
class Condition:
    """Parts of a WHERE, each with its parameters, in order. `once`: of each type at most one row a place
    meets it; else whoever reads the rows drops the others. `slow`: a row costs a look-up elsewhere."""

    parts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)
    once: bool = False
    slow: bool = False

    def add(self, part: str, *params: Any) -> None:
        self.parts.append(part)
        self.params += params

    @property
    def sql(self) -> str:
        """What goes behind another condition: empty, or ` AND …`."""
        return "".join(f" AND {part}" for part in self.parts)


def condition(filters: Filters, row: str, point: str | None, open_: bytes, weekends: bytes) -> Condition:
    """The filters on a row of search_row or list_row with the alias `row`; `point` is the alias that has
    lng and lat, None where a place without a position may stand too (which is in no box).

    `open_` and `weekends` hold one byte a hours_id (the first is id 1), 1 = yes: see opening.py.
    """
    asked = Condition(once=filters is NO_FILTERS or filters.of_offer == NO_FILTERS)
    if asked.once:
        asked.add(f"{row}.offer = 0")
    if filters.within:
        spans = " OR ".join(["d.lft BETWEEN ? AND ?"] * len(filters.within))
        ends = [end for span in filters.within for end in (span.lft, span.rgt)]
        asked.add(f"{row}.division_id IN (SELECT d.id FROM division d WHERE {spans})", *ends)
    if filters.age_months is not None:
        asked.add(f"COALESCE({row}.age_from_months, 0) <= ?", filters.age_months)
        asked.add(f"COALESCE({row}.age_to_months, 9999) >= ?", filters.age_months)
    if filters.fee_max is not None:
        asked.add(f"{row}.monthly_fee <= ?", filters.fee_max)
    for mask in _masks(filters):
        asked.add(f"{row}.flags & ? <> 0", mask)
    if filters.accessible == "maybe":
        asked.add(f"{row}.flags & ? = 0", NOT_ACCESSIBLE)
    if filters.verified_since:
        asked.add(f"{row}.verified_day >= ?", filters.verified_since.toordinal())
    if filters.open_at:
        asked.add(f"{row}.flags & ? = 0", SUSPENDED)
        asked.add(*_byte_is_set(row, open_))
    if filters.open_weekends:
        asked.add(*_byte_is_set(row, weekends))
    if filters.box:
        if point is None:
            asked.add("1 = 0")
        else:
            west, south, east, north = filters.box
            if point != row:  # a hidden place has a position that no box may tell
                asked.add(f"{row}.placed")
            asked.add(
                f"{point}.lng BETWEEN ? AND ? AND {point}.lat BETWEEN ? AND ?", west, east, south, north
            )
    return asked


def _masks(filters: Filters) -> Sequence[int]:
    """Sets of flags of which one must be set."""
    wanted = [
        sum(FEE_FLAGS[fee] for fee in set(filters.fees)),
        INCLUSIVE * filters.inclusive,
        REGISTERED * filters.registered,
        PLACES_FREE * filters.places_free,
        ACCESSIBLE * (filters.accessible == "yes"),
    ]
    return [mask for mask in wanted if mask]


def _byte_is_set(row: str, states: bytes) -> tuple[Any, ...]:
    if db.is_sqlite():
        return f"substr(?, {row}.hours_id, 1) = x'01'", states
    # an id beyond the bytes is a text that came meanwhile
    return (
        f"CASE WHEN {row}.hours_id <= ? THEN get_byte(?, {row}.hours_id - 1) = 1 ELSE false END",
        len(states),
        states,
    )
