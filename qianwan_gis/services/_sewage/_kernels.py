"""Compiled moves of the local search. Imported where it is used: numba takes a moment.

All of a search is in four tuples of arrays: the problem, the plan, a plan remembered, and room to
work in. Costs of ways are separate, so a move is priced by the ways that it touches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_GAIN = 1e-6  # yuan; less is no improvement
_NOTHING = 1e-7  # m³/d; what rounding leaves in a way that carries nothing
EITHER, STATION, SEWER = -1, 0, 1  # where a route may end
OPEN = -1  # no node is closed to a route


class Problem(NamedTuple):
    """The ways (``head`` -1: a sink; ``plant`` -1: none), their options and those out of each node."""

    tail: Ints
    head: Ints
    plant: Ints
    first: Ints
    fixed: Array
    per_flow: Array
    room: Array
    out_first: Ints
    out: Ints
    demand: Array
    local: Array
    collect: Array
    spare: Array


class Plan(NamedTuple):
    """What changes: by node flow, way (-1: none) and whether it is collected; by plant; the cost."""

    flow: Array
    way: Ints
    collected: Flags
    used: Array
    cost: Array


class Room(NamedTuple):
    """Work space: marks are numbers of the call that set them, so that nothing is cleared."""

    best: Array
    via: Ints
    seen: Ints
    done: Ints
    closed: Ints
    call: Ints
    key: Array
    item: Ints
    path: Ints
    child: Ints
    sibling: Ints
    stack: Ints


#: No entry points for C code: nothing calls them.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def _jit(function: Any) -> Any:
    return numba.njit(cache=True, **_OPTIONS)(function)


@_jit
def _copy(source, target) -> Any:  # type: ignore[no-untyped-def]  # numba infers the types
    """Copy one plan over another."""
    target.flow[:] = source.flow
    target.way[:] = source.way
    target.collected[:] = source.collected
    target.used[:] = source.used
    target.cost[:] = source.cost


@_jit
def _price(problem, k, q) -> Any:  # type: ignore[no-untyped-def]
    """Cost of a flow through a way by its cheapest option; inf over the largest."""
    best = np.inf
    for o in range(problem.first[k], problem.first[k + 1]):
        if q <= problem.room[o]:
            best = min(best, problem.fixed[o] + problem.per_flow[o] * q)
    return best


@_jit
def _take_off(problem, plan, node, q) -> Any:  # type: ignore[no-untyped-def]
    """Take water off the way from a node to its sink; returns what that saves."""
    saved = 0.0
    while node >= 0 and plan.way[node] >= 0:
        k = plan.way[node]
        before = plan.flow[node]
        after = before - q
        saved += _price(problem, k, before)
        if after < _NOTHING:
            after = 0.0
            plan.way[node] = -1
        else:
            saved -= _price(problem, k, after)
        plan.flow[node] = after
        if problem.plant[k] >= 0:
            plan.used[problem.plant[k]] -= q
        node = problem.head[k]
    return saved


@_jit
def _send(problem, plan, room, length, q) -> Any:  # type: ignore[no-untyped-def]
    """Put water on the ways of the path found last."""
    for i in range(length):
        k = room.path[i]
        plan.way[problem.tail[k]] = k
        plan.flow[problem.tail[k]] += q
        if problem.plant[k] >= 0:
            plan.used[problem.plant[k]] += q


@_jit
def _push(room, size, key, item) -> Any:  # type: ignore[no-untyped-def]
    at = size
    while at > 0:
        up = (at - 1) >> 1
        if room.key[up] < key or (room.key[up] == key and room.item[up] <= item):
            break
        room.key[at] = room.key[up]
        room.item[at] = room.item[up]
        at = up
    room.key[at] = key
    room.item[at] = item
    return size + 1


@_jit
def _drop_first(room, size) -> Any:  # type: ignore[no-untyped-def]
    size -= 1
    key, item = room.key[size], room.item[size]
    at = 0
    while True:
        low = 2 * at + 1
        if low >= size:
            break
        other = low + 1
        if other < size and (
            room.key[other] < room.key[low]
            or (room.key[other] == room.key[low] and room.item[other] < room.item[low])
        ):
            low = other
        if key < room.key[low] or (key == room.key[low] and item <= room.item[low]):
            break
        room.key[at] = room.key[low]
        room.item[at] = room.item[low]
        at = low
    room.key[at] = key
    room.item[at] = item
    return size


@_jit
def _route(problem, plan, room, start, extra, limit, closed, sink) -> Any:  # type: ignore[no-untyped-def]
    """Find the least extra cost of sending water from a node; the ways taken are in ``room.path``.

    Nodes that already send water on keep their way. ``closed``: number of the call that marked the
    nodes not to be passed. Returns cost and number of ways; inf and 0 where there is none.
    """
    room.call[0] += 1
    call = room.call[0]
    room.best[start] = 0.0
    room.seen[start] = call
    size = _push(room, 0, 0.0, start)
    end, end_cost = -1, limit
    while size > 0:
        here, node = room.key[0], room.item[0]
        size = _drop_first(room, size)
        if room.done[node] == call:
            continue
        room.done[node] = call
        if here >= end_cost:
            break
        busy = plan.way[node] >= 0 and plan.flow[node] > 0
        low, high = problem.out_first[node], problem.out_first[node + 1]
        if busy:
            low, high = 0, 1
        for i in range(low, high):
            k = plan.way[node] if busy else problem.out[i]
            head = problem.head[k]
            if head >= 0 and (room.done[head] == call or room.closed[head] == closed):
                continue
            if busy:
                price = _price(problem, k, plan.flow[node] + extra)
                price -= _price(problem, k, plan.flow[node])
            else:
                price = _price(problem, k, extra)
            reach = here + price
            if reach >= end_cost:
                continue
            if head < 0:
                plant = problem.plant[k]
                if sink != EITHER and (sink == SEWER) != (plant >= 0):
                    continue
                if plant >= 0 and plan.used[plant] + extra > problem.spare[plant]:
                    continue
                end, end_cost = k, reach
            elif room.seen[head] != call or reach < room.best[head]:
                room.best[head] = reach
                room.seen[head] = call
                room.via[head] = k
                size = _push(room, size, reach, head)
    if end < 0:
        return np.inf, 0
    room.path[0] = end
    length = 1
    node = problem.tail[end]
    while node != start:
        room.path[length] = room.via[node]
        node = problem.tail[room.via[node]]
        length += 1
    return end_cost, length


@_jit
def village(problem, plan, before, room, v, any_cost) -> Any:  # type: ignore[no-untyped-def]
    """Try the best place for one village: on the spot, or by the cheapest way out."""
    _copy(plan, before)
    q = problem.demand[v]
    if plan.collected[v]:
        base = plan.cost[0] - _take_off(problem, plan, v, q) - problem.collect[v]
    else:
        base = plan.cost[0] - problem.local[v]
    plan.collected[v] = False
    limit = np.inf if any_cost else problem.local[v] - problem.collect[v]
    extra, length = _route(problem, plan, room, v, q, limit, OPEN, EITHER)
    if length > 0:
        _send(problem, plan, room, length, q)
        plan.collected[v] = True
        plan.cost[0] = base + extra + problem.collect[v]
    else:
        plan.cost[0] = base + problem.local[v]
    if not (plan.cost[0] < before.cost[0] - _GAIN or (any_cost and length > 0)):
        _copy(before, plan)


@_jit
def _upstream(problem, plan, room, node) -> Any:  # type: ignore[no-untyped-def]
    """Mark the nodes whose water passes a node as closed; they are in ``room.stack``, itself first.

    Returns the mark and how many they are.
    """
    room.call[0] += 1
    mark = room.call[0]
    room.child[:] = -1
    for v in range(len(plan.way)):
        if plan.way[v] >= 0:
            head = problem.head[plan.way[v]]
            if head >= 0:
                room.sibling[v] = room.child[head]
                room.child[head] = v
    room.stack[0] = node
    size, at = 1, 0
    while at < size:
        v = room.child[room.stack[at]]
        at += 1
        while v >= 0:
            room.closed[v] = mark
            room.stack[size] = v
            size += 1
            v = room.sibling[v]
    return mark, size


@_jit
def _reroute(problem, plan, before, room, node) -> Any:  # type: ignore[no-untyped-def]
    """Try another way for all the water that passes a node."""
    passing = plan.flow[node]
    if passing <= 0 or plan.way[node] < 0:
        return
    _copy(plan, before)
    mark, _ = _upstream(problem, plan, room, node)
    saved = _take_off(problem, plan, node, passing)
    extra, length = _route(problem, plan, room, node, passing, saved - _GAIN, mark, EITHER)
    if length == 0:
        _copy(before, plan)
        return
    _send(problem, plan, room, length, passing)
    plan.cost[0] += extra - saved


@_jit
def _dissolve(problem, plan, before, room, node) -> Any:  # type: ignore[no-untyped-def]
    """Try everything that passes a node on the spot; returns whether that is cheaper."""
    _copy(plan, before)
    _, size = _upstream(problem, plan, room, node)
    saved = _take_off(problem, plan, node, plan.flow[node])
    added = 0.0
    for i in range(size):
        v = room.stack[i]
        if i > 0:
            saved += _price(problem, plan.way[v], plan.flow[v])
            plan.flow[v] = 0.0
            plan.way[v] = -1
        if plan.collected[v]:
            added += problem.local[v] - problem.collect[v]
            plan.collected[v] = False
    plan.cost[0] += added - saved
    if plan.cost[0] < before.cost[0] - _GAIN:
        return True
    _copy(before, plan)
    return False


@_jit
def sweep(problem, plan, before, room, villages, nodes) -> Any:  # type: ignore[no-untyped-def]
    """Try each village in another place, then each node's water on the spot or another way."""
    for v in villages:
        village(problem, plan, before, room, v, False)
    for v in nodes:
        if plan.way[v] >= 0 and not _dissolve(problem, plan, before, room, v):
            _reroute(problem, plan, before, room, v)


