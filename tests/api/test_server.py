"""The real server, spoken to over raw sockets: what a framework's test client can't send."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NEAR = "/api/v1/facilities"


@contextmanager
def serving(url: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """`servicemap-admin serve` of the registry at the URL: its process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "admin_cli.main", "serve", "--port", str(port), "--workers", "1"]
    environ = {**os.environ, "SERVICEMAP_DATABASE_URL": url}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until_it_lives(port, process)
            yield process, port
        finally:
            process.terminate()
            process.wait(30)


def wait_until_it_lives(port: int, process: subprocess.Popen) -> None:
    for _ in range(300):
        try:
            if status(ask(port, "/healthz")) == 200:
                return
        except OSError:
            assert process.poll() is None, "the server did not start"
            time.sleep(0.1)
    raise TimeoutError("the server did not come to life")


def raw(port: int, data: bytes, timeout: float = 20) -> bytes:
    """What the server answers before it closes the connection; it may close it before all is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
        return answer


def ask(port: int, path: str, method: str = "GET", headers: str = "") -> bytes:
    return raw(port, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())


def status(answer: bytes) -> int:
    return int(answer.split(maxsplit=2)[1])


@pytest.fixture(scope="module")
def port(sqlite_templates: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path = shutil.copy(sqlite_templates("nothing"), tmp_path_factory.mktemp("served") / "registry.db")
    with serving(f"sqlite:///{path}") as (_, port):
        yield port


def test_a_get_a_head_and_options_are_answered(port):
    got, head, options = (ask(port, NEAR, method) for method in ("GET", "HEAD", "OPTIONS"))

    assert [status(answer) for answer in (got, head, options)] == [200, 200, 200]
    assert got.endswith(b"}")
    assert head.endswith(b"\r\n\r\n")
    assert b"allow: " in options.lower()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 2_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(5000)) + b"\r\n",
        b"GET /" + b"x" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
    ids=["words", "version", "tls", "nul", "negative", "two lengths", "header", "headers", "uri"],
)
def test_what_is_no_request_is_refused_and_the_server_lives_on(port, nonsense):
    answer = raw(port, nonsense)

    assert answer == b"" or 400 <= status(answer) < 500
    assert status(ask(port, "/readyz")) == 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [(f"{NEAR}?division={'9' * 30_000}", 422), (f"{NEAR}?lat=%ff&lng=%ED%A0%80", 422), ("/api/v1/divisions/%00", 404),
     ("/%2e%2e/%2e%2e/etc/passwd", 404), (f"{NEAR}?", 200), (f"{NEAR}#x", 200)],
)  # fmt: skip
def test_what_is_a_request_is_judged_by_the_application(port, path, expected):
    answer = ask(port, path)

    assert status(answer) in (expected, 400)  # 400: the server's own parser was stricter
    if expected != 200 and status(answer) == expected:
        assert b"application/problem+json" in answer


def test_a_header_does_not_make_an_administrator(port):
    answers = [
        ask(port, "/api/v1/facility-records", headers=f"{name}: admin\r\n")
        for name in ("servicemap.actor", "Servicemap-Actor")
    ]

    assert [status(answer) for answer in answers] == [401, 401]
    assert all(b"www-authenticate: bearer" in answer.lower() for answer in answers)


def test_connections_that_never_finish_their_request_keep_nobody_waiting(port):
    half_open = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(60)]
    for connection in half_open:
        connection.sendall(b"GET /api/v1/facilities HTTP/1.1\r\nHost: x\r\nX-")

    started = time.monotonic()
    answer = ask(port, NEAR)
    waited = time.monotonic() - started

    for connection in half_open:
        connection.close()
    assert status(answer) == 200
    assert waited < 5


def posting(port: int) -> socket.socket:
    """A connection that has sent the first byte of a body."""
    connection = socket.create_connection(("127.0.0.1", port), 20)
    head = (
        f"POST {NEAR}/search HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    )
    connection.sendall(f"{head}Content-Length: 2\r\n\r\n{{".encode())
    return connection


def test_senders_who_never_end_their_body_keep_nobody_waiting(port):
    half_sent = [posting(port) for _ in range(16)]

    try:
        answers = [raw(port, f"GET {path} HTTP/1.0\r\n\r\n".encode(), 5) for path in ("/healthz", NEAR)]
    finally:
        for connection in half_sent:
            connection.close()

    assert [status(answer) for answer in answers] == [200, 200]


def test_a_request_in_flight_is_finished_before_the_server_stops(
    sqlite_templates: Callable[[str], Path], tmp_path
):
    path = shutil.copy(sqlite_templates("nothing"), tmp_path / "registry.db")
    with serving(f"sqlite:///{path}") as (process, port), posting(port) as in_flight:
        time.sleep(1)
        process.terminate()
        time.sleep(1)
        waiting = process.poll() is None

        in_flight.sendall(b"}")

        assert waiting
        assert status(in_flight.makefile("rb").read()) == 200
        assert process.wait(20) == 0
