"""The API as its three kinds of callers meet it: a family, an administrator, a server of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from servicemap import db, divisions, tokens
from servicemap.access import SEED, Actor
from servicemap.app import ACTOR_KEY, create_app
from servicemap.config import Settings
from tests.factories import TODAY, a_tree

NOON = datetime.combine(TODAY, time(12), ZoneInfo("Asia/Shanghai"))
ADMIN = Actor("li@civil-affairs", "admin", "cli")

URL = "/api/v1/facilities"

Door = Callable[..., FlaskClient]


@pytest.fixture
def door(settings: Settings) -> Door:
    """door(setting=value, …): a client of a new application with these settings, at noon of TODAY."""

    def opened(**changes: str) -> FlaskClient:
        app = create_app(replace(settings, **changes), lambda: NOON)
        db.connect()
        return app.test_client()

    return opened


@pytest.fixture
def client(door: Door) -> FlaskClient:
    """Anybody."""
    return door()


@pytest.fixture
def admin(client: FlaskClient) -> FlaskClient:
    """Who works on the server itself, through the same application."""
    signed_in: FlaskClient = client.application.test_client()
    signed_in.environ_base[ACTOR_KEY] = ADMIN
    return signed_in


@pytest.fixture
def send(admin: FlaskClient):
    """send(verb or "", code, version, **body) → the answer."""

    def sent(verb: str, code: str, version: int | None, *, key: str | None = None, **body):
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        headers |= {"Idempotency-Key": key} if key else {}
        if verb:
            return admin.post(f"{URL}/{code}/{verb}", json={"reason": "电话核对", **body}, headers=headers)
        return admin.patch(f"{URL}/{code}", json={"reason": "电话核对", **body}, headers=headers)

    return sent


@pytest.fixture
def bearer(registry: str) -> Callable[..., dict[str, str]]:
    """bearer(role, division code or None) → headers of a post with these rights."""

    a_tree()

    def headers(role: str, division: str | None = None) -> dict[str, str]:
        at = divisions.get(division) if division else None
        issued = tokens.issue(
            SEED, label=f"{role} {division}", role=role, division=at, expires_on=None, today=TODAY
        )
        return {"Authorization": f"Bearer {issued.secret}"}

    return headers


@pytest.fixture
def post(client):
    """post(role, path, body, scope, departments): the answer to a post with this role in the division."""

    def sent(role, path, body=None, scope="441802000000", departments=()):
        label = f"{role} {scope} {'、'.join(departments)}"
        db.execute("UPDATE token SET revoked_at = 'then' WHERE label = ?", (label,))
        issued = tokens.issue(
            SEED, label=label, role=role, division=scope and divisions.get(scope), expires_on=None, today=TODAY,
            departments=departments,
        )  # fmt: skip
        headers = {"Authorization": f"Bearer {issued.secret}"}
        if body is None:
            return client.get(path, headers=headers)
        return client.post(path, json=body, headers=headers)

    return sent
