"""Counts of requests by endpoint, for Prometheus; no position, query, address or token is among them.

Each process writes one block of a file, at most once a second, and holds a lock on it; a process that
begins takes over the block of one that has ended and counts on. So nothing is counted twice, and a count
only ever grows.
A file that fails counts nothing and stops nobody.
"""

import fcntl
import os
import struct
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from time import monotonic

BLOCKS, ROWS = 64, 96  # processes; endpoints
CLASSES = ("2xx", "304", "3xx", "4xx", "429", "5xx")
BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5)  # seconds
ROW = struct.Struct(f"<48s{len(CLASSES)}d{len(BUCKETS)}dd")  # endpoint, by class, by bucket, seconds
LOCKS_AT = BLOCKS * ROWS * ROW.size  # behind the blocks: nothing is ever written there


class Counters:
    """The counts of this process, and how to read those of all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        self._block = -1  # -1: not tried yet; BLOCKS: none is free, or the file failed
        self._rows: dict[str, list[float]] = {}  # in the order in which they stand in the block
        self._write_at = 0.0

    def count(self, endpoint: str, status: int, seconds: float) -> None:
        """One answer."""
        with self._lock, suppress(OSError):
            if self._block < 0:
                self._claim()
            if self._block == BLOCKS:
                return
            counts = self._rows.get(endpoint)
            if counts is None:
                if len(self._rows) == ROWS:
                    return
                counts = self._rows[endpoint] = [0.0] * (len(CLASSES) + len(BUCKETS) + 1)
            counts[CLASSES.index(_class(status))] += 1
            counts[-1] += seconds
            for n, most in enumerate(BUCKETS, len(CLASSES)):
                if seconds <= most:
                    counts[n] += 1
            if monotonic() >= self._write_at:
                self._write()

    def _write(self) -> None:
        rows = [ROW.pack(endpoint.encode()[:48], *counts) for endpoint, counts in self._rows.items()]
        os.pwrite(self._file or 0, b"".join(rows), self._block * ROWS * ROW.size)
        self._write_at = monotonic() + 1

    def _claim(self) -> None:
        self._block = BLOCKS
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._file)
        for block in range(BLOCKS):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, LOCKS_AT + block)
            except OSError:
                continue
            self._block = block
            self._rows = dict(self._read(block))
            return

    def _read(self, block: int) -> list[tuple[str, list[float]]]:
        data = os.pread(self._file or 0, ROWS * ROW.size, block * ROWS * ROW.size)
        rows = [ROW.unpack_from(data, at) for at in range(0, len(data) - ROW.size + 1, ROW.size)]
        return [(name.rstrip(b"\0").decode(), counts) for name, *counts in rows if name[0]]

    def total(self) -> dict[str, list[float]]:
        """{endpoint: its counts, added up over all processes}."""
        sums: dict[str, list[float]] = {}
        with self._lock, suppress(OSError):
            if self._block < 0:
                self._claim()
            if self._block < BLOCKS:
                self._write()
            for block in range(BLOCKS) if self._file is not None else ():
                for name, counts in self._read(block):
                    before = sums.get(name, [0.0] * len(counts))
                    sums[name] = [a + b for a, b in zip(before, counts, strict=True)]
        return sums


def _class(status: int) -> str:
    return str(status) if status in (304, 429) else f"{max(status // 100, 2)}xx"


def exposition(sums: dict[str, list[float]]) -> str:
    """The counts as Prometheus reads them."""
    requests = ["# TYPE servicemap_requests_total counter"]
    seconds = ["# TYPE servicemap_request_seconds histogram"]
    for endpoint, counts in sorted(sums.items()):
        at = f'endpoint="{endpoint}"'
        for name, count in zip(CLASSES, counts, strict=False):
            if count:
                requests.append(f'servicemap_requests_total{{{at},status="{name}"}} {count:.0f}')
        for most, count in zip(BUCKETS, counts[len(CLASSES) :], strict=False):
            seconds.append(f'servicemap_request_seconds_bucket{{{at},le="{most}"}} {count:.0f}')
        answered = sum(counts[: len(CLASSES)])
        seconds.append(f'servicemap_request_seconds_bucket{{{at},le="+Inf"}} {answered:.0f}')
        seconds.append(f"servicemap_request_seconds_sum{{{at}}} {counts[-1]:.6f}")
        seconds.append(f"servicemap_request_seconds_count{{{at}}} {answered:.0f}")
    return "\n".join([*requests, *seconds, ""])
