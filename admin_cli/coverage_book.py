"""The report as a workbook that a committee would hand round: numbers as numbers, codes and names as text, colours
only beside words, every page printable."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from admin_cli.books import HEAD, MOST_CHARACTERS, new_book
from admin_cli.coverage_material import Material
from admin_cli.coverage_sheets import write_comparisons, write_evidence

Row = Mapping[str, Any]

REACHED, SHORT, OPEN = {"bg_color": "#E2F0D9"}, {"bg_color": "#FCE4D6"}, {"bg_color": "#F2F2F2"}
BODY = {"valign": "top", "text_wrap": True, "border": 1, "border_color": "#BFBFBF"}
FOOTNOTE = "按截尾，不四舍五入。尚差 N 个指达到目标值还要 N 个；低是其中 12 个月内核实过的，高是全部县核的。"
GROUPS = {"ranked": "一起排", "small": "分母不到 20，另排", "unknown": "数据待核，不排"}
ANSWERS = {"waiting": "填报了，等审核", "none": "答了没有", "unknown": "没有回答"}
CHART_ROWS, CHART_COLUMNS = 15, 9  # that a chart takes


class Book:
    """The sheets one after the other, each with the same head, foot and print setup."""

    def __init__(self, book: Any, title: str, foot: str) -> None:
        self.book, self.title, self.foot = book, title, foot
        self.formats = {
            "head": book.add_format(HEAD),
            "title": book.add_format({"bold": True, "font_size": 14}),
            "note": book.add_format({"font_color": "#595959"}),
            **{
                name: book.add_format(BODY | colour)
                for name, colour in (("", {}), ("reached", REACHED), ("short", SHORT), ("open", OPEN))
            },
        }

    def sheet(self, name: str, headings: Sequence[tuple[str, int]], notes: Sequence[str] = ()) -> "Page":
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&L{self.foot}&R第 &P 页，共 &N 页")
        sheet.write_string(0, 0, f"{self.title} {name}", self.formats["title"])
        for number, note in enumerate(notes, 1):
            sheet.write_string(number, 0, note, self.formats["note"])
        top = len(notes) + 1
        for column, (heading, width) in enumerate(headings):
            sheet.set_column(column, column, width)
            sheet.write_string(top, column, heading, self.formats["head"])
        if headings:
            sheet.freeze_panes(top + 1, 2)
            sheet.repeat_rows(top)
        return Page(sheet, self.formats, top, len(headings))


class Page:
    def __init__(self, sheet: Any, formats: Mapping[str, Any], top: int, columns: int) -> None:
        self.sheet, self.formats, self.top, self.columns = sheet, formats, top, columns
        self.next = top + 1

    def row(self, cells: Sequence[Any], colour: str = "", at: int | None = None) -> None:
        """`colour` of the cell in the column `at`: of one that says the same in words."""
        for column, cell in enumerate(cells):
            shown = self.formats[colour if column == at else ""]
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                self.sheet.write_number(self.next, column, cell, shown)
            elif cell:
                text = "".join(char for char in str(cell) if char >= " " or char == "\n")
                self.sheet.write_string(self.next, column, text[:MOST_CHARACTERS], shown)
            else:
                self.sheet.write_blank(self.next, column, None, shown)
        self.next += 1

    def done(self) -> None:
        if self.next > self.top + 1:
            self.sheet.autofilter(self.top, 0, self.next - 1, self.columns - 1)


def write_book(path: Path, found: Material, evidence: Iterable[Sequence[Any]]) -> None:
    """Write a report's material; the same gives the same bytes. InvalidError where the file cannot be written."""
    rows = found["rows"]
    first = rows[0]
    demo = "【示例库：服务点都是虚构的】" if first["demo"] else ""
    title = f"{demo}{first['division_name']}儿童发展规划监测"
    period = f"{found['period']}，" if found["period"] else ""
    with new_book(path) as xlsx:
        made = datetime.fromisoformat(f"{first['on']}T00:00:00")
        xlsx.set_properties({"title": title, "created": made})
        book = Book(xlsx, title, f"截至 {first['on']}　变更链的锚 {found['anchor'][:24]}…")
        notes = (f"{period}截至 {first['on']}。{FOOTNOTE}", "责任部门、重点指标待委员会确认。")
        _summary(book, [row for row in rows if row["division"] == first["division"]], notes)
        _counties(book, xlsx, rows, notes[:1])
        _gaps(book, found["gaps"])
        _ranking(book, found)
        write_comparisons(book, found)
        write_evidence(book, evidence)
        _definitions(book, found["indicators"])


def verdict(row: Row) -> tuple[str, str]:
    """(in words, colour)"""
    if row["value"] is None:
        return row["remark"] or "数据待核", "open"
    if row["needed"]:
        return f"尚差 {row['needed']} 个", "short"
    return {True: ("达到", "reached"), False: ("没有达到", "short"), None: ("", "")}[row["met"]]


def in_range(row: Row) -> str:
    """低–高: of a share the part that somebody looked at lately, and all of it; cut to one decimal."""
    if row["verified"] is None or not row["denominator"]:
        return row["display"]
    low = row["verified"] * 1000 // row["denominator"]
    return f"{low // 10}.{low % 10}%–{row['display']}"


