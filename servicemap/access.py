"""Who acts, and what they may do. Scope is ancestry in the division tree, never a prefix of a code."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicemap import db
from servicemap.errors import ForbiddenError, UnauthenticatedError

READ_LIVE_COVERAGE = "read_live_coverage"
READ_RECORD = "read_record"  # the whole record, what is not public included
EDIT = "edit"
IMPORT = "import"
REVIEW = "review"  # pass and return what others entered, let posts confirm
MANAGE_REVIEWS = "manage_reviews"  # who looks first: a county without 镇审
MANAGE_TOKENS = "manage_tokens"
VERIFY_AUDIT = "verify_audit"
MANAGE_DIVISIONS = "manage_divisions"
MONITOR = "monitor"  # pass and return what was reported, freeze a year's figures: 监测组
ASSESS = "assess"  # freeze the figures of the mid-term and the final assessment: 评估组
REPORT = "report"  # what indicators were in a year, where the registry counts nothing
MANAGE_INDICATORS = "manage_indicators"  # what is measured, against which targets and lists
CHECK_REGISTRY = "check_registry"
FREEZE = "freeze"  # a period's figures
APPROVE = "approve"  # what another post froze
PUBLISH = "publish"  # and retract

# 查看 填报 审核 管理: each may what the ones before may. Beside them 报数（部门） 监测（统计局） 评估（妇儿工委办）
# 审批（领导小组）, who have the yearly cycle's steps and nothing of the records (五(一)(二) of the plan)
ROLES = ("viewer", "editor", "verifier", "reporter", "monitor", "assessor", "approver", "admin")
_VIEWER = frozenset({READ_LIVE_COVERAGE, READ_RECORD})
_EDITOR = _VIEWER | {EDIT, IMPORT, REPORT}
_VERIFIER = _EDITOR | {REVIEW}
_ADMIN = _VERIFIER | {MANAGE_TOKENS, MANAGE_REVIEWS, MANAGE_DIVISIONS, VERIFY_AUDIT, CHECK_REGISTRY}
_ADMIN |= {MONITOR, ASSESS, FREEZE, APPROVE, PUBLISH, MANAGE_INDICATORS}
ALLOWED = {
    "public": frozenset[str](),
    "viewer": _VIEWER,
    "editor": _EDITOR,
    "verifier": _VERIFIER,
    "reporter": frozenset({READ_LIVE_COVERAGE, REPORT}),
    "monitor": frozenset({READ_LIVE_COVERAGE, MONITOR, FREEZE}),
    "assessor": frozenset({READ_LIVE_COVERAGE, ASSESS, FREEZE, PUBLISH}),
    "approver": frozenset({READ_LIVE_COVERAGE, APPROVE}),
    "admin": _ADMIN,
}
WHOLE = frozenset(
    {MANAGE_DIVISIONS, MANAGE_INDICATORS, CHECK_REGISTRY}
)  # of the registry as a whole: nobody with a division's scope may

Span = tuple[int, int]  # lft and rgt in the nested set


@dataclass(frozen=True, slots=True)
class Actor:
    """Who stands behind a request: `name` goes into the audit; `door` is http, cli or seed; `scope` is the
    id of the division whose subtree they act in, None for the whole registry; `departments` those for which
    they report, None for all."""

    name: str
    role: str
    door: str
    scope: int | None = None
    departments: frozenset[str] | None = None

    @property
    def post(self) -> str:
        """The token's label, also of a person on the server who works `--as` it."""
        return self.name.rpartition(" as ")[2]


ANONYMOUS = Actor("anonymous", "public", "http")
SEED = Actor("seed", "admin", "seed")


def can(actor: Actor, action: str | None, old: int | None = None, new: int | None = None) -> bool:
    """Whether the actor may do this to what stands in the division `old` and will stand in `new` (ids; None:
    there is none, or the action is about no division); no action: to be somebody is enough. A query a
    division, none for the whole registry."""
    if action is None:
        return actor is not ANONYMOUS
    if action not in ALLOWED[actor.role] or (actor.scope is not None and action in WHOLE):
        return False
    return all(in_scope(actor, division_id) for division_id in (old, new) if division_id is not None)


def keeps_registry(actor: Actor) -> bool:
    """Whether the actor answers for the whole registry: nobody has to look at what they enter."""
    return actor.scope is None and actor.role == "admin"


def in_scope(actor: Actor, division_id: int) -> bool:
    if actor.scope is None:
        return True
    return bool(
        db.query(
            "SELECT 1 FROM division s JOIN division d ON d.lft BETWEEN s.lft AND s.rgt WHERE s.id = ? AND d.id = ?",
            (actor.scope, division_id),
        )
    )


def ids_in_scope(actor: Actor) -> frozenset[int] | None:
    """The divisions in which the actor acts; None: all of them. One query."""
    if actor.scope is None:
        return None
    rows = db.query(
        "SELECT d.id FROM division s JOIN division d ON d.lft BETWEEN s.lft AND s.rgt WHERE s.id = ?",
        (actor.scope,),
    )
    return frozenset(row[0] for row in rows)


def narrowed(actor: Actor, spans: Sequence[Span]) -> Sequence[Span]:
    """The spans of the division tree that are asked for, none of them: the actor's own; ForbiddenError when
    one is not theirs. A query where the actor has a scope."""
    if actor.scope is None:
        return spans
    [(lft, rgt)] = db.query("SELECT lft, rgt FROM division WHERE id = ?", (actor.scope,))
    if any(start < lft or end > rgt for start, end in spans):
        raise _outside(actor)
    return spans or [(lft, rgt)]


def _outside(actor: Actor) -> ForbiddenError:
    [(own,)] = db.query("SELECT name FROM division WHERE id = ?", (actor.scope,))
    return ForbiddenError(f"这里不在“{actor.name}”的范围（{own}）内", "out_of_scope")


def require(actor: Actor, action: str | None, old: int | None = None, new: int | None = None) -> None:
    """Raise UnauthenticatedError or ForbiddenError unless the actor may: see `can`."""
    if can(actor, action, old, new):
        return
    if actor is ANONYMOUS:
        raise UnauthenticatedError("这个操作需要令牌；请先运行 servicemap-admin login，或在服务器上操作")
    if action in ALLOWED[actor.role] and action not in WHOLE:
        raise _outside(actor)
    raise ForbiddenError(f"“{actor.name}”没有这项权限")
