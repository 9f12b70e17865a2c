"""A stub of the three geocoders on 127.0.0.1, that answers what a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

KEY = "canary-key-5f0e6a1b"
POINT = (113.0262, 23.7080)  # in 清城区, whatever the datum
ELSEWHERE = (113.4155, 24.1860)  # in 英德市
LEVELS = {"tianditu": "门址", "amap": "门牌号", "baidu": "门址"}
COARSE = {"tianditu": "区县", "amap": "区县", "baidu": "区县"}
ADDRESS = {
    "tianditu": lambda asked: json.loads(asked["ds"])["keyWord"],
    "amap": lambda asked: asked["address"],
    "baidu": lambda asked: asked["address"],
}


def found(by: str, lng: object = POINT[0], lat: object = POINT[1], **given: object) -> dict:
    """The answer of this provider with a position."""
    level = given.get("level", LEVELS[by])
    if by == "tianditu":
        return {"status": "0", "msg": "ok", "location": {"lon": str(lng), "lat": str(lat), "level": level}}
    if by == "amap":
        adcode = given.get("adcode", "441802")
        place = {"location": f"{lng},{lat}", "level": level, "adcode": adcode, "street": []}
        return {"status": "1", "info": "OK", "infocode": "10000", "count": "1", "geocodes": [place]}
    precise = given.get("precise", 1)
    place = {"location": {"lng": lng, "lat": lat}, "precise": precise, "level": level, "confidence": 80}
    return {"status": 0, "result": place}


MISSED = {
    "tianditu": {"status": "101", "msg": "结果为空"},
    "amap": {"status": "1", "info": "OK", "infocode": "10000", "count": "0", "geocodes": []},
    "baidu": {"status": 1, "msg": "Internal Service Error:无相关结果", "results": []},
}


class Stub:
    """`asked` are the parameters of each request; `answer(parameters)` gives the JSON, the bytes, or
    (status, headers, bytes) to say."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, str]], object] = lambda asked: {}

    def addresses(self, by: str) -> list[str]:
        return [ADDRESS[by](asked) for asked in self.asked]


@contextmanager
def serving() -> Iterator[Stub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            stub.asked.append(asked)
            said = stub.answer(asked)
            if isinstance(said, dict):
                said = json.dumps(said, ensure_ascii=False).encode()
            status, headers, body = said if isinstance(said, tuple) else (200, {}, said)
            try:
                self.send_response(status, headers.pop("reason", None))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for chunk in [body] if isinstance(body, bytes) else body:
                    self.wfile.write(chunk)
            except ConnectionError:
                pass  # who asked has gone

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub = Stub(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield stub
        server.shutdown()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as stub:
        yield stub
