"""The state of road laying on the grid: class and route of every grid edge."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qianwan_gis.synthetic._grid import Floats, Grid, Ints

TRACK, VILLAGE, TOWNSHIP, COUNTY, TERTIARY, SECONDARY, PRIMARY, TRUNK = range(1, 9)
# cost of a metre of existing road, by class, against new ground
_DISCOUNT = np.array([1.0, 0.7, 0.5, 0.45, 0.4, 0.38, 0.34, 0.32, 0.32])


@dataclass
class Route:
    """A named road: ``ref`` and ``name`` of the grid edges that it owns."""

    name: str
    ref: str


@dataclass
class Works:
    """The state of the road laying: class and route of every grid edge."""

    grid: Grid
    ground: Floats
    rank: NDArray[np.int8]
    route: Ints
    routes: list[Route] = field(default_factory=lambda: [Route("", "")])

    def cost(self) -> Floats:
        """Cost of every grid edge in metres of easy ground, existing roads cheaper."""
        return np.asarray(self.ground * _DISCOUNT[self.rank])

    def lay(self, path: list[int], rank: int, route: int = 0) -> None:
        """Raise the class of the edges along ``path`` to at least ``rank``."""
        nodes = np.array(path)
        ids = self.grid.edge_ids(nodes[:-1], nodes[1:])
        better = self.rank[ids] < rank
        self.rank[ids[better]] = rank
        self.route[ids[better]] = route

    def name(self, name: str, ref: str) -> int:
        """Register a named road and return its number."""
        self.routes.append(Route(name, ref))
        return len(self.routes) - 1


@dataclass(frozen=True)
class Chains:
    """Runs of grid edges between junctions: node paths, class, route, and chain of each edge."""

    paths: list[list[int]]
    rank: list[int]
    route: list[int]
    of_edge: dict[int, int]
