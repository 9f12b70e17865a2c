"""填报值: what departments and counties report of indicators that the registry does not count."""

from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import show

COLUMNS = (
    ("indicator", "指标"),
    ("name", "名称"),
    ("year", "年份"),
    ("value", "数值"),
    ("unit", "单位"),
    ("numerator", "分子"),
    ("denominator", "分母"),
    ("source", "来源"),
    ("note", "说明"),
    ("version", "第几次"),
    ("reported_on", "报出日期"),
    ("reported_by", "岗位"),
)


@click.group()
def group() -> None:
    """填报值：各部门、各县报的数。What departments and counties report."""


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
    said = {"indicator": indicator, "division": division, "year": year, **body}
    item = Client().post("reported-values", said)["item"]
    click.echo(f"{indicator} {division} {year} 年：{item['value']}（第 {item['version']} 次报）")


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
    show(rows, COLUMNS, form)
