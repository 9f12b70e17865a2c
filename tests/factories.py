"""Things to test with. Every default is good: a test names only what it is about."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from types import SimpleNamespace
from typing import Any

from servicemap import division_list, divisions, facilities, facility_types, records, storing
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.config import Settings
from servicemap.division_list import DivisionRow
from servicemap.facilities import Stated
from servicemap.facility_types import Kind, Kinds
from servicemap.imports import batches
from servicemap.imports.columns import FIELDS
from servicemap.imports.plan import Part, make_plan, reader_of, work_out
from servicemap.models import Division, ImportBatch, Saying
from servicemap.records import Record

TODAY = date(2026, 11, 23)
SCALE = float(os.environ.get("SERVICEMAP_TEST_SCALE", "0.1"))  # 1 = the full counts


def scaled(number: int, at_least: int) -> int:
    """How many of `number` repetitions to do at this scale."""
    return max(at_least, round(number * SCALE))


# Codes as 统计用区划代码 builds them; 清远 is real, the places below the counties only look so.
TREE = (
    ("441800000000", "清远市", "city", ""),
    ("441802000000", "清城区", "county", "441800000000"),
    ("441881000000", "英德市", "county", "441800000000"),
    ("441802001000", "凤城街道", "town", "441802000000"),
    ("441802102000", "源潭镇", "town", "441802000000"),
    ("441881101000", "沙口镇", "town", "441881000000"),
    ("441881450000", "华侨茶场", "town", "441881000000"),
    ("441802001001", "北门社区", "community", "441802001000"),
    ("441802001002", "南门社区", "community", "441802001000"),
    ("441802102200", "田心村", "community", "441802102000"),
    ("441881101201", "田心村", "community", "441881101000"),
    ("441881101498", "沙口镇虚拟社区", "community", "441881101000"),
    ("441881450001", "茶场社区", "community", "441881450000"),
)
NORTH_GATE = "441802001001"
LNG, LAT = 113.0561, 23.6842


def a_tree(rows: Sequence[tuple[str, ...]] = TREE) -> dict[str, Division]:
    """A city with two counties and what lies below, by padded code."""
    division_list.import_divisions(SEED, [DivisionRow(*row) for row in rows])
    return {division.padded_code: division for division in Division.select()}


def a_division(code: str = NORTH_GATE) -> Division:
    """The division with this code, of `a_tree` when there is no tree yet."""
    return divisions.find(code) or a_tree()[code]


def a_type(key: str = "parent_school", **given: Any) -> Kind:
    """A type of this key; made when the registry has none, or when more is said of it."""
    kinds = Kinds()
    known = next((kind for kind in kinds.all if kind.key == key), None)
    if known and not given:
        return known
    names = {"parent_school": "家长学校", "nursery": "托育机构", "childrens_home": "儿童之家"}
    facts = {
        "id": known.id if known else max(kinds.by_id, default=0) + 1,
        "key": key,
        "name": names.get(key, key),
        "name_en": key.replace("_", " "),
        "level": "community",
        "clauses": ("T01",),
        "aliases": (),
    }
    kind = Kind(**(facts | given))
    with write_txn(SEED) as log:
        facility_types.set_type(log, kind)
    return kind


def a_saying(meaning: str, word: str) -> None:
    """A word that the registry knows to mean this (models.MEANINGS)."""
    with write_txn(SEED) as log:
        Saying.create(word=word, meaning=meaning)
        log.record_change("saying", word, "create", {"meaning": [None, meaning]})


ROLE_FIELDS = {field.name for field in fields(records.Role)} - {"id", "type_id"}


def a_place(
    name: str = "北门社区家长学校",
    *,
    types: Sequence[str] = ("parent_school",),
    division: str = NORTH_GATE,
    lng: float | None = LNG,
    lat: float | None = LAT,
    today: date = TODAY,
    verified_on: date | None = None,
    **given: Any,
) -> Record:
    """A place in the registry. `given` are further facts of it or of all its roles, by their names in
    records; `precision` is short for position_precision; lng=None: it has no position."""
    record = Record(0, name, a_division(division).id)
    placed = {} if lng is None else {"lng": lng, "lat": lat, "position_datum": "wgs84"}
    return _written(record, {**placed, **given}, types, verified_on, today, new=True)


def a_change(
    record: Record,
    *,
    types: Sequence[str] = (),
    verified_on: date | None = None,
    today: date = TODAY,
    **given: Any,
) -> Record:
    """The place after a change of these facts; a role's facts need `types`, saying which are meant."""
    if "division" in given:
        given["division_id"] = a_division(given.pop("division")).id
    return _written(record, given, types, verified_on, today, new=False)


def _written(record, given, types, verified_on, today, *, new: bool) -> Record:
    if "precision" in given:
        given["position_precision"] = given.pop("precision")
    role = {name: given.pop(name) for name in list(given) if name in ROLE_FIELDS}
    if "serves" in role:
        role["serves"] = sorted(a_division(code).id for code in role["serves"])
    stated = Stated(given, [(a_type(key).id, dict(role)) for key in types], verified_on)
    after = facilities.merged(record, stated, today)
    with write_txn(SEED) as log:
        storing.write(log, [after] if new else [], [] if new else [(record, after)], today)
    return records.load([after.id])[after.id]


def a_batch(
    rows: Sequence[Mapping[str, str]], *, as_of: date = TODAY, headings: Mapping[str, str] | None = None
) -> ImportBatch:
    """A staged import of rows of {field: text}; the first stands in the second line, below the headings.
    What a row doesn't name is good: name, division, type; an empty text leaves the cell empty."""
    a_division()
    a_type()
    ours = {field.name: field.heading for field in FIELDS}
    filled = [
        (number, {"name": f"第 {number} 家", "division": NORTH_GATE, "type": "家长学校", **row})
        for number, row in enumerate(rows, 2)
    ]
    headings = headings or ours
    batch = batches.open_batch(SEED, file_name="places.xlsx", headings=headings, as_of=as_of, today=as_of)
    batches.add_rows(SEED, batch.id, filled)
    return batch


def a_plan(batch: ImportBatch, settings: Settings) -> SimpleNamespace:
    """The plan of a batch of a few rows, with what they make: created, updated, rows."""
    plan = make_plan(SEED, batch.id, settings, TODAY)
    parts = list(work_out(SEED, batch, reader_of(batch, settings, TODAY)))
    part = parts[0] if parts else Part()
    return SimpleNamespace(
        **{name: getattr(plan, name) for name in ("counts", "changes", "kept", "problems", "remarks")},
        **{name: getattr(part, name) for name in ("created", "updated", "rows")},
    )
