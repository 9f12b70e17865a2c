"""Every setting in one place: name, default, unit, meaning. Read from SERVICEMAP_* at the start."""

import os
from dataclasses import dataclass, field, fields
from datetime import date, datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from servicemap.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator may set; each field is read from SERVICEMAP_<FIELD IN CAPITALS>."""

    database_url: str = "sqlite:///servicemap.db"
    """sqlite:///path/to/file.db, or postgresql://user@host/name (PostgreSQL 15 or later)."""

    timezone: str = "Asia/Shanghai"
    """IANA name; it says what "today" is, for dates and opening state."""

    extent: str = ""
    """west,south,east,north in WGS-84 degrees; a place outside is refused. Empty: the one that
    `db create --extent` stored, else the box of the divisions' shapes, else of the known places."""

    coverage_public: str = "snapshots"
    """snapshots: without rights only published snapshots answer; live: coverage is open to all."""

    reads_per_minute: int = 600
    """What one address may ask a minute, answers that its cache still holds not counted; ten minutes'
    worth may come at once, as many people may share an address. 0: no limit."""

    writes_per_minute: int = 60
    """What one address may send a minute without a token; a minute's worth may come at once. 0: no limit."""

    feedback_per_day: int = 30
    """How many times a day (UTC) one address may say that something is wrong, without a token. 0: no limit."""

    rate_file: str = ""
    """Where all processes of this machine count requests; empty: beside the SQLite file with .rate at
    the end, or in the folder for temporary files. The counts for /metrics stand beside it."""

    trusted_proxies: str = ""
    """Networks (CIDR, with commas between) whose X-Forwarded-For says who asks."""

    dump_folder: str = ""
    """Where `dump build` puts the files for offline use, and the server finds them; empty: beside the
    SQLite file with .dump at the end. With PostgreSQL it must be said."""

    log_file: str = ""
    """Where `servicemap-admin` writes unexpected faults; empty: servicemap-admin.log beside the
    SQLite file, or in the current folder."""

    tianditu_key: str = field(default="", repr=False)
    """The key with which `facility geocode` asks 天地图. A key is given in the environment only."""

    amap_key: str = field(default="", repr=False)
    """The same for 高德 (a key for "Web服务")."""

    baidu_key: str = field(default="", repr=False)
    """The same for 百度 (an AK for "服务端")."""

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.timezone)

    @property
    def proxies(self) -> tuple[Any, ...]:
        """`trusted_proxies` as networks of ipaddress; ValueError when one is none."""
        from ipaddress import ip_network  # late: the command line does not need it

        return tuple(ip_network(word.strip()) for word in self.trusted_proxies.split(",") if word.strip())

    @property
    def rate_path(self) -> Path:
        """The file of `rate_file`. It holds no address, and nothing is lost with it."""
        scheme, _, path = self.database_url.partition(":///")
        if self.rate_file or scheme == "sqlite":
            return Path(self.rate_file or f"{path}.rate")
        at = sha256(self.database_url.rpartition("@")[2].encode()).hexdigest()[:16]  # without a password
        return Path(gettempdir()) / f"servicemap-{os.getuid()}-{at}.rate"

    def today(self, now: datetime) -> date:
        """The local date of the instant `now` (aware)."""
        return now.astimezone(self.zone).date()


def read_settings(**overrides: str) -> Settings:
    """The settings of this process: environment first, then `overrides`. Bad ones raise InvalidError."""
    from environs import Env  # late: the command line's help does not need it

    env = Env()
    values: dict[str, Any] = {
        f.name: env.str(f"SERVICEMAP_{f.name.upper()}", str(f.default)) for f in fields(Settings)
    }
    values |= overrides
    for name in ("reads_per_minute", "writes_per_minute", "feedback_per_day"):
        if not (values[name].isascii() and values[name].isdigit() and len(values[name]) <= 9):
            raise InvalidError(f"SERVICEMAP_{name.upper()} 应为整数，例如 600；0 为不限", "bad_setting")
        values[name] = int(values[name])
    settings = Settings(**values)
    if settings.coverage_public not in ("snapshots", "live"):
        raise InvalidError("SERVICEMAP_COVERAGE_PUBLIC 只能是 snapshots 或 live", "bad_setting")
    try:
        settings.proxies  # noqa: B018  (like a wrong zone, it must fail at the start)
    except ValueError as error:
        raise InvalidError(
            f"SERVICEMAP_TRUSTED_PROXIES 应为网段，例如 127.0.0.1/32,10.0.0.0/8：{error}", "bad_setting"
        ) from None
    try:
        settings.zone  # noqa: B018  (a wrong zone must fail at the start, not at midnight)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidError(
            f"SERVICEMAP_TIMEZONE: 没有“{settings.timezone}”这个时区，例如 Asia/Shanghai", "bad_setting"
        ) from None
    return settings
