"""托育: the 班型 of a nursery as people write them in one cell, 托小班 12-24月 备案20 实际18 在托15 每月1800元."""

import re
from collections.abc import Callable, Iterable

from servicemap.models import CLASSES
from servicemap.records import RoleClass

CLASS_NAMES = dict(zip(CLASSES, ("乳儿班", "托小班", "托大班", "混龄"), strict=True))
CLASS_HELP = "请写成 托小班 12-24月 备案20 实际18 在托15 每月1800元；混龄 18-36月 备案15"
MOST_MONTHS, MOST_PLACES, MOST_YUAN = 12 * 18, 10_000, 100_000

_KINDS = {name: kind for kind, name in CLASS_NAMES.items()} | {kind: kind for kind in CLASSES}
_KINDS |= {"混龄班": "mixed"}
_MONTHS = r"(?:个?月龄?)"
_PARTS = (
    (rf"([0-9]+){_MONTHS}?[-~–—至]([0-9]+){_MONTHS}", ("age_from_months", "age_to_months")),
    (rf"([0-9]+){_MONTHS}起", ("age_from_months",)),
    (rf"至([0-9]+){_MONTHS}", ("age_to_months",)),
    (r"备案(?:托位)?:?([0-9]+)个?", ("registered",)),
    (r"实际(?:托位)?:?([0-9]+)个?", ("offered",)),
    (r"在托(?:人数)?:?([0-9]+)[个人]?", ("taken",)),
    (r"(?:每月|月费):?([0-9]+)元?", ("monthly_fee",)),
    (r"([0-9]+)元/月", ("monthly_fee",)),
)
_MOST = {
    "age_from_months": ("bad_age", "月龄", MOST_MONTHS),
    "age_to_months": ("bad_age", "月龄", MOST_MONTHS),
    "monthly_fee": ("bad_fee", "月费", MOST_YUAN),
}

Wrong = Callable[[str, str, str], None]


def read_classes(text: str, wrong: Wrong) -> list[RoleClass]:
    """The classes that a cell (half-width, single blanks) names, entries apart by ；, the parts of an entry in
    any order. What can't be read is said with wrong(code, detail, cure); a class said twice is left out."""
    found: dict[str, RoleClass] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        one = _read_entry(entry, wrong)
        if one and one.kind in found:
            wrong("class_twice", f"{CLASS_NAMES[one.kind]}写了两次", "一个班型只写一次")
        elif one:
            found[one.kind] = one
    return sorted(found.values(), key=lambda one: CLASSES.index(one.kind))


def _read_entry(entry: str, wrong: Wrong) -> RoleClass | None:
    words = [word for word in re.split(r"[ ,、]+", entry) if word]
    kinds = [_KINDS[word] for word in words if word in _KINDS]
    if len(kinds) != 1:
        detail = f"“{entry}”里有 {len(kinds)} 个班型" if kinds else f"“{entry}”没有写班型"
        cure = f"班型之间用 ； 分开，一段写一个：{'、'.join(CLASS_NAMES.values())}"
        wrong("not_one_class", detail, cure)
        return None
    one = RoleClass(kinds[0])
    for word in words:
        if word not in _KINDS:
            _read_part(one, word, wrong)
    youngest, oldest = one.age_from_months, one.age_to_months
    if youngest is not None and oldest is not None and youngest > oldest:
        wrong("ages_upside_down", f"“{entry}”的最大月龄小于最小月龄", "请核对这两个数")
    return one


def _read_part(one: RoleClass, word: str, wrong: Wrong) -> None:
    name = CLASS_NAMES[one.kind]
    said = [
        pair
        for pattern, fields in _PARTS
        if (match := re.fullmatch(pattern, word))
        for pair in zip(fields, match.groups(), strict=True)
    ]
    if not said:
        wrong("bad_class_part", f"{name}的“{word}”看不懂", CLASS_HELP)
    for field, digits in said:
        code, what, most = _MOST.get(field, ("bad_places", "托位", MOST_PLACES))
        if getattr(one, field) is not None:
            wrong("class_part_twice", f"{name}的“{word}”前面已经写过", "同一项只写一次")
        elif len(digits) > 9 or int(digits) > most:
            wrong(code, f"{name}的“{word}”不是合理的{what}数", f"请填 0 到 {most} 的整数")
        else:
            setattr(one, field, int(digits))


def write_classes(classes: Iterable[RoleClass]) -> str:
    """The cell that reads back as these classes (without the day on which they were counted)."""
    return "；".join(" ".join(filter(None, _parts(one))) for one in classes)


def _parts(one: RoleClass) -> Iterable[str | None]:
    youngest, oldest = one.age_from_months, one.age_to_months
    yield CLASS_NAMES[one.kind]
    if youngest is not None and oldest is not None:
        yield f"{youngest}-{oldest}月"
    else:
        yield f"{youngest}月起" if youngest is not None else f"至{oldest}月" if oldest is not None else None
    for word, count in (("备案", one.registered), ("实际", one.offered), ("在托", one.taken)):
        yield None if count is None else f"{word}{count}"
    yield None if one.monthly_fee is None else f"每月{one.monthly_fee}元"
