"""What a family says is wrong: masked, found again, answered, and let go of."""

import re
from datetime import timedelta

import pytest

from servicemap import db, divisions, facilities, feedback
from servicemap.access import SEED, Actor
from servicemap.audit import write_txn
from servicemap.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, TooManyError
from servicemap.feedback import MASK
from tests.conftest import bound_to
from tests.factories import TODAY, a_change, a_place


def sent(place, kind="hours", text="") -> str:
    return feedback.receive(place.code, kind, text, TODAY)[0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("我是 13800138000 请回电", f"我是 {MASK} 请回电"),
        ("138 0013 8000", MASK),
        ("+86-138-0013-8000！", f"{MASK}！"),
        ("１３８００１３８０００", MASK),
        ("一三八零零一三八零零零", MASK),
        ("1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣", MASK),
        ("1 3 8 0 0 1 3 8 0 0 0", MASK),
        ("电话改成 0763-3360000 了", f"电话改成 {MASK} 了"),
        ("(0763)3360000", f"({MASK}"),
        ("336 0000", MASK),
        ("身份证44180219900101123X", f"身份证{MASK}"),
        ("卡 6222 0212 3456 7890 123", f"卡 {MASK}"),
        ("写信到li.si@qq.com吧", f"写信到{MASK}吧"),
        ("加微信：li_si_2020", f"加{MASK}"),
        ("QQ 12345", MASK),
    ],
)
def test_what_leads_to_a_person_is_masked(text, kept):
    assert feedback.masked(text) == kept


@pytest.mark.parametrize(
    "text",
    ["周一至周五 8:30-12:00，14:30-17:30", "0830-1200 1430-1730", "9-12 14-17", "2026-11-23 起关门",
     "搬到北门街 12 号 3 栋 1201", "收 1800 元一个月，6-36 个月", "3楼，不是2楼"],
)  # fmt: skip
def test_hours_dates_and_addresses_stay_as_they_were_said(text):
    assert feedback.masked(text) == text


def test_a_receipt_can_be_said_and_heard_and_is_not_guessed(registry):
    receipt = sent(a_place())
    wrong = receipt[:-1] + str((int(receipt[-1]) + 1) % 10)

    assert re.fullmatch(r"(\d{4}-){3}\d{4}", receipt)
    assert feedback.get(receipt.replace("-", " ")).receipt == receipt
    for other, said in (
        (wrong, "再核对"),
        (feedback.new_receipt(), "没有这个"),
        ("1", "16 位"),
        ("x" * 24, "16 位"),
    ):
        with pytest.raises(NotFoundError, match=said):
            feedback.get(other)
    assert len({feedback.new_receipt()[:4] for _ in range(200)}) > 150


def test_nothing_but_the_masked_words_is_stored_and_the_audit_has_none_of_them(registry):
    place = a_place()
    before = db.query("SELECT seq FROM change_head")

    _, masked = feedback.receive(place.code, "phone", "打 13800138000\n<b>没人</b> \u202e接 😀", TODAY)

    [row] = db.query("SELECT * FROM feedback")
    assert masked
    assert row[4] == f"打 {MASK} <b>没人</b> 接 😀"
    assert "13800138000" not in repr(row)
    assert db.query("SELECT seq FROM change_head") == before  # no cache is spoilt by what comes in


def test_the_same_word_twice_on_a_day_is_one(registry):
    place = a_place()

    first, again = sent(place, text="周六没开"), sent(place, text=" 周六没开 ")
    other = sent(place, "other", "周六没开")
    tomorrow, _ = feedback.receive(place.code, "hours", "周六没开", TODAY + timedelta(days=1))

    assert first == again
    assert len({first, other, tomorrow}) == 3


def _send(url: str, number: int) -> str:
    with bound_to(url):
        return feedback.receive("F0000001-5", "hours", "周六没开", TODAY)[0]


def test_the_same_word_sent_by_many_at_once_is_one(registry, in_processes):
    a_place()

    receipts = in_processes(_send, registry, 4)

    assert len(set(receipts)) == 1
    assert db.query("SELECT COUNT(*) FROM feedback") == [(1,)]


def test_a_place_is_not_buried(registry):
    place, beside = a_place(), a_place("别处")
    for number in range(feedback.MOST_A_DAY):
        sent(place, text=f"第 {number} 次")

    with pytest.raises(TooManyError):
        sent(place, text="再来一次")

    assert sent(place, text="第 0 次")
    assert sent(beside)
    assert feedback.receive(place.code, "hours", "明天", TODAY + timedelta(days=1))


def test_other_says_what(registry):
    with pytest.raises(InvalidError, match="哪里不对"):
        sent(a_place(), "other", " \n ")


