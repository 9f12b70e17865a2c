"""Random requests by random posts are answered as an oracle says, that knows the tree by its parents only."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from servicemap import access, db, divisions, facilities, records, tokens
from servicemap.access import SEED
from tests.api.conftest import URL
from tests.factories import TODAY, TREE, a_place, a_tree, a_type, scaled

ASKED = scaled(5000, 900)
PARENT = {code: parent for code, _, _, parent in TREE}
STANDS = [code for code, _, level, _ in TREE if level == "community"]
SECRET = "0763-8888888"
NDJSON = {"Content-Type": "application/x-ndjson"}


def within(code: str, scope: str | None) -> bool:
    """Whether the division is the scope or below it, by the parents in TREE."""
    while scope is not None and code != scope:
        if not (code := PARENT[code]):
            return False
    return True


class World:
    """Places, posts, and what the oracle knows of them."""

    def __init__(self, client: FlaskClient, chance: random.Random) -> None:
        self.client, self.chance = client, chance
        a_tree()
        a_type()
        self.places = {
            a_place(
                f"{number} 号",
                division=at,
                phone=SECRET,
                visibility=chance.choice(["public", "contact_only"]),
            ).code: at
            for number, at in enumerate(STANDS * 3)
        }
        self.posts: list[tuple[str, str | None, dict[str, str]]] = []
        for number, scope in enumerate([None, *PARENT] * 2):
            role = chance.choice(["viewer", "editor", "verifier", "admin"])
            at = divisions.get(scope) if scope else None
            issued = tokens.issue(
                SEED, label=f"{number}", role=role, division=at, expires_on=None, today=TODAY
            )
            self.posts.append((role, scope, {"Authorization": f"Bearer {issued.secret}"}))

    def ask(self) -> tuple[str, bool, Any]:
        """(what was asked, whether the oracle allows it, the answer) of one random request."""
        role, scope, headers = self.chance.choice(self.posts)
        verb = self.chance.choice(sorted(VERBS))
        code, other = self.chance.sample(sorted(self.places), 2)
        at, aim = self.places[code], self.chance.choice(STANDS)
        headers = {**headers, "If-Match": f'"{facilities.get(code).version}"'}
        if self.chance.random() < 0.2:
            headers["If-Match"] = '"999999"'
        mine: Callable[[str], bool] = lambda division: within(division, scope)  # noqa: E731
        writes = role != "viewer"
        allowed, answer = VERBS[verb](self, headers, code, other, at, aim, mine, writes)
        if answer.status_code == 200:
            if verb == "move":
                self.places[code] = aim
            elif verb == "merge":
                del self.places[code]
        return f"{verb} {code} by {role} of {scope}: {answer.status_code}", allowed, answer


def _patch(world: World, headers: dict[str, str], code: str, **body: Any) -> Any:
    return world.client.patch(f"{URL}/{code}", json={"reason": "x", **body}, headers=headers)


def read(world, headers, code, other, at, aim, mine, writes):
    return mine(at), world.client.get(f"/api/v1/facility-records/{code}", headers=headers)


def history(world, headers, code, other, at, aim, mine, writes):
    return mine(at), world.client.get(f"{URL}/{code}/history", headers=headers)


def evidence(world, headers, code, other, at, aim, mine, writes):
    return mine(at), world.client.get(f"{URL}/{code}/evidence", headers=headers)


def activity(world, headers, code, other, at, aim, mine, writes):
    body = {"held_on": "2026-09-01", "topic": "x"}
    return writes and mine(at), world.client.post(f"{URL}/{code}/activities", json=body, headers=headers)


def edit(world, headers, code, other, at, aim, mine, writes):
    return writes and mine(at), _patch(world, headers, code, note=str(world.chance.random()))


def move(world, headers, code, other, at, aim, mine, writes):
    return writes and mine(at) and (mine(aim) or _stale(headers)), _patch(world, headers, code, division=aim)


def serve(world, headers, code, other, at, aim, mine, writes):
    known = {
        path[-1].code
        for role in facilities.get(code).roles
        for path in divisions.paths([link.division_id for link in role.serves]).values()
    }
    served = mine(aim) or aim in known or _stale(headers)
    return writes and mine(at) and served, _patch(world, headers, code, serves=aim)


def _stale(headers) -> bool:
    """Of a place that was seen in another version nothing more is looked at."""
    return headers["If-Match"] == '"999999"'


def merge(world, headers, code, other, at, aim, mine, writes):
    answer = world.client.post(f"{URL}/{code}/merge", json={"reason": "x", "into": other}, headers=headers)
    return writes and mine(at) and (mine(world.places[other]) or _stale(headers)), answer


def add(world, headers, code, other, at, aim, mine, writes):
    body = {"name": str(world.chance.random()), "division": aim, "type": "家长学校"}
    answer = world.client.post(URL, json=body, headers=headers)
    if answer.status_code == 201:
        world.places[answer.json["code"]] = aim
    return writes and mine(aim), answer


def listed(world, headers, code, other, at, aim, mine, writes):
    answer = world.client.get("/api/v1/facility-records", headers=headers)
    if answer.status_code == 200:
        expected = {code for code, stands in world.places.items() if mine(stands)}
        assert {row["code"] for row in answer.json["items"]} == expected
    return True, answer


def imported(world, headers, code, other, at, aim, mine, writes):
    """A row that renames the place, where it stands: allowed is what the plan does not refuse."""
    api, opening = "/api/v1/imports", {"file_name": "a", "headings": {}}
    answer = world.client.post(api, json=opening, headers=headers)
    if answer.status_code == 403:
        return writes, answer
    url = f"{api}/{answer.json['id']}"
    cells = {"code": code, "name": str(world.chance.random()), "division": at, "type": "家长学校"}
    sent = json.dumps({"row": 2, "cells": cells})
    world.client.post(f"{url}/rows", data=sent, headers={**headers, **NDJSON})
    plan = world.client.post(f"{url}/plan", headers=headers)
    outside = any(problem["code"] == "out_of_scope" for problem in plan.json["problems"])
    assert outside == (not mine(at))
    assert outside or world.client.post(f"{url}/apply", json={}, headers=headers).status_code == 200
    return writes, answer


VERBS: dict[str, Callable[..., tuple[bool, Any]]] = {
    each.__name__: each
    for each in (read, history, evidence, activity, edit, move, serve, merge, add, listed, imported)
}


def wrong(world: World, number: int) -> tuple[list[str], Counter[tuple[str, bool]]]:
    """Which answers are not the oracle's, and how often which verb was allowed or not."""
    found, seen = [], Counter[tuple[str, bool]]()
    for _ in range(number):
        asked, allowed, answer = world.ask()
        seen[asked.split()[0], allowed] += 1
        leaked = not allowed and SECRET in answer.text
        if (answer.status_code == 403) == allowed or leaked or answer.status_code >= 500:
            found.append(asked)
    return found, seen


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_allowed_is_what_stands_in_the_posts_division(client, seed):
    world = World(client, random.Random(seed))

    found, seen = wrong(world, ASKED // 2)

    assert found == []
    assert all(seen[verb, True] and (seen[verb, False] or verb == "listed") for verb in VERBS)
    for code, at in world.places.items():
        record = records.load([records.parse_code(code)])[records.parse_code(code)]
        assert divisions.paths([record.division_id])[record.division_id][-1].code == at


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_oracle_catches_rights_by_the_beginning_of_a_code(client, monkeypatch):
    def by_prefix(actor: access.Actor, division_id: int) -> bool:
        sql = "SELECT padded_code FROM division WHERE id = ?"
        [(scope,)], [(code,)] = db.query(sql, (actor.scope,)), db.query(sql, (division_id,))
        return code.startswith(scope.rstrip("0")[:4])

    monkeypatch.setattr(access, "in_scope", lambda actor, id_: actor.scope is None or by_prefix(actor, id_))
    world = World(client, random.Random(1))

    found, _ = wrong(world, 100)

    assert found != []
