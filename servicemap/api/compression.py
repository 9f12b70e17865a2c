"""Smaller answers: brotli or gzip at level 1, which give most of the saving for least of the time."""

import zlib
from functools import lru_cache

import brotli  # type: ignore[import-untyped]
from flask import Response

LEAST_BYTES = 1000  # below it the headers outweigh the saving
SUFFIX = {"br": "-br", "gzip": "-gz"}  # of the ETag: another coding is another representation
LONGEST_HEADER = 200
TEXT = ("text/", "application/json", "application/problem+json", "application/geo+json")


@lru_cache(maxsize=256)
def coding(accept_encoding: str) -> str | None:
    """br, gzip or None (as it is), by what an Accept-Encoding header likes best; br where it likes both.

    None also where it wants neither and forbids identity: an answer is of more use than a 406.
    """
    liking = {"br": -1.0, "gzip": -1.0, "identity": -1.0, "*": -1.0}  # -1: not named
    for part in accept_encoding[:LONGEST_HEADER].lower().split(","):
        name, _, weight = part.partition(";")
        name = {"x-gzip": "gzip"}.get(name.strip(), name.strip())
        if name in liking:
            liking[name] = _weight(weight.strip())
    rest = max(liking["*"], 0)
    like = {name: rest if liking[name] < 0 else liking[name] for name in ("br", "gzip")}
    best = "br" if like["br"] >= like["gzip"] else "gzip"
    return best if like[best] > 0 and like[best] >= liking["identity"] else None


def _weight(text: str) -> float:
    """The q of `q=0.5`; 1 without one, 0 when it is not understood."""
    if not text:
        return 1.0
    digits = text.removeprefix("q=").strip()
    return float(digits) if text.startswith("q=") and digits.replace(".", "", 1).isdecimal() else 0.0


def compress(response: Response, accept_encoding: str) -> str | None:
    """Compress the response's body in place when that is asked for and pays; the coding, None without."""
    if response.is_streamed or response.direct_passthrough or "Content-Encoding" in response.headers:
        return None
    if not (chosen := coding(accept_encoding)) or not (response.content_type or "").startswith(TEXT):
        return None
    body = response.get_data()
    if len(body) < LEAST_BYTES:
        return None
    # 31: with gzip's header
    smaller = brotli.compress(body, quality=1) if chosen == "br" else zlib.compress(body, 1, wbits=31)
    response.set_data(smaller)
    response.headers["Content-Encoding"] = chosen
    return chosen
