"""监测快照: freeze, list, show, verify, approve, publish, retract, diff, and what was sent to whom."""

import uuid
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.coverage import COLUMNS as ROW_COLUMNS
from admin_cli.output import cell, remark, show

STATES = {
    "frozen": "已冻结",
    "approved": "已批准",
    "published": "已公布",
    "replaced": "被代替",
    "retracted": "已撤回",
}
COLUMNS = (
    ("number", "号"),
    ("period_name", "监测期"),
    ("division", "区划代码"),
    ("division_name", "区划"),
    ("version", "版"),
    ("on", "截至"),
    ("state_name", "状态"),
    ("made_at", "冻结时间（UTC）"),
    ("made_by", "冻结岗位"),
    ("remark", "备注"),
    ("sha256", "SHA-256"),
)
SHORT = COLUMNS[:-1]
FIGURES = (
    ("indicator", "指标"),
    ("name", "名称"),
    ("division_name", "区划"),
    ("numerator", "分子"),
    ("denominator", "分母"),
    ("display", "现值"),
    ("needed", "尚差"),
)
PROBLEMS = {
    "content": "内容和冻结时不同",
    "public": "公众内容和冻结时不同",
    "audit": "和变更里记的不符",
    "anchor": "锚不在变更链上",
}
VERIFIED_COLUMNS = (
    ("number", "号"),
    ("period", "监测期"),
    ("division_name", "区划"),
    ("version", "版"),
    ("said", "结果"),
)
KINDS = {"late": "补报或更正", "since": "之后的变化"}
MOVED_COLUMNS = (
    ("kind_name", "怎样变的"),
    ("indicator", "指标"),
    ("definition", "口径"),
    ("division_name", "区划"),
    ("was", "原来"),
    ("is", "现在"),
    ("covered_names", "不再缺"),
    ("missing_names", "新缺"),
)
SENDING_COLUMNS = (
    *(
        ("number", "号"),
        ("period", "监测期"),
        ("division_name", "区划"),
        ("version", "版"),
        ("sent_to", "报给谁"),
    ),
    *(("sent_on", "哪天"), ("document_no", "文号"), ("note", "说明"), ("noted_by", "记录的岗位")),
)
MOST_NAMES = 5  # in a cell of the table; csv and json hold all


@click.group()
def group() -> None:
    """监测快照：冻结、核对、批准、公布、撤回。Frozen periods and their publication."""


@group.command()
@click.argument("division")
@click.argument("period")
@click.option("--on", metavar="DATE", help="截至哪一天；默认那一年的 12 月 31 日 as on that day")
@click.option("--reason", help="为什么冻结，记入变更 why")
def freeze(division: str, period: str, on: str | None, reason: str | None) -> None:
    """冻结一期的数字，成为下一版；以后不再变。Freeze the figures of a period.

    PERIOD 年度写 2026，中期写 mid-2025，终期写 final-2030。
    例 Example: servicemap-admin snapshot freeze 441800000000 2026
    """
    given = {"on": on, "reason": reason}
    body = {name: value for name, value in given.items() if value is not None}
    _say(_sent("snapshots", {"division": division, "period": period, **body}))


@group.command(name="list")
@click.option("--division", help="只列这个区划 only of this division")
@click.option("--period", help="只列这一期 only this period")
@options.form
def list_(division: str | None, period: str | None, form: str) -> None:
    """列出自己范围内的快照。List the snapshots in one's scope."""
    items = Client().get("snapshots", division=division, period=period)["items"]
    show([_named(facts) for facts in items], SHORT if form == "table" else COLUMNS, form)


@group.command(name="show")
@click.argument("number", type=int)
@options.form
def show_(number: int, form: str) -> None:
    """一个快照的步骤，和它的数字；json 是全部内容。A snapshot's steps and figures."""
    client = Client()
    facts = _named(client.get(f"snapshots/{number}"))
    content = client.get(f"snapshots/{number}/content")
    if form == "json":
        show([{**facts, "content": content}], COLUMNS, form)
        return
    if form == "csv":
        show(content["rows"], ROW_COLUMNS, form)
        return
    show([facts], COLUMNS, form)
    for step in facts["steps"]:
        click.echo(f"{step['on']} {STATES[step['state']]}（{step['by']}）{step['reason'] or ''}")
    click.echo(f"变更链的锚 {facts['anchor']}（用 audit verify --anchor 核对）\n")
    own = content["division"]["code"]
    shown = [row for row in content["rows"] if row["default"] and own in (row["division"], row.get("parent"))]
    show(shown, FIGURES, form)


