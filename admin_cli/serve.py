"""启动服务: Granian over the WSGI application."""

import os

import click

from admin_cli.db import open_here

BLOCKING_THREADS = 32  # a worker: a body is read in one, and a slow sender keeps it until the last byte


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="监听地址 address")
@click.option("--port", default=8000, show_default=True, help="端口 port")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, help="进程数 processes")
def group(host: str, port: int, workers: int) -> None:
    """启动服务，Ctrl-C 停止。Serve the API; requests in flight are finished on stop."""
    from granian import Granian
    from granian.constants import Interfaces

    from servicemap import db, registry

    open_here()
    db.connect()
    db.require_current_schema()
    at = f"http://{host}:{port}"
    if registry.is_demo():
        click.echo("【示例库：服务点都是虚构的】")
    click.echo("试一试 three requests to try:")
    click.echo(f"  curl '{at}/api/v1/facilities?lat=23.6979&lng=113.0627&datum=gcj02&type=nursery&limit=3'")
    click.echo(f"  curl '{at}/api/v1/coverage/441800000000'")
    click.echo(f"  curl '{at}/api/v1/coverage/441802000000/gaps?indicator=T01.urban'")
    click.echo(f"API 文档 docs: {at}/docs/")
    db.database.close()
    Granian(
        "servicemap.app:create_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=BLOCKING_THREADS,
        factory=True,
        log_level="warning",  # type: ignore[arg-type]
    ).serve()
