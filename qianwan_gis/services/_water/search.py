"""The tree and its sizes together: trees are changed, and judged by their exact sizing.

Candidates come from the trees of `tree.candidates` and from exchange of paths under the price by
flow and lift (`tree.tree_cost`). The best few by that price, and always the shortest tree, are sized
exactly; the exchange then goes on around the best design. No clock decides how many are tried, so
the same input gives the same tree.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.services import _steiner as steiner
from qianwan_gis.services._water import tree

if TYPE_CHECKING:
    from qianwan_gis.services._water.graph import Graph
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.laying import Laid
    from qianwan_gis.services._water.sizing import Design

Sized = tuple["Laid", "Design | None"]
Size = Callable[[set[int], float], Sized]

_SWEEPS = 4
_CLIMB = 25.0  # metres of pipe that a metre of rise or fall may be worth when a path is replaced
#: Trees sized exactly, by the number of villages (up to).
_TRIES = ((12, 10), (25, 6), (50, 3))
_ROUNDS = 3
#: Relative gap at which trees are compared; the winner and the shortest tree are sized to the end.
_ROUGH = 0.02


@dataclass(frozen=True)
class Found:
    """The best tree found.

    Attributes
    ----------
    edges
        Of the graph.
    laid, design
        The tree as it lies, and its sizing (None where no tree keeps the limits).
    tried
        How many trees were sized.
    """

    edges: frozenset[int]
    laid: Laid
    design: Design | None
    tried: int


def best(
    graph: Graph, edges: set[int], root: int, demand: dict[int, float], head: float, rules: Rules,
    size: Size, gap: float, quick: bool = False,
) -> Found:  # fmt: skip
    """Return the cheapest design found over trees that join the same villages.

    Parameters
    ----------
    edges
        A tree that joins all of ``demand`` (m³/d by village node).
    head
        Level of the water at the works (m).
    size
        Lays and sizes a tree to a relative gap.
    gap
        To which the chosen tree is sized. The shortest tree is sized to it as well, so that what is
        returned never costs more.
    quick
        Size only the tree that is cheapest by its price.
    """

    def price(chosen: frozenset[int]) -> float:
        return tree.tree_cost(graph, set(chosen), root, demand, head, rules)

    shortest, *others = (frozenset(e) for e in tree.candidates(graph, edges, root, set(demand)))
    prices = {one: price(one) for one in (shortest, *others)}
    ways = _Exchange(graph, root, set(demand))
    if quick:
        one = min(prices, key=lambda e: (prices[e], sorted(e)))
        return Found(one, *size(set(one), gap), 1)
    for start in sorted(prices, key=lambda e: (prices[e], sorted(e)))[:2]:
        _descend(start, prices, price, ways)
    tries = next((k for most, k in _TRIES if len(demand) <= most), 2)
    sized: dict[frozenset[int], Sized] = {}

    def cost(one: frozenset[int]) -> float:
        if one not in sized:
            sized[one] = size(set(one), max(gap, _ROUGH))
        design = sized[one][1]
        return np.inf if design is None else design.cost

    order = sorted(prices, key=lambda e: (prices[e], sorted(e)))
    first = [shortest, *(e for e in order if e != shortest)][: max(2, tries // 2)]
    champion = min(first, key=lambda e: (cost(e), sorted(e)))
    for _ in range(_ROUNDS):
        left = tries - len(sized)
        if left <= 0:
            break
        for one in ways.around(champion):
            prices.setdefault(one, price(one))
        near = sorted(
            (e for e in prices if e not in sized),
            key=lambda e: (prices[e], sorted(e)),
        )[: max(1, left // 2)]
        better = min([champion, *near], key=lambda e: (cost(e), sorted(e)))
        if better == champion and len(near) < max(1, left // 2):
            break
        champion = better
    tried = len(sized)
    if gap < _ROUGH:
        sized[champion] = size(set(champion), gap)
        least = sized[shortest][1]
        # a proven bound above the winner's cost needs no second look
        if shortest != champion and least is not None and least.bound < cost(champion):
            sized[shortest] = size(set(shortest), gap)
    champion = min((champion, shortest), key=lambda e: (cost(e), sorted(e)))
    laid, design = sized[champion]
    return Found(champion, laid, design, tried)


def _descend(
    start: frozenset[int], prices: dict[frozenset[int], float],
    price: Callable[[frozenset[int]], float], ways: _Exchange,
) -> None:  # fmt: skip
    """Exchange paths as long as the price falls; every tree met joins ``prices``."""
    here = start
    for _ in range(_SWEEPS):
        for one in ways.around(here):
            if one not in prices:
                prices[one] = price(one)
        around = min(ways.around(here), key=lambda e: (prices[e], sorted(e)), default=here)
        if prices[around] >= prices[here]:
            return
        here = around


class _Exchange:
    """The neighbours of a tree: one path between forks or villages is replaced."""

    def __init__(self, graph: Graph, root: int, wanted: set[int]) -> None:
        self.graph, self.root, self.wanted = graph, root, wanted
        steep = [m + _CLIMB * c for m, c in zip(graph.length, graph.climb, strict=True)]
        self.weights = [graph.length, steep] if graph.climb else [graph.length]
        self.known: dict[frozenset[int], list[frozenset[int]]] = {}

    def around(self, edges: frozenset[int]) -> list[frozenset[int]]:
        """Return the trees that differ in one path, without doubles."""
        if edges not in self.known:
            self.known[edges] = self._around(edges)
        return self.known[edges]

    def _around(self, edges: frozenset[int]) -> list[frozenset[int]]:
        keep = self.wanted | {self.root}
        ends = self.graph.ends
        kept, at = steiner.prune(ends, set(edges), keep)
        found: dict[frozenset[int], None] = {}
        for path in steiner.paths(ends, at, keep):
            rest = kept - set(path)
            inside = set(tree.rooted(self.graph, rest, self.root)[0])
            below = {n for e in rest for n in ends[e]} | {n for e in path for n in ends[e]}
            inner = {n for e in path for n in ends[e] if len(at[n]) == 2 and n not in keep}
            below -= inside | inner
            for weight in self.weights:
                way = self._way(inside, below, weight, set(path))
                if way is not None:
                    one = frozenset(steiner.prune(ends, rest | way, keep)[0])
                    if one != edges:
                        found[one] = None
        return list(found)

    def _way(
        self, start: set[int], goal: set[int], weight: list[float], barred: set[int]
    ) -> set[int] | None:
        """Cheapest way between two parts that does not use all of the path taken out."""
        if not goal:
            return None
        best = dict.fromkeys(sorted(start), 0.0)
        via: dict[int, tuple[int, int]] = {}
        queue = [(0.0, n) for n in sorted(start)]
        heapq.heapify(queue)
        # one edge of the old path is closed, else the way would be the old path again
        shut = min(barred, key=lambda e: (-weight[e], e))
        while queue:
            cost, node = heapq.heappop(queue)
            if cost > best[node]:
                continue
            if node in goal:
                way = set()
                while node in via:
                    node, edge = via[node]
                    way.add(edge)
                return way
            for other, _, edge in self.graph.near[node]:
                if edge == shut or other in start:
                    continue
                new = cost + weight[edge]
                if new < best.get(other, np.inf):
                    best[other] = new
                    via[other] = (node, edge)
                    heapq.heappush(queue, (new, other))
        return None


__all__ = ["Found", "best"]
