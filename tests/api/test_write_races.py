"""Many write at once, over HTTP, to servers of their own: what was acknowledged was applied, once.

Each harness also watches a careless one (a client that does not mind what version it read, requests without
a key), and must see it fail.
"""

import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from servicemap import db, facilities, records, tokens
from servicemap.access import SEED
from servicemap.errors import ConflictError
from tests.api.test_server import serving
from tests.cli.conftest import run_admin
from tests.conftest import bound_to
from tests.factories import NORTH_GATE, TODAY, a_place, a_type, scaled

WRITERS, HOT = 4, 3
SECONDS = scaled(60, 3)
DROPPED = scaled(500, 40)
ROUNDS = scaled(60, 6)


@contextmanager
def served(url: str, processes: int = 2) -> Iterator[Callable[[int], httpx.Client]]:
    """client(number): of one of so many server processes on the registry, with an administrator's token."""
    issued = tokens.issue(SEED, label="岗位", role="admin", division=None, expires_on=None, today=TODAY)
    headers = {"Authorization": f"Bearer {issued.secret}"}
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(url))[1] for _ in range(processes)]

        def client(number: int) -> httpx.Client:
            base = f"http://127.0.0.1:{ports[number % processes]}/api/v1/"
            return stack.enter_context(httpx.Client(base_url=base, headers=headers, timeout=60))

        yield client


