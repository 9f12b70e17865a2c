"""A registry in which everything occurs that a search can be asked about, and questions about it."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from servicemap import division_list, geo, storing
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.finder.filters import Box, Filters, Within
from servicemap.finder.query import Query
from servicemap.models import CLASSES, Division
from servicemap.records import Record, Role, RoleClass
from tests.factories import LAT, LNG, TODAY, a_tree, a_type

NOON = datetime(2026, 11, 23, 12, 0, 31, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Monday
KINDS = (
    ("parent_school", "家长学校", ("家长学堂",)),
    ("nursery", "托育机构", ("托班", "早教", "幼托", "托育")),
    ("childrens_home", "儿童之家", ()),
    ("childrens_library", "儿童图书馆", ("图书馆", "绘本馆")),
)
HOURS = (None, None, "24/7", "周一至周五 8:30-12:00，14:30-17:30", "周六周日 9:00-17:00", "每天 20:00-02:00",
         "周一至周五 8:30-17:30；节假日休息", "看情况", "预约")  # fmt: skip
FRONTS = ("北门", "南门", "英德市", "沙口镇", "田心村", "长乐", "阳光", "石洗", "行知", "小太阳")
MIDDLES = ("社区", "实验", "第一", "金色童年", "和平路", "")
BACKS = ("家长学校", "托育中心", "幼托园", "儿童之家", "图书馆", "活动室", "早教中心", "之家")
STREETS = ("北门街", "和平路", "英德大道", "沙口镇圩", "託育路", None)
QUESTIONS = (
    "托育", "託育", "早教", "托班", "图书", "图书馆", "家长", "儿童", "英德", "英德 托育", "英德托育", "沙口镇家长学校",
    "清城区", "田心", "田心村 儿童之家", "英德 田心", "北门 和平", "和平路", "阳光", "小太阳托育", "长乐", "托",
    "ertongzhijia", "etzj", "tuoyu", "yingde tuoyu", "ydty", "changle", "shixi", "xingzhi", "hepinglu", "hpl",
    "nursery", "parent school", "3 号", "3号", "12", "火星", "英德 火星", "图书馆 家长学校", "家长学校 托育", "！！",
    "，", "😀", "托育😀", "a", "北门社区家长学校", "清远", "茶场", "英德市沙口镇", "沙口 北门",
)  # fmt: skip
YEARS = timedelta(365)
SHAPE_DEGREES = 0.25


def a_countryside(random: Random, count: int) -> tuple[list[Record], dict[int, Box]]:
    """(the places, in the order of their ids; the shapes of one county of the two)."""
    tree = a_tree()
    types = [a_type(key, name=name, aliases=aliases).id for key, name, aliases in KINDS]
    box = LNG - SHAPE_DEGREES, LAT - SHAPE_DEGREES, LNG + SHAPE_DEGREES, LAT + SHAPE_DEGREES
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    county = tree["441802000000"]
    with write_txn(SEED) as log:
        division_list.set_shape(log, county, {"type": "Polygon", "coordinates": [ring]}, "test")
    divisions = [tree[code] for code in sorted(tree)]
    places = [a_record(random, number, types, divisions) for number in range(count)]
    stored(places)
    return places, {county.id: box}


def stored(places: list[Record]) -> None:
    with write_txn(SEED) as log:
        storing.write(log, places, [], TODAY)


def a_record(random: Random, number: int, types: list[int], divisions: list[Division]) -> Record:
    placed = random.random() < 0.8
    spread = random.choice((0.002, 0.01, 0.2, 2.0))
    lng, lat = random.gauss(LNG, spread), random.gauss(LAT, spread)
    if number % 5 == 0:  # many in one place, and on one another's kilometre
        lng, lat = LNG + number % 4 * 0.007, LAT + number % 3 * 0.009
    street = random.choice(STREETS)
    kept = random.sample(types, random.choice((1, 1, 1, 2, 3)))
    started = TODAY - timedelta(random.randint(0, 40))
    return Record(
        0,
        random.choice(FRONTS) + random.choice(MIDDLES) + random.choice(BACKS),
        random.choice(divisions).id,
        address=street and f"{street} {random.randint(1, 20)} 号",
        lat=lat if placed else None,
        lng=lng if placed else None,
        position_precision=random.choice(("door", "door", "street", "community", "town"))
        if placed
        else "none",
        position_datum="wgs84" if placed else None,
        hours=random.choice(HOURS),
        accessible=random.choice((True, False, None)),
        visibility="contact_only" if random.random() < 0.1 else "public",
        verified_on=random.choice((None, TODAY, TODAY - timedelta(30), TODAY - YEARS)),
        roles=[a_role(random, type_id) for type_id in kept],
        suspensions=random.choice(
            ([], [], [], [(started, random.choice((None, TODAY, TODAY + timedelta(9))), "装修")])
        )
        if started < TODAY
        else [],
    )


def a_role(random: Random, type_id: int) -> Role:
    times = ((None, None), (None, None), (TODAY - YEARS, None), (TODAY, None), (None, TODAY + YEARS))
    over = ((TODAY + timedelta(1), None), (None, TODAY))
    opened_on, closed_on = random.choice((*times, *over))
    youngest, oldest = random.choice(((None, None), (0, 36), (6, None), (None, 72), (36, 72)))
    taken = random.choice((None, 10, 20))
    role = Role(
        0,
        type_id,
        opened_on=opened_on,
        closed_on=closed_on,
        age_from_months=youngest,
        age_to_months=oldest,
        fee=random.choice((None, "free", "discounted", "paid")),
        inclusive=random.choice((None, True, False)),
        registration_body=random.choice((None, None, "卫健局")),
        registration_no=random.choice((None, None, "4418-1")),
        monthly_fee=random.choice((None, 0, 800, 1500)),
    )
    if taken is not None or random.random() < 0.3:
        counts = {
            "registered": random.choice((None, 15)),
            "offered": random.choice((None, 12)),
            "taken": taken,
        }
        role = replace(role, places_on=TODAY, **counts)
    if random.random() < 0.4:
        kinds = random.sample(CLASSES, random.choice((1, 2, 3)))
        role.classes = [a_class(random, kind) for kind in CLASSES if kind in kinds]
    return role


def a_class(random: Random, kind: str) -> RoleClass:
    youngest, oldest = random.choice(((0, 12), (12, 24), (24, 36), (6, None), (None, 24), (None, None)))
    return RoleClass(
        kind,
        youngest,
        oldest,
        random.choice((None, 10)),
        random.choice((None, None, 8)),
        random.choice((None, 5, 9, 10)),
        random.choice((None, 0, 500, 2000)),
        TODAY,
    )


def a_question(random: Random, types: list[int], divisions: list[Division]) -> Query:
    """Any of the parameters together, each seldom enough that most questions find something."""

    def sometimes(value: Any, default: Any = None, share: float = 0.12) -> Any:
        return value if random.random() < share else default

    located: dict[str, Any] = {}
    if random.random() < 0.65:
        spread = random.choice((0.001, 0.02, 0.3, 3.0, 9.0))
        lng, lat = random.gauss(LNG, spread), random.gauss(LAT, spread)
        if random.random() < 0.15:
            lng, lat = LNG, LAT
        datum = random.choice(geo.DATUMS)
        lng, lat = geo.from_wgs84(lng, lat, datum)
        radius_m = random.choice((None, None, None, 1, 300, 999, 1000, 1500, 5000, 5000, 20_000, 50_000))
        located = {"lng": lng, "lat": lat, "datum": datum, "radius_m": radius_m}
    division = random.choice(divisions)
    side = random.choice((0.01, 0.1, 1.0))
    west, south = LNG + random.uniform(-side, 0), LAT + random.uniform(-side, 0)
    days = random.randint(-3, 3)
    filters = Filters(
        within=sometimes((Within(division.lft, division.rgt),), ()),
        age_months=sometimes(random.choice((0, 6, 24, 36, 37, 100))),
        fees=sometimes(tuple(random.sample(("free", "discounted"), random.choice((1, 2)))), ()),
        fee_max=sometimes(random.choice((0, 500, 1000, 100_000))),
        inclusive=sometimes(True, False, 0.08),
        registered=sometimes(True, False, 0.08),
        places_free=sometimes(True, False, 0.08),
        accessible=sometimes(random.choice(("yes", "maybe"))),
        open_at=sometimes(
            NOON.replace(second=0) + timedelta(days, minutes=random.randint(0, 1440)), share=0.08
        ),
        open_weekends=sometimes(True, False, 0.06),
        verified_since=sometimes(TODAY - timedelta(random.choice((0, 10, 60)))),
        box=sometimes((west, south, west + side, south + side)),
    )
    return Query(
        NOON,
        type_ids=tuple(sorted(random.sample(types, random.choice((0, 0, 0, 1, 1, 2, 4))))),
        filters=filters,
        open_now=filters.open_at is None and sometimes(True, False, 0.1),
        q=sometimes(random.choice(QUESTIONS), "", 0.5),
        accuracy_m=sometimes(3000, 0),
        geojson=not located and sometimes(True, False),
        **located,
    )
