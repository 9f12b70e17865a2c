"""What lists, maps and counts are asked in common: the same parameters with the same meaning everywhere."""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from flask import g
from marshmallow import ValidationError, validates_schema

from servicemap import divisions, geo
from servicemap.api.inputs import Choice, Custom, Degrees, Several, Strict, Text, Whole, Yes
from servicemap.api.parsing import parameter
from servicemap.facility_types import known_kinds
from servicemap.finder.filters import FEE_FLAGS, NO_FILTERS, Box, Filters, Within
from servicemap.geo import CHINA, DATUMS
from servicemap.models import Division

DATUM = "坐标系：gcj02（高德、腾讯、微信）、bd09（百度）、wgs84（天地图、GPS）"
EDGES = "gcj02、bd09 的边缘外约 300 米以内的也可能在内"
MOST_TYPES = 20  # SQLite joins at most 500 SELECTs, and the finder's probe has up to 18 a type


class BoxField(Custom):
    """west,south,east,north in degrees."""

    def read(self, text: str) -> tuple[float, float, float, float]:
        parts = re.fullmatch(
            r"(-?\d{1,3}(?:\.\d{1,20})?)" + r",(-?\d{1,3}(?:\.\d{1,20})?)" * 3, text, re.ASCII
        )
        if not parts:
            self.wrong("bad_bbox", "应为 西,南,东,北 四个度数，例如 112.9,23.6,113.2,23.8")
        west, south, east, north = map(float, parts.groups())
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            self.wrong("bad_bbox", "应为 西,南,东,北：西小于东，南小于北")
        return west, south, east, north


class InstantField(Custom):
    """now, or a local date and time to the minute."""

    def read(self, text: str) -> str | datetime:
        if text == "now":
            return text
        instant = None
        if re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d", text, re.ASCII):
            with suppress(ValueError):
                instant = datetime.fromisoformat(text)
        if instant is None:
            self.wrong("bad_instant", "应为 now，或当地时间，例如 2026-12-31T15:30")
        return instant


class MonthField(Custom):
    """YYYY-MM as months since the year 0."""

    def read(self, text: str) -> int:
        parts = re.fullmatch(r"((?:19|20)\d\d)-(0[1-9]|1[0-2])", text, re.ASCII)
        if not parts:
            self.wrong("bad_month", "应为年月，例如 2024-05")
        return int(parts[1]) * 12 + int(parts[2])


class Located(Strict):
    """A position: all of lat, lng and datum, or none."""

    lat = Degrees(90, metadata={"description": "纬度，度；与 lng、datum 一起给", "example": 23.6979})
    lng = Degrees(180, metadata={"description": "经度，度", "example": 113.0627})
    datum = Choice(DATUMS, metadata={"description": DATUM + "。给了位置就必须说明；回答用同一坐标系"})

    @validates_schema
    def position_is_whole(self, data: dict[str, Any], **_: Any) -> None:
        if ("lat" in data) != ("lng" in data):
            missing = "lat" if "lng" in data else "lng"
            raise ValidationError("missing_parameter|lat 和 lng 要一起给", missing)
        if ("lat" in data or "bbox" in data) and "datum" not in data:
            raise ValidationError(f"missing_datum|给了位置就要说明{DATUM}", "datum")
        if data.get("datum", "wgs84") == "wgs84":
            return
        west, south, east, north = CHINA
        detail = f"out_of_range|{data['datum']} 只用于中国；别处请用 wgs84"
        for name, low, high in (("lat", south, north), ("lng", west, east)):
            if name in data and not low <= data[name] <= high:
                raise ValidationError(detail, name)
        if "bbox" in data:
            box = data["bbox"]
            if not (west <= box[0] and south <= box[1] and box[2] <= east and box[3] <= north):
                raise ValidationError(detail, "bbox")


