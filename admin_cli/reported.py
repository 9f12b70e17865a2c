"""填报值: set one, import a file of them, write the form that a department fills in, list."""

from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import about, remark, show
from admin_cli.sheets import read_rows
from servicemap.errors import InvalidError, Problem

COLUMNS = (
    ("indicator", "指标"),
    ("name", "名称"),
    ("year", "年份"),
    ("value", "数值"),
    ("unit", "单位"),
    ("numerator", "分子"),
    ("denominator", "分母"),
    ("state_name", "审核"),
    ("reason", "退回的原因"),
    ("source", "来源"),
    ("note", "说明"),
    ("version", "第几次"),
    ("reported_on", "报出日期"),
    ("reported_by", "岗位"),
)
STATES = {"waiting": "等审核", "passed": "已通过", "returned": "退回"}
HEADINGS = {
    "指标": "indicator", "indicator": "indicator",
    "区划代码": "division", "division": "division",
    "年份": "year", "year": "year",
    "数值": "value", "value": "value",
    "分子": "numerator", "numerator": "numerator",
    "分母": "denominator", "denominator": "denominator",
    "来源": "source", "source": "source",
    "说明": "note", "note": "note",
}  # fmt: skip
FIGURES = ("value", "numerator", "denominator")
WHOLE = ("year", "numerator", "denominator")


@click.group()
def group() -> None:
    """填报值：各部门、各县报的数，和监测组的审核。What departments and counties report."""


@group.command(name="set")
@click.argument("indicator")
@click.argument("division")
@click.argument("year", type=int)
@click.option("--value", help="数值，照原数写 the value as it is written")
@click.option("--numerator", type=int, help="或者分子和分母 or numerator and denominator")
@click.option("--denominator", type=int, help="分母 its denominator")
@click.option("--source", required=True, help="来源 where it is from")
@click.option("--note", help="说明 a note")
def set_(indicator: str, division: str, year: int, **given: Any) -> None:
    """报一个指标一年的数；再报一次是更正，原来的还在。Report the value of a year.

    例如 reported set R04 441802000000 2026 --numerator 8760 --denominator 8890 --source 区卫健局年报
    """
    body = {name: value for name, value in given.items() if value is not None}
    _send([{"indicator": indicator, "division": division, "year": year, **body}])


@group.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--division", help="没有“区划代码”一列时：哪个区划 where the file has no such column")
@click.option("--year", type=int, help="没有“年份”一列时：哪一年 where the file has no such column")
@click.option("--source", help="没写来源的行的来源 of rows without a source")
def import_(file: Path, division: str | None, year: int | None, source: str | None) -> None:
    """报一个文件（.xlsx .xls .csv）的数：全部记下，或什么都不改。Report the values of a file.

    认得的列：指标、区划代码、年份、数值（或分子、分母）、来源、说明；reported form 写的表填好就能直接报。
    """
    usual = {"division": division, "year": str(year) if year else None, "source": source}
    given, empty = [], 0
    for row in read_rows(file, HEADINGS):
        if any(row.get(name) for name in FIGURES):
            given.append({**{name: text for name, text in usual.items() if text}, **_filled(row)})
        elif row.get("indicator"):
            empty += 1
    with about(file):
        values = _checked(given)
        _send(values)
    if empty:
        remark(f"没有填数的 {empty} 行没有报")


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: text for name, text in row.items() if text}


def _checked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    problems = []
    for row in rows:
        problems += [
            Problem("required", "没有写", row=row["row"], column=heading)
            for heading, name in list(HEADINGS.items())[::2]
            if name in ("indicator", "division", "year", "source") and not row.get(name)
        ]
        for name in WHOLE:
            text = row.get(name, "0")
            if text.isascii() and text.isdigit() and len(text) < 11:
                row[name] = int(text) if name in row else None
            else:
                problems.append(Problem("bad_number", f"“{text}”不是整数", row=row["row"], column=name))
    if not rows:
        raise InvalidError("没有一行填了数", "no_rows")
    if problems:
        raise InvalidError(f"{len(problems)} 处要改，什么都没有写入", "bad_rows", problems)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _send(values: list[dict[str, Any]]) -> None:
    done = Client().post("reported-values", {"values": values})
    click.echo(f"新报 {done['created']}，更正 {done['corrected']}，没有变化 {done['unchanged']}")


@group.command()
@click.argument("division")
@click.argument("year", type=int)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--department", help="只要这个部门的 of this department")
@click.option("--all", "counted", is_flag=True, help="登记册能数的指标也列 counted ones too")
def form(division: str, year: int, file: Path, department: str | None, counted: bool) -> None:
    """写一张填报表（.xlsx）：能打印签字，填好也能直接 import。Write the form that a department fills in.

    例如 reported form 441802000000 2026 清城卫健.xlsx --department 卫健
    """
    from admin_cli.reported_form import write_form

    client = Client()
    place = client.get(f"divisions/{division}")
    wanted = [
        each
        for each in client.get("indicators")["items"]
        if (counted or each["kind"] == "reported") and (department or "") in each["department"]
    ]
    if not wanted:
        raise InvalidError(f"没有由“{department}”报的指标；请看 indicator list", "indicator_not_found")
    said = client.get("reported-values", division=place["code"])["items"]
    values = {(row["indicator"], row["year"]): row for row in said}
    due = client.get("reported-values/status", division=place["code"], year=year)["due_on"]
    file = write_form(file, place, year, department, due, wanted, values)
    click.echo(f"{file}：{len(wanted)} 个指标，请在 {due} 前报出")


@group.command(name="list")
@click.argument("division")
@click.option("--indicator", help="只列这个指标 of this indicator")
@click.option("--year", type=int, help="只列这一年 of this year")
@options.form
def list_(division: str, indicator: str | None, year: int | None, form: str) -> None:
    """列出一个区划报过的数，每年最后一次的。List what was reported, the last version of each year."""
    client = Client()
    rows = client.get("reported-values", division=division, indicator=indicator, year=year)["items"]
    known = {each["id"]: each for each in client.get("indicators")["items"]}
    for row in rows:
        row |= {name: known.get(row["indicator"], {}).get(name) for name in ("name", "unit")}
        row["state_name"] = STATES.get(row["state"], row["state"])
    show(rows, COLUMNS, form)
