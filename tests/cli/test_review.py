"""The town's and the county's hour: what waits, two hundred passed at once, links for the villages."""

import re

from tests.cli.conftest import run_admin

NORTH, STREET, COUNTY = "441802006001", "441802006", "441802"


def add(url: str, name: str, label: str) -> str:
    ran = run_admin(
        "--as", label, "facility", "add", f"名称={name}", "类型=家长学校", f"区划代码={NORTH}", url=url
    )
    assert ran.code == 0, ran.err
    return ran.out.split()[0]


def posts(url: str) -> None:
    for label, role, division in (
        ("村", "editor", NORTH),
        ("镇", "verifier", STREET),
        ("县", "verifier", COUNTY),
    ):
        run_admin("token", "issue", label, "--role", role, "--division", division, url=url)


def test_a_record_goes_from_the_village_to_the_county(reference):
    posts(reference)
    codes = [add(reference, f"学校{n}", "村") for n in range(3)]
    own = add(reference, "镇里的", "镇")

    def town(*arguments: str):
        return run_admin("--as", "镇", "review", *arguments, url=reference)

    waiting = town("list", "--format", "json").json
    plan = town("pass", *codes, own, "--dry-run")
    refused = town("pass", *codes, own)
    passed = town("pass", *codes, own, "--skip-bad")
    returned = run_admin("--as", "县", "review", "return", codes[2], "--reason", "没有照片", url=reference)
    county = run_admin("--as", "县", "review", "pass", *codes[:2], url=reference)
    history = run_admin("facility", "history", codes[0], url=reference)
    again = run_admin("--as", "村", "review", "list", "--format", "json", url=reference).json

    assert [row["code"] for row in waiting] == codes
    assert [ran.code for ran in (plan, refused, passed, returned, county)] == [3, 1, 3, 0, 0]
    assert "自己填报的" in plan.out
    assert all(word in history.out for word in ("镇审通过", "县核通过", "审核：填报 → 镇审"))
    assert [(row["code"], row["reason"]) for row in again] == [(codes[2], "没有照片")]


def test_a_county_without_town_reviews_and_a_village_without_a_place(reference):
    posts(reference)
    code = add(reference, "学校", "村")

    skipped = run_admin("review", "skip-town", "--county", COUNTY, "on", url=reference)
    county = run_admin("--as", "县", "review", "pass", code, url=reference)
    none = run_admin(
        *("facility", "none", "--division", "441802006002", "--type", "家长学校"),
        *("--type", "家庭教育指导服务站点", "--on", "2026-11-01"),
        url=reference,
    )
    gaps = run_admin(
        "coverage", "gaps", STREET, "--indicator", "T01.urban", "--format", "json", url=reference
    ).json
    report = run_admin("coverage", "report", COUNTY, url=reference)

    assert (skipped.code, county.code, none.code) == (0, 0, 0)
    assert "不要镇审" in skipped.out
    said = {gap["code"]: gap["answer_name"] for gap in gaps}
    assert said.pop("441802006002") == "答了没有"
    assert NORTH not in said
    assert set(said.values()) <= {"没有回答"}
    assert re.search(
        "填报 1，镇审 1，县核 1，其中 12 个月内核实过 [01]；答了没有 1，没有回答 [0-9]+", report.out
    )


def test_every_village_gets_a_link_in_a_file_of_its_own(reference, tmp_path):
    site = ("--site", "https://map.example.gov.cn/")
    arguments = ("review", "confirm-links", "--division", STREET, "--folder", tmp_path / "links", *site)

    first, again = (run_admin(*arguments, url=reference) for _ in range(2))
    one = run_admin("review", "confirm-links", "--division", NORTH, *site, url=reference)
    without = run_admin("review", "confirm-links", "--division", STREET, *site, url=reference)
    number = run_admin("review", "links", "--format", "json", url=reference).json[-1]["id"]
    revoked = run_admin("review", "revoke-link", number, url=reference)

    files = sorted((tmp_path / "links").iterdir())
    assert len(files) > 1
    assert [ran.code for ran in (first, again, one, without, revoked)] == [0, 3, 0, 1, 0]
    link = re.compile(r"https://map\.example\.gov\.cn/c/[\w-]{12}#[\w-]{32}")
    assert all(link.search(file.read_text("utf-8-sig")) for file in files)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert link.fullmatch(one.out.strip())
