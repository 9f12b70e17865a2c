"""称号 over HTTP: of places and of divisions. For people with rights; families see a place's on its card."""

from typing import Any

from flask import g, request
from marshmallow import fields

from servicemap import titles
from servicemap.access import EDIT, READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.edits import HEADERS, REASON, idempotency_key
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Day, Strict, Text, Word
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text

blp = StrictBlueprint("titles", __name__, url_prefix="/api/v1/titles", description="称号")


class TitlesQuery(Strict):
    division = Text(20, metadata={"description": "区划代码：这里的服务点和区划的"})
    holder = Text(20, metadata={"description": "只要这一个的：服务点编号或区划代码"})
    kind = Text(60, metadata={"description": "只要这一种", "example": "儿童友好基地"})


class AwardTitleSchema(Strict):
    holder = Text(20, required=True, metadata={"description": "谁的：服务点编号或区划代码"})
    kind = Word(60, required=True, metadata={"description": "称号", "example": "儿童友好示范县"})
    issuer = Word(60, required=True, metadata={"description": "授予机关"})
    awarded_on = Day(required=True, metadata={"description": "授予日期"})
    expires_on = Day(metadata={"description": "从哪天起失效；没有期限可不给"})
    reason = REASON


class WithdrawTitleSchema(Strict):
    on = Day(metadata={"description": "从哪天起撤销；默认今天"})
    reason = REASON


class TitleItemSchema(Open):
    id = fields.Integer(metadata={"description": "第几号"})
    holder = fields.String(metadata={"description": "服务点编号或区划代码"})
    holder_name = fields.String()
    kind = fields.String()
    issuer = fields.String()
    awarded_on = fields.String()
    expires_on = text("从哪天起失效")
    withdrawn_on = text("从哪天起撤销")


class TitleOneSchema(DemoSchema):
    item = fields.Nested(TitleItemSchema)


class TitlesSchema(DemoSchema):
    items = fields.List(fields.Nested(TitleItemSchema))


@blp.get("")
@blp.allowed(READ_RECORD)
@blp.arguments(TitlesQuery, location="query")
@blp.response(200, TitlesSchema)
@blp.fails(404, 503)
def list_titles(args: dict[str, Any]) -> dict[str, Any]:
    """称号，失效的也在；需要权限"""
    spans = [(span.lft, span.rgt) for span in named_spans(args)]
    chosen = {name: args.get(name) for name in ("kind", "holder")}
    return answer({"items": titles.list_titles(g.actor, spans, **chosen)})


@blp.post("")
@blp.allowed(EDIT)
@blp.doc(parameters=HEADERS)
@blp.arguments(AwardTitleSchema)
@blp.response(201, TitleOneSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
def award_title(body: dict[str, Any]) -> dict[str, Any]:
    """记一个称号；区划的由上一级的审核岗位记"""
    asked, key = [request.path, body], idempotency_key()
    return answer(titles.award(g.actor, body["holder"], body, g.today, request=asked, key=key))


@blp.post("/<number:id_>/withdraw")
@blp.allowed(EDIT)
@blp.arguments(WithdrawTitleSchema)
@blp.response(200, TitleOneSchema)
@blp.fails(400, 404, 413, 415, 503)
def withdraw_title(body: dict[str, Any], id_: int) -> dict[str, Any]:
    """撤销一个称号：从那天起不再计入"""
    return answer(titles.withdraw(g.actor, id_, body.get("on", g.today), body["reason"], g.today))
