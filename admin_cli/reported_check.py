"""填报值, the monitors' side: who has not reported, what to look at, pass, return, the due day, both books."""

import click

from admin_cli import options
from admin_cli.client import Client
from admin_cli.output import remark, show
from admin_cli.reported import STATES, group

__all__ = ["group"]

STATUS_COLUMNS = (
    *(("division", "区划代码"), ("division_name", "区划"), ("department", "部门"), ("expected", "要报")),
    *(("waiting", "等审核"), ("passed", "已通过"), ("returned", "退回"), ("late", "迟报")),
    *(("missing_count", "没报"), ("overdue", "逾期"), ("missing_ids", "没报的指标")),
)
CHECK_COLUMNS = (
    *(("indicator", "指标"), ("name", "名称"), ("division", "区划代码"), ("division_name", "区划")),
    *(("value", "数值"), ("what", "看什么"), ("detail", "为什么")),
)
CHECKS = {"jump": "比上年变得多", "outlier": "和各县差得远", "pooled": "合计不符"}
BESIDE_COLUMNS = (
    *(("indicator", "指标"), ("name", "名称"), ("division", "区划代码"), ("division_name", "区划")),
    *(("reported_figure", "填报"), ("registry_figure", "登记"), ("difference", "差"), ("state_name", "审核")),
    *(("waiting_names", "登记了未县核"), ("lacking_names", "登记册没有"), ("source", "来源")),
)
MOST_NAMES = 5  # in a cell of the table; csv and json hold all

year_argument = click.argument("year", type=int)
which = click.option(
    "--indicator", "indicators", multiple=True, help="只这个指标，可重复；默认全部 only these"
)


@group.command()
@click.argument("division")
@year_argument
@options.form
def status(division: str, year: int, form: str) -> None:
    """谁还没有报，谁迟了：逐个县（市、区）、逐个部门。Who has not reported, who is late."""
    found = Client().get("reported-values/status", division=division, year=year)
    for row in found["items"]:
        row["missing_count"], row["missing_ids"] = len(row["missing"]), "、".join(row["missing"])
    columns = STATUS_COLUMNS if form != "table" else STATUS_COLUMNS[1:-1]
    show(found["items"], columns, form)
    missing = sum(row["missing_count"] for row in found["items"])
    remark(f"报出期限 {found['due_on']}；还没有报的 {missing} 个数")


@group.command()
@click.argument("division")
@year_argument
@options.form
def check(division: str, year: int, form: str) -> int:
    """报来的数里要看一看的：变得太多、差得太远、合计不符；有的退出码为 3。What a person should look at."""
    from admin_cli.main import DONE, FINDINGS

    items = Client().get("reported-values/checks", division=division, year=year)["items"]
    for row in items:
        row["what"] = CHECKS.get(row["code"], row["code"])
    show(items, CHECK_COLUMNS, form)
    remark(f"{len(items)} 处要看" if items else "没有要看的")
    return FINDINGS if items else DONE


@group.command(name="pass")
@click.argument("division")
@year_argument
@which
def pass_(division: str, year: int, indicators: tuple[str, ...]) -> None:
    """通过等审核的。Pass what waits.

    例如 reported pass 441802000000 2026 --indicator R04
    """
    _decide(division, year, indicators, None)


@group.command(name="return")
@click.argument("division")
@year_argument
@which
@click.option("--reason", required=True, help="为什么退回 why")
def return_(division: str, year: int, indicators: tuple[str, ...], reason: str) -> None:
    """退回等审核的，说明原因；退回的不计，等更正。Return what waits, with a reason."""
    _decide(division, year, indicators, reason)


def _decide(division: str, year: int, indicators: tuple[str, ...], reason: str | None) -> None:
    body = {"division": division, "year": year, "passed": reason is None}
    body |= {"indicators": list(indicators)} if indicators else {}
    body |= {"reason": reason} if reason else {}
    done = Client().post("reported-values/decide", body)["decided"]
    click.echo(f"{'通过' if reason is None else '退回'} {done} 个")


@group.command()
@click.argument("period")
@click.argument("day")
def due(period: str, day: str) -> None:
    """定一个监测期的报出期限；没有定过的是下一年 3 月 31 日。Set until when to report.

    例如 reported due 2026 2027-02-28
    """
    done = Client().post("periods", {"period": period, "due_on": day})
    click.echo(f"{done['period']} 的报出期限 {done['due_on']}{'' if done['changed'] else '，没有变化'}")


@group.command()
@click.argument("division")
@year_argument
@options.form
def compare(division: str, year: int, form: str) -> None:
    """两本账：登记册能数的指标，填报的和登记的并列，差在哪些村（居）。Reported beside registered."""
    items = Client().get("reported-values/beside", division=division, year=year)["items"]
    most = MOST_NAMES if form == "table" else None
    for row in items:
        row["reported_figure"], row["registry_figure"] = (_figure(row[n]) for n in ("reported", "registry"))
        row["waiting_names"], row["lacking_names"] = (_names(row[n], most) for n in ("waiting", "lacking"))
        row["state_name"] = STATES.get(row["state"], row["state"])
    show(items, BESIDE_COLUMNS, form)


def _figure(figure: dict[str, object]) -> str:
    over = "" if figure["denominator"] is None else f"{figure['numerator']}/{figure['denominator']} "
    return f"{over}{figure['display']}"


def _names(divisions: list[dict[str, str]], most: int | None) -> str:
    names = "、".join(each["name"] for each in divisions[:most])
    return names if most is None or len(divisions) <= most else f"{names} 等 {len(divisions)} 个"
