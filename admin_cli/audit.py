"""变更链: anchor, verify."""

import re
from pathlib import Path

import click

from admin_cli.client import Client
from admin_cli.output import remark
from servicemap.errors import InvalidError

ANCHOR = re.compile(r"\b[1-9][0-9]{0,14}:[0-9a-f]{64}\b")
MOST = 50  # that the API takes at once


@click.group()
def group() -> None:
    """变更链：锚、核对。The chain of changes."""


@group.command()
def anchor() -> None:
    """打印现在的锚：日期和 序号:摘要。Print the anchor: keep it where this server's keepers can't change it.

    把它抄进会议纪要，或由 cron 发到别处；以后用 audit verify --anchor 核对：连整条链都重写过也看得出来。
    """
    head = Client().get("audit/head")
    if head["seq"]:
        click.echo(f"{head['on']} {head['anchor']}")
    else:
        remark("还没有变更，也就没有锚")


@group.command()
@click.option(
    "--anchor",
    "said",
    metavar="FILE|TEXT",
    help="以前打印的锚，或写着锚的文件 printed earlier, or a file of them",
)
def verify(said: str | None) -> int:
    """核对变更链，和以前的锚。Walk the chain; see whether earlier anchors still lie on it.

    有不符的退出码为 3。例 Example: servicemap-admin audit verify --anchor anchors.txt
    """
    from admin_cli.main import DONE, FINDINGS

    anchors = _anchors(said) if said else []
    client = Client()
    lost: list[str] = []
    for start in range(0, max(1, len(anchors)), MOST):
        found = client.get("audit/verify", anchor=anchors[start : start + MOST])
        lost += found["lost_anchors"]
    broken = found["broken_seq"]
    if broken is not None:
        remark(f"变更链从第 {broken} 条起不符，数据可能被改过 [broken_chain]")
    for text in lost:
        remark(f"锚 {text} 不在链上：那以前的变更被重写过，或数据从更早的备份恢复过 [lost_anchor]")
    if lost or broken is not None:
        return FINDINGS
    said_of = f"，{len(anchors)} 个锚都在链上" if anchors else ""
    click.echo(f"变更链完整，共 {found['seq']} 条{said_of}")
    return DONE


def _anchors(said: str) -> list[str]:
    """The anchors in the text, or in the file of that name."""
    text = said
    if not ANCHOR.search(said):
        try:
            text = Path(said).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise InvalidError(
                f"“{said}”不是锚，也不是读得了的文件（{error.strerror}）", "no_anchor"
            ) from None
    if not (found := ANCHOR.findall(text)):
        raise InvalidError(f"{said} 里没有锚；锚是 audit anchor 打印的 序号:摘要", "no_anchor")
    return list(dict.fromkeys(found))
