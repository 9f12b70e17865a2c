"""反馈: "this is wrong" from a family to a worker, and the worker's word back.

Nobody is asked who they are, and nothing that says so is kept: no address, no browser, and numbers in the
text are masked before it is stored. A receipt of 15 random digits and a check digit is all that leads back.
What comes in is no part of the registry (it changes no answer and spoils no cache); an answer is, and stands
in the audit, without the family's text: the audit is kept for good, texts are not.
"""

import json
import re
import secrets
import unicodedata
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from servicemap import db, facilities, storing
from servicemap.access import ANONYMOUS, EDIT, READ_RECORD, Actor, Span, narrowed, require
from servicemap.audit import now_text, write_txn
from servicemap.errors import ConflictError, InvalidError, NotFoundError, Problem, TooManyError
from servicemap.records import Record, check_digit, public_code
from servicemap.replays import once

MOST_A_DAY = 10  # about one place: what is more would bury it
KEPT_DAYS = 180  # a text, after it was answered
MASK = "〔已遮〕"

# A digit of any script, circled or Chinese; what may stand between two of one number
_DIGIT = r"[\d⓪①-⑨零〇一二三四五六七八九幺]"
_BETWEEN = r"[\s\-－—–_.．·()（）\ufe0f\u20e3]"
_NUMBER = re.compile(rf"\+?(?:{_DIGIT}{_BETWEEN}{{0,3}}){{7,}}[XxＸ]?")
_NAME = re.compile(
    r"[\w.+-]{1,64}[@＠][\w-]+(?:[.．][\w-]+)+"
    r"|(?:微信|薇信|weixin|wechat|wx|vx|qq)(?:号|id)?[\s:：是为=]{0,3}[A-Za-z0-9][\w-]{4,}",
    re.ASCII | re.IGNORECASE,
)
# What a family is told that was changed: the audit's names in words. What says where is not told of a
# contact_only place.
_WHERE = {"address": "地址", "division_id": "区划", "lat": "位置", "lng": "位置"}
_CHANGED = {
    "name": "名称",
    "phone": "电话",
    "hours": "开放时间",
    "closed_on": "关闭",
    "opened_on": "设立日期",
    "suspensions": "暂停",
    "is_role": "类型",
    "merged_into": "合并",
    "fee": "收费",
    "fee_text": "收费",
    "monthly_fee": "收费",
    "age_from_months": "月龄",
    "age_to_months": "月龄",
    "accessible": "无障碍",
    "note": "说明",
}


@dataclass(frozen=True, slots=True)
class Report:
    """One feedback; `facility_*` and `division*` are those of the place that it became, if it was merged."""

    receipt: str
    facility_code: str
    facility_name: str
    division: str
    division_name: str
    kind: str
    text: str | None  # None: let go of
    received_on: date
    answer: str | None
    word: str | None
    changed: tuple[str, ...]
    answered_on: date | None

    @property
    def state(self) -> str:
        return "answered" if self.answer else "open"


_REPORT = (
    "SELECT b.id, b.receipt, f.id, f.name, d.padded_code, d.name, b.kind, b.text, b.received_on, b.answer,"
    " b.word, b.changed, b.answered_on, f.visibility FROM feedback b JOIN facility o ON o.id = b.facility_id"
    " JOIN facility f ON f.id = COALESCE(o.merged_into_id, o.id) JOIN division d ON d.id = f.division_id"
)


def _report(row: Sequence[Any]) -> Report:
    """Of a place that is contact_only now, whatever it was, neither a word nor what says where."""
    (
        _,
        receipt,
        facility_id,
        name,
        division,
        its_name,
        kind,
        text,
        on,
        answer,
        word,
        changed,
        told_on,
        seen,
    ) = row
    words = json.loads(changed or "[]")
    if seen == "contact_only":
        word, words = None, [each for each in words if each not in _WHERE.values()]
    code, day = public_code(facility_id), db.day(on)
    return Report(
        receipt, code, name, division, its_name, kind, text, day, answer, word, tuple(words), db.day(told_on)
    )


def receive(code: str, kind: str, text: str, today: date) -> tuple[str, bool]:
    """(the receipt, whether something in the text was masked). The same word about the same place on the
    same day has the same receipt. TooManyError when there are MOST_A_DAY about the place already."""
    place = facilities.get(code)
    said = " ".join(
        "".join(char for char in text if unicodedata.category(char) != "Cf" or char == "\u200d").split()
    )
    clean = masked(said)
    if kind == "other" and not clean:
        detail = "请用一两句话说明哪里不对"
        raise InvalidError(detail, "bad_parameters", [Problem("missing_parameter", detail, "text")])
    same = "SELECT receipt FROM feedback WHERE facility_id = ? AND received_on = ? AND kind = ? AND text = ?"
    what = (place.id, today.isoformat(), kind, clean)
    with write_txn(ANONYMOUS):
        if not db.query(same, what):
            among = "SELECT COUNT(*) FROM feedback WHERE facility_id = ? AND received_on = ?"
            if db.query(among, what[:2])[0][0] >= MOST_A_DAY:
                raise TooManyError(
                    "今天关于这里的反馈已经够多，工作人员会去看；请明天再试", "enough_feedback"
                )
            db.execute(
                "INSERT INTO feedback (receipt, facility_id, kind, text, received_on, received_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (facility_id, received_on, kind, text) DO NOTHING",
                (new_receipt(), place.id, kind, clean, today.isoformat(), now_text()),
            )
        [(receipt,)] = db.query(same, what)
    return receipt, clean != said


def masked(text: str) -> str:
    """The text without what leads to a person: phone, identity and card numbers, e-mail, 微信, QQ. Times and
    dates stay."""
    return _NUMBER.sub(_masked_number, _NAME.sub(MASK, text))


