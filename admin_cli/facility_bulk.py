"""一次改许多条: facility edit-all, with its plan first."""

import json
import uuid
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.facility_edits import cells_of
from admin_cli.facility_evidence import group
from admin_cli.output import remark
from admin_cli.words import Words
from servicemap.errors import InvalidError

MOST_SHOWN = 20


@group.command(name="edit-all")
@click.argument("assignments", metavar="[字段=内容]…", nargs=-1)
@click.option("--division", required=True, help="哪个区划里的 within this division")
@click.option("--type", "types", multiple=True, help="有这个挂牌的，可重复 with this role")
@click.option("--missing", multiple=True, metavar="字段", help="这个字段没有填的，可重复 where it is empty")
@click.option(
    "--where", multiple=True, metavar="字段=内容", help="现在是这个内容的（同导出），可重复 where it is so"
)
@click.option("--closed", is_flag=True, help="关闭了的也算 closed ones too")
@click.option("--close", "verb", flag_value="close", help="关闭它们 close them")
@click.option("--verify", "verb", flag_value="verify", help="记为已核实 mark them verified")
@click.option("--on", metavar="DATE", help="哪天关闭、核实；默认今天 on which day")
@click.option("--reason", required=True, help="为什么改，记入每一条的变更 why")
@click.option("--limit", type=int, help="最多几个，按编号；先试几个时用 at most")
@click.option("--skip-bad", is_flag=True, help="略过不能改的，改其余 leave out what is refused")
@click.option("--dry-run", is_flag=True, help="只看预案，不改 plan only")
@options.form
def edit_all(
    assignments: tuple[str, ...],
    division: str,
    types: tuple[str, ...],
    missing: tuple[str, ...],
    where: tuple[str, ...],
    closed: bool,
    verb: str | None,
    on: str | None,
    reason: str,
    limit: int | None,
    skip_bad: bool,
    dry_run: bool,
    form: str,
) -> int:
    """一次改许多个：改字段、关闭或核实；全部改，或什么都不改。Change many facilities at once.

    \b
    例如 facility edit-all --division 441802000000 --type 家长学校 \\
           --missing 开放时间 开放时间=周一至周五9:00-17:00 --reason 统一公布 --dry-run
    """
    if bool(assignments) == bool(verb):
        raise InvalidError("请写明改什么：字段=内容，或 --close，或 --verify，只要一样", "nothing_given")
    cells = {"cells": cells_of(assignments)} if assignments else {"verb": verb}
    given = {"type": list(types), "on": on, "limit": limit}
    body: dict[str, Any] = {
        **{name: value for name, value in given.items() if value},
        **cells,
        "division": division,
        "where": cells_of(where) | cells_of(tuple(f"{name}=" for name in missing)),
        "closed": closed,
        "reason": reason,
        "skip_bad": skip_bad,
    }
    client = Client()
    plan = client.post("facilities/bulk", body)
    refused = bool(plan["refused_total"]) and not skip_bad
    if not (dry_run or refused or not plan["changed"]):
        # the key makes a request that was lost on the way safe to send again
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        plan = client.send("POST", "facilities/bulk", body | {"apply": True, "seq": plan["seq"]}, headers)
    if form == "json":
        click.echo(json.dumps(plan, ensure_ascii=False, indent=2))
    else:
        _show(plan, Words(client))
    if refused:
        remark("什么都没有改；略过它们、改其余的：--skip-bad")
        return 1
    return 3 if plan["refused_total"] else 0


def _show(plan: dict[str, Any], words: Words) -> None:
    word = "完成" if plan["applied"] else "预案"
    counts = f"改 {plan['changed']}，本来就是 {plan['unchanged']}，不能改 {plan['refused_total']}"
    click.echo(f"{word}：符合的 {plan['matched']} 个：{counts}")
    if not plan["matched"]:
        remark("没有符合的；--where 的内容要和 facility export 里写的一样")
    if plan["voided"]:
        remark(f"其中 {plan['voided']} 个核实过的，要重新核实")
    for change in plan["changes"][:MOST_SHOWN]:
        click.echo(f"  {change['code']} {change['name']}")
        for line in words.changes(change["changed"]):
            click.echo(f"    {line}")
    if plan["changed"] > MOST_SHOWN:
        remark(f"只列出前 {MOST_SHOWN} 个；更多用 --format json")
    for each in plan["refused"][:MOST_SHOWN]:
        remark(f"不能改 {each['detail']} [{each['code']}]")
    if plan["refused_total"] > MOST_SHOWN:
        remark(f"不能改的只列出前 {MOST_SHOWN} 个")
