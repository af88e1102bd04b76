"""Which characters sound alike and which look alike, from public knowledge of the script.

Sound: the readings that pypinyin carries (from Unihan). Shape: ``lookalikes.txt``, computed from
the glyphs of a free typeface by ``benchmarks/make_lookalikes.py``. Neither knows any village.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.resources import files

DIRECTIONAL = frozenset("东西南北中上下前后左右大小里外内新老旧")
"""Characters put before a stem to tell neighbouring villages apart (东沟 and 西沟)."""
NUMERALS = frozenset("一二三四五六七八九十")
# Commonest characters of Chinese village names: surnames, nature, buildings, wishes (general
# knowledge). They say how probable it is that a name is that of a village nobody listed.
COMMON = frozenset(
    "张李王赵刘陈杨黄周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕"
    "丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严"
    "覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜庄申耿焦左吉苗阎柴苑郎司霍成翟祁卜"
    "东西南北中上下前后左右大小里外内新老旧一二三四五六七八九十"
    "庄沟河岭山坡坪湾桥店铺寨堡屯营坝塘湖泉井坊窑洼峪崖垴背底头口掌坂道社街村家门楼"
    "柳红青水清桃杏槐松榆枣梨花凤虎羊鸡银铁铜盐土沙泥塔庙寺关阁碾磨古永长太平福兴和义仁德宁昌"
    "盛丰乐祥官草木竹杨梁川谷园场池溪滩洞沿岸港圩集镇城府院堂台坑坎塆畈冲岗岔岩峰岘圪垯塬梁峁"
)
_MERGED_INITIALS = {"zh": "z", "ch": "c", "sh": "s", "n": "l", "h": "f"}
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_MOST_READINGS = 3  # rarer readings make chance homophones


@lru_cache(maxsize=1)
def _readings_table() -> dict[int, str]:
    from pypinyin.pinyin_dict import pinyin_dict

    return dict(pinyin_dict)


def _without_tone(syllable: str) -> str:
    """Drop the tone mark and keep ü apart from u."""
    marks = {"\u0300", "\u0301", "\u0304", "\u030c"}
    return "".join(c for c in unicodedata.normalize("NFD", syllable) if c not in marks)


def _blurred(plain: str) -> str:
    """Merge what speakers of many dialects do not keep apart: z/zh, n/l, f/h, -n/-ng."""
    initial = next((i for i in _INITIALS if plain.startswith(i)), "")
    final = plain[len(initial) :]
    if final in ("ang", "eng", "ing", "iang", "uang"):
        final = final[:-1]
    return _MERGED_INITIALS.get(initial, initial) + final


@lru_cache(maxsize=16384)
def readings(char: str) -> tuple[tuple[str, str, str], ...]:
    """Return a character's commonest readings as (with tone, without tone, blurred)."""
    marked = _readings_table().get(ord(char), "")
    out = []
    for syllable in marked.split(",")[:_MOST_READINGS]:
        if syllable:
            plain = _without_tone(syllable)
            out.append((unicodedata.normalize("NFC", syllable), plain, _blurred(plain)))
    return tuple(out)


@lru_cache(maxsize=65536)
def sound(a: str, b: str) -> int:
    """Return 3 for the same reading, 2 for another tone, 1 for nearly the same, 0 otherwise."""
    ours, theirs = readings(a), readings(b)
    for level, part in ((3, 0), (2, 1), (1, 2)):
        if {r[part] for r in ours} & {r[part] for r in theirs}:
            return level
    return 0


@lru_cache(maxsize=1)
def _lookalikes() -> dict[str, int]:
    pairs: dict[str, int] = {}
    text = files("qianwan_gis.names").joinpath("lookalikes.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        char, groups = line.split(" ")
        for level, group in zip((3, 2, 1), groups.split("|"), strict=True):
            for other in group:
                pairs[char + other] = level
    return pairs


def shape(a: str, b: str) -> int:
    """Return 3 for nearly the same shape, 2 for alike, 1 for somewhat alike, 0 otherwise."""
    pairs = _lookalikes()
    return pairs.get(a + b, 0) or pairs.get(b + a, 0)


@lru_cache(maxsize=65536)
def distinguishing(a: str, b: str) -> bool:
    """Tell whether two characters are used to tell neighbouring villages apart (东/西, 一/二).

    Two names that differ by such a pair are as a rule two villages, however alike the pair looks.
    """
    return a != b and any(a in group and b in group for group in (DIRECTIONAL, NUMERALS))
