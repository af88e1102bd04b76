"""Walking where there is no road: cost distance over terrain, joined to the road network.

Time depends on the direction of travel (Tobler's function), on what grows or flows there (friction)
and on nothing else. `on_foot` answers from where and in what time a village without a road reaches
the network, and by it a facility.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.places import Snapped, point_coordinates
from qianwan_gis.network.topology import FloatArray

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network.graph import RoadNetwork
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Method, Terrain

#: More cells than this (25 km² at 1 m, 22,500 km² at 30 m) would fill an office computer's memory.
MOST_CELLS = 25_000_000

_STRIP = 500_000  # cells whose heights are read at once


@dataclass(frozen=True, eq=False)
class Surface:
    """Ground to walk over: a grid of square cells in a projected CRS.

    Attributes
    ----------
    heights
        Metres, (rows, columns), row 0 in the north.
    friction
        Factor on walking time, same shape: 1 is open ground off the path, 2 takes twice the time,
        inf cannot be crossed. Cells without height are inf.
    left, top, cell_m
        North-west corner and width of a cell, metres.
    """

    heights: FloatArray
    friction: FloatArray
    left: float
    top: float
    cell_m: float
    crs: Any

    def cells(self, x: FloatArray, y: FloatArray) -> npt.NDArray[np.int64]:
        """Flat cell numbers of coordinates; -1 outside and where there is no coordinate."""
        rows, cols = self.heights.shape
        inside = np.isfinite(x) & np.isfinite(y)
        col, row = np.zeros(len(inside), np.int64), np.zeros(len(inside), np.int64)
        col[inside] = np.floor((np.asarray(x)[inside] - self.left) / self.cell_m)
        row[inside] = np.floor((self.top - np.asarray(y)[inside]) / self.cell_m)
        inside &= (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
        return np.where(inside, row * cols + col, -1)

    def at(self, cells: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Coordinates of the centres of flat cell numbers."""
        row, col = np.divmod(np.asarray(cells, np.int64), self.heights.shape[1])
        return self.left + (col + 0.5) * self.cell_m, self.top - (row + 0.5) * self.cell_m


