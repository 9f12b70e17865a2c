"""服务点: import, list, show, export, types."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.facility_import import import_
from admin_cli.output import remark, show
from servicemap.errors import InvalidError

LIST_COLUMNS = (
    ("code", "编号"),
    ("name", "名称"),
    ("types", "类型"),
    ("where", "区划"),
    ("phone", "电话"),
    ("verified_on", "核实日期"),
)


@click.group()
def group() -> None:
    """服务点：导入、列出、查看、导出。Facilities."""


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

    pairs = [{"field": "状态", "value": public["status"]}]
    for field in FIELDS:
        values = list(dict.fromkeys(row[field.name] for row in rows if field.name in row))
        if values:
            pairs.append({"field": field.heading, "value": "、".join(values)})
    show(pairs, (("field", "项目"), ("value", "内容")), form)


@group.command()
@click.option("--division", help="只导出这个区划里的 within a division")
@click.option("--type", "types", multiple=True, help="只导出有这个类型的，可重复 with these types")
@click.option("--output", type=click.Path(path_type=Path), help="写到文件；默认标准输出 to a file")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="输出形式 output form",
)
def export(division: str | None, types: tuple[str, ...], output: Path | None, form: str) -> None:
    """导出全部资料，一个挂牌一行；原样再导入没有变化。Export; importing it again changes nothing."""
    import io

    from servicemap.imports.columns import FIELDS
    from servicemap.imports.text_table import write_csv

    rows = list(Client().pages("facility-records", "after", division=division, type=types, limit=1000))
    if form == "json":
        data = json.dumps(rows, ensure_ascii=False, indent=2).encode() + b"\n"
    else:
        stream = io.BytesIO()
        headings = [field.heading for field in FIELDS]
        write_csv(stream, headings, [[row.get(field.name) for field in FIELDS] for row in rows])
        data = stream.getvalue()
    if output:
        output.write_bytes(data)
        remark(f"{output}: {len(rows)} 行")
    else:
        sys.stdout.buffer.write(data)


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
