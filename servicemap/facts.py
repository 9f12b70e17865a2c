"""The facts of a place as text comes in: the rule of every field, and what to say when one is broken."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from servicemap import divisions, geo, registry
from servicemap.cells import SCIENTIFIC, SET_AS_TEXT, Row, clean, parts
from servicemap.errors import Problem
from servicemap.facility_types import Kind, Kinds
from servicemap.models import DELIVERIES, FEES, FORMS, MEALS, PRECISIONS, VISIBILITIES, Division
from servicemap.nursery import MOST_MONTHS, MOST_PLACES, MOST_YUAN, read_classes, write_classes
from servicemap.records import Record, Role, parse_code

DATUM_WORDS = {
    **{datum: datum for datum in geo.DATUMS},
    "高德": "gcj02",
    "腾讯": "gcj02",
    "微信": "gcj02",
    "百度": "bd09",
    "天地图": "wgs84",
    "gps": "wgs84",
    "gcj-02": "gcj02",
    "bd-09": "bd09",
    "wgs-84": "wgs84",
    "火星": "gcj02",
    "cgcs2000": "wgs84",
}
INVISIBLE = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's Cc and Cs
DATUM_HELP = "坐标取自 高德/腾讯/微信 填 gcj02，百度 填 bd09，天地图/GPS 填 wgs84"
_CHINESE: dict[str, dict[str, Any]] = {
    "position_precision": dict(zip(("门牌", "街路", "村居", "乡镇", "无"), PRECISIONS, strict=True)),
    "visibility": dict(zip(("公开", "只公开联系方式"), VISIBILITIES, strict=True)),
    "accessible": {
        "是": True,
        "有": True,
        "yes": True,
        "true": True,
        "否": False,
        "无": False,
        "no": False,
        "false": False,
    },
    "phone_public": {"是": True, "公开": True, "否": False, "不公开": False},
    "delivery": dict(zip(("到场", "网上", "上门", "电话"), DELIVERIES, strict=True))
    | {"线上": "online", "入户": "at_home"},
}
MISSING = (
    "missing_name",
    "missing_division",
    "missing_type",
)  # no problem of a row that names what it changes
_OF_ROLE: dict[str, dict[str, Any]] = {
    "fee": dict(zip(("免费", "优惠", "收费"), FEES, strict=True)) | {"不收费": "free"},
    "inclusive": {"是": True, "普惠": True, "否": False, "非普惠": False},
    "meals": dict(zip(("含餐", "另收餐费", "不供餐"), MEALS, strict=True)),
}
_FORMS = dict(zip(("全日", "半日", "计时", "临时"), FORMS, strict=True))
_FORM_WORDS = _FORMS | {f"{word}托": form for word, form in _FORMS.items()}
_TEXTS = ("address", "position_source", "hours", "note")
_DAYS_OF_ROLE = ("opened_on", "closed_on", "registration_expires_on")
_TEXTS_OF_ROLE = (
    "fee_text",
    "closed_reason",
    "inclusive_body",
    "inclusive_no",
    "registration_body",
    "registration_no",
)


@dataclass(slots=True)
class Facts:
    """What one row says: only the fields that it fills, by the columns' names of models."""

    number: int
    sheet: str = ""
    facility: dict[str, Any] = field(default_factory=dict)
    role: dict[str, Any] = field(default_factory=dict)
    kinds: list[Kind] = field(default_factory=list)
    facility_id: int | None = None
    verified_on: date | None = None
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, int]:
        return self.sheet, self.number

    @property
    def where(self) -> str:
        """As people say it: 第 3 行, with the sheet where several are read."""
        return (f"工作表“{self.sheet}”" if self.sheet else "") + f"第 {self.number} 行"


