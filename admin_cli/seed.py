"""基础数据: the reference data and the demo. Works on the database directly, as the actor `seed`."""

from datetime import UTC, datetime

import click

from admin_cli.db import open_here
from admin_cli.output import table
from servicemap.config import read_settings


def connected() -> None:
    from servicemap import db

    open_here()
    db.connect()
    db.require_current_schema()


@click.group()
def group() -> None:
    """基础数据和示例。Reference data and demo."""


@group.command()
def load() -> None:
    """载入区划、边界、人口、类型、指标。Load the reference data; again changes nothing."""
    from seed.reference import load_reference

    connected()
    done = load_reference()
    click.echo(
        table([[name, str(c["rows"]), str(c["changed"])] for name, c in done.items()], ["文件", "条", "变更"])
    )


@group.command()
def demo() -> None:
    """载入约 2,000 个虚构的服务点。Load the demo; only into a database made by `db create --demo`."""
    from seed.demo import load_demo

    connected()
    settings = read_settings()
    counts = load_demo(settings, settings.today(datetime.now(UTC)))
    click.echo(f"示例：新增 {counts['created']}，更新 {counts['updated']}，没有变化 {counts['unchanged']}")


@group.command(name="remove-demo")
def remove_demo() -> None:
    """删去全部示例，并去掉示例库的标记。Remove the demo and its mark; divisions and types stay."""
    from seed.demo import remove_demo as remove

    connected()
    click.echo(f"删去了 {remove()} 个示例服务点；现在是空的登记册")
