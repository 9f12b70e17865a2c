"""Every setting in one place: name, default, unit, meaning. Read from SERVICEMAP_* at the start."""

from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
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

    log_file: str = ""
    """Where `servicemap-admin` writes unexpected faults; empty: servicemap-admin.log beside the
    SQLite file, or in the current folder."""

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.timezone)

    def today(self, now: datetime) -> date:
        """The local date of the instant `now` (aware)."""
        return now.astimezone(self.zone).date()


def read_settings(**overrides: str) -> Settings:
    """The settings of this process: environment first, then `overrides`. Bad ones raise InvalidError."""
    from environs import Env  # late: the command line's help does not need it

    env = Env()
    values = {f.name: env.str(f"SERVICEMAP_{f.name.upper()}", str(f.default)) for f in fields(Settings)}
    settings = Settings(**{**values, **overrides})
    if settings.coverage_public not in ("snapshots", "live"):
        raise InvalidError("SERVICEMAP_COVERAGE_PUBLIC 只能是 snapshots 或 live", "bad_setting")
    try:
        settings.zone  # noqa: B018  (a wrong zone must fail at the start, not at midnight)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidError(
            f"SERVICEMAP_TIMEZONE: 没有“{settings.timezone}”这个时区，例如 Asia/Shanghai", "bad_setting"
        ) from None
    return settings
