"""The report as a page that is printed and signed: one file, nothing loaded from elsewhere, colours only beside words."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from admin_cli.coverage_book import ANSWERS, FOOTNOTE, in_range, verdict
from admin_cli.coverage_material import Material
from admin_cli.coverage_outlook import RULES, STATUSES, is_warned
from servicemap.figures import Bar, bars
from servicemap.pages import Child, Html, document, joined, table, tag

Row = Mapping[str, Any]
SAID = (("实施情况", "done"), ("下一年工作安排", "planned"))
MOST_NAMES = 60  # of a county's gaps in the page; the workbook holds all

STYLE = """
@page { size: A4; margin: 16mm 14mm 18mm }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 182mm; padding: 0 4px; color: #1c2430; background: #fff;
  font: 10.5pt/1.5 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "HarmonyOS Sans SC", sans-serif }
h1 { font-size: 20pt; margin: 0 0 2mm; line-height: 1.3 }
h2 { font-size: 14pt; margin: 8mm 0 2mm; border-bottom: 1.5pt solid #1c2430; break-after: avoid }
h3 { font-size: 11pt; margin: 5mm 0 1mm; break-after: avoid }
p { margin: 0 0 2mm } .note { color: #4a5565; font-size: 9pt } .mark { background: #fff4d6; padding: 2mm 3mm }
table { width: 100%; border-collapse: collapse; margin: 0 0 3mm; font-size: 9pt }
th, td { border: .5pt solid #b8c0cc; padding: 1mm 1.5mm; text-align: left; vertical-align: top; overflow-wrap: anywhere }
td:first-child { min-width: 20mm }
th { background: #e8eef5; font-weight: 600 } thead { display: table-header-group } tr { break-inside: avoid }
td.reached { background: #e2f0d9 } td.short { background: #fce4d6 } td.open { background: #f2f2f2 }
section.figure { break-inside: avoid } .chart { width: 100%; height: auto; font-size: 11px }
.room { height: 60mm; border: .5pt solid #b8c0cc }
.sign td { height: 12mm; width: 25% }
@media screen and (max-width: 640px) { body { padding: 0 12px } table { display: block; overflow-x: auto } }
"""


def page(found: Material) -> str:
    """The whole page of a report's material; the same material gives the same bytes."""
    rows: Sequence[Row] = found["rows"]
    first = rows[0]
    whose = f"{first['division_name']}{found['department'] or ''}"
    title = f"{whose}儿童发展规划{'实施情况报告' if found['department'] else '监测报告'}"
    on = (
        f"{found['period']}，截至 {first['on']}"
        if found["period"]
        else f"截至 {first['on']}（现值，没有冻结）"
    )
    sections = (
        ("概览", _summary([row for row in rows if row["division"] == first["division"]])),
        ("各县（市、区）的重点指标", _counties(rows)),
        ("排序", _ranking(found)),
        ("差距", _disparity(found["disparity"])),
        ("可及", _reach(found["reach"], first["division"])),
        ("预警", _outlook(found["outlook"], first["division"])),
        ("缺口", _gaps(found["gaps"])),
        *((name, _said(found["said"], key)) for name, key in SAID if found["department"]),
        ("口径和依据", _definitions(found["indicators"], rows)),
    )
    return document(
        title,
        STYLE,
        tag("h1", title),
        tag("p", "示例库：服务点都是虚构的", class_="mark") if first["demo"] else None,
        tag("p", f"{on}。{FOOTNOTE}", class_="note"),
        *_numbered(sections),
        tag("p", f"变更链的锚 {found['anchor']}（用 audit verify --anchor 核对）", class_="note"),
        table(("单位负责人", "审核人", "填表人", "报出日期"), [("", "", "", "")], class_="sign"),
    )


def _numbered(sections: Iterable[tuple[str, Iterable[Html]]]) -> Iterable[Html]:
    """Those in which something stands, each under its heading."""
    filled = ((name, parts) for name, body in sections if (parts := list(body)))
    for number, (name, parts) in zip("一二三四五六七八九十", filled, strict=False):
        yield tag("h2", f"{number}、{name}")
        yield from parts


def _said(said: Row | None, key: str) -> Iterable[Html]:
    """What the department wrote, or room to write."""
    yield from (tag("p", paragraph) for paragraph in said[key]) if said else (tag("div", "", class_="room"),)


def _cell(words: str, state: str) -> Html:
    return tag("td", words, class_=state or None)


def _value(row: Row) -> str:
    over = (
        ""
        if row["denominator"] is None or row["numerator"] is None
        else f"{row['numerator']}/{row['denominator']}　"
    )
    return f"{over}{row['display']}"


def _summary(rows: Sequence[Row]) -> Iterable[Html]:
    lines = [
        (
            row["indicator"],
            row["name"] if row["default"] else f"　另一口径：{row['definition_name']}",
            _cell(*verdict(row)),
            _value(row),
            in_range(row) if row["verified"] is not None else "",
            f"{row['target_text'] or '没有目标'}{'，' + str(row['due_year']) + ' 年' if row['due_year'] else ''}",
        )
        for row in rows
    ]
    yield table(("指标", "名称", "对目标", "现值", "低–高", "目标"), lines)


def _counties(rows: Sequence[Row]) -> Iterable[Html]:
    below = [row for row in rows if row["default"] and row["key"] and row["division"] != rows[0]["division"]]
    if not below:
        return
    yield tag("p", "虚线是目标；橙色为没有达到，绿色为达到，都写在旁边。", class_="note")
    for _, group in groupby(below, key=lambda row: row["indicator"]):
        of_one = [row for row in group if row["denominator"] != 0]
        if not any(row["value"] is not None for row in of_one):
            continue
        target = of_one[0]["target"] if of_one[0]["target_kind"] in ("at_least", "at_most") else None
        most = (
            100 if of_one[0]["unit"] == "%" else max([*(row["value"] or 0 for row in of_one), target or 0, 1])
        )
        lines = [_bar(row) for row in of_one]
        name = f"{of_one[0]['indicator']} {of_one[0]['name']}"
        chart = bars(name, lines, most=most, target=target)
        yield tag("section", tag("h3", name), chart, class_="figure")


def _bar(row: Row) -> Bar:
    words, state = verdict(row)
    said = "　".join(each for each in (_value(row) if row["value"] is not None else "", words) if each)
    return Bar(row["division_name"], row["value"], said, state or "open")


def _ranking(found: Material) -> Iterable[Html]:
    if not found["counties"]:
        return
    yield tag("p", f"{found['rule']}分母不到 20 的另排（*），没有数据的不排。", class_="note")
    names = ("rank", "division_name", "reached", "short", "needed", "pending")
    yield table(
        ("位次", "县（市、区）", "达到", "没有达到", "尚差合计", "数据待核"),
        ([line[name] for name in names] for line in found["counties"]),
    )
    lines = []
    for indicator, of_one in groupby(found["ranking"], key=lambda row: row["indicator"]):
        for number, row in enumerate(row for row in of_one if row["group"] != "unknown"):
            lines.append(
                (
                    "" if number else f"{indicator} {row['name']}",
                    f"{'*' if row['group'] == 'small' else ''}{row['rank']}",
                    row["division_name"],
                    _cell(*verdict({**row, "remark": None})),
                    _value(row),
                    "" if row["moved"] is None else f"{row['moved']:+d}",
                )
            )
    yield table(("指标", "位次", "县（市、区）", "对目标", "现值", "升降"), lines)


def _disparity(rows: Sequence[Row]) -> Iterable[Html]:
    if not rows:
        return
    yield tag("p", "两方都合并计算，不是各县百分比的平均。", class_="note")
    lines = [
        (
            f"{row['indicator']} {row['name']}",
            row["by_name"],
            *(f"{row[side]['name']} {row[side]['display']}" for side in ("one", "other")),
            f"{row['difference']}{' 个百分点' if row['unit'] == '%' else ''}",
        )
        for row in rows
    ]
    yield table(("指标", "比什么", "一方", "另一方", "差"), lines)


def _reach(rows: Sequence[Row], root: str) -> Iterable[Html]:
    own = [row for row in rows if row["division"] == root]
    if not own:
        return
    said = "多少村（居）在这么远以内有服务点，直线距离。低是不知道位置的都算作太远，高是只算知道位置的。"
    yield tag("p", said, class_="note")
    lines = []
    for _, group in groupby(own, key=lambda row: row["indicator"]):
        radii = list(group)
        one = radii[0]
        figures = (f"{row['least']}–{row['display']}" for row in radii)
        lines.append((f"{one['indicator']} {one['name']}", *figures, one["denominator"], one["unplaced"]))
    yield table(("指标", "1 公里", "3 公里", "5 公里", "知道位置", "不知道"), lines)


def _outlook(rows: Sequence[Row], root: str) -> Iterable[Html]:
    yield tag("p", RULES, class_="note")
    warned = [row for row in rows if is_warned(row, root)]
    if not warned:
        yield tag(
            "p", f"没有预警。不到三期、不预测的有 {sum(row['status'] == 'too_few' for row in rows)} 个数。"
        )
        return
    lines = [
        (
            f"{row['indicator']} {row['name']}",
            row["division_name"],
            STATUSES[row["status"]],
            " → ".join(f"{each['year']} 年 {each['display']}" for each in row["values"][-3:]),
            "" if row["observed_pace"] is None else f"{row['observed_pace']} / {row['required_pace'] or '—'}",
            "波动较大" if row["swings"] else "",
            f"{len(row['expiring'])} / {len(row['staling'])}",
        )
        for row in warned
    ]
    yield table(("指标", "区划", "展望", "各期", "每年变化/需要", "波动", "将失效/将过期"), lines)


def _gaps(gaps: Sequence[Row]) -> Iterable[Html]:
    if not gaps:
        return
    yield tag(
        "p", "按指标和县（市、区），人口多的在前；全部名单、人口、最近的服务点见工作簿。", class_="note"
    )
    for indicator, of_one in groupby(gaps, key=lambda gap: gap["indicator"]):
        places = list(of_one)
        yield tag("h3", f"{indicator}：还缺 {len(places)} 个")
        parts: dict[str, list[Row]] = {}
        for gap in places:
            parts.setdefault(gap["path"][0]["name"] if gap["path"] else "", []).append(gap)
        for name, members in parts.items():
            words = "、".join(_gap(gap) for gap in members[:MOST_NAMES])
            more = f"等 {len(members)} 个" if len(members) > MOST_NAMES else f"（{len(members)} 个）"
            yield tag("p", tag("b", f"{name}："), words, more)


def _gap(gap: Row) -> str:
    said = "" if gap["answer"] == "unknown" else f"（{ANSWERS.get(gap['answer'], gap['answer'])}）"
    return f"{gap['name']}{said}"


def _definitions(indicators: Sequence[Row], rows: Sequence[Row]) -> Iterable[Html]:
    counted = {row["indicator"]: row["population_on"] for row in rows if row["population_on"]}
    lines: list[Sequence[Child]] = []
    for each in indicators:
        targets = [
            f"{one['text']}，{one['due_year']} 年（{one['source']}{'；待核对' if one['to_check'] else ''}）"
            for one in each["targets"]
        ]
        names = [f"{one['name']}{'（默认）' if one['default'] else ''}" for one in each["definitions"]]
        names += [f"人口截至 {counted[each['id']]}"] if each["id"] in counted else []
        clause = joined((each["clause"], tag("br"), each["quote"]))
        lines.append(
            (each["id"], each["name"], tag("td", clause), _lines(targets), _lines(names), each["department"])
        )
    yield table(("指标", "名称", "依据", "目标", "口径", "责任部门"), lines)


def _lines(texts: Sequence[str]) -> Html:
    return tag("td", *(tag("div", text) for text in texts))
