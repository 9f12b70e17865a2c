"""What a family may mean while it types: types, divisions, places."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from servicemap import db, divisions, keys, text
from servicemap.divisions import Step, rank
from servicemap.facility_types import Kind, Kinds
from servicemap.finder.listing import BY_DIVISION
from servicemap.finder.sayings import FILLER, sayings, without_ages
from servicemap.finder.words import (
    MOST_IN_FRONT,
    code_in,
    inside,
    literal_ids,
    place_in_front,
    places_of,
    read,
    score,
    type_keys,
    types_holding,
    types_of,
)
from servicemap.records import public_code
from servicemap.text import Alternatives

FEW = 1000  # places that are all looked at and ranked
SOME = 300  # of more: how many of those that begin with the word, and of the others
WALKED = 20_000  # places of a division that are tried in turn

Span = tuple[int, int]  # lft BETWEEN


@dataclass(frozen=True, slots=True)
class SuggestedType:
    """`matched`: the name or everyday name in which the word stands."""

    kind: Kind
    matched: str


@dataclass(frozen=True, slots=True)
class SuggestedPlace:
    """A facility, with the division path that may be shown."""

    code: str
    name: str
    path: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """`ignored`: the typed characters that were of no use."""

    types: list[SuggestedType]
    divisions: list[tuple[Step, ...]]
    facilities: list[SuggestedPlace]
    ignored: tuple[str, ...]


def suggest(q: str, kinds: Kinds, today: date, *, limit: int, within: Sequence[Span] = ()) -> Suggestions:
    """At most `limit` of each; what begins with the last word first. Words before it that name divisions
    say where. `within`: only divisions and places there. Ten queries or so, none of which sorts many hits."""
    spans = list(within)
    if facility_id := code_in(q):
        return Suggestions([], [], _shown(_open(f"({facility_id})", (), spans)), ())
    plain, ages = without_ages(q)
    typed_words, unused = text.words(plain, typed=True)
    ignored = ages + unused
    all_words = _without_fillers(typed_words, kinds)
    if not all_words:
        return Suggestions([], [], [], ignored)
    *before, typed = all_words
    named = read(" ".join(before), kinds).places
    types = _types(typed, kinds, limit)
    for _ in range(MOST_IN_FRONT):  # 英德市沙口镇托
        if types or places_of(typed):
            break
        front, rest = place_in_front(typed, typed=True)
        inner, fits = inside(named, front) if front else (named, False)
        if not fits:
            break
        named, typed = inner, _without_fillers([rest], kinds)[0]
        types = _types(typed, kinds, limit)
    narrowed = _common(spans, [(place.lft, place.rgt) for place in named])
    wanted = [word for word in before if not places_of(word)] + [typed] if named else list(all_words)
    places = _facilities(wanted, narrowed, limit) if narrowed is not None else []
    if named and len(places) < limit:  # 英德 may also stand in names and addresses
        known = {place.code for place in places}
        more = _facilities(all_words, spans, limit)
        places += [place for place in more if place.code not in known][: limit - len(places)]
    found = _divisions(typed, narrowed, today, limit) if narrowed is not None else []
    return Suggestions(types, found, places, ignored)


def _without_fillers(typed: Sequence[str], kinds: Kinds) -> list[str]:
    """The words without 附近 and 我要找; the last one is left alone where it is all that was typed, or a name
    has it as it stands."""
    said = sayings(kinds)
    *before, last = typed or ("",)
    kept = [word for word in before if said.meanings.get(word) != FILLER]
    rest, fillers = said.peeled(last, partial(types_of, kinds=kinds), only=FILLER)
    if fillers and (not (rest or kept) or literal_ids((last,), cap=0, typed=True) is None):
        rest = last
    return [*kept, rest] if rest else kept


def _common(spans: list[Span], others: list[Span]) -> list[Span] | None:
    """The spans of both (of nested sets: the inner ones); [] is everywhere, None nowhere."""
    if not spans or not others:
        return spans or others
    both = [max(a, b) for a in spans for b in others if a[0] <= b[0] <= a[1] or b[0] <= a[0] <= b[1]]
    return list(dict.fromkeys(both)) or None


def _types(word: str, kinds: Kinds, limit: int) -> list[SuggestedType]:
    ways = text.phrases(word, typed=True)
    first = text.beginning(ways)
    known = type_keys(kinds)
    found = [(not text.holds(known[id_], first), id_) for id_ in types_holding(ways, kinds)]
    return [
        SuggestedType(kinds.by_id[id_], _matched(kinds.by_id[id_], word)) for _, id_ in sorted(found)[:limit]
    ]


def _matched(kind: Kind, word: str) -> str:
    names = (kind.name, *kind.aliases, kind.name_en)
    return next((name for name in names if word in text.folded(name)), kind.name)


def _divisions(word: str, spans: list[Span], today: date, limit: int) -> list[tuple[Step, ...]]:
    ways = text.phrases(word, typed=True)
    sql, values = _standing(spans, "d")
    day = today.isoformat()
    found: dict[int, tuple[int, int, str]] = {}
    called = {place.id for place in places_of(word)}
    for tier, asked in enumerate((text.beginning(ways), ways), 1):
        if len(found) < limit:
            rows = db.query(
                f"SELECT d.id, d.level, d.code FROM (SELECT found.id FROM {keys.matching('division_key')}"
                f" LIMIT {FEW}) few JOIN division d ON d.id = few.id"
                f" WHERE (d.valid_from IS NULL OR d.valid_from <= ?) AND (d.valid_to IS NULL OR d.valid_to > ?)"
                f"{sql} LIMIT {SOME}",
                (keys.expression([asked]), day, day, *values),
            )
            for id_, level, code in rows:
                found.setdefault(id_, (0 if id_ in called else tier, rank(level), code))
    best = sorted(found, key=found.__getitem__)[:limit]
    paths = divisions.paths(best)
    return [paths[id_] for id_ in best]


def _standing(spans: Sequence[Span], alias: str) -> tuple[str, list[int]]:
    """(a condition on a division that it lies in one of the spans, or '' for everywhere; its values)."""
    if not spans:
        return "", []
    sql = " OR ".join(f"{alias}.lft BETWEEN ? AND ?" for _ in spans)
    return f" AND ({sql})", [end for span in spans for end in span]


def _facilities(words: Sequence[str], spans: list[Span], limit: int) -> list[SuggestedPlace]:
    """Open places whose keys hold all the words, in one of the spans ([]: anywhere), best first."""
    ids = literal_ids(words, cap=FEW, typed=True)
    ways = [text.phrases(word, typed=word == words[-1]) for word in words]
    rows: list[Any] = []
    if ids is not None:
        rows = _open(f"({', '.join(map(str, ids)) or 'NULL'})", (), spans)
    elif spans:
        rows = _walked(ways, spans)
    else:
        for asked in ([text.beginning(ways[0]), *ways[1:]], ways):
            if len(rows) < limit:
                some = f"(SELECT found.id FROM {keys.matching('search_key')} LIMIT {SOME})"
                rows += _open(some, (keys.expression(asked),), spans)
    best = sorted(set(rows), key=lambda row: (score(row[3], words), len(row[1]), row[0]))[:limit]
    return _shown(best)


def _shown(rows: Sequence[Any]) -> list[SuggestedPlace]:
    paths = divisions.paths({row[2] for row in rows})
    return [SuggestedPlace(public_code(id_), name, paths[division]) for id_, name, division, _ in rows]


def _open(ids: str, values: Sequence[Any], spans: Sequence[Span]) -> list[Any]:
    """(id, name, division that may be shown, key) of those of the ids that are open."""
    sql, ends = _standing(spans, "d")
    return db.query(
        "SELECT l.facility_id, f.name, l.division_id, k.ch FROM list_row l"
        " JOIN facility f ON f.id = l.facility_id JOIN search_key k ON k.facility_id = l.facility_id"
        f" JOIN division d ON d.id = l.division_id WHERE l.type_id = 0 AND l.offer = 0 AND l.facility_id IN {ids}{sql}",
        (*values, *ends),
    )


def _walked(ways: Sequence[Alternatives], spans: Sequence[Span]) -> list[Any]:
    """The same of a common word in a division: tried in turn there, as the index would give all others first."""
    sql, ends = _standing(spans, "d")
    contains, values = keys.contains(ways, "k")
    forced = f" INDEXED BY {BY_DIVISION}" if db.is_sqlite() else ""
    return db.query(
        "SELECT l.facility_id, f.name, l.division_id, k.ch FROM (SELECT l.facility_id, l.division_id"
        f" FROM division d CROSS JOIN list_row l{forced}"
        f" WHERE l.type_id = 0 AND l.offer = 0 AND l.division_id = d.id{sql} LIMIT {WALKED}) l JOIN search_key k ON k.facility_id = l.facility_id"
        f" JOIN facility f ON f.id = l.facility_id WHERE {contains} LIMIT {SOME}",
        (*ends, *values),
    )
