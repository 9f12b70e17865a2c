"""类型: the kinds of place that the registry knows, as data."""

import difflib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from servicemap import db, text
from servicemap.audit import Log, State, diff, head_hash
from servicemap.errors import NotFoundError
from servicemap.models import FacilityType, TypeKey

PROTECTION = "protection"  # the topic whose answers begin with the hotlines


@dataclass(frozen=True, slots=True)
class Kind:
    """A facility type: `level` says whom it serves by default, `clauses` why it is counted."""

    id: int
    key: str
    name: str
    name_en: str
    level: str
    clauses: tuple[str, ...]
    aliases: tuple[str, ...]
    topic: str | None = None


class Kinds:
    """All types of the registry at one moment, found by id, key, name or everyday name."""

    def __init__(self) -> None:
        rows: Any = FacilityType.select().order_by(FacilityType.id).tuples()
        self.all = [
            Kind(
                id_, key, name, name_en, level, tuple(json.loads(clauses)), tuple(json.loads(aliases)), topic
            )
            for id_, key, name, name_en, level, clauses, aliases, topic in rows
        ]
        self.by_id = {kind.id: kind for kind in self.all}
        self._by_word: dict[str, Kind] = {}
        for kind in self.all:
            for word in (kind.key, kind.name, kind.name_en.lower(), *kind.aliases):
                self._by_word.setdefault(word, kind)

    def find(self, word: str) -> Kind | None:
        return self._by_word.get(word) or self._by_word.get(word.lower())

    def get(self, word: str) -> Kind:
        kind = self.find(word)
        if kind is None:
            near = self.near(word)
            raise NotFoundError(
                f"没有“{word}”这个类型" + (f"；是不是“{near}”？" if near else ""), "type_not_found"
            )
        return kind

    def near(self, word: str) -> str | None:
        """The known name most like the word, or None when none is."""
        close = difflib.get_close_matches(word, list(self._by_word), n=1, cutoff=0.5)
        return self._by_word[close[0]].name if close else None


def known_kinds(version: State | None = None) -> Kinds:
    """All types, read anew only after a change; for readers, outside a write transaction. `version` of the
    registry, where it is known already. One query."""
    return _kinds(version.hash if version else head_hash())


@lru_cache(maxsize=1)
def _kinds(version: str) -> Kinds:
    return Kinds()


def set_type(log: Log, kind: Kind) -> bool:
    """Create or change a type (matched by id); False when it is there already."""
    fields: dict[str, Any] = {
        "key": kind.key,
        "name": kind.name,
        "name_en": kind.name_en,
        "level": kind.level,
        "clauses": json.dumps(kind.clauses, ensure_ascii=False),
        "aliases": json.dumps(kind.aliases, ensure_ascii=False),
        "topic": kind.topic,
    }
    old = FacilityType.get_or_none(FacilityType.id == kind.id)
    changed = diff({field: getattr(old, field) for field in fields} if old else {}, fields)
    if not changed:
        return False
    if old:
        FacilityType.update(**fields).where(FacilityType.id == kind.id).execute()
        if changed.keys() & {
            "key",
            "name",
            "level",
        }:  # its places say so: registry.roll_over writes them anew
            db.execute(
                "UPDATE card SET fresh_until = '1900-01-01' WHERE facility_id IN"
                " (SELECT facility_id FROM role WHERE type_id = ?)",
                (kind.id,),
            )
    else:
        FacilityType.create(id=kind.id, **fields)
    TypeKey.delete().where(TypeKey.type == kind.id).execute()
    write_keys()
    log.record_change("facility_type", kind.key, "update" if old else "create", changed)
    return True


def write_keys() -> None:
    """Give a search key to every type that has none: new, changed, or older than the index; inside a write
    transaction."""
    keyed = {type_id for (type_id,) in db.query("SELECT type_id FROM type_key")}
    for kind in Kinds().all:
        if kind.id not in keyed:
            key = text.key_of(kind.name, *kind.aliases, kind.name_en)
            TypeKey.create(type=kind.id, ch=key.ch, py=key.py, ini=key.ini)
