"""行政区划 over HTTP."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import g
from marshmallow import fields

from servicemap import division_list, divisions, geo, registry
from servicemap.access import MANAGE_DIVISIONS
from servicemap.api.answers import answer
from servicemap.api.filters import DATUM, Located, named_division
from servicemap.api.inputs import Choice, Day, Degrees, Several, Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, DivisionDetailSchema, DivisionsSchema, StepSchema, text
from servicemap.geo import DATUMS
from servicemap.models import LEVELS, Division

blp = StrictBlueprint("divisions", __name__, url_prefix="/api/v1", description="行政区划")


class ListSchema(Strict):
    parent = Text(20, metadata={"description": "只列这个区划以下的；不给 level 时只列下一级"})
    level = Choice(LEVELS, metadata={"description": "只列这一级"})
    on = Day(metadata={"description": "那一天的名录；默认今天"})
    after = Text(20, metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 2000, load_default=500)


class DetailSchema(Strict):
    level = Choice(LEVELS, metadata={"description": "代码在几级都有时，要哪一级；默认最高一级"})
    on = Day(metadata={"description": "那一天的名称和下一级；默认今天。停用了的也查得到"})


class LocateSchema(Located):
    lat = Degrees(90, required=True, metadata={"description": "纬度，度", "example": 23.6979})
    lng = Degrees(180, required=True, metadata={"description": "经度，度", "example": 113.0627})
    datum = Choice(
        DATUMS,
        required=True,
        error_messages={"required": f"missing_datum|给了位置就要说明{DATUM}"},
        metadata={"description": DATUM},
    )


class LocatedSchema(DemoSchema):
    county = fields.Nested(StepSchema, allow_none=True, metadata={"description": "所在县（区）；空为不详"})
    town = fields.Nested(
        StepSchema, allow_none=True, metadata={"description": "所在镇（街）；空为没有这里的镇界，或不详"}
    )
    path = fields.List(fields.Nested(StepSchema), metadata={"description": "从最高一级到查得的最低一级"})
    remark = text("查不到时说明原因")


class DivisionRowSchema(Strict):
    """一个区划：空为没有"""

    row = Whole(0, 2_000_000, metadata={"description": "文件中的行号，出错时用"})
    code = Text(20, load_default="")
    name = Text(100, load_default="")
    level = Text(20, load_default="")
    parent_code = Text(20, load_default="")
    valid_from = Text(20, load_default="")
    valid_to = Text(20, load_default="")
    urban_rural = Text(3, load_default="")
    replaces = Text(
        2000, load_default="", metadata={"description": "替代哪些旧代码，用空格或顿号隔开；自启用日期起"}
    )


class DivisionRowsSchema(Strict):
    rows = Several(fields.Nested(DivisionRowSchema), 100_000, required=True)


class DivisionCountsSchema(DemoSchema):
    created = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()


def described(found: Sequence[Division], on: date) -> list[dict[str, Any]]:
    former = divisions.former_names(found)
    return [_described(each, divisions.name_on(each, former.get(each.id, ()), on)) for each in found]


def _described(division: Division, name: str) -> dict[str, Any]:
    names = ("level", "community_kind", "town_kind", "virtual", "pseudo", "valid_from", "valid_to")
    facts = {name: getattr(division, name) for name in names}
    return {"code": division.padded_code, "name": name, **facts}


@blp.get("/divisions")
@blp.arguments(ListSchema, location="query")
@blp.response(200, DivisionsSchema)
@blp.fails(503)
def list_divisions(args: dict[str, Any]) -> dict[str, Any]:
    """区划名录，按代码"""
    on = args.get("on", g.today)
    found = divisions.list_divisions(
        named_division(args, "parent"),
        args.get("level"),
        on,
        after=args.get("after", ""),
        limit=args["limit"],
    )
    full = len(found) == args["limit"]
    items = described(found, on)
    return answer({"items": items, "next_after": items[-1]["code"] if full else None})


@blp.get("/divisions/locate")
@blp.arguments(LocateSchema, location="query")
@blp.response(200, LocatedSchema)
@blp.fails(503)
def locate(args: dict[str, Any]) -> dict[str, Any]:
    """一个位置在哪个县（区）、镇（街），按已知的边界"""
    return _located(**args)


@blp.post("/divisions/locate")
@blp.arguments(LocateSchema)
@blp.response(200, LocatedSchema)
@blp.fails(400, 413, 415, 503)
def locate_posted(body: dict[str, Any]) -> dict[str, Any]:
    """同上，位置放在请求内容里，不进地址"""
    return _located(**body)


def _located(lat: float, lng: float, datum: str) -> dict[str, Any]:
    id_ = divisions.locate(*geo.to_wgs84(lng, lat, datum))
    path = divisions.paths([id_])[id_] if id_ else ()
    step = {step.level: step for step in path}
    remark = None if "county" in step else "这个位置不在已知的县（区）边界内"
    return answer({"county": step.get("county"), "town": step.get("town"), "path": path, "remark": remark})


@blp.get("/divisions/<code:code>")
@blp.arguments(DetailSchema, location="query")
@blp.response(200, DivisionDetailSchema)
@blp.fails(404, 503)
def get_division(args: dict[str, Any], code: str) -> dict[str, Any]:
    """一个区划，连同路径、下一级和沿革"""
    on = args.get("on", g.today)
    division = divisions.get(code, level=args.get("level"), on=args.get("on"))
    return answer(
        {
            **described([division], on)[0],
            "path": divisions.paths([division.id])[division.id],
            "children": described(divisions.children(division, on), on),
            "former_names": divisions.former_names([division]).get(division.id, ()),
            "predecessors": divisions.predecessors(division),
            "successors": divisions.successors(division),
        }
    )


@blp.post("/divisions")
@blp.allowed(MANAGE_DIVISIONS)
@blp.arguments(DivisionRowsSchema)
@blp.response(200, DivisionCountsSchema)
@blp.fails(400, 409, 413, 415, 503)
def import_divisions(body: dict[str, Any]) -> dict[str, Any]:
    """导入区划名录：全部成功，或什么都不改；需要权限"""
    rows = [division_list.DivisionRow(**row) for row in body["rows"]]
    counts = division_list.import_divisions(g.actor, rows)
    registry.roll_over(g.actor, g.today)  # places say the names of their divisions
    return answer(counts)
