"""Reading requests strictly: what is not understood is refused by name, never ignored or guessed."""

import difflib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import marshmallow as ma
from flask import Request, g, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter, IntegerConverter, Map

from servicemap.access import require
from servicemap.api.inputs import Strict
from servicemap.errors import InvalidError, NotFoundError, Problem

DEEPEST_JSON = 8
# What other map APIs call a parameter, and where these are known, what to do here; the first that fits
ELSEWHERE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("page page_num page_index offset", ("cursor",), "请用 cursor"),
    ("page page_num page_index offset", ("after",), "请用 after"),
    ("page_size", ("limit",), "请用 limit"),
    ("sort sortrule orderby", ("lat", "q"), "结果按距离；不给位置则按匹配或编号"),
    ("keyword keywords query", ("q",), "请用 q"),
    ("age", ("age_months",), "请用 age_months"),
    ("radius", ("radius_m",), "请用 radius_m"),
    ("location lat lng lon longitude latitude", ("lat", "lng"), "请用 lat、lng"),
    ("location lat lng lon longitude latitude", ("bbox",), "请用 bbox"),
    ("types category", ("type",), "请用 type"),
    ("region adcode city", ("division",), "请用 division"),
    ("coord_type coordtype", ("datum",), "请用 datum"),
)
MOST_NAMED = 10  # wrong parameters that the detail names; the problems hold them all
View = Callable[..., Any]


class Code(BaseConverter):
    """A code in a path: short, without control characters (PostgreSQL can't even compare a NUL)."""

    regex = r"[^/\x00-\x1f\x7f]{1,40}"


class Number(IntegerConverter):
    """A number in a path that a column holds: werkzeug's own takes any Unicode digits, and answers 405
    where they are too many."""

    regex = r"[0-9]{1,9}"

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=999_999_999)


