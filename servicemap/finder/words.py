"""What the words of a query mean, and the places whose keys contain them.

The text index, `contains_sql` inside another query and text.holds give the same answer.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from servicemap import db, keys, text
from servicemap.facility_types import PROTECTION, Kinds
from servicemap.finder.sayings import FILTERS, TYPE_ONLY, sayings, without_ages
from servicemap.records import parse_code
from servicemap.text import EDGE, REST, Alternatives, Key, Phrase, Standing

MOST_PLACES = 50  # divisions of one name; more of them mean nothing
LONGEST_PLACE = 14  # characters of a division's name in front of something else
MOST_IN_FRONT = 4  # divisions in front of something else, one within the other: 清远市英德市沙口镇田心村


@dataclass(frozen=True, slots=True)
class Place:
    """A division that a word names; what stands in it has a division whose lft is BETWEEN lft AND rgt."""

    id: int
    code: str
    name: str
    lft: int
    rgt: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A query read: of `types` (None: of any) AND in one of `places` (none: anywhere) AND with all `filters`
    (free, inclusive, registered) AND its key contains every one of `free`; or its key contains every one of
    `words`, the whole query (none: that is not asked). `ignored` are the characters and ages that were of no
    use; `protection`: somebody may need the hotlines. `facility_id`: the query is the code of this place."""

    types: tuple[int, ...] | None
    places: tuple[Place, ...]
    free: tuple[str, ...]
    words: tuple[str, ...]
    ignored: tuple[str, ...]
    filters: tuple[str, ...] = ()
    protection: bool = False
    facility_id: int | None = None


def read(q: str, kinds: Kinds) -> Reading:
    """Read a query. A look-up of divisions a word, of a compound one a prefix: 0.1 ms each.

    Several types: those that all the words mean, or where there are none (图书馆 博物馆) those that any does.
    Several places: the ones inside the others; a word whose places fit nowhere is free text.
    """
    if facility_id := code_in(q):
        return Reading(None, (), (), (), (), facility_id=facility_id)
    plain, ages = without_ages(q)
    all_words, ignored = text.words(plain)
    said = sayings(kinds)
    types: set[int] = set()
    helping: set[int] = set()  # of a call for protection: where to go, whatever else is said
    places: tuple[Place, ...] = ()
    free: list[str] = []
    meanings: set[str] = set()
    for word in all_words:
        meant = _meaning(word, kinds)
        free += meant.free
        meanings |= meant.sayings
        for group in meant.places:
            places, fits = inside(places, group)
            if not fits:
                free.append(word)
        if PROTECTION in meant.sayings:
            helping |= meant.types
        else:
            types = types & meant.types or types | meant.types
    named = () if any(said.meanings.get(word) == TYPE_ONLY for word in all_words) else all_words
    return Reading(
        tuple(sorted(helping or types)) or None,
        places,
        tuple(free),
        named,
        ages + ignored,
        tuple(sorted(meanings & FILTERS)),
        PROTECTION in meanings or any(map(said.asks_for_protection, all_words)),
    )


