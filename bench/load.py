"""A server in a process of its own, the requests sent to it, and the CPU seconds that it spent on them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

HOST = "127.0.0.1"
CONNECTIONS = 4  # kept alive; more than the server's one thread, so that it never waits
SECONDS = 120  # an answer or a round that takes longer has failed
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its port, the process that answers, and the other ones that work for it."""

    port: int
    worker: int
    others: tuple[int, ...] = ()

    def cpu_seconds(self) -> float:
        """User and system time so far, to the nanosecond; Linux (clock_getcpuclockid(3) of a process)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in (self.worker, *self.others))

    def rss_anon_mb(self) -> float:
        """Memory of the worker that is its own, without mapped files."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) / 1024


@contextmanager
def serving(factory: str, **environment: str) -> Iterator[Served]:
    """granian with one worker and one blocking thread, until the block ends."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = f"{sys.executable} -m granian --interface wsgi --factory --workers 1 --blocking-threads 1"
    command += f" --host {HOST} --port {port} --no-ws --log-level error {factory}"
    # a group of its own: a Ctrl-C is for the benchmark, which then ends both of granian's processes
    process = subprocess.Popen(command.split(), env={**os.environ, **environment}, start_new_session=True)
    try:
        yield Served(port, _worker(process))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _worker(process: subprocess.Popen) -> int:
    """The child that answers, once there is one: granian's first process only watches over it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(300):
        if process.poll() is not None:
            break
        if started := children.read_text().split():
            return int(started[-1])
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


class Answer(NamedTuple):
    status: int
    etag: str | None
    body: bytes


class Connection:
    """HTTP/1.1 over one connection that is kept: the client must cost as little as can be."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, path: str, **headers: str) -> Answer:
        self.send(path, headers)
        return self.receive()

    def send(self, path: str, headers: Mapping[str, str]) -> None:
        lines = "".join(f"\r\n{name.replace('_', '-')}: {value}" for name, value in headers.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}{lines}\r\n\r\n".encode())

    def receive(self) -> Answer:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, _, body = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        wanted = int(length[1]) if length and not head.startswith(b"HTTP/1.1 304") else 0
        parts = [body]
        got = len(body)
        while got < wanted:
            parts.append(self._some())
            got += len(parts[-1])
        etag = re.search(rb"\r\netag: ([^\r]+)", head, re.IGNORECASE)
        return Answer(int(head[9:12]), etag and etag[1].decode(), b"".join(parts))

    def _some(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def _connected(port: int) -> socket.socket:
    for _ in range(100):  # a server that has just begun does not listen yet
        try:
            connected = socket.create_connection((HOST, port), SECONDS)
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
    raise ConnectionError(f"nobody listens on port {port}")


Headers = Mapping[str, str]
NO_HEADERS: Headers = {}


def send(
    server: Served, paths: Sequence[str], *, status: int = 200, headers: Sequence[Headers] | None = None
) -> float:
    """GET every path over a few connections, so that the server is never idle; the requests per CPU second."""
    each = headers or [NO_HEADERS] * len(paths)
    with ExitStack() as kept:
        connections = [kept.enter_context(Connection(server.port)) for _ in range(CONNECTIONS)]
        before = server.cpu_seconds()
        for number, path in enumerate(paths):
            connection = connections[number % CONNECTIONS]
            if number >= CONNECTIONS:
                expect(connection.receive(), status)
            connection.send(path, each[number])
        for connection in connections:
            expect(connection.receive(), status)
        return len(paths) / (server.cpu_seconds() - before)


class Cost(NamedTuple):
    """CPU that an answer took in the server, and how long the client waited for it, in ms."""

    cpu_ms: float
    wall_ms: float


def costs(server: Served, paths: Sequence[str]) -> list[Cost]:
    """GET one path after the other; what each of them cost."""
    measured = []
    with Connection(server.port) as connection:
        for path in paths:
            cpu, wall = server.cpu_seconds(), time.perf_counter()
            answer = connection.ask(path)
            waited = time.perf_counter() - wall
            measured.append(Cost((server.cpu_seconds() - cpu) * 1000, waited * 1000))
            expect(answer, 200)
    return measured


def expect(answer: Answer, status: int) -> None:
    if answer.status != status:
        raise RuntimeError(f"{answer.status} instead of {status}: {answer.body[:500].decode()}")


def status_of(server: Served, path: str) -> int:
    with Connection(server.port) as connection:
        return connection.ask(path).status
