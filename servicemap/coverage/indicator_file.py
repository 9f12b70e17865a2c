"""An indicator file (seed/indicators.yaml is one): held against the rules, with the line of whatever is wrong,
and loaded. Another city's plan is another file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from servicemap import divisions
from servicemap.access import MANAGE_INDICATORS, Actor, require
from servicemap.audit import Log, write_txn
from servicemap.coverage.area_groups import set_area_group
from servicemap.coverage.denominators import known_lists, set_denominator_list
from servicemap.coverage.indicator_rules import check_indicator
from servicemap.coverage.indicators import (
    known_types,
    set_indicator,
)
from servicemap.errors import InvalidError, Problem, RegistryError
from servicemap.facility_types import Kind, Kinds, set_type
from servicemap.models import LEVELS

MOST_PROBLEMS = 100
LISTS = ("clauses", "aliases")
# the other parts of a file: what an entry is, and its words; of those in brackets it may do without
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "facility_types": ("类型", ("id", "key", "name", "name_en", "level", *LISTS, "[topic]")),
    "denominator_lists": ("分母名录", ("key", "edition", "source", "[document_no]")),
    "area_groups": ("区划组", ("key", "name", "source", "divisions")),
}
LINE = "__line__"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with which indicator (- for none), where it begins."""

    line: int
    indicator: str
    detail: str


class _Loader(yaml.SafeLoader):
    """Notes where each mapping begins."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "应为一组 名称: 值", node.start_mark)
        return {**super().construct_mapping(node, deep=deep), LINE: node.start_mark.line + 1}


def check_file(text: str) -> list[Wrong]:
    """Everything that is wrong with the file, by line; empty when it could be loaded. Types and denominator lists
    may be those of the registry or stand in the file. Changes nothing. Two queries."""
    if "<<" in text:
        return [Wrong(text[: text.index("<<")].count("\n") + 1, "-", "不支持合并键 <<；请把内容写全")]
    try:
        data = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [Wrong(line, "-", f"不是 YAML：{error.problem}")]
    except (yaml.YAMLError, RecursionError, ValueError):
        return [Wrong(1, "-", "不是 YAML，或有不能读的字符")]
    if not isinstance(data, dict) or not isinstance(data.get("indicators"), list):
        return [Wrong(1, "-", "文件要有 indicators: 一个列表")]
    return sorted(_wrong(data), key=lambda wrong: wrong.line)


def load_file(actor: Actor, text: str) -> dict[str, int]:
    """Create and change what the file says, all of it or nothing: {rows, changed}. What it does not name stays.
    InvalidError with every line that is wrong."""
    require(actor, MANAGE_INDICATORS)
    if wrong := check_file(text):
        problems = [
            Problem("bad_indicator_file", f"{each.indicator}：{each.detail}", row=each.line)
            for each in wrong[:MOST_PROBLEMS]
        ]
        raise InvalidError(f"文件有 {len(wrong)} 处要改，什么都没有载入", "bad_indicator_file", problems)
    with write_txn(actor) as log:
        changed = list(load(log, yaml.safe_load(text)))
    return {"rows": len(changed), "changed": sum(changed)}


def load(log: Log, data: Mapping[str, Any]) -> Iterator[bool]:
    """Whether each entry of a file, that nothing is wrong with, has changed anything."""
    for entry in data.get("facility_types", ()):
        yield set_type(log, Kind(**{**entry, **{name: tuple(entry[name]) for name in LISTS}}))
    for entry in data.get("denominator_lists", ()):
        yield set_denominator_list(log, **entry)
    for entry in data.get("area_groups", ()):
        members = [str(code) for code in entry["divisions"]]
        yield set_area_group(log, entry["key"], entry["name"], entry["source"], members)
    for position, entry in enumerate(data["indicators"], 1):
        yield set_indicator(log, position, entry)


def _wrong(data: Mapping[str, Any]) -> Iterator[Wrong]:
    types, lists = known_types(), known_lists()
    for name, (what, words) in PARTS.items():
        for entry in _entries(data, name):
            yield from (Wrong(entry[LINE], "-", f"{what}{said}") for said in _wrong_part(entry, words))
    kinds = {(kind.id, kind.key) for kind in Kinds().all}
    for entry in _entries(data, "facility_types"):
        for id_, key in kinds:
            if (id_ == entry.get("id")) != (key == entry.get("key")):
                yield Wrong(entry[LINE], "-", f"已经有类型 {id_} {key}；id 和 key 要么都同，要么都不同")
    for entry in _entries(data, "area_groups"):
        codes = entry.get("divisions")
        for code in codes if isinstance(codes, list) else ():
            if not _is_division(code):
                yield Wrong(entry[LINE], "-", f"区划组里没有这个区划：{code}")
    types |= {str(entry.get("key")) for entry in _entries(data, "facility_types")}
    lists |= {str(entry.get("key")) for entry in _entries(data, "denominator_lists")}
    seen: dict[Any, int] = {}
    for entry in _entries(data, "indicators"):
        name, line = str(entry.get("id", "?")), entry[LINE]
        if (before := seen.setdefault(entry.get("id"), line)) != line:
            yield Wrong(line, name, f"和第 {before} 行的是同一个 id")
        for part, detail in check_indicator(entry, types, lists):
            yield Wrong(part.get(LINE, line), name, detail)


def _is_division(code: Any) -> bool:
    try:
        divisions.get(str(code))
    except RegistryError:
        return False
    return True


def _wrong_part(entry: Mapping[str, Any], words: Sequence[str]) -> Iterator[str]:
    """What is wrong with an entry of PARTS."""
    known = [word.strip("[]") for word in words]
    if missing := [word for word in words if not word.startswith("[") and word not in entry]:
        yield f"缺 {'、'.join(missing)}"
    if unknown := [str(word) for word in entry if word not in known and word != LINE]:
        yield f"有不认识的词：{'、'.join(unknown)}"
    for word in known:
        given = entry.get(word)
        if word not in entry or (word == "topic" and given is None):
            continue
        if word == "id":
            if not (isinstance(given, int) and 0 < given < 1_000_000):
                yield "的 id 应为 1 到 999999 的整数，不和别的类型相同"
        elif word in (*LISTS, "divisions"):
            if not (isinstance(given, list) and all(isinstance(each, str | int) for each in given)):
                yield f"的 {word} 应为一个列表"
        elif word == "level" and given not in LEVELS:
            yield f"的 level 应为 {'、'.join(LEVELS)} 中的一个"
        elif not isinstance(given, str) or not given.strip():
            yield f"的 {word} 应为文字"


def _entries(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    given = data.get(name)
    return [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
