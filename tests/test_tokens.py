"""Tokens: given by those who may, known by their hash alone, ended at once."""

from datetime import date, timedelta

import pytest

from servicemap import db, tokens
from servicemap.access import SEED, Actor
from servicemap.errors import RegistryError
from servicemap.models import Token
from tests.factories import TODAY, a_tree

pytestmark = pytest.mark.usefixtures("registry")


def issued(actor: Actor = SEED, **given) -> tokens.Issued:
    facts = {"label": "清城区妇儿工委办", "role": "editor", "division": None, "expires_on": None}
    return tokens.issue(actor, **{**facts, **given}, today=TODAY)


def code_of(function, *args, **kwargs) -> str:
    with pytest.raises(RegistryError) as error:
        function(*args, **kwargs)
    return error.value.code


def test_a_token_names_its_post_and_scope():
    county = a_tree()["441802000000"]

    secret = issued(division=county).secret

    assert tokens.actor_of(secret, TODAY) == Actor("清城区妇儿工委办", "editor", "http", county.id)
    assert Token.get().last_used_on == TODAY


def test_the_secret_itself_is_nowhere_in_the_database():
    secret = issued().secret

    rows = [row for (table,) in _tables() for row in db.query(f'SELECT * FROM "{table}"')]

    assert rows
    assert secret not in str(rows)
    assert secret.removeprefix(tokens.PREFIX)[:20] not in str(rows)


def _tables():
    if db.is_sqlite():
        return db.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%_text%'")
    return db.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")


@pytest.mark.parametrize("cut", [-1, -10, -59, 5])
def test_a_token_that_was_cut_in_copying_is_told_from_a_wrong_one(cut):
    secret = issued().secret

    assert code_of(tokens.actor_of, secret[:cut], TODAY) == "token_incomplete"
    assert code_of(tokens.actor_of, secret[:-3] + "aaa", TODAY) == "token_incomplete"
    assert code_of(tokens.actor_of, "smk_" + "é" * 59, TODAY) == "token_incomplete"
    assert code_of(tokens.actor_of, tokens.new_secret(), TODAY) == "token_unknown"


def test_a_token_ends_on_its_day_and_at_once_when_it_is_revoked():
    first, second = issued(expires_on=TODAY + timedelta(1)), issued(label="二")

    tokens.revoke(SEED, second.token.id)

    assert tokens.actor_of(first.secret, TODAY).name == "清城区妇儿工委办"
    assert code_of(tokens.actor_of, first.secret, TODAY + timedelta(1)) == "token_expired"
    assert code_of(tokens.actor_of, second.secret, TODAY) == "token_unknown"
    assert code_of(tokens.revoke, SEED, second.token.id) == "token_not_found"


def test_a_post_has_one_token_at_a_time():
    first = issued()

    assert code_of(issued) == "label_taken"
    tokens.revoke(SEED, first.token.id)
    assert issued().secret != first.secret


@pytest.mark.parametrize("expires_on", [TODAY, TODAY - timedelta(1), date(2030, 1, 1)])
def test_a_token_ends_within_three_years(expires_on):
    assert code_of(issued, expires_on=expires_on) == "bad_expiry"


def test_nobody_gives_more_than_they_have():
    tree = a_tree()
    county, other = tree["441802000000"], tree["441881000000"]
    admin = Actor("清城区", "admin", "http", county.id)

    assert code_of(issued, admin) == "wider_than_own"
    assert code_of(issued, admin, division=other) == "out_of_scope"
    assert code_of(issued, Actor("x", "verifier", "http"), label="y") == "forbidden"
    assert issued(admin, division=tree["441802001001"], role="admin").secret
    of_all, of_other = issued(label="全市"), issued(label="英德", division=other)
    assert code_of(tokens.revoke, admin, of_all.token.id) == "wider_than_own"
    assert code_of(tokens.revoke, admin, of_other.token.id) == "out_of_scope"
    assert [token.label for token in tokens.list_tokens(admin)] == ["清城区妇儿工委办"]
    assert len(tokens.list_tokens(SEED)) == 3
