"""Imports: rows a second through the command line, start to end, beside what sqlite3's .import takes for the
same file; memory; how long others wait for a reading request meanwhile."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Event
from typing import NamedTuple

from bench.city_file import CORNER, SIZE, write_csv, write_xlsx
from bench.ground import SEED
from bench.load import Connection, expect
from bench.nearby import serve
from bench.questions import NEARBY
from bench.show import head, note, row, spread

ROUNDS, ROWS, LONG, SHEET_ROWS = 3, 100_000, 300_000, 20_000
READS_A_SECOND, WITHOUT_SECONDS = 50, 20
# the command line, and at its end the most memory that it had
COMMAND = """
import atexit, re
def most():
    print("VmHWM", re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
atexit.register(most)
from admin_cli.main import run
run()
"""


class Ran(NamedTuple):
    seconds: float
    most_mb: float


def show(folder: Path, most: int) -> None:
    count, rows = min(ROWS, most), min(SHEET_ROWS, most)
    with TemporaryDirectory(prefix="bench-", dir=folder) as name:
        place = Path(name).resolve()
        empty, city, sheet = place / "empty.db", place / "city.csv", place / "city.xlsx"
        write_csv(city, count)
        write_xlsx(sheet, rows)
        admin(empty, "db", "create")
        admin(empty, "seed", "load")
        head("Import", ["rows/s", "least–most", "most MB"])
        _line(f"xlsx, {rows:,} rows", rows, [_import(place, empty, sheet)])
        if most >= LONG:
            write_csv(place / "long.csv", LONG)
            _line(f"csv, {LONG:,} rows", LONG, [_import(place, empty, place / "long.csv")])
        runs = [_import(place, empty, city) for _ in range(ROUNDS)]
        _line(f"csv, {count:,} rows", count, runs)
        if shutil.which("sqlite3"):
            bare = median(_bare(place, city) for _ in range(ROUNDS))
            ratio = median(ran.seconds for ran in runs) / bare
            row("sqlite3 .import, no more than that", [f"{count / bare:,.0f}", "", f"{ratio:.0f} × as fast"])
        else:
            note("no sqlite3 program: its .import is left out")
        write_csv(place / "more.csv", count, seed=SEED + 1)
        _waits(place, place / "more.csv")


def _line(label: str, count: int, runs: list[Ran]) -> None:
    middle, *ends = spread([count / ran.seconds for ran in runs], ",.0f").split()
    row(label, [middle, *ends, f"{max(ran.most_mb for ran in runs):.0f}"])


def _waits(place: Path, file: Path) -> None:
    """Reads of a registry that is full, first alone, then while as many places more are imported."""
    path = place / "registry.db"
    with serve(path) as server:
        alone = _reading(server.port, lambda: time.sleep(WITHOUT_SECONDS))
        beside = _reading(server.port, lambda: _timed(path, file))
    p99 = [quantiles(waited, n=100)[98] for waited in (alone, beside)]
    head(f"{READS_A_SECOND} reads a second meanwhile, ms", ["p99 without", "p99 with", "ratio"])
    row(f"{len(beside):,} answers, 0 errors", [*(f"{ms:.1f}" for ms in p99), f"{p99[1] / p99[0]:.1f}"])


def _reading(port: int, work: Callable[[], object]) -> list[float]:
    """Milliseconds that each of the paced reads waited while the work was done; any error ends it all."""
    done, random = Event(), Random(SEED)
    waited: list[float] = []

    def read() -> None:
        with Connection(port) as connection:
            due = time.perf_counter()
            while not done.is_set():
                time.sleep(max(0, due - time.perf_counter()))
                lng, lat = (
                    corner + size * random.random() for corner, size in zip(CORNER, SIZE, strict=True)
                )
                expect(connection.ask(f"{NEARBY}lat={lat:.6f}&lng={lng:.6f}&datum=wgs84&radius_m=5000"), 200)
                waited.append((time.perf_counter() - due) * 1000)  # from when it was due: a queue counts
                due += 1 / READS_A_SECOND

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read)
        try:
            work()
        finally:
            done.set()
        reading.result()
    return waited


def _import(place: Path, empty: Path, file: Path) -> Ran:
    """Import into a fresh registry."""
    path = place / "registry.db"
    for old in place.glob("registry.db*"):
        old.unlink()
    shutil.copy(empty, path)
    return _timed(path, file)


def _timed(path: Path, file: Path) -> Ran:
    began = time.perf_counter()
    said = admin(path, "facility", "import", str(file), "--skip-bad-rows")
    return Ran(time.perf_counter() - began, int(said.split("VmHWM")[1]) / 1024)


def admin(path: Path, *arguments: str) -> str:
    """A command on this machine's registry at the path; 3 is done, with something to look at."""
    apart = {"XDG_CONFIG_HOME": "/nowhere", "SERVICEMAP_SERVER": "", "SERVICEMAP_TOKEN": ""}
    url = {"SERVICEMAP_DATABASE_URL": f"sqlite:///{path}"}
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(
        command, env={**os.environ, **apart, **url}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 3):
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def _bare(place: Path, file: Path) -> float:
    """Seconds that sqlite3 takes to put the texts of the file into one table without a rule or an index."""
    target = place / "bare.db"
    target.unlink(missing_ok=True)
    began = time.perf_counter()
    subprocess.run(["sqlite3", target, ".mode csv", f".import {file} city"], check=True)
    return time.perf_counter() - began
