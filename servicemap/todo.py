"""要做的: what a worker should do next, what families need most first.

CHECKS is the order: a page goes through it check by check, each by code, so that its cost does not grow with
the registry. A further kind of work is a further line.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby, islice

from servicemap import audit, db, divisions, duplicates, facilities
from servicemap.access import Actor, Span, narrowed
from servicemap.errors import InvalidError
from servicemap.models import LEVELS
from servicemap.records import parse_code, public_code

DAYS = {"today": 0, "stale": -365, "ended": -90, "soon": 90}  # from today
AT_ONCE = 5000  # placed facilities that are held against the shapes with one query


@dataclass(frozen=True, slots=True)
class Where:
    """Which part of the registry, none: all of it; and the day."""

    spans: tuple[Span, ...]
    today: date

    @property
    def still_there(self) -> tuple[str, list[object]]:
        """The condition that the facility f stands there and has a role that has not ended."""
        within, bounds = facilities.standing_in(self.spans)
        role = "SELECT 1 FROM role r WHERE r.facility_id = f.id AND (r.closed_on IS NULL OR r.closed_on > ?)"
        return f"{within} AND EXISTS ({role})", [*bounds, self.today.isoformat()]


Found = tuple[int, str, str | None]  # facility id, name, what fills {more}
Finder = Callable[[Where, int, int], Iterable[Found]]  # beyond this id, at most so many, by id


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of work. `problem` and `command` may name {code} and {more}; `why` it matters to families."""

    key: str
    weight: int
    problem: str
    why: str
    command: str
    find: Finder


@dataclass(frozen=True, slots=True)
class Item:
    check: str
    weight: int
    code: str
    name: str
    problem: str
    why: str
    command: str

    @property
    def key(self) -> str:
        return f"{self.check}:{self.code}"


def list_todo(
    actor: Actor, spans: Sequence[Span], today: date, *, after: str | None = None, limit: int
) -> list[Item]:
    """At most `limit` items beyond the key `after`, in the spans (none: where the actor acts). A query or
    two a check that the page reaches; the first look for duplicates after a change reads all places."""
    where = Where(tuple(narrowed(actor, spans)), today)
    start, after_id = _after(after)
    items: list[Item] = []
    for check in CHECKS[start:]:
        items += found_by(check, where, after_id, limit - len(items))
        if len(items) == limit:
            break
        after_id = 0
    return items


def found_by(check: Check, where: Where, after_id: int = 0, limit: int = 1_000_000) -> list[Item]:
    """What one check finds."""
    items = []
    for id_, name, more in check.find(where, after_id, limit):
        said = {"code": public_code(id_), "more": more or ""}
        problem, command = check.problem.format(**said), check.command.format(**said)
        items.append(Item(check.key, check.weight, said["code"], name, problem, check.why, command))
    return items


def _after(key: str | None) -> tuple[int, int]:
    if key is None:
        return 0, 0
    word, _, code = key.partition(":")
    at = [number for number, check in enumerate(CHECKS) if check.key == word]
    if not at or (id_ := parse_code(code)) is None:
        raise InvalidError("after 应为上一页的 next_after", "bad_after")
    return at[0], id_


def _lacking(condition: str, more: str = "NULL") -> Finder:
    """Of places that are still there. Both may name days: {today}, {stale}, {ended}, {soon}."""

    def find(where: Where, after: int, limit: int) -> Iterable[Found]:
        there, params = where.still_there
        days = {name: f"'{where.today + timedelta(days=number)}'" for name, number in DAYS.items()}
        return db.query(
            f"SELECT f.id, f.name, {more.format(**days)} FROM facility f"
            f" WHERE f.id > ? AND {there} AND {condition.format(**days)} ORDER BY f.id LIMIT {limit}",
            [after, *params],
        )

    return find


def _with_feedback(where: Where, after: int, limit: int) -> Iterable[Found]:
    """Of places that are closed too."""
    within, bounds = facilities.standing_in(where.spans)
    oldest = "SELECT b.receipt FROM feedback b WHERE b.facility_id = f.id AND b.answer IS NULL ORDER BY b.id LIMIT 1"
    return db.query(
        f"SELECT f.id, f.name, ({oldest}) FROM facility f WHERE f.id > ? AND {within} AND f.id IN"
        f" (SELECT facility_id FROM feedback WHERE answer IS NULL) ORDER BY f.id LIMIT {limit}",
        [after, *bounds],
    )


