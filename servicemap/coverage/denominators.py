"""分母名录: the lists that shares are measured against, each an edition with its source and 文号, replaced by file."""

from collections.abc import Sequence
from typing import Any

from servicemap import db, divisions
from servicemap.access import MANAGE_INDICATORS, Actor, require
from servicemap.audit import Log, diff, write_txn
from servicemap.errors import InvalidError, Problem, RegistryError
from servicemap.models import DenominatorList, DenominatorMember


def list_denominator_lists() -> list[dict[str, Any]]:
    """key, edition, source, document_no and the number of `members` of each list, by key. One query."""
    names = ("key", "edition", "source", "document_no", "members")
    rows = db.query(
        "SELECT l.key, l.edition, l.source, l.document_no, (SELECT COUNT(*) FROM denominator_member m"
        " WHERE m.list_id = l.key) FROM denominator_list l ORDER BY l.key"
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def known_lists() -> set[str]:
    return {row.key for row in DenominatorList.select(DenominatorList.key)}


def replace_list(
    actor: Actor, key: str, edition: str, source: str, document_no: str | None, divisions: Sequence[str]
) -> dict[str, Any]:
    """Replace a list that an indicator is measured against, or add one; as list_denominator_lists has it then.
    InvalidError names every code that is no division or stands twice."""
    require(actor, MANAGE_INDICATORS)
    with write_txn(actor) as log:
        set_denominator_list(log, key, edition, source, document_no, _ids(divisions))
    [item] = [each for each in list_denominator_lists() if each["key"] == key]
    return item


def _ids(codes: Sequence[str]) -> list[int]:
    found: dict[int, str] = {}
    problems = []
    for number, code in enumerate(codes, 1):
        try:
            id_ = divisions.get(code).id
        except RegistryError as error:
            problems.append(Problem("division_not_found", error.detail, field="divisions", value=code))
            continue
        if id_ in found:
            problems.append(
                Problem("division_twice", f"第 {number} 个又是 {found[id_]}", field="divisions", value=code)
            )
        found[id_] = code
    if problems:
        raise InvalidError(f"{len(problems)} 个代码不对，什么都没有改", "bad_divisions", problems[:100])
    return list(found)


def set_denominator_list(
    log: Log, key: str, edition: str, source: str, document_no: str | None = None, members: Any = ()
) -> bool:
    """Create or replace a denominator list; False when it is there already. Without members it means
    every division of the tree that fits the definition; `members` are division ids."""
    fields = {"edition": edition, "source": source, "document_no": document_no}
    old = DenominatorList.get_or_none(DenominatorList.key == key)
    rows: Any = DenominatorMember.select().where(DenominatorMember.list == key)
    kept = [row.division_id for row in rows]
    before = {**{name: getattr(old, name) for name in fields}, "members": sorted(kept)} if old else {}
    changed = diff(before, {**fields, "members": sorted(members)})
    if not changed:
        return False
    if old:
        DenominatorList.update(**fields).where(DenominatorList.key == key).execute()
    else:
        DenominatorList.create(key=key, **fields)
    DenominatorMember.delete().where(DenominatorMember.list == key).execute()
    for division_id in members:
        DenominatorMember.create(list=key, division=division_id)
    log.record_change("denominator_list", key, "update" if old else "create", changed)
    return True
