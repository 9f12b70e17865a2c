"""What the demo's nurseries say of themselves: classes, fees, forms, 普惠 and 备案 with numbers that are
visibly invented."""

import random

SPANS = (("乳儿班", 6, 12), ("托小班", 12, 24), ("托大班", 24, 36))


def offer(county: str, number: str, fee: int, youngest: int, registered: int, taken: int) -> dict[str, str]:
    """The cells of one nursery, of which some say less than others. `fee` (yuan a month) is the lowest,
    `youngest` in months; the classes share out the places. The same number gives the same offer."""
    rng = random.Random(number)
    cells = {
        "forms": rng.choice(("全日", "全日、半日", "全日、半日、计时", "半日、临时")),
        "meals": rng.choice(("含餐", "另收餐费", "不供餐")),
        "prepaid_months": str(rng.choice((1, 1, 3))),
        "classes": "；".join(_classes(rng, fee, youngest, registered, taken)),
        "inclusive": "否",
    }
    cells = {name: text for name, text in cells.items() if rng.random() < 0.9}
    if rng.random() < 0.5:
        cells |= {
            "inclusive": "是",
            "inclusive_body": f"示例·{county}卫生健康局",
            "inclusive_no": f"示例-普惠-{number}",
        }
    if rng.random() < 0.8:
        cells |= {"registration_body": f"示例·{county}卫生健康局", "registration_no": f"示例-备案-{number}"}
    return cells


def _classes(rng: random.Random, fee: int, youngest: int, registered: int, taken: int) -> list[str]:
    """One mixed class, or one a span; the younger the dearer."""
    spans = [span for span in SPANS if span[1] >= youngest]
    if rng.random() < 0.3:
        spans = [("混龄", youngest, 36)]
    shares = [registered // len(spans)] * len(spans)
    shares[-1] += registered - sum(shares)
    entries = []
    for place, ((kind, start, end), share) in enumerate(zip(spans, shares, strict=True), 1):
        there = min(share, taken) if place < len(spans) else taken
        taken -= there
        costs = fee + 300 * (len(spans) - place)
        entries.append(f"{kind} {start}-{end}月 备案{share} 在托{there} 每月{costs}元")
    return entries
