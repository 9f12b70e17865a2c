"""The API's client: over HTTPS with a token, or, on the server itself, straight into the app in this process
with the local person as actor. Over HTTPS nothing of the server is imported: an office PC has not installed it."""

import gc
import getpass
import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from servicemap.config import Settings, read_settings
from servicemap.errors import InvalidError, RegistryError, UnavailableError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE_SECONDS = 300  # the plan of a long file
SENDINGS = 3


class RefusedError(RegistryError):
    """The API's word for no: its problem details."""

    def __init__(self, payload: dict[str, Any], status: int) -> None:
        super().__init__(payload.get("detail", f"HTTP {status}"), payload.get("code", "http_error"))
        self.status = status
        self.errors: list[dict[str, Any]] = payload.get("errors", [])


class Client:
    """Requests to the API; an answer is its JSON, anything but success raises RefusedError."""

    def __init__(self) -> None:
        import httpx  # late, like the app: --help must not wait for them

        asked = click.get_current_context().find_root().params
        server, token = chosen_server(asked.get("server"))
        if server and asked.get("as_label"):
            raise InvalidError("--as 只在服务器上用；远程用谁的令牌就是谁", "as_is_local")
        if server:
            self._http = remote(httpx, server, token)
        else:
            app = local_app(asked.get("as_label"))
            transport = httpx.WSGITransport(app=app)
            self._http = httpx.Client(transport=transport, base_url="http://localhost/api/v1/")

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        given = {name: value for name, value in params.items() if value not in (None, ())}
        return self._asked("GET", path, params=given)

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._asked("POST", path, json={} if body is None else body)

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        return self._asked(method, path, json=body, headers=headers)

    def post_lines(self, path: str, lines: bytes, **params: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-ndjson"}
        return self._asked("POST", path, content=lines, headers=headers, params=params)

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

    def _asked(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """A request that carries an Idempotency-Key is sent again where the line broke."""
        import httpx

        tries = SENDINGS if "Idempotency-Key" in request.get("headers", {}) else 1
        try:
            for left in reversed(range(tries)):
                try:
                    response = self._http.request(method, path, **request)
                    break
                except httpx.TransportError:
                    if not left:
                        raise
            payload: dict[str, Any] = response.json()
            if not isinstance(payload, dict):
                raise ValueError
        except httpx.TransportError as error:
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


def remote(httpx: Any, server: str, token: str | None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"{server}/api/v1/", headers=headers, timeout=PATIENCE_SECONDS)


def local_app(as_label: str | None) -> Any:
    """The app in this process, as the person who works on this machine; narrowed to what the token of this
    label may, where one is given."""
    from servicemap import db
    from servicemap.access import Actor
    from servicemap.app import ACTOR_KEY, create_app

    settings = read_settings()
    app = create_app(settings)
    db.open_database(settings.database_url, mapped_bytes=0)  # it works once, on a machine that serves others
    _log_to_file(settings)
    gc.freeze()  # what was loaded stays: a sixth of a long import went into looking through it
    gc.set_threshold(2_000, 20, 100)  # a request leaves few objects, and its body with them
    person = f"{getpass.getuser()}@{socket.gethostname()}"
    actor = Actor(person, "admin", "cli")
    if as_label:
        from servicemap import tokens

        db.connect()
        token = tokens.current(as_label)
        if token is None:
            raise InvalidError(
                f"没有“{as_label}”这个岗位的令牌；先看 servicemap-admin token list", "token_not_found"
            )
        actor = Actor(
            f"{person} as {as_label}",
            token.role,
            "cli",
            token.division_id,
            tokens.departments_of(token.departments),
        )

    def with_actor(environ: dict[str, Any], start_response: Any) -> Any:
        return app(environ | {ACTOR_KEY: actor}, start_response)

    return with_actor


# Which server, and with which token


def keys_path() -> Path:
    """Where `login` keeps the token: readable by its owner alone."""
    folder = os.environ.get("APPDATA") or os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "servicemap" / "login.json"


def known_login() -> dict[str, str]:
    if not keys_path().exists():
        return {}
    try:
        known: dict[str, str] = json.loads(keys_path().read_text("utf-8"))
        return {"server": known["server"], "token": known["token"]}
    except (ValueError, TypeError, KeyError):
        raise InvalidError(f"{keys_path()} 坏了；请重新 servicemap-admin login", "bad_login") from None


def chosen_server(given: str | None) -> tuple[str | None, str | None]:
    """(server, token): what --server or SERVICEMAP_SERVER says, else the one that was logged in to, else
    (None, None): this machine. `local` means this machine too."""
    if given == "local":
        return None, None
    token = os.environ.get("SERVICEMAP_TOKEN")
    if given and token:  # nothing needs to be known: a login that is broken can be made anew
        return checked_server(given), token
    known = known_login()
    server = checked_server(given) if given else known.get("server")
    token = token or (known.get("token") if server == known.get("server") else None)
    return server, token if server else None


def checked_server(url: str) -> str:
    """The address of a server; http:// only to this machine, for a token must not go over the net in clear."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    try:
        sound = (
            parts.scheme in ("http", "https") and parts.hostname and not parts.username and parts.port != 0
        )
    except ValueError:  # of a port that is no number
        sound = False
    if not sound:
        raise InvalidError(f"服务器地址“{url}”应像 https://map.example.gov.cn", "bad_server")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise InvalidError(
            f"不用 http:// 连 {parts.hostname}：令牌会在网上被看见；请用 https://", "bad_server"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


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
    if (
        os.environ.get("SERVICEMAP_SERVER") or keys_path().exists()
    ):  # an office PC: no database, so nothing beside it
        home = str(Path.home() / "servicemap-admin.log")
        settings = Settings(log_file=os.environ.get("SERVICEMAP_LOG_FILE") or home)
    else:
        settings = read_settings()
    _log_to_file(settings)
    logging.getLogger("servicemap").exception("unexpected fault in the command line")
    return log_path(settings)