def _outside(where: Where, after: int, limit: int) -> Iterable[Found]:
    return islice(_outside_their_county(where, after), limit)


def _outside_their_county(where: Where, after: int) -> Iterator[Found]:
    version = audit.state()
    there, params = where.still_there
    while rows := db.query(
        "SELECT f.id, f.name, f.lng, f.lat, c.lft, c.rgt FROM facility f JOIN division d ON d.id = f.division_id"
        " JOIN division c ON c.level = 'county' AND d.lft BETWEEN c.lft AND c.rgt"
        " JOIN shape s ON s.division_id = c.id"
        f" WHERE f.id > ? AND f.lat IS NOT NULL AND {there} ORDER BY f.id LIMIT {AT_ONCE}",
        [after, *params],
    ):
        for id_, name, lng, lat, lft, rgt in rows:
            at = divisions.locate(lng, lat, version)
            at_lft, at_name = _standing(version.hash, at) if at else (0, "不在任何已知的县（市、区）")
            if not lft <= at_lft <= rgt:
                yield id_, name, at_name
        after = rows[-1][0]


@lru_cache(maxsize=4096)
def _standing(version: str, division_id: int) -> tuple[int, str]:
    [(lft, name)] = db.query("SELECT lft, name FROM division WHERE id = ?", (division_id,))
    return lft, f"在{name}"


def _twice(where: Where, after: int, limit: int) -> Iterable[Found]:
    pairs = [pair for pair in duplicates.suspects(where.spans, where.today) if pair.one.id > after]
    for one, of_it in islice(groupby(pairs, key=lambda pair: pair.one), limit):
        yield one.id, one.name, public_code(next(of_it).other.id)


def _rank(column: str) -> str:
    return f"CASE {column} {' '.join(f'WHEN {level!r} THEN {rank}' for rank, level in enumerate(LEVELS))} END"


OPEN = "r.facility_id = f.id AND (r.closed_on IS NULL OR r.closed_on > {today})"
OF_TYPES = f"EXISTS (SELECT 1 FROM role r JOIN facility_type t ON t.id = r.type_id WHERE {OPEN}"
# not EXISTS: SQLite would go through all nurseries for every place
NURSERY = (
    "f.id IN (SELECT r.facility_id FROM role r JOIN facility_type t ON t.id = r.type_id"
    " WHERE t.key = 'nursery' AND (r.closed_on IS NULL OR r.closed_on > {today})"
)
# 缺社区: a role for a lower level than that at which it stands serves nothing (coverage/measure.py)
HIGHER = (
    f"{OF_TYPES} AND {_rank('COALESCE(r.level, t.level)')} >"
    f" (SELECT {_rank('d.level')} FROM division d WHERE d.id = f.division_id) AND NOT EXISTS"
    " (SELECT 1 FROM role_serves l WHERE l.role_id = r.id AND (l.to_on IS NULL OR l.to_on > {today})))"
)
TITLE = (
    "(SELECT MIN(t.kind || ' ' || CAST(t.expires_on AS TEXT)) FROM title t WHERE t.facility_id = f.id"
    " AND t.withdrawn_on IS NULL AND t.expires_on BETWEEN {ended} AND {soon})"
)
LICENCE = (
    "(SELECT CAST(MIN(r.registration_expires_on) AS TEXT) FROM role r"
    f" WHERE {OPEN} AND r.registration_expires_on <= {{soon}})"
)
LATEST = (
    "(SELECT CAST(MAX(v.verified_on) AS TEXT) FROM verification v"
    " WHERE v.facility_id = f.id AND v.voided_on IS NULL)"
)
EDIT = "servicemap-admin facility edit {code}"

