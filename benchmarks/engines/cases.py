"""Made-up road networks of county, province and country size, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

#: Streets per side of the grid, demand points, facilities.
SIZES = {
    "tiny": (20, 30, 12), "county": (182, 600, 200), "province": (1150, 28_000, 5_000),
    "country": (3640, 200_000, 50_000),
}  # fmt: skip
PAIRS = 100
CRS = "EPSG:4547"

_ARRAYS = ("x", "y", "ip", "target", "seconds", "demand", "facility", "pairs")


@dataclass
class Case:
    """One network as a directed CSR graph with seconds, and what is asked of it."""

    x: np.ndarray
    y: np.ndarray
    ip: np.ndarray
    target: np.ndarray
    seconds: np.ndarray
    demand: np.ndarray
    facility: np.ndarray
    pairs: np.ndarray

    @property
    def source(self) -> np.ndarray:
        """Start node of every arc."""
        return np.repeat(np.arange(len(self.x), dtype=np.int32), np.diff(self.ip))

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        n = len(self.x)
        return sparse.csr_matrix((self.seconds, self.target, self.ip), shape=(n, n))

    @cached_property
    def reverse(self) -> sparse.csr_matrix:
        return self.matrix.T.tocsr()

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))


def load(folder: Path) -> Case:
    """Read a saved case into memory."""
    return Case(*(np.load(folder / f"{name}.npy") for name in _ARRAYS))


def make(size: str, seed: int = 11) -> Case:
    """A perturbed 400 m grid with a road hierarchy, gaps, bends (degree-2 nodes) and one-ways.

    Largest strongly connected part; nodes in the order of an extract: 4 km tiles shuffled, nodes
    shuffled inside.
    """
    side, demand, facilities = SIZES[size]
    rng = np.random.default_rng(seed)
    gx, gy = (g.ravel() for g in np.meshgrid(np.arange(side), np.arange(side)))
    x = 400.0 * (gx + rng.uniform(-0.35, 0.35, gx.size))
    y = 400.0 * (gy + rng.uniform(-0.35, 0.35, gy.size))
    number = np.arange(side * side).reshape(side, side)
    a = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
    b = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    street = np.r_[np.repeat(np.arange(side), side - 1), np.tile(np.arange(side), side - 1)]
    rank = np.zeros(a.size, np.int8)
    for level, every in enumerate((8, 32, 128), 1):
        rank[street % every == every // 2] = level
    keep = rng.random(a.size) > np.where(rank > 0, 0.03, 0.36)
    a, b, rank = a[keep], b[keep], rank[keep]
    kph = np.where(rank == 0, rng.uniform(25, 50, a.size), np.array([0, 60, 80, 105.0])[rank])
    kph *= rng.uniform(0.9, 1.1, a.size)
    seconds = np.hypot(x[a] - x[b], y[a] - y[b]) * rng.uniform(1, 1.4, a.size) / (kph / 3.6)
    oneway = rng.random(a.size) < 0.04
    # bends: up to three nodes inside an edge, at uneven distances
    bends = rng.choice(4, a.size, p=[0.68, 0.19, 0.09, 0.04])
    pieces = bends + 1
    edge = np.repeat(np.arange(a.size), pieces)
    place = np.arange(edge.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    fresh = x.size + np.cumsum(bends) - bends
    start = np.where(place == 0, a[edge], fresh[edge] + place - 1)
    stop = np.where(place == bends[edge], b[edge], fresh[edge] + place)
    share = rng.uniform(0.6, 1.4, edge.size)
    share /= np.bincount(edge, share)[edge]
    inner = place < bends[edge]
    t = (place[inner] + 1.0) / pieces[edge[inner]]
    bent = edge[inner]
    x = np.r_[x, x[a[bent]] + t * (x[b[bent]] - x[a[bent]]) + rng.uniform(-32, 32, t.size)]
    y = np.r_[y, y[a[bent]] + t * (y[b[bent]] - y[a[bent]]) + rng.uniform(-32, 32, t.size)]
    ahead = seconds[edge] * share
    back = ahead * rng.uniform(0.97, 1.03, edge.size)
    two = ~oneway[edge]
    u, v, w = np.r_[start, stop[two]], np.r_[stop, start[two]], np.r_[ahead, back[two]]
    n = x.size
    graph = sparse.csr_matrix((np.ones(u.size, np.int8), (u, v)), (n, n))
    _, part = connected_components(graph, connection="strong")
    inside = part == np.bincount(part).argmax()
    tile = (x // 4000).astype(np.int64) * 1_000_003 + (y // 4000).astype(np.int64)
    _, tile = np.unique(tile, return_inverse=True)
    key = np.where(inside, rng.permutation(tile.max() + 1)[tile], np.iinfo(np.int64).max)
    order = np.lexsort((rng.random(n), key))[: int(inside.sum())]
    rename = np.full(n, -1)
    rename[order] = np.arange(order.size)
    kept = inside[u] & inside[v]
    u, v, w = rename[u[kept]], rename[v[kept]], w[kept]
    by = np.lexsort((v, u))
    ip = np.r_[0, np.cumsum(np.bincount(u, minlength=order.size))]
    ask = np.random.default_rng(7)
    return Case(
        x[order], y[order], ip.astype(np.int32), v[by].astype(np.int32), w[by],
        np.sort(ask.choice(order.size, demand, replace=False)),
        np.sort(ask.choice(order.size, facilities, replace=False)),
        ask.choice(order.size, (PAIRS, 2)),
    )  # fmt: skip
