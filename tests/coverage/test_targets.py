"""Eight kinds of target: each judged exactly, at its edge, from numbers worked out by hand."""

from fractions import Fraction

import pytest

from servicemap.coverage.targets import Target

F = Fraction


def a_target(kind: str, text: str, **given) -> Target:
    value = None if kind == "direction" else F(text)
    return Target(kind, value, text, 2030, "city", "规划", False, **given)


# kind, target, value, other years, whether it is reached
CASES = [
    ("at_least", "95", F(9499, 100), {}, False),  # 94.99 %
    ("at_least", "95", F(188, 198) * 100, {}, False),  # 94.949… %
    ("at_least", "95", F(95), {}, True),  # 以上 includes the number
    ("at_least", "5.5", F(21927 * 1000, 3986700), {}, True),  # per thousand: 21,926.85 are needed
    ("at_least", "5.5", F(21926 * 1000, 3986700), {}, False),
    ("at_least", "20", F(20), {}, True),  # a count
    ("at_most", "9", F(9), {}, True),
    ("at_most", "9", F(901, 100), {}, False),
    ("every_unit", "90", F(100), {}, True),
    ("every_unit", "90", F(84 * 100, 85), {}, False),  # one town of 85 does not pass
    ("change_from_base", "-20", F(8), {2020: F(10)}, True),  # 10 less a fifth is 8
    ("change_from_base", "-20", F(801, 100), {2020: F(10)}, False),
    ("change_from_base", "-20", F(8), {2021: F(10)}, None),  # nobody reported the base year
    ("yearly_step", "-0.5", F(395, 10), {2025: F(40)}, True),
    ("yearly_step", "-0.5", F(3951, 100), {2025: F(40)}, False),
    ("yearly_step", "-0.5", F(39), {2024: F(40)}, None),
    ("direction", "down", F(1), {2025: F(2)}, None),  # a trend is never reached or missed
    ("at_least", "95", None, {}, None),
]


@pytest.mark.parametrize(("kind", "text", "value", "earlier", "met"), CASES)
def test_each_kind_is_judged_exactly(kind, text, value, earlier, met):
    base = {"base_year": 2020} if kind == "change_from_base" else {}

    assert a_target(kind, text, **base).met(value, 2026, earlier) is met


@pytest.mark.parametrize(("value", "met"), [(F(4), True), (F(401, 100), False), (F(1), True)])
def test_about_is_within_its_tolerance(value, met):
    target = a_target("at_most", "3.5", tolerance=F(1, 2))

    assert target.met(value, 2026, {}) is met


@pytest.mark.parametrize(
    ("kind", "text", "parts", "needed"),
    [
        ("at_least", "95", (185, 198, 100), 4),  # 95 % of 198 is 188.1: 189
        ("at_least", "95", (189, 198, 100), 0),
        ("at_least", "5.5", (19140, 3986700, 1000), 2787),  # 21,926.85: 21,927
        ("at_least", "20", (3, None, 1), 17),
        ("every_unit", "90", (84, 85, 100), 1),
        ("at_most", "9", (1, 10, 100), None),
        ("direction", "up", (1, 10, 100), None),
        ("at_least", "95", (None, 198, 100), None),
    ],
)
def test_how_many_more_are_needed(kind, text, parts, needed):
    assert a_target(kind, text).needed(*parts) == needed


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("at_least", "95", "≥ 95 %"),
        ("at_most", "9", "≤ 9 %"),
        ("every_unit", "90", "每个都达到 90%"),
        ("change_from_base", "-20", "比 2020 年下降 20%"),
        ("yearly_step", "-0.5", "每年下降 0.5 %"),
        ("direction", "down", "逐步下降"),
    ],
)
def test_a_target_is_said_in_words(kind, text, words):
    base = {"base_year": 2020} if kind == "change_from_base" else {}

    assert a_target(kind, text, **base).words("%") == words
