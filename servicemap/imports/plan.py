"""The plan of an import: what each row would do, worked out without changing anything. It is made in parts, so
that memory holds some thousand rows of a file, however long it is."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from servicemap import db
from servicemap.access import Actor, ids_in_scope
from servicemap.audit import diff, head_seq
from servicemap.config import Settings
from servicemap.divisions import chunks
from servicemap.errors import ConflictError, Problem
from servicemap.facilities import Stated, contradictions, flat, merged
from servicemap.facts import Facts, Reader
from servicemap.imports.batches import get_batch
from servicemap.imports.made import Made, Place, packed
from servicemap.imports.presence import set_aside
from servicemap.imports.staged import DEFAULT_SOURCE, StagedRows, site_key
from servicemap.imports.suspects import Suspects
from servicemap.models import ImportBatch
from servicemap.records import UNDONE, Record, load, public_code

PART_ROWS = 2_000  # more are not faster
MOST_SHOWN = 200  # changes of a plan that are shown


@dataclass(slots=True)
class Site:
    """The rows of a file that speak of one place: one row, or one for each of its roles."""

    rows: list[Facts]
    existing: Record | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plan says of one row. `outcome` is create, update, unchanged or rejected."""

    row: Facts
    outcome: str
    record: Record | None = None  # as it would be after

    @property
    def facility_id(self) -> int | None:
        """None for what is not in the registry, or not yet."""
        return self.record.id or None if self.record else None

    @property
    def problems(self) -> list[Problem]:
        return self.row.problems if self.outcome == "rejected" else []


@dataclass(slots=True)
class Part:
    """What some rows of an import would do."""

    made: dict[Place, Made] = field(default_factory=dict)  # by the first row of each
    unchanged: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)  # corrections by hand that the file would undo
    rows: list[Verdict] = field(default_factory=list)
    set_aside: int = 0

    @property
    def created(self) -> list[Record]:
        return [made.after for made in self.made.values() if made.before is None]

    @property
    def updated(self) -> list[tuple[Record, Record]]:
        return [(made.before, made.after) for made in self.made.values() if made.before]

    @property
    def problems(self) -> list[Problem]:
        return [problem for verdict in self.rows for problem in verdict.problems]

    @property
    def remarks(self) -> list[Problem]:
        return [remark for verdict in self.rows for remark in verdict.row.remarks]

    @property
    def counts(self) -> dict[str, int]:
        """rows, rejected and set_aside count rows of the file; created, updated, unchanged count places."""
        return {
            "rows": len(self.rows),
            "created": len(self.created),
            "updated": len(self.updated),
            "unchanged": self.unchanged,
            "rejected": sum(verdict.outcome == "rejected" for verdict in self.rows),
            "set_aside": self.set_aside,
        }


@dataclass(slots=True)
class Plan:
    """What an import would do, in numbers and words: of `changes` and `kept` the first ones. `seq` is the
    registry's version that it was worked out against."""

    seq: int
    counts: Counter[str] = field(default_factory=lambda: Counter(Part().counts))
    changes: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)

    def add(self, part: Part) -> None:
        self.counts.update(part.counts)
        for all_, some in ((self.changes, part.changes), (self.kept, part.kept)):
            all_ += some[: max(0, MOST_SHOWN - len(all_))]
        self.problems += part.problems
        self.remarks += part.remarks


def work_out(actor: Actor, batch: ImportBatch, reader: Reader) -> Iterator[Part]:
    """The plan of the staged rows against the registry as it is now: the actor's own divisions are theirs
    to change, rows about others are rejected. Changes nothing. The rows of one place are in one part."""
    own = ids_in_scope(actor)
    for rows in StagedRows(batch.id, reader).parts(PART_ROWS):
        part = Part()
        reader.know(cells["division"] for *_, cells in rows if "division" in cells)
        facts = []
        for sheet, number, cells in rows:
            if aside := set_aside(reader, cells, sheet, number):
                part.rows.append(Verdict(aside, "rejected" if aside.problems else "unchanged"))
                part.set_aside += not aside.problems
            else:
                facts.append(reader.read(number, cells, sheet))
        sites = _group(facts, reader)
        _match(sites, reader)
        if own is not None:
            _refuse_foreign(sites, reader, actor, own)
        for site in sites:
            _decide(part, site, reader, batch.as_of_on)
        part.rows.sort(key=lambda verdict: (verdict.row.sheet, verdict.row.number))
        yield part


