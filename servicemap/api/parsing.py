"""Reading requests strictly: what is not understood is refused by name, never ignored or guessed."""

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import wraps
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request, g, request
from flask_smorest import Blueprint
from marshmallow.validate import Range
from webargs.flaskparser import FlaskParser

from servicemap.access import require
from servicemap.errors import InvalidError, NotFoundError, Problem

LONGEST_TEXT = 4000
DEEPEST_JSON = 8


class Strict(ma.Schema):
    """The base of every request schema: unknown keys are errors; messages are `code|中文`."""

    class Meta:
        unknown = ma.RAISE

    error_messages = {"unknown": "unknown_parameter|没有这个参数", "type": "bad_json|应为 JSON 对象"}


class _Field(ma.fields.Field):
    default_error_messages = {"required": "missing_parameter|缺少这个参数", "null": "bad_value|不能为空"}

    def wrong(self, code: str, detail: str) -> NoReturn:
        raise ma.ValidationError(f"{code}|{detail}")


class Whole(_Field, ma.fields.Integer):
    """A whole number in plain ASCII digits (or a JSON integer), within [low, high]."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(validate=Range(low, high), **kwargs)
        self.low, self.high = low, high

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,15}", text):
            self.wrong("bad_number", f"应为 {self.low} 到 {self.high} 的整数")
        if not self.low <= int(text) <= self.high:
            self.wrong("out_of_range", f"应在 {self.low} 到 {self.high} 之间")
        return int(text)


class Degrees(_Field, ma.fields.Float):
    """A finite decimal number in plain ASCII, within ±bound."""

    def __init__(self, bound: int, **kwargs: Any) -> None:
        super().__init__(validate=Range(-bound, bound), **kwargs)
        self.bound = bound

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,4}(\.[0-9]{1,20})?", value):
            self.wrong("bad_number", "应为十进制度数，例如 23.697899")
        if not -self.bound <= float(value) <= self.bound:
            hint = "；经纬度是不是填反了？" if self.bound == 90 and abs(float(value)) <= 180 else ""
            self.wrong("out_of_range", f"应在 -{self.bound} 到 {self.bound} 之间{hint}")
        return float(value)


class Text(_Field, ma.fields.String):
    """Clean NFC text of at most `longest` characters, without control characters."""

    def __init__(self, longest: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            self.wrong("bad_text", "应为文字")
        if len(value) > self.longest:
            self.wrong("too_long", f"最多 {self.longest} 个字")
        if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\r\t" for char in value):
            self.wrong("bad_character", "含有控制字符")
        return unicodedata.normalize("NFC", value)


class Choice(Text):
    """One of a few words."""

    def __init__(self, words: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(validate=ma.validate.OneOf(words), **kwargs)
        self.words = words

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if value not in self.words:
            self.wrong("bad_choice", f"只能是 {'、'.join(self.words)}")
        return value


class Day(_Field, ma.fields.Date):
    """A date as YYYY-MM-DD."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> date:
        try:
            if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self.wrong("bad_date", "应为日期，例如 2026-12-31")


class StrictParser(FlaskParser):
    """webargs' parser with the schema deciding about unknown keys and our error for what is wrong."""

    DEFAULT_UNKNOWN_BY_LOCATION: Mapping[str, str | None] = {
        "query": None,
        "json": None,
    }

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        twice = [
            key
            for key, values in req.args.lists()
            if len(values) > 1 and not isinstance(schema.fields.get(key), ma.fields.List)
        ]
        if twice:
            problems = [Problem("repeated_parameter", "只能出现一次", field=key) for key in twice]
            raise InvalidError(f"参数重复：{'、'.join(twice)}", "bad_parameters", problems)
        return super().load_querystring(req, schema)

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        if req.mimetype != "application/json":
            raise InvalidError("内容类型应为 application/json", "unsupported_media_type")
        return read_json(req.get_data())

    def handle_error(self, error: Any, req: Any, schema: ma.Schema, **kwargs: Any) -> NoReturn:
        problems = [
            _problem(path, message, schema)
            for messages in error.messages.values()
            for path, message in _flatten(messages)
        ]
        names = "、".join(dict.fromkeys(problem.field or "" for problem in problems))
        raise InvalidError(f"参数有误：{names}", "bad_parameters", problems)


def _flatten(messages: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        return [
            item
            for key, below in messages.items()
            for item in _flatten(below, path if key == "_schema" else f"{path}.{key}".strip("."))
        ]
    return [(path, str(message)) for message in messages]


def _problem(path: str, message: str, schema: ma.Schema) -> Problem:
    code, _, detail = message.rpartition("|")
    cure = None
    if code == "unknown_parameter":
        near = difflib.get_close_matches(path, list(schema.fields), n=1, cutoff=0.5)
        cure = f"是不是 {near[0]}？" if near else f"可用：{'、'.join(schema.fields)}"
    path = path.encode("utf-8", "replace").decode()[:100]
    return Problem(code or "bad_value", detail, field=path, cure=cure)


class StrictBlueprint(Blueprint):
    ARGUMENTS_PARSER = StrictParser()


def read_json(data: bytes) -> Any:
    """JSON from outside: UTF-8, at most 8 deep, no duplicate keys, no number over 20 digits."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in items}) < len(items):
            raise ValueError("duplicate key")
        return dict(items)

    def number(digits: str, make: Callable[[str], Any] = int) -> Any:
        value = make(digits) if len(digits) <= 20 else None
        if value is None or not math.isfinite(value):
            raise ValueError("number too long")
        return value

    def refuse(word: str) -> NoReturn:
        raise ValueError(word)

    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_int=number,
            parse_float=lambda digits: number(digits, float),
            parse_constant=refuse,
        )
        if _depth(value) > DEEPEST_JSON:
            raise ValueError("too deep")
    except (ValueError, RecursionError):
        raise InvalidError("内容不是合格的 JSON（UTF-8，键不重复，层数和数字不过长）", "bad_json") from None
    return value


def _depth(value: Any, at: int = 1) -> int:
    if at > DEEPEST_JSON or not isinstance(value, dict | list):
        return at
    below = value.values() if isinstance(value, dict) else value
    return max((_depth(item, at + 1) for item in below), default=at)


def allowed(action: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator, outermost: the request's actor must have the right before anything is read."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            require(g.actor, action)
            return view(*args, **kwargs)

        return guarded

    return decorate


@contextmanager
def parameter(name: str) -> Iterator[None]:
    """What the query names and the registry lacks is a wrong parameter, not a missing page."""
    try:
        yield
    except NotFoundError as error:
        problem = Problem(error.code, error.detail, field=name)
        raise InvalidError(f"参数有误：{name}", "bad_parameters", [problem]) from None


def ndjson_lines(most_bytes: int, most_lines: int) -> list[Any]:
    """The lines of an NDJSON body, each read as read_json does."""
    if request.mimetype != "application/x-ndjson":
        raise InvalidError("内容类型应为 application/x-ndjson", "unsupported_media_type")
    lines = [line for line in request.get_data().split(b"\n") if line.strip()]
    if (request.content_length or 0) > most_bytes or len(lines) > most_lines:
        raise InvalidError(f"一次最多 {most_lines} 行、{most_bytes // 1_000_000} MB", "too_large")
    return [read_json(line) for line in lines]
