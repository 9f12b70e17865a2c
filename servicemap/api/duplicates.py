"""疑似重复 over HTTP: pairs that look like one place, and the word that they are not."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import duplicates
from servicemap.access import EDIT, READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.edits import REASON
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text
from servicemap.records import public_code

blp = StrictBlueprint("duplicates", __name__, url_prefix="/api/v1", description="疑似重复")


class PairsQuery(Strict):
    division = Text(20, metadata={"description": "区划代码"})
    after = Text(24, metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 500, load_default=100)


class PairSchema(Open):
    code = fields.String()
    name = fields.String()
    other_code = fields.String()
    other_name = fields.String()
    reasons = fields.List(fields.String(), metadata={"description": "为什么像同一处"})


class PairsSchema(DemoSchema):
    items = fields.List(fields.Nested(PairSchema))
    next_after = text("下一页的 after；空为最后一页")


class NotSameSchema(Strict):
    other = Text(12, required=True, metadata={"description": "另一个编号"})
    reason = REASON


class ToldApartSchema(DemoSchema):
    code = fields.String()
    other_code = fields.String()


@blp.get("/duplicates")
@blp.allowed(READ_RECORD)
@blp.arguments(PairsQuery, location="query")
@blp.response(200, PairsSchema)
@blp.fails(503)
def list_duplicates(args: dict[str, Any]) -> dict[str, Any]:
    """像是同一处登记了两次的：由人决定合并，或说明不是；需要权限"""
    spans = [(span.lft, span.rgt) for span in named_spans(args)]
    pairs = duplicates.list_suspects(g.actor, spans, g.today, after=args.get("after"), limit=args["limit"])
    items = [
        {
            "code": public_code(pair.one.id),
            "name": pair.one.name,
            "other_code": public_code(pair.other.id),
            "other_name": pair.other.name,
            "reasons": pair.reasons,
        }
        for pair in pairs
    ]
    full = len(pairs) == args["limit"]
    return answer({"items": items, "next_after": pairs[-1].key if full else None})


@blp.post("/facilities/<code:code>/not-same")
@blp.allowed(EDIT)
@blp.arguments(NotSameSchema)
@blp.response(200, ToldApartSchema)
@blp.fails(400, 404, 413, 415, 503)
def tell_apart(body: dict[str, Any], code: str) -> dict[str, Any]:
    """这两处不是同一处：以后不再列出"""
    one, other = duplicates.tell_apart(g.actor, code, body["other"], body["reason"])
    return answer({"code": one, "other_code": other})
