"""A server in a process of its own, the requests sent to it, and the CPU seconds that it spent on them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
CONNECTIONS = 4  # kept alive; more than the server's one thread, so that it never waits
SECONDS = 60  # a round that takes longer has failed
TICKS = os.sysconf("SC_CLK_TCK")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its port, and the process that answers."""

    port: int
    worker: int


@contextmanager
def serving(factory: str, **environment: str) -> Iterator[Served]:
    """granian with one worker and one blocking thread, until the block ends."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = f"{sys.executable} -m granian --interface wsgi --factory --workers 1 --blocking-threads 1"
    command += f" --host {HOST} --port {port} --no-ws --log-level error bench.server:{factory}"
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


def cpu_seconds(pid: int) -> float:
    """User and system time of the process so far; Linux (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def send(server: Served, paths: Sequence[str]) -> float:
    """GET every path, over connections that are kept; the requests per CPU second of the server."""
    deadline = time.monotonic() + SECONDS
    with ExitStack() as kept:
        connections = [kept.enter_context(_connection(server.port)) for _ in range(CONNECTIONS)]
        before = cpu_seconds(server.worker)
        for number, path in enumerate(paths):
            connection = connections[number % CONNECTIONS]
            if number >= CONNECTIONS:
                _receive(connection)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(paths)} requests took more than {SECONDS} s")
        for connection in connections:
            _receive(connection)
        return len(paths) / (cpu_seconds(server.worker) - before)


def _connection(port: int) -> socket.socket:
    for _ in range(100):  # a server that has just begun does not listen yet
        try:
            return socket.create_connection((HOST, port), SECONDS)
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise ConnectionError(f"nobody listens on port {port}")


def _receive(connection: socket.socket) -> None:
    """Read one answer, which must be a 200."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.decode()}\n{body.decode()}")
    length, got = int(LENGTH.search(head)[1]), len(body)  # type: ignore[index]
    while got < length:
        got += len(_some(connection))


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data
