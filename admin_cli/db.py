"""数据库: create, upgrade, status, roll over, back up. Works on the database directly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from admin_cli.output import Progress, remark
from servicemap.config import read_settings


def open_here() -> None:
    """Bind this process to the database of the settings."""
    from servicemap import db

    db.open_database(read_settings().database_url)


@click.group()
def group() -> None:
    """数据库：建立、升级、查看、备份、恢复。The database."""


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
@click.option("--all", "all_of_them", is_flag=True, help="全部重写：doctor 说不一致时 all of them")
def rollover(all_of_them: bool) -> None:
    """换日：更新今天起状态有变的服务点，清去旧反馈的文字。Do what the new day asks for.

    服务运行时自动进行；放进 cron 可让第一位访客不必等。
    """
    from servicemap import db, feedback, registry
    from servicemap.access import SEED

    open_here()
    db.connect()
    today = read_settings().today(datetime.now(UTC))
    count = registry.roll_over(SEED, today, all_of_them=all_of_them)
    feedback.forget(SEED, today)
    remark(f"更新了 {count} 个服务点")


@contextmanager
def _watched() -> Iterator[Callable[[int], None]]:
    progress = Progress("已核对的行")
    yield progress.at
    progress.done()


file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@group.command()
@file_argument
def backup(file: Path) -> int:
    """备份到一个新文件，谁也不用停。Back up into a new file while everybody works (SQLite).

    不覆盖已有的文件；写好后重新读一遍核对，有不对的退出码为 3。PostgreSQL 请用 pg_dump。

    例 Example: servicemap-admin db backup /backup/servicemap-$(date +%F).db
    """
    from servicemap import backup

    open_here()
    with _watched() as progress:
        backup.write(file, progress=progress)
    click.echo(f"已备份到 {file}，{file.stat().st_size / 1_000_000:.1f} MB；请把它放到另一台机器上")
    return _verify(file)


@group.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def verify(file: Path | None) -> int:
    """逐行核对一个备份；不给文件则核对现在的数据库。Verify a backup, or the live database.

    核对结构、完整性、外键、内容摘要和变更链；有不对的退出码为 3。
    """
    open_here()
    return _verify(file)


def _verify(file: Path | None) -> int:
    from admin_cli.main import DONE, FINDINGS, tell
    from servicemap import backup
    from servicemap.errors import InvalidError

    try:
        with _watched() as progress:
            content = backup.verify(file, progress=progress)
    except InvalidError as wrong:
        return tell(wrong) if wrong.code in ("use_pg_dump", "bad_file") else tell(wrong) and FINDINGS
    kind = "示例库" if content.demo else "登记册"
    made = f"，备份于 {content.made_at}" if content.made_at else ""
    click.echo(f"完好：{kind}{made}，变更到 {content.anchor}")
    return DONE


@group.command()
@file_argument
@click.option("--other-registry", is_flag=True, help="备份是另一个登记册的也恢复 take another registry's too")
def restore(file: Path, other_registry: bool) -> None:
    """用备份的内容代替现在的，服务不用停。Put a backup's content in place while servers go on (SQLite).

    先核对备份，再把现在的内容另存为备份；备份来自旧版本的，先升级。PostgreSQL 请用 pg_restore。

    例 Example: servicemap-admin db restore /backup/servicemap-2026-11-26.db
    """
    from servicemap import backup
    from servicemap.access import SEED

    open_here()
    now = datetime.now(UTC)
    today = read_settings().today(now)
    with _watched() as progress:
        content, before = backup.restore(
            file, SEED, today, now, other_registry=other_registry, progress=progress
        )
    click.echo(f"已恢复到 {content.made_at} 的内容（变更 {content.anchor}）；离线包请重新生成")
    if before:
        click.echo(f"原来的内容在 {before}")
