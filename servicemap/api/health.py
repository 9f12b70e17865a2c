"""Whether the server lives and can serve."""

from typing import Any

from marshmallow import fields

from servicemap import audit, db
from servicemap.api.answers import answer
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open

blp = StrictBlueprint("health", __name__, description="运行状况")


class HealthSchema(Open):
    status = fields.String(metadata={"description": "ok"})


class ReadySchema(HealthSchema, DemoSchema):
    seq = fields.Integer(metadata={"description": "登记册的版本：最近一次变更的序号"})


@blp.get("/healthz")
@blp.response(200, HealthSchema)
def healthz() -> dict[str, Any]:
    """服务器在运行"""
    return {"status": "ok"}


@blp.get("/readyz")
@blp.response(200, ReadySchema)
@blp.fails(503)
def readyz() -> dict[str, Any]:
    """数据库可用，结构是最新的"""
    db.require_current_schema()
    return answer({"status": "ok", "seq": audit.head_seq()})
