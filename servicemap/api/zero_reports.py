"""零报告 over HTTP: a division's dated "none"."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions, zero_reports
from servicemap.access import EDIT, READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Day, Several, Strict, Text
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, day, text
from servicemap.facility_types import known_kinds

blp = StrictBlueprint("zero-reports", __name__, url_prefix="/api/v1/zero-reports", description="零报告")


class ZerosQuery(Strict):
    division = Text(20, metadata={"description": "区划代码；默认自己的全部范围"})
    on = Day(metadata={"description": "截至哪一天；默认今天"})


class NoneSchema(Strict):
    division = Text(20, required=True, metadata={"description": "哪个村（居）、镇（街道）"})
    types = Several(Text(60), 50, required=True, metadata={"description": "没有哪些类型"})
    on = Day(metadata={"description": "哪天答的；默认今天"})


class ZeroSchema(Open):
    """一个区划答了没有某类型"""

    division = text("区划代码")
    division_name = text("区划名称")
    type = text("类型")
    type_name = text("类型名称")
    reported_on = day("哪天答的")
    reported_by = text("哪个岗位答的")
    stands = fields.Boolean(metadata={"description": "false：以后有了，这个回答已经过去"})


class ZerosSchema(DemoSchema):
    items = fields.List(fields.Nested(ZeroSchema))


class NotedSchema(DemoSchema):
    added = fields.Integer(metadata={"description": "新记下几个回答"})


@blp.get("")
@blp.allowed(READ_RECORD)
@blp.arguments(ZerosQuery, location="query")
@blp.response(200, ZerosSchema)
@blp.fails(503)
def list_zero_reports(args: dict[str, Any]) -> dict[str, Any]:
    """谁答了没有，每个区划和类型的最近一次；需要权限"""
    spans = [(span.lft, span.rgt) for span in named_spans(args)]
    return answer({"items": zero_reports.list_zeros(g.actor, spans, args.get("on", g.today))})


@blp.post("")
@blp.allowed(EDIT)
@blp.arguments(NoneSchema)
@blp.response(201, NotedSchema)
@blp.fails(400, 409, 413, 415, 503)
def add_zero_report(body: dict[str, Any]) -> dict[str, Any]:
    """答：某天这里没有这些类型的服务点（零报告），和没有回答分开"""
    with parameter():
        division = divisions.get(body["division"], on=g.today)
        kinds = [known_kinds(g.version).get(word) for word in body["types"]]
    return answer(
        {"added": zero_reports.report_none(g.actor, division, kinds, body.get("on", g.today), g.today)}
    )
