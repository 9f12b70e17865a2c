"""The OpenAPI document keeps its word: cases made from it are answered as it says, by every kind of caller."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as effort
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from servicemap import db, divisions, dump
from servicemap.access import Actor
from servicemap.app import ACTOR_KEY, create_app
from servicemap.config import Settings
from tests.api.conftest import ADMIN, NOON
from tests.factories import TODAY, scaled

CASES = scaled(15_000, 900)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PLAIN = {"Accept-Encoding": "identity"}  # the checks read no packed body

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

LINES = st.fixed_dictionaries(
    {"row": st.integers(0, 9), "cells": st.dictionaries(st.sampled_from(["name", "type", "lat"]), st.text())}
)
schemathesis.openapi.media_type(
    "application/x-ndjson",
    st.lists(LINES.map(json.dumps) | st.text(), max_size=3).map(lambda lines: "\n".join(lines).encode()),
)


def of_anybody(app: Wsgi) -> Wsgi:
    return app


def of(actor: Callable[[], Actor]) -> Callable[[Wsgi], Wsgi]:
    """The application as it answers this actor."""

    def door(app: Wsgi) -> Wsgi:
        who = actor()
        return lambda environ, start_response: app({**environ, ACTOR_KEY: who}, start_response)

    return door


def post(role: str) -> Callable[[], Actor]:
    """One who acts in a county."""
    return lambda: Actor(role, role, "http", divisions.get("441802000000").id)


DOORS = {
    "anybody": of_anybody,
    "who works on the server itself": of(lambda: ADMIN),
    **{role: of(post(role)) for role in ("viewer", "editor", "verifier", "admin")},
}


def broken_words(document: Any, cases: int) -> tuple[int, list[str]]:
    """(how many cases were asked, which answers are not as the document says), the same ones every time."""
    operations = [found.ok() for found in document.get_all_operations()]
    operations.sort(key=lambda each: (sum(1 for _ in each.iter_parameters()) + len(each.body), each.label))
    asked, wrong = 0, list[str]()
    for left, operation in zip(range(len(operations), 0, -1), operations, strict=True):
        right, odd = map(operation.as_strategy, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

        @seed(0)
        @effort(
            max_examples=-(-(cases - asked) // left),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(right | odd if operation.body or list(operation.iter_parameters()) else right)
        def ask(case: Case) -> None:
            nonlocal asked
            asked += 1
            try:
                case.validate_response(case.call(headers=PLAIN), checks=CHECKS)
            except FailureGroup as failures:
                wrong.extend(f"{case.as_curl_command()}: {each}" for each in failures.exceptions)

        ask()
    return asked, wrong


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_cases_made_from_the_document_are_answered_as_it_says(demo, door, tmp_path):
    dump.build(tmp_path / "dump", NOON, TODAY)
    settings = Settings(
        database_url=demo,
        rate_file=str(tmp_path / "rate"),
        reads_per_minute=0,
        writes_per_minute=0,
        feedback_per_day=0,
        coverage_public="live",
        dump_folder=str(tmp_path / "dump"),
    )
    app = create_app(settings, lambda: NOON)
    db.connect()

    asked, wrong = broken_words(
        schemathesis.openapi.from_wsgi("/openapi.json", door(app)), CASES // len(DOORS)
    )

    assert asked >= CASES // len(DOORS)
    assert wrong == []