def basis(actor: Actor, settings: Settings, today: date) -> str:
    """On what a plan rests beside the registry and the file: whoever has another one plans anew."""
    return json.dumps([str(today), actor.scope, settings.extent])


def reader_of(batch: ImportBatch, settings: Settings, today: date) -> Reader:
    return Reader(json.loads(batch.headings), settings.extent, today)


def _store(batch: ImportBatch, part: Part) -> None:
    """Keep the plan's word on every row."""
    with db.transaction():
        db.execute_many(
            "UPDATE staged_row SET outcome = ?, facility_id = ?, problems = ?, remarks = ?, made = ?"
            " WHERE batch_id = ? AND sheet = ? AND number = ?",
            [
                (
                    verdict.outcome,
                    verdict.facility_id,
                    _as_json(verdict.problems),
                    _as_json(verdict.row.remarks),
                    packed(made) if (made := part.made.get(verdict.row.place)) else None,
                    batch.id,
                    verdict.row.sheet,
                    verdict.row.number,
                )
                for verdict in part.rows
            ],
        )


def _as_json(problems: Sequence[Problem]) -> str | None:
    return json.dumps([asdict(p) for p in problems], ensure_ascii=False) if problems else None


def make_plan(actor: Actor, batch_id: int, settings: Settings, today: date) -> Plan:
    """Work the plan out and keep it with the batch; raises ConflictError for one that is applied already."""
    batch = get_batch(batch_id, actor)
    if batch.state == "applied":
        raise ConflictError(f"第 {batch_id} 号导入已经执行过了", "already_applied")
    plan, reader = Plan(head_seq()), reader_of(batch, settings, today)
    with closing(Suspects(reader)) as suspects:
        for part in work_out(actor, batch, reader):
            _store(batch, part)
            plan.add(part)
            first = {verdict.row.place: verdict.row for verdict in part.rows}
            suspects.see((first[made.rows[0]], made.before, made.after) for made in part.made.values())
        suspected = suspects.remarks()
    plan.remarks += suspected
    for words in (plan.problems, plan.remarks):
        words.sort(key=lambda word: (word.sheet or "", word.row or 0))
    with db.transaction():
        db.execute_many(
            "UPDATE staged_row SET remarks = ? WHERE batch_id = ? AND sheet = ? AND number = ?",
            [(_as_json([each]), batch.id, each.sheet or "", each.row) for each in suspected],
        )
        ImportBatch.update(
            state="planned",
            planned_seq=plan.seq,
            summary=json.dumps(plan.counts),
            basis=basis(actor, settings, today),
        ).where(ImportBatch.id == batch.id).execute()
    return plan


def _reject(reader: Reader, row: Facts, name: str, code: str, detail: str, cure: str) -> None:
    column = reader.headings.get(name, name)
    value = public_code(row.facility_id) if name == "code" and row.facility_id else None
    value = value or row.facility.get(name)
    row.problems.append(Problem(code, detail, name, row.number, column, value, cure, row.sheet or None))


def _key(row: Facts) -> tuple[Any, ...]:
    said = row.facility
    return site_key(
        row.facility_id,
        said.get("source"),
        said.get("external_id"),
        said.get("name"),
        said.get("division_id"),
    )


def _group(facts: Sequence[Facts], reader: Reader) -> list[Site]:
    """Rows of one place together: several rows may speak of it when each states another role and
    nothing else differs; any other repetition is a rejection of the later row."""
    sites: dict[tuple[Any, ...], Site] = {}
    alone: list[Site] = []
    for row in facts:
        key = _key(row)
        if None in key:  # not even a name or a division: there is a problem already
            alone.append(Site([row]))
            continue
        site = sites.setdefault(key, Site([]))
        if site.rows and not _is_another_role(site, row):
            words = {"code": "编号", "external_id": "外部编号", "name": "名称和区划"}
            _reject(
                reader,
                row,
                key[0],
                "duplicate_row" if key[0] == "name" else f"duplicate_{key[0]}",
                f"{words[key[0]]}与{site.rows[0].where}重复",
                "同一服务点只留一行；多个挂牌可各占一行，其余各列须相同",
            )
            alone.append(Site([row]))
            continue
        site.rows.append(row)
    return [*sites.values(), *alone]


