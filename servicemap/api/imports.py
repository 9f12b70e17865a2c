"""导入 over HTTP: the client reads the file and sends rows; the server validates, plans, applies."""

import json
from collections.abc import Sequence
from typing import Any

from flask import current_app, g
from marshmallow import fields

from servicemap.access import IMPORT
from servicemap.api.answers import answer
from servicemap.api.errors import MOST_PROBLEMS, ProblemSchema, problem_fields
from servicemap.api.inputs import Day, Flag, Strict, Text, Texts, Whole, Yes
from servicemap.api.parsing import StrictBlueprint, ndjson_lines
from servicemap.api.schemas import DemoSchema, Open
from servicemap.errors import InvalidError, Problem
from servicemap.imports import batches
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from servicemap.imports.undo import Undo, undo, work_out
from servicemap.models import ImportBatch, StagedRow

blp = StrictBlueprint("imports", __name__, url_prefix="/api/v1/imports", description="导入")

MOST_ROWS, MOST_BYTES = 500, 1_000_000
MOST_CHANGES = 200
WORDS = ("problems", "remarks")


class OpenImportSchema(Strict):
    file_name = Text(200, required=True, metadata={"description": "文件名，只作记录"})
    headings = Texts(
        keys=Text(40), values=Text(200), required=True, metadata={"description": "{字段: 文件中的列名}"}
    )
    as_of = Day(metadata={"description": "文件的日期；默认今天"})


class SheetSchema(Strict):
    sheet = Text(60, load_default="", metadata={"description": "这些行所在的工作表，文件有几个时"})


class ImportsQuery(Strict):
    before = Whole(1, 2_000_000_000, metadata={"description": "上一页给的 next_before"})
    limit = Whole(1, 500, load_default=100)


class UndoBodySchema(Strict):
    seq = Whole(0, 2**53, required=True, metadata={"description": "看过的预案的 seq；登记册变了则不执行"})


class RowsQuery(SheetSchema):
    after = Whole(0, 2_000_000, load_default=0, metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 1000, load_default=500)
    worded = Yes(load_default=False, metadata={"description": "true：只要有问题或要看一看的行"})


class RowSchema(Open):
    """一行和预案对它说的"""

    row = fields.Integer(metadata={"description": "文件中的行号"})
    outcome = fields.String(
        allow_none=True,
        metadata={"description": "create、update、unchanged、rejected（以后可能增加）；空为还没有预案"},
    )
    facility = fields.String(allow_none=True, metadata={"description": "服务点编号；新增的在执行后才有"})
    problems = fields.List(fields.Nested(ProblemSchema))
    remarks = fields.List(fields.Nested(ProblemSchema))


class RowsSchema(DemoSchema):
    items = fields.List(fields.Nested(RowSchema))
    next_after = fields.Integer(allow_none=True)


class ApplyImportSchema(Strict):
    skip_bad_rows = Flag(load_default=False, metadata={"description": "略过有错误的行"})


class ImportSchema(DemoSchema):
    id = fields.Integer()
    state = fields.String(metadata={"description": "open、planned、applied（以后可能增加）"})
    staged = fields.Integer(metadata={"description": "已收到的行数"})


class KeptSchema(Open):
    """没有撤销的"""

    code = fields.String(metadata={"description": "服务点编号"})
    name = fields.String()
    detail = fields.String(metadata={"description": "为什么"})
    fields = fields.List(fields.String(), metadata={"description": "哪些字段；空为整个服务点"})  # type: ignore[assignment]


class PlanCountsSchema(Open):
    rows = fields.Integer(metadata={"description": "文件行数"})
    created = fields.Integer(metadata={"description": "新增服务点"})
    updated = fields.Integer(metadata={"description": "更新服务点"})
    unchanged = fields.Integer(metadata={"description": "没有变化的服务点"})
    rejected = fields.Integer(metadata={"description": "退回的行"})
    set_aside = fields.Integer(metadata={"description": "没有要写入的行：填了无、不清楚，或什么都没有填"})


class ImportPlanSchema(ImportSchema):
    counts = fields.Nested(PlanCountsSchema)
    problems = fields.List(
        fields.Nested(ProblemSchema), metadata={"description": f"退回的原因，最多 {MOST_PROBLEMS} 条"}
    )
    problems_total = fields.Integer()
    remarks = fields.List(
        fields.Nested(ProblemSchema),
        metadata={"description": f"不退回，但要看一看的行，最多 {MOST_PROBLEMS} 条"},
    )
    remarks_total = fields.Integer()
    changes = fields.List(
        fields.Dict(), metadata={"description": f"将更新的服务点及字段，最多 {MOST_CHANGES} 个"}
    )
    kept = fields.List(
        fields.Dict(),
        metadata={
            "description": f"手工更正在文件日期之后的，不按文件改：字段、登记册里的、文件里的，最多 {MOST_CHANGES} 个"
        },
    )


