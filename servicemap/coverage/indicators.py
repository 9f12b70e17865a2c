"""指标 as data: what an indicator file may say, checked word by word, and read back for measuring.

kind         share: divisions covered ÷ divisions; per_thousand: places × 1000 ÷ residents;
             count: open places; titled: divisions that hold a title
numerator    types; own_level: only roles of the denominator's level; verified_within_months;
             places: registered | offered | taken; title: the place or division holds this title; level
denominator  level, community_kind, town_kind (of the town itself, or of the town above a community),
             urban_rural: how the class begins, list: the denominator list; or population: its kind
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from servicemap.audit import Log, diff
from servicemap.errors import InvalidError
from servicemap.models import (
    COMMUNITY_KINDS,
    LEVELS,
    TOWN_KINDS,
    DenominatorList,
    DenominatorMember,
    FacilityType,
    Indicator,
    Target,
)

UNITS = {"share": "%", "per_thousand": "个/千人", "count": "个", "titled": "个"}
NUMERATOR_WORDS = {"types", "own_level", "verified_within_months", "places", "title", "level"}
DENOMINATOR_WORDS = {"level", "community_kind", "town_kind", "urban_rural", "list", "population"}


@dataclass(frozen=True, slots=True)
class Definition:
    """口径: how the numerator and the denominator are counted."""

    id: str
    name: str
    default: bool
    numerator: Mapping[str, Any]
    denominator: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TargetValue:
    """目标值. `at_least` is exact, in the indicator's unit."""

    at_least: Fraction
    text: str
    due_year: int
    level: str
    source: str
    to_check: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """指标 with its targets (the first is the report's own) and definitions (the first is the default)."""

    id: str
    name: str
    name_en: str
    clause: str
    quote: str
    kind: str
    department: str
    targets: tuple[TargetValue, ...]
    definitions: tuple[Definition, ...]

    @property
    def unit(self) -> str:
        return UNITS[self.kind]


def list_indicators() -> list[Measure]:
    """All indicators in the order of their file. Two queries."""
    targets: dict[str, list[TargetValue]] = {}
    row: Any  # peewee adds the columns of foreign keys
    for row in Target.select().order_by(Target.position):
        value = TargetValue(
            Fraction(row.at_least), row.at_least, row.due_year, row.level, row.source, row.to_check
        )
        targets.setdefault(row.indicator_id, []).append(value)
    return [
        Measure(
            row.id,
            row.name,
            row.name_en,
            row.clause,
            row.quote,
            row.kind,
            row.department,
            tuple(targets.get(row.id, ())),
            tuple(Definition(**definition) for definition in json.loads(row.definitions)),
        )
        for row in Indicator.select().order_by(Indicator.position)
    ]


def set_denominator_list(
    log: Log, key: str, edition: str, source: str, document_no: str | None = None, members: Any = ()
) -> bool:
    """Create or replace a denominator list; False when it is there already. Without members it means
    every division of the tree that fits the definition; `members` are division ids."""
    fields = {"edition": edition, "source": source, "document_no": document_no}
    old = DenominatorList.get_or_none(DenominatorList.key == key)
    rows: Any = DenominatorMember.select().where(DenominatorMember.list == key)
    kept = [row.division_id for row in rows]
    before = {**{name: getattr(old, name) for name in fields}, "members": sorted(kept)} if old else {}
    changed = diff(before, {**fields, "members": sorted(members)})
    if not changed:
        return False
    if old:
        DenominatorList.update(**fields).where(DenominatorList.key == key).execute()
    else:
        DenominatorList.create(key=key, **fields)
    DenominatorMember.delete().where(DenominatorMember.list == key).execute()
    for division_id in members:
        DenominatorMember.create(list=key, division=division_id)
    log.record_change("denominator_list", key, "update" if old else "create", changed)
    return True


def set_indicator(log: Log, position: int, entry: Mapping[str, Any]) -> bool:
    """Create or change an indicator from an entry of an indicator file; False when it is there already.
    Raises InvalidError that names the indicator and the word that is wrong."""
    definitions = [_definition(entry, raw) for raw in entry["definitions"]]
    if [d["default"] for d in definitions] != [True] + [False] * (len(definitions) - 1):
        raise _wrong(entry, "第一个口径（且只有它）要写 default: true")
    targets = [_target(entry, number, raw) for number, raw in enumerate(entry["targets"])]
    fields = {
        **{name: entry[name] for name in ("name", "name_en", "clause", "quote", "kind", "department")},
        "position": position,
        "unit": UNITS[entry["kind"]],
        "definitions": json.dumps(definitions, ensure_ascii=False),
    }
    old = Indicator.get_or_none(Indicator.id == entry["id"])
    names = ("position", "at_least", "due_year", "level", "source", "to_check")
    rows = Target.select().where(Target.indicator == entry["id"]).order_by(Target.position)
    kept = [{name: getattr(row, name) for name in names} for row in rows]
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


def _wrong(entry: Mapping[str, Any], what: str) -> InvalidError:
    return InvalidError(f"指标 {entry.get('id', '?')}: {what}", "bad_indicator")


def _target(entry: Mapping[str, Any], number: int, raw: Mapping[str, Any]) -> dict[str, Any]:
    try:
        Fraction(raw["at_least"])
    except (KeyError, TypeError, ValueError):
        raise _wrong(
            entry, f'目标值 at_least 应为带引号的数，如 "95"，不是 {raw.get("at_least")!r}'
        ) from None
    return {
        "position": number,
        "at_least": raw["at_least"],
        "due_year": raw["due_year"],
        "level": raw["level"],
        "source": raw["source"],
        "to_check": raw.get("to_check", False),
    }


def _definition(entry: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    if entry["kind"] not in UNITS:
        raise _wrong(entry, f"没有 kind “{entry['kind']}”；可用 {'、'.join(UNITS)}")
    numerator, denominator = dict(raw["numerator"]), dict(raw.get("denominator", {}))
    unknown = (numerator.keys() - NUMERATOR_WORDS) | (denominator.keys() - DENOMINATOR_WORDS)
    if unknown:
        raise _wrong(entry, f"口径 {raw['id']} 有不认识的词：{'、'.join(sorted(unknown))}")
    known = {row.key for row in FacilityType.select(FacilityType.key)}
    missing = [key for key in numerator.get("types", ()) if key not in known]
    if missing:
        raise _wrong(entry, f"口径 {raw['id']} 用了没有的类型：{'、'.join(missing)}")
    for word, allowed in (("level", LEVELS), ("community_kind", COMMUNITY_KINDS), ("town_kind", TOWN_KINDS)):
        given = denominator.get(word, ())
        denominator[word] = [given] if isinstance(given, str) else list(given)
        if not set(denominator[word]) <= set(allowed):
            raise _wrong(entry, f"口径 {raw['id']} 的 {word} 只能是 {'、'.join(allowed)}")
    list_key = denominator.get("list")
    if list_key and not DenominatorList.select().where(DenominatorList.key == list_key).exists():
        raise _wrong(entry, f"口径 {raw['id']} 用了没有的分母名录 {list_key}")
    denominator["level"] = denominator["level"][0] if denominator["level"] else None
    return {
        "id": raw["id"],
        "name": raw["name"],
        "default": raw.get("default", False),
        "numerator": numerator,
        "denominator": denominator,
    }
