"""The API's client: over HTTPS where SERVICEMAP_SERVER says so, else the app in this process, with the local
person as actor. Over HTTPS nothing of the server is imported: an office PC has not installed it."""

import getpass
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servicemap.config import Settings, read_settings
from servicemap.errors import InvalidError, RegistryError, UnavailableError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENCE_SECONDS = 300  # the plan of a long file


class RefusedError(RegistryError):
    """The API's word for no: its problem details."""

    def __init__(self, payload: dict[str, Any], status: int) -> None:
        super().__init__(payload.get("detail", f"HTTP {status}"), payload.get("code", "http_error"))
        self.status = status
        self.errors: list[dict[str, Any]] = payload.get("errors", [])


class Client:
    """Requests to the API; an answer is its JSON, anything but success raises RefusedError."""

    def __init__(self, settings: Settings | None = None) -> None:
        server = "" if settings else os.environ.get("SERVICEMAP_SERVER", "")
        self._http = _over_the_net(server) if server else _in_process(settings or read_settings())

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        given = {name: value for name, value in params.items() if value not in (None, ())}
        return self._json("GET", path, params=given)

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._json("POST", path, json={} if body is None else body)

    def post_lines(self, path: str, lines: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-ndjson"}
        return self._json("POST", path, content=lines, headers=headers)

    def pages(self, path: str, following: str, **params: Any) -> Iterator[dict[str, Any]]:
        """The items of all pages; `following` names the parameter that goes on (after or cursor)."""
        while True:
            page = self.get(path, **params)
            yield from page["items"]
            if not (position := page.get(f"next_{following}")):
                return
            params[following] = position

    def _json(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        from httpx import TransportError

        try:
            response = self._http.request(method, path, **body)
            payload: dict[str, Any] = response.json()
        except TransportError as error:
            raise UnavailableError(
                f"连不上 {self._http.base_url.host}（{error}）；请检查网络", "server_not_reached"
            ) from None
        except ValueError:
            raise InvalidError(
                f"{self._http.base_url.host} 的回答不像登记册的；请检查服务器地址，或先在浏览器里登录上网",
                "not_a_registry",
            ) from None
        if response.is_success:
            return payload
        raise RefusedError(payload, response.status_code)


def _over_the_net(server: str) -> Any:
    import httpx  # late, like the app: --help must not wait for them

    try:
        url = httpx.URL(server.rstrip("/") + "/api/v1/")
    except httpx.InvalidURL:
        url = httpx.URL()
    if not url.host or (url.scheme != "https" and (url.scheme != "http" or url.host not in LOOPBACK)):
        raise InvalidError(
            f"服务器地址应以 https:// 开头，例如 https://map.example.cn，不是“{server}”", "bad_server"
        )
    return httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)


def _in_process(settings: Settings) -> Any:
    import httpx

    from servicemap.access import Actor
    from servicemap.app import ACTOR_KEY, create_app

    app = create_app(settings)
    actor = Actor(f"{getpass.getuser()}@{socket.gethostname()}", "admin", "cli")
    _log_to_file(settings)

    def with_actor(environ: dict[str, Any], start_response: Any) -> Any:
        return app(environ | {ACTOR_KEY: actor}, start_response)

    return httpx.Client(transport=httpx.WSGITransport(app=with_actor), base_url="http://localhost/api/v1/")


def log_path(settings: Settings) -> Path:
    """Where unexpected faults are written: never between the lines that a person reads."""
    if settings.log_file:
        return Path(settings.log_file)
    scheme, _, path = settings.database_url.partition(":///")
    folder = Path(path).parent if scheme == "sqlite" and Path(path).parent.is_dir() else Path()
    return folder / "servicemap-admin.log"


def _log_to_file(settings: Settings) -> None:
    log = logging.getLogger("servicemap")
    log.handlers = [logging.FileHandler(log_path(settings), encoding="utf-8", delay=True)]
    log.propagate = False


def record_fault() -> Path:
    """Write the exception at hand to the log file, and where that is."""
    if os.environ.get("SERVICEMAP_SERVER"):  # an office PC: no database, so nothing beside it
        home = str(Path.home() / "servicemap-admin.log")
        settings = Settings(log_file=os.environ.get("SERVICEMAP_LOG_FILE") or home)
    else:
        settings = read_settings()
    _log_to_file(settings)
    logging.getLogger("servicemap").exception("unexpected fault in the command line")
    return log_path(settings)
