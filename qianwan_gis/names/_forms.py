"""Writing names of villages and townships in one form: what may differ without being an edit."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

LONGEST_NAME = 40  # the longest official unit names have about 25 characters

# Longest first, so that 社区居委会 goes before 居委会.
_VILLAGE_SUFFIXES = (
    "社区居民委员会",
    "社区村民委员会",
    "社区居委会",
    "社区村委会",
    "居民委员会",
    "村民委员会",
    "行政村",
    "自然村",
    "居委会",
    "村委会",
    "社区",
)
_TOWNSHIP_SUFFIXES = ("街道办事处", "办事处", "地区", "街道", "镇", "乡", "办")
_BRACKETS = re.compile(r"[(\[{【〔《<][^()\[\]{}【】〔〕《》<>]*[)\]}】〕》>]")
# 伍 and 陆 are left alone: they are surnames and stand in village names as such.
_FORMAL_NUMERALS = str.maketrans("壹贰叁肆柒捌玖拾", "一二三四七八九十")
_DIGITS = re.compile(r"[0-9]{1,2}")
_CHINESE_DIGITS = "〇一二三四五六七八九"


@lru_cache(maxsize=1)
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


@lru_cache(maxsize=65536)
def simplified(char: str) -> str:
    """Return the simplified form of one character, by the OpenCC tables (閼 → 阏, 蔭 → 荫).

    Characters are converted one by one: word context would turn the same name into two forms.
    """
    return str(_converter().convert(char)) if _is_chinese(char) else char


def _numeral(match: re.Match[str]) -> str:
    number = int(match[0])
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _CHINESE_DIGITS[ones]
    return (
        ("" if tens == 1 else _CHINESE_DIGITS[tens])
        + "十"
        + (_CHINESE_DIGITS[ones] if ones else "")
    )


def visible(text: str) -> str:
    """Return a name without what cannot be seen: spaces, zero-width and control characters.

    Unicode compatibility forms (full-width letters, compatibility ideographs, Kangxi radicals) are
    folded by NFKC; nothing else changes, so this is still the name as printed.
    """
    kept = "".join(
        c
        for c in unicodedata.normalize("NFKC", text)
        if not c.isspace()
        and unicodedata.category(c) not in ("Cc", "Cf", "Cn", "Co", "Cs")
        and not 0xFE00 <= ord(c) <= 0xFE0F
        and not 0xE0100 <= ord(c) <= 0xE01EF
    )
    return unicodedata.normalize("NFKC", kept)


@lru_cache(maxsize=262144)
def _normalised(name: str) -> str:
    text = _BRACKETS.sub("", visible(name)) or visible(name)
    text = "".join(simplified(c) for c in text).translate(_FORMAL_NUMERALS)
    return _DIGITS.sub(_numeral, text)


def normalise(name: str) -> str:
    """Return the form of a name that is compared: simplified, visible, numerals in characters.

    A remark in brackets goes. Anything longer than any village name comes back cut to
    `LONGEST_NAME` + 1 characters, so that hostile input costs nothing and matches nothing.
    """
    if len(name) > 4 * LONGEST_NAME:
        return visible(name[: LONGEST_NAME + 1])[: LONGEST_NAME + 1].ljust(LONGEST_NAME + 1, "□")
    return _normalised(name)


def is_name(name: str) -> bool:
    """Tell whether a text can be a name at all: 1 to `LONGEST_NAME` characters, one of them Chinese."""
    if len(name) > 4 * LONGEST_NAME:
        return False
    text = visible(name)
    return 0 < len(text) <= LONGEST_NAME and any(_is_chinese(c) for c in text)


def _is_chinese(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\U00020000" <= char <= "\U0003ffff"


@lru_cache(maxsize=262144)
def core(name: str) -> str:
    """Return a village's name without administrative suffixes: 大南庄村委会 and 大南庄村 → 大南庄.

    A name of two characters keeps its 村 (南村, 东村), and only one 村 goes (和村村 → 和村).
    """
    text = normalise(name)
    for suffix in _VILLAGE_SUFFIXES:
        if text.endswith(suffix) and len(text) - len(suffix) >= 2:
            return text[: -len(suffix)]
    if text.endswith("村") and len(text) >= 3:
        return text[:-1]
    return text


def short_name(official: str) -> str:
    """Return the everyday name of a unit: 大南庄村委会 → 大南庄, 光明社区居民委员会 → 光明社区."""
    text = normalise(official)
    for suffix in ("居民委员会", "村民委员会", "居委会", "村委会"):
        if text.endswith(f"社区{suffix}"):
            return text[: -len(suffix)]
    return text if text.endswith("社区") else core(official)


@lru_cache(maxsize=65536)
def township_core(name: str) -> str:
    """Return a township's name without 镇, 乡 or 街道, as long as one character remains."""
    text = normalise(name)
    for suffix in _TOWNSHIP_SUFFIXES:
        if text.endswith(suffix) and len(text) > len(suffix):
            return text[: -len(suffix)]
    return text


@lru_cache(maxsize=262144)
def forms(name: str, township: str = "") -> tuple[tuple[str, str], ...]:
    """Return every form of a name with what was done to reach it, least change first.

    Parameters
    ----------
    name
        A village's name as printed or as in the code table.
    township
        Its township; a name that begins with it is also read without (大阳西街 → 西街).

    Returns
    -------
    tuple of (form, change)
        ``change`` is ``""``, ``suffix`` or ``prefix``.
    """
    text = normalise(name)
    found = {text: ""}
    short = core(name)
    found.setdefault(short, "suffix")
    if short.endswith("村") and len(short) >= 3:
        found.setdefault(short[:-1], "suffix")
    prefix = township_core(township) if township else ""
    if prefix:
        for form in list(found):
            for start in (normalise(township), prefix):
                if form.startswith(start) and len(form) - len(start) >= 2:
                    found.setdefault(form[len(start) :], "prefix")
    return tuple(found.items())
