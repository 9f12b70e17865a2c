"""服务点 over HTTP: near, by code, one; and whole records for those with rights."""

from typing import Any

from flask import Response, g
from marshmallow import ValidationError, fields, validates_schema

from servicemap import divisions, edits, facilities, facts
from servicemap.access import READ_RECORD, require
from servicemap.api.answers import GEOJSON, answer, detail, found
from servicemap.api.filters import FILTERS, MOST_TYPES, FilterFields, filters_of, types_and_spans
from servicemap.api.inputs import Choice, Several, Strict, Text, Whole, Yes
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import (
    DemoSchema,
    FacilitiesSchema,
    FacilityDetailSchema,
    FacilitySchema,
    FacilityTypesSchema,
    RecordSchema,
)
from servicemap.coverage.asked import asked_rows
from servicemap.facility_types import Kinds
from servicemap.finder.items import Style
from servicemap.finder.opening import moment
from servicemap.finder.query import Query
from servicemap.finder.search import USUAL_M, search
from servicemap.geo import DATUMS

blp = StrictBlueprint("facilities", __name__, url_prefix="/api/v1", description="服务点")

GEOJSON_TOO = {
    "200": {
        "description": "OK",
        "content": {
            "application/json": {"schema": FacilitiesSchema},
            GEOJSON: {"schema": {"type": "object", "description": "format=geojson：FeatureCollection"}},
        },
    }
}
MEMBERS = tuple(FacilitySchema().fields)


class FindSchema(FilterFields):
    q = Text(
        100,
        metadata={
            "description": "文字：名称、地址、类型和俗称、地名，汉字、全拼、首字母",
            "example": "英德 托育",
        },
    )
    radius_m = Whole(
        1,
        50_000,
        metadata={
            "description": f"半径，米；不给为 {USUAL_M}，说了区划或地名则不限；里面没有就自动扩大并说明"
        },
    )
    accuracy_m = Whole(
        0,
        50_000,
        load_default=0,
        metadata={"description": "位置本身准到多少米（模糊定位）；大于 0 时距离带“约”"},
    )
    limit = Whole(1, 100, load_default=20, metadata={"description": "一页最多几个"})
    cursor = Text(500, metadata={"description": "上一页给的 next_cursor"})
    total = Yes(metadata={"description": "true：一共多少，数到 1000 为止"})
    counts = Several(Choice(("type",)), 1, metadata={"description": "type：各类型多少，数到 1000 为止"})
    fields = Several(  # type: ignore[assignment]
        Choice(MEMBERS), len(MEMBERS), metadata={"description": "只要这些字段，可重复"}
    )
    format = Choice(("json", "geojson"), load_default="json", metadata={"description": "geojson 只用 wgs84"})

    @validates_schema
    def geojson_is_wgs84(self, data: dict[str, Any], **_: Any) -> None:
        if data["format"] == "geojson" and data.get("datum", "wgs84") != "wgs84":
            raise ValidationError("bad_choice|geojson 的坐标只能是 wgs84，请给 datum=wgs84 的位置", "format")


class OneSchema(Strict):
    datum = Choice(DATUMS, load_default="wgs84", metadata={"description": "回答中坐标的坐标系"})


class RecordsQuery(Strict):
    division = Text(20, metadata={"description": "区划代码"})
    type = Several(Text(60), MOST_TYPES, metadata={"description": "类型，可重复：任一即可"})
    after = Text(12, metadata={"description": "上一页最后的编号"})
    limit = Whole(1, 1000, load_default=500)


