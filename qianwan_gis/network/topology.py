"""The searched form of a network: chains between core nodes, in Hilbert order. Weight-free."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]

_BESIDE = 200_000  # nodes from which a second thread gains more than it costs
_SCATTERED = 0.1  # share of chains far from the one before, above which they are sorted


@dataclass(eq=False)
class Topology:
    """Chains and core graph of a network; shared by every weight and scenario on it.

    Attributes
    ----------
    start, code
        Chain ``c`` holds the entries ``start[c]:start[c + 1]`` of ``code`` = 2 edge + flip.
    node
        Node behind every edge of a chain.
    a, b
        Core nodes at the two ends of every chain.
    core_of
        Core number of every node; for a node inside a chain -1 - k, where edge k in chain order
        ends at it.
    ip, arc
        Core graph in CSR form: the arcs that leave every core node.
    """

    start: IntArray
    code: IntArray
    node: IntArray
    a: IntArray
    b: IntArray
    core_of: IntArray
    ip: IntArray
    arc: IntArray
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def cores(self) -> int:
        """Number of core nodes."""
        return len(self.ip) - 1

    @property
    def longest(self) -> int:
        """Edges in the longest chain."""
        if "longest" not in self._cache:
            sizes = np.diff(self.start)
            self._cache["longest"] = int(sizes.max()) if len(sizes) else 0
        return int(self._cache["longest"])

    @property
    def gates(self) -> IntArray:
        """Core nodes by which every node is reached, (n, 2): the ends of its chain, or itself."""
        if "gates" not in self._cache:
            from qianwan_gis.network import kernels

            self._cache["gates"] = kernels.gates_of(
                self.start, self.node, self.a, self.b, self.core_of
            )
        return self._cache["gates"]  # type: ignore[no-any-return]

    @property
    def position(self) -> IntArray:
        """Place of every edge in chain order."""
        if "position" not in self._cache:
            position = np.empty(len(self.code), np.int32)
            position[self.code >> 1] = np.arange(len(self.code), dtype=np.int32)
            self._cache["position"] = position
        return self._cache["position"]  # type: ignore[no-any-return]


def hilbert_order(x: FloatArray, y: FloatArray) -> IntArray:
    """Order of points along a Hilbert curve, so that near points lie near in memory."""
    from qianwan_gis.network import kernels

    if len(x) == 0:
        return np.empty(0, np.int32)
    x0, y0 = float(x.min()), float(y.min())
    span = max(float(x.max()) - x0, float(y.max()) - y0)
    scale = 65535.0 / span if span > 0.0 else 0.0
    keys = kernels.hilbert_keys(x, y, x0, y0, scale)
    return kernels.radix_argsort(keys)  # type: ignore[no-any-return]


def build(u: IntArray, v: IntArray, x: FloatArray, y: FloatArray) -> Topology:
    """Find the chains and number the core nodes along a Hilbert curve.

    Chains keep the order of the edges where that is an order in space as well.

    Parameters
    ----------
    u, v
        Node positions of the edges' ends.
    x, y
        Coordinates of the nodes: used for locality only, never for lengths.
    """
    from qianwan_gis.network import kernels

    n = len(x)
    degree, mixed = kernels.edge_ends(u, v, n)
    core, known = kernels.core_nodes(degree, mixed)
    del degree
    with ThreadPoolExecutor(1) as beside:  # the kernels leave the interpreter lock alone
        sorting = beside.submit(hilbert_order, x[known], y[known]) if n > _BESIDE else None
        start, code, node, a, b = kernels.build_chains(u, v, mixed, core)
        order = sorting.result() if sorting else hilbert_order(x[known], y[known])
    nodes = np.flatnonzero(core).astype(np.int32)
    if len(nodes) > len(known):  # rings got a core node each
        order = hilbert_order(x[nodes], y[nodes])
    core_of = np.full(n, -1, np.int32)
    cores = len(nodes)
    core_of[nodes[order]] = np.arange(cores, dtype=np.int32)
    del mixed, core, known, nodes, order  # the rest of the work takes their room
    if kernels.number_ends(a, b, core_of) > _SCATTERED * len(a):
        start, code, node, a, b = kernels.order_chains(start, code, node, a, b, cores)
    kernels.mark_inside(node, core_of)
    ip, arc = kernels.core_arcs(a, b, cores)
    return Topology(start, code, node, a, b, core_of, ip, arc)
