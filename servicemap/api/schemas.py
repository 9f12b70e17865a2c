"""What answers look like: the descriptions are the public documentation."""

import marshmallow as ma
from marshmallow import fields

from servicemap.geo import DATUMS
from servicemap.models import FEES, LEVELS, PRECISIONS, VISIBILITIES


class Open(ma.Schema):
    """The base of what is answered: more fields may come, so the document doesn't forbid them."""

    class Meta:
        unknown = ma.EXCLUDE


def text(description: str) -> fields.String:
    return fields.String(metadata={"description": description}, allow_none=True)


def whole(description: str) -> fields.Integer:
    return fields.Integer(metadata={"description": description}, allow_none=True)


def word(description: str, words: tuple[str, ...]) -> fields.String:
    """One of a few words; more may be added."""
    return fields.String(
        metadata={"description": f"{description}：{'、'.join(words)}（以后可能增加）"}, allow_none=True
    )


def day(description: str) -> fields.Date:
    return fields.Date(metadata={"description": description}, allow_none=True)


class StepSchema(Open):
    """区划路径中的一级"""

    code = text("区划代码，补足全长，例如 441802000000")
    name = text("名称")
    level = word("层级", LEVELS)


class StandingSchema(StepSchema):
    """所在区划"""

    path = fields.List(fields.Nested(StepSchema), metadata={"description": "从最高一级到本级"})


class PlacesSchema(Open):
    """托位"""

    registered = whole("备案托位，个")
    offered = whole("实际提供托位，个")
    taken = whole("在托人数，人")
    on = day("截至日期")


class RoleSchema(Open):
    """挂牌：一处可有多个"""

    type = text("类型，例如 parent_school")
    type_name = text("类型名称，例如 家长学校")
    level = word("服务哪一级", LEVELS)
    opened_on = day("设立日期；空为不详")
    closed_on = day("关闭日期；空为仍在")
    age_from_months = whole("最小月龄")
    age_to_months = whole("最大月龄")
    fee = word("收费", FEES)
    fee_text = text("收费说明")
    places = fields.Nested(PlacesSchema, allow_none=True)
    serves = fields.List(fields.Nested(StepSchema), metadata={"description": "明确服务的区划；空为所在区划"})


class SuspensionSchema(Open):
    """暂停"""

    from_on = day("从哪天起")
    to_on = day("到哪天前；空为未定")
    reason = text("原因")


class TitleSchema(Open):
    """称号"""

    kind = text("称号")
    issuer = text("授予单位")
    awarded_on = day("授予日期")
    ends_on = day("到期日期；空为长期")


class FactsSchema(Open):
    """服务点的公开资料，不含位置（存为片段，见 docs/decisions）"""

    code = text("编号，例如 F0012345-1")
    name = text("名称")
    roles = fields.List(fields.Nested(RoleSchema))
    division = fields.Nested(StandingSchema)
    address = text("地址")
    position_precision = word("位置精度", PRECISIONS)
    phone = text("电话")
    hours = text("开放时间")
    accessible = fields.Boolean(metadata={"description": "无障碍；空为未评估，不等于没有"}, allow_none=True)
    visibility = word("公开方式", VISIBILITIES)
    verified_on = day("核实日期：最近一次有人确认")
    suspensions = fields.List(fields.Nested(SuspensionSchema))
    titles = fields.List(fields.Nested(TitleSchema))


class FacilitySchema(FactsSchema):
    """服务点"""

    lat = fields.Float(metadata={"description": "纬度，度，按 datum；没有位置时为空"}, allow_none=True)
    lng = fields.Float(metadata={"description": "经度，度，按 datum；没有位置时为空"}, allow_none=True)
    distance_m = fields.Float(
        metadata={
            "description": "直线距离，米；approximate 时取整到公里；没有位置时为空；不给位置查询时没有此项"
        },
        allow_none=True,
    )
    approximate = fields.Boolean(metadata={"description": "位置只到村居或乡镇，或没有位置"})


