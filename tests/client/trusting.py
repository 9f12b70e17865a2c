"""The application, with everybody who asks over HTTP as the administrator: a server for the client's tests."""

from typing import Any

from servicemap import app
from servicemap.access import Actor


def create_app() -> Any:
    registry, actor = app.create_app(), Actor("office", "admin", "http")
    return lambda environ, start_response: registry(environ | {app.ACTOR_KEY: actor}, start_response)
