"""The files of the newest dump over HTTP, for work without a net."""

from typing import Any

from flask import Response, current_app, g, send_file
from marshmallow import fields

from servicemap import divisions, dump
from servicemap.api.answers import answer
from servicemap.api.inputs import Strict, Text
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import DemoSchema, Open, text, whole, word
from servicemap.geo import DATUMS

blp = StrictBlueprint("dump", __name__, url_prefix="/api/v1", description="离线使用")

KEEP = "public, max-age=86400"  # no longer: a place in it may be hidden tomorrow
MIMETYPES = {".gz": "application/gzip", ".json": "application/json"}


class AskedSchema(Strict):
    division = Text(
        20,
        metadata={
            "description": "只列含有这个区划的分县文件；比县小的区划给所在的县",
            "example": "441802000000",
        },
    )


class DumpFileSchema(Open):
    """离线包中的一个文件"""

    name = text("文件名，带生成时间和序号；同名的内容不变")
    href = text("地址")
    kind = word(
        "geojson 全部（gzip）、sqlite 全部（gzip）、slice 分县 JSON（2 MB 以内）",
        ("geojson", "sqlite", "slice"),
    )
    division = fields.String(metadata={"description": "slice 的县的区划代码"})
    division_name = fields.String(metadata={"description": "slice 的县的名称"})
    places = whole("有几个服务点")
    size = whole("大小，字节")
    sha256 = text("内容的 SHA-256")


class DumpSchema(DemoSchema):
    seq = whole("离线包开始生成时登记册的序号；之后的变更用 /changes?since= 跟进")
    built_at = text("生成时间，UTC")
    datum = word("坐标系", DATUMS)
    licence = text("使用条件")
    places = whole("一共有几个服务点；不含只公开联系方式的和已关闭的")
    files = fields.List(fields.Nested(DumpFileSchema))


@blp.get("/dump")
@blp.arguments(AskedSchema, location="query")
@blp.response(200, DumpSchema)
@blp.fails(404, 503)
def get_dump(args: dict[str, Any]) -> dict[str, Any]:
    """最新的离线包有哪些文件"""
    with parameter():
        division = divisions.get(args["division"]) if "division" in args else None
    index = dump.index(dump.folder_of(current_app.config["SERVICEMAP"]), division)
    files = [{**file, "href": f"{blp.url_prefix}/dump/{file['name']}"} for file in index["files"]]
    return {**answer({**index, "files": files}), "demo": g.demo or index["demo"]}


@blp.get("/dump/<string(maxlength=100):file>")
@blp.response(200, {"format": "binary", "type": "string"}, content_type="application/octet-stream")
@blp.fails(404, 503)
def get_dump_file(file: str) -> Response:
    """离线包的一个文件；可分段、可续传"""
    path, etag = dump.find_file(dump.folder_of(current_app.config["SERVICEMAP"]), file)
    response = send_file(path, MIMETYPES[path.suffix], conditional=True, etag=etag)
    response.headers["Cache-Control"] = KEEP
    return response
