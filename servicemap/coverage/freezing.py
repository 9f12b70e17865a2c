"""冻结: the figures of a period become its next version, and never move again."""

import hashlib
import json
import zlib
from datetime import date
from typing import Any

from servicemap import audit, db
from servicemap.access import ASSESS, MONITOR, Actor, require
from servicemap.coverage.content import canonical, content, for_everybody
from servicemap.coverage.periods import period_of
from servicemap.coverage.snapshots import TOLD, find
from servicemap.errors import InvalidError
from servicemap.models import Division, Snapshot
from servicemap.replays import keep, once


def freeze(
    actor: Actor,
    period_key: str,
    root: Division,
    on: date,
    reason: str | None,
    *,
    today: date,
    key: str | None = None,
) -> dict[str, Any]:
    """Freeze the division's figures of the day as the period's next version; its facts (see snapshots.find_all).

    Other writers wait meanwhile, so that the figures are those of the anchor. InvalidError for a day to come
    or outside the period's year; `key` is an Idempotency-Key.
    """
    period = period_of(period_key)
    require(actor, MONITOR if period["kind"] == "annual" else ASSESS, root.id)
    if on.year != period["year"]:
        raise InvalidError(f"{period['name']}的截止日应在 {period['year']} 年内，不是 {on}", "not_in_period")
    if on > today:
        raise InvalidError(f"{on} 还没有到；要提前冻结，请用 --on（on）写明截至哪一天", "future_day")
    with once(actor, key, [period_key, root.padded_code, on, reason]) as (log, kept):
        if kept:
            return kept
        anchor = str(audit.head())
        whole = canonical(content(root, on))
        public = canonical(for_everybody(content(root, on, public=True)))
        sql = "SELECT COALESCE(MAX(version), 0) FROM snapshot WHERE division_id = ? AND period = ?"
        [(last,)] = db.query(sql, (root.id, period_key))
        made = Snapshot.create(
            period=period_key,
            division=root,
            division_name=json.loads(whole)["division"]["name"],
            version=last + 1,
            as_of_on=on,
            content=zlib.compress(whole),
            sha256=hashlib.sha256(whole).hexdigest(),
            public_content=zlib.compress(public),
            public_sha256=hashlib.sha256(public).hexdigest(),
            made_at=audit.now_text(),
            made_by=actor.post,
            reason=reason,
            anchor=anchor,
        )
        answer = find(made.id)
        log.record_change("snapshot", str(made.id), "freeze", {name: [None, answer[name]] for name in TOLD})
        keep(actor, key, [period_key, root.padded_code, on, reason], answer)
        return answer