def _masked_number(found: re.Match[str]) -> str:
    groups = re.findall(rf"{_DIGIT}+", found[0])
    longest, count = max(map(len, groups)), sum(map(len, groups))
    times = all(len(group) == 4 and group <= "2400" and group[2] < "6" for group in groups)  # 0830-1730
    alone = longest >= 7 or [len(group) for group in groups] == [3, 4]
    spread = count >= 10 and (longest >= 3 or longest == 1)
    if times or not (alone or spread):
        return found[0]
    tail = found[0][len(found[0].rstrip()) :]
    return MASK + tail


def new_receipt() -> str:
    digits = f"{secrets.randbelow(10**15):015d}"
    return _grouped(f"{digits}{check_digit(digits)}")


def _grouped(digits: str) -> str:
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def get(receipt: str) -> Report:
    """The report behind a receipt, hyphens and blanks optional; NotFoundError says whether it was misheard."""
    digits = re.sub(r"[\s－-]", "", unicodedata.normalize("NFKC", receipt))
    if not re.fullmatch("[0-9]{16}", digits) or check_digit(digits[:15]) != int(digits[15]):
        raise NotFoundError("回执号不对：应为 16 位数字，请再核对一遍", "feedback_not_found")
    rows = db.query(f"{_REPORT} WHERE b.receipt = ?", (_grouped(digits),))
    if not rows:
        raise NotFoundError("没有这个回执号", "feedback_not_found")
    return _report(rows[0])


def list_feedback(
    actor: Actor, spans: Sequence[Span], *, state: str | None, code: str | None, after: str | None, limit: int
) -> list[Report]:
    """At most `limit` reports, the oldest first, in the spans (none: where the actor acts), of one place
    where a code is given, beyond the receipt `after`. Two queries or so."""
    within, params = facilities.standing_in(narrowed(actor, spans))
    where = within
    if code is not None:
        place = facilities.get(code)
        require(actor, READ_RECORD, place.division_id)
        where, params = f"{where} AND f.id = ?", [*params, place.id]
    if state is not None:
        where += f" AND b.answer IS {'NULL' if state == 'open' else 'NOT NULL'}"
    if after is not None:
        where += " AND b.id > (SELECT id FROM feedback WHERE receipt = ?)"
        params = [*params, get(after).receipt]  # type: ignore[list-item]
    return [_report(row) for row in db.query(f"{_REPORT} WHERE {where} ORDER BY b.id LIMIT {limit}", params)]


def answer(actor: Actor, receipt: str, said: str, word: str, today: date, *, checked: bool) -> Report:
    """Tell the family: fixed (the record was changed since), not_so or cannot_tell, with a short word for
    everybody to read. `checked`: the worker looked, so that the place is verified as of today. A second
    answer takes the first one's place."""
    report = get(receipt)
    with once(actor, None, None) as (log, _):
        place = facilities.get(report.facility_code)
        before = deepcopy(place)
        require(actor, EDIT, place.division_id)
        changed = _changed(report, place)
        if said == "fixed" and changed is None:
            cure = f"先改资料（servicemap-admin facility edit {place.code} …），再回答 fixed；本来就对请回答 not_so"
            raise ConflictError(f"收到反馈以后，这条资料还没有改过；{cure}", "nothing_changed")
        if said == "cannot_tell" and checked:
            raise InvalidError("查不清就不能算核实；请去掉 checked", "checked_but_cannot_tell")
        if word and place.visibility == "contact_only":
            detail = "这里只公开联系方式，话里可能说出在哪里：只给答复，不要附话"
            raise InvalidError(detail, "bad_parameters", [Problem("says_where", detail, "word")])
        told = sorted(changed or ()) if said == "fixed" else []
        db.execute(
            "UPDATE feedback SET answer = ?, word = ?, changed = ?, answered_on = ?, answered_by = ? WHERE receipt = ?",
            (said, word, json.dumps(told, ensure_ascii=False), today.isoformat(), actor.name, report.receipt),
        )
        log.record_change(
            "feedback",
            report.receipt,
            "answer",
            {"answer": [report.answer, said], "word": [report.word, word], "facility": [None, place.code]},
        )
        if checked and (place.verified_on is None or place.verified_on < today):
            place.verified_on = today
            place.held = place.held | {"verified_on": str(today)}
            reason = f"反馈 {report.receipt}"
            storing.write(log, [], [(before, place)], today, action="verify", reason=reason)
    return get(receipt)


def _changed(report: Report, place: Record) -> set[str] | None:
    """What of the record was changed since the report came, in words for families; None: nothing was."""
    rows = db.query(
        "SELECT c.diff FROM change c JOIN feedback b ON b.receipt = ? WHERE c.noun = 'facility' AND c.key = ?"
        " AND c.action <> 'verify' AND c.changed_at >= b.received_at",
        (report.receipt, place.code),
    )
    if not rows:
        return None
    words = _CHANGED | _WHERE
    names = {name.rpartition(".")[2] for (diff,) in rows for name in json.loads(diff)}
    return {words[name] for name in names if name in words}


def forget(actor: Actor, today: date, *, wait: bool = True) -> int:
    """Let go of the texts of what was answered more than KEPT_DAYS ago; how many. What was said of which
    place when, and what came of it, stays."""
    old = "answered_on < ? AND text IS NOT NULL"
    before = ((today - timedelta(days=KEPT_DAYS)).isoformat(),)
    count: int = db.query(f"SELECT COUNT(*) FROM feedback WHERE {old}", before)[0][0]
    if count:
        with write_txn(actor, wait=wait) as log:
            db.execute(f"UPDATE feedback SET text = NULL WHERE {old}", before)
            log.record_change("feedback", str(today), "forget", {"texts": [None, count]})
    return count
