"""差距和可及 over HTTP: how the parts of a division stand beside each other, and how far families have to go."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions
from servicemap.api.answers import answer
from servicemap.api.coverage import ReportSchema, only_public
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text, whole
from servicemap.coverage.disparity import measure_disparity
from servicemap.coverage.reach import measure_reach
from servicemap.coverage.report import shown_disparity, shown_reach

blp = StrictBlueprint("comparisons", __name__, url_prefix="/api/v1/coverage", description="差距和可及")


class SideSchema(Open):
    """相比的一方，合并计算"""

    name = text("名称")
    numerator = whole("分子；报数的没有")
    denominator = whole("分母；报数的没有")
    exact = text("确切的值，分数")
    display = text("给人看的值")


class DisparitySchema(Open):
    indicator = text("指标")
    name = text("指标名称")
    definition = text("口径")
    unit = text("单位")
    by = fields.String(
        metadata={"description": "counties 最高和最低的县；urban_rural 城乡；或区划组的名字，例如 ethnic"}
    )
    by_name = text("同上，中文")
    one = fields.Nested(SideSchema)
    other = fields.Nested(SideSchema)
    difference = text("前者减后者，截尾；% 的单位是百分点")
    ratio = text("前者除以后者，截尾；空为除以零")


class DisparitiesSchema(DemoSchema):
    items = fields.List(fields.Nested(DisparitySchema))


class ReachSchema(Open):
    indicator = text("指标")
    name = text("指标名称")
    definition = text("口径")
    division = text("区划代码")
    division_name = text("区划")
    level = text("层级")
    radius_m = whole("多少米以内")
    numerator = whole("以内有已县核的服务点的村（居）")
    denominator = whole("知道位置的村（居）")
    unplaced = whole("不知道位置的村（居），不在分母里")
    display = text("给人看的比例，只在知道位置的里面算")
    least = text("至少：不知道位置的都算作太远")


class ReachesSchema(DemoSchema):
    items = fields.List(fields.Nested(ReachSchema))


@blp.get("/<code:division>/disparity")
@blp.arguments(ReportSchema, location="query")
@blp.response(200, DisparitiesSchema)
@blp.fails(404, 503)
def get_disparity(args: dict[str, Any], division: str) -> dict[str, Any]:
    """差距：县（市、区）之间、城乡之间、民族自治县和其余之间；两方都合并计算

    没有权限时，只公开联系方式的服务点只计到所在的县（市、区）。
    """
    on = args.get("on", g.today)
    root = divisions.get(division, on=on)
    found = measure_disparity(root, on, public=only_public(root))
    return answer({"items": [shown_disparity(each) for each in found]})


@blp.get("/<code:division>/reach")
@blp.arguments(ReportSchema, location="query")
@blp.response(200, ReachesSchema)
@blp.fails(404, 503)
def get_reach(args: dict[str, Any], division: str) -> dict[str, Any]:
    """可及：多少村（居）在 1、3、5 公里内有服务点；只算知道位置的

    村（居）的位置是它已知服务点的中心；只公开联系方式的服务点不算。
    """
    on = args.get("on", g.today)
    root = divisions.get(division, on=on)
    found = measure_reach(root, on, public=only_public(root))
    return answer({"items": [shown_reach(each) for each in found]})
