"""Local search for sewage plans: a good plan quickly, and what each alternative would cost."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.services._sewage.model import (
    Model,
    State,
    arc_cost,
    cost,
    everyone_local,
    flows,
    tidy,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_GAIN = 1e-6  # yuan; less is no improvement


class Search:
    """A plan that is changed move by move."""

    def __init__(self, model: Model, state: State) -> None:
        self.model = model
        self.state = state
        self.cost = cost(model, state)
        self.out: list[list[int]] = [[] for _ in model.demand]
        for k, arc in enumerate(model.arcs):
            self.out[arc.tail].append(k)

    def route(
        self, start: int, extra: float, flow: Array, way: NDArray[np.int64], limit: float,
        closed: NDArray[np.bool_] | None = None, sink: str | None = None,
    ) -> tuple[float, list[int]]:  # fmt: skip
        """Return the least extra cost of sending ``extra`` m³/d from a node, and the ways taken.

        Nodes that already send water on keep their way. ``sink`` asks for a ``station`` or a
        ``sewer``; None takes either.
        """
        model = self.model
        used: dict[str, float] = {}
        for v in np.flatnonzero((way >= 0) & (flow > 0)):
            arc = model.arcs[way[v]]
            if arc.plant:
                used[arc.plant] = used.get(arc.plant, 0.0) + float(flow[v])
        best = {start: 0.0}
        via: dict[int, int] = {}
        queue: list[tuple[float, int]] = [(0.0, start)]
        done: set[int] = set()
        end, end_cost = -1, limit
        while queue:
            here, node = heapq.heappop(queue)
            if node in done:
                continue
            done.add(node)
            if here >= end_cost:
                break
            busy = way[node] >= 0 and flow[node] > 0
            for k in [int(way[node])] if busy else self.out[node]:
                arc = model.arcs[k]
                if arc.head in done or (arc.head >= 0 and closed is not None and closed[arc.head]):
                    continue
                before = float(flow[node]) if busy else 0.0
                price = arc_cost(arc, before + extra)
                if busy:
                    price -= arc_cost(arc, before)
                reach = here + price
                if reach >= end_cost:
                    continue
                if arc.head < 0:
                    if sink is not None and (sink == "sewer") != bool(arc.plant):
                        continue
                    if arc.plant and used.get(arc.plant, 0.0) + extra > model.spare[arc.plant]:
                        continue
                    end, end_cost = k, reach
                elif reach < best.get(arc.head, np.inf):
                    best[arc.head] = reach
                    via[arc.head] = k
                    heapq.heappush(queue, (reach, arc.head))
        if end < 0:
            return float("inf"), []
        path = [end]
        node = model.arcs[end].tail
        while node != start:
            path.append(via[node])
            node = model.arcs[via[node]].tail
        return end_cost, path[::-1]

    def _take(self, way: NDArray[np.int64], collected: NDArray[np.bool_]) -> bool:
        """Accept a plan when it is cheaper."""
        trial = tidy(self.model, State(way, collected))
        total = cost(self.model, trial)
        if total < self.cost - _GAIN:
            self.state, self.cost = trial, total
            return True
        return False

    def village(self, v: int, *, any_cost: bool = False) -> bool:
        """Try the best place for one village: on the spot, or by the cheapest way out."""
        model, state = self.model, self.state
        collected = state.collected.copy()
        collected[v] = False
        without = tidy(model, State(state.way, collected))
        better = state.collected[v] and self._take(without.way, without.collected)
        flow, _ = flows(model, without)
        limit = np.inf if any_cost else float(model.local[v] - model.collect[v])
        extra, path = self.route(v, float(model.demand[v]), flow, without.way, limit)
        if not path or (self.state.collected[v] and not extra < np.inf):
            return better
        way, collected = without.way.copy(), without.collected.copy()
        for k in path:
            way[model.arcs[k].tail] = k
        collected[v] = True
        if any_cost:
            trial = State(way, collected)
            total = cost(model, trial)
            if total < np.inf:
                self.state, self.cost = trial, total
                return True
            return False
        return self._take(way, collected) or better

    def reroute(self, node: int) -> bool:
        """Try another way for all the water that passes a node."""
        model, state = self.model, self.state
        flow, _ = flows(model, state)
        if flow[node] <= 0 or state.way[node] < 0:
            return False
        behind = self._upstream(node)
        way = state.way.copy()
        passing = float(flow[node])
        # take the water off everything below
        rest = flow.copy()
        v = node
        while v >= 0 and way[v] >= 0:
            rest[v] -= passing
            v = model.arcs[way[v]].head
        rest[np.abs(rest) < 1e-9] = 0.0
        rest[behind] = 0.0
        clear = np.where(rest > 0, way, -1)
        extra, path = self.route(node, passing, rest, clear, np.inf, closed=behind)
        if not path or extra == np.inf:
            return False
        new = np.where(behind, way, clear)
        new[node] = -1
        for k in path:
            new[model.arcs[k].tail] = k
        return self._take(new, state.collected.copy())

    def dissolve(self, node: int) -> bool:
        """Try everything that passes a node on the spot."""
        behind = self._upstream(node)
        behind[node] = True
        return self._take(self.state.way.copy(), self.state.collected & ~behind)

    def _upstream(self, node: int) -> NDArray[np.bool_]:
        into: dict[int, list[int]] = {}
        for v in np.flatnonzero(self.state.way >= 0).tolist():
            into.setdefault(self.model.arcs[self.state.way[v]].head, []).append(v)
        marked = np.zeros(len(self.model.demand), bool)
        stack = [node]
        while stack:
            for v in into.get(stack.pop(), ()):
                if not marked[v]:
                    marked[v] = True
                    stack.append(v)
        return marked

    def run(self, until: float, rounds: int = 30) -> None:
        """Change one thing at a time until nothing gets cheaper or the time is up."""
        lives = np.flatnonzero(self.model.demand > 0)
        order = lives[np.argsort(-self.model.demand[lives], kind="stable")]
        for _ in range(rounds):
            before = self.cost
            for v in order:
                if time.monotonic() > until:
                    return
                self.village(int(v))
            for v in np.flatnonzero(self.state.way >= 0):
                if time.monotonic() > until:
                    return
                if self.state.way[v] >= 0 and not self.dissolve(int(v)):
                    self.reroute(int(v))
            if self.cost >= before - _GAIN:
                return


def improve(model: Model, start: State, *, until: float) -> State:
    """Return a plan no dearer than ``start``: local search from it."""
    search = Search(model, tidy(model, start))
    search.run(until)
    return search.state


def greedy(model: Model) -> State:
    """Return the plan in which each village, the largest first, takes what is cheapest for it then.

    Sewers fill up in that order; nobody waits for a neighbour.
    """
    search = Search(model, everyone_local(model))
    lives = np.flatnonzero(model.demand > 0)
    for v in lives[np.argsort(-model.demand[lives], kind="stable")]:
        search.village(int(v))
    return search.state


def together(model: Model) -> State:
    """Return a plan that collects everybody who can be, from which savings start afresh."""
    search = Search(model, everyone_local(model))
    lives = np.flatnonzero(model.demand > 0)
    for v in lives[np.argsort(-model.demand[lives], kind="stable")]:
        search.village(int(v), any_cost=True)
    return search.state


def heuristic(model: Model, *, until: float) -> State:
    """Return the best plan of local search from three beginnings."""
    best: tuple[float, State] | None = None
    for begin in (greedy, together, everyone_local):
        search = Search(model, begin(model))
        search.run(until)
        if best is None or search.cost < best[0] - _GAIN:
            best = (search.cost, search.state)
        if time.monotonic() > until:
            break
    assert best is not None  # noqa: S101  (three beginnings)
    return best[1]
