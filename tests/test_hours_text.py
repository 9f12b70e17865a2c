"""What a worker types is understood whole or refused with the piece and the cure."""

from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from servicemap.hours import Understood, understand
from servicemap.hours_rules import osm, read_osm
from servicemap.hours_text import read

UNDERSTOOD = [
    ("周一至周五 8:30-12:00，14:30-17:30；节假日休息", "Mo-Fr 08:30-12:00,14:30-17:30; PH off"),
    ("周一至周五8：30—12：00，14：30—17：30", "Mo-Fr 08:30-12:00,14:30-17:30"),
    ("星期一到星期五 ８：３０～１２：００", "Mo-Fr 08:30-12:00"),
    ("週一至週五 8:30–17:30", "Mo-Fr 08:30-17:30"),
    ("周一到周五 上午8:30-12:00 下午2:30-5:30", "Mo-Fr 08:30-12:00,14:30-17:30"),
    ("上午：8:30-12:00；下午：14:30-17:30", "08:30-12:00,14:30-17:30"),
    ("早上8点半到晚上9点", "08:30-21:00"),
    ("八点半至十一点半", "08:30-11:30"),
    ("周一三五上午8时30分至11时30分", "Mo,We,Fr 08:30-11:30"),
    ("8.30-12.00", "08:30-12:00"),
    ("8:30一12:00", "08:30-12:00"),
    ("每天8-17点", "08:00-17:00"),
    ("中午12:00-2:00", "12:00-14:00"),
    ("晚上7:00-9:00", "19:00-21:00"),
    ("晚上7点-12点", "19:00-24:00"),
    ("晚上10点-凌晨2点", "22:00-26:00"),
    ("周一至周五 18:00-2:00", "Mo-Fr 18:00-26:00"),
    ("每日 18:00-次日2:00", "18:00-26:00"),
    ("周二至周日 9:00-17:00，周一闭馆", "Tu-Su 09:00-17:00; Mo off"),
    ("9:00-17:00，周一闭馆", "Tu-Su 09:00-17:00; Mo off"),
    ("9:00开馆，17:00闭馆，周一闭馆", "Tu-Su 09:00-17:00; Mo off"),
    ("周二至周日 9:00-17:00，逢周一闭馆（节假日除外）", "Tu-Su 09:00-17:00; Mo off; PH 09:00-17:00"),
    ("每周一闭馆，其余时间9:00-17:00开放", "Tu-Su 09:00-17:00; Mo off"),
    ("每天9:00-17:00（周一除外）", "09:00-17:00; Mo off"),
    ("除周一外，每天9:00-17:00", "09:00-17:00; Mo off"),
    ("星期一至星期五（节假日除外）8:30-11:30", "Mo-Fr 08:30-11:30; PH off"),
    ("9:00-17:00（周一至周五）", "Mo-Fr 09:00-17:00"),
    ("工作日 8:30-17:30", 'Mo-Fr 08:30-17:30 "工作日"; PH off'),
    ("周一至周五 8:30-17:30，节假日照常开放", 'Mo-Fr 08:30-17:30 "节假日照常"'),
    ("全年无休 9:00-17:00", '09:00-17:00 "节假日照常"'),
    ("24小时营业，全年无休", '24/7 "节假日照常"'),
    ("双休日及法定节假日 9:00-17:00", "Sa-Su 09:00-17:00; PH 09:00-17:00"),
    ("节假日休息；周一至周五 8:30-17:30", "Mo-Fr 08:30-17:30; PH off"),
    ("周五至周日 9:00-12:00", "Fr-Su 09:00-12:00"),
    ("周六至周一 9:00-12:00", "Mo,Sa-Su 09:00-12:00"),
    ("周一至周五 9:00-17:00（中午休息12:00-14:30）", "Mo-Fr 09:00-12:00,14:30-17:00"),
    ("周一至周五 9:00-17:00，12:00-14:00休息", "Mo-Fr 09:00-12:00,14:00-17:00"),
    ("每天8:00-22:00，中午不休", "08:00-22:00"),
    ("夏季（5月-10月）8:00-18:00；冬季（11月-4月）8:30-17:30", "May-Oct 08:00-18:00; Nov-Apr 08:30-17:30"),
    ("5-10月 8:00-18:00；11月-次年4月 8:30-17:30", "May-Oct 08:00-18:00; Nov-Apr 08:30-17:30"),
    (
        "5月-10月 8:00-18:00；11月-4月 9:00-17:00；周一闭馆",
        "May-Oct Tu-Su 08:00-18:00; Nov-Apr Tu-Su 09:00-17:00; Mo off",
    ),
    ("7月1日-8月31日 休息；周一至周五 8:00-17:00", "Mo-Fr 08:00-17:00; Jul-Aug off"),
    ("10月1日-7日休息；每天 9:00-17:00", "09:00-17:00; Oct 01-Oct 07 off"),
    ("2026年7月1日-8月31日 9:00-12:00", "2026 Jul 01-2026 Aug 31 09:00-12:00"),
    ("周一至周五 8:30-17:30；寒暑假休息", "Mo-Fr 08:30-17:30; SH off"),
    ("周一至周五 8:30-17:30，暑假 9:00-12:00", "Mo-Fr 08:30-17:30; Jun-Sep SH 09:00-12:00"),
    ("学期内周一至周五 16:30-18:00", "Mo-Fr 16:30-18:00; SH off"),
    ("寒暑假 每天 9:00-17:00；学期内 周一至周五 16:00-18:00", "Mo-Fr 16:00-18:00; SH 09:00-17:00"),
    (
        "学期内 周一至周五 16:30-18:00；暑假 9:00-12:00；寒假休息",
        "Mo-Fr 16:30-18:00; SH off; Jun-Sep SH 09:00-12:00; Dec-Mar SH off",
    ),
    ("周六 9:00-12:00；每天 9:00-17:00", "09:00-17:00; Sa 09:00-12:00"),
    ("周一至周五 8:30-17:30，周六、周日及节假日休息", "Mo-Fr 08:30-17:30; Sa-Su off; PH off"),
    ("每月第一个周六 9:00-12:00", "Sa[1] 09:00-12:00"),
    ("每月最后一个周日 9:00-12:00", "Su[-1] 09:00-12:00"),
    ("预约开放", 'unknown "预约"'),
    ("Mo-Fr 08:30-12:00,14:30-17:30", "Mo-Fr 08:30-12:00,14:30-17:30"),
    ("Mo-Fr 08:30-17:30; PH off; Sa 09:00-12:00", "Mo-Fr 08:30-17:30; Sa 09:00-12:00; PH off"),
    ("Mo-Fr 08:00-12:00, We 14:00-17:00", "Mo-Fr 08:00-12:00, We 14:00-17:00"),
    ("周一至周五 8:00-12:00；另周三 14:00-17:00", "Mo-Fr 08:00-12:00, We 14:00-17:00"),
    ("22:00-02:00", "22:00-26:00"),
    ("24/7", "24/7"),
]


