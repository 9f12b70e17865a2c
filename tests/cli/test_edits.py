"""facility edit, history, show: what a worker reads after a change of one record."""

import re

import pytest

from tests.cli.test_import import GOOD, a_file


@pytest.fixture
def place(city, tmp_path) -> str:
    """The code of a 家长学校 with a phone."""
    assert (
        city(
            "facility", "import", a_file(tmp_path / "a.csv", [GOOD | {"名称": "甲", "电话": "0763-1111111"}])
        ).code
        == 0
    )
    return city("facility", "list", "--type", "家长学校", "--format", "json").json[0]["code"]


def test_an_edit_says_what_was_there_and_what_is_now(city, place):
    edited = city("facility", "edit", place, "电话=0763-2222222", "--reason", "换号")
    same = city("facility", "edit", place, "电话=0763-2222222", "--reason", "换号")

    assert "已记下，第 2 版\n  电话：0763-1111111 → 0763-2222222\n" in edited.out
    assert same.out.endswith("没有变化，第 2 版\n")


def test_the_history_is_in_chinese_by_the_clock_on_the_wall(city, place):
    city("facility", "edit", place, "电话=0763-2222222", "--reason", "换号")

    shown = city("facility", "history", place)

    first, second = shown.out.splitlines()[:2]
    assert re.fullmatch(r"\d+  \d{4}-\d\d-\d\d \d\d:\d\d  \S+  修改（换号）", first)
    assert second == "    电话：0763-1111111 → 0763-2222222"


def test_a_place_that_was_closed_and_reopened_shows_each_plaque(city, place):
    city("facility", "close", place, "--on", "2026-10-01", "--reason", "装修")
    city("facility", "reopen", place, "--on", "2026-11-01", "--reason", "装修好了")

    shown = city("facility", "show", place).out

    assert re.search(r"状态 +开放", shown)
    assert re.search(r"挂牌 1 .*关闭日期 2026-10-01；关闭原因 装修", shown)
    assert re.search(r"挂牌 2 .*设立日期 2026-11-01", shown)


def test_a_code_or_a_field_that_is_mistyped_gets_the_cure(city, place):
    short = city("facility", "show", place[:-2])
    field = city("facility", "edit", place, "电活=1", "--reason", "x")
    name = city("facility", "template", "--division", "源潭镇")

    assert "最后一位是校验码" in short.err
    assert "是不是 “电话”" in field.err
    assert "是不是 441802103000 源潭镇？" in name.err
