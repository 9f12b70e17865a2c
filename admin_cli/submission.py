"""报送材料: hand in, list, who has not."""

import uuid
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show

KINDS = {"plan": "规划", "scheme": "实施方案", "yearly": "年度报告"}
COLUMNS = (
    *(("id", "号"), ("kind_name", "材料"), ("whose", "单位"), ("year", "年份"), ("title", "名称")),
    *(("document_no", "文号"), ("issued_on", "颁布"), ("handed_in_on", "报送"), ("due_on", "期限")),
    *(
        ("is_late", "迟报"),
        ("done_text", "实施情况"),
        ("planned_text", "下一年工作安排"),
        ("noted_by", "岗位"),
    ),
)
STATUS_COLUMNS = (
    *(("division", "区划代码"), ("division_name", "区划"), ("whose", "单位"), ("due_on", "期限")),
    *(("handed_in_on", "报送"), ("title", "名称"), ("state", "状态")),
)
kind_option = click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="yearly",
    show_default=True,
    help="plan 县级规划，scheme 部门实施方案，yearly 年度报告 which material",
)


@click.group()
def group() -> None:
    """报送材料：县级规划、部门实施方案、年度报告和下一年工作安排。Plans, schemes and yearly reports."""


@group.command()
@click.argument("division")
@click.argument("year", type=int)
@click.argument("title")
@kind_option
@click.option("--department", help="哪个部门的；妇儿工委的不写 of which department")
@click.option("--document", "document_no", help="文号 document number")
@click.option("--issued", "issued_on", metavar="DATE", help="颁布（印发）日期 when it was issued")
@click.option("--on", "handed_in_on", metavar="DATE", help="哪天报送的；默认今天 when it was handed in")
@click.option("--done", multiple=True, help="实施情况，一段一次，可重复 a paragraph of what was done")
@click.option("--planned", multiple=True, help="下一年工作安排，一段一次 a paragraph of what is planned")
def add(division: str, year: int, title: str, **given: Any) -> None:
    """报送一份材料；更正的再报一次。Hand in a material.

    例如 submission add 441802 2026 清城区卫健局2026年度报告 --department 卫健 --done 新增托位300个 --planned 再增200个
    """
    said = {
        name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value
    }
    body = {"division": division, "year": year, "title": title, **said}
    found = Client().send("POST", "submissions", body, {"Idempotency-Key": uuid.uuid4().hex})
    late = f"，期限是 {found['due_on']}，迟了" if found["late"] else ""
    click.echo(
        f"第 {found['id']} 号：{_whose(found)}的{KINDS[found['kind']]}，{found['handed_in_on']} 报送{late}"
    )


@group.command(name="list")
@click.argument("division")
@options.form
def list_(division: str, form: str) -> None:
    """一个区划和它的部门报送过的材料。What a division and its departments have handed in."""
    items = Client().get("submissions", division=division)["items"]
    for row in items:
        row |= {"kind_name": KINDS[row["kind"]], "whose": _whose(row), "is_late": "迟" if row["late"] else ""}
        row |= {f"{name}_text": "\n".join(row[name]) for name in ("done", "planned")}
    show(items, COLUMNS[:10] if form == "table" else COLUMNS, form)


@group.command()
@click.argument("division")
@click.argument("year", type=int)
@kind_option
@click.option("--missing", is_flag=True, help="只列没有报的 only who has not")
@options.form
def status(division: str, year: int, kind: str, missing: bool, form: str) -> None:
    """谁还没有报送，谁迟了：逐个县（市、区）、逐个部门。Who has not handed it in, who was late."""
    found = Client().get("submissions/status", division=division, year=year, kind=kind)
    items = [row for row in found["items"] if not (missing and row["handed_in_on"])]
    for row in items:
        words = {None: "逾期" if row["overdue"] else "还没有报", True: "迟报", False: "已报"}
        row |= {"whose": _whose(row), "state": words[row["late"]]}
    show(items, STATUS_COLUMNS, form)
    remark(f"{KINDS[kind]}：还没有报的 {found['missing']} 份")


def _whose(row: dict[str, Any]) -> str:
    return row["department"] or "妇儿工委"
