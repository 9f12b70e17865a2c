"""反馈 over HTTP: a family says what is wrong and asks what came of it; workers list and answer."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import feedback
from servicemap.access import EDIT, READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Choice, Flag, Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, day, text
from servicemap.api.schemas import word as one_of
from servicemap.feedback import Report
from servicemap.models import ANSWERS, FEEDBACK

blp = StrictBlueprint("feedback", __name__, url_prefix="/api/v1", description="反馈：哪里不对")

STATES = ("open", "answered")
KIND = "关门了、搬了、时间不对、电话打不通、收费不对、不适合儿童、其他"
ANSWER = "已改好、不是这样、查不清"
KEPT = "不记您是谁：不存地址和浏览器"
MASKED = "文字里的电话、证件号、邮箱、微信号已经遮去"


class SendSchema(Strict):
    kind = Choice(FEEDBACK, required=True, metadata={"description": KIND, "example": "hours"})
    text = Text(
        200,
        load_default="",
        metadata={"description": f"一两句话，最多 200 字；其他（other）必填。{MASKED[3:]}再存"},
    )


class ReceiptSchema(DemoSchema):
    receipt = fields.String(metadata={"description": "回执号，16 位数字：凭它查答复；同一天同样的话是同一个"})
    state = fields.String(metadata={"description": "open"})
    masked = fields.Boolean(metadata={"description": "文字里有内容被遮去"})
    notice = fields.String(metadata={"description": "给家庭看的一句话"})


class OutcomeSchema(DemoSchema):
    receipt = fields.String()
    code = fields.String(metadata={"description": "服务点编号"})
    name = fields.String(metadata={"description": "服务点名称"})
    kind = one_of(KIND, FEEDBACK)
    received_on = day("收到日期")
    state = one_of("等答复、已答复", STATES)
    answer = one_of(f"{ANSWER}；空为还没有答复", ANSWERS)
    word = text("工作人员的话")
    changed = fields.List(fields.String(), metadata={"description": "改了什么，例如 电话、开放时间"})
    answered_on = day("答复日期")


class FeedbackQuery(Strict):
    division = Text(20, metadata={"description": "区划代码"})
    code = Text(12, metadata={"description": "只看这个服务点"})
    state = Choice(STATES, metadata={"description": "等答复的，或已答复的；不给为全部"})
    after = Text(24, metadata={"description": "上一页最后的回执号"})
    limit = Whole(1, 500, load_default=100)


class FeedbackSchema(Open):
    receipt = fields.String()
    code = fields.String()
    name = fields.String()
    division = fields.String()
    division_name = fields.String()
    kind = one_of(KIND, FEEDBACK)
    received_on = day("收到日期")
    state = one_of("等答复、已答复", STATES)
    answer = one_of(ANSWER, ANSWERS)
    word = text("工作人员的话")
    answered_on = day("答复日期")
    text = text("家庭的话；空为没有写，或已过保存期")


class FeedbackListSchema(DemoSchema):
    items = fields.List(fields.Nested(FeedbackSchema))
    next_after = text("下一页的 after；空为最后一页")


class AnswerSchema(Strict):
    answer = Choice(ANSWERS, required=True, metadata={"description": ANSWER})
    word = Text(100, load_default="", metadata={"description": "给家庭的一句话，人人看得到"})
    checked = Flag(load_default=False, metadata={"description": "核对过整条资料：同时记为今天核实"})


def _outcome(report: Report) -> dict[str, Any]:
    """What everybody who has the receipt may know."""
    names = ("receipt", "kind", "received_on", "state", "answer", "word", "changed", "answered_on")
    return {
        "code": report.facility_code,
        "name": report.facility_name,
        **{name: getattr(report, name) for name in names},
    }


@blp.post("/facilities/<code:code>/feedback")
@blp.arguments(SendSchema)
@blp.response(201, ReceiptSchema)
@blp.fails(400, 401, 404, 413, 415, 503)
def send_feedback(body: dict[str, Any], code: str) -> dict[str, Any]:
    """告诉我们这里哪里不对；不用注册，不记是谁"""
    receipt, masked = feedback.receive(code, body["kind"], body["text"], g.today)
    notice = f"收到了，回执号 {receipt}，凭它查答复。{KEPT}{'；' + MASKED if masked else ''}。"
    return answer({"receipt": receipt, "state": "open", "masked": masked, "notice": notice})


@blp.get("/feedback/<code:receipt>")
@blp.response(200, OutcomeSchema)
@blp.fails(404, 503)
def get_feedback(receipt: str) -> dict[str, Any]:
    """凭回执号看答复和改了什么"""
    return answer(_outcome(feedback.get(receipt)))


@blp.get("/feedback")
@blp.allowed(READ_RECORD)
@blp.arguments(FeedbackQuery, location="query")
@blp.response(200, FeedbackListSchema)
@blp.fails(503)
def list_feedback(args: dict[str, Any]) -> dict[str, Any]:
    """自己范围内的反馈，先收到的在前；需要权限"""
    spans = [(span.lft, span.rgt) for span in named_spans(args)]
    with parameter(facility="code", feedback="after"):
        reports = feedback.list_feedback(
            g.actor,
            spans,
            state=args.get("state"),
            code=args.get("code"),
            after=args.get("after"),
            limit=args["limit"],
        )
    names = ("division", "division_name", "text")
    items = [{**_outcome(each), **{name: getattr(each, name) for name in names}} for each in reports]
    full = len(reports) == args["limit"]
    return answer({"items": items, "next_after": reports[-1].receipt if full else None})


@blp.post("/feedback/<code:receipt>/answer")
@blp.allowed(EDIT)
@blp.arguments(AnswerSchema)
@blp.response(200, OutcomeSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
def answer_feedback(body: dict[str, Any], receipt: str) -> dict[str, Any]:
    """答复：改好了、不是这样、查不清；核对过的同时核实"""
    report = feedback.answer(g.actor, receipt, body["answer"], body["word"], g.today, checked=body["checked"])
    return answer(_outcome(report))
