"""改一条资料: the verbs of one facility."""

import uuid
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.duplicates import duplicates, not_same
from admin_cli.facility import group as group  # more of its verbs stand in facility_evidence
from admin_cli.output import show
from admin_cli.words import STEPS, Words, moment
from servicemap.errors import InvalidError

ACTIONS = {
    "create": "新增",
    "update": "修改",
    "close": "关闭",
    "reopen": "恢复",
    "suspend": "暂停",
    "resume": "结束暂停",
    "convert": "改类型",
    "merge": "合并",
    "revert": "退回",
    "verify": "核实",
    "confirm": "村里确认",
    "pass_town": "镇审通过",
    "pass_county": "县核通过",
    "return": "退回",
}
MOST_LINES = 6  # of one change in the history
HISTORY_COLUMNS = (
    ("seq", "序号"),
    ("changed_at", "时间"),
    ("actor", "岗位"),
    ("did", "做了什么"),
    ("what", "内容"),
    ("why", "原因"),
)

group.add_command(duplicates)
group.add_command(not_same)
reason_option = click.option("--reason", required=True, help="为什么改，记入变更 why")
shown_reason_option = click.option("--reason", required=True, help="原因，也给公众看 why, shown to everybody")
on_option = click.option("--on", metavar="DATE", help="从哪天起；默认今天 from which day on")
type_option = click.option("--type", "types", multiple=True, help="哪个挂牌，可重复；默认全部 which roles")


def changed(code: str, verb: str, body: dict[str, Any]) -> None:
    """Send the change of the record as it is now, and say what it did."""
    client = Client()
    seen = client.get(f"facility-records/{code}")
    given = {
        name: value for name, value in body.items() if value not in ((),) and (value is not None or not verb)
    }
    # the key makes a request that was lost on the way safe to send again
    headers = {"If-Match": f'"{seen["version"]}"', "Idempotency-Key": uuid.uuid4().hex}
    path = f"facilities/{code}" + (f"/{verb}" if verb else "")
    answer = client.send("POST" if verb else "PATCH", path, given, headers)
    said(answer, nothing=answer["version"] == seen["version"])
    if answer["code"] == seen["code"]:
        for line in Words(client).differences(seen["items"], answer["items"]):
            click.echo(f"  {line}")


def said(answer: dict[str, Any], *, nothing: bool = False) -> None:
    row = answer["items"][-1]
    click.echo(
        f"{answer['code']} {row['name']}：{'没有变化' if nothing else '已记下'}，第 {answer['version']} 版"
    )


def cells_of(assignments: tuple[str, ...]) -> dict[str, str | None]:
    """字段=内容 as {field: text}; an empty content empties the field. Fields by name or by Chinese heading."""
    from servicemap.imports.columns import FIELDS, perhaps

    names = {word: each.name for each in FIELDS for word in (each.name, each.heading, *each.aliases)}
    cells: dict[str, str | None] = {}
    for text in assignments:
        word, sign, value = text.partition("=")
        if not sign:
            raise InvalidError(f"“{text}”应像 电话=0763-3360000", "bad_assignment")
        if word.strip() not in names:
            known = perhaps(word, names) or f"；字段有：{'、'.join(each.heading for each in FIELDS)}"
            raise InvalidError(f"没有“{word.strip()}”这个字段{known}", "bad_assignment")
        cells[names[word.strip()]] = value.strip() or None
    return cells


@group.command()
@click.argument("assignments", metavar="字段=内容…", nargs=-1, required=True)
@click.option("--reason", help="为什么加，记入变更 why")
def add(assignments: tuple[str, ...], reason: str | None) -> None:
    """加一个服务点。Add a facility.

    例如 facility add 名称=北门社区家长学校 类型=家长学校 区划代码=441802006001 电话=0763-3360000
    """
    body = {name: text for name, text in cells_of(assignments).items() if text is not None}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    said(Client().send("POST", "facilities", body | ({"reason": reason} if reason else {}), headers))


@group.command()
@click.argument("code")
@click.argument("assignments", metavar="字段=内容…", nargs=-1, required=True)
@reason_option
def edit(code: str, assignments: tuple[str, ...], reason: str) -> None:
    """改一条资料的几个字段；“字段=”为清空。Change some fields of a facility.

    “类型=…”是加挂一个牌（或说明改哪一个的）；改成另一类型用 facility convert。

    例如 facility edit F0000001-5 电话=0763-3360000 开放时间= --reason 电话核对
    """
    changed(code, "", cells_of(assignments) | {"reason": reason})


@group.command()
@click.argument("code")
@click.option("--address", help="新地址 new address")
@click.option("--division", help="新的区划代码 new division")
@click.option("--lng", help="经度 longitude")
@click.option("--lat", help="纬度 latitude")
@click.option("--datum", help="坐标系：高德、百度、天地图 datum")
@reason_option
def move(code: str, reason: str, **given: str | None) -> None:
    """搬了地方：地址、区划、坐标一起改；要重新核实。Moved: address, division, position."""
    cells = {name: text for name, text in given.items() if text}
    if not cells:
        raise InvalidError("请给新的 --address、--division，或 --lng --lat --datum", "nothing_given")
    changed(code, "", cells | {"reason": reason})


