"""Search keys and the phrases that look them up: width, case, 繁→简, characters, pinyin, initials.

A key is text of tokens, one a character, with a space on both sides of each, so that a phrase stands in it
exactly when ' 托 育 ' does, for the text indexes of both engines as for instr and Python's `in`. A name begins
with a token of its own, EDGE and its first character, and REST stands before what is no name: no phrase
crosses them, and with the first a phrase is held to the beginning (one frequent token for both would cost
0.1 s at 1,000,000 places). Pinyin is indexed, never needed to read a query: pypinyin takes 57 MB.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

EDGE, REST = "·", "、"  # punctuation, so no text gives it; not ASCII, so every tokenizer keeps it

# what OpenCC leaves: variants in names of places and shops, and ü as keyboards write it
VARIANTS = str.maketrans("邨囯喆犇妳〇ü", "村国哲奔你零v")

# the other reading under which people look a character up, when the context's is not theirs
READINGS = {
    char: tuple(readings)
    for char, *readings in map(
        str.split,
        re.split(
            ",",
            "长 chang zhang,乐 le yue,行 xing hang,重 zhong chong,圩 xu wei,陂 bei pi,涌 yong chong,埔 pu bu,"
            "朝 chao zhao,曾 zeng ceng,车 che ju,厦 xia sha,单 dan shan,会 hui kuai,都 du dou,调 diao tiao,"
            "传 chuan zhuan,种 zhong chong,藏 cang zang,参 can shen,柏 bai bo,番 fan pan,解 jie xie,卜 bu bo,"
            "盛 sheng cheng,召 zhao shao,仇 chou qiu,尉 wei yu,还 hai huan,弹 dan tan,降 jiang xiang,薄 bo bao,"
            "泊 bo po,率 lv shuai,省 sheng xing,洗 xi xian,冼 xian xi,区 qu ou,查 cha zha,石 shi dan,塱 lang shuo,"
            "洸 guang huang,浛 han gan,濛 meng mang,莞 guan wan,堡 bao pu,铺 pu bao,差 cha chai,着 zhe zhuo,"
            "得 de dei,给 gei ji,似 si shi,系 xi ji,折 zhe she,模 mo mu,没 mei mo,宿 su xiu,熟 shu shou,血 xue xie",
        ),
    )
}

SYLLABLES = frozenset(
    re.findall(
        r"\w+",
        "a ai an ang ao ba bai ban bang bao bei ben beng bi bian biao bie bin bing bo bu ca cai can cang cao ce"
        " cen ceng cha chai chan chang chao che chen cheng chi chong chou chu chua chuai chuan chuang chui chun"
        " chuo ci cong cou cu cuan cui cun cuo da dai dan dang dao de dei den deng di dia dian diao die ding diu"
        " dong dou du duan dui dun duo e ei en eng er fa fan fang fei fen feng fo fou fu ga gai gan gang gao ge"
        " gei gen geng gong gou gu gua guai guan guang gui gun guo ha hai han hang hao he hei hen heng hong hou"
        " hu hua huai huan huang hui hun huo ji jia jian jiang jiao jie jin jing jiong jiu ju juan jue jun ka kai"
        " kan kang kao ke ken keng kong kou ku kua kuai kuan kuang kui kun kuo la lai lan lang lao le lei leng li"
        " lia lian liang liao lie lin ling liu lo long lou lu luan lun luo lv lve ma mai man mang mao me mei men"
        " meng mi mian miao mie min ming miu mo mou mu na nai nan nang nao ne nei nen neng ni nian niang niao nie"
        " nin ning niu nong nou nu nuan nun nuo nv nve o ou pa pai pan pang pao pei pen peng pi pian piao pie pin"
        " ping po pou pu qi qia qian qiang qiao qie qin qing qiong qiu qu quan que qun ran rang rao re ren reng ri"
        " rong rou ru rua ruan rui run ruo sa sai san sang sao se sen seng sha shai shan shang shao she shei shen"
        " sheng shi shou shu shua shuai shuan shuang shui shun shuo si song sou su suan sui sun suo ta tai tan"
        " tang tao te teng ti tian tiao tie ting tong tou tu tuan tui tun tuo wa wai wan wang wei wen weng wo wu"
        " xi xia xian xiang xiao xie xin xing xiong xiu xu xuan xue xun ya yan yang yao ye yi yin ying yo yong"
        " you yu yuan yue yun za zai zan zang zao ze zei zen zeng zha zhai zhan zhang zhao zhe zhen zheng zhi"
        " zhong zhou zhu zhua zhuai zhuan zhuang zhui zhun zhuo zi zong zou zu zuan zui zun zuo",
    )
)
BEGINNINGS = frozenset(syllable[:end] for syllable in SYLLABLES for end in range(1, len(syllable)))
LONGEST = 6
MOST_SYLLABLES = 6  # of a division's name in front of something else
MOST_INITIALS = 4  # letters that may be initials, though they read as pinyin too
MOST_READINGS = 4  # of a word in Latin letters
ALONE = frozenset(
    ("an", "ang", "ai", "en", "er", "ou")
)  # syllables without a consonant that names are full of

HAN = re.compile("[㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]+")
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}  # initials: no token of theirs is another column's
RUN = re.compile(r"[0-9]*[a-z][a-z0-9]*|[^a-z]+")  # 英德ty is two words, 3号楼 and f1 are one each
SEPARATORS = frozenset(" \t\r\n\u3000,，、。.;；:：/()（）[]【】{}<>《》“”‘’\"'`·•—–-_|!！?？")


@dataclass(frozen=True, slots=True)
class Key:
    """A row of search_key or its like: characters, pinyin and initials as spaced tokens."""

    ch: str
    py: str
    ini: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that stand side by side in one column of a key: ch, py or ini."""

    column: str
    tokens: tuple[str, ...]

    @property
    def spaced(self) -> str:
        return f" {' '.join(self.tokens)} "

    def within(self, key: Key) -> bool:
        return self.spaced in getattr(key, self.column)


