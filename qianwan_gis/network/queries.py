"""Nearest facilities and cost matrices."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.places import Anchors, Snapped, anchor, as_places
from qianwan_gis.network.spread import Wave, furthest, ranges, shared, spread, threads_for
from qianwan_gis.network.topology import FloatArray, IntArray
from qianwan_gis.network.weights import SLACK, View, with_second

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely import LineString

    from qianwan_gis.network.graph import Progress, RoadNetwork

_CHUNK = 32  # sources per task: small enough to share evenly, large enough to cost nothing
_READ = 1 << 15  # nodes per task when the answer of a wave is read at all of them


class Path(NamedTuple):
    """One path: its line, cost, and the edges walked (negative - 1: against their direction)."""

    geometry: LineString | None
    seconds: float
    metres: float
    edges: IntArray


class ServiceArea(NamedTuple):
    """Covered edges and the polygons around them."""

    edges: gpd.GeoDataFrame
    polygons: gpd.GeoDataFrame


# ---------------------------------------------------------------- helpers


def widened(limit: float | None) -> float:
    """Return the limit (inf for none) with the room that rounding needs; UsageError if unusable."""
    if limit is None:
        return float("inf")
    value = float(limit)
    if np.isnan(value) or value < 0.0:
        raise UsageError(Text(f"限值不能是 {limit}", f"a limit cannot be {limit}"))
    return value * SLACK


def take_labels(index: pd.Index, numbers: npt.NDArray[Any]) -> Any:
    """Return labels at the numbers; NaN where the number is -1."""
    if len(index) == 0:
        return np.full(len(numbers), np.nan)
    if len(numbers) and numbers.min() < 0:
        return index.to_series(index=pd.RangeIndex(len(index))).reindex(numbers).to_numpy()
    return index.take(numbers)


class Targets(NamedTuple):
    """Targets on chains, sorted by chain: what the kernels need for ways inside one chain."""

    chain: IntArray
    number: IntArray
    where: IntArray
    tau: FloatArray
    leg: FloatArray
    leg2: FloatArray


def targets_on_chains(anchors: Anchors) -> Targets:
    """Sort the places inside chains by chain, and along it: the kernels stop at a position."""
    inside = np.flatnonzero((anchors.chain >= 0) & (anchors.ends[:, 0] >= 0)).astype(np.int32)
    inside = inside[np.lexsort((inside, anchors.where[inside], anchors.chain[inside]))]
    return Targets(
        anchors.chain[inside], inside, anchors.where[inside], anchors.tau[inside],
        anchors.leg[inside], anchors.leg2[inside],
    )  # fmt: skip


class Attachments(NamedTuple):
    """Targets by core node (CSR): number, cost and second weight between node and target."""

    ip: IntArray
    number: IntArray
    cost: FloatArray
    second: FloatArray


def attachments(anchors: Anchors, cores: int, *, towards_target: bool) -> Attachments:
    """List by core node the targets that hang on it."""
    from qianwan_gis.network import kernels

    seeds = anchors.seeds(towards_core=not towards_target)
    number = np.repeat(np.arange(len(anchors), dtype=np.int32), 2)
    node = anchors.ends.ravel()
    cost, second = seeds[:, 0:2].ravel(), seeds[:, 2:4].ravel()
    keep = (node >= 0) & np.isfinite(cost)
    number, node, cost, second = number[keep], node[keep], cost[keep], second[keep]
    order, pointer = kernels.count_sort(node, cores)
    return Attachments(pointer.astype(np.int32), number[order], cost[order], second[order])


class Workspace(NamedTuple):
    """Arrays of one search; clean again after every source."""

    head: IntArray
    pool: FloatArray
    state: FloatArray
    touched: IntArray


def workspace(view: View, count: int, entries: int) -> Workspace:
    """Make the arrays of one search; pages that no search touches take no memory."""
    cores = view.topology.cores
    return Workspace(
        np.full(count, -1, np.int32),
        np.empty(2 * entries),
        np.full(2 * cores, np.inf),
        np.empty(cores + 2, np.int32),
    )


def run_chunks(
    chunks: Sequence[IntArray],
    task: Callable[[IntArray, Any], Any],
    make: Callable[[], Any],
    threads: int | None,
    progress: Progress | None,
) -> list[Any]:
    """Run the chunks on threads, each thread with a workspace of its own; results keep order.

    An exception (of a kernel, of ``progress`` or Ctrl-C) cancels what has not begun.
    """
    workers = max(1, min(threads or os.cpu_count() or 1, len(chunks)))
    total = sum(len(chunk) for chunk in chunks)
    done = 0
    if workers == 1:
        space = make()
        results = []
        for chunk in chunks:
            results.append(task(chunk, space))
            done += len(chunk)
            if progress:
                progress(done, total)
        return results
    spaces: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(workers):
        spaces.put(None)

    def run(chunk: IntArray) -> Any:
        space = spaces.get()
        if space is None:
            space = make()
        try:
            return task(chunk, space)
        finally:
            spaces.put(space)

    with ThreadPoolExecutor(workers) as executor:
        futures = [executor.submit(run, chunk) for chunk in chunks]
        try:
            for future, chunk in zip(futures, chunks, strict=True):
                future.result()
                done += len(chunk)
                if progress:
                    progress(done, total)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def in_space(anchors: Anchors) -> list[IntArray]:
    """Chunks of the usable places in the order of the core graph, so that neighbours share cache."""
    usable = np.flatnonzero(anchors.ends[:, 0] >= 0)
    order = usable[np.argsort(anchors.ends[usable, 0], kind="stable")].astype(np.int32)
    return [order[i : i + _CHUNK] for i in range(0, len(order), _CHUNK)]


def retrying(call: Callable[[int], Any], entries: int) -> Any:
    """Run a search whose queue may overflow, with twice the room each time."""
    while True:
        result = call(entries)
        if result is not None:
            return result
        entries *= 2


# ---------------------------------------------------------------- nearest


def nearest_nodes(
    net: RoadNetwork, facilities: Any, limit: float | None, by: str, mode: str,
    *, access: bool = True, second: bool = True, threads: int | None = None,
) -> tuple[FloatArray, FloatArray | None, IntArray]:  # fmt: skip
    """Cost to the nearest facility, second weight and facility number for every node."""
    from qianwan_gis.network import kernels

    topology, view = net.topology, net.view(mode, by)
    places = as_places(net, facilities, mode=mode)
    goal = anchor(net, places, view, by, access=access, second=second)
    top = widened(limit)
    wave = spread(view, goal, top, reverse=True, threads=threads)
    gates, reach, n = topology.gates, view.reach, len(net.x)
    best, label = np.empty(n), np.empty(n, np.int32)
    best2 = np.empty(n if second else 1)
    reach2 = carried = best2
    if second:
        wanted = np.arange(topology.cores, dtype=np.int32)
        carried = _carry(view, wave, wanted, view.sums2, wave.seed_second)
        reach2 = view.reach2

    def read(lo: int, hi: int) -> None:
        kernels.read_nodes(gates, reach, wave.state, top, lo, hi, best, label)
        if second:
            kernels.read_second(gates, reach, reach2, wave.state, carried, top, lo, hi, best2)

    shared(read, ranges(n, _READ), threads_for(n, threads))
    on = targets_on_chains(goal)
    if len(on.chain):
        kernels.read_chains(
            topology.start, topology.node, topology.a, topology.b, view.weights,
            view.weights2 if second else view.weights, wave.state, carried, tuple(on), second, top,
            topology.longest, best, best2, label,
        )  # fmt: skip
    return best, best2 if second else None, label


def _carry(
    view: View, wave: Wave, wanted: IntArray, sums: FloatArray, seeds: FloatArray
) -> FloatArray:
    """Add up a further weight along the trees of a reversed wave."""
    from qianwan_gis.network import kernels

    topology = view.topology
    out = np.full(topology.cores, np.nan)
    stack = np.empty(topology.cores + 1, np.int32)
    kernels.second_weight(topology.a, topology.b, sums, True, wave.state, seeds, wanted, out, stack)
    return out


def nearest(
    net: RoadNetwork, origins: Any, facilities: Any, k: int, limit: float | None, by: str,
    mode: str, *, access: bool, carry: Mapping[str, Any] | None, threads: int | None,
    progress: Progress | None,
) -> pd.DataFrame:  # fmt: skip
    """Answer `RoadNetwork.nearest`."""
    if k < 1:
        raise UsageError(Text(f"k 至少为 1，不是 {k}", f"k is at least 1, not {k}"))
    top = widened(limit)
    net.view(mode, by)  # a wrong option is told before any work
    start = as_places(net, origins, mode=mode)
    goal = as_places(net, facilities, mode=mode)
    if k > 1:
        return _nearest_k(
            net, start, goal, k, top, by, mode, access=access, carry=carry or {}, threads=threads,
            progress=progress,
        )  # fmt: skip
    found = nearest_one(
        net, start, goal, limit, by, mode, access=access, carry=carry or {}, threads=threads
    )
    if progress:
        progress(len(start), len(start))
    lost = np.isinf(found.seconds if by == "seconds" else found.metres)
    table: dict[str, Any] = {
        "origin": start.index,
        "facility": take_labels(goal.index, found.facility),
        "seconds": found.seconds,
        "metres": found.metres,
        "rank": np.ones(len(start), np.int64),
        **found.extra,
    }
    for name in ("seconds", "metres", *found.extra):
        table[name][lost] = np.nan
    return pd.DataFrame(table)


class Nearest(NamedTuple):
    """Nearest facility of every origin: cost both ways, its number (-1: none), further weights.

    ``seconds`` and ``metres`` are inf where none is reached.
    """

    seconds: FloatArray
    metres: FloatArray
    facility: IntArray
    extra: dict[str, FloatArray]


def nearest_one(
    net: RoadNetwork, start: Snapped, goal: Snapped, limit: float | None, by: str, mode: str,
    *, access: bool = True, carry: Mapping[str, Any] | None = None, threads: int | None = None,
) -> Nearest:  # fmt: skip
    """Answer `RoadNetwork.nearest` for k = 1 in arrays, for callers that ask many times."""
    all_nodes = len(start) * 8 > len(net.x) and bool((start.node >= 0).all()) and not carry
    extra: dict[str, FloatArray] = {}
    if all_nodes and not (access and start.metres.any()):
        cost, second, label = nearest_nodes(
            net, goal, limit, by, mode, access=access, threads=threads
        )
        assert second is not None  # noqa: S101  (asked for by default)
        cost, second, label = cost[start.node], second[start.node], label[start.node]
    else:
        cost, second, label, extra = _nearest_one(
            net, start, goal, widened(limit), by, mode, access=access, carry=carry or {},
            threads=threads,
        )  # fmt: skip
    second[np.isinf(cost)] = np.inf
    seconds, metres = (cost, second) if by == "seconds" else (second, cost)
    return Nearest(seconds, metres, label, extra)


def compared(before: pd.DataFrame, after: pd.DataFrame, by: str) -> pd.DataFrame:
    """Set two answers of `nearest` for the same origins side by side."""
    old, new = before[by].to_numpy(), after[by].to_numpy()
    change = new - old
    # the same way added up in another order is no change
    still = np.abs(change) <= (SLACK - 1.0) * np.maximum(np.abs(old), np.abs(new))
    verdict = np.select(
        [np.isnan(old) & np.isnan(new), np.isnan(new), np.isnan(old), still, change < 0],
        ["none", "lost", "gained", "same", "better"],
        "worse",
    )
    return pd.DataFrame(
        {
            "origin": before["origin"],
            "facility_before": before["facility"],
            "facility_after": after["facility"],
            "before": old,
            "after": new,
            "change": np.where(still, 0.0, change),
            "verdict": verdict,
        }
    )


def _nearest_one(
    net: RoadNetwork, start: Snapped, goal: Snapped, top: float, by: str, mode: str,
    *, access: bool, carry: Mapping[str, Any], threads: int | None,
) -> tuple[FloatArray, FloatArray, IntArray, dict[str, FloatArray]]:  # fmt: skip
    """One wave from the facilities, read off at the origins."""
    view = net.view(mode, by)
    a, f = (anchor(net, places, view, by, access=access) for places in (start, goal))
    wave, cost, second, label, _ = nearest_tree(view, a, f, top, threads)
    extra: dict[str, FloatArray] = {}
    for name, values in carry.items():
        other = with_second(view, net.edge_values(values, name))
        places = (anchor(net, p, other, by, access=access) for p in (start, goal))
        bare, goal_bare = (replace(p, leg2=np.zeros(len(p))) for p in places)
        extra[name] = _read(other, wave, bare, goal_bare, top)[1]
    return cost, second, label, extra


def nearest_tree(
    view: View, origins: Anchors, facilities: Anchors, top: float, threads: int | None = None
) -> tuple[Wave, FloatArray, FloatArray, IntArray, npt.NDArray[np.int8]]:
    """Wave from the facilities, and cost, second weight, facility and way of every origin."""
    wave = spread(view, facilities, top, reverse=True, threads=threads)
    return wave, *_read(view, wave, origins, facilities, top)


def _read(
    view: View, wave: Wave, origins: Anchors, facilities: Anchors, top: float
) -> tuple[FloatArray, FloatArray, IntArray, npt.NDArray[np.int8]]:
    """Read a wave at the origins, with the second weight of this view."""
    from qianwan_gis.network import kernels

    wanted = np.unique(origins.ends[origins.ends >= 0]).astype(np.int32)
    seeds = facilities.seeds(towards_core=False)[:, 2:4].ravel()
    carried = _carry(view, wave, wanted, view.sums2, seeds)
    cost, second, label, way = kernels.nearest_of(
        origins.ends, origins.seeds(towards_core=True), origins.chain, origins.where, origins.tau,
        wave.state, carried, view.weights, view.weights2, *targets_on_chains(facilities),
    )  # fmt: skip
    over = cost > top
    cost[over] = second[over] = np.inf
    label[over] = -1
    way[over] = -2
    return cost, second, label, way


def _nearest_k(
    net: RoadNetwork, start: Snapped, goal: Snapped, k: int, top: float, by: str, mode: str,
    *, access: bool, carry: Mapping[str, Any], threads: int | None, progress: Progress | None,
) -> pd.DataFrame:  # fmt: skip
    """Search from every origin until no better facility can come.

    Every further weight is carried by a search of its own, which takes the same ways.
    """
    view = net.view(mode, by)
    a, f = (anchor(net, places, view, by, access=access) for places in (start, goal))
    others = {
        name: with_second(view, net.edge_values(values, name)) for name, values in carry.items()
    }
    turns = 1 + len(others)
    cost, second, label = _k_best(view, a, f, k, top, threads, _part(progress, 0, turns))
    row, rank = np.nonzero(label >= 0)
    seconds, metres = (cost, second) if by == "seconds" else (second, cost)
    table = {
        "origin": start.index.take(row),
        "facility": take_labels(goal.index, label[row, rank]),
        "seconds": seconds[row, rank],
        "metres": metres[row, rank],
        "rank": rank + 1,
    }
    for turn, (name, other) in enumerate(others.items(), 1):
        a, f = (
            replace(anchor(net, places, other, by, access=access), leg2=np.zeros(len(places)))
            for places in (start, goal)
        )
        carried = _k_best(other, a, f, k, top, threads, _part(progress, turn, turns))[1]
        table[name] = carried[row, rank]
    return pd.DataFrame(table)


def _part(progress: Progress | None, turn: int, turns: int) -> Progress | None:
    """Progress of one of several equal turns, told as a part of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(turn * total + done, turns * total)


