"""servicemap-admin facility edit-all: the plan, all or nothing, and what a person reads."""

import pytest

from tests.cli.test_import import GOOD, a_file


@pytest.fixture
def two(city, tmp_path):
    """A registry with two 家长学校, one with and one without a phone."""
    rows = [GOOD | {"名称": "甲", "电话": "0763-3360000"}, GOOD | {"名称": "乙", "电话": ""}]
    assert city("facility", "import", a_file(tmp_path / "two.csv", rows)).code == 0
    return lambda *words: city(
        "facility", "edit-all", "--division", "441800000000", "--type", "家长学校", *words
    )


def test_the_plan_shows_before_and_after_and_then_it_is_done(two):
    look = two("--missing", "电话", "电话=12355", "--reason", "统一公布", "--dry-run")
    done = two("--missing", "电话", "电话=12355", "--reason", "统一公布")
    again = two("--missing", "电话", "电话=12355", "--reason", "统一公布")

    assert look.out.startswith("预案：符合的 1 个：改 1，本来就是 0，不能改 0"), look.err
    assert "电话：空 → 12355" in look.out
    assert (done.code, done.out) == (0, look.out.replace("预案", "完成"))
    assert again.out.startswith("预案：符合的 0 个")
    assert "没有符合的" in again.err


def test_what_is_refused_is_said_and_stops_all_unless_left_out(two):
    two("--where", "电话=0763-3360000", "设立日期=2026-10-01", "--reason", "补日期")

    refused = two("--close", "--on", "2026-09-01", "--reason", "撤并")
    done = two("--close", "--on", "2026-09-01", "--reason", "撤并", "--skip-bad")

    assert (refused.code, done.code) == (1, 3)
    assert "2026-09-01 早于设立日期 2026-10-01 [closed_before_opened]" in refused.err
    assert "--skip-bad" in refused.err
    assert done.out.startswith("完成：符合的 2 个：改 1，本来就是 0，不能改 1")


def test_one_thing_is_done_at_a_time(two):
    both = two("电话=12355", "--close", "--reason", "撤并")
    neither = two("--reason", "撤并")

    assert (both.code, neither.code) == (1, 1)
    assert "[nothing_given]" in both.err
    assert "[nothing_given]" in neither.err
