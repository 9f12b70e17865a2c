"""覆盖率: disparity, reach."""

from itertools import groupby

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.coverage import FOOTNOTE, group
from admin_cli.output import cell, remark, show, table

__all__ = ["group"]

DISPARITY_COLUMNS = (
    *(("indicator", "指标"), ("name", "名称"), ("by_name", "比什么"), ("one_name", "一方")),
    *(("one_value", "值"), ("other_name", "另一方"), ("other_value", "值"), ("difference", "差")),
    *(("ratio", "比"), ("unit", "单位"), ("by", "by"), ("definition", "口径")),
)
REACH_COLUMNS = (
    *(("indicator", "指标"), ("name", "名称"), ("division", "区划代码"), ("division_name", "区划")),
    *(("radius_m", "米"), ("numerator", "分子"), ("denominator", "知道位置"), ("unplaced", "不知道位置")),
    *(("display", "显示"), ("least", "至少"), ("definition", "口径")),
)


@group.command()
@click.argument("division")
@options.on
@options.form
def disparity(division: str, on: str | None, form: str) -> None:
    """差距：县（市、区）之间、城乡之间、民族自治县和其余之间。Gaps between the parts of a division.

    例 Example: servicemap-admin coverage disparity 441800000000 --on 2026-12-31
    """
    rows = Client().get(f"coverage/{division}/disparity", on=on)["items"]
    for row in rows:
        for side in ("one", "other"):
            row[f"{side}_name"], row[f"{side}_value"] = row[side]["name"], row[side]["display"]
    if form != "table":
        show(rows, DISPARITY_COLUMNS, form)
        return
    for _, of_one in groupby(rows, key=lambda row: row["indicator"]):
        of_indicator = list(of_one)
        click.echo(f"\n{of_indicator[0]['indicator']} {of_indicator[0]['name']}")
        lines = [
            [
                row["by_name"],
                f"{row['one_name']} {row['one_value']}",
                f"{row['other_name']} {row['other_value']}",
                f"{row['difference']}{' 个百分点' if row['unit'] == '%' else ''}",
                cell(row["ratio"]) or "—",
            ]
            for row in of_indicator
        ]
        for line in table(lines, ["比什么", "一方", "另一方", "差", "比"]).splitlines():
            click.echo(f"  {line}")
    remark(f"共 {len(rows)} 行。两方都合并计算；{FOOTNOTE}")


@group.command()
@click.argument("division")
@options.on
@options.form
def reach(division: str, on: str | None, form: str) -> None:
    """可及：多少村（居）在 1、3、5 公里内有服务点。Communities within 1, 3 and 5 km of a site.

    村（居）的位置是它已知服务点的中心；不知道位置的不算，另列。
    例 Example: servicemap-admin coverage reach 441802000000
    """
    rows = Client().get(f"coverage/{division}/reach", on=on)["items"]
    if form != "table":
        show(rows, REACH_COLUMNS, form)
        return
    for _, of_one in groupby(rows, key=lambda row: row["indicator"]):
        of_indicator = list(of_one)
        click.echo(f"\n{of_indicator[0]['indicator']} {of_indicator[0]['name']}")
        lines = []
        for _, of_place in groupby(of_indicator, key=lambda row: row["division"]):
            near, middle, far = of_place
            lines.append(
                [
                    near["division_name"],
                    *(f"{row['least']}–{row['display']}" for row in (near, middle, far)),
                    cell(near["denominator"]),
                    cell(near["unplaced"]),
                ]
            )
        head = ["区划", "1 公里", "3 公里", "5 公里", "知道位置", "不知道"]
        for line in table(lines, head).splitlines():
            click.echo(f"  {line}")
    remark(
        "直线距离；村（居）的位置是它已知服务点的中心，高是只算知道位置的，低是不知道的都算作太远。按截尾，不四舍五入。"
    )
