"""区划变更 over HTTP: merge, split, rename, a new edition; each is a plan until it is applied."""

from collections.abc import Sequence
from typing import Any

from flask import g
from marshmallow import fields

from servicemap import division_changes, registry
from servicemap.access import MANAGE_DIVISIONS
from servicemap.api.answers import answer
from servicemap.api.divisions import DivisionRowSchema
from servicemap.api.errors import MOST_PROBLEMS, ProblemSchema, problem_fields
from servicemap.api.inputs import Day, Flag, Several, Strict, Text, Texts, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, StepSchema, day, text, whole, word
from servicemap.division_list import DivisionRow
from servicemap.division_plan import ACTIONS, Order, work_out

blp = StrictBlueprint(
    "division-changes", __name__, url_prefix="/api/v1/division-changes", description="区划变更"
)


class OrderSchema(Strict):
    on = Day(required=True, metadata={"description": "从哪一天起；不能在将来", "example": "2026-03-01"})
    reason = Text(500, load_default="", metadata={"description": "原因"})
    document = Text(100, load_default="", metadata={"description": "文号"})
    apply = Flag(load_default=False, metadata={"description": "执行；默认只出预案，什么都不改"})
    seq = Whole(0, 10**15 - 1, metadata={"description": "预案的 seq：给了，就只在登记册没有新变更时才执行"})


class WithPlacesSchema(OrderSchema):
    places = Texts(
        keys=Text(20),
        values=Text(20),
        load_default=dict,
        metadata={"description": "一分为几时，服务点归哪里：{编号: 新区划代码}"},
    )


class MergeSchema(OrderSchema):
    codes = Several(Text(20), 100, required=True, metadata={"description": "被合并的区划"})
    into = Text(20, required=True, metadata={"description": "并入的区划，或新区划的代码"})
    name = Text(100, load_default="", metadata={"description": "名称；新区划必填"})


class HeirSchema(Strict):
    """分出的一个区划"""

    code = Text(20, required=True)
    name = Text(100, required=True)


class SplitSchema(WithPlacesSchema):
    code = Text(20, required=True, metadata={"description": "分设的区划"})
    into = Several(
        fields.Nested(HeirSchema), 100, required=True, metadata={"description": "后继；可以沿用原代码"}
    )


class RenameSchema(OrderSchema):
    code = Text(20, required=True)
    name = Text(100, required=True, metadata={"description": "新名称"})


class EditionSchema(WithPlacesSchema):
    rows = Several(
        fields.Nested(DivisionRowSchema),
        100_000,
        required=True,
        metadata={"description": "那一天起的全部区划；没有列出的即撤销，replaces 说明由谁替代"},
    )


class DivisionChangeSchema(StepSchema):
    """一个区划怎样变"""

    action = word("变更：新设、同代码重新起算、改名、并入、停用", ACTIONS)
    former_name = text("改名以前的名称")
    predecessors = fields.List(fields.String(), metadata={"description": "替代了哪些"})
    successors = fields.List(fields.String(), metadata={"description": "停用的由哪些替代"})


class PlaceChangeSchema(Open):
    """一个服务点归哪里"""

    code = text("编号")
    name = text("名称")
    address = text("地址")
    from_code = text("原区划代码")
    to_code = text("新区划代码；空为还没有决定")


class DivisionPlanSchema(DemoSchema):
    on = day("从哪一天起")
    applied = fields.Boolean(metadata={"description": "是否已经执行"})
    seq = whole("预案是按登记册的哪个序号做的")
    divisions = fields.List(fields.Nested(DivisionChangeSchema))
    places = fields.List(fields.Nested(PlaceChangeSchema), metadata={"description": "要转移的服务点"})
    links = whole("多少个服务点写明的服务区划跟着改")
    problems = fields.List(
        fields.Nested(ProblemSchema),
        metadata={"description": f"为什么不能执行，最多 {MOST_PROBLEMS} 条；空为可以"},
    )
    problems_total = fields.Integer()


def _answered(body: dict[str, Any], rows: Sequence[DivisionRow], *, whole: bool = False) -> dict[str, Any]:
    order = Order(body["on"], rows, whole, body.get("places", {}), body["reason"], body["document"])
    if body["apply"]:
        plan = division_changes.apply(g.actor, order, g.today, seq=body.get("seq"))
        registry.roll_over(g.actor, g.today)  # places say the names of their divisions
    else:
        plan = work_out(order, g.today)
    return answer(
        {
            "on": order.on,
            "applied": body["apply"],
            "seq": plan.seq,
            "divisions": plan.divisions,
            "places": plan.places,
            "links": len(plan.serving),
            "problems": [problem_fields(problem) for problem in plan.problems[:MOST_PROBLEMS]],
            "problems_total": len(plan.problems),
        }
    )


@blp.post("/merge")
@blp.allowed(MANAGE_DIVISIONS)
@blp.arguments(MergeSchema)
@blp.response(200, DivisionPlanSchema)
@blp.fails(400, 409, 413, 415, 503)
def merge(body: dict[str, Any]) -> dict[str, Any]:
    """合并：几个区划成为一个，或并入一个已有的"""
    return _answered(body, division_changes.merge(body["codes"], body["into"], body["name"]))


@blp.post("/split")
@blp.allowed(MANAGE_DIVISIONS)
@blp.arguments(SplitSchema)
@blp.response(200, DivisionPlanSchema)
@blp.fails(400, 409, 413, 415, 503)
def split(body: dict[str, Any]) -> dict[str, Any]:
    """分设：一个区划分成几个；服务点归哪里要逐个说明"""
    into = [(heir["code"], heir["name"]) for heir in body["into"]]
    return _answered(body, division_changes.split(body["code"], into))


@blp.post("/rename")
@blp.allowed(MANAGE_DIVISIONS)
@blp.arguments(RenameSchema)
@blp.response(200, DivisionPlanSchema)
@blp.fails(400, 409, 413, 415, 503)
def rename(body: dict[str, Any]) -> dict[str, Any]:
    """改名：代码不变；以前的日子仍用旧名，旧名也找得到"""
    return _answered(body, division_changes.rename(body["code"], body["name"]))


@blp.post("/edition")
@blp.allowed(MANAGE_DIVISIONS)
@blp.arguments(EditionSchema)
@blp.response(200, DivisionPlanSchema)
@blp.fails(400, 409, 413, 415, 503)
def edition(body: dict[str, Any]) -> dict[str, Any]:
    """新一版名录：与现在的比较，新设、撤销、改名、改上级一次执行"""
    return _answered(body, [DivisionRow(**row) for row in body["rows"]], whole=True)
