"""填报表: a form that is printed, signed and stamped, and that `reported import` takes as it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from admin_cli.books import HEAD, TEXT, free_path, new_book

COLUMNS = (
    *(("区划代码", 15), ("年份", 7), ("指标", 11), ("名称", 34), ("单位", 8), ("上年", 10)),
    *(("数值", 11), ("分子", 11), ("分母", 11), ("来源", 24), ("说明", 24)),
)
FILLED_IN = ("数值", "分子", "分母", "来源", "说明")
TABLE_NO = "清儿监年"  # of the form: 待委员会确认
PAPER = 9  # A4


def write_form(
    file: Path,
    place: Mapping[str, Any],
    year: int,
    department: str | None,
    due: str,
    indicators: Sequence[Mapping[str, Any]],
    values: Mapping[tuple[str, int], Mapping[str, Any]],
) -> Path:
    """Where it was written. `values` are those that were reported, by indicator and year: last year's are shown,
    this year's filled in."""
    file = free_path(file)
    with new_book(file) as book:
        title = book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
        plain = book.add_format({"valign": "vcenter"})
        head, cell = book.add_format(HEAD), book.add_format(TEXT | {"border": 1})
        given = book.add_format(TEXT | {"border": 1, "bg_color": "#FFF9E5"})
        sheet = book.add_worksheet("填报表")
        sheet.set_landscape()
        sheet.set_paper(PAPER)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&R第 &P 页，共 &N 页")
        last = len(COLUMNS) - 1
        sheet.merge_range(0, 0, 0, last, f"儿童发展规划年度监测填报表（{year} 年）", title)
        sheet.set_row(0, 30)
        unit = f"{place['name']}{department or ''}"
        sheet.write_string(1, 0, f"填报单位（盖章）：{unit}", plain)
        sheet.write_string(1, 6, f"表号：{TABLE_NO}{year}", plain)
        sheet.write_string(2, 0, "数值，或分子和分母，填一种；没有数的留空，在说明里写为什么。", plain)
        sheet.write_string(2, 6, f"报出期限：{due}", plain)
        for column, (heading, width) in enumerate(COLUMNS):
            sheet.set_column(column, column, width)
            sheet.write_string(3, column, heading, head)
        for number, each in enumerate(indicators, 4):
            now = values.get((each["id"], year), {})
            before = values.get((each["id"], year - 1), {})
            figures = ("numerator", "denominator") if now.get("numerator") is not None else ("value",)
            texts = {
                "区划代码": place["code"], "年份": str(year), "指标": each["id"], "名称": each["name"],
                "单位": each["unit"], "上年": before.get("value", ""),
                **{FILLED_IN[("value", "numerator", "denominator").index(n)]: str(now.get(n, "")) for n in figures},
                "来源": now.get("source", ""), "说明": now.get("note") or "",
            }  # fmt: skip
            for column, (heading, _) in enumerate(COLUMNS):
                format = given if heading in FILLED_IN else cell
                sheet.write_string(number, column, texts.get(heading, ""), format)
        end = 5 + len(indicators)
        # below columns without figures: what is written there is no row
        signed = (0, "单位负责人："), (3, "填表人："), (5, "联系电话："), (9, "报出日期：    年  月  日")
        for column, words in signed:
            sheet.write_string(end, column, words, plain)
        sheet.freeze_panes(4, 4)
        sheet.repeat_rows(3)
    return file
