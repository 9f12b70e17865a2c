"""What changed in the public face over HTTP, for apps that keep a copy."""

from typing import Any

from flask import Response, g
from marshmallow import fields

from servicemap import feed
from servicemap.api.answers import spliced_list
from servicemap.api.inputs import Strict, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, FacilitySchema, Open, day, text, whole, word
from servicemap.geo import DATUMS

blp = StrictBlueprint("changes", __name__, url_prefix="/api/v1", description="离线使用")

UNTIL_DATE = (
    "副本还应按日期自行去掉已到期的：挂牌看 closed_on，暂停看 to_on，称号看 ends_on；挂牌全部关闭即已关闭"
)


class SinceSchema(Strict):
    since = Whole(
        0,
        10**15 - 1,
        load_default=0,
        metadata={"description": "只要这个序号之后的：离线包的 seq，或上一次的 next_since；0 为全部"},
    )
    limit = Whole(1, feed.MOST, load_default=feed.MOST, metadata={"description": "一页最多几个"})


class PlaceSchema(FacilitySchema):
    """服务点现在的公开资料，坐标为 wgs84，不含距离和当时的状态"""

    class Meta(FacilitySchema.Meta):
        exclude = ("distance_m", "distance_text", "open_state", "next_change", "age_unknown")


class ChangeSchema(Open):
    """一处服务点：只列它最近一次变更"""

    seq = whole("变更的序号")
    changed_at = text("变更时间，UTC")
    code = text("编号")
    marker_id = whole("整数编号，给地图标记用")
    action = word("怎么办", ("upsert", "gone"))
    item = fields.Nested(PlaceSchema, metadata={"description": f"upsert 时：整个放入副本。{UNTIL_DATE}"})
    closed_on = day("gone 时：关闭日期；空为不公开或不详")
    reason = text("gone 时：关闭原因；空为不公开或不详")


class ChangesSchema(DemoSchema):
    items = fields.List(
        fields.Nested(ChangeSchema), metadata={"description": "按序号；可能不满一页，甚至为空"}
    )
    next_since = whole("下一页的 since；等于 head_seq 时已经到头")
    head_seq = whole("登记册现在的序号")
    renamed_seq = whole(
        "这一页里最近一次类型或区划改名的序号；空为没有。它大于副本开始时的序号"
        "（离线包的 seq；从 0 开始时为第一页的 head_seq）时，没有列出的服务点可能还带着旧名，"
        "等 /dump 的 seq 不小于它时请重新下载"
    )
    datum = word("坐标系", DATUMS)


@blp.get("/changes")
@blp.arguments(SinceSchema, location="query")
@blp.response(200, ChangesSchema)
@blp.fails(503)
def list_changes(args: dict[str, Any]) -> Response:
    """某个序号之后变了什么，供离线的副本跟进"""
    page = feed.list_changes(args["since"], args["limit"], g.today)
    more = {
        "next_since": page.next_since,
        "head_seq": page.head_seq,
        "renamed_seq": page.renamed_seq,
        "datum": "wgs84",
    }
    return spliced_list(page.items, more)