CHECKS: tuple[Check, ...] = (
    Check(
        "feedback", 100, "有家庭说这里不对，还没有答复",
        "别的家庭正照着可能错的资料出门",
        "servicemap-admin feedback list --code {code}",
        _with_feedback,
    ),
    Check(
        "position", 90, "没有位置",
        "按距离找的家庭只能在最后看到它，地图上没有",
        "servicemap-admin facility move {code} --lng 经度 --lat 纬度 --datum 高德 --reason 补位置",
        _lacking("f.lat IS NULL AND f.delivery = 'on_site'"),
    ),
    Check(
        "outside", 85, "位置{more}，不是所属的县（市、区）",
        "家庭会被带到别处；常是坐标系或区划填错",
        "servicemap-admin facility move {code} --lng 经度 --lat 纬度 --datum 高德 --reason 更正位置",
        _outside,
    ),
    Check(
        "phone", 80, "没有电话",
        "出门前问不了，白跑一趟的最多",
        EDIT + " 电话=0763-… --reason 补电话",
        _lacking("f.phone IS NULL"),
    ),
    Check(
        "higher", 75, "缺社区：挂牌服务的层级低于所在的区划，没有写服务哪里",
        "不计入任何村（居）的覆盖，按村（居）找也找不到",
        EDIT + " 服务区划=村居代码 --reason 补服务区划",
        _lacking(HIGHER),
    ),
    Check(
        "hours", 70, "没有开放时间",
        "现在开不开只能答“不确定”",
        EDIT + ' "开放时间=周一至周五 8:30-17:30" --reason 补开放时间',
        _lacking("f.hours_id IS NULL"),
    ),
    Check(
        "title", 65, "称号快到期或刚到期：{more}",
        "到期后不再显示，也不再计入指标",
        "servicemap-admin title list --holder {code}",
        _lacking(f"{TITLE} IS NOT NULL", TITLE),
    ),
    Check(
        "licence", 63, "备案或许可快到期或已到期：{more}",
        "到期后不该再收孩子；家庭按“已备案”找得到它",
        EDIT + " 备案有效期至=… --reason 换证",
        _lacking(f"{LICENCE} IS NOT NULL", LICENCE),
    ),
    Check(
        "duplicate", 60, "像是和 {more} 同一处",
        "家庭看到两条，不知道哪条是对的；覆盖率会多算",
        "servicemap-admin facility merge {code} {more} --reason 同一处（不是：facility not-same）",
        _twice,
    ),
    Check(
        "rough", 57, "位置只准到村（居）或乡镇",
        "给不出路线，家长到了附近还要问路",
        "servicemap-admin facility move {code} --lng 经度 --lat 纬度 --datum 高德 --reason 补到门口",
        _lacking("f.position_precision IN ('community', 'town')"),
    ),
    Check(
        "ages", 55, "托育机构没有月龄",
        "按月龄找的家庭看不到它收不收自己的孩子",
        EDIT + " 最小月龄=6 最大月龄=36 --reason 补月龄",
        _lacking(
            NURSERY + " AND r.age_from_months IS NULL AND r.age_to_months IS NULL AND NOT EXISTS (SELECT 1 FROM"
            " role_class k WHERE k.role_id = r.id AND k.age_from_months IS NOT NULL))",
        ),
    ),
    Check(
        "fee", 50, "托育机构没有收费",
        "付不付得起是家庭问的第二句话",
        EDIT + " 收费=收费 月费=1800 --reason 补收费",
        _lacking(
            NURSERY + " AND r.fee IS NULL AND r.monthly_fee IS NULL AND NOT EXISTS (SELECT 1 FROM role_class k"
            " WHERE k.role_id = r.id AND k.monthly_fee IS NOT NULL))",
        ),
    ),
    Check(
        "unverified", 45, "从来没有人核实过",
        "不计入“已核实”，家庭也看不出可不可信",
        "servicemap-admin facility verify {code} --reason 电话",
        _lacking(f"{LATEST} IS NULL"),
    ),
    Check(
        "stale", 40, "上次核实是 {more}，超过 12 个月",
        "时间、电话一年里多半变过",
        "servicemap-admin facility verify {code} --reason 电话",
        _lacking(f"{LATEST} < {{stale}}", LATEST),
    ),
)  # fmt: skip
