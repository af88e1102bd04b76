"""Levels of the chosen trunks where they meet: what the choice problem leaves out, designed and priced.

The problem prices every road section as if it began at least depth. Here the sections of a plan are
joined from their heads to their sinks: one that takes in a deeper pipe begins as deep as that arrives,
or the water is lifted there, whichever is cheaper; pressure mains and stations pump the more. What
that adds is part of the plan's cost; plans in which it could be saved are looked for (`settle`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qianwan_gis.services._sewage import model as models
from qianwan_gis.services._sewage import routes
from qianwan_gis.services._sewage.search import improve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.frame import Frame
    from qianwan_gis.services._sewage.model import Model, State
    from qianwan_gis.services._sewage.routes import Arc, Option

    Array = NDArray[np.float64]

_LEVEL = 0.01  # m; shallower steps are built away
_ROUNDS = 4
_LESS = 1.0  # yuan; a round that gains less is the last
_EMPTY = np.empty(0)


class Run(NamedTuple):
    """One way of a plan as built.

    Attributes
    ----------
    arc, flow
        Position of the way and the water in it (m³/d).
    option
        What is built, lifts at its head included.
    along, ground, depth
        Profile in the direction of flow; empty where nothing is laid.
    lifts
        Point and head (m) of each lift.
    inlet
        Metres that a station's or a pressure main's own pumps lift more than the problem assumed.
    cost, extra
        Present value, and how much of it comes from the levels where pipes meet.
    """

    arc: int
    flow: float
    option: Option
    along: Array
    ground: Array
    depth: Array
    lifts: list[tuple[int, float]]
    inlet: float
    cost: float
    extra: float


def oriented(frame: Frame, arc: Arc) -> tuple[Any, Array, Array]:
    """Geometry, distances and ground of a way in the direction of flow."""
    line = frame.routes.lines[arc.route]
    along, ground = frame.routes.profiles[arc.route]
    start = np.array(line.coords[0])
    if np.hypot(*(start - frame.routes.xy[arc.tail])) > 0.5:
        return line.reverse(), along[-1] - along[::-1], ground[::-1]
    return line, along, ground


def design(frame: Frame, state: State) -> dict[int, Run]:
    """Return what is built out of each node that sends water on."""
    model = frame.model
    flow, _ = models.flows(model, state)
    used = [int(v) for v in np.flatnonzero((state.way >= 0) & (flow > 0))]
    waiting: dict[int, int] = {}
    for v in used:
        head = model.arcs[state.way[v]].head
        waiting[head] = waiting.get(head, 0) + 1
    arrives: dict[int, float] = {}
    found: dict[int, Run] = {}
    ready = [v for v in used if not waiting.get(v)]
    while ready:
        v = ready.pop()
        k = int(state.way[v])
        arc = model.arcs[k]
        run, onward = _build(frame, k, float(flow[v]), arrives.get(v, 0.0))
        found[v] = run
        if arc.head >= 0:
            arrives[arc.head] = max(arrives.get(arc.head, 0.0), onward)
            waiting[arc.head] -= 1
            if not waiting[arc.head]:
                ready.append(arc.head)
    return {v: found[v] for v in used}


def _build(frame: Frame, k: int, q: float, arrives: float) -> tuple[Run, float]:
    """Return the cheapest way to build one way below what arrives, and the depth of its end."""
    arc = frame.model.arcs[k]
    laid = arc.route >= 0 and arc.length >= 0.5
    line = oriented(frame, arc) if laid else None
    plain = models.arc_cost(arc, q)
    best: tuple[Run, float] | None = None
    for option in arc.options:
        if q > option.capacity * (1 + 1e-9) + 1e-9:
            continue
        for run, end in _ways(frame, k, option, q, arrives, line):
            run = run._replace(extra=run.cost - plain)
            if best is None or run.cost < best[0].cost - 1e-9:
                best = run, end
    assert best is not None  # noqa: S101  (the plan can be, so some option carries the flow)
    return best


def _ways(
    frame: Frame, k: int, option: Option, q: float, arrives: float, line: Any
) -> list[tuple[Run, float]]:
    """Return the ways to build one option: as the problem has it and a lift, or deeper."""
    prices, arc = frame.prices, frame.model.arcs[k]
    rules = prices.rules
    plain = option.fixed + option.per_flow * q

    def run(cost: float, built: Option = option, profile: Any = None, inlet: float = 0.0) -> Run:
        if line is None:
            return Run(k, q, built, _EMPTY, _EMPTY, _EMPTY, profile or [], inlet, cost, 0.0)
        depth, lifts = profile
        return Run(k, q, built, line[1], line[2], depth, lifts, inlet, cost, 0.0)

    if line is None:
        if arc.head >= 0:  # two villages at one place
            return [(run(plain), arrives)]
        if not arc.plant:  # a station pumps in what arrives below its inlet
            more = max(0.0, arrives - float(rules.least_depth(0)))
            return [(run(plain + _inlet(frame, q, more, option), inlet=more), 0.0)]
        more = arrives - (arc.end_depth if arc.end_depth is not None else np.inf)
        if more <= _LEVEL:
            return [(run(plain), 0.0)]
        once, each = routes.pumping(prices, 0, more)
        built = option._replace(lifts=1, lift_m=more)
        return [(run(plain + once + each * q, built, [(0, more)]), 0.0)]
    _, along, ground = line
    if option.kind == "pressure":
        depth = np.full(len(along), rules.cover + option.diameter)
        more = max(0.0, arrives - rules.cover - 1.0)
        lifts = [(0, option.lift_m + more)]
        built = option._replace(lift_m=option.lift_m + more)
        cost = plain + _inlet(frame, q, more, option)
        return [(run(cost, built, (depth, lifts), more), rules.cover + option.diameter)]
    size = int(np.argmin(np.abs(rules.diameters - option.diameter)))
    least = float(rules.least_depth(size))
    factor = frame.factor if frame.routes.across[arc.route] and not arc.plant else 1.0
    shallow = routes.gravity_run(
        along, ground, prices, size, factor=factor, end_depth=arc.end_depth
    )
    assert shallow is not None  # noqa: S101  (it was offered)
    _, depth, lifts = shallow
    if arrives <= least + _LEVEL:
        return [(run(plain, profile=(depth, lifts)), float(depth[-1]))]
    head = arrives - least
    once, each = routes.pumping(prices, size, head)
    built = option._replace(kind="lifted", lifts=option.lifts + 1, lift_m=option.lift_m + head)
    found = [(run(plain + once + each * q, built, (depth, [(0, head), *lifts])), float(depth[-1]))]
    deeper = None
    if arrives <= rules.max_depth:
        deeper = routes.gravity_run(
            along, ground, prices, size, factor=factor, start=arrives, end_depth=arc.end_depth
        )
    if deeper is not None:
        whole, low, raised = deeper
        more_once = whole.fixed - shallow[0].fixed
        more_each = whole.per_flow - shallow[0].per_flow
        built = whole._replace(fixed=option.fixed + more_once, per_flow=option.per_flow + more_each)
        cost = built.fixed + built.per_flow * q
        found.append((run(cost, built, (low, raised)), float(low[-1])))
    return found


def inlet_power(frame: Frame, run: Run) -> float:
    """Power (kW) of the pumps that lift ``run.inlet`` at a station or a pressure main."""
    return _power(frame, run.flow, run.inlet, run.option)


def _power(frame: Frame, q: float, more: float, option: Option) -> float:
    rules = frame.prices.rules
    if option.kind == "pressure":  # charged by the share of the main's capacity, like its own pumps
        size = int(np.argmin(np.abs(rules.pressure_diameters - option.diameter)))
        peak = float(rules.pressure_capacity[size]) * q / option.capacity
    else:
        peak = float(rules.peak(q))
    return float(frame.prices.kilowatts(peak, more))


def _inlet(frame: Frame, q: float, more: float, option: Option) -> float:
    """Present value of lifting ``q`` m³/d by ``more`` metres with a pump that is there anyway."""
    prices = frame.prices
    power = _power(frame, q, more, option) * prices.price["pump_yuan_kw"] * prices.capital("pump")
    return float(prices.energy(more)) * q + power


def settle(frame: Frame, state: State, *, until: float = float("inf")) -> tuple[State, float]:
    """Return the plan after looking for one whose levels cost less, and its whole cost.

    Ways that cost more than the problem said are made dearer by that much, and local search runs
    again; the cheapest plan with all levels designed is kept.
    """
    model: Model = frame.model
    best, best_cost, runs = state, *_whole(frame, state)
    surcharge: dict[int, float] = {}
    for _ in range(_ROUNDS):
        extra = {r.arc: r.extra for r in runs.values() if r.extra > _LESS}
        if not extra:
            break
        for k, more in extra.items():
            surcharge[k] = max(surcharge.get(k, 0.0), more)
        trial = improve(_dearer(model, surcharge), best, until=until)
        trial_cost, trial_runs = _whole(frame, trial)
        if trial_cost >= best_cost - _LESS:
            break
        best, best_cost, runs = trial, trial_cost, trial_runs
    return best, best_cost


def _whole(frame: Frame, state: State) -> tuple[float, dict[int, Run]]:
    runs = design(frame, state)
    return models.cost(frame.model, state) + sum(r.extra for r in runs.values()), runs


def _dearer(model: Model, surcharge: Mapping[int, float]) -> Model:
    arcs = list(model.arcs)
    for k, more in surcharge.items():
        arcs[k] = replace(
            arcs[k], options=tuple(o._replace(fixed=o.fixed + more) for o in arcs[k].options)
        )
    return replace(model, arcs=arcs)


__all__ = ["Run", "design", "oriented", "settle"]
