"""Where a family stands and what it looks for is written down nowhere: the real server, and all its files."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.api.test_server import wait_until_it_lives
from tests.factories import scaled

REQUESTS = scaled(10_000, 500)
CANARIES = (b"4567891", b"9876543", b"canary-token-", b"canaryword")
QUERY = "lat=23.4567891&lng=113.9876543"
BODY = '{"lat": 23.4567891, "lng": 113.9876543, "datum": "gcj02", "q": "canaryword"}'
ASKED = [
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02", None),
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02&q=canaryword", None),
    ("GET", f"/api/v1/facilities?{QUERY}", None),
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02&cursor=canaryword", None),
    ("GET", f"/nowhere/canaryword?{QUERY}", None),
    ("GET", f"/api/v1/facilities/canaryword?{QUERY}", None),
    ("GET", f"/api/v1/divisions/locate?{QUERY}&datum=gcj02", None),
    ("DELETE", f"/api/v1/facilities?{QUERY}", None),
    ("POST", "/api/v1/facilities/search", BODY),
    ("POST", "/api/v1/facilities/search", BODY[:-1]),
    ("POST", "/api/v1/divisions/locate", BODY),
    ("POST", f"/api/v1/imports?{QUERY}", BODY),
]


def seen(folder: Path) -> list[str]:
    """The files below the folder that hold a canary."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(canary in path.read_bytes() for canary in CANARIES)]


def ask_much(port: int, share: int) -> int:
    """Send the share of the requests on one connection after another; how many were answered."""
    headers = {"Authorization": "Bearer canary-token-1", "Content-Type": "application/json"}
    answered = 0
    for number in range(share):
        method, path, body = ASKED[number % len(ASKED)]
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        with suppress(OSError):
            connection.request(method, path, body, headers)
            connection.getresponse().read()
            answered += 1
        connection.close()
    return answered


def metrics(port: int) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read()
    connection.close()
    return text


@pytest.mark.parametrize("leaky", [False, True], ids=["our server", "one with an access log"])
def test_no_position_word_or_token_is_left_anywhere(
    sqlite_templates: Callable[[str], Path], tmp_path: Path, leaky: bool
) -> None:
    shutil.copy(sqlite_templates("demo"), tmp_path / "registry.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "admin_cli.main", "serve", "--port", str(port), "--workers", "2"]
    if leaky:
        fmt = "%(path)s?%(query_string)s"
        command = ["granian", "--interface", "wsgi", "--port", str(port), "--access-log", "wsgi:app"]
        command[0] = str(Path(sys.executable).parent / "granian")
        command[1:1] = ["--access-log-fmt", fmt, "--log-level", "info"]
    environ = os.environ | {"SERVICEMAP_DATABASE_URL": f"sqlite:///{tmp_path / 'registry.db'}"}

    with (
        open(tmp_path / "output", "wb") as output,
        subprocess.Popen(command, env=environ, stdout=output, stderr=output) as process,
    ):
        try:
            wait_until_it_lives(port, process)
            with ThreadPoolExecutor(4) as pool:
                answered = sum(pool.map(ask_much, [port] * 4, [REQUESTS // 4] * 4))
            (tmp_path / "metrics").write_bytes(metrics(port))
            left = seen(tmp_path)  # while it runs: the WAL is still there
        finally:
            process.terminate()
            process.wait(30)

    assert answered >= REQUESTS * 0.99
    assert b"facilities.list_facilities" in (tmp_path / "metrics").read_bytes()
    assert (tmp_path / "registry.db.rate").exists()
    assert left == seen(tmp_path) == (["output"] if leaky else [])
