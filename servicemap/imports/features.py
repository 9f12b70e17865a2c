"""GeoJSON (RFC 7946): a feature is a row, its properties are cells, its point 经度 and 纬度."""

import json
from pathlib import Path
from typing import Any

from servicemap.errors import InvalidError
from servicemap.imports.grid import LAT, LNG, MAX_ROWS, Sheet, SheetRow, cell_text, heading_text


def open_geojson(path: Path) -> Sheet:
    try:
        document = json.loads(path.read_text("utf-8-sig"), parse_constant=_no_constant)
        headings, rows = _read_features(document)
    except UnicodeError:
        raise InvalidError(
            "有不是 UTF-8 的文字，GeoJSON 只能是 UTF-8（RFC 7946）；请转换后再导入", "not_utf8"
        ) from None
    except RecursionError:
        raise InvalidError("JSON 嵌套太深；请检查文件", "too_deep") from None
    except json.JSONDecodeError as error:
        raise InvalidError(
            f"文本第 {error.lineno} 行第 {error.colno} 字不是 JSON；请检查文件", "bad_json"
        ) from None
    except ValueError:
        raise InvalidError("JSON 里有 NaN、Infinity 或过长的数；请检查文件", "bad_json") from None
    return Sheet(headings, iter(rows), "geojson")


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _read_features(document: Any) -> tuple[tuple[str, ...], list[SheetRow]]:
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise InvalidError("不是 FeatureCollection（RFC 7946）；请从地图软件导出为 GeoJSON", "not_geojson")
    if len(features) > MAX_ROWS["geojson"]:
        raise InvalidError(f"超过 {MAX_ROWS['geojson']} 个要素；请分成几个文件", "too_many_rows")
    names: dict[str, str] = {}
    rows = []
    for number, feature in enumerate(features, 1):
        where = f"第 {number} 个要素"
        properties = feature.get("properties") or {} if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            raise InvalidError(f"{where}不是 Feature；请检查文件", "not_geojson")
        for name in properties:
            if names.setdefault(heading_text(name), name) != name:
                raise InvalidError(
                    f"{where}的属性“{name}”和“{names[heading_text(name)]}”同名；请改掉一个",
                    "duplicate_heading",
                )
        cells = {heading_text(name): _property_text(value) for name, value in properties.items()}
        cells |= _position(where, feature.get("geometry"))
        filled = {heading: text for heading, text in cells.items() if heading and text}
        "".join(filled.values()).encode()  # half a surrogate pair is no text: UnicodeError
        if filled:
            rows.append(SheetRow(number, filled))
    positions = [heading for heading in (LNG, LAT) if any(heading in row.cells for row in rows)]
    return tuple(dict.fromkeys(filter(None, [*names, *positions]))), rows


def _position(where: str, geometry: Any) -> dict[str, str]:
    match geometry:
        case None:
            return {}
        case {"type": "Point", "coordinates": [int() | float() as lng, int() | float() as lat, *_]}:
            return {LNG: repr(lng), LAT: repr(lat)}
        case {"type": "Point"}:
            raise InvalidError(f"{where}的坐标不是 [经度, 纬度]；请检查文件", "bad_geometry")
        case _:
            kind = geometry.get("type") if isinstance(geometry, dict) else geometry
            raise InvalidError(f"{where}的图形是 {kind}，只收点（Point）；请改为点再导入", "bad_geometry")


def _property_text(value: object) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return cell_text(value)
