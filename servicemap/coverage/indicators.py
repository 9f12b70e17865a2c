"""指标 as data: what an indicator file may say, checked word by word, and read back for measuring.

kind         share: divisions covered ÷ divisions; place_share: places that fulfil a condition ÷ places
             (place_share.py); per_thousand: places × 1000 ÷ residents;
             count: open places; titled: divisions that hold a title;
             reported: what a department reports, with its `unit`; without definitions
targets      one word of TARGETS with its value says what is asked: at_least: "95", at_most: "9", every_unit: "90",
             change_from_base: "-20" with base_year, yearly_step: "-0.5", direction: up or down; tolerance: "0.5"
             for 约、左右; the first is the report's own
better       up (else down): which way is good, where no target says it
key          重点指标; project: 三(一) … 三(八)
numerator    types; own_level: only roles of the denominator's level; verified_within_months;
             places: registered | offered | taken; title: the place or division holds this title; level;
             of a place_share one of hosts, fee, accessible, assessed
denominator  level, community_kind, town_kind (of the town itself, or of the town above a community),
             urban_rural: how the class begins, list: the denominator list; or population: its kind; of a place_share assessed
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from servicemap.audit import Log, diff
from servicemap.coverage import targets
from servicemap.coverage.denominators import known_lists
from servicemap.coverage.indicator_rules import UNITS, check_indicator
from servicemap.errors import InvalidError
from servicemap.models import (
    TARGETS,
    FacilityType,
    Indicator,
    Target,
)

TARGET_FACTS = (
    *("position", "kind", "value", "due_year", "level", "source", "to_check"),
    *("base_year", "tolerance"),
)


@dataclass(frozen=True, slots=True)
class Definition:
    """口径: how the numerator and the denominator are counted."""

    id: str
    name: str
    default: bool
    numerator: Mapping[str, Any]
    denominator: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """指标 with its targets (the first is the report's own) and definitions (the first is the default; one that
    says nothing where the value is reported)."""

    id: str
    name: str
    name_en: str
    clause: str
    quote: str
    kind: str
    department: str
    unit: str
    is_key: bool
    project: str | None
    better: str
    targets: tuple[targets.Target, ...]
    definitions: tuple[Definition, ...]


REPORTED = Definition("reported", "各部门、各县报数", True, {}, {})
FACTS = (
    *("id", "name", "name_en", "clause", "quote", "kind", "department"),
    *("unit", "is_key", "project", "better"),
)


def list_indicators() -> list[Measure]:
    """All indicators in the order of their file. Two queries."""
    found: dict[str, list[targets.Target]] = {}
    row: Any  # peewee adds the columns of foreign keys
    for row in Target.select().order_by(Target.position):
        found.setdefault(row.indicator_id, []).append(
            targets.Target(
                row.kind,
                None if row.kind == "direction" else Fraction(row.value),
                row.value,
                row.due_year,
                row.level,
                row.source,
                row.to_check,
                row.base_year,
                Fraction(row.tolerance or 0),
            )
        )
    return [
        Measure(
            **{name: getattr(row, name) for name in FACTS},
            targets=tuple(found.get(row.id, ())),
            definitions=tuple(Definition(**each) for each in json.loads(row.definitions)) or (REPORTED,),
        )
        for row in Indicator.select().order_by(Indicator.position)
    ]


def departments_of(indicator: Measure) -> frozenset[str]:
    """The departments that are responsible for it, one by one."""
    return frozenset(indicator.department.partition("（")[0].split("、"))


def known_types() -> set[str]:
    return {row.key for row in FacilityType.select(FacilityType.key)}


def set_indicator(log: Log, position: int, entry: Mapping[str, Any]) -> bool:
    """Create or change an indicator from an entry of an indicator file; False when it is there already.
    Raises InvalidError that names the indicator and the word that is wrong."""
    for _, detail in check_indicator(entry, known_types(), known_lists()):
        raise InvalidError(f"指标 {entry.get('id', '?')}: {detail}", "bad_indicator")
    targets = [_target(number, raw) for number, raw in enumerate(entry["targets"])]
    fields = {
        **{name: entry[name] for name in ("name", "name_en", "clause", "quote", "kind", "department")},
        "position": position,
        "unit": entry.get("unit") or UNITS[entry["kind"]],
        "is_key": entry.get("key", False),
        "project": entry.get("project"),
        "better": entry.get("better") or _better(targets),
        "definitions": json.dumps(
            [_definition(raw) for raw in entry.get("definitions", ())], ensure_ascii=False
        ),
    }
    old = Indicator.get_or_none(Indicator.id == entry["id"])
    rows = Target.select().where(Target.indicator == entry["id"]).order_by(Target.position)
    kept = [{name: getattr(row, name) for name in TARGET_FACTS} for row in rows]
    before = {**{name: getattr(old, name) for name in fields}, "targets": kept} if old else {}
    changed = diff(before, {**fields, "targets": targets})
    if not changed:
        return False
    if old:
        Indicator.update(**fields).where(Indicator.id == entry["id"]).execute()
    else:
        Indicator.create(id=entry["id"], **fields)
    Target.delete().where(Target.indicator == entry["id"]).execute()
    for target in targets:
        Target.create(indicator=entry["id"], **target)
    log.record_change("indicator", entry["id"], "update" if old else "create", changed)
    return True


def _target(number: int, raw: Mapping[str, Any]) -> dict[str, Any]:
    [kind] = [kind for kind in TARGETS if kind in raw]
    return {
        "position": number,
        "kind": kind,
        "value": raw[kind],
        "to_check": raw.get("to_check", False),
        **{name: raw.get(name) for name in ("due_year", "level", "source", "base_year", "tolerance")},
    }


def _better(targets: Sequence[Mapping[str, Any]]) -> str:
    if not targets:
        return "up"
    kind, value = targets[0]["kind"], targets[0]["value"]
    return "down" if kind == "at_most" or value == "down" or value.startswith("-") else "up"


def _definition(raw: Mapping[str, Any]) -> dict[str, Any]:
    denominator, numerator = dict(raw.get("denominator", {})), dict(raw["numerator"])
    for word in ("community_kind", "town_kind"):
        denominator[word] = _several(denominator.get(word, ()))
    numerator |= {word: _several(numerator[word]) for word in ("types", "hosts", "fee") if word in numerator}
    return {
        "id": raw["id"],
        "name": raw["name"],
        "default": raw.get("default", False),
        "numerator": numerator,
        "denominator": {**denominator, "level": denominator.get("level")},
    }


def _several(given: Any) -> list[Any]:
    return [given] if isinstance(given, str) else list(given)
