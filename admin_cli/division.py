"""行政区划: import, list, show, merge, split, rename."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show
from admin_cli.sheets import read_rows

# heading as a file may write it → field of the API
HEADINGS = {
    "code": "code",
    "代码": "code",
    "区划代码": "code",
    "name": "name",
    "名称": "name",
    "level": "level",
    "层级": "level",
    "parent_code": "parent_code",
    "上级代码": "parent_code",
    "valid_from": "valid_from",
    "启用日期": "valid_from",
    "valid_to": "valid_to",
    "停用日期": "valid_to",
    "urban_rural": "urban_rural",
    "urban_rural_code": "urban_rural",
    "城乡分类": "urban_rural",
    "replaces": "replaces",
    "替代": "replaces",
}
PLACE_HEADINGS = {"code": "code", "编号": "code", "to_code": "to_code", "新区划": "to_code"}

COLUMNS = (
    ("code", "代码"),
    ("name", "名称"),
    ("level", "层级"),
    ("community_kind", "村居类别"),
    ("valid_from", "启用"),
    ("valid_to", "停用"),
)
HISTORY = (("what", "沿革"), ("code", "代码"), ("name", "名称"), ("on", "日期"), ("document", "文号"))
CHANGES = (("what", "变更"), ("code", "代码"), ("name", "名称"), ("others", "与之有关"))
PLACES = (
    ("code", "编号"),
    ("name", "名称"),
    ("address", "地址"),
    ("from_code", "原区划"),
    ("to_code", "新区划"),
)
LEVELS = {
    "province": "省",
    "city": "市",
    "county": "县（市、区）",
    "town": "乡镇（街道）",
    "community": "村（居）",
}
KINDS = {"residents_committee": "居委会", "villagers_committee": "村委会", "other": "其他"}
WORDS = {"create": "新设", "renew": "重新起算", "rename": "改名", "succeed": "并入", "end": "停用"}


@click.group()
def group() -> None:
    """行政区划：名录、沿革、变更。Divisions: the list, its history, its changes."""


def change(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every change of divisions."""
    for option in (
        options.form,
        click.option("--dry-run", is_flag=True, help="只看预案，不执行 plan only"),
        click.option("--document", default="", help="文号 the document that orders it"),
        click.option("--reason", default="", help="原因 why"),
    ):
        command = option(command)
    return command


def since(*, required: bool) -> Callable[..., Any]:
    return click.option(
        "--on",
        required=required,
        metavar="DATE",
        help="从哪一天起，例如 2026-03-01；不能在将来 from that day on",
    )


def with_places(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--places",
        type=click.Path(path_type=Path),
        help="服务点归哪里的表：列“编号”“新区划”；--dry-run --format csv 给出要填的表 where places go",
    )(command)


@group.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--encoding", help="文件编码，自动认不出时才要 text encoding")
@since(required=False)
@with_places
@change
def import_(
    file: Path,
    encoding: str | None,
    on: str | None,
    places: Path | None,
    reason: str,
    document: str,
    dry_run: bool,
    form: str,
) -> int:
    """导入区划名录（.csv 或 .xlsx）。Import a list of divisions: all of it or nothing.

    列 columns: code name level parent_code，可有 valid_from valid_to urban_rural replaces（可写几个代码）。

    不给 --on：补充或更正名录，没有列出的不变。给 --on：文件是那一天起的全部区划，与现在的比较，
    新设、撤销、改名、改上级一次执行，服务点随 replaces 转移；没有列出的即撤销。
    With --on the file is a whole new edition of the list from that day on.
    """
    rows = read_rows(file, HEADINGS, encoding)
    remark(f"{file.name}: {len(rows)} 行")
    if on:
        body = {"rows": rows, "places": _places(places)}
        return _change("edition", body, on, reason, document, dry_run, form)
    if dry_run or places or reason or document:
        raise click.UsageError("--dry-run、--places、--reason、--document 要和 --on 一起用")
    counts = Client().post("divisions", {"rows": rows})
    click.echo(f"新增 {counts['created']}，更新 {counts['updated']}，没有变化 {counts['unchanged']}")
    return 0


def _places(file: Path | None) -> dict[str, str]:
    rows = read_rows(file, PLACE_HEADINGS) if file else []
    return {row["code"]: row["to_code"] for row in rows if row.get("code") and row.get("to_code")}


def _change(
    kind: str, body: dict[str, Any], on: str, reason: str, document: str, dry_run: bool, form: str
) -> int:
    """Ask for the plan and show it; carry out just this plan unless it is only to be seen."""
    client, path = Client(), f"division-changes/{kind}"
    body = {**body, "on": on, "reason": reason, "document": document}
    plan = client.post(path, body)
    if dry_run or not plan["problems"]:
        _show(plan, form)
    if dry_run:
        for problem in plan["problems"]:
            cure = f"；{problem['cure']}" if "cure" in problem else ""
            remark(f"不能执行：{problem['detail']}{cure} [{problem['code']}]")
        return 3 if plan["problems"] else 0
    client.post(path, {**body, "apply": True, "seq": plan["seq"]})  # it says what is wrong, if anything is
    remark("已执行")
    return 0


