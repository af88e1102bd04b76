"""How probable it is that one name was printed where another was meant: a noisy channel.

The weights are orders of magnitude for typed, scanned and copied lists, judged, not counted:
homophones of an input method, look-alikes of optical reading, a character lost or added. What
a user sees are not these weights but certainties calibrated on synthetic misprints
(``docs/methods/names.md``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from typing import Literal

from qianwan_gis._text import Text
from qianwan_gis.names._characters import (
    DIRECTIONAL,
    NUMERALS,
    distinguishing,
    shape,
    sound,
)
from qianwan_gis.names._forms import forms

Kind = Literal[
    "exact",
    "variant",
    "suffix",
    "prefix",
    "former_name",
    "sound_shape",
    "sound",
    "shape",
    "generic",
    "dropped",
    "added",
    "swapped",
    "other",
    "several",
    "none",
]

KIND_TEXT: dict[str, Text] = {
    "exact": Text("同名", "same name"),
    "variant": Text("繁简或写法不同", "traditional or variant form"),
    "suffix": Text("后缀不同", "another suffix"),
    "prefix": Text("乡镇名作前缀", "prefixed by the township's name"),
    "former_name": Text("旧名或别名", "former or other name"),
    "sound_shape": Text("音形皆近", "sounds and looks alike"),
    "sound": Text("音近", "sounds alike"),
    "shape": Text("形近", "looks alike"),
    "generic": Text("通名增减", "generic ending dropped or added"),
    "dropped": Text("脱字", "a character dropped"),
    "added": Text("衍字", "a character added"),
    "swapped": Text("字序颠倒", "characters swapped"),
    "other": Text("一字不同", "one character differs"),
    "several": Text("多处不同", "several differences"),
    "none": Text("无对应", "no counterpart"),
}

_SHAPE = (0.0, 1e-4, 8e-4, 3e-3)
_SOUND = (0.0, 5e-5, 2e-4, 8e-4)
_OTHER = 1.5e-6  # any of some thousands of characters
_SLIP_IN_SET = 1e-7  # 东 for 西, 一 for 二
_DROP, _DROP_DIRECTIONAL = 1.5e-3, 4e-3
_ADD, _ADD_DIRECTIONAL = 1e-6, 4e-4
_GENERIC = 4e-3  # 庄, 街 and the like at the end
_SWAP = 5e-4
_GENERICS = frozenset("庄街村屯寨堡营店沟")
_SET_MAKERS = sorted(DIRECTIONAL | NUMERALS)
_CHANGE = {"": 1.0, "suffix": 0.6, "prefix": 0.2}
FORMER_NAME = 0.2
_VARIANT = 0.8
MOST_EDITS = 2
_WORST = log(1e-13)


@dataclass(frozen=True)
class Edit:
    """One difference: what was printed (empty: dropped) for what was meant (empty: added)."""

    kind: Kind
    printed: str
    meant: str

    def text(self) -> Text:
        """Say it in words."""
        if self.kind == "swapped":
            return Text(
                f"“{self.meant}”印作“{self.printed}”，字序颠倒",
                f"“{self.meant}” printed as “{self.printed}”: swapped",
            )
        if not self.printed:
            return Text(f"脱“{self.meant}”字", f"“{self.meant}” is missing")
        if not self.meant:
            return Text(f"多“{self.printed}”字", f"“{self.printed}” is added")
        how = KIND_TEXT[self.kind]
        return Text(
            f"“{self.printed}”与“{self.meant}”{how.zh}",
            f"“{self.printed}” for “{self.meant}”: {how.en}",
        )


@dataclass(frozen=True)
class Path:
    """The likeliest way from the meant name to the printed one."""

    weight: float
    kind: Kind
    edits: tuple[Edit, ...] = ()
    form: str = ""
    """The form of the meant name that was compared (a former name, for one)."""

    def text(self) -> Text:
        """Say what differs."""
        parts = [e.text() for e in self.edits]
        if self.kind == "former_name" or (self.form and self.edits):
            parts.insert(0, Text(f"对应“{self.form}”", f"compared with “{self.form}”"))
        if not parts:
            return KIND_TEXT[self.kind]
        return Text("；".join(p.zh for p in parts), "; ".join(p.en for p in parts))


NOTHING = Path(0.0, "none")


@lru_cache(maxsize=262144)
def _substitution(printed: str, meant: str) -> tuple[float, Kind]:
    if distinguishing(printed, meant):
        return _SLIP_IN_SET, "other"
    look, tone = shape(printed, meant), sound(printed, meant)
    kind: Kind = (
        "sound_shape" if look and tone else "sound" if tone else "shape" if look else "other"
    )
    return _SHAPE[look] + _SOUND[tone] + _OTHER, kind


def sibling(printed: str, edit: Edit, known: Collection[str], stem: str) -> float:
    """Return how probable a printed name is as that of an unlisted sibling of the meant village.

    Villages come in sets: beside 东沟 there may be a 西沟 that the table lacks. Where the one edit
    replaces the first character and that is directional or a numeral, the printed character may be, or
    may be a misprint of, any other of the set that is not ``known`` with this ``stem``.
    """
    if edit.meant not in _SET_MAKERS:
        return 0.0
    missing = [d for d in _SET_MAKERS if d + stem not in known]
    if printed in missing:
        return 1.0
    return max((_substitution(printed, d)[0] for d in missing), default=0.0)


def _dropped(name: str, at: int) -> tuple[float, Kind]:
    char = name[at]
    if at == len(name) - 1 and char in _GENERICS:
        return _GENERIC, "generic"
    if char in DIRECTIONAL and at == 0:
        return _DROP_DIRECTIONAL, "dropped"
    return _DROP / len(name), "dropped"


def _added(name: str, at: int) -> tuple[float, Kind]:
    char = name[at]
    if at == len(name) - 1 and char in _GENERICS:
        return _GENERIC / 2, "generic"
    if char in DIRECTIONAL and at == 0:
        return _ADD_DIRECTIONAL, "added"
    if at > 0 and char == name[at - 1]:
        return _DROP / len(name), "added"  # the same character typed twice
    return _ADD, "added"


def align(printed: str, meant: str, most: int = MOST_EDITS) -> tuple[float, tuple[Edit, ...]]:
    """Return the natural logarithm of the channel weight and the edits, at most ``most``.

    ``-inf`` when the names are further apart, or share no character and are not alike
    in every one.
    """
    if printed == meant:
        return 0.0, ()
    n, m = len(printed), len(meant)
    if abs(n - m) > most:
        return float("-inf"), ()
    if not set(printed) & set(meant):
        return _all_alike(printed, meant) if most > 1 else (float("-inf"), ())
    start = 0
    while start < min(n, m) and printed[start] == meant[start]:
        start += 1
    stop = 0
    while stop < min(n, m) - start and printed[n - 1 - stop] == meant[m - 1 - stop]:
        stop += 1
    if max(n, m) - start - stop > 2 * most:
        return float("-inf"), ()
    best: tuple[float, tuple[Edit, ...]] = (float("-inf"), ())
    # Depth-first over the short stretch that differs; the depth is at most two edits.
    # A character added beside one dropped is a substitution and counts as such only.
    stack: list[tuple[int, int, float, tuple[Edit, ...]]] = [(start, start, 0.0, ())]
    end_n, end_m = n - stop, m - stop
    while stack:
        i, j, weight, edits = stack.pop()
        ends = (i, j)
        while i < end_n and j < end_m and printed[i] == meant[j]:
            i, j = i + 1, j + 1
        if i == end_n and j == end_m:
            best = max(best, (weight, edits), key=lambda found: found[0])
            continue
        if edits and edits[-1].kind in ("dropped", "added", "generic") and ends == (i, j):
            one_sided = "added" if edits[-1].printed else "dropped"
        else:
            one_sided = ""
        if len(edits) == most or weight < max(best[0], _WORST):
            continue
        steps: list[tuple[int, int, float, Kind, str, str]] = []
        if i < end_n and j < end_m:
            rate, kind = _substitution(printed[i], meant[j])
            steps.append((1, 1, rate, kind, printed[i], meant[j]))
            if (
                i + 1 < end_n
                and j + 1 < end_m
                and printed[i] == meant[j + 1]
                and printed[i + 1] == meant[j]
            ):
                steps.append((2, 2, _SWAP, "swapped", printed[i : i + 2], meant[j : j + 2]))
        if i < end_n and one_sided != "dropped":
            rate, kind = _added(printed, i)
            steps.append((1, 0, rate, kind, printed[i], ""))
        if j < end_m and one_sided != "added":
            rate, kind = _dropped(meant, j)
            steps.append((0, 1, rate, kind, "", meant[j]))
        for di, dj, rate, kind, was, should in steps:
            stack.append((i + di, j + dj, weight + log(rate), (*edits, Edit(kind, was, should))))
    return best


def _all_alike(printed: str, meant: str) -> tuple[float, tuple[Edit, ...]]:
    """Align two names of one or two characters that have none in common."""
    if len(printed) != len(meant) or len(meant) > MOST_EDITS:
        return float("-inf"), ()
    steps = [(*_substitution(p, t), p, t) for p, t in zip(printed, meant, strict=True)]
    if any(kind == "other" for _, kind, _, _ in steps):
        return float("-inf"), ()
    edits = tuple(Edit(kind, p, t) for _, kind, p, t in steps)
    return sum(log(rate) for rate, _, _, _ in steps), edits


def path(
    printed: tuple[tuple[str, str], ...],
    meant: tuple[tuple[str, str], ...],
    *,
    former: bool = False,
    raw_equal: bool = True,
    most: int = MOST_EDITS,
) -> Path:
    """Return the likeliest path between two names given as `forms`.

    ``former`` says that ``meant`` is a former or other name; ``raw_equal`` that the names were equal
    before normalising where their first forms are equal; ``most`` bounds the number of edits.
    """
    best = NOTHING
    for p_form, p_change in printed:
        for m_form, m_change in meant:
            change = min(_CHANGE[p_change], _CHANGE[m_change])
            if p_change and m_change and p_change != m_change:
                change = _CHANGE[p_change] * _CHANGE[m_change]
            if change <= best.weight:
                continue
            logarithm, edits = align(p_form, m_form, most)
            weight = exp(logarithm) * change * (FORMER_NAME if former else 1.0)
            if not edits and not p_change and not m_change and not raw_equal:
                weight *= _VARIANT
            if weight <= best.weight:
                continue
            kind: Kind
            if len(edits) > 1:
                kind = "several"
            elif edits:
                kind = edits[0].kind
            elif former:
                kind = "former_name"
            elif "prefix" in (p_change, m_change):
                kind = "prefix"
            elif p_change or m_change:
                kind = "suffix"
            else:
                kind = "exact" if raw_equal else "variant"
            best = Path(weight, kind, edits, m_form)
    return best


def pair(printed: str, meant: str, township: str = "") -> Path:
    """Return the likeliest path between two names as written."""
    return path(forms(printed, township), forms(meant, township), raw_equal=printed == meant)
