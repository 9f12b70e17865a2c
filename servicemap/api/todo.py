"""要做的 over HTTP: what a worker should do next, with the command to type."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import todo
from servicemap.access import READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text

blp = StrictBlueprint("todo", __name__, url_prefix="/api/v1", description="要做的")


class TodoQuery(Strict):
    division = Text(20, metadata={"description": "区划代码"})
    after = Text(40, metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 500, load_default=50)


class TodoItemSchema(Open):
    check = fields.String(metadata={"description": "哪一种，例如 feedback、position（以后可能增加）"})
    weight = fields.Integer(metadata={"description": "对家庭有多要紧，0–100"})
    code = fields.String(metadata={"description": "服务点编号"})
    name = fields.String(metadata={"description": "服务点名称"})
    problem = fields.String(metadata={"description": "哪里不对"})
    why = fields.String(metadata={"description": "为什么要紧"})
    command = fields.String(metadata={"description": "下一步输入什么"})


class TodoSchema(DemoSchema):
    items = fields.List(fields.Nested(TodoItemSchema))
    next_after = text("下一页的 after；空为最后一页")


@blp.get("/todo")
@blp.allowed(READ_RECORD)
@blp.arguments(TodoQuery, location="query")
@blp.response(200, TodoSchema)
@blp.fails(503)
def list_todo(args: dict[str, Any]) -> dict[str, Any]:
    """自己范围内接下来要做的，家庭最需要的在前；需要权限"""
    spans = [(span.lft, span.rgt) for span in named_spans(args)]
    items = todo.list_todo(g.actor, spans, g.today, after=args.get("after"), limit=args["limit"])
    full = len(items) == args["limit"]
    return answer({"items": items, "next_after": items[-1].key if full else None})
