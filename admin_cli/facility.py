"""服务点: import, list, show, export, types."""

import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client, RefusedError
from admin_cli.geocode import geocode
from admin_cli.output import Progress, about, cell, remark, show
from servicemap.errors import InvalidError

CHUNK_ROWS, CHUNK_BYTES = 500, 900_000
LONG_IMPORT = 20_000  # rows above which others notice the wait

PROBLEM_COLUMNS = (
    ("row", "行"),
    ("column", "列"),
    ("value", "内容"),
    ("detail", "问题"),
    ("cure", "怎么改"),
    ("code", "代码"),
)
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
    """服务点：导入、列出、查看、导出、补位置。Facilities."""


group.add_command(geocode)


@group.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--datum", help="坐标系：高德/腾讯/微信、百度、天地图/GPS（gcj02|bd09|wgs84）datum of the file")
@click.option("--dry-run", is_flag=True, help="只看预案，不写入 plan only")
@click.option("--ask", is_flag=True, help="先看预案，问过再写入 show the plan and ask")
@click.option("--mapping", type=click.Path(path_type=Path), help="列对照文件 YAML：别人的列 → 我们的字段")
@click.option("--skip-bad-rows", is_flag=True, help="略过有错误的行，导入其余 leave bad rows out")
@click.option("--encoding", help="文件编码，自动认不出时才要 text encoding")
@click.option("--as-of", metavar="DATE", help="文件的日期；默认今天 the file's date")
@options.form
def import_(
    file: Path,
    datum: str | None,
    dry_run: bool,
    ask: bool,
    mapping: Path | None,
    skip_bad_rows: bool,
    encoding: str | None,
    as_of: str | None,
    form: str,
) -> int:
    """导入 .xlsx .csv .geojson。Import a file: staged, planned, applied in one transaction.

    有错误的行逐个列出（行、列、内容、问题、怎么改），什么都不写入，除非 --skip-bad-rows。
    同一文件再导入一次没有变化：按编号，或按来源和外部编号（没有时用备案编号）认出同一处。空格子不改原有内容。
    """
    from servicemap.imports.columns import is_heading, load_mapping, match_columns
    from servicemap.imports.sheet import open_sheet

    wanted = load_mapping(mapping) if mapping else None
    with about(file):
        sheet = open_sheet(file, encoding=encoding, is_heading=lambda text: is_heading(text, wanted))
        columns = match_columns(sheet.headings, wanted)
    columns = replace(columns, datum=datum) if datum else columns
    for line in sheet.remarks:
        remark(f"{file.name}: {line}")
    if columns.ignored:
        remark(f"没有用到的列：{'、'.join(columns.ignored)}")
    client = Client()
    opening = {"file_name": file.name, "headings": columns.headings, **({"as_of": as_of} if as_of else {})}
    path = f"imports/{client.post('imports', opening)['id']}"
    with about(file):
        count = _send(client, path, ((row.number, columns.cells(row)) for row in sheet.rows))
    plan = client.post(f"{path}/plan")
    if plan["problems"]:
        _show_problems(plan, form)
        if not skip_bad_rows:
            remark(f"{plan['counts']['rejected']} 行有错误，什么都没有写入")
            return 1
    if dry_run or ask:
        _show_plan(plan, "预案", form)
    if dry_run:
        return 3 if plan["problems"] else 0
    if ask and not click.confirm("写入吗？", err=True):
        remark("什么都没有写入")
        return 1
    if count > LONG_IMPORT:
        remark(f"写入时别人的修改约要等 {count / 10_000:.0f} 秒")
    _apply(client, path, skip_bad_rows, again=not ask)
    _show_plan(plan, "完成", form)
    return 3 if plan["problems"] else 0


def _send(client: Client, path: str, rows: Any) -> int:
    """Send the rows in chunks; how many there were."""
    progress = Progress("已送出行数")
    lines: list[bytes] = []
    size = count = 0
    for number, cells in rows:
        line = json.dumps({"row": number, "cells": cells}, ensure_ascii=False).encode("utf-8", "replace")
        if len(lines) == CHUNK_ROWS or size + len(line) > CHUNK_BYTES:
            client.post_lines(f"{path}/rows", b"\n".join(lines))
            progress.at(count)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
        count += 1
    if lines:
        client.post_lines(f"{path}/rows", b"\n".join(lines))
    progress.at(count)
    progress.done()
    return count


def _apply(client: Client, path: str, skip_bad_rows: bool, *, again: bool) -> None:
    """Apply the plan; `again`: once more with a fresh plan when somebody else has written since."""
    body = {"skip_bad_rows": skip_bad_rows}
    try:
        client.post(f"{path}/apply", body)
    except RefusedError as error:
        if error.code != "plan_stale" or not again:
            raise
        client.post(f"{path}/plan")
        client.post(f"{path}/apply", body)


def _show_problems(plan: dict[str, Any], form: str) -> None:
    if form == "table":
        for problem in plan["problems"]:
            value = problem.get("value", "")
            value = f"“{value}” " if value and value not in problem["detail"] else ""
            cure = f"；{problem['cure']}" if problem.get("cure") else ""
            click.echo(
                f"第 {problem['row']} 行 {problem['column']}: {value}{problem['detail']}{cure} [{problem['code']}]"
            )
    else:
        show(plan["problems"], PROBLEM_COLUMNS, form)
    if plan["problems_total"] > len(plan["problems"]):
        remark(f"只列出前 {len(plan['problems'])} 条，共 {plan['problems_total']} 条")


def _show_plan(plan: dict[str, Any], word: str, form: str) -> None:
    counts = plan["counts"]
    if form == "json":
        click.echo(json.dumps({**counts, "changes": plan["changes"]}, ensure_ascii=False, indent=2))
        return
    text = f"新增 {counts['created']}，更新 {counts['updated']}，没有变化 {counts['unchanged']}"
    click.echo(f"{word}：{counts['rows']} 行：{text}，退回 {counts['rejected']} 行")
    for kept in plan["kept"][:20]:
        said = f"{kept['field']} 留用 {kept['held_on']} 手工更正的 {cell(kept['kept']) or '空'}，不按文件改为 {cell(kept['in_file'])}"
        click.echo(f"  {kept['code']} {kept['name']}: {said}")
    for change in plan["changes"][:20]:
        fields = "；".join(
            f"{name} {cell(a) or '空'} → {cell(b) or '空'}" for name, (a, b) in change["changed"].items()
        )
        click.echo(f"  {change['code']} {change['name']}: {fields}")


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