def _is_another_role(site: Site, row: Facts) -> bool:
    def roles(facts: Facts) -> set[tuple[int, date | None]]:
        return {(kind.id, facts.role.get("opened_on")) for kind in facts.kinds}

    said: dict[str, Any] = {}
    for earlier in site.rows:
        said |= earlier.facility
    agree = all(said.get(name, value) == value for name, value in row.facility.items())
    return agree and bool(row.kinds) and not any(roles(earlier) & roles(row) for earlier in site.rows)


def _match(sites: Sequence[Site], reader: Reader) -> None:
    """Find the place in the registry that each site means: by code, else by source and external id."""
    live = [site for site in sites if not all(row.problems for row in site.rows)]
    coded = {site.rows[0].facility_id: site for site in live if site.rows[0].facility_id}
    records = load(sorted(coded))
    for id_, site in coded.items():
        site.existing = records.get(id_)
        if site.existing is None:
            detail = f"没有编号 {public_code(id_)} 的服务点"
            _reject_site(reader, site, "code", "unknown_code", detail, "新服务点请把编号留空")
        elif (other := site.existing.merged_into_id) is not None:
            detail = f"{public_code(id_)} 已并入 {public_code(other)}"
            _reject_site(reader, site, "code", "merged_code", detail, f"请把编号改为 {public_code(other)}")
        elif site.existing.is_undone:
            detail = f"{public_code(id_)} 已随它的导入撤销"
            _reject_site(reader, site, "code", "undone_code", detail, "要重新导入，请把编号留空")
    by_external: dict[tuple[str, str], Site] = {}
    for site in live:
        first = by_external.setdefault(external, site) if (external := _external(site)) else site
        if first is not site:
            detail = f"外部编号与{first.rows[0].where}重复"
            _reject_site(reader, site, "external_id", "duplicate_external_id", detail, "请核对外部编号")
    owners = _owners(by_external)
    records = load(sorted(set(owners.values()) - coded.keys()))
    for external, id_ in owners.items():
        site, cure = by_external[external], "请核对编号和外部编号"
        if site.rows[0].facility_id:
            if site.rows[0].facility_id != id_:
                detail = "这个外部编号属于另一个服务点"
                _reject_site(reader, site, "external_id", "external_id_taken", detail, cure)
        elif id_ in coded:
            detail = f"与{coded[id_].rows[0].where}是同一个服务点 {public_code(id_)}"
            _reject_site(reader, site, "external_id", "duplicate_code", detail, cure)
        else:
            site.existing = records[id_]
    nameless = {key[1:]: site for site in live if (key := _key(site.rows[0]))[0] == "name"}
    for named, id_ in _named({name for name, _ in nameless}).items():
        if unkeyed := nameless.get(named):
            cure = f"要改它，请在“编号”列填 {public_code(id_)}；若是另一处，请在名称上写出区别"
            detail = f"这个村（居）已有同名的服务点 {public_code(id_)}"
            _reject_site(reader, unkeyed, "name", "already_exists", detail, cure)


def _refuse_foreign(sites: Sequence[Site], reader: Reader, actor: Actor, own: frozenset[int]) -> None:
    for site in sites:
        stands = {row.facility["division_id"] for row in site.rows if "division_id" in row.facility}
        stands.update(id_ for row in site.rows for id_ in row.role.get("serves", ()))
        if site.existing:
            stands.add(site.existing.division_id)
        if not stands <= own:
            detail = f"这里不在“{actor.name}”的范围内"
            _reject_site(reader, site, "division", "out_of_scope", detail, "请交给管这个区划的单位填报")


def _reject_site(reader: Reader, site: Site, name: str, code: str, detail: str, cure: str) -> None:
    for row in site.rows:
        _reject(reader, row, name, code, detail, cure)


def _external(site: Site) -> tuple[str, str] | None:
    """(source, external id) that the place will have, when the rows name an external id."""
    stated = {name: value for row in site.rows for name, value in row.facility.items()}
    source = site.existing.source if site.existing else DEFAULT_SOURCE
    return (stated.get("source", source), stated["external_id"]) if "external_id" in stated else None


