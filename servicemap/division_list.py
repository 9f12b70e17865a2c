"""A list of 行政区划 into the tree: divisions, their shapes and residents.

Only `_chinese` knows how codes are built (the twelve digits of China's statistics bureau); any other
scheme is taken as it stands.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from servicemap import db, geo, keys, text
from servicemap.access import Actor
from servicemap.audit import Log, diff, write_txn
from servicemap.divisions import SHOWN, chunks, rank
from servicemap.errors import ConflictError, InvalidError, Problem
from servicemap.models import LEVELS, Division, Population, Shape, Succession

LEVEL_WORDS = {
    **{word: word for word in LEVELS},
    "village": "community",
    "township": "town",
    "district": "county",
    "省": "province",
    "市": "city",
    "县": "county",
    "区": "county",
    "镇": "town",
    "村": "community",
    "街道": "town",
    "乡": "town",
    "社区": "community",
}


@dataclass(frozen=True, slots=True)
class DivisionRow:
    """A row of a list of divisions, as text; codes may be padded with zeros; an empty text is no value."""

    code: str
    name: str
    level: str
    parent_code: str = ""
    valid_from: str = ""
    valid_to: str = ""
    urban_rural: str = ""
    replaces: str = ""  # the codes that this one takes the place of, from valid_from on
    row: int = 0  # of the file, for what rejections say; 0: its place in the list

    @property
    def replaced(self) -> list[str]:
        return [code for code in re.split(r"[\s,，、;；]+", self.replaces) if code]


def import_divisions(actor: Actor, rows: Sequence[DivisionRow]) -> dict[str, int]:
    """Create or update divisions: all of them, or (InvalidError with every problem) none.

    Returns {created, updated, unchanged}. Rows are matched by code and valid_from; an empty text leaves
    what is there. A division that is not named stays as it is: its end is said by valid_to, or by a
    successor's `replaces`. One that ends with open places in it is refused: division_changes takes them along.
    """
    of_code: dict[str, list[Division]] = {}
    for known in Division.select():
        _add(of_code, known)
    current = {known.id for of_one in of_code.values() for known in of_one if not known.valid_to}
    facts, problems = read(rows, of_code)
    if problems:
        raise InvalidError("区划名录有错误，什么都没有改", "bad_rows", problems)
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    shown_anew: list[int] = []
    with write_txn(actor) as log:
        # top down, and what is replaced before what replaces it
        for row, fields in sorted(
            facts, key=lambda pair: (rank(pair[1]["level"]), _since(pair[1]["valid_from"]))
        ):
            same = [d for d in of_code.get(fields["code"], []) if d.code == fields["code"]]
            division = next((d for d in same if d.valid_from == fields["valid_from"]), None)
            parent = _parent(of_code, row.parent_code, fields["level"])
            fields["parent_id"] = parent.id if parent else None
            if division is None:
                counts["created"] += 1
                olds = [_retire(log, of_code, code, fields) for code in row.replaced]
                if any(_overlap(other, fields) for other in same):
                    code, cure = fields["padded_code"], "请给旧的一段填停用日期，或在新的一段填“替代”"
                    raise ConflictError(f"{code} 的两段有效期重叠；{cure}", "overlapping_validity")
                division = Division.create(**fields, lft=0, rgt=0)
                _add(of_code, division)
                log.record_change("division", division.padded_code, "create", diff({}, fields))
                for old in olds:
                    Succession.create(old=old, new=division, succeeded_on=fields["valid_from"])
                keys.delete("division_key", [old.id for old in olds])
                continue
            stated = {field: value for field, value in fields.items() if value is not None}
            changed = diff({field: getattr(division, field) for field in stated}, stated)
            counts["updated" if changed else "unchanged"] += 1
            if changed:
                Division.update(**stated).where(Division.id == division.id).execute()
                division.valid_to = stated.get("valid_to", division.valid_to)
                log.record_change("division", division.padded_code, "update", changed)
                if "name" in changed:
                    keys.delete("division_key", [division.id])
                if SHOWN & changed.keys():
                    shown_anew.append(division.id)
        if counts["created"] or counts["updated"]:
            ended = {each.id for of_one in of_code.values() for each in of_one if each.valid_to}
            _refuse_left_places(sorted(ended & current))
            renumber()
        for id_ in shown_anew:
            make_due(id_)
        write_keys()
    return counts


def make_due(division_id: int) -> None:
    """The places that name it are due to be written anew: registry.roll_over does it."""
    db.execute(
        "UPDATE card SET fresh_until = '1900-01-01' WHERE facility_id IN"
        " (SELECT f.id FROM facility f JOIN division d ON d.id = f.division_id"
        " JOIN division top ON d.lft BETWEEN top.lft AND top.rgt WHERE top.id = ?"
        " UNION SELECT r.facility_id FROM role r JOIN role_serves s ON s.role_id = r.id WHERE s.division_id = ?)",
        (division_id, division_id),
    )


def write_keys() -> None:
    """Give a search key to every division that has none: new, renamed, or older than the index; inside a
    write transaction. One that has been succeeded is found as its successor, which keeps its names."""
    unkeyed = db.query(
        "SELECT id, name FROM division WHERE id NOT IN (SELECT division_id FROM division_key)"
        " AND id NOT IN (SELECT old_id FROM succession)"
    )
    former = former_names() if unkeyed else {}
    keys.insert(
        "division_key",
        [
            keys.row(id_, text.place_key(*dict.fromkeys([name, *former.get(id_, ())])))
            for id_, name in unkeyed
        ],
    )


def former_names() -> dict[int, list[str]]:
    """The other names by which divisions go: those that they had, and those of what they succeeded."""
    had: dict[int, list[str]] = {}
    for id_, name in db.query("SELECT division_id, name FROM former_name ORDER BY to_on"):
        had.setdefault(id_, []).append(name)
    links = "SELECT s.new_id, s.old_id, d.name FROM succession s JOIN division d ON d.id = s.old_id"
    for new_id, old_id, name in db.query(f"{links} ORDER BY s.succeeded_on, s.old_id"):
        had.setdefault(new_id, []).extend([*had.get(old_id, ()), name])
    return {id_: list(dict.fromkeys(names)) for id_, names in had.items()}


def _refuse_left_places(ended: Sequence[int]) -> None:
    for chunk in chunks(ended, 500):
        left = db.query(
            "SELECT d.padded_code, d.name, COUNT(DISTINCT f.id) FROM division d"
            " JOIN facility f ON f.division_id = d.id JOIN role r ON r.facility_id = f.id"
            f" WHERE d.id IN ({', '.join('?' * len(chunk))})"
            " AND (r.closed_on IS NULL OR r.closed_on > d.valid_to) GROUP BY d.id ORDER BY d.padded_code LIMIT 1",
            chunk,
        )
        for code, name, count in left:
            cure = "请用 servicemap-admin division merge、split 或 import --on，服务点会一起转过去"
            raise ConflictError(f"{code} {name} 还有 {count} 个服务点，不能只停用；{cure}", "places_left")


def _add(of_code: dict[str, list[Division]], division: Division) -> None:
    for code in {division.code, division.padded_code}:
        of_code.setdefault(code, []).append(division)


def _since(valid_from: date | None) -> date:
    return valid_from or date.min


def _overlap(other: Division, fields: dict[str, Any]) -> bool:
    begins, ends = _since(fields["valid_from"]), fields["valid_to"] or date.max
    return begins < (other.valid_to or date.max) and _since(other.valid_from) < ends


def _parent(of_code: dict[str, list[Division]], code: str, level: str) -> Division | None:
    """Of the divisions with this code the lowest above the level (441900 is a city and a county)."""
    above = [division for division in of_code.get(code, []) if rank(division.level) < rank(level)]
    return max(above, key=lambda d: (rank(d.level), d.valid_to is None, _since(d.valid_from)), default=None)


def read(
    rows: Sequence[DivisionRow], known: dict[str, list[Division]]
) -> tuple[list[tuple[DivisionRow, dict[str, Any]]], list[Problem]]:
    """(The rows with the fields of their divisions, what is wrong with them), against the known divisions by
    code."""
    problems: list[Problem] = []
    facts = []
    chinese = all(len(row.code) == 12 and row.code.isdigit() for row in rows)
    levels = [LEVEL_WORDS.get(row.level, "") for row in rows]
    ranks = {code: {rank(division.level) for division in found} for code, found in known.items()}
    for row, level in zip(rows, levels, strict=True):
        if level:
            ranks.setdefault(row.code, set()).add(rank(level))
    top = min((each for found in ranks.values() for each in found), default=0)
    seen: set[tuple[str, date | None]] = set()
    for place, (row, level) in enumerate(zip(rows, levels, strict=True), 1):

        def wrong(code: str, column: str, value: str, detail: str, number: int = row.row or place) -> None:
            problems.append(Problem(code, detail, row=number, column=column, value=value))

        if not row.code or not row.name:
            wrong("missing", "代码或名称", "", "代码和名称都要填")
        if not level:
            wrong("unknown_level", "层级", row.level, f"没有“{row.level}”这个层级；请填 {' '.join(LEVELS)}")
            continue
        if rank(level) > top and not any(each < rank(level) for each in ranks.get(row.parent_code, ())):
            wrong("unknown_parent", "上级代码", row.parent_code, "没有这个上级区划")
        if row.replaced and not (row.valid_from and ranks.keys() >= set(row.replaced)):
            wrong("bad_succession", "替代", row.replaces, "要有这个旧区划，并填启用日期")
        try:
            valid_from, valid_to = (
                date.fromisoformat(text) if text else None for text in (row.valid_from, row.valid_to)
            )
            if any(day and not 1900 <= day.year < 2100 for day in (valid_from, valid_to)):
                raise ValueError("no year of ours")
        except ValueError:
            wrong("bad_date", "启用或停用日期", row.valid_from + row.valid_to, "日期应为 2023-06-30 这样")
            continue
        if valid_from and valid_to and valid_to <= valid_from:
            wrong("dates_upside_down", "停用日期", row.valid_to, "停用日期应晚于启用日期")
        kinds = _chinese(row.code, row.name, level) if chinese else {"code": row.code}
        if (kinds["code"], valid_from) in seen:
            wrong("duplicate_code", "代码", row.code, "同一代码出现两次")
        seen.add((kinds["code"], valid_from))
        fields = {
            "padded_code": row.code,
            "name": row.name,
            "level": level,
            "community_kind": None,
            "town_kind": None,
            "urban_rural": row.urban_rural or None,
            "virtual": False,
            "pseudo": False,
            "valid_from": valid_from,
            "valid_to": valid_to,
        }
        facts.append((row, fields | kinds))
    return facts, problems


def _chinese(code: str, name: str, level: str) -> dict[str, Any]:
    """What a twelve-digit code says (统计用区划代码编制规则): digits 7–9 the kind of town
    (0 街道, 1 镇, 2–3 乡, 4–5 类似乡级), digits 10–12 the kind of community (001–199 居委会, 200–399 村委会)."""
    length = {"province": 2, "city": 4, "county": 6, "town": 9, "community": 12}[level]
    fields: dict[str, Any] = {"code": code[:length]}
    if level == "town":
        kinds = {"0": "street", "1": "town", "2": "township", "3": "township"}
        fields["town_kind"] = kinds.get(code[6], "pseudo")
        fields["pseudo"] = fields["town_kind"] == "pseudo"
    if level == "community":
        suffix = int(code[9:])
        fields["virtual"] = "虚拟" in name
        fields["community_kind"] = (
            "residents_committee" if suffix < 200 else "villagers_committee" if suffix < 400 else "other"
        )
    return fields


def _retire(log: Log, of_code: dict[str, list[Division]], code: str, fields: dict[str, Any]) -> Division:
    """End a division that is replaced, on the day the new one begins; a split replaces it twice."""
    on = fields["valid_from"]
    earlier = [d for d in of_code.get(code, []) if _since(d.valid_from) < on]
    old = max(earlier, key=lambda d: (d.level == fields["level"], _since(d.valid_from)), default=None)
    if old is None:
        raise ConflictError(f"{on} 之前没有 {code} 这个区划可替代", "nothing_to_replace")
    if old.valid_to not in (None, on):
        raise ConflictError(f"{old.padded_code} {old.name} 已经停用，不能再被替代", "already_retired")
    if old.valid_to is None:
        log.record_change("division", old.padded_code, "retire", {"valid_to": [None, on]})
        old.valid_to = on
        Division.update(valid_to=on).where(Division.id == old.id).execute()
    return old


def renumber() -> None:
    """Number the tree anew so that a subtree is lft BETWEEN its root's lft AND rgt."""
    below: dict[int | None, list[int]] = {}
    rows = db.query("SELECT id, parent_id, lft, rgt FROM division ORDER BY code, id")
    for id_, parent_id, *_ in rows:
        below.setdefault(parent_id, []).append(id_)
    left: dict[int, int] = {}
    right: dict[int, int] = {}
    count = 0
    stack: list[tuple[int, bool]] = [(id_, False) for id_ in reversed(below.get(None, []))]
    while stack:
        id_, done = stack.pop()
        if done:
            right[id_] = count
            continue
        count += 1
        left[id_] = count
        stack.append((id_, True))
        stack.extend((child, False) for child in reversed(below.get(id_, [])))
    moved = [(left[i], right[i], i) for i, _, lft, rgt in rows if (lft, rgt) != (left[i], right[i])]
    db.execute_many("UPDATE division SET lft = ?, rgt = ? WHERE id = ?", moved)


