"""Exact solution of the choice problem: parts, cuts at the root, branch and bound (HiGHS)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis import _solve
from qianwan_gis.services._sewage.model import Model, State, _reach, cost, prune, tidy
from qianwan_gis.services._sewage.search import heuristic, improve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

_VIOLATED = 1e-4
_SCALE = 10_000_000  # whole numbers for the maximum flows
_ROUNDS = 60
_SMALL = 150  # options; below this the solver needs little help at the root
_FIRST, _LAST = 0.2, 0.2  # shares of the time for local search before and after
_KICKS_EACH = 60  # for each village
_DROP_EVERY = 2  # rounds of cuts
_NODES = 6  # relaxations that must fit into the time left, else there is no branching
_OVERSHOOT = 0.2  # HiGHS looks at its clock late: it is given this much less
_LOOSE = 0.01  # a row with more room than this in the relaxed solution is forgotten
_LEVELS = (0.02, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9)


@dataclass(frozen=True)
class Outcome:
    """What a solution is and what is proven of it.

    Attributes
    ----------
    state, cost
        The plan and its cost.
    bound, status
        Proven bound; ``optimal`` or ``feasible``.
    parts, cuts
        Into how many parts the problem fell, and cuts added.
    """

    state: State
    cost: float
    bound: float
    status: str
    parts: int
    cuts: int

    @property
    def gap(self) -> float:
        """Relative gap between cost and bound."""
        return _solve.relative_gap(self.cost, self.bound)


def solve(model: Model, *, time_limit: float = 300.0, gap: float = 0.0) -> Outcome:
    """Return the cheapest plan with a proven bound.

    Parameters
    ----------
    time_limit
        Seconds for everything.
    gap
        Relative gap at which a part's search stops.
    """
    begin = time.monotonic()
    end = begin + time_limit
    less = prune(model)
    parts = _parts(less)
    number_alive = int((model.demand > 0).sum())
    best = heuristic(model, until=begin + _FIRST * time_limit, kicks=_KICKS_EACH * number_alive)
    best_cost = cost(model, best)
    bound = float(model.local[model.demand > 0].sum())
    cuts, done = 0, True
    way, collected = best.way.copy(), best.collected.copy()
    for number, nodes in enumerate(parts):
        part = _part(less, nodes)
        left = max(end - time.monotonic(), 1.0)
        # a part may use its share of what is left, by the square of its size
        weights = [len(p) ** 2 for p in parts[number:]]
        share = left * weights[0] / sum(weights) * (1.0 - _LAST)
        found = _Part(part).solve(max(1.0, share), gap)
        bound += found.bound - float(part.local[part.demand > 0].sum())
        cuts += found.cuts
        done &= found.done
        if found.state is None:
            continue
        trial_way, trial_collected = way.copy(), collected.copy()
        assert part.origin is not None  # noqa: S101  (a part of a pruned model)
        chosen = found.state.way
        trial_way[nodes] = np.where(chosen >= 0, part.origin[chosen], -1)
        trial_collected[nodes] = found.state.collected & (part.demand > 0)
        total = cost(model, State(trial_way, trial_collected))
        if total < best_cost:
            way, collected, best_cost = trial_way, trial_collected, total
    state = tidy(model, State(way, collected))
    if not done and best_cost < np.inf:
        state = improve(model, state, until=end, kicks=_KICKS_EACH * number_alive, seed=1)
    total = cost(model, state)
    bound = min(bound, total)
    if done and gap == 0.0 and _solve.relative_gap(total, bound) < 1e-6:
        bound = total
    closed = _solve.relative_gap(total, bound) <= max(gap, 1e-6)
    return Outcome(state, total, bound, "optimal" if closed else "feasible", len(parts), cuts)


def _parts(model: Model) -> list[Ints]:
    """Sets of nodes that share neither a way nor a plant, the smallest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(model.demand)
    number = {p: n + i for i, p in enumerate(sorted(model.spare))}
    tail = np.array([a.tail for a in model.arcs], np.int64)
    head = np.array(
        [a.head if a.head >= 0 else number[a.plant] if a.plant else a.tail for a in model.arcs],
        np.int64,
    )
    size = n + len(number)
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(size, size))
    part = connected_components(graph, directed=False)[1]
    touched = np.zeros(size, bool)
    touched[tail], touched[head] = True, True
    groups = [np.flatnonzero((part[:n] == p) & touched[:n]) for p in np.unique(part[touched])]
    groups = [g for g in groups if len(g) and (model.demand[g] > 0).any()]
    return sorted(groups, key=lambda g: (len(g), int(g[0])))


