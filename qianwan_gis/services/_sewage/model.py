"""The choice problem behind a sewage plan, and its exact solution.

Villages on a graph of possible trunks: each is treated on its own ground (local) or sends its water
on; every node sends on through one way only, so trunks form trees that end at a station or a recorded
sewer. Ways cost fixed + per flow, several options each; sewers share the spare capacity of a plant.

Formulation: one aggregated flow per option, tightened by (1) capacities cut down to what can reach a
way, (2) a way in use goes on at its head, (3) cuts found at the root: whatever set of nodes a
village's water must leave, the options across it, each by its design variable or by flow over the
village's own flow, whichever is less, add up to the village's collection; and the same for sets of
villages. The graph falls into parts once the ways that cannot pay are gone; parts are solved one by
one and their bounds added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.services._sewage.routes import Arc, Option

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

_EPS = 1e-7


@dataclass(frozen=True)
class Model:
    """One problem.

    Attributes
    ----------
    demand
        Wastewater of each node (m³/d); 0 where nobody lives.
    local, collect
        Cost of treating a node's people on the spot, and of collecting their water there.
    arcs
        Ways; head -1 is a sink: a station at the tail, or a sewer of ``plant``.
    spare
        Spare capacity by plant (m³/d).
    origin
        Where each way stands in the whole problem's list, for a part of a problem.
    """

    demand: Array
    local: Array
    collect: Array
    arcs: list[Arc]
    spare: dict[str, float]
    origin: Ints | None = None


@dataclass(frozen=True)
class State:
    """A plan: the way out of each node (-1: none) and whether each village's water is collected."""

    way: Ints
    collected: NDArray[np.bool_]


def everyone_local(model: Model) -> State:
    """Return the plan that collects nothing."""
    n = len(model.demand)
    return State(np.full(n, -1, np.int64), np.zeros(n, bool))


def flows(model: Model, state: State) -> tuple[Array, bool]:
    """Flow through each node's way (m³/d), and whether every water reaches a sink."""
    n = len(model.demand)
    flow = np.where(state.collected, model.demand, 0.0)
    head = np.array([model.arcs[w].head if w >= 0 else -2 for w in state.way])
    waiting = np.bincount(head[head >= 0], minlength=n)
    ready = [int(v) for v in np.flatnonzero(waiting == 0)]
    done = 0
    while ready:
        v = ready.pop()
        done += 1
        h = int(head[v])
        if h == -2 and flow[v] > 0:
            return flow, False
        if h >= 0:
            flow[h] += flow[v]
            waiting[h] -= 1
            if waiting[h] == 0:
                ready.append(h)
    return flow, done == n


def best_option(arc: Arc, flow: float) -> int:
    """Position of the cheapest option that carries a flow; -1 when none does."""
    best, which = np.inf, -1
    for k, o in enumerate(arc.options):
        if flow <= o.capacity * (1 + 1e-9) + 1e-9:
            cost = o.fixed + o.per_flow * flow
            if cost < best:
                best, which = cost, k
    return which


def arc_cost(arc: Arc, flow: float) -> float:
    """Cost of carrying a flow through a way; inf over its largest option."""
    k = best_option(arc, flow)
    return np.inf if k < 0 else arc.options[k].fixed + arc.options[k].per_flow * flow


def cost(model: Model, state: State) -> float:
    """Cost of a plan; inf where it cannot be."""
    flow, ends = flows(model, state)
    if not ends:
        return float("inf")
    lives = model.demand > 0
    total = float(model.collect[state.collected & lives].sum())
    total += float(model.local[~state.collected & lives].sum())
    used: dict[str, float] = {}
    for v in np.flatnonzero((state.way >= 0) & (flow > 0)):
        arc = model.arcs[state.way[v]]
        total += arc_cost(arc, float(flow[v]))
        if arc.plant:
            used[arc.plant] = used.get(arc.plant, 0.0) + float(flow[v])
    if any(q > model.spare[p] * (1 + 1e-9) + 1e-9 for p, q in used.items()):
        return float("inf")
    return total


