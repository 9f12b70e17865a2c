"""What answers look like: the descriptions are the public documentation."""

import marshmallow as ma
from marshmallow import fields

from servicemap.geo import DATUMS
from servicemap.models import CLASSES, DELIVERIES, FEES, FORMS, LEVELS, MEALS, PRECISIONS, STEPS, VISIBILITIES


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


class RegistrationSchema(Open):
    """备案"""

    body = text("备案机关")
    no = text("备案编号")


class RoleClassSchema(Open):
    """班型：托育机构的一种班，有自己的月龄、托位和月费"""

    kind = word("班型代号", CLASSES)
    name = text("班型名称：乳儿班、托小班、托大班、混龄")
    age_from_months = whole("最小月龄")
    age_to_months = whole("最大月龄")
    places = fields.Nested(PlacesSchema, allow_none=True, metadata={"description": "托位；空为不详"})
    monthly_fee = whole("每月费用，元；空为不详")


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
    inclusive = fields.Boolean(metadata={"description": "普惠；不详则没有此项，不等于不是"}, allow_none=True)
    inclusive_body = text("普惠认定机关；不详则没有此项")
    inclusive_no = text("普惠认定文号；不详则没有此项")
    registration = fields.Nested(
        RegistrationSchema, allow_none=True, metadata={"description": "备案；不详则没有此项，不等于没有备案"}
    )
    forms = fields.List(
        fields.String(),
        metadata={
            "description": f"托育形式（全日、半日、计时、临时）：{'、'.join(FORMS)}（以后可能增加）；不详则没有此项"
        },
    )
    meals = word("供餐：含餐、另收餐费、不供餐；不详则没有此项", MEALS)
    prepaid_months = whole("预收几个月的费用；不详则没有此项")
    monthly_fee = whole("每月费用，元；各班不同的看 classes；不详则没有此项")
    classes = fields.List(fields.Nested(RoleClassSchema), metadata={"description": "班型；不详则没有此项"})
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
    delivery = word("服务方式：到场、网上、上门、电话；不是到场的没有位置，不上地图", DELIVERIES)
    note = text("说明，例如热线管什么、谁办的；没有则没有此项")
    position_precision = word("位置精度", PRECISIONS)
    phone = text("电话")
    hours = text("开放时间")
    accessible = fields.Boolean(metadata={"description": "无障碍；空为未评估，不等于没有"}, allow_none=True)
    visibility = word("公开方式", VISIBILITIES)
    verified_on = day("核实日期：最近一次有人确认")
    review = word("审核到哪一步：已填报、镇已审、县已核；已县核则没有此项", STEPS)
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
    approximate = fields.Boolean(
        metadata={"description": "要去的地方的位置只到村居或乡镇，或没有位置；热线、网上、上门的总是 false"}
    )
    distance_text = text("给人看的距离，例如 850 米、约 3 公里；同 distance_m")
    marker_id = fields.Integer(metadata={"description": "整数编号，和 code 一一对应，不变；地图标记用"})
    open_state = word("现在（或所问的时间）是否开放", ("open", "closed", "unknown"))
    next_change = text("下一次开或关的当地时间，例如 2026-11-24T12:00:00+08:00；空为不变或不知道")
    age_unknown = fields.Boolean(metadata={"description": "true：没有写明年龄；按年龄找时才有此项"})


class DemoSchema(Open):
    """The base of every answer: says when the places are invented."""

    demo = fields.Boolean(metadata={"description": "true：示例库，服务点都是虚构的"})


class NamedDivisionSchema(Open):
    """一个区划"""

    code = text("区划代码")
    name = text("名称")


class WidenedSchema(Open):
    """半径内或所说的地方没有，扩大了"""

    from_m = fields.Integer(metadata={"description": "原来的半径，米；扩大了半径才有"})
    to_m = fields.Integer(metadata={"description": "扩大到多少米；扩大了半径才有"})
    divisions = fields.List(
        fields.Nested(NamedDivisionSchema), metadata={"description": "扩大到哪些区划；扩大了区划才有"}
    )
    notice = fields.String(metadata={"description": "给人看的说明"})


class UnderstoodSchema(Open):
    """q 是怎样理解的"""

    code = text("当作编号的；空为不是编号。结果里没有它，就是关了、还没有开或不合条件，看 /facilities/{code}")
    types = fields.List(fields.String(), metadata={"description": "当作类型的"})
    divisions = fields.List(fields.Nested(NamedDivisionSchema), metadata={"description": "当作地名的"})
    words = fields.List(fields.String(), metadata={"description": "在名称和地址里找的"})
    filters = fields.List(
        fields.String(),
        metadata={"description": "当作条件的：free 免费、inclusive 普惠、registered 有备案（以后可能增加）"},
    )
    ignored = fields.List(fields.String(), metadata={"description": "没有用上的字符和年龄"})


