"""从数字到名字: the places that stand behind a figure, and how far each of them has come."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from servicemap import db
from servicemap.coverage.covering import denominator_ids
from servicemap.coverage.gaps import definition_of, indicator_of
from servicemap.coverage.indicators import Definition, Measure, list_indicators
from servicemap.coverage.place_share import judged
from servicemap.coverage.roles import Active, active_roles, places_of, serves
from servicemap.coverage.tree import Node, Tree
from servicemap.divisions import chunks
from servicemap.errors import InvalidError
from servicemap.models import Division
from servicemap.records import public_code

COUNTED = ("share", "place_share", "count", "per_thousand")  # kinds of indicators behind which places stand
HIDDEN = "1 处（不公开）"  # what is said of a contact_only place to who has no rights over it


@dataclass(frozen=True, slots=True)
class Proof:
    """An active role behind a figure: `division` is the one that it covers, of counts and places where it stands;
    `number` what it adds (1, or its places). `code` and `verified_on` are None, and `name` HIDDEN, of a
    contact_only place for everybody. It counts officially where `state` is county. `documents` and `activities`
    (of the calendar year up to the day) are those of the role."""

    division: Node
    code: str | None
    name: str
    type: str
    state: str
    verified_on: date | None
    number: int
    documents: int
    activities: int


def list_proofs(
    root: Division,
    on: date,
    indicator_id: str,
    *,
    definition_id: str | None = None,
    public: bool = False,
    lacking: bool = False,
) -> list[Proof]:
    """All of them within the root, by division and code; of those whose `state` is county the covered divisions of
    a share (else the numbers' sum) are the figure's numerator. `lacking`: of a share of places those that do
    not fulfil its condition, or of which it is not known. Raises NotFoundError for an unknown indicator or
    definition, InvalidError for one behind which no places stand. Some five queries."""
    indicator = indicator_of(indicator_id)
    if indicator.kind not in COUNTED:
        raise InvalidError(f"{indicator_id} 不是数服务点的，没有依据名单", "no_proofs")
    definition = definition_of(indicator, definition_id)
    if lacking and indicator.kind != "place_share":
        raise InvalidError(f"{indicator_id} 缺的是区划，请看 coverage gaps", "no_lacking_places")
    return _proofs(Tree(on, public=public), root, on, indicator, definition, lacking=lacking)


def evidence(root: Division, on: date) -> dict[str, Any]:
    """What a frozen report keeps of the places behind its figures, by default definitions: `places` {code: name}
    and `of` {indicator: [[division, code, type, state, verified_on, number, documents, activities]]}. Some queries an
    indicator."""
    tree = Tree(on)
    places: dict[str, str] = {}
    of: dict[str, list[list[Any]]] = {}
    for indicator in list_indicators():
        if indicator.kind not in COUNTED:
            continue
        with suppress(InvalidError):  # its denominator cannot be told
            for proof in _proofs(tree, root, on, indicator, definition_of(indicator, None)):
                code = proof.code or ""
                places[code] = proof.name
                looked = proof.verified_on and str(proof.verified_on)
                kept = (proof.type, proof.state, looked, proof.number, proof.documents, proof.activities)
                of.setdefault(indicator.id, []).append([proof.division.code, code, *kept])
    return {"places": places, "of": of}


def _proofs(
    tree: Tree, root: Division, on: date, indicator: Measure, definition: Definition, *, lacking: bool = False
) -> list[Proof]:
    within = tree.holders([tree.nodes[root.id]])
    found = [
        (division_id, number, role)
        for division_id, number, role in _counted(tree, indicator, definition, on, lacking)
        if within(division_id)
    ]
    known = _known({role.role for *_, role in found}, on)
    proofs = [_proof(tree, *each, known[each[2].role]) for each in found]
    return sorted(proofs, key=lambda proof: (proof.division.code, proof.code or "", proof.type))


def _counted(
    tree: Tree, indicator: Measure, definition: Definition, on: date, lacking: bool
) -> Iterable[tuple[int, int, Active]]:
    """(division, number, role), each division and role once."""
    roles = active_roles(tree, definition, on)
    if indicator.kind == "share":
        wanted = denominator_ids(tree, definition)
        if wanted is None:
            raise InvalidError(f"{indicator.id} 这个口径缺城乡分类数据", "no_urban_rural")
        level = definition.denominator["level"]
        pairs = {(tree.climb(serves(tree, role), level), role.role): role for role in roles}
        yield from (
            (division_id, 1, role)
            for (division_id, _), role in pairs.items()
            if division_id in wanted and not (definition.numerator.get("own_level") and role.level != level)
        )
        return
    if indicator.kind == "place_share":
        for role, is_right in judged(tree, definition, on):
            at = tree.standing(role.stands, role.visibility)
            if bool(is_right) != lacking and at is not None:
                yield at, 1, role
        return
    if indicator.kind == "count":
        once = {role.facility: role for role in roles}.values()
        numbers = dict.fromkeys((role.role for role in once), 1)
    else:
        once = {role.role: role for role in roles}.values()
        numbers = places_of(definition, on)
    for role in once:
        at = tree.standing(role.stands, role.visibility)
        if at is not None and role.role in numbers:
            yield at, numbers[role.role], role


def _proof(tree: Tree, division_id: int, number: int, role: Active, known: Sequence[Any]) -> Proof:
    name, kind, verified_on, documents, activities = known
    hidden = tree.public and role.visibility == "contact_only"
    return Proof(
        tree.nodes[division_id],
        None if hidden else public_code(role.facility),
        HIDDEN if hidden else name,
        kind,
        role.state,
        None if hidden else db.day(verified_on),
        number,
        0 if hidden else documents,
        0 if hidden else activities,
    )


def _known(role_ids: Iterable[int], on: date) -> dict[int, Sequence[Any]]:
    """Role → name of the place, type, day of the last look, documents and activities."""
    found: dict[int, Sequence[Any]] = {}
    day, year = on.isoformat(), date(on.year, 1, 1).isoformat()
    for chunk in chunks(sorted(role_ids), 500):
        rows = db.query(
            "SELECT r.id, f.name, t.name, (SELECT MAX(v.verified_on) FROM verification v WHERE"
            " v.facility_id = f.id AND v.verified_on <= ? AND (v.voided_on IS NULL OR v.voided_on > ?)),"
            " (SELECT COUNT(*) FROM evidence e WHERE e.role_id = r.id AND e.dated_on <= ?"
            " AND (e.withdrawn_on IS NULL OR e.withdrawn_on > ?)),"
            " (SELECT COUNT(*) FROM activity a WHERE a.role_id = r.id AND a.held_on BETWEEN ? AND ?)"
            " FROM role r JOIN facility f ON f.id = r.facility_id JOIN facility_type t ON t.id = r.type_id"
            f" WHERE r.id IN ({', '.join('?' * len(chunk))})",
            (day, day, day, day, year, day, *chunk),
        )
        found.update({row[0]: row[1:] for row in rows})
    return found
