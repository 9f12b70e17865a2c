"""Making answers: every one says whether the registry is a demo."""

import json
from typing import Any

from flask import Response, g


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with the demo mark; the view's schema dumps it."""
    return {**payload, "demo": g.demo}


def spliced(item: str, more: dict[str, Any]) -> Response:
    """An answer that is a JSON object already, with more members behind its own."""
    tail = json.dumps({**more, "demo": g.demo}, ensure_ascii=False, separators=(",", ":"))[1:]
    return Response(f"{item[:-1]},{tail}", mimetype="application/json")


def spliced_list(items: list[str], more: dict[str, Any]) -> Response:
    """An answer whose items are JSON already: {"items":[…], more…, "demo":…}."""
    return spliced('{"items":[' + ",".join(items) + "]}", more)
