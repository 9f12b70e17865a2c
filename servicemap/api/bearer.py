"""Who asks over HTTP: the token in the Authorization header."""

import logging
import threading
from datetime import date
from time import monotonic
from typing import Any

from servicemap import tokens
from servicemap.access import ANONYMOUS, Actor
from servicemap.errors import UnauthenticatedError

log = logging.getLogger("servicemap")


class Bearer:
    """Reads the header; says of tokens that do not hold how many there were, once a second at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused = 0
        self._said_at = 0.0

    def actor(self, environ: dict[str, Any], today: date) -> Actor:
        """ANONYMOUS without the header; UnauthenticatedError for a token that does not hold. One query."""
        sent = environ.get("HTTP_AUTHORIZATION")
        if not sent:
            return ANONYMOUS
        scheme, _, secret = sent.partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise UnauthenticatedError("令牌应写成 Authorization: Bearer …", "token_incomplete")
            return tokens.actor_of(secret.strip(), today)
        except UnauthenticatedError:
            self._count_refused()
            raise

    def _count_refused(self) -> None:
        with self._lock:
            self._refused += 1
            if monotonic() >= self._said_at + 1:
                log.warning("tokens that do not hold: %d", self._refused)
                self._refused, self._said_at = 0, monotonic()
