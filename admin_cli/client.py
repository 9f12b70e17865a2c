"""The API's client. On the server it calls the app in this process, with the local person as actor."""

import getpass
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servicemap.config import Settings, read_settings
from servicemap.errors import RegistryError


class RefusedError(RegistryError):
    """The API's word for no: its problem details."""

    def __init__(self, payload: dict[str, Any], status: int) -> None:
        super().__init__(payload.get("detail", f"HTTP {status}"), payload.get("code", "http_error"))
        self.status = status
        self.errors: list[dict[str, Any]] = payload.get("errors", [])


class Client:
    """Requests to the API; an answer is its JSON, anything but success raises RefusedError."""

    def __init__(self, settings: Settings | None = None) -> None:
        import httpx  # late, like the app: --help must not wait for them

        from servicemap.access import Actor
        from servicemap.app import ACTOR_KEY, create_app

        settings = settings or read_settings()
        app = create_app(settings)
        actor = Actor(f"{getpass.getuser()}@{socket.gethostname()}", "admin", "cli")
        _log_to_file(settings)

        def with_actor(environ: dict[str, Any], start_response: Any) -> Any:
            return app(environ | {ACTOR_KEY: actor}, start_response)

        self._http = httpx.Client(
            transport=httpx.WSGITransport(app=with_actor), base_url="http://localhost/api/v1/"
        )

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        given = {name: value for name, value in params.items() if value not in (None, ())}
        return self._json(self._http.get(path, params=given))

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._json(self._http.post(path, json={} if body is None else body))

    def post_lines(self, path: str, lines: bytes, **params: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-ndjson"}
        return self._json(self._http.post(path, content=lines, headers=headers, params=params))

    def pages(self, path: str, following: str, **params: Any) -> Iterator[dict[str, Any]]:
        """The items of all pages; `following` names the parameter that goes on (after or cursor)."""
        for page in self.each_page(path, following, **params):
            yield from page["items"]

    def each_page(self, path: str, following: str, **params: Any) -> Iterator[dict[str, Any]]:
        """The same pages whole."""
        while True:
            page = self.get(path, **params)
            yield page
            if not (position := page.get(f"next_{following}")):
                return
            params[following] = position

    def _json(self, response: Any) -> dict[str, Any]:
        payload: dict[str, Any] = response.json()
        if response.is_success:
            return payload
        raise RefusedError(payload, response.status_code)


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
    settings = read_settings()
    _log_to_file(settings)
    logging.getLogger("servicemap").exception("unexpected fault in the command line")
    return log_path(settings)
