"""监测快照 over HTTP: freeze, verify, compare, approve, publish, retract; and what is published, for everybody."""

import json
from datetime import date
from typing import Any

from flask import Response, g
from marshmallow import fields

from servicemap import divisions
from servicemap.access import APPROVE, FREEZE, PUBLISH, READ_LIVE_COVERAGE, VERIFY_AUDIT
from servicemap.api.answers import answer, spliced
from servicemap.api.edits import HEADERS, SHOWN_REASON, idempotency_key
from servicemap.api.inputs import Day, Strict, Text, Whole
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import CoverageRowSchema, DemoSchema, Open, RankingSchema, text, whole, word
from servicemap.coverage import freezing, moved, publication, snapshots
from servicemap.coverage.periods import period_of
from servicemap.coverage.ranking import RULE, together
from servicemap.models import SNAPSHOT_STEPS
from servicemap.sdmx import sdmx_csv

blp = StrictBlueprint("snapshots", __name__, url_prefix="/api/v1", description="监测快照")


def iso(description: str) -> fields.String:
    """A day that is text already, as it is kept."""
    return fields.String(metadata={"description": description, "format": "date"}, allow_none=True)


PERIOD = "监测期：年度 2026，中期 mid-2025，终期 final-2030"


class SnapshotsQuery(Strict):
    division = Text(20, metadata={"description": "区划代码；默认自己范围内的全部"})
    period = Text(20, metadata={"description": PERIOD})


class FreezeSchema(Strict):
    division = Text(20, required=True, metadata={"description": "区划代码"})
    period = Text(20, required=True, metadata={"description": PERIOD})
    on = Day(metadata={"description": "截至哪一天；默认那一年的 12 月 31 日"})
    reason = Text(200, metadata={"description": "为什么冻结，记入变更"})


class RetractSchema(Strict):
    reason = SHOWN_REASON


class DiffQuery(Strict):
    to = Whole(1, 999_999_999, metadata={"description": "和第几号快照比；默认和今天的登记册比"})


class PublishedQuery(Strict):
    division = Text(20, metadata={"description": "区划代码；默认公布了这一期的最上一级"})
    version = Whole(1, 999_999_999, metadata={"description": "第几版；默认现在有效的"})


class SnapshotStepSchema(Open):
    """快照的一步"""

    state = word("已到哪一步", SNAPSHOT_STEPS)
    on = iso("哪天")
    by = text("哪个岗位")
    reason = text("原因")


class SnapshotFactsSchema(Open):
    """一个快照：哪一期、哪个区划、第几版、到了哪一步"""

    number = whole("号")
    period = text(PERIOD)
    period_name = text("监测期的名称")
    division = text("区划代码")
    division_name = text("那时的名称")
    level = text("层级")
    version = whole("这一期这个区划的第几版")
    on = iso("截至哪一天")
    state = word("已冻结、已批准、已公布、被代替、已撤回", snapshots.STATES)
    steps = fields.List(fields.Nested(SnapshotStepSchema))
    replaced_by = whole("现在有效的是第几版；空为没有")
    made_at = text("何时冻结，UTC")
    made_by = text("哪个岗位冻结")
    reason = text("为什么冻结")
    anchor = text("变更链的锚，即数据的版本")
    sha256 = text("内容的 SHA-256")
    public_sha256 = text("公众内容的 SHA-256")


class SnapshotSchema(SnapshotFactsSchema, DemoSchema):
    pass


class SnapshotsSchema(DemoSchema):
    items = fields.List(fields.Nested(SnapshotFactsSchema))


class NamedSchema(Open):
    """一个区划的代码和名称"""

    code = text("区划代码")
    name = text("名称")
    level = text("层级")


class PeriodSchema(Open):
    """监测期"""

    key = text("写法")
    kind = text("annual 年度，mid 中期，final 终期")
    year = whole("年")
    name = text("名称")


class ContentSchema(DemoSchema):
    """一份监测结果"""

    division = fields.Nested(NamedSchema)
    on = iso("截至哪一天")
    period = fields.Nested(PeriodSchema)
    version = whole("第几版")
    made_at = text("何时冻结，UTC；公众看到的为空")
    anchor = text("变更链的锚；公众看到的为空")
    indicators = fields.List(fields.Dict(), metadata={"description": "指标"})
    rows = fields.List(fields.Nested(CoverageRowSchema))
    gaps = fields.List(fields.Dict(), metadata={"description": "还缺的区划；公众看不到"})
    disparity = fields.List(fields.Dict(), metadata={"description": "差距；县（市、区）和撤回了的没有"})
    reach = fields.List(fields.Dict(), metadata={"description": "可及；公众看不到"})
    outlook = fields.List(fields.Dict(), metadata={"description": "展望；公众看不到"})
    evidence = fields.Dict(
        metadata={"description": "依据：of 每个指标背后的服务点，places 它们的名称、类型；公众看不到"}
    )


