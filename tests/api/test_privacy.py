"""Where a family stands and what it looks for is written down nowhere: the real server, and all its files."""

import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from servicemap.records import public_code
from tests.api.test_server import wait_until_it_lives
from tests.factories import scaled

REQUESTS = scaled(10_000, 500)
CANARIES = (b"4567891", b"9876543", b"canary-token-", b"canaryword")
QUERY = "lat=23.4567891&lng=113.9876543"
AT = '"lat": 23.4567891, "lng": 113.9876543, "datum": "gcj02"'
BODY = f'{{{AT}, "q": "canaryword"}}'
TOKEN = {"Authorization": "Bearer canary-token-1"}  # sent where it is refused
SENT = {
    "Content-Type": "application/json",
    "If-None-Match": '"acanaryword"',
}
ASKED = [  # method, target, body, status
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02", None, 200),
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02&q=canaryword", None, 200),
    ("GET", f"/api/v1/facilities?{QUERY}", None, 422),
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02&cursor=canaryword", None, 400),
    ("GET", "/api/v1/clusters?bbox=113.9876543,23.4567891,114.2,23.6&datum=gcj02", None, 200),
    ("GET", "/api/v1/suggestions?q=canaryword", None, 200),
    ("GET", "/api/v1/hours?text=canaryword", None, 200),
    ("GET", f"/f/{public_code(1)}?{QUERY}&from=canaryword", None, 302),
    ("GET", f"/f/canaryword?{QUERY}", None, 404),
    ("GET", f"/nowhere/canaryword?{QUERY}", None, 404),
    ("GET", f"/api/v1/facilities/canaryword?{QUERY}", None, 422),
    ("GET", f"/api/v1/divisions/locate?{QUERY}&datum=gcj02", None, 200),
    ("DELETE", f"/api/v1/facilities?{QUERY}", None, 405),
    ("POST", "/api/v1/facilities/search", BODY, 200),
    ("POST", "/api/v1/facilities/search", BODY[:-1], 400),
    ("POST", "/api/v1/divisions/locate", f"{{{AT}}}", 200),
    ("POST", "/api/v1/imports", BODY, 401),
    ("POST", f"/api/v1/imports?{QUERY}", BODY, 401),
    ("GET", f"/api/v1/facilities?{QUERY}&datum=gcj02", None, 401),
]


def seen(folder: Path) -> list[str]:
    """The files below the folder that hold a canary."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(canary in path.read_bytes() for canary in CANARIES)]


def ask_much(port: int, share: int) -> Counter[str]:
    """Send the share of the requests, each on a connection of its own, and again with the tag of its answer:
    how many were answered as they should, how many had a tag, how many of these had a 304."""
    counts = Counter[str]()
    for number in range(share):
        method, target, body, expected = ASKED[number % len(ASKED)]
        status, tag = ask(port, method, target, body, {**SENT, **(TOKEN if expected == 401 else {})})
        counts["as expected"] += status == expected
        if tag:
            counts["tagged"] += 1
            counts["not modified"] += ask(port, method, target, body, {"If-None-Match": tag})[0] == 304
    return counts


def ask(
    port: int, method: str, target: str, body: str | None, headers: dict[str, str]
) -> tuple[int, str | None]:
    """(status, ETag); (0, None) where no answer came."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers["ETag"]
    except OSError:
        return 0, None
    finally:
        connection.close()


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
    environ = os.environ | {
        "SERVICEMAP_DATABASE_URL": f"sqlite:///{tmp_path / 'registry.db'}",
        "SERVICEMAP_READS_PER_MINUTE": "1000000",  # all come from one address, and are counted
        "SERVICEMAP_WRITES_PER_MINUTE": "1000000",
    }

    with (
        open(tmp_path / "output", "wb") as output,
        subprocess.Popen(command, env=environ, stdout=output, stderr=output) as process,
    ):
        try:
            wait_until_it_lives(port, process)
            with ThreadPoolExecutor(4) as pool:
                counts = sum(pool.map(ask_much, [port] * 4, [REQUESTS // 4] * 4), Counter[str]())
            (tmp_path / "metrics").write_bytes(metrics(port))
            left = seen(tmp_path)  # while it runs: the WAL is still there
        finally:
            process.terminate()
            process.wait(30)

    assert counts["as expected"] >= REQUESTS * 0.99
    assert counts["tagged"] >= REQUESTS * 0.3
    assert counts["not modified"] >= counts["tagged"] * 0.9  # a tag is good for its minute
    assert b"facilities.list_facilities" in (tmp_path / "metrics").read_bytes()
    assert (tmp_path / "registry.db.rate").exists()
    assert left == seen(tmp_path) == (["output"] if leaky else [])