def together(jobs: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [job.result() for job in [pool.submit(job) for job in jobs]]


# Lost updates


def count_up(client: httpx.Client, codes: list[str], until: float, *, minds: bool) -> Counter[str]:
    """Add one to the number in a place's note as often as time allows; how often that was acknowledged.
    Who does not mind sends the version of now for what was read before."""
    acknowledged: Counter[str] = Counter()
    chance = random.Random(id(client))
    while time.monotonic() < until:
        code = chance.choice(codes)
        read = client.get(f"facility-records/{code}").json()
        version = read["version"] if minds else client.get(f"facility-records/{code}").json()["version"]
        body = {"note": str(int(read["items"][0]["note"]) + 1), "reason": "x"}
        answer = client.patch(f"facilities/{code}", json=body, headers={"If-Match": f'"{version}"'})
        assert answer.status_code in (200, 412), answer.text
        acknowledged[code] += answer.status_code == 200
    return acknowledged


def counted(url: str, seconds: float, *, minds: bool) -> tuple[int, int, int, int]:
    """How many of the writers' changes were acknowledged, stand in the versions and in the audit, and are
    found in the notes."""
    codes = [a_place(f"热 {number}", note="0").code for number in range(HOT)]
    with served(url) as client:
        until = time.monotonic() + seconds
        jobs = [partial(count_up, client(n), codes, until, minds=minds) for n in range(WRITERS)]
        acknowledged = sum(together(jobs), Counter())
    hot = [facilities.get(code) for code in codes]
    [(audited,)] = db.query("SELECT COUNT(*) FROM change WHERE noun = 'facility' AND action = 'update'")
    found = sum(int(record.note or 0) for record in hot)
    return acknowledged.total(), sum(record.version - 1 for record in hot), audited, found


def test_no_acknowledged_update_is_lost(reference):
    acknowledged, versions, audited, found = counted(reference, SECONDS, minds=True)

    assert acknowledged == versions == audited == found
    assert acknowledged > 3 * SECONDS


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_same_count_catches_clients_that_do_not_mind_what_they_read(reference):
    acknowledged, _, _, found = counted(reference, 3, minds=False)

    assert found < acknowledged


# Dropped answers


@contextmanager
def dropping(port: int) -> Iterator[int]:
    """The port of a proxy that hands every request on, and of every second one keeps the answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def run() -> None:
        number = 0
        while not stopped.is_set():
            try:
                inside, _ = listener.accept()
            except OSError:
                return
            number += 1
            with inside, socket.create_connection(("127.0.0.1", port), 30) as outside:
                outside.sendall(_whole(inside))
                answer = _whole(outside)
                if number % 2 == 0:
                    inside.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _whole(connection: socket.socket) -> bytes:
    """A message with its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += (more := connection.recv(65536))
        assert more
    return head + b"\r\n\r\n" + body


def insist(client: httpx.Client, path: str, body: Any, key: str | None) -> tuple[httpx.Response, int]:
    """(the answer, how often it was asked for): the request again until one comes."""
    headers = {"Connection": "close", **({"Idempotency-Key": key} if key else {})}
    for number in range(1, 5):
        try:
            return client.post(path, json=body, headers=headers), number
        except httpx.TransportError:
            continue
    raise AssertionError("no answer at all")


@pytest.mark.parametrize("keyed", [True, False])
def test_a_dropped_answer_that_is_asked_for_again_makes_one_write_with_a_key_and_two_without(
    reference, keyed
):
    place, number = a_place(), DROPPED if keyed else 10
    with served(reference, 1) as client:
        straight = client(0)
        with dropping(straight.base_url.port) as port:
            through = httpx.Client(
                base_url=f"http://127.0.0.1:{port}/api/v1/", headers=straight.headers, timeout=60
            )
            for n in range(number):
                body = {"held_on": "2026-09-01", "topic": f"第 {n} 次"}
                key = f"k{n}" if keyed else None
                answer, tries = insist(through, f"facilities/{place.code}/activities", body, key)
                assert (answer.status_code, tries) == (201, 2)
                if keyed:
                    path = f"facilities/{place.code}/activities"
                    again = straight.post(path, json=body, headers={"Idempotency-Key": key})
                    assert again.json() == answer.json()
            through.close()

    held = db.query("SELECT topic, COUNT(*) FROM activity GROUP BY topic")
    assert len(held) == number
    assert {count for _, count in held} == ({1} if keyed else {2})
    audited = db.query("SELECT COUNT(*) FROM change WHERE noun = 'activity'")[0][0]
    assert audited == number * (1 if keyed else 2)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_command_line_sends_a_write_again_when_the_line_breaks(reference, tmp_path):
    place = a_place()
    with served(reference, 1) as client:
        straight = client(0)
        with dropping(straight.base_url.port) as port:
            settings = {
                "SERVICEMAP_SERVER": f"http://127.0.0.1:{port}",
                "SERVICEMAP_TOKEN": straight.headers["Authorization"].removeprefix("Bearer "),
            }
            arguments = ("activity", "add", place.code, "--on", "2026-09-01", "--topic", "亲子阅读")
            ran = run_admin("facility", *arguments, url="sqlite:////nowhere/x.db", **settings)

    assert ran.code == 0, ran.err
    assert db.query("SELECT COUNT(*) FROM activity") == [(1,)]


def test_one_key_sent_twice_at_once_is_one_write(reference):
    a_place()
    with served(reference) as client:
        clients = [client(0), client(1)]
        for n in range(ROUNDS):
            body = {"name": f"新 {n}", "division": "441802001001", "type": "家长学校"}
            jobs = [
                partial(each.post, "facilities", json=body, headers={"Idempotency-Key": f"k{n}"})
                for each in clients
            ]
            answers = together(jobs)

            assert [answer.status_code for answer in answers] == [201, 201]
            assert answers[0].json() == answers[1].json()

    assert db.query("SELECT COUNT(*) FROM facility WHERE name LIKE ?", ("新 %",)) == [(ROUNDS,)]


def test_two_who_add_the_same_place_at_once_add_one(reference):
    a_place()
    with served(reference) as client:
        clients = [client(0), client(1)]
        for n in range(ROUNDS):
            body = {"name": f"新 {n}", "division": "441802001001", "type": "家长学校"}
            answers = together([partial(each.post, "facilities", json=body) for each in clients])

            assert sorted(answer.status_code for answer in answers) == [201, 409]


def issue_the_post(url: str, number: int) -> str:
    with bound_to(url):
        try:
            tokens.issue(SEED, label="一个岗位", role="editor", division=None, expires_on=None, today=TODAY)
        except ConflictError as error:
            return error.code
    return "issued"


def test_two_who_issue_a_token_for_one_post_at_once_issue_one(registry, in_processes):
    told = in_processes(issue_the_post, registry, 4)

    assert sorted(told) == ["issued", *["label_taken"] * 3]


# Crossing paths


def change(
    client: httpx.Client, version: int, code: str, verb: str = "", **body: Any
) -> tuple[str, int, str | None]:
    """(verb, status, our code for a refusal)"""
    headers = {"If-Match": f'"{version}"'}
    body = {"reason": "x", **body}
    if verb:
        answer = client.post(f"facilities/{code}/{verb}", json=body, headers=headers)
    else:
        answer = client.patch(f"facilities/{code}", json=body, headers=headers)
    said = answer.json()
    return verb, answer.status_code, said.get("code") if answer.is_error else None


CROSSINGS = {
    "two mergers": lambda a, b: [(a, "merge", {"into": b}), (b, "merge", {"into": a})],
    "three in a ring": lambda a, b: [
        (a, "merge", {"into": b}),
        (b, "merge", {"into": a}),
        (a, "", {"phone": "0763-1111111"}),
    ],
    "a merger and an edit of the one that stays": lambda a, b: [
        (a, "merge", {"into": b}),
        (b, "", {"phone": "0763-1111111"}),
    ],
    "a merger and an edit of the one that goes": lambda a, b: [
        (a, "merge", {"into": b}),
        (a, "", {"phone": "0763-1111111"}),
    ],
    "close and verify": lambda a, b: [(a, "close", {}), (a, "verify", {})],
}


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_paths_that_cross_end_in_one_after_the_other(reference, crossing):
    a_type()
    with served(reference) as client:
        clients = [client(n) for n in range(3)]
        for n in range(ROUNDS):
            one, two = (a_place(f"{side} {n}", phone="0763-2222222") for side in ("甲", "乙"))
            moves = CROSSINGS[crossing](one.code, two.code)
            done = together(
                [
                    partial(change, each, 1, code, verb, **body)
                    for each, (code, verb, body) in zip(clients, moves, strict=False)
                ]
            )

            assert {status for _, status, _ in done} <= {200, 409, 412, 422}, done
            assert any(status == 200 for _, status, _ in done)
            after = records.load([one.id, two.id])
            gone = [record for record in after.values() if record.merged_into_id]
            assert len(gone) == sum(verb == "merge" and status == 200 for verb, status, _ in done) <= 1
            for record in gone:
                assert not after[record.merged_into_id].merged_into_id
                assert all(role.closed_on for role in record.roles)
            written = sum(record.version - 1 for record in after.values())
            audited = db.query(
                "SELECT COUNT(*) FROM change WHERE key IN (?, ?) AND action <> 'create'", (one.code, two.code)
            )
            assert written == audited[0][0]
            if crossing == "close and verify":
                assert sorted(status for _, status, _ in done) == [200, 412]


def rename_by_import(client: httpx.Client, codes: list[str], number: int) -> int:
    """An import that renames the places, from its opening to its publication; how that was answered."""
    batch = client.post("imports", json={"file_name": "a", "headings": {}}).json()["id"]
    rows = [
        {
            "row": row,
            "cells": {
                "code": code,
                "name": f"{row} 第 {number} 次",
                "division": NORTH_GATE,
                "type": "家长学校",
            },
        }
        for row, code in enumerate(codes, 2)
    ]
    lines = "\n".join(map(json.dumps, rows)).encode()
    client.post(f"imports/{batch}/rows", content=lines, headers={"Content-Type": "application/x-ndjson"})
    client.post(f"imports/{batch}/plan")
    return client.post(f"imports/{batch}/apply", json={}).status_code


def test_an_import_and_corrections_of_the_same_places_never_stand_in_each_others_way(reference):
    codes = [a_place(f"第 {number} 家").code for number in range(30)]
    with served(reference) as client:
        importer, until = client(0), time.monotonic() + SECONDS
        jobs: list[Callable[[], Any]] = [
            partial(touch, client(1 + n), codes, until, random.Random(n)) for n in range(2)
        ]

        def imports() -> set[int]:
            told = set()
            while time.monotonic() < until:
                told.add(rename_by_import(importer, codes, len(told)))
            time.sleep(1)
            return told | {rename_by_import(importer, codes, -1)}

        told = together([*jobs, imports])

    assert set().union(*told) <= {200, 409, 412}
    assert all(200 in each for each in told)


def touch(client: httpx.Client, codes: list[str], until: float, chance: random.Random) -> set[int]:
    told = set()
    while time.monotonic() < until:
        code = chance.choice(codes)
        version = client.get(f"facility-records/{code}").json()["version"]
        told.add(change(client, version, code, note=str(chance.random()), name=str(chance.random()))[1])
        time.sleep(chance.random() / 5)  # now and then a plan is not stale
    return told


def test_a_token_that_is_revoked_ends_an_import_between_two_requests(reference):
    a_place()
    with served(reference, 1) as client:
        worker = client(0)
        batch = worker.post("imports", json={"file_name": "a", "headings": {}}).json()["id"]
        row = '{"row": %d, "cells": {"name": "第 %d 家", "division": "441802001001", "type": "家长学校"}}'
        sent = []
        for n in range(5):
            lines = "\n".join(row % (i, i) for i in range(2 + 100 * n, 102 + 100 * n))
            headers = {"Content-Type": "application/x-ndjson"}
            sent.append(
                worker.post(f"imports/{batch}/rows", content=lines.encode(), headers=headers).status_code
            )
            if n == 2:
                tokens.revoke(SEED, tokens.current("岗位").id)
        applied = worker.post(f"imports/{batch}/apply", json={})

    assert [status < 300 for status in sent] == [True] * 3 + [False] * 2
    assert sent[3:] == [401, 401]
    assert (applied.status_code, applied.json()["code"]) == (401, "token_unknown")
    assert db.query("SELECT COUNT(*) FROM facility WHERE name LIKE ?", ("第 %",)) == [(0,)]