def code_in(q: str) -> int | None:
    """The id of the place whose printed code the query is: F0012345-1, f00123451."""
    return parse_code(unicodedata.normalize("NFKC", q).strip())


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of one word: places one within the other, types, what its sayings mean, and what means nothing but
    itself."""

    places: tuple[tuple[Place, ...], ...] = ()
    types: frozenset[int] = frozenset()
    sayings: frozenset[str] = frozenset()
    free: tuple[str, ...] = ()


def _meaning(word: str, kinds: Kinds, places: int = MOST_IN_FRONT) -> Meaning:
    """What a word means, whole or as 英德托育, 英德市沙口镇, 附近的免费托育."""
    said = sayings(kinds)
    type_ids = types_of(word, kinds)
    if word in said.meanings and not type_ids:
        return _said({said.meanings[word]}, word, kinds)
    named = places_of(word)
    if named and (not type_ids or any(text.folded(place.name) == word for place in named)):
        return Meaning((named,))
    if type_ids:
        return Meaning(types=type_ids)
    rest, peeled = said.peeled(word, partial(types_of, kinds=kinds))
    if peeled:
        meant = _meaning(rest, kinds, places) if rest else Meaning()
        if meant.free == (rest,) and (len(rest) < 2 or literal_ids((word,), cap=0) is None):
            return Meaning(free=(word,))  # a name has it as it stands
        around = _said(peeled, word, kinds)
        return replace(meant, types=around.types or meant.types, sayings=meant.sayings | around.sayings)
    front, rest = place_in_front(word) if places else ((), word)
    if front:
        meant = _meaning(rest, kinds, places - 1)
        if meant.free != (rest,):
            return replace(meant, places=(front, *meant.places))
    return Meaning(free=(word,))


def _said(meanings: set[str], word: str, kinds: Kinds) -> Meaning:
    """What a word of sayings means: a call for protection the places to go to, a number itself."""
    if PROTECTION not in meanings:
        return Meaning(sayings=frozenset(meanings))
    if word.isdigit():
        return Meaning(sayings=frozenset(meanings), free=(word,))
    helping = (kind.id for kind in kinds.all if kind.topic == PROTECTION and kind.key != "hotline")
    return Meaning(types=frozenset(helping), sayings=frozenset(meanings))


def place_in_front(word: str, *, typed: bool = False) -> tuple[tuple[Place, ...], str]:
    """(the divisions that the beginning of an unspaced word names, the longest one; the rest of the word),
    or ((), the word). `typed`: the last syllable of its pinyin may have been begun only. A query a character
    or syllable at most."""
    heads = [word[:end] for end in range(min(len(word) - 1, LONGEST_PLACE), 1, -1)]
    for head in text.heads(word, typed=typed) if word.isascii() else heads:
        if front := places_of(head):
            return front, word[len(head) :]
    return (), word


def inside(outer: tuple[Place, ...], inner: tuple[Place, ...]) -> tuple[tuple[Place, ...], bool]:
    """The places of both, each the smaller one; (outer, False) when none of one is in one of the other."""
    if not outer:
        return inner, True
    both = [
        max(a, b, key=lambda place: place.lft)
        for a in outer
        for b in inner
        if a.lft <= b.lft <= a.rgt or b.lft <= a.lft <= b.rgt
    ]
    return (tuple(dict.fromkeys(both)), True) if both else (outer, False)


def types_of(word: str, kinds: Kinds) -> frozenset[int]:
    """The types in one of whose names the word stands; of pinyin two syllables, of initials the first two,
    of English four letters at least."""
    return frozenset(types_holding(_naming(word), kinds))


def types_holding(ways: Alternatives, kinds: Kinds) -> list[int]:
    """The types in one of whose names a word stands. Where it is the whole name of one, those do not count
    that hold it only inside: 儿科 is not 少儿科普, 公园 is 主题公园."""
    found = {id_: text.standing(key, ways) for id_, key in type_keys(kinds).items()}
    least = Standing.EDGE if Standing.WHOLE in found.values() else Standing.INSIDE
    return [id_ for id_, standing in found.items() if standing >= least]


def _naming(word: str) -> Alternatives:
    letters = tuple(word)
    if len(letters) < 2 or word.isdigit():
        return ()
    if not word.isascii():
        return ((Phrase("ch", letters),),)
    english, *others = text.phrases(word)
    initials = tuple(way for way in others if way[0].column == "ini")
    pinyin = (way for way in others if way[0].column == "py" and len(way[0].tokens) >= 2)
    ways = [*text.beginning(initials), *pinyin]
    return (*ways, english) if len(letters) >= 4 else tuple(ways)


@lru_cache(maxsize=2)
def type_keys(kinds: Kinds) -> dict[int, Key]:
    return {id_: Key(*columns) for id_, *columns in db.query("SELECT type_id, ch, py, ini FROM type_key")}


def places_of(word: str) -> tuple[Place, ...]:
    """The divisions that are called just so, with or without 市, 镇, 村委会; none when they are more than
    MOST_PLACES, and none for a single character. One query."""
    if len(word) < 2 or word.isdigit():
        return ()
    names = [("ch", word), ("ch", text.OFFICE.sub("", word))]
    if word.isascii():
        names = [("py", word), ("ini", word.translate(text.WIDE))]
    ways = tuple((Phrase(column, (text.whole(name),)),) for column, name in names)
    rows = db.query(
        f"SELECT d.id, d.padded_code, d.name, d.lft, d.rgt FROM {keys.matching('division_key')}"
        f" JOIN division d ON d.id = found.id LIMIT {MOST_PLACES + 1}",
        (keys.expression([ways]),),
    )
    return tuple(Place(*row) for row in rows) if len(rows) <= MOST_PLACES else ()


def wider(reading: Reading) -> Reading:
    """The same with the divisions just above its places; anywhere when they are the highest. One query."""
    ids = ", ".join(str(place.id) for place in reading.places) or "NULL"
    rows = db.query(
        "SELECT DISTINCT p.id, p.padded_code, p.name, p.lft, p.rgt FROM division d"
        f" JOIN division p ON p.id = d.parent_id WHERE d.id IN ({ids}) ORDER BY p.lft"
    )
    return replace(reading, places=tuple(Place(*row) for row in rows))


# The text index


def literal_ids(words: Sequence[str], *, cap: int, typed: bool = False) -> list[int] | None:
    """The facilities, open or not, whose keys contain all the words, by id; None when more than `cap`.
    `typed`: the last word may go on. One query."""
    rows = db.query(
        f"SELECT found.id FROM {keys.matching('search_key')} LIMIT {cap + 1}",
        (keys.expression(_ways(words, typed=typed)),),
    )
    return sorted(row[0] for row in rows) if len(rows) <= cap else None


def ids_after(words: Sequence[str], after: int, limit: int, last: int | None = None) -> list[int]:
    """At most `limit` of the facilities whose keys contain all the words, beyond the id `after` and up to
    `last`, by id. One query that stops at the last of them."""
    until = "" if last is None else f" AND found.id <= {last}"
    rows = db.query(
        f"SELECT found.id FROM {keys.matching('search_key')} WHERE found.id > ?{until} ORDER BY found.id LIMIT {limit}",
        (keys.expression(_ways(words)), after),
    )
    return [row[0] for row in rows]


def contains_sql(words: Sequence[str], alias: str = "k") -> tuple[str, list[str]]:
    """(a condition on a row of search_key that is called `alias`: it contains all the words; its values)."""
    return keys.contains(_ways(words), alias)


def _ways(words: Sequence[str], *, typed: bool = False) -> list[Alternatives]:
    last = len(words) - 1
    return [text.phrases(word, typed=typed and number == last) for number, word in enumerate(words)]


def score(ch: str, words: Sequence[str]) -> int:
    """How well a key's characters answer the words: 0 the name is just this, 1 begins with it, 2 contains
    all the words, 3 they stand in the address or in the pinyin."""
    name = ch.partition(REST)[0].partition(EDGE)[2][1:]
    asked = f" {' '.join(''.join(words))} "
    if name == asked:
        return 0
    if name.startswith(asked):
        return 1
    return 2 if all(f" {' '.join(word)} " in name for word in words) else 3
