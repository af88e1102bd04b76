"""Service areas that do not overlap: every place on the roads belongs to its nearest facility.

Along an edge the cost to a facility that is reached over one end is a straight line, so the border
between two facilities is where two lines cross: it is computed, not searched for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qianwan_gis.network.places import Snapped
from qianwan_gis.network.queries import nearest_nodes
from qianwan_gis.network.topology import FloatArray, IntArray
from qianwan_gis.network.weights import SLACK

if TYPE_CHECKING:
    from qianwan_gis.network.graph import RoadNetwork

_SLIVER = 1e-9  # share of an edge below which a part is rounding, not road

Parts = tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray]


class _Pieces(NamedTuple):
    """Edges, cut at the facilities that stand on them.

    ``start``, ``end`` are fractions of the edge; ``left``, ``right`` the cost from there on to the
    nearest facility, with its number; ``back``, ``ahead`` the cost of the whole piece towards its
    start and towards its end.
    """

    edge: IntArray
    start: FloatArray
    end: FloatArray
    left: FloatArray
    left_of: IntArray
    right: FloatArray
    right_of: IntArray
    back: FloatArray
    ahead: FloatArray


def exclusive_edges(
    net: RoadNetwork, places: Snapped, steps: FloatArray, by: str, mode: str, *,
    direction: str, access: bool,
) -> Parts:  # fmt: skip
    """Covered parts of edges, each to its nearest facility alone.

    Parameters
    ----------
    places
        The facilities; at equal cost the first one wins.
    steps
        Limits in units of ``by``, ascending, inclusive.
    direction
        ``to`` the facility or ``from`` it.

    Returns
    -------
    Facility number, limit number, edge, from and to fraction, sorted in that order. Parts of one
    limit do not overlap; together they are what any facility covers.
    """
    if direction == "from":
        net = _turned_round(net, mode)
    cost, _, label = nearest_nodes(net, places, None, by, mode, access=access, second=False)
    times = net.seconds[mode]
    if by == "seconds":
        ahead, back = times.forward, times.backward
    else:
        ahead, back = (
            np.where(np.isfinite(w), net.metres, np.inf) for w in (times.forward, times.backward)
        )
    legs = places.metres if by == "metres" else places.metres / (net.access_kph / 3.6)
    legs = np.where(places.found & access, legs, 0.0)
    pieces = _pieces(net, places, cost, label, ahead, back, legs)
    return _cut(pieces, steps)


def _turned_round(net: RoadNetwork, mode: str) -> RoadNetwork:
    """Return the network with every edge travelled the other way, on the same topology."""
    from qianwan_gis.network.graph import Seconds

    times = net.seconds[mode]
    return net._copy({**net.seconds, mode: Seconds(times.backward, times.forward)})


def _pieces(
    net: RoadNetwork, places: Snapped, cost: FloatArray, label: IntArray, ahead: FloatArray,
    back: FloatArray, legs: FloatArray,
) -> _Pieces:  # fmt: skip
    """Cut the edges at the facilities on them and find the costs at both ends of every piece."""
    on_edge = np.flatnonzero((places.node < 0) & (places.edge >= 0))
    split = np.unique(places.edge[on_edge])
    whole = np.flatnonzero(~np.isin(np.arange(len(net.u)), split))
    u, v = net.u[whole], net.v[whole]
    rows: list[tuple[float, ...]] = []
    order = on_edge[np.lexsort((on_edge, places.fraction[on_edge], places.edge[on_edge]))]
    for edge in split:
        mine = order[places.edge[order] == edge]
        at = [0.0, *places.fraction[mine], 1.0]
        ends = (int(net.u[edge]), int(net.v[edge]))
        value = [(cost[ends[0]], label[ends[0]])]
        value += [(legs[i], i) for i in mine]
        value.append((cost[ends[1]], label[ends[1]]))
        over = np.diff(at)
        # 0 x inf: no way is needed over a piece without length
        to_start = np.where(over > 0, back[edge] * np.where(over > 0, over, 1.0), 0.0)
        to_end = np.where(over > 0, ahead[edge] * np.where(over > 0, over, 1.0), 0.0)
        for k in range(1, len(value)):
            value[k] = min(value[k], (value[k - 1][0] + to_start[k - 1], value[k - 1][1]))
        for k in range(len(value) - 2, -1, -1):
            value[k] = min(value[k], (value[k + 1][0] + to_end[k], value[k + 1][1]))
        rows.extend(
            (edge, at[k], at[k + 1], *value[k], *value[k + 1], to_start[k], to_end[k])
            for k in range(len(over))
            if over[k] > 0
        )
    extra = np.array(rows, np.float64).reshape(-1, 9)
    base = (
        whole, np.zeros(len(whole)), np.ones(len(whole)), cost[u], label[u], cost[v], label[v],
        back[whole], ahead[whole],
    )  # fmt: skip
    joined: list[Any] = [np.concatenate([one, extra[:, k]]) for k, one in enumerate(base)]
    for k in (0, 4, 6):
        joined[k] = joined[k].astype(np.int32)
    return _Pieces(*joined)


def _cut(p: _Pieces, steps: FloatArray) -> Parts:
    """Cut every piece where two facilities cost the same, and at every limit."""
    none_left = np.isinf(p.left) | np.isinf(p.back)
    none_right = np.isinf(p.right) | np.isinf(p.ahead)
    both = np.where(none_left | none_right, 0.0, p.back + p.ahead)
    with np.errstate(invalid="ignore"):  # inf - inf, where there is no choice
        gap = np.where(none_left | none_right, 0.0, p.right + p.ahead - p.left)
    meet = np.divide(gap, both, out=np.zeros(len(both)), where=both > 0)
    free = ~(none_left | none_right) & (both == 0)  # a piece that costs nothing either way
    first = (p.left < p.right) | ((p.left == p.right) & (p.left_of <= p.right_of))
    meet = np.where(free, np.where(first, 1.0, 0.0), meet)
    meet = np.where(none_right, 1.0, np.where(none_left, 0.0, np.clip(meet, 0.0, 1.0)))
    meet[meet < _SLIVER] = 0.0
    meet[meet > 1.0 - _SLIVER] = 1.0
    size = p.end - p.start
    columns: list[list[Any]] = [[], [], [], [], []]
    for number, limit in enumerate(steps):
        near = np.minimum(meet, _reach(p.left, p.back, limit))
        far = np.maximum(meet, 1.0 - _reach(p.right, p.ahead, limit))
        for facility, low, high in (
            (p.left_of, np.zeros(len(near)), near),
            (p.right_of, far, np.ones(len(far))),
        ):
            keep = np.flatnonzero(high - low > _SLIVER)
            columns[0].append(facility[keep])
            columns[1].append(np.full(len(keep), number, np.int32))
            columns[2].append(p.edge[keep])
            # the ends of an edge are met exactly, because 0 and 1 mean "whole" to readers
            columns[3].append((p.start + low * size)[keep])
            columns[4].append(np.where(high < 1.0, p.start + high * size, p.end)[keep])
    facility, numbers, edge, low, high = (np.concatenate(column) for column in columns)
    order = np.lexsort((low, edge, numbers, facility))
    return _joined(facility[order], numbers[order], edge[order], low[order], high[order])


def _reach(cost: FloatArray, weight: FloatArray, limit: float) -> FloatArray:
    """Share of a piece within the limit, from the end that costs ``cost``."""
    whole = cost + weight <= limit * SLACK
    some = np.isfinite(weight) & (weight > 0) & (cost < limit)
    share = np.divide(limit - cost, weight, out=np.zeros(len(cost)), where=some)
    return np.where(whole, 1.0, np.clip(share, 0.0, 1.0))


def _joined(
    facility: IntArray, limit: IntArray, edge: IntArray, low: FloatArray, high: FloatArray
) -> Parts:
    """Join parts of one facility that touch; rows are sorted."""
    if not len(edge):
        return facility, limit, edge, low, high
    new = (
        (facility[1:] != facility[:-1]) | (limit[1:] != limit[:-1]) | (edge[1:] != edge[:-1])
        | (low[1:] > high[:-1] + _SLIVER)
    )  # fmt: skip
    first = np.flatnonzero(np.r_[True, new])
    return (
        facility[first], limit[first], edge[first], low[first], np.maximum.reduceat(high, first),
    )  # fmt: skip
