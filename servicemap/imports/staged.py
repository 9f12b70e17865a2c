"""The staged rows of an import in parts, with the rows that speak of one place always in one part."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from servicemap import db
from servicemap.cells import clean
from servicemap.divisions import chunks
from servicemap.facts import Reader
from servicemap.imports.presence import is_statement
from servicemap.records import parse_code

DEFAULT_SOURCE = "import"
MARKS = 2**27  # 16 MB, as far as they are used; of a million keys one in 130 finds another's

Place = tuple[str, int]  # a row's sheet and number
Row = tuple[str, int, dict[str, str]]  # the same with its cells
Key = tuple[Any, ...]


def site_key(
    facility_id: int | None,
    source: str | None,
    external_id: str | None,
    name: str | None,
    division_id: int | None,
) -> Key:
    """By what the rows of one place are known: its code, else its external id, else name and division."""
    if facility_id:
        return ("code", facility_id)
    if external_id:
        return ("external_id", source or DEFAULT_SOURCE, external_id)
    return ("name", name, division_id)


class StagedRows:
    """The rows of a batch, by sheet and number."""

    def __init__(self, batch_id: int, reader: Reader) -> None:
        self.batch_id = batch_id
        self.reader = reader

    def parts(self, size: int) -> Iterator[list[Row]]:
        """The rows, about `size` at a time. Those that share a key come with the first of them."""
        following = self._following(size)
        followers = {place for places in following.values() for place in places}
        for page in self._pages(size):
            later = [place for row in page for place in following.get(row[:2], ())]
            rows = [row for row in page if row[:2] not in followers]
            yield sorted([*rows, *self._rows_at(later)], key=lambda row: row[:2])

    def _pages(self, size: int) -> Iterator[list[Row]]:
        sheet, number = "", 0
        while rows := db.query(
            "SELECT sheet, number, cells FROM staged_row WHERE batch_id = ? AND (sheet, number) > (?, ?)"
            f" ORDER BY sheet, number LIMIT {size}",
            (self.batch_id, sheet, number),
        ):
            sheet, number, _ = rows[-1]
            yield [(sheet, number, json.loads(cells)) for sheet, number, cells in rows]

    def _rows_at(self, places: Iterable[Place]) -> Iterator[Row]:
        for chunk in chunks(sorted(places), 400):
            among = ", ".join(["(?, ?)"] * len(chunk))
            for sheet, number, cells in db.query(
                f"SELECT sheet, number, cells FROM staged_row WHERE batch_id = ? AND (sheet, number) IN (VALUES {among})",
                (self.batch_id, *(each for place in chunk for each in place)),
            ):
                yield sheet, number, json.loads(cells)

    def _following(self, size: int) -> dict[Place, list[Place]]:
        """The first of the rows that share a key: the others. Of all keys together only marks are kept; a key
        that finds the mark of another is held to be shared, and turns out not to be."""
        seen, again = bytearray(MARKS // 8), set[int]()
        for _, keys in self._keys(size):
            for mark in (hash(key) % MARKS for key in keys):
                if seen[mark >> 3] >> (mark & 7) & 1:
                    again.add(mark)
                seen[mark >> 3] |= 1 << (mark & 7)
        if not again:
            return {}
        first: dict[Key, Place] = {}
        following: dict[Place, list[Place]] = {}
        for place, keys in self._keys(size):
            shared = [key for key in keys if hash(key) % MARKS in again]
            leaders = sorted({first[key] for key in shared if key in first})
            leader = leaders[0] if leaders else place
            first.update(dict.fromkeys(shared, leader))
            if leaders:
                following.setdefault(leader, []).append(place)
            for other in leaders[1:]:  # this row has made one group of two
                following[leader] += [other, *following.pop(other, ())]
                first.update({key: leader for key, known in first.items() if known == other})
        return following

    def _keys(self, size: int) -> Iterator[tuple[Place, list[Key]]]:
        """Each statement's keys: that of its place, and of a coded one also those of its external ids, the
        one that the row gives and the one that the registry has."""
        for page in self._pages(size):
            read = [(row[:2], _Said(row[2])) for row in page if is_statement(row[2])]
            ids = [said.facility_id for _, said in read if said.facility_id]
            known = {}
            for chunk in chunks(ids, 500):
                among = ", ".join("?" * len(chunk))
                sql = f"SELECT id, source, external_id FROM facility WHERE id IN ({among})"
                known.update({id_: owned for id_, *owned in db.query(sql, chunk)})
            self.reader.know(said.division for _, said in read if said.division)
            for place, said in read:
                division = self.reader.division(said.division) if said.division else None
                keys = [said.key(division.id if division else None)]
                if said.facility_id:
                    source, owned = known.get(said.facility_id, (None, None))
                    of_row = site_key(None, said.source or source, said.external_id, None, None)
                    of_registry = site_key(None, source, owned, None, None)
                    keys += {key for key in (of_row, of_registry) if key[0] == "external_id"}
                yield place, [key for key in keys if None not in key]


class _Said:
    """What a row says of which place it means; the same that Reader.read finds, and no more."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        code, self.source, self.external_id, self.name, self.division = (
            clean(name, cells[name]) or None if name in cells else None
            for name in ("code", "source", "external_id", "name", "division")
        )
        self.facility_id = parse_code(code) if code else None

    def key(self, division_id: int | None) -> Key:
        return site_key(self.facility_id, self.source, self.external_id, self.name, division_id)
