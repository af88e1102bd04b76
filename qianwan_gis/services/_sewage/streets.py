"""The street graph of a settlement: roads cut where they meet and where houses join them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import shapely.ops

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Points on a street closer than this are one place (m).
SAME = 0.05


@dataclass(frozen=True)
class Streets:
    """Streets as a graph.

    Attributes
    ----------
    xy
        Node coordinates.
    ends, lines, length
        Edges: both nodes, geometry from the first to the second, metres.
    component
        Connected part of every node.
    """

    xy: Array
    ends: list[tuple[int, int]]
    lines: list[Any]
    length: list[float]
    component: NDArray[np.int64]


def node_lines(lines: NDArray[Any]) -> NDArray[Any]:
    """Cut lines wherever two of them meet; duplicates are merged."""
    merged = shapely.union_all(shapely.force_2d(lines))
    parts = shapely.get_parts(merged)
    return np.asarray(parts[shapely.get_type_id(parts) == 1])


def build(lines: NDArray[Any], points: Array) -> tuple[Streets, NDArray[np.int64], Array]:
    """Return the graph, the node where each point joins it, and the metres from point to street.

    Parameters
    ----------
    lines
        Noded street lines.
    points
        (n, 2) coordinates of houses and the sink.
    """
    tree = shapely.STRtree(lines)
    spots = shapely.points(points)
    near = tree.nearest(spots)
    away = shapely.distance(spots, lines[near])
    along = shapely.line_locate_point(lines[near], spots)
    total = shapely.length(lines)
    number: dict[tuple[int, int], int] = {}
    xy: list[tuple[float, float]] = []

    def node(x: float, y: float) -> int:
        key = (round(x / SAME), round(y / SAME))
        if key not in number:
            number[key] = len(xy)
            xy.append((x, y))
        return number[key]

    cuts: dict[int, list[float]] = {}
    for k, where in zip(near.tolist(), along.tolist(), strict=True):
        cuts.setdefault(k, []).append(where)
    ends: list[tuple[int, int]] = []
    pieces: list[Any] = []
    for k in range(len(lines)):
        stops = sorted({0.0, float(total[k]), *cuts.get(k, [])})
        kept = [stops[0]]
        for stop in stops[1:-1]:
            if stop - kept[-1] > SAME and total[k] - stop > SAME:
                kept.append(stop)
        kept.append(stops[-1])
        for low, high in zip(kept, kept[1:], strict=False):
            part = shapely.ops.substring(lines[k], low, high)
            first, last = part.coords[0], part.coords[-1]
            ends.append((node(*first), node(*last)))
            pieces.append(part)
    joined = np.empty(len(points), np.int64)
    end_xy = np.array(xy)
    # a point dropped for lying within SAME of another stop takes the nearest node of its line
    hold = shapely.STRtree(shapely.points(end_xy))
    for i, (k, where) in enumerate(zip(near.tolist(), along.tolist(), strict=True)):
        spot = shapely.line_interpolate_point(lines[k], where)
        joined[i] = int(hold.nearest(spot))
    lengths = [float(part.length) for part in pieces]
    graph = Streets(end_xy, ends, pieces, lengths, _components(len(xy), ends))
    return graph, joined, np.asarray(away)


def _components(count: int, ends: list[tuple[int, int]]) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not ends:
        return np.arange(count)
    a, b = np.array(ends).T
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
