"""聚合点 over HTTP: what a map shows of a viewport, with the filters of the list."""

import json
from dataclasses import replace
from typing import Any

from flask import Response, g
from marshmallow import fields

from servicemap import geo
from servicemap.api.answers import spliced
from servicemap.api.filters import EDGES, BoxField, FilterFields, filters_of
from servicemap.api.inputs import Strict, Whole
from servicemap.api.parsing import StrictBlueprint
from servicemap.api.schemas import DemoSchema, Open, text, whole, word
from servicemap.finder.clusters import (
    CELLS_A_TILE,
    DEEPEST,
    MOST_CELLS,
    MOST_NAMED,
    Cluster,
    clusters,
    level_of,
)
from servicemap.finder.filters import Box, condition
from servicemap.finder.opening import moment
from servicemap.geo import DATUMS
from servicemap.records import public_code

blp = StrictBlueprint("clusters", __name__, url_prefix="/api/v1", description="聚合点")


class ClustersQuery(FilterFields):
    class Meta(Strict.Meta):
        exclude = ("lat", "lng")

    bbox = BoxField(
        required=True,
        metadata={
            "description": f"地图的范围：西,南,东,北，按 datum。{EDGES}",
            "example": "112.9,23.6,113.2,23.8",
        },
    )
    zoom = Whole(
        0,
        DEEPEST - CELLS_A_TILE,
        metadata={
            "description": f"地图缩放级别，一张瓦片分 4×4 格，最多 {MOST_CELLS} 格；不给则长边分 8 到 16 格"
        },
    )


class MarkerSchema(Open):
    """一个点上的服务点"""

    code = text("编号")
    marker_id = whole("地图标记用的整数编号")


class ClusterSchema(Open):
    """一格中的服务点"""

    lat = fields.Float(metadata={"description": "平均纬度，度，按 datum"})
    lng = fields.Float(metadata={"description": "平均经度，度，按 datum"})
    count = whole("多少个服务点")
    approximate = whole("其中多少个的位置只到村居或乡镇")
    bbox = fields.List(
        fields.Float(),
        metadata={"description": "这一格在所给范围内的部分：西、南、东、北，按 datum；用于放大"},
    )
    places = fields.List(
        fields.Nested(MarkerSchema),
        metadata={"description": f"全在同一个点上时：是哪些，最多列 {MOST_NAMED} 个；否则为空"},
    )


class ClustersSchema(DemoSchema):
    items = fields.List(fields.Nested(ClusterSchema))
    total = whole("范围内一共多少个服务点，与列表一致")
    datum = word("坐标系", DATUMS)


@blp.get("/clusters")
@blp.arguments(ClustersQuery, location="query")
@blp.response(200, ClustersSchema)
@blp.fails(503)
def list_clusters(args: dict[str, Any]) -> Response:
    """地图上一个范围内的聚合点，筛选同服务点列表；每处只算一次"""
    type_ids, filters = filters_of(args)
    if args.get("open") == "now":
        filters = replace(filters, open_at=g.now)
    states = moment(filters.open_at or g.now)
    asked = condition(
        replace(filters, box=None),  # the cells see to it
        "r",
        "r",
        states.open if filters.open_at else b"",
        states.weekends if filters.open_weekends else b"",
    )
    viewport: Box = filters.box  # type: ignore[assignment]  # bbox is required
    found = clusters(viewport, level_of(viewport, args.get("zoom")), type_ids, asked)
    items = [_item(cluster, args["datum"]) for cluster in found]
    body = json.dumps({"items": items}, ensure_ascii=False, separators=(",", ":"))
    more = {"total": sum(cluster.count for cluster in found), "datum": args["datum"]}
    return spliced(body.encode(), more)


def _item(cluster: Cluster, datum: str) -> dict[str, Any]:
    lng, lat = geo.from_wgs84(cluster.lng, cluster.lat, datum)
    west, south, east, north = cluster.box
    corners = *geo.from_wgs84(west, south, datum), *geo.from_wgs84(east, north, datum)
    return {
        "lat": round(lat, 7),
        "lng": round(lng, 7),
        "count": cluster.count,
        "approximate": cluster.approximate,
        "bbox": [round(degrees, 9) for degrees in corners],
        "places": [{"code": public_code(id_), "marker_id": id_} for id_ in cluster.ids],
    }
