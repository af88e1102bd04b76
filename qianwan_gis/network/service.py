"""Service areas: roads cut exactly at the limit, and polygons built from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.network import areas, catchments
from qianwan_gis.network.places import anchor, as_places
from qianwan_gis.network.queries import (
    ServiceArea,
    in_space,
    retrying,
    run_chunks,
    take_labels,
    widened,
    workspace,
)
from qianwan_gis.network.spread import furthest
from qianwan_gis.network.topology import FloatArray, IntArray

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network.graph import Progress, RoadNetwork


def service_area(
    net: RoadNetwork, facilities: Any, limits: Iterable[float], by: str, mode: str, *,
    direction: str, merge: bool, rings: bool, polygons: bool, buffer_m: float, access: bool,
    threads: int | None, progress: Progress | None, overlap: bool = True,
) -> ServiceArea:  # fmt: skip
    """Answer `RoadNetwork.service_area`."""
    if merge and not overlap:
        raise UsageError(
            Text("merge 把各设施合为一片，不能再按设施划分（overlap=False）",
                 "merge makes one area of all facilities: it cannot go with overlap=False")
        )  # fmt: skip
    if polygons and not buffer_m > 0:
        raise UsageError(Text(f"buffer_m 须为正数，不是 {buffer_m}",
                              f"buffer_m must be above 0, not {buffer_m}"))  # fmt: skip
    if direction not in ("to", "from"):
        raise UsageError(
            Text(f"direction 只能是 to 或 from，不是“{direction}”",
                 f"direction is to or from, not “{direction}”")
        )  # fmt: skip
    steps = np.array(sorted({float(limit) for limit in limits}))
    if len(steps) == 0:
        raise UsageError(Text("至少给一个限值", "give at least one limit"))
    for step in steps:
        widened(step)
    places = as_places(net, facilities, mode=mode)
    if overlap:
        facility, limit, edge, low, high = covered_edges(
            net, places, steps, by, mode, direction=direction, access=access, threads=threads,
            progress=progress,
        )  # fmt: skip
    else:
        facility, limit, edge, low, high = catchments.exclusive_edges(
            net, places, steps, by, mode, direction=direction, access=access
        )
    if merge:
        facility, limit, edge, low, high = _merged(limit, edge, low, high)
    if rings:
        facility, limit, edge, low, high = _ringed(len(steps), facility, limit, edge, low, high)
    edges = _edge_table(net, places.index, steps, facility, limit, edge, low, high, merge=merge)
    shapes = (
        areas.polygons(net, edges, buffer_m, rings=rings, overlap=overlap)
        if polygons
        else edges.iloc[:0][["facility", "limit", "geometry"]]
    )
    return ServiceArea(edges, shapes)


def covered_edges(
    net: RoadNetwork, places: Any, steps: FloatArray, by: str, mode: str, *, direction: str,
    access: bool, threads: int | None, progress: Progress | None,
) -> tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray]:  # fmt: skip
    """Rows facility number, limit number, edge, from and to fraction; in that order."""
    results, chunks = _search(
        net, places, steps, by, mode, direction=direction, access=access, threads=threads,
        progress=progress,
    )  # fmt: skip
    columns: list[list[Any]] = [[], [], [], [], []]
    for chunk, (whole_ip, whole, cut_ip, cut, low, high, _) in zip(chunks, results, strict=True):
        for ip, edge, start, end in (
            (whole_ip, whole, np.zeros(len(whole)), np.ones(len(whole))),
            (cut_ip, cut, low, high),
        ):
            group = np.repeat(np.arange(len(ip) - 1), np.diff(ip))
            columns[0].append(chunk[group // len(steps)])
            columns[1].append((group % len(steps)).astype(np.int32))
            columns[2].append(edge)
            columns[3].append(start)
            columns[4].append(end)
    kinds = (np.int32, np.int32, np.int32, np.float64, np.float64)
    joined = [
        np.concatenate(parts) if parts else np.empty(0, kind)
        for parts, kind in zip(columns, kinds, strict=True)
    ]
    order = np.lexsort((joined[3], joined[2], joined[1], joined[0]))
    return tuple(column[order] for column in joined)  # type: ignore[return-value]


def _search(
    net: RoadNetwork, places: Any, steps: FloatArray, by: str, mode: str, *, direction: str,
    access: bool, threads: int | None, progress: Progress | None,
) -> tuple[list[Any], list[IntArray]]:  # fmt: skip
    """Run the searches; raw results by chunk of facilities."""
    from qianwan_gis.network import kernels
    from qianwan_gis.network.weights import SLACK

    topology, view = net.topology, net.view(mode, by)
    source = anchor(net, places, view, by, access=access, second=False)
    reverse = direction == "to"
    seeds = source.seeds(towards_core=not reverse)
    packed = view.packed(reverse=reverse)
    inv, count = view.buckets(0.7, furthest(seeds[:, 0:2]))
    chunks = in_space(source)

    def call(entries: int) -> list[Any] | None:
        def make() -> Any:
            return *workspace(view, count, entries), np.empty(topology.longest + 1)

        def task(chunk: IntArray, space: Any) -> Any:
            return kernels.service_chunk(
                topology.ip, packed, topology.a, topology.b, topology.start, topology.code,
                (view.along, view.against), reverse,
                chunk, source.ends, seeds, source.chain, source.where, source.tau, steps, SLACK,
                inv, *space, 4096,
            )  # fmt: skip

        results = run_chunks(chunks, task, make, threads, progress)
        return None if any(result[6] < 0 for result in results) else results

    return retrying(call, len(topology.arc) // 4 + 65_536), chunks


def _merged(limit: IntArray, edge: IntArray, low: FloatArray, high: FloatArray) -> Any:
    """Union of the parts covered by any facility, per limit and edge."""
    order = np.lexsort((low, edge, limit))
    limit, edge, low, high = limit[order], edge[order], low[order], high[order]
    if len(edge) == 0:
        return limit.copy(), limit, edge, low, high
    new = np.r_[True, (limit[1:] != limit[:-1]) | (edge[1:] != edge[:-1])]
    # running maximum of the ends inside each group: fractions are in [0, 1], so groups 2 apart
    group = np.cumsum(new) - 1
    reach = np.maximum.accumulate(high + 2.0 * group) - 2.0 * group
    first = np.flatnonzero(new | np.r_[True, low[1:] > reach[:-1]])
    return (
        np.zeros(len(first), np.int32), limit[first], edge[first], low[first],
        np.maximum.reduceat(high, first),
    )  # fmt: skip


def _ringed(
    steps: int, facility: IntArray, limit: IntArray, edge: IntArray, low: FloatArray,
    high: FloatArray,
) -> Any:  # fmt: skip
    """What each limit adds to the one below it, as parts of edges."""
    rows: list[tuple[Any, ...]] = []
    table = pd.DataFrame(
        {"facility": facility, "limit": limit, "edge": edge, "low": low, "high": high}
    )
    inner: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for step in range(steps):
        part = table[table["limit"] == step]
        now: dict[tuple[int, int], list[tuple[float, float]]] = {}
        for f, e, a, b in zip(
            part["facility"], part["edge"], part["low"], part["high"], strict=True
        ):
            now.setdefault((f, e), []).append((a, b))
        for (f, e), spans in now.items():
            rows.extend((f, step, e, a, b) for a, b in _without(spans, inner.get((f, e), [])))
        inner = now
    frame = pd.DataFrame(rows, columns=["facility", "limit", "edge", "low", "high"])
    frame = frame.sort_values(["facility", "limit", "edge", "low"], kind="stable")
    return (
        frame["facility"].to_numpy(np.int32), frame["limit"].to_numpy(np.int32),
        frame["edge"].to_numpy(np.int32), frame["low"].to_numpy(np.float64),
        frame["high"].to_numpy(np.float64),
    )  # fmt: skip


def _without(
    spans: list[tuple[float, float]], taken: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Parts of ascending spans that ascending taken spans leave over."""
    out = []
    for low, high in spans:
        at = low
        for a, b in taken:
            if b <= at or a >= high:
                continue
            if a > at:
                out.append((at, a))
            at = max(at, b)
        if at < high:
            out.append((at, high))
    return out


def _edge_table(
    net: RoadNetwork, index: pd.Index, steps: FloatArray, facility: IntArray, limit: IntArray,
    edge: IntArray, low: FloatArray, high: FloatArray, *, merge: bool,
) -> gpd.GeoDataFrame:  # fmt: skip
    import geopandas as gpd
    import shapely

    from qianwan_gis.network import kernels

    work = net.working
    ip, xy = kernels.cut_lines(work.pointer, work.xy, edge, low, high)
    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, xy, (ip,))
    table = pd.DataFrame(
        {
            "limit": steps[limit],
            "edge": edge,
            "from_fraction": low,
            "to_fraction": high,
            "metres": net.metres[edge] * (high - low),
        }
    )
    table.insert(0, "facility", "" if merge else take_labels(index, facility))
    return gpd.GeoDataFrame(table, geometry=lines, crs=work.crs).to_crs(net.crs)