class PublicationSchema(Open):
    """一版公布得怎样了"""

    state = word("已公布、被代替、已撤回", ("published", "replaced", "retracted"))
    state_name = text("同上，中文")
    published_on = iso("哪天公布")
    retracted_on = iso("哪天撤回")
    reason = text("为什么撤回")
    replaced_by = whole("现在有效的是第几版；空为没有")
    sha256 = text("公布内容的 SHA-256")


class PublishedFactsSchema(PublicationSchema):
    """公布过的一版"""

    period = fields.Nested(PeriodSchema)
    division = text("区划代码")
    division_name = text("那时的名称")
    version = whole("第几版")
    on = iso("截至哪一天")


class PublishedListSchema(DemoSchema):
    items = fields.List(fields.Nested(PublishedFactsSchema))


class PublishedSchema(ContentSchema, PublicationSchema):
    """公布的监测结果；撤回了的没有数字"""


class VerifiedSchema(Open):
    """一个快照核对的结果"""

    number = whole("号")
    period = text(PERIOD)
    division = text("区划代码")
    division_name = text("名称")
    version = whole("第几版")
    problems = fields.List(
        fields.String(),
        metadata={
            "description": "content、public：内容不是冻结时的；audit：和变更里记的不符；anchor：锚不在链上"
        },
    )


class VerificationsSchema(DemoSchema):
    items = fields.List(fields.Nested(VerifiedSchema))


class FiguresSchema(Open):
    """一行的数字"""

    numerator = whole("分子")
    denominator = whole("分母")
    value = fields.Float(allow_none=True)
    target = fields.Float(allow_none=True)
    needed = whole("尚差几个")
    met = fields.Boolean(allow_none=True)
    display = text("给人看的现值")


class MovedSchema(Open):
    """一个变了的数字，和背后的区划"""

    kind = word("late 补报或更正：同一截止日，后来才知道的；since 之后的变化", (moved.LATE, moved.SINCE))
    indicator = text("指标")
    name = text("指标名称")
    definition = text("口径")
    division = text("区划代码")
    division_name = text("区划名称")
    level = text("层级")
    before = fields.Nested(FiguresSchema, allow_none=True, metadata={"description": "空为那时没有这一行"})
    after = fields.Nested(FiguresSchema, allow_none=True, metadata={"description": "空为现在没有这一行"})
    covered = fields.List(fields.Nested(NamedSchema), metadata={"description": "不再缺的区划"})
    missing = fields.List(fields.Nested(NamedSchema), metadata={"description": "新缺的区划"})


class DiffSchema(DemoSchema):
    items = fields.List(fields.Nested(MovedSchema))


@blp.get("/snapshots")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(SnapshotsQuery, location="query")
@blp.response(200, SnapshotsSchema)
@blp.fails(503)
def list_snapshots(args: dict[str, Any]) -> dict[str, Any]:
    """自己范围内的监测快照，按监测期、区划、版本；需要权限"""
    with parameter():
        root = divisions.get(args["division"]) if "division" in args else None
    return answer({"items": snapshots.list_snapshots(g.actor, root, args.get("period"))})


@blp.post("/snapshots")
@blp.allowed(FREEZE)
@blp.doc(parameters=HEADERS)
@blp.arguments(FreezeSchema)
@blp.response(201, SnapshotSchema)
@blp.fails(400, 409, 413, 415, 503)
def freeze_snapshot(body: dict[str, Any]) -> dict[str, Any]:
    """冻结一期的数字，成为下一版；以后的修改、补报都不再动它"""
    on = body.get("on") or date(period_of(body["period"])["year"], 12, 31)
    with parameter():
        root = divisions.get(body["division"], on=on)
    key = idempotency_key()
    frozen = freezing.freeze(g.actor, body["period"], root, on, body.get("reason"), today=g.today, key=key)
    return answer(frozen)


@blp.get("/snapshots/verify")
@blp.allowed(VERIFY_AUDIT)
@blp.response(200, VerificationsSchema)
@blp.fails(503)
def verify_snapshots() -> dict[str, Any]:
    """重新计算每个快照的摘要，和变更链核对；需要权限"""
    return answer({"items": snapshots.verify(g.actor)})


@blp.get("/snapshots/<number:number>")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.response(200, SnapshotSchema)
@blp.fails(404, 503)
def get_snapshot(number: int) -> dict[str, Any]:
    """一个快照：谁、何时、到了哪一步；需要权限"""
    return answer(snapshots.get(g.actor, number))


