"""One wave from all facilities, in blocks and on threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from qianwan_gis.network.places import Anchors
from qianwan_gis.network.topology import FloatArray
from qianwan_gis.network.weights import View

_BLOCK = 14  # nodes in a block, as a power of 2: their records and arcs fill about 1 MB of cache
_GROUP = 8192  # core nodes that are worth a thread
_GROUPS = 8  # at most; fixed, so that the answer does not depend on the threads
_SPARSE = 1024  # core nodes per seed from which one queue for all of them is faster than blocks
_PATIENCE = 3  # times that every node may be taken from the queue before blocks are given up
_ALL = 31  # as a block: larger than any graph
_BESIDE = 200_000  # nodes of a graph from which threads gain more than waking them up costs


class Wave(NamedTuple):
    """Answer of one wave from all facilities: records by core node, and what seeded it."""

    state: FloatArray
    seed_second: FloatArray


def furthest(seeds: FloatArray) -> float:
    """Largest finite starting cost."""
    finite = seeds[np.isfinite(seeds)]
    return float(finite.max()) if len(finite) else 0.0


def ranges(size: int, least: int) -> list[tuple[int, int]]:
    """Split 0 to size into at most 64 ranges of about equal size, ``least`` or more each."""
    count = max(1, min(64, size // least))
    bounds = [size * i // count for i in range(count + 1)]
    return list(pairwise(bounds))


def threads_for(size: int, threads: int | None) -> int:
    """Return the threads asked for; by default all processors, but one for a small graph."""
    if threads is not None:
        return max(threads, 1)
    return (os.cpu_count() or 1) if size >= _BESIDE else 1


def shared(task: Callable[..., Any], arguments: list[tuple[Any, ...]], threads: int) -> list[Any]:
    """Call the task with each of the arguments, on threads; results keep their order."""
    workers = min(threads, len(arguments))
    if workers <= 1:
        return [task(*one) for one in arguments]
    results: list[Any] = [None] * len(arguments)
    waiting = deque(range(len(arguments)))

    def work() -> None:
        while True:
            try:
                i = waiting.popleft()
            except IndexError:
                return
            results[i] = task(*arguments[i])

    with ThreadPoolExecutor(workers - 1) as executor:
        helpers = [executor.submit(work) for _ in range(workers - 1)]
        try:
            work()
        finally:
            waiting.clear()
        for helper in helpers:
            helper.result()
    return results


def spread(
    view: View, facilities: Anchors, limit: float, *, reverse: bool, threads: int | None = None
) -> Wave:
    """Spread one wave from all facilities over the core graph.

    With ``reverse`` it goes against travel and starts with the cost from a core node to the
    facility. The answer is the same for any number of threads.
    """
    from qianwan_gis.network import kernels

    seeds = facilities.seeds(towards_core=not reverse)
    cost, second = seeds[:, 0:2].ravel(), seeds[:, 2:4].ravel()
    entries = kernels.seed_records(facilities.ends.ravel(), cost, limit)
    cores = view.topology.cores
    search = _Search(view, view.packed(reverse=reverse), entries, limit, furthest(cost))
    state = None
    if cores >= 2 * _GROUP and len(entries) // 3 * _SPARSE >= cores:
        state = search.in_blocks(threads_for(len(view.topology.core_of), threads))
    return Wave(search.in_one() if state is None else state, second)


class _Search:
    """One wave, and the room that it takes."""

    def __init__(
        self, view: View, packed: FloatArray, entries: FloatArray, limit: float, reach: float
    ) -> None:
        self.view, self.packed, self.entries, self.limit, self.reach = (
            view, packed, entries, limit, reach,
        )  # fmt: skip

    def run(
        self, entries: FloatArray, lo: int, hi: int, block: int, width: float, state: FloatArray,
        room: int, *, fresh: bool, patience: int,
    ) -> tuple[int, FloatArray]:  # fmt: skip
        """Search the nodes lo to hi - 1; returns the status and what is left for other nodes."""
        from qianwan_gis.network import kernels

        inv, ring = self.view.buckets(width, self.reach)
        blocks = (max(hi - lo - 1, 0) >> block) + 1
        sent = np.empty(3 * room if hi - lo < self.view.topology.cores else 0)
        status, count = kernels.wave(
            self.view.topology.ip, self.packed, entries, self.limit, inv, ring, block, lo, hi,
            fresh, np.full(ring + blocks, -1, np.int32), np.empty(2 * room), state, sent, patience,
        )  # fmt: skip
        return status, sent[: 3 * count].copy()

    def in_one(self) -> FloatArray:
        """One queue for the whole graph."""
        cores = self.view.topology.cores
        state = np.empty(2 * cores)
        room = cores // 2 + len(self.entries) // 3 + 1024
        while True:
            status, _ = self.run(
                self.entries, 0, cores, _ALL, 2.0, state, room,
                fresh=True, patience=np.iinfo(np.int64).max,
            )  # fmt: skip
            if status == 0:
                return state
            room *= 2

    def in_blocks(self, threads: int) -> FloatArray | None:
        """Groups of blocks side by side, then what crosses between them; None if that drags on."""
        cores = self.view.topology.cores
        state = np.empty(2 * cores)
        count = min(_GROUPS, cores // _GROUP)
        groups = [(cores * g // count, cores * (g + 1) // count) for g in range(count)]
        room = cores // count // 2 + len(self.entries) // 3 + 1024
        while True:

            def search(lo: int, hi: int, room: int = room) -> tuple[int, FloatArray]:
                return self.run(
                    self.entries, lo, hi, _BLOCK, 1.0, state, room,
                    fresh=True, patience=_PATIENCE * (hi - lo),
                )  # fmt: skip

            found = shared(search, groups, threads)
            status = min(part[0] for part in found)
            if status == 0:
                crossing = np.concatenate([part[1] for part in found])
                status, _ = self.run(
                    crossing, 0, cores, _BLOCK, 1.0, state, room + len(crossing) // 3,
                    fresh=False, patience=_PATIENCE * cores,
                )  # fmt: skip
            if status == 0:
                return state
            if status == -2:
                return None
            room *= 2
