"""Coverage: CPU of one report of all indicators, of the city alone and down to its towns, on the seed's city with
20,000 places."""

import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.city_file import write_csv
from bench.imports import admin
from bench.show import head, row, spread
from servicemap import db, divisions
from servicemap.coverage.report import report

PLACES, ROUNDS = 20_000, 5
ON = date(2026, 11, 26)


def show(folder: Path, most: int) -> None:
    count = min(PLACES, most)
    with TemporaryDirectory(prefix="bench-", dir=folder) as name:
        path = Path(name).resolve() / "city.db"
        file = path.with_name("city.csv")
        write_csv(file, count)
        admin(path, "db", "create")
        admin(path, "seed", "load")
        admin(path, "facility", "import", str(file), "--skip-bad-rows")
        db.open_database(f"sqlite:///{path}")
        db.connect()
        try:
            head(f"Report of {count:,} places, s of CPU", ["rows", "median", "least–most"])
            for label, down_to in (("city and counties", None), ("down to the towns", "town")):
                timed = [_timed(down_to) for _ in range(ROUNDS)]
                row(label, [f"{timed[0][0]:,}", *spread([seconds for _, seconds in timed], ".2f").split()])
        finally:
            db.database.close()


def _timed(down_to: str | None) -> tuple[int, float]:
    began = time.process_time()
    rows = report(divisions.get("441800000000"), ON, down_to=down_to)
    return len(rows), time.process_time() - began