@pytest.mark.parametrize(("text", "rules"), UNDERSTOOD)
def test_a_text_is_understood(text: str, rules: str) -> None:
    assert understand(text).rules == rules
    assert understand(text).problem is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("周一至周五 8:30-12:00，14:30-17:30；节假日休息", "周一至周五 8:30–12:00、14:30–17:30；节假日休息"),
        ("11:00 - 19:00", "每天 11:00–19:00（没有写星期，按每天理解）"),
        ("周一至周五 8:30-17:30", "周一至周五 8:30–17:30；没有写节假日，节假日和调休日显示“不确定”"),
        ("周一至周日 9:00-17:00，16:30停止入馆，需提前预约", "每天 9:00–17:00（16:30停止入馆；需提前预约）"),
        ("周六 晚上10点-凌晨2点", "周六 22:00–次日2:00"),
        ("周一至周五 8:30-17:30；寒假休息；节假日照常", "周一至周五 8:30–17:30；寒假休息；节假日照常"),
    ],
)
def test_a_worker_reads_what_was_understood(text: str, said: str) -> None:
    assert understand(text).said == said


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("", "没有写时间"),
        ("看心情", "看心情"),
        ("周一至周五", "周一至周五"),
        ("周一至周五 17:30", "从几点到几点"),
        ("每天 9:00-", "9:00-"),
        ("25:00-26:00", "25:00"),
        ("8:75-9:00", "8:75"),
        ("8:30-5:30", "08:30-17:30"),
        ("夏季 8:00-18:00", "夏季"),
        ("2月30日-3月1日 9:00-12:00", "2月30日"),
        ("13月 9:00-12:00", "13月"),
        ("周一至周五 9:00-17:00 午休", "午休"),
        ("逢周一休息", "只写了休息"),
        ("国庆节休息；每天 9:00-17:00", "“国庆节”一个节日；请写“节假日休息”"),
        ("每天9:00至17:00（春节除外）", "“春节”一个节日；请写“节假日休息”"),
        ("每天9:00至17:00（看情况）", "看不懂“看情况”"),
        ("周一至周五 8:30-12:00；周三 14:00-17:00", "增加还是代替"),
        ("7月-8月 8:00-20:00；周六 9:00-12:00", "全年"),
        ("周一至周五 8:30-17:30（周三只上午）", "只上午"),
        ("周一至周五 8:30-12:00，其他时间 14:00-15:00", "其他"),
        ("下午，2:30-5:30", "下午"),
        ("周一至周五 8:30-17:30，周末休息，节假日除外", "节假日除外"),
        ("Mo-Fr sunrise-sunset", "Mo-Fr sunrise-sunset"),
        ("Mo-Fr 25:00-26:00", "25:00"),
        ("easter off", "easter off"),
        ("2026 Aug 01-2026 Jul 01 09:00-12:00", "开始晚于结束"),
        ("周" * 10_000, "500"),
    ],
)
def test_a_text_is_refused_with_the_piece(text: str, piece: str) -> None:
    answer = understand(text)

    assert answer.rules is None
    assert answer.said == ""
    assert piece in (answer.problem or "")