# A word is in a key when all the phrases of one of its alternatives are.
Alternatives = tuple[tuple[Phrase, ...], ...]


def folded(text: str) -> str:
    """The characters of a text that can be searched for, each in its one form: narrow, small, simplified."""
    return "".join(map(_folded, unicodedata.normalize("NFKC", text)))


@lru_cache(maxsize=32_768)
def _folded(char: str) -> str:
    """One character's form, or '' when it is no token. One by one, so that each part of a name finds it."""
    small = char.lower()
    if not small.isascii():
        kept = "".join(filter(_is_token, unicodedata.normalize("NFKC", small)))
        small = _simplified(kept).translate(VARIANTS) if kept else ""
    return "".join(filter(_is_token, small))


def _is_token(char: str) -> bool:
    if char.isascii():
        return char.isalnum()
    kind = unicodedata.category(char)
    # private use holds rare characters of names; marks that NFKC has joined to no letter are no token
    return kind[0] in "LNS" or kind == "Co"


def _simplified(text: str) -> str:
    return _converter().convert(text)


@lru_cache(maxsize=1)
def _converter():  # type: ignore[no-untyped-def]
    import opencc  # late: 3 MB, 20 ms

    return opencc.OpenCC("t2s")


def key_of(*names: str, also: str | None = None) -> Key:
    """The key of a thing by its names, and by another text (an address) of which only the characters
    count. About 50 µs once its words have been met; the first pinyin takes 0.3 s and 57 MB."""
    texts = [folded(name) for name in names]
    readings = [reading for text in texts for reading in _readings(text)]
    initials = dict.fromkeys(map(_initials, readings))
    rest = f"{REST} {' '.join(folded(also))} " if also else ""
    return Key(_key(*texts) + rest, _key(*readings), _key(*initials))


def _initials(syllables: Sequence[str]) -> tuple[str, ...]:
    return tuple(syllable[0].translate(WIDE) for syllable in syllables)


LONGEST_PLACE = 120  # characters: one that NFKC makes many of must not outgrow a row of the index


def place_key(name: str, *former: str) -> Key:
    """The key of a division: after its name stand, each one token behind REST, the whole names by which it
    goes (英德市 and 英德), so that one look-up finds those that are called just so; after that the same of
    the names that it had before."""
    first, *more = (_place_key(each) for each in (name, *former))
    return Key(
        first.ch + "".join(key.ch[1:] for key in more),
        first.py + "".join(key.py[1:] for key in more),
        first.ini + "".join(key.ini[1:] for key in more),
    )


def _place_key(name: str) -> Key:
    full = folded(name)[:LONGEST_PLACE]
    lengths = [len(short) for short in short_names(full)]
    readings = _readings(full)

    def column(*texts: Sequence[str]) -> str:
        wholes = dict.fromkeys(whole("".join(text[:length])) for text in texts for length in lengths)
        return _key(*dict.fromkeys(map(tuple, texts))) + "".join(f"{token} " for token in wholes)

    return Key(column(full), column(*readings), column(*map(_initials, readings)))


