"""登录: keep the token of a server on this machine."""

import json
import os
import sys

import click

from admin_cli.client import Client, checked_server, keys_path
from admin_cli.output import remark
from servicemap.errors import InvalidError

ROLE_NAMES = {
    "viewer": "查看",
    "editor": "填报",
    "verifier": "审核",
    "admin": "管理",
    "reporter": "部门报数",
    "monitor": "监测",
    "assessor": "评估",
    "approver": "审批",
}


@click.command()
@click.argument("url")
@click.pass_context
def group(context: click.Context, url: str) -> None:
    """登录服务器：令牌从键盘（不显示）或标准输入读，只存在本人可读的文件里。Log in to a server.

    例如 servicemap-admin login https://map.example.gov.cn
    """
    server = checked_server(url)
    typed = sys.stdin.isatty()
    token = (click.prompt("令牌", hide_input=True, err=True) if typed else sys.stdin.readline()).strip()
    if not token.isascii() or " " in token:
        raise InvalidError("令牌复制得不完整，或不是本系统的令牌", "token_incomplete")
    context.find_root().params["server"] = server
    os.environ["SERVICEMAP_TOKEN"] = token
    me = Client().get("me")
    path = keys_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"server": server, "token": token}, file)
    os.replace(new, path)
    where = me["division_name"] or "全部"
    remark(f"已登录 {server}：{me['name']}，{ROLE_NAMES.get(me['role'], me['role'])}，{where}")
    remark(f"令牌存在 {path}；以后的命令都在这台服务器上做，servicemap-admin logout 退出")


@click.command()
def logout() -> None:
    """退出登录：删去本机存的令牌。Log out: forget the token on this machine."""
    keys_path().unlink(missing_ok=True)
    remark("本机不再存有令牌；令牌本身仍有效，要作废请让管理员收回")
