"""What an entry of an indicator file may say; indicators.py's docstring explains the words."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from servicemap.coverage.targets import TRENDS
from servicemap.models import COMMUNITY_KINDS, FEES, LEVELS, TARGETS, TOWN_KINDS

UNITS = {
    "share": "%",
    "place_share": "%",
    "per_thousand": "个/千人",
    "count": "个",
    "titled": "个",
    "reported": "",
}
NEEDED = ("id", "name", "name_en", "clause", "quote", "kind", "department", "targets")
TEXTS = NEEDED[:-1]
ALSO = ("definitions", "unit", "key", "project", "better")
OF_TARGET = (*TARGETS, "due_year", "level", "source", "to_check", "base_year", "tolerance")
OF_DEFINITION = ("id", "name", "default", "numerator", "denominator")
CONDITIONS = ("hosts", "fee", "accessible", "assessed")  # of places: place_share.py
NUMERATOR_WORDS = ("types", "own_level", "verified_within_months", "places", "title", "level", *CONDITIONS)
DENOMINATOR_WORDS = ("level", "community_kind", "town_kind", "urban_rural", "list", "population", "assessed")
COUNTED = {  # of each kind the words that its definitions cannot do without
    "share": (("types",), ("level",)),
    "place_share": (("types",), ()),
    "per_thousand": (("types", "places"), ("population",)),
    "count": (("types",), ()),
    "titled": (("title", "level"), ()),
}
CHOICES = {
    "level": LEVELS,
    "community_kind": COMMUNITY_KINDS,
    "town_kind": TOWN_KINDS,
    "places": ("registered", "offered", "taken"),
    "fee": FEES,
    "accessible": (True,),
    "assessed": (True,),
}
NUMBER = re.compile(r"-?[0-9]{1,9}([.][0-9]{1,6})?")
YEARS = range(2000, 2101)

Part = Mapping[str, Any]
Said = tuple[Part, str]  # in which part of the entry, what is wrong


def check_indicator(entry: Part, types: Collection[Any], lists: Collection[Any]) -> Iterator[Said]:
    """Everything that is wrong with an entry, whatever it holds; `types` and `lists` are the keys that there
    are."""
    if missing := [word for word in NEEDED if word not in entry]:
        yield entry, f"缺 {'、'.join(missing)}"
        return
    yield from _unknown(entry, (*NEEDED, *ALSO), "")
    for word in (*TEXTS, *(word for word in ("unit", "project") if word in entry)):
        if not isinstance(entry[word], str) or not entry[word].strip():
            yield entry, f"{word} 应为文字"
    if entry["kind"] not in UNITS:
        yield entry, f"没有 kind “{entry['kind']}”；可用 {'、'.join(UNITS)}"
        return
    if not isinstance(entry.get("key", False), bool):
        yield entry, "key 应为 true 或 false"
    if entry.get("better", "up") not in ("up", "down"):
        yield entry, "better 应为 up 或 down"
    for target in _parts(entry["targets"]):
        yield from _target(target, entry) if isinstance(target, dict) else [(entry, "targets 应为一个列表")]
    definitions = _parts(entry.get("definitions", []))
    if entry["kind"] == "reported":
        if definitions or "unit" not in entry:
            yield entry, "报数的指标（kind: reported）要写 unit，没有口径（definitions）"
        return
    if not all(isinstance(each, dict) for each in definitions) or not definitions:
        yield entry, "definitions 应为口径的列表"
        return
    if [each.get("default", False) for each in definitions] != [True] + [False] * (len(definitions) - 1):
        yield entry, "第一个口径（且只有它）要写 default: true"
    for each in definitions:
        yield from _definition(each, entry["kind"], types, lists)


def _parts(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _unknown(part: Part, known: Collection[str], where: str) -> Iterator[Said]:
    if unknown := [str(word) for word in part if word not in known and not str(word).startswith("__")]:
        yield part, f"{where}有不认识的词：{'、'.join(unknown)}"


def _target(target: Part, entry: Part) -> Iterator[Said]:
    yield from _unknown(target, OF_TARGET, "目标")
    kinds = [kind for kind in TARGETS if kind in target]
    if len(kinds) != 1:
        yield target, f"目标要写 {'、'.join(TARGETS)} 中的一个"
        return
    [kind] = kinds
    if kind == "direction" and target[kind] not in TRENDS:
        yield target, f"direction 应为 up 或 down，不是 {target[kind]!r}"
    for word in ("tolerance", *(() if kind == "direction" else (kind,))):
        if word in target and not (isinstance(target[word], str) and NUMBER.fullmatch(target[word])):
            yield target, f'目标值 {word} 应为带引号的数，如 "95"，不是 {target[word]!r}'
    if (kind == "change_from_base") != ("base_year" in target):
        yield target, "change_from_base 要有 base_year（基期），别的没有"
    if kind in ("every_unit", "change_from_base", "yearly_step") and entry["kind"] != "reported":
        yield target, f"{kind} 只用于报数的指标（kind: reported）"
    for word in ("due_year", "base_year"):
        year = target.get(word)
        if (word == "due_year" or word in target) and not (isinstance(year, int) and year in YEARS):
            yield target, f"{word} 应为年份，不是 {year!r}"
    if target.get("level") not in (*LEVELS, "nation"):
        yield target, f"level 应为 nation、{'、'.join(LEVELS)} 中的一个"
    if not isinstance(target.get("source"), str):
        yield target, "目标要有 source（出处）"
    if not isinstance(target.get("to_check", False), bool):
        yield target, "to_check 应为 true 或 false"


def _definition(part: Part, kind: str, types: Collection[Any], lists: Collection[Any]) -> Iterator[Said]:
    yield from _unknown(part, OF_DEFINITION, "口径")
    if not all(isinstance(part.get(word), str) for word in ("id", "name")):
        yield part, "口径要有 id 和 name"
        return
    where = f"口径 {part['id']} "
    numerator, denominator = part.get("numerator"), part.get("denominator", {})
    if not isinstance(numerator, dict) or not isinstance(denominator, dict):
        yield part, f"{where}的 numerator、denominator 应为一组 名称: 值"
        return
    yield from _unknown(numerator, NUMERATOR_WORDS, where)
    yield from _unknown(denominator, DENOMINATOR_WORDS, where)
    needed = zip(("numerator", "denominator"), COUNTED[kind], (numerator, denominator), strict=True)
    for name, words, given in needed:
        if missing := [word for word in words if word not in given]:
            yield part, f"{where}的 {name} 缺 {'、'.join(missing)}"
    if kind == "place_share" and sum(word in numerator for word in CONDITIONS) != 1:
        yield part, f"{where}的 numerator 要有 {'、'.join(CONDITIONS)} 中的一个"
    named = [*_parts(numerator.get("types", [])), *_parts(numerator.get("hosts", []))]
    if missing := [str(key) for key in named if not isinstance(key, str) or key not in types]:
        yield part, f"{where}用了没有的类型：{'、'.join(missing)}"
    for given in (numerator, denominator):
        for word, allowed in CHOICES.items():
            if word in given and not all(each in allowed for each in _parts(given[word])):
                yield part, f"{where}的 {word} 只能是 {'、'.join(map(str, allowed))}"
    if "list" in denominator and denominator["list"] not in lists:
        yield part, f"{where}用了没有的分母名录 {denominator['list']}"
    months = numerator.get("verified_within_months", 1)
    if not isinstance(months, int) or not 0 < months < 1200:
        yield part, f"{where}的 verified_within_months 应为月数"
