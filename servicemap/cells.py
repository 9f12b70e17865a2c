"""The cells of one row as text comes in: how each kind of value is read, and what to say when it is none."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

LENGTHS = {
    "name": 120,
    "address": 200,
    "position_source": 60,
    "hours": 200,
    "note": 300,
    "fee_text": 200,
    "closed_reason": 200,
    "source": 60,
    "external_id": 100,
    "inclusive_body": 60,
    "inclusive_no": 60,
    "registration_body": 60,
    "registration_no": 60,
}
SET_AS_TEXT = "请把这一列设为“文本”格式，再重新填写"
_DATE = re.compile(
    r"(\d{4})\s*(?:-|/|\.|年)\s*(\d{1,2})\s*(?:-|/|\.|月)\s*(\d{1,2})日?(?:[T ]0{1,2}:00(?::00)?)?"
)
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,17})?(\.0+)?")
SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+")


class Row:
    """The cells of one row, read field by field; `wrong(field, code, detail, cure)` notes a problem."""

    def __init__(self, cells: dict[str, str], wrong: Callable[..., None]) -> None:
        self.cells = cells
        self.wrong = wrong

    def scientific(self, name: str) -> None:
        text = self.cells[name]
        detail = f"“{text}”是科学计数，后面的数字已经丢失"
        self.wrong(name, "scientific_notation", detail, SET_AS_TEXT)

    def text(self, name: str, into: dict[str, Any]) -> None:
        value = self.cells.get(name)
        if not value:
            return
        if len(value) > LENGTHS[name]:
            detail = f"有 {len(value)} 个字，最多 {LENGTHS[name]} 个"
            self.wrong(name, f"{name}_too_long", detail, "请缩短")
        into[name] = value

    def word(self, name: str, words: Mapping[str, Any], into: dict[str, Any]) -> None:
        value = self.cells.get(name)
        if not value:
            return
        said = value.lower()
        if said in words:
            into[name] = words[said]
            return
        known = {str(meaning).lower(): meaning for meaning in words.values()}
        if said in known:
            into[name] = known[said]
        else:
            self.wrong(
                name, f"unknown_{name}", f"不认识“{value}”", f"请填 {' / '.join(one_word_each(words))}"
            )

    def words(self, name: str, words: Mapping[str, str]) -> list[str]:
        """What each item of a cell that lists several means; unknown ones are noted."""
        known = {**words, **{meaning: meaning for meaning in words.values()}}
        items = parts(self.cells.get(name, ""))
        for item in items:
            if item.lower() not in known:
                cure = f"请填 {' / '.join(one_word_each(words))}，几个用 、 分开"
                self.wrong(name, f"unknown_{name}", f"不认识“{item}”", cure)
        return [known[item.lower()] for item in items if item.lower() in known]

    def number(self, name: str) -> float | None:
        if _NUMBER.fullmatch(self.cells[name]):
            return float(self.cells[name])
        self.wrong(name, "bad_number", f"“{self.cells[name]}”不是数字", "请只填数字，例如 113.056042")
        return None

    def count(self, name: str, code: str, what: str, most: int, unit: str = "") -> int | None:
        """A whole number; `unit` is the pattern of a unit that may follow it."""
        value = self.cells.get(name)
        if not value:
            return None
        digits = re.sub(rf"\s*(?:{unit})$", "", value)
        whole = _NUMBER.fullmatch(digits) and float(digits).is_integer()
        if whole and 0 <= float(digits) <= most:
            return int(float(digits))
        detail = f"“{value}”不是合理的{what}数" if whole else f"“{value}”不是整数"
        self.wrong(name, code if whole else "bad_number", detail, f"请填 0 到 {most} 的整数")
        return None

    def date(self, name: str, latest: date | None = None) -> date | None:
        value = self.cells.get(name)
        if not value:
            return None
        if value.isdigit() and 20_000 <= int(value) <= 80_000:
            meant = date(1899, 12, 30) + timedelta(days=int(value))  # the day that spreadsheets count from
            detail = f"“{value}”是表格内部的日期序号（可能是 {meant}）"
            self.wrong(name, "date_serial", detail, "请把这一列设为“日期”格式，再核对")
            return None
        try:
            match = _DATE.fullmatch(value)
            day = date(*map(int, match.groups())) if match else None
        except ValueError:
            day = None
        if day is None or not 1900 <= day.year <= 2100:
            self.wrong(name, "bad_date", f"“{value}”不是日期", "请写到日，例如 2023-09-01")
            return None
        if latest and day > latest:
            self.wrong(name, "future_date", f"{day} 还没有到", "请核对日期")
        return day


def one_word_each(words: Mapping[str, Any]) -> list[str]:
    """Of the words that mean the same the first."""
    first: dict[Any, str] = {}
    for word, meaning in words.items():
        first.setdefault(meaning, word)
    return list(first.values())


def clean(name: str, text: str) -> str:
    """The text of a field as it is kept: one space for many, none at the ends; full-width digits and
    signs become plain ones except in free text, whose punctuation is the writer's own."""
    text = unicodedata.normalize("NFC" if name in LENGTHS else "NFKC", text)
    return " ".join(text.split())


def parts(text: str) -> list[str]:
    """The items of a cell that lists several, separated by 、 , ; / or a line break."""
    return [part for part in re.split(r"\s*[、,;/|]\s*", text) if part]
