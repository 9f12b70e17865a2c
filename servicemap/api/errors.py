"""One error shape for every way to fail: RFC 9457 problem details, in Chinese, with a stable code."""

import json
import logging
from http import HTTPStatus
from threading import Lock
from traceback import format_tb
from typing import Any

import marshmallow as ma
import peewee
from flask import Response, g, request
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException

from servicemap import db
from servicemap.access import ANONYMOUS
from servicemap.api.schemas import Open
from servicemap.audit import write_txn
from servicemap.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Problem,
    RegistryError,
    StaleError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
)

log = logging.getLogger("servicemap")

STATUS_OF: dict[type[RegistryError], int] = {
    InvalidError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    StaleError: 412,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    UnavailableError: 503,
    TooManyError: 429,
}
STATUS_OF_CODE = {
    "bad_cursor": 400,
    "too_deep": 400,
    "bad_json": 400,
    "unsupported_media_type": 415,
    "too_large": 413,
    "version_required": 428,
}
HTTP_WORDS = {
    400: ("bad_request", "请求格式不对"),
    401: ("token_required", "这个操作需要令牌"),
    403: ("forbidden", "没有这项权限"),
    404: ("not_found", "没有这个地址"),
    405: ("method_not_allowed", "这个地址不支持这种请求方法"),
    406: ("not_acceptable", "不能用所要的格式回答"),
    409: ("conflict", "和登记册现在的状态有冲突"),
    412: ("stale", "资料在你打开之后有了新的修改"),
    428: ("version_required", "请用 If-Match 说明改的是哪个版本"),
    411: ("length_required", "请求要说明内容长度"),
    413: ("too_large", "请求内容太大"),
    414: ("uri_too_long", "地址太长"),
    415: ("unsupported_media_type", "不支持这种内容类型"),
    422: ("invalid", "参数或内容有误"),
    429: ("too_many_requests", "请求太多，请稍后再试"),
    431: ("headers_too_large", "请求头太大"),
    500: ("internal", "服务器出了意外，已经记录；请稍后再试"),
    503: ("unavailable", "暂时不能提供服务，请稍后再试"),
}
ERROR_HEADERS = {
    401: {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "多少秒后再试", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "多少秒后再试", "schema": {"type": "integer"}}},
}
PROBLEM_JSON = "application/problem+json"
KEPT_HEADERS = ("Allow", "WWW-Authenticate", "Retry-After")
MOST_PROBLEMS = 1000


class ProblemSchema(Open):
    """一处错误"""

    code = ma.fields.String(required=True, metadata={"description": "稳定的错误代码"})
    detail = ma.fields.String(required=True, metadata={"description": "哪里不对"})
    cure = ma.fields.String(metadata={"description": "怎么改"})
    field = ma.fields.String(metadata={"description": "参数名或字段名"})
    sheet = ma.fields.String(metadata={"description": "工作表，文件有几个时"})
    row = ma.fields.Integer(metadata={"description": "文件中的行号"})
    column = ma.fields.String(metadata={"description": "文件中的列名"})
    value = ma.fields.String(metadata={"description": "原来的内容"})


class ErrorSchema(Open):
    """错误 (RFC 9457, application/problem+json)。程序看 code，人看 detail 和 errors。"""

    type = ma.fields.String(required=True, metadata={"description": "about:blank"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True, metadata={"description": "稳定的错误代码"})
    detail = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(ProblemSchema))
    current = ma.fields.Dict(metadata={"description": "412：现在的资料和它的版本"})
    changes = ma.fields.List(
        ma.fields.Dict(), metadata={"description": "412：你打开之后别人改了什么，新的在前"}
    )
    errors_total = ma.fields.Integer(metadata={"description": f"errors 最多列 {MOST_PROBLEMS} 条，这是总数"})


def problem_fields(problem: Problem) -> dict[str, Any]:
    names = ("code", "detail", "cure", "field", "sheet", "row", "column", "value")
    return {name: getattr(problem, name) for name in names if getattr(problem, name) is not None}