@blp.get("/snapshots/<number:number>/content")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.response(200, ContentSchema)
@blp.fails(404, 503)
def get_snapshot_content(number: int) -> Response:
    """一个快照的全部内容，连同缺口名单；需要权限"""
    facts = snapshots.get(g.actor, number)
    return spliced(snapshots.content_bytes(number), snapshots.beside(facts))


@blp.get("/snapshots/<number:number>/ranking")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.response(200, RankingSchema)
@blp.fails(404, 503)
def get_snapshot_ranking(number: int) -> dict[str, Any]:
    """一个快照里各县（市、区）按重点指标的排序；需要权限"""
    content = snapshots.content_of(snapshots.get(g.actor, number))
    ranking = content["ranking"]
    return answer(
        {
            "items": ranking,
            "counties": together(ranking),
            "rule": RULE,
            "on": date.fromisoformat(content["on"]),
        }
    )


@blp.get("/snapshots/<number:number>/diff")
@blp.allowed(READ_LIVE_COVERAGE)
@blp.arguments(DiffQuery, location="query")
@blp.response(200, DiffSchema)
@blp.fails(404, 409, 503)
def diff_snapshot(args: dict[str, Any], number: int) -> dict[str, Any]:
    """和另一个快照或今天比，哪些数字变了，背后是哪些区划；补报的分开；需要权限"""
    return answer({"items": moved.compare(g.actor, number, args.get("to"), g.today)})


@blp.post("/snapshots/<number:number>/approve")
@blp.allowed(APPROVE)
@blp.doc(parameters=HEADERS)
@blp.response(200, SnapshotSchema)
@blp.fails(404, 409, 413, 503)
def approve_snapshot(number: int) -> dict[str, Any]:
    """批准；自己冻结的要由别的岗位批准"""
    return answer(publication.approve(g.actor, number, g.today, key=idempotency_key()))


@blp.post("/snapshots/<number:number>/publish")
@blp.allowed(PUBLISH)
@blp.doc(parameters=HEADERS)
@blp.response(200, SnapshotSchema)
@blp.fails(404, 409, 413, 503)
def publish_snapshot(number: int) -> dict[str, Any]:
    """公布已批准的；原来公布的一版被代替，仍按版本号读得到"""
    return answer(publication.publish(g.actor, number, g.today, key=idempotency_key()))


@blp.post("/snapshots/<number:number>/retract")
@blp.allowed(PUBLISH)
@blp.doc(parameters=HEADERS)
@blp.arguments(RetractSchema)
@blp.response(200, SnapshotSchema)
@blp.fails(400, 404, 409, 413, 415, 503)
def retract_snapshot(body: dict[str, Any], number: int) -> dict[str, Any]:
    """撤回公布了的，说明原因；公众看得到撤回和原因，看不到数字"""
    return answer(publication.retract(g.actor, number, g.today, body["reason"], key=idempotency_key()))


@blp.get("/coverage/published")
@blp.response(200, PublishedListSchema)
@blp.fails(503)
def list_published() -> dict[str, Any]:
    """公布过的监测结果，按监测期、区划、版本"""
    return answer({"items": publication.list_published()})


@blp.get("/coverage/published/<code:period>")
@blp.arguments(PublishedQuery, location="query")
@blp.response(200, PublishedSchema)
@blp.fails(404, 503)
def get_published(args: dict[str, Any], period: str) -> Response:
    """一期公布的监测结果：市和县（市、区）的数字

    只公开联系方式的服务点只计到所在的县（市、区）；村（居）不点名。撤回了的只有原因，没有数字。
    """
    with parameter():
        root = divisions.get(args["division"]).id if "division" in args else None
    facts, content = publication.get_published(period, root, args.get("version"))
    return spliced(content, publication.published_facts(facts))


@blp.get("/coverage/published/<code:period>/sdmx.csv")
@blp.arguments(PublishedQuery, location="query")
@blp.response(200, {"type": "string"}, content_type="text/csv", description="SDMX-CSV 2.0")
@blp.fails(404, 503)
def export_published(args: dict[str, Any], period: str) -> Response:
    """一期公布的数字，SDMX-CSV 2.0，给统计系统读；撤回了的只有表头"""
    with parameter():
        root = divisions.get(args["division"]).id if "division" in args else None
    facts, content = publication.get_published(period, root, args.get("version"))
    kind, year = facts["period"]["kind"], str(facts["period"]["year"])
    data = sdmx_csv(
        json.loads(content)["rows"],
        "A" if kind == "annual" else "D",
        year if kind == "annual" else facts["on"],
    )
    name = f"coverage-{facts['division']}-{facts['period']['key']}-{facts['version']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype="text/csv", headers=headers)
