"""Making answers: every one says whether the registry is a demo."""

import json
from typing import Any

from flask import Response, g


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with the demo mark; the view's schema dumps it."""
    return {**payload, "demo": g.demo}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def spliced(item: str, more: dict[str, Any]) -> Response:
    """An answer that is a JSON object already, with more members behind its own."""
    return Response(f"{item[:-1]},{_encode({**more, 'demo': g.demo})[1:]}", mimetype="application/json")


def spliced_list(items: list[str], more: dict[str, Any]) -> Response:
    """An answer whose items are JSON already: {"items":[…], more…, "demo":…}."""
    return spliced('{"items":[' + ",".join(items) + "]}", more)
