"""监测快照: the figures of a period as they were known when they were frozen; nothing moves them afterwards.

What is hashed is the content as canonical JSON, and nothing of the clock is in it but the day that it counts:
the same registry and day give the same bytes in every process and on both engines. What differs from one
freezing to the next (BESIDE) stands in the row beside it.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from servicemap import audit, db, divisions, registry
from servicemap.access import (
    READ_LIVE_COVERAGE,
    VERIFY_AUDIT,
    Actor,
    ids_in_scope,
    require,
)
from servicemap.coverage.periods import period_of
from servicemap.errors import NotFoundError, UnavailableError
from servicemap.models import SNAPSHOT_STEPS, Division

Content = dict[str, Any]

BESIDE = ("period", "version", "made_at", "anchor", "demo")
STATES = ("frozen", *SNAPSHOT_STEPS)
TOLD = ("period", "division", "version", "on", "sha256", "public_sha256", "anchor", "reason")  # the audit
ANCHOR = re.compile(r"([1-9][0-9]{0,14}):([0-9a-f]{64})").fullmatch
NO_ANCHOR = "0:"  # of a registry without changes
COLUMNS = (
    "s.id, s.period, s.division_id, d.padded_code, s.division_name, d.level, s.version, s.as_of_on, s.made_at,"
    " s.made_by, s.reason, s.anchor, s.sha256, s.public_sha256"
)
NAMES = (
    *("number", "period", "division_id", "division", "division_name", "level", "version", "on", "made_at"),
    *("made_by", "reason", "anchor", "sha256", "public_sha256"),
)


# Reading


def find_all(where: str = "1 = 1", params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The facts of snapshots, by period, division and version: NAMES, `state`, `steps` [{state, on, by, reason}]
    and, of those that no longer stand, `replaced_by`: the version that does. Two queries."""
    rows = db.query(
        f"SELECT {COLUMNS} FROM snapshot s JOIN division d ON d.id = s.division_id WHERE {where}"
        " ORDER BY s.period, d.lft, s.division_id, s.version",
        params,
    )
    found = [
        dict(zip(NAMES, row, strict=True)) | {"state": "frozen", "steps": [], "replaced_by": None}
        for row in rows
    ]
    by_number = {facts["number"]: facts for facts in found}
    sql = (
        "SELECT t.snapshot_id, t.state, t.done_on, t.done_by, t.reason FROM snapshot_step t JOIN snapshot s"
        f" ON s.id = t.snapshot_id JOIN division d ON d.id = s.division_id WHERE {where}"
    )
    steps = sorted(db.query(sql, params), key=lambda step: STATES.index(step[1]))
    for number, state, on, by, reason in steps:
        step = {"state": state, "on": str(db.day(on)), "by": by, "reason": reason}
        by_number[number]["steps"].append(step)
        by_number[number]["state"] = state
    stands = {
        (facts["period"], facts["division_id"]): facts["version"]
        for facts in found
        if facts["state"] == "published"
    }
    for facts in found:
        facts["on"] = str(db.day(facts["on"]))
        facts["period_name"] = period_of(facts["period"])["name"]
        if facts["state"] in ("replaced", "retracted"):
            facts["replaced_by"] = stands.get((facts["period"], facts["division_id"]))
    return found


def find(number: int) -> dict[str, Any]:
    """The facts of one, with its siblings looked at for `replaced_by`; NotFoundError."""
    siblings = "(s.period, s.division_id) = (SELECT o.period, o.division_id FROM snapshot o WHERE o.id = ?)"
    for facts in find_all(siblings, (number,)):
        if facts["number"] == number:
            return facts
    raise NotFoundError(f"没有第 {number} 号快照；号见 snapshot list", "snapshot_not_found")


def get(actor: Actor, number: int) -> dict[str, Any]:
    """As find, for who may see the division's figures; else ForbiddenError."""
    facts = find(number)
    require(actor, READ_LIVE_COVERAGE, facts["division_id"])
    return facts


