"""Paths between places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.places import Anchors, Snapped, anchor, as_places
from qianwan_gis.network.queries import Path, furthest, retrying, run_chunks
from qianwan_gis.network.topology import FloatArray, IntArray

if TYPE_CHECKING:
    from qianwan_gis.network.graph import RoadNetwork
    from qianwan_gis.network.weights import View

# One piece of a path: edge, fraction where it is entered, fraction where it is left.
Piece = tuple[int, float, float]


def shortest_paths(
    net: RoadNetwork, origins: Any, destinations: Any, by: str, mode: str, *, access: bool = True,
    geometry: bool = True, threads: int | None = 1,
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
    direct = kernels.direct_costs(
        view.along, view.against, a.chain, a.where, a.tau, f.chain, f.where, f.tau
    )
    direct = direct + a.leg + f.leg
    ahead, back = view.packed(reverse=False), view.packed(reverse=True)
    reach = max(furthest(out[:, 0:2]), furthest(into[:, 0:2]))
    inv, count = view.buckets(1.0, reach)
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

        found = [r for part in run_chunks(chunks, task, make, threads, None) for r in part]
        return None if any(result[3] < 0 for result in found) else found

    found = retrying(call, len(topology.target) + 1024)
    return [
        _assemble(net, view, by, start, goal, a, f, i, *found[i][:3], geometry=geometry)
        for i in rows
    ]


def _assemble(
    net: RoadNetwork, view: View, by: str, start: Snapped, goal: Snapped, a: Anchors, f: Anchors,
    i: int, cost: float, arcs: IntArray, seeds: IntArray, *, geometry: bool,
) -> Path:  # fmt: skip
    """Turn arcs into pieces of edges, add up both weights, and draw the line."""
    nothing = np.empty(0, np.int32)
    if not np.isfinite(cost):
        return Path(None, float("nan"), float("nan"), nothing)
    topology = view.topology
    steps: list[tuple[int, float, float]] = []  # chain position, from tau, to tau

    def walk(p: int, s: float, q: int, t: float) -> None:
        """Append the way along one chain from (p, s) to (q, t)."""
        if p == q:
            steps.append((p, s, t))
        elif p < q:
            steps.append((p, s, 1.0))
            steps.extend((k, 0.0, 1.0) for k in range(p + 1, q))
            steps.append((q, 0.0, t))
        else:
            steps.append((p, s, 0.0))
            steps.extend((k, 1.0, 0.0) for k in range(p - 1, q, -1))
            steps.append((q, 1.0, t))

    if seeds[0] < 0:
        if a.chain[i] >= 0:
            walk(a.where[i], a.tau[i], f.where[i], f.tau[i])
    else:
        if a.chain[i] >= 0:
            first, last = topology.start[a.chain[i]], topology.start[a.chain[i] + 1] - 1
            if seeds[0] == 0:
                walk(a.where[i], a.tau[i], first, 0.0)
            else:
                walk(a.where[i], a.tau[i], last, 1.0)
        for arc in arcs:
            first, last = topology.start[arc >> 1], topology.start[(arc >> 1) + 1] - 1
            if arc & 1:
                walk(last, 1.0, first, 0.0)
            else:
                walk(first, 0.0, last, 1.0)
        if f.chain[i] >= 0:
            first, last = topology.start[f.chain[i]], topology.start[f.chain[i] + 1] - 1
            if seeds[1] == 0:
                walk(first, 0.0, f.where[i], f.tau[i])
            else:
                walk(last, 1.0, f.where[i], f.tau[i])
    second = float(a.leg2[i] + f.leg2[i])
    pieces: list[Piece] = []
    for k, s, t in steps:
        if s == t:
            continue
        weight = view.along2[k] if t > s else view.against2[k]
        second += float(weight) * abs(t - s)
        code = int(topology.code[k])
        pieces.append((code >> 1, 1.0 - s, 1.0 - t) if code & 1 else (code >> 1, s, t))
    edges = np.array([e if t > s else -e - 1 for e, s, t in pieces], np.int32)
    line = _line(net, pieces, start, i) if geometry else None
    seconds, metres = (cost, second) if by == "seconds" else (second, cost)
    return Path(line, float(seconds), float(metres), edges)


def _line(net: RoadNetwork, pieces: list[Piece], start: Snapped, i: int) -> shapely.LineString:
    """Join the pieces; a path without length is a line of two equal points."""
    from qianwan_gis.network import kernels

    work = net.working
    if not pieces:
        here = _work_point(net, start, i)
        xy: FloatArray = np.array([here, here])
    else:
        edge = np.array([p[0] for p in pieces], np.int32)
        low = np.array([min(p[1:]) for p in pieces])
        high = np.array([max(p[1:]) for p in pieces])
        ip, part = kernels.cut_lines(work.pointer, work.xy, edge, low, high)
        parts = [
            part[ip[j] : ip[j + 1]] if p[2] > p[1] else part[ip[j] : ip[j + 1]][::-1]
            for j, p in enumerate(pieces)
        ]
        xy = np.concatenate(parts)
        keep = np.r_[True, (np.diff(xy, axis=0) != 0).any(axis=1)]
        xy = xy[keep] if keep.sum() > 1 else xy[:2]
    line = shapely.LineString(xy)
    if net.crs.is_projected:
        return line
    import geopandas as gpd

    return gpd.GeoSeries([line], crs=work.crs).to_crs(net.crs).iloc[0]


def _work_point(net: RoadNetwork, places: Snapped, i: int) -> tuple[float, float]:
    """Coordinates of a place in the working CRS."""
    if places.node[i] >= 0 and not net.crs.is_projected:
        import pyproj

        move = pyproj.Transformer.from_crs(net.crs, net.working.crs, always_xy=True)
        x, y = move.transform(net.x[places.node[i]], net.y[places.node[i]])
        return float(x), float(y)
    return float(places.x[i]), float(places.y[i])