class TotalSchema(Open):
    """一共多少"""

    count = fields.Integer(metadata={"description": "数到 1000 为止"})
    capped = fields.Boolean(metadata={"description": "true：不止这些"})


class TypeCountSchema(Open):
    """一种类型多少"""

    type = text("类型")
    type_name = text("类型名称")
    count = fields.Integer()


class FacilitiesSchema(DemoSchema):
    hotlines = fields.List(
        fields.Nested(FacilitySchema), metadata={"description": "热线：所问和保护有关时才有此项"}
    )
    items = fields.List(fields.Nested(FacilitySchema))
    next = text("下一页的地址，所有参数都在；空为最后一页，或参数在请求内容里")
    next_cursor = text("下一页的 cursor；空为最后一页")
    datum = word("回答中坐标的坐标系", DATUMS)
    radius_m = fields.Integer(
        metadata={"description": "实际找的半径，米；不给位置、或说了区划而没有给半径时没有此项"}
    )
    widened = fields.Nested(WidenedSchema, metadata={"description": "半径内没有、扩大了才有此项"})
    age_months = fields.Integer(
        metadata={"description": "按多少月龄找的；给了 age_months 或 birth_month 才有此项"}
    )
    understood = fields.Nested(UnderstoodSchema, metadata={"description": "给了 q 才有此项"})
    partial = fields.Boolean(  # type: ignore[assignment]
        metadata={"description": "true：找得太久，先回答到这里；没有找远处"}
    )
    total = fields.Nested(TotalSchema, metadata={"description": "total=true 才有此项"})
    counts = fields.List(
        fields.Nested(TypeCountSchema), metadata={"description": "要了 total 或 counts 才有此项"}
    )


class AlternativeSchema(Open):
    """关了的地方的替代"""

    type = text("原来的一种类型")
    distance_m = fields.Float(metadata={"description": "离原址的直线距离，米"}, allow_none=True)
    facility = fields.Nested(FacilitySchema, metadata={"description": "最近的、还开着的同类"})


class FacilityDetailSchema(FacilitySchema, DemoSchema):
    closed_on = day("关闭日期；关了才有此项和以下三项")
    closed_reason = text("关闭原因")
    former_types = fields.List(fields.String(), metadata={"description": "原来的类型"})
    alternatives = fields.List(fields.Nested(AlternativeSchema))
    status = text("今天的状态：open、suspended、closed、planned（以后可能增加）")
    links = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": "去那里的路：amap 高德、tencent 腾讯、baidu 百度、geo；位置不到门牌街路的没有"
        },
    )
    datum = word("坐标系", DATUMS)


class StepOfRoleSchema(Open):
    """一个挂牌到了哪一步"""

    type = text("类型代号")
    plaqued = fields.Boolean(metadata={"description": "已挂牌：有依据"})
    verified = fields.Boolean(metadata={"description": "已核实：12 个月内有人核实过"})
    running = fields.Boolean(metadata={"description": "正常运行：本年至少 4 次活动"})
    evidence = fields.Integer(metadata={"description": "几条依据"})
    activities = fields.Integer(metadata={"description": "本年几次活动"})


class RecordSchema(DemoSchema):
    code = fields.String(metadata={"description": "编号"})
    version = fields.Integer(metadata={"description": "版本，下次修改的 If-Match"})
    items = fields.List(fields.Dict(), metadata={"description": "每个挂牌一行，字段同导入表"})
    steps = fields.List(fields.Nested(StepOfRoleSchema), metadata={"description": "现在的每个挂牌到了哪一步"})


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


class FormerNameSchema(Open):
    """曾用名"""

    name = text("名称")
    to_on = day("用到哪一天之前")
    document = text("改名的文号")


class RelationSchema(StepSchema):
    """沿革中的一个区划"""

    on = day("从哪一天起替代")
    document = text("文号")


class DivisionDetailSchema(DivisionSchema, DemoSchema):
    former_names = fields.List(fields.Nested(FormerNameSchema), metadata={"description": "从早到晚"})
    predecessors = fields.List(fields.Nested(RelationSchema), metadata={"description": "它替代了哪些"})
    successors = fields.List(fields.Nested(RelationSchema), metadata={"description": "它由哪些替代"})
    path = fields.List(fields.Nested(StepSchema))
    children = fields.List(fields.Nested(DivisionSchema))


TARGET_KIND = "怎样算达到：at_least、at_most、every_unit、change_from_base、yearly_step、direction"


class OtherTargetSchema(Open):
    at_least = fields.Float(allow_none=True, metadata={"description": "目标的数；只有方向的为空"})
    kind = fields.String(metadata={"description": TARGET_KIND})
    due_year = whole("年限")
    source = text("出处")
    text = fields.String(metadata={"description": "目标的文字"})
    to_check = fields.Boolean(metadata={"description": "尚未与原文核对"})


