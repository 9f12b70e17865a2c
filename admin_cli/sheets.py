"""A file of rows that a command takes (.csv, .xlsx, .xls), under the headings that it knows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from admin_cli.output import about


def read_rows(file: Path, headings: Mapping[str, str], encoding: str | None = None) -> list[dict[str, Any]]:
    """{field: text} of each row with its number as `row`; `headings` (in lower case) name the fields, other
    columns are left out. InvalidError for a file that cannot be read."""
    from servicemap.imports.sheet import open_sheets

    rows: list[dict[str, Any]] = []
    with about(file):
        sheets = open_sheets(file, encoding=encoding, is_heading=lambda text: text.lower() in headings)
        for row in (row for sheet in sheets for row in sheet.rows):
            named = {headings.get(heading.lower()): text for heading, text in row.cells.items()}
            rows.append({"row": row.number, **{field: text for field, text in named.items() if field}})
    return rows
