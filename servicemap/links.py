"""Links that open a place on a map with the way to it, each in the datum of its map. Pure.

The pages are plain https, so that they open inside WeChat, and begin at the phone's own position.
Parameters as published by lbs.amap.com (URI API, 路径规划), lbs.qq.com (URI API, routeplan) and
lbsyun.baidu.com (URI API, web: marker; its direction page demands an origin, this one offers 到这去).
"""

from urllib.parse import quote

from servicemap.geo import CHINA, from_wgs84

APP = "servicemap"  # the maps ask who sends the visitor


def route_links(lng: float | None, lat: float | None, name: str) -> dict[str, str]:
    """Links by map: amap, tencent, baidu and geo (RFC 5870, for the phone's own map app), of a WGS-84
    position; only geo outside of China, none without a position."""
    if lng is None or lat is None:
        return {}
    label = quote(name, safe="")
    links = {"geo": f"geo:{lat:.6f},{lng:.6f}?q={lat:.6f},{lng:.6f}({label})"}
    west, south, east, north = CHINA
    if not (south <= lat <= north and west <= lng <= east):
        return links
    gcj_lng, gcj_lat = from_wgs84(lng, lat, "gcj02")
    bd_lng, bd_lat = from_wgs84(lng, lat, "bd09")
    # 高德 takes lng,lat,name apart at the commas, after decoding
    whole = quote(name.replace(",", "，"), safe="")
    return {
        "amap": f"https://uri.amap.com/navigation?to={gcj_lng:.6f},{gcj_lat:.6f},{whole}"
        f"&mode=car&src={APP}&coordinate=gaode&callnative=1",
        "tencent": f"https://apis.map.qq.com/uri/v1/routeplan?type=drive&to={label}"
        f"&tocoord={gcj_lat:.6f},{gcj_lng:.6f}&coord_type=2&referer={APP}",
        "baidu": f"https://api.map.baidu.com/marker?location={bd_lat:.6f},{bd_lng:.6f}&title={label}"
        f"&content={label}&output=html&coord_type=bd09ll&src=webapp.{APP}.{APP}",
        **links,
    }
