"""servicemap-admin facility import: read a file here, send its rows, show the plan, have it applied."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client, RefusedError
from admin_cli.facility_result import ADDED, NUMBER, Matched, write_result
from admin_cli.output import Progress, about, remark, show
from admin_cli.words import Words, short
from servicemap.imports.grid import heading_text

CHUNK_ROWS, CHUNK_BYTES = 500, 900_000
LONG_IMPORT = 20_000  # rows above which others notice the wait
MOST_SHOWN = 20  # remarks of one kind, records
AS_EXPECTED = "zero_report"  # the one remark that asks for nothing

TEMPLATE_PLACE = {"town": "镇（街道）", "community": "村（居）"}
# columns that the template and the result workbook carry for people alone
OUR_OWN = {heading_text(heading) for heading in (*TEMPLATE_PLACE.values(), NUMBER, *ADDED)}

PROBLEM_COLUMNS = (
    ("sheet", "工作表"),
    ("row", "行"),
    ("column", "列"),
    ("value", "内容"),
    ("detail", "问题"),
    ("cure", "怎么改"),
    ("code", "代码"),
)


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--datum", help="坐标系：高德/腾讯/微信、百度、天地图/GPS（gcj02|bd09|wgs84）datum of the file")
@click.option("--dry-run", is_flag=True, help="只看预案，不写入 plan only")
@click.option("--ask", is_flag=True, help="先看预案，问过再写入 show the plan and ask")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    help="列对照：YAML，或两列的表（文件的列、登记册的列）their columns → ours",
)
@click.option("--sheet", help="只读这个工作表；默认读有标题行的全部 only this sheet of a workbook")
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
    sheet: str | None,
    skip_bad_rows: bool,
    encoding: str | None,
    as_of: str | None,
    form: str,
) -> int:
    """导入 .xlsx .xls .csv .geojson。Import a file: staged, planned, applied in one transaction.

    有错误的行逐个列出（行、列、内容、问题、怎么改），什么都不写入，除非 --skip-bad-rows。
    文件旁边写下 名字.结果.xlsx：同样的行，有错的格子上了颜色，写明结果、问题、怎么改；改好可以直接再导入它。
    同一文件再导入一次没有变化：按编号，或按来源和外部编号（没有时用备案编号）认出同一处。空格子不改原有内容。
    """
    from servicemap.imports.columns import headings_of

    def read(say: Callable[[str], None]) -> list[Matched]:
        return _read(file, mapping, encoding, sheet, datum, say)

    sheets = read(remark)
    client = Client()
    headings = headings_of(columns for _, columns in sheets)
    opening = {"file_name": file.name, "headings": headings, **({"as_of": as_of} if as_of else {})}
    path = f"imports/{client.post('imports', opening)['id']}"
    with about(file):
        count = _send(client, path, sheets)
    plan = client.post(f"{path}/plan")
    found = 3 if plan["problems"] or any(each["code"] != AS_EXPECTED for each in plan["remarks"]) else 0
    _show_remarks(plan)
    refused = bool(plan["problems"]) and not skip_bad_rows
    if plan["problems"]:
        _show_problems(plan, form)
    if not refused and (dry_run or ask):
        _show_plan(client, plan, "预案", form)
    declined = ask and not refused and not dry_run and not click.confirm("写入吗？", err=True)
    if refused or declined:
        bad = f"{plan['counts']['rejected']} 行有错误，" if refused else ""
        remark(f"{bad}什么都没有写入")
    elif not dry_run:
        if count > LONG_IMPORT:
            remark(f"写入时别人的修改约要等 {count / 7_000:.0f} 秒")
        _apply(client, path, skip_bad_rows, again=not ask)
        _show_plan(client, plan, "完成", form)
    state = "refused" if refused else "planned" if dry_run or declined else "applied"
    with about(file):
        write_result(client, path, file, read(lambda line: None), state, only_worded=count > LONG_IMPORT)
    return 1 if refused or declined else found


def _read(
    file: Path,
    mapping: Path | None,
    encoding: str | None,
    sheet: str | None,
    datum: str | None,
    say: Callable[[str], None],
) -> list[Matched]:
    from servicemap.imports.columns import is_heading, load_mapping, match_sheets
    from servicemap.imports.mapping_table import load_mapping_table
    from servicemap.imports.sheet import open_sheets

    load = load_mapping if mapping and mapping.suffix.lower() in (".yaml", ".yml") else load_mapping_table
    wanted = load(mapping) if mapping else None
    with about(file):
        sheets = open_sheets(
            file, encoding=encoding, sheet=sheet, is_heading=lambda text: is_heading(text, wanted)
        )
        matched, left_out = match_sheets(sheets, wanted)
    for line in (*(line for each in sheets for line in each.remarks), *left_out):
        say(f"{file.name}: {line}")
    ignored = dict.fromkeys(
        heading for _, columns in matched for heading in columns.ignored if heading not in OUR_OWN
    )
    if ignored:
        say(f"没有用到的列：{'、'.join(ignored)}")
    return [(each, replace(columns, datum=datum) if datum else columns) for each, columns in matched]


def _send(client: Client, path: str, sheets: Iterable[Matched]) -> int:
    """Send the rows in chunks; how many there were."""
    progress = Progress("已送出行数")
    count = 0
    for sheet, columns in sheets:
        lines: list[bytes] = []
        size = 0
        for row in sheet.rows:
            said = {"row": row.number, "cells": columns.cells(row)}
            line = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
            if len(lines) == CHUNK_ROWS or size + len(line) > CHUNK_BYTES:
                _send_chunk(client, path, sheet.name, lines)
                progress.at(count)
                lines, size = [], 0
            lines.append(line)
            size += len(line) + 1
            count += 1
        if lines:
            _send_chunk(client, path, sheet.name, lines)
    progress.at(count)
    progress.done()
    return count


def _send_chunk(client: Client, path: str, sheet: str, lines: list[bytes]) -> None:
    client.post_lines(f"{path}/rows", b"\n".join(lines), **({"sheet": sheet} if sheet else {}))


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


def _line(problem: dict[str, Any]) -> str:
    sheet = f"工作表“{problem['sheet']}”" if "sheet" in problem else ""
    value = problem.get("value", "")
    value = f"“{value}” " if value and value not in problem["detail"] else ""
    cure = f"；{problem['cure']}" if problem.get("cure") else ""
    where = f"{sheet}第 {problem['row']} 行 {problem['column']}"
    return f"{where}: {value}{problem['detail']}{cure} [{problem['code']}]"


def _show_problems(plan: dict[str, Any], form: str) -> None:
    if form == "table":
        for problem in plan["problems"]:
            click.echo(_line(problem))
    else:
        show(plan["problems"], PROBLEM_COLUMNS, form)
    if plan["problems_total"] > len(plan["problems"]):
        remark(f"只列出前 {len(plan['problems'])} 条，共 {plan['problems_total']} 条")


def _show_remarks(plan: dict[str, Any]) -> None:
    """What is not wrong, but to be looked at; of each kind the first ones."""
    by_code: dict[str, list[dict[str, Any]]] = {}
    for each in plan["remarks"]:
        by_code.setdefault(each["code"], []).append(each)
    for code, some in by_code.items():
        shown = some[: 0 if code == AS_EXPECTED else MOST_SHOWN]
        for each in shown:
            remark(_line(each))
        if code == AS_EXPECTED:
            remark(f"{some[0]['detail']}：共 {len(some)} 行 [{code}]")
        elif len(some) > len(shown):
            remark(f"还有 {len(some) - len(shown)} 行同样要看 [{code}]")
    if plan["remarks_total"] > len(plan["remarks"]):
        remark(f"要看的共 {plan['remarks_total']} 条，只说了前 {len(plan['remarks'])} 条")


def _show_plan(client: Client, plan: dict[str, Any], word: str, form: str) -> None:
    counts = plan["counts"]
    if form == "json":
        click.echo(json.dumps({**counts, "changes": plan["changes"]}, ensure_ascii=False, indent=2))
        return
    text = f"新增 {counts['created']}，更新 {counts['updated']}，没有变化 {counts['unchanged']}"
    aside = f"，没有要写入的 {counts['set_aside']} 行" if counts["set_aside"] else ""
    click.echo(f"{word}：{counts['rows']} 行：{text}，退回 {counts['rejected']} 行{aside}")
    if not (plan["kept"] or plan["changes"]):
        return
    words = Words(client)
    for kept in plan["kept"][:MOST_SHOWN]:
        click.echo(f"  {kept['code']} {kept['name']}：{words.heading(kept['field'])} 不按文件改")
        click.echo(f"    {kept['held_on']} 手工更正为：{short(kept['kept']) or '空'}")
        click.echo(f"    文件里是：{short(kept['in_file'])}")
    for change in plan["changes"][:MOST_SHOWN]:
        click.echo(f"  {change['code']} {change['name']}")
        for line in words.changes(change["changed"]):
            click.echo(f"    {line}")
