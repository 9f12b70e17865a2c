"""What a cache may keep, for how long, and whether what it holds still stands.

An ETag names the state of the registry, the code, the path with its query as it was sent, and the local
day or minute; whoever shows one that we would give now has the answer of now, so a 304 needs neither the
view nor any query but the registry's version.
"""

from datetime import datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from servicemap.audit import State

DAY, MINUTE = "day", "minute"
# What anybody may read: how often an answer can differ while the registry does not change. Opening state
# differs by the minute, everything else by the day. What is not here is not kept by anybody.
CHANGES = {
    "facilities.list_facilities": MINUTE,
    "facilities.get_facility": MINUTE,
    "facilities.list_facility_types": DAY,
    "clusters.list_clusters": MINUTE,
    "changes.list_changes": DAY,
    "hours.read_hours": MINUTE,
    "suggestions.list_suggestions": DAY,
    "divisions.list_divisions": DAY,
    "divisions.locate": DAY,
    "divisions.get_division": DAY,
    "snapshots.list_published": DAY,
    "snapshots.get_published": DAY,  # a version's figures stay; that it stands may end within a minute
}
LETTERS = {endpoint: chr(ord("a") + n) for n, endpoint in enumerate(CHANGES)}  # an ETag's first
ENDPOINTS = {letter: endpoint for endpoint, letter in LETTERS.items()}
MOST_SECONDS = 60
MOST_TAGS = 20  # of an If-None-Match
POSITION = ("lat", "lng", "bbox")
COARSE_DECIMALS = 3  # of a degree: 100 m


@cache
def code() -> str:
    """This program: the same in all processes of a release, another in every other."""
    digest = blake2b(digest_size=12)
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tag(endpoint: str, state: State, now: datetime, environ: dict[str, Any]) -> str:
    """What stands between the quotes of the ETag; `now` is local."""
    moment = now.isoformat(timespec="minutes") if CHANGES[endpoint] is MINUTE else str(now.date())
    asked = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
    named = f"{code()} {state.hash} {state.demo} {moment} {now.tzinfo} {asked}"
    return LETTERS[endpoint] + blake2b(named.encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def matching(if_none_match: str, state: State, now: datetime, environ: dict[str, Any]) -> tuple[str, str]:
    """(the endpoint, the ETag as it was shown) where one of the tags is what we would give; else ("", "").

    Weak ones match too, and those of any coding (x-br of x). An asterisk is the view's to judge.
    """
    for shown in if_none_match.split(",", MOST_TAGS)[:MOST_TAGS]:
        opaque = shown.strip().removeprefix("W/").strip('"')
        endpoint = ENDPOINTS.get(opaque[:1], "")
        if endpoint and opaque.partition("-")[0] == tag(endpoint, state, now, environ):
            return endpoint, f'"{opaque}"'
    return "", ""


def policy(endpoint: str, now: datetime, query: str, most_seconds: int = MOST_SECONDS) -> str:
    """Cache-Control of an answer to the raw query; `now` is local, `most_seconds` the view's own limit.

    An exact position stays with who asked; one cut to 3 decimals may be kept by the asker's own device.
    """
    decimals = _decimals(query)
    if decimals > COARSE_DECIMALS:
        return "no-store"
    seconds = 59 - now.second
    if CHANGES[endpoint] is DAY:
        seconds += 60 * (59 - now.minute) + 3600 * (23 - now.hour)
    kept = "public" if decimals < 0 else "private"
    return f"{kept}, max-age={min(seconds, most_seconds, MOST_SECONDS)}"


def _decimals(query: str) -> int:
    """How many decimals the position in a raw query has; -1 when it has none. A name or number in an
    unusual writing counts as exact."""
    most = -1
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name in POSITION:
            for number in value.replace("%2C", ",").replace("%2c", ",").split(","):
                whole, _, decimals = number.partition(".")
                if not (whole.removeprefix("-") + decimals).isdecimal():
                    return COARSE_DECIMALS + 1
                most = max(most, len(decimals))
        elif "%" in name or "+" in name:
            return COARSE_DECIMALS + 1
    return most
