"""Missing positions filled in from addresses: the command as people run it, a stub for the provider."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from servicemap import db, geo
from servicemap.records import load
from tests.cli.conftest import Admin, run_admin
from tests.cli.geocoder_stub import COARSE, ELSEWHERE, KEY, LEVELS, MISSED, POINT, Stub, found, stub
from tests.factories import TODAY, a_change, a_place, scaled

__all__ = ["stub"]
HERE = "441802006001"  # in 清城区
BYS = tuple(LEVELS)
DATUMS = {"tianditu": "wgs84", "amap": "gcj02", "baidu": "bd09"}
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"])


def a_lost_place(name: str, address: str | None = "北门街1号", **given):
    return a_place(name, division=HERE, lng=None, address=address, **given)


@pytest.fixture
def geocode(reference, stub, tmp_path):
    """geocode("amap", …) asks the stub, with a cache of this test."""

    def run(by: str, *options: object, **environ: str):
        ours = ("--server", stub.url, "--per-second", "100", "--cache", tmp_path / "cache.db")
        keys = {f"SERVICEMAP_{by.upper()}_KEY": KEY, "NO_PROXY": "127.0.0.1"}
        arguments = ("facility", "geocode", "--by", by, *ours, "--format", "json", *options)
        return run_admin(*arguments, url=reference, **{**keys, **environ})

    return run


def position(place) -> tuple:
    now = load([place.id])[place.id]
    return now.lng, now.lat, now.position_precision, now.position_datum, now.position_source


# What is asked and written


@pytest.mark.parametrize("by", BYS)
def test_a_place_gets_its_position_in_wgs84_with_precision_and_source(geocode, stub, by):
    place = a_lost_place("北门家长学校", "北门街1号")
    stub.answer = lambda _: found(by)

    ran = geocode(by)

    lng, lat, precision, datum, source = position(place)
    assert (ran.code, ran.json["counts"]["written"]) == (0, 1), ran.err
    assert (lng, lat) == pytest.approx(geo.to_wgs84(*POINT, DATUMS[by]), abs=1e-7)
    assert (precision, datum) == ("door", DATUMS[by])
    assert source.startswith(f"geocoded:{by} 20")


@ON_SQLITE
@pytest.mark.parametrize(
    ("by", "asked"),
    [
        ("tianditu", {"ds": '{"keyWord": "清远市清城区北门街1号"}', "tk": KEY}),
        ("amap", {"address": "清远市清城区北门街1号", "city": "441800", "output": "JSON", "key": KEY}),
        ("baidu", {"address": "清远市清城区北门街1号", "city": "清远市", "output": "json", "ak": KEY}),
    ],
)
def test_only_the_address_and_the_city_are_sent(geocode, stub, by, asked):
    a_lost_place("秘密的名字", phone="0763-3360000", note="说明")
    stub.answer = lambda _: found(by)

    geocode(by)

    assert stub.asked == [asked]


@ON_SQLITE
def test_city_and_county_stand_in_front_where_the_address_lacks_them(geocode, stub):
    given = ["北门街1号", "清城区北门街2号", "清远市北门街3号", "广东省清远市清城区北门街4号"]
    for address in given:
        a_lost_place(address, address)
    stub.answer = lambda _: found("amap")

    geocode("amap")

    assert stub.addresses("amap") == [
        "清远市清城区北门街1号",
        "清远市清城区北门街2号",
        "清远市清城区北门街3号",
        "广东省清远市清城区北门街4号",
    ]


@pytest.mark.parametrize("by", BYS)
def test_what_is_hidden_remote_closed_placed_or_without_address_is_never_sent(geocode, stub, by):
    a_lost_place("庇护所", visibility="contact_only")
    a_lost_place("网上", delivery="online")
    a_lost_place("关了", closed_on=TODAY.replace(year=2020))
    a_lost_place("没地址", address=None)
    a_place("有位置", division=HERE, address="北门街1号")
    before = db.query("SELECT id, lng, lat, version FROM facility ORDER BY id")

    ran = geocode(by)

    counts = ran.json["counts"]
    assert stub.asked == []
    assert (counts["contact_only"], counts["closed"], counts["no_address"], ran.code) == (1, 1, 1, 0)
    assert db.query("SELECT id, lng, lat, version FROM facility ORDER BY id") == before


@ON_SQLITE
def test_a_place_that_is_hidden_during_the_run_is_not_sent(geocode, stub, reference):
    a_lost_place("先问的", "北门街1号")
    hidden = a_lost_place("后来不公开", "北门街2号")

    def answer(_):
        with sqlite3.connect(reference.removeprefix("sqlite:///")) as other:
            other.execute("UPDATE facility SET visibility = 'contact_only' WHERE id = ?", (hidden.id,))
        return found("amap")

    stub.answer = answer
    ran = geocode("amap")

    assert stub.addresses("amap") == ["清远市清城区北门街1号"]
    assert (ran.json["counts"]["contact_only"], ran.json["counts"]["written"]) == (1, 1)


@ON_SQLITE
@pytest.mark.parametrize(
    "change", ["name = '新名字'", "lng = 113.05, lat = 23.7, position_precision = 'door'"]
)
def test_what_somebody_else_changes_meanwhile_stays(geocode, stub, reference, change):
    place = a_lost_place("旧名字")

    def answer(_):
        with sqlite3.connect(reference.removeprefix("sqlite:///")) as other:
            other.execute(f"UPDATE facility SET {change} WHERE id = ?", (place.id,))
        return found("amap")

    stub.answer = answer
    ran = geocode("amap")

    now = load([place.id])[place.id]
    assert (now.name, now.lng) == (("新名字", None) if "name" in change else ("旧名字", 113.05))
    assert (ran.json["counts"]["changed_meanwhile"], ran.json["counts"]["written"]) == (1, 0)


# What is not believed


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize("reason", ["other_county", "too_coarse", "unknown_precision", "bad_answer"])
def test_an_answer_that_is_not_believed_is_listed_and_not_written(geocode, stub, by, reason):
    place = a_lost_place("北门家长学校")
    stub.answer = lambda _: {
        "other_county": found(by, *ELSEWHERE),
        "too_coarse": found(by, level=COARSE[by]),
        "unknown_precision": found(by, level="?"),
        "bad_answer": found(by, POINT[1], POINT[0]),
    }[reason]

    ran = geocode(by)

    assert (ran.code, ran.json["counts"]["rejected"]) == (3, 1)
    assert reason in ran.json["rows"][0]["detail"]
    assert position(place) == (None, None, "none", None, None)


@ON_SQLITE
def test_the_county_that_the_provider_names_must_be_the_places(geocode, stub):
    place = a_lost_place("北门家长学校")
    stub.answer = lambda _: found("amap", adcode="441881")

    ran = geocode("amap")

    assert "other_county" in ran.json["rows"][0]["detail"]
    assert position(place)[0] is None


@ON_SQLITE
@pytest.mark.parametrize(("by", "reason"), [("amap", "outside_extent"), ("baidu", "unknown_county")])
def test_a_point_far_away_is_rejected_whatever_county_is_named(geocode, stub, by, reason):
    place = a_lost_place("北门家长学校")
    stub.answer = lambda _: found(by, 116.3974, 39.9087)

    ran = geocode(by)

    assert (ran.code, reason in ran.json["rows"][0]["detail"]) == (3, True), ran.out
    assert position(place)[0] is None


@ON_SQLITE
def test_a_dry_run_says_what_would_be_and_writes_nothing(geocode, stub):
    place = a_lost_place("北门家长学校")
    stub.answer = lambda _: found("amap")

    dry = geocode("amap", "--dry-run")
    wet = geocode("amap")

    assert (dry.code, dry.json["counts"]["found"], dry.json["counts"]["written"]) == (0, 1, 0)
    assert dry.json["rows"][0]["code"] == place.code
    assert wet.json["counts"]["written"] == 1
    assert len(stub.asked) == 1


@ON_SQLITE
def test_a_table_ends_with_the_counts(geocode, stub):
    a_lost_place("北门家长学校")
    stub.answer = lambda _: MISSED["amap"]

    ran = geocode("amap", "--format", "table")

    assert "高德没有找到" in ran.out
    assert re.search(r"\n\n合计 .*\n没找到 +1\n", ran.out, re.DOTALL)
    assert "只公开联系方式的服务点不发" in ran.err


# Nobody is asked twice


@pytest.mark.parametrize("by", BYS)
def test_a_second_run_asks_nothing_again_unless_told_to_retry_misses(geocode, stub, by):
    for number in range(4):
        a_lost_place(f"第 {number} 家", f"北门街{number}号")
    stub.answer = lambda asked: MISSED[by] if "街0号" in str(asked) else found(by, *ELSEWHERE)

    first, second = geocode(by), geocode(by)
    retried = geocode(by, "--retry-misses")

    assert (first.json, second.json) == (retried.json, retried.json)
    assert first.json["counts"]["not_found"] == 1
    assert [address[-4:] for address in stub.addresses(by)] == [
        *(f"门街{number}号"[-4:] for number in range(4)),
        "门街0号",
    ]


@ON_SQLITE
def test_a_limit_ends_the_questions_and_the_next_run_goes_on(geocode, stub):
    for number in range(5):
        a_lost_place(f"第 {number} 家", f"北门街{number}号")
    stub.answer = lambda _: found("amap")

    first = geocode("amap", "--limit", 2)
    second = geocode("amap")

    assert (first.json["counts"]["written"], first.json["counts"]["left"]) == (2, 3)
    assert (second.json["counts"]["written"], second.json["counts"]["left"]) == (3, 0)
    assert len(stub.asked) == 5


def kill_often(stub: Stub, url: str, cache_of, places: int, kills: int) -> int:
    """Run and kill -9 after a few more answers, `kills` times; then to the end. How many questions."""
    stub.answer = lambda _: time.sleep(0.01) or found("amap")
    for number in range(kills + 1):
        command = [sys.executable, "-m", "admin_cli.main", "facility", "geocode", "--by", "amap"]
        command += ["--server", stub.url, "--per-second", "100", "--cache", str(cache_of(number))]
        environ = {**os.environ, "SERVICEMAP_DATABASE_URL": url, "SERVICEMAP_AMAP_KEY": KEY}
        with subprocess.Popen(
            command, env=environ, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL
        ) as process:
            enough = len(stub.asked) + places // (kills + 2)
            while number < kills and len(stub.asked) < enough and process.poll() is None:
                time.sleep(0.001)
            if number < kills:
                process.kill()
        time.sleep(0.1)  # for a request on its way
    return len(stub.asked)


@ON_SQLITE
def test_kill_9_and_again_asks_nothing_twice_and_writes_everything(reference, stub, tmp_path):
    places, kills = scaled(100, 30), scaled(10, 3)
    lost = [a_lost_place(f"第 {number} 家", f"北门街{number}号") for number in range(places)]

    asked = kill_often(stub, reference, lambda _: tmp_path / "cache.db", places, kills)

    # a kill between answer and disk costs its one question
    assert places <= asked <= places + kills
    assert len(set(stub.addresses("amap"))) == places
    assert all(position(place)[0] for place in lost)


@ON_SQLITE
def test_a_cache_that_forgets_would_be_caught(reference, stub, tmp_path):
    places, kills = scaled(100, 30), scaled(10, 3)
    for number in range(places):
        a_lost_place(f"第 {number} 家", f"北门街{number}号")

    asked = kill_often(stub, reference, lambda number: tmp_path / f"{number}.db", places, kills)

    assert asked > places + kills


# What ends a run


STOPS = [
    ({"status": "0", "infocode": "10003"}, 75, "geocoder_quota"),
    ({"status": "0", "infocode": "10021"}, 75, "geocoder_too_fast"),
    ({"status": "0", "infocode": "10001"}, 3, "geocoder_key_refused"),
    ((500, {}, b""), 75, "geocoder_down"),
    (b"<html>login</html>", 75, "geocoder_unreadable"),
]


@ON_SQLITE
@pytest.mark.parametrize(("failure", "code", "word"), STOPS)
def test_a_failure_of_all_ends_the_run_and_what_was_found_is_written(geocode, stub, failure, code, word):
    first = a_lost_place("第一家", "北门街1号")
    a_lost_place("第二家", "北门街2号")
    a_lost_place("第三家", "北门街3号")
    stub.answer = lambda asked: found("amap") if "1号" in asked["address"] else failure

    ran = geocode("amap")
    stub.answer = lambda _: found("amap")
    again = geocode("amap")

    assert (ran.code, ran.json["stopped"]) == (code, word)
    assert word in ran.err
    assert (ran.json["counts"]["written"], ran.json["counts"]["left"]) == (1, 2)
    assert position(first)[0]
    assert again.json["counts"]["written"] == 2
    assert len(stub.asked) == 4


@ON_SQLITE
def test_a_key_that_is_refused_at_once_changes_nothing_and_says_so(geocode, stub):
    a_lost_place("第一家")
    stub.answer = lambda _: {"status": "0", "infocode": "10001"}

    assert geocode("amap").code == 1


@ON_SQLITE
def test_without_a_key_nothing_is_asked_and_the_cure_is_named(geocode, stub):
    a_lost_place("第一家")

    ran = geocode("baidu", SERVICEMAP_BAIDU_KEY="")

    assert (ran.code, stub.asked) == (1, [])
    assert "SERVICEMAP_BAIDU_KEY" in ran.err


# The key


HOSTILE = {
    "said as reason": {"status": "0", "info": KEY, "infocode": "10001"},
    "said as code": {"status": KEY, "infocode": KEY},
    "said as level": found("amap", level=KEY),
    "said as county": found("amap", adcode=KEY),
    "said as position": found("amap", KEY, KEY),
    "said as HTML": KEY.encode(),
    "said as a name": {KEY: KEY, "infocode": "10000", "geocodes": [{KEY: KEY, "location": {KEY: 1}}]},
    "403": (403, {"reason": KEY}, KEY.encode()),
    "429": (429, {"Retry-After": KEY, "reason": KEY}, KEY.encode()),
    "500": (500, {KEY: KEY, "reason": KEY}, KEY.encode()),
    "302": (302, {"Location": f"http://127.0.0.1:1/?key={KEY}"}, KEY.encode()),
    "a redirect to a file": (302, {"Location": f"file:///{KEY}"}, b""),
    "another charset": (200, {"Content-Type": f"text/html; charset={KEY}"}, KEY.encode()),
    "a length that lies": (200, {"Content-Length": "999"}, KEY.encode()),
    "deep": KEY.encode().join([b'{"a":"', b'","b":' + b'{"a":' * 100_000]),
}


@ON_SQLITE
@pytest.mark.parametrize("name", HOSTILE)
def test_the_key_stands_nowhere_whatever_the_provider_says(geocode, stub, tmp_path, name):
    a_lost_place("北门家长学校")
    stub.answer = lambda _: HOSTILE[name]
    log = tmp_path / "admin.log"

    ran = geocode("amap", SERVICEMAP_LOG_FILE=str(log))

    assert stub.asked[0]["key"] == KEY
    assert ran.code in (0, 1, 3, 75)
    assert "[internal]" not in ran.err
    assert KEY not in ran.out + ran.err
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holding == []
    assert not log.exists() or "Traceback" not in log.read_text()


# The cache


@ON_SQLITE
def test_the_cache_is_the_users_alone_and_no_other_file_is_taken_for_it(geocode, stub, tmp_path, reference):
    a_lost_place("北门家长学校")
    stub.answer = lambda _: found("amap")
    text = tmp_path / "notes.txt"
    text.write_text("notes")
    registry = Path(reference.removeprefix("sqlite:///"))

    refused = [geocode("amap", "--cache", path) for path in (text, registry, tmp_path)]
    geocode("amap")

    assert [ran.code for ran in refused] == [1, 1, 1]
    assert text.read_text() == "notes"
    assert "answered" not in {row[0] for row in db.query("SELECT name FROM sqlite_master")}
    assert stat.S_IMODE((tmp_path / "cache.db").stat().st_mode) == 0o600


@ON_SQLITE
def test_the_default_cache_stands_in_the_users_cache_folder(city: Admin, stub, tmp_path):
    a_lost_place("北门家长学校")
    stub.answer = lambda _: found("amap")

    ran = city(
        *("facility", "geocode", "--by", "amap", "--server", stub.url),
        SERVICEMAP_AMAP_KEY=KEY,
        XDG_CACHE_HOME=str(tmp_path / "own"),
    )

    assert ran.code == 0, ran.err
    assert stat.S_IMODE((tmp_path / "own/servicemap/geocoded.db").stat().st_mode) == 0o600


# Where a position comes from


@ON_SQLITE
def test_the_source_of_a_position_is_exported_and_goes_when_the_position_moves(geocode, stub, city, tmp_path):
    place = a_lost_place("北门家长学校")
    stub.answer = lambda _: found("amap")
    geocode("amap")
    city("facility", "export", "--output", tmp_path / "out.csv")

    again = city("facility", "import", tmp_path / "out.csv")
    shown = city("facility", "show", place.code)
    kept = position(place)[4]
    a_change(load([place.id])[place.id], lng=113.05, lat=23.7, position_datum="wgs84")

    assert "更新 0" in again.out
    assert kept.startswith("geocoded:amap")
    assert kept in shown.out
    assert position(place)[4] is None
