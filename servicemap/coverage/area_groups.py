"""区划组 as data: which divisions the plan wants looked at together (民族自治县), beside all the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicemap import divisions
from servicemap.audit import Log, diff
from servicemap.models import AreaGroup, AreaMember


@dataclass(frozen=True, slots=True)
class Group:
    """`members` are division ids, of whatever day."""

    key: str
    name: str
    source: str
    members: frozenset[int]


def list_area_groups() -> list[Group]:
    """All groups by key. Two queries."""
    members: dict[str, set[int]] = {}
    for row in AreaMember.select():
        members.setdefault(row.group_id, set()).add(row.division_id)
    return [
        Group(row.key, row.name, row.source, frozenset(members.get(row.key, ())))
        for row in AreaGroup.select().order_by(AreaGroup.key)
    ]


def set_area_group(log: Log, key: str, name: str, source: str, members: Sequence[str]) -> bool:
    """Create or replace a group of the divisions with these codes; False when it is there already.
    NotFoundError for a code that is not in the list of divisions."""
    ids = sorted(divisions.get(code).id for code in members)
    said = {"name": name, "source": source}
    old = AreaGroup.get_or_none(AreaGroup.key == key)
    rows = AreaMember.select().where(AreaMember.group == key)
    kept = sorted(row.division_id for row in rows)
    before = {**{word: getattr(old, word) for word in said}, "members": kept} if old else {}
    changed = diff(before, {**said, "members": ids})
    if not changed:
        return False
    if old:
        AreaGroup.update(**said).where(AreaGroup.key == key).execute()
    else:
        AreaGroup.create(key=key, **said)
    AreaMember.delete().where(AreaMember.group == key).execute()
    for id_ in ids:
        AreaMember.create(group=key, division=id_)
    log.record_change("area_group", key, "update" if old else "create", changed)
    return True