class FilterFields(Located):
    """The filters; all that are given must hold, a repeated one means any of its values."""

    type = Several(
        Text(60), MOST_TYPES, metadata={"description": "类型，可重复：任一即可", "example": ["nursery"]}
    )
    division = Text(20, metadata={"description": "区划代码，可补足全长", "example": "441802000000"})
    age_months = Whole(0, 215, metadata={"description": "孩子的月龄；没有写明年龄的也在内，带 age_unknown"})
    birth_month = MonthField(
        metadata={
            "description": "孩子的出生年月，代替 age_months；今后 9 个月内的（还没出生）按 0 个月",
            "example": "2024-05",
        }
    )
    fee = Several(
        Choice(tuple(FEE_FLAGS)), 2, metadata={"description": "收费：free 免费、discounted 优惠，可重复"}
    )
    fee_max = Whole(0, 100_000, metadata={"description": "月费不超过多少元；免费的为 0，不知道的不在内"})
    inclusive = Yes(metadata={"description": "true：只要普惠的"})
    registered = Yes(metadata={"description": "true：只要有备案的"})
    places_free = Yes(metadata={"description": "true：只要还有空托位的"})
    accessible = Choice(
        ("yes", "maybe"), metadata={"description": "yes：评估为无障碍；maybe：没有评估为有障碍"}
    )
    open = InstantField(
        metadata={"description": "now 或当地时间：那时开放的；不知道的不在内", "example": "now"}
    )
    open_weekends = Yes(metadata={"description": "true：只要平常周末开放的"})
    verified_days = Whole(1, 3650, metadata={"description": "最近多少天内有人核实过"})
    bbox = BoxField(
        metadata={
            "description": f"范围：西,南,东,北，按 datum；没有位置的不在内。{EDGES}",
            "example": "112.9,23.6,113.2,23.8",
        }
    )

    @validates_schema
    def one_age(self, data: dict[str, Any], **_: Any) -> None:
        if "age_months" in data and "birth_month" in data:
            raise ValidationError("bad_value|age_months 和 birth_month 只给一个", "birth_month")
        if "birth_month" in data and not -9 <= _months(data["birth_month"]) <= 215:
            detail = "出生年月应在过去 18 年内，或今后 9 个月内（还没出生的按 0 个月）"
            raise ValidationError(f"out_of_range|{detail}", "birth_month")


# beside the types and the position
FILTERS = tuple(sorted(FilterFields().fields.keys() - Located().fields.keys() - {"type"}))


def _months(birth_month: int) -> int:
    """The age in whole months that a child born in that month surely has reached at this month's end;
    below 0 while it is expected."""
    return int(g.today.year * 12 + g.today.month - birth_month)


def named_division(args: dict[str, Any], name: str = "division") -> Division | None:
    """The division that the parameter names, if it is given; an abolished one still answers to its code."""
    with parameter(division=name):
        return divisions.get(args[name]) if name in args else None


def named_spans(args: dict[str, Any]) -> tuple[Within, ...]:
    """Where what stands in the named division is found: of an abolished one, in what took its place."""
    division = named_division(args)
    return tuple(Within(each.lft, each.rgt) for each in divisions.current(division)) if division else ()


def types_and_spans(args: dict[str, Any]) -> tuple[tuple[int, ...], tuple[Within, ...]]:
    """The types and the place that a query names."""
    with parameter():
        kinds = known_kinds(g.version) if "type" in args else None
        type_ids = {kinds.get(word).id for word in args["type"]} if kinds else set()
    return tuple(sorted(type_ids)), named_spans(args)


def filters_of(args: dict[str, Any]) -> tuple[tuple[int, ...], Filters]:
    """The type ids (none: all) and the filters of a query; `open=now` is left to the caller."""
    type_ids, spans = types_and_spans(args)
    if args.keys().isdisjoint(FILTERS):
        return type_ids, NO_FILTERS
    instant = args.get("open")
    age = max(0, _months(args["birth_month"])) if "birth_month" in args else args.get("age_months")
    days = args.get("verified_days")
    filters = Filters(
        within=spans,
        age_months=age,
        fees=tuple(args.get("fee", ())),
        fee_max=args.get("fee_max"),
        inclusive=args.get("inclusive", False),
        registered=args.get("registered", False),
        places_free=args.get("places_free", False),
        accessible=args.get("accessible"),
        open_at=instant.replace(tzinfo=g.now.tzinfo) if isinstance(instant, datetime) else None,
        open_weekends=args.get("open_weekends", False),
        verified_since=g.today - timedelta(days=days) if days else None,
        box=_box(args["bbox"], args["datum"]) if "bbox" in args else None,
    )
    return type_ids, filters


def _box(box: Box, datum: str) -> Box:
    """The WGS-84 box that holds every place which the datum shows in the box, and some beside its edges.

    The edges of another datum's box are curved in WGS-84: beyond the corners by up to 0.75 % of the longer
    side and 125 m, as measured all over China.
    """
    if datum == "wgs84":
        return box
    west, south, east, north = box
    corners = [geo.to_wgs84(lng, lat, datum) for lng in (west, east) for lat in (south, north)]
    lngs, lats = zip(*corners, strict=True)
    margin = min(0.01 * max(east - west, north - south), 0.0015) + 1e-6  # what is shown is rounded
    return min(lngs) - margin, min(lats) - margin, max(lngs) + margin, max(lats) + margin
