"""变更链 over HTTP: its anchor, and whether it holds; for those who may look behind the records."""

import re
from typing import Any

from flask import g
from marshmallow import fields

from servicemap import audit
from servicemap.access import VERIFY_AUDIT
from servicemap.api.answers import answer
from servicemap.api.inputs import Custom, Several, Strict
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, day, text, whole

blp = StrictBlueprint("audit", __name__, url_prefix="/api/v1/audit", description="变更链")

MOST_ANCHORS = 50
_ANCHOR = re.compile(r"([1-9][0-9]{0,14}):([0-9a-f]{64})").fullmatch


class AnchorText(Custom):
    """An anchor as it is printed: seq:hash."""

    def read(self, value: str) -> audit.Anchor:
        if not (found := _ANCHOR(value)):
            self.wrong("bad_anchor", "锚应为 序号:64 位十六进制摘要，由 audit anchor 打印")
        return audit.Anchor(int(found[1]), found[2])


class VerifyQuery(Strict):
    anchor = Several(
        AnchorText(80),
        MOST_ANCHORS,
        load_default=[],
        metadata={"description": "以前打印的锚，可重复；看它们是否还在链上"},
    )


class HeadSchema(DemoSchema):
    seq = whole("最后一条变更的序号；0 为还没有变更")
    hash = text("它的摘要：由这一条和以前各条得出")
    anchor = text("锚，即 序号:摘要；还没有变更时为空")
    on = day("哪一天")


class VerificationSchema(HeadSchema):
    broken_seq = whole("从哪一条起不符；空为完整")
    lost_anchors = fields.List(
        fields.String(), metadata={"description": "不在链上的锚：到那里的变更被重写过"}
    )


def _head() -> dict[str, Any]:
    head = audit.head()
    anchor = str(head) if head.seq else None
    return {"seq": head.seq, "hash": head.hash, "anchor": anchor, "on": g.today}


@blp.get("/head")
@blp.allowed(None)
@blp.response(200, HeadSchema)
@blp.fails(503)
def get_head() -> dict[str, Any]:
    """变更链现在的锚，抄在别处，以后可以核对；需要权限"""
    return answer(_head())


@blp.get("/verify")
@blp.allowed(VERIFY_AUDIT)
@blp.arguments(VerifyQuery, location="query")
@blp.response(200, VerificationSchema)
@blp.fails(503)
def verify(args: dict[str, Any]) -> dict[str, Any]:
    """变更链是否完整，以前的锚是否还在链上；需要权限"""
    lost = [str(anchor) for anchor in audit.lost(args["anchor"])]
    return answer({**_head(), "broken_seq": audit.broken_link(), "lost_anchors": lost})
