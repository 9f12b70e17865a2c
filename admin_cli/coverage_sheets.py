"""The workbook's sheets that set figures side by side, and the one that names what stands behind them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from admin_cli.coverage_material import Material
from admin_cli.coverage_outlook import RULES, STATUSES
from admin_cli.words import STEPS

if TYPE_CHECKING:
    from admin_cli.coverage_book import Book

Row = Mapping[str, Any]
WARNINGS = {"difficult": "short", "overdue": "short", "reached": "reached", "on_pace": "reached"}


def write_comparisons(book: "Book", found: Material) -> None:
    """差距, 可及, 展望, 历年."""
    _disparity(book, found["disparity"])
    _reach(book, found["reach"])
    _outlook(book, found["outlook"])
    _years(book, found["outlook"])


def _disparity(book: "Book", rows: Sequence[Row]) -> None:
    headings = (
        *(("指标", 10), ("名称", 34), ("比什么", 16), ("一方", 20), ("值", 10), ("另一方", 20)),
        *(("值", 10), ("差", 10), ("比", 8), ("单位", 8)),
    )
    page = book.sheet("差距", headings, ("两方都合并计算，不是各县百分比的平均。差的单位：% 的是百分点。",))
    for row in rows:
        one, other = row["one"], row["other"]
        cells = (row["indicator"], row["name"], row["by_name"], one["name"], one["display"])
        page.row((*cells, other["name"], other["display"], row["difference"], row["ratio"], row["unit"]))
    page.done()


def _reach(book: "Book", rows: Sequence[Row]) -> None:
    headings = (
        *(("指标", 10), ("名称", 34), ("区划", 20), ("1 公里", 16), ("3 公里", 16), ("5 公里", 16)),
        *(("知道位置", 10), ("不知道", 10)),
    )
    note = "低–高：低是不知道位置的村（居）都算作太远，高是只算知道位置的。直线距离。"
    page = book.sheet("可及", headings, (note,))
    for _, group in groupby(rows, key=lambda row: (row["indicator"], row["division"])):
        radii = list(group)
        one = radii[0]
        figures = (f"{row['least']}–{row['display']}" for row in radii)
        known = (one["denominator"], one["unplaced"])
        page.row((one["indicator"], one["name"], one["division_name"], *figures, *known))
    page.done()


def _outlook(book: "Book", rows: Sequence[Row]) -> None:
    headings = (
        *(("指标", 10), ("名称", 34), ("区划", 20), ("展望", 18), ("目标", 18), ("年限", 7), ("各期", 36)),
        *(("每年变化", 10), ("每年需要", 10), ("到期值", 10), ("波动", 10), ("将失效", 9), ("将过期", 9)),
    )
    page = book.sheet("展望", headings, (RULES,))
    for row in rows:
        series = "　".join(f"{each['year']}：{each['display']}" for each in row["values"])
        cells = (
            *(row["indicator"], row["name"], row["division_name"], STATUSES[row["status"]]),
            *(row["target_text"], row["due_year"], series, row["observed_pace"], row["required_pace"]),
            *(row["projected"], "波动较大" if row["swings"] else ""),
            *(len(row["expiring"]), len(row["staling"])),
        )
        page.row(cells, WARNINGS.get(row["status"], ""), 3)
    page.done()


def _years(book: "Book", rows: Sequence[Row]) -> None:
    """A column a year, for the yearbook (五(二): 年度儿童统计资料)."""
    years = sorted({each["year"] for row in rows for each in row["values"]})
    headings = (
        ("指标", 10),
        ("名称", 34),
        ("区划", 20),
        ("单位", 8),
        *((f"{year} 年", 10) for year in years),
    )
    note = "各年冻结的、报来的数和截至日的现值；没有的空着。按截尾，不四舍五入。"
    page = book.sheet("历年", headings, (note,))
    for row in rows:
        values = {each["year"]: each["display"] for each in row["values"]}
        cells = (row["indicator"], row["name"], row["division_name"], row["unit"])
        page.row((*cells, *(_number(values.get(year)) for year in years)))
    page.done()


def _number(display: str | None) -> float | None:
    """As it is shown, for a cell that can be counted with."""
    return None if display is None else float(display.removesuffix("%"))


def write_evidence(book: "Book", evidence: Iterable[Sequence[Any]]) -> None:
    """依据: every place behind a default figure."""
    headings = (
        *(("指标", 10), ("区划代码", 15), ("编号", 13), ("名称", 34), ("类型", 16), ("审核", 8)),
        *(("核实", 12), ("计", 7), ("文件", 7), ("活动", 7)),
    )
    page = book.sheet("依据", headings, ("每个数字背后的服务点，默认口径；正式的数字只算县核的。",))
    for indicator, at, code, name, kind, state, *facts in evidence:
        page.row((indicator, at, code, name, kind, STEPS.get(state, state), *facts))
    page.done()
