"""行政区划: import, list."""

from pathlib import Path
from typing import Any

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import about, remark, show

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


COLUMNS = (
    ("code", "代码"),
    ("name", "名称"),
    ("level", "层级"),
    ("community_kind", "村居类别"),
    ("valid_from", "启用"),
    ("valid_to", "停用"),
)


@click.group()
def group() -> None:
    """行政区划：导入、列出。Divisions."""


@group.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--encoding", help="文件编码，自动认不出时才要 text encoding")
def import_(file: Path, encoding: str | None) -> None:
    """导入区划名录（.csv 或 .xlsx）。Import a list of divisions: all of it or nothing.

    列 columns: code name level parent_code，可有 valid_from valid_to urban_rural replaces。
    """
    from servicemap.imports.sheet import open_sheets

    rows: list[dict[str, Any]] = []
    with about(file):
        sheets = open_sheets(file, encoding=encoding, is_heading=lambda text: text.lower() in HEADINGS)
        for row in (row for sheet in sheets for row in sheet.rows):
            named = {HEADINGS.get(heading.lower()): text for heading, text in row.cells.items()}
            rows.append({"row": row.number, **{field: text for field, text in named.items() if field}})
    counts = Client().post("divisions", {"rows": rows})
    click.echo(f"新增 {counts['created']}，更新 {counts['updated']}，没有变化 {counts['unchanged']}")
    remark(f"{file.name}: {len(rows)} 行")


@group.command(name="list")
@click.argument("parent", required=False)
@click.option("--level", help="只列这一级 province|city|county|town|community")
@options.form
def list_(parent: str | None, level: str | None, form: str) -> None:
    """列出区划：不给代码列最高一级，给代码列它的下一级。List divisions."""
    rows = list(Client().pages("divisions", "after", parent=parent, level=level))
    show(rows, COLUMNS, form)
