"""Paths between places."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.places import Anchors, Snapped, anchor, as_places
from qianwan_gis.network.queries import (
    Path,
    _joined,
    nearest_tree,
    retrying,
    run_chunks,
    take_labels,
    widened,
)
from qianwan_gis.network.spread import Wave, furthest, ranges, shared, threads_for
from qianwan_gis.network.topology import FloatArray, IntArray

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network.graph import Progress, RoadNetwork
    from qianwan_gis.network.weights import View

_ROWS = 2048  # paths per task: enough to be worth a thread


def shortest_paths(
    net: RoadNetwork, origins: Any, destinations: Any, by: str, mode: str, *, access: bool = True,
    geometry: bool = True, threads: int | None = 1, progress: Progress | None = None,
) -> list[Path]:  # fmt: skip
    """Answer `RoadNetwork.shortest_paths`."""
    from qianwan_gis.network import kernels

    topology, view = net.topology, net.view(mode, by)
    start, goal = (as_places(net, what, mode=mode) for what in (origins, destinations))
    if len(start) != len(goal):
        raise UsageError(
            Text(f"起点{len(start)}个，终点{len(goal)}个，应一一对应",
                 f"{len(start)} origins and {len(goal)} destinations do not pair up")
        )  # fmt: skip
    a, f = (anchor(net, places, view, by, access=access) for places in (start, goal))
    out, into = a.seeds(towards_core=True), f.seeds(towards_core=False)
    direct = kernels.direct_costs(view.weights, a.chain, a.where, a.tau, f.chain, f.where, f.tau)
    direct = direct + a.leg + f.leg
    ahead, back = view.packed(reverse=False), view.packed(reverse=True)
    reach = max(furthest(out[:, 0:2]), furthest(into[:, 0:2]))
    inv, count = view.buckets(0.7, reach)
    cores = topology.cores
    rows = np.arange(len(start), dtype=np.int32)
    chunks = [rows[i : i + 8] for i in range(0, len(rows), 8)]

    def call(entries: int) -> list[Any] | None:
        def make() -> Any:
            return (
                np.full((2, count), -1, np.int32), np.empty(2 * entries), np.empty(2 * entries),
                np.full(2 * cores, np.inf), np.full(2 * cores, np.inf),
                np.empty((2, cores + 2), np.int32),
            )  # fmt: skip

        def task(chunk: IntArray, space: Any) -> Any:
            return [
                kernels.two_sided(
                    topology.ip, ahead, back, topology.a, topology.b, a.ends[i], out[i, 0:2],
                    f.ends[i], into[i, 0:2], direct[i], inv, *space,
                )
                for i in chunk
            ]  # fmt: skip

        found = [r for part in run_chunks(chunks, task, make, threads, progress) for r in part]
        return None if any(result[3] < 0 for result in found) else found

    found = retrying(call, len(topology.arc) + 1024)
    cost = np.array([result[0] for result in found])
    arcs = _joined([result[1] for result in found], np.int32)
    stop = np.cumsum([len(result[1]) for result in found], dtype=np.int64)
    begin = np.r_[0, stop[:-1]] if len(found) else stop
    ends = np.array([result[2] for result in found], np.int8).reshape(-1, 2)
    ends[np.isinf(cost)] = -2
    walked = _walked(view, a, f, ends[:, 0], (begin, stop, arcs, ends[:, 1]), rows)
    second = np.where(np.isinf(cost), np.nan, walked.second)
    cost[np.isinf(cost)] = np.nan
    lines = _lines(net, walked, start, ~np.isnan(cost)) if geometry else [None] * len(start)
    seconds, metres = (cost, second) if by == "seconds" else (second, cost)
    return [
        Path(
            lines[i], float(seconds[i]), float(metres[i]),
            walked.edge[walked.pointer[i] : walked.pointer[i + 1]],
        )
        for i in range(len(start))
    ]  # fmt: skip


def paths_to_nearest(
    net: RoadNetwork, origins: Any, facilities: Any, limit: float | None, by: str, mode: str,
    *, access: bool,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Answer `RoadNetwork.nearest_paths`: every path comes from the tree of one wave."""
    import geopandas as gpd

    view = net.view(mode, by)
    start, goal = (as_places(net, what, mode=mode) for what in (origins, facilities))
    a, f = (anchor(net, places, view, by, access=access) for places in (start, goal))
    wave, cost, second, label, way = nearest_tree(view, a, f, widened(limit))
    goals = f.take(np.maximum(label, 0)) if len(f) else a
    walked = tree_ways(view, wave, a, goals, way)
    reached = label >= 0
    seconds, metres = (cost, second) if by == "seconds" else (second, cost)
    table = pd.DataFrame(
        {
            "origin": start.index,
            "facility": take_labels(goal.index, label),
            "seconds": np.where(reached, seconds, np.nan),
            "metres": np.where(reached, metres, np.nan),
        }
    )
    return gpd.GeoDataFrame(table, geometry=_lines(net, walked, start, reached), crs=net.crs)


