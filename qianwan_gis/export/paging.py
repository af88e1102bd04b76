"""On which page each heading of a report falls, before any word processor has opened it.

Word and WPS fill in page numbers only when asked to (F9). `docx` therefore sets every line of the
report to an exact height, so that the pages can be counted here: paragraphs, table rows and
pictures are boxes of known height that fill one page after another under the same rules (a heading
keeps with what follows, a row is never split, a paragraph leaves no single line behind).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# Advance widths of Times from the space to the tilde, thousandths of an em (Adobe font metrics).
# fmt: off
_TIMES = (
    250, 333, 408, 500, 500, 833, 778, 333, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500,
    500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611,
    556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556, 611, 722, 722, 944, 722,
    722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500,
    278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
)
# fmt: on


@dataclass(frozen=True)
class Box:
    """A piece of the report: so many lines of one height that may or may not be torn apart.

    Attributes
    ----------
    lines, height
        Number of lines and the height of one, points.
    before, after
        Space above and below, points.
    keep
        Stays on the page of what follows.
    whole
        Is never torn apart.
    head
        Height of the table head that is repeated where this row starts a page, points.
    heading
        Number of the heading that this box is, if it is one.
    """

    lines: int
    height: float
    before: float = 0.0
    after: float = 0.0
    keep: bool = False
    whole: bool = False
    head: float = 0.0
    heading: int | None = None

    @property
    def least(self) -> float:
        """Height of what has to stand on the page where the box starts."""
        lines = self.lines if self.whole or self.lines <= 3 else 2
        return self.before + lines * self.height


def pages(boxes: Iterable[Box], page_height: float, *, first: int) -> dict[int, int]:
    """Return the page of each heading.

    Parameters
    ----------
    boxes
        The pieces in order.
    page_height
        Height of the text area, points.
    first
        Number of the page that the first box starts.
    """
    every = list(boxes)
    for number in range(1, len(every)):  # of two spaces that meet, the larger one counts
        own, above = every[number], every[number - 1].after
        every[number] = replace(own, before=max(own.before - above, 0.0))
    found: dict[int, int] = {}
    page, y = first, 0.0
    for number, box in enumerate(every):
        if y > 0 and y + _chain(every, number) > page_height + 0.01:
            page, y = page + 1, box.head
        if box.heading is not None:
            found[box.heading] = page
        y += box.before
        left = box.lines
        while left:
            fit = (
                left if box.whole else min(left, math.floor((page_height - y + 0.01) / box.height))
            )
            if fit < left and left - fit == 1:
                fit -= 1  # no single line on the next page
            y += max(fit, 0) * box.height
            left -= max(fit, 0)
            if left:
                page, y = page + 1, 0.0
        y += box.after
    return found


def _chain(boxes: Sequence[Box], start: int) -> float:
    """Return the height that must fit below each other from a box on: what it keeps with."""
    total, number = 0.0, start
    while boxes[number].keep and number + 1 < len(boxes):
        box = boxes[number]
        total += box.before + box.lines * box.height + box.after
        number += 1
    return total + boxes[number].least


_PIECES = re.compile(r"[!-~]+|\s+|.")


def lines(text: str, width: float, size: float, *, indent: float = 0.0) -> int:
    """Return how many lines a text takes at a width (points) in type of a size (points).

    Chinese may break after any character but does not start a line with a closing mark; Latin
    words and numbers are not torn apart unless longer than a line.
    """
    count, x = 1, indent
    # Quotation marks and dashes are as wide as a character beside Chinese only.
    dash = 1.0 if any("\u4e00" <= c <= "\u9fff" for c in text) else 0.5
    for piece in _PIECES.findall(text):
        wide = sum(_em(c, dash) for c in piece) * size
        if piece.isspace() and x + wide > width:
            continue
        if x + wide > width + 0.01 and x > 0:
            if _closing(piece) and x + wide <= width + size:
                x += wide  # hangs over the margin, as Word and WPS set it
                continue
            count, x = count + 1, 0.0
        if wide > width:
            more = math.floor(wide / width)
            count, x = count + more, wide - more * width
        else:
            x += wide
    return count


def pieces(text: str) -> list[float]:
    """Return the widths, in em, of what is not torn apart: characters, Latin words, numbers."""
    return [sum(_em(char, 0.5) for char in piece) for piece in _PIECES.findall(text)]


def _closing(piece: str) -> bool:
    return len(piece) == 1 and (
        piece in "，。；：、！？％" or unicodedata.category(piece) in ("Pe", "Pf")
    )


def _em(char: str, dash: float) -> float:
    if " " <= char <= "~":
        return _TIMES[ord(char) - 32] / 1000
    kind = unicodedata.east_asian_width(char)
    return 1.0 if kind in "WF" else dash if kind == "A" else 0.5
