"""确认链接 over HTTP: issued by those with rights; shown and answered by whoever holds the secret."""

from typing import Any

from flask import g
from marshmallow import fields

from servicemap import confirmations, divisions
from servicemap.access import REVIEW
from servicemap.api.answers import answer
from servicemap.api.inputs import Day, Strict, Text
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, day, text

blp = StrictBlueprint(
    "confirmations", __name__, url_prefix="/api/v1/confirmations", description="村里用手机确认"
)

SECRET = Text(60, required=True, metadata={"description": "链接里 # 后面的一段"})


class LinkOrderSchema(Strict):
    division = Text(20, required=True, metadata={"description": "哪个村（居）"})
    label = Text(60, metadata={"description": "岗位；默认是代码和名称"})
    expires_on = Day(metadata={"description": "从哪天起失效；默认三十天后，最长 92 天"})


class LinkSchema(Open):
    """一个确认链接；它本身不在内"""

    id = fields.Integer()
    label = text("岗位")
    division = text("区划代码")
    division_name = text("区划名称")
    expires_on = day("从哪天起失效")
    revoked_at = text("收回的时间；空为没有收回")
    issued_at = text("发出的时间")
    issued_by = text("谁发的")


class OneLinkSchema(DemoSchema):
    item = fields.Nested(LinkSchema)


class IssuedLinkSchema(OneLinkSchema):
    path = text("链接，接在网址后面；只在这里出现一次")


class LinksSchema(DemoSchema):
    items = fields.List(fields.Nested(LinkSchema))


class SecretSchema(Strict):
    secret = SECRET


class ConfirmationAnswerSchema(Strict):
    secret = SECRET
    code = Text(12, required=True, metadata={"description": "哪个服务点"})
    wrong = Text(200, metadata={"description": "哪里不对，一句话；不给为都对"})


class PlaceToConfirmSchema(Open):
    code = text("编号")
    name = text("名称")
    types = fields.List(fields.String())
    address = text("地址；不公开的为空")
    phone = text("电话；不公开的为空")
    phone_hidden = fields.Boolean(metadata={"description": "登记有电话，不公开"})
    hours = text("开放时间")
    suspended = fields.Boolean(metadata={"description": "登记为暂停"})
    verified_on = day("上次核实")
    answered = text("今天答过了：right 都对，wrong 有误；空为没有")


class ToConfirmSchema(DemoSchema):
    division_name = text("哪个村（居）")
    expires_on = day("链接从哪天起失效")
    places = fields.List(fields.Nested(PlaceToConfirmSchema))


def _shown(link: Any) -> dict[str, Any]:
    names = ("id", "label", "expires_on", "revoked_at", "issued_at", "issued_by")
    facts = {name: getattr(link, name) for name in names}
    return {**facts, "division": link.division.padded_code, "division_name": link.division.name}


@blp.get("")
@blp.allowed(REVIEW)
@blp.response(200, LinksSchema)
@blp.fails(503)
def list_links() -> dict[str, Any]:
    """自己范围内的确认链接，收回的也在内；链接本身不在内"""
    return answer({"items": [_shown(link) for link in confirmations.list_links(g.actor)]})


@blp.post("")
@blp.allowed(REVIEW)
@blp.arguments(LinkOrderSchema)
@blp.response(201, IssuedLinkSchema)
@blp.fails(400, 413, 415, 503)
def issue_link(body: dict[str, Any]) -> dict[str, Any]:
    """给一个村（居）发确认链接；原来的随即失效"""
    with parameter():
        division = divisions.get(body["division"], on=g.today)
    issued = confirmations.issue(g.actor, division, body.get("label"), body.get("expires_on"), g.today)
    return answer({"item": _shown(issued.link), "path": issued.path})


@blp.post("/<number:link_id>/revoke")
@blp.allowed(REVIEW)
@blp.response(200, OneLinkSchema)
@blp.fails(404, 503)
def revoke_link(link_id: int) -> dict[str, Any]:
    """收回一个确认链接，立即生效"""
    return answer({"item": _shown(confirmations.revoke(g.actor, link_id))})


@blp.post("/<code:public_id>/places")
@blp.arguments(SecretSchema)
@blp.response(200, ToConfirmSchema)
@blp.fails(400, 401, 404, 413, 415, 503)
def show_places(body: dict[str, Any], public_id: str) -> dict[str, Any]:
    """这个链接要确认的服务点；凭链接里 # 后面的一段"""
    return answer(confirmations.show(public_id, body["secret"], g.today))


@blp.post("/<code:public_id>/answers")
@blp.arguments(ConfirmationAnswerSchema)
@blp.response(200, DemoSchema)
@blp.fails(400, 401, 404, 409, 413, 415, 503)
def answer_place(body: dict[str, Any], public_id: str) -> dict[str, Any]:
    """都对（记为今天核实），或一句话说哪里不对；每处每天一次"""
    confirmations.answer(public_id, body["secret"], body["code"], body.get("wrong"), g.today)
    return answer({})
