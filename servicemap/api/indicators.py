"""指标 and the lists that they are measured against, over HTTP."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap.access import MANAGE_INDICATORS, READ_LIVE_COVERAGE
from servicemap.api.answers import answer
from servicemap.api.errors import MOST_PROBLEMS
from servicemap.api.inputs import Several, Strict, Text, Word
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, OtherTargetSchema, text, whole
from servicemap.coverage import denominators
from servicemap.coverage.indicator_file import check_file, load_file
from servicemap.coverage.indicators import list_indicators
from servicemap.coverage.report import shown_indicator

blp = StrictBlueprint("indicators", __name__, url_prefix="/api/v1", description="指标和分母名录")


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
        metadata={
            "description": "怎样量：share、place_share、per_thousand、count、titled，reported 由部门和县报数"
        }
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


@blp.get("/indicators")
@blp.response(200, IndicatorsSchema)
@blp.fails(503)
def get_indicators() -> dict[str, Any]:
    """全部指标：依据、目标、口径、责任部门"""
    return answer({"items": [shown_indicator(indicator) for indicator in list_indicators()]})


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