@group.command()
@click.argument("code")
@on_option
@type_option
@shown_reason_option
def close(code: str, on: str | None, types: tuple[str, ...], reason: str) -> None:
    """关闭：从哪天起不再有这些挂牌。Close from a day on."""
    changed(code, "close", {"on": on, "types": types, "reason": reason})


@group.command()
@click.argument("code")
@on_option
@type_option
@reason_option
def reopen(code: str, on: str | None, types: tuple[str, ...], reason: str) -> None:
    """恢复关闭了的挂牌；中间的日子仍是关闭。Reopen from a day on."""
    changed(code, "reopen", {"on": on, "types": types, "reason": reason})


@group.command()
@click.argument("code")
@click.option("--from", "from_on", metavar="DATE", help="从哪天起暂停；默认今天 from")
@click.option("--to", "to_on", metavar="DATE", help="哪天恢复；不给为待定 to")
@shown_reason_option
def suspend(code: str, from_on: str | None, to_on: str | None, reason: str) -> None:
    """暂停一段时间。Suspend for a time."""
    changed(code, "suspend", {"from_on": from_on, "to_on": to_on, "reason": reason})


@group.command()
@click.argument("code")
@on_option
@reason_option
def resume(code: str, on: str | None, reason: str) -> None:
    """结束暂停。End a suspension."""
    changed(code, "resume", {"on": on, "reason": reason})


@group.command()
@click.argument("code")
@click.option("--from-type", "old_type", required=True, help="原来的类型 old type")
@click.option("--to-type", "new_type", required=True, help="改成的类型 new type")
@on_option
@reason_option
def convert(code: str, old_type: str, new_type: str, on: str | None, reason: str) -> None:
    """从哪天起，一个挂牌改为另一类型。A role becomes one of another type."""
    changed(code, "convert", {"old_type": old_type, "new_type": new_type, "on": on, "reason": reason})


@group.command()
@click.argument("code")
@click.argument("into")
@on_option
@reason_option
def merge(code: str, into: str, on: str | None, reason: str) -> None:
    """同一处登记了两次：并入另一个编号，原编号以后回答它。Merge a duplicate into another."""
    changed(code, "merge", {"into": into, "on": on, "reason": reason})


@group.command()
@click.argument("code")
@on_option
@click.option("--reason", help="怎样核实的，例如 上门、电话 how")
def verify(code: str, on: str | None, reason: str | None) -> None:
    """核实：有人看过，资料是对的。Somebody looked, and the record is right."""
    changed(code, "verify", {"on": on, "reason": reason})


@group.command(name="none")
@click.option("--division", required=True, help="哪个村（居）、镇（街道） which division")
@click.option("--type", "types", multiple=True, required=True, help="没有哪个类型，可重复 which type")
@click.option("--on", metavar="DATE", help="哪天答的；默认今天 answered on")
def none(division: str, types: tuple[str, ...], on: str | None) -> None:
    """零报告：某天这里没有这个类型；和没有回答分开，以后有了自动失效。There is none, as of a day.

    例如 facility none --division 441802102200 --type 家长学校 --on 2026-12-31
    """
    body = {"division": division, "types": types} | ({"on": on} if on else {})
    added = Client().post("zero-reports", body)["added"]
    click.echo(f"记下 {added} 个“没有”{'' if added else '（原来就有）'}")


@group.command()
@click.argument("code")
@click.argument("seq", type=int)
@reason_option
def revert(code: str, seq: int, reason: str) -> None:
    """退回一次变更（序号见 history）；后来没有再改过的才能退。Take one change back.

    退回合并：写留下的编号。例如 facility revert F0000001-5 120 --reason 改错了一家
    """
    changed(code, "revert", {"seq": seq, "reason": reason})


@group.command()
@click.argument("code")
@options.form
def history(code: str, form: str) -> None:
    """一条资料的全部变更，新的在前。All changes of a facility, the latest first."""
    client = Client()
    words = Words(client)
    rows = client.get(f"facilities/{code}/history")["items"]
    for row in rows:
        fields = dict(row["changed"])
        row["why"] = fields.pop("reason", [None, None])[1]
        row["did"] = ACTIONS.get(row["action"], row["action"])
        if "review" in fields:
            fields["review"] = [STEPS.get(step, step) for step in fields["review"]]
        lines = words.changes(fields)
        row["what"] = "；".join(lines)
        if form == "table":
            why = f"（{row['why']}）" if row["why"] else ""
            click.echo(f"{row['seq']}  {moment(row['changed_at'])}  {row['actor']}  {row['did']}{why}")
            for line in lines[:MOST_LINES]:
                click.echo(f"    {line}")
            if len(lines) > MOST_LINES:
                click.echo(f"    等 {len(lines)} 项")
    if form != "table":
        show(rows, HISTORY_COLUMNS, form)
