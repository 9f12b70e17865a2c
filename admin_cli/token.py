"""令牌: issue, list, revoke; one for every community of a division."""

from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client, RefusedError
from admin_cli.login import ROLE_NAMES
from admin_cli.output import Progress, file_name, remark, sealed, show

COLUMNS = (
    ("id", "号"),
    ("label", "岗位"),
    ("role_name", "角色"),
    ("where", "范围"),
    ("expires_on", "到期"),
    ("last_used_on", "最近使用"),
    ("revoked_at", "收回"),
)
role_option = click.option(
    "--role",
    type=click.Choice(list(ROLE_NAMES)),
    default="editor",
    show_default=True,
    help="查看 viewer、填报 editor、审核 verifier、管理 admin；部门报数 reporter、监测 monitor、评估 assessor、审批 approver",
)
expires_option = click.option("--expires", metavar="DATE", help="从哪天起失效；默认一年后 expires on")


@click.group()
def group() -> None:
    """令牌：发、列、收回。Tokens: a post's key to the server."""


@group.command()
@click.argument("label")
@role_option
@click.option("--division", help="管哪个区划及其下级；不给为全部 scope")
@expires_option
@click.option(
    "--department", multiple=True, help="reporter 为哪个部门报数，可重复；默认全部 for which departments"
)
def issue(
    label: str, role: str, division: str | None, expires: str | None, department: tuple[str, ...]
) -> None:
    """发给一个岗位一枚令牌；只显示这一次。Issue a token to a post; it is shown once.

    例如 servicemap-admin token issue 清城区妇儿工委办 --role verifier --division 441802
    """
    issued = _issue(Client(), label, role, division, expires, department)
    item = issued["item"]
    remark(
        f"{item['label']}：{ROLE_NAMES[item['role']]}，{item['division_name'] or '全部'}，{item['expires_on']} 到期"
    )
    remark("下面的令牌只显示这一次；请当面或用可靠的办法交给这个岗位：")
    click.echo(issued["token"])


def _issue(
    client: Client,
    label: str,
    role: str,
    division: str | None,
    expires: str | None,
    departments: tuple[str, ...] = (),
) -> dict[str, Any]:
    body = {
        "label": label,
        "role": role,
        "division": division,
        "expires_on": expires,
        "departments": list(departments) or None,
    }
    return client.post("tokens", {name: value for name, value in body.items() if value is not None})


@group.command(name="issue-all")
@click.option("--division", required=True, help="哪个区划里 within this division")
@click.option(
    "--level",
    type=click.Choice(["county", "town", "community"]),
    default="community",
    show_default=True,
    help="每个哪一级的区划一枚 one for each of this level",
)
@role_option
@expires_option
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="放令牌文件的文件夹"
)
def issue_all(division: str, level: str, role: str, expires: str | None, folder: Path) -> int:
    """给每个村（居）发一枚令牌，各写一个只有本人可读的文件。One sealed file for each division.

    已有令牌的岗位不再发；中断后再运行一次就接着发，有令牌而没有文件的会列出来。
    """
    client = Client()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    progress, issued, kept, lost = Progress("已发令牌"), 0, 0, []
    for each in client.pages("divisions", "after", parent=division, level=level):
        if each.get("virtual"):
            continue
        label = f"{each['code']} {each['name']} {ROLE_NAMES[role]}"
        path = folder / f"{each['code']} {file_name(each['name'])}.txt"
        try:
            made = _issue(client, label, role, each["code"], expires)
        except RefusedError as error:
            if error.code != "label_taken":
                raise
            kept += 1
            if not path.exists():
                lost.append(label)
            continue
        _seal(path, made)
        issued += 1
        progress.at(issued)
    progress.done()
    click.echo(f"发了 {issued} 枚，在 {folder}；{kept} 个岗位原来就有")
    for label in lost:
        click.echo(
            f"{label}：有令牌，这里没有它的文件；要是丢了，token list 查号，token revoke 收回，再运行一次"
        )
    return 3 if kept else 0


def _seal(path: Path, made: dict[str, Any]) -> None:
    item = made["item"]
    text = (
        f"{item['label']}\r\n{item['expires_on']} 到期\r\n\r\n{made['token']}\r\n\r\n"
        "这是贵单位登录儿童服务地图的令牌，等于签名：请勿转发、拍照。\r\n"
        "用法：servicemap-admin login 服务器地址，再粘贴上面 smk_ 开头的一行。\r\n"
    )
    path.unlink(missing_ok=True)  # of a token that was revoked
    sealed(path, text)


@group.command(name="list")
@options.form
def list_(form: str) -> None:
    """列出自己范围内的令牌；令牌本身看不到。List the tokens in one's scope, without the secrets."""
    rows = Client().get("tokens")["items"]
    for row in rows:
        row["role_name"] = ROLE_NAMES.get(row["role"], row["role"])
        row["where"] = row["division_name"] or "全部"
    show(rows, COLUMNS, form)


@group.command()
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """收回一枚令牌（号见 token list），立即生效。Revoke a token at once."""
    item = Client().post(f"tokens/{number}/revoke")["item"]
    click.echo(f"已收回 {item['label']}")
