"""覆盖率: report, gaps."""

from itertools import groupby
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import cell, remark, show, table
from admin_cli.words import STEPS

COLUMNS = (
    ("indicator", "指标"),
    ("name", "名称"),
    ("clause", "依据"),
    ("division", "区划代码"),
    ("division_name", "区划"),
    ("numerator", "分子"),
    ("denominator", "分母"),
    ("reported", "填报"),
    ("town_passed", "镇审"),
    ("county_passed", "县核"),
    ("verified", "其中已核实"),
    ("stale", "其中久未核实"),
    ("answered_none", "答了没有"),
    ("unanswered", "没有回答"),
    ("value", "现值"),
    ("display", "显示"),
    ("unit", "单位"),
    ("target", "目标"),
    ("target_text", "目标说明"),
    ("key", "重点"),
    ("project", "项目"),
    ("department", "责任部门"),
    ("due_year", "年限"),
    ("needed", "尚差"),
    ("met", "达到"),
    ("definition", "口径"),
    ("definition_name", "口径说明"),
    ("default", "默认口径"),
    ("on", "截至"),
    ("population_on", "人口截至"),
    ("remark", "备注"),
    ("demo", "示例"),
)
GAP_COLUMNS = (
    ("indicator", "指标"),
    ("code", "代码"),
    ("name", "名称"),
    ("where", "所在"),
    ("population", "人口"),
    ("answer_name", "回答"),
    ("nearest_name", "最近的现有"),
    ("distance_m", "米"),
)
PROOF_COLUMNS = (
    *(
        ("division", "区划代码"),
        ("division_name", "区划"),
        ("code", "编号"),
        ("name", "名称"),
        ("type", "类型"),
    ),
    *(
        ("step", "审核"),
        ("verified_on", "核实"),
        ("number", "计"),
        ("documents", "依据"),
        ("activities", "活动"),
    ),
)
RANK_COLUMNS = (
    *(("indicator", "指标"), ("name", "名称"), ("group", "组"), ("rank", "位次"), ("moved", "升降")),
    *(("division", "区划代码"), ("division_name", "县（市、区）"), ("needed", "尚差"), ("numerator", "分子")),
    *(("denominator", "分母"), ("value", "现值"), ("display", "显示"), ("unit", "单位"), ("met", "达到")),
)
RANK_GROUPS = {"ranked": "{}", "small": "*{}", "unknown": "待核"}
ANSWERS = {"waiting": "填报了，等审核", "none": "答了没有", "unknown": "没有回答"}
FOOTNOTE = "按截尾，不四舍五入。尚差 N 个指达到目标值还要 N 个。"


@click.group()
def group() -> None:
    """覆盖率：报告、缺口。Coverage of the plan's targets."""


@group.command()
@click.argument("division")
@options.on
@options.form
def report(division: str, on: str | None, form: str) -> None:
    """一个区划及其下一级的全部指标和口径。All indicators of a division and those below it.

    例 Example: servicemap-admin coverage report 441800000000 --on 2026-12-31
    """
    rows = _report(Client(), division, on)
    if form == "table":
        _print(rows)
    else:
        show(rows, COLUMNS, form)


def _report(client: Client, division: str, on: str | None) -> list[dict[str, Any]]:
    anchor = client.get("audit/head")["anchor"]  # first: what the figures count is at least as new
    return [{**row, "anchor": anchor} for row in client.get(f"coverage/{division}", on=on)["items"]]


def _print(rows: list[dict[str, Any]]) -> None:
    if any(row["demo"] for row in rows):
        click.echo("【示例库：服务点都是虚构的】")
    for indicator, group_rows in groupby(rows, key=lambda row: row["indicator"]):
        of_indicator = list(group_rows)
        first = of_indicator[0]
        asked = first["target_text"] or next(
            (row["target_text"] for row in of_indicator if row["target_text"]), None
        )
        target = f"目标 {asked}（{first['due_year']}）" if asked else "没有目标"
        click.echo(f"\n{indicator} {first['name']}")
        click.echo(
            f"  {first['clause']}；{target}；{first['department']}{'；重点指标' if first['key'] else ''}"
        )
        if all(row["value"] is None for row in of_indicator) and first["remark"]:
            click.echo(f"  {first['remark']}")
            continue
        lines = [
            [
                row["division_name"],
                cell(row["numerator"]) or "—",
                cell(row["denominator"]),
                row["display"],
                f"尚差 {row['needed']} 个" if row["needed"] else {True: "达到", None: ""}.get(row["met"], ""),
                row["remark"] or "",
            ]
            for row in of_indicator
            if row["default"]
        ]
        for line in table(lines, ["区划", "分子", "分母", "现值", "对目标", "备注"]).splitlines():
            click.echo(f"  {line}")
        click.echo(f"  口径：{first['definition_name']}")
        if first["numerator"] is not None:
            steps = f"填报 {first['reported']}，镇审 {first['town_passed']}，县核 {first['county_passed']}"
            checked = "" if first["verified"] is None else f"，其中 12 个月内核实过 {first['verified']}"
            steps += checked
            words = ("不是", "不清楚") if first["kind"] == "place_share" else ("答了没有", "没有回答")
            silent = f"；{words[0]} {first['answered_none']}，{words[1]} {first['unanswered']}"
            click.echo(f"  {steps}{silent if first['unanswered'] is not None else ''}")
        for row in of_indicator:
            if not row["default"] and row["division"] == first["division"]:
                figures = (
                    f"{cell(row['numerator'])}/{cell(row['denominator'])}"
                    if row["denominator"]
                    else cell(row["numerator"])
                )
                missing = f"，尚差 {row['needed']} 个" if row["needed"] else ""
                figure = row["remark"] or f"{figures} {row['display']}{missing}"
                click.echo(f"  另一口径（{row['definition_name']}）：{figure}")
    if rows:
        click.echo(f"\n截至 {rows[0]['on']}。{FOOTNOTE}")
        click.echo(f"变更链的锚 {rows[0]['anchor']}（用 audit verify --anchor 核对）")


