"""A name is found by every part of it, in whatever form it is typed."""

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from servicemap import text
from servicemap.text import folded, holds, key_of, phrases, place_key, words
from tests.factories import scaled

NAMES = st.text(
    st.one_of(
        st.sampled_from("托育家长学校儿童之家圖書館樂長重行臺灣女綠"),
        st.sampled_from("abcXYZ 01９ＡＢüß·（）-*\"'^:|&!"),
        st.sampled_from("🌈👶é가あ𠮷\u0301\ufe0f\u200d"),
        st.characters(),
    ),
    max_size=20,
)


def found(name: str, q: str, *, typed: bool = False, also: str | None = None) -> bool:
    key = key_of(name, also=also)
    return all(holds(key, phrases(word, typed=typed)) for word in words(q)[0])


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("兒童之家", "儿童之家 兒童 ertongzhijia ErTong etzj tzj 儿童zj"),
        ("社區托育園", "托育 社区托育 tuoyu tyy shequ"),
        ("ＡＢＣ早教中心", "abc ABC 早教 ａｂｃ zaojiao"),
        ("3号楼儿童乐园", "3号楼 乐园 leyuan 3haolou"),
        ("示例·北门（家长学校）", "示例北门 北门家长 beimenjiazhang"),
        ("妇女儿童活动中心", "funv funu nv 妇女"),
        ("长乐幼儿园", "changle zhangle youeryuan 长乐"),
        ("西安路小学", "xian xi'an xianlu xian路"),
        ("平安儿童之家", "pingan ping'an"),
        ("重庆音乐厅", "chongqing yinyueting zhongqing cqyyt"),
    ],
)
def test_a_name_is_found_by_characters_pinyin_and_initials(name, queries):
    missed = [q for q in queries.split() if not found(name, q)]

    assert missed == []


@pytest.mark.parametrize(
    ("name", "q"),
    [
        ("儿童之家", "童儿"),
        ("儿童之家", "tongshi"),
        ("托育中心", "yt"),
        ("家长学校", "jiachang"),
        ("123号", "13"),
    ],
)
def test_what_does_not_stand_side_by_side_is_not_found(name, q):
    assert not found(name, q)


def test_a_syllable_that_was_only_begun_is_found_by_its_first_letter():
    assert found("儿童之家", "ertongz")
    assert found("儿童之家", "ertongzhij")
    assert not found("儿童之家", "ertongg")


def test_while_typing_a_whole_syllable_may_go_on():
    assert found("家庭教育", "jiatingji", typed=True)
    assert not found("家庭教育", "jiatingji")


def test_an_address_is_found_by_its_characters_but_no_phrase_crosses_into_it():
    assert found("家长学校", "人民路", also="人民路 3 号")
    assert not found("家长学校", "renminlu", also="人民路 3 号")
    assert not found("家长学校", "学校人民", also="人民路 3 号")


@given(NAMES, st.integers(0, 20), st.integers(1, 20))
@effort(max_examples=scaled(5000, 300), deadline=None)
def test_every_run_of_a_names_characters_finds_it(name, start, length):
    plain = folded(name)
    part = plain[start : start + length]

    assert found(name, part)
    assert folded(part) == part


@given(NAMES, NAMES)
@effort(max_examples=scaled(5000, 300), deadline=None)
def test_keys_and_words_hold_nothing_that_an_index_reads_as_its_own(name, also):
    key = key_of(name, also=also)
    asked, unused = words(name)

    for column in (key.ch, key.py, key.ini):
        assert column.startswith(" ")
        assert column.endswith(" ")
        assert all(token.isalnum() or not token.isascii() for token in column.split())
        assert not set("'\"\\*:&|!()^-<>\0") & set(column)
    assert all(word and not set(word) & {" ", text.EDGE, text.REST} for word in asked)
    assert not set("".join(asked)) & set(unused)


@pytest.mark.parametrize(
    ("q", "asked", "unused"),
    [
        ("托育，英德", ("托育", "英德"), ()),
        ("英德ty", ("英德", "ty"), ()),
        ("托育 托育", ("托育",), ()),
        ("托育*", ("托育",), ("*",)),
        ("+++", (), ("+",)),
        ("（）", (), ("(", ")")),
        ('AND "NEAR" -x', ("and", "near", "x"), ()),
        ("\ud800\0", (), ("\ud800", "\0")),
        ("", (), ()),
    ],
)
def test_what_is_typed_becomes_words_or_is_named_as_unused(q, asked, unused):
    assert words(q) == (asked, unused)


@pytest.mark.parametrize(
    ("name", "goes_as"),
    [
        ("英德市", ["英德市", "英德"]),
        ("田心村委会", ["田心村委会", "田心村", "田心"]),
        ("城东社区居委会", ["城东社区居委会", "城东社区", "城东"]),
        ("连山壮族瑶族自治县", ["连山壮族瑶族自治县", "连山"]),
        ("瑶安瑶族乡", ["瑶安瑶族乡", "瑶安"]),
        ("凤城街道", ["凤城街道", "凤城"]),
        ("笔架林场", ["笔架林场", "笔架"]),
        ("新村", ["新村"]),
    ],
)
def test_a_division_goes_by_its_name_with_and_without_what_kind_it_is(name, goes_as):
    assert text.short_names(name) == goes_as
    assert all(f" {text.whole(short)} " in place_key(name).ch for short in goes_as)


def test_fifty_letters_are_read_in_few_ways():
    for word in ("a" * 50, "xian" * 12, "zhuang" * 8, "n" * 50, "1a" * 25):
        assert len(phrases(word, typed=True)) <= 2 + 3 * text.MOST_READINGS