class TemplateQuery(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    after = Text(20, load_default="", metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 500, load_default=200, metadata={"description": "一页最多几个村（居）"})


class TemplateSchema(DemoSchema):
    items = fields.List(
        fields.Dict(),
        metadata={
            "description": "每个村（居）和要报的类型一行，字段同导入表，另有 town、community、presence"
        },
    )
    choices = fields.Dict(metadata={"description": "{字段: 可以填的几个词}"})
    next_after = fields.String(allow_none=True)


class RecordsSchema(DemoSchema):
    items = fields.List(
        fields.Dict(),
        metadata={"description": "每个挂牌一行，字段同导入表（坐标为 wgs84）；code 相同的是同一处"},
    )
    next_after = fields.String(allow_none=True)


@blp.get("/facilities")
@blp.doc(responses=GEOJSON_TOO)
@blp.arguments(FindSchema, location="query")
@blp.response(200, FacilitiesSchema)
@blp.fails(400, 503)
def list_facilities(args: dict[str, Any]) -> Response:
    """找服务点：给位置则由近到远，不给则按编号"""
    return _find(args)


@blp.post("/facilities/search")
@blp.doc(responses=GEOJSON_TOO)
@blp.arguments(FindSchema)
@blp.response(200, FacilitiesSchema)
@blp.fails(400, 413, 415, 503)
def search_facilities(args: dict[str, Any]) -> Response:
    """找服务点，同上，参数放在请求内容里，位置不进地址

    可重复的参数（type、fee、fields、counts）给列表；只有一个值时也可以直接给这个值。
    """
    return _find(args)


def _find(args: dict[str, Any]) -> Response:
    type_ids, filters = filters_of(args)
    query = Query(
        g.now,
        args.get("lng"),
        args.get("lat"),
        args.get("datum", "wgs84"),
        args.get("radius_m"),
        type_ids,
        filters,
        args.get("open") == "now",
        args.get("q", ""),
        args["limit"],
        args["accuracy_m"],
        args["format"] == "geojson",
        "&".join([f"{name}={args[name]}" for name in FILTERS if name in args]),
    )
    counted = args.get("total", False) or "counts" in args
    page = search(query, args.get("cursor"), counted=counted, version=g.version)
    return found(page, query, args.get("fields"))


@blp.get("/facilities/<code:code>")
@blp.arguments(OneSchema, location="query")
@blp.response(200, FacilityDetailSchema)
@blp.fails(404, 503)
def get_facility(args: dict[str, Any], code: str) -> Response:
    """一个服务点"""
    return detail(facilities.get(code), Style(moment(g.now), args["datum"]), g.today)


@blp.get("/facility-records")
@blp.allowed(READ_RECORD)
@blp.arguments(RecordsQuery, location="query")
@blp.response(200, RecordsSchema)
@blp.fails(503)
def list_records(args: dict[str, Any]) -> dict[str, Any]:
    """全部资料，按编号，供导出；需要权限"""
    type_ids, spans = types_and_spans(args)
    with parameter(facility="after"):
        after = facilities.id_of(args["after"]) if "after" in args else 0
    records = facilities.list_records(
        g.actor, type_ids, [(span.lft, span.rgt) for span in spans], after=after, limit=args["limit"]
    )
    items = facts.rows_of(records, Kinds())
    full = len(records) == args["limit"]
    return answer({"items": items, "next_after": records[-1].code if full else None})


@blp.get("/facility-records/<code:code>")
@blp.allowed(READ_RECORD)
@blp.response(200, RecordSchema)
@blp.fails(404, 503)
def get_record(code: str) -> dict[str, Any]:
    """一个服务点的全部资料和它的版本；需要权限"""
    record = facilities.get(code)
    require(g.actor, READ_RECORD, record.division_id)
    return answer(edits.shown(record, g.today))


@blp.get("/facility-template")
@blp.allowed(READ_RECORD)
@blp.arguments(TemplateQuery, location="query")
@blp.response(200, TemplateSchema)
@blp.fails(404, 503)
def list_template(args: dict[str, Any]) -> dict[str, Any]:
    """收表：各村（居）要报的类型，已知的都填好；需要权限"""
    root = divisions.get(args["division"])
    require(g.actor, READ_RECORD, root.id)
    items, position = asked_rows(root, g.today, after=args["after"], limit=args["limit"])
    return answer({"items": items, "choices": facts.choices(), "next_after": position})


@blp.get("/facility-types")
@blp.response(200, FacilityTypesSchema)
@blp.fails(503)
def list_facility_types() -> dict[str, Any]:
    """全部类型"""
    return answer({"items": Kinds().all})
