"""联想 over HTTP: what a family may mean while it types."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions
from servicemap.api.answers import answer
from servicemap.api.filters import named_spans
from servicemap.api.inputs import Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, StandingSchema, text
from servicemap.facility_types import known_kinds
from servicemap.finder.suggest import suggest

blp = StrictBlueprint("suggestions", __name__, url_prefix="/api/v1", description="输入联想")

MOST = 50  # characters of q


class Typed(Text):
    """Text that is not empty."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        typed = super()._deserialize(value, attr, data, **kwargs)
        if not typed:
            self.wrong("too_short", "至少 1 个字")
        return typed


class SuggestionsQuery(Strict):
    q = Typed(
        MOST,
        required=True,
        metadata={
            "description": "已输入的字：汉字（繁简均可）、全拼、拼音首字母；几个词之间空格，前面的词可以是地名",
            "example": "英德 托",
        },
    )
    limit = Whole(1, 20, load_default=5, metadata={"description": "每组最多几个"})
    division = Text(20, metadata={"description": "只要这个区划以内的；区划代码，可补足全长"})


class SuggestedTypeSchema(Open):
    """类型"""

    key = text("类型，例如 nursery")
    name = text("类型名称，例如 托育机构")
    matched = text("对上的名称或俗称，例如 早教")


class SuggestedFacilitySchema(Open):
    """服务点"""

    code = text("编号")
    name = text("名称")
    division = fields.Nested(StandingSchema, metadata={"description": "所在区划；只公开联系方式的只到县区"})


class SuggestionsSchema(DemoSchema):
    types = fields.List(fields.Nested(SuggestedTypeSchema), metadata={"description": "以输入开头的在前"})
    divisions = fields.List(
        fields.Nested(StandingSchema), metadata={"description": "同名的在前，其次高一级的"}
    )
    facilities = fields.List(
        fields.Nested(SuggestedFacilitySchema), metadata={"description": "开放中的服务点"}
    )
    ignored = fields.List(fields.String(), metadata={"description": "没有用上的字符和年龄"})
    notice = text("没有用上的字符为什么没有用上；空为全部用上了")


@blp.get("/suggestions")
@blp.arguments(SuggestionsQuery, location="query")
@blp.response(200, SuggestionsSchema)
@blp.fails(503)
def list_suggestions(args: dict[str, Any]) -> dict[str, Any]:
    """边输入边联想：类型、区划、服务点"""
    within = [(span.lft, span.rgt) for span in named_spans(args)]
    found = suggest(args["q"], known_kinds(), g.today, limit=args["limit"], within=within)
    unused = " ".join(found.ignored)
    return answer(
        {
            "types": [
                {"key": each.kind.key, "name": each.kind.name, "matched": each.matched}
                for each in found.types
            ],
            "divisions": [_standing(path) for path in found.divisions],
            "facilities": [
                {"code": place.code, "name": place.name, "division": _standing(place.path)}
                for place in found.facilities
            ],
            "ignored": found.ignored,
            "notice": f"没有用上：{unused}（按名称、地址、类型和地名查找）" if unused else None,
        }
    )


def _standing(path: tuple[divisions.Step, ...]) -> dict[str, Any]:
    last = path[-1]
    return {"code": last.code, "name": last.name, "level": last.level, "path": path}
