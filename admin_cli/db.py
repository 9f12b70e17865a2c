"""数据库: create, upgrade, status, roll over. Works on the database directly."""

from datetime import UTC, datetime

import click

from admin_cli.output import remark
from servicemap.config import read_settings


def open_here() -> None:
    """Bind this process to the database of the settings."""
    from servicemap import db

    db.open_database(read_settings().database_url)


@click.group()
def group() -> None:
    """数据库：建立、升级、查看。The database."""


@group.command()
@click.option("--demo", is_flag=True, help="标为示例库，只放虚构的服务点 mark as a demo")
@click.option(
    "--extent", metavar="W,S,E,N", help="范围（WGS-84 度）：范围外的坐标一律退回 bounds of the registry"
)
def create(demo: bool, extent: str | None) -> None:
    """建立数据库。Make the database; refuses to touch one that is there.

    例 Example: servicemap-admin db create --extent 111.9,23.4,114.0,25.2
    """
    from servicemap import db, registry

    open_here()
    registry.create(demo=demo, extent=extent)
    click.echo(f"已建立{'示例库' if demo else '登记册'} {db.address()}；下一步 servicemap-admin seed load")


@group.command()
def upgrade() -> None:
    """升级数据库结构。Bring schema and rows up to date; again changes nothing."""
    from servicemap import db, registry
    from servicemap.access import SEED

    open_here()
    db.connect()
    done = registry.upgrade(SEED, read_settings().today(datetime.now(UTC)))
    click.echo(f"已升级：{'、'.join(done)}" if done else "已是最新，无需升级")


@group.command()
def status() -> int:
    """查看数据库：版本、数量、变更链。What is in it, and whether the audit chain holds."""
    from servicemap import audit, db, registry

    open_here()
    db.connect()
    pending = sorted(set(db.known_migrations()) - set(db.applied_migrations()))
    click.echo(f"数据库　{db.address()}")
    click.echo(f"结构　　{'待升级：' + '、'.join(pending) if pending else '最新'}")
    if pending:
        return 3
    click.echo(f"用途　　{'示例库' if registry.is_demo() else '登记册'}")
    for table, name in (("division", "区划　　"), ("facility_type", "类型　　"), ("indicator", "指标　　")):
        click.echo(f"{name}{db.query(f'SELECT COUNT(*) FROM {table}')[0][0]}")
    click.echo(f"服务点　{db.query('SELECT COUNT(*) FROM facility')[0][0]}")
    click.echo(f"变更　　{audit.head_seq()}")
    broken = audit.broken_link()
    click.echo(f"变更链　{'完整' if broken is None else f'从第 {broken} 条起不符，数据可能被改过'}")
    return 0 if broken is None else 3


@group.command()
def rollover() -> None:
    """换日：更新今天起状态有变的服务点。Rewrite the cards that the new day has made stale.

    服务运行时自动进行；放进 cron 可让第一位访客不必等。
    """
    from servicemap import db, registry
    from servicemap.access import SEED

    open_here()
    db.connect()
    count = registry.roll_over(SEED, read_settings().today(datetime.now(UTC)))
    remark(f"更新了 {count} 个服务点")
