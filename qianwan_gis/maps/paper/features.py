"""A map's ground: coordinate grid on the frame, and the features of each layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from qianwan_gis.maps.paper.page import MM, Page, View, nice
from qianwan_gis.maps.sheets import Drawn

if TYPE_CHECKING:
    from qianwan_gis.maps.paper.canvas import Canvas, Window


def frame(canvas: Canvas, window: Window, page: Page) -> None:
    """Draw the neat line with kilometre ticks inside, and crosses where the grid lines meet."""
    view = window.view
    xs, ys = _grid(view)
    right, top = view.left + view.width, view.bottom + view.height
    gap, size = 0.9, page.font * 0.72
    ends = []
    for x in xs:
        at = view.left + (x - view.minx) / view.metres
        ends += [[(at, view.bottom), (at, view.bottom + 1.5)], [(at, top), (at, top - 1.5)]]
        canvas.write(at, view.bottom - gap - 0.38 * size / MM, f"{x / 1000:g}", size,
                     color="#555555", align="center")  # fmt: skip
    for y in ys:
        at = view.bottom + (y - view.miny) / view.metres
        ends += [[(view.left, at), (view.left + 1.5, at)], [(right, at), (right - 1.5, at)]]
        canvas.write(view.left - gap - 0.38 * size / MM, at, f"{y / 1000:g}", size,
                     color="#555555", align="center", angle=90)  # fmt: skip
    canvas.rectangle(view.left, view.bottom, view.width, view.height, edge="#000000", stroke=0.8)
    if ends:
        canvas.strokes(np.array(ends), color="#000000")
    if len(xs) and len(ys):
        mesh = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        canvas.ticks(mesh, window=window)


def _grid(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Round coordinates within the frame."""
    step = nice(view.width * view.metres / 4)
    return (
        np.arange(math.ceil(view.minx / step) * step, view.minx + view.width * view.metres, step),
        np.arange(math.ceil(view.miny / step) * step, view.miny + view.height * view.metres, step),
    )


def features(canvas: Canvas, window: Window, drawn: Drawn, *, order: float) -> None:
    """Draw the features of a layer that lie in the window, symbol by symbol."""
    by = drawn.style.by
    shapes = drawn.frame.geometry.to_numpy()
    near = shapely.intersects(shapes, window.view.ground)
    keys = [drawn.style.symbol_of(value) for value in drawn.frame.loc[near, by]] if by else None
    shapes = shapes[near]
    for symbol in reversed(drawn.style.symbols):
        own = slice(None) if keys is None else np.array([key == symbol for key in keys], dtype=bool)
        part = shapes[own]
        if not len(part):
            continue
        if drawn.style.geometry == "point":
            canvas.marks(shapely.get_coordinates(part), symbol, order=order, window=window)
        elif drawn.style.geometry == "line":
            canvas.lines(shapely.get_parts(part), symbol, order=order, window=window)
        else:
            canvas.areas(part, symbol, order=order, window=window)
