"""审核 over HTTP: what waits, pass, return, many at once with a plan, counties without 镇审."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions, reviews
from servicemap.access import MANAGE_REVIEWS, READ_RECORD, REVIEW
from servicemap.api.answers import answer
from servicemap.api.edits import REASON, asked, changing, record
from servicemap.api.errors import ProblemSchema, problem_fields
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Choice, Flag, Several, Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, day, text, whole, word
from servicemap.models import STEPS
from servicemap.records import parse_code

blp = StrictBlueprint("reviews", __name__, url_prefix="/api/v1/reviews", description="审核")


class ReviewsQuery(Strict):
    division = Text(20, metadata={"description": "区划代码；默认自己的全部范围"})
    state = Choice(
        reviews.STATES,
        load_default="waiting",
        metadata={
            "description": "waiting 等我处理的，reported 等镇审，town 等县核，returned 退回的，wrong 村里说有误的，"
            "all 以上全部"
        },
    )
    after = Text(12, metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 500, load_default=100)


class ReviewSchema(Open):
    """一条资料审核到哪一步"""

    code = text("编号")
    name = text("名称")
    division = text("区划代码")
    division_name = text("区划名称")
    version = whole("版本，通过或退回的 If-Match")
    state = word("已到哪一步：填报、镇审、县核", STEPS)
    reported_on = day("哪天填报")
    reported_by = text("哪个岗位填报")
    town_on = day("哪天镇审")
    town_by = text("哪个岗位镇审")
    county_on = day("哪天县核")
    county_by = text("哪个岗位县核")
    returned_on = day("哪天退回；空为没有退回")
    returned_by = text("哪个岗位退回")
    reason = text("退回的原因")
    wrong = text("村里用链接说哪里有误；空为没有")
    wrong_on = day("哪天说的")


class ReviewsSchema(DemoSchema):
    items = fields.List(fields.Nested(ReviewSchema))
    next_after = text("下一页的 after；空为最后一页")


class NoteSchema(Strict):
    reason = Text(200, metadata={"description": "说明，记入变更"})


class ReturnSchema(Strict):
    reason = REASON


class WantedSchema(Strict):
    """要通过的一条"""

    code = Text(12, required=True, metadata={"description": "编号"})
    version = Whole(1, 999_999_999, metadata={"description": "看到的版本；apply 时必填"})


class PassManySchema(Strict):
    items = Several(fields.Nested(WantedSchema), reviews.MOST_AT_ONCE, required=True)
    apply = Flag(load_default=False, metadata={"description": "执行；默认只出预案，什么都不改"})


class PassStepSchema(Open):
    """一条资料通过后到哪一步"""

    code = text("编号")
    name = text("名称")
    version = whole("版本")
    before = text("现在到哪一步")
    after = text("通过后到哪一步；空为不能通过")
    problem = fields.Nested(ProblemSchema, metadata={"description": "为什么不能通过；能通过则没有此项"})


class PassPlanSchema(DemoSchema):
    applied = fields.Boolean(metadata={"description": "是否已经执行"})
    items = fields.List(fields.Nested(PassStepSchema))


class SkipSchema(Strict):
    division = Text(20, required=True, metadata={"description": "县（市、区）的区划代码"})
    on = Flag(required=True, metadata={"description": "true：不要镇审，县直接核"})


class SkippedSchema(DemoSchema):
    division = text("区划代码")
    name = text("名称")
    on = fields.Boolean(metadata={"description": "现在是否不要镇审"})
    changed = fields.Boolean(metadata={"description": "false：原来就是这样"})


@blp.get("")
@blp.allowed(READ_RECORD)
@blp.arguments(ReviewsQuery, location="query")
@blp.response(200, ReviewsSchema)
@blp.fails(503)
def list_reviews(args: dict[str, Any]) -> dict[str, Any]:
    """等审核的、退回的、村里说有误的，按编号；需要权限"""
    spans = [(span.lft, span.rgt) for span in named_spans(args)]
    after = parse_code(args.get("after", "")) or 0
    found = reviews.list_reviews(g.actor, spans, args["state"], after=after, limit=args["limit"])
    full = len(found) == args["limit"]
    return answer({"items": found, "next_after": found[-1]["code"] if full else None})


@changing(blp, REVIEW, "/<code:code>/pass", NoteSchema)
def pass_review(body: dict[str, Any], code: str) -> Any:
    """通过一条：镇（街道）的审核岗位为镇审，县（市、区）以上的为县核；自己填报的不行"""
    return record(reviews.pass_one(asked(body), code))


@changing(blp, REVIEW, "/<code:code>/return", ReturnSchema)
def return_review(body: dict[str, Any], code: str) -> Any:
    """退回一条，说明原因；回到填报"""
    return record(reviews.return_one(asked(body), code))


@blp.post("/pass")
@blp.allowed(REVIEW)
@blp.arguments(PassManySchema)
@blp.response(200, PassPlanSchema)
@blp.fails(400, 409, 413, 415, 503)
def pass_reviews(body: dict[str, Any]) -> dict[str, Any]:
    """一次通过多条：先看预案，再 apply；有一条不行就什么都不改"""
    wanted = [(each["code"], each.get("version")) for each in body["items"]]
    steps = reviews.pass_many(g.actor, wanted, g.today, apply=body["apply"])
    return answer({"applied": body["apply"], "items": [_shown(step) for step in steps]})


def _shown(step: reviews.Step) -> dict[str, Any]:
    names = ("code", "name", "version", "before", "after")
    problem = {"problem": problem_fields(step.problem)} if step.problem else {}
    return {name: getattr(step, name) for name in names} | problem


@blp.post("/skip-town")
@blp.allowed(MANAGE_REVIEWS)
@blp.arguments(SkipSchema)
@blp.response(200, SkippedSchema)
@blp.fails(400, 413, 415, 503)
def skip_town(body: dict[str, Any]) -> dict[str, Any]:
    """一个县（市、区）要不要镇审；由管理它的岗位决定"""
    with parameter():
        division = divisions.get(body["division"])
    changed = reviews.skip_town(g.actor, division, g.today, on=body["on"])
    facts = {"division": division.padded_code, "name": division.name}
    return answer({**facts, "on": body["on"], "changed": changed})
