"""依据和活动 of a facility's roles: what proves them, what they did."""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.facility_edits import group as group
from admin_cli.output import show

KINDS = {
    "document": "文件",
    "plaque_photo": "挂牌照片",
    "registration": "备案登记",
    "activity_record": "活动记录",
    "site_visit": "现场查看",
}
EVIDENCE_COLUMNS = (
    ("id", "号"),
    ("dated_on", "日期"),
    ("type", "类型"),
    ("kind_name", "依据"),
    ("body", "机关"),
    ("number", "文号"),
    ("note", "说明"),
    ("added_by", "岗位"),
    ("withdrawn_on", "撤回"),
)
ACTIVITY_COLUMNS = (
    ("held_on", "日期"),
    ("type", "类型"),
    ("topic", "主题"),
    ("for_whom", "面向"),
    ("families", "户数"),
    ("added_by", "岗位"),
)
type_option = click.option("--type", help="哪个挂牌的；只有一个时可不给 which role")


@group.group()
def evidence() -> None:
    """依据：证明一个挂牌的文件、照片、备案。What proves a role."""


@group.group()
def activity() -> None:
    """活动：一个挂牌为家庭做了什么。What a role did for families."""


@evidence.command(name="add")
@click.argument("code")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    required=True,
    help="；".join(f"{kind} {name}" for kind, name in KINDS.items()),
)
@click.option("--on", "dated_on", metavar="DATE", required=True, help="依据的日期 its date")
@type_option
@click.option("--body", help="发文或挂牌机关 issuing body")
@click.option("--number", help="文号 number of the document")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="文件或照片：只登记它的 SHA-256，文件不离开这台电脑 only its hash is sent",
)
@click.option("--note", help="说明；不写个人姓名 a note, without names")
def add_evidence(code: str, file: Path | None, **given: str | None) -> None:
    """登记一条依据。Add a proof.

    例如 facility evidence add F0000001-5 --kind plaque_photo --on 2026-09-01 --file 挂牌.jpg
    """
    if file:
        with file.open("rb") as opened:
            given["file_hash"] = hashlib.file_digest(opened, "sha256").hexdigest()
    _add(code, "evidence", given)


@evidence.command(name="list")
@click.argument("code")
@options.form
def list_evidence(code: str, form: str) -> None:
    """列出依据，新的在前。List the proofs, the latest first."""
    rows = Client().get(f"facilities/{code}/evidence")["items"]
    for row in rows:
        row["kind_name"] = KINDS.get(row["kind"], row["kind"])
    show(rows, EVIDENCE_COLUMNS, form)


@evidence.command()
@click.argument("code")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="为什么 why")
def withdraw(code: str, number: int, reason: str) -> None:
    """撤回一条登记错的依据（号见 evidence list）：留着，不再计入。Withdraw a proof."""
    answer = Client().post(f"facilities/{code}/evidence/{number}/withdraw", {"reason": reason})
    left = sum(not row["withdrawn_on"] for row in answer["items"])
    click.echo(f"{answer['code']}：已撤回第 {number} 号，还有效的 {left} 条")


@activity.command(name="add")
@click.argument("code")
@click.option("--on", "held_on", metavar="DATE", required=True, help="哪天 on which day")
@click.option("--topic", required=True, help="主题 what about")
@type_option
@click.option("--for", "for_whom", help="面向谁；不写姓名 for whom, without names")
@click.option("--families", type=int, help="多少户 how many families")
def add_activity(code: str, **given: Any) -> None:
    """记一次活动。Add an activity.

    例如 facility activity add F0000001-5 --on 2026-09-12 --topic 亲子阅读 --families 18
    """
    _add(code, "activities", given)


@activity.command(name="list")
@click.argument("code")
@options.form
def list_activities(code: str, form: str) -> None:
    """列出活动，新的在前。List the activities, the latest first."""
    show(Client().get(f"facilities/{code}/activities")["items"], ACTIVITY_COLUMNS, form)


def _add(code: str, path: str, given: dict[str, Any]) -> None:
    body = {name: value for name, value in given.items() if value is not None}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answer = Client().send("POST", f"facilities/{code}/{path}", body, headers)
    click.echo(f"{answer['code']}：已记下，共 {len(answer['items'])} 条")
