"""Roads that pipes may follow, with villages and works joined to them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely
import shapely.ops

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

_PROFILE_M = 60.0  # between heights along a pipe
LEAST_M = 1.0  # shortest pipe


@dataclass
class Graph:
    """Roads as undirected edges, with villages and works joined by a leg of their own.

    Attributes
    ----------
    ends, length, lines
        Edges: both nodes, metres, geometry from the first to the second.
    presumed
        Whether each edge follows a presumed road.
    place
        Node of every terminal (villages, then works); -1 where no road is near.
    near
        By node: (neighbour, metres, edge).
    top
        Highest ground (m) along each edge; empty where all is level.
    climb
        Metres of rise along each edge, both ways together.
    """

    ends: list[tuple[int, int]]
    length: list[float]
    lines: list[Any]
    presumed: list[bool]
    place: NDArray[np.int64]
    near: list[list[tuple[int, float, int]]]
    top: list[float] = field(default_factory=list)
    climb: list[float] = field(default_factory=list)


def build_graph(
    network: RoadNetwork, points: gpd.GeoSeries, reach: float, terrain: Terrain | None = None
) -> Graph:
    """Return the roads open to walkers as a graph that has ``points`` as nodes.

    Motorways carry no pipes; what walkers may use does. A point further than ``reach`` metres from
    any road gets no node. Roads over ground without heights carry no pipes.
    """
    mode = "walk" if "walk" in network.modes else None
    places = network.snap(points, mode=mode, farthest=reach)
    open_edge = np.asarray(network.passable(mode))
    spots = shapely.get_coordinates(points.to_crs(network.working.crs).to_numpy())
    lines = _working_lines(network)
    cuts: dict[int, list[tuple[float, int]]] = {}
    for i in range(len(places)):
        if places.edge[i] >= 0:
            cuts.setdefault(int(places.edge[i]), []).append((float(places.fraction[i]), i))
    count = len(network.x)
    ends: list[tuple[int, int]] = []
    parts: list[Any] = []
    presumed: list[bool] = []
    spot_node = np.full(len(places), -1)
    flags = network.presumed
    for e in np.flatnonzero(open_edge).tolist():
        a, b = int(network.u[e]), int(network.v[e])
        line = lines[e]
        stops: list[tuple[float, int]] = [(0.0, a)]
        for share, i in sorted(cuts.get(e, [])):
            if share * line.length <= LEAST_M:
                spot_node[i] = a
            elif (1.0 - share) * line.length <= LEAST_M:
                spot_node[i] = b
            elif (share - stops[-1][0]) * line.length <= LEAST_M:
                spot_node[i] = stops[-1][1]
            else:
                spot_node[i] = count
                stops.append((share, count))
                count += 1
        stops.append((1.0, b))
        for (low, first), (high, last) in itertools.pairwise(stops):
            if first != last:
                ends.append((first, last))
                parts.append(shapely.ops.substring(line, low, high, normalized=True))
                presumed.append(bool(flags[e]))
    at_node = (places.edge < 0) & (places.node >= 0)
    spot_node[at_node] = places.node[at_node]
    place = np.full(len(places), -1)
    for i in np.flatnonzero(spot_node >= 0).tolist():
        place[i] = count
        ends.append((int(spot_node[i]), count))
        parts.append(shapely.LineString([(places.x[i], places.y[i]), spots[i]]))
        presumed.append(False)
        count += 1
    top: list[float] = []
    climb: list[float] = []
    if terrain is not None:
        top, climb = _relief(parts, terrain, network.working.crs)
        known = [k for k, z in enumerate(top) if np.isfinite(z)]
        ends = [ends[k] for k in known]
        parts = [parts[k] for k in known]
        presumed = [presumed[k] for k in known]
        top, climb = [top[k] for k in known], [climb[k] for k in known]
    length = [max(float(p.length), LEAST_M) for p in parts]
    near: list[list[tuple[int, float, int]]] = [[] for _ in range(count)]
    for e, (a, b) in enumerate(ends):
        near[a].append((b, length[e], e))
        near[b].append((a, length[e], e))
    return Graph(ends, length, parts, presumed, place, near, top, climb)


def _relief(parts: list[Any], terrain: Terrain, crs: Any) -> tuple[list[float], list[float]]:
    """Highest ground and rise both ways of every edge; NaN where a height is missing."""
    samples = [stations(part)[1] for part in parts]
    if not samples:
        return [], []
    z_all = heights(np.vstack(samples), terrain, crs, missing="nan")
    top, climb, start = [], [], 0
    for points in samples:
        z = z_all[start : start + len(points)]
        start += len(points)
        top.append(float(z.max()))
        climb.append(float(np.abs(np.diff(z)).sum()))
    return top, climb


def _working_lines(network: RoadNetwork) -> Any:
    work = network.working
    return shapely.from_ragged_array(
        shapely.GeometryType.LINESTRING, np.ascontiguousarray(work.xy), (work.pointer,)
    )


def stations(line: Any) -> tuple[Array, Array]:
    """Return where heights are taken along a line: metres from its beginning, and coordinates."""
    along = np.linspace(0.0, line.length, max(2, int(np.ceil(line.length / _PROFILE_M)) + 1))
    return along, shapely.get_coordinates(shapely.line_interpolate_point(line, along))


def heights(
    points: Array, terrain: Terrain, crs: Any, missing: Literal["error", "nan"] = "error"
) -> Array:
    """Return the ground (m) at coordinates."""
    import geopandas as gpd

    series = gpd.GeoSeries(shapely.points(points), crs=crs)
    return np.asarray(terrain.sample(series, missing=missing))


__all__ = ["LEAST_M", "Graph", "build_graph", "heights", "stations"]
