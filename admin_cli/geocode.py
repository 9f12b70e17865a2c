"""服务点 geocode: fill in missing positions from addresses, asking a provider of maps."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show
from servicemap.config import read_settings
from servicemap.errors import InvalidError, RegistryError, UnavailableError

if TYPE_CHECKING:
    from admin_cli.geocode_run import Run
    from admin_cli.geocoders import Provider

WORDS = {
    "found": "找到",
    "written": "写入",
    "rejected": "退回",
    "not_found": "没找到",
    "contact_only": "跳过：只公开联系方式，地址不外发",
    "no_address": "跳过：没有地址",
    "no_county": "跳过：区划不到县（市、区）",
    "remote": "跳过：不用到场",
    "closed": "跳过：已关闭",
    "changed_meanwhile": "跳过：别人刚改过",
    "left": "这次没有问到",
}
COLUMNS = (
    ("code", "编号"),
    ("name", "名称"),
    ("address", "地址"),
    ("outcome", "结果"),
    ("detail", "说明"),
)


@click.command()
@click.option(
    "--by",
    type=click.Choice(["tianditu", "amap", "baidu"]),
    required=True,
    help="问谁：天地图、高德、百度；密钥在环境变量 SERVICEMAP_TIANDITU_KEY 等 the provider",
)
@click.option("--division", help="只补这个区划里的 within a division")
@click.option("--type", "types", multiple=True, help="只补有这个类型的，可重复 with these types")
@click.option("--limit", type=click.IntRange(1), help="最多问几个地址 ask at most so many")
@click.option("--dry-run", is_flag=True, help="照样问，只看结果，不写入 ask, but write nothing")
@click.option("--retry-misses", is_flag=True, help="以前没找到的再问一次 ask again what was not found")
@click.option(
    "--per-second",
    type=click.FloatRange(0, 100, min_open=True),
    default=2,
    show_default=True,
    help="一秒最多问几个 questions a second",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="问过的记在哪个文件；默认在用户的缓存文件夹 cache file",
)
@click.option("--server", metavar="URL", help="经单位的网关时写它的地址，例如 http://10.0.0.1:8080 a gateway")
@options.form
def geocode(
    by: str,
    division: str | None,
    types: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    retry_misses: bool,
    per_second: float,
    cache: Path | None,
    server: str | None,
    form: str,
) -> int:
    """按地址补上缺的位置。Fill in missing positions from addresses.

    服务点的地址和所在城市会发给所选的地图服务商，别的都不发；只公开联系方式的服务点从不发出。
    The addresses of facilities (and their city, nothing else) go to the provider.

    不在本县（市、区）的、只准到县或更粗的，列出来，不写入。问过的都记着：中断或次数用完后再运行，
    接着问没问过的。
    """
    from admin_cli.geocode_cache import Cache, default_path
    from admin_cli.geocode_run import Run

    settings = read_settings()
    provider = _provider(by, getattr(settings, f"{by}_key").strip(), server)
    kept = Cache(cache or default_path())
    today = settings.today(datetime.now(UTC))
    remark(f"地址和所在城市会发给{provider.title}；只公开联系方式的服务点不发")
    run = Run(Client(), by, provider, kept, today, 1 / per_second, limit, retry_misses, dry_run)
    stopped = run.over(division=division, type=types)
    _show(run, stopped, form)
    if isinstance(stopped, UnavailableError):
        return 75
    if stopped and not run.counts["written"]:
        return 1
    return 3 if stopped or run.counts["rejected"] or run.counts["not_found"] else 0


def _provider(by: str, key: str, server: str | None) -> "Provider":
    from admin_cli.geocoders import PROVIDERS

    kind, name = PROVIDERS[by], f"SERVICEMAP_{by.upper()}_KEY"
    if not key:
        detail = f"没有{kind.title}的密钥：请设环境变量 {name}，不要写在命令行里"
        raise InvalidError(detail, "geocoder_key_missing")
    gateway = urlsplit(server or f"https://{kind.default_domain}")
    if gateway.scheme not in ("http", "https") or not gateway.hostname or gateway.path.strip("/"):
        raise click.BadParameter("应为 http:// 或 https:// 加主机名", param_hint="--server")
    return kind(key, domain=gateway.netloc, scheme=gateway.scheme)


def _show(run: "Run", stopped: RegistryError | None, form: str) -> None:
    counts = {name: run.counts[name] for name in WORDS}
    if form == "json":
        answer = {"counts": counts, "rows": run.rows, "stopped": stopped and stopped.code}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    elif form == "csv" or run.rows:
        show(run.rows, COLUMNS, form)
    if form == "table":
        click.echo("\n" if run.rows else "", nl=False)
        lines = [{"what": WORDS[name], "count": count} for name, count in counts.items() if count]
        show(lines, (("what", "合计"), ("count", "个数")), form)
    if stopped:
        remark(f"{stopped.detail} [{stopped.code}]")
