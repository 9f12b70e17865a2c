"""指标: list, show; check another city's file, and load it."""

from pathlib import Path

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import show

COLUMNS = (
    ("id", "指标"),
    ("name", "名称"),
    ("clause", "依据"),
    ("target", "目标"),
    ("due_year", "年限"),
    ("key_word", "重点"),
    ("project", "项目"),
    ("department", "责任部门"),
)


@click.group()
def group() -> None:
    """指标：列出、查看，核对指标文件。Indicators."""


@group.command(name="list")
@options.form
def list_(form: str) -> None:
    """列出全部指标和目标。List the indicators with their targets."""
    rows = Client().get("indicators")["items"]
    for row in rows:
        first = row["targets"][0] if row["targets"] else {}
        row |= {"target": first.get("text", "没有目标"), "due_year": first.get("due_year")}
        row["key_word"] = "重点" if row["key"] else ""
    show(rows, COLUMNS, form)


@group.command(name="show")
@click.argument("indicator")
def show_(indicator: str) -> None:
    """一个指标：原文、全部目标和口径。One indicator with all targets and definitions."""
    found = [row for row in Client().get("indicators")["items"] if row["id"] == indicator]
    if not found:
        raise click.UsageError(f"没有“{indicator}”这个指标；请看 indicator list")
    [row] = found
    click.echo(f"{row['id']} {row['name']} {row['name_en']}")
    click.echo(f"  {row['clause']}：{row['quote']}")
    click.echo(f"  {row['department']}{'；重点指标' if row['key'] else ''}")
    for target in row["targets"]:
        check = "；待核对" if target["to_check"] else ""
        click.echo(f"  目标 {target['text']}，{target['due_year']} 年（{target['source']}{check}）")
    for each in row["definitions"]:
        click.echo(f"  口径 {each['id']}：{each['name']}{'（默认）' if each['default'] else ''}")


@group.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> int:
    """核对一个指标文件：哪一行哪里不对，什么都不改。What is wrong with a file of indicators, by line.

    例如 indicator check 韶关.yaml
    """
    problems = Client().post("indicators/check", {"text": file.read_text(encoding="utf-8")})["problems"]
    for each in problems:
        click.echo(f"{file.name} 第 {each['line']} 行 {each['indicator']}：{each['detail']}")
    click.echo(f"{len(problems)} 处要改" if problems else "没有问题")
    return 1 if problems else 0


@group.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """载入一个指标文件：类型、分母名录、区划组、指标；全部载入或什么都不改。Load a file of indicators.

    文件里没写的不动。例如 indicator import 韶关.yaml
    """
    done = Client().post("indicators", {"text": file.read_text(encoding="utf-8")})
    click.echo(f"{done['rows']} 项，{done['changed']} 项有变化")
