"""Limits by address: wide, shared by all processes, never in the way when they fail."""

import json

import pytest

from servicemap.access import ANONYMOUS
from servicemap.api.limits import FEEDBACK, READS, WRITES, Limiter
from servicemap.config import Settings

NOW = 1_790_000_000.0
A = {"REMOTE_ADDR": "192.0.2.1"}
B = {"REMOTE_ADDR": "192.0.2.2"}


@pytest.fixture
def rates(tmp_path) -> Settings:
    return Settings(
        reads_per_minute=6,
        writes_per_minute=3,
        feedback_per_day=5,
        rate_file=str(tmp_path / "rate"),
        trusted_proxies="10.0.0.0/8",
    )


def test_a_crowd_behind_one_address_is_let_in_and_then_told_when_to_come_back(rates):
    limiter, other_process = Limiter(rates), Limiter(rates)

    passed = [(limiter, other_process)[n % 2].wait(A, READS, NOW) for n in range(60)]
    refused = limiter.wait(A, READS, NOW)

    assert (passed, refused) == ([0] * 60, 10)
    assert limiter.wait(A, READS, NOW + 10) == 0
    assert limiter.wait(B, READS, NOW) == limiter.wait(A, WRITES, NOW) == 0


def test_feedback_is_counted_by_the_day_by_all_processes_and_begins_anew(rates):
    limiter, other_process = Limiter(rates), Limiter(rates)
    midnight = NOW // 86_400 * 86_400 + 86_400

    passed = [(limiter, other_process)[n % 2].wait(A, FEEDBACK, NOW + n) for n in range(5)]
    refused = other_process.wait(A, FEEDBACK, NOW + 3600)

    assert (passed, refused) == ([0] * 5, midnight - NOW - 3600)
    assert limiter.wait(B, FEEDBACK, NOW) == limiter.wait(A, WRITES, NOW) == 0
    assert limiter.wait(A, FEEDBACK, midnight + 1) == 0
    assert b"192.0.2" not in rates.rate_path.read_bytes()


@pytest.mark.parametrize("harm", ["cut short", "nonsense", "a folder"])
def test_a_file_that_fails_stops_nobody(rates, harm):
    limiter = Limiter(rates)
    if harm == "a folder":
        rates.rate_path.mkdir()
    else:
        limiter.wait(A, WRITES, NOW)
        rates.rate_path.write_bytes(b"" if harm == "cut short" else b"\xff" * 2_000_000)

    assert limiter.wait(A, WRITES, NOW) == 0
    assert limiter.wait(A, FEEDBACK, NOW) == 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [("192.0.2.1", "203.0.113.9", "192.0.2.1"), ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
     ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"), ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
     ("10.0.0.1", "unknown", None), ("127.0.0.1", "203.0.113.9", None), ("127.0.0.1", None, "127.0.0.1"),
     ("2001:db8:1:2:3::4", None, "20010db800010002::"), ("", None, None)],
)  # fmt: skip
def test_only_a_trusted_proxy_says_who_asks(rates, peer, forwarded, address):
    environ = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})

    assert Limiter(rates).address(environ) == address


def test_who_asks_too_much_gets_a_429_until_it_holds_the_answer(door):
    client = door(reads_per_minute=1, writes_per_minute=1)
    first = client.get("/api/v1/facilities")

    answers = [client.get("/api/v1/facilities") for _ in range(10)]
    held = client.get("/api/v1/facilities", headers={"If-None-Match": first.headers["ETag"]})

    assert [answer.status_code for answer in answers] == [200] * 9 + [429]
    assert json.loads(answers[-1].data)["code"] == "too_many_requests"
    assert (answers[-1].headers["Retry-After"], held.status_code) == ("60", 304)
    assert client.get("/healthz").status_code == 200
    assert 'facilities.list_facilities",status="304"} 1' in client.get("/metrics").text
    assert 'status="429"} 1' in client.get("/metrics").text


def test_the_counts_are_for_who_works_on_this_machine(client, admin):
    here, proxied = client.get("/metrics"), client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})
    away = client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert (here.status_code, proxied.status_code, away.status_code) == (200, 404, 404)
    assert admin.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200
    assert ANONYMOUS.name not in here.text
