"""覆盖率, for people and programs elsewhere: a workbook, a page, a PDF, SDMX-CSV; live or of a frozen period."""

from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.books import free_path
from admin_cli.client import Client
from admin_cli.coverage_material import evidence, material, of_department
from admin_cli.coverage_outlook import group
from servicemap.errors import InvalidError

__all__ = ["group"]

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
snapshot_option = click.option("--snapshot", type=int, help="第几号快照；默认现值 of a frozen period")


@group.command()
@click.argument("division")
@file_argument
@options.on
@snapshot_option
def book(division: str, file: Path, on: str | None, snapshot: int | None) -> None:
    """写成一个工作簿：概览、各县（带图）、缺口、排序、差距、可及、预警、依据、口径。As an .xlsx workbook.

    例 Example: servicemap-admin coverage book 441800000000 清远市2026.xlsx --on 2026-12-31
    """
    from admin_cli.coverage_book import write_book

    client = Client()
    found = material(client, division, on, snapshot)
    path = free_path(file if file.suffix == ".xlsx" else file.with_name(f"{file.name}.xlsx"))
    write_book(path, found, evidence(client, division, found, snapshot))
    click.echo(f"已写 {path}")


@group.command()
@click.argument("division")
@file_argument
@options.on
@snapshot_option
@click.option("--department", help="只写这个部门负责的，加上它的实施情况和下一年工作安排 of this department")
def page(division: str, file: Path, on: str | None, snapshot: int | None, department: str | None) -> None:
    """写成一页可以打印、签字的报告：.html，或 .pdf（由这台电脑上的浏览器打印）。As a page or a PDF.

    加 --department 就是部门的年度报告，妇儿工委的写 --department 妇儿工委；实施情况和下一年工作安排由 submission add 报送，没有报送的留着空格手写。

    例 Example: servicemap-admin coverage page 441800000000 清远市2026.pdf --snapshot 3
    """
    from admin_cli.coverage_page import page as made
    from admin_cli.pdf import print_pdf

    if file.suffix not in (".html", ".pdf"):
        raise InvalidError("文件名应以 .html 或 .pdf 结尾", "bad_file_name")
    client = Client()
    found = material(client, division, on, snapshot)
    if department:
        found = of_department(client, found, department, is_frozen=snapshot is not None)
    html = made(found)
    path = free_path(file)
    if path.suffix == ".pdf":
        print_pdf(html, path, found["rows"][0]["on"])
    else:
        try:
            path.write_text(html, encoding="utf-8", newline="")
        except OSError as error:
            raise InvalidError(
                f"写不了 {path}（{error.strerror}）；请换一个文件夹", "unwritable_file"
            ) from None
    click.echo(f"已写 {path}")


@group.command()
@click.argument("division")
@options.on
@snapshot_option
@options.output
def export(division: str, on: str | None, snapshot: int | None) -> None:
    """写成 SDMX-CSV 2.0，给统计系统读。As SDMX-CSV for statistics offices.

    例 Example: servicemap-admin coverage export 441800000000 --snapshot 3 --output 清远市2026.csv
    """
    from servicemap.sdmx import sdmx_csv

    client = Client()
    rows: list[dict[str, Any]]
    if snapshot:
        content = client.get(f"snapshots/{snapshot}/content")
        rows, freq, period = content["rows"], "A", str(content["period"]["year"])
    else:
        rows = client.get(f"coverage/{division}", on=on)["items"]
        freq, period = "D", rows[0]["on"]
    click.echo(sdmx_csv(rows, freq, period), nl=False)
