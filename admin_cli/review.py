"""审核: list, pass, return; counties without 镇审; links by which villages confirm."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import Progress, file_name, remark, sealed, show
from admin_cli.words import STEPS
from servicemap.errors import InvalidError

STATES = ("waiting", "reported", "town", "returned", "wrong", "all")
COLUMNS = (
    ("code", "编号"),
    ("name", "名称"),
    ("division_name", "村（居）"),
    ("step", "已到"),
    ("reported_on", "填报日期"),
    ("reported_by", "填报岗位"),
    ("town_by", "镇审岗位"),
    ("remark", "要看的"),
)
PLAN_COLUMNS = (("code", "编号"), ("name", "名称"), ("from", "现在"), ("to", "通过后"), ("why", "不能通过"))
LINK_COLUMNS = (
    ("id", "号"),
    ("division", "区划代码"),
    ("label", "岗位"),
    ("expires_on", "到期"),
    ("revoked_at", "收回"),
)
expires_option = click.option("--expires", metavar="DATE", help="从哪天起失效；默认三十天后 expires on")
site_option = click.option(
    "--site",
    required=True,
    metavar="URL",
    help="村里的手机打开的网址，例如 https://map.example.gov.cn the public address",
)


@click.group()
def group() -> None:
    """审核：从填报到镇审、县核；发确认链接。From village to city: pass and return entries."""


@group.command(name="list")
@click.option("--division", help="哪个区划里；默认自己的全部范围 within")
@click.option(
    "--state",
    type=click.Choice(STATES),
    default="waiting",
    show_default=True,
    help="waiting 等我的，reported 等镇审，town 等县核，returned 退回的，wrong 村里说有误的，all 全部",
)
@options.form
def list_(division: str | None, state: str, form: str) -> None:
    """等我审核的、退回的、村里说有误的。What waits for me."""
    rows = list(Client().pages("reviews", "after", division=division, state=state, limit=500))
    for row in rows:
        row["step"] = STEPS.get(row["state"], row["state"])
        returned = f"{row['returned_by']} 退回：{row['reason']}" if row["returned_on"] else ""
        wrong = f"{row['wrong_on']} 村里说：{row['wrong']}" if row["wrong"] else ""
        row["remark"] = "；".join(filter(None, (returned, wrong)))
    show(rows, COLUMNS, form)
    remark(f"共 {len(rows)} 条")


@group.command(name="pass")
@click.argument("codes", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="只看预案，什么都不改 the plan only")
@click.option("--skip-bad", is_flag=True, help="不能通过的跳过，其余的通过 pass the others")
@options.form
def pass_(codes: tuple[str, ...], dry_run: bool, skip_bad: bool, form: str) -> int:
    """通过这些编号：先列出预案，全部能通过才执行。Pass these; all or none.

    例如 review list --format csv 之后 review pass F0000001-5 F0000002-3
    """
    client = Client()
    codes = tuple(dict.fromkeys(codes))
    # 500 is what the server takes at once
    plan = [row for at in range(0, len(codes), 500) for row in _sent(client, codes[at : at + 500])]
    for row in plan:
        row["from"], row["to"] = (STEPS.get(row[name] or "", row[name]) for name in ("before", "after"))
        row["why"] = row["problem"]["detail"] if row.get("problem") else None
    show(plan, PLAN_COLUMNS, form)
    good = [row for row in plan if not row.get("problem")]
    bad = len(plan) - len(good)
    if bad and not skip_bad and not dry_run:
        raise InvalidError(f"{bad} 条不能通过，什么都没有改；其余的可以加 --skip-bad", "cannot_pass")
    for at in range(0, 0 if dry_run else len(good), 500):
        items = [{"code": row["code"], "version": row["version"]} for row in good[at : at + 500]]
        client.post("reviews/pass", {"items": items, "apply": True})
    remark(f"{len(good)} 条{'可以' if dry_run else '已'}通过，{bad} 条不能")
    return 3 if bad else 0


def _sent(client: Client, codes: tuple[str, ...]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.post("reviews/pass", {"items": [{"code": code} for code in codes]})[
        "items"
    ]
    return items


@group.command(name="return")
@click.argument("code")
@click.option("--reason", required=True, help="为什么退回，填报的岗位看得到 why")
def return_(code: str, reason: str) -> None:
    """退回一条，说明原因；改了以后重新审核。Return an entry with a reason."""
    client = Client()
    version = client.get(f"facility-records/{code}")["version"]
    headers = {"If-Match": f'"{version}"', "Idempotency-Key": uuid.uuid4().hex}
    answer = client.send("POST", f"reviews/{code}/return", {"reason": reason}, headers)
    click.echo(f"{answer['code']} {answer['items'][-1]['name']}：已退回")


@group.command(name="skip-town")
@click.option("--county", required=True, help="县（市、区）的区划代码 which county")
@click.argument("state", type=click.Choice(["on", "off"]))
def skip_town(county: str, state: str) -> None:
    """本县（市、区）不要镇审（on），或恢复镇审（off）。Whether the county passes without the towns.

    例如 review skip-town --county 441802 on
    """
    answer = Client().post("reviews/skip-town", {"division": county, "on": state == "on"})
    said = "不要镇审，县直接核" if answer["on"] else "先镇审，再县核"
    click.echo(f"{answer['name']}：{said}{'' if answer['changed'] else '（原来就是）'}")


@group.command(name="confirm-links")
@click.option("--division", required=True, help="哪个区划；镇、县则给里面的每个村（居）各一个 which")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="放链接文件的文件夹；给一个村时可不写"
)
@site_option
@expires_option
def confirm_links(division: str, folder: Path | None, site: str, expires: str | None) -> int:
    """给村（居）发确认链接：在微信里点开，一分钟确认还开着、时间电话对不对。One link for each community.

    链接等于签名，只能做这件事；再发一次，原来的随即失效。文件已在的村不再发，中断后接着发。
    """
    client = Client()
    given = {"expires_on": expires} if expires else {}
    named = client.get(f"divisions/{division}")
    if folder:
        below = client.pages("divisions", "after", parent=division, level="community")
        return _write(client, [named] if named["level"] == "community" else below, folder, site, given)
    if named["level"] != "community":
        raise InvalidError("几个村（居）的链接要写进文件夹：请给 --folder", "folder_needed")
    made = client.post("confirmations", {"division": division, **given})
    remark("下面的链接只显示这一次；请发给这个村（居）的岗位：")
    click.echo(site.rstrip("/") + made["path"])
    return 0


def _write(
    client: Client, communities: Iterable[dict[str, Any]], folder: Path, site: str, given: dict[str, str]
) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    progress, issued, kept = Progress("已发链接"), 0, 0
    for each in communities:
        path = folder / f"{each['code']} {file_name(each['name'])}.txt"
        if each.get("virtual") or path.exists():
            kept += path.exists()
            continue
        made = client.post("confirmations", {"division": each["code"], **given})
        item = made["item"]
        sealed(
            path,
            f"{item['division_name']}的同志：请点开下面的链接，看登记的服务点对不对，每处按一下，一分钟就好。"
            f"{item['expires_on']} 之前有效，请勿转发。\r\n{site.rstrip('/')}{made['path']}\r\n",
        )
        issued += 1
        progress.at(issued)
    progress.done()
    click.echo(f"发了 {issued} 个，在 {folder}；{kept} 个文件原来就在")
    return 3 if kept else 0


@group.command()
@options.form
def links(form: str) -> None:
    """列出自己范围内的确认链接；链接本身看不到。List the links in one's scope."""
    show(Client().get("confirmations")["items"], LINK_COLUMNS, form)


@group.command(name="revoke-link")
@click.argument("number", type=int)
def revoke_link(number: int) -> None:
    """收回一个确认链接（号见 review links），立即生效。Revoke a link at once."""
    item = Client().post(f"confirmations/{number}/revoke")["item"]
    click.echo(f"已收回 {item['label']}")