class _Walked(NamedTuple):
    """Pieces of edges of many paths, and their second weight."""

    pointer: npt.NDArray[np.int64]
    edge: IntArray
    low: FloatArray
    high: FloatArray
    second: FloatArray


def tree_ways(view: View, wave: Wave, a: Anchors, goals: Anchors, way: Any) -> _Walked:
    """Pieces of the paths from places to their goals along the trees of a reversed wave."""
    from qianwan_gis.network import kernels

    topology = view.topology
    ends = a.ends[np.arange(len(a)), np.maximum(way, 0)]
    node = np.where(way >= 0, ends, np.int32(-1)).astype(np.int32)
    order = kernels.radix_argsort(node.view(np.uint32))
    begin, stop = np.zeros(len(a), np.int64), np.zeros(len(a), np.int64)
    end = np.empty(len(a), np.int8)

    def climb(lo: int, hi: int) -> IntArray:
        return kernels.tree_paths(  # type: ignore[no-any-return]
            topology.a, topology.b, wave.state, node, order[lo:hi], begin, stop, end
        )

    parts = ranges(len(a), _ROWS)
    arcs = shared(climb, parts, threads_for(len(topology.core_of), None))
    base = 0
    for (lo, hi), part in zip(parts, arcs, strict=True):
        begin[order[lo:hi]] += base
        stop[order[lo:hi]] += base
        base += len(part)
    return _walked(view, a, goals, way, (begin, stop, _joined(arcs, np.int32), end), order)


def _walked(
    view: View, a: Anchors, f: Anchors, leave: Any, arcs: tuple[Any, ...], order: IntArray
) -> _Walked:
    """Pieces of paths by their arcs: where each one's begin and stop, all arcs, the end reached."""
    from qianwan_gis.network import kernels

    n, topology, weights = len(a), view.topology, view.weights2
    begin, stop, taken, enter = arcs
    threads = threads_for(len(topology.core_of), None)
    pointer, total = np.zeros(n + 1, np.int64), np.zeros(n)
    edge, low, high = np.empty(0, np.int32), np.empty(0), np.empty(0)

    def walk(lo: int, hi: int, *, write: bool) -> None:
        kernels.path_pieces(
            topology.start, a.chain, a.where, a.tau, leave, begin, stop, taken, f.chain, f.where,
            f.tau, enter, weights, order[lo:hi], write, pointer, edge, low, high, total,
        )  # fmt: skip

    shared(partial(walk, write=False), ranges(n, _ROWS), threads)
    np.cumsum(pointer, out=pointer)
    size = int(pointer[-1])
    edge, low, high = np.empty(size, np.int32), np.empty(size), np.empty(size)
    shared(partial(walk, write=True), ranges(n, _ROWS), threads)
    return _Walked(pointer, edge, low, high, total + a.leg2 + f.leg2)


def _lines(
    net: RoadNetwork, walked: _Walked, start: Snapped, reached: npt.NDArray[np.bool_]
) -> npt.NDArray[Any]:
    """Lines of the paths in the network's CRS; a path without length has two equal points."""
    import geopandas as gpd

    from qianwan_gis.network import kernels

    work = net.working
    ip, xy = kernels.join_pieces(
        work.pointer, work.xy, walked.pointer, walked.edge, walked.low, walked.high
    )
    out = np.full(len(start), None, object)
    drawn = np.diff(ip) > 1
    if drawn.any():
        counts = np.diff(ip)[drawn]
        rows = np.repeat(drawn, np.diff(ip))
        offsets = np.r_[0, np.cumsum(counts)].astype(np.int64)
        out[drawn] = shapely.from_ragged_array(
            shapely.GeometryType.LINESTRING, xy[rows], (offsets,)
        )
    for i in np.flatnonzero(reached & ~drawn):
        here = _work_point(net, start, int(i))
        out[i] = shapely.LineString([here, here])
    if net.crs.is_projected:
        return out
    return np.asarray(gpd.GeoSeries(out, crs=work.crs).to_crs(net.crs).array, dtype=object)


def _work_point(net: RoadNetwork, places: Snapped, i: int) -> tuple[float, float]:
    """Coordinates of a place in the working CRS."""
    if places.node[i] >= 0 and not net.crs.is_projected:
        import pyproj

        move = pyproj.Transformer.from_crs(net.crs, net.working.crs, always_xy=True)
        x, y = move.transform(net.x[places.node[i]], net.y[places.node[i]])
        return float(x), float(y)
    return float(places.x[i]), float(places.y[i])
