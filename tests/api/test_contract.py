"""The contract: what docs/openapi-v1.json promises is never removed, narrowed or made required.

Additions are free and enums may grow. Run as a program it prints the document as it is now
(`make contract`).
"""

import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from servicemap.app import create_app
from servicemap.config import Settings

PROMISED = Path(__file__).parents[2] / "docs" / "openapi-v1.json"
SAID_ONLY = ("description", "summary", "example", "examples", "info", "tags", "operationId")
LIMITS = {"maximum": 1, "maxLength": 1, "maxItems": 1, "minimum": -1, "minLength": -1, "minItems": -1}
# names of http.HTTPStatus, which flask-smorest gives to shared responses
RENAMED_IN_3_13 = (
    ("UNPROCESSABLE_ENTITY", "UNPROCESSABLE_CONTENT"),
    ("REQUEST_ENTITY_TOO_LARGE", "CONTENT_TOO_LARGE"),
    ("REQUEST_URI_TOO_LONG", "URI_TOO_LONG"),
)
NARROWS = (*LIMITS, "required", "enum", "pattern", "format")


def document() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        app = create_app(Settings(database_url=f"sqlite:///{folder}/unused.db"))
        text = app.test_client().get("/openapi.json").text
    for old, new in RENAMED_IN_3_13:
        text = text.replace(new, old)
    return json.loads(text)


def broken(old: Any, new: Any, path: str = "") -> list[str]:
    """Where the new document keeps less than the old one promised."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in old.keys() - set(SAID_ONLY):
            here = f"{path}/{key}"
            if key not in new:
                found += [] if key in NARROWS else [f"{here} is gone"]
            elif key in LIMITS:
                found += [f"{here} is narrower"] if (new[key] - old[key]) * LIMITS[key] < 0 else []
            elif key == "required":
                found += [f"{here} asks for more"] if _grew(old[key], new[key]) else []
            elif key == "enum":
                found += [f"{here} lost a word"] if set(old[key]) - set(new[key]) else []
            elif key == "parameters":
                found += _parameters(old[key], new[key], here)
            else:
                found += broken(old[key], new[key], here)
        return found + [
            f"{path}/{key} is new and narrows"
            for key in new.keys() - old.keys()
            if key in NARROWS and new[key] is not False
        ]
    return [] if old == new else [f"{path} changed"]


def _grew(old: Any, new: Any) -> bool:
    return bool(set(new) - set(old)) if isinstance(new, list) else bool(new) and not old


def _parameters(old: list[Any], new: list[Any], path: str) -> list[str]:
    before = {(p["name"], p["in"]): p for p in old}
    after = {(p["name"], p["in"]): p for p in new}
    found = [f"{path} lost {key}" for key in before.keys() - after.keys()]
    found += [
        f"{path} now demands {key}" for key in after.keys() - before.keys() if after[key].get("required")
    ]
    for key in before.keys() & after.keys():
        found += broken(before[key], after[key], f"{path}/{key[0]}")
    return found


@pytest.fixture(scope="module")
def promised() -> dict[str, Any]:
    return json.loads(PROMISED.read_text(encoding="utf-8"))


def test_what_was_promised_is_kept(promised):
    assert broken(promised, document()) == [], "if it is meant: a new version, or `make contract`"


def test_the_committed_document_is_the_live_one(promised):
    assert promised == document(), "run `make contract`"


@pytest.mark.parametrize(
    "harm",
    [
        lambda d: d["paths"].pop("/api/v1/divisions"),
        lambda d: d["paths"]["/api/v1/facilities"]["get"]["parameters"].pop(),
        lambda d: d["paths"]["/api/v1/facilities"]["get"]["parameters"][0].update(required=True),
        lambda d: d["components"]["schemas"]["Facility"]["properties"].pop("phone"),
        lambda d: d["components"]["schemas"]["Facility"]["properties"]["phone"].update(type="integer"),
        lambda d: d["components"]["schemas"]["Error"].update(
            required=["type", "title", "status", "code", "detail", "errors"]
        ),
    ],
)
def test_a_harm_is_seen(promised, harm):
    harmed = copy.deepcopy(promised)
    harm(harmed)

    assert broken(promised, harmed)


def test_every_operation_has_a_summary_and_says_how_it_fails(promised):
    for path, operations in promised["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert operation["summary"], path
            assert operation["tags"], path
            failures = [r for status, r in operation["responses"].items() if status[0] in "45d"]
            assert failures, (path, method)


if __name__ == "__main__":
    print(json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=True))
