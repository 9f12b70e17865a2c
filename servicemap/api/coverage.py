"""覆盖率 over HTTP: exact numbers and the names that are missing, for those who may see them."""

from collections.abc import Sequence
from typing import Any

from flask import current_app, g

from servicemap import divisions
from servicemap.access import READ_LIVE_COVERAGE, can
from servicemap.api.answers import answer
from servicemap.api.inputs import Day, Several, Strict, Text, Whole, Yes
from servicemap.api.parsing import StrictBlueprint, parameter
from servicemap.api.schemas import CoverageSchema, GapsSchema, ProofsSchema, RankingSchema
from servicemap.coverage import snapshots
from servicemap.coverage.gaps import Gap, list_gaps, shown_gaps
from servicemap.coverage.proofs import list_proofs
from servicemap.coverage.ranking import RULE, rank, together
from servicemap.coverage.report import report
from servicemap.errors import NotFoundError
from servicemap.models import Division

blp = StrictBlueprint("coverage", __name__, url_prefix="/api/v1/coverage", description="覆盖率")


class ReportSchema(Strict):
    on = Day(metadata={"description": "截至哪一天；默认今天"})


class ProofsQuery(ReportSchema):
    indicator = Text(20, required=True, metadata={"description": "哪个指标", "example": "T01.urban"})
    definition = Text(40, metadata={"description": "口径；默认口径可不写"})
    lacking = Yes(
        load_default=False, metadata={"description": "true：按服务点算的比例里，还不是的和不清楚的"}
    )
    offset = Whole(0, 10_000_000, load_default=0, metadata={"description": "跳过几条"})
    limit = Whole(1, 2000, load_default=500)


class GapsQuery(ReportSchema):
    indicator = Several(
        Text(20),
        100,
        metadata={"description": "指标，可重复；默认全部有目标的比例", "example": ["T01.urban"]},
    )
    definition = Text(40, metadata={"description": "口径；默认口径可不写"})
    after = Text(60, metadata={"description": "上一页给的 next_after"})
    limit = Whole(1, 2000, load_default=500)


def only_public(root: Division) -> bool:
    """Whether the asker gets what everybody may know of a division. Live figures are for those with rights
    there, unless the registry shows them to all."""
    public = not can(g.actor, READ_LIVE_COVERAGE, root.id)
    if public and current_app.config["SERVICEMAP"].coverage_public != "live":
        detail = "现值不公开；已公布的监测结果见 GET /api/v1/coverage/published"
        raise NotFoundError(detail, "not_published")
    return public


@blp.get("/<code:division>")
@blp.arguments(ReportSchema, location="query")
@blp.response(200, CoverageSchema)
@blp.fails(404, 503)
def get_coverage(args: dict[str, Any], division: str) -> dict[str, Any]:
    """一个区划及其下一级的全部指标

    没有权限时，只公开联系方式的服务点只计到所在的县（市、区）；乡镇、村（居）的数字都不含它们。
    """
    on = args.get("on", g.today)
    root = divisions.get(division, on=on)
    return answer({"items": report(root, on, public=only_public(root))})


@blp.get("/<code:division>/ranking")
@blp.arguments(ReportSchema, location="query")
@blp.response(200, RankingSchema)
@blp.fails(404, 503)
def get_ranking(args: dict[str, Any], division: str) -> dict[str, Any]:
    """各县（市、区）按重点指标的排序，和上一年度快照相比的升降

    分母不到 20 的另排；没有数据的不排。没有权限时，只公开联系方式的服务点只计到所在的县（市、区）。
    """
    on = args.get("on", g.today)
    root = divisions.get(division, on=on)
    public = only_public(root)
    previous = [] if public else snapshots.rows_of_year(root.id, on.year - 1)
    ranking = rank(report(root, on, public=public), previous)
    return answer({"items": ranking, "counties": together(ranking), "rule": RULE, "on": on})


@blp.get("/<code:division>/proofs")
@blp.arguments(ProofsQuery, location="query")
@blp.response(200, ProofsSchema)
@blp.fails(404, 503)
def get_proofs(args: dict[str, Any], division: str) -> dict[str, Any]:
    """一个数字背后的服务点，按区划和编号：审核到哪一步、哪天核实、几条依据、今年几次活动

    没有权限时，只公开联系方式的服务点写作 1 处（不公开），只计到所在的县（市、区）。
    """
    on = args.get("on", g.today)
    root = divisions.get(division, on=on)
    public = only_public(root)
    with parameter():
        proofs = list_proofs(
            root, on, args["indicator"],
            definition_id=args.get("definition"), public=public, lacking=args["lacking"],
        )  # fmt: skip
    page = proofs[args["offset"] : args["offset"] + args["limit"]]
    end = args["offset"] + len(page)
    names = ("code", "name", "type", "state", "verified_on", "number", "documents", "activities")
    items = [
        {
            "division": proof.division.code,
            "division_name": proof.division.name,
            **{name: getattr(proof, name) for name in names},
        }
        for proof in page
    ]
    return answer({"items": items, "total": len(proofs), "next_offset": end if end < len(proofs) else None})


@blp.get("/<code:division>/gaps")
@blp.arguments(GapsQuery, location="query")
@blp.response(200, GapsSchema)
@blp.fails(404, 503)
def get_gaps(args: dict[str, Any], division: str) -> dict[str, Any]:
    """还缺的区划，按指标，人口多的在前；写明最近的现有服务点

    没有权限时，只公开联系方式的服务点只计到所在的县（市、区）；缺的乡镇、村（居）里可能已有它们。
    """
    on = args.get("on", g.today)
    root = divisions.get(division, on=on)
    public = only_public(root)
    with parameter():
        gaps = list_gaps(
            root,
            on,
            indicator_ids=args.get("indicator", ()),
            definition_id=args.get("definition"),
            public=public,
        )
    start = _after(gaps, args.get("after", ""))
    page = gaps[start : start + args["limit"]]
    more = start + len(page) < len(gaps)
    following = f"{page[-1].indicator}:{page[-1].population or 0}:{page[-1].division.code}" if more else None
    return answer({"items": shown_gaps(page, on), "total": len(gaps), "next_after": following})


def _after(gaps: Sequence[Gap], cursor: str) -> int:
    """How many of the gaps the pages up to the cursor have shown; also when its own gap is no more."""
    indicator, _, rest = cursor.partition(":")
    population, _, code = rest.partition(":")
    order = (-int(population) if population.isdecimal() else 0, code)
    passed = [n for n, gap in enumerate(gaps, 1) if gap.indicator == indicator and gap.order <= order]
    return max(passed, default=0)
