"""Where pipes run: least-cost trees along roads from the waterworks to the villages.

A stated heuristic: trees grow from all works at once, always to the cheapest village next
(Takahashi & Matsuyama 1980) while the works has water; branches that cost more than single-village
schemes are cut; each tree is then shortened by exchange of paths until nothing gets shorter.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import shapely.ops

from qianwan_gis.services._sewage import steiner
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
    """

    ends: list[tuple[int, int]]
    length: list[float]
    lines: list[Any]
    presumed: list[bool]
    place: NDArray[np.int64]
    near: list[list[tuple[int, float, int]]]


def build_graph(network: RoadNetwork, points: gpd.GeoSeries, reach: float) -> Graph:
    """Return the roads open to walkers as a graph that has ``points`` as nodes.

    Motorways carry no pipes; what walkers may use does. A point further than ``reach`` metres from
    any road gets no node.
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
        for (low, first), (high, last) in zip(stops, stops[1:], strict=False):
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
    length = [max(float(p.length), _LEAST_M) for p in parts]
    near: list[list[tuple[int, float, int]]] = [[] for _ in range(count)]
    for e, (a, b) in enumerate(ends):
        near[a].append((b, length[e], e))
        near[b].append((a, length[e], e))
    return Graph(ends, length, parts, presumed, place, near)


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


def shorten(graph: Graph, edges: set[int], root: int, terminals: set[int]) -> set[int]:
    """Return a shorter tree that joins the same terminals."""
    if not edges:
        return edges
    return steiner.improve(graph.ends, graph.length, graph.near, edges, root, terminals)


def rooted(graph: Graph, edges: set[int], root: int) -> tuple[list[int], dict[int, tuple[int, int]]]:
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
    graph: Graph, edges: set[int], root: int, demand: dict[int, float], ground: dict[int, float],
    head: float, free: set[int], rules: Rules,
) -> set[int]:  # fmt: skip
    """Return the villages (nodes) whose own schemes cost less than to bring water to them.

    Going inwards from the tips, a branch is given up when the pipe to it (by its flow), the lift
    and the works' water cost more than single-village schemes of all that hangs on it. Branches
    with a village that must stay (not ``free``) stay.
    """
    order, parent = rooted(graph, edges, root)
    saved = dict.fromkeys(order, 0.0)
    load = dict.fromkeys(order, 0.0)
    held = dict.fromkeys(order, 0)
    below: dict[int, list[int]] = {node: [] for node in order}
    dropped: set[int] = set()
    factor = rules["demand.hour_factor"] / 86_400.0
    for node in reversed(order):
        if node in demand:
            q = demand[node]
            climb = max(0.0, ground[node] + rules["head.service_m"] - head)
            water = float(rules.works_water(q)) + float(rules.lift_metre(q * factor)) * climb
            saved[node] += float(rules.single(q)) - water
            load[node] += q
            held[node] += node not in free
            below[node].append(node)
        up, edge = parent[node]
        if up < 0:
            continue
        net = saved[node] - _metre(load[node] * factor, rules) * graph.length[edge]
        if not below[node]:
            continue
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
        for low, high in zip(marks, marks[1:], strict=False):
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
    low = np.array([z[0], *(float(p[1].min()) for p in profiles[1:])])
    summits = ((), *(_summits(*p) for p in profiles[1:]))
    who = np.array(terminal)
    wants = np.where(who >= 0, demand[who], 0.0) if len(demand) else np.zeros(len(who))
    base = z[0] if head is None else head
    tree = Tree(
        np.array(up), length, np.array(z), low, tuple(summits),
        wants / 86_400.0 * rules["demand.hour_factor"], who >= 0, base,
        base + rules["works.tank_depth_m"],
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


def _heights(points: Array, terrain: Terrain, crs: Any) -> Array:
    import geopandas as gpd

    return terrain.sample(gpd.GeoSeries(shapely.points(points), crs=crs)).to_numpy()


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
