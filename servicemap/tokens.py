"""令牌: issued to a post, shown once, kept as a hash; looked up at every request, so that a revoked one ends at
once in every process.

A token is a prefix, 256 random bits and a checksum in base32: one that was cut in copying is told apart from
one that is wrong. It is random enough that a plain SHA-256 keeps it.
"""

import base64
import hashlib
import json
import secrets
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from servicemap import db
from servicemap.access import MANAGE_TOKENS, ROLES, Actor, ids_in_scope, require
from servicemap.audit import head_seq, now_text, write_txn
from servicemap.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from servicemap.models import Division, Token

PREFIX = "smk_"
LONGEST_DAYS = 3 * 366
USUAL_DAYS = 366


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was issued now; `secret` is shown to nobody again."""

    token: Any
    secret: str


def issue(
    actor: Actor,
    *,
    label: str,
    role: str,
    division: Division | None,
    expires_on: date | None,
    today: date,
    departments: Sequence[str] = (),
) -> Issued:
    """A new token for a post. Nobody gives more than they have: neither a wider scope nor a higher role.
    `departments`: those for which a reporter reports, all when empty. Raises ConflictError when the label has
    a token already."""
    expires_on = expires_on or today + timedelta(days=USUAL_DAYS)
    if not today < expires_on <= today + timedelta(days=LONGEST_DAYS):
        raise InvalidError("有效期应在今天之后、三年之内", "bad_expiry")
    _require_over(actor, division.id if division else None)
    if ROLES.index(role) > ROLES.index(actor.role):
        raise ForbiddenError("令牌的角色不能高过你自己的", "wider_than_own")
    if departments and role != "reporter":
        raise InvalidError("部门只用于报数（reporter）的令牌", "departments_of_reporters")
    secret = new_secret()
    with write_txn(actor) as log:
        head_seq(lock=True)  # of two who issue for one label at once the second finds the first's
        if current(label):
            raise ConflictError(f"“{label}”已经有令牌；要换新的，请先收回旧的", "label_taken")
        token = Token.create(
            label=label,
            role=role,
            division=division,
            hash=_hash(secret),
            issued_at=now_text(),
            issued_by=actor.name,
            expires_on=expires_on,
            departments=json.dumps(sorted(departments), ensure_ascii=False) if departments else None,
        )
        facts = {"role": role, "division": division and division.padded_code, "expires_on": str(expires_on)}
        if departments:
            facts["departments"] = token.departments
        log.record_change("token", label, "issue", {name: [None, value] for name, value in facts.items()})
    return Issued(token, secret)


def revoke(actor: Actor, id_: int) -> Any:
    """End a token now. Raises NotFoundError, also for one that has ended."""
    with write_txn(actor) as log:
        head_seq(lock=True)
        token = Token.get_or_none((Token.id == id_) & Token.revoked_at.is_null())
        if token is None:
            raise NotFoundError(f"没有第 {id_} 号有效的令牌", "token_not_found")
        _require_over(actor, token.division and token.division.id)
        token.revoked_at = now_text()
        token.save(only=[Token.revoked_at])
        log.record_change("token", token.label, "revoke", {"revoked_at": [None, token.revoked_at]})
    return token


def _require_over(actor: Actor, scope: int | None) -> None:
    """The actor must be one who gives and takes tokens of this scope (None: the whole registry)."""
    require(actor, MANAGE_TOKENS, scope)
    if scope is None and actor.scope is not None:
        raise ForbiddenError("令牌的范围不能大过你自己的", "wider_than_own")


def list_tokens(actor: Actor) -> Sequence[Any]:
    """Those in the actor's scope, ended ones too, by label. Two queries."""
    within = ids_in_scope(actor)
    tokens = Token.select(Token, Division).left_outer_join(Division).order_by(Token.label, Token.id)
    return [token for token in tokens if within is None or (token.division and token.division.id) in within]


def current(label: str) -> Any:
    """The token of a label that was not revoked, or None."""
    return Token.get_or_none((Token.label == label) & Token.revoked_at.is_null())


def actor_of(secret: str, today: date) -> Actor:
    """Who sends this token over HTTP; UnauthenticatedError where it is none that holds today. One query."""
    if not _is_complete(secret):
        raise UnauthenticatedError("令牌复制得不完整，或不是本系统的令牌", "token_incomplete")
    rows = db.query(
        "SELECT id, label, role, division_id, expires_on, revoked_at, last_used_on, departments FROM token"
        " WHERE hash = ?",
        (_hash(secret),),
    )
    if not rows or rows[0][5]:
        raise UnauthenticatedError("令牌不对或已收回；请向发给你的单位要新的", "token_unknown")
    id_, label, role, scope, expires_on, _, last_used_on, departments = rows[0]
    if db.day(expires_on) <= today:
        raise UnauthenticatedError(f"令牌已在 {expires_on} 到期；请向发给你的单位要新的", "token_expired")
    if last_used_on is None or db.day(last_used_on) < today:
        with (
            suppress(UnavailableError, OSError),
            db.transaction(wait=False),
        ):  # best effort: nobody waits for it
            db.execute("UPDATE token SET last_used_on = ? WHERE id = ?", (today.isoformat(), id_))
    return Actor(label, role, "http", scope, departments_of(departments))


def departments_of(kept: str | None) -> frozenset[str] | None:
    """The departments as a token keeps them; None: all."""
    return None if kept is None else frozenset(json.loads(kept))


def new_secret() -> str:
    bits = secrets.token_bytes(32)
    return f"{PREFIX}{_base32(bits)}{_checksum(bits)}"


def _is_complete(secret: str) -> bool:
    body = secret.removeprefix(PREFIX).upper()
    if not secret.startswith(PREFIX) or not body.isascii() or len(body) != 59:
        return False
    try:
        bits = base64.b32decode(body[:52] + "====")
    except ValueError:
        return False
    return _checksum(bits) == body[52:].lower()


def _checksum(bits: bytes) -> str:
    return _base32(zlib.crc32(bits).to_bytes(4, "big"))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
