"""The workbook that an import leaves beside its file: the same rows, what became of each, what is wrong and how
to mend it. Mended, it can be imported itself."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from admin_cli.books import TEXT, Page, free_path, new_book
from admin_cli.client import Client
from admin_cli.output import remark
from servicemap.errors import InvalidError
from servicemap.imports.columns import Columns
from servicemap.imports.grid import Sheet

Matched = tuple[Sheet, Columns]

ADDED = ("结果", "问题", "怎么改")
NUMBER, CODE = "原行号", "编号"
OUTCOMES = {
    "applied": {"create": "新增", "update": "更新", "unchanged": "没有变化"},
    "planned": {"create": "将新增", "update": "将更新", "unchanged": "没有变化"},
    # of what is right in a file that was refused for its other rows
    "refused": {"create": "没有写入", "update": "没有写入", "unchanged": "没有变化"},
}
BAD, DOUBTFUL = {"bg_color": "#F8CBAD"}, {"bg_color": "#FFF2CC"}


def write_result(
    client: Client, path: str, file: Path, sheets: Sequence[Matched], state: str, *, only_worded: bool
) -> None:
    """Write it and say its name; where that is not possible (a CD, somebody else's folder) say so.

    `path` is the import's, `state` applied, planned or refused; `only_worded`: only the rows of which
    there is something to say.
    """
    try:
        target = free_path(file.with_name(f"{re.sub(r'[.]结果(-[0-9]+)?$', '', file.stem)}.结果.xlsx"))
        with new_book(target, in_order=True) as book:
            for sheet, columns in sheets:
                params = {"sheet": sheet.name or None, "worded": "true" if only_worded else None}
                words = {item["row"]: item for item in client.pages(f"{path}/rows", "after", **params)}
                _write_sheet(book, sheet, columns, words, state)
    except (InvalidError, OSError) as error:
        remark(f"没有写下结果表：{getattr(error, 'detail', error)}")
        return
    mend = "；改好有颜色的格子，直接再导入它" if state == "refused" else ""
    remark(f"结果表：{target}" + ("（只有要看的行）" if only_worded else "") + mend)


def _write_sheet(
    book: Any, sheet: Sheet, columns: Columns, words: dict[int, dict[str, Any]], state: str
) -> None:
    code = columns.feeds["code"].headings[0] if "code" in columns.feeds else CODE
    headings = [heading for heading in sheet.headings if heading not in (NUMBER, *ADDED)]
    headings += [] if code in headings else [code]
    page = Page(book, sheet.name or "结果", [NUMBER, *headings, *ADDED], freeze=1)
    bad, doubtful = book.add_format(TEXT | BAD), book.add_format(TEXT | DOUBTFUL)
    last = max(words, default=0)
    for row in takewhile(lambda row: row.number <= last, sheet.rows):
        if row.number not in words:
            continue
        said = words[row.number]
        problems, remarks = said["problems"], said["remarks"]
        marked: dict[int, Any] = {}
        for each, format in (*((r, doubtful) for r in remarks), *((p, bad) for p in problems)):
            feed = columns.feeds.get(each.get("field", ""))
            at = [1 + headings.index(heading) for heading in feed.headings] if feed else []
            marked.update(dict.fromkeys(at or [1 + len(headings)], format))
        # the code of what was new: imported again, it is known
        cells = {code: said["facility"] or "", **row.cells}
        page.row(
            [
                str(row.number),
                *(cells.get(heading, "") for heading in headings),
                "退回" if problems else OUTCOMES[state].get(said["outcome"], ""),
                "\n".join(f"{each['column']}：{each['detail']}" for each in (*problems, *remarks)),
                "\n".join(dict.fromkeys(each["cure"] for each in (*problems, *remarks) if "cure" in each)),
            ],
            marked=marked,
        )
    page.done()