class Reader:
    """Reads rows for one registry: knows its types, divisions and extent, and the headings of the file."""

    def __init__(self, headings: Mapping[str, str], extent_setting: str, today: date) -> None:
        self.kinds = Kinds()
        self.headings = headings
        self.extent = divisions.extent(extent_setting)
        self.today = today
        self.demo = registry.is_demo()
        self._divisions: dict[str, Division | None] = {}

    def know(self, codes: Iterable[str]) -> None:
        """Look many division codes up at once, before the rows that name them are read."""
        codes = set(codes) - self._divisions.keys()
        self._divisions.update(dict.fromkeys(codes))
        self._divisions.update(divisions.find_all(codes))

    def division(self, code: str) -> Division | None:
        if code not in self._divisions:
            self._divisions[code] = divisions.find(code)
        return self._divisions[code]

    def read(self, number: int, cells: Mapping[str, str], sheet: str = "") -> Facts:
        """One row of {field: text} as facts; what is wrong stands in `problems`, nothing is guessed."""
        facts = Facts(number, sheet)

        def wrong(name: str, code: str, detail: str, cure: str | None = None) -> None:
            column = self.headings.get(name, name)
            value = cells.get(name, "")
            shown = value if len(value) <= 60 else value[:57] + "…"
            facts.problems.append(Problem(code, detail, name, number, column, shown, cure, sheet or None))

        row = Row({name: clean(name, text) for name, text in cells.items()}, wrong)
        for name, text in row.cells.items():
            if not text.isprintable() and INVISIBLE.search(text):
                wrong(name, "bad_character", "含有看不见的控制字符", "请重新输入这一格")
        for words, texts, into in (
            (_CHINESE, _TEXTS, facts.facility),
            (_OF_ROLE, _TEXTS_OF_ROLE, facts.role),
        ):
            for name in words:
                row.word(name, words[name], into)
            for name in texts:
                row.text(name, into)
        self._identity(row, facts)
        self._standing(row, facts)
        self._position(row, facts)
        self._roles(row, facts)
        _nursery(row, facts.role)
        _phone(row, facts)
        _credit_code(row, facts)
        facts.verified_on = row.date("verified_on", self.today)
        return facts

    def _identity(self, row: Row, facts: Facts) -> None:
        if code := row.cells.get("code"):
            facts.facility_id = parse_code(code)
            if SCIENTIFIC.fullmatch(code):
                row.scientific("code")
            elif facts.facility_id is None:
                row.wrong("code", "bad_code", f"“{code}”不是服务点编号", "编号像 F0012345-1；新服务点请留空")
        row.text("source", facts.facility)
        row.text("external_id", facts.facility)
        for name in ("external_id", "registration_no"):
            if SCIENTIFIC.fullmatch(row.cells.get(name, "")):
                row.scientific(name)
        if not row.cells.get("name"):
            row.wrong("name", "missing_name", "没有填名称", "请填服务点的名称")
        elif row.cells["name"].startswith(DEMO_PREFIX) and not self.demo:
            row.wrong("name", "demo_row", "这是示例数据，不能进真实的登记册", "请删去以“示例·”开头的行")
        row.text("name", facts.facility)

    def _standing(self, row: Row, facts: Facts) -> None:
        code = row.cells.get("division")
        if not code:
            row.wrong("division", "missing_division", "没有填区划代码", "请填所在村（居）的 12 位代码")
        elif found := self._existing(row, "division", code):
            facts.facility["division_id"] = found.id
        links = [self._existing(row, "serves", part) for part in parts(row.cells.get("serves", ""))]
        if any(links):
            facts.role["serves"] = sorted({link.id for link in links if link})

    def _existing(self, row: Row, name: str, code: str) -> Division | None:
        found = self.division(code)
        if found and found.valid_to and found.valid_to <= self.today:
            cure = "请填现在的区划代码（servicemap-admin division list）"
            row.wrong(name, "retired_division", f"{code} {found.name} 已于 {found.valid_to} 停用", cure)
        elif found:
            return found
        elif SCIENTIFIC.fullmatch(code):
            row.scientific(name)
        elif code.isdigit() and (self.division("0" + code) or len(code) == 11):
            row.wrong(name, "lost_leading_zero", f"“{code}”少了一位，可能是表格去掉了开头的 0", SET_AS_TEXT)
        else:
            row.wrong(name, "unknown_division", f"没有“{code}”这个区划代码", "请核对村（居）代码")
        return None

    def _position(self, row: Row, facts: Facts) -> None:
        given = [name for name in ("lng", "lat") if row.cells.get(name)]
        if not given:
            return
        if facts.facility.get("delivery", "on_site") != "on_site":
            detail = f"服务方式是“{row.cells['delivery']}”，没有要去的位置"
            cure = "请清空经度和纬度；有场地可去的，服务方式填 到场"
            row.wrong(given[0], "position_of_remote_service", detail, cure)
            return
        if len(given) == 1:
            other = "lat" if given == ["lng"] else "lng"
            row.wrong(other, "one_coordinate", "经度和纬度只填了一个", "请两个都填，或都留空")
            return
        lng, lat = row.number("lng"), row.number("lat")
        word = row.cells.get("datum", "")
        datum = DATUM_WORDS.get(word.lower())
        if not word:
            row.wrong(
                "datum", "datum_missing", "填了坐标，没有说明坐标系", f"{DATUM_HELP}（--datum 或“坐标系”列）"
            )
        elif datum is None:
            row.wrong("datum", "unknown_datum", f"没有“{word}”这个坐标系", DATUM_HELP)
        if lng is None or lat is None or datum is None:
            return
        if lng == 0 and lat == 0:
            row.wrong(
                "lat", "zero_coordinates", "坐标是 0,0（海里），多半是没有取到位置", "没有坐标请两格都留空"
            )
            return
        placed = self._place(lng, lat, datum)
        if placed is None and self._place(lat, lng, datum) is not None:
            row.wrong("lat", "swapped_coordinates", "经度和纬度填反了", "请把这两格对调")
        elif placed is None:
            row.wrong("lat", "outside_extent", f"{lat}, {lng} 不在本登记册的范围内", "请核对坐标")
        else:
            lng, lat = placed
            facts.facility |= {"lng": round(lng, 7), "lat": round(lat, 7), "position_datum": datum}

    def _place(self, lng: float, lat: float, datum: str) -> tuple[float, float] | None:
        """The point in WGS-84, or None when it is no point on earth or outside the extent."""
        if abs(lng) > 180 or abs(lat) > 90:
            return None
        lng, lat = geo.to_wgs84(lng, lat, datum)
        west, south, east, north = self.extent or (-180, -90, 180, 90)
        return (lng, lat) if west <= lng <= east and south <= lat <= north else None

    def _roles(self, row: Row, facts: Facts) -> None:
        words = parts(row.cells.get("type", ""))
        if not words:
            row.wrong("type", "missing_type", "没有填类型", "请填类型，例如 家长学校")
        for word in words:
            kind = self.kinds.find(word)
            if kind is None:
                near = self.kinds.near(word)
                cure = f"是不是“{near}”？" if near else "servicemap-admin facility types 列出全部类型"
                row.wrong("type", "unknown_type", f"没有“{word}”这个类型", cure)
            elif kind not in facts.kinds:
                facts.kinds.append(kind)
        role = facts.role
        role["opened_on"] = row.date("opened_on")
        role["closed_on"] = row.date("closed_on")
        role["registration_expires_on"] = row.date("registration_expires_on")
        if role["opened_on"] and role["closed_on"] and role["closed_on"] < role["opened_on"]:
            row.wrong("closed_on", "closed_before_opened", "关闭日期早于设立日期", "请核对这两个日期")
        for name in ("age_from_months", "age_to_months"):
            role[name] = row.count(name, "bad_age", "月龄", MOST_MONTHS)
        youngest, oldest = role["age_from_months"], role["age_to_months"]
        if youngest is not None and oldest is not None and youngest > oldest:
            row.wrong("age_to_months", "ages_upside_down", "最大月龄小于最小月龄", "请核对这两格")
        for name in ("registered", "offered", "taken"):
            role[name] = row.count(f"places_{name}", "negative_places", "托位", MOST_PLACES)
        facts.role = {name: value for name, value in role.items() if value is not None}


