"""How cheap could any tree be? A proven lower bound on pipes, pumps and stations together.

The bound holds for every tree along the given roads and every choice of diameters and lifts that
serves the same villages from the same works. Three relaxations, each of which can only lower the
cost:

* Head. Every village's pressure limit is priced at ``theta`` times the cost of lifting its own flow
  (a Lagrange multiplier that the same pump cost bounds). Losses are then paid for where they occur,
  so an edge's cost depends on its own flow alone, and what is left of lifting is at least the rise of
  the ground.
* Size. The cheapest pipe for each flow is replaced by the lower convex hull of its price, straight
  lines ``a + b q``.
* Tree. A linear programme over arcs: flow from the works to the villages, and the directed cuts of
  the Steiner arborescence (Wong 1984), separated by maximum flows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis.services._water.hydraulics import headloss, velocity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._water.graph import Graph
    from qianwan_gis.services._water.hydraulics import Rules

    Array = NDArray[np.float64]

_THETAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_GRID = 400  # flows at which the price of a pipe is taken for its lower hull
_LINES = 6  # of the hull that are kept
_ROUNDS = 12  # of cuts
_TINY = 1e-6
_SCALE = 10**6  # of arc values in the maximum flows, which count in whole numbers


@dataclass(frozen=True)
class _Net:
    """The roads between what matters: ends, metres, and the arcs both ways."""

    count: int
    ends: NDArray[np.int64]
    length: Array
    root: int
    want: Array  # m³/s by node


def tree_bound(
    graph: Graph, root: int, demand: dict[int, float], wanted: dict[int, float], head: float,
    rules: Rules,
) -> float:  # fmt: skip
    """Return a lower bound (yuan, present value) on any tree that serves these villages.

    Parameters
    ----------
    demand
        Peak-day demand (m³/d) by village node.
    wanted
        Level (m) that the water must reach at each of them.
    head
        Level of the water at the works (m), at its lowest.
    """
    blocks = _blocks(_contract(graph, root, demand, rules))
    if not blocks:
        return 0.0
    flow = {n: d / 86_400.0 * rules["demand.hour_factor"] for n, d in demand.items()}
    lift = float(rules.lift_metre(1.0))  # yuan per m³/s and metre: it grows evenly with the flow
    over = _least_tops(graph, root, demand)
    rise = {n: max(0.0, wanted[n] - head, over[n] - head) for n in demand}
    stations = int(np.ceil(max(rise.values()) / rules["device.max_lift_m"] - _TINY))
    fixed = max(stations, 0) * rules.station_fixed
    lifting = sum(flow[n] * rise[n] for n in demand) * lift
    room = sum(flow[n] * (head - wanted[n]) for n in demand) * lift
    best, chosen = -np.inf, 0.0
    for theta in _THETAS:
        value = sum(_block_bound(b, theta * lift, rules, rounds=0) for b in blocks)
        value += (1.0 - theta) * lifting - theta * room
        if value > best:
            best, chosen = value, theta
    value = sum(_block_bound(b, chosen * lift, rules, rounds=_ROUNDS) for b in blocks)
    value += (1.0 - chosen) * lifting - chosen * room
    return max(0.0, best, value) + fixed


def _block_bound(net: _Net, loss_price: float, rules: Rules, *, rounds: int) -> float:
    """Bound on the pipes of one block; a single edge has its one flow and its own price."""
    if len(net.ends) == 1:
        return float(edge_price(net.want[net.want > 0], rules, loss_price)[0] * net.length[0])
    return _Programme(net, _hull(loss_price, net, rules)).solve(rounds=rounds)


def edge_price(flow: Array, rules: Rules, loss_price: float) -> Array:
    """Least price (yuan per metre) of a pipe for each flow, losses at ``loss_price`` per m and m³/s."""
    q = np.asarray(flow, float)[:, None]
    price = rules.pipe_metre + loss_price * q * headloss(q, rules.diameters, 1.0, rules.roughness)
    fast = velocity(q, rules.diameters) > rules["pipe.max_velocity_ms"]
    fast[:, -1] = False  # too fast even in the largest: the largest is laid, and told
    return np.asarray(np.where(fast, np.inf, price).min(axis=1))


def _hull(loss_price: float, net: _Net, rules: Rules) -> list[tuple[float, float]]:
    """Lines (a, b) that never exceed the price ``a + b q`` of a metre, for any flow of the net.

    The price never falls with the flow, so over each step of the grid it is at least that of the
    step's beginning.
    """
    least, most = float(net.want[net.want > 0].min()), float(net.want.sum())
    grid = np.geomspace(least, most, _GRID) if most > least * (1 + 1e-9) else np.array([least])
    price = edge_price(grid, rules, loss_price)
    price = np.minimum.accumulate(price[::-1])[::-1]
    points = [(float(grid[0]), float(price[0]))]
    points += [(float(q), float(p)) for q, p in zip(grid[1:], price[:-1], strict=True)]
    if len(grid) > 1:
        points.append((float(grid[-1]), float(price[-2])))
    hull: list[tuple[float, float]] = []
    for q, p in points:
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (q - hull[-2][0]) >= (
            p - hull[-2][1]
        ) * (hull[-1][0] - hull[-2][0]):
            hull.pop()
        if not hull or q > hull[-1][0]:
            hull.append((q, p))
    lines = []
    for (q0, p0), (q1, p1) in itertools.pairwise(hull):
        slope = (p1 - p0) / (q1 - q0)
        lines.append((p0 - slope * q0, slope))
    if not lines:
        return [(hull[0][1], 0.0)]
    # leaving lines out only lowers the bound
    keep = np.unique(np.linspace(0, len(lines) - 1, _LINES).astype(int))
    return [lines[k] for k in keep]


def _least_tops(graph: Graph, root: int, demand: dict[int, float]) -> dict[int, float]:
    """Return by village the least highest ground that any way from the works passes."""
    import heapq

    if not graph.top:
        return dict.fromkeys(demand, -np.inf)
    best = {root: -np.inf}
    queue = [(-np.inf, root)]
    left = set(demand)
    while queue and left:
        top, node = heapq.heappop(queue)
        if top > best[node]:
            continue
        left.discard(node)
        for other, _, edge in graph.near[node]:
            new = max(top, min(graph.top[edge], np.inf))
            if new < best.get(other, np.inf):
                best[other] = new
                heapq.heappush(queue, (new, other))
    return {n: best.get(n, -np.inf) for n in demand}


def _contract(graph: Graph, root: int, demand: dict[int, float], rules: Rules) -> _Net | None:
    """Keep what can lie on a tree: no dead ends, no nodes between two edges, no doubled edges."""
    keep = {root, *demand}
    real = [min(float(line.length) if line is not None else m, m)
            for line, m in zip(graph.lines, graph.length, strict=True)]  # fmt: skip
    near: dict[int, dict[int, float]] = {}
    seen, stack = {root}, [root]
    while stack:
        node = stack.pop()
        near.setdefault(node, {})
        for other, _, edge in graph.near[node]:
            if other != node:
                near[node][other] = min(real[edge], near[node].get(other, np.inf))
            if other not in seen:
                seen.add(other)
                stack.append(other)
    if not set(demand) <= seen or set(demand) == {root}:
        return None
    todo = sorted(set(near) - keep)
    while todo:
        node = todo.pop()
        if node not in near or len(near[node]) > 2:
            continue
        ways = near.pop(node)
        for other in ways:
            del near[other][node]
        if len(ways) == 2:
            (a, x), (b, y) = ways.items()
            near[a][b] = near[b][a] = min(x + y, near[a].get(b, np.inf))
        todo += [n for n in sorted(ways) if n not in keep]
    at = {node: k for k, node in enumerate(sorted(near))}
    pairs = sorted({(min(at[a], at[b]), max(at[a], at[b])): m
                    for a, ways in near.items() for b, m in ways.items()}.items())  # fmt: skip
    want = np.zeros(len(at))
    for node, day in demand.items():
        if node != root:
            want[at[node]] += day / 86_400.0 * rules["demand.hour_factor"]
    ends = np.array([p for p, _ in pairs], dtype=np.int64).reshape(-1, 2)
    length = np.array([m for _, m in pairs], dtype=float)
    return _Net(len(at), ends, length, at[root], want)


def _blocks(net: _Net | None) -> list[_Net]:
    """Split at the nodes that every way must pass: beyond them all demand is as if it stood there.

    No tree loses by it, and the flows in each block are known within narrower limits.
    """
    import networkx as nx

    if net is None or not net.want.sum() > 0:
        return []
    graph: Any = nx.Graph()
    graph.add_nodes_from(range(net.count))
    for (a, b), metres in zip(net.ends.tolist(), net.length.tolist(), strict=True):
        graph.add_edge(a, b, metres=metres)
    parts = [sorted(map(sorted, edges)) for edges in nx.biconnected_component_edges(graph)]
    parts.sort()
    holds: dict[int, list[int]] = {}
    for k, edges in enumerate(parts):
        for node in {n for edge in edges for n in edge}:
            holds.setdefault(node, []).append(k)
    entry, order = {}, []
    seen, stack = {net.root}, [net.root]
    while stack:
        node = stack.pop()
        for k in holds.get(node, []):
            if k not in entry:
                entry[k] = node
                order.append(k)
                inside = sorted({n for edge in parts[k] for n in edge} - seen)
                seen.update(inside)
                stack += inside
    want = net.want.copy()
    blocks = []
    for k in reversed(order):  # from the outside inwards: a block's demand moves to its entry
        nodes = sorted({n for edge in parts[k] for n in edge})
        mine = {n: i for i, n in enumerate(nodes)}
        here = want[nodes].copy()
        here[mine[entry[k]]] = 0.0
        if not here.sum() > 0:
            continue
        want[entry[k]] += here.sum()
        ends = np.array([[mine[a], mine[b]] for a, b in parts[k]])
        length = np.array([graph.edges[a, b]["metres"] for a, b in parts[k]])
        blocks.append(_Net(len(nodes), ends, length, mine[entry[k]], here))
    return blocks


class _Programme:
    """The linear programme: by arc whether it is used (x) and its flow (q); by edge its cost (c)."""

    def __init__(self, net: _Net, lines: list[tuple[float, float]]) -> None:
        self.net = net
        m = len(net.ends)
        self.tail = np.r_[net.ends[:, 0], net.ends[:, 1]]
        self.head = np.r_[net.ends[:, 1], net.ends[:, 0]]
        self.arcs = 2 * m
        self.unit = float(net.want.sum())  # flows are counted in shares of the whole
        self.rows: list[tuple[Any, Any, float]] = []  # columns, values, upper limit
        self._lines(lines)
        self._links()

    def _lines(self, lines: list[tuple[float, float]]) -> None:
        m = self.arcs // 2
        for e, metres in enumerate(self.net.length):
            for a, b in lines:
                columns = [e, m + e, self.arcs + e, self.arcs + m + e, 2 * self.arcs + e]
                q = metres * b * self.unit
                self.rows.append((columns, [metres * a, metres * a, q, q, -1.0], 0.0))

    def _links(self) -> None:
        m = self.arcs // 2
        least = float(self.net.want[self.net.want > 0].min()) / self.unit
        for a in range(self.arcs):
            self.rows.append(([self.arcs + a, a], [1.0, -1.0], 0.0))
            self.rows.append(([a, self.arcs + a], [least, -1.0], 0.0))
        for e in range(m):
            self.rows.append(([e, m + e], [1.0, 1.0], 1.0))
        for node in np.flatnonzero(self.net.want <= 0).tolist():
            if node != self.net.root:  # water that enters a fork leaves it
                into = np.flatnonzero(self.head == node).tolist()
                out = np.flatnonzero(self.tail == node).tolist()
                self.rows.append(([*into, *out], [1.0] * len(into) + [-1.0] * len(out), 0.0))
        for node in np.flatnonzero(self.net.want > 0).tolist():
            into = np.flatnonzero(self.head == node).tolist()
            self.rows.append((into, [-1.0] * len(into), -1.0))

    def solve(self, *, rounds: int) -> float:
        """Return the optimum after at most ``rounds`` of cuts; each of them is a bound."""
        value, x = self._run()
        for _ in range(rounds):
            cuts = self._cuts(x)
            if not cuts:
                break
            for arcs in cuts:
                self.rows.append((list(arcs), [-1.0] * len(arcs), -1.0))
            value, x = self._run()
        return value

    def _run(self) -> tuple[float, Array]:
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        m = self.arcs // 2
        size = 2 * self.arcs + m
        row = np.concatenate([[k] * len(c) for k, (c, _, _) in enumerate(self.rows)])
        col = np.concatenate([c for c, _, _ in self.rows])
        data = np.concatenate([v for _, v, _ in self.rows])
        upper = csr_array((data, (row, col)), shape=(len(self.rows), size))
        balance_row = np.r_[self.head, self.tail]
        balance_col = self.arcs + np.r_[np.arange(self.arcs), np.arange(self.arcs)]
        sign = np.r_[np.ones(self.arcs), -np.ones(self.arcs)]
        balance = csr_array((sign, (balance_row, balance_col)), shape=(self.net.count, size))
        need = self.net.want / self.unit
        need[self.net.root] -= 1.0
        cost = np.r_[np.zeros(2 * self.arcs), np.ones(m)]
        bounds = np.zeros((size, 2))
        bounds[: 2 * self.arcs, 1] = 1.0
        bounds[: self.arcs][self.head == self.net.root, 1] = 0.0
        bounds[2 * self.arcs :, 1] = np.inf
        found = linprog(
            cost, A_ub=upper, b_ub=[u for _, _, u in self.rows], A_eq=balance, b_eq=need,
            bounds=bounds, method="highs",
        )  # fmt: skip
        if found.x is None:
            return -np.inf, np.ones(self.arcs)
        # the dual value is the bound: it holds whatever the solver's tolerances did to the primal
        return float(found.fun) * (1.0 - 1e-7), np.clip(found.x[: self.arcs], 0.0, 1.0)

    def _cuts(self, x: Array) -> list[tuple[int, ...]]:
        """Return violated cuts: sets of arcs of which any tree uses at least one."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        capacity = np.round(x * _SCALE).astype(np.int32)
        shape = (self.net.count, self.net.count)
        graph = csr_array((capacity, (self.tail, self.head)), shape=shape)
        found: set[tuple[int, ...]] = set()
        for node in np.flatnonzero(self.net.want > 0).tolist():
            flow = maximum_flow(graph, self.net.root, node)
            if flow.flow_value >= _SCALE * (1.0 - 1e-3):
                continue
            left = (graph - flow.flow).tocsr()
            left.data[left.data < 0] = 0
            left.eliminate_zeros()
            side = np.zeros(self.net.count, bool)
            side[breadth_first_order(left, self.net.root, return_predecessors=False)] = True
            arcs = np.flatnonzero(side[self.tail] & ~side[self.head])
            found.add(tuple(arcs.tolist()))
        return sorted(found)


__all__ = ["edge_price", "tree_bound"]
