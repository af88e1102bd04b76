"""Labels on a map: placed greedily in eight positions around each point, none on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely

from qianwan_gis.maps.paper import letters
from qianwan_gis.maps.paper.page import MM, Page, View
from qianwan_gis.maps.sheets import Drawn

if TYPE_CHECKING:
    from qianwan_gis.maps.paper.canvas import Canvas, Window


def place_labels(canvas: Canvas, window: Window, drawn: Sequence[Drawn], page: Page) -> int:
    """Write the labels of all layers; return how many found no room."""
    from qianwan_gis.maps.paper.canvas import LABELS

    view = window.view
    wanted: list[tuple[int, float, float, float, str]] = []
    symbols: list[np.ndarray] = []
    ranks: list[np.ndarray] = []
    for layer in drawn:
        point = layer.style.geometry == "point"
        if layer.style.geometry == "area" or not (point or any(layer.labels)):
            continue
        places = _anchor(layer, view)
        sizes = _sizes(layer) if point else np.zeros(len(places))
        if point:
            half = sizes[:, None] / 2
            symbols.append(np.column_stack([places - half, places + half]))
            ranks.append(np.full(len(places), float(layer.priority)))
        for (x, y), size, text in zip(places.tolist(), sizes.tolist(), layer.labels, strict=False):
            if text and 0 < x < view.width and 0 < y < view.height:
                wanted.append((layer.priority, x, y, size, letters.printable(text)))
    room = Room(view.width, view.height, symbols, ranks, more=len(wanted))
    hidden = 0
    writing = canvas.writing(LABELS, halo=page.font * 0.22, window=window)
    for priority, x, y, size, text in sorted(wanted, key=lambda w: (-w[0], w[4], w[1])):
        points = page.font * (0.95 if priority else 0.78)
        # A seat's name may lie on a village's dot, never the other way round.
        box = room.place(x, y, size, text, points, rank=priority)
        if box is None:
            hidden += 1
            continue
        canvas.write(
            view.left + box[0],
            view.bottom + (box[1] + box[3]) / 2,
            text,
            points,
            bold=priority > 5,
            color="#111111" if priority else "#333333",
            on=writing,
        )
    return hidden


def _anchor(layer: Drawn, view: View) -> np.ndarray:
    """Where the labels of a layer belong: its points, or the middles of its lines, in mm."""
    shapes = layer.frame.geometry.to_numpy()
    if layer.style.geometry != "point":
        shapes = shapely.line_interpolate_point(shapes, 0.5, normalized=True)
    return view.to_mm(shapely.get_coordinates(shapes).reshape(-1, 2))


def _sizes(layer: Drawn) -> np.ndarray:
    """Millimetres of each point's symbol."""
    by = layer.style.by
    if by is None:
        return np.full(len(layer.frame), float(layer.style.symbols[0].size))
    return np.array([layer.style.symbol_of(value).size for value in layer.frame[by]], dtype=float)


class Room:
    """What is free in a frame of millimetres.

    Parameters
    ----------
    width, height
        Of the frame.
    symbols, ranks
        Boxes (minx, miny, maxx, maxy) of the symbols there, and who may write over each: labels
        of a rank above the symbol's.
    more
        How many labels there will be at most.
    """

    def __init__(
        self,
        width: float,
        height: float,
        symbols: Sequence[np.ndarray],
        ranks: Sequence[np.ndarray],
        *,
        more: int,
    ) -> None:
        self.width, self.height = width, height
        self._count = sum(len(boxes) for boxes in symbols)
        self._taken = np.vstack([*symbols, np.full((more, 4), np.nan)])
        self._rank = np.concatenate([*ranks, np.full(more, np.inf)])

    def place(
        self, x: float, y: float, size: float, text: str, points: float, *, rank: float
    ) -> np.ndarray | None:
        """Take and return the first box around a point that meets no other, best position first.

        Parameters
        ----------
        x, y
            The point, in millimetres.
        size
            Of its symbol, in millimetres.
        points
            Size of the letters.
        """
        taken = self._taken[: self._count]
        taken = taken[self._rank[: self._count] >= rank]
        wide, high = letters.width_mm(text, points), 1.15 * points / MM
        gap = size / 2 + 0.5
        d = max(gap * 0.7, size / 2 + 0.05)  # clear of its own symbol, however large
        spots = [
            (x + gap, y - high / 2),
            (x + d, y + d),
            (x + d, y - d - high),
            (x - gap - wide, y - high / 2),
            (x - d - wide, y + d),
            (x - d - wide, y - d - high),
            (x - wide / 2, y + gap),
            (x - wide / 2, y - gap - high),
        ]
        # only what is near any of the positions can be met
        reach_x, reach_y = gap + d + wide, gap + d + high
        near = taken[
            (taken[:, 0] < x + reach_x)
            & (taken[:, 2] > x - reach_x)
            & (taken[:, 1] < y + reach_y)
            & (taken[:, 3] > y - reach_y)
        ]
        for left, low in spots:
            right, top = left + wide, low + high
            if left < 1 or low < 1 or right > self.width - 1 or top > self.height - 1:
                continue
            meets = (near[:, 0] < right) & (near[:, 2] > left) & (near[:, 1] < top) & (near[:, 3] > low)  # fmt: skip
            if not meets.any():
                box = np.array([left, low, right, top])
                self._taken[self._count] = box
                self._count += 1
                return box
        return None
