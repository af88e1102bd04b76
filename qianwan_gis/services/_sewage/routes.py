"""Trunk routes: where pipes between villages may run, and what each costs in each direction.

Nodes are villages (at their place on the road), road junctions and places where a road comes near a
recorded sewer; arcs are the roads between them, and straight runs across country where the road goes
far round. Each arc and direction has options (gravity with lifts, or pressure, by diameter), each
with a fixed cost, a cost per m³/d and a capacity, all from its ground profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
import shapely.ops

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services._sewage.costs import Prices
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]


class Option(NamedTuple):
    """One way to build an arc: cost = fixed + per_flow x flow, up to ``capacity`` (m³/d)."""

    fixed: float
    per_flow: float
    capacity: float
    kind: str  # gravity, pressure, station, sewer
    diameter: float = 0.0
    lifts: int = 0
    lift_m: float = 0.0


@dataclass(frozen=True)
class Arc:
    """A way from one node to another (-1: the ground, at a station or a sewer)."""

    tail: int
    head: int
    length: float
    options: tuple[Option, ...]
    route: int = -1
    plant: str = ""
    sewer: str = ""
    end_depth: float | None = None


@dataclass
class Routes:
    """The graph of possible trunks.

    Attributes
    ----------
    xy, ground
        Coordinates and ground level of every node.
    arcs
        Both directions of every route, and the ways into recorded sewers.
    lines, profiles, across
        Geometry of each route, its profile (distance, ground) and whether it runs off the road.
    place
        Node of each village (-1 where none).
    leg
        Metres from the village to its node.
    """

    xy: Array
    ground: Array
    arcs: list[Arc]
    lines: list[Any]
    profiles: list[tuple[Array, Array]]
    across: list[bool]
    place: NDArray[np.int64]
    leg: Array


# ---------------------------------------------------------------- costing one profile


def options(
    along: Array, ground: Array, prices: Prices, largest: float, *, factor: float = 1.0,
    end_depth: float | None = None,
) -> tuple[Option, ...]:  # fmt: skip
    """Return the ways to bring water along a profile, none dominated by another.

    Parameters
    ----------
    along, ground
        Distance (m) from the start and ground level (m), in the direction of flow.
    largest
        Most mean flow (m³/d) that could ever come; larger pipes are not offered.
    factor
        Price factor of pipes (off the road).
    end_depth
        Depth (m) at or above which the pipe must arrive (a recorded sewer's invert); pumped if not.
    """
    rules = prices.rules
    pipe_life = prices.capital("pipe")
    length = float(along[-1])
    found: list[Option] = []
    for k in range(len(rules.diameters)):
        run = gravity_run(along, ground, prices, k, factor=factor, end_depth=end_depth)
        if run is None:
            break
        found.append(run[0])
        if run[0].capacity >= largest:
            break
    rise = float(ground.max() - ground[0]) + rules.cover + 1.0
    for k, d in enumerate(rules.pressure_diameters.tolist()):
        peak = float(rules.pressure_capacity[k])
        capacity = float(rules.pressure_mean[k])
        head = rise + rules.pressure_slope[k] * length
        if head <= prices.design["pump.max_lift_m"]:
            idle = prices.pump(0.0, head)
            each = prices.energy(head) + (prices.pump(peak, head) - idle) / capacity
            fixed = prices.pressure_metre(k) * length * pipe_life * factor + idle
            found.append(Option(fixed, each, capacity, "pressure", d, 1, head))
        if capacity >= largest:
            break
    return undominated(found, largest)


def gravity_run(
    along: Array, ground: Array, prices: Prices, k: int, *, factor: float = 1.0,
    start: float | None = None, end_depth: float | None = None,
) -> tuple[Option, Array, list[tuple[int, float]]] | None:  # fmt: skip
    """Return a gravity pipe of the diameter at position ``k`` along a profile.

    Parameters
    ----------
    start
        Depth (m) at which it leaves; the least depth when None.

    Returns
    -------
    The option, the depth at each point and the lifts as `gravity_profile` gives them; None where a
    lift would be higher than one pump manages.
    """
    rules = prices.rules
    depth, raised = gravity_profile(
        along, ground, float(rules.min_slope[k]), float(rules.least_depth(k)), rules.max_depth,
        end_depth, start,
    )  # fmt: skip
    climbed = [head for _, head in raised]
    if max(climbed, default=0.0) > prices.design["pump.max_lift_m"]:
        return None
    middle = (depth[1:] + depth[:-1]) / 2.0
    build = float((prices.gravity_metre(k, middle) * (along[1:] - along[:-1])).sum())
    build += float(prices.manhole(middle).mean()) * float(along[-1]) / rules.manhole_spacing
    fixed = build * prices.capital("pipe") * factor
    per = 0.0
    for lift in climbed:
        once, each = pumping(prices, k, lift)
        fixed += once
        per += each
    kind = "gravity" if not climbed else "lifted"
    option = Option(
        fixed, per, float(rules.gravity_mean[k]), kind, float(rules.diameters[k]), len(climbed),
        float(sum(climbed)),
    )  # fmt: skip
    return option, depth, raised


def pumping(prices: Prices, k: int, lift: float) -> tuple[float, float]:
    """Return what a lift costs on a gravity pipe: once (yuan), and for each m³/d through it.

    The pumps are sized for the pipe's capacity and charged by the share of it in use.
    """
    peak, mean = float(prices.rules.gravity_capacity[k]), float(prices.rules.gravity_mean[k])
    none = prices.pump(0.0, lift)
    return none, prices.energy(lift) + (prices.pump(peak, lift) - none) / mean


def undominated(found: list[Option], largest: float) -> tuple[Option, ...]:
    """Drop every option that another one beats at every flow it can carry."""
    kept: list[Option] = []
    for one in sorted(found, key=lambda o: (o.fixed, o.per_flow)):
        useful = min(one.capacity, largest)
        if any(
            k.fixed <= one.fixed
            and min(k.capacity, largest) >= useful
            and k.fixed + k.per_flow * useful <= one.fixed + one.per_flow * useful
            for k in kept
        ):
            continue
        kept.append(one)
    return tuple(kept)


def gravity_profile(
    along: Array, ground: Array, slope: float, least: float, deepest: float,
    end_depth: float | None, start: float | None = None,
) -> tuple[Array, list[tuple[int, float]]]:  # fmt: skip
    """Depths of a sewer kept as shallow as its slope allows, with a lift wherever it gets too deep.

    It leaves at ``start``, the least cover when None.

    Returns
    -------
    Depth at each point of the profile (m), and each lift: its point and head (m), from the invert
    that would be too deep up to the least cover (it may take a steep bank).
    """
    steps = (slope * (along[1:] - along[:-1]) + (ground[1:] - ground[:-1])).tolist()
    now = least if start is None else start
    depth = [now]
    lifts: list[tuple[int, float]] = []
    for i, step in enumerate(steps, 1):
        now += step
        if now > deepest:
            lifts.append((i, now - least))
            now = least
        elif now < least:
            now = least
        depth.append(now)
    if end_depth is not None and now > end_depth:
        lifts.append((len(steps), now - end_depth))
        depth[-1] = end_depth
    return np.array(depth), lifts


# ---------------------------------------------------------------- the graph


def build(
    points: gpd.GeoSeries, network: RoadNetwork, terrain: Terrain, prices: Prices, *,
    sewers: gpd.GeoDataFrame | None, barred: Any, norms: Any, largest: float,
) -> Routes:  # fmt: skip
    """Build the graph of trunk routes between villages.

    Parameters
    ----------
    points
        Villages, in the CRS of the network (projected).
    sewers
        Recorded sewers that take more: ``facility_id``, ``plant_id``, ``depth_m`` (nullable).
    barred
        Geometry that no pipe may cross (mined-out ground), or None.
    largest
        All wastewater together (m³/d).
    """
    snapped = network.snap(points, farthest=float(norms.value("sewage.trunk.access_m")))
    xy, edges, lines, place = _split(network, snapped)
    keep_sewer = _near_sewer(xy, edges, sewers, float(norms.value("sewage.trunk.join_m")))
    terminal = np.zeros(len(xy), bool)
    terminal[place[place >= 0]] = True
    terminal[sorted(keep_sewer)] = True
    xy, edges, lines, renumber = _contract(xy, edges, lines, terminal)
    place = np.where(place >= 0, renumber[place], -1)
    across = [False] * len(lines)
    village_node = np.unique(place[place >= 0])
    for a, b, line in _cross_country(xy, edges, lines, village_node, norms):
        edges.append((a, b))
        lines.append(line)
        across.append(True)
    if barred is not None and not barred.is_empty and lines:
        ok = ~shapely.intersects(barred, np.array(lines, object))
        edges = [e for e, o in zip(edges, ok, strict=True) if o]
        across = [e for e, o in zip(across, ok, strict=True) if o]
        lines = [e for e, o in zip(lines, ok, strict=True) if o]
    step = float(norms.value("sewage.trunk.step_m"))
    profiles, ground = sample_profiles(xy, lines, terrain, network.crs, step)
    factor = float(norms.value("sewage.trunk.cross_factor"))
    arcs: list[Arc] = []
    for r, ((a, b), (along, z)) in enumerate(zip(edges, profiles, strict=True)):
        by = factor if across[r] else 1.0
        length = float(along[-1])
        for tail, head, s, h in ((a, b, along, z), (b, a, along[-1] - along[::-1], z[::-1])):
            ways = options(s, h, prices, largest, factor=by)
            if ways:
                arcs.append(Arc(tail, head, length, ways, r))
    leg = np.where(place >= 0, snapped.metres, np.nan)
    routes = Routes(xy, ground, arcs, lines, profiles, across, place, leg)
    if sewers is not None and len(sewers):
        _joins(routes, sewers, terrain, network.crs, prices, norms, largest, barred)
    return routes


def _split(
    network: RoadNetwork, snapped: Any
) -> tuple[Array, list[tuple[int, int]], list[Any], NDArray[np.int64]]:
    """Cut edges at the villages; returns node coordinates, edges, lines and the villages' nodes."""
    open_ = network.passable(None)
    all_lines = network.edge_lines()
    xy = [tuple(p) for p in np.column_stack([network.x, network.y]).tolist()]
    place = np.asarray(snapped.node, np.int64).copy()
    cuts: dict[int, list[tuple[float, int]]] = {}
    for i in np.flatnonzero(snapped.edge >= 0).tolist():
        cuts.setdefault(int(snapped.edge[i]), []).append((float(snapped.fraction[i]), i))
    edges: list[tuple[int, int]] = []
    lines: list[Any] = []
    for e in range(len(network.u)):
        if not open_[e]:
            continue
        line = all_lines[e]
        here, at = int(network.u[e]), 0.0
        for fraction, i in sorted(cuts.get(e, [])):
            where = fraction * line.length
            if where - at < 0.5 and here >= len(network.x):
                place[i] = here  # two villages at one place on the road
                continue
            spot = line.interpolate(where)
            xy.append((spot.x, spot.y))
            place[i] = len(xy) - 1
            edges.append((here, len(xy) - 1))
            lines.append(shapely.ops.substring(line, at, where))
            here, at = len(xy) - 1, where
        edges.append((here, int(network.v[e])))
        lines.append(shapely.ops.substring(line, at, line.length))
    solid = [k for k, line in enumerate(lines) if line.length > 0 and edges[k][0] != edges[k][1]]
    return np.array(xy), [edges[k] for k in solid], [lines[k] for k in solid], place


def _near_sewer(xy: Array, edges: list[tuple[int, int]], sewers: Any, reach: float) -> set[int]:
    """Nodes within reach of a recorded sewer."""
    if sewers is None or not len(sewers):
        return set()
    tree = shapely.STRtree(sewers.geometry.to_numpy())
    near = tree.query(shapely.points(xy), predicate="dwithin", distance=reach)[0]
    used = {end for edge in edges for end in edge}
    return set(np.unique(near).tolist()) & used


def _contract(
    xy: Array, edges: list[tuple[int, int]], lines: list[Any], terminal: NDArray[np.bool_]
) -> tuple[Array, list[tuple[int, int]], list[Any], NDArray[np.int64]]:
    """Drop dead ends without a village and join lines through nodes that are no junction."""
    ends = [list(e) for e in edges]
    parts = list(lines)
    alive = [True] * len(ends)
    at: dict[int, set[int]] = {}
    for k, (a, b) in enumerate(ends):
        at.setdefault(a, set()).add(k)
        at.setdefault(b, set()).add(k)

    def drop(k: int) -> None:
        alive[k] = False
        for end in ends[k]:
            at[end].discard(k)

    queue = sorted(at)
    while queue:
        node = queue.pop()
        if terminal[node]:
            continue
        here = sorted(at[node])
        if len(here) == 1:
            a, b = ends[here[0]]
            drop(here[0])
            queue.append(b if a == node else a)
        elif len(here) == 2 and here[0] != here[1]:
            k, m = here
            first = parts[k] if ends[k][1] == node else parts[k].reverse()
            second = parts[m] if ends[m][0] == node else parts[m].reverse()
            a = ends[k][0] if ends[k][1] == node else ends[k][1]
            b = ends[m][1] if ends[m][0] == node else ends[m][0]
            drop(k)
            drop(m)
            if a == b:  # a loop that comes back
                queue.append(a)
                continue
            coords = np.vstack(
                [shapely.get_coordinates(first), shapely.get_coordinates(second)[1:]]
            )
            ends.append([a, b])
            parts.append(shapely.LineString(coords))
            alive.append(True)
            at[a].add(len(ends) - 1)
            at[b].add(len(ends) - 1)
            queue += [a, b]
    # of parallel ways keep the shorter
    best: dict[tuple[int, int], int] = {}
    for k, ok in enumerate(alive):
        if ok:
            key = (min(ends[k]), max(ends[k]))
            if key not in best or parts[k].length < parts[best[key]].length:
                best[key] = k
    left = sorted(best.values())
    used = sorted({n for k in left for n in ends[k]} | set(np.flatnonzero(terminal).tolist()))
    renumber = np.full(len(xy), -1, np.int64)
    renumber[used] = np.arange(len(used))
    return (
        xy[used], [(int(renumber[ends[k][0]]), int(renumber[ends[k][1]])) for k in left],
        [parts[k] for k in left], renumber,
    )  # fmt: skip


def _cross_country(
    xy: Array, edges: list[tuple[int, int]], lines: list[Any], nodes: NDArray[np.int64], norms: Any
) -> list[tuple[int, int, Any]]:
    """Straight runs between neighbouring villages where the road goes far round."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import Delaunay, QhullError

    longest = float(norms.value("sewage.trunk.cross_m"))
    gain = float(norms.value("sewage.trunk.cross_gain"))
    if len(nodes) < 2:
        return []
    if len(nodes) < 4:
        pairs = {(int(a), int(b)) for i, a in enumerate(nodes) for b in nodes[i + 1 :]}
    else:
        try:
            corners = Delaunay(xy[nodes]).simplices
        except QhullError:  # all on one line: the road joins them
            return []
        pairs = set()
        for i, j in ((0, 1), (1, 2), (0, 2)):
            both = np.sort(np.column_stack([nodes[corners[:, i]], nodes[corners[:, j]]]), axis=1)
            pairs |= {(int(a), int(b)) for a, b in both}
    away = {p: float(np.hypot(*(xy[p[0]] - xy[p[1]]))) for p in sorted(pairs)}
    short = {p: d for p, d in away.items() if 0.0 < d <= longest}
    if not short:
        return []
    ends = np.array(edges, np.int64).reshape(-1, 2)
    length = np.array([line.length for line in lines])
    graph = coo_array((length, (ends[:, 0], ends[:, 1])), shape=(len(xy), len(xy))).tocsr()
    start = sorted({p[0] for p in short})
    by_road = dijkstra(graph, directed=False, indices=start, limit=longest / gain * 1.5)
    row = {node: i for i, node in enumerate(start)}
    return [
        (a, b, shapely.LineString([xy[a], xy[b]]))
        for (a, b), d in short.items()
        if d < gain * by_road[row[a], b]
    ]


def sample_profiles(
    xy: Array, lines: list[Any], terrain: Terrain, crs: Any, step: float
) -> tuple[list[tuple[Array, Array]], Array]:
    """Sample all profiles and nodes in one go; `DataError` names every place without a height."""
    import geopandas as gpd

    stations: list[Array] = []
    spots: list[Any] = []
    for line in lines:
        at = np.linspace(0.0, line.length, max(2, int(np.ceil(line.length / step)) + 1))
        stations.append(at)
        spots.append(shapely.line_interpolate_point(line, at))
    flat = np.concatenate([*spots, shapely.points(xy)]) if lines else shapely.points(xy)
    heights = terrain.sample(gpd.GeoSeries(flat, crs=crs)).to_numpy(float)
    cuts = np.cumsum([len(s) for s in stations]) if stations else np.empty(0, int)
    pieces = np.split(heights, cuts)
    return list(zip(stations, pieces[:-1], strict=True)), pieces[-1]


def _joins(
    routes: Routes, sewers: Any, terrain: Terrain, crs: Any, prices: Prices, norms: Any,
    largest: float, barred: Any,
) -> None:  # fmt: skip
    """Add the ways from nodes into the recorded sewers of each plant within reach."""
    reach = float(norms.value("sewage.trunk.join_m"))
    assumed = float(norms.value("sewage.sewer.assumed_depth_m"))
    table = sewers.reset_index(drop=True)
    shapes = table.geometry.to_numpy()
    depth = (
        pd.to_numeric(table["depth_m"], errors="coerce").fillna(assumed).to_numpy(float)
        if "depth_m" in table
        else np.full(len(table), assumed)
    )
    tree = shapely.STRtree(shapes)
    spots = shapely.points(routes.xy)
    node, which = tree.query(spots, predicate="dwithin", distance=reach)
    away = shapely.distance(spots[node], shapes[which])
    best: dict[tuple[int, str], tuple[float, int]] = {}
    for n, w, d in zip(node.tolist(), which.tolist(), away.tolist(), strict=True):
        key = (n, str(table["plant_id"].iloc[w]))
        if key not in best or d < best[key][0]:
            best[key] = (d, w)
    legs: list[Any] = []
    keys = sorted(best)
    for n, plant in keys:
        _, w = best[n, plant]
        end = shapes[w].interpolate(shapes[w].project(spots[n]))
        legs.append(shapely.LineString([routes.xy[n], [end.x, end.y]]))
    if not legs:
        return
    profiles, _ = sample_profiles(routes.xy[:0], legs, terrain, crs, 25.0)
    for (n, plant), line, (along, z) in zip(keys, legs, profiles, strict=True):
        if barred is not None and shapely.intersects(barred, line):
            continue
        w = best[n, plant][1]
        join = prices.price["join_yuan"] * prices.capital("pipe")
        if line.length < 0.5:
            ways: tuple[Option, ...] = (Option(0.0, 0.0, largest, "gravity"),)
        else:
            ways = options(along, z, prices, largest, end_depth=float(depth[w]))
        ways = tuple(
            o._replace(fixed=o.fixed + join, per_flow=o.per_flow + prices.plant) for o in ways
        )
        routes.lines.append(line)
        routes.profiles.append((along, z))
        routes.across.append(True)
        routes.arcs.append(
            Arc(
                n,
                -1,
                float(line.length),
                ways,
                len(routes.lines) - 1,
                plant,
                str(table["facility_id"].iloc[w]),
                float(depth[w]),
            )
        )