def _owners(externals: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    by_source: dict[str, list[str]] = {}
    for source, external_id in externals:
        by_source.setdefault(source, []).append(external_id)
    found = {}
    for source, external_ids in by_source.items():
        for chunk in chunks(external_ids, 500):
            marks = ", ".join("?" * len(chunk))
            sql = f"SELECT external_id, id FROM facility WHERE source = ? AND external_id IN ({marks})"
            found.update({(source, external_id): id_ for external_id, id_ in db.query(sql, (source, *chunk))})
    return found


def _named(names: set[str]) -> dict[tuple[str, int], int]:
    found = {}
    for chunk in chunks(sorted(names), 500):
        sql = (
            f"SELECT name, division_id, id FROM facility f WHERE name IN ({', '.join('?' * len(chunk))})"
            " AND EXISTS (SELECT 1 FROM role WHERE facility_id = f.id AND COALESCE(closed_reason, '') <> ?)"
        )
        found.update({(name, in_): id_ for name, in_, id_ in db.query(sql, (*chunk, UNDONE))})
    return found


def _decide(part: Part, site: Site, reader: Reader, as_of: date) -> None:
    """Say of the site's rows what they would do, and keep the record that they would make."""
    before, good = site.existing, [row for row in site.rows if not row.problems]
    if good:
        stated = _stated(good)
        if before:
            part.kept += _leave_held(before, stated, as_of, reader)
        after = merged(before or _blank(good[0]), stated, as_of)
        for name, code, detail in contradictions(after):
            for row in good:
                _reject(reader, row, name, code, detail, "请核对这一格和登记册里已有的内容")
        for row in good if after.delivery != "on_site" else ():
            if "lat" in row.facility and not row.problems:
                detail = "这是网上、上门或电话服务，没有可去的地方，不能有坐标"
                _reject(reader, row, "lng", "position_of_remote_service", detail, "请删去坐标，或改服务方式")
    part.rows += [Verdict(row, "rejected") for row in site.rows if row.problems]
    good = [row for row in good if not row.problems]
    if not good:
        return
    outcome = "create"
    if before:
        changed = diff(flat(before, reader.kinds), flat(after, reader.kinds))
        outcome = "update" if changed else "unchanged"
        part.unchanged += not changed
        part.changes += [{"code": after.code, "name": after.name, "changed": changed}] if changed else []
    if outcome != "unchanged":
        part.made[site.rows[0].place] = Made(before, after, [row.place for row in good])
    part.rows += [Verdict(row, outcome, after) for row in good]


def _leave_held(record: Record, stated: Stated, as_of: date, reader: Reader) -> list[dict[str, Any]]:
    """Take out of the statement what was corrected by hand on the file's day or later, and say what."""
    kept = []

    def leave(said: dict[str, Any], ours: Any, prefix: str = "") -> None:
        for name in [name for name in said if record.held.get(f"{prefix}{name}", "") >= str(as_of)]:
            theirs = said.pop(name)
            if ours is not None and getattr(ours, name) != theirs:
                kept.append(
                    {
                        "code": record.code,
                        "name": record.name,
                        "field": f"{prefix}{name}",
                        "kept": getattr(ours, name),
                        "in_file": theirs,
                        "held_on": record.held[f"{prefix}{name}"],
                    }
                )

    leave(stated.facility, record)
    for type_id, said in stated.roles:
        current = [role for role in record.roles if role.type_id == type_id]
        leave(said, current[-1] if current else None, f"{reader.kinds.by_id[type_id].key}.")
    return kept


def _blank(row: Facts) -> Record:
    return Record(0, row.facility["name"], row.facility["division_id"], source=DEFAULT_SOURCE)


def _stated(rows: Sequence[Facts]) -> Stated:
    facility: dict[str, Any] = {}
    for row in rows:
        facility |= row.facility
    # what has ended first, so that a row of the past is not taken for the current role
    rows = sorted(rows, key=lambda row: row.role.get("closed_on", date.max))
    return Stated(
        facility,
        [(kind.id, row.role) for row in rows for kind in row.kinds],
        max((row.verified_on for row in rows if row.verified_on), default=None),
    )
