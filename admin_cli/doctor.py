"""体检: what is wrong with the registry's data."""

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show

COLUMNS = (
    ("check", "检查"),
    ("subject", "哪里"),
    ("problem", "哪里不对"),
    ("hint", "下一步输入"),
)


@click.command()
@options.form
def group(form: str) -> int:
    """检查整个登记册的数据；有发现的退出码为 3。Check the registry's data."""
    from admin_cli.main import DONE, FINDINGS

    rows = Client().get("checks")["items"]
    show(rows, COLUMNS, form)
    remark(f"有 {len(rows)} 处要看" if rows else "没有发现问题")
    return FINDINGS if rows else DONE
