"""What the fields of an edit mean: read as an import's row is, and set on the record."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from servicemap import db, facilities, facts
from servicemap.config import Settings
from servicemap.errors import InvalidError, Problem
from servicemap.facilities import Stated
from servicemap.facility_types import Kind, Kinds
from servicemap.imports.columns import FIELDS
from servicemap.records import Record, public_code

Cells = Mapping[str, str | None]

# fields that nobody empties; without a visibility a hidden place would become public
KEPT = ("code", "name", "type", "division", "source", "datum", "visibility")
PLACES = {f"places_{name}": name for name in facilities.PLACES}
OF_ROLE = {*facilities.ROLE_COLUMNS, *facilities.PLACES, "classes", "serves"}
EMPTY: dict[str, Any] = {"forms": (), "delivery": "on_site", "phone_public": True}  # the others: None
HEADINGS = {each.name: each.heading for each in FIELDS}


def reader_of(cells: Cells, settings: Settings, today: date) -> facts.Reader:
    """InvalidError for a field that there is not."""
    unknown = [name for name in cells if name not in HEADINGS]
    if unknown:
        raise InvalidError(f"没有这些字段：{'、'.join(unknown)}", "unknown_field")
    return facts.Reader(HEADINGS, settings.extent, today)


def merged_with(record: Record, row: facts.Facts, today: date) -> Record:
    stated = Stated(row.facility, [(kind.id, row.role) for kind in row.kinds], row.verified_on)
    after = facilities.merged(record, stated, today)
    for name, code, detail in facilities.contradictions(after):
        raise wrong(name, code, detail)
    if after.delivery != "on_site" and "lat" in row.facility:
        detail = "这是网上、上门或电话服务，没有可去的地方，不能有坐标"
        raise wrong("lng", "position_of_remote_service", detail)
    owner = "SELECT id FROM facility WHERE source = ? AND external_id = ? AND id <> ?"
    for (id_,) in db.query(owner, (after.source, after.external_id, after.id)) if after.external_id else ():
        raise wrong("external_id", "external_id_taken", f"这个外部编号属于 {public_code(id_)}")
    return after


def refused(problems: Iterable[Problem]) -> InvalidError:
    wrong = [replace(problem, row=None) for problem in problems]
    columns = dict.fromkeys(problem.column or "" for problem in wrong)
    return InvalidError(f"内容有误：{'、'.join(columns)}", "bad_fields", wrong)


def wrong(name: str, code: str, detail: str) -> InvalidError:
    return refused([Problem(code, detail, name, column=HEADINGS[name])])


def type_meant(record: Record, cells: Cells) -> Kind:
    """Whose fields are spoken of, where `cells` names no type: the only current role's, else the last one's."""
    kinds = Kinds()
    of_role = [name for name in cells if PLACES.get(name, name) in OF_ROLE]
    current = [role for role in record.roles if role.closed_on is None] or record.roles[-1:]
    if of_role and "type" not in cells and len(current) > 1:
        names = "、".join(kinds.by_id[role.type_id].name for role in current)
        raise wrong("type", "which_type", f"这里有几个挂牌：{names}；请说明改哪一个的{HEADINGS[of_role[0]]}")
    return kinds.by_id[current[0].type_id]


def empty(record: Record, name: str, kind: Kind, today: date) -> None:
    """Take a field away, of a role that of its type's current one (else the last)."""
    if name in KEPT:
        raise wrong(name, "cannot_be_empty", f"{HEADINGS[name]}不能为空")
    if name in ("lng", "lat", "position_precision"):
        for each, value in facilities.UNPLACED.items():
            setattr(record, each, value)
        record.position_precision = "none"
        return
    attribute = PLACES.get(name, name)
    if attribute not in OF_ROLE:
        setattr(record, attribute, EMPTY.get(attribute))
        return
    of_type = [role for role in record.roles if role.type_id == kind.id]
    role = ([role for role in of_type if role.closed_on is None] or of_type)[-1]
    if attribute == "serves":
        role.serves = facilities.serving(role, ())
    elif attribute == "classes":
        role.classes = []
    else:
        if name in PLACES and getattr(role, attribute) is not None:
            role.places_on = today  # earlier days keep their count
        setattr(role, attribute, EMPTY.get(attribute))


def kind_of(word: str) -> Kind:
    kinds = Kinds()
    kind = kinds.find(word)
    if kind is None:
        near = kinds.near(word)
        raise wrong("type", "unknown_type", f"没有“{word}”这个类型" + (f"；是不是“{near}”？" if near else ""))
    return kind
