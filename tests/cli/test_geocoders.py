"""What the geocoders make of answers, also of hostile ones: real HTTP to a stub."""

import json
import time
from collections.abc import Iterator

import pytest

from admin_cli.geocoders import PROVIDERS, Answer, KeyRefusedError, ask
from servicemap.errors import InvalidError, UnavailableError
from tests.cli.geocoder_stub import KEY, MISSED, POINT, Stub, found, serving, stub

__all__ = ["stub"]
LNG, LAT = POINT
BYS = tuple(PROVIDERS)


def put(stub: Stub, by: str, answer: object, timeout: float = 0.5) -> Answer | None:
    """Ask the stub, which gives this answer."""
    stub.answer = lambda _: answer
    provider = PROVIDERS[by](KEY, domain=stub.url.removeprefix("http://"), scheme="http", timeout=timeout)
    return ask(provider, "清远市清城区北门街1号", "清远市", "441800")


@pytest.mark.parametrize("by", BYS)
def test_a_position_is_read_and_a_miss_is_told_from_a_failure(stub, by):
    adcode = "441802" if by == "amap" else None

    assert put(stub, by, found(by)) == Answer(LAT, LNG, "door", adcode)
    assert put(stub, by, MISSED[by]) is None


@pytest.mark.parametrize(
    ("by", "level", "precision"),
    [
        ("amap", "兴趣点", "door"),
        ("amap", "道路", "street"),
        ("amap", "村庄", "community"),
        ("amap", "乡镇", "town"),
        ("amap", "区县", "coarse"),
        ("amap", "未知", "unknown"),
        ("amap", [], "unknown"),
        ("baidu", "教育", "door"),
        ("baidu", "道路", "street"),
        ("baidu", "乡镇", "town"),
        ("baidu", "城市", "coarse"),
        ("baidu", "UNKNOWN", "unknown"),
        ("tianditu", "道路", "street"),
        ("tianditu", "地名地址", "community"),
        ("tianditu", "乡镇", "town"),
        ("tianditu", "市", "coarse"),
        ("tianditu", None, "unknown"),
    ],
)
def test_a_level_becomes_a_precision(stub, by, level, precision):
    assert put(stub, by, found(by, level=level)).precision == precision


def test_a_fuzzy_position_of_baidu_leads_to_no_door(stub):
    assert put(stub, "baidu", found("baidu", precise=0)).precision == "community"
    assert put(stub, "baidu", found("baidu", precise=0, level="乡镇")).precision == "town"


WRONG = [
    ("x", "y"),
    ("", ""),
    (LAT, 113.0262),  # swapped: no latitude is 113
    (LNG, 90.5),
    (180.5, LAT),
    ("1e2", LAT),
    ("１１３", LAT),
    (" 113", LAT),
    (KEY, KEY),
]


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize(("lng", "lat"), WRONG)
def test_what_is_no_position_is_a_bad_answer_of_this_address_alone(stub, by, lng, lat):
    with pytest.raises(InvalidError) as caught:
        put(stub, by, found(by, lng, lat))

    assert caught.value.code == "bad_answer"
    assert KEY not in str(caught.value)


BAIDU = '{"status": 0, "result": {"location": {"lng": %s, "lat": 23.7}, "precise": 1, "level": "门址"}}'


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "true", "null", "[113]"]
)
def test_a_number_that_is_none_is_a_bad_answer(stub, number):
    with pytest.raises(InvalidError, match="可用的位置"):
        put(stub, "baidu", (BAIDU % number).encode())


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize("inner", [None, 1, "x", [[]], [1], {"location": 5}, [{"location": ["a"]}]])
def test_another_shape_is_a_bad_answer_or_a_miss(stub, by, inner):
    page = {"tianditu": {"status": "0", "location": inner}, "baidu": {"status": 0, "result": inner}}
    page["amap"] = {"infocode": "10000", "geocodes": inner}

    try:
        assert put(stub, by, page[by]) is None
    except InvalidError as error:
        assert error.code == "bad_answer"  # noqa: PT017  (either is right, nothing else)


