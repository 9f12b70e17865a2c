"""Two PostGIS services beside the product: a tuned KNN with the same fragments, and a plain one.

The CPU of the PostgreSQL processes that work for a server is counted with it. The three get the same
questions, in rounds that are interleaved; the plain one, which takes long, every tenth of them.
"""

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

import psycopg

from bench import peer_tables
from bench.load import Connection, Served, costs, serving
from bench.nearby import serve
from bench.questions import mix, opened, target
from bench.show import head, note, row
from tests import postgres

ROUNDS, REQUESTS, EVERY = 5, 600, 10
SAMPLE = 200
# tuned for reading a registry that fits into memory; nothing here outlives the run, so nothing is synced
SETTINGS = {
    "shared_buffers": "2GB",
    "effective_cache_size": "4GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",  # one question, one process: its CPU is what counts
    "jit": "off",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
}
VIEWS = {"PostGIS KNN, fragments": "knn", "PostGIS, marshmallow": "plain"}


def show(path: Path, count: int) -> None:
    head(f"Peers at {count:,}, CPU of all", ["median ms", "× ours", "mean ms", "× ours"])
    with postgres.cluster(SETTINGS, postgis=True) as url, ExitStack() as running:
        if url is None:
            note("PostGIS is absent (Debian: postgresql-15-postgis-3): left out")
            return
        began = time.monotonic()
        size = peer_tables.build(url, path)
        built = f"tables of the peers: {time.monotonic() - began:.0f} s, {size:,.0f} MB"
        servers = {"servicemap": running.enter_context(serve(path))}
        for name, view in VIEWS.items():
            peer = running.enter_context(serving(f"bench.peer_views:{view}", BENCH_POSTGRESQL_URL=url))
            servers[name] = _with_backend(peer, url, list(servers.values()))
        _compare(path, servers)
        note(built)


def _compare(path: Path, servers: dict[str, Served]) -> None:
    with opened(path) as kinds:
        asked = [target(question, kinds) for question in mix((1 + ROUNDS) * REQUESTS)]
    agreed = _agreement(servers, asked[:SAMPLE])
    spent: dict[str, list[list[float]]] = {name: [] for name in servers}
    for number in range(1, 1 + ROUNDS):
        paths = asked[number * REQUESTS : (number + 1) * REQUESTS]
        for name, server in servers.items():
            print(f"\rround {number} of {ROUNDS}, {name}    ", end="", file=sys.stderr, flush=True)
            some = paths[::EVERY] if name == "PostGIS, marshmallow" else paths
            spent[name].append([cost.cpu_ms for cost in costs(server, some)])
    print(file=sys.stderr)
    for name, rounds in spent.items():
        own = [each[::EVERY] if len(rounds[0]) < REQUESTS else each for each in spent["servicemap"]]
        cells = []
        for middle in (median, mean):
            ratios = [middle(theirs) / middle(ours) for theirs, ours in zip(rounds, own, strict=True)]
            cells += [f"{median(map(middle, rounds)):.2f}", f"{median(ratios):.1f}"]
        row(name, cells)
        if name in agreed:
            note(f"  the same places: {agreed[name]} of {SAMPLE} questions")


def _with_backend(server: Served, url: str, before: list[Served]) -> Served:
    """The server with the PostgreSQL process of its connection."""
    known = {pid for each in before for pid in each.others}
    with Connection(server.port), psycopg.connect(url) as connection:  # the server listens: it has connected
        sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        pids = {pid for (pid,) in connection.execute(sql)}
    return replace(server, others=tuple(pids - known))


def _agreement(servers: dict[str, Served], paths: list[str]) -> dict[str, int]:
    """How many questions get the same places in the same order from each peer as from the product: those
    whose position is exact, as far as both answers reach (the product rounds the other distances)."""
    exact: dict[str, list[list[str]]] = {}
    for name, server in servers.items():
        with Connection(server.port) as connection:
            pages = [json.loads(connection.ask(path).body)["items"] for path in paths]
        exact[name] = [[item["code"] for item in page if not item["approximate"]] for page in pages]
    ours = exact.pop("servicemap")
    return {
        name: sum(a[: len(b)] == b[: len(a)] for a, b in zip(ours, theirs, strict=True))
        for name, theirs in exact.items()
    }
