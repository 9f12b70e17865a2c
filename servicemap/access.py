"""Who acts, and what they may do. Scope is ancestry in the division tree, never a prefix of a code."""

from dataclasses import dataclass

from servicemap.errors import ForbiddenError, UnauthenticatedError

READ_LIVE_COVERAGE = "read_live_coverage"
IMPORT = "import"
MANAGE_DIVISIONS = "manage_divisions"
READ_RECORD = "read_record"  # the whole record, what is not public included


@dataclass(frozen=True, slots=True)
class Actor:
    """Who stands behind a request: `name` goes into the audit; `door` is http, cli or seed."""

    name: str
    role: str
    door: str


ANONYMOUS = Actor("anonymous", "public", "http")
SEED = Actor("seed", "admin", "seed")

ALLOWED = {"admin": {READ_LIVE_COVERAGE, IMPORT, MANAGE_DIVISIONS, READ_RECORD}, "public": set()}


def can(actor: Actor, action: str) -> bool:
    return action in ALLOWED[actor.role]


def require(actor: Actor, action: str) -> None:
    """Raise UnauthenticatedError or ForbiddenError unless the actor may."""
    if can(actor, action):
        return
    if actor is ANONYMOUS:
        raise UnauthenticatedError("这个操作需要令牌；请在服务器上用 servicemap-admin 操作")
    raise ForbiddenError(f"{actor.name} 没有这项权限")