UNREADABLE = {
    "HTML": b"<html>" + KEY.encode(),
    "nothing": b"",
    "a list": b"[]",
    "deep": b'{"a":' * 100_000,
    "deep lists": b"[" * 200_000,
    "huge": b'{"a": "' + b"x" * 3_000_000 + b'"}',
    "a huge number": b'{"status": ' + b"9" * 5_000 + b"}",
    "not UTF-8": b"\xff\xfe\x00",
    "no status": b"{}",
    "a status of another type": b'{"status": [1], "infocode": {"a": 1}}',
    "the key as status": json.dumps({"status": KEY, "infocode": KEY}).encode(),
}


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_answer_at_all_ends_the_run(stub, by, name):
    with pytest.raises(UnavailableError) as caught:
        put(stub, by, UNREADABLE[name])

    assert caught.value.code == "geocoder_unreadable"
    assert KEY not in str(caught.value)


FAILURES = [
    ("amap", {"status": "0", "infocode": "10001"}, "geocoder_key_refused"),
    ("amap", {"status": "0", "infocode": "10009"}, "geocoder_key_refused"),
    ("amap", {"status": "0", "infocode": "10003"}, "geocoder_quota"),
    ("amap", {"status": "0", "infocode": "10044"}, "geocoder_quota"),
    ("amap", {"status": "0", "infocode": "10021"}, "geocoder_too_fast"),
    ("amap", {"status": "0", "infocode": "10016"}, "geocoder_down"),
    ("amap", {"status": "0", "infocode": "20000"}, "address_not_understood"),
    ("baidu", {"status": 5}, "geocoder_key_refused"),
    ("baidu", {"status": 240}, "geocoder_key_refused"),
    ("baidu", {"status": 4}, "geocoder_quota"),
    ("baidu", {"status": 302}, "geocoder_quota"),
    ("baidu", {"status": 401}, "geocoder_too_fast"),
    ("baidu", {"status": 1, "msg": "内部错误"}, "geocoder_down"),
    ("baidu", {"status": 2}, "address_not_understood"),
    ("tianditu", {"status": "404"}, "geocoder_down"),
    ("tianditu", {"code": 301003, "msg": KEY}, "geocoder_key_refused"),
    *((by, (403, {}, KEY.encode()), "geocoder_key_refused") for by in BYS),
    *((by, (429, {"Retry-After": KEY}, KEY.encode()), "geocoder_too_fast") for by in BYS),
    *((by, (500, {"reason": KEY}, KEY.encode()), "geocoder_down") for by in BYS),
    *((by, (503, {}, b""), "geocoder_down") for by in BYS),
    (
        "amap",
        (200, {"Content-Type": "text/html; charset=nonsense", "Content-Length": "9"}, b"{}"),
        "geocoder_",
    ),
    ("amap", (200, {"Transfer-Encoding": "chunked"}, b"zz\r\n{}"), "geocoder_"),
]


@pytest.mark.parametrize(("by", "answer", "code"), FAILURES)
def test_every_failure_has_its_own_word(stub, by, answer, code):
    with pytest.raises((KeyRefusedError, UnavailableError, InvalidError)) as caught:
        put(stub, by, answer)

    assert caught.value.code.startswith(code)
    assert KEY not in repr(caught.value)
    assert caught.value.__context__ is None  # a traceback would carry what the provider said


def drop_by_drop() -> Iterator[bytes]:
    for _ in range(30):
        yield b" "
        time.sleep(0.1)


def late() -> Iterator[bytes]:
    time.sleep(2)
    yield b"{}"


@pytest.mark.parametrize("body", [drop_by_drop, late])
def test_who_is_slow_is_not_waited_for(stub, body):
    with pytest.raises(UnavailableError) as caught:
        put(stub, "amap", (200, {}, body()))

    assert caught.value.code == "geocoder_down"  # waited for, it would be geocoder_unreadable


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(stub, status):
    with serving() as other:
        other.answer = lambda _: found("amap")
        with pytest.raises(UnavailableError, match=f"（{status}）"):
            put(stub, "amap", (status, {"Location": f"{other.url}/?key={KEY}"}, b""))

    assert len(stub.asked) == 1
    assert other.asked == []


def test_nobody_there_is_an_outage():
    with serving() as stub:
        gone = stub.url[7:]
    with pytest.raises(UnavailableError) as caught:
        ask(PROVIDERS["baidu"](KEY, domain=gone, scheme="http", timeout=0.5), "北门街1号", "", "")

    assert caught.value.code == "geocoder_down"


def test_an_answer_is_read_no_farther_than_an_answer_goes(stub):
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(400):
            sent.append(1)
            yield b"x" * 65_536

    with pytest.raises(UnavailableError):
        put(stub, "amap", (200, {}, endless()), timeout=60)

    assert len(sent) < 400
