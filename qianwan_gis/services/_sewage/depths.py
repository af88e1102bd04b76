"""Depths of a sewer tree: the cheapest depths and lifting stations, exactly, on a depth grid.

A tree of manholes drains to a root. Each manhole's outgoing pipe leaves at a depth of the grid, at
or below all arrivals, or is lifted to a shallower one by a pump, or is a pressure main with a pump. Dynamic programming from the leaves
finds the least life-cycle cost over all choices. The grid starts at nought with a fixed step, so a
deeper limit only adds choices: the cost never rises with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.services._sewage.hydraulics import hazen_williams, slope_at_speed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.costs import Prices

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

_MAIN = -2  # stands for a pressure main instead of a depth of departure
STEP = 0.02  # m; half the fall of one 40 m pipe at 1 in 1000


@dataclass(frozen=True)
class Tree:
    """A sewer tree in the order of flow: every node comes before the one it drains to.

    Attributes
    ----------
    down
        The node each one drains to; the root, which comes last, has -1.
    ground
        Ground level (m).
    length
        Length of the outgoing pipe (m).
    dip
        How far the ground dips below the straight line between both ends (m), at most.
    mean
        Mean flow in the outgoing pipe (m³/d).
    size
        Position of its diameter.
    demands
        Depths that the houses at each node need of its outgoing pipe (m).
    """

    down: Ints
    ground: Array
    length: Array
    dip: Array
    mean: Array
    size: Ints
    demands: list[Array]


@dataclass(frozen=True)
class Depths:
    """The best depths: of arrivals and departures at each node, lifts, and the cost.

    ``lifted`` nodes have a pump of ``head`` metres; where ``pressure`` holds the outgoing pipe is a
    pressure main, else the pump lifts into a shallower gravity pipe.

    ``arrive`` is where the outgoing pipe ends, at the node below; ``sump`` the depth of the
    manhole itself.
    """

    leave: Array
    arrive: Array
    sump: Array
    lifted: NDArray[np.bool_]
    pressure: NDArray[np.bool_]
    head: Array
    house_pumps: Ints
    steep: NDArray[np.bool_]
    cost: float


def optimise(
    tree: Tree, prices: Prices, max_depth: float, *, root_level: float | None = None
) -> Depths | None:
    """Return the cheapest depths, or None where no depth within the limit lets the water through.

    With ``root_level`` (m) a pump at the root lifts to that level what arrives below it.

    Cost: earthwork and pipes, manholes, pumps with energy, house pumps, over the life.
    """
    rules = prices.rules
    n, top = len(tree.down), int(np.floor(max_depth / STEP + 1e-9))
    h = np.arange(top + 1) * STEP
    peak = rules.peak(tree.mean)
    pipe_life, pump_life = prices.capital("pipe"), prices.capital("pump")
    house_pump = prices.price["house_pump_yuan"] * pump_life
    arrivals = np.zeros((n, top + 1))  # cost of all above a node, each arriving at depth k or less
    from_child: list[list[tuple[int, Ints]]] = [[] for _ in range(n)]
    lift_from = np.zeros((n, top + 1), np.int32)
    best_leave = np.zeros((n, top + 1), np.int32)
    main_from = np.full(n, -1, np.int64)
    steepest = slope_at_speed(
        peak, rules.diameters[np.minimum(tree.size, len(rules.diameters) - 1)],
        rules.max_velocity, rules.roughness,
    )  # fmt: skip
    stilling = 2.0 * prices.price["manhole_yuan"] * pipe_life
    manhole = prices.manhole(h) * pipe_life
    for v in range(n):
        pumped = np.zeros(top + 1)
        for need in tree.demands[v]:
            pumped += house_pump * (h < need - 1e-9)
        here = arrivals[v] + manhole + pumped
        if tree.down[v] < 0:
            if root_level is not None:
                lift = np.maximum(h - (tree.ground[v] - root_level), 0.0)
                pumping = prices.pump(peak[v], lift) + prices.energy(lift) * tree.mean[v]
                here = here + np.where(lift > 1e-9, pumping, 0.0)
            arrivals[v] = here
            continue
        size = int(tree.size[v])
        least = float(rules.least_depth(size)) + float(tree.dip[v])
        fall = float(tree.ground[v] - tree.ground[tree.down[v]])
        length = float(tree.length[v])
        # leave at k by a lift from the best deeper sump
        per_m = float(prices.energy(1.0)) * float(tree.mean[v])
        per_m += float(prices.pump(peak[v], 1.0) - prices.pump(peak[v], 0.0))
        sump = here + per_m * h
        order = _suffix_argmin(sump)
        lift = np.full(top + 1, np.inf)
        lift[:-1] = sump[order[1:]] - per_m * h[:-1] + float(prices.pump(peak[v], 0.0))
        origin = np.r_[order[1:], top].astype(np.int32)
        flat = here <= lift
        out = np.where(flat, here, lift)
        lift_from[v] = np.where(flat, -1, origin)
        # where a pipe that leaves at k arrives
        low = h + float(rules.min_slope[size]) * length - fall
        arrive = np.maximum(low, least)
        k_arrive = np.ceil(arrive / STEP - 1e-9).astype(np.int64)
        runs = fall + k_arrive * STEP - h
        # over the speed limit a stilling manhole takes the energy out; always allowed, so that the
        # choice never depends on the depth limit
        fast = runs > float(steepest[v]) * length + 1e-9
        possible = (k_arrive <= top) & (h >= least - 1e-9)
        k = np.flatnonzero(possible)
        metre = prices.gravity_metre(size, (h[k] + h[k_arrive[k]]) / 2.0) * pipe_life
        total = out[k] + metre * length + stilling * fast[k]
        reach = np.full(top + 1, np.inf)
        np.minimum.at(reach, k_arrive[k], total)
        chosen = np.full(top + 1, -1, np.int32)
        least_cost = total <= reach[k_arrive[k]]
        # the shallowest departure among equal costs: written last
        chosen[k_arrive[k[least_cost]][::-1]] = k[least_cost][::-1]
        main = _pressure_main(prices, float(peak[v]), length, -fall)
        if main is not None:
            price, shallow, head = main
            j = int(np.argmin(sump))
            k_main = int(np.ceil(shallow / STEP - 1e-9))
            whole = sump[j] + price * pipe_life + float(prices.pump(peak[v], head))
            whole += float(prices.energy(head)) * float(tree.mean[v]) - per_m * shallow
            if k_main <= top and whole < reach[k_main]:
                reach[k_main], chosen[k_main], main_from[v] = whole, _MAIN, j
        source = _prefix_argmin(reach)
        arrivals[tree.down[v]] += reach[source]
        best_leave[v] = chosen
        from_child[tree.down[v]].append((v, source))
    return _trace(tree, arrivals, from_child, lift_from, best_leave, main_from, steepest, prices)


def _pressure_main(
    prices: Prices, peak: float, length: float, rise: float
) -> tuple[float, float, float] | None:
    """Yuan to build a pressure main, its depth (m), and the head (m) besides that of the sump.

    None where no pipe is large enough or the head is over the limit.
    """
    rules = prices.rules
    k = int(np.searchsorted(rules.pressure_capacity * (1 + 1e-12), peak))
    if k == len(rules.pressure_diameters):
        return None
    d = float(rules.pressure_diameters[k])
    friction = float(hazen_williams(peak, d, rules.hazen_coefficient)) * length
    head = max(rise, 0.0) + friction
    if head > prices.design["pump.max_lift_m"]:
        return None
    return prices.pressure_metre(k) * length, rules.cover + d, head


def _prefix_argmin(values: Array) -> Ints:
    """Position of the smallest of the first k + 1 values, for each k; the first among equals."""
    least = np.minimum.accumulate(values)
    new = np.r_[True, values[1:] < least[:-1]]
    return np.asarray(np.maximum.accumulate(np.where(new, np.arange(len(values)), 0)))


def _suffix_argmin(values: Array) -> Ints:
    """Position of the smallest of the values from k on, for each k; the first among equals."""
    turned = values[::-1]
    least = np.minimum.accumulate(turned)
    new = np.r_[True, turned[1:] <= least[:-1]]
    last = np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
    return np.asarray(len(values) - 1 - last[::-1])


def _trace(
    tree: Tree, arrivals: Array, from_child: list[list[tuple[int, Ints]]],
    lift_from: NDArray[np.int32], best_leave: NDArray[np.int32], main_from: Ints,
    steepest: Array, prices: Prices,
) -> Depths | None:  # fmt: skip
    n = len(tree.down)
    root = n - 1  # the only node without one below
    k = int(np.argmin(arrivals[root]))
    cost = float(arrivals[root, k])
    if not np.isfinite(cost):
        return None
    leave, arrive, sump = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n)
    lifted, pumps = np.zeros(n, bool), np.zeros(n, np.int64)
    pressure, head = np.zeros(n, bool), np.zeros(n)
    limit = np.zeros(n, np.int64)
    limit[root] = k
    for v in range(n - 1, -1, -1):
        k = int(limit[v])
        sump[v] = k * STEP
        pumps[v] = int((tree.demands[v] > sump[v] + 1e-9).sum())
        for child, source in from_child[v]:
            at = int(source[k])
            out = int(best_leave[child, at])
            arrive[child] = at * STEP
            if out == _MAIN:
                peak = float(prices.rules.peak(tree.mean[child]))
                rise = float(tree.ground[tree.down[child]] - tree.ground[child])
                main = _pressure_main(prices, peak, float(tree.length[child]), rise)
                assert main is not None  # noqa: S101  (chosen above)
                leave[child] = main[1]
                limit[child] = main_from[child]
                lifted[child] = pressure[child] = True
                head[child] = limit[child] * STEP - main[1] + main[2]
                continue
            leave[child] = out * STEP
            origin = int(lift_from[child, out])
            lifted[child] = origin >= 0
            limit[child] = origin if origin >= 0 else out
            head[child] = limit[child] * STEP - leave[child]
    run = tree.ground - leave - np.r_[tree.ground[tree.down[:-1]], np.nan] + arrive
    steep = (run > steepest * tree.length + 1e-9) & ~pressure
    return Depths(leave, arrive, sump, lifted, pressure, head, pumps, steep, cost)
