"""The error family, in registry words. It knows neither HTTP nor exit codes: doors translate once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (field or file row and column), what, and how to mend it.

    `code` is stable and in snake_case, for programs; `detail` and `cure` are Chinese, for people.
    `field` is the parameter or field name; `row` is the row of the file as a spreadsheet shows it;
    `column` is the heading as it stands in the file; `value` is what stood there; `sheet` is the sheet of
    a workbook, where several are read.
    """

    code: str
    detail: str
    field: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    cure: str | None = None
    sheet: str | None = None

    def __str__(self) -> str:
        where = " ".join(
            part
            for part in (
                f"工作表“{self.sheet}”" if self.sheet else "",
                f"第 {self.row} 行" if self.row else "",
                self.column or "",
            )
            if part
        )
        return (f"{where}: " if where else "") + self.detail + (f"；{self.cure}" if self.cure else "")


class RegistryError(Exception):
    """The root: `code` is stable, `detail` is the Chinese sentence a person reads."""

    code = "error"

    def __init__(self, detail: str, code: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.problems = tuple(problems)


class InvalidError(RegistryError):
    """The input breaks a rule; nothing was changed."""

    code = "invalid"


class NotFoundError(RegistryError):
    code = "not_found"


class ConflictError(RegistryError):
    """The input is fine, but the registry has moved on or stands against it."""

    code = "conflict"


class StaleError(ConflictError):
    """The record is no longer the version that was seen: `current` is the record now, `changes` what others
    did since."""

    code = "stale"

    def __init__(self, detail: str, *, current: dict[str, Any], changes: list[dict[str, Any]]) -> None:
        super().__init__(detail)
        self.current = current
        self.changes = changes


class UnauthenticatedError(RegistryError):
    """Who asks is not known."""

    code = "token_required"


class ForbiddenError(RegistryError):
    """Who asks is known and may not."""

    code = "forbidden"


class UnavailableError(RegistryError):
    """Not now: busy, disk full, database away. `retry_after` is in seconds."""

    code = "unavailable"

    def __init__(self, detail: str, code: str | None = None, retry_after: int = 5) -> None:
        super().__init__(detail, code)
        self.retry_after = retry_after


class TooManyError(UnavailableError):
    """Enough of that for today."""

    code = "too_many_requests"

    def __init__(self, detail: str, code: str | None = None, retry_after: int = 3600) -> None:
        super().__init__(detail, code, retry_after)
