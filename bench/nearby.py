"""Nearby searches at every size, as a share of the bare view: how many requests a CPU second answers.

The rounds of all servers are interleaved, so that a busy machine is busy for all of them.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from bench.load import Connection, Served, send, serving, status_of
from bench.questions import LIMIT, NEARBY, mix, opened, target
from bench.server import product
from bench.show import head, note, row, spread
from servicemap import db
from servicemap.facility_types import Kinds

WARM_UP, ROUNDS, REQUESTS = 2_000, 5, 1_000  # of each server and way of asking
WAYS = {"plain": {}, "datum=gcj02": {"datum": "gcj02"}, "open=now": {"open": "now"}}
SAMPLE = 500


class Pages(NamedTuple):
    """Means over a sample of the questions, asked in this process."""

    full: float
    items: float
    size: float  # bytes
    probes: float


def show(files: dict[int, Path]) -> None:
    pages = {count: _pages(path) for count, path in files.items()}
    with ExitStack() as running:
        kinds = running.enter_context(opened(files[max(files)]))
        asked = mix(WARM_UP + ROUNDS * REQUESTS)
        body = str(round(pages[max(pages)].size))
        bare = running.enter_context(serving("bench.server:bare", BENCH_BODY_BYTES=body))
        servers = {count: running.enter_context(serve(path)) for count, path in files.items()}
        largest = servers[max(servers)]
        ways = {}
        for way, more in WAYS.items():
            status = status_of(largest, target(asked[0], kinds, **more))
            if status == 200:
                ways[way] = _rounds([target(question, kinds, **more) for question in asked[WARM_UP:]])
            else:
                note(f"{way} answers {status}: left out")
        for server in (bare, *servers.values()):
            send(server, [target(question, kinds) for question in asked[:WARM_UP]])
        rates = _rates(bare, servers, ways)
        _print(rates, pages, list(ways))
        _print_not_modified(bare, running.enter_context(serve(files[max(files)], BENCH_STILL="yes")), kinds)
        row("RssAnon of a worker, MB", [f"{server.rss_anon_mb():.0f}" for server in servers.values()])


def _rounds(paths: list[str]) -> list[list[str]]:
    return [paths[start : start + REQUESTS] for start in range(0, len(paths), REQUESTS)]


@contextmanager
def serve(path: Path, **environment: str) -> Iterator[Served]:
    """The product on the registry at the path."""
    url = f"sqlite:///{path}"
    with serving("bench.server:product", SERVICEMAP_DATABASE_URL=url, **environment) as server:
        yield server


def _pages(path: Path) -> Pages:
    client, statements = product(database_url=f"sqlite:///{path}").test_client(), list[str]()
    with opened(path) as kinds:
        db.database.connection().set_trace_callback(statements.append)
        bodies = [client.get(target(question, kinds)).data for question in mix(SAMPLE)]
    counts = [len(json.loads(body)["items"]) for body in bodies]
    probes = sum("search_row" in statement for statement in statements)
    return Pages(mean(n == LIMIT for n in counts), mean(counts), mean(map(len, bodies)), probes / SAMPLE)


Rates = dict[tuple[str, int], list[float]]


def _rates(bare: Served, servers: dict[int, Served], ways: dict[str, list[list[str]]]) -> Rates:
    """Requests per CPU second of each round, by way and number of facilities; 0 is the bare view."""
    rates: Rates = {(way, count): [] for way in ways for count in (0, *servers)}
    for number in range(ROUNDS):
        for way, rounds in ways.items():
            print(f"\rround {number + 1} of {ROUNDS}, {way}    ", end="", file=sys.stderr, flush=True)
            for count, server in {0: bare, **servers}.items():
                rates[way, count].append(send(server, rounds[number]))
    print(file=sys.stderr)
    return rates


def _print(rates: Rates, pages: dict[int, Pages], ways: list[str]) -> None:
    head("Nearby: facilities", [f"{count:,}" for count in pages])
    for way in ways:
        shares = [
            [100 * rate / ceiling for rate, ceiling in zip(rates[way, count], rates[way, 0], strict=True)]
            for count in pages
        ]
        row(f"% of the bare view, {way}", [spread(share, ".0f") for share in shares])
    row("requests per CPU second, plain", [f"{median(rates['plain', count]):,.0f}" for count in pages])
    row("pages that are full", [f"{page.full:.0%}" for page in pages.values()])
    row("items a page", [f"{page.items:.1f}" for page in pages.values()])
    row("bytes a page", [f"{page.size:,.0f}" for page in pages.values()])
    row("index queries a question", [f"{page.probes:.2f}" for page in pages.values()])
    for way in ways:
        small = rates[way, min(pages)]
        ratios = [[few / many for few, many in zip(small, rates[way, n], strict=True)] for n in pages]
        row(f"× cost at {min(pages):,}, {way}", [spread(ratio, ".2f") for ratio in ratios])


def _print_not_modified(bare: Served, server: Served, kinds: Kinds) -> None:
    """What a 304 costs: of nearby answers when they carry an ETag, else of lists by division."""
    codes = db.query("SELECT padded_code FROM division WHERE level = 'community' LIMIT ?", (SAMPLE,))
    nearby = [target(question, kinds) for question in mix(SAMPLE)]
    listed = [f"{NEARBY}division={code}" for (code,) in codes]
    tagged = next((paths for paths in (nearby, listed) if all(tags := _etags(server, paths))), None)
    if tagged is None:
        note("304: no answer carries an ETag, left out")
        return
    headers = [{"If-None-Match": tag or ""} for tag in tags]
    ratios = []
    for _ in range(1 + ROUNDS):
        ceiling = send(bare, nearby * 6)
        ratios.append(ceiling / send(server, tagged * 6, status=304, headers=headers * 6))
    row(f"304, {'nearby' if tagged is nearby else 'list'}, × the bare view", [spread(ratios[1:], ".2f")])


def _etags(server: Served, paths: list[str]) -> list[str | None]:
    with Connection(server.port) as connection:
        return [connection.ask(path).etag for path in paths]
