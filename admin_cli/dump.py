"""离线包: build. Works on the database directly."""

from datetime import UTC, datetime
from pathlib import Path

import click

from admin_cli.db import open_here
from admin_cli.output import Progress
from servicemap.config import read_settings


@click.group()
def group() -> None:
    """离线包：公开资料的文件。Files of the public face, for work without a net."""


@group.command()
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="放进这个文件夹，默认 SERVICEMAP_DUMP_FOLDER the folder that takes it",
)
def build(into: Path | None) -> None:
    """生成离线包：GeoJSON、SQLite、分县 JSON。Make the files that GET /api/v1/dump gives.

    不含只公开联系方式的和已关闭的服务点；保留最近两份。放进 cron 每天一次：
    15 4 * * * servicemap-admin dump build
    """
    from servicemap import db, dump, registry
    from servicemap.access import SEED

    open_here()
    db.connect()
    db.require_current_schema()
    settings, now = read_settings(), datetime.now(UTC)
    registry.roll_over(SEED, settings.today(now))
    folder = into or dump.folder_of(settings)
    progress = Progress("离线包")
    index = dump.build(folder, now, settings.today(now), progress.at)
    progress.done()
    size = sum(file["size"] for file in index["files"]) / 1_000_000
    click.echo(
        f"已生成离线包 {folder}：序号 {index['seq']}，{index['places']:,} 个服务点，"
        f"{len(index['files'])} 个文件，{size:.1f} MB"
    )
