"""How much one address may ask and send; counted together by all processes of a machine.

Each address has two buckets, of reads and of writes, that refill evenly. A bucket is one number in a file:
the instant at which it will be full again (the generic cell rate algorithm), so that nothing has to be
read and written together. Feedback has a third number, counted by the day (UTC) and not refilled in it. A file and no shared memory: reading behind the end of a file that was cut short
gives nothing, of mapped memory it ends the process. A count that two processes write at once may be lost;
two addresses in one slot share its buckets until the salt changes at midnight UTC. Whatever fails lets
requests pass.
"""

import fcntl
import logging
import os
import secrets
import struct
import threading
import weakref
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic
from typing import Any

from apispec import BasePlugin

from servicemap.config import Settings

SLOTS = 65_536  # of 65,536 IPv4 addresses each: what stands in a slot names none of them
HEAD = struct.Struct("<q16s")  # the day since 1970 and its salt
SLOT = struct.Struct("<d")  # seconds since 1970
READS, WRITES, FEEDBACK = 0, 1, 2
# A phone company or a school has hundreds of families behind one address, who come together at times
MINUTES_AT_ONCE = {READS: 10, WRITES: 1}
DAY_SECONDS = 86_400
MOST_A_DAY = 10_000  # that a slot can count
PAUSE_SECONDS = 60  # until a file that failed is tried again
MOST_HOPS = 20

log = logging.getLogger("servicemap")


class LimitsInDocument(BasePlugin):
    """A 429 in the OpenAPI document wherever requests are counted."""

    def operation_helper(self, path: str | None = None, operations: Any = None, **_: Any) -> None:
        for operation in operations.values() if path and path.startswith("/api/") else ():
            operation.setdefault("responses", {})["429"] = "TOO_MANY_REQUESTS"


class Limiter:
    """The buckets of one registry on this machine."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.rate_path
        self._rates = {
            READS: settings.reads_per_minute,
            WRITES: settings.writes_per_minute,
            FEEDBACK: min(settings.feedback_per_day, MOST_A_DAY - 1),
        }
        self._proxies = settings.proxies
        self._lock = threading.Lock()
        self._file: int | None = None
        self._day, self._salt = -1, b""
        self._again_at = 0.0
        self._is_proxy = lru_cache(maxsize=1024)(self._stands_in_proxies)

    def wait(self, environ: Mapping[str, Any], kind: int, now: float) -> int:
        """Count a request of `kind` at `now` (seconds since 1970): 0 lets it pass, else the whole seconds
        after which to come back. Two system calls."""
        rate = self._rates[kind]
        if not rate or monotonic() < self._again_at or not (address := self.address(environ)):
            return 0
        try:
            day = int(now) // DAY_SECONDS
            file, salt = self._ready(day)
            slot = int.from_bytes(blake2b(address.encode(), digest_size=2, key=salt).digest())
            if kind == FEEDBACK:
                full = _count(file, HEAD.size + (2 * SLOTS + slot) * SLOT.size, day, rate)
                return (day + 1) * DAY_SECONDS - int(now) if full else 0
            place = HEAD.size + (2 * slot + kind) * SLOT.size
            return _take(file, place, 60 / rate, 60 * MINUTES_AT_ONCE[kind], now)
        except OSError as error:
            self._pause(error)
            return 0

    def _ready(self, day: int) -> tuple[int, bytes]:
        """The open file and the day's salt, which the first process of the day chooses for all."""
        if self._file is not None and self._day == day:
            return self._file, self._salt
        with self._lock:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                weakref.finalize(self, os.close, self._file)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                head = os.pread(self._file, HEAD.size, 0)
                known, salt = HEAD.unpack(head) if len(head) == HEAD.size else (-1, b"")
                if known != day:
                    salt = secrets.token_bytes(16)
                    os.pwrite(self._file, HEAD.pack(day, salt), 0)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._salt, self._day = salt, day
            return self._file, salt

    def _pause(self, error: OSError) -> None:
        """No limits for a minute: the file is away, full or not ours."""
        self._again_at = monotonic() + PAUSE_SECONDS
        log.warning("requests are not counted: %s", error.strerror)

    def address(self, environ: Mapping[str, Any]) -> str | None:
        """Who asks: the peer, or the first of X-Forwarded-For from the right that is no trusted proxy.

        An IPv6 address stands for its /64, which is one household. None where people can't be told apart:
        a socket without addresses, and a proxy on this machine that nobody declared.
        """
        peer = environ.get("REMOTE_ADDR") or ""
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        if forwarded and self._is_proxy(peer):
            for hop in reversed(forwarded.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
                peer = _without_port(hop.strip())
                if not self._is_proxy(peer):
                    break
        elif forwarded and peer in ("127.0.0.1", "::1"):
            return None
        return _household(peer)

    def _stands_in_proxies(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
        return any((mapped or parsed) in network for network in self._proxies)


def _take(file: int, place: int, seconds_each: float, seconds_at_once: float, now: float) -> int:
    data = os.pread(file, SLOT.size, place)
    full_at = SLOT.unpack(data)[0] if len(data) == SLOT.size else 0.0
    if not now < full_at < now + seconds_at_once + 1:  # full; or nonsense, or the clock was set back
        full_at = now
    wait = full_at + seconds_each - now - seconds_at_once
    if wait > 1e-6:
        return ceil(wait)
    os.pwrite(file, SLOT.pack(full_at + seconds_each), place)
    return 0


def _count(file: int, place: int, day: int, most: int) -> bool:
    """Whether the day's count there is full; else it is one more. Kept as day × MOST_A_DAY + count."""
    data = os.pread(file, SLOT.size, place)
    value = SLOT.unpack(data)[0] if len(data) == SLOT.size else 0.0
    empty = float(day * MOST_A_DAY)
    if not empty <= value < empty + MOST_A_DAY:  # another day's, or nonsense
        value = empty
    if value - empty >= most:
        return True
    os.pwrite(file, SLOT.pack(value + 1), place)
    return False


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


@lru_cache(maxsize=1024)
def _household(address: str) -> str | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped:
        return f"{int(parsed) >> 64:x}::"
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
