"""一次改许多条 over HTTP: a filter, what to do with each record that it meets, the plan, then all of it."""

from typing import Any

from flask import current_app, g
from marshmallow import ValidationError, fields, validates_schema

from servicemap import bulk, edits
from servicemap.access import EDIT
from servicemap.api.answers import answer
from servicemap.api.edits import HEADERS, REASON, asked
from servicemap.api.filters import MOST_TYPES, types_and_spans
from servicemap.api.inputs import Cell, Choice, Day, Flag, Several, Strict, Text, Texts, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open

blp = StrictBlueprint("bulk", __name__, url_prefix="/api/v1/facilities", description="一次改许多条")

MOST_SHOWN = 200
ACTIONS = {"edit": "update", "close": "close", "verify": "verify"}


def _texts(description: str) -> Texts:
    values = Cell(4000, allow_none=True)
    return Texts(keys=Text(40), values=values, load_default=dict, metadata={"description": description})


class BulkSchema(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码：在这里面的"})
    type = Several(Text(60), MOST_TYPES, metadata={"description": "类型，可重复：有其中一个挂牌的"})
    where = _texts("{字段: 现在的内容}，同导出的写法；null 为没有填的")
    closed = Flag(load_default=False, metadata={"description": "true：关闭了的也算"})
    limit = Whole(1, bulk.MOST, load_default=bulk.MOST, metadata={"description": "最多几个，按编号"})
    verb = Choice(tuple(ACTIONS), load_default="edit", metadata={"description": "对每个做什么"})
    cells = _texts("edit：{字段: 改成}，null 为清空；类型只给了一个时，挂牌的字段就是它的")
    on = Day(metadata={"description": "close、verify：哪天；默认今天"})
    reason = REASON
    apply = Flag(load_default=False, metadata={"description": "false：只看预案；true：执行"})
    seq = Whole(0, 2**53, metadata={"description": "执行时：看过的预案的 seq；登记册变了则不执行"})
    skip_bad = Flag(load_default=False, metadata={"description": "略过不能改的"})

    @validates_schema
    def says_what_to_do(self, data: dict[str, Any], **_: Any) -> None:
        if (data["verb"] == "edit") != bool(data["cells"]):
            raise ValidationError("bad_value|edit 要写明改哪些字段，别的不写", "cells")
        if data["verb"] == "edit" and "on" in data:
            raise ValidationError("bad_value|只用于 close、verify", "on")
        if data["apply"] and "seq" not in data:
            raise ValidationError("missing_parameter|执行要给看过的预案的 seq", "seq")


class BulkRefusedSchema(Open):
    code = fields.String(metadata={"description": "错误代码"})
    facility = fields.String(metadata={"description": "服务点编号"})
    detail = fields.String()


class BulkPlanSchema(DemoSchema):
    seq = fields.Integer(metadata={"description": "预案所依据的登记册版本"})
    applied = fields.Boolean(metadata={"description": "已执行，还是只有预案"})
    matched = fields.Integer(metadata={"description": "符合的"})
    changed = fields.Integer(metadata={"description": "会改（改了）的"})
    unchanged = fields.Integer(metadata={"description": "本来就是这样的"})
    voided = fields.Integer(metadata={"description": "其中核实过、改后要重新核实的"})
    changes = fields.List(
        fields.Dict(), metadata={"description": f"各服务点的字段 [原来, 改后]，最多 {MOST_SHOWN} 个"}
    )
    refused = fields.List(
        fields.Nested(BulkRefusedSchema), metadata={"description": f"不能改的和原因，最多 {MOST_SHOWN} 个"}
    )
    refused_total = fields.Integer()


@blp.post("/bulk")
@blp.allowed(EDIT)
@blp.doc(parameters=HEADERS)
@blp.arguments(BulkSchema)
@blp.response(200, BulkPlanSchema)
@blp.fails(400, 409, 413, 415, 503)
def change_many(body: dict[str, Any]) -> dict[str, Any]:
    """一次改许多个：先看预案（apply 为 false），再带着它的 seq 执行；全部改，或什么都不改"""
    type_ids, spans = types_and_spans(body)
    within = [(span.lft, span.rgt) for span in spans]
    wanted = bulk.Wanted(within, type_ids, body["where"], body["closed"], body["limit"])
    change = _change(body)
    if not body["apply"]:
        plan = bulk.work_out(g.actor, wanted, change, g.today)
        return answer(bulk.shown(plan, MOST_SHOWN, applied=False))
    done = bulk.apply(
        asked(body, new=True),
        wanted,
        change,
        action=ACTIONS[body["verb"]],
        seq=body["seq"],
        skip_bad=body["skip_bad"],
        most_shown=MOST_SHOWN,
    )
    return answer(done)


def _change(body: dict[str, Any]) -> edits.Change:
    types, on = tuple(body.get("type", ())), body.get("on", g.today)
    if body["verb"] == "close":
        return edits.closing(on, types, body["reason"])
    if body["verb"] == "verify":
        return edits.verifying(on, g.today)
    bulk.check_shared(body["cells"])
    meant = {"type": types[0]} if len(types) == 1 else {}
    return edits.editing(meant | body["cells"], current_app.config["SERVICEMAP"], g.today)
