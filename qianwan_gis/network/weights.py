"""One weight on a topology, ready to search, with a second weight carried along the paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qianwan_gis.network.topology import FloatArray, Topology

# Two orders of adding up the same path differ by rounding. A limit that is met exactly must count
# in both, so limits are widened by this share: far above rounding, far below any measurement.
SLACK = 1.0 + 1e-12

_BUCKETS = 1 << 20  # never more than this many buckets


@dataclass(eq=False)
class View:
    """Edge weights in chain order (along and against the chain) and their sums per arc.

    The second weight is brought into chain order when it is first read.
    """

    topology: Topology
    along: FloatArray
    against: FloatArray
    sums: FloatArray
    second: Callable[[], tuple[FloatArray, FloatArray]]
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)
    _second: Any = field(default=None, repr=False)

    def _carried(self, part: int) -> FloatArray:
        if self._second is None:
            from qianwan_gis.network import kernels

            t = self.topology
            self._second = kernels.chain_weights(t.code, t.start, *self.second())
        return self._second[part]  # type: ignore[no-any-return]

    @property
    def along2(self) -> FloatArray:
        """Second weight along the chain."""
        return self._carried(0)

    @property
    def against2(self) -> FloatArray:
        """Second weight against the chain."""
        return self._carried(1)

    @property
    def sums2(self) -> FloatArray:
        """Second weight per arc."""
        return self._carried(2)

    @property
    def four(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """All weights in chain order."""
        return self.along, self.against, self.along2, self.against2

    @property
    def symmetric(self) -> bool:
        """Whether every chain costs the same both ways."""
        if "symmetric" not in self._cache:
            self._cache["symmetric"] = bool(np.array_equal(self.sums[::2], self.sums[1::2]))
        return bool(self._cache["symmetric"])

    def packed(self, *, reverse: bool) -> FloatArray:
        """Arc records for a search along (or against) the direction of travel."""
        from qianwan_gis.network import kernels

        reverse = reverse and not self.symmetric
        key = "reverse" if reverse else "forward"
        if key not in self._cache:
            t = self.topology
            self._cache[key] = kernels.pack_arcs(t.ip, t.target, t.arc, self.sums, reverse)
        return self._cache[key]  # type: ignore[no-any-return]

    @property
    def extent(self) -> tuple[float, float]:
        """Mean and largest weight of the passable arcs."""
        if "extent" not in self._cache:
            total, count, top = 0.0, 0, 0.0
            for block in np.array_split(self.sums, max(1, len(self.sums) // 1_000_000)):
                passable = block[np.isfinite(block)]
                if len(passable):
                    total += float(passable.sum())
                    count += len(passable)
                    top = max(top, float(passable.max()))
            self._cache["extent"] = (total / count if count else 0.0, top)
        return self._cache["extent"]  # type: ignore[no-any-return]

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


def make_view(
    topology: Topology,
    forward: FloatArray,
    backward: FloatArray,
    second: Callable[[], tuple[FloatArray, FloatArray]],
) -> View:
    """Bring edge weights into chain order and add them up per chain."""
    from qianwan_gis.network import kernels

    along, against, sums = kernels.chain_weights(topology.code, topology.start, forward, backward)
    return View(topology, along, against, sums, second)


def with_second(view: View, values: FloatArray) -> View:
    """Return the same weight with other edge values carried along its paths."""
    both = (values, values)
    return View(view.topology, view.along, view.against, view.sums, lambda: both, view._cache)
