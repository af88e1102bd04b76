"""Local search for sewage plans: a good plan quickly, and what each alternative would cost.

Costs of ways are separate, so a move is priced by the ways that it touches: a village or a whole
branch is taken off the way its water goes, and sent by the cheapest way out from there.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

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
    pass

_GAIN = 1e-6  # yuan; less is no improvement
_NOTHING = 1e-7  # m³/d; what rounding leaves in a way that carries nothing
_KICK = (2, 20)  # villages taken out together by a kick: least, and one more than most


class _Memory(NamedTuple):
    flow: list[float]
    way: list[int]
    collected: list[bool]
    used: dict[str, float]
    cost: float


class Search:
    """A plan that is changed move by move; its flows and cost are kept up to date."""

    def __init__(self, model: Model, state: State) -> None:
        self.model = model
        state = tidy(model, state)
        self.demand: list[float] = model.demand.tolist()
        self.local: list[float] = model.local.tolist()
        self.collect: list[float] = model.collect.tolist()
        self.out: list[list[int]] = [[] for _ in self.demand]
        for k, arc in enumerate(model.arcs):
            self.out[arc.tail].append(k)
        flow, _ = flows(model, state)
        self.flow: list[float] = flow.tolist()
        self.way: list[int] = state.way.tolist()
        self.collected: list[bool] = state.collected.tolist()
        self.used: dict[str, float] = dict.fromkeys(model.spare, 0.0)
        for v in np.flatnonzero(state.way >= 0).tolist():
            plant = model.arcs[self.way[v]].plant
            if plant:
                self.used[plant] = self.used.get(plant, 0.0) + self.flow[v]
        self.cost = cost(model, state)
        self.lives: list[int] = np.flatnonzero(model.demand > 0).tolist()

    @property
    def state(self) -> State:
        """The plan as it stands."""
        return State(np.array(self.way, np.int64), np.array(self.collected, bool))

    def _remember(self) -> _Memory:
        return _Memory(
            self.flow.copy(), self.way.copy(), self.collected.copy(), dict(self.used), self.cost
        )

    def _recall(self, memory: _Memory) -> None:
        self.flow, self.way, self.collected, self.used, self.cost = (
            memory.flow.copy(), memory.way.copy(), memory.collected.copy(), dict(memory.used),
            memory.cost,
        )  # fmt: skip

    # ------------------------------------------------------------ pieces of a move

    def _take_off(self, node: int, q: float) -> float:
        """Take water off the way from a node to its sink; returns what that saves."""
        saved = 0.0
        while node >= 0 and self.way[node] >= 0:
            arc = self.model.arcs[self.way[node]]
            before = self.flow[node]
            after = before - q
            if after < _NOTHING:
                after = 0.0
                self.way[node] = -1
            saved += arc_cost(arc, before) - (arc_cost(arc, after) if after > 0 else 0.0)
            self.flow[node] = after
            if arc.plant:
                self.used[arc.plant] -= q
            node = arc.head
        return saved

    def _send(self, path: list[int], q: float) -> None:
        """Put water on the ways of a path."""
        for k in path:
            arc = self.model.arcs[k]
            self.way[arc.tail] = k
            self.flow[arc.tail] += q
            if arc.plant:
                self.used[arc.plant] += q

    def route(
        self, start: int, extra: float, limit: float, *,
        closed: set[int] | None = None, sink: str | None = None,
    ) -> tuple[float, list[int]]:  # fmt: skip
        """Return the least extra cost of sending ``extra`` m³/d from a node, and the ways taken.

        Nodes that already send water on keep their way. ``sink`` asks for a ``station`` or a
        ``sewer``; None takes either.
        """
        model, flow, way = self.model, self.flow, self.way
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
            for k in [way[node]] if busy else self.out[node]:
                arc = model.arcs[k]
                if arc.head in done or (closed is not None and arc.head in closed):
                    continue
                before = flow[node] if busy else 0.0
                price = arc_cost(arc, before + extra)
                if busy:
                    price -= arc_cost(arc, before)
                reach = here + price
                if reach >= end_cost:
                    continue
                if arc.head < 0:
                    if sink is not None and (sink == "sewer") != bool(arc.plant):
                        continue
                    if arc.plant and self.used[arc.plant] + extra > model.spare[arc.plant]:
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

    # ------------------------------------------------------------ moves

    def village(self, v: int, *, any_cost: bool = False) -> bool:
        """Try the best place for one village: on the spot, or by the cheapest way out."""
        memory = self._remember()
        q = self.demand[v]
        if self.collected[v]:
            base = self.cost - self._take_off(v, q) - self.collect[v]
        else:
            base = self.cost - self.local[v]
        self.collected[v] = False
        limit = float("inf") if any_cost else self.local[v] - self.collect[v]
        extra, path = self.route(v, q, limit)
        if path:
            self._send(path, q)
            self.collected[v] = True
            self.cost = base + extra + self.collect[v]
        else:
            self.cost = base + self.local[v]
        if self.cost < memory.cost - _GAIN or (any_cost and path):
            return True
        self._recall(memory)
        return False

    def reroute(self, node: int) -> bool:
        """Try another way for all the water that passes a node."""
        passing = self.flow[node]
        if passing <= 0 or self.way[node] < 0:
            return False
        memory = self._remember()
        behind = self._upstream(node)
        saved = self._take_off(node, passing)
        extra, path = self.route(node, passing, saved - _GAIN, closed=behind)
        if not path:
            self._recall(memory)
            return False
        self._send(path, passing)
        self.cost += extra - saved
        return True

    def dissolve(self, node: int) -> bool:
        """Try everything that passes a node on the spot."""
        memory = self._remember()
        behind = self._upstream(node)
        saved = self._take_off(node, self.flow[node])
        for v in behind:
            saved += arc_cost(self.model.arcs[self.way[v]], self.flow[v])
            self.flow[v], self.way[v] = 0.0, -1
        added = 0.0
        for v in (*behind, node):
            if self.collected[v]:
                added += self.local[v] - self.collect[v]
                self.collected[v] = False
        self.cost += added - saved
        if self.cost < memory.cost - _GAIN:
            return True
        self._recall(memory)
        return False

    def _upstream(self, node: int) -> set[int]:
        """Nodes whose water passes a node, itself left out."""
        into: dict[int, list[int]] = {}
        for v, k in enumerate(self.way):
            if k >= 0:
                into.setdefault(self.model.arcs[k].head, []).append(v)
        found: set[int] = set()
        stack = [node]
        while stack:
            for v in into.get(stack.pop(), ()):
                if v not in found:
                    found.add(v)
                    stack.append(v)
        return found

    # ------------------------------------------------------------ runs of moves

    def _pass(self, villages: list[int], nodes: list[int], until: float) -> bool:
        """Try every move once; False when the time is up."""
        for v in villages:
            if time.monotonic() > until:
                return False
            self.village(v)
        for v in nodes:
            if time.monotonic() > until:
                return False
            if self.way[v] >= 0 and not self.dissolve(v):
                self.reroute(v)
        return True

    def run(self, until: float, rounds: int = 30) -> None:
        """Change one thing at a time until nothing gets cheaper or the time is up."""
        order = sorted(self.lives, key=lambda v: (-self.demand[v], v))
        for _ in range(rounds):
            before = self.cost
            inner = [v for v, k in enumerate(self.way) if k >= 0]
            if not self._pass(order, inner, until) or self.cost >= before - _GAIN:
                return

    def kick(self, times: int, until: float, seed: int = 0) -> None:
        """Take out a few neighbours together, put them back in another order, keep what is cheaper.

        ``times`` kicks, each around a village drawn anew, from a generator of its own: without a
        clock (``until`` infinite) the same plan always gives the same better plan.
        """
        rng = np.random.default_rng(seed)
        near = self._neighbours()
        for _ in range(times):
            if time.monotonic() > until or not self.lives:
                return
            memory = self._remember()
            first = self.lives[int(rng.integers(len(self.lives)))]
            group = near(first, int(rng.integers(*_KICK)))
            touched: set[int] = set()
            for v in group:
                if self.collected[v]:
                    touched |= self._below(v)
                    self.cost -= self._take_off(v, self.demand[v]) + self.collect[v]
                    self.cost += self.local[v]
                    self.collected[v] = False
            for v in rng.permutation(group).tolist():
                self.village(v, any_cost=bool(rng.random() < 0.5))
                touched |= self._below(v)
            self._pass(group, sorted(touched), float("inf"))
            self._pass(group, [], float("inf"))
            if self.cost >= memory.cost - _GAIN:
                self._recall(memory)

    def _below(self, node: int) -> set[int]:
        """Nodes on the way from a node to its sink, itself included."""
        found = {node}
        while node >= 0 and self.way[node] >= 0:
            node = self.model.arcs[self.way[node]].head
            if node >= 0:
                found.add(node)
        return found

    def _neighbours(self) -> Callable[[int, int], list[int]]:
        """Return a function that gives the villages nearest to one along the ways, itself first."""
        lives = set(self.lives)
        heads = [
            sorted({a.head for a in (self.model.arcs[k] for k in ks) if a.head >= 0})
            for ks in self.out
        ]

        def near(start: int, number: int) -> list[int]:
            found: list[int] = []
            seen, layer = {start}, [start]
            while layer and len(found) < number:
                found += [v for v in layer if v in lives]
                nxt = sorted({h for v in layer for h in heads[v]} - seen)
                seen.update(nxt)
                layer = nxt
            return found[:number]

        return near

    # ------------------------------------------------------------ explanation

    def alternatives(self, v: int, far: float) -> dict[str, float]:
        """Return what a village adds to the plan, and would add by a sewer or a station instead.

        All others stay as planned. Keys ``now``, ``sewer``, ``station``; NaN where it cannot be or
        costs more than ``far`` times what it costs now.
        """
        memory = self._remember()
        q = self.demand[v]
        now = self._take_off(v, q) + self.collect[v] if self.collected[v] else self.local[v]
        found = {"now": now}
        for sink in ("sewer", "station"):
            extra, path = self.route(v, q, far * max(now, self.local[v]), sink=sink)
            found[sink] = extra + self.collect[v] if path else float("nan")
        self._recall(memory)
        return found


def improve(model: Model, start: State, *, until: float, kicks: int = 0, seed: int = 0) -> State:
    """Return a plan no dearer than ``start``: local search from it, then kicks."""
    search = Search(model, start)
    search.run(until)
    search.kick(kicks, until, seed)
    return search.state


def greedy(model: Model) -> State:
    """Return the plan in which each village, the largest first, takes what is cheapest for it then.

    Sewers fill up in that order; nobody waits for a neighbour.
    """
    return _in_turn(model, any_cost=False)


def together(model: Model) -> State:
    """Return a plan that collects everybody who can be, from which savings start afresh."""
    return _in_turn(model, any_cost=True)


def _in_turn(model: Model, *, any_cost: bool) -> State:
    search = Search(model, everyone_local(model))
    for v in sorted(search.lives, key=lambda v: (-search.demand[v], v)):
        search.village(v, any_cost=any_cost)
    return search.state


def heuristic(model: Model, *, until: float = float("inf"), kicks: int = 0) -> State:
    """Return the best plan of local search from three beginnings, then kicks from it.

    With an infinite ``until`` no clock is read and the same problem gives the same plan.
    """
    best: Search | None = None
    for begin in (greedy, together, everyone_local):
        search = Search(model, begin(model))
        search.run(until)
        if best is None or search.cost < best.cost - _GAIN:
            best = search
        if time.monotonic() > until:
            break
    assert best is not None  # noqa: S101  (three beginnings)
    best.kick(kicks, until)
    return best.state