class CoverageRowSchema(DemoSchema):
    """一个指标、一种口径、一个区划"""

    indicator = text("指标，例如 T01.urban")
    name = text("指标名称")
    clause = text("依据")
    kind = text("怎样量，见 indicators 的 kind")
    division = text("区划代码，补足全长")
    division_name = text("区划名称")
    numerator = whole("分子：县已核的")
    denominator = whole("分母；计数类为空")
    reported = whole("连同只填报了的，分子会是多少")
    town_passed = whole("连同镇已审、县未核的，分子会是多少")
    county_passed = whole("县已核的，即分子")
    verified = whole("分子里，几个有 12 个月内核实过的服务点；不是比例的为空")
    stale = whole("分子里，几个只有更久没有核实的")
    level = text("区划的层级")
    answered_none = whole("未覆盖的区划里，几个答了没有（零报告）；不是比例的为空")
    unanswered = whole("未覆盖的区划里，几个没有回答；不是比例的为空")
    value = fields.Float(metadata={"description": "现值，按目标的单位，截到 4 位小数"}, allow_none=True)
    exact = text("现值的分数，一点没有截，例如 9250/99")
    display = text("给人看的现值，截到 1 位小数，不四舍五入")
    unit = text("单位")
    target = fields.Float(metadata={"description": "目标值；空为没有数字目标"}, allow_none=True)
    target_kind = text(f"{TARGET_KIND}；空为没有目标")
    target_text = text("目标的文字；空为没有目标")
    better = fields.String(metadata={"description": "up 越高越好，down 越低越好"})
    key = fields.Boolean(metadata={"description": "重点指标"})
    project = text("属于三(一)至三(八)哪一项")
    department = text("责任部门")
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


class RankedSchema(Open):
    """一个县（市、区）在一个重点指标里的位置"""

    indicator = text("指标")
    name = text("指标名称")
    unit = text("单位")
    division = text("区划代码")
    division_name = text("县（市、区）")
    group = fields.String(
        metadata={"description": "ranked 一起排的，small 分母不到 20、另排的，unknown 数据待核、不排的"}
    )
    rank = whole("在这一组里第几；一样的并列；不排的为空")
    moved = whole("比上一年度升了几位，降了为负；没有得比的为空")
    numerator = whole("分子")
    denominator = whole("分母")
    value = fields.Float(metadata={"description": "现值，截到 4 位小数"}, allow_none=True)
    display = text("给人看的现值")
    target_text = text("目标的文字")
    needed = whole("尚差几个")
    met = fields.Boolean(metadata={"description": "是否达到"}, allow_none=True)


class CountySchema(Open):
    """一个县（市、区）的全部重点指标"""

    rank = whole("第几；一样的并列")
    division = text("区划代码")
    division_name = text("县（市、区）")
    reached = whole("达到的重点指标")
    short = whole("没有达到的")
    needed = whole("尚差合计")
    pending = whole("数据待核的")


class RankingSchema(DemoSchema):
    items = fields.List(fields.Nested(RankedSchema))
    counties = fields.List(fields.Nested(CountySchema))
    rule = text("各县合起来怎样排")
    on = day("截至日期")


class ProofSchema(Open):
    """一个数字背后的一个服务点"""

    division = text("覆盖的（或所在的）区划代码")
    division_name = text("它的名称")
    code = text("编号；不公开的为空")
    name = text("名称，或 1 处（不公开）")
    type = text("类型")
    state = fields.String(metadata={"description": "reported 填报，town 镇审，county 县核；县核的才计入"})
    verified_on = day("哪天核实")
    number = whole("计多少：1，或托位数")
    documents = whole("几条依据")
    activities = whole("今年几次活动")


class ProofsSchema(DemoSchema):
    items = fields.List(fields.Nested(ProofSchema))
    total = whole("共多少")
    next_offset = whole("下一页的 offset；空为最后一页")


class NearestSchema(Open):
    """最近的现有服务点"""

    code = text("编号")
    name = text("名称")
    distance_m = whole("离这个区划已知服务点的中心多少米")


class GapSchema(Open):
    """缺口：一个尚未覆盖的区划"""

    indicator = text("指标")
    definition = text("口径")
    code = text("区划代码")
    name = text("名称")
    path = fields.List(fields.Nested(StepSchema))
    answer = fields.String(
        metadata={
            "description": "waiting 填报了、等审核，none 答了没有（零报告），unknown 没有回答（以后可能增加）"
        }
    )
    population = whole("最近一次统计的常住人口；空为不知道")
    nearest = fields.Nested(
        NearestSchema, allow_none=True, metadata={"description": "空为没有，或不知道这个区划在哪里"}
    )


class GapsSchema(DemoSchema):
    items = fields.List(fields.Nested(GapSchema))
    total = whole("一共多少")
    next_after = text("下一页的 after；空为最后一页")
