"""体检 over HTTP: what is wrong with the registry's data; for those who keep it."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import checks
from servicemap.access import CHECK_REGISTRY
from servicemap.api.answers import answer
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open

blp = StrictBlueprint("checks", __name__, url_prefix="/api/v1", description="体检")


class FindingSchema(Open):
    check = fields.String(metadata={"description": "哪一项检查（以后可能增加）"})
    subject = fields.String(metadata={"description": "编号、区划代码、指标或变更序号"})
    problem = fields.String(metadata={"description": "哪里不对"})
    hint = fields.String(metadata={"description": "下一步输入什么"})


class FindingsSchema(DemoSchema):
    items = fields.List(
        fields.Nested(FindingSchema), metadata={"description": f"每项检查最多 {checks.MOST} 条"}
    )


@blp.get("/checks")
@blp.allowed(CHECK_REGISTRY)
@blp.response(200, FindingsSchema)
@blp.fails(503)
def run_checks() -> dict[str, Any]:
    """检查整个登记册的数据；需要权限"""
    return answer({"items": checks.run(g.today)})
