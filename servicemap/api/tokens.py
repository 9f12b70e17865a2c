"""令牌 over HTTP: issue, list, revoke; and who one is."""

import json
from typing import Any

from flask import g
from marshmallow import fields

from servicemap import divisions, tokens
from servicemap.access import MANAGE_TOKENS, ROLES
from servicemap.api.answers import answer
from servicemap.api.filters import named_division
from servicemap.api.inputs import Choice, Day, Several, Strict, Text
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open

blp = StrictBlueprint("tokens", __name__, url_prefix="/api/v1", description="令牌")


class IssueSchema(Strict):
    label = Text(60, required=True, metadata={"description": "岗位，不是人名", "example": "清城区妇儿工委办"})
    role = Choice(
        ROLES,
        required=True,
        metadata={
            "description": "viewer 查看、editor 填报、verifier 审核、admin 管理；reporter 部门报数、monitor 监测、"
            "assessor 评估、approver 审批"
        },
    )
    departments = Several(
        Text(20), 20, metadata={"description": "reporter 为哪些部门报数；不给为全部", "example": ["卫健"]}
    )
    division = Text(20, metadata={"description": "管哪个区划及其下级；不给为全部"})
    expires_on = Day(metadata={"description": "从哪天起失效；默认一年后，最长三年"})


class TokenSchema(Open):
    id = fields.Integer()
    label = fields.String(metadata={"description": "岗位"})
    role = fields.String(metadata={"description": "和签发时的一样（以后可能增加）"})
    division = fields.String(allow_none=True, metadata={"description": "区划代码；null 为全部"})
    division_name = fields.String(allow_none=True)
    departments = fields.List(
        fields.String(), allow_none=True, metadata={"description": "为哪些部门报数；null 为全部"}
    )
    expires_on = fields.String(metadata={"description": "从哪天起失效"})
    revoked_at = fields.String(allow_none=True, metadata={"description": "收回的时间；null 为没有收回"})
    last_used_on = fields.String(allow_none=True, metadata={"description": "最近哪天用过"})
    issued_at = fields.String()
    issued_by = fields.String()


class OneTokenSchema(DemoSchema):
    item = fields.Nested(TokenSchema)


class IssuedSchema(OneTokenSchema):
    token = fields.String(metadata={"description": "令牌本身：只在这里出现一次"})


class TokensSchema(DemoSchema):
    items = fields.List(fields.Nested(TokenSchema))


class MeSchema(DemoSchema):
    name = fields.String(metadata={"description": "岗位，或服务器上的用户"})
    role = fields.String()
    division = fields.String(allow_none=True, metadata={"description": "区划代码；null 为全部"})
    division_name = fields.String(allow_none=True)


def _shown(token: Any) -> dict[str, Any]:
    return {
        "id": token.id,
        "label": token.label,
        "role": token.role,
        "division": token.division and token.division.padded_code,
        "division_name": token.division and token.division.name,
        "departments": None if token.departments is None else json.loads(token.departments),
        "expires_on": str(token.expires_on),
        "revoked_at": token.revoked_at,
        "last_used_on": token.last_used_on and str(token.last_used_on),
        "issued_at": token.issued_at,
        "issued_by": token.issued_by,
    }


@blp.get("/me")
@blp.allowed(None)
@blp.response(200, MeSchema)
@blp.fails(503)
def me() -> dict[str, Any]:
    """我是谁，能管哪里"""
    steps = divisions.paths([g.actor.scope])[g.actor.scope] if g.actor.scope else ()
    at = (
        {"division": steps[-1].code, "division_name": steps[-1].name}
        if steps
        else {"division": None, "division_name": None}
    )
    return answer({"name": g.actor.name, "role": g.actor.role, **at})


@blp.get("/tokens")
@blp.allowed(MANAGE_TOKENS)
@blp.response(200, TokensSchema)
@blp.fails(503)
def list_tokens() -> dict[str, Any]:
    """自己范围内的令牌，收回的也在内；令牌本身不在内"""
    return answer({"items": [_shown(token) for token in tokens.list_tokens(g.actor)]})


@blp.post("/tokens")
@blp.allowed(MANAGE_TOKENS)
@blp.arguments(IssueSchema)
@blp.response(201, IssuedSchema)
@blp.fails(400, 409, 413, 415, 503)
def issue_token(body: dict[str, Any]) -> dict[str, Any]:
    """发给一个岗位一枚令牌"""
    issued = tokens.issue(
        g.actor,
        label=body["label"],
        role=body["role"],
        division=named_division(body),
        expires_on=body.get("expires_on"),
        today=g.today,
        departments=body.get("departments", ()),
    )
    return answer({"item": _shown(issued.token), "token": issued.secret})


@blp.post("/tokens/<number:token_id>/revoke")
@blp.allowed(MANAGE_TOKENS)
@blp.response(200, OneTokenSchema)
@blp.fails(404, 503)
def revoke_token(token_id: int) -> dict[str, Any]:
    """收回一枚令牌，立即生效"""
    return answer({"item": _shown(tokens.revoke(g.actor, token_id))})
