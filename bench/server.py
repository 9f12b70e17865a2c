"""What granian serves in the benchmark: the product, and the ceiling that it's held against."""

import os
import time
from datetime import UTC, datetime, timedelta

from flask import Flask, Response

BEGUN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, ten in the morning in China, whenever it runs


def product(**settings: str) -> Flask:
    """The product itself, on the database that SERVICEMAP_DATABASE_URL names, at BEGUN and on; with
    BENCH_STILL at BEGUN always, so that an ETag outlives the minute."""
    from servicemap.app import create_app  # late: the bare view does without
    from servicemap.config import read_settings

    started = time.monotonic()
    still = "BENCH_STILL" in os.environ
    clock = lambda: BEGUN + timedelta(seconds=0 if still else time.monotonic() - started)  # noqa: E731
    return create_app(read_settings(**settings), clock)


def bare() -> Flask:
    """The least that Flask can do: one view, constant bytes, as many as the product's answer has."""
    app = Flask("bare", static_folder=None)
    body = b"x" * int(os.environ["BENCH_BODY_BYTES"])

    @app.get("/api/v1/facilities")
    def facilities() -> Response:
        return Response(body, mimetype="application/json")

    return app