def list_snapshots(actor: Actor, division: Division | None, period: str | None) -> list[dict[str, Any]]:
    """The facts of those in the actor's scope, of this division and period where they are given."""
    scope = ids_in_scope(actor)
    if division is not None:
        require(actor, READ_LIVE_COVERAGE, division.id)
        found = find_all("s.division_id = ?", (division.id,))
    else:
        found = find_all()
    return [
        facts
        for facts in found
        if (period is None or facts["period"] == period) and (scope is None or facts["division_id"] in scope)
    ]


def content_bytes(number: int, *, public: bool = False) -> bytes:
    """The frozen canonical JSON; `public`: that for everybody. UnavailableError where the bytes are not those
    that were frozen: a figure that was tampered with is shown to nobody."""
    columns = "public_content, public_sha256" if public else "content, sha256"
    [(packed, sha256)] = db.query(f"SELECT {columns} FROM snapshot WHERE id = ?", (number,))
    with suppress(zlib.error, TypeError):
        content = zlib.decompress(packed)
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
    raise UnavailableError(
        f"第 {number} 号快照的内容和冻结时不同；请运行 snapshot verify，并从备份恢复", "broken_snapshot"
    )


def beside(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What completes a frozen content, but for `demo`."""
    return {
        "period": period_of(facts["period"]),
        **{name: facts[name] for name in ("version", "made_at", "anchor")},
    }


def content_of(facts: Mapping[str, Any]) -> Content:
    """The whole frozen content, as a live one reads."""
    frozen = json.loads(content_bytes(facts["number"]))
    return {**frozen, **beside(facts), "demo": registry.is_demo()}


def rows_of_year(division_id: int, year: int) -> list[dict[str, Any]]:
    """The rows of the last version of the division's annual snapshot of that year; empty where there is none."""
    found = find_all("s.division_id = ? AND s.period = ?", (division_id, str(year)))
    known = [facts for facts in found if facts["state"] != "retracted"]
    return content_of(known[-1])["rows"] if known else []


def annual_rows(root: Division, before: int) -> dict[int, list[dict[str, Any]]]:
    """The rows of the years before, as they were last frozen for the division, else for the nearest above it."""
    found: dict[int, list[dict[str, Any]]] = {}
    for each in reversed(divisions.paths([root.id])[root.id]):
        own = {
            int(facts["period"]): facts
            for facts in find_all(
                "s.division_id = (SELECT id FROM division WHERE padded_code = ?)", (each.code,)
            )
            if facts["state"] != "retracted" and period_of(facts["period"])["kind"] == "annual"
        }
        for year, facts in own.items():
            if year < before and year not in found:
                found[year] = content_of(facts)["rows"]
    return found


# Verifying


def verify(actor: Actor) -> list[dict[str, Any]]:
    """Recompute every hash in the actor's scope: number, period, division, version and `problems` (codes) each.

    content, public: the bytes don't have the hash; audit: not what the audit says was frozen; anchor: the
    chain no longer holds the registry that it was made from.
    """
    require(actor, VERIFY_AUDIT)
    names = ("number", "period", "division", "division_name", "version")
    return [
        {**{name: facts[name] for name in names}, "problems": _problems(facts)}
        for facts in list_snapshots(actor, None, None)
    ]


def _problems(facts: Mapping[str, Any]) -> list[str]:
    problems = []
    for code, public in (("content", False), ("public", True)):
        try:
            content_bytes(facts["number"], public=public)
        except UnavailableError:
            problems.append(code)
    sql = "SELECT diff FROM change WHERE noun = 'snapshot' AND key = ? AND action = 'freeze'"
    said = [json.loads(diff) for (diff,) in db.query(sql, (str(facts["number"]),))]
    if said != [{name: [None, facts[name]] for name in TOLD}]:
        problems.append("audit")
    if not (found := ANCHOR(facts["anchor"])) or audit.lost([audit.Anchor(int(found[1]), found[2])]):
        problems += [] if facts["anchor"] == NO_ANCHOR else ["anchor"]
    return problems
