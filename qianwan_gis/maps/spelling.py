"""How place names are spelt for search and for the English map."""

from __future__ import annotations

from typing import Any

from qianwan_gis._text import Lang

_TOWNSHIP_KINDS = {"街道": "Subdistrict", "镇": "Town", "乡": "Township"}


def _syllables(name: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    def kept(rest: str) -> Any:  # letters and digits stand for themselves, one by one
        return [*rest.lower()]

    return [s for s in lazy_pinyin(name, style=Style.NORMAL, errors=kept) if s]


def pinyin(name: str) -> tuple[str, str]:
    """Return a name's syllables without tones, and their initials."""
    syllables = _syllables(name)
    return "".join(syllables), "".join(s[0] for s in syllables)


def title(
    name: str, lang: Lang, *, known: str = "", town: bool = False, kind_word: bool = True
) -> str:
    """Return a place name for the reader: in English its pinyin before the Chinese name.

    Joined and capitalised as GB/T 16159 and GB/T 28039 spell place names, with an apostrophe
    before a syllable that begins with a vowel; ``known`` is a spelling on record. A township's
    kind is translated, or left out where room is short.
    """
    if lang != "en" or not any("\u4e00" <= c <= "\u9fff" for c in name):
        return name
    kind = next(
        (k for k in _TOWNSHIP_KINDS if town and len(name) > len(k) and name.endswith(k)), ""
    )
    spelt = known
    if not spelt:
        for syllable in _syllables(name[: len(name) - len(kind)]):
            spelt += "'" + syllable if spelt and syllable[0] in "aoe" else syllable
        spelt = spelt[:1].upper() + spelt[1:]
    return " ".join(
        w for w in (spelt, _TOWNSHIP_KINDS.get(kind, "") if kind_word else "", name) if w
    )
