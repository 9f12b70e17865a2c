"""反馈: what families say is wrong, and the word back."""

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show

KINDS = {
    "closed": "关门了",
    "moved": "搬了",
    "hours": "时间不对",
    "phone": "电话打不通",
    "fee": "收费不对",
    "not_for_children": "不适合儿童",
    "other": "其他",
}
ANSWERS = {"fixed": "已改好", "not_so": "不是这样", "cannot_tell": "查不清"}
COLUMNS = (
    ("receipt", "回执号"),
    ("code", "编号"),
    ("name", "名称"),
    ("division_name", "区划"),
    ("said", "哪里不对"),
    ("text", "家庭的话"),
    ("received_on", "收到"),
    ("told", "答复"),
    ("word", "工作人员的话"),
)


@click.group()
def group() -> None:
    """反馈：家庭说哪里不对。What families say is wrong."""


@group.command(name="list")
@click.option("--division", help="只列这个区划里的 within a division")
@click.option("--code", help="只列这个服务点的 about one facility")
@click.option("--all", "answered_too", is_flag=True, help="答复过的也列出 answered ones too")
@options.form
def list_(division: str | None, code: str | None, answered_too: bool, form: str) -> None:
    """列出等答复的反馈，先收到的在前。List what waits for an answer, the oldest first."""
    state = None if answered_too else "open"
    rows = list(Client().pages("feedback", "after", division=division, code=code, state=state))
    for row in rows:
        row["said"] = KINDS.get(row["kind"], row["kind"])
        row["told"] = ANSWERS.get(row["answer"], row["answer"])
    show(rows, COLUMNS, form)


@group.command()
@click.argument("receipt")
@click.argument("answer", type=click.Choice(list(ANSWERS)))
@click.option("--word", default="", help="给家庭的一句话，人人看得到 a word for everybody to read")
@click.option(
    "--checked", is_flag=True, help="核对过整条资料，记为今天核实 the record is verified as of today"
)
def answer(receipt: str, answer: str, word: str, checked: bool) -> None:
    """答复：fixed 已改好（先改资料）、not_so 不是这样、cannot_tell 查不清。Answer a family.

    例如 feedback answer 1234-5678-9012-3456 fixed --word 电话已更新 --checked
    """
    body = {"answer": answer, "word": word, "checked": checked}
    outcome = Client().post(f"feedback/{receipt}/answer", body)
    click.echo(f"{outcome['receipt']} {outcome['name']}：{ANSWERS[outcome['answer']]}")
    if outcome["changed"]:
        remark(f"家庭会看到改了：{'、'.join(outcome['changed'])}")
