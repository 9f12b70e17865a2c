"""A seeded file of invented places to import, as a city would send it: the same bytes every time."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from random import Random

from bench import names
from bench.ground import SEED, around

DIVISIONS = Path("seed/divisions.csv")
HEADINGS = (
    *("外部编号", "名称", "类型", "区划代码", "地址", "经度", "纬度", "坐标系", "电话", "开放时间", "无障碍"),
    *("设立日期", "最小月龄", "最大月龄", "收费", "备案托位", "月费", "备案编号", "核实日期"),
)
TYPES = (
    *("家长学校", "儿童之家", "家庭教育指导服务站点", "未成年人保护工作站", "儿童友好公园", "儿童图书馆"),
    *("儿童主题公园", "少儿科普活动场所", "青少年科技教育基地", "社区儿童游戏场地", "图书馆", "托育机构"),
)
NURSERY = TYPES[-1]
CORNER, SIZE = (112.9, 23.7), (0.9, 1.1)  # degrees of the city within which its communities are put
SPREAD_M = 1_500


def rows(count: int, seed: int) -> Iterator[Sequence[object]]:
    """So many rows, each of a place of its own; one in ten is a nursery."""
    random = Random(seed)
    with DIVISIONS.open(encoding="utf-8", newline="") as stream:
        homes = [
            (
                row["code"],
                row["name"],
                *(corner + size * random.random() for corner, size in zip(CORNER, SIZE, strict=True)),
            )
            for row in csv.DictReader(stream)
            if row["level"] == "community"
        ]
    taken: set[tuple[str, str]] = set()
    for number in range(1, count + 1):
        code, home, *middle = random.choice(homes)
        kind = NURSERY if random.random() < 0.1 else random.choice(TYPES[:-1])
        name = names.name(random, home, [kind])
        if (name, code) in taken:
            name += f"（{number}）"
        taken.add((name, code))
        lng, lat = around(random, *middle, SPREAD_M) if random.random() < 0.85 else ("", "")
        nursery = (
            (
                "6",
                "36",
                "收费",
                random.randrange(20, 200, 5),
                random.randrange(600, 4_000, 20),
                f"备{number:06}",
            )
            if kind == NURSERY
            else ("", "", random.choice(("免费", "免费", "优惠", "")), "", "", "")
        )
        yield (
            f"QY{seed}-{number:07}" if random.random() < 0.5 else "",
            name,
            kind,
            code,
            f"{home}{random.choice(names.BRANDS)}路{random.randint(1, 300)} 号",
            lng,
            lat,
            "gcj02" if lng else "",
            f"0763-3{random.randrange(1_000_000):06}" if random.random() < 0.8 else "",
            names.hours(random) or "",
            random.choice(("是", "否", "")),
            f"{random.randint(2010, 2025)}-{random.randint(1, 12):02}-01",
            *nursery,
            f"2026-{random.randint(1, 10):02}-15" if random.random() < 0.6 else "",
        )


def write_csv(path: Path, count: int, seed: int = SEED) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(chain([HEADINGS], rows(count, seed)))


def write_xlsx(path: Path, count: int) -> None:
    import xlsxwriter  # late: like the product

    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("服务点")
        for at, row in enumerate(chain([HEADINGS], rows(count, SEED))):
            sheet.write_row(at, 0, [str(cell) for cell in row])