def tidy(model: Model, state: State) -> State:
    """Take out the ways that carry nothing."""
    flow, _ = flows(model, state)
    return State(np.where(flow > 0, state.way, -1), state.collected & (model.demand > 0))


# ---------------------------------------------------------------- what cannot pay


def prune(model: Model) -> Model:
    """Drop ways that no best plan needs.

    A village's saving by collection is at most its local cost less collection and the cheapest
    treatment of its water anywhere. A way whose fixed cost is above the savings of all that can
    reach it cannot pay; nor one whose fixed cost is above what a station at its tail would lose.
    Villages without a saving stay local.
    """
    demand, arcs = model.demand, list(model.arcs)
    origin = np.arange(len(arcs))
    while True:
        sinks = [o.per_flow for a in arcs if a.head < 0 for o in a.options]
        if not sinks:
            return replace(model, arcs=[], demand=np.zeros(len(demand)), origin=origin[:0])
        least = min(sinks)
        saving = np.maximum(model.local - model.collect - least * demand, 0.0)
        saving[demand <= 0] = 0.0
        demand = np.where(saving > 0, model.demand, 0.0)
        most, gain = _reach(len(demand), arcs, demand, saving)
        station = {a.tail: a for a in arcs if a.head < 0 and not a.plant}
        kept = []
        for k, (a, top, worth) in enumerate(zip(arcs, most, gain, strict=True)):
            if top <= 0:
                continue
            ways = tuple(o for o in a.options if o.fixed < worth - 1e-9)
            if a.head >= 0 and a.tail in station:
                own = station[a.tail].options
                ways = tuple(o for o in ways if _beats_station(o, own, top, least))
            if ways:
                kept.append((k, replace(a, options=ways)))
        same = len(kept) == len(arcs) and all(
            len(a.options) == len(b.options) for (_, a), b in zip(kept, arcs, strict=True)
        )
        origin = origin[[k for k, _ in kept]]
        arcs = [a for _, a in kept]
        if same:
            return replace(model, arcs=arcs, demand=demand, origin=origin)


def _beats_station(o: Option, station: tuple[Option, ...], top: float, least: float) -> bool:
    """Whether some flow up to ``top`` may go through the option rather than a station at its tail.

    The station's cost less anything linear is concave in the flow: its largest value lies where two
    of its lines meet or at an end.
    """
    top = min(top, o.capacity)
    at = [top]
    for i, a in enumerate(station):
        for b in station[i + 1 :]:
            if a.per_flow != b.per_flow:
                q = (b.fixed - a.fixed) / (a.per_flow - b.per_flow)
                if 0 < q < top:
                    at.append(q)
    return any(
        min(s.fixed + s.per_flow * q for s in station) > o.fixed + (o.per_flow + least) * q + 1e-9
        for q in [*at, 0.0]
    )


def _reach(n: int, arcs: list[Arc], demand: Array, saving: Array) -> tuple[Array, Array]:
    """Most flow and most saving that can come to the tail of each way without passing its head."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array([(a.tail, a.head) for a in arcs if a.head >= 0], np.int64).reshape(-1, 2)
    most, gain = np.zeros(len(arcs)), np.zeros(len(arcs))

    def label(without: int) -> Ints:
        keep = (pairs != without).all(axis=1)
        a, b = pairs[keep].T
        graph = coo_array((np.ones(len(a)), (a, b)), shape=(n, n))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)

    by_head: dict[int, list[int]] = {}
    for k, a in enumerate(arcs):
        by_head.setdefault(a.head, []).append(k)
    for head, ways in by_head.items():
        part = label(head)
        q, s = np.bincount(part, demand, minlength=n), np.bincount(part, saving, minlength=n)
        for k in ways:
            most[k], gain[k] = q[part[arcs[k].tail]], s[part[arcs[k].tail]]
    return most, gain
