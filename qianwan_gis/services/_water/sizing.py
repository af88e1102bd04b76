"""Sizing of one branched network: diameters, pumps, break-pressure tanks and valves together.

In a tree the flow of every pipe is known, so head losses are linear in the choice of standard
diameters, and the cheapest choice of diameters, lifts and pressure breaks under limits of pressure
is a mixed-integer linear programme (after Alperovits & Shamir 1977 for the pipes; the pressure
zones are ours). HiGHS proves it or reports the gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis import _solve
from qianwan_gis.services._water.hydraulics import headloss, velocity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.levels import Choice

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Larger pipes than one with this loss (m/m) at the peak hour gain nothing worth laying.
_FLAT = 2e-4
#: Nodes up to which the programme itself is quick.
_SMALL = 12
#: Metres that a pump lifts at least; without a least lift it would serve as a mere valve.
LEAST_LIFT = 5.0


@dataclass(frozen=True)
class Tree:
    """A network to size. Node 0 is the works; every other node has one pipe, from its parent.

    Attributes
    ----------
    parent
        Parent of every node, -1 for the root; parents come before their children.
    length
        Metres of the pipe to each node (0 for the root).
    ground
        Ground level (m).
    low
        Lowest ground (m) along the pipe to each node, both ends included.
    need
        Least pressure (m) at each node.
    summits
        By node: (share of the pipe's length, level that the water must reach there) of places that
        stand above the line between its ends.
    demand
        Peak-hour demand (m³/s) at each node.
    village
        Whether each node is a village's inlet.
    head, level
        Lowest and highest water level (m) at the works without pumping.
    """

    parent: Ints
    length: Array
    ground: Array
    low: Array
    need: Array
    summits: tuple[tuple[tuple[float, float], ...], ...]
    demand: Array
    village: NDArray[np.bool_]
    head: float
    level: float

    @property
    def flow(self) -> Array:
        """Peak-hour flow (m³/s) in the pipe to each node."""
        total = self.demand.copy()
        for v in range(len(total) - 1, 0, -1):
            total[self.parent[v]] += total[v]
        return total

    @property
    def wanted(self) -> Array:
        """Highest level wanted at or beyond each node: only below it can a lift be of use."""
        level = self.ground + self.need
        level[0] = self.head
        for v in range(len(level) - 1, 0, -1):
            high = max((summit for _, summit in self.summits[v]), default=-np.inf)
            level[self.parent[v]] = max(level[self.parent[v]], level[v], high)
        return level


@dataclass(frozen=True)
class Design:
    """A sized network, by node as in `Tree`.

    Attributes
    ----------
    size
        Position of the diameter in the norms (-1 for the root).
    lift
        Metres added where the pipe to the node begins (at the works for the root).
    breaks
        Whether a break-pressure tank stands where the pipe to the node begins.
    valve
        Whether a village's inlet has a pressure-reducing valve.
    head, static
        Level (m) of the water at the peak hour and at rest.
    setpoint
        Level (m) that the pump or tank at the beginning of the pipe holds; NaN without one.
    cost, bound, gap
        Present value (yuan) of pipes, pumps, tanks and valves; proven bound; gap.
    over
        Nodes whose pipe would run faster than allowed even in the largest standard diameter.
    """

    size: Ints
    lift: Array
    breaks: NDArray[np.bool_]
    valve: NDArray[np.bool_]
    head: Array
    static: Array
    setpoint: Array
    cost: float
    bound: float
    gap: float
    status: str
    over: tuple[int, ...]


def choices(tree: Tree, rules: Rules) -> tuple[list[Ints], tuple[int, ...]]:
    """Return the diameters worth trying for every pipe, and the pipes for which none is allowed."""
    found: list[Ints] = [np.empty(0, np.int64)]
    over = []
    for v, q in enumerate(tree.flow.tolist()):
        if v == 0:
            continue
        fast = velocity(q, rules.diameters) > rules["pipe.max_velocity_ms"]
        slope = headloss(q, rules.diameters, 1.0, rules.roughness)
        first = int(fast.sum())
        if first == len(fast):
            over.append(v)
            first -= 1
        last = max(first, int(np.searchsorted(-slope, -_FLAT)))
        found.append(np.arange(first, min(last + 1, len(fast))))
    return found, tuple(over)


def size(
    tree: Tree, rules: Rules, *, time_limit: float | None = 60.0, gap: float = 1e-3,
    devices: bool = True,
) -> Design | None:  # fmt: skip
    """Return the cheapest design, or None where no design keeps the limits.

    Parameters
    ----------
    time_limit
        Seconds for the solver; None runs to the proven optimum.
    gap
        Relative gap at which the solver may stop.
    devices
        Whether boosters, break-pressure tanks and valves may be set (the works' own pump always).
    """
    problem = _programme(tree, rules, devices)
    if problem is None:
        return None
    found = problem.solve(problem.integer, problem.lower, problem.upper, time_limit, gap)
    return None if found.x is None else _design(tree, rules, problem, found)


def quick(tree: Tree, rules: Rules, *, gap: float = 0.05) -> Design | None:
    """Return a cheap design at once, or None where no design keeps the limits.

    Diameters, pumps and break-pressure tanks are chosen by dynamic programming over levels
    (`levels.choose`), lifts and valves by the programme for these; its linear relaxation is the
    bound. Small trees, and those for which the steps of levels allow no design, are left to the
    programme, to ``gap``.
    """
    from qianwan_gis.services._water import levels

    if len(tree.parent) <= _SMALL:
        return size(tree, rules, time_limit=None, gap=gap)
    problem = _programme(tree, rules, devices=True)
    if problem is None:
        return None
    chosen = levels.choose(tree, rules, problem.options, least_lift=LEAST_LIFT)
    if chosen is not None:
        found = problem.given(chosen)
        if found.x is not None:
            bound = problem.relaxed()
            made = _design(tree, rules, problem, found)
            apart = _solve.relative_gap(made.cost, bound)
            return replace(made, status="quick", bound=bound, gap=apart)
    return size(tree, rules, time_limit=None, gap=gap)


@dataclass(frozen=True)
class _Programme:
    """The mixed-integer programme of a tree.

    ``at``: first column of each kind of variable by node; the diameters follow from ``7 n``.
    """

    cost: Array
    rows: tuple[object, Array, Array]
    integer: Ints
    lower: Array
    upper: Array
    at: dict[str, int]
    options: list[Ints]
    over: tuple[int, ...]

    def solve(
        self, integer: Ints, lower: Array, upper: Array, time_limit: float | None, gap: float
    ) -> _solve.Solution:
        return _solve.solve(
            self.cost, rows=[self.rows], integer=integer, lower=lower, upper=upper,
            time_limit=time_limit, gap=gap,
        )  # fmt: skip

    def given(self, chosen: Choice) -> _solve.Solution:
        """Return the best lifts and valves for given diameters, pumps and break-pressure tanks."""
        n = len(chosen.size)
        lower, upper = self.lower.copy(), self.upper.copy()
        for name, flags in (("boost", chosen.pump), ("brk", chosen.tank)):
            part = slice(self.at[name], self.at[name] + n)
            lower[part], upper[part] = flags, np.minimum(upper[part], flags)
        sizes = np.concatenate(self.options)
        of = np.repeat(np.arange(n), [len(o) for o in self.options])
        lower[7 * n :] = upper[7 * n :] = sizes == chosen.size[of]
        return self.solve(self.integer, lower, upper, None, 0.0)

    def relaxed(self) -> float:
        """Return the value of the linear relaxation, a lower bound on every design."""
        whole = np.zeros_like(self.integer)
        found = self.solve(whole, self.lower, self.upper, None, 0.0)
        return found.objective if found.x is not None else -np.inf


def _programme(tree: Tree, rules: Rules, devices: bool) -> _Programme | None:
    """Return the programme, or None where some limit cannot be kept by any design."""
    n = len(tree.parent)
    options, over = choices(tree, rules)
    flow = tree.flow
    top = float(rules.class_m[-1])
    # variables: head n, static n, lift n, drop n, boost n, brk n, valve n, then diameters
    at = {name: k * n for k, name in enumerate(
        ("head", "static", "lift", "drop", "boost", "brk", "valve")
    )}  # fmt: skip
    total = 7 * n + sum(len(o) for o in options)
    cost, lower, upper = np.zeros(total), np.zeros(total), np.zeros(total)
    integer = np.zeros(total, int)
    integer[at["boost"] : 7 * n] = 1
    integer[7 * n :] = 1
    build = _Rows(total)

    least, most = tree.ground + tree.need, tree.low + top
    least[0] = tree.head
    most[0] = max(tree.ground[0], tree.head) + top
    wanted = tree.wanted
    lift_max = rules["device.max_lift_m"]
    lower[at["head"] : at["head"] + n] = np.minimum(least, most)
    upper[at["head"] : at["head"] + n] = most
    lower[at["static"] : at["static"] + n] = np.minimum(least, most)
    upper[at["static"] : at["static"] + n] = most
    if (least > most + 1e-9).any():
        return None
    first = 7 * n
    rank: list[dict[int, int]] = [{}]
    lift_cost = rules.lift_metre(flow)
    for v in range(n):
        head, static, lift, drop, boost, brk, valve = (
            at[k] + v for k in ("head", "static", "lift", "drop", "boost", "brk", "valve")
        )
        u = int(tree.parent[v])
        can_boost = v == 0 or (devices and wanted[v] > tree.ground[u])
        upper[boost] = float(can_boost)
        upper[lift] = lift_max * can_boost
        upper[brk] = float(devices and u > 0)
        upper[valve] = float(devices and tree.village[v])
        cost[boost], cost[lift] = rules.station_fixed, lift_cost[v]
        cost[brk], cost[valve] = rules["cost.break_tank_yuan"], rules["cost.valve_yuan"]
        build.add({lift: 1.0, boost: -lift_max}, -np.inf, 0.0)
        build.add({lift: 1.0, boost: -LEAST_LIFT}, 0.0, np.inf)
        if v == 0:
            build.add({head: 1.0, lift: -1.0}, tree.head, tree.head)
            far = upper[static] - tree.head
            # at rest the works' level stands at its highest; a pump holds its setpoint
            build.add({static: 1.0, boost: -far}, -np.inf, tree.level)
            build.add({static: 1.0, boost: tree.level - tree.head}, tree.level, np.inf)
            build.add({static: 1.0, head: -1.0, boost: far}, -np.inf, far)
            build.add({static: 1.0, head: -1.0}, 0.0, np.inf)
            continue
        these = range(first, first + len(options[v]))
        first += len(options[v])
        price = rules.pipe_metre[options[v]] * tree.length[v]
        loss = headloss(flow[v], rules.diameters[options[v]], tree.length[v], rules.roughness)
        cost[list(these)] = price
        upper[list(these)] = 1.0
        build.add(dict.fromkeys(these, 1.0), 1.0, 1.0)
        lost = dict(zip(these, loss.tolist(), strict=True))
        sizes = dict(zip(these, options[v].tolist(), strict=True))
        if u:  # no pipe is wider than the one that feeds it
            build.add({**sizes, **{k: -w for k, w in rank[u].items()}}, -np.inf, 0.0)
        rank.append(sizes)
        up_head, up_static = at["head"] + u, at["static"] + u
        upper[drop] = max(0.0, most[u] - tree.ground[u])
        build.add({drop: 1.0, brk: -upper[drop]}, -np.inf, 0.0)
        build.add({boost: 1.0, brk: 1.0}, -np.inf, 1.0)
        build.add({head: 1.0, up_head: -1.0, lift: -1.0, drop: 1.0, **lost}, 0.0, 0.0)
        # one static level within a zone
        up, down = upper[static] - lower[up_static], upper[up_static] - lower[static]
        build.add({static: 1.0, up_static: -1.0, boost: -up, brk: -up}, -np.inf, 0.0)
        build.add({static: 1.0, up_static: -1.0, boost: down, brk: down}, 0.0, np.inf)
        minus = {k: -w for k, w in lost.items()}
        far = upper[static] - lower[head]
        build.add({static: 1.0, head: -1.0, boost: far, brk: far, **minus}, -np.inf, far)
        build.add({static: 1.0, head: -1.0, **minus}, 0.0, np.inf)
        # a booster needs water at its inlet, a break-pressure tank sets the level to its own
        suction = tree.ground[u] + rules["head.suction_m"]
        if can_boost:
            slack = max(0.0, suction - lower[up_head])
            build.add({up_head: 1.0, boost: -slack}, suction - slack, np.inf)
        water = tree.ground[u] + rules["device.tank_depth_m"]
        if upper[brk]:
            high, deep = upper[up_head] - water, max(0.0, water - lower[up_head] + upper[drop])
            build.add({up_head: 1.0, drop: -1.0, brk: high}, -np.inf, water + high)
            build.add({up_head: 1.0, drop: -1.0, brk: -deep}, water - deep, np.inf)
        if tree.village[v]:
            limit = tree.ground[v] + rules["head.static_max_m"]
            room = max(0.0, upper[static] - limit)
            build.add({static: 1.0, valve: -room}, -np.inf, limit)
        for share, level in tree.summits[v]:
            rest = {k: (1.0 - share) * w for k, w in lost.items()}
            build.add({head: 1.0, **rest}, level, np.inf)
    return _Programme(cost, build.matrix(), integer, lower, upper, at, options, over)


def _design(tree: Tree, rules: Rules, problem: _Programme, found: _solve.Solution) -> Design:
    """Read the solver's answer; heads are computed again from it, free of its tolerances."""
    n = len(tree.parent)
    x = found.x
    if x is None:
        raise AssertionError("a design needs a solution")
    options = problem.options
    part = {k: x[p : p + n] for k, p in problem.at.items()}
    boost, breaks = part["boost"] > 0.5, part["brk"] > 0.5
    size = np.full(n, -1)
    first = 7 * n
    for v in range(1, n):
        size[v] = options[v][int(np.argmax(x[first : first + len(options[v])]))]
        first += len(options[v])
    lift = np.where(boost, part["lift"], 0.0)
    return settled(
        tree, rules, size, lift, breaks, part["valve"] > 0.5, found.objective, found.bound,
        found.gap, found.status, problem.over,
    )  # fmt: skip


def settled(
    tree: Tree, rules: Rules, size: Ints, lift: Array, breaks: NDArray[np.bool_],
    valve: NDArray[np.bool_], cost: float, bound: float, gap: float, status: str,
    over: tuple[int, ...],
) -> Design:  # fmt: skip
    """Return the design of given choices, with the levels that follow from them."""
    n = len(tree.parent)
    head, static, setpoint = np.empty(n), np.empty(n), np.full(n, np.nan)
    head[0] = tree.head + lift[0]
    static[0] = head[0] if lift[0] > 0 else tree.level
    if lift[0] > 0:
        setpoint[0] = head[0]
    loss = pipe_losses(tree, rules, size)
    for v in range(1, n):
        u = int(tree.parent[v])
        start, static[v] = head[u], static[u]
        if lift[v] > 0:
            start = setpoint[v] = static[v] = head[u] + lift[v]
        elif breaks[v]:
            start = setpoint[v] = static[v] = tree.ground[u] + rules["device.tank_depth_m"]
        head[v] = start - loss[v]
    return Design(size, lift, breaks, valve, head, static, setpoint, cost, bound, gap, status, over)


def pipe_losses(tree: Tree, rules: Rules, size: Ints) -> Array:
    """Peak-hour loss (m) of the pipe to each node."""
    d = rules.diameters[np.maximum(size, 0)]
    loss = headloss(tree.flow, d, tree.length, rules.roughness)
    loss[0] = 0.0
    return np.asarray(loss)


class _Rows:
    """Collects constraints ``low <= sum <= high`` of a sparse matrix."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.row: list[int] = []
        self.col: list[int] = []
        self.value: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, terms: dict[int, float], low: float, high: float) -> None:
        row = len(self.low)
        for column, value in terms.items():
            self.row.append(row)
            self.col.append(column)
            self.value.append(float(value))
        self.low.append(float(low))
        self.high.append(float(high))

    def matrix(self) -> tuple[object, Array, Array]:
        from scipy.sparse import csr_array

        shape = (len(self.low), self.columns)
        matrix = csr_array((self.value, (self.row, self.col)), shape=shape)
        return matrix, np.array(self.low), np.array(self.high)
