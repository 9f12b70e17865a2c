"""The outermost layer: headers that every answer of a kind bears, and 304s before anything else runs."""

from collections.abc import Callable, Iterable
from datetime import datetime
from time import perf_counter
from typing import Any

import peewee

from servicemap import db, registry
from servicemap.api import caching
from servicemap.errors import RegistryError

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]

ASKED_BY_POST = ("/search", "/locate")
EVERYWHERE = [
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Vary", "Accept-Encoding"),
]
# any page may read what anybody may read; none gets to send what its visitor's browser knows
ASKING = [
    *EVERYWHERE,
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, Retry-After, Servicemap-Demo"),
]
PREFLIGHT = [
    *ASKING,
    ("Access-Control-Allow-Headers", "Content-Type, If-None-Match"),
    ("Access-Control-Max-Age", "86400"),
]
ASKING_METHODS = [("Access-Control-Allow-Methods", "GET, HEAD")]
SEARCH_METHODS = [("Access-Control-Allow-Methods", "POST")]


def only_asks(environ: Environ) -> bool:
    """Whether a request changes nothing; some are sent by POST, where a position must not stand in a URL."""
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") or environ["PATH_INFO"].endswith(ASKED_BY_POST)


def headers_for(environ: Environ) -> Headers:
    """What every answer to such a request bears."""
    path = environ["PATH_INFO"]
    if not path.startswith("/api/"):
        return EVERYWHERE
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return PREFLIGHT + (SEARCH_METHODS if path.endswith(ASKED_BY_POST) else ASKING_METHODS)
    return ASKING if only_asks(environ) else EVERYWHERE


class Edge:
    """The WSGI application with this around it."""

    def __init__(
        self,
        app: Callable[[Environ, StartResponse], Iterable[bytes]],
        clock: Callable[[], datetime],
        *,
        known_by: tuple[str, ...],
        count: Callable[[str, int, float], None],
    ) -> None:
        """`clock` gives the local instant; `known_by` are the keys of an environ that say who asks;
        `count` is told the endpoint, status and seconds of each 304."""
        self._app, self._clock, self._known_by, self._count = app, clock, known_by, count
        caching.code()  # now, and not when the files of another release have taken the place of ours

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and environ.get("HTTP_X_HTTP_METHOD_OVERRIDE") == "PATCH":
            environ["REQUEST_METHOD"] = "PATCH"  # the phones' mini programs cannot send it
        if "HTTP_IF_NONE_MATCH" in environ and (headers := self._not_modified(environ)):
            start_response("304 NOT MODIFIED", headers)
            return []

        def respond(status: str, headers: Headers, *exc_info: Any) -> Any:
            return start_response(status, headers + headers_for(environ), *exc_info)

        return self._app(environ, respond)

    def _not_modified(self, environ: Environ) -> Headers | None:
        """The headers of a 304, for whoever is nobody in particular and holds the answer of now."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or any(key in environ for key in self._known_by):
            return None
        started = perf_counter()
        try:
            db.connect()
            state = registry.version()
        except (RegistryError, peewee.PeeweeException):  # the view says what is wrong
            return None
        now = self._clock()
        endpoint, etag = caching.matching(environ["HTTP_IF_NONE_MATCH"], state, now, environ)
        if not endpoint:
            return None
        control = caching.policy(endpoint, now, environ["QUERY_STRING"])
        demo = [("Servicemap-Demo", "true")] if state.demo else []
        self._count(endpoint, 304, perf_counter() - started)
        return [("ETag", etag), ("Cache-Control", control), *demo, *ASKING]
