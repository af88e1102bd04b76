"""Local search for sewage plans: a good plan quickly, and what each alternative would cost.

A move takes a village or a whole branch off the way its water goes, and sends it by the cheapest way
out from there; `_kernels` has the moves, compiled. Here is in which order they are tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.services._sewage.model import Model, State, cost, everyone_local, flows, tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage._kernels import Plan, Problem, Room

    Ints = NDArray[np.int64]

_GAIN = 1e-6  # yuan; less is no improvement
_KICK = (2, 20)  # villages taken out together by a kick: least, and one more than most
_AT_ONCE = 50  # moves between two looks at the clock


def _packed(model: Model, plants: dict[str, int]) -> Problem:
    """Return a model as arrays."""
    from qianwan_gis.services._sewage._kernels import Problem

    arcs = model.arcs
    options = np.array([o[:3] for a in arcs for o in a.options], float).reshape(-1, 3)
    tail = np.array([a.tail for a in arcs], np.int64)
    spare = np.zeros(len(plants))
    for plant, q in model.spare.items():
        spare[plants[plant]] = q
    return Problem(
        tail, np.array([a.head for a in arcs], np.int64),
        np.array([plants.get(a.plant, -1) for a in arcs], np.int64),
        np.cumsum([0, *(len(a.options) for a in arcs)]), options[:, 0].copy(),
        options[:, 1].copy(), options[:, 2] * (1 + 1e-9) + 1e-9,
        np.searchsorted(np.sort(tail), np.arange(len(model.demand) + 1)),
        np.argsort(tail, kind="stable"), np.asarray(model.demand, float),
        np.asarray(model.local, float), np.asarray(model.collect, float), spare,
    )  # fmt: skip


class Search:
    """A plan that is changed move by move; its flows and cost are kept up to date."""

    def __init__(self, model: Model, state: State) -> None:
        from qianwan_gis.services._sewage import _kernels

        self.model = model
        self._moves = _kernels
        state = tidy(model, state)
        n = len(model.demand)
        plants = {name: i for i, name in enumerate(sorted(model.spare))}
        self._problem = _packed(model, plants)
        flow, _ = flows(model, state)
        used = np.zeros(len(plants))
        for v in np.flatnonzero(state.way >= 0).tolist():
            plant = model.arcs[state.way[v]].plant
            if plant:
                used[plants[plant]] += flow[v]
        self._plan: Plan = _kernels.Plan(
            flow, state.way.copy(), state.collected.copy(), used, np.array([cost(model, state)])
        )
        self._before: Plan = _kernels.Plan._make(part.copy() for part in self._plan)
        self._start: Plan = _kernels.Plan._make(part.copy() for part in self._plan)
        many = len(model.arcs) + 1
        whole = [np.zeros(size, np.int64) for size in (n, n, n, n, 1, many, many, n, n, n + 1)]
        via, seen, done, closed, call, item, path, child, sibling, stack = whole
        self._room: Room = _kernels.Room(
            np.zeros(n), via, seen, done, closed, call, np.zeros(many), item, path, child, sibling,
            stack,
        )  # fmt: skip
        self.lives: list[int] = np.flatnonzero(model.demand > 0).tolist()

    @property
    def state(self) -> State:
        """The plan as it stands."""
        return State(self._plan.way.copy(), self._plan.collected.copy())

    @property
    def cost(self) -> float:
        """Its cost (yuan)."""
        return float(self._plan.cost[0])

    def village(self, v: int, *, any_cost: bool = False) -> None:
        """Try the best place for one village: on the spot, or by the cheapest way out."""
        self._moves.village(self._problem, self._plan, self._before, self._room, v, any_cost)

    # ------------------------------------------------------------ runs of moves

    def _pass(self, villages: Ints, nodes: Ints, until: float) -> bool:
        """Try every move once; False when the time is up."""
        none = np.empty(0, np.int64)
        parts = [(villages[k : k + _AT_ONCE], none) for k in range(0, len(villages), _AT_ONCE)]
        parts += [(none, nodes[k : k + _AT_ONCE]) for k in range(0, len(nodes), _AT_ONCE)]
        for some, others in parts:
            if time.monotonic() > until:
                return False
            self._moves.sweep(self._problem, self._plan, self._before, self._room, some, others)
        return True

    def run(self, until: float, rounds: int = 30) -> None:
        """Change one thing at a time until nothing gets cheaper or the time is up."""
        order = np.array(_largest_first(self.model), np.int64)
        for _ in range(rounds):
            before = self.cost
            inner = np.flatnonzero(self._plan.way >= 0)
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
            first = self.lives[int(rng.integers(len(self.lives)))]
            group = near(first, int(rng.integers(*_KICK)))
            order = rng.permutation(group)
            anyhow = rng.random(len(group)) < 0.5
            self._moves.kick(
                self._problem, self._plan, self._before, self._start, self._room,
                np.array(group), order, anyhow,
            )  # fmt: skip

    def _neighbours(self) -> Callable[[int, int], list[int]]:
        """Return a function that gives the villages nearest to one along the ways, itself first."""
        lives = set(self.lives)
        heads: list[list[int]] = [[] for _ in self.model.demand]
        for arc in self.model.arcs:
            if arc.head >= 0:
                heads[arc.tail].append(arc.head)

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
        found = self._moves.alternatives(
            self._problem, self._plan, self._before, self._room, v, far
        )
        return dict(zip(("now", "sewer", "station"), found, strict=True))


def _largest_first(model: Model) -> list[int]:
    """Return the villages by falling flow."""
    lives = np.flatnonzero(model.demand > 0).tolist()
    return sorted(lives, key=lambda v: (-model.demand[v], v))


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
    for v in _largest_first(model):
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
