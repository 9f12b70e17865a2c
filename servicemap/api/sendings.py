"""报送记录 over HTTP: which version was sent to whom."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap.access import PUBLISH, READ_LIVE_COVERAGE
from servicemap.api.answers import answer
from servicemap.api.edits import HEADERS, idempotency_key
from servicemap.api.inputs import Day, Strict, Text, Whole, Word
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text, whole
from servicemap.coverage import sendings

blp = StrictBlueprint("sendings", __name__, url_prefix="/api/v1", description="报送记录")


class SendingSchema(Strict):
    sent_to = Word(100, required=True, metadata={"description": "报给谁", "example": "市妇儿工委办公室"})
    sent_on = Day(required=True, metadata={"description": "哪天报的"})
    document_no = Text(60, metadata={"description": "文号"})
    note = Text(200, metadata={"description": "说明"})


class SendingItemSchema(Open):
    id = fields.Integer()
    number = whole("快照的号")
    period = text("监测期")
    division_name = text("区划")
    version = whole("第几版")
    sent_to = text("报给谁")
    sent_on = text("哪天报的")
    document_no = text("文号")
    note = text("说明")
    noted_by = text("记录的岗位")


class SentSchema(SendingItemSchema, DemoSchema):
    pass


class SendingsQuery(Strict):
    snapshot = Whole(1, 2_000_000_000, metadata={"description": "只要这个快照的"})


class SendingsSchema(DemoSchema):
    items = fields.List(fields.Nested(SendingItemSchema))


@blp.get("/sendings")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(SendingsQuery, location="query")
@blp.response(200, SendingsSchema)
@blp.fails(404, 503)
def list_sendings(args: dict[str, Any]) -> dict[str, Any]:
    """报送记录：哪一版、何时、报给了谁；自己范围内的；需要权限"""
    return answer({"items": sendings.list_sendings(g.actor, args.get("snapshot"))})


@blp.post("/snapshots/<number:number>/sendings")
@blp.allowed(PUBLISH)
@blp.doc(parameters=HEADERS)
@blp.arguments(SendingSchema)
@blp.response(201, SentSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
def note_sending(body: dict[str, Any], number: int) -> dict[str, Any]:
    """记一次报送：批准了的一版报给了谁；记录只加不减"""
    said = {"document_no": None, "note": None, **body}
    return answer(sendings.note_sending(g.actor, number, **said, today=g.today, key=idempotency_key()))
