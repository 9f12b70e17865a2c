"""One indicator over a country: 600,000 communities and 1,000,000 places, with the whole rule (links, suspensions,
reviews, looks, former divisions)."""

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.imports import admin
from bench.show import head, row, spread
from servicemap import db, divisions
from servicemap.coverage.measure import measure

FANS = (("province", 30), ("city", 10), ("county", 10), ("town", 10), ("community", 20))
PLACES, ROUNDS = 1_000_000, 5
ON = date(2026, 11, 26)
DEFINITION = {
    "id": "a", "name": "居委会和村委会", "default": True, "numerator": {"types": ["parent_school"]},
    "denominator": {"level": "community", "community_kind": ["residents_committee", "villagers_committee"]},
}  # fmt: skip


def show(folder: Path, most: int) -> None:
    path, count = folder.resolve() / "country.db", min(PLACES, most)
    try:
        admin(path, "db", "create")
        db.open_database(f"sqlite:///{path}")
        db.connect()
        communities = _build(count)
        head(
            f"One indicator, {communities:,} communities, {count:,} places",
            ["rows", "s of CPU", "least–most"],
        )
        for code in ("000000000001", "000000000002"):
            timed = [_timed(code) for _ in range(ROUNDS)]
            row(timed[0][0], [f"{timed[0][1]:,}", *spread([each[2] for each in timed], ".2f").split()])
    finally:
        db.database.close()
        for file in folder.glob("country.db*"):
            file.unlink()


def _timed(code: str) -> tuple[str, int, float]:
    root = divisions.get(code)
    began = time.process_time()
    found = measure(root, ON)
    return root.name, len(found), time.process_time() - began


def _build(places: int) -> int:
    """How many communities. Plain inserts: a registry of that size is not what is timed."""
    random = Random(5)
    with db.transaction():
        db.execute(
            "INSERT INTO facility_type (id, key, name, name_en, level, clauses, aliases) VALUES"
            " (1, 'parent_school', '家长学校', 'Parent school', 'community', '[]', '[]')"
        )
        db.execute(
            "INSERT INTO indicator VALUES ('X', 1, '某指标', 'x', '条', '文', 'share', '%', '某部门', ?, ?, NULL, 'up')",
            (json.dumps([DEFINITION]), False),
        )
        tree = list(_divisions())
        _insert("division", tree)
        communities = [each[0] for each in tree if each[4] == "community"]
        facilities, roles, others = [], [], dict[str, list[tuple[Any, ...]]]()
        for number in range(1, places + 1):
            at = random.choice(communities)
            facilities.append((number, "家长学校", at, "none", "public", "bench", 1))
            closed = "2025-06-30" if random.random() < 0.02 else None
            roles.append((number, number, 1, "2023-01-01", closed))
            for table, share, row in (
                ("suspension", 0.05, (number, number, "2026-11-01", "2026-12-01", "维修")),
                ("review", 0.1, (number, random.choice(("reported", "town", "county")))),
                ("verification", 0.3, (number, str(ON - timedelta(days=random.randrange(900))), "某岗位")),
                ("role_serves", 0.03, (number, random.choice(communities))),
                ("former_division", 0.01, (number, "2026-12-31", random.choice(communities))),
            ):
                if random.random() < share:
                    others.setdefault(table, []).append(row)
        _insert(
            "facility", facilities, "id, name, division_id, position_precision, visibility, source, version"
        )
        _insert("role", roles, "id, facility_id, type_id, opened_on, closed_on")
        columns = {
            "suspension": "id, facility_id, from_on, to_on, reason",
            "review": "facility_id, state",
            "verification": "facility_id, verified_on, verified_by",
            "role_serves": "role_id, division_id",
            "former_division": "facility_id, to_on, division_id",
        }
        for table, rows in others.items():
            _insert(table, rows, columns[table])
    return len(communities)


def _insert(table: str, rows: list[tuple[Any, ...]], columns: str = "") -> None:
    marks = ", ".join("?" * len(rows[0]))
    sql = f"INSERT INTO {table} {f'({columns})' if columns else ''} VALUES ({marks})"
    db.database.connection().executemany(sql, rows)


def _divisions() -> Iterator[tuple[Any, ...]]:
    """Rows of the table division, each before those below it."""
    numbers = iter(range(1, 10**7))
    edges = iter(range(1, 10**8))

    def below(depth: int, parent: int | None) -> Iterator[list[Any]]:
        level, fan = FANS[depth]
        for _ in range(fan):
            number = next(numbers)
            code = f"{number:012d}"
            kind = (
                ("residents_committee" if number % 4 else "villagers_committee")
                if level == "community"
                else None
            )
            one = [
                number, code, code, f"{level} {number}", level, parent, kind,
                "town" if level == "town" else None, None, False, False, None, None, next(edges), 0,
            ]  # fmt: skip
            yield one
            if depth + 1 < len(FANS):
                yield from below(depth + 1, number)
            one[14] = next(edges)

    return map(tuple, list(below(0, None)))
