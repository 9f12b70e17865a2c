"""The engines' text indexes of search keys: written beside search_key and division_key, asked by phrases.

SQLite's index has no triggers that keep it: they'd be refused with trusted_schema off. Whoever changes a
key does it through here.
"""

from collections.abc import Iterable, Sequence

from servicemap import db
from servicemap.text import Alternatives, Key, Phrase

INDEXES = {"search_key": ("facility_id", "search_text"), "division_key": ("division_id", "division_text")}


def row(id_: int, key: Key) -> tuple[int, str, str, str]:
    return id_, key.ch, key.py, key.ini


def insert(table: str, rows: Sequence[tuple[int, str, str, str]]) -> None:
    """Add keys (made by `row`) of things that have none, inside a write transaction."""
    id_, index = INDEXES[table]
    if rows:
        db.execute_many(f"INSERT INTO {table} ({id_}, ch, py, ini) VALUES (?, ?, ?, ?)", rows)
    if rows and db.is_sqlite():
        db.execute_many(f"INSERT INTO {index} (rowid, ch, py, ini) VALUES (?, ?, ?, ?)", rows)


def delete(table: str, ids: Iterable[int]) -> None:
    """Take the keys of these things away, inside a write transaction; ids without a key are no error."""
    id_, index = INDEXES[table]
    rows = [(each,) for each in ids]
    if rows and db.is_sqlite():  # an index of external content must be told the words that go
        db.execute_many(
            f"INSERT INTO {index} ({index}, rowid, ch, py, ini)"
            f" SELECT 'delete', {id_}, ch, py, ini FROM {table} WHERE {id_} = ?",
            rows,
        )
    if rows:
        db.execute_many(f"DELETE FROM {table} WHERE {id_} = ?", rows)


def matching(table: str) -> str:
    """A source of rows `found.id` for a FROM: the things whose keys answer an expression, its one value.
    SQLite gives them by id."""
    id_, index = INDEXES[table]
    if db.is_sqlite():
        return f"(SELECT rowid AS id FROM {index} WHERE {index} MATCH ?) found"
    return f"(SELECT {id_} AS id FROM {table} WHERE vector @@ ?::tsquery) found"


def expression(words: Iterable[Alternatives]) -> str:
    """What the index is asked: every word, in any of its ways."""
    match, both, either = (_fts5, " AND ", " OR ") if db.is_sqlite() else (_tsquery, " & ", " | ")
    return both.join(
        f"({either.join(f'({both.join(match(phrase) for phrase in way)})' for way in ways)})"
        for ways in words
    )


def _fts5(phrase: Phrase) -> str:
    return f'{phrase.column} : "{" ".join(phrase.tokens)}"'


def _tsquery(phrase: Phrase) -> str:
    """Lexemes as key_vector of migration 0003 names them."""
    return " <-> ".join(f"'{phrase.column[0]}{token}'" for token in phrase.tokens)


def contains(words: Iterable[Alternatives], alias: str) -> tuple[str, list[str]]:
    """The same as a condition on a row of a key table that is called `alias`, and its values."""
    position = "instr" if db.is_sqlite() else "strpos"
    phrases = [[list(way) for way in ways] for ways in words]
    every = [
        " OR ".join(
            f"({' AND '.join(f'{position}({alias}.{phrase.column}, ?) > 0' for phrase in way)})"
            for way in ways
        )
        for ways in phrases
    ]
    values = [phrase.spaced for ways in phrases for way in ways for phrase in way]
    return " AND ".join(f"({ways})" for ways in every), values
