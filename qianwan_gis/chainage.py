"""Chainage (桩号): K12+345.6 is a place 12,345.6 m along a road, as its stakes count.

A `Chainage` is a number of metres that reads and writes itself the way stakes do, so it compares,
sorts and multiplies like any number. Separate carriageways have their own stakes: ZK (左线, left)
and YK (右线, right) are other lines than K, and are never mixed silently.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal, cast

import numpy as np

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

_NUMBERS: tuple[type, ...] = (int, float, np.integer, np.floating)
_SIDE_WORDS = {"左": "Z", "右": "Y", "左线": "Z", "右线": "Y", "左幅": "Z", "右幅": "Y"}
_PATTERN = re.compile(
    r"""
    (?P<sign>-)?
    (?P<side>左线|右线|左幅|右幅|左|右)?
    (?P<prefix>[A-JL-Z]{0,3}K)?          # K, ZK, YK, AK (ramp A), LK (link) ...
    (?P<inner>-)?
    (?P<km>\d{1,5})
    (?:\+(?P<m>\d{1,3}(?:\.\d+)?))?
    """,
    re.VERBOSE,
)


class Chainage(float):
    """Metres along a road as its stakes count them.

    Parameters
    ----------
    metres
        May be negative: stakes before the present start of the road.
    prefix
        Letters before the K: ``""`` for a single line, ``"Z"`` left line, ``"Y"`` right line,
        others for ramps (``"A"`` in AK0+100).

    Examples
    --------
    >>> place = Chainage.parse("K12+345.6")
    >>> place.metres
    12345.6
    >>> str(place + 1000)
    'K13+345.6'
    >>> place - Chainage.parse("K12+000")
    345.6
    """

    prefix: str
    __slots__ = ("prefix",)

    def __new__(cls, metres: float | str = 0.0, prefix: str = "") -> Chainage:
        """Make a chainage of metres, or read text; infinite and undefined numbers are refused."""
        if isinstance(metres, str):
            return cls.parse(metres)
        value = float(metres)
        if value != value or value in (float("inf"), float("-inf")):
            raise UsageError(
                Text(
                    f"桩号须为有限的数，给出的是{metres}", f"chainage must be finite, not {metres}"
                )
            )
        self = super().__new__(cls, round(value, 6) + 0.0)
        self.prefix = prefix or getattr(metres, "prefix", "")
        return self

    @classmethod
    def parse(cls, text: Any) -> Chainage:
        """Read a stake as written, or take a number as metres.

        Read are ``K12+345.6``, ``k12+345``, ``K12``, ``12+345.6``, full-width characters, spaces,
        ``ZK``/``YK`` and 左/右 for the two lines of a divided road, other prefixes (``AK0+100`` on
        a ramp), and negative stakes (``K-0+120``, ``-K0+120``).

        Raises
        ------
        UsageError
            Not a stake, or 1,000 m and more after the plus sign. A bare number in text is refused,
            because ``12`` may mean kilometres or metres.
        """
        if isinstance(text, Chainage):
            return text
        if isinstance(text, _NUMBERS) and not isinstance(text, bool):
            return cls(cast("float", text))
        if not isinstance(text, str):
            if getattr(text, "ndim", None) == 0:  # an array of one number
                return cls.parse(text.item())
            raise _unreadable(text)
        clean = unicodedata.normalize("NFKC", text)
        clean = re.sub(r"\s+", "", clean).upper().replace("−", "-").replace("–", "-")
        clean = clean.removeprefix("桩号").removeprefix(":")
        match = _PATTERN.fullmatch(clean)
        if match is None or (match["prefix"] is None and match["m"] is None):
            raise _unreadable(text)
        if match["sign"] and match["inner"]:
            raise _unreadable(text)
        prefix = (match["prefix"] or "K").removesuffix("K")
        if match["side"]:
            side = _SIDE_WORDS[match["side"]]
            if prefix not in ("", side):
                raise _unreadable(text)
            prefix = side
        metres = int(match["km"]) * 1000.0 + float(match["m"] or 0.0)
        return cls(-metres if match["sign"] or match["inner"] else metres, prefix)

    @property
    def metres(self) -> float:
        """The plain number of metres."""
        return float(self)

    @property
    def kilometre(self) -> int:
        """The number on the last kilometre stone passed (K12+345 → 12; K-0+120 → -1)."""
        return int(float(self) // 1000.0)

    @property
    def line(self) -> Literal["左线", "右线", ""]:
        """Which line of a divided road, where the prefix says so."""
        if self.prefix == "Z":
            return "左线"
        return "右线" if self.prefix == "Y" else ""

    def format(self, decimals: int | None = None) -> str:
        """Write the stake.

        Parameters
        ----------
        decimals
            Decimals of the metres (0 to 3); as many as needed, at most 3, when not given.
        """
        if decimals is not None and not 0 <= decimals <= 3:
            raise UsageError(
                Text(
                    f"小数位数须为0至3，给出的是{decimals}", f"decimals must be 0 to 3: {decimals}"
                )
            )
        scale = 10 ** (3 if decimals is None else decimals)
        # whole units first, so that K12+999.9996 becomes K13+000, never K12+1000
        units = round(abs(float(self)) * scale)
        km, rest = divmod(units, 1000 * scale)
        metres, fraction = divmod(rest, scale)
        sign = "-" if float(self) < 0.0 and units else ""
        text = f"{self.prefix}K{sign}{km}+{metres:03d}"
        digits = f"{fraction:0{len(str(scale)) - 1}d}" if scale > 1 else ""
        if decimals is None:
            digits = digits.rstrip("0")
        return text + (f".{digits}" if digits else "")

    def __str__(self) -> str:
        return self.format()

    def __repr__(self) -> str:
        return f"Chainage('{self.format()}')"

    def __format__(self, spec: str) -> str:
        # a number format (".1f") writes plain metres, everything else the stake
        if spec and spec[-1] in "eEfFgGn%":
            return float.__format__(self, spec)
        return format(str(self), spec)

    def __add__(self, metres: float) -> Chainage:
        if isinstance(metres, Chainage):
            raise UsageError(
                Text("两个桩号不能相加；桩号只能加减米数",
                     "two chainages cannot be added; add or subtract metres")
            )  # fmt: skip
        if not isinstance(metres, _NUMBERS):
            return NotImplemented
        return Chainage(float(self) + float(metres), self.prefix)

    __radd__ = __add__

    def __sub__(self, other: float) -> Any:
        """Chainage minus metres is a chainage; chainage minus chainage is metres."""
        if isinstance(other, Chainage):
            self._same_line(other)
            return round(float(self) - float(other), 6)
        if not isinstance(other, _NUMBERS):
            return NotImplemented
        return Chainage(float(self) - float(other), self.prefix)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Chainage) and other.prefix != self.prefix:
            return False
        return float.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    # equal chainages are equal numbers, so the number's hash will do for all of them
    __hash__ = float.__hash__

    def __lt__(self, other: float) -> bool:
        self._same_line(other)
        return float.__lt__(self, other)

    def __le__(self, other: float) -> bool:
        self._same_line(other)
        return float.__le__(self, other)

    def __gt__(self, other: float) -> bool:
        self._same_line(other)
        return float.__gt__(self, other)

    def __ge__(self, other: float) -> bool:
        self._same_line(other)
        return float.__ge__(self, other)

    def __reduce__(self) -> tuple[Any, ...]:
        return Chainage, (float(self), self.prefix)

    def _same_line(self, other: object) -> None:
        if isinstance(other, Chainage) and other.prefix != self.prefix:
            raise UsageError(
                Text(
                    f"{self}与{other}属不同的线位，不能比较或相减",
                    f"{self} and {other} belong to different lines and cannot be compared",
                )
            )


def _unreadable(text: object) -> UsageError:
    return UsageError(
        Text(
            f"“{text}”不是桩号；应写作 K12+345.6（加号后不足1000米）",
            f"“{text}” is not a chainage; write K12+345.6 (less than 1000 m after the plus sign)",
        )
    )
