"""What granian serves in the benchmark: the product, and the ceiling that it's held against."""

import os

from flask import Flask, Response

from servicemap.app import create_app


def product() -> Flask:
    """The product itself, on the database that SERVICEMAP_DATABASE_URL names."""
    return create_app()


def bare() -> Flask:
    """The least that Flask can do: one view, constant bytes, as many as the product's answer has."""
    app = Flask("bare", static_folder=None)
    body = b"x" * int(os.environ["BENCH_BODY_BYTES"])

    @app.get("/api/v1/facilities")
    def facilities() -> Response:
        return Response(body, mimetype="application/json")

    return app
