"""The API as its three kinds of callers meet it: a family, an administrator, a server of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from servicemap import db
from servicemap.access import Actor
from servicemap.app import ACTOR_KEY, create_app
from servicemap.config import Settings
from tests.factories import TODAY

NOON = datetime.combine(TODAY, time(12), ZoneInfo("Asia/Shanghai"))
ADMIN = Actor("li@civil-affairs", "admin", "cli")

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