def problem_response(
    status: int, code: str, detail: str, problems: Any = (), headers: Any = (), **more: Any
) -> Response:
    payload: dict[str, Any] = {
        **more,
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if problems:
        payload["errors"] = [problem_fields(problem) for problem in problems[:MOST_PROBLEMS]]
        payload["errors_total"] = len(problems)
    text = json.dumps(payload, ensure_ascii=False)
    return Response(text.encode("utf-8", "replace"), status, headers, mimetype=PROBLEM_JSON)


class ServicemapApi(Api):
    """flask-smorest's Api with this error shape, documented as such. The document is made when it is first asked
    for: it is most of what an application costs, and a command on the server needs none."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._undescribed: list[Blueprint] = []
        self._describing = Lock()
        super().__init__(*args, **kwargs)

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        self._undescribed.append(blp)

    def _openapi_json(self) -> Any:
        with self._describing:
            while self._undescribed:
                blp = self._undescribed[0]
                blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
                self.spec.tag({"name": blp.name, "description": blp.description})
                del self._undescribed[0]
        return super()._openapi_json()

    def _register_responses(self) -> None:  # private in flask-smorest, hence its pin; so is the next
        content = {PROBLEM_JSON: {"schema": self.ERROR_SCHEMA}}
        for status in HTTPStatus:
            if status >= 400:
                words = HTTP_WORDS.get(status, ("", status.phrase))[1]
                answer = {"description": words, "headers": ERROR_HEADERS.get(status, {}), "content": content}
                self.spec.components.response(status.name, answer, lazy=True)
        other = {"description": "其他错误", "content": content}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, other, lazy=True)

    def _register_pagination_header(self) -> None:
        """None: pages go on by cursor or after."""

    def _register_error_handlers(self) -> None:
        self._app.register_error_handler(HTTPException, handle_http_exception)
        self._app.register_error_handler(RegistryError, handle_registry_error)
        self._app.register_error_handler(peewee.PeeweeException, handle_database_error)
        self._app.register_error_handler(Exception, handle_fault)


def handle_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    code, detail = HTTP_WORDS.get(status, ("http_error", "请求没有成功"))
    given = {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}
    return problem_response(status, code, detail, headers=given)


def handle_registry_error(error: RegistryError) -> Response:
    status = STATUS_OF_CODE.get(error.code) or STATUS_OF[type(error)]
    detail, headers = error.detail, {}
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = str(error.retry_after)
        if (
            status == 503 and g.get("actor", ANONYMOUS) is ANONYMOUS
        ):  # paths and cures are for who keeps the server
            detail = HTTP_WORDS[status][1]
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 403:
        _record_refusal(error)
    more = {"current": error.current, "changes": error.changes} if isinstance(error, StaleError) else {}
    return problem_response(status, error.code, detail, error.problems, headers, **more)


def _record_refusal(error: RegistryError) -> None:
    """What somebody known tried and may not stands in the audit; where another writer is at work, in the log."""
    try:
        with write_txn(g.actor, wait=False) as audit:
            what = {
                "route": [None, f"{request.method} {request.endpoint}"],
                "path": [None, request.path[:200]],
            }
            audit.record_change("refusal", g.actor.name, error.code, what)
    except UnavailableError:
        log.warning("refused %s %s to %s", request.method, request.endpoint, g.actor.name)


def handle_database_error(error: peewee.PeeweeException) -> Response:
    """What the engine says, in our words where we have some; a broken connection is not met again."""
    if not db.database.is_closed():
        db.database.close()
    try:
        with db.mapped():
            raise error
    except RegistryError as known:
        return handle_registry_error(known)
    except peewee.PeeweeException as unknown:
        return handle_fault(unknown)


def handle_fault(error: Exception) -> Response:
    # which kind and where, not what it says: a message may quote the query or the body
    log.error("unexpected fault: %s\n%s", type(error).__name__, "".join(format_tb(error.__traceback__)))
    return problem_response(500, *HTTP_WORDS[500])
