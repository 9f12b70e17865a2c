"""指标 and what departments and counties report of them, over HTTP."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions
from servicemap.access import MANAGE_INDICATORS, READ_LIVE_COVERAGE, REPORT, require
from servicemap.api.answers import answer
from servicemap.api.errors import MOST_PROBLEMS
from servicemap.api.inputs import Several, Strict, Text, Whole, Word
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, OtherTargetSchema, day, text, whole
from servicemap.coverage import denominators, reported
from servicemap.coverage.indicator_file import check_file, load_file
from servicemap.coverage.indicators import Measure, list_indicators
from servicemap.models import Division

blp = StrictBlueprint("indicators", __name__, url_prefix="/api/v1", description="指标和填报值")


class DefinitionSchema(Open):
    id = fields.String()
    name = fields.String()
    default = fields.Boolean()


class IndicatorSchema(Open):
    id = fields.String(metadata={"example": "T01.urban"})
    name = fields.String()
    name_en = fields.String()
    clause = fields.String(metadata={"description": "依据"})
    quote = fields.String(metadata={"description": "原文"})
    kind = fields.String(
        metadata={"description": "怎样量：share、per_thousand、count、titled，reported 由部门和县报数"}
    )
    unit = fields.String()
    department = fields.String(metadata={"description": "责任部门"})
    key = fields.Boolean(metadata={"description": "重点指标"})
    project = text("属于三(一)至三(八)哪一项")
    better = fields.String(metadata={"description": "up 越高越好，down 越低越好"})
    targets = fields.List(fields.Nested(OtherTargetSchema))
    definitions = fields.List(fields.Nested(DefinitionSchema), metadata={"description": "口径，默认的在前"})


class IndicatorsSchema(DemoSchema):
    items = fields.List(fields.Nested(IndicatorSchema))


class FileSchema(Strict):
    text = Text(1_000_000, required=True, metadata={"description": "文件的内容"})


class FileProblemSchema(Open):
    line = fields.Integer(metadata={"description": "第几行"})
    indicator = fields.String(metadata={"description": "哪个指标；- 为不属于哪个"})
    detail = fields.String()


class FileProblemsSchema(DemoSchema):
    problems = fields.List(fields.Nested(FileProblemSchema))


class LoadedSchema(DemoSchema):
    rows = whole("文件里几项")
    changed = whole("几项有变化")


class ListSchema(Strict):
    key = Text(40, required=True, metadata={"description": "名录的名字", "example": "divisions-2023"})
    edition = Text(40, required=True, metadata={"description": "哪一版；写日期的，早于它的报告会注明"})
    source = Word(100, required=True, metadata={"description": "来源"})
    document_no = Text(60, metadata={"description": "文号"})
    divisions = Several(
        Text(20), 50_000, required=True, metadata={"description": "成员的区划代码；空为名录里的全部"}
    )


class ListedListSchema(Open):
    key = fields.String()
    edition = fields.String()
    source = fields.String()
    document_no = text("文号")
    members = whole("几个区划；0 为全部合乎口径的区划")


class ListedSchema(DemoSchema):
    item = fields.Nested(ListedListSchema)


class ListsSchema(DemoSchema):
    items = fields.List(fields.Nested(ListedListSchema))


class ReportedQuery(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    indicator = Text(20, metadata={"description": "只要这个指标的"})
    year = Whole(2000, 2100, metadata={"description": "只要这一年的"})


class ReportValueSchema(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    indicator = Text(20, required=True, metadata={"description": "指标", "example": "R04"})
    year = Whole(2000, 2100, required=True, metadata={"description": "哪一年的"})
    value = Text(20, metadata={"description": "数值，照原数写成文字", "example": "98.6"})
    numerator = Whole(0, 2_000_000_000, metadata={"description": "或者分子和分母，只用于 % 和 ‰"})
    denominator = Whole(0, 2_000_000_000)
    source = Word(100, required=True, metadata={"description": "来源"})
    note = Text(200, metadata={"description": "说明"})


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


class ReportedOneSchema(DemoSchema):
    item = fields.Nested(ReportedItemSchema)


class ReportedListSchema(DemoSchema):
    items = fields.List(fields.Nested(ReportedItemSchema))


@blp.get("/indicators")
@blp.response(200, IndicatorsSchema)
@blp.fails(503)
def get_indicators() -> dict[str, Any]:
    """全部指标：依据、目标、口径、责任部门"""
    return answer({"items": [_shown(indicator) for indicator in list_indicators()]})


def _shown(indicator: Measure) -> dict[str, Any]:
    names = ("id", "name", "name_en", "clause", "quote", "kind", "unit", "department", "project", "better")
    return {
        **{name: getattr(indicator, name) for name in names},
        "key": indicator.is_key,
        "targets": [
            {
                "at_least": None if target.value is None else float(target.value),
                "kind": target.kind,
                "text": target.words(indicator.unit),
                "due_year": target.due_year,
                "source": target.source,
                "to_check": target.to_check,
            }
            for target in indicator.targets
        ],
        "definitions": [
            {"id": each.id, "name": each.name, "default": each.default} for each in indicator.definitions
        ],
    }


@blp.post("/indicators/check")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(FileSchema)
@blp.response(200, FileProblemsSchema)
@blp.fails(400, 413, 415, 503)
def check_indicators(body: dict[str, Any]) -> dict[str, Any]:
    """核对一个指标文件（YAML）：哪一行哪里不对；什么都不改"""
    return answer({"problems": check_file(body["text"])[:MOST_PROBLEMS]})


@blp.post("/indicators")
@blp.allowed(MANAGE_INDICATORS)
@blp.arguments(FileSchema)
@blp.response(200, LoadedSchema)
@blp.fails(400, 413, 415, 503)
def load_indicators(body: dict[str, Any]) -> dict[str, Any]:
    """载入一个指标文件（YAML）：类型、分母名录、区划组、指标；全部载入或什么都不改，没写的不动"""
    return answer(load_file(g.actor, body["text"]))


@blp.get("/denominator-lists")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.response(200, ListsSchema)
@blp.fails(503)
def list_denominator_lists() -> dict[str, Any]:
    """分母名录：哪一版、文号、几个区划（0 为名录里的全部）；需要权限"""
    return answer({"items": denominators.list_denominator_lists()})


@blp.post("/denominator-lists")
@blp.allowed(MANAGE_INDICATORS)
@blp.arguments(ListSchema)
@blp.response(200, ListedSchema)
@blp.fails(400, 404, 413, 415, 503)
def replace_denominator_list(body: dict[str, Any]) -> dict[str, Any]:
    """换上一个分母名录的新一版；同样的再来一次没有变化"""
    return answer({"item": denominators.replace_list(g.actor, **{"document_no": None, **body})})


@blp.get("/reported-values")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(ReportedQuery, location="query")
@blp.response(200, ReportedListSchema)
@blp.fails(404, 503)
def list_reported(args: dict[str, Any]) -> dict[str, Any]:
    """一个区划的填报值，每年最后一次报的；需要权限"""
    division = divisions.get(args["division"], on=g.today)
    require(g.actor, READ_LIVE_COVERAGE, division.id)
    items = [
        _item(indicator, division, year, value)
        for (indicator, _), years in sorted(reported.values_of([division.id]).items())
        for year, value in sorted(years.items())
        if args.get("indicator", indicator) == indicator and args.get("year", year) == year
    ]
    return answer({"items": items})


@blp.post("/reported-values")
@blp.allowed(REPORT)
@blp.arguments(ReportValueSchema)
@blp.response(200, ReportedOneSchema)
@blp.fails(400, 404, 413, 415, 503)
def report_value(body: dict[str, Any]) -> dict[str, Any]:
    """报一个指标一年的数；再报一次同样的没有变化，不同的是更正"""
    division = divisions.get(body["division"], on=g.today)
    given = {name: body.get(name) for name in ("value", "numerator", "denominator", "note")}
    value = reported.report_value(
        g.actor,
        division,
        body["indicator"],
        body["year"],
        **given,
        source=body["source"],
        today=g.today,
    )
    return answer({"item": _item(body["indicator"], division, body["year"], value)})


def _item(indicator: str, division: Division, year: int, value: reported.Value) -> dict[str, Any]:
    names = ("numerator", "denominator", "source", "note", "version", "reported_on", "reported_by")
    return {
        "indicator": indicator,
        "division": division.padded_code,
        "year": year,
        "value": value.text,
        **{name: getattr(value, name) for name in names},
    }
