"""The committee freezes a year, another post approves it, everybody reads it; later it is asked what moved."""

from tests.cli.conftest import run_admin

CITY, NORTH = "441800000000", "441802006001"


def test_a_year_from_frozen_to_retracted(reference):
    def admin(*arguments: object, label: str | None = None):
        return run_admin(*(("--as", label) if label else ()), *arguments, url=reference)

    admin("token", "issue", "审核岗", "--role", "admin")
    froze = admin("snapshot", "freeze", CITY, "2024", "--reason", "年报")
    soon = admin("snapshot", "freeze", CITY, "2099")
    own = admin("snapshot", "approve", 1)
    approved = admin("snapshot", "approve", 1, label="审核岗")
    published = admin("snapshot", "publish", 1)
    admin("facility", "add", "名称=北门家长学校", "类型=家长学校", f"区划代码={NORTH}", "设立日期=2024-03-01")
    late = admin("snapshot", "diff", 1)
    again = admin("snapshot", "freeze", CITY, "2024")
    between = admin("snapshot", "diff", 1, 2, "--format", "json")
    verified = admin("snapshot", "verify")
    retracted = admin("snapshot", "retract", 1, "--reason", "漏报")
    listed = admin("snapshot", "list")
    shown = admin("snapshot", "show", 1)
    whole = admin("snapshot", "show", 1, "--format", "json")

    assert [ran.code for ran in (froze, soon, own, approved, published)] == [0, 1, 1, 0, 0], (
        froze.err + published.err
    )
    assert "2024 年度 清远市 第 1 版（截至 2024-12-31）：已冻结" in froze.out
    assert "自己冻结的" in own.err
    assert [ran.code for ran in (late, again, between, verified, retracted, listed, shown)] == [0] * 7
    assert "补报或更正" in late.out
    assert "快照不变" in late.err
    assert {item["kind"] for item in between.json} == {"late"}
    assert "2 个快照，0 个不符" in verified.err
    assert all(word in listed.out for word in ("已撤回", "漏报", "已冻结"))
    assert all(word in shown.out for word in ("已批准（审核岗）", "清城区", "变更链的锚"))
    assert len(whole.json[0]["content"]["rows"]) > 1000