def rows_of(records: Iterable[Record], kinds: Kinds) -> list[dict[str, str]]:
    """Whole records as the rows that an import would read back without a change: {field: text}, a row a
    role, positions in WGS-84. Three queries or so."""
    records = list(records)
    served = {link.division_id for record in records for role in record.roles for link in role.serves}
    path_of = divisions.paths({record.division_id for record in records} | served)
    rows = []
    for record in records:
        shared = {
            "code": record.code,
            "source": record.source,
            "external_id": record.external_id,
            "name": record.name,
            "division": path_of[record.division_id][-1].code,
            "lng": record.lng,
            "lat": record.lat,
            "datum": None if record.lat is None else "wgs84",
            "phone": record.phone,
            "credit_code": record.credit_code,
            "verified_on": record.verified_on,
            **{name: getattr(record, name) for name in _TEXTS},
            **{name: _word(words, getattr(record, name)) for name, words in _CHINESE.items()},
        }
        for role in record.roles:
            own = {
                "type": kinds.by_id[role.type_id].name,
                "serves": "、".join(
                    path_of[link.division_id][-1].code for link in role.serves if not link.to_on
                ),
                **_role_cells(role),
            }
            filled = {**shared, **own}
            rows.append({name: str(value) for name, value in filled.items() if value not in (None, "")})
    return rows


