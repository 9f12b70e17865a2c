"""年度填报 over HTTP: what departments and counties report for a year, who is late, what the monitors make of it."""

from datetime import date
from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions
from servicemap.access import MONITOR, READ_LIVE_COVERAGE, REPORT, require
from servicemap.api.answers import answer
from servicemap.api.inputs import Day, Flag, Several, Strict, Text, Whole, Word
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, StepSchema, day, text, whole, word
from servicemap.coverage import beside, handed_in, periods, reported, value_checks
from servicemap.models import Division

blp = StrictBlueprint("reporting", __name__, url_prefix="/api/v1", description="年度填报")

STATES = (reported.WAITING, reported.PASSED, reported.RETURNED)
MOST_VALUES = 5_000


class ReportedQuery(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    indicator = Text(20, metadata={"description": "只要这个指标的"})
    year = Whole(2000, 2099, metadata={"description": "只要这一年的"})


class YearQuery(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码：市或县（市、区）"})
    year = Whole(2000, 2099, required=True, metadata={"description": "哪一年的", "example": 2026})


class ReportedValueSchema(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    indicator = Text(20, required=True, metadata={"description": "指标", "example": "R04"})
    year = Whole(2000, 2099, required=True, metadata={"description": "哪一年的"})
    value = Text(20, metadata={"description": "数值，照原数写成文字", "example": "98.6"})
    numerator = Whole(0, 2_000_000_000, metadata={"description": "或者分子和分母，只用于 % 和 ‰"})
    denominator = Whole(0, 2_000_000_000)
    source = Word(100, required=True, metadata={"description": "来源"})
    note = Text(200, metadata={"description": "说明"})
    row = Whole(1, 2_000_000, metadata={"description": "文件里的第几行；有错时照着说"})


class ReportedValuesSchema(Strict):
    values = Several(fields.Nested(ReportedValueSchema), MOST_VALUES, required=True)


class ReportedNotedSchema(DemoSchema):
    created = whole("新报的")
    corrected = whole("更正的：加一个版本，原来的还在")
    unchanged = whole("和原来一样的，没有变化")


class ReportedItemSchema(Open):
    indicator = fields.String()
    division = fields.String(metadata={"description": "区划代码"})
    year = fields.Integer()
    value = fields.String(metadata={"description": "原数"})
    numerator = whole("分子")
    denominator = whole("分母")
    source = fields.String()
    note = text("说明")
    version = fields.Integer(metadata={"description": "第几次报；更正了的加一，原来的还在"})
    reported_on = day("哪天报的")
    reported_by = fields.String(metadata={"description": "岗位"})
    state = word("waiting 等审核、passed 通过了、returned 退回了，不计", STATES)
    reason = text("退回的原因")


class ReportedItemsSchema(DemoSchema):
    items = fields.List(fields.Nested(ReportedItemSchema))


class ReportedStatusItemSchema(Open):
    division = fields.String(metadata={"description": "区划代码"})
    division_name = fields.String()
    department = fields.String(metadata={"description": "责任部门"})
    expected = whole("要报几个指标")
    waiting = whole("等审核的")
    passed = whole("通过了的")
    returned = whole("退回了的")
    late = whole("过了期限才报的")
    missing = fields.List(fields.String(), metadata={"description": "还没有报的指标"})
    overdue = fields.Boolean(metadata={"description": "期限过了，还有没报的"})


class ReportedStatusSchema(DemoSchema):
    due_on = day("报出期限")
    items = fields.List(fields.Nested(ReportedStatusItemSchema))


class ReportedFindingSchema(Open):
    indicator = fields.String()
    name = fields.String(metadata={"description": "指标名称"})
    division = fields.String(metadata={"description": "区划代码"})
    division_name = fields.String()
    code = fields.String(
        metadata={"description": "jump 比上年变得太多、outlier 和各县差得太远、pooled 市和各县合计不符"}
    )
    value = fields.String(metadata={"description": "原数"})
    detail = fields.String()


class ReportedFindingsSchema(DemoSchema):
    items = fields.List(fields.Nested(ReportedFindingSchema))


class ReportedFigureSchema(Open):
    numerator = whole("分子")
    denominator = whole("分母")
    display = fields.String(metadata={"description": "给人看的值"})


class BesideSchema(Open):
    indicator = fields.String()
    name = fields.String(metadata={"description": "指标名称"})
    division = fields.String(metadata={"description": "区划代码"})
    division_name = fields.String()
    reported = fields.Nested(ReportedFigureSchema)
    registry = fields.Nested(ReportedFigureSchema)
    difference = text("填报减登记，截尾")
    state = word("填报值的审核", STATES)
    source = fields.String()
    waiting = fields.List(fields.Nested(StepSchema), metadata={"description": "登记了、还没有县核的区划"})
    lacking = fields.List(fields.Nested(StepSchema), metadata={"description": "登记册里没有的区划"})


class BesidesSchema(DemoSchema):
    items = fields.List(fields.Nested(BesideSchema))


class ReportedDecideSchema(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    year = Whole(2000, 2099, required=True, metadata={"description": "哪一年的"})
    passed = Flag(required=True, metadata={"description": "true 通过，false 退回"})
    indicators = Several(Text(20), 500, metadata={"description": "哪些指标；不给为等审核的全部"})
    reason = Text(200, metadata={"description": "退回的原因；退回必须写"})


class ReportedDecidedSchema(DemoSchema):
    decided = whole("几个")


class SetDueSchema(Strict):
    period = Text(20, required=True, metadata={"description": "监测期", "example": "2026"})
    due_on = Day(required=True, metadata={"description": "报出期限；这天以后报的是补报"})


class DueSchema(DemoSchema):
    period = fields.String()
    due_on = day("报出期限")
    changed = fields.Boolean()


def _seen(args: dict[str, Any]) -> Division:
    """The division that is asked for as it stood at the end of the year, of whose unpublished figures the actor
    may know."""
    division = divisions.get(args["division"], on=_last_day(args.get("year")))
    require(g.actor, READ_LIVE_COVERAGE, division.id)
    return division


def _last_day(year: int | None) -> date:
    return min(g.today, date(year or g.today.year, 12, 31))


@blp.get("/reported-values")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(ReportedQuery, location="query")
@blp.response(200, ReportedItemsSchema)
@blp.fails(404, 503)
def list_reported(args: dict[str, Any]) -> dict[str, Any]:
    """一个区划的填报值，每年最后一次报的；需要权限"""
    division = _seen(args)
    items = [
        _item(indicator, division, year, value)
        for (indicator, _), years in sorted(reported.values_of([division.id]).items())
        for year, value in sorted(years.items())
        if args.get("indicator", indicator) == indicator and args.get("year", year) == year
    ]
    return answer({"items": items})


def _item(indicator: str, division: Division, year: int, value: reported.Value) -> dict[str, Any]:
    names = ("numerator", "denominator", "source", "note", "version", "reported_on", "reported_by", "state")
    return {
        "indicator": indicator,
        "division": division.padded_code,
        "year": year,
        "value": value.text,
        "reason": value.reason,
        **{name: getattr(value, name) for name in names},
    }


@blp.post("/reported-values")
@blp.allowed(REPORT)
@blp.arguments(ReportedValuesSchema)
@blp.response(200, ReportedNotedSchema)
@blp.fails(400, 404, 413, 415, 503)
def report_values(body: dict[str, Any]) -> dict[str, Any]:
    """报数：全部记下或什么都不改；再报一次同样的没有变化，不同的是更正

    登记册能数的指标也可以报，报的和登记的并列（见 beside）。等监测组审核。
    """
    empty = dict.fromkeys(("value", "numerator", "denominator", "note"))
    said = [reported.Said(**{**empty, **each}) for each in body["values"]]
    return answer(reported.report_values(g.actor, said, g.today))


@blp.post("/reported-values/decide")
@blp.allowed(MONITOR)
@blp.arguments(ReportedDecideSchema)
@blp.response(200, ReportedDecidedSchema)
@blp.fails(400, 404, 413, 415, 503)
def decide_values(body: dict[str, Any]) -> dict[str, Any]:
    """监测组审核：通过，或退回并说明原因；自己报的由别的岗位审核"""
    division = divisions.get(body["division"], on=_last_day(body["year"]))
    decided = handed_in.decide(
        g.actor, division, body["year"], body.get("indicators", ()),
        passed=body["passed"], reason=body.get("reason"), today=g.today,
    )  # fmt: skip
    return answer({"decided": decided})


@blp.get("/reported-values/status")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(YearQuery, location="query")
@blp.response(200, ReportedStatusSchema)
@blp.fails(404, 503)
def get_status(args: dict[str, Any]) -> dict[str, Any]:
    """谁还没有报，谁迟了：一个区划和它的县（市、区），逐个部门；需要权限"""
    return answer(handed_in.status(_seen(args), args["year"], g.today))


@blp.get("/reported-values/checks")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(YearQuery, location="query")
@blp.response(200, ReportedFindingsSchema)
@blp.fails(404, 503)
def get_checks(args: dict[str, Any]) -> dict[str, Any]:
    """填报值里要人看一看的：变得太多、差得太远、合计不符；需要权限"""
    return answer({"items": value_checks.check_values(_seen(args), args["year"], g.today)})


@blp.get("/reported-values/beside")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(YearQuery, location="query")
@blp.response(200, BesidesSchema)
@blp.fails(404, 503)
def get_beside(args: dict[str, Any]) -> dict[str, Any]:
    """两本账：登记册能数的指标，填报的和登记的并列，差在哪些区划；需要权限"""
    return answer({"items": beside.side_by_side(_seen(args), args["year"], g.today)})


@blp.post("/periods")
@blp.allowed(MONITOR)
@blp.arguments(SetDueSchema)
@blp.response(200, DueSchema)
@blp.fails(400, 413, 415, 503)
def set_due(body: dict[str, Any]) -> dict[str, Any]:
    """定一个监测期的报出期限；没有定过的是下一年 3 月 31 日"""
    with parameter():
        changed = periods.set_due(g.actor, body["period"], body["due_on"])
    return answer({"period": body["period"], "due_on": body["due_on"], "changed": changed})
