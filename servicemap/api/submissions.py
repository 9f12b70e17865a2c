"""报送材料 over HTTP: plans, schemes and yearly reports with what is planned for the next year."""

from datetime import date
from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions
from servicemap.access import READ_LIVE_COVERAGE, REPORT, require
from servicemap.api.answers import answer
from servicemap.api.edits import HEADERS, idempotency_key
from servicemap.api.inputs import Choice, Day, Several, Strict, Text, Whole, Word
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text, whole, word
from servicemap.coverage import submissions
from servicemap.models import SUBMISSION_KINDS, Division

blp = StrictBlueprint("submissions", __name__, url_prefix="/api/v1", description="报送材料")

KINDS = "plan 县级规划、scheme 部门实施方案、yearly 年度报告（实施情况和下一年工作安排）"


class SubmissionSchema(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码：市或县（市、区）"})
    kind = Choice(SUBMISSION_KINDS, required=True, metadata={"description": KINDS})
    year = Whole(2000, 2099, required=True, metadata={"description": "年度报告：哪一年的；其他：颁布的年份"})
    title = Word(100, required=True, metadata={"description": "材料的名称"})
    department = Word(60, metadata={"description": "哪个部门的；妇儿工委的不写"})
    document_no = Text(60, metadata={"description": "文号"})
    issued_on = Day(metadata={"description": "颁布（印发）日期；规划和实施方案要写"})
    handed_in_on = Day(metadata={"description": "哪天报送的；默认今天"})
    done = Several(Word(500), 20, metadata={"description": "实施情况，一段一项；年度报告要写"})
    planned = Several(Word(500), 20, metadata={"description": "下一年工作安排，一段一项；年度报告要写"})


class SubmissionItemSchema(Open):
    id = fields.Integer()
    division = fields.String(metadata={"description": "区划代码"})
    division_name = fields.String()
    kind = word(KINDS, SUBMISSION_KINDS)
    department = text("部门；妇儿工委的为空")
    year = fields.Integer()
    title = fields.String()
    document_no = text("文号")
    issued_on = text("颁布日期")
    handed_in_on = text("哪天报送的")
    done = fields.List(fields.String(), metadata={"description": "实施情况，一段一项"})
    planned = fields.List(fields.String(), metadata={"description": "下一年工作安排，一段一项"})
    noted_by = fields.String(metadata={"description": "记录的岗位"})
    due_on = text("期限：规划颁布后一个月，年度报告同报数的期限；实施方案没有")
    late = fields.Boolean(metadata={"description": "过了期限才报的"})


class SubmittedSchema(SubmissionItemSchema, DemoSchema):
    pass


class SubmissionsQuery(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})


class SubmissionsSchema(DemoSchema):
    items = fields.List(fields.Nested(SubmissionItemSchema))


class SubmissionStatusQuery(SubmissionsQuery):
    kind = Choice(SUBMISSION_KINDS, load_default="yearly", metadata={"description": KINDS})
    year = Whole(2000, 2099, required=True, metadata={"description": "哪一年的", "example": 2026})


class SubmissionStatusItemSchema(Open):
    division = fields.String(metadata={"description": "区划代码"})
    division_name = fields.String()
    department = text("部门；妇儿工委的为空")
    due_on = text("期限")
    handed_in_on = text("哪天报送的；没有报的为空")
    title = text("材料的名称")
    late = fields.Boolean(allow_none=True, metadata={"description": "过了期限才报的；没有报的为空"})
    overdue = fields.Boolean(metadata={"description": "期限过了，还没有报"})


class SubmissionStatusSchema(DemoSchema):
    items = fields.List(fields.Nested(SubmissionStatusItemSchema))
    missing = whole("还没有报的")


def _seen(code: str, on: date) -> Division:
    division = divisions.get(code, on=on)
    require(g.actor, READ_LIVE_COVERAGE, division.id)
    return division


@blp.post("/submissions")
@blp.allowed(REPORT)
@blp.doc(parameters=HEADERS)
@blp.arguments(SubmissionSchema)
@blp.response(201, SubmittedSchema)
@blp.fails(400, 404, 413, 415, 503)
def hand_in(body: dict[str, Any]) -> dict[str, Any]:
    """报送一份材料：县级规划、部门实施方案、年度报告；只加不减，更正的再报一次"""
    division = divisions.get(body.pop("division"), on=g.today)
    said = submissions.Material(**body)
    return answer(submissions.hand_in(g.actor, division, said, g.today, key=idempotency_key()))


@blp.get("/submissions")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(SubmissionsQuery, location="query")
@blp.response(200, SubmissionsSchema)
@blp.fails(404, 503)
def list_submissions(args: dict[str, Any]) -> dict[str, Any]:
    """一个区划和它的部门报送过的材料，按先后；需要权限"""
    return answer({"items": submissions.list_submissions(_seen(args["division"], g.today))})


@blp.get("/submissions/status")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(SubmissionStatusQuery, location="query")
@blp.response(200, SubmissionStatusSchema)
@blp.fails(404, 503)
def get_status(args: dict[str, Any]) -> dict[str, Any]:
    """谁还没有报送，谁迟了：一个区划和它的县（市、区），逐个部门；需要权限"""
    root = _seen(args["division"], min(g.today, date(args["year"], 12, 31)))
    items = submissions.status(root, args["kind"], args["year"], g.today)
    return answer({"items": items, "missing": sum(each["handed_in_on"] is None for each in items)})
