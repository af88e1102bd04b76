"""Widths of a table's columns, so that words and numbers stay whole and rows stay low."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qianwan_gis.export.paging import pieces

FloatArray = npt.NDArray[np.float64]

_PAGE = 44.0  # em of a cell's type across the text of a page
_SIDES = 1.4  # em beside the words of a cell, and a little for other metrics than Times
_LEAST, _MOST = 1.5, 12.0  # em that the longest word of a column is given at least, at most
_BOLD = 1.15  # a heading's type is as much wider
_HEAD_LINES = 2  # that a heading may take
_SHORT = 4.0  # em up to which a text of Chinese characters is one word to the eye
_STEP = 0.5  # em


def fitted_widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """Return the width of each column by what stands in it.

    Every column is as wide as its longest word or number, and where the page allows as its short
    texts (警告) and half its heading. What is left of the page goes, bit by bit, to the column that
    makes most rows high, until no row has a second line.

    Parameters
    ----------
    head
        Headings; they may take two lines.
    rows
        Cells, as many in each row as there are headings.

    Returns
    -------
    tuple of float
        Relative widths, in em of a cell's type where the table fills the page.
    """
    cells = [[pieces(text) for text in row] for row in rows]
    titles = [[_BOLD * wide for wide in pieces(text)] for text in head]
    longest = [max((p for row in (titles, *cells) for p in row[i]), default=0.0) for i in range(len(head))]  # fmt: skip
    width = np.clip(longest, _LEAST, _MOST)
    needed = np.array(
        [[sum(cell) for cell in row] for row in cells] + [[sum(t) / _HEAD_LINES for t in titles]]
    )
    room = _PAGE - _SIDES * len(head) - width.sum()
    for i, wish in sorted(enumerate(_wishes(cells, titles) - width), key=lambda pair: pair[1]):
        if 0.0 < wish <= room:
            width[i] += wish
            room -= wish
    while room > 0:
        lines = needed / width
        highest = lines.argmax(axis=1)
        most = lines.max(axis=1)
        gain = np.zeros(len(head))
        np.add.at(gain, highest, np.where(most > 1.0, most / width[highest], 0.0))
        if not gain.any():
            break
        width[gain.argmax()] += _STEP
        room -= _STEP
    return tuple((width + _SIDES).tolist())


def _wishes(
    cells: Sequence[Sequence[Sequence[float]]], titles: Sequence[Sequence[float]]
) -> FloatArray:
    """Widths at which no short text is broken, and no short heading leaves a mark alone on a line."""
    out = np.zeros(len(titles))
    for i, title in enumerate(titles):
        whole = sum(title)
        lines = 1 if whole <= _BOLD * (_SHORT - 1.0) else _HEAD_LINES
        short = max((w for row in cells if (w := sum(row[i])) <= _SHORT), default=0.0)
        heading = whole / lines + (lines - 1) if whole <= _BOLD * 2 * (_SHORT - 1.0) else 0.0
        out[i] = max(heading, short)
    return np.minimum(out, _MOST)
