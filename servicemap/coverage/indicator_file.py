"""An indicator file (seed/indicators.yaml is one) held against the rules, with the line of whatever is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from servicemap.coverage.indicator_rules import check_indicator
from servicemap.coverage.indicators import known_lists, known_types

OF_TYPES = ("key", "name", "level")
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


def _wrong(data: Mapping[str, Any]) -> Iterator[Wrong]:
    types, lists = known_types(), known_lists()
    for entry in _entries(data, "facility_types"):
        if missing := [word for word in OF_TYPES if word not in entry]:
            yield Wrong(entry[LINE], "-", f"类型缺 {'、'.join(missing)}")
        types.add(str(entry.get("key")))
    lists |= {str(entry.get("key")) for entry in _entries(data, "denominator_lists")}
    seen: dict[Any, int] = {}
    for entry in _entries(data, "indicators"):
        name, line = str(entry.get("id", "?")), entry[LINE]
        if (before := seen.setdefault(entry.get("id"), line)) != line:
            yield Wrong(line, name, f"和第 {before} 行的是同一个 id")
        for part, detail in check_indicator(entry, types, lists):
            yield Wrong(part.get(LINE, line), name, detail)


def _entries(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    given = data.get(name)
    return [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
