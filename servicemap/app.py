"""The application: settings in, doors wired, one connection a thread."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, g, redirect, request
from flask_swagger_ui import get_swaggerui_blueprint

from servicemap import db, registry
from servicemap.access import ANONYMOUS, SEED
from servicemap.api import coverage, divisions, facilities, health, imports
from servicemap.api.errors import ServicemapApi
from servicemap.api.parsing import Code, Number
from servicemap.config import Settings, read_settings
from servicemap.errors import UnavailableError

MOST_BYTES = 16_000_000  # of a request's body
ACTOR_KEY = "servicemap.actor"  # set by the client in this process only: headers arrive as HTTP_*
# endpoints that answer without the registry; None is an address that there isn't
WITHOUT_DATABASE = (None, "root", "health.healthz", "api-docs.openapi_json", "swagger_ui.show")
# Swagger UI styles elements in place, and its page starts it by a script of its own
HTML_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings | None = None, clock: Callable[[], datetime] = now) -> Flask:
    """The WSGI application of the registry that the settings name; `clock` gives the instant (aware)."""
    settings = settings or read_settings()
    db.open_database(settings.database_url)
    app = Flask("servicemap", static_folder=None)
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
    known: dict[str, object] = {}

    @app.before_request
    def begin() -> None:
        g.actor = request.environ.get(ACTOR_KEY, ANONYMOUS)
        g.today = settings.today(clock())
        g.demo = False
        if request.endpoint in WITHOUT_DATABASE:
            return
        db.connect()
        if "schema" not in known:
            db.require_current_schema()
            known["schema"] = "current"
        g.demo = registry.is_demo()
        if known.get("today") != g.today:
            try:
                registry.roll_over(SEED, g.today)
                known["today"] = g.today
            except UnavailableError as error:
                if error.code == "read_only":  # a replica: its primary does it
                    known["today"] = g.today

    @app.after_request
    def mark(response: Response) -> Response:
        if g.get("demo"):
            response.headers["Servicemap-Demo"] = "true"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["Content-Security-Policy"] = HTML_POLICY
        if "lat" in request.args:  # an answer to an exact position stays with who asked
            response.headers["Cache-Control"] = "no-store"
        return response

    api = ServicemapApi(app)
    for module in (facilities, divisions, coverage, imports, health):
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
    app.add_url_rule("/", "root", lambda: redirect("/docs/"))
    return app
