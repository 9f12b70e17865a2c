"""依据和活动 of a facility's roles over HTTP: what proves them, what they did. For people with rights only."""

from typing import Any

from flask import g, request
from marshmallow import fields

from servicemap import evidence
from servicemap.access import EDIT, READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.edits import HEADERS, REASON, idempotency_key
from servicemap.api.inputs import Choice, Custom, Day, Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open
from servicemap.models import EVIDENCE

blp = StrictBlueprint("evidence", __name__, url_prefix="/api/v1/facilities", description="依据和活动")


class FileHash(Custom):
    """SHA-256 in hexadecimal digits."""

    def read(self, value: str) -> str:
        if len(value) != 64 or not set(value.lower()) <= set("0123456789abcdef"):
            self.wrong("bad_hash", "应为文件的 SHA-256（64 位十六进制）")
        return value.lower()


TYPE = Text(60, metadata={"description": "哪个挂牌的；只有一个时可不给"})


class EvidenceSchema(Strict):
    type = TYPE
    kind = Choice(
        EVIDENCE,
        required=True,
        metadata={
            "description": "document 文件、plaque_photo 挂牌照片、registration 备案登记、activity_record 活动记录、site_visit 现场查看"
        },
    )
    dated_on = Day(required=True, metadata={"description": "依据的日期"})
    body = Text(60, metadata={"description": "发文或挂牌机关"})
    number = Text(60, metadata={"description": "文号"})
    file_hash = FileHash(64, metadata={"description": "文件的 SHA-256；文件自己留存，不上传"})
    note = Text(200, metadata={"description": "说明；不写个人姓名"})


class ActivitySchema(Strict):
    type = TYPE
    held_on = Day(required=True, metadata={"description": "哪天"})
    topic = Text(100, required=True, metadata={"description": "主题"})
    for_whom = Text(60, metadata={"description": "面向谁，例如 0—3 岁儿童家长；不写姓名"})
    families = Whole(0, 100_000, metadata={"description": "多少户"})


class WithdrawEvidenceSchema(Strict):
    reason = REASON


class EvidenceItemSchema(Open):
    id = fields.Integer(metadata={"description": "第几号"})
    type = fields.String(metadata={"description": "类型代号"})
    kind = fields.String()
    dated_on = fields.String()
    body = fields.String(allow_none=True)
    number = fields.String(allow_none=True)
    file_hash = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    added_by = fields.String(metadata={"description": "岗位"})
    added_at = fields.String()
    withdrawn_on = fields.String(allow_none=True, metadata={"description": "哪天撤回；撤回的不再计入"})
    withdrawn_by = fields.String(allow_none=True)
    withdrawn_reason = fields.String(allow_none=True)


class ActivityItemSchema(Open):
    id = fields.Integer(metadata={"description": "第几号"})
    type = fields.String(metadata={"description": "类型代号"})
    held_on = fields.String()
    topic = fields.String()
    for_whom = fields.String(allow_none=True)
    families = fields.Integer(allow_none=True)
    added_by = fields.String(metadata={"description": "岗位"})
    added_at = fields.String()


class EvidenceListSchema(DemoSchema):
    code = fields.String(metadata={"description": "编号"})
    items = fields.List(fields.Nested(EvidenceItemSchema))


class ActivityListSchema(DemoSchema):
    code = fields.String(metadata={"description": "编号"})
    items = fields.List(fields.Nested(ActivityItemSchema))


def added(noun: str, body: dict[str, Any], code: str) -> dict[str, Any]:
    asked, key = [request.path, body], idempotency_key()
    word = body.get("type")
    return answer(evidence.add(g.actor, noun, code, word, body, g.today, request=asked, key=key))


@blp.post("/<code:code>/evidence")
@blp.allowed(EDIT)
@blp.doc(parameters=HEADERS)
@blp.arguments(EvidenceSchema)
@blp.response(201, EvidenceListSchema)
@blp.fails(400, 404, 413, 415, 503)
def add_evidence(body: dict[str, Any], code: str) -> dict[str, Any]:
    """加一条依据：证明一个挂牌；回答全部依据"""
    return added("evidence", body, code)


@blp.get("/<code:code>/evidence")
@blp.allowed(READ_RECORD)
@blp.response(200, EvidenceListSchema)
@blp.fails(404, 503)
def list_evidence(code: str) -> dict[str, Any]:
    """一个服务点的全部依据，新的在前；需要权限"""
    return answer(evidence.list_all(g.actor, "evidence", code))


@blp.post("/<code:code>/evidence/<number:id_>/withdraw")
@blp.allowed(EDIT)
@blp.arguments(WithdrawEvidenceSchema)
@blp.response(200, EvidenceListSchema)
@blp.fails(400, 404, 413, 415, 503)
def withdraw_evidence(body: dict[str, Any], code: str, id_: int) -> dict[str, Any]:
    """撤回一条登记错的依据：留着，不再计入；回答全部依据"""
    return answer(evidence.withdraw(g.actor, code, id_, body["reason"], g.today))


@blp.post("/<code:code>/activities")
@blp.allowed(EDIT)
@blp.doc(parameters=HEADERS)
@blp.arguments(ActivitySchema)
@blp.response(201, ActivityListSchema)
@blp.fails(400, 404, 413, 415, 503)
def add_activity(body: dict[str, Any], code: str) -> dict[str, Any]:
    """记一次活动；回答全部活动"""
    return added("activity", body, code)


@blp.get("/<code:code>/activities")
@blp.allowed(READ_RECORD)
@blp.response(200, ActivityListSchema)
@blp.fails(404, 503)
def list_activities(code: str) -> dict[str, Any]:
    """一个服务点的全部活动，新的在前；需要权限"""
    return answer(evidence.list_all(g.actor, "activity", code))
