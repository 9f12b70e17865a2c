"""服务点 over HTTP: near, by code, one; and whole records for those with rights."""

from typing import Any

from flask import Response, g
from marshmallow import ValidationError, fields, validates_schema

from servicemap import divisions, facilities, facts
from servicemap.access import READ_RECORD
from servicemap.api.answers import answer, spliced, spliced_list
from servicemap.api.parsing import Choice, Degrees, Several, Strict, StrictBlueprint, Text, Whole, parameter
from servicemap.api.schemas import (
    DemoSchema,
    FacilitiesSchema,
    FacilityDetailSchema,
    FacilityTypesSchema,
)
from servicemap.facility_types import Kinds, known_kinds
from servicemap.finder.search import Query, one, search
from servicemap.geo import DATUMS
from servicemap.models import Division

blp = StrictBlueprint("facilities", __name__, url_prefix="/api/v1", description="服务点")

DATUM = "坐标系：gcj02（高德、腾讯、微信）、bd09（百度）、wgs84（天地图、GPS）"
MOST_TYPES = 20  # SQLite joins at most 500 SELECTs, and the finder's probe has up to 18 a type
CHINA = (0.8, 55.9, 72.0, 137.9)  # south, north, west, east: where gcj02 and bd09 mean anything


class FindSchema(Strict):
    lat = Degrees(90, metadata={"description": "纬度，度；与 lng、datum 一起给", "example": 23.6979})
    lng = Degrees(180, metadata={"description": "经度，度", "example": 113.0627})
    datum = Choice(DATUMS, metadata={"description": DATUM + "。给了位置就必须说明；回答用同一坐标系"})
    radius_m = Whole(1, 50_000, load_default=5000, metadata={"description": "半径，米"})
    type = Several(
        Text(60), MOST_TYPES, metadata={"description": "类型，可重复：任一即可", "example": ["nursery"]}
    )
    division = Text(20, metadata={"description": "区划代码，可补足全长", "example": "441802000000"})
    limit = Whole(1, 100, load_default=20, metadata={"description": "一页最多几个"})
    cursor = Text(500, metadata={"description": "上一页给的 next_cursor"})

    @validates_schema
    def position_is_whole(self, data: dict[str, Any], **_: Any) -> None:
        if ("lat" in data) != ("lng" in data):
            missing = "lat" if "lng" in data else "lng"
            raise ValidationError("missing_parameter|lat 和 lng 要一起给", missing)
        if "lat" in data and "datum" not in data:
            raise ValidationError(f"missing_datum|给了位置就要说明{DATUM}", "datum")
        south, north, west, east = CHINA
        if data.get("datum", "wgs84") != "wgs84" and "lat" in data:
            for name, low, high in (("lat", south, north), ("lng", west, east)):
                if not low <= data[name] <= high:
                    detail = f"{data['datum']} 只用于中国；别处请用 wgs84"
                    raise ValidationError(f"out_of_range|{detail}", name)


class OneSchema(Strict):
    datum = Choice(DATUMS, load_default="wgs84", metadata={"description": "回答中坐标的坐标系"})


class RecordsQuery(Strict):
    division = Text(20, metadata={"description": "区划代码"})
    type = Several(Text(60), MOST_TYPES, metadata={"description": "类型，可重复：任一即可"})
    after = Text(12, metadata={"description": "上一页最后的编号"})
    limit = Whole(1, 1000, load_default=500)


class RecordsSchema(DemoSchema):
    items = fields.List(
        fields.Dict(),
        metadata={"description": "每个挂牌一行，字段同导入表（坐标为 wgs84）；code 相同的是同一处"},
    )
    next_after = fields.String(allow_none=True)


@blp.get("/facilities")
@blp.arguments(FindSchema, location="query")
@blp.response(200, FacilitiesSchema)
@blp.fails(400, 503)
def list_facilities(args: dict[str, Any]) -> Response:
    """找服务点：给位置则由近到远，不给则按编号"""
    type_ids, division = _asked(args)
    query = Query(
        args.get("lng"),
        args.get("lat"),
        args.get("datum", "wgs84"),
        args["radius_m"],
        type_ids,
        division,
        args["limit"],
    )
    page = search(query, args.get("cursor"))
    return spliced_list(page.items, {"next_cursor": page.next_cursor, "datum": query.datum})


def _asked(args: dict[str, Any]) -> tuple[tuple[int, ...], Division | None]:
    """The types and the division that a query names."""
    with parameter():
        kinds = known_kinds() if "type" in args else None
        type_ids = {kinds.get(word).id for word in args["type"]} if kinds else set()
        division = divisions.get(args["division"]) if "division" in args else None
    return tuple(sorted(type_ids)), division


@blp.get("/facilities/<code:code>")
@blp.arguments(OneSchema, location="query")
@blp.response(200, FacilityDetailSchema)
@blp.fails(404, 503)
def get_facility(args: dict[str, Any], code: str) -> Response:
    """一个服务点"""
    record = facilities.get(code)
    status = {"status": record.status(g.today), "datum": args["datum"]}
    return spliced(one(record.id, args["datum"]), status)


@blp.get("/facility-records")
@blp.allowed(READ_RECORD)
@blp.arguments(RecordsQuery, location="query")
@blp.response(200, RecordsSchema)
@blp.fails(503)
def list_records(args: dict[str, Any]) -> dict[str, Any]:
    """全部资料，按编号，供导出；需要权限"""
    type_ids, division = _asked(args)
    with parameter(facility="after"):
        after = facilities.get(args["after"]).id if "after" in args else 0
    records = facilities.list_records(type_ids, division, after=after, limit=args["limit"])
    items = facts.rows_of(records, Kinds())
    full = len(records) == args["limit"]
    return answer({"items": items, "next_after": records[-1].code if full else None})


@blp.get("/facility-records/<code:code>")
@blp.allowed(READ_RECORD)
@blp.response(200, RecordsSchema)
@blp.fails(404, 503)
def get_record(code: str) -> dict[str, Any]:
    """一个服务点的全部资料；需要权限"""
    return answer({"items": facts.rows_of([facilities.get(code)], Kinds()), "next_after": None})


@blp.get("/facility-types")
@blp.response(200, FacilityTypesSchema)
@blp.fails(503)
def list_facility_types() -> dict[str, Any]:
    """全部类型"""
    return answer({"items": Kinds().all})
