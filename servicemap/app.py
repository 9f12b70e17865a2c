"""The application: settings in, doors wired, one connection a thread."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from flask import Flask, Request, Response, g, redirect, request
from flask_swagger_ui import get_swaggerui_blueprint

from servicemap import db, registry
from servicemap import feedback as feedbacks
from servicemap.access import ANONYMOUS, SEED
from servicemap.api import (
    audit,
    bulk,
    changes,
    checks,
    clusters,
    comparisons,
    confirm_page,
    confirmations,
    coverage,
    division_changes,
    divisions,
    dump,
    duplicates,
    edits,
    evidence,
    facilities,
    feedback,
    health,
    hours,
    imports,
    indicators,
    outlook,
    ranking_page,
    reporting,
    reviews,
    sendings,
    share,
    snapshots,
    submissions,
    suggestions,
    titles,
    todo,
    tokens,
    zero_reports,
)
from servicemap.api.bearer import Bearer
from servicemap.api.caching import CHANGES, MOST_SECONDS, policy, tag
from servicemap.api.compression import SUFFIX, compress
from servicemap.api.edge import Edge, only_asks
from servicemap.api.errors import ServicemapApi, problem_response
from servicemap.api.limits import FEEDBACK, READS, WRITES, Limiter, LimitsInDocument
from servicemap.api.metrics import Counters, exposition
from servicemap.api.parsing import Code, Number
from servicemap.config import Settings, read_settings
from servicemap.errors import NotFoundError, UnauthenticatedError, UnavailableError

MOST_BYTES = 16_000_000  # of a request's body
MOST_BYTES_TO_ASK = 64_000  # or to say what is wrong
ACTOR_KEY = "servicemap.actor"  # set by the client in this process only: headers arrive as HTTP_*
# endpoints that answer without the registry; None is an address that there isn't
WITHOUT_DATABASE = (
    None,
    "root",
    "share.open_place",
    "confirm_page.open_page",
    "health.healthz",
    "metrics",
    "api-docs.openapi_json",
    "swagger_ui.show",
)
DOORS = (
    facilities,
    edits,
    evidence,
    duplicates,
    feedback,
    todo,
    checks,
    bulk,
    suggestions,
    titles,
    hours,
    clusters,
    divisions,
    division_changes,
    changes,
    dump,
    comparisons,
    outlook,
    coverage,
    indicators,
    reporting,
    snapshots,
    sendings,
    submissions,
    ranking_page,
    reviews,
    zero_reports,
    confirmations,
    confirm_page,
    imports,
    tokens,
    audit,
    share,
    health,
)
LOOPBACK = ("127.0.0.1", "::1")
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")
# Swagger UI styles elements in place, and its page starts it by a script of its own
HTML_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def now() -> datetime:
    return datetime.now(UTC)


def here() -> tuple[Request, Any]:
    """The request and its g themselves: each access through the proxies looks them up again."""
    return request._get_current_object(), g._get_current_object()  # type: ignore[attr-defined]


def mark(response: Response) -> None:
    """What caches are told; what every answer of a kind is told, Edge adds."""
    asked, known = here()
    environ, headers = asked.environ, response.headers
    if known.version and known.version.demo:
        headers["Servicemap-Demo"] = "true"
    if not environ["PATH_INFO"].startswith("/api/"):
        if (response.content_type or "").startswith("text/html"):
            headers.setdefault("Content-Security-Policy", HTML_POLICY)
        return
    if "Cache-Control" in headers:  # a file of the dump knows best
        return
    endpoint, most_seconds = asked.endpoint, known.get("max_age", MOST_SECONDS)
    if known.actor is not ANONYMOUS:
        headers["Cache-Control"] = "private, no-cache"
    elif response.status_code != 200 or endpoint not in CHANGES or not (known.version and most_seconds):
        headers["Cache-Control"] = "no-store"
    else:
        headers["Cache-Control"] = policy(endpoint, known.now, environ["QUERY_STRING"], most_seconds)
        headers["ETag"] = f'"{tag(endpoint, known.version, known.now, environ)}"'
        if environ.get("HTTP_IF_NONE_MATCH") == "*":
            response.status_code = 304
            response.set_data(b"")


def shrink(response: Response, asked: str) -> None:
    """Compress the answer as an Accept-Encoding likes it; another coding has another ETag."""
    if (chosen := compress(response, asked)) and (etag := response.headers.get("ETag")):
        response.headers["ETag"] = f'{etag[:-1]}{SUFFIX[chosen]}"'


class Application(Flask):
    def dispatch_request(self) -> Any:
        """The view's answer. Of two writers who wait for each other PostgreSQL sends one home: nothing of its
        write stands and its body is still here, so it asks once more."""
        try:
            return super().dispatch_request()
        except UnavailableError as error:
            if error.code != "deadlock":
                raise
        return super().dispatch_request()


def create_app(settings: Settings | None = None, clock: Callable[[], datetime] = now) -> Flask:
    """The WSGI application of the registry that the settings name; `clock` gives the instant (aware)."""
    settings = settings or read_settings()
    db.open_database(settings.database_url)
    app = Application("servicemap", static_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.config.update(
        SERVICEMAP=settings,
        MAX_CONTENT_LENGTH=MOST_BYTES,
        API_TITLE="儿童服务地图 API",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "description": "儿童服务点的登记册与查询。坐标必须说明坐标系；枚举值以后可能增加。",
            }
        },
    )
    app.url_map.converters |= {"code": Code, "number": Number}
    state: dict[str, object] = {}
    zone = settings.zone
    day_change = registry.DayChange(lambda today: feedbacks.forget(SEED, today, wait=False))
    limiter = Limiter(settings)
    bearer = Bearer()
    counters = Counters(Path(f"{settings.rate_path}.metrics"))

    def too_many(environ: dict[str, Any], kind: int, now: datetime) -> Response | None:
        if not (wait := limiter.wait(environ, kind, now.timestamp())):
            return None
        detail = f"请求太多，请 {wait} 秒后再试"
        return problem_response(429, "too_many_requests", detail, headers={"Retry-After": str(wait)})

    @app.before_request
    def begin() -> Response | None:
        asked, known = here()
        environ, endpoint = asked.environ, asked.endpoint
        known.started = perf_counter()
        known.actor = environ.get(ACTOR_KEY, ANONYMOUS)
        known.now = clock().astimezone(zone)
        known.today = today = known.now.date()
        known.version = None
        if "//" in environ["PATH_INFO"]:  # werkzeug takes it for the address without, whose headers it lacks
            raise NotFoundError("没有这个地址")
        tells = endpoint == "feedback.send_feedback"
        if asked.method == "POST" and (tells or only_asks(environ)):
            asked.max_content_length = MOST_BYTES_TO_ASK
        if endpoint in WITHOUT_DATABASE or asked.method == "OPTIONS":
            return None
        named = known.actor is not ANONYMOUS or "HTTP_AUTHORIZATION" in environ
        kind = READS if only_asks(environ) else WRITES
        if not named and endpoint != "health.readyz" and (refusal := too_many(environ, kind, known.now)):
            return refusal
        if tells and not named and (refusal := too_many(environ, FEEDBACK, known.now)):
            return refusal
        db.connect()
        if "schema" not in state:
            db.require_current_schema()
            state["schema"] = "current"
        if known.actor is ANONYMOUS and named:
            try:
                known.actor = bearer.actor(environ, today)
            except UnauthenticatedError:  # who tries tokens is slowed down like who writes
                if refusal := too_many(environ, WRITES, known.now):
                    return refusal
                raise
        if not day_change.is_done(today):
            known.max_age = 0  # the answer may be that of yesterday
        known.version = registry.version()
        known.demo = known.version.demo
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        asked, known = here()
        mark(response)
        if ACTOR_KEY not in asked.environ and (accepted := asked.environ.get("HTTP_ACCEPT_ENCODING")):
            shrink(response, accepted)
        counters.count(asked.endpoint or "none", response.status_code, perf_counter() - known.started)
        return response

    app.wsgi_app = Edge(  # type: ignore[method-assign]
        app.wsgi_app,
        lambda: clock().astimezone(zone),
        known_by=(ACTOR_KEY, "HTTP_AUTHORIZATION"),
        count=counters.count,
    )

    @app.get("/metrics")
    def metrics() -> Response:
        """For who works on this machine: a proxy's word for somebody else is none of them."""
        local = request.remote_addr in LOOPBACK and not any(name in request.environ for name in FORWARDED)
        if g.actor is ANONYMOUS and not local:
            raise NotFoundError("没有这个地址")
        return Response(exposition(counters.total()), mimetype="text/plain; version=0.0.4")

    @app.get("/")
    @app.get("/docs")  # else werkzeug leads from it to /docs/ and repeats the Host header
    def root() -> Any:
        return redirect("/docs/")

    api = ServicemapApi(app, spec_kwargs={"extra_plugins": [LimitsInDocument()]})
    for module in DOORS:
        api.register_blueprint(module.blp)
    app.register_blueprint(
        get_swaggerui_blueprint(
            "/docs",
            "/openapi.json",
            {
                "app_name": "儿童服务地图 API",
                "validatorUrl": None,  # else it asks a server abroad
                "oauth2RedirectUrl": "/docs/oauth2-redirect.html",  # else it repeats the Host header
            },
        )
    )
    return app
