"""展望、依据和抽查 over HTTP, for those with rights over the division's figures: what to expect, what stands behind them,
what to look at."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions
from servicemap.access import READ_LIVE_COVERAGE, require
from servicemap.api.answers import answer
from servicemap.api.coverage import ReportSchema
from servicemap.api.inputs import Text, Whole
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, StepSchema, text, whole, word
from servicemap.coverage.outlook import STATUSES, foresee
from servicemap.coverage.proofs import evidence
from servicemap.coverage.report import shown_outlook
from servicemap.coverage.sample import draw
from servicemap.models import Division

blp = StrictBlueprint("outlook", __name__, url_prefix="/api/v1/coverage", description="展望和抽查")


class YearValueSchema(Open):
    year = whole("年份")
    exact = text("确切的值，分数")
    display = text("给人看的值")


class OutlookSchema(Open):
    indicator = text("指标")
    name = text("指标名称")
    unit = text("单位")
    division = text("区划代码")
    division_name = text("区划")
    level = text("层级")
    target_text = text("目标")
    due_year = whole("哪年完成")
    values = fields.List(
        fields.Nested(YearValueSchema), metadata={"description": "各期的值：冻结了的、报了的、今天的"}
    )
    status = word("reached 已达到、on_pace 照这样能达到、difficult 预计完成困难、overdue 到期没有达到、too_few "
                  "不到三期，不预测、unknown 没有数", tuple(STATUSES))  # fmt: skip
    observed_pace = text("平均每年的变化 =（最后一期 - 第一期）÷ 年数，截尾")
    required_pace = text("每年需要的变化 =（目标 - 最后一期）÷ 余下的年数，截尾")
    projected = text("照平均变化，到期的值，截尾")
    swings = fields.Boolean(metadata={"description": "波动较大：最后一次变化超过 limit"})
    change = text("最后一次的年变化，截尾")
    limit = text("5 个点，或以前各年变化绝对值中位数的 2 倍，大的那个，截尾")
    expiring = fields.List(
        fields.Nested(StepSchema), metadata={"description": "到下季度末不再计入的区划：关闭、暂停、称号到期"}
    )
    staling = fields.List(
        fields.Nested(StepSchema), metadata={"description": "到下季度末核实超过 12 个月的区划"}
    )


class OutlooksSchema(DemoSchema):
    items = fields.List(fields.Nested(OutlookSchema))


class CoverageEvidenceSchema(DemoSchema):
    places = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"description": "编号：名称"})
    of = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.List(fields.Raw())),
        metadata={
            "description": "指标：区划代码、编号、类型、审核、核实日期、计几个、文件、活动，一处一项；默认口径"
        },
    )


class SampleQuery(ReportSchema):
    indicator = Text(20, required=True, metadata={"description": "哪个指标", "example": "T01.urban"})
    seed = Text(
        60, required=True, metadata={"description": "种子：事先公布的任意文字", "example": "2026-11-26"}
    )
    size = Whole(1, 500, load_default=20, metadata={"description": "抽几个"})


class SampledSchema(Open):
    hash = text("SHA-256(种子+编号)，小的先抽")
    code = text("编号")
    name = text("名称")
    type = text("类型")
    division = text("区划代码")
    division_name = text("区划")
    verified_on = text("最近哪天核实")


class SampleSchema(DemoSchema):
    items = fields.List(fields.Nested(SampledSchema))


def _watched(code: str, args: dict[str, Any]) -> Division:
    root = divisions.get(code, on=args.get("on", g.today))
    require(g.actor, READ_LIVE_COVERAGE, root.id)
    return root


@blp.get("/<code:division>/outlook")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(ReportSchema, location="query")
@blp.response(200, OutlooksSchema)
@blp.fails(404, 503)
def get_outlook(args: dict[str, Any], division: str) -> dict[str, Any]:
    """展望：一个区划及其下一级，有目标的指标照现在的速度能不能达到，波动大不大，下季度末前哪些会失效；需要权限"""
    found = foresee(_watched(division, args), args.get("on", g.today))
    return answer({"items": [shown_outlook(each) for each in found]})


@blp.get("/<code:division>/evidence")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(ReportSchema, location="query")
@blp.response(200, CoverageEvidenceSchema)
@blp.fails(404, 503)
def get_evidence(args: dict[str, Any], division: str) -> dict[str, Any]:
    """依据：每个数字背后的服务点，一次全部，和冻结的一样；需要权限。一个数字的分页看 proofs"""
    return answer(evidence(_watched(division, args), args.get("on", g.today)))


@blp.get("/<code:division>/sample")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(SampleQuery, location="query")
@blp.response(200, SampleSchema)
@blp.fails(404, 503)
def get_sample(args: dict[str, Any], division: str) -> dict[str, Any]:
    """抽查：一个数字背后的服务点里抽几个去看；同样的种子谁来抽都一样；需要权限"""
    root = _watched(division, args)
    with parameter():
        drawn = draw(root, args.get("on", g.today), args["indicator"], seed=args["seed"], size=args["size"])
    items = [
        {
            "hash": hashed,
            "division": proof.division.code,
            "division_name": proof.division.name,
            **{name: getattr(proof, name) for name in ("code", "name", "type")},
            "verified_on": proof.verified_on and str(proof.verified_on),
        }
        for hashed, proof in drawn
    ]
    return answer({"items": items})