class ListedImportSchema(DemoSchema):
    id = fields.Integer()
    file_name = fields.String()
    state = fields.String(metadata={"description": "open、planned、applied、undone（以后可能增加）"})
    as_of = fields.Date(metadata={"description": "文件的日期"})
    actor = fields.String(metadata={"description": "谁导入的"})
    created_at = fields.String()
    applied_at = fields.String(allow_none=True)
    undone_at = fields.String(allow_none=True)
    counts = fields.Nested(PlanCountsSchema, allow_none=True)


class ImportsSchema(DemoSchema):
    items = fields.List(fields.Nested(ListedImportSchema))
    next_before = fields.Integer(allow_none=True)


class UndoSchema(DemoSchema):
    id = fields.Integer()
    seq = fields.Integer(metadata={"description": "预案所依据的登记册版本"})
    restored = fields.Integer(metadata={"description": "恢复原样的服务点"})
    closed = fields.Integer(metadata={"description": "关闭的服务点：由这次导入新增的"})
    changes = fields.List(
        fields.Dict(), metadata={"description": f"各服务点的字段 [现在, 撤销后]，最多 {MOST_CHANGES} 个"}
    )
    kept = fields.List(
        fields.Nested(KeptSchema), metadata={"description": f"不撤销的，最多 {MOST_PROBLEMS} 条"}
    )
    kept_total = fields.Integer()


@blp.post("")
@blp.allowed(IMPORT)
@blp.arguments(OpenImportSchema)
@blp.response(201, ImportSchema)
@blp.fails(400, 409, 413, 415, 503)
def open_import(body: dict[str, Any]) -> dict[str, Any]:
    """开始一次导入"""
    batch = batches.open_batch(
        g.actor,
        file_name=body["file_name"],
        headings=body["headings"],
        as_of=body.get("as_of", g.today),
        today=g.today,
    )
    return answer({"id": batch.id, "state": batch.state, "staged": 0})