def _show(plan: dict[str, Any], form: str) -> None:
    """The plan; as csv only the places, to be filled and given back by --places."""
    if form == "json":
        show([plan], (), form)
        return
    for each in plan["divisions"]:
        each["what"] = WORDS.get(each["action"], each["action"])
        others = [each["former_name"] or "", *each["predecessors"], *each["successors"]]
        each["others"] = " ".join(filter(None, others))
    if form == "table":
        show(plan["divisions"], CHANGES, form)
    if form == "csv" or plan["places"]:
        show(plan["places"], PLACES, form)
    remark(f"{plan['on']} 起：区划 {len(plan['divisions'])} 项，转移服务点 {len(plan['places'])} 个")


@group.command()
@click.argument("codes", nargs=-1, required=True)
@click.option("--into", required=True, metavar="CODE", help="并入的区划，或新区划的代码 the one they become")
@click.option("--name", default="", help="名称；新区划必填 its name, if it is new")
@since(required=True)
@change
def merge(
    codes: tuple[str, ...],
    into: str,
    name: str,
    on: str,
    reason: str,
    document: str,
    dry_run: bool,
    form: str,
) -> int:
    """合并区划，服务点一起转过去。Merge divisions; their places follow.

    例 Example: servicemap-admin division merge 441802001001 441802001002 --into 441802001009 --name 大北门社区 --on 2026-03-01
    """
    body = {"codes": codes, "into": into, "name": name}
    return _change("merge", body, on, reason, document, dry_run, form)


@group.command()
@click.argument("code")
@click.option("--into", multiple=True, required=True, metavar="CODE=NAME", help="分出的区划，重复写 each one")
@since(required=True)
@with_places
@change
def split(
    code: str,
    into: tuple[str, ...],
    on: str,
    places: Path | None,
    reason: str,
    document: str,
    dry_run: bool,
    form: str,
) -> int:
    """分设区划；服务点归哪里，由 --places 逐个说明。Split a division; --places says where places go.

    例 Example: servicemap-admin division split 441802001001 --into 441802001001=北门社区 --into 441802001009=新北社区 --on 2026-03-01 --dry-run --format csv > 去向.csv
    """
    heirs = [dict(zip(("code", "name"), each.split("=", 1), strict=False)) for each in into]
    if any(not heir.get("name") for heir in heirs):
        raise click.UsageError("--into 应写成 代码=名称")
    body = {"code": code, "into": heirs, "places": _places(places)}
    return _change("split", body, on, reason, document, dry_run, form)


@group.command()
@click.argument("code")
@click.argument("name")
@since(required=True)
@change
def rename(code: str, name: str, on: str, reason: str, document: str, dry_run: bool, form: str) -> int:
    """区划改名，代码不变；以前的日子仍用旧名。Give a division another name from a day on.

    例 Example: servicemap-admin division rename 441802001001 大北门社区 --on 2026-03-01 --document 清民〔2026〕3号
    """
    return _change("rename", {"code": code, "name": name}, on, reason, document, dry_run, form)


@group.command(name="list")
@click.argument("parent", required=False)
@click.option("--level", help="只列这一级 province|city|county|town|community")
@options.on
@options.form
def list_(parent: str | None, level: str | None, on: str | None, form: str) -> None:
    """列出区划：不给代码列最高一级，给代码列它的下一级。List divisions."""
    rows = list(Client().pages("divisions", "after", parent=parent, level=level, on=on))
    show([_worded(row) for row in rows] if form == "table" else rows, COLUMNS, form)


@group.command(name="show")
@click.argument("code")
@options.on
@options.form
def show_(code: str, on: str | None, form: str) -> None:
    """一个区划和它的沿革：曾用名、替代了谁、由谁替代。A division and its history."""
    one = Client().get(f"divisions/{code}", on=on)
    if form != "table":
        show([one], COLUMNS, form)
        return
    show([_worded(one)], COLUMNS, form)
    history = [
        *({**each, "what": "曾用名", "on": each["to_on"]} for each in one["former_names"]),
        *({**each, "what": "替代了"} for each in one["predecessors"]),
        *({**each, "what": "由它替代"} for each in one["successors"]),
    ]
    if history:
        show(history, HISTORY, form)


def _worded(row: dict[str, Any]) -> dict[str, Any]:
    """The level and the kind in Chinese, for people."""
    level, kind = row["level"], row["community_kind"]
    return {**row, "level": LEVELS.get(level, level), "community_kind": KINDS.get(kind, kind)}