def test_fixed_needs_an_edit_and_tells_what_was_changed(registry):
    place = a_place(phone="0763-3360000", verified_on=TODAY - timedelta(days=9))
    a_change(place, phone="0763-3360001")
    receipt = sent(place, "phone")

    with pytest.raises(ConflictError, match="facility edit"):
        feedback.answer(SEED, receipt, "fixed", "", TODAY, checked=True)
    a_change(facilities.get(place.code), phone="0763-3360002", address="北门街 3 号")
    report = feedback.answer(SEED, receipt, "fixed", "电话已更新", TODAY, checked=True)

    assert (report.state, report.answer, report.word) == ("answered", "fixed", "电话已更新")
    assert report.changed == ("地址", "电话")
    assert facilities.get(place.code).verified_on == TODAY
    rows = db.query("SELECT noun, action FROM change ORDER BY seq DESC LIMIT 2")
    assert rows == [("facility", "verify"), ("feedback", "answer")]


def test_not_so_may_verify_cannot_tell_may_not_and_without_checked_nothing_moves(registry):
    place = a_place()
    receipt = sent(place, "closed")

    with pytest.raises(InvalidError, match="查不清"):
        feedback.answer(SEED, receipt, "cannot_tell", "", TODAY, checked=True)
    feedback.answer(SEED, receipt, "cannot_tell", "打不通，改天上门", TODAY, checked=False)
    unmoved = facilities.get(place.code).verified_on
    feedback.answer(SEED, receipt, "not_so", "上门看过，开着", TODAY, checked=True)

    assert unmoved is None
    assert facilities.get(place.code).verified_on == TODAY
    assert feedback.get(receipt).word == "上门看过，开着"


def test_only_who_acts_there_lists_and_answers(registry):
    mine, other = a_place(), a_place("别处", division="441881101201")
    receipts = [sent(mine), sent(other)]
    county = Actor("清城", "editor", "http", divisions.get("441802000000").id)

    listed = feedback.list_feedback(county, (), state="open", code=None, after=None, limit=9)
    everything = feedback.list_feedback(SEED, (), state=None, code=None, after=receipts[0], limit=9)

    assert [report.receipt for report in listed] == receipts[:1]
    assert [report.receipt for report in everything] == receipts[1:]
    with pytest.raises(ForbiddenError):
        feedback.list_feedback(county, (), state=None, code=other.code, after=None, limit=9)
    with pytest.raises(ForbiddenError):
        feedback.answer(county, receipts[1], "not_so", "", TODAY, checked=False)
    feedback.answer(county, receipts[0], "not_so", "", TODAY, checked=False)
    assert feedback.list_feedback(county, (), state="open", code=None, after=None, limit=9) == []


def test_of_a_contact_only_place_no_answer_says_where(registry):
    place = a_place("临时庇护", visibility="contact_only", address="北门街 3 号")
    receipt = sent(place, "moved")
    a_change(place, address="南门街 9 号", phone="0763-3360000", lng=113.07)

    with pytest.raises(InvalidError, match="只公开联系方式"):
        feedback.answer(SEED, receipt, "fixed", "搬到南门街 9 号了", TODAY, checked=False)
    report = feedback.answer(SEED, receipt, "fixed", "", TODAY, checked=False)

    assert report.changed == ("电话",)


def test_what_was_answered_before_a_place_became_contact_only_says_where_no_more(registry):
    place = a_place(phone="0763-3360000")
    receipt = sent(place, "moved")
    a_change(place, address="南门街 9 号", phone="0763-3360001")
    before = feedback.answer(SEED, receipt, "fixed", "搬到南门街 9 号了", TODAY, checked=False)

    a_change(facilities.get(place.code), visibility="contact_only")
    after = feedback.get(receipt)

    assert (before.word, before.changed) == ("搬到南门街 9 号了", ("地址", "电话"))
    assert (after.word, after.changed) == (None, ("电话",))


def test_a_report_about_a_merged_place_is_about_the_one_that_it_became(registry):
    gone, stays = a_place("甲"), a_place("乙")
    receipt = sent(gone)
    with write_txn(SEED):
        db.execute("UPDATE facility SET merged_into_id = ? WHERE id = ?", (stays.id, gone.id))

    listed = feedback.list_feedback(SEED, (), state=None, code=stays.code, after=None, limit=9)
    feedback.answer(SEED, receipt, "not_so", "", TODAY, checked=True)

    assert [report.facility_code for report in listed] == [stays.code]
    assert facilities.get(stays.code).verified_on == TODAY


def test_old_texts_are_let_go_of_and_the_counts_stay(registry):
    place = a_place()
    answered, waiting = sent(place, text="周六没开"), sent(place, text="周日没开")
    feedback.answer(SEED, answered, "not_so", "周六开", TODAY, checked=False)

    early = feedback.forget(SEED, TODAY + timedelta(days=180))
    late = feedback.forget(SEED, TODAY + timedelta(days=181))
    again = feedback.forget(SEED, TODAY + timedelta(days=182))

    assert (early, late, again) == (0, 1, 0)
    assert feedback.get(answered).text is None
    assert feedback.get(answered).kind == "hours"
    assert feedback.get(waiting).text == "周日没开"
