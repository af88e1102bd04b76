"""Sizing of a tree by dynamic programming over levels of water: a near-optimal design at once.

The exact programme (`sizing.size`) proves what it finds and takes a second for eighty pipes. Here the
level at rest of each zone is tried in steps, the level at the peak hour interpolated between steps;
diameters, pumps and break-pressure tanks follow from the works outwards with the true levels. The
lifts are left to the programme, which knows every limit: `sizing.size` with these choices given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qianwan_gis.services._water.hydraulics import headloss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._water._kernels import Net
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.sizing import Tree

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

_FINE_M = 1.0
_COARSE = 2  # steps of the level at rest, in those of the level at the peak


class Choice(NamedTuple):
    """By node: diameter (position in the norms, -1 for the root), whether a pump or a tank stands."""

    size: Ints
    pump: NDArray[np.bool_]
    tank: NDArray[np.bool_]


def choose(tree: Tree, rules: Rules, options: list[Ints], *, least_lift: float) -> Choice | None:
    """Return diameters, pumps and break-pressure tanks of a cheap design; None where none is found.

    Parameters
    ----------
    options
        Diameters worth trying by node (`sizing.choices`).
    least_lift
        Metres that a pump lifts at least.
    """
    from qianwan_gis.services._water import _kernels

    net = _net(tree, rules, options, least_lift)
    lowest = np.where(np.arange(len(net.first)) > 0, net.need.min(axis=1), tree.head)
    low = np.floor(lowest / _FINE_M).astype(np.int64)
    coarse = _COARSE * _FINE_M
    low_rest = np.floor(lowest / coarse).astype(np.int64)
    rests = np.maximum(np.floor(net.most / coarse).astype(np.int64) - low_rest + 1, 0)
    levels = np.maximum(np.ceil(net.most / _FINE_M).astype(np.int64) - low + 2, 1)
    edges = rests * net.sizes
    cells = edges * levels
    table = _kernels.Table(
        _FINE_M, coarse, low, levels, low_rest, rests, np.cumsum(cells) - cells,
        np.cumsum(edges) - edges, np.empty(cells.sum(), np.float32), np.empty(edges.sum()),
        np.empty(edges.sum()),
    )  # fmt: skip
    cost, size, lift, tank = _kernels.design(net, table)
    return Choice(size, lift > 0, tank) if np.isfinite(cost) else None


def _net(tree: Tree, rules: Rules, options: list[Ints], least_lift: float) -> Net:
    """Return the tree and what its pipes cost as arrays."""
    from qianwan_gis.services._water import _kernels

    n = len(tree.parent)
    count = np.array([0, *(len(o) for o in options[1:])])
    first = np.array([0, *(int(o[0]) for o in options[1:])])
    which = np.minimum(first[:, None] + np.arange(count.max()), len(rules.diameters) - 1)
    loss = headloss(
        tree.flow[:, None], rules.diameters[which], tree.length[:, None], rules.roughness
    )
    need = (tree.ground + tree.need)[:, None] + loss
    for v, summits in enumerate(tree.summits):
        for share, level in summits:
            need[v] = np.maximum(need[v], level + share * loss[v])
    unused = np.arange(count.max()) >= count[:, None]
    need[unused] = np.inf
    parent = np.maximum(tree.parent, 0)
    wanted = tree.wanted
    ground = tree.ground[parent]
    most = tree.low + float(rules.class_m[-1])
    most[0] = max(tree.ground[0], tree.head) + float(rules.class_m[-1])
    order = np.argsort(tree.parent[1:], kind="stable") + 1
    return _kernels.Net(
        np.searchsorted(tree.parent[order], np.arange(n + 1)), order, first, count, loss,
        rules.pipe_metre[which] * tree.length[:, None], need, most,
        np.where(tree.village, tree.ground + rules["head.static_max_m"], np.inf),
        np.where(wanted > ground, ground + rules["head.suction_m"], np.inf),
        np.where(tree.parent > 0, ground + rules["device.tank_depth_m"], np.nan),
        rules.lift_metre(tree.flow), rules.station_fixed, rules["cost.break_tank_yuan"],
        rules["cost.valve_yuan"], least_lift, rules["device.max_lift_m"], tree.head, tree.level,
    )  # fmt: skip


__all__ = ["Choice", "choose"]
