"""服务点: import, list, show, export, types."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.facility_import import TEMPLATE_PLACE, import_
from admin_cli.geocode import geocode
from admin_cli.output import remark, show
from admin_cli.words import STATUSES, STEPS
from servicemap.errors import InvalidError

TEMPLATE_FIELDS = (
    *("division", "type", "presence", "code", "name", "address", "phone", "hours", "fee", "fee_text"),
    *("accessible", "opened_on", "closed_on", "closed_reason", "verified_on", "note"),
    *("lng", "lat", "datum", "position_precision", "visibility", "delivery"),
)
TEMPLATE_NOTES = (
    "怎样填",
    "一行是一个村（居）的一个类型。登记册里已有的都填好了，“有没有”是“有”。",
    "有：有这个地方，登记册里还没有的，请把名称等填上。",
    "变更：登记册里有，但有的格子要改；请直接改那一格。",
    "无：这个村（居）没有。",
    "不清楚：先不管这一行，导入时列出来提醒。",
    "一个村（居）有两处同类的，在最后加一行，把区划代码、类型抄上。",
    "关了的：填“变更”和关闭日期、关闭原因。停了不再用的格子不要清空：空格子不改原有内容。",
    "核实过的：在核实日期填核实那天，例如 2026-11-01。",
    "坐标取自高德、腾讯、微信填 gcj02，取自百度填 bd09，取自天地图、GPS 填 wgs84；没有坐标就都留空。",
    "编号不要改，新的留空。填完导入：servicemap-admin facility import 这个文件",
)
LIST_COLUMNS = (
    ("code", "编号"),
    ("name", "名称"),
    ("types", "类型"),
    ("where", "区划"),
    ("phone", "电话"),
    ("step", "审核"),
    ("verified_on", "核实日期"),
)


@click.group()
def group() -> None:
    """服务点：导入、列出、查看、导出、补位置。Facilities."""


group.add_command(geocode)
group.add_command(import_)


@group.command(name="list")
@click.option("--division", help="只列这个区划里的 within a division")
@click.option("--type", "types", multiple=True, help="只列这个类型，可重复 of these types")
@click.option("--limit", default=100, show_default=True, help="最多几个 at most")
@options.form
def list_(division: str | None, types: tuple[str, ...], limit: int, form: str) -> None:
    """列出开放的服务点，按编号。List the open facilities by code."""
    rows: list[dict[str, Any]] = []
    for item in Client().pages("facilities", "cursor", division=division, type=types, limit=min(limit, 100)):
        item["step"] = STEPS[item.get("review", "county")]
        item["types"] = "、".join(role["type_name"] for role in item["roles"])
        item["where"] = " ".join(step["name"] for step in item["division"]["path"][1:])
        rows.append(item)
        if len(rows) == limit:
            remark(f"只列出前 {limit} 个；要更多请用 --limit 或 facility export")
            break
    show(rows, LIST_COLUMNS, form)


@group.command(name="show")
@click.argument("code")
@options.form
def show_(code: str, form: str) -> None:
    """一个服务点的全部资料。Everything about one facility."""
    client = Client()
    public = client.get(f"facilities/{code}")
    rows = client.get(f"facility-records/{code}")["items"]
    if form == "json":
        click.echo(json.dumps({**public, "records": rows}, ensure_ascii=False, indent=2))
        return
    from servicemap.imports.columns import FIELDS

    pairs = [{"field": "状态", "value": STATUSES.get(public["status"], public["status"])}]
    own = [field for field in FIELDS if len({row.get(field.name) for row in rows}) > 1]
    for field in FIELDS:
        if field not in own and rows and field.name in rows[0]:
            pairs.append({"field": field.heading, "value": rows[0][field.name]})
    for number, row in enumerate(rows if own else (), 1):
        said = [f"{field.heading} {row[field.name]}" for field in own if field.name in row]
        pairs.append({"field": f"挂牌 {number}", "value": "；".join(said)})
    show(pairs, (("field", "项目"), ("value", "内容")), form)


@group.command()
@click.option("--division", help="只导出这个区划里的 within a division")
@click.option("--type", "types", multiple=True, help="只导出有这个类型的，可重复 with these types")
@options.output
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="输出形式 output form",
)
def export(division: str | None, types: tuple[str, ...], form: str) -> None:
    """导出全部资料，一个挂牌一行；原样再导入没有变化。Export; importing it again changes nothing."""
    import io

    from servicemap.imports.columns import FIELDS
    from servicemap.imports.text_table import write_csv

    rows = list(Client().pages("facility-records", "after", division=division, type=types, limit=1000))
    if form == "json":
        data = json.dumps(rows, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"
    else:
        stream = io.BytesIO()
        headings = [field.heading for field in FIELDS]
        write_csv(stream, headings, [[row.get(field.name) for field in FIELDS] for row in rows])
        data = stream.getvalue()
    sys.stdout.buffer.write(data)
    remark(f"{len(rows)} 行")


@group.command()
@click.option("--division", required=True, help="哪个市、县、镇 of this division")
@click.option(
    "--output", type=click.Path(path_type=Path), help="写到哪个 .xlsx；默认 收表-代码.xlsx to a file"
)
def template(division: str, output: Path | None) -> None:
    """一张收表：每个村（居）和要报的类型一行，已知的都填好；填完用 facility import 导入。A sheet to fill in.

    不改就导入，什么都不变。“有没有”一列填 有、变更、无 或 不清楚。
    """
    from admin_cli.books import free_path, write_template
    from servicemap.imports.columns import FIELDS, PRESENCE

    pages = list(Client().each_page("facility-template", "after", division=division))
    rows = [row for page in pages for row in page["items"]]
    if not rows:
        raise InvalidError(f"{division} 里没有要报的村（居）；请给市、县或镇的代码", "nothing_to_ask")
    heading = {field.name: field.heading for field in (*FIELDS, PRESENCE)}
    columns = {**TEMPLATE_PLACE, **{name: heading[name] for name in TEMPLATE_FIELDS}}
    types = list(dict.fromkeys(row["type"] for row in rows))
    choices = {**pages[0]["choices"], "type": types, "presence": ["有", "无", "变更", "不清楚"]}
    path = free_path(output or Path(f"收表-{division}.xlsx"))
    write_template(path, columns, rows, choices, TEMPLATE_NOTES)
    remark(f"{path}: {len(rows)} 行")


@group.command(name="types")
@options.form
def types_(form: str) -> None:
    """全部类型。All facility types."""
    rows = Client().get("facility-types")["items"]
    for row in rows:
        row["called"] = "、".join(row["aliases"])
        row["counted"] = "、".join(row["clauses"])
    columns = (
        ("key", "代号"),
        ("name", "名称"),
        ("level", "服务层级"),
        ("counted", "依据"),
        ("called", "俗称"),
    )
    show(rows, columns, form)


@group.command()
@click.argument("text")
@options.form
def hours(text: str, form: str) -> None:
    """一句开放时间是怎样理解的。What opening hours are understood to mean.

    例如 servicemap-admin facility hours "周一至周五 8:30-12:00，14:30-17:30；节假日休息"
    """
    answer = Client().get("hours", text=text)
    if answer["problem"]:
        raise InvalidError(answer["problem"], "hours_not_understood")
    remark(answer["said"])
    rows = [
        {
            "on": f"{day['on']} {'一二三四五六日'[date.fromisoformat(day['on']).weekday()]}",
            "spans": "、".join(
                f"{span['start']}–{span['end']}{'（不确定）' if span['state'] == 'unknown' else ''}"
                for span in day["spans"]
            )
            or "休息",
        }
        for day in answer["week"]
    ]
    show(rows, (("on", "日期"), ("spans", "开放")), form)
