"""覆盖率: outlook, and the sample of places to go and look at."""

from collections.abc import Mapping
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.coverage_compare import group
from admin_cli.output import remark, show, table

__all__ = ["group"]

STATUSES = {
    "difficult": "预计完成困难",
    "overdue": "到期没有达到",
    "on_pace": "照这样能达到",
    "reached": "已达到",
    "too_few": "不到三期，不预测",
    "unknown": "没有数",
}
SHOWN = 3  # periods in the table
WARNED = ("difficult", "overdue")
OUTLOOK_COLUMNS = (
    *(("indicator", "指标"), ("name", "名称"), ("division", "区划代码"), ("division_name", "区划")),
    *(("target_text", "目标"), ("due_year", "年限"), ("status_name", "展望"), ("series", "各期")),
    *(("observed_pace", "每年变化"), ("required_pace", "每年需要"), ("projected", "到期值")),
    *(("swing_name", "波动"), ("change", "最后一次变化"), ("limit", "限度")),
    *(("expiring_names", "将失效"), ("staling_names", "将过期")),
)
SAMPLE_COLUMNS = (
    *(("code", "编号"), ("name", "名称"), ("type", "类型"), ("division_name", "区划")),
    *(("verified_on", "核实日期"), ("hash", "SHA-256(种子+编号)")),
)
RULES = (
    "每年变化 =（最后一期 - 第一期）÷ 年数；每年需要 =（目标 - 最后一期）÷ 余下的年数；到期值 = 最后一期 + 每年变化 × 余下的年数，"
    "达不到目标的是预计完成困难。不到三期不预测。波动较大：最后一次变化超过 5 个点或以前变化中位数的 2 倍中大的那个。"
)


@group.command()
@click.argument("division")
@click.option("--all", "everything", is_flag=True, help="没有预警的也列 those without a warning too")
@options.on
@options.form
def outlook(division: str, everything: bool, on: str | None, form: str) -> None:
    """预警：预计完成困难、波动较大、下季度末前要失效的；csv 和 json 是全部。Outlook and warnings.

    例 Example: servicemap-admin coverage outlook 441800000000
    """
    rows = Client().get(f"coverage/{division}/outlook", on=on)["items"]
    for row in rows:
        row["status_name"] = STATUSES.get(row["status"], row["status"])
        row["swing_name"] = "波动较大" if row["swings"] else ""
        row["series"] = " ".join(f"{each['year']}:{each['display']}" for each in row["values"])
        for name in ("expiring", "staling"):
            row[f"{name}_names"] = "、".join(each["name"] for each in row[name])
    if form != "table":
        show(rows, OUTLOOK_COLUMNS, form)
        return
    root = rows[0]["division"] if rows else ""
    warned = [row for row in rows if everything or is_warned(row, root)]
    lines = [
        [
            row["indicator"],
            row["division_name"],
            row["status_name"],
            " → ".join(each["display"] for each in row["values"][-SHOWN:]),
            "" if row["observed_pace"] is None else f"{row['observed_pace']}/{row['required_pace'] or '—'}",
            row["swing_name"],
            f"{len(row['expiring']) or ''}",
            f"{len(row['staling']) or ''}",
        ]
        for row in warned
    ]
    click.echo(table(lines, ["指标", "区划", "展望", "各期", "变化/需要", "波动", "将失效", "将过期"]))
    too_few = sum(row["status"] == "too_few" for row in rows)
    remark(f"{RULES}\n共 {len(rows)} 行，列出 {len(lines)} 行；不到三期的 {too_few} 行。名单用 --format csv")


def is_warned(row: Mapping[str, Any], root: str) -> bool:
    """A place that is looked at seldom is no news of a county beside the whole."""
    news = row["status"] in WARNED or row["swings"] or row["expiring"]
    return bool(news or (row["staling"] and row["division"] == root))


@group.command()
@click.argument("division")
@click.option("--indicator", required=True, help="哪个指标 which indicator")
@click.option("--seed", required=True, help="种子：事先公布的任意文字，例如抽查那天的日期 told beforehand")
@click.option("--size", type=int, default=20, show_default=True, help="抽几个 how many")
@options.on
@options.form
def sample(division: str, indicator: str, seed: str, size: int, on: str | None, form: str) -> None:
    """抽查名单：同样的种子谁来抽都一样。A random sample that anybody can draw again.

    例 Example: servicemap-admin coverage sample 441802000000 --indicator T01.urban --seed 2026-11-26
    """
    asked = {"indicator": indicator, "seed": seed, "size": size, "on": on}
    rows = Client().get(f"coverage/{division}/sample", **asked)["items"]
    if form == "table":
        for row in rows:
            row["hash"] = row["hash"][:12]
    show(rows, SAMPLE_COLUMNS, form)
    remark(f"种子“{seed}”，抽了 {len(rows)} 个：SHA-256(种子+编号) 小的在前，谁都能重抽一遍")
