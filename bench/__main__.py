"""Build, serve, ask, print: nearby at 2,000 and at 1,000,000 facilities as a share of a bare Flask view.

The result is the share: requests per CPU second (user + system) of the process that answers, rounds
interleaved, medians with least and most. Absolute numbers stand beside it and mean this machine only.
Needs Linux, 2 GB of disk and 1 GB of memory.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean, median, quantiles

from bench import generate
from bench.load import send, serving
from bench.questions import ask, target
from servicemap import db
from servicemap.facility_types import Kinds
from servicemap.finder import near
from servicemap.finder.search import Query, search

BUILD = Path("build")
SMALL, LARGE = 2_000, 1_000_000
ROUNDS, REQUESTS = 5, 3_000  # of each server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--keep", action="store_true", help="keep the databases, and use those that are there"
    )
    parser.add_argument("--large", type=int, default=LARGE, help="facilities of the large registry")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is made is removed then too
    with databases((SMALL, options.large), keep=options.keep) as files:
        p50s, sizes = {}, {}
        print(
            f"{'in process':14}{'p50 µs':>8}{'p99 µs':>8}{'probes':>8}{'full pages':>12}{'items':>7}{'bytes':>8}"
        )
        for count, path in files.items():
            p50s[count], sizes[count] = print_finder(count, path)
        print(f"finder p50, {options.large:,} to {SMALL:,}: {p50s[options.large] / p50s[SMALL]:.2f}\n")
        print_shares(files, sizes[options.large])


@contextmanager
def databases(counts: tuple[int, ...], *, keep: bool) -> Iterator[dict[int, Path]]:
    """The registries by their number of facilities; removed at the end unless they are to be kept."""
    BUILD.mkdir(exist_ok=True)
    files = {count: BUILD / f"bench-{count}.db" for count in counts}
    try:
        for count, path in files.items():
            if not (keep and path.exists()):
                remove(path)
                seconds = generate.build(path, count)
                print(f"{count:,} facilities: built in {seconds:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        print()
        yield files
    finally:
        if db.database.obj is not None:
            db.database.close()
        for path in () if keep else files.values():
            remove(path)


def remove(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def print_finder(count: int, path: Path) -> tuple[float, int]:
    """Ask the finder in this process, after a warm-up; returns the median CPU µs of a call and the mean
    bytes of an answer's items."""
    db.open_database(f"sqlite:///{path}")
    db.connect()
    near._hints.clear()
    warm_up, timed, counted = parts(ask(3 * REQUESTS))
    for query in warm_up:
        nearest(query)
    spent = []
    for query in timed:
        began = time.thread_time_ns()
        nearest(query)
        spent.append((time.thread_time_ns() - began) / 1000)
    probes, probe = [], near._probe
    near._probe = lambda *args: probes.append(args) or probe(*args)
    pages = [search(query).items for query in counted]
    near._probe = probe
    items, size = mean(map(len, pages)), mean(len(",".join(page).encode()) for page in pages)
    full = mean(len(page) == query.limit for page, query in zip(pages, counted, strict=True))
    p50, p99 = median(spent), quantiles(spent, n=100)[98]
    row = f"{p50:8.0f}{p99:8.0f}{len(probes) / len(counted):8.2f}{full:12.0%}{items:7.1f}{size:8,.0f}"
    print(f"{count:<14,}{row}")
    return p50, round(size)


def nearest(query: Query) -> None:
    near.nearest(
        query.lng, query.lat, radius_m=query.radius_m, type_ids=query.type_ids, within=None, limit=query.limit
    )


def parts(queries: list) -> list[list]:
    return [queries[start : start + REQUESTS] for start in range(0, len(queries), REQUESTS)]


def print_shares(files: dict[int, Path], body_bytes: int) -> None:
    """Serve all of them at once, ask one after the other, and print each one's share of the bare view."""
    kinds = Kinds()
    rounds = parts([target(query, kinds) for query in ask((1 + ROUNDS) * REQUESTS)])
    with ExitStack() as running:
        servers = {"bare view": running.enter_context(serving("bare", BENCH_BODY_BYTES=str(body_bytes)))}
        for count, path in files.items():
            url = f"sqlite:///{path}"
            servers[f"{count:,}"] = running.enter_context(serving("product", SERVICEMAP_DATABASE_URL=url))
        rates = {name: [] for name in servers}
        for number, paths in enumerate(rounds):
            for name, server in servers.items():
                rate = send(server, paths)
                rates[name] += [rate] if number else []  # the first round warms up
            print(f"\rround {number} of {ROUNDS}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{'nearby':14}{'requests per CPU second':>40}{'share of the bare view':>32}")
    bare = rates["bare view"]
    for name, each in rates.items():
        shares = [rate / ceiling for rate, ceiling in zip(each, bare, strict=True)]
        print(f"{name:14}{spread(each, ',.0f'):>40}{spread(shares, '.1%'):>32}")
    small, large = (median(rates[f"{count:,}"]) for count in files)
    print(f"cost of a request, large to small: {small / large:.2f}")


def spread(values: list[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} – {max(values):{form}})"


if __name__ == "__main__":  # the generator starts this module again in its second process
    main()