def _k_best(
    view: View, a: Anchors, f: Anchors, k: int, top: float, threads: int | None,
    progress: Progress | None,
) -> tuple[FloatArray, FloatArray, IntArray]:  # fmt: skip
    """Cost, second weight and number of the k nearest facilities (f) of every origin (a)."""
    from qianwan_gis.network import kernels

    topology = view.topology
    k = min(k, max(len(f), 1))
    seeds = a.seeds(towards_core=True)
    hung = attachments(f, topology.cores, towards_target=True)
    on = targets_on_chains(f)
    packed = view.packed(reverse=False)
    inv, count = view.buckets(0.7, furthest(seeds[:, 0:2]))
    limits = np.full(len(a), top)
    chunks = in_space(a)

    def call(entries: int) -> list[Any] | None:
        def task(chunk: IntArray, space: Workspace) -> Any:
            return kernels.nearest_chunk(
                topology.ip, packed, topology.a, topology.b, view.sums2,
                view.weights, view.weights2, k,
                chunk, a.ends, seeds, a.chain, a.where, a.tau, limits,
                *hung, *on, inv, *space,
            )  # fmt: skip

        results = run_chunks(
            chunks, task, lambda: workspace(view, count, entries), threads, progress
        )
        return None if any(result[3] < 0 for result in results) else results

    results = retrying(call, _first_entries(view))
    cost = np.full((len(a), k), np.inf)
    second = np.full((len(a), k), np.inf)
    label = np.full((len(a), k), -1, np.int32)
    for chunk, result in zip(chunks, results, strict=True):
        cost[chunk], second[chunk], label[chunk] = result[:3]
    return cost, second, label


