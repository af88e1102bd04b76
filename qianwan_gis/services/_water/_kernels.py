"""Compiled dynamic programme over levels of water. Imported where it is used: numba takes a moment.

``value[v]`` is the least cost of the pipe to a node and all beyond it, by the level at rest of its zone
(steps of ``coarse``), the level at the peak hour where the pipe begins (steps of ``fine``, straight
between them) and the widest pipe allowed. ``edge`` is the lowest level that serves, not rounded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


class Net(NamedTuple):
    """A tree to size: by node, by node and diameter (from the first of each), and norms.

    Attributes
    ----------
    child_first, child
        Children of node v: ``child[child_first[v] : child_first[v + 1]]``.
    first, sizes
        Smallest diameter worth trying for the pipe to v, and how many from there.
    loss, price, need
        Of each: loss (m), yuan, least level where it begins.
    most, limit
        Highest level at rest, and that from which a village wants a valve (inf: none).
    boost, tank, lift
        Least level at which a pump may stand where the pipe begins (inf: none), level of a
        break-pressure tank there (NaN: none), yuan per metre of lift.
    """

    child_first: Ints
    child: Ints
    first: Ints
    sizes: Ints
    loss: Array
    price: Array
    need: Array
    most: Array
    limit: Array
    boost: Array
    tank: Array
    lift: Array
    station: float
    tank_yuan: float
    valve_yuan: float
    least_lift: float
    most_lift: float
    head: float
    level: float


class Table(NamedTuple):
    """What is known of each node: where its cells begin, its lowest and number of levels, values."""

    fine: float
    coarse: float
    low: Ints
    levels: Ints
    low_rest: Ints
    rests: Ints
    at: Ints
    edge_at: Ints
    value: NDArray[np.float32]
    edge: Array
    edge_value: Array


#: No entry points for C code: nothing calls them.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def _jit(function: Any) -> Any:
    return numba.njit(cache=True, **_OPTIONS)(function)


@_jit
def _at(net, table, v, rest, k, level) -> Any:  # type: ignore[no-untyped-def]  # numba infers
    """Cost of the pipe to v and beyond, for a zone at rest and a level where the pipe begins."""
    s = rest - table.low_rest[v]
    if s < 0 or s >= table.rests[v] or k < 0:
        return np.inf
    e = table.edge_at[v] + s * net.sizes[v] + k
    edge = table.edge[e]
    if level < edge - 1e-9:
        return np.inf
    x = level / table.fine - table.low[v]
    j = min(int(x), table.levels[v] - 1)
    cell = table.at[v] + (s * net.sizes[v] + k) * table.levels[v]
    here = table.value[cell + j]
    if j == table.levels[v] - 1:
        return here
    above = table.value[cell + j + 1]
    if here < np.inf:
        return here + (x - j) * (above - here)
    first = table.edge_value[e]
    if above == np.inf:
        return first
    up = (table.low[v] + j + 1) * table.fine
    return first + (level - edge) / max(up - edge, 1e-9) * (above - first)


@_jit
def _widest(net, v, c, k) -> Any:  # type: ignore[no-untyped-def]
    """Place of the widest pipe to c that the pipe to v may feed (-1: none)."""
    if v == 0:
        return net.sizes[c] - 1
    return min(net.first[v] + k - net.first[c], net.sizes[c] - 1)


@_jit
def _pumped(net, table, c, k, level) -> Any:  # type: ignore[no-untyped-def]
    """Cost with a pump at a level, and the level at rest that it sets."""
    best, which = np.inf, -1
    if level < net.boost[c] - 1e-9 or k < 0:
        return best, which
    low = int(np.ceil((level + net.least_lift) / table.coarse))
    high = int(np.floor((level + net.most_lift) / table.coarse))
    high = min(high, table.low_rest[c] + table.rests[c] - 1)
    for rest in range(max(low, table.low_rest[c]), high + 1):
        up = rest * table.coarse
        cost = _at(net, table, c, rest, k, up) + net.lift[c] * (up - level)
        if cost < best:
            best, which = cost, rest
    return best + net.station, which


@_jit
def _broken(net, table, c, k) -> Any:  # type: ignore[no-untyped-def]
    """Cost behind a break-pressure tank, and the level at rest (rounded up) that it sets."""
    if np.isnan(net.tank[c]):
        return np.inf, -1
    rest = int(np.ceil(net.tank[c] / table.coarse - 1e-9))
    return net.tank_yuan + _at(net, table, c, rest, k, net.tank[c]), rest


@_jit
def _begin(net, table, v, c, k, rest, level) -> Any:  # type: ignore[no-untyped-def]
    """Cheapest way to begin the pipe to c at v.

    Returns cost, device (0 none, 1 pump, 2 tank), level at rest and level beyond it.
    """
    w = _widest(net, v, c, k)
    best, device, at_rest, start = _at(net, table, c, rest, w, level), 0, rest, level
    if level >= net.tank[c] - 1e-9:  # never where there is none: NaN
        cost, own = _broken(net, table, c, w)
        if cost < best:
            best, device, at_rest, start = cost, 2, own, net.tank[c]
    cost, own = _pumped(net, table, c, w, level)
    if cost < best:
        best, device, at_rest, start = cost, 1, own, own * table.coarse
    return best, device, at_rest, start


@_jit
def _beyond(net, table, v, k, rest, level) -> Any:  # type: ignore[no-untyped-def]
    """Cost of all that hangs on v, at a level there."""
    total = 0.0
    for i in range(net.child_first[v], net.child_first[v + 1]):
        total += _begin(net, table, v, net.child[i], k, rest, level)[0]
        if total == np.inf:
            break
    return total


@_jit
def _fill(net, table, v) -> Any:  # type: ignore[no-untyped-def]
    """Find the values of one node from those of its children."""
    levels, count = table.levels[v], net.sizes[v]
    children = net.child[net.child_first[v] : net.child_first[v + 1]]
    pumped = np.empty((len(children), count, levels))
    broken = np.empty((len(children), count))
    for i in range(len(children)):
        for k in range(count):
            w = _widest(net, v, children[i], k)
            broken[i, k] = _broken(net, table, children[i], w)[0]
            for h in range(levels):
                level = (table.low[v] + h) * table.fine
                pumped[i, k, h] = _pumped(net, table, children[i], w, level)[0]
    below = np.empty(levels)
    for s in range(table.rests[v]):
        rest = table.low_rest[v] + s
        top = rest * table.coarse
        own = net.valve_yuan if top > net.limit[v] + 1e-9 else 0.0
        highest = min(levels, int(np.ceil(top / table.fine)) - table.low[v] + 2)
        for k in range(count):
            # what hangs on v, by the level there, and the lowest that serves it
            lowest = -np.inf
            below[:highest] = 0.0
            for i in range(len(children)):
                c = children[i]
                w = _widest(net, v, c, k)
                t = rest - table.low_rest[c]
                inside = w >= 0 and 0 <= t < table.rests[c]
                first = table.edge[table.edge_at[c] + t * net.sizes[c] + w] if inside else np.inf
                if broken[i, k] < np.inf:
                    first = min(first, net.tank[c])
                if net.boost[c] < first and _pumped(net, table, c, w, net.boost[c])[0] < np.inf:
                    first = net.boost[c]
                cell = table.at[c] + (t * net.sizes[c] + w) * table.levels[c]
                for h in range(highest):
                    cost = pumped[i, k, h]
                    g = h + table.low[v] - table.low[c]
                    if inside and g >= 0:
                        cost = min(cost, table.value[cell + min(g, table.levels[c] - 1)])
                    if (table.low[v] + h) * table.fine >= net.tank[c] - 1e-9:
                        cost = min(cost, broken[i, k])
                    below[h] += cost
                    if cost < np.inf:  # a pump that reaches only from higher up
                        first = min(first, (table.low[v] + h) * table.fine)
                lowest = max(lowest, first)
            e = table.edge_at[v] + s * count + k
            cell = table.at[v] + (s * count + k) * levels
            loss, price = net.loss[v, k], net.price[v, k] + own
            edge, first_cost = max(net.need[v, k], lowest + loss), np.inf
            if edge <= top + 1e-9:
                first_cost = price + _beyond(net, table, v, k, rest, edge - loss)
            if first_cost == np.inf:
                edge = np.inf
            for h in range(highest):
                level = (table.low[v] + h) * table.fine
                cost = np.inf
                if level >= edge:
                    x = (level - loss) / table.fine - table.low[v]
                    j = int(np.floor(x))
                    if j < 0 or j + 1 >= highest or below[j] == np.inf:
                        cost = price + _beyond(net, table, v, k, rest, level - loss)
                    else:
                        cost = price + below[j] + (x - j) * (below[j + 1] - below[j])
                table.value[cell + h] = cost
            table.edge[e], table.edge_value[e] = edge, first_cost
            if k > 0:  # a wider pipe is allowed, not wanted
                for h in range(highest):
                    table.value[cell + h] = min(
                        table.value[cell + h], table.value[cell - levels + h]
                    )
                if table.edge[e - 1] < edge:
                    table.edge[e] = table.edge[e - 1]
                    table.edge_value[e] = table.edge_value[e - 1]


@_jit
def design(net, table) -> Any:  # type: ignore[no-untyped-def]
    """Return the cheapest cost found, and by node diameter, lift and whether a tank stands there."""
    n = len(net.first)
    size = np.full(n, -1)
    lift = np.zeros(n)
    tank = np.zeros(n, np.bool_)
    table.value[:] = np.inf
    table.edge[:] = np.inf
    for v in range(n - 1, 0, -1):
        _fill(net, table, v)
    rest_of = np.zeros(n, np.int64)
    level_of = np.zeros(n)
    rest_of[0] = int(np.ceil(net.level / table.coarse - 1e-9))
    level_of[0] = net.head
    best = _beyond(net, table, 0, 0, rest_of[0], net.head)
    low = int(np.ceil((net.head + net.least_lift) / table.coarse))
    high = int(np.floor(min(net.head + net.most_lift, net.most[0]) / table.coarse))
    for rest in range(low, high + 1):
        up = rest * table.coarse
        cost = net.station + net.lift[0] * (up - net.head)
        cost += _beyond(net, table, 0, 0, rest, up)
        if cost < best:
            best, rest_of[0], level_of[0], lift[0] = cost, rest, up, up - net.head
    if best == np.inf:
        return best, size, lift, tank
    place = np.zeros(n, np.int64)
    for v in range(n):
        for i in range(net.child_first[v], net.child_first[v + 1]):
            c = net.child[i]
            found = _begin(net, table, v, c, place[v], rest_of[v], level_of[v])
            _, device, rest, start = found
            if device == 1:
                lift[c] = start - level_of[v]
            tank[c] = device == 2
            least, which = np.inf, -1
            for k in range(_widest(net, v, c, place[v]) + 1):
                if start >= net.need[c, k] - 1e-9:
                    cost = net.price[c, k]
                    cost += _beyond(net, table, c, k, rest, start - net.loss[c, k])
                    if cost < least:
                        least, which = cost, k
            if which < 0:
                return np.inf, size, lift, tank
            place[c], rest_of[c] = which, rest
            level_of[c] = start - net.loss[c, which]
            size[c] = net.first[c] + which
    return best, size, lift, tank


__all__ = ["Net", "Table", "design"]