@_jit
def _touch(problem, plan, touched, node) -> Any:  # type: ignore[no-untyped-def]
    """Flag the nodes on the way from a node to its sink, itself included."""
    while node >= 0:
        touched[node] = True
        node = problem.head[plan.way[node]] if plan.way[node] >= 0 else -1


@_jit
def kick(problem, plan, before, start, room, group, order, anyhow) -> Any:  # type: ignore[no-untyped-def]
    """Take a group of villages out together, put them back in ``order``, keep what is cheaper.

    ``anyhow``: by village of ``order``, whether it is collected even where that costs more at first.
    """
    _copy(plan, start)
    touched = np.zeros(len(plan.way), np.bool_)
    for v in group:
        if plan.collected[v]:
            _touch(problem, plan, touched, v)
            plan.cost[0] -= _take_off(problem, plan, v, problem.demand[v]) + problem.collect[v]
            plan.cost[0] += problem.local[v]
            plan.collected[v] = False
    for i in range(len(order)):
        village(problem, plan, before, room, order[i], anyhow[i])
        _touch(problem, plan, touched, order[i])
    sweep(problem, plan, before, room, group, np.flatnonzero(touched))
    sweep(problem, plan, before, room, group, group[:0])
    if plan.cost[0] >= start.cost[0] - _GAIN:
        _copy(start, plan)


@_jit
def alternatives(problem, plan, before, room, v, far) -> Any:  # type: ignore[no-untyped-def]
    """Return what a village adds to the plan, and would add by a sewer or a station; NaN: it cannot."""
    _copy(plan, before)
    q = problem.demand[v]
    if plan.collected[v]:
        now = _take_off(problem, plan, v, q) + problem.collect[v]
    else:
        now = problem.local[v]
    limit = far * max(now, problem.local[v])
    sewer, ways = _route(problem, plan, room, v, q, limit, OPEN, SEWER)
    sewer = sewer + problem.collect[v] if ways > 0 else np.nan
    station, ways = _route(problem, plan, room, v, q, limit, OPEN, STATION)
    station = station + problem.collect[v] if ways > 0 else np.nan
    _copy(before, plan)
    return now, sewer, station


__all__ = ["Plan", "Problem", "Room", "alternatives", "kick", "sweep", "village"]
