"""What the invented places are called and when they are open: some words common, some rare, as in a real
registry, so that text search and `open=now` meet what they would meet there.
"""

import re
from itertools import accumulate
from random import Random

COMMON = [
    "阳光",
    "爱心",
    "希望",
    "童心",
    "向日葵",
    "小太阳",
    "蓝天",
    "育苗",
    "金色童年",
    "启明",
    "春苗",
    "贝贝",
    "红领巾",
    "新苗",
    "彩虹",
    "七色花",
    "星星",
    "快乐",
    "博雅",
    "慧童",
    "小天使",
    "智慧树",
    "红黄蓝",
    "蒲公英",
    "小哈佛",
    "幼苗",
    "晨曦",
    "明珠",
    "东方",
    "和谐",
    "幸福",
    "康乐",
    "金太阳",
    "未来星",
    "小博士",
]
FIRST = "安柏诚德恩帆光海和惠嘉景凯兰乐美宁鹏启清仁瑞思泰文祥雅义逸颖雨泽正芝智"
SECOND = "宝博畅丰涵恒华佳健杰康朗亮林龙民铭培晴荣森盛硕桐旺熙心轩扬毅盈悦卓"
RARE = [first + second for first in FIRST for second in SECOND]  # 1,295
BRANDS = [*COMMON, *RARE]  # 阳光 names one place in 13, the last one in 17,000
_BRAND_WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(BRANDS) + 1)))
ENDINGS = re.compile("(社区)?(居委会|村委会)?(虚拟社区|虚拟生活区)?$")


def short(division: str) -> str:
    """What people call a community: 鹤堂社区居委会 → 鹤堂, 田心村委会 → 田心."""
    return ENDINGS.sub("", division) or division


def brand(random: Random) -> str:
    return random.choices(BRANDS, cum_weights=_BRAND_WEIGHTS)[0]


def name(random: Random, division: str, types: list[str]) -> str:
    """A place's name: community, often a word of its own, one of its type's names, sometimes a number."""
    dice = random.random()
    own = brand(random) if dice < 0.6 else ""
    number = f"第{random.randint(1, 30)}" if dice > 0.8 else ""
    return f"{short(division)}{'社区' if dice < 0.3 else ''}{own}{number}{random.choice(types)}"


_DAYS = (
    ("周一至周五", "Mo-Fr"), ("周一至周日", "Mo-Su"), ("周二至周日", "Tu-Su"), ("周一至周六", "Mo-Sa"),
    ("周六、周日", "Sa,Su"),
)  # fmt: skip
_MORNINGS = ("8:00-11:30", "8:00-12:00", "8:30-11:30", "8:30-12:00", "9:00-12:00")
_AFTERNOONS = ("13:30-17:00", "14:00-17:00", "14:00-17:30", "14:30-17:30", "14:30-18:00", "15:00-20:30")


def _hours() -> list[str]:
    """330 texts, as workers type them and as OpenStreetMap writes them."""
    texts = ["24/7", "周一至周日 全天"]
    for chinese, osm in _DAYS:
        for morning in _MORNINGS:
            early = "0" + morning
            for afternoon in _AFTERNOONS:
                through = f"{morning.partition('-')[0]}-{afternoon.partition('-')[2]}"
                texts.append(f"{chinese} {morning}，{afternoon}；节假日休息")
                texts.append(f"{osm} {early},{afternoon}; PH off")
                if afternoon == _AFTERNOONS[0] or morning == _MORNINGS[0]:
                    texts.append(f"{chinese} {through}")
    return list(dict.fromkeys(texts))


HOURS = _hours()
_HOURS_WEIGHTS = list(accumulate(1 / (5 + rank) for rank in range(len(HOURS))))
NO_HOURS = 0.15


def hours(random: Random) -> str | None:
    """One of HOURS; None for the places whose hours nobody knows."""
    if random.random() < NO_HOURS:
        return None
    return random.choices(HOURS, cum_weights=_HOURS_WEIGHTS)[0]
