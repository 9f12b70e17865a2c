"""称号: awarded to places and divisions."""

import uuid
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import show

COLUMNS = (
    ("id", "号"),
    ("kind", "称号"),
    ("holder", "编号或区划"),
    ("holder_name", "名称"),
    ("issuer", "授予机关"),
    ("awarded_on", "授予"),
    ("expires_on", "失效"),
    ("withdrawn_on", "撤销"),
)
reason_option = click.option("--reason", required=True, help="依据或原因，例如文号 why")


@click.group()
def group() -> None:
    """称号：服务点的和区划的。Titles of places and divisions."""


@group.command()
@click.argument("holder")
@click.option("--kind", required=True, help="称号，例如 儿童友好基地、儿童友好示范县 which title")
@click.option("--issuer", required=True, help="授予机关 who awarded it")
@click.option("--on", "awarded_on", metavar="DATE", required=True, help="授予日期 since when")
@click.option("--until", "expires_on", metavar="DATE", help="从哪天起失效；没有期限可不给 until when")
@reason_option
def award(holder: str, **given: Any) -> None:
    """记一个称号：给服务点编号或区划代码。Note the title of a place or a division.

    例如 title award 441802000000 --kind 儿童友好示范县 --issuer 市妇儿工委 --on 2026-06-01 --reason 清妇儿工委〔2026〕3 号
    """
    body = {"holder": holder, **{name: value for name, value in given.items() if value is not None}}
    item = Client().send("POST", "titles", body, {"Idempotency-Key": uuid.uuid4().hex})["item"]
    click.echo(f"第 {item['id']} 号：{item['holder_name']} {item['kind']}，{item['awarded_on']} 起")


@group.command()
@click.argument("number", type=int)
@click.option("--on", metavar="DATE", help="从哪天起；默认今天 since when")
@reason_option
def withdraw(number: int, on: str | None, reason: str) -> None:
    """撤销一个称号（号见 title list），从那天起不再计入。Withdraw a title."""
    body = {"reason": reason, **({"on": on} if on else {})}
    item = Client().post(f"titles/{number}/withdraw", body)["item"]
    click.echo(f"{item['holder_name']} {item['kind']}：{item['withdrawn_on']} 起撤销")


@group.command(name="list")
@click.option("--division", help="只看这个区划里的 within this division")
@click.option("--holder", help="只看这一个的 of this holder")
@click.option("--kind", help="只看这一种 of this kind")
@options.form
def list_(form: str, **chosen: str | None) -> None:
    """列出称号，失效、撤销的也在。List the titles, ended ones too."""
    show(Client().get("titles", **chosen)["items"], COLUMNS, form)
