"""列对照表: a mapping as an office makes it, a table of two columns, 文件的列 and 登记册的列. What needs more (constants,
replaced values) is a YAML file: columns.load_mapping."""

from pathlib import Path

from servicemap.errors import InvalidError
from servicemap.imports.columns import FIELDS, Feed, Mapping, perhaps
from servicemap.imports.grid import heading_text
from servicemap.imports.sheet import open_sheets

THEIRS, OURS = "文件的列", "登记册的列"


def load_mapping_table(path: Path) -> Mapping:
    """Read it (.csv, .xlsx, .xls); several rows for one of our columns are joined one after the other. Raises
    InvalidError naming file, row and cure."""
    fields = {
        heading_text(word).casefold(): each.name for each in FIELDS for word in (each.name, each.heading)
    }
    [sheet, *_] = open_sheets(path, is_heading=(THEIRS, OURS).__contains__)
    if not {THEIRS, OURS} <= set(sheet.headings):
        raise InvalidError(f"{path.name}: 列对照表要有“{THEIRS}”和“{OURS}”两列", "bad_mapping")
    columns: dict[str, Feed] = {}
    for row in sheet.rows:
        theirs, ours = row.cells.get(THEIRS), row.cells.get(OURS)
        if not theirs or not ours:
            continue  # a column of theirs that is not used
        name = fields.get(heading_text(ours).casefold())
        if name is None:
            guess = perhaps(ours, [each.heading for each in FIELDS])
            raise InvalidError(
                f"{path.name} 第 {row.number} 行: 登记册没有“{ours}”这一列{guess}", "bad_mapping"
            )
        before = columns[name].headings if name in columns else ()
        columns[name] = Feed((*before, heading_text(theirs)))
    return Mapping(columns)
