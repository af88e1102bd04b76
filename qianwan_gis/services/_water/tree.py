"""Where pipes run: least-cost trees along roads from the waterworks to the villages.

A stated heuristic: trees grow from all works at once, always to the cheapest village next
(Takahashi & Matsuyama 1980) while the works has water; branches that cost more than single-village
schemes are cut; then trees between the shortest one (by exchange of paths) and that of shortest
ways are priced by the pipes that their flows need, and the cheapest is kept.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely
import shapely.ops

from qianwan_gis.services import _steiner as steiner
from qianwan_gis.services._water.hydraulics import velocity
from qianwan_gis.services._water.sizing import Tree

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

_PROFILE_M = 60.0  # between heights along a pipe
_LEAST_M = 1.0  # shortest pipe
_STEEP = (0.0, 8.0, 25.0)  # metres of pipe that a metre of rise or fall may be worth
#: Share of a clear-water tank's depth below which the water does not fall, and over which not rise.
TANK_RESERVE = 0.1


@dataclass
class Graph:
    """Roads as undirected edges, with villages and works joined by a leg of their own.

    Attributes
    ----------
    ends, length, lines
        Edges: both nodes, metres, geometry from the first to the second.
    presumed
        Whether each edge follows a presumed road.
    place
        Node of every terminal (villages, then works); -1 where no road is near.
    near
        By node: (neighbour, metres, edge).
    top
        Highest ground (m) along each edge; empty where all is level.
    climb
        Metres of rise along each edge, both ways together.
    """

    ends: list[tuple[int, int]]
    length: list[float]
    lines: list[Any]
    presumed: list[bool]
    place: NDArray[np.int64]
    near: list[list[tuple[int, float, int]]]
    top: list[float] = field(default_factory=list)
    climb: list[float] = field(default_factory=list)


def build_graph(
    network: RoadNetwork, points: gpd.GeoSeries, reach: float, terrain: Terrain | None = None
) -> Graph:
    """Return the roads open to walkers as a graph that has ``points`` as nodes.

    Motorways carry no pipes; what walkers may use does. A point further than ``reach`` metres from
    any road gets no node. Roads over ground without heights carry no pipes.
    """
    mode = "walk" if "walk" in network.modes else None
    places = network.snap(points, mode=mode, farthest=reach)
    open_edge = np.asarray(network.passable(mode))
    spots = shapely.get_coordinates(points.to_crs(network.working.crs).to_numpy())
    lines = _working_lines(network)
    cuts: dict[int, list[tuple[float, int]]] = {}
    for i in range(len(places)):
        if places.edge[i] >= 0:
            cuts.setdefault(int(places.edge[i]), []).append((float(places.fraction[i]), i))
    count = len(network.x)
    ends: list[tuple[int, int]] = []
    parts: list[Any] = []
    presumed: list[bool] = []
    spot_node = np.full(len(places), -1)
    flags = network.presumed
    for e in np.flatnonzero(open_edge).tolist():
        a, b = int(network.u[e]), int(network.v[e])
        line = lines[e]
        stops: list[tuple[float, int]] = [(0.0, a)]
        for share, i in sorted(cuts.get(e, [])):
            if share * line.length <= _LEAST_M:
                spot_node[i] = a
            elif (1.0 - share) * line.length <= _LEAST_M:
                spot_node[i] = b
            elif (share - stops[-1][0]) * line.length <= _LEAST_M:
                spot_node[i] = stops[-1][1]
            else:
                spot_node[i] = count
                stops.append((share, count))
                count += 1
        stops.append((1.0, b))
        for (low, first), (high, last) in itertools.pairwise(stops):
            if first != last:
                ends.append((first, last))
                parts.append(shapely.ops.substring(line, low, high, normalized=True))
                presumed.append(bool(flags[e]))
    at_node = (places.edge < 0) & (places.node >= 0)
    spot_node[at_node] = places.node[at_node]
    place = np.full(len(places), -1)
    for i in np.flatnonzero(spot_node >= 0).tolist():
        place[i] = count
        ends.append((int(spot_node[i]), count))
        parts.append(shapely.LineString([(places.x[i], places.y[i]), spots[i]]))
        presumed.append(False)
        count += 1
    top: list[float] = []
    climb: list[float] = []
    if terrain is not None:
        top, climb = _relief(parts, terrain, network.working.crs)
        known = [k for k, z in enumerate(top) if np.isfinite(z)]
        ends = [ends[k] for k in known]
        parts = [parts[k] for k in known]
        presumed = [presumed[k] for k in known]
        top, climb = [top[k] for k in known], [climb[k] for k in known]
    length = [max(float(p.length), _LEAST_M) for p in parts]
    near: list[list[tuple[int, float, int]]] = [[] for _ in range(count)]
    for e, (a, b) in enumerate(ends):
        near[a].append((b, length[e], e))
        near[b].append((a, length[e], e))
    return Graph(ends, length, parts, presumed, place, near, top, climb)


def _relief(parts: list[Any], terrain: Terrain, crs: Any) -> tuple[list[float], list[float]]:
    """Highest ground and rise both ways of every edge; NaN where a height is missing."""
    samples = [_stations(part)[1] for part in parts]
    if not samples:
        return [], []
    heights = _heights(np.vstack(samples), terrain, crs, missing="nan")
    top, climb, start = [], [], 0
    for points in samples:
        z = heights[start : start + len(points)]
        start += len(points)
        top.append(float(z.max()))
        climb.append(float(np.abs(np.diff(z)).sum()))
    return top, climb


def _working_lines(network: RoadNetwork) -> Any:
    work = network.working
    return shapely.from_ragged_array(
        shapely.GeometryType.LINESTRING, np.ascontiguousarray(work.xy), (work.pointer,)
    )


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


@dataclass(frozen=True)
class Laid:
    """A tree as it lies in the ground.

    Attributes
    ----------
    tree
        For `sizing.size`.
    xy
        Coordinates of its nodes.
    lines
        Geometry of the pipe to each node, from the parent outwards (None for the root).
    profiles
        (metres, ground) along it.
    terminal
        Village (position in the plan's table) at each node, -1 elsewhere.
    presumed
        Whether any of the pipe follows a presumed road.
    """

    tree: Tree
    xy: Array
    lines: tuple[Any, ...]
    profiles: tuple[Any, ...]
    terminal: NDArray[np.int64]
    presumed: NDArray[np.bool_]


def lay(
    graph: Graph, edges: set[int], root: int, terminals: dict[int, int], demand: Array,
    terrain: Terrain, crs: Any, rules: Rules, head: float | None,
) -> Laid:  # fmt: skip
    """Turn the edges of a tree into pipes between works, forks, villages, and steps of height.

    Runs between forks are cut where the ground has risen or fallen by ``device.step_m``, so that a
    booster or a break-pressure tank can stand there.
    """
    order, parent = rooted(graph, edges, root)
    children: dict[int, list[int]] = {node: [] for node in order}
    for node in order[1:]:
        children[parent[node][0]].append(node)
    key = {n for n in order if n == root or n in terminals or len(children[n]) != 1}
    up: list[int] = [-1]
    lines: list[Any] = [None]
    profiles: list[Any] = [None]
    terminal = [-1]
    weak = [False]
    number = {root: 0}
    first = shapely.Point(_end(graph, order, parent, root))
    xy: list[tuple[float, float]] = [(first.x, first.y)]
    runs = _runs(graph, order, parent, children, key)
    # heights of all runs at once: tiles on disk are opened once
    samples = [_stations(line) for _, _, line, _ in runs]
    spots = np.vstack([s[1] for s in samples]) if samples else np.empty((0, 2))
    heights = _heights(np.vstack([[xy[0]], spots]), terrain, crs)
    z = [float(heights[0])]
    start = 1
    for (a, b, line, flag), (along, points) in zip(runs, samples, strict=True):
        ground = heights[start : start + len(points)]
        start += len(points)
        here = number[a]
        marks = _steps(ground, rules["device.step_m"])
        for low, high in itertools.pairwise(marks):
            last = high == marks[-1]
            up.append(here)
            here = len(up) - 1
            lines.append(shapely.ops.substring(line, along[low], along[high]))
            profiles.append((along[low : high + 1] - along[low], ground[low : high + 1]))
            xy.append((float(points[high, 0]), float(points[high, 1])))
            z.append(float(ground[high]))
            terminal.append(terminals.get(b, -1) if last else -1)
            weak.append(flag)
        number[b] = here
    length = np.array([0.0, *(max(float(line.length), _LEAST_M) for line in lines[1:])])
    lowest = np.array([z[0], *(float(p[1].min()) for p in profiles[1:])])
    who = np.array(terminal)
    away = np.zeros(len(up))
    for v in range(1, len(up)):
        away[v] = away[up[v]] + length[v]
    # just behind the tank a pipe has the water's depth over it and no more
    main, close = rules["head.main_min_m"], rules["works.near_m"]
    need = np.where(who >= 0, rules["head.service_m"], np.where(away <= close, 0.0, main))
    summits: list[tuple[tuple[float, float], ...]] = [()]
    for v in range(1, len(up)):
        before = away[v] - length[v]
        summits.append(
            tuple(
                (share, ground + (main if before + share * length[v] > close else 0.0))
                for share, ground in _summits(*profiles[v])
            )
        )
    wants = np.where(who >= 0, demand[who], 0.0) if len(demand) else np.zeros(len(who))
    floor = z[0] if head is None else head
    tree = Tree(
        np.array(up), length, np.array(z), lowest, need, tuple(summits),
        wants / 86_400.0 * rules["demand.hour_factor"], who >= 0,
        floor + TANK_RESERVE * rules["works.tank_depth_m"], floor + rules["works.tank_depth_m"],
    )  # fmt: skip
    return Laid(tree, np.array(xy), tuple(lines), tuple(profiles), who, np.array(weak))


def _end(graph: Graph, order: list[int], parent: dict[int, tuple[int, int]], root: int) -> Any:
    """Coordinates of the root."""
    edge = graph.near[root][0][2] if len(order) < 2 else parent[order[1]][1]
    line = graph.lines[edge]
    return line.coords[0] if graph.ends[edge][0] == root else line.coords[-1]


def _runs(
    graph: Graph, order: list[int], parent: dict[int, tuple[int, int]],
    children: dict[int, list[int]], key: set[int],
) -> list[tuple[int, int, Any, bool]]:  # fmt: skip
    """Return (from, to, line, presumed) between key nodes, from the root outwards."""
    found = []
    for node in order:
        if node not in key:
            continue
        for child in children[node]:
            coords: list[Any] = []
            flag, here, at = False, node, child
            while True:
                edge = parent[at][1]
                line = graph.lines[edge]
                points = list(line.coords)
                if graph.ends[edge][0] != here:
                    points.reverse()
                coords += points if not coords else points[1:]
                flag = flag or graph.presumed[edge]
                if at in key:
                    break
                here, at = at, children[at][0]
            line = shapely.LineString(coords)
            if line.length < _LEAST_M:  # a village that stands on the road itself
                (x, y), _ = coords[0], coords[-1]
                line = shapely.LineString([(x, y), (x + _LEAST_M, y)])
            found.append((node, at, line, flag))
    return found


def _stations(line: Any) -> tuple[Array, Array]:
    along = np.linspace(0.0, line.length, max(2, int(np.ceil(line.length / _PROFILE_M)) + 1))
    return along, shapely.get_coordinates(shapely.line_interpolate_point(line, along))


def _heights(
    points: Array, terrain: Terrain, crs: Any, missing: Literal["error", "nan"] = "error"
) -> Array:
    import geopandas as gpd

    series = gpd.GeoSeries(shapely.points(points), crs=crs)
    return np.asarray(terrain.sample(series, missing=missing))


def _steps(ground: Array, step: float) -> list[int]:
    """Positions at which a profile has moved by ``step`` since the last one, with both ends."""
    marks = [0]
    for k in range(1, len(ground) - 1):
        if abs(ground[k] - ground[marks[-1]]) >= step:
            marks.append(k)
    return [*marks, len(ground) - 1]


def _summits(along: Array, ground: Array) -> tuple[tuple[float, float], ...]:
    """Return (share, ground) of the inner points of a profile's upper hull.

    The water level falls evenly along a pipe, so where it clears these it clears them all.
    """
    hull: list[int] = []
    for k in range(len(along)):
        while len(hull) > 1 and (
            (ground[hull[-1]] - ground[hull[-2]]) * (along[k] - along[hull[-2]])
            <= (ground[k] - ground[hull[-2]]) * (along[hull[-1]] - along[hull[-2]])
        ):
            hull.pop()
        hull.append(k)
    return tuple((float(along[k] / along[-1]), float(ground[k])) for k in hull[1:-1])
