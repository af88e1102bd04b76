"""The grid on which a made-up county is laid out: nodes, edges to 8 neighbours, searches.

Nodes are moved off the regular positions so that roads and rivers do not look drawn on squared
paper. Searches are scipy's compiled Dijkstra.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Square grid of ``count`` x ``count`` nodes, numbered row by row from the upper left.

    Attributes
    ----------
    count, cell, origin
        Nodes per side, spacing in metres, map coordinates of the upper left corner.
    xy
        Coordinates of the nodes, (count * count, 2), metres.
    edges
        Undirected edges as pairs of nodes (lower number first), (m, 2).
    """

    count: int
    cell: float
    origin: tuple[float, float]
    xy: Floats
    edges: Ints

    @classmethod
    def make(
        cls, count: int, cell: float, origin: tuple[float, float], rng: np.random.Generator
    ) -> Grid:
        """Lay out a grid and move every node by up to 0.36 cells."""
        row, col = np.divmod(np.arange(count * count), count)
        xy = (
            np.column_stack([origin[0] + (col + 0.5) * cell, origin[1] - (row + 0.5) * cell])
            + rng.uniform(-0.36, 0.36, (count * count, 2)) * cell
        )
        number = np.arange(count * count).reshape(count, count)
        edges = np.concatenate(
            [
                np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
                np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
                np.column_stack([number[:-1, :-1].ravel(), number[1:, 1:].ravel()]),
                np.column_stack([number[:-1, 1:].ravel(), number[1:, :-1].ravel()]),
            ]
        )
        return cls(count, cell, origin, np.round(xy, 2), edges)

    def node(self, row: int, col: int) -> int:
        """Return the number of the node in a row and column."""
        return row * self.count + col

    def nearest_node(self, xy: Floats) -> Ints:
        """Return the node whose cell holds each point."""
        col = np.clip(((xy[:, 0] - self.origin[0]) / self.cell).astype(int), 0, self.count - 1)
        row = np.clip(((self.origin[1] - xy[:, 1]) / self.cell).astype(int), 0, self.count - 1)
        return np.asarray(row * self.count + col, dtype=np.int64)

    def distance_between(self, a: Ints, b: Ints) -> Floats:
        """Return straight distances between nodes, metres."""
        delta = self.xy[a] - self.xy[b]
        return np.asarray(np.hypot(delta[:, 0], delta[:, 1]))

    def base_lengths(self) -> Floats:
        """Return the lengths of `edges`, metres."""
        return self.distance_between(self.edges[:, 0], self.edges[:, 1])

    def edge_ids(self, a: Ints, b: Ints) -> Ints:
        """Return the positions in `edges` of the edges between neighbours ``a`` and ``b``."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        n = self.count
        row, col = np.divmod(low, n)
        step = high - low
        across, down = n * (n - 1), (n - 1) * (n - 1)
        return np.select(
            [step == 1, step == n, step == n + 1, step == n - 1],
            [
                row * (n - 1) + col,
                across + low,
                2 * across + row * (n - 1) + col,
                2 * across + down + row * (n - 1) + col - 1,
            ],
        )

    def search(
        self, cost: Floats, sources: Ints, *, edges: NDArray[np.bool_] | None = None
    ) -> tuple[Floats, Ints, Ints]:
        """Least cost from the nearest source to every node.

        Returns
        -------
        cost, previous node (-1 at sources and where unreachable), source (-1 unreachable).
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import dijkstra

        pairs, weight = (self.edges, cost) if edges is None else (self.edges[edges], cost[edges])
        size = len(self.xy)
        graph = coo_array((weight, (pairs[:, 0], pairs[:, 1])), shape=(size, size)).tocsr()
        best, previous, source = dijkstra(
            graph, directed=False, indices=sources, min_only=True, return_predecessors=True
        )
        return (
            best,
            np.where(previous < 0, -1, previous).astype(np.int64),
            np.where(source < 0, -1, source).astype(np.int64),
        )


def walk(previous: Ints, start: int) -> list[int]:
    """Return the nodes from ``start`` back to its source along a search tree."""
    path = [start]
    while (node := int(previous[path[-1]])) >= 0:
        path.append(node)
    return path


def chaikin(lines: list[Floats], *, rounds: int) -> list[Floats]:
    """Round the corners of many lines at once (Chaikin 1974); ends stay.

    Every line is an array (points, dimensions); extra dimensions are interpolated with x and y.
    """
    if not lines:
        return []
    sizes = np.array([len(line) for line in lines])
    points = np.concatenate(lines)
    for _ in range(rounds):
        first = np.r_[0, np.cumsum(sizes)[:-1]]
        last = first + sizes - 1
        start = np.ones(len(points), dtype=bool)
        start[last] = False
        a, b = points[np.flatnonzero(start)], points[np.flatnonzero(start) + 1]
        cut = np.empty((2 * len(a), points.shape[1]))
        cut[0::2] = 0.75 * a + 0.25 * b
        cut[1::2] = 0.25 * a + 0.75 * b
        new_sizes = 2 * (sizes - 1)
        new_first = np.r_[0, np.cumsum(new_sizes)[:-1]]
        cut[new_first] = points[first]
        cut[new_first + new_sizes - 1] = points[last]
        points, sizes = cut, new_sizes
    return np.split(points, np.cumsum(sizes)[:-1])
