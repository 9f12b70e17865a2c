"""The words of Chinese hours texts: characters folded to one form, tokens, and what a time is. Pure."""

import re

from servicemap.hours_rules import DAY, Day, NotUnderstoodError, Span, clock, day_range

EXAMPLE = "周一至周五 8:30-12:00，14:30-17:30；节假日休息"

_FOLD = str.maketrans(
    "週點時開閉館園節號禮預約學營業無間並~〜～‐‑‒–—―─−至到﹣",
    "周点时开闭馆园节号礼预约学营业无间并" + "-" * 14,
)
_WEEKDAYS = "一二三四五六日"
_NUMERALS = {**{n: i for i, n in enumerate("零一二三四五六七八九十")}, "两": 2, "十一": 11, "十二": 12}
_CLOCK = r"(?:\d{1,2}:\d{2}(?::00)?|\d{1,2}[点时](?:\d{1,2}分?|半|整|钟|一刻|三刻)?)"
_PART = r"凌晨|清晨|清早|早上|早晨|上午|中午|下午|午后|傍晚|晚上|晚间|夜间|夜晚|早(?=\d)|晚(?=\d)"
TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<entry>{_CLOCK}(?:以?后|起)?(?:停止|截止|不再|谢绝)(?:入馆|入园|入场|入内|进馆|进园|进场|取票|售票|领票|检票|接待|换票)(?:入馆|入园|入场)?)
    |(?P<allday>全天候?|(?:7[x×*]|每天)?24小时|7[x×*]24|24h|二十四小时|昼夜)
    |(?P<through>(?:中午|午间)(?:不休息?|不闭馆|不关门))
    |(?P<lunch>午休(?:时间)?|(?:中午|午间)(?:休息|闭馆|不开放|关闭))
    |(?P<usual>(?:照常|正常)(?:开放|营业|上班|开馆|服务|接待)?|不休息?|不闭馆|不打烊|不放假|无休)
    |(?P<nth>每个?月的?(?:第?[一二三四五1-5][、,和及]?)+个?(?=周)|每个?月的?最后一?个?(?=周))
    |(?P<workday>(?:法定)?工作日|上班日)
    |(?P<weekend>周末|双休日?|休息日)
    |(?P<every>每天|每日|天天|全年|全周|一周七天|周一-?周?[日天](?![点时]))
    |(?P<weekdays>(?:每逢|每|逢)?周[{_WEEKDAYS}天](?:\s*[-、,和及与/]?\s*周?[{_WEEKDAYS}天](?![点时月]))*)
    |(?P<school>学期(?:期间|内|中)?|(?:上学|开学|在校)(?:期间|日)|教学日)
    |(?P<term>寒、?暑假|寒假|暑假|暑期|学生假期)
    |(?P<holiday>(?:国家)?法定(?:节假日|节日|假日|假期|假)|(?:国家)?节假日|国定假日|公众假期|公共假期|节日|假日)
    |(?P<festival>元旦节?|春节|清明节?|(?:五一)?劳动节|五一|端午节?|中秋节?|(?:十一)?国庆节?|十一(?!时)|除夕)
    |(?P<date>(?:(?P<year>\d{{4}})年)?(?P<month>\d{{1,2}})月份?(?:(?P<day>\d{{1,2}})[日号])?)
    |(?P<dayonly>\d{{1,2}}[日号])
    |(?P<next>次日|翌日|第二天|隔天|隔日|次晨)
    |(?P<part>{_PART})
    |(?P<time>{_CLOCK})
    |(?P<but>除外|例外|以外|之外|外(?=[,、:;)\s]|$|每|周|其)|不含|不包括)
    |(?P<butfor>除了?)
    |(?P<closed>休息|休馆|休园|闭馆|闭园|闭室|不开放|停止开放|暂停开放|不对外开放|关闭|关门|放假|不营业|不上班|不办公|停诊|停业|歇业|休(?=$|[;,。)\s]))
    |(?P<appointment>(?:需|须|请|可|凭|按|仅限)?(?:要|提前|电话|网上|团体)*预约(?:开放|参观|服务|制|进入|入馆|接待)?)
    |(?P<season>夏季|冬季|春季|秋季|夏秋季?|冬春季?|春夏季?|秋冬季?|夏令时|冬令时|夏时制|冬时制|旺季|淡季)
    |(?P<more>另外?)
    |(?P<rest>其余|其他|其它)
    |(?P<noise>(?:服务|开放|营业|工作|办公|开馆|开园|接待|上班|作息)(?:时间|时段)|对外|免费|开放|营业|上班|开馆|开园|服务|办公|接待|时间|时段|期间|每年|次年|翌年|均为?|都|为|的|是|逢|并且|以及|如遇|遇)
    |(?P<dash>-)
    |(?P<open>[(\[【])
    |(?P<break>[;。\n])
    |(?P<sep>[,、:)\]】/|和及与])""",
    re.VERBOSE,
)
_OPEN_CLOSE = re.compile(
    rf"((?:{_PART})?{_CLOCK})\s*(?:开馆|开园|开门|开放|上班|营业)[,、\s-]*((?:{_PART})?{_CLOCK})\s*"
    r"(?:闭馆|闭园|关门|关闭|下班|结束)"
)


def fold(text: str) -> str:
    text = text.translate(_FOLD).replace("星期", "周").replace("礼拜", "周").replace("--", "-")
    text = re.sub(r"(?<=[\d分半])\s*一\s*(?=\d|次日|[上下]午|晚上)", "-", text)  # 8:30一12:00
    text = re.sub(r"(?<![\d.])(\d{1,2})\.([0-5]\d)(?![\d.])", r"\1:\2", text)
    numeral = "十[一二]|[一二两三四五六七八九十]"
    text = re.sub(r"(?<![\d:])(\d{1,2})-(?=\d{1,2}[点时])", r"\1点-", text)  # 8-17点
    text = re.sub(rf"({numeral})(?=[点月](?!第))", lambda found: str(_NUMERALS[found[1]]), text)
    text = re.sub(r"(?<![\d:月])(\d{1,2})([-、,])(?=\d{1,2}月)", r"\1月\2", text)  # 5-10月
    return _OPEN_CLOSE.sub(r"\1-\2", text)


def not_known(piece: str) -> NotUnderstoodError:
    piece = re.split(r"[;,。\n()\[\]【】]", piece.strip(" ()[]【】"))[0] or piece.strip()
    return NotUnderstoodError(f"看不懂“{piece}”；请写成：{EXAMPLE}")


def number_of(text: str) -> int:
    return int(text) if text.isdigit() else _NUMERALS[text]


def weekdays_of(text: str) -> set[int]:
    days: set[int] = set()
    parts = re.findall(rf"(-?)[^-{_WEEKDAYS}天]*([{_WEEKDAYS}天])", text)
    last = 0
    for dash, name in parts:
        day = _WEEKDAYS.index(name.replace("天", "日"))
        days |= set(day_range(last, day)) if dash else {day}
        last = day
    return days


def date_of(found: re.Match[str]) -> Day:
    return int(found["year"] or 0), int(found["month"]), int(found["day"] or 0)


def minutes_of(text: str) -> int:
    hour, minute = ([*re.findall(r"\d+", text), "0"])[:2]
    extra = {"半": 30, "一刻": 15, "三刻": 45}
    value = int(hour) * 60 + next((extra[word] for word in extra if word in text), int(minute))
    if int(hour) > 24 or int(minute) > 59 or value > DAY:
        raise NotUnderstoodError(f"没有“{text}”这个时间")
    return value


def span_of(piece: str, start: tuple[int, str], end: tuple[int, str], tomorrow: bool) -> Span:
    """Minutes of a span; 上午, 下午, 晚上 move a 12-hour clock, and the end follows the start's word."""
    first = moved(*start)
    last = moved(end[0], end[1] or ("" if tomorrow else start[1]))
    if not end[1] and not tomorrow and start[1] and last <= first < end[0]:
        last = end[0]
    night = end[1] in ("凌晨", "清晨") or start[1] in ("晚上", "晚间", "夜间", "夜晚", "晚", "傍晚")
    if tomorrow or (last <= first and (night or (not start[1] and overnight(first, last)))):
        last += DAY
    if not first < last <= 2 * DAY or first >= DAY or last - first > DAY:
        cure = f"{clock(first)}-{clock(last + 720)}" if last <= 720 else "8:30-17:30"
        raise NotUnderstoodError(f"“{piece}”的结束早于开始；请写成 {cure}，过了零点写：18:00-次日2:00")
    return first, last


def overnight(first: int, last: int) -> bool:
    # 8:30-5:30 is far more likely a 12-hour clock than 21 hours
    return first > last and (last + DAY - first <= 720 or first >= 1080)


def moved(minute: int, part: str) -> int:
    if part in ("下午", "午后", "傍晚") and minute < 720:
        return minute + 720
    if part in ("晚上", "晚间", "夜间", "夜晚", "晚") and 240 <= minute <= 720:
        return minute + 720
    if part == "中午" and minute < 240:
        return minute + 720
    return minute


def inside(span: Span, spans: list[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def without(spans: list[Span], gap: Span) -> list[Span]:
    pieces = [(start, min(end, gap[0])) for start, end in spans]
    pieces += [(max(start, gap[1]), end) for start, end in spans]
    return [piece for piece in pieces if piece[0] < piece[1]]