def whole(name: str) -> str:
    """The token of a place_key that says: it is called this."""
    return REST + name


# 田心村委会 goes as 田心村 and 田心, 连山壮族瑶族自治县 as 连山
OFFICE = re.compile("(?<=村)民?委员?会$|居民?委员?会$|(?<=街道)办事处$")
PEOPLES = "壮|瑶|苗|侗|回|藏|彝|满|畲|黎|白|傣|土|蒙古|土家|布依|朝鲜|哈尼|羌|水|仡佬|维吾尔|哈萨克|各"
KIND = re.compile(
    f"(?:(?:{PEOPLES})族)+(?:自治[区州县旗]|[乡镇区])$|自治[区州县旗]$|民族乡$|街道$|社区$|[省市县区旗镇乡村]$|[林农茶]场$"
)


def short_names(name: str) -> list[str]:
    """The names by which a folded division name goes, the full one first; each has two characters at least."""
    names = [name]
    for suffix in (OFFICE, KIND):
        short = suffix.sub("", names[-1])
        if 2 <= len(short) < len(names[-1]):
            names.append(short)
    return names


def _key(*texts: Sequence[str]) -> str:
    return " " + "".join(f"{EDGE}{text[0]} {' '.join(text)} " for text in texts if text)


def _readings(name: str) -> list[tuple[str, ...]]:
    """The syllables of a folded name as its context has them, and if any differ as people may read them."""
    pairs: list[tuple[str, str]] = []
    at = 0
    for run in HAN.finditer(name):
        pairs += [(char, char) for char in name[at : run.start()]]
        pairs += [pair for word in _words(run[0]) for pair in _pronounced(word)]
        at = run.end()
    pairs += [(char, char) for char in name[at:]]
    first, second = (tuple(pair[side] for pair in pairs) for side in (0, 1))
    return [first] if first == second else [first, second]


def _words(run: str) -> Iterator[str]:
    from pypinyin.seg import mmseg  # late, see above

    words: Iterator[str] = mmseg.seg.cut(run)
    return words


@lru_cache(maxsize=65_536)
def _pronounced(word: str) -> tuple[tuple[str, str], ...]:
    """(reading in the word, the other one or the same) of each character."""
    from pypinyin import lazy_pinyin  # late, see above

    readings = lazy_pinyin(word)
    if len(readings) != len(word):  # characters without a reading come in one piece
        readings = list(word) if len(word) == 1 else [lazy_pinyin(char)[0] for char in word]
    return tuple(
        (reading, _other(char, reading, lazy_pinyin(char)[0] if len(word) > 1 else None))
        for char, reading in zip(word, map(_plain, readings), strict=True)
    )