class StrictParser(FlaskParser):
    """webargs' parser with the schema deciding about unknown keys and our error for what is wrong."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"query": None, "json": None}

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        given: dict[str, Any] = dict(req.args.lists())
        twice = []
        for key, values in given.items():
            if not isinstance(schema.fields.get(key), ma.fields.List):
                given[key] = values[0]
                twice += [key] if len(values) > 1 else []
        if twice:
            problems = [Problem("repeated_parameter", "只能出现一次", field=_name(key)) for key in twice]
            raise InvalidError(f"参数重复：{_names(problems)}", "bad_parameters", problems)
        return given

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        if req.mimetype != "application/json":
            raise InvalidError("内容类型应为 application/json", "unsupported_media_type")
        return read_json(req.get_data())

    def handle_error(self, error: Any, req: Any, schema: ma.Schema, **kwargs: Any) -> NoReturn:
        wrong = [pair for messages in error.messages.values() for pair in _flatten(messages)]
        problems = [
            _problem(path, message, schema, with_cure=number < MOST_NAMED)
            for number, (path, message) in enumerate(wrong)
        ]
        raise InvalidError(f"参数有误：{_names(problems)}", "bad_parameters", problems)


def _flatten(messages: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        return [
            item
            for key, below in messages.items()
            for item in _flatten(below, path if key == "_schema" else f"{path}.{key}".strip("."))
        ]
    return [(path, str(message)) for message in messages]


def _problem(path: str, message: str, schema: ma.Schema, *, with_cure: bool) -> Problem:
    code, _, detail = message.rpartition("|")
    cure = None
    if code == "unknown_parameter" and with_cure and path.count(".") == 0:
        cure = _cure(_name(path), list(schema.fields))
    return Problem(code or "bad_value", detail, field=_name(path) or None, cure=cure)


def _cure(name: str, known: list[str]) -> str | None:
    for words, needed, cure in ELSEWHERE:
        if name.lower() in words.split() and set(needed) <= set(known):
            return cure
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.7):
        return f"是不是 {near[0]}？"
    return f"可用：{'、'.join(known)}" if known else None


def _name(path: str) -> str:
    """A name from outside, fit to be repeated."""
    return path[:100].encode("utf-8", "replace").decode()


def _names(problems: list[Problem]) -> str:
    names = list(dict.fromkeys(problem.field or "内容" for problem in problems))
    return "、".join(names[:MOST_NAMED]) + (" 等" if len(names) > MOST_NAMED else "")


class Compiled:
    """A query schema made ready: reads what is right in a tenth of the time, and leaves whatever is odd
    to the schema itself, which says what is wrong."""

    def __init__(self, schema: ma.Schema) -> None:
        self.several = {name for name, field in schema.fields.items() if isinstance(field, ma.fields.List)}
        self.read_one = {
            name: (field.inner if isinstance(field, ma.fields.List) else field)._deserialize
            for name, field in schema.fields.items()
        }
        self.most = {name: field.validators for name, field in schema.fields.items() if name in self.several}
        self.defaults = {
            name: field.load_default
            for name, field in schema.fields.items()
            if field.load_default is not ma.missing
        }
        self.required = [name for name, field in schema.fields.items() if field.required]
        hooks = schema._hooks["validates_schema"]  # (method's name, many, options)
        self.whole = [getattr(schema, name) for name, *_ in hooks]

    def read(self, query: str) -> dict[str, Any] | None:
        """The arguments of a query string, or None when something about it is odd."""
        args: dict[str, Any] = {}
        if not query.isascii():
            return None
        try:
            for name, value in _pairs(query):
                if name in self.several:
                    args.setdefault(name, []).append(self.read_one[name](value, name, None))
                elif name in args:
                    return None
                else:
                    args[name] = self.read_one[name](value, name, None)
            for name in self.several & args.keys():
                for validate in self.most[name]:
                    validate(args[name])
            args = {**self.defaults, **args}
            for check in self.whole:
                check(args)
        except (ma.ValidationError, KeyError, ValueError):
            return None
        return args if all(name in args for name in self.required) else None


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    if not query:
        return ()
    if "%" in query or "+" in query:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]


class StrictBlueprint(Blueprint):
    """Routes whose decorators are the contract; a query key that none of them names is an error."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: type[Strict], **options: Any) -> Any:
        """As the parent's, with one instance of the schema: of a class it would make one a request.
        A query is read by the compiled schema first."""
        instance = schema()
        with_schema = super().arguments(instance, **options)
        if options.get("location") != "query":
            return with_schema
        compiled = Compiled(instance)

        def decorate(view: View) -> View:
            slowly = with_schema(view)

            @wraps(slowly)
            def quickly(*args: Any, **kwargs: Any) -> Any:
                given = compiled.read(request.environ.get("QUERY_STRING", ""))
                return slowly(*args, **kwargs) if given is None else view(*args, given, **kwargs)

            return quickly

        return decorate

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        register = super().route(rule, **options)

        def decorate(view: View) -> View:
            asked = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", [])
            if not any(parameters["in"] == "query" for parameters in asked):
                view = self._without_query(view)
            return register(view)

        return decorate

    def _without_query(self, view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if request.environ.get("QUERY_STRING"):
                self.ARGUMENTS_PARSER.parse(Strict(), location="query")
            return view(*args, **kwargs)

        return self.fails(422)(checked)

    def fails(self, *statuses: int) -> Callable[[View], View]:
        """Decorator: document answers in the error shape, beside the 422 that arguments bring."""

        def decorate(view: Any) -> View:
            doc = view._apidoc = deepcopy(
                getattr(view, "_apidoc", {})
            )  # alt_response() would cost a call each
            for status in statuses:
                doc.setdefault("response", {}).setdefault("responses", {})[status] = [HTTPStatus(status).name]
            return view

        return decorate

    def allowed(self, action: str | None) -> Callable[[View], View]:
        """Decorator, outermost: the request's actor must have the right before anything is read. None: it
        is enough to be somebody. Where (in which division) is for the room to ask. A test finds the routes
        that declare nothing."""

        def decorate(view: View) -> View:
            @wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                require(g.actor, action)
                return view(*args, **kwargs)

            guarded.action = action  # type: ignore[attr-defined]
            return self.fails(401, 403)(guarded)

        return decorate


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


@contextmanager
def parameter(**of_code: str) -> Iterator[None]:
    """What the query names and the registry lacks is a wrong parameter, not a missing page;
    `of_code` says which parameter an error's code (without _not_found) is about, if not its namesake."""
    try:
        yield
    except NotFoundError as error:
        noun = error.code.removesuffix("_not_found")
        problem = Problem(error.code, error.detail, field=of_code.get(noun, noun))
        raise InvalidError(f"参数有误：{problem.field}", "bad_parameters", [problem]) from None


def ndjson_lines(most_bytes: int, most_lines: int) -> list[Any]:
    """The lines of an NDJSON body, each read as read_json does."""
    if request.mimetype != "application/x-ndjson":
        raise InvalidError("内容类型应为 application/x-ndjson", "unsupported_media_type")
    request.max_content_length = most_bytes + 1  # a chunked body, which hides its length, is cut there
    body = request.get_data()
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(body) > most_bytes or len(lines) > most_lines:
        raise InvalidError(f"一次最多 {most_lines} 行、{most_bytes // 1_000_000} MB", "too_large")
    return [read_json(line) for line in lines]
