"""Letters on paper: the Chinese font, what it can print, how wide text is and where it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.maps.paper.page import MM

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

FONT_CHAIN = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
)
_MISSING_GLYPH = "〓"  # the printers' mark for a character the font lacks
_UNIT = 100.0  # points of the size at which text is measured


@cache
def find_font() -> str | None:
    """Return the first font of `FONT_CHAIN` that is installed, or ``None``."""
    from matplotlib import font_manager

    names = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in FONT_CHAIN if name in names), None)


def require_font(affected: Iterable[str]) -> str:
    """Return the Chinese font, or raise `UnavailableError` naming the sheets that need it."""
    found = find_font()
    if found is None:
        listed = "、".join(affected)
        raise UnavailableError(
            Text(
                f"没有找到中文字体，以下图不能绘制：{listed}。请安装其中之一后重试：{'、'.join(FONT_CHAIN)}",
                f"no Chinese font found; these maps cannot be drawn: {listed}. "
                f"Install one of: {', '.join(FONT_CHAIN)}",
            )
        )
    return found


@lru_cache(maxsize=256)
def font(size: float, bold: bool = False) -> FontProperties:
    """Return the Chinese font in a size (points) and weight."""
    from matplotlib.font_manager import FontProperties

    name = find_font()
    if name is None:
        raise UnavailableError(Text("没有中文字体", "no Chinese font"))
    return FontProperties(family=[name], weight="bold" if bold else "normal", size=size)


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib import font_manager

    path = font_manager.findfont(font(_UNIT))
    return frozenset(font_manager.get_font(path).get_charmap())


@lru_cache(maxsize=65536)
def printable(text: str) -> str:
    """Return text that the font can print: controls become blanks, unknown characters 〓."""
    known = _glyphs()
    clean = "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in text)
    return "".join(c if ord(c) in known else _MISSING_GLYPH for c in clean)


@lru_cache(maxsize=65536)
def outlines(text: str, bold: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return corners and path codes of a text's letters, one em high, from its baseline's start."""
    from matplotlib.textpath import text_to_path

    corners, codes = text_to_path.get_text_path(font(_UNIT, bold), text)
    return np.asarray(corners, dtype=float).reshape(-1, 2) / _UNIT, np.asarray(codes, np.uint8)


@lru_cache(maxsize=65536)
def measured_mm(text: str, size: float, bold: bool = False) -> float:
    """Return a text's width as the font has it, in millimetres."""
    from matplotlib.textpath import text_to_path

    wide, _, _ = text_to_path.get_text_width_height_descent(text, font(size, bold), ismath=False)
    return float(wide) / MM


def width_mm(text: str, size: float) -> float:
    """Return a text's width: full em for East Asian characters, 0.56 em for others."""
    return sum(1.0 if ord(c) > 0x2E7F else 0.56 for c in text) * size / MM


def wrap(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines of at most ``width`` mm; Latin words are kept whole."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width_mm(line + piece, size) > width and piece not in "，。、；：）！？":
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> Iterable[str]:
    word = ""
    for char in text:
        if ord(char) < 0x2E80 and not char.isspace():
            word += char
            if len(word) >= 24:
                yield word
                word = ""
            continue
        if word:
            yield word
            word = ""
        yield char
    if word:
        yield word
