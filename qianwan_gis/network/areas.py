"""Polygons of service areas: the ground within a stated distance of the covered roads.

Parts of roads that the same areas share are buffered and dissolved once, so that many overlapping
areas cost little more than one. Nothing is filled in between roads, and holes stay holes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network.graph import RoadNetwork

_QUARTER = 4  # segments of a quarter circle: 2 % of the buffer at most
_SHARE = 10  # borders on the ground are found from places every tenth of the buffer

Shapes = npt.NDArray[Any]


def polygons(
    net: RoadNetwork, edges: gpd.GeoDataFrame, buffer_m: float, *, rings: bool, overlap: bool
) -> gpd.GeoDataFrame:
    """Return one polygon per facility and limit, in the order of the edges.

    Parameters
    ----------
    edges
        Covered parts: facility, limit, edge, from_fraction, to_fraction and geometry. With
        ``rings`` each limit holds what it adds to the smaller ones.
    buffer_m
        Distance around the roads (m).
    rings
        Ground that belongs to a smaller limit is left out.
    overlap
        Whether areas of different facilities may overlap. If not, ground near the roads of
        several belongs to the nearest road.
    """
    import geopandas as gpd

    metric = edges.to_crs(net.working.crs)
    # both columns by order of appearance: labels may repeat, or be of any kind
    facility, names = pd.factorize(metric["facility"])
    limit, limits = pd.factorize(metric["limit"], sort=True)
    lines = metric.geometry.to_numpy()
    area = facility.astype(np.int64) * max(len(limits), 1) + limit
    keys = np.unique(area)
    shapes = _dissolved(metric, np.searchsorted(keys, area), len(keys), buffer_m)
    which, step = np.divmod(keys, max(len(limits), 1))
    if not overlap:
        for k in range(len(limits)):
            rows = np.flatnonzero(step == k)
            parts = [lines[area == keys[row]] for row in rows]
            shapes[rows] = _shared_out(shapes[rows], parts, buffer_m)
    if rings:
        shapes = _without_inner(shapes, which, step, together=not overlap)
    table = {
        "facility": names.take(which), "limit": np.asarray(limits)[step], "buffer_m": buffer_m,
    }  # fmt: skip
    made = gpd.GeoDataFrame(table, geometry=shapes, crs=net.working.crs).to_crs(net.crs)
    return made[["facility", "limit", "buffer_m", "geometry"]]


def _dissolved(
    edges: gpd.GeoDataFrame, area: npt.NDArray[np.int64], count: int, buffer_m: float
) -> Shapes:
    """Return the buffered and dissolved roads of every area.

    Parts that belong to exactly the same areas make a block, dissolved once.
    """
    if not len(edges):
        return np.empty(0, object)
    part = edges.groupby(["edge", "from_fraction", "to_fraction"]).ngroup().to_numpy()
    parts = int(part.max()) + 1
    # a random number per area: parts with the same sum of numbers belong to the same areas
    number = np.random.default_rng(0).integers(0, 2**63, count, dtype=np.uint64)
    mark = np.zeros(parts, np.uint64)
    np.bitwise_xor.at(mark, part, number[area])
    _, block = np.unique(mark, return_inverse=True)
    one = np.empty(parts, np.int64)
    one[part] = np.arange(len(part))
    shapes = shapely.buffer(edges.geometry.to_numpy()[one], buffer_m, quad_segs=_QUARTER)
    blocks = np.array([shapely.union_all(s) for s in _grouped(shapes, block)], object)
    pairs = np.unique(np.column_stack([area, block[part]]), axis=0)
    return np.array([shapely.union_all(s) for s in _grouped(blocks[pairs[:, 1]], pairs[:, 0])])


def _grouped(values: Shapes, group: npt.NDArray[np.int64]) -> list[Shapes]:
    """Split values by group, groups ascending."""
    order = np.argsort(group, kind="stable")
    return np.split(values[order], np.flatnonzero(np.diff(group[order])) + 1)


def _shared_out(shapes: Shapes, roads: list[Shapes], buffer_m: float) -> Shapes:
    """Cut overlapping areas apart: contested ground goes to the nearest road.

    The border is that between places every tenth of the buffer along the roads, so it is right
    to about a twentieth of the buffer; that areas do not overlap, and what they hold together,
    does not depend on it.
    """
    a, b = shapely.STRtree(shapes).query(shapes, "intersects")
    a, b = a[a < b], b[a < b]
    common = shapely.intersection(shapes[a], shapes[b])
    contested = shapely.get_parts(shapely.union_all(common[shapely.area(common) > 0]))
    contested = contested[shapely.get_type_id(contested) == shapely.GeometryType.POLYGON]
    if not len(contested):
        return shapes
    line = np.concatenate(roads)
    owner = np.repeat(np.arange(len(roads)), [len(part) for part in roads])
    place, of = _places(line, owner, buffer_m / _SHARE)
    tree = shapely.STRtree(place)
    gained: list[list[Any]] = [[] for _ in roads]
    for ground in contested:
        # no road farther than the buffer has a claim; the margin is for the coarse places
        near = np.sort(tree.query(ground, "dwithin", distance=buffer_m * (1.0 + 1.0 / _SHARE)))
        owners = np.unique(of[near])
        if len(owners) == 1:
            gained[owners[0]].append(ground)
            continue
        cells = shapely.get_parts(
            shapely.voronoi_polygons(shapely.multipoints(place[near]), extend_to=ground)
        )
        at, inside = shapely.STRtree(cells).query(place[near], "intersects")
        cell_of = np.full(len(cells), -1)
        cell_of[inside[::-1]] = of[near][at[::-1]]
        left = ground
        for name in owners[:-1]:
            mine = shapely.union_all(cells[cell_of == name])
            gained[name].append(shapely.intersection(left, mine))
            left = shapely.difference(left, mine)
        gained[owners[-1]].append(left)
    kept = shapely.difference(shapes, shapely.union_all(contested))
    return np.array(
        [shapely.union_all([k, *_solid(more)]) for k, more in zip(kept, gained, strict=True)]
    )


def _solid(shapes: list[Any]) -> list[Any]:
    """Return the polygons among some shapes: cutting leaves lines and points where areas touch."""
    parts = shapely.get_parts(np.array(shapes, object)) if shapes else np.empty(0, object)
    return list(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def _places(
    lines: Shapes, owner: npt.NDArray[np.int64], every: float
) -> tuple[Shapes, npt.NDArray[np.int64]]:
    """Places in the middle of even steps along lines, each once, with their owner.

    The middle, so that none stands on the border between two parts of one road.
    """
    count = np.maximum(1, np.ceil(shapely.length(lines) / every)).astype(np.int64)
    of = np.repeat(np.arange(len(lines)), count)
    number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    spots = shapely.line_interpolate_point(lines[of], (number + 0.5) / count[of], normalized=True)
    xy = shapely.get_coordinates(spots)
    _, once = np.unique(np.round(xy, 3), axis=0, return_index=True)
    return spots[once], owner[of[once]]


def _without_inner(
    shapes: Shapes, which: npt.NDArray[np.int64], step: npt.NDArray[np.int64], *, together: bool
) -> Shapes:
    """Take from every area what the smaller limits hold: of its facility, or of all ``together``."""
    out = shapes.copy()
    groups = [np.arange(len(shapes))] if together else [
        np.flatnonzero(which == name) for name in np.unique(which)
    ]  # fmt: skip
    for rows in groups:
        held = None
        steps = np.unique(step[rows])
        for now, _ in pairwise([*steps, -1]):
            mine = rows[step[rows] == now]
            if held is not None:
                out[mine] = shapely.difference(shapes[mine], held)
            held = shapely.union_all([*shapes[mine], *([] if held is None else [held])])
    return out