def _plain(reading: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", reading) if not unicodedata.combining(char))


def _other(char: str, reading: str, alone: str | None) -> str:
    """What else people may type: in a word of several characters how the character reads `alone` (家长 is
    never jia chang, or every parent school had two keys), else its other known reading."""
    if reading in ("lv", "nv"):
        return reading.replace("v", "u")
    if alone is not None:
        return _plain(alone)
    return next((other for other in READINGS.get(char, ()) if other != reading), reading)


def words(q: str, *, typed: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the words of a query, folded and each once; the characters that are of no use, each once).
    What only parts words, a comma or a bracket, is of use beside words. Syllables side by side are one word;
    `typed`: the last one may have been begun only."""
    found: list[str] = []
    unused: list[str] = []
    parting: list[str] = []
    word = ""
    for char in unicodedata.normalize("NFKC", q):
        if tokens := _folded(char):
            word += tokens
        else:
            found += RUN.findall(word)
            word = ""
            if char not in SEPARATORS:
                unused.append(char)
            elif not char.isspace():
                parting.append(char)
    found += RUN.findall(word)
    found = _joined(found, typed=typed)
    return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(unused if found else unused + parting))


def _joined(found: Sequence[str], *, typed: bool) -> list[str]:
    """The same with pinyin in one piece, as input methods show it with gaps: er tong zhi jia."""
    joined: list[str] = []
    goes_on = False
    for number, word in enumerate(found, 1):
        whole = word in SYLLABLES
        if goes_on and (whole or (typed and number == len(found) and word in BEGINNINGS)):
            joined[-1] += word
        else:
            joined.append(word)
            goes_on = whole
    return joined


@lru_cache(maxsize=4096)
def phrases(word: str, *, typed: bool = False) -> Alternatives:
    """The ways in which a word of `words` may stand in a key. Of letters: as they are, as initials, as
    pinyin; `typed`: its last syllable may have been begun only, then the last initial stands for it. What
    is pinyin from end to end (anheng) is not tried as initials: at 1,000,000 places that takes 15 ms."""
    ways: list[tuple[Phrase, ...]] = [(Phrase("ch", tuple(word)),)]
    if word.isascii() and not word.isdigit():
        syllables = _segments(word, begun=False)
        begun = [] if syllables and not typed else _segments(word, begun=True)
        if len(word) <= MOST_INITIALS or not (syllables or begun):
            ways.append((Phrase("ini", tuple(word.translate(WIDE))),))
        ways += [(Phrase("py", parts),) for parts in syllables]
        for parts in [*(syllables if typed else ()), *begun]:
            if len(parts) > 1 and (parts in begun or len(parts) <= 3):  # who has typed four means the fourth
                ways.append((Phrase("py", parts[:-1]), Phrase("ini", _initials(parts))))
    return tuple(dict.fromkeys(ways))


def _segments(word: str, *, begun: bool) -> list[tuple[str, ...]]:
    """The ways to cut a word into syllables and digits; `begun`: the last piece is a syllable's beginning.
    Those of the fewest pieces (fang an, fan gan), and of a short word one more if it may stand alone
    (xian, xi an): each way that no name has costs up to 30 ms at 1,000,000 places."""
    size = len(word)
    ways: list[list[tuple[str, ...]]] = [[] for _ in range(size)] + [[] if begun else [()]]
    for at in range(size - 1, -1, -1):
        for end in range(at + 1, min(size, at + LONGEST) + 1):
            piece = word[at:end]
            if piece in SYLLABLES or (len(piece) == 1 and piece.isdigit()):
                ways[at] += [(piece, *rest) for rest in ways[end]]
            if begun and end == size and piece in BEGINNINGS:
                ways[at].append((piece,))
        ways[at] = sorted(ways[at], key=len)[: 4 * MOST_READINGS]
    fewest = len(ways[0][0]) if ways[0] else 0
    return [
        way
        for way in ways[0]
        if len(way) == fewest or (len(way) == fewest + 1 <= 4 and ALONE.intersection(way[1:]))
    ][:MOST_READINGS]


def heads(word: str, *, typed: bool) -> list[str]:
    """The beginnings of a word in pinyin that end with a syllable and may name a place, the longest first;
    `typed`: its last syllable may have been begun only. None of a word that is no pinyin."""
    cuts = _segments(word, begun=False) or (_segments(word, begun=True) if typed else [])
    found = {"".join(cut[:end]) for cut in cuts for end in range(2, min(len(cut), MOST_SYLLABLES + 1))}
    return sorted(found, key=len, reverse=True)


def holds(key: Key, ways: Alternatives) -> bool:
    """Whether a key holds a word in one of its ways; what the text indexes answer for all keys at once."""
    return any(all(phrase.within(key) for phrase in way) for way in ways)


class Standing(IntEnum):
    """How a word stands in the names of a key, at best."""

    ABSENT = 0
    INSIDE = 1
    EDGE = 2  # at the beginning or the end of one
    WHOLE = 3  # it is one


def standing(key: Key, ways: Alternatives) -> Standing:
    """Where a key of names alone (without a rest) holds a word, in the best of its ways."""
    return max(
        (min(_stands(getattr(key, phrase.column), phrase) for phrase in way) for way in ways),
        default=Standing.ABSENT,
    )


def _stands(column: str, phrase: Phrase) -> Standing:
    said, names = phrase.spaced, f"{column}{EDGE}"
    first = f" {EDGE}{phrase.tokens[0]}{said}"
    if f"{first}{EDGE}" in names:
        return Standing.WHOLE
    if first in names or f"{said}{EDGE}" in names:
        return Standing.EDGE
    return Standing.INSIDE if said in names else Standing.ABSENT


def beginning(ways: Alternatives) -> Alternatives:
    """The same ways at the beginning of a name."""
    return tuple(
        tuple(Phrase(each.column, (EDGE + each.tokens[0], *each.tokens)) for each in way) for way in ways
    )
