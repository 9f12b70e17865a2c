"""Options that several commands share."""

from collections.abc import Callable
from typing import Any

import click


def form(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format table|json|csv"""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="输出形式 output form",
    )(command)


def on(command: Callable[..., Any]) -> Callable[..., Any]:
    """--on DATE"""
    return click.option("--on", metavar="DATE", help="截至哪一天，例如 2026-12-31；默认今天 as on that day")(
        command
    )
