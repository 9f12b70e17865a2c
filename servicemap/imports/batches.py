"""Import batches: a file's rows on their way in. open → (rows) → planned → applied."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from servicemap import db, registry
from servicemap.access import SEED, Actor
from servicemap.audit import now_text
from servicemap.errors import ConflictError, InvalidError, NotFoundError, Problem
from servicemap.imports.columns import FIELDS, PRESENCE
from servicemap.models import ImportBatch, StagedRow
from servicemap.records import public_code

OWN_HEADINGS = {field.name: field.heading for field in (*FIELDS, PRESENCE)}


def open_batch(
    actor: Actor, *, file_name: str, headings: Mapping[str, str], as_of: date, today: date
) -> ImportBatch:
    """Begin an import; `headings` are {field: heading as in the file}, for what rejections say."""
    if registry.is_demo() and actor is not SEED:
        raise ConflictError(
            "这是示例库，不能导入真实数据；请先建一个干净的库：\n"
            "SERVICEMAP_DATABASE_URL=sqlite:///servicemap.db servicemap-admin db create\n"
            "SERVICEMAP_DATABASE_URL=sqlite:///servicemap.db servicemap-admin seed load",
            "demo_database",
        )
    if as_of > today:  # it would overrule what is corrected by hand until then
        raise InvalidError(f"文件的日期 {as_of} 还没有到", "future_date")
    unknown = sorted(set(headings) - set(OWN_HEADINGS))
    if unknown:
        raise InvalidError(f"没有这些字段：{'、'.join(unknown)}", "unknown_field")
    with db.transaction():
        return ImportBatch.create(
            file_name=file_name,
            headings=json.dumps({**OWN_HEADINGS, **headings}, ensure_ascii=False),
            as_of_on=as_of,
            actor=actor.name,
            created_at=now_text(),
            state="open",
        )


def get_batch(batch_id: int, actor: Actor) -> ImportBatch:
    """One's own; who acts for the whole registry gets everybody's. NotFoundError for all others."""
    batch = ImportBatch.get_or_none(ImportBatch.id == batch_id)
    if batch is None or (batch.actor != actor.name and actor.scope is not None):
        raise NotFoundError(f"没有第 {batch_id} 号导入", "import_not_found")
    return batch


def add_rows(
    actor: Actor, batch_id: int, rows: Sequence[tuple[int, Mapping[str, str]]], *, sheet: str = ""
) -> int:
    """Stage rows (number, {field: text}) of a sheet; sending a row again replaces it. Returns how many are
    staged."""
    batch = get_batch(batch_id, actor)
    for number, cells in rows:
        if unknown := sorted(set(cells) - set(OWN_HEADINGS)):
            raise InvalidError(f"第 {number} 行有不认识的字段：{'、'.join(unknown)}", "unknown_field")
    with db.transaction():
        if (
            ImportBatch.update(state="open")
            .where((ImportBatch.id == batch.id) & (ImportBatch.state != "applied"))
            .execute()
            == 0
        ):
            raise ConflictError(f"第 {batch_id} 号导入已经执行，不能再加行", "already_applied")
        db.execute_many(
            "INSERT INTO staged_row (batch_id, sheet, number, cells) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (batch_id, sheet, number) DO UPDATE SET cells = excluded.cells, outcome = NULL,"
            " facility_id = NULL, problems = NULL, remarks = NULL, made = NULL",
            [(batch.id, sheet, number, json.dumps(cells, ensure_ascii=False)) for number, cells in rows],
        )
    return StagedRow.select().where(StagedRow.batch == batch).count()


def list_words(batch: ImportBatch) -> tuple[list[Problem], list[Problem]]:
    """The problems and the remarks of the stored plan, in the order of the rows. One query."""
    rows = db.query(
        "SELECT problems, remarks FROM staged_row WHERE batch_id = ?"
        " AND (problems IS NOT NULL OR remarks IS NOT NULL) ORDER BY sheet, number",
        (batch.id,),
    )
    problems: list[Problem] = []
    remarks: list[Problem] = []
    for row in rows:
        for text, words in zip(row, (problems, remarks), strict=True):
            words += [Problem(**each) for each in json.loads(text or "[]")]
    return problems, remarks


def list_rows(
    actor: Actor, batch_id: int, sheet: str, *, after: int, limit: int, worded: bool
) -> list[dict[str, Any]]:
    """What the stored plan says of at most `limit` rows of a sheet beyond the row `after`, by number;
    `worded`: only where there is a problem or a remark. Two queries."""
    batch = get_batch(batch_id, actor)
    some = " AND (problems IS NOT NULL OR remarks IS NOT NULL)" if worded else ""
    rows = db.query(
        "SELECT number, outcome, facility_id, problems, remarks FROM staged_row"
        f" WHERE batch_id = ? AND sheet = ? AND number > ?{some} ORDER BY number LIMIT {limit}",
        (batch.id, sheet, after),
    )
    return [
        {
            "row": number,
            "outcome": outcome,
            "facility": public_code(facility_id) if facility_id else None,
            "problems": json.loads(problems or "[]"),
            "remarks": json.loads(remarks or "[]"),
        }
        for number, outcome, facility_id, problems, remarks in rows
    ]


def list_batches(actor: Actor, *, before: int | None, limit: int) -> list[ImportBatch]:
    """At most `limit` imports that get_batch gives, the latest first, from before the one numbered `before`.
    One query."""
    query = ImportBatch.select().order_by(ImportBatch.id.desc()).limit(limit)
    if actor.scope is not None:
        query = query.where(ImportBatch.actor == actor.name)
    return list(query.where(ImportBatch.id < before) if before else query)
