"""What people type beside types, places and names: fillers, calls for protection, filters, ages."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from servicemap import db, text
from servicemap.facility_types import PROTECTION, Kinds

FILTERS = frozenset(("free", "inclusive", "registered"))
FILLER = "filler"
TYPE_ONLY = "type_only"
NUMBER = "(?:[0-9]+|[一二两三四五六七八九十半]+)"
AGE = re.compile(
    f"(?:{NUMBER}(?:周?岁半?|个半?月)?[-~—–至到])?{NUMBER}(?:周?岁半?|个半?月|月龄)(?:以[上下内]|左右)?(?:的(?:孩子|小孩|宝宝))?"
)


@dataclass(frozen=True, slots=True)
class Sayings:
    """`meanings` by word (models.MEANINGS), and the patterns of one at the beginning and at the end of
    something else."""

    meanings: dict[str, str]
    front: re.Pattern[str]
    back: re.Pattern[str]

    def peeled(
        self, word: str, is_known: Callable[[str], object], *, only: str | None = None
    ) -> tuple[str, set[str]]:
        """(the word without the sayings at its beginning and its end, what those mean). What `is_known` is
        left whole: 晚托班, but 托班; `only`: none but those of this meaning."""
        meanings = set[str]()
        while not is_known(word) and (found := self.front.match(word) or self.back.search(word)):
            meaning = self.meanings[found[0]]
            if only not in (None, meaning):
                break
            meanings.add(meaning)
            word = word[: found.start()] + word[found.end() :]
        return word, meanings

    def asks_for_protection(self, word: str) -> bool:
        """Whether a call for protection stands anywhere in the word."""
        return any(
            meaning == PROTECTION and not said.isdigit() and said in word
            for said, meaning in self.meanings.items()
        )


@lru_cache(maxsize=2)
def sayings(kinds: Kinds) -> Sayings:
    """Those of the registry at the moment of these types. One query."""
    meanings = {text.folded(word): meaning for word, meaning in db.query("SELECT word, meaning FROM saying")}
    peeled = [word for word, meaning in meanings.items() if meaning != TYPE_ONLY and not word.isdigit()]
    any_of = "|".join(sorted(map(re.escape, peeled), key=len, reverse=True)) or "(?!)"
    return Sayings(meanings, re.compile(any_of), re.compile(f"(?:{any_of})$"))


def without_ages(q: str) -> tuple[str, tuple[str, ...]]:
    """(a query without what it says of a child's age, those sayings): 0-3岁托育, 两岁 托育."""
    plain = unicodedata.normalize("NFKC", q)
    ages = tuple(dict.fromkeys(found[0] for found in AGE.finditer(plain)))
    return (AGE.sub(" ", plain), ages) if ages else (q, ())