@blp.post("/<number:batch_id>/rows")
@blp.allowed(IMPORT)
@blp.arguments(SheetSchema, location="query")
@blp.response(200, ImportSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
@blp.doc(
    requestBody={
        "required": True,
        "description": f'每行一个 {{"row": 行号, "cells": {{字段: 文字}}}}，最多 {MOST_ROWS} 行、1 MB；可重发',
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
)
def send_rows(args: dict[str, Any], batch_id: int) -> dict[str, Any]:
    """送来若干行"""
    rows = [_row(line) for line in ndjson_lines(MOST_BYTES, MOST_ROWS)]
    staged = batches.add_rows(g.actor, batch_id, rows, sheet=args["sheet"])
    return answer({"id": batch_id, "state": "open", "staged": staged})


@blp.get("/<number:batch_id>/rows")
@blp.allowed(IMPORT)
@blp.arguments(RowsQuery, location="query")
@blp.response(200, RowsSchema)
@blp.fails(404, 503)
def list_rows(args: dict[str, Any], batch_id: int) -> dict[str, Any]:
    """一个工作表的各行：结果、问题、编号"""
    rows = batches.list_rows(
        g.actor, batch_id, args["sheet"], after=args["after"], limit=args["limit"], worded=args["worded"]
    )
    items = [
        {**row, **{words: [problem_fields(Problem(**each)) for each in row[words]] for words in WORDS}}
        for row in rows
    ]
    return answer({"items": items, "next_after": rows[-1]["row"] if len(rows) == args["limit"] else None})


def _row(line: Any) -> tuple[int, dict[str, str]]:
    number, cells = (line.get("row"), line.get("cells")) if isinstance(line, dict) else (None, None)
    if (
        not isinstance(number, int)
        or isinstance(number, bool)
        or not 1 <= number <= 2_000_000
        or not isinstance(cells, dict)
        or not all(isinstance(text, str) and len(text) <= 4000 for text in cells.values())
    ):
        raise InvalidError('每行应为 {"row": 行号, "cells": {字段: 文字}}，每格最多 4000 字', "bad_row")
    # a lone surrogate or NUL can't be stored; the question mark makes the value fail with a word
    clean = {
        name: text.encode("utf-8", "replace").decode().replace("\0", "\x01") for name, text in cells.items()
    }
    return number, clean


@blp.post("/<number:batch_id>/plan")
@blp.allowed(IMPORT)
@blp.response(200, ImportPlanSchema)
@blp.fails(404, 409, 503)
def plan_import(batch_id: int) -> dict[str, Any]:
    """生成预案：每行会怎样，什么都不改"""
    plan = make_plan(g.actor, batch_id, current_app.config["SERVICEMAP"], g.today)
    batch = batches.get_batch(batch_id, g.actor)
    return _plan_answer(batch, plan.problems, plan.remarks, plan.changes, plan.kept)


@blp.get("/<number:batch_id>/plan")
@blp.allowed(IMPORT)
@blp.response(200, ImportPlanSchema)
@blp.fails(404, 503)
def get_plan(batch_id: int) -> dict[str, Any]:
    """已生成的预案"""
    return _stored_plan(batch_id)


def _stored_plan(batch_id: int) -> dict[str, Any]:
    batch = batches.get_batch(batch_id, g.actor)
    return _plan_answer(batch, *batches.list_words(batch))


def _plan_answer(
    batch: ImportBatch,
    problems: list[Problem],
    remarks: list[Problem],
    changes: Sequence[Any] = (),
    kept: Sequence[Any] = (),
) -> dict[str, Any]:
    return answer(
        {
            "id": batch.id,
            "state": batch.state,
            "staged": StagedRow.select().where(StagedRow.batch == batch).count(),
            "counts": json.loads(batch.summary or "null"),
            "problems": [problem_fields(problem) for problem in problems[:MOST_PROBLEMS]],
            "problems_total": len(problems),
            "remarks": [problem_fields(remark) for remark in remarks[:MOST_PROBLEMS]],
            "remarks_total": len(remarks),
            "changes": json.loads(json.dumps(changes[:MOST_CHANGES], default=str)),
            "kept": json.loads(json.dumps(kept[:MOST_CHANGES], default=str)),
        }
    )


@blp.post("/<number:batch_id>/apply")
@blp.allowed(IMPORT)
@blp.arguments(ApplyImportSchema)
@blp.response(200, ImportPlanSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
def apply_import(body: dict[str, Any], batch_id: int) -> dict[str, Any]:
    """执行预案：全部写入，或什么都不改"""
    settings = current_app.config["SERVICEMAP"]
    apply(g.actor, batch_id, settings, g.today, skip_bad_rows=body["skip_bad_rows"])
    return _stored_plan(batch_id)


@blp.get("")
@blp.allowed(IMPORT)
@blp.arguments(ImportsQuery, location="query")
@blp.response(200, ImportsSchema)
@blp.fails(503)
def list_imports(args: dict[str, Any]) -> dict[str, Any]:
    """全部导入，新的在前"""
    found = batches.list_batches(g.actor, before=args.get("before"), limit=args["limit"])
    full = len(found) == args["limit"]
    items = [_listed(batch) for batch in found]
    return answer({"items": items, "next_before": found[-1].id if full else None})


@blp.get("/<number:batch_id>")
@blp.allowed(IMPORT)
@blp.response(200, ListedImportSchema)
@blp.fails(404, 503)
def get_import(batch_id: int) -> dict[str, Any]:
    """一次导入"""
    return answer(_listed(batches.get_batch(batch_id, g.actor)))


def _listed(batch: ImportBatch) -> dict[str, Any]:
    names = ("id", "file_name", "actor", "created_at", "applied_at", "undone_at")
    return {
        **{name: getattr(batch, name) for name in names},
        "as_of": batch.as_of_on,
        "state": "undone" if batch.undone_at else batch.state,
        "counts": json.loads(batch.summary or "null"),
    }


@blp.get("/<number:batch_id>/undo")
@blp.allowed(IMPORT)
@blp.response(200, UndoSchema)
@blp.fails(404, 409, 503)
def plan_undo(batch_id: int) -> dict[str, Any]:
    """撤销一次导入的预案：什么会恢复、什么会关闭、什么不动"""
    return _undo_answer(batch_id, work_out(g.actor, batch_id, g.today))


@blp.post("/<number:batch_id>/undo")
@blp.allowed(IMPORT)
@blp.arguments(UndoBodySchema)
@blp.response(200, UndoSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
def undo_import(body: dict[str, Any], batch_id: int) -> dict[str, Any]:
    """撤销一次导入：导入改过、之后没有人改的字段恢复原样，新增的服务点关闭"""
    return _undo_answer(batch_id, undo(g.actor, batch_id, body["seq"], g.today))


def _undo_answer(batch_id: int, plan: Undo) -> dict[str, Any]:
    return answer(
        {
            "id": batch_id,
            "seq": plan.seq,
            "restored": len(plan.restored),
            "closed": len(plan.closed),
            "changes": json.loads(json.dumps(plan.changes[:MOST_CHANGES], default=str)),
            "kept": plan.kept[:MOST_PROBLEMS],
            "kept_total": len(plan.kept),
        }
    )
