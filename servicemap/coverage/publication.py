"""公布: a snapshot is frozen, approved by another post, published, and maybe replaced or retracted.

For everybody stands one version a period and division; what stood before stays readable by its number, of a
retracted one only that it was and why it is no more.
"""

from datetime import date
from typing import Any

from servicemap.access import APPROVE, PUBLISH, Actor, require
from servicemap.audit import Log
from servicemap.coverage import snapshots
from servicemap.coverage.content import PUBLIC_LEVELS, canonical
from servicemap.coverage.periods import period_of
from servicemap.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from servicemap.models import SnapshotStep
from servicemap.replays import keep, once

WORDS = {
    "frozen": "已冻结",
    "approved": "已批准",
    "published": "已公布",
    "replaced": "被代替",
    "retracted": "已撤回",
}
BEFORE = {"approved": ("frozen",), "published": ("approved",), "retracted": ("published", "replaced")}
ACTIONS = {"approved": APPROVE, "published": PUBLISH, "retracted": PUBLISH}


def approve(actor: Actor, number: int, today: date, *, key: str | None = None) -> dict[str, Any]:
    """By another post than froze it (ForbiddenError); the snapshot's facts as they are then."""
    return _step(actor, number, "approved", today, None, key)


def publish(actor: Actor, number: int, today: date, *, key: str | None = None) -> dict[str, Any]:
    """From now on everybody reads it; an older version that stood is replaced. ConflictError where a newer one
    stands, InvalidError for a division below the county: its figures could tell of a single place."""
    return _step(actor, number, "published", today, None, key)


def retract(actor: Actor, number: int, today: date, reason: str, *, key: str | None = None) -> dict[str, Any]:
    """Its figures are shown to nobody any more; that it was, and the reason, stay."""
    if not reason.strip():
        raise InvalidError("撤回要说明原因，公众看得到", "reason_required")
    return _step(actor, number, "retracted", today, reason, key)


def _step(
    actor: Actor, number: int, state: str, today: date, reason: str | None, key: str | None
) -> dict[str, Any]:
    """One transaction; who comes second sees what the first did. ConflictError where it is not its turn."""
    with once(actor, key, [state, number, reason]) as (log, kept):
        if kept:
            return kept
        facts = snapshots.find(number)
        require(actor, ACTIONS[state], facts["division_id"])
        if facts["state"] not in BEFORE[state]:
            before = "或".join(WORDS[word] for word in BEFORE[state])
            raise ConflictError(
                f"第 {number} 号{WORDS[facts['state']]}；{before}的才能成为{WORDS[state]}", "wrong_state"
            )
        if state == "approved" and facts["made_by"] == actor.post:
            raise ForbiddenError("自己冻结的要由别的岗位批准", "own_snapshot")
        if state == "published":
            _replace(log, facts, today)
        _write(log, facts, state, today, reason)
        answer = snapshots.find(number)
        keep(actor, key, [state, number, reason], answer)
        return answer


def _replace(log: Log, facts: dict[str, Any], today: date) -> None:
    """The version that stood until now is replaced."""
    if facts["level"] not in PUBLIC_LEVELS:
        raise InvalidError(f"{facts['division_name']}的不公布；公布县（市、区）以上的", "not_for_publication")
    same = "s.period = ? AND s.division_id = ?"
    for other in snapshots.find_all(same, (facts["period"], facts["division_id"])):
        if other["state"] != "published":
            continue
        if other["version"] > facts["version"]:
            raise ConflictError(
                f"已公布更新的第 {other['version']} 版；要回到第 {facts['version']} 版，请先撤回它",
                "newer_published",
            )
        _write(log, other, "replaced", today, f"由第 {facts['version']} 版代替")


def _write(log: Log, facts: dict[str, Any], state: str, today: date, reason: str | None) -> None:
    SnapshotStep.create(
        snapshot=facts["number"], state=state, done_on=today, done_by=log.actor.post, reason=reason
    )
    said = {"reason": [None, reason]} if reason else {}
    log.record_change("snapshot", str(facts["number"]), state, {"state": [facts["state"], state], **said})


# For everybody


def list_published() -> list[dict[str, Any]]:
    """What everybody may know of all that was ever published, by period, division and version. Two queries."""
    return [_public(facts) for facts in snapshots.find_all(_EVER)]


_EVER = "EXISTS (SELECT 1 FROM snapshot_step p WHERE p.snapshot_id = s.id AND p.state = 'published')"


def get_published(period: str, division_id: int | None, version: int | None) -> tuple[dict[str, Any], bytes]:
    """(facts, the frozen content for everybody) of the version that stands, or of this version; without a
    division of the highest that has one. A retracted one, or the last where none stands, has no figures.
    NotFoundError where none was ever published.
    """
    found = snapshots.find_all(f"{_EVER} AND s.period = ?", (period,))
    if division_id is not None:
        found = [facts for facts in found if facts["division_id"] == division_id]
    found = [facts for facts in found if facts["division_id"] == found[0]["division_id"]]
    if version is not None:
        found = [facts for facts in found if facts["version"] == version]
    if not found:
        raise NotFoundError(
            "还没有公布这一期的监测结果；已公布的见 GET /api/v1/coverage/published", "not_published"
        )
    facts = max(found, key=lambda facts: (facts["state"] == "published", facts["version"]))
    if facts["state"] == "retracted":
        named = {"code": facts["division"], "name": facts["division_name"], "level": facts["level"]}
        nothing = {"division": named, "on": facts["on"], "indicators": [], "rows": []}
        return _public(facts), canonical(nothing)
    return _public(facts), snapshots.content_bytes(facts["number"], public=True)


def _public(facts: dict[str, Any]) -> dict[str, Any]:
    """Neither who nor the anchor, nor the hash of what only the office sees: from them and the public figures
    one could try out what is hidden."""
    days = {step["state"]: step for step in facts["steps"]}
    retracted = days.get("retracted", {})
    return {
        **{name: facts[name] for name in ("division", "division_name", "version", "on", "replaced_by")},
        "period": period_of(facts["period"]),
        "state": facts["state"],
        "state_name": WORDS[facts["state"]],
        "published_on": days["published"]["on"],
        "retracted_on": retracted.get("on"),
        "reason": retracted.get("reason"),
        "sha256": facts["public_sha256"],
    }


def published_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """What completes a published content: its facts, and empty what everybody isn't told."""
    named = {name: value for name, value in facts.items() if name not in ("division", "division_name", "on")}
    hidden: dict[str, Any] = {"gaps": [], "reach": [], "outlook": [], "evidence": {}}
    return {**named, "made_at": None, "anchor": None, **hidden}