def _summary(book: Book, rows: Sequence[Row], notes: Sequence[str]) -> None:
    headings = (
        *(("指标", 10), ("名称", 34), ("对目标", 16), ("现值", 10), ("低–高", 15), ("目标", 18), ("年限", 7)),
        *(("分子", 10), ("分母", 11), ("没有回答", 9), ("口径", 30), ("依据", 12), ("责任部门", 18)),
    )
    page = book.sheet("概览", headings, notes)
    for row in rows:
        words, colour = verdict(row)
        name = row["name"] if row["default"] else f"　另一口径：{row['definition_name']}"
        cells = (
            *(row["indicator"], name, words, row["display"], in_range(row)),
            *(row["target_text"] or "没有目标", row["due_year"], row["numerator"], row["denominator"]),
            *(row["unanswered"], row["definition_name"], row["clause"], row["department"]),
        )
        page.row(cells, colour, 2)
    page.done()


def _counties(book: Book, xlsx: Any, rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Every default figure below the division, but where nothing is to be covered or nobody has one; then a chart
    of each key share with its target."""
    headings = (
        *(("指标", 10), ("名称", 34), ("区划", 20), ("对目标", 16), ("现值", 10), ("低–高", 15)),
        *(("分子", 10), ("分母", 11), ("数值", 10), ("目标值", 9)),
    )
    page = book.sheet("各县", headings, notes)
    below = [row for row in rows if row["default"] and row["division"] != rows[0]["division"]]
    charts = []
    for indicator in dict.fromkeys(row["indicator"] for row in below if row["value"] is not None):
        of_one = [row for row in below if row["indicator"] == indicator and row["denominator"] != 0]
        begins = page.next
        for row in of_one:
            words, colour = verdict(row)
            cells = (
                *(indicator, row["name"], row["division_name"], words, row["display"], in_range(row)),
                *(row["numerator"], row["denominator"], row["value"], row["target"]),
            )
            page.row(cells, colour, 3)
        if of_one[0]["key"] and of_one[0]["unit"] == "%":
            charts.append(_chart(xlsx, f"{indicator} {of_one[0]['name']}", begins, page.next - 1))
    page.done()
    if charts:
        sheet = book.sheet("图", ()).sheet
        for number, chart in enumerate(charts):
            sheet.insert_chart(2 + number // 2 * CHART_ROWS, number % 2 * CHART_COLUMNS, chart)


def _chart(xlsx: Any, title: str, begins: int, ends: int) -> Any:
    bars, line = xlsx.add_chart({"type": "column"}), xlsx.add_chart({"type": "line"})
    names = ["各县", begins, 2, ends, 2]
    bars.add_series(
        {
            "name": "现值（%）",
            "categories": names,
            "values": ["各县", begins, 8, ends, 8],
            "fill": {"color": "#2E75B6"},
        }
    )
    line.add_series(
        {
            "name": "目标",
            "categories": names,
            "values": ["各县", begins, 9, ends, 9],
            "line": {"color": "#C00000", "dash_type": "dash"},
        }
    )
    bars.combine(line)
    bars.set_title({"name": title, "name_font": {"size": 11}})
    bars.set_y_axis(
        {
            "min": 0,
            "max": 100,
            "major_unit": 25,
            "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}},
        }
    )
    bars.set_legend({"position": "bottom"})
    bars.set_size({"width": 560, "height": 290})
    return bars


def _gaps(book: Book, gaps: Iterable[Row]) -> None:
    headings = (
        *(("指标", 10), ("代码", 15), ("名称", 26), ("所在", 34), ("人口", 10), ("回答", 18)),
        *(("最近的现有服务点", 34), ("米", 9)),
    )
    page = book.sheet("缺口", headings, ("按指标，人口多的在前；米数从这个区划已知服务点的中心量起。",))
    for gap in gaps:
        where, nearest = " ".join(step["name"] for step in gap["path"][:-1]), gap["nearest"] or {}
        said = ANSWERS.get(gap["answer"], gap["answer"])
        cells = (gap["indicator"], gap["code"], gap["name"], where, gap["population"], said)
        page.row((*cells, nearest.get("name"), nearest.get("distance_m")))
    page.done()


def _ranking(book: Book, ranking: Mapping[str, Any]) -> None:
    headings = (
        *(("指标", 10), ("名称", 34), ("组", 18), ("位次", 7), ("县（市、区）", 20), ("对目标", 16)),
        *(("现值", 10), ("分子", 10), ("分母", 11), ("升降", 7)),
    )
    page = book.sheet("排序", headings, (f"{ranking['rule']}分母不到 20 的另排，没有数据的不排。",))
    for line in ranking["counties"]:
        words = f"达到 {line['reached']}，没有达到 {line['short']}，尚差合计 {line['needed']}，数据待核 {line['pending']}"
        page.row(("全部", "全部重点指标", "合起来", line["rank"], line["division_name"], words))
    for row in ranking["ranking"]:
        words, colour = verdict({**row, "remark": None})
        cells = (
            *(row["indicator"], row["name"], GROUPS[row["group"]], row["rank"], row["division_name"], words),
            *(row["display"], row["numerator"], row["denominator"], row["moved"]),
        )
        page.row(cells, colour, 5)
    page.done()


def _definitions(book: Book, indicators: Iterable[Row]) -> None:
    page = book.sheet(
        "口径", (("指标", 10), ("名称", 34), ("依据", 12), ("原文", 50), ("目标", 44), ("口径", 50))
    )
    for each in indicators:
        targets = "\n".join(
            f"{target['text']}，{target['due_year']} 年（{target['source']}{'；待核对' if target['to_check'] else ''}）"
            for target in each["targets"]
        )
        counted = "\n".join(
            f"{one['name']}{'（默认）' if one['default'] else ''}" for one in each["definitions"]
        )
        page.row((each["id"], each["name"], each["clause"], each["quote"], targets, counted))
    page.done()
