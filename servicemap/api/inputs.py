"""The kinds of value that requests hold, each with its bounds; messages are `code|中文`."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

import marshmallow as ma
from marshmallow.validate import Length, OneOf, Range

_DEGREES = re.compile(r"-?[0-9]{1,4}(\.[0-9]{1,20})?").fullmatch
_WHOLE = re.compile(r"-?[0-9]{1,15}").fullmatch


class Strict(ma.Schema):
    """The base of every request schema: unknown keys are errors; messages are `code|中文`."""

    class Meta:
        unknown = ma.RAISE

    error_messages = {"unknown": "unknown_parameter|没有这个参数", "type": "bad_json|应为 JSON 对象"}


class _Field(ma.fields.Field[Any]):
    default_error_messages = {"required": "missing_parameter|缺少这个参数", "null": "bad_value|不能为空"}

    def wrong(self, code: str, detail: str) -> NoReturn:
        raise ma.ValidationError(f"{code}|{detail}")


class Whole(_Field, ma.fields.Integer):
    """A whole number in plain ASCII digits (or a JSON integer), within [low, high]."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(validate=Range(low, high), **kwargs)
        self.low, self.high = low, high

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _WHOLE(text):
            self.wrong("bad_number", f"应为 {self.low} 到 {self.high} 的整数")
        if not self.low <= int(text) <= self.high:
            self.wrong("out_of_range", f"应在 {self.low} 到 {self.high} 之间")
        return int(text)


class Degrees(_Field, ma.fields.Float):
    """A finite decimal number in plain ASCII (or a JSON number), within ±bound."""

    def __init__(self, bound: int, **kwargs: Any) -> None:
        super().__init__(validate=Range(-bound, bound), **kwargs)
        self.bound = bound

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = format(Decimal(repr(value)), "f")  # as many decimals as were sent, no exponent
        if not isinstance(value, str) or not _DEGREES(value):
            self.wrong("bad_number", "应为十进制度数，例如 23.697899")
        if not -self.bound <= float(value) <= self.bound:
            hint = "；经纬度是不是填反了？" if self.bound == 90 and abs(float(value)) <= 180 else ""
            self.wrong("out_of_range", f"应在 -{self.bound} 到 {self.bound} 之间{hint}")
        return float(value)


class Text(_Field, ma.fields.String):
    """Clean NFC text of at most `longest` characters, without control characters."""

    def __init__(self, longest: int = 100, **kwargs: Any) -> None:
        super().__init__(**{"validate": Length(max=longest), **kwargs})
        self.longest = longest

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            self.wrong("bad_text", "应为文字")
        text = unicodedata.normalize("NFC", value) if len(value) <= self.longest else value
        if len(text) > self.longest:  # some characters are longer in NFC
            self.wrong("too_long", f"最多 {self.longest} 个字")
        if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\r\t" for char in text):
            self.wrong("bad_character", "含有控制字符")
        return text


class Word(Text):
    """A text that says something, without the blanks around it."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).strip()
        if not text:
            self.wrong("empty", "不能为空")
        return text


class Cell(Text):
    """A text as it stands in a cell of a table; numbers, true and false, and lists of texts are taken as such."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool):
            value = "是" if value else "否"
        elif isinstance(value, int | float):
            value = str(value)
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = "、".join(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Choice(Text):
    """One of a few words."""

    def __init__(self, words: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(validate=OneOf(words), **kwargs)
        self.words = words

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if value not in self.words:
            self.wrong("bad_choice", f"只能是 {'、'.join(self.words)}")
        return value


class Custom(Text):
    """A text with a form of its own: subclasses read it, or say what is wrong."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return self.read(super()._deserialize(value, attr, data, **kwargs))

    read: Callable[[str], Any]  # the subclass's

    def _validate(self, value: Any) -> None:
        """The length was looked at before it was read."""


class Day(_Field, ma.fields.Date):
    """A date as YYYY-MM-DD, in the years 1900 to 2099."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> date:
        day = None
        if isinstance(value, str) and re.fullmatch(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
            with suppress(ValueError):
                day = date.fromisoformat(value)
        if day is None:
            self.wrong("bad_date", "应为日期，例如 2026-12-31")
        return day


class Several(_Field, ma.fields.List[Any]):
    """A list of at most `most` items; a text alone is a list of one."""

    default_error_messages = {"invalid": "bad_list|应为列表"}

    def __init__(self, item: ma.fields.Field[Any], most: int, **kwargs: Any) -> None:
        super().__init__(item, validate=Length(max=most, error=f"too_many|最多 {most} 个"), **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize([value] if isinstance(value, str) else value, attr, data, **kwargs)


class Texts(_Field, ma.fields.Dict):
    """A JSON object of names and texts."""

    default_error_messages = {"invalid": "bad_object|应为 JSON 对象"}


class Flag(_Field, ma.fields.Boolean):
    """true or false, nothing that resembles them."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            self.wrong("bad_flag", "应为 true 或 false")
        return value


class Yes(_Field, ma.fields.Boolean):
    """true or false, in a query as these words."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool) and value not in ("true", "false"):
            self.wrong("bad_flag", "应为 true 或 false")
        return value is True or value == "true"
