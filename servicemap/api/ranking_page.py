"""排序 for everybody: a page of what was published of a period, for a phone and for printing. It holds no script."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from servicemap import divisions
from servicemap.coverage import publication
from servicemap.coverage.ranking import RULE, together
from servicemap.figures import PHONE, Bar, bars
from servicemap.pages import Child, Html, document, table, tag

# no StrictBlueprint: what is shared comes back with parameters of others
blp = Blueprint("ranking_page", __name__, description="公布的排序，给人看的一页")

STYLE = """
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 760px; padding: 20px 16px 40px; background: #fff; color: #1c2430; -webkit-text-size-adjust: 100%;
  font: 16px/1.55 -apple-system, "PingFang SC", "HarmonyOS Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
h1 { font-size: 23px; line-height: 1.35; margin: 0 0 6px } h2 { font-size: 18px; margin: 28px 0 4px; overflow-wrap: anywhere }
p { margin: 0 0 10px } .note { color: #4a5565; font-size: 14px } .mark { background: #fff4d6; padding: 8px 12px; border-radius: 8px }
.gone { background: #fdeee7; color: #7c2d12; padding: 10px 12px; border-radius: 8px; font-weight: 600 }
table { width: 100%; border-collapse: collapse; font-size: 14px } th, td { padding: 6px 5px; border-bottom: 1px solid #d5dbe3; text-align: left; vertical-align: top }
th { background: #eef2f7 } td.n, th.n { text-align: right } .reached { color: #1e6b3f } .short { color: #9a3412 }
.chart { width: 100%; height: auto; font-size: 15px; margin: 4px 0 0; max-width: 520px } a { color: #1d4ed8 }
@media print { body { padding: 0 } section { break-inside: avoid } a { color: inherit; text-decoration: none } }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GROUPS = {"ranked": "", "small": "另排 ", "unknown": "待核"}
Row = Mapping[str, Any]


@blp.get("/ranking")
@blp.response(200, {"type": "string"}, content_type="text/html", description="公布过的各期")
def list_periods() -> Response:
    """公布过的各期监测结果，给人看的一页"""
    lines = [
        (
            tag("td", tag("a", facts["period"]["name"], href=_path(facts))),
            facts["division_name"],
            f"第 {facts['version']} 版",
            facts["state_name"],
            facts["published_on"],
        )
        for facts in reversed(publication.list_published())
    ]
    shown = (
        table(("监测期", "区划", "版本", "状态", "公布日期"), lines) if lines else tag("p", "还没有公布过。")
    )
    return _page("儿童发展规划监测：公布过的各期", shown)


def _path(facts: Row) -> str:
    return f"/ranking/{facts['period']['key']}/{facts['division']}/{facts['version']}"


@blp.get("/ranking/<code:period>")
@blp.response(200, {"type": "string"}, content_type="text/html", description="一期的排序")
def show_period(period: str) -> Response:
    """一期公布的排序，公布了的最上一级，现在有效的一版"""
    return _shown(*publication.get_published(period, None, None))


@blp.get("/ranking/<code:period>/<code:division>/<number:number>")
@blp.response(200, {"type": "string"}, content_type="text/html", description="一版的排序")
def show_version(period: str, division: str, number: int) -> Response:
    """一期一个区划的一版；被代替、撤回的也说明"""
    return _shown(*publication.get_published(period, divisions.get(division).id, number))


def _shown(facts: dict[str, Any], data: bytes) -> Response:
    content = json.loads(data)
    title = f"{facts['division_name']}儿童发展规划监测：{facts['period']['name']}"
    rows: Sequence[Row] = content["rows"]
    version = f"第 {facts['version']} 版，截至 {facts['on']}，{facts['published_on']} 公布"
    body: list[Child] = [tag("p", f"{version}，{facts['state_name']}。", class_="note")]
    if any(row["demo"] for row in rows):
        body.append(tag("p", "示例：服务点都是虚构的", class_="mark"))
    if facts["state"] == "retracted":
        body.append(tag("p", f"这一版已撤回（{facts['retracted_on']}）：{facts['reason']}", class_="gone"))
    elif facts["replaced_by"]:
        link = tag(
            "a", f"第 {facts['replaced_by']} 版", href=_path({**facts, "version": facts["replaced_by"]})
        )
        body.append(tag("p", "这一版已被代替，现在有效的是", link, "。", class_="gone"))
    ranking = content.get("ranking") or []
    body += [*_together(ranking), *_by_indicator(ranking, rows)] if ranking else _figures(rows)
    if rows:
        body.append(tag("p", "按截尾，不四舍五入。尚差 N 个指达到目标值还要 N 个。", class_="note"))
        body.append(tag("p", f"内容的 SHA-256 {facts['sha256']}", class_="note"))
    body.append(tag("p", tag("a", "公布过的各期", href="/ranking")))
    return _page(title, *body)


def _together(ranking: Sequence[Row]) -> Iterable[Html]:
    yield tag("h2", "各县（市、区）的全部重点指标")
    yield tag("p", f"{RULE}没有数据的不算。", class_="note")
    names = ("rank", "division_name", "reached", "short", "needed", "pending")
    lines = ([line[name] for name in names] for line in together(ranking))
    yield table(("位次", "县（市、区）", "达到", "没达到", "尚差", "待核"), lines)


def _by_indicator(ranking: Sequence[Row], rows: Sequence[Row]) -> Iterable[Html]:
    targets = {row["indicator"]: row for row in rows if row["default"]}
    for indicator, group in groupby(ranking, key=lambda row: row["indicator"]):
        lines = [row for row in group if row["group"] != "unknown"]
        if not lines:
            continue
        of_city = targets[indicator]
        target = of_city["target"] if of_city["target_kind"] in ("at_least", "at_most") else None
        most = (
            100 if lines[0]["unit"] == "%" else max([*(row["value"] or 0 for row in lines), target or 0, 1])
        )
        name = f"{lines[0]['name']}"
        asked = (
            f"目标 {of_city['target_text']}，{of_city['due_year']} 年；虚线是目标。"
            if of_city["target_text"]
            else ""
        )
        chart = bars(name, [_bar(row) for row in lines], most=most, target=target, shape=PHONE)
        small = "分母不到 20 的另排。" if any(row["group"] == "small" for row in lines) else ""
        yield tag("section", tag("h2", name), tag("p", f"{asked}{small}", class_="note"), chart)


def _bar(row: Row) -> Bar:
    over = f" {row['numerator']}/{row['denominator']}" if row["unit"] == "%" and row["denominator"] else ""
    short = f"尚差 {row['needed']} 个" if row["needed"] else "没有达到" if row["met"] is False else ""
    said = "达到" if row["met"] else short
    state = "reached" if row["met"] else "open" if row["met"] is None else "short"
    place = f"{GROUPS[row['group']]}第 {row['rank']}"
    return Bar(row["division_name"], row["value"], f"{place}　{row['display']}{over}　{said}", state)


def _figures(rows: Sequence[Row]) -> list[Child]:
    """Of a division whose parts are not compared: its own figures."""
    lines = [
        (
            row["division_name"],
            row["name"],
            row["display"],
            row["target_text"] or "没有目标",
            {True: "达到", False: "没有达到"}.get(row["met"], ""),
        )
        for row in rows
        if row["default"] and row["value"] is not None
    ]
    return [table(("区划", "指标", "现值", "目标", "对目标"), lines)] if lines else []


def _page(title: str, *body: Child) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(document(title, STYLE, tag("h1", title), *body), mimetype="text/html", headers=headers)
