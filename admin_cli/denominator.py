"""分母名录: list, replace."""

from pathlib import Path

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import show
from admin_cli.sheets import read_rows

HEADINGS = {"code": "code", "代码": "code", "区划代码": "code"}
COLUMNS = (
    ("key", "名录"),
    ("edition", "哪一版"),
    ("document_no", "文号"),
    ("members", "区划数"),
    ("source", "来源"),
)


@click.group()
def group() -> None:
    """分母名录：比例对着哪些区划算。Lists that shares are measured against."""


@group.command(name="list")
@options.form
def list_(form: str) -> None:
    """列出分母名录；区划数 0 为全部合乎口径的区划。List them."""
    show(Client().get("denominator-lists")["items"], COLUMNS, form)


@group.command()
@click.argument("key")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--edition", required=True, help="哪一版，写日期，例如 2026-06-30 which edition")
@click.option("--source", required=True, help="来源 where it is from")
@click.option("--document", help="文号 number of the document")
def replace(key: str, file: Path, edition: str, source: str, document: str | None) -> None:
    """换上新一版：文件（.csv .xlsx）的“代码”列是它的区划。Replace it by the divisions of a file.

    例如 denominator replace divisions-2023 村居名录.xlsx --edition 2026-06-30 --source 市民政局 --document 清民〔2026〕9号
    """
    codes = [row["code"] for row in read_rows(file, HEADINGS) if row.get("code")]
    said = {"key": key, "edition": edition, "source": source, "divisions": codes}
    item = Client().post("denominator-lists", said | ({"document_no": document} if document else {}))["item"]
    click.echo(f"{item['key']} {item['edition']}：{item['members']} 个区划")