def surface(
    terrain: Terrain,
    bounds: tuple[float, float, float, float] | None = None,
    *,
    cell_m: float | None = None,
    friction: FloatArray | gpd.GeoDataFrame | None = None,
) -> Surface:
    """Cut a piece of terrain to walk over.

    Parameters
    ----------
    terrain
        Elevation in projected metres.
    bounds
        Left, bottom, right, top in its CRS; all of it when None.
    cell_m
        Width of a cell; that of the raster when None.
    friction
        Array of the surface's shape, or lines and polygons with a column ``friction`` (>= 1, inf
        for what cannot be crossed); the largest counts where they overlap, 1 elsewhere.

    Raises
    ------
    UsageError
        Terrain in degrees, a friction below 1 or of another shape, too many cells.
    """
    if not terrain.crs.is_projected:
        raise UsageError(
            Text("越野步行需要平面坐标（米）的高程，请先投影栅格",
                 "walking off the road needs a raster in projected metres: reproject it first")
        )  # fmt: skip
    cell = terrain.cell_m if cell_m is None else float(cell_m)
    whole = terrain.bounds
    box = whole if bounds is None else bounds
    # whole cells of the raster's own grid, so that heights are not blended
    left = whole[0] + np.floor((max(box[0], whole[0]) - whole[0]) / cell) * cell
    top = whole[3] - np.floor((whole[3] - min(box[3], whole[3])) / cell) * cell
    cols = max(0, int(np.ceil((min(box[2], whole[2]) - left) / cell - 1e-9)))
    rows = max(0, int(np.ceil((top - max(box[1], whole[1])) / cell - 1e-9)))
    if rows * cols > MOST_CELLS or not cell > 0:
        raise UsageError(
            Text(f"越野范围{rows}×{cols}格过大，请缩小范围或加大 cell_m",
                 f"{rows} x {cols} cells are too many: take a smaller area or a larger cell_m")
        )  # fmt: skip
    made = Surface(np.empty((rows, cols)), np.ones((rows, cols)), float(left), float(top), cell,
                   terrain.crs)  # fmt: skip
    method: Method = "nearest" if cell == terrain.cell_m else "bilinear"
    strip = max(1, _STRIP // max(cols, 1))
    for row in range(0, rows, strip):  # in strips, to spare memory
        end = min(row + strip, rows)
        xy = np.column_stack(made.at(np.arange(row * cols, end * cols)))
        made.heights[row:end] = terrain.heights(xy, method=method).reshape(end - row, cols)
    if friction is not None:
        made.friction[:] = _friction(friction, made)
    made.friction[np.isnan(made.heights)] = np.inf
    return made


def _friction(given: Any, made: Surface) -> FloatArray:
    if not hasattr(given, "geometry"):
        values = np.asarray(given, np.float64)
        if values.shape != made.heights.shape or not (values >= 1.0).all():
            raise UsageError(
                Text(f"摩擦应为 {made.heights.shape} 的数组，各值不小于1",
                     f"friction must be an array of shape {made.heights.shape}, each value >= 1")
            )  # fmt: skip
        return values
    if "friction" not in given.columns or not (given["friction"] >= 1.0).all():
        raise UsageError(
            Text("摩擦图层须有字段 friction，各值不小于1",
                 "the friction layer needs a column friction with values >= 1")
        )  # fmt: skip
    layer = given.to_crs(made.crs)
    out = np.ones(made.heights.shape)
    rows, width = made.heights.shape
    xs, _ = made.at(np.arange(width))
    _, ys = made.at(np.arange(rows) * width)
    for shape, value in zip(layer.geometry, layer["friction"].astype(float), strict=True):
        # a line holds if it is as wide as a cell's diagonal
        area = shape if shape.area > 0 else shape.buffer(made.cell_m * 0.7072)
        west, south, east, north = area.bounds
        col0, col1 = np.searchsorted(xs, [west, east])
        row0, row1 = np.searchsorted(-ys, [-north, -south])
        block = out[row0:row1, col0:col1]
        if block.size:
            shapely.prepare(area)
            gx, gy = np.meshgrid(xs[col0:col1], ys[row0:row1])
            block[:] = np.where(shapely.contains_xy(area, gx, gy), np.maximum(block, value), block)
    return out


@dataclass(frozen=True, eq=False)
class CostDistance:
    """Cheapest walking time between every cell and the seeds, flat arrays per cell.

    Attributes
    ----------
    seconds, metres
        Time with the seed's own start, and horizontal length of the way walked; inf where there is
        no way.
    seed
        Number of the seed that the way leads to, -1 without one.
    onward
        Next cell towards the seed, -1 at it.
    """

    seconds: FloatArray
    metres: FloatArray
    seed: npt.NDArray[np.int32]
    onward: npt.NDArray[np.int32]

    def way(self, cell: int) -> list[int]:
        """Cells from one cell to its seed, both included; empty where there is no way."""
        if not 0 <= cell < len(self.seed) or self.seed[cell] < 0:
            return []
        cells = [int(cell)]
        while self.onward[cells[-1]] >= 0:
            cells.append(int(self.onward[cells[-1]]))
        return cells


def cost_distance(
    ground: Surface,
    seeds: npt.ArrayLike,
    *,
    start: npt.ArrayLike | None = None,
    towards: bool = True,
    limit: float = float("inf"),
    standards: Standards | None = None,
    to_norm: bool = False,
) -> CostDistance:
    """Spread walking time over a surface (anisotropic cost distance).

    Parameters
    ----------
    ground
        The surface.
    seeds
        Flat cell numbers; those outside (-1) are passed over.
    start
        Seconds at each seed; 0 when None. A seed that is dearer than the way from another one is
        not used.
    towards
        Whether people walk to the seeds (default) or from them: up and down differ.
    limit
        Largest time, inclusive.
    to_norm
        Scale the speeds so that level open ground is walked at the norm's speed
        (``access.walk.speed_kph``) times ``terrain.walk.offroad_factor``, as `modes.seconds` does.

    Notes
    -----
    Dijkstra's algorithm over sixteen directions: exact on the grid, at most 2.8 % longer than the
    straight line on open level ground. Speed is Tobler's times ``terrain.walk.offroad_factor``,
    divided by the mean friction of the cells of a move.
    """
    from qianwan_gis.network import offroad_kernel
    from qianwan_gis.standards import Standards as Norms

    norms = standards if standards is not None else Norms.load()
    cells = np.asarray(seeds, np.int64)
    begin = np.zeros(len(cells)) if start is None else np.asarray(start, np.float64)
    if begin.shape != cells.shape or (begin < 0).any() or np.isnan(begin).any():
        raise UsageError(
            Text("start 应为每个起点一个非负数", "start must hold one number >= 0 per seed")
        )
    kept = np.flatnonzero((cells >= 0) & np.isfinite(begin))
    most, decay, offset = (
        float(norms.value(f"access.tobler.{name}")) for name in ("max_kph", "decay", "offset")
    )
    if to_norm:
        most *= float(norms.value("access.walk.speed_kph")) / (most * np.exp(-decay * abs(offset)))
    seconds, metres, seed, onward = offroad_kernel.spread(
        ground.heights, ground.friction, ground.cell_m, cells[kept], begin[kept], bool(towards),
        most * float(norms.value("terrain.walk.offroad_factor")), decay, offset, float(limit),
    )  # fmt: skip
    named = np.where(seed >= 0, kept[seed] if len(kept) else -1, -1).astype(np.int32)
    return CostDistance(seconds, metres, named, onward)


@dataclass(frozen=True, eq=False)
class OnFoot:
    """How points reach the roads on foot.

    Attributes
    ----------
    table
        Index of the points: ``walk_seconds``, ``walk_metres`` off the road, ``edge``,
        ``fraction``, ``x``, ``y`` of the place on the road; with facilities also ``facility``,
        ``network_seconds`` and ``seconds``, the sum. NaN (edge -1) where there is no way.
    ways
        The ways walked, LineStrings in the terrain's CRS; None where there is none.
    """

    table: pd.DataFrame
    ways: gpd.GeoSeries


def on_foot(
    net: RoadNetwork,
    points: Any,
    terrain: Terrain,
    facilities: Any = None,
    *,
    mode: str | None = None,
    friction: FloatArray | gpd.GeoDataFrame | None = None,
    cell_m: float | None = None,
    reach_m: float = 5000.0,
    limit: float = float("inf"),
    standards: Standards | None = None,
    to_norm: bool = False,
    lines: bool = True,
) -> OnFoot:
    """Walk from points over terrain to the road, and on by road to the nearest facility.

    Parameters
    ----------
    net
        The network; take `modes.with_terrain` first for slopes on the roads as well.
    points
        GeoDataFrame or GeoSeries of points, any CRS.
    terrain
        Elevation in projected metres.
    facilities
        Without them the road that is soonest reached on foot is the answer; with them the place
        on a road from which the whole journey is shortest. A facility near enough is also walked
        to directly.
    mode
        Mode of travel on the road; the default mode when None.
    friction, cell_m
        See `surface`.
    reach_m
        How far around the points ground is looked at.
    limit
        Largest time in seconds, inclusive.
    to_norm
        See `cost_distance`.
    lines
        Whether the ways walked are drawn; all None otherwise.

    Notes
    -----
    Exact to about one cell: people start and end at the centre of theirs. A journey is one walk
    and one ride; roads that are left and met again are not looked for.
    """
    import geopandas as gpd

    index, px, py = point_coordinates(points, terrain.crs)
    name = net.mode_name(mode)
    cell = terrain.cell_m if cell_m is None else float(cell_m)
    apart = friction is None or hasattr(friction, "geometry")  # an array fits one piece of ground
    windows = _windows(px, py, reach_m, apart=apart)
    places, x, y = road_places(net, cell, name, terrain.crs, [box for box, _ in windows])
    edge, fraction = places.edge, places.fraction
    start = np.zeros(len(places))
    target: npt.NDArray[Any] = np.full(len(places), None, object)
    if facilities is not None:
        found = net.nearest(places, facilities, mode=mode)
        start = found["seconds"].fillna(np.inf).to_numpy()
        target = found["facility"].to_numpy(object)
        labels, fx, fy = point_coordinates(facilities, terrain.crs)
        start = np.r_[start, np.zeros(len(fx))]
        target = np.r_[target, np.asarray(labels, object)]
        edge = np.r_[edge, np.full(len(fx), -1, edge.dtype)]
        fraction = np.r_[fraction, np.full(len(fx), np.nan)]
        x, y = np.r_[x, fx], np.r_[y, fy]
    total, walked = np.full(len(px), np.nan), np.full(len(px), np.nan)
    seed = np.full(len(px), -1, np.int64)
    ways: npt.NDArray[Any] = np.full(len(px), None, object)
    for box, rows in windows:
        ground = surface(terrain, box, cell_m=cell_m, friction=friction)
        if not ground.heights.size:
            continue
        spread = cost_distance(
            ground, ground.cells(x, y), start=start, limit=limit, standards=standards,
            to_norm=to_norm,
        )  # fmt: skip
        at = ground.cells(px[rows], py[rows])
        good = (at >= 0) & (spread.seed[at] >= 0)
        rows, at = rows[good], at[good]
        seed[rows], total[rows], walked[rows] = (
            spread.seed[at],
            spread.seconds[at],
            spread.metres[at],
        )
        for row, cell_at in zip(rows, at, strict=True) if lines else ():
            line = [(px[row], py[row]), *zip(*ground.at(spread.way(int(cell_at))), strict=True)]
            ways[row] = shapely.LineString([*line, (x[seed[row]], y[seed[row]])])
    good = seed >= 0

    def pick(values: FloatArray) -> FloatArray:
        out = np.full(len(px), np.nan)
        out[good] = values[seed[good]]
        return out

    before = pick(start)
    table = pd.DataFrame(
        {
            "walk_seconds": total - before,
            "walk_metres": walked,
            "edge": np.where(good, edge[np.maximum(seed, 0)] if len(edge) else -1, -1),
            "fraction": pick(fraction),
            "x": pick(x),
            "y": pick(y),
        },
        index=index,
    )
    if facilities is not None:
        named = np.full(len(px), None, object)
        named[good] = target[seed[good]]
        table["facility"] = named
        table["network_seconds"], table["seconds"] = before, total
    return OnFoot(table, gpd.GeoSeries(ways, index=index, crs=terrain.crs))


Box = tuple[float, float, float, float]


def _windows(
    x: FloatArray, y: FloatArray, reach_m: float, *, apart: bool
) -> list[tuple[Box, npt.NDArray[np.int64]]]:
    """Pieces of ground to look at, and which points each serves.

    Points far from each other get pieces of their own, so that a few remote villages do not cost
    a search over the whole county.
    """
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(there):
        return []
    px, py = x[there], y[there]
    boxes = shapely.box(px - reach_m, py - reach_m, px + reach_m, py + reach_m)
    whole = shapely.union_all(boxes) if apart else shapely.envelope(shapely.union_all(boxes))
    pieces = shapely.get_parts(whole)
    point, piece = shapely.STRtree(pieces).query(shapely.points(px, py), "intersects")
    _, once = np.unique(point, return_index=True)
    piece = piece[once]
    found = []
    for number in np.unique(piece):
        west, south, east, north = (float(v) for v in shapely.bounds(pieces[number]))
        found.append(((west, south, east, north), there[piece == number]))
    return found


def road_places(
    net: RoadNetwork, cell_m: float, mode: str, crs: Any, boxes: list[Box]
) -> tuple[Snapped, FloatArray, FloatArray]:
    """Places on the roads inside boxes that may be entered, two to a cell, and their coordinates."""
    import pyproj

    work = net.working
    same = work.crs.equals(crs)
    edges = np.flatnonzero(net.passable(mode) & net.snappable)
    near = np.zeros(len(edges), bool)
    if len(edges):
        low = np.minimum.reduceat(work.xy, work.pointer[:-1])[edges]
        high = np.maximum.reduceat(work.xy, work.pointer[:-1])[edges]
        back = pyproj.Transformer.from_crs(crs, work.crs, always_xy=True)
        for box in boxes:
            west, south, east, north = box if same else back.transform_bounds(*box)
            near |= (
                (high[:, 0] >= west) & (low[:, 0] <= east)
                & (high[:, 1] >= south) & (low[:, 1] <= north)
            )  # fmt: skip
    edges = edges[near]
    lines = shapely.from_ragged_array(
        shapely.GeometryType.LINESTRING, np.ascontiguousarray(work.xy), (work.pointer,)
    )[edges]
    count = np.maximum(1, np.ceil(shapely.length(lines) / (cell_m / 2.0))).astype(np.int64)
    owner = np.repeat(np.arange(len(edges)), count)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    fraction = (number + 0.5) / count[owner]
    spots = shapely.line_interpolate_point(lines[owner], fraction, normalized=True)
    wx, wy = shapely.get_x(spots), shapely.get_y(spots)
    n = len(owner)
    places = Snapped(
        pd.RangeIndex(n), np.full(n, -1, np.int32), edges[owner].astype(np.int32), fraction,
        np.zeros(n), wx, wy,
    )  # fmt: skip
    if same:
        return places, wx, wy
    move = pyproj.Transformer.from_crs(work.crs, crs, always_xy=True)
    x, y = move.transform(wx, wy)
    return places, x, y