class DemoSchema(Open):
    """The base of every answer: says when the places are invented."""

    demo = fields.Boolean(metadata={"description": "true：示例库，服务点都是虚构的"})


class FacilitiesSchema(DemoSchema):
    items = fields.List(fields.Nested(FacilitySchema))
    next_cursor = text("下一页的 cursor；空为最后一页")
    datum = word("回答中坐标的坐标系", DATUMS)


class FacilityDetailSchema(FacilitySchema, DemoSchema):
    status = text("今天的状态：open、suspended、closed、planned（以后可能增加）")
    datum = word("坐标系", DATUMS)


class FacilityTypeSchema(Open):
    """类型"""

    key = text("类型代号，用于 type 参数")
    name = text("名称")
    name_en = text("英文名称")
    level = word("服务哪一级", LEVELS)
    clauses = fields.List(fields.String(), metadata={"description": "规划依据"})
    aliases = fields.List(fields.String(), metadata={"description": "俗称"})


class FacilityTypesSchema(DemoSchema):
    items = fields.List(fields.Nested(FacilityTypeSchema))


class DivisionSchema(StepSchema):
    """区划"""

    community_kind = text("村居类别：residents_committee 居委会、villagers_committee 村委会、other")
    town_kind = text("乡镇类别：street、town、township、pseudo")
    virtual = fields.Boolean(metadata={"description": "虚拟单位，不作分母"})
    pseudo = fields.Boolean(metadata={"description": "类似乡级单位，不作乡镇分母"})
    valid_from = day("启用日期；空为已知以来")
    valid_to = day("停用日期；空为现行")


class DivisionsSchema(DemoSchema):
    items = fields.List(fields.Nested(DivisionSchema))
    next_after = text("下一页的 after；空为最后一页")


class DivisionDetailSchema(DivisionSchema, DemoSchema):
    path = fields.List(fields.Nested(StepSchema))
    children = fields.List(fields.Nested(DivisionSchema))


class OtherTargetSchema(Open):
    at_least = fields.Float()
    due_year = whole("年限")
    source = text("出处")
    to_check = fields.Boolean(metadata={"description": "尚未与原文核对"})


class CoverageRowSchema(DemoSchema):
    """一个指标、一种口径、一个区划"""

    indicator = text("指标，例如 T01.urban")
    name = text("指标名称")
    clause = text("依据")
    division = text("区划代码，补足全长")
    division_name = text("区划名称")
    numerator = whole("分子")
    denominator = whole("分母；计数类为空")
    value = fields.Float(metadata={"description": "现值，按目标的单位，截到 4 位小数"}, allow_none=True)
    display = text("给人看的现值，截到 1 位小数，不四舍五入")
    unit = text("单位")
    target = fields.Float(metadata={"description": "目标值；空为没有数字目标"}, allow_none=True)
    due_year = whole("年限")
    needed = whole("尚差几个")
    met = fields.Boolean(metadata={"description": "是否达到；空为没有目标或数据"}, allow_none=True)
    definition = text("口径")
    definition_name = text("口径说明")
    default = fields.Boolean(metadata={"description": "是否默认口径"})
    other_targets = fields.List(fields.Nested(OtherTargetSchema))
    on = day("截至日期")
    population_on = day("人口截至日期")
    remark = text("备注，例如缺什么数据")


class CoverageSchema(DemoSchema):
    items = fields.List(fields.Nested(CoverageRowSchema))


class GapSchema(Open):
    """缺口：一个尚未覆盖的区划"""

    indicator = text("指标")
    definition = text("口径")
    code = text("区划代码")
    name = text("名称")
    path = fields.List(fields.Nested(StepSchema))


class GapsSchema(DemoSchema):
    items = fields.List(fields.Nested(GapSchema))
    total = whole("一共多少")
    next_after = text("下一页的 after；空为最后一页")
