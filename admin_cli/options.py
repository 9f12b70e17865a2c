"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from admin_cli.output import to_file


def form(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format table|json|csv, and where to"""
    return output(
        click.option(
            "--format",
            "form",
            type=click.Choice(["table", "json", "csv"]),
            default="table",
            show_default=True,
            help="输出形式 output form",
        )(command)
    )


def output(command: Callable[..., Any]) -> Callable[..., Any]:
    """--output FILE"""
    return click.option(
        "--output",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=to_file,
        help="写到文件（UTF-8，csv 带 BOM）；默认标准输出 to a file",
    )(command)


def on(command: Callable[..., Any]) -> Callable[..., Any]:
    """--on DATE"""
    return click.option("--on", metavar="DATE", help="截至哪一天，例如 2026-12-31；默认今天 as on that day")(
        command
    )