@group.command()
@options.form
def verify(form: str) -> int:
    """重新计算每个快照的摘要，和变更链核对；有不符的退出码为 3。Recompute every hash."""
    from admin_cli.main import DONE, FINDINGS

    items = Client().get("snapshots/verify")["items"]
    for item in items:
        item["said"] = "；".join(PROBLEMS.get(code, code) for code in item["problems"]) or "相符"
    show(items, VERIFIED_COLUMNS, form)
    broken = sum(bool(item["problems"]) for item in items)
    remark(f"共 {len(items)} 个快照，{broken} 个不符")
    return FINDINGS if broken else DONE


@group.command()
@click.argument("number", type=int)
def approve(number: int) -> None:
    """批准；自己冻结的要由别的岗位批准。Approve what another post froze."""
    _say(_sent(f"snapshots/{number}/approve", {}))


@group.command()
@click.argument("number", type=int)
def publish(number: int) -> None:
    """公布已批准的；原来公布的一版被代替。Publish; an older version is replaced."""
    _say(_sent(f"snapshots/{number}/publish", {}))


@group.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="为什么撤回，公众看得到 why, shown to all")
def retract(number: int, reason: str) -> None:
    """撤回公布了的；公众看得到撤回和原因，看不到数字。Retract with a reason."""
    _say(_sent(f"snapshots/{number}/retract", {"reason": reason}))


@group.command()
@click.argument("number", type=int)
@click.argument("other", type=int, required=False)
@options.form
def diff(number: int, other: int | None, form: str) -> None:
    """和另一号快照比；不给就和今天比：补报或更正、之后的变化。What moved, and the divisions behind it.

    补报或更正：截止日相同，后来才知道的；快照不因它而变。
    """
    items = Client().get(f"snapshots/{number}/diff", to=other)["items"]
    most = MOST_NAMES if form == "table" else None
    for item in items:
        item["kind_name"] = KINDS.get(item["kind"], item["kind"])
        item["was"], item["is"] = _figure(item["before"]), _figure(item["after"])
        item["covered_names"], item["missing_names"] = (
            _names(item[name], most) for name in ("covered", "missing")
        )
    show(items, MOVED_COLUMNS, form)
    late = sum(item["kind"] == "late" for item in items)
    remark(f"变了 {len(items)} 个数字，其中补报或更正 {late} 个；快照不变")


@group.command()
@click.argument("number", type=int)
@click.option("--to", required=True, help="报给谁 to whom")
@click.option("--on", required=True, metavar="DATE", help="哪天报的 when")
@click.option("--document", help="文号 number of the document")
@click.option("--note", help="说明 a note")
def sent(number: int, to: str, on: str, document: str | None, note: str | None) -> None:
    """记一次报送：批准了的一版何时报给了谁。Note that a version was sent.

    例如 snapshot sent 3 --to 市妇儿工委办公室 --on 2027-04-20 --document 清城妇儿工委〔2027〕3号
    """
    given = {"sent_to": to, "sent_on": on, "document_no": document, "note": note}
    body = {name: value for name, value in given.items() if value is not None}
    done = _sent(f"snapshots/{number}/sendings", body)
    click.echo(f"第 {number} 号第 {done['version']} 版，{done['sent_on']} 报{done['sent_to']}")


@group.command()
@click.argument("number", type=int, required=False)
@options.form
def sendings(number: int | None, form: str) -> None:
    """报送记录：哪一版、何时、报给了谁。What was sent to whom, in which version."""
    show(Client().get("sendings", snapshot=number)["items"], SENDING_COLUMNS, form)


def _sent(path: str, body: dict[str, Any]) -> dict[str, Any]:
    return Client().send("POST", path, body, {"Idempotency-Key": uuid.uuid4().hex})


def _named(facts: dict[str, Any]) -> dict[str, Any]:
    reasons = [step["reason"] for step in facts["steps"] if step["state"] == "retracted"]
    replaced = [f"由第 {facts['replaced_by']} 版代替"] if facts["replaced_by"] else []
    state = STATES.get(facts["state"], facts["state"])
    return {**facts, "state_name": state, "remark": "；".join([*reasons, *replaced])}


def _say(facts: dict[str, Any]) -> None:
    named = _named(facts)
    click.echo(
        f"第 {facts['number']} 号 {facts['period_name']} {facts['division_name']} 第 {facts['version']} 版"
        f"（截至 {facts['on']}）：{named['state_name']}"
    )
    click.echo(f"SHA-256 {facts['sha256']}")


def _figure(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return "—"
    over = f"/{cell(figures['denominator'])}" if figures["denominator"] is not None else ""
    return f"{cell(figures['numerator']) or '—'}{over} {figures['display']}"


def _names(divisions: list[dict[str, Any]], most: int | None) -> str:
    names = "、".join(each["name"] for each in divisions[:most])
    return names if most is None or len(divisions) <= most else f"{names} 等 {len(divisions)} 个"
