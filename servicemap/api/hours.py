"""开放时间 over HTTP: what a worker's words are understood to mean, before they are stored."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import hours
from servicemap.api.answers import answer
from servicemap.api.inputs import Strict, Text
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, day, text, word
from servicemap.finder.opening import moment

blp = StrictBlueprint("hours", __name__, url_prefix="/api/v1", description="开放时间")


class HoursQuery(Strict):
    text = Text(
        200,
        required=True,
        metadata={"description": "开放时间", "example": "周一至周五 8:30-12:00，14:30-17:30；节假日休息"},
    )


class SpanSchema(Open):
    """一段"""

    start = text("从，例如 08:30")
    end = text("到，可以是 24:00")
    state = word("开放，或不确定", ("open", "unknown"))


class DayHoursSchema(Open):
    """一天"""

    on = day("日期")
    spans = fields.List(fields.Nested(SpanSchema))


class HoursSchema(DemoSchema):
    rules = text("理解成的规则（OSM opening_hours）；空为没有看懂")
    said = text("理解成的意思")
    problem = text("哪里没有看懂，怎么写")
    open_state = word("现在是否开放", (hours.OPEN, hours.CLOSED, hours.UNKNOWN))
    next_change = text("下一次开或关的当地时间；空为不变或不知道")
    week = fields.List(fields.Nested(DayHoursSchema), metadata={"description": "从今天起七天"})


@blp.get("/hours")
@blp.arguments(HoursQuery, location="query")
@blp.response(200, HoursSchema)
@blp.fails(503)
def read_hours(args: dict[str, Any]) -> dict[str, Any]:
    """开放时间是怎样理解的"""
    understood = hours.understand(args["text"])
    now, week = hours.tried(args["text"], g.now, moment(g.now).known.terms)
    return answer(
        {
            "rules": understood.rules,
            "said": understood.said or None,
            "problem": understood.problem,
            "open_state": now.state,
            "next_change": now.next_change and now.next_change.isoformat(timespec="seconds"),
            "week": [
                {
                    "on": on,
                    "spans": [dict(zip(("start", "end", "state"), span, strict=True)) for span in spans],
                }
                for on, spans in week
            ],
        }
    )
