"""Frames of a strip map: the stretches of the corridor, one to a sheet, turned to run across it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.corridor._corridor import _geometry
from qianwan_gis.corridor._spacing import stake_text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.corridor._corridor import Corridor


def strips(
    corridor: Corridor,
    *,
    every: float = 10_000.0,
    overlap: float = 500.0,
    width_m: float = 3000.0,
    spare: float = 0.0,
) -> gpd.GeoDataFrame:
    """Frames of a strip map: one sheet per stretch of the corridor.

    Parameters
    ----------
    every, overlap
        Metres of road on a sheet, and shared by neighbouring sheets.
    width_m
        Ground kept on either side of the stretch.
    spare
        A last stretch no longer than this joins the sheet before it.

    Returns
    -------
    ``branch``, ``sheet`` (number in the branch), ``start``, ``end`` (labels), ``from_m``, ``to_m``
    (travelled), ``angle`` (degrees to turn the sheet clockwise so that travel runs left to right),
    ``line`` (WKB of the stretch) and the frame's polygon: the least rectangle along the
    stretch's narrowest direction that holds it with ``width_m`` on either side. Neighbouring sheets share
    ``overlap`` metres.
    """
    import geopandas as gpd

    if not (every > 0 and 0 <= overlap < every and width_m > 0):
        raise UsageError(
            Text("每幅长度须为正数，且大于重叠", "sheets must be longer than their overlap")
        )
    rows, shapes = [], []
    for branch in corridor.branches:
        parts = [p for p in corridor.parts if p.branch == branch]
        total = parts[-1].travelled + parts[-1].length
        count = max(1, int(np.ceil((total - overlap - spare) / (every - overlap) - 1e-9)))
        for sheet in range(count):
            low = sheet * (every - overlap)
            high = total if sheet == count - 1 else low + every
            pieces = [
                (p.stretch(max(low - p.travelled, 0.0), min(high - p.travelled, p.length)), p)
                for p in parts
                if min(high - p.travelled, p.length) > max(low - p.travelled, 0.0)
            ]
            line = _geometry([piece for piece, _ in pieces], [p for _, p in pieces])
            frame, angle = _frame(shapely.get_coordinates(line), width_m)
            rows.append(
                {
                    "branch": branch,
                    "sheet": sheet + 1,
                    "start": _label_at(corridor, parts, low),
                    "end": _label_at(corridor, parts, high, after=False),
                    "from_m": low,
                    "to_m": high,
                    "angle": angle,
                    "line": shapely.to_wkb(line),
                }
            )
            shapes.append(frame)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=corridor.crs)


def _frame(xy: np.ndarray, width_m: float) -> tuple[shapely.Polygon, float]:
    angle = float(np.degrees(np.arctan2(*_direction(xy)[::-1])))
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned = xy @ np.array([[c, -s], [s, c]])
    low, high = turned.min(axis=0) - width_m, turned.max(axis=0) + width_m
    box = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return shapely.Polygon(box @ np.array([[c, s], [-s, c]])), angle


def _direction(xy: np.ndarray) -> np.ndarray:
    """Which way to lay out a stretch: along its narrowest rectangle, in the direction of travel."""
    way = xy[-1] - xy[0]
    box = shapely.minimum_rotated_rectangle(shapely.MultiPoint(xy))
    if box.geom_type != "Polygon":
        return np.asarray(way)
    sides = np.diff(shapely.get_coordinates(box)[:3], axis=0)
    long = sides[int(np.argmax(np.hypot(*sides.T)))]
    # a ring has no way of its own: it is laid out eastwards
    if np.hypot(*way) < 1.0:
        way = np.array([1.0, 0.0])
    return np.asarray(long if float(long @ way) >= 0.0 else -long)


def _label_at(
    corridor: Corridor, parts: Sequence[Any], travelled: float, *, after: bool = True
) -> str:
    from qianwan_gis.corridor.events import _part_at

    part = _part_at(parts, travelled, after=after)
    return stake_text(corridor, float(part.chainage_at(travelled - part.travelled)), part.prefix)
