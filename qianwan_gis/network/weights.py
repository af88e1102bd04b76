"""One weight on a topology, ready to search, with a second weight carried along the paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qianwan_gis.network.topology import FloatArray, IntArray, Topology

Weights = tuple[IntArray, FloatArray, FloatArray]

# Two orders of adding up the same path differ by rounding. A limit that is met exactly must count
# in both, so limits are widened by this share: far above rounding, far below any measurement.
SLACK = 1.0 + 1e-12

_BUCKETS = 1 << 20  # never more than this many buckets


@dataclass(eq=False)
class View:
    """Edge weights both ways, and what searches need of them, made when it is first asked for.

    ``second`` gives another weight of the same edges that is carried along the paths.
    """

    topology: Topology
    forward: FloatArray
    backward: FloatArray
    second: Callable[[], tuple[FloatArray, FloatArray]]
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)
    _second: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def weights(self) -> Weights:
        """Edges of the chains, and the costs of edges both ways, as kernels read them."""
        return self.topology.code, self.forward, self.backward

    @property
    def weights2(self) -> Weights:
        """The same of the second weight."""
        if "weights" not in self._second:
            self._second["weights"] = (self.topology.code, *self.second())
        return self._second["weights"]  # type: ignore[no-any-return]

    @property
    def sums2(self) -> FloatArray:
        """Second weight per arc."""
        if "sums" not in self._second:
            from qianwan_gis.network import kernels

            code, forward, backward = self.weights2
            start = self.topology.start
            self._second["sums"] = kernels.chain_sums(code, start, forward, backward)[0]
        return self._second["sums"]  # type: ignore[no-any-return]

    @property
    def reach(self) -> FloatArray:
        """Cost from every node to its two gates (`Topology.gates`)."""
        if "reach" not in self._cache:
            self._cache["reach"] = self._reach(self.weights)
        return self._cache["reach"]  # type: ignore[no-any-return]

    @property
    def reach2(self) -> FloatArray:
        """Second weight from every node to its two gates."""
        if "reach" not in self._second:
            self._second["reach"] = self._reach(self.weights2)
        return self._second["reach"]  # type: ignore[no-any-return]

    def _reach(self, weights: Weights) -> FloatArray:
        from qianwan_gis.network import kernels

        t = self.topology
        code, forward, backward = weights
        return kernels.reach_of(  # type: ignore[no-any-return]
            t.start, code, t.node, forward, backward, len(t.core_of)
        )

    def _chains(self, part: int) -> FloatArray:
        if "chains" not in self._cache:
            from qianwan_gis.network import kernels

            self._cache["chains"] = kernels.chain_weights(*self.weights)
        return self._cache["chains"][part]  # type: ignore[no-any-return]

    @property
    def along(self) -> FloatArray:
        """Edge weights in chain order, in the direction of the chain."""
        return self._chains(0)

    @property
    def against(self) -> FloatArray:
        """Edge weights in chain order, against the direction of the chain."""
        return self._chains(1)

    @property
    def extent(self) -> tuple[float, float]:
        """Mean and largest weight of the passable arcs."""
        if "extent" not in self._cache:
            self.packed(reverse=False)
        mean, top, _ = self._cache["extent"]
        return float(mean), float(top)

    def packed(self, *, reverse: bool) -> FloatArray:
        """Arc records for a search along (or against) the direction of travel."""
        key = "reverse" if reverse else "forward"
        if key not in self._cache:
            from qianwan_gis.network import kernels

            t = self.topology
            sums, extent = kernels.chain_sums(t.code, t.start, self.forward, self.backward)
            self._cache["extent"] = extent
            other = self._cache.get("forward" if reverse else "reverse")
            if extent[2] and other is not None:  # the same both ways
                self._cache[key] = other
            else:
                self._cache[key] = kernels.pack_arcs(t.ip, t.arc, t.a, t.b, sums, reverse)
        return self._cache[key]  # type: ignore[no-any-return]

    def buckets(self, width: float, furthest_seed: float) -> tuple[float, int]:
        """Inverse bucket width and number of buckets (a power of 2).

        ``width`` is in mean arc weights; ``furthest_seed`` is the largest cost at which a search
        starts, because all waiting entries must fit into one turn of the ring of buckets.
        """
        mean, top = self.extent
        reach = max(top, furthest_seed)
        size = max(width * mean, reach / _BUCKETS)
        if size <= 0.0:
            size = 1.0
        count = 4
        while count < reach / size + 4:
            count *= 2
        return 1.0 / size, count


def with_second(view: View, values: FloatArray) -> View:
    """Return the same weight with other edge values carried along its paths."""
    both = (values, values)
    return View(view.topology, view.forward, view.backward, lambda: both, view._cache)