def _role_cells(role: Role) -> dict[str, Any]:
    numbers = ("age_from_months", "age_to_months", "prepaid_months", "monthly_fee")
    return {
        **{name: getattr(role, name) for name in (*_DAYS_OF_ROLE, *numbers, *_TEXTS_OF_ROLE)},
        **{f"places_{name}": getattr(role, name) for name in ("registered", "offered", "taken")},
        **{name: _word(words, getattr(role, name)) for name, words in _OF_ROLE.items()},
        "forms": "、".join(word for word, form in _FORMS.items() if form in role.forms),
        "classes": write_classes(role.classes),
    }


def choices() -> dict[str, list[str]]:
    """Of each field that takes one of a few words these words, as rows_of writes them."""
    found = {"datum": list(geo.DATUMS)}
    for name, words in (_CHINESE | _OF_ROLE).items():
        found[name] = [str(_word(words, meaning)) for meaning in dict.fromkeys(words.values())]
    return found


def _word(words: Mapping[str, Any], meaning: Any) -> str | None:
    """The first word that means this; None when none does."""
    return next((word for word, known in words.items() if known == meaning), None)


DEMO_PREFIX = "示例·"
CREDIT_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
MOST_PREPAID = 36  # months


def _nursery(row: Row, role: dict[str, Any]) -> None:
    """托育: forms, months prepaid, the fee a month, classes."""
    forms = row.words("forms", _FORM_WORDS)
    classes = read_classes(row.cells.get("classes", ""), partial(row.wrong, "classes"))
    stated = {
        "forms": tuple(form for form in FORMS if form in forms),
        "classes": classes,
        "prepaid_months": row.count("prepaid_months", "bad_prepaid_months", "预收月", MOST_PREPAID, "个?月"),
        "monthly_fee": row.count("monthly_fee", "bad_fee", "月费", MOST_YUAN, "元(?:/月)?"),
    }
    role |= {name: value for name, value in stated.items() if value not in (None, (), [])}


def _credit_code(row: Row, facts: Facts) -> None:
    """统一社会信用代码, GB 32100-2015: 17 characters and a check character, weights 3^i modulo 31."""
    value = row.cells.get("credit_code", "").upper()
    if not value:
        return
    if SCIENTIFIC.fullmatch(value):
        row.scientific("credit_code")
        return
    digits = [CREDIT_CODE.find(char) for char in value]
    right = len(value) == 18 and -1 not in digits
    if right and (31 - sum(digit * 3**n for n, digit in enumerate(digits[:17])) % 31) % 31 == digits[17]:
        facts.facility["credit_code"] = value
    else:
        detail = f"“{value}”不是统一社会信用代码" if not right else f"“{value}”的校验位不对"
        row.wrong("credit_code", "bad_credit_code", detail, "请照证书核对 18 位代码")


def _phone(row: Row, facts: Facts) -> None:
    value = row.cells.get("phone")
    if not value:
        return
    if SCIENTIFIC.fullmatch(value):
        row.scientific("phone")
    elif (
        len(value) > 60
        or not re.fullmatch(r"[0-9+\-()、,;/ 转分机]+", value)
        or not re.search(r"\d{3}", value)
    ):
        row.wrong("phone", "bad_phone", f"“{value}”不像电话号码", "请填数字，例如 0763-3360000")
    elif value.isdigit() and (
        (len(value) == 9 and value[0] != "0") or (len(value) == 10 and value[0] not in "0148")
    ):
        row.wrong("phone", "lost_leading_zero", f"“{value}”像是去掉了区号开头的 0", SET_AS_TEXT)
    else:
        facts.facility["phone"] = value