@group.command()
@click.argument("division")
@options.on
@options.form
def rank(division: str, on: str | None, form: str) -> None:
    """各县（市、区）按重点指标的排序。The counties by the key indicators.

    例 Example: servicemap-admin coverage rank 441800000000 --on 2026-12-31
    """
    found = Client().get(f"coverage/{division}/ranking", on=on)
    if form != "table":
        show(found["items"], RANK_COLUMNS, form)
        return
    for _, rows in groupby(found["items"], key=lambda row: row["indicator"]):
        of_indicator = list(rows)
        first = of_indicator[0]
        click.echo(f"\n{first['indicator']} {first['name']}；目标 {first['target_text']}")
        if all(row["group"] == "unknown" for row in of_indicator):
            click.echo("  数据待核：全部")
            continue
        lines = [
            [
                RANK_GROUPS[row["group"]].format(row["rank"]),
                row["division_name"],
                f"尚差 {row['needed']} 个"
                if row["needed"]
                else {True: "达到", False: "", None: ""}[row["met"]],
                "—" if row["numerator"] is None else f"{row['numerator']}/{cell(row['denominator'])}",
                row["display"],
                "" if row["moved"] is None else f"{row['moved']:+d}",
            ]
            for row in of_indicator
        ]
        for line in table(lines, ["位次", "县（市、区）", "对目标", "数", "现值", "升降"]).splitlines():
            click.echo(f"  {line}")
    click.echo("\n各县（市、区）的全部重点指标")
    names = ("rank", "division_name", "reached", "short", "needed", "pending")
    lines = [[cell(line[name]) for name in names] for line in found["counties"]]
    click.echo(table(lines, ["位次", "县（市、区）", "达到", "没有达到", "尚差合计", "数据待核"]))
    click.echo(f"{found['rule']}分母不到 20 的另排（*），没有数据的不排。截至 {found['on']}。{FOOTNOTE}")


@group.command()
@click.argument("division")
@click.option("--indicator", required=True, help="哪个指标 which indicator")
@click.option("--definition", help="口径；默认用默认口径 which definition")
@click.option("--lacking", is_flag=True, help="按服务点算的比例里，还不是的和不清楚的 those that are not")
@options.on
@options.form
def proofs(
    division: str, indicator: str, definition: str | None, lacking: bool, on: str | None, form: str
) -> None:
    """一个数字背后的服务点，逐个列名。The places behind a figure, by name.

    例 Example: servicemap-admin coverage proofs 441802000000 --indicator T01.urban
    """
    asked = {"indicator": indicator, "definition": definition, "on": on, "limit": 2000}
    asked |= {"lacking": "true"} if lacking else {}
    rows = list(Client().pages(f"coverage/{division}/proofs", "offset", **asked))
    for row in rows:
        row["step"] = STEPS.get(row["state"], row["state"])
    show(rows, PROOF_COLUMNS, form)
    passed = [row for row in rows if row["state"] == "county"]
    covered = len({row["division"] for row in passed})
    remark(f"共 {len(rows)} 个，县核的 {len(passed)} 个，在 {covered} 个区划")


@group.command()
@click.argument("division")
@click.option("--indicator", multiple=True, help="只列这个指标，可重复；默认全部有目标的比例 only these")
@click.option("--definition", help="口径；默认用默认口径 which definition")
@options.on
@options.form
def gaps(
    division: str, indicator: tuple[str, ...], definition: str | None, on: str | None, form: str
) -> None:
    """还缺的区划，逐个列名。The divisions that an indicator still lacks, by name.

    例 Example: servicemap-admin coverage gaps 441802000000 --indicator T01.urban
    """
    found = list(
        Client().pages(
            f"coverage/{division}/gaps",
            "after",
            indicator=indicator,
            definition=definition,
            on=on,
            limit=2000,
        )
    )
    for gap in found:
        gap["answer_name"] = ANSWERS.get(gap["answer"], gap["answer"])
        gap["where"] = " ".join(step["name"] for step in gap["path"][:-1])
        nearest = gap["nearest"] or {}
        gap["nearest_name"], gap["distance_m"] = nearest.get("name"), nearest.get("distance_m")
    show(found, GAP_COLUMNS, form)
    remark(f"共 {len(found)} 个缺口")