def set_shape(log: Log, division: Division, geometry: dict[str, Any], source: str) -> bool:
    """Store a division's GeoJSON geometry (WGS-84); False when it is there already."""
    text = json.dumps(geometry, separators=(",", ":"))
    old = Shape.get_or_none(Shape.division == division)
    if old and (old.geometry, old.source) == (text, source):
        return False
    box = dict(zip(("west", "south", "east", "north"), geo.box_of(geometry), strict=True))
    if old:
        old.delete_instance()
    Shape.create(division=division, geometry=text, source=source, **box)
    log.record_change("division", division.padded_code, "set_shape")
    return True


def set_population(
    log: Log, division: Division, kind: str, counted_on: date, persons: int, source: str
) -> bool:
    """Store a count of residents; False when it is there already."""
    key = (
        (Population.division == division) & (Population.kind == kind) & (Population.counted_on == counted_on)
    )
    old = Population.get_or_none(key)
    if old and (old.persons, old.source) == (persons, source):
        return False
    if old:
        Population.update(persons=persons, source=source).where(key).execute()
    else:
        Population.create(division=division, kind=kind, counted_on=counted_on, persons=persons, source=source)
    log.record_change(
        "division", division.padded_code, "set_population", {kind: [old and old.persons, persons]}
    )
    return True
