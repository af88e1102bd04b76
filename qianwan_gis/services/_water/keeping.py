"""A solved plan's choices as plain values, and back: see `services.planned` for the mechanism.

Kept are the edges of each tree, and by node its diameter, lift, break-pressure tank and valve. All
else follows from them and the inputs, whose fingerprint tells whether they are still the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis.services import planned
from qianwan_gis.services._water import search, sizing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from qianwan_gis.services._water.graph import Graph
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.laying import Laid
    from qianwan_gis.services._water.model import Scheme


def mark(
    graph: Graph, nodes: list[int], roots: list[int], need: NDArray[Any], capacity: NDArray[Any],
    heads: NDArray[Any], ground: NDArray[Any], allowed: Iterable[set[int] | None], reach: float,
    rules: Rules,
) -> str:  # fmt: skip
    """Return the fingerprint of a plan's problem: roads, heights, villages, works, norms, prices."""
    named = [sorted(a) if a is not None else None for a in allowed]
    return planned.fingerprint(
        [
            np.array(graph.ends), np.array(graph.length), np.array(graph.top),
            np.array(graph.climb), np.array(nodes), np.array(roots), need, capacity, heads, ground,
            named, reach, rules.diameters, rules.pipe_price, rules.classes, rules.names,
            *(part for item in sorted(rules.value.items()) for part in item),
        ]
    )  # fmt: skip


def choices(schemes: Iterable[Scheme]) -> dict[str, Any]:
    """Return what was chosen for each works."""
    return {
        scheme.works_id: {
            "edges": sorted(scheme.edges),
            "size": scheme.design.size.tolist(),
            "lift": [float(v) for v in scheme.design.lift],
            "breaks": np.flatnonzero(scheme.design.breaks).tolist(),
            "valve": np.flatnonzero(scheme.design.valve).tolist(),
            "cost": scheme.design.cost, "bound": scheme.design.bound, "gap": scheme.design.gap,
            "status": scheme.design.status, "over": list(scheme.design.over),
            "tree_bound": scheme.bound, "tried": scheme.tried,
        }
        for scheme in schemes
    }  # fmt: skip


def restored(
    kept: dict[str, Any], lay: Callable[[set[int]], Laid], rules: Rules
) -> tuple[search.Found, float]:
    """Return a works' tree and design as they were chosen, and the bound on any tree."""
    laid = lay(set(kept["edges"]))
    n = len(laid.tree.parent)
    flags = {name: np.isin(np.arange(n), kept[name]) for name in ("breaks", "valve")}
    design = sizing.settled(
        laid.tree, rules, np.array(kept["size"]), np.array(kept["lift"], float), flags["breaks"],
        flags["valve"], kept["cost"], kept["bound"], kept["gap"], kept["status"],
        tuple(kept["over"]),
    )  # fmt: skip
    return search.Found(frozenset(kept["edges"]), laid, design, kept["tried"]), kept["tree_bound"]
