"""Paper and ground: the geometry of a page, and where the ground lies in its map frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

MM = 72 / 25.4  # points in a millimetre
SCALES = [
    round(m * 10**p)
    for p in range(3, 7)
    for m in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8)
]  # fmt: skip


@dataclass(frozen=True)
class Page:
    """Page geometry in millimetres: paper, map frame, column of legend and notes."""

    width: float
    height: float
    margin: float
    head: float
    foot: float
    side: float
    font: float
    headed: bool
    symbols: float = 1.0  # what the styles' millimetres are multiplied by

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """The map's frame: left, bottom, width, height."""
        left, bottom = self.margin, self.margin + self.foot
        width = self.width - 2 * self.margin - self.side
        return left, bottom, width, self.height - self.margin - self.head - bottom


A3 = Page(420, 297, 14, 20, 12, 96, 11.0, headed=True)
FIGURE = Page(160, 112, 5, 0, 6, 42, 6.0, headed=False, symbols=0.6)


@dataclass(frozen=True)
class View:
    """The map frame on the page (mm) and the ground under it (metres per mm)."""

    left: float
    bottom: float
    width: float
    height: float
    minx: float
    miny: float
    metres: float

    @classmethod
    def fit(cls, window: tuple[float, float, float, float], page: Page) -> View:
        """Return the view at the largest round scale at which a window fits a page's frame."""
        left, bottom, width, height = page.frame
        minx, miny, maxx, maxy = window
        needed = 1000 * max((maxx - minx) / width, (maxy - miny) / height)
        metres = round_scale(needed) / 1000
        return cls(
            left,
            bottom,
            width,
            height,
            (minx + maxx) / 2 - width * metres / 2,
            (miny + maxy) / 2 - height * metres / 2,
            metres,
        )

    @property
    def ground(self) -> shapely.Polygon:
        """The ground that the frame shows."""
        wide, high = self.width * self.metres, self.height * self.metres
        return shapely.box(self.minx, self.miny, self.minx + wide, self.miny + high)

    @property
    def scale(self) -> int:
        """The scale number."""
        return round(self.metres * 1000)

    def to_mm(self, xy: np.ndarray) -> np.ndarray:
        """Turn ground coordinates, shape (n, 2), into millimetres within the frame."""
        return np.asarray((xy - np.array([self.minx, self.miny])) / self.metres)


def round_scale(needed: float) -> int:
    """Return the first round scale number that is not below the one needed."""
    return next((s for s in SCALES if s >= needed), math.ceil(needed))


def nice(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(m * power for m in (1, 2, 5) if m * power <= value)
