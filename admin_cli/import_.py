"""导入: list, show, undo. (`facility import` makes them.)"""

import json
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show
from admin_cli.words import Words, moment

STATES = {"open": "没有送完", "planned": "只有预案", "applied": "已执行", "undone": "已撤销"}
COLUMNS = (
    ("id", "号"),
    ("file_name", "文件"),
    ("said", "状态"),
    ("created", "新增"),
    ("updated", "更新"),
    ("rejected", "退回"),
    ("actor", "谁"),
    ("created_at", "何时"),
)
MOST_SHOWN = 20


@click.group(name="import")
def group() -> None:
    """导入过的文件：列出、查看、撤销。Imports."""


@group.command(name="list")
@click.option("--limit", default=50, show_default=True, help="最多几个 at most")
@options.form
def list_(limit: int, form: str) -> None:
    """列出导入，新的在前。List the imports, the latest first."""
    rows: list[dict[str, Any]] = []
    for item in Client().pages("imports", "before", limit=min(limit, 500)):
        counts = item["counts"] or {}
        at = item["created_at"] if form == "json" else moment(item["created_at"])
        said = STATES.get(item["state"], item["state"])
        rows.append({**item, **counts, "said": said, "created_at": at})
        if len(rows) == limit:
            break
    show(rows, COLUMNS, form)


@group.command(name="show")
@click.argument("number", type=int)
@options.form
def show_(number: int, form: str) -> None:
    """一次导入：谁、何时、结果，和退回的行。One import, with what was refused."""
    client = Client()
    item = client.get(f"imports/{number}")
    plan = client.get(f"imports/{number}/plan")
    if form == "json":
        click.echo(json.dumps({**item, "problems": plan["problems"]}, ensure_ascii=False, indent=2))
        return
    words = {"file_name": "文件", "as_of": "文件日期", "actor": "谁", "created_at": "何时"}
    words |= {"applied_at": "执行", "undone_at": "撤销"}
    pairs = [
        {"field": word, "value": moment(item[name]) if name.endswith("_at") else item[name]}
        for name, word in words.items()
        if item.get(name)
    ]
    pairs.insert(1, {"field": "状态", "value": STATES.get(item["state"], item["state"])})
    names = {"rows": "行", "created": "新增", "updated": "更新", "unchanged": "没有变化", "rejected": "退回"}
    counts = item["counts"] or {}
    pairs += [{"field": word, "value": counts[name]} for name, word in names.items() if name in counts]
    show(pairs, (("field", "项目"), ("value", "内容")), form)
    for problem in plan["problems"][:MOST_SHOWN]:
        where = f"工作表“{problem['sheet']}”" if "sheet" in problem else ""
        click.echo(f"{where}第 {problem['row']} 行 {problem['column']}: {problem['detail']}")


@group.command()
@click.argument("number", type=int)
@click.option("--dry-run", is_flag=True, help="只看会怎样，不撤销 plan only")
@options.form
def undo(number: int, dry_run: bool, form: str) -> int:
    """撤销一次导入。Take an import back.

    它改过、之后没有人再改的字段恢复原样；它新增的服务点关闭（不删除，原因 导入撤销）；之后有人改过的不动，逐个列出。
    撤销后，改好的文件可以重新导入。
    """
    client = Client()
    plan = client.get(f"imports/{number}/undo")
    if not dry_run:
        plan = client.post(f"imports/{number}/undo", {"seq": plan["seq"]})
    if form == "json":
        click.echo(json.dumps(plan, ensure_ascii=False, indent=2))
    else:
        word, words = "预案" if dry_run else "完成", Words(client)
        click.echo(f"{word}：恢复 {plan['restored']}，关闭 {plan['closed']}，不动 {plan['kept_total']}")
        for change in plan["changes"][:MOST_SHOWN]:
            click.echo(f"  {change['code']} {change['name']}")
            for line in words.changes(change["changed"]):
                click.echo(f"    {line}")
        for kept in plan["kept"]:
            fields = f"（{'、'.join(map(words.heading, kept['fields']))}）" if kept["fields"] else ""
            remark(f"不动 {kept['code']} {kept['name']}{fields}: {kept['detail']}")
    return 3 if plan["kept_total"] else 0
