"""A worker sees what their words for opening hours are understood to mean."""

import pytest

TEXT = "周一至周五 8:30-12:00，14:30-17:30；节假日休息"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_hours_are_said_again_and_shown_day_by_day(admin):
    ran = admin("facility", "hours", TEXT, "--format", "json")

    assert ran.code == 0
    assert "周一至周五" in ran.err
    assert len(ran.json) == 7
    assert {day["spans"] for day in ran.json if day["on"].endswith(("六", "日"))} <= {
        "休息",
        "08:30–12:00、14:30–17:30",
    }


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_hours_that_nobody_understands_are_refused_with_an_example(admin):
    ran = admin("facility", "hours", "随缘开放")

    assert ran.code == 1
    assert "随缘开放" in ran.err
    assert "8:30-12:00" in ran.err
    assert "Traceback" not in ran.err
