"""A page to draw on, in millimetres: the only place where maps on paper meet Matplotlib.

Everything becomes an artist of the figure itself: axes would lay out ticks and limits of their own
anew for every page, which takes longer than the map.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely
from matplotlib.artist import Artist
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, Bbox, IdentityTransform, TransformedBbox

from qianwan_gis.layers import Symbol
from qianwan_gis.maps.paper import letters
from qianwan_gis.maps.paper.page import MM, Page, View

if TYPE_CHECKING:
    from matplotlib.backend_bases import GraphicsContextBase, RendererBase
    from matplotlib.transforms import Transform

    Dash = str | tuple[float, tuple[float, ...]]

_MARKERS = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D", "cross": "P"}
_MIDDLE = 0.38  # em; how far the middle of the letters is above their baseline
LABELS, FURNITURE, WORDS, MARKS = 90, 100, 150, 200  # what is drawn above what


@dataclass(frozen=True, slots=True)
class Word:
    """One line of text: where its baseline starts (page mm), its size in points, its looks."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    color: str = "#222222"
    angle: float = 0.0
    alpha: float = 1.0


class Writing(Artist):
    """Words drawn together, with a white edge all around when they stand on a map."""

    def __init__(self, *, halo: float = 0.0) -> None:
        super().__init__()
        self.words: list[Word] = []
        self.halo = halo  # points

    def draw(self, renderer: RendererBase) -> None:
        """Draw the white edges of all words in one go, then the words."""
        if not self.words:
            return
        places = self.get_transform().transform([(word.x, word.y) for word in self.words])
        gc = renderer.new_gc()
        self._set_gc_clip(gc)  # type: ignore[attr-defined]
        if self.halo:
            self._edges(renderer, gc, places)
        height = renderer.get_canvas_width_height()[1]
        for word, (x, y) in zip(self.words, places.tolist(), strict=True):
            gc.set_foreground(to_rgba(word.color), isRGBA=True)
            gc.set_alpha(word.alpha)
            renderer.draw_text(
                gc, x, height - y if renderer.flipy() else y, word.text,
                letters.font(word.size, word.bold), word.angle,
            )  # fmt: skip
        gc.restore()

    def _edges(self, renderer: RendererBase, gc: GraphicsContextBase, places: np.ndarray) -> None:
        corners, codes = [], []
        for word, place in zip(self.words, places, strict=True):
            shape, steps = letters.outlines(word.text, word.bold)
            turn = math.radians(word.angle)
            c, s = math.cos(turn), math.sin(turn)
            em = renderer.points_to_pixels(word.size)
            corners.append(em * (shape @ np.array([[c, s], [-s, c]])) + place)
            codes.append(steps)
        gc.set_foreground("white")
        gc.set_linewidth(float(renderer.points_to_pixels(self.halo)))  # type: ignore[arg-type]
        gc.set_joinstyle("round")
        renderer.draw_path(
            gc, Outline(np.vstack(corners), np.concatenate(codes)), IdentityTransform()
        )


