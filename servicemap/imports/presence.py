"""有没有: the column of the template in which a town says of each community and type whether there is one."""

from collections.abc import Mapping

from servicemap.cells import clean
from servicemap.errors import Problem
from servicemap.facts import Facts, Reader

FIELD = "presence"
PRESENT, ABSENT, UNCLEAR = ("有", "变更"), ("无", "没有"), ("不清楚", "不详")


def is_statement(cells: Mapping[str, str]) -> bool:
    """Whether a row says something about a place, as ordinary rows do."""
    if FIELD not in cells:
        return True
    word = clean(FIELD, cells[FIELD])
    return word in PRESENT or (not word and bool(cells.get("name") or cells.get("code")))


def set_aside(reader: Reader, cells: Mapping[str, str], sheet: str, number: int) -> Facts | None:
    """A row that is no statement about a place: there is none, nobody knows, or (as the template came) nothing
    is filled in. Its facts with what is to be said of it; None for an ordinary row."""
    if is_statement(cells):
        return None
    word = clean(FIELD, cells[FIELD])
    facts = reader.read(number, {name: text for name, text in cells.items() if name != FIELD}, sheet)
    # of a place that is not there only the community and the type need to be right
    facts.problems = [
        problem
        for problem in facts.problems
        if (word in ABSENT and problem.field in ("division", "type", "code"))
        or problem.code == "bad_character"
    ]
    if word in ABSENT and facts.facility_id:
        cure = "要关闭它，请填“变更”和关闭日期；填错了请改回“有”"
        facts.remarks.append(
            _said(reader, facts, word, "absent_but_registered", "填了无，但登记册里有", cure)
        )
    elif word in ABSENT:
        facts.remarks.append(_said(reader, facts, word, "zero_report", "填了无，没有要写入的"))
    elif word in UNCLEAR:
        cure = "弄清后填 有、无 或 变更，再导入一次"
        facts.remarks.append(_said(reader, facts, word, "left_unclear", "不清楚，这一行没有导入", cure))
    elif word:
        cure = "请填 有、无、变更 或 不清楚"
        facts.problems.append(_said(reader, facts, word, "unknown_presence", f"不认识“{word}”", cure))
    return facts


def _said(
    reader: Reader, facts: Facts, word: str, code: str, detail: str, cure: str | None = None
) -> Problem:
    column = reader.headings.get(FIELD, FIELD)
    return Problem(code, detail, FIELD, facts.number, column, word, cure, facts.sheet or None)
