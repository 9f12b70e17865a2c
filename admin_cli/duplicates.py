"""疑似重复: list the pairs, tell one apart; facility merge joins one."""

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show

COLUMNS = (
    ("code", "编号"),
    ("name", "名称"),
    ("other_code", "另一编号"),
    ("other_name", "另一名称"),
    ("why", "为什么像"),
)


@click.command(name="duplicates")
@click.option("--division", help="只列这个区划里的 within a division")
@options.form
def duplicates(division: str | None, form: str) -> None:
    """列出像是同一处登记了两次的，由人决定。List pairs that look like one place."""
    rows = list(Client().pages("duplicates", "after", division=division))
    for row in rows:
        row["why"] = "；".join(row["reasons"])
    show(rows, COLUMNS, form)
    if rows:
        remark(
            "同一处：facility merge 编号 另一编号 --reason …；不是：facility not-same 编号 另一编号 --reason …"
        )


@click.command(name="not-same")
@click.argument("code")
@click.argument("other")
@click.option("--reason", required=True, help="为什么不是同一处，记入变更 why")
def not_same(code: str, other: str, reason: str) -> None:
    """这两处不是同一处：以后不再列出。Two different places: the pair never comes again."""
    told = Client().post(f"facilities/{code}/not-same", {"other": other, "reason": reason})
    click.echo(f"{told['code']} 和 {told['other_code']} 不是同一处，已记下")