WORDS = (
    "周一 周五 至 - 、 ， ； （ ） 8:30 12:00 下午 晚上 次日 节假日 休息 照常 除 外 除外 寒假 7月 8月31日 另"
)
WORDS += " 每月第一个 全天 午休 预约 工作日 学期内 夏季 闭馆 其余 2026年 Mo Fr PH off SH , [1] 24/7 Jul 09:00-12:00"
PIECES = st.sampled_from(WORDS.split())


@settings(max_examples=500, deadline=None)
@given(
    st.text(max_size=600)
    | st.lists(PIECES, max_size=30).map("".join)
    | st.lists(PIECES, max_size=30).map(" ".join)
)
@example("\x00")
@example("²:³-⁵:⁶")
@example("٨:٣٠-١٢:٠٠")
@example("0月0日 8:00-9:00")
@example("0000 Jan 01 08:00-09:00")
@example("9:00-" * 99)
@example("周一、" * 160)
@example(" " * 400 + "x")
@example("1" * 499)
@example("Mo" + "," * 400)
@example("Mo," * 160)
def test_no_text_raises_and_each_is_understood_or_refused(text: str) -> None:
    answer = understand(text)

    assert isinstance(answer, Understood)
    assert (answer.rules is None) == (answer.problem is not None)
    if answer.rules is not None:
        assert osm(read_osm(answer.rules)) == answer.rules


BLANKS = [" ", "\t", "\n", "\u3000", "\x1c", " \t"]


@pytest.mark.parametrize("before", ["", "Mo 08:00-12:00;", "Mo", "Jan 01", "周一", "8:30", "8:30开馆"])
@pytest.mark.parametrize(
    "odd", [*BLANKS, "Mo ,", "Jan 01 - ", "Mo[", "8:30 -", "周 一", "周一、", "(", "8一 "]
)
def test_500_characters_of_anything_are_read_at_once(before, odd):
    text = (before + odd * 500)[:499] + "x"

    started = process_time()
    understand(text)

    assert process_time() - started < 2  # milliseconds, where nothing is tried again and again


@pytest.mark.parametrize("text", [text for text, _ in UNDERSTOOD])
def test_what_was_said_can_be_typed_again(text: str) -> None:
    plan = read(text)

    again = read(understand(text).said.split("（")[0].split("；没有写")[0])

    assert osm(again) == osm(plan)


@pytest.mark.parametrize("rules", sorted({rules for _, rules in UNDERSTOOD}))
def test_the_rules_are_valid_osm(rules: str) -> None:
    from opening_hours import validate

    assert validate(rules)
