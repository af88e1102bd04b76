"""The street graph of a settlement: roads cut where they meet and where houses join them."""

from __future__ import annotations

import itertools
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


def build(lines: NDArray[Any], points: Array) -> tuple[Streets, NDArray[np.int64], Array, Array]:
    """Return the graph, the node where each point joins it, metres to the street, and the foot there.

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
        for low, high in itertools.pairwise(kept):
            part = shapely.ops.substring(lines[k], low, high)
            first, last = part.coords[0], part.coords[-1]
            ends.append((node(*first), node(*last)))
            pieces.append(part)
    end_xy = np.array(xy)
    # a point dropped for lying within SAME of another stop takes the nearest node of its line
    hold = shapely.STRtree(shapely.points(end_xy))
    feet = shapely.line_interpolate_point(lines[near], along)
    joined = np.asarray(hold.nearest(feet), np.int64)
    lengths = [float(part.length) for part in pieces]
    graph = Streets(end_xy, ends, pieces, lengths, _components(len(xy), ends))
    return graph, joined, np.asarray(away), shapely.get_coordinates(feet)


def share(
    spots: Array, feet: Array, away: Array, use: NDArray[np.bool_], reach: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]:
    """Let houses join the house connection of a neighbour where that is shorter than the street.

    Parameters
    ----------
    spots, feet, away
        Houses, their places on the street, and the distance between both.
    reach
        Longest way from a house to the street (m).

    Returns
    -------
    The house joined (-1: the street), the house at whose foot the water meets the street, metres of
    own connection, metres of way to the street.
    """
    n = len(spots)
    other, root = np.full(n, -1, np.int64), np.arange(n)
    own, way = away.copy(), away.copy()
    ends = feet.copy()  # where the own connection ends
    done: list[int] = []
    for i in np.lexsort((np.arange(n), away)).tolist():
        if not use[i]:
            continue
        if done and away[i] > SAME:
            k = np.array(done)
            a, b = spots[k], ends[k]
            run = b - a
            square = np.maximum((run**2).sum(axis=1), 1e-12)
            t = np.clip(((spots[i] - a) * run).sum(axis=1) / square, 0.0, 1.0)
            spot = a + t[:, None] * run
            gap = np.hypot(*(spots[i] - spot).T)
            whole = gap + way[k] - t * np.sqrt(square)
            gap = np.where(whole <= reach, gap, np.inf)
            j = int(np.argmin(gap))
            if gap[j] < away[i] - SAME:
                other[i], own[i], way[i] = done[j], gap[j], whole[j]
                ends[i], root[i] = spot[j], root[done[j]]
        done.append(i)
    return other, root, own, way


def _components(count: int, ends: list[tuple[int, int]]) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not ends:
        return np.arange(count)
    a, b = np.array(ends).T
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