def _part(model: Model, nodes: Ints) -> Model:
    """Return the problem on some nodes, renumbered."""
    rank = np.full(len(model.demand), -1, np.int64)
    rank[nodes] = np.arange(len(nodes))
    mine = [k for k, a in enumerate(model.arcs) if rank[a.tail] >= 0]
    arcs = [
        replace(a, tail=int(rank[a.tail]), head=int(rank[a.head]) if a.head >= 0 else -1)
        for a in (model.arcs[k] for k in mine)
    ]
    assert model.origin is not None  # noqa: S101  (pruned before)
    return Model(
        model.demand[nodes], model.local[nodes], model.collect[nodes], arcs, model.spare,
        model.origin[mine],
    )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    state: State | None
    bound: float
    done: bool
    cuts: int


class _Part:
    """One part as a mixed-integer programme.

    Variables: design y and flow x of every option, and local l of every village, in this order.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        n = len(model.demand)
        self.options = [(a, k) for a, arc in enumerate(model.arcs) for k in range(len(arc.options))]
        m = len(self.options)
        self.arc_of = np.array([a for a, _ in self.options], np.int64)
        self.tail = np.array([model.arcs[a].tail for a in self.arc_of], np.int64)
        self.head = np.array([model.arcs[a].head for a in self.arc_of], np.int64)
        self.lives = np.flatnonzero(model.demand > 0)
        self.number = {int(v): 2 * m + i for i, v in enumerate(self.lives)}
        self.size = 2 * m + len(self.lives)
        choice = [model.arcs[a].options[k] for a, k in self.options]
        fixed = np.array([o.fixed for o in choice])
        per = np.array([o.per_flow for o in choice])
        most, _ = _reach(n, model.arcs, model.demand, np.zeros(n))
        total = float(model.demand.sum())
        most = np.minimum(most, total)
        self.top = np.minimum([o.capacity for o in choice], most[self.arc_of])
        for i, a in enumerate(self.arc_of):
            plant = model.arcs[a].plant
            if plant:
                self.top[i] = min(self.top[i], model.spare[plant])
        saved = model.local[self.lives] - model.collect[self.lives]
        self.base = float(model.collect[self.lives].sum())
        self.cost = np.r_[fixed, per, saved]
        # millions of yuan: keeps the solver's tolerances meaningful
        self.unit = 1e4
        self.m = m
        self.rows = self._rows()

    def _rows(self) -> list[tuple[Any, Any, Any]]:
        from scipy.sparse import csr_array

        model, m = self.model, self.m
        n = len(model.demand)
        entries: list[tuple[int, int, float]] = []
        low: list[float] = []
        high: list[float] = []

        def row(terms: list[tuple[int, float]], lo: float, hi: float) -> None:
            entries.extend((len(low), j, v) for j, v in terms)
            low.append(lo)
            high.append(hi)

        out: list[list[int]] = [[] for _ in range(n)]
        into: list[list[int]] = [[] for _ in range(n)]
        for i in range(m):
            out[self.tail[i]].append(i)
            if self.head[i] >= 0:
                into[self.head[i]].append(i)
        smallest = float(model.demand[self.lives].min())
        for i in range(m):
            row([(m + i, 1.0), (i, -float(self.top[i]))], -np.inf, 0.0)
            row([(m + i, 1.0), (i, -min(smallest, float(self.top[i])))], 0.0, np.inf)
        by_pair: dict[tuple[int, int], list[int]] = {}
        for i in range(m):
            if self.head[i] >= 0:
                by_pair.setdefault((int(self.tail[i]), int(self.head[i])), []).append(i)
        for v in range(n):
            q = float(model.demand[v])
            terms = [(m + i, 1.0) for i in out[v]] + [(m + i, -1.0) for i in into[v]]
            if q > 0:
                terms.append((self.number[v], q))
            row(terms, q, q)
            if out[v]:
                row([(i, 1.0) for i in out[v]], -np.inf, 1.0)
            if q > 0:
                row([(i, 1.0) for i in out[v]] + [(self.number[v], 1.0)], 1.0, np.inf)
            elif into[v]:
                row([(i, 1.0) for i in into[v]] + [(i, -1.0) for i in out[v]], 0.0, np.inf)
        for (tail, head), ways in by_pair.items():
            onward = [i for i in out[head] if self.head[i] != tail]
            row([(i, 1.0) for i in onward] + [(i, -1.0) for i in ways], 0.0, np.inf)
        for plant, spare in sorted(self.model.spare.items()):
            ways = [i for i in range(m) if model.arcs[self.arc_of[i]].plant == plant]
            if ways:
                row([(m + i, 1.0) for i in ways], -np.inf, spare)
        r, c, v2 = (np.array(x) for x in zip(*entries, strict=True))
        matrix = csr_array((v2, (r, c)), shape=(len(low), self.size))
        return [(matrix, np.array(low), np.array(high))]

    def _solve(self, integer: bool, time_limit: float, gap: float, cuts: Any) -> _solve.Solution:
        kinds = np.zeros(self.size)
        if integer:
            kinds[: self.m] = 1
            kinds[2 * self.m :] = 1
        upper = np.r_[np.ones(self.m), self.top, np.ones(len(self.lives))]
        rows = [*self.rows]
        if len(cuts):
            rows.append(cuts.block(self.size))
        return _solve.solve(
            self.cost / self.unit, rows=rows, integer=kinds, lower=np.zeros(self.size),
            upper=upper, time_limit=time_limit, gap=gap,
        )  # fmt: skip

    def solve(self, time_limit: float, gap: float) -> _Found:
        """Add cuts at the root while they help, then branch.

        Where a relaxation takes so long that branching could look at a few nodes only, all of the time
        goes into cuts: they lift the bound more, and HiGHS would not look at its clock in time.
        """
        end = time.monotonic() + time_limit
        cuts = _Cuts()
        bound, last, slowest, added = -np.inf, None, 0.0, 0
        for number in range(_ROUNDS if self.m > _SMALL else 2):
            started = time.monotonic()
            relaxed = self._solve(False, max(end - started, 0.1), 0.0, cuts)
            if relaxed.x is None or relaxed.status != "optimal":
                slowest = max(slowest, time.monotonic() - started)
                break
            before, bound = bound, max(bound, relaxed.objective)
            if bound - before < 1e-6 * abs(bound) and np.isfinite(before):
                break
            last = relaxed.x
            if number % _DROP_EVERY == 1:
                cuts.drop_loose(last)
            found_more = self._separate(relaxed.x, cuts)
            added = max(added, len(cuts))
            took = time.monotonic() - started
            slowest = max(slowest, took)
            left = end - time.monotonic()
            # the next round takes about as long: it must end in time, or in the root's half of it
            spare = 0.0 if slowest * _NODES > left else 0.5 * time_limit
            if not found_more or 1.5 * took > left - spare:
                break
        left = (end - time.monotonic()) * (1.0 - _OVERSHOOT)
        if slowest * _NODES > left:
            value = (bound if np.isfinite(bound) else self._trivial()) * self.unit + self.base
            return _Found(None, value, False, added)
        if last is not None:
            cuts.drop_loose(last)
        found = self._solve(True, max(left, 0.1), gap, cuts)
        if np.isfinite(found.bound):
            bound = max(bound, found.bound)
        if not np.isfinite(bound):
            bound = self._trivial()
        value = bound * self.unit + self.base
        if found.x is None:
            return _Found(None, value, False, added)
        return _Found(self._state(found.x), value, found.status == "optimal", added)

    def _trivial(self) -> float:
        """A bound that needs no solver: the cheaper of local and collection alone."""
        return float(np.minimum(self.cost[2 * self.m :], 0.0).sum()) / self.unit

    def _state(self, x: Array) -> State:
        n = len(self.model.demand)
        way = np.full(n, -1, np.int64)
        for i in np.flatnonzero(x[: self.m] > 0.5):
            way[self.tail[i]] = self.arc_of[i]
        collected = np.zeros(n, bool)
        collected[self.lives] = x[2 * self.m :] < 0.5
        return State(way, collected)

    # ------------------------------------------------------------ cuts

    def _separate(self, x: Array, cuts: _Cuts) -> bool:
        """Find cuts that the relaxed solution breaks: one maximum flow per village."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        n, m = len(self.model.demand), self.m
        y, flow = x[:m], x[m : 2 * m]
        head = np.where(self.head >= 0, self.head, n)
        before = len(cuts)
        order = np.argsort(-self.model.demand[self.lives], kind="stable")
        for v in self.lives[order]:
            v = int(v)
            need = 1.0 - x[self.number[v]]
            if need < 1e-3:
                continue
            q = float(self.model.demand[v])
            room = np.minimum(y, flow / q)
            whole = np.round(room * _SCALE).astype(np.int32)
            open_ = whole > 0
            graph = csr_array(
                (whole[open_], (self.tail[open_], head[open_])),
                shape=(n + 1, n + 1),
                dtype=np.int32,
            )
            graph.sum_duplicates()
            result = maximum_flow(graph, v, n)
            if result.flow_value / _SCALE < need - _VIOLATED:
                rest = graph - result.flow
                rest.data[rest.data < 0] = 0
                rest.eliminate_zeros()
                inside = np.zeros(n + 1, bool)
                inside[breadth_first_order(rest, v, return_predecessors=False)] = True
                self._cut(inside, x, cuts, [v])
                self._cut(inside, x, cuts, None)
        for inside in self._sets(y):
            self._cut(inside, x, cuts, None)
        return len(cuts) > before

    def _sets(self, y: Array) -> list[NDArray[np.bool_]]:
        """Node sets worth a cut: single villages, and what ways in use to some degree hold together."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = len(self.model.demand)
        found = []
        for v in self.lives:
            inside = np.zeros(n + 1, bool)
            inside[v] = True
            found.append(inside)
        inner = self.head >= 0
        for least in _LEVELS:
            use = inner & (y > least)
            graph = coo_array(
                (np.ones(int(use.sum())), (self.tail[use], self.head[use])), shape=(n, n)
            )
            label = connected_components(graph, directed=False)[1]
            for part in np.flatnonzero(np.bincount(label) > 1):
                inside = np.zeros(n + 1, bool)
                inside[:n] = label == part
                found.append(inside)
        return found

    def _cut(
        self, inside: NDArray[np.bool_], x: Array, cuts: _Cuts, villages: list[int] | None
    ) -> None:
        """Add the cut of a node set, for given villages or for those in it, if it is broken."""
        if villages is None:
            everyone = [int(v) for v in self.lives if inside[v]]
            self._cut_for(everyone, inside, x, cuts)
            # those mostly collected alone: the others weaken the cut
            most = [v for v in everyone if x[self.number[v]] < 0.5]
            if len(most) < len(everyone):
                self._cut_for(most, inside, x, cuts)
        else:
            self._cut_for(villages, inside, x, cuts)

    def _cut_for(self, who: list[int], inside: NDArray[np.bool_], x: Array, cuts: _Cuts) -> None:
        m = self.m
        if not who:
            return
        q = float(self.model.demand[who].sum())
        crosses = inside[self.tail] & ~np.where(self.head >= 0, inside[self.head], False)
        options = np.flatnonzero(crosses)
        # an option in use carries at most the villages' water, or what can come to it
        room = np.minimum(q, self.top[options])
        by_design = room * x[options] <= x[m + options]
        terms = [
            (int(i), float(r)) if d else (int(m + i), 1.0)
            for i, r, d in zip(options, room, by_design, strict=True)
        ]
        terms += [(self.number[v], float(self.model.demand[v])) for v in who]
        value = sum(x[j] * a for j, a in terms)
        if value < q * (1.0 - _VIOLATED):
            cuts.add([(j, a / q) for j, a in terms], 1.0)


class _Cuts:
    """Rows ``sum a x >= b`` found so far, without repeats."""

    def __init__(self) -> None:
        self.rows: dict[tuple[tuple[int, float], ...], float] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, terms: list[tuple[int, float]], least: float) -> None:
        """Add a row."""
        self.rows.setdefault(tuple(sorted((j, round(a, 12)) for j, a in terms)), least)

    def drop_loose(self, x: Array) -> None:
        """Forget the rows that the last relaxed solution does not lean on."""
        self.rows = {
            row: least
            for row, least in self.rows.items()
            if sum(x[j] * a for j, a in row) <= least + _LOOSE
        }

    def block(self, size: int) -> tuple[Any, Array, Array]:
        """Return the rows for the solver."""
        from scipy.sparse import csr_array

        r = [i for i, row in enumerate(self.rows) for _ in row]
        c = [j for row in self.rows for j, _ in row]
        v = [a for row in self.rows for _, a in row]
        matrix = csr_array((v, (r, c)), shape=(len(self.rows), size))
        low = np.array(list(self.rows.values()))
        return matrix, low, np.full(len(low), np.inf)
