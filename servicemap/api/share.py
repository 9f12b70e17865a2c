"""分享链接: short enough for a poster, a text message, a phone call."""

from flask import redirect, url_for
from flask_smorest import Blueprint
from werkzeug import Response

from servicemap.errors import NotFoundError
from servicemap.records import parse_code, public_code

# no StrictBlueprint: WeChat adds parameters of its own to what is shared (?from=groupmessage&isappinstalled=0)
blp = Blueprint("share", __name__, description="分享链接")


@blp.get("/f/<code:code>")
@blp.response(302, description="转到这个服务点")
@blp.alt_response(404, "NOT_FOUND")
def open_place(code: str) -> Response:
    """分享链接：转到一个服务点；编号不分大小写，横线可省"""
    facility_id = parse_code(code)
    if facility_id is None:
        raise NotFoundError(
            f"编号“{code}”有误：可能抄错了一位，请核对（例如 {public_code(12345)}）", "bad_code"
        )
    return redirect(url_for("facilities.get_facility", code=public_code(facility_id)))
