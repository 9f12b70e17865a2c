"""Build, serve, ask, print: what a search costs at 2,000, 100,000 and 1,000,000 facilities (`make bench`).

Ratios are the result, absolute numbers mean this machine only. CPU is user + system time of the
processes that answer. Sections: nearby, as a share of a bare Flask view, with pages, 304s and memory;
scenarios, the worst of 48 kinds of question; peers, a tuned and a plain PostGIS service beside it (left
out with a line where PostGIS is absent); text, how long a family waits; imports, beside sqlite3's;
coverage, one report of everything; country, one indicator over 600,000 communities. Needs Linux, 6 GB of disk and
4 GB of memory; --large 100000 is enough for a first look.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import country, coverage, generate, imports, nearby, peers, scenarios, text
from servicemap import db

BUILD = Path("build")
SMALL, MIDDLE, LARGE = 2_000, 100_000, 1_000_000
SECTIONS = ("nearby", "scenarios", "peers", "text", "imports", "coverage", "country")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--keep", action="store_true", help="keep the databases, and use those that are there"
    )
    parser.add_argument("--large", type=int, default=LARGE, help="facilities of the largest registry")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="this section; may be repeated")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is made is removed then too
    # one client asks more than a family may; it is counted all the same
    os.environ["SERVICEMAP_READS_PER_MINUTE"] = "1000000"
    began, large = time.monotonic(), options.large
    wanted = options.only or SECTIONS
    sizes = (
        {SMALL, MIDDLE, large}
        if "nearby" in wanted
        else {large}
        if {*wanted} - {"imports", "coverage", "country"}
        else set()
    )
    with databases(sorted(size for size in sizes if size <= large), keep=options.keep) as files:
        if "nearby" in wanted:
            nearby.show(files)
        if "scenarios" in wanted:
            scenarios.show(files[large], large)
        if "peers" in wanted:
            peers.show(files[large], large)
        if "text" in wanted:
            text.show(files[large], large)
        if "imports" in wanted:
            imports.show(BUILD, large)
        if "coverage" in wanted:
            coverage.show(BUILD, large)
        if "country" in wanted:
            country.show(BUILD, large)
    print(f"\n{time.monotonic() - began:.0f} s in all")


@contextmanager
def databases(counts: list[int], *, keep: bool) -> Iterator[dict[int, Path]]:
    """The registries by their number of facilities; removed at the end unless they are to be kept."""
    BUILD.mkdir(exist_ok=True)
    files = {count: BUILD / f"bench-{count}.db" for count in counts}
    try:
        for count, path in files.items():
            if not (keep and path.exists()):
                part = path.with_suffix(".part")  # what a Ctrl-C left is no registry
                remove(part)
                seconds = generate.build(part, count)
                part.rename(path)
                print(f"{count:,} facilities: built in {seconds:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        yield files
    finally:
        if db.database.obj is not None:
            db.database.close()
        for path in files.values():
            remove(path.with_suffix(".part"))
            if not keep:
                remove(path)


def remove(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


if __name__ == "__main__":  # the generator starts this module again in its other processes
    main()
