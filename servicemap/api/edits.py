"""改一条资料 over HTTP: add, change, close, reopen, suspend, resume, convert, merge, verify, revert, history.

A change says which version was seen (If-Match) and why; a key (Idempotency-Key) makes it safe to send again.
"""

import re
from collections.abc import Callable
from typing import Any

from flask import current_app, g, request
from marshmallow import fields

from servicemap import edits, mergers, reverts
from servicemap.access import EDIT, READ_RECORD
from servicemap.api.answers import answer
from servicemap.api.inputs import Cell, Day, Several, Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, RecordSchema
from servicemap.edits import Asked
from servicemap.errors import InvalidError
from servicemap.imports.columns import FIELDS

blp = StrictBlueprint("edits", __name__, url_prefix="/api/v1/facilities", description="改一条资料")

VERSION = re.compile(r'"?([0-9]{1,9})(?:-[a-z]+)?"?').fullmatch
HEADERS = [
    {
        "in": "header",
        "name": "Idempotency-Key",
        "schema": {"type": "string", "maxLength": 80},
        "description": "每次修改自己起一个；网断了原样重发，不会改两次",
    }
]
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": '看到的是哪个版本，例如 "3"；别人先改了回答 412，带着现在的内容',
}
REASON = Text(200, required=True, metadata={"description": "为什么改，记入变更"})
SHOWN_REASON = Text(200, required=True, metadata={"description": "原因，记入变更，也给公众看"})
TYPES = Several(Text(60), 20, metadata={"description": "哪些挂牌；不给为全部"})

CellsSchema: Any = Strict.from_dict(
    {
        each.name: Cell(4000, allow_none=True, metadata={"description": f"{each.heading}，写法同导入表"})
        for each in FIELDS
        if each.name != "code"
    },
    name="CellsSchema",
)


class AddSchema(CellsSchema):
    reason = Text(200, metadata={"description": "为什么加，记入变更"})


class EditSchema(CellsSchema):
    reason = REASON


class VerifySchema(Strict):
    on = Day(metadata={"description": "哪天核实的；默认今天"})
    reason = Text(200, metadata={"description": "怎样核实的，例如 上门、电话"})


class OnSchema(Strict):
    on = Day(metadata={"description": "从哪天起；默认今天"})
    reason = REASON


class TypesOnSchema(OnSchema):
    types = TYPES


class CloseSchema(TypesOnSchema):
    reason = SHOWN_REASON


class SuspendSchema(Strict):
    from_on = Day(metadata={"description": "从哪天起暂停；默认今天"})
    to_on = Day(metadata={"description": "哪天恢复；不给为待定"})
    reason = SHOWN_REASON


class ConvertSchema(OnSchema):
    old_type = Text(60, required=True, metadata={"description": "原来的类型"})
    new_type = Text(60, required=True, metadata={"description": "改成的类型"})


class MergeFacilitySchema(OnSchema):
    into = Text(12, required=True, metadata={"description": "并入哪个编号；原编号以后回答它"})


class RevertSchema(Strict):
    seq = Whole(1, 999_999_999, required=True, metadata={"description": "退回哪一次变更（history 里的 seq）"})
    reason = REASON


class RecordChangeSchema(Open):
    seq = fields.Integer(metadata={"description": "变更序号"})
    changed_at = fields.String()
    actor = fields.String(metadata={"description": "岗位"})
    door = fields.String(metadata={"description": "http、cli、seed"})
    import_id = fields.Integer(allow_none=True, metadata={"description": "第几号导入"})
    action = fields.String()
    changed = fields.Dict(metadata={"description": "{字段: [原来, 改后]}"})


class HistorySchema(DemoSchema):
    items = fields.List(fields.Nested(RecordChangeSchema))


def idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(r"[!-~]{1,80}", key):
        raise InvalidError("Idempotency-Key 应为 1 到 80 个英文字母、数字或符号", "bad_idempotency_key")
    return key


def asked(body: dict[str, Any], *, new: bool = False) -> Asked:
    """Who asks and what they saw."""
    key = idempotency_key()
    seen = VERSION(request.headers.get("If-Match", ""))
    if not (new or seen):
        raise InvalidError('请用 If-Match 说明改的是哪个版本，例如 If-Match: "3"', "version_required")
    version = None if new or not seen else int(seen[1])
    return Asked(g.actor, body.get("reason"), version, [request.path, body], key, g.today)


