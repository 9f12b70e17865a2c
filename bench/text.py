"""Text: how long a family waits for words, for pinyin and for suggestions, in ms."""

from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote

from bench.load import costs, status_of
from bench.nearby import serve
from bench.questions import NEARBY, mix, opened, words
from bench.show import head, note, row

WARM_UP, EACH = 100, 1_000
SUGGESTIONS = "/api/v1/suggestions?"


def show(path: Path, count: int) -> None:
    from pypinyin import lazy_pinyin  # late: it loads its dictionary

    with opened(path) as kinds:
        typed, questions = words(WARM_UP + EACH, kinds), mix(WARM_UP + EACH)
    pinyin = ["".join(lazy_pinyin(word)) for word in typed]
    # typed ahead: what stands in the box after the first, second … character
    ahead = [word[: 1 + number % len(word)] for number, word in enumerate(typed)]
    near = [f"{NEARBY}lat={q.lat}&lng={q.lng}&datum=wgs84&q=" for q in questions]
    nowhere = [f"{NEARBY}q="] * len(typed)
    ways = {
        "whole words": _paths(nowhere, typed),
        "whole words, near a position": _paths(near, typed),
        "full pinyin": _paths(nowhere, pinyin),
        "full pinyin, near a position": _paths(near, pinyin),
        "suggestions": _paths([f"{SUGGESTIONS}q="] * len(typed), ahead),
        "suggestions, pinyin": _paths(
            [f"{SUGGESTIONS}q="] * len(typed), [p[: 2 + len(p) // 2] for p in pinyin]
        ),
    }
    head(f"Text at {count:,}, ms waited", ["p50", "p99", "most"])
    with serve(path) as server:
        for name, paths in ways.items():
            status = status_of(server, paths[0])
            if status != 200:
                note(f"{name}: answers {status}, left out")
                continue
            costs(server, paths[:WARM_UP])
            waited = [cost.wall_ms for cost in costs(server, paths[WARM_UP:])]
            p99 = quantiles(waited, n=100)[98]
            row(name, [f"{median(waited):.1f}", f"{p99:.1f}", f"{max(waited):.1f}"])


def _paths(begun: list[str], typed: list[str]) -> list[str]:
    return [start + quote(word) for start, word in zip(begun, typed, strict=True)]