class Canvas:
    """A page: shapes lie over each other by their order, words above them all.

    Parameters
    ----------
    page
        Its size.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.figure = Figure(figsize=(page.width / 25.4, page.height / 25.4), facecolor="white")
        self.mm: Transform = Affine2D().scale(1 / 25.4) + self.figure.dpi_scale_trans
        self._words = self.writing(WORDS)

    def put(
        self, artist: Artist, order: float, *, place: Transform | None = None, window: Window | None = None
    ) -> None:  # fmt: skip
        """Add any artist, by default in page millimetres; a window cuts it off at its frame."""
        artist.set_transform(place or (window.place if window else self.mm))
        artist.set_zorder(order)
        if window is not None:
            artist.set_clip_box(window.box)
        self.figure.add_artist(artist)

    def writing(self, order: float, *, halo: float = 0.0, window: Window | None = None) -> Writing:
        """Return a new set of words, their places in page millimetres."""
        made = Writing(halo=halo)
        self.put(made, order, place=self.mm, window=window)
        return made

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        color: str = "#222222",
        align: Literal["left", "center", "right"] = "left",
        angle: float = 0.0,
        alpha: float = 1.0,
        on: Writing | None = None,
    ) -> None:
        """Write one line of text, its middle at the height of ``y``; ``angle`` in degrees."""
        if not text:
            return
        text = letters.printable(text)
        share = {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        back = share * letters.measured_mm(text, size, bold) if share else 0.0
        drop = _MIDDLE * size / MM
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        (on or self._words).words.append(
            Word(x - back * c + drop * s, y - back * s - drop * c, text, size, bold, color, angle, alpha)
        )  # fmt: skip

    def line(
        self,
        x: Sequence[float] | np.ndarray,
        y: Sequence[float] | np.ndarray,
        *,
        color: str = "#222222",
        width: float = 0.5,
        dash: Dash = "-",
        order: float = FURNITURE,
        window: Window | None = None,
    ) -> None:
        """Draw one line; ``width`` in points."""
        made = Line2D(
            x, y, color=color, linewidth=width, linestyle=dash, solid_capstyle="butt"  # type: ignore[arg-type]
        )  # fmt: skip
        self.put(made, order, window=window)

    def lines(
        self,
        parts: Iterable[shapely.Geometry],
        symbol: Symbol,
        *,
        cap: Literal["butt", "round"] = "round",
        order: float,
        window: Window | None = None,
    ) -> None:
        """Draw many lines alike, as one compound path: a PDF writer spends its time per path."""
        made = PathPatch(
            _compound(parts),
            fill=False,
            edgecolor=symbol.color,
            linewidth=symbol.size * MM,
            linestyle=dash(symbol),
            capstyle="butt" if symbol.dashed else cap,
            joinstyle="round",
        )
        self.put(made, order, window=window)

    def areas(
        self,
        shapes: Iterable[shapely.Geometry],
        symbol: Symbol,
        *,
        order: float,
        window: Window | None = None,
    ) -> None:
        """Draw areas each by itself, so that overlapping ones darken."""
        outlines = [
            _compound(
                (
                    ring
                    for polygon in shapely.get_parts(shape)
                    for ring in (polygon.exterior, *polygon.interiors)
                ),
                closed=True,
            )
            for shape in shapes
        ]
        made = PathCollection(
            outlines,
            facecolors=[to_rgba(symbol.color, symbol.opacity)],
            edgecolors=[symbol.outline],
            linewidths=[symbol.size * MM],
            linestyles=[dash(symbol)],
        )
        self.put(made, order, window=window)

    def marks(
        self,
        xy: np.ndarray | Sequence[tuple[float, float]],
        symbol: Symbol,
        *,
        size: float | None = None,
        outline: str | None = None,
        edge: float = 0.6,
        order: float = FURNITURE,
        window: Window | None = None,
    ) -> None:
        """Draw a symbol at points, shape (n, 2); ``size`` in mm, ``edge`` in points."""
        at = np.asarray(xy, dtype=float)
        made = Line2D(
            at[:, 0],
            at[:, 1],
            linestyle="none",
            marker=_MARKERS[symbol.shape],
            markersize=(symbol.size if size is None else size) * MM,
            markerfacecolor=symbol.color,
            markeredgecolor=symbol.outline if outline is None else outline,
            markeredgewidth=edge,
            alpha=symbol.opacity,
        )
        self.put(made, order, window=window)

    def ticks(self, xy: np.ndarray, *, window: Window) -> None:
        """Draw small crosses at points of the ground."""
        made = Line2D(
            xy[:, 0], xy[:, 1], linestyle="none", marker="+", color="#b0b0b0",
            markersize=3, markeredgewidth=0.4,
        )  # fmt: skip
        self.put(made, 1, window=window)

    def strokes(
        self,
        ends: np.ndarray,
        *,
        color: str = "#222222",
        width: float = 0.5,
        order: float = FURNITURE,
        window: Window | None = None,
    ) -> None:
        """Draw many straight strokes alike, shape (n, 2, 2), as one path."""
        codes = np.tile(np.array([Outline.MOVETO, Outline.LINETO], np.uint8), len(ends))
        made = PathPatch(
            Outline(np.asarray(ends, dtype=float).reshape(-1, 2), codes),
            fill=False, edgecolor=color, linewidth=width, capstyle="butt",
        )  # fmt: skip
        self.put(made, order, window=window)

    def rectangle(
        self,
        left: float,
        bottom: float,
        width: float,
        height: float,
        *,
        order: float = FURNITURE,
        **looks: Any,
    ) -> None:
        """Draw a rectangle."""
        self._patch(Rectangle((left, bottom), width, height), order, **looks)

    def polygon(self, corners: Sequence[Any], *, order: float = FURNITURE, **looks: Any) -> None:
        """Draw a polygon."""
        self._patch(Polygon(np.asarray(corners, dtype=float)), order, **looks)

    def circle(
        self, middle: tuple[float, float], radius: float, *, order: float = FURNITURE, **looks: Any
    ) -> None:
        """Draw a disc."""
        self._patch(Circle(middle, radius), order, **looks)

    def _patch(
        self,
        patch: Patch,
        order: float,
        *,
        fill: Any = "none",
        edge: str = "#222222",
        stroke: float = 0.5,
        dash: Dash = "-",
        alpha: float | None = None,
        window: Window | None = None,
    ) -> None:
        patch.set(facecolor=fill, edgecolor=edge, linewidth=stroke, linestyle=dash, alpha=alpha)
        self.put(patch, order, window=window)


class Window:
    """A map's frame on a canvas: what is put through it is in ground coordinates, and cut off."""

    def __init__(self, canvas: Canvas, view: View) -> None:
        self.view = view
        self.place: Transform = (
            Affine2D()
            .translate(-view.minx, -view.miny)
            .scale(1 / view.metres)
            .translate(view.left, view.bottom)
            + canvas.mm
        )
        frame = Bbox.from_bounds(view.left, view.bottom, view.width, view.height)
        self.box = TransformedBbox(frame, canvas.mm)


def dash(symbol: Symbol) -> Dash:
    """Return a symbol's line style."""
    return (0, (4, 2.4)) if symbol.dashed else "-"


def _compound(parts: Iterable[shapely.Geometry], *, closed: bool = False) -> Outline:
    """Return one Matplotlib path of many lines or rings."""
    shapes = np.array(list(parts), dtype=object)
    corners, owner = shapely.get_coordinates(shapes, return_index=True)
    codes = np.full(len(corners), Outline.LINETO, dtype=np.uint8)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    codes[starts] = Outline.MOVETO
    if closed:
        codes[np.append(starts[1:], len(codes)) - 1] = Outline.CLOSEPOLY
    return Outline(corners, codes)
