"""Where pipes run: least-cost trees along roads from the waterworks to the villages.

A stated heuristic: trees grow from all works at once, always to the cheapest village next
(Takahashi & Matsuyama 1980) while the works has water; branches that cost more than single-village
schemes are cut; then trees between the shortest one (by exchange of paths) and that of shortest
ways are priced by the pipes that their flows need, and the cheapest is kept.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.services import _steiner as steiner
from qianwan_gis.services._water.hydraulics import velocity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._water.graph import Graph
    from qianwan_gis.services._water.hydraulics import Rules

    Array = NDArray[np.float64]

_STEEP = (0.0, 8.0, 25.0)  # metres of pipe that a metre of rise or fall may be worth


def grow(
    graph: Graph, roots: list[int], terminals: list[int], allowed: list[set[int] | None],
    demand: Array, capacity: Array, reach: float,
) -> tuple[list[set[int]], dict[int, int]]:  # fmt: skip
    """Grow one tree from each root, always to the nearest village that its works can still supply.

    Parameters
    ----------
    roots, terminals
        Nodes of works and villages.
    allowed
        By village: works (positions in ``roots``) that may supply it; None for any.
    demand, capacity
        m³/d by village and by works. A village with one allowed works only (its register) is
        taken even where that exceeds the capacity; the caller tells.
    reach
        Metres of new pipe that one further village may need.

    Returns
    -------
    The edges of each tree, and the root of every village connected.
    """
    best: list[dict[int, float]] = [{} for _ in roots]
    via: list[dict[int, tuple[int, int]]] = [{} for _ in roots]
    inside: list[set[int]] = [set() for _ in roots]
    edges: list[set[int]] = [set() for _ in roots]
    left = capacity.astype(float).copy()
    village_at = {node: i for i, node in enumerate(terminals) if node >= 0}
    open_: set[int] = set(village_at.values())
    owner: dict[int, int] = {}
    queue: list[tuple[float, int, int]] = []
    for r, node in enumerate(roots):
        if node >= 0:
            best[r][node] = 0.0
            inside[r].add(node)
            queue.append((0.0, r, node))
    heapq.heapify(queue)
    while queue and open_:
        distance, r, node = heapq.heappop(queue)
        if distance > best[r].get(node, np.inf):
            continue
        i = village_at.get(node, -1)
        if i in open_:
            may = allowed[i]
            fixed = may is not None and len(may) == 1
            if (may is None or r in may) and (fixed or demand[i] <= left[r] + 1e-9):
                open_.discard(i)
                owner[i] = r
                left[r] -= demand[i]
                while node not in inside[r]:
                    inside[r].add(node)
                    best[r][node] = 0.0
                    heapq.heappush(queue, (0.0, r, node))
                    node, edge = via[r][node]
                    edges[r].add(edge)
                continue
        for other, metres, edge in graph.near[node]:
            new = distance + metres
            if other not in inside[r] and new < best[r].get(other, np.inf) and new <= reach:
                best[r][other] = new
                via[r][other] = (node, edge)
                heapq.heappush(queue, (new, r, other))
    return edges, owner


def cheapest(
    graph: Graph, edges: set[int], root: int, demand: dict[int, float], head: float, rules: Rules
) -> set[int]:
    """Return the cheapest found tree that joins the same villages to the works.

    The shortest tree saves trench, the tree of shortest ways saves large pipes, a way round a hill
    saves pumping. Between them lie trees that count a share of the way already gone (after Alpert
    et al. 1995) and trees that count a rise as so many metres; each is priced by the pipe and the
    lift that every flow needs, and the cheapest is kept.

    Parameters
    ----------
    edges
        A tree that joins all of ``demand``.
    demand
        m³/d by village node.
    head
        Level of the water at the works (m).
    """
    found = candidates(graph, edges, root, set(demand))
    return min(found, key=lambda e: (tree_cost(graph, e, root, demand, head, rules), sorted(e)))


def candidates(graph: Graph, edges: set[int], root: int, wanted: set[int]) -> list[set[int]]:
    """Return trees between the shortest one (first) and that of shortest or least climbing ways."""
    edges = steiner.prune(graph.ends, edges, wanted | {root})[0]
    if not edges:
        return [edges]
    found = [steiner.improve(graph.ends, graph.length, graph.near, edges, root, wanted), edges]
    for steep in _STEEP if graph.climb else _STEEP[:1]:
        weight = graph.length
        if steep:
            weight = [m + steep * c for m, c in zip(graph.length, graph.climb, strict=True)]
        found += [_between(graph, root, wanted, share, weight) for share in (0.0, 0.2, 0.5, 1.0)]
    return found


def _between(
    graph: Graph, root: int, wanted: set[int], share: float, weight: list[float]
) -> set[int]:
    """Grow a tree where joining at a node costs ``share`` of its way from the works."""
    left = set(wanted)
    gone: dict[int, float] = {root: 0.0}
    best: dict[int, float] = {root: 0.0}
    via: dict[int, tuple[int, int]] = {}
    edges: set[int] = set()
    queue: list[tuple[float, int]] = [(0.0, root)]
    while queue and left:
        cost, node = heapq.heappop(queue)
        if cost > best[node]:
            continue
        if node in left:
            path = []
            while node not in gone:
                up, edge = via[node]
                path.append((node, edge))
                node = up
            for at, edge in reversed(path):
                gone[at] = gone[node] + weight[edge]
                edges.add(edge)
                left.discard(at)
                best[at] = share * gone[at]
                heapq.heappush(queue, (best[at], at))
                node = at
            continue
        for other, _, edge in graph.near[node]:
            new = cost + weight[edge]
            if other not in gone and new < best.get(other, np.inf):
                best[other] = new
                via[other] = (node, edge)
                heapq.heappush(queue, (new, other))
    return edges


def tree_cost(
    graph: Graph, edges: set[int], root: int, demand: dict[int, float], head: float, rules: Rules
) -> float:
    """Present value (yuan) of a tree: pipes for their peak flow at about 1 m/s, and lifts.

    Water is lifted where the ground rises above all that it has passed; a metre of lift bears its
    share of a station.
    """
    order, parent = rooted(graph, edges, root)
    rise = rises(graph, order, parent, head, rules)
    load = {node: demand.get(node, 0.0) for node in order}
    total = 0.0
    for node in reversed(order[1:]):
        up, edge = parent[node]
        load[up] += load[node]
        total += _edge_cost(load[node], graph.length[edge], rise[node], rules)
    return total


def rises(
    graph: Graph, order: list[int], parent: dict[int, tuple[int, int]], head: float, rules: Rules
) -> dict[int, float]:
    """Metres by which the edge to each node rises above all ground passed before it."""
    level = dict.fromkeys(order[:1], head - rules["head.main_min_m"])
    rise = dict.fromkeys(order[:1], 0.0)
    for node in order[1:]:
        up, edge = parent[node]
        level[node] = max(level[up], graph.top[edge]) if graph.top else level[up]
        rise[node] = level[node] - level[up]
    return rise


def _edge_cost(day_m3: float, metres: float, rise: float, rules: Rules) -> float:
    flow = day_m3 * rules["demand.hour_factor"] / 86_400.0
    station = rules.station_fixed / rules["device.max_lift_m"]
    return _metre(flow, rules) * metres + rise * (station + float(rules.lift_metre(flow)))


def rooted(
    graph: Graph, edges: set[int], root: int
) -> tuple[list[int], dict[int, tuple[int, int]]]:
    """Return the nodes of a tree from the root outwards, and (parent, edge) of each."""
    at: dict[int, list[int]] = {}
    for e in sorted(edges):
        for end in graph.ends[e]:
            at.setdefault(end, []).append(e)
    order, parent = [root], {root: (-1, -1)}
    for node in order:
        for e in at.get(node, []):
            a, b = graph.ends[e]
            other = b if a == node else a
            if other not in parent:
                parent[other] = (node, e)
                order.append(other)
    return order, parent


def cut_dear(
    graph: Graph, edges: set[int], root: int, demand: dict[int, float], head: float,
    free: set[int], rules: Rules,
) -> set[int]:  # fmt: skip
    """Return the villages (nodes) whose own schemes cost less than to bring water to them.

    Going inwards from the tips, a branch is given up when the pipe to it (by its flow), the lift
    and the works' water cost more than single-village schemes of all that hangs on it. Branches
    with a village that must stay (not ``free``) stay.
    """
    order, parent = rooted(graph, edges, root)
    rise = rises(graph, order, parent, head, rules)
    saved = dict.fromkeys(order, 0.0)
    load = dict.fromkeys(order, 0.0)
    held = dict.fromkeys(order, 0)
    below: dict[int, list[int]] = {node: [] for node in order}
    dropped: set[int] = set()
    for node in reversed(order):
        if node in demand:
            q = demand[node]
            saved[node] += float(rules.single(q)) - float(rules.works_water(q))
            load[node] += q
            held[node] += node not in free
            below[node].append(node)
        up, edge = parent[node]
        if up < 0 or not below[node]:
            continue
        net = saved[node] - _edge_cost(load[node], graph.length[edge], rise[node], rules)
        if net < 0 and not held[node]:
            dropped.update(below[node])
            continue
        saved[up] += net
        load[up] += load[node]
        held[up] += held[node]
        below[up] += below[node]
    return dropped


def _metre(flow: float, rules: Rules) -> float:
    """Yuan per metre of a pipe that carries a peak flow at about 1 m/s."""
    slow = velocity(flow, rules.diameters) <= 1.0
    return float(rules.pipe_metre[int(np.argmax(slow)) if slow.any() else -1])
