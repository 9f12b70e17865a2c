"""要做的: what to do next."""

from itertools import islice

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show

COLUMNS = (
    ("code", "编号"),
    ("name", "名称"),
    ("problem", "哪里不对"),
    ("why", "为什么要紧"),
    ("command", "下一步输入"),
)


@click.command()
@click.option("--division", help="只列这个区划里的 within a division")
@click.option("--limit", default=20, show_default=True, help="最多几件 at most")
@options.form
def group(division: str | None, limit: int, form: str) -> None:
    """接下来做什么：家庭最需要的在前，每件都写明输入什么。What to do next, what families need most first."""
    page = min(max(limit, 1), 500)
    rows = list(islice(Client().pages("todo", "after", division=division, limit=page), limit))
    show(rows, COLUMNS, form)
    if len(rows) == limit:
        remark(f"只列出前 {limit} 件；要更多请用 --limit")