def _first_entries(view: View) -> int:
    """Room of a local search's queue to begin with; it doubles when that is not enough."""
    return len(view.topology.arc) // 4 + 65_536


# ---------------------------------------------------------------- matrices


def od_matrix(
    net: RoadNetwork, origins: Any, destinations: Any, limit: float | None, by: str, mode: str,
    *, access: bool, threads: int | None, progress: Progress | None,
) -> pd.DataFrame:  # fmt: skip
    """Answer `RoadNetwork.od_matrix`: search from the smaller side, against travel if need be."""
    from qianwan_gis.network import kernels

    top = widened(limit)
    topology, view = net.topology, net.view(mode, by)
    start = as_places(net, origins, mode=mode)
    goal = as_places(net, destinations, mode=mode)
    a, f = (anchor(net, places, view, by, access=access) for places in (start, goal))
    reverse = len(f) < len(a)
    source, target = (f, a) if reverse else (a, f)
    seeds = source.seeds(towards_core=not reverse)
    hung = attachments(target, topology.cores, towards_target=not reverse)
    on = targets_on_chains(target)
    packed = view.packed(reverse=reverse)
    inv, count = view.buckets(0.7, furthest(seeds[:, 0:2]))
    limits = np.full(len(source), top)
    chunks = in_space(source)
    size = len(target)

    def call(entries: int) -> list[Any] | None:
        def make() -> Any:
            return (
                *workspace(view, count, entries),
                np.full(size, np.inf), np.empty(size, np.int64), np.empty(size, np.int32),
            )  # fmt: skip

        def task(chunk: IntArray, space: Any) -> Any:
            return kernels.matrix_chunk(
                topology.ip, packed, topology.a, topology.b, view.sums2,
                view.weights, view.weights2, reverse,
                chunk, source.ends, seeds, source.chain, source.where, source.tau, limits,
                *hung, *on, inv, *space, 4096,
            )  # fmt: skip

        results = run_chunks(chunks, task, make, threads, progress)
        return None if any(result[4] < 0 for result in results) else results

    results = retrying(call, _first_entries(view))
    row = np.concatenate(
        [np.repeat(c, np.diff(r[0])) for c, r in zip(chunks, results, strict=True)]
        or [np.empty(0, np.int32)]
    )
    column = _joined([r[1] for r in results], np.int32)
    cost, second = _joined([r[2] for r in results]), _joined([r[3] for r in results])
    if reverse:
        row, column = column, row
    order = kernels.count_sort(column, len(f))[0]
    order = order[kernels.count_sort(row[order], len(a))[0]]
    row, column, cost, second = row[order], column[order], cost[order], second[order]
    seconds, metres = (cost, second) if by == "seconds" else (second, cost)
    return pd.DataFrame(
        {
            "origin": start.index.take(row),
            "destination": goal.index.take(column),
            "seconds": seconds,
            "metres": metres,
        }
    )


def _joined(parts: list[Any], kind: Any = np.float64) -> Any:
    return np.concatenate(parts) if parts else np.empty(0, kind)