def record(payload: dict[str, Any], status: int = 200) -> Any:
    return answer(payload), status, {"ETag": f'"{payload["version"]}"'}


def changing(
    blp: StrictBlueprint, action: str, rule: str, schema: Any, **options: Any
) -> Callable[[Any], Any]:
    """Decorator: a route that changes one record that somebody saw."""

    def decorate(view: Any) -> Any:
        view = blp.fails(400, 404, 409, 412, 413, 415, 428, 503)(
            blp.response(200, RecordSchema)(blp.arguments(schema)(view))
        )
        view = blp.allowed(action)(blp.doc(parameters=[IF_MATCH, *HEADERS])(view))
        return blp.route(rule, **{"methods": ["POST"], **options})(view)

    return decorate


def cells(body: dict[str, Any]) -> dict[str, str | None]:
    """The fields of a body; a blank one is emptied, as null is."""
    return {name: text if (text or "").strip() else None for name, text in body.items() if name != "reason"}


@blp.post("")
@blp.allowed(EDIT)
@blp.doc(parameters=HEADERS)
@blp.arguments(AddSchema)
@blp.response(201, RecordSchema)
@blp.fails(400, 409, 413, 415, 503)
def add_facility(body: dict[str, Any]) -> Any:
    """加一个服务点；字段同导入表"""
    return record(edits.add(asked(body, new=True), cells(body), current_app.config["SERVICEMAP"]), 201)


@changing(blp, EDIT, "/<code:code>", EditSchema, methods=["PATCH"])
def edit_facility(body: dict[str, Any], code: str) -> Any:
    """改一条资料：给哪些字段就改哪些，null 为清空（RFC 7396）；有几个挂牌时用 type 说明改哪一个的"""
    return record(edits.edit(asked(body), code, cells(body), current_app.config["SERVICEMAP"]))


@changing(blp, EDIT, "/<code:code>/close", CloseSchema)
def close_facility(body: dict[str, Any], code: str) -> Any:
    """关闭：从哪天起不再有这些挂牌"""
    return record(edits.close(asked(body), code, body.get("on", g.today), tuple(body.get("types", ()))))


@changing(blp, EDIT, "/<code:code>/reopen", TypesOnSchema)
def reopen_facility(body: dict[str, Any], code: str) -> Any:
    """恢复关闭了的挂牌；中间的日子仍是关闭"""
    return record(edits.reopen(asked(body), code, body.get("on", g.today), tuple(body.get("types", ()))))


@changing(blp, EDIT, "/<code:code>/suspend", SuspendSchema)
def suspend_facility(body: dict[str, Any], code: str) -> Any:
    """暂停一段时间"""
    return record(edits.suspend(asked(body), code, body.get("from_on", g.today), body.get("to_on")))


@changing(blp, EDIT, "/<code:code>/resume", OnSchema)
def resume_facility(body: dict[str, Any], code: str) -> Any:
    """结束暂停"""
    return record(edits.resume(asked(body), code, body.get("on", g.today)))


@changing(blp, EDIT, "/<code:code>/convert", ConvertSchema)
def convert_facility(body: dict[str, Any], code: str) -> Any:
    """从哪天起，一个挂牌改为另一类型"""
    return record(
        edits.convert(asked(body), code, body["old_type"], body["new_type"], body.get("on", g.today))
    )


@changing(blp, EDIT, "/<code:code>/verify", VerifySchema)
def verify_facility(body: dict[str, Any], code: str) -> Any:
    """核实：有人看过，资料是对的"""
    return record(edits.verify(asked(body), code, body.get("on", g.today)))


@changing(blp, EDIT, "/<code:code>/merge", MergeFacilitySchema)
def merge_facility(body: dict[str, Any], code: str) -> Any:
    """并入另一条：是同一处登记了两次；回答的是并入后的资料"""
    return record(mergers.merge(asked(body), code, body["into"], body.get("on", g.today)))


@changing(blp, EDIT, "/<code:code>/revert", RevertSchema)
def revert_facility(body: dict[str, Any], code: str) -> Any:
    """退回一次变更：后来没有再改过的才能退；退回合并时写留下的编号"""
    return record(reverts.revert(asked(body), code, body["seq"]))


@blp.get("/<code:code>/history")
@blp.allowed(READ_RECORD)
@blp.response(200, HistorySchema)
@blp.fails(404, 503)
def get_history(code: str) -> dict[str, Any]:
    """一条资料的全部变更，新的在前；需要权限"""
    return answer({"items": edits.history(g.actor, code)})
