"""Sewers inside a settlement: houses, streets and ground in; pipes, manholes and pumps out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
import shapely.ops

from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.services import _steiner as steiner
from qianwan_gis.services._sewage import amounts, depths, streets
from qianwan_gis.services._sewage.costs import Prices
from qianwan_gis.services._sewage.hydraulics import Rules, fill_of, velocity

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

#: Weights of climbing in the trees tried: metres of detour that one metre of climb is worth.
_CLIMB = (0.0, 5.0, 20.0, 60.0)
#: A tree may be this much longer than the shortest one found when it is cheaper to dig.
_LONGER = 1.01
_BEND = 30.0  # degrees; a manhole stands at every sharper bend
_MOST_DIP = 0.5  # m of extra depth for ground that sags between two manholes

UNCONNECTED = {
    "no_street": Text("附近没有道路", "no street near enough"),
    "other_part": Text("所在道路与排放口不连通", "its street is not joined to the sink's"),
    "nobody": Text("无人居住", "nobody lives there"),
    "no_position": Text("没有位置", "no position"),
}


@dataclass(frozen=True)
class SewerLayout:
    """The sewers of one settlement.

    Attributes
    ----------
    pipes
        ``pipe``, ``from``, ``to`` (manholes, in the direction of flow), ``kind`` (gravity, or
        pressure where the street climbs too steeply), ``length_m``,
        ``diameter_mm``, ``slope``, ``ground_up_m``, ``ground_down_m``, ``invert_up_m``,
        ``invert_down_m``, ``depth_up_m``, ``depth_down_m``, ``mean_m3d``, ``peak_ls``, ``fill``
        (d/D at the peak), ``velocity_ms`` (at the peak), ``self_cleansing``, LineString.
    manholes
        ``manhole``, ``kind`` (end, junction, manhole, drop, lift, sink), ``ground_m``, ``invert_m``
        (of the bottom), ``depth_m``, ``houses``, Point.
    pumps
        Lifting stations: ``manhole``, ``lift_m``, ``peak_ls``, Point; and ``kind`` ``house`` for
        lifting units of single houses, with their number.
    houses
        One row per building: ``connected``, ``manhole``, ``metres`` of its own house connection,
        ``shares`` (the building whose connection it joins), ``mean_m3d``.
    unconnected
        Buildings that are not joined: ``reason``, ``text``.
    quantities, cost
        Bill of quantities, and the cost by part: ``build_yuan`` and ``life_yuan``.
    problems
        Warnings.
    """

    pipes: gpd.GeoDataFrame
    manholes: gpd.GeoDataFrame
    pumps: gpd.GeoDataFrame
    houses: gpd.GeoDataFrame
    unconnected: pd.DataFrame
    quantities: pd.DataFrame
    cost: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)

    @property
    def length_m(self) -> float:
        """Length of all pipes, house connections not counted."""
        return float(self.pipes["length_m"].sum())

    @property
    def life_yuan(self) -> float:
        """Life-cycle cost."""
        return float(self.cost["life_yuan"].sum())

    def profile(self, start: str | None = None) -> pd.DataFrame:
        """Longitudinal profile from a manhole down to the sink (the farthest one by default).

        Columns as for `profile.table`: chainage, ground, inverts, depth, diameter, slope.
        """
        from qianwan_gis.services._sewage import profile

        return profile.of_layout(self, start)

    def draw_profile(self, start: str | None = None, *, path: Any = None, lang: str = "zh") -> Any:
        """Draw the profile (纵断面图); returns the figure, or writes it to ``path``."""
        from qianwan_gis.services._sewage import profile

        return profile.draw(self.profile(start), path=path, lang=lang)


def layout(
    buildings: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    terrain: Terrain,
    sink: Any,
    *,
    standards: Standards | None = None,
    people: pd.Series | float | None = None,
    sink_level_m: float | None = None,
) -> SewerLayout:
    """Lay out gravity sewers along the streets of a settlement.

    Every building joins the nearest street, or a neighbour's connection where that is nearer; a short tree of streets carries its water to the sink.
    Depths and lifting stations are the cheapest over the life (`depths.optimise`), diameters by
    Manning at the norm's fill and slope.

    Parameters
    ----------
    buildings
        Points or polygons, projected CRS (metres). Column ``people`` where known.
    roads
        Lines of streets, any CRS. Crossings are cut.
    terrain
        Heights; every point asked must have one.
    sink
        Point (shapely, coordinates in the buildings' CRS; or a table of one point): where the
        water goes: a treatment station, a sewer.
    standards
        Norms in force; the carried ones when None.
    people
        Per building, or a number for each; else column ``people``; else
        ``sewage.people.household``.
    sink_level_m
        Level (m) at or above which the last pipe must arrive, where the sink's is given; a pump
        at the sink lifts what comes in lower.

    Returns
    -------
    SewerLayout

    Raises
    ------
    DataError
        No buildings, streets or people; no CRS; ground without a height, or below the sea.
    UsageError
        Norms that cannot be, a sink that is no point.
    """
    from qianwan_gis.standards import Standards

    norms = standards if standards is not None else Standards.load()
    rules = Rules.read(norms)
    prices = Prices.read(norms, rules)
    crs = _check(buildings, roads)
    sink_xy = _sink(sink, crs)
    spots, known = _spots(buildings)
    reach = float(norms.value("sewage.house.reach_m"))
    persons = _people(buildings, people, prices, known)
    lines = _lines(roads, crs)

    lines = streets.node_lines(lines)
    graph, joined, away, foot = streets.build(lines, np.vstack([spots[known], sink_xy]))
    sink_node = int(joined[-1])
    node, metres = np.full(len(buildings), -1, np.int64), np.full(len(buildings), np.nan)
    feet = np.full((len(buildings), 2), np.nan)
    node[known], metres[known], feet[known] = joined[:-1], away[:-1], foot[:-1]
    why = np.full(len(buildings), "", object)
    why[~known] = "no_position"
    why[known & (persons <= 0)] = "nobody"
    why[(why == "") & (metres > reach)] = "no_street"
    same = np.zeros(len(buildings), bool)
    same[known] = graph.component[node[known]] == graph.component[sink_node]
    why[(why == "") & ~same] = "other_part"
    use = why == ""
    if not use.any():
        raise DataError(
            Problem(
                "nothing_connected", "error",
                Text("没有一栋建筑能接入：" + _tally(why).zh, "no building can be joined: " + _tally(why).en),
                fix=Text("核对道路、排放口和坐标系", "check the streets, the sink and the CRS"),
            )
        )  # fmt: skip

    shared, root, own, way = streets.share(spots, feet, metres, use, reach)
    houses = _Houses(node[root], own, way, shared, use)
    house_ground = np.full(len(buildings), np.nan)
    house_ground[use] = _heights(terrain, spots[use], crs)
    amounts.check_above_sea(_heights(terrain, sink_xy[None, :], crs), ["sink"], what="sink")
    mean = amounts.wastewater(persons, norms)
    best: tuple[float, _Design] | None = None
    shortest = np.inf
    for tree_edges in _trees(graph, sink_node, houses.node[use], terrain, crs):
        total = steiner.tree_length(graph.length, tree_edges)
        shortest = min(shortest, total)
        if total > shortest * _LONGER:
            continue
        design = _Design.make(
            graph, tree_edges, sink_node, sink_xy, houses, mean, house_ground, terrain, crs, norms,
            prices, sink_level_m,
        )  # fmt: skip
        if design is not None and (best is None or design.depths.cost < best[0] - 1e-6):
            best = (design.depths.cost, design)
    if best is None:
        raise DataError(
            Problem(
                "no_depth", "error",
                Text(f"在最大埋深 {rules.max_depth:g} m 内找不到可行的管底高程",
                     f"no depths within {rules.max_depth:g} m let the water through"),
                fix=Text("放宽 sewage.gravity.max_depth_m 或核对地形",
                         "raise sewage.gravity.max_depth_m or check the terrain"),
            )
        )  # fmt: skip
    return best[1].result(buildings, why, crs)


# ---------------------------------------------------------------- input


def _check(buildings: gpd.GeoDataFrame, roads: gpd.GeoDataFrame) -> Any:
    log = ProblemLog()
    for name, table in (("buildings", buildings), ("roads", roads)):
        if not len(table):
            log.add("error", "empty_layer", "图层没有要素", "the layer has no features", file=name)
        if table.crs is None:
            log.add("error", "no_crs", "图层没有坐标系", "the layer has no CRS", file=name,
                    fix=("先 set_crs", "call set_crs first"))  # fmt: skip
    if buildings.crs is not None and not buildings.crs.is_projected:
        log.add("error", "not_projected", "建筑须为平面坐标（米）", "buildings must be in projected metres",
                file="buildings", fix=("先 to_crs 到本县的三度带", "reproject with to_crs first"))  # fmt: skip
    log.raise_errors()
    return buildings.crs


def _sink(sink: Any, crs: Any) -> Array:
    if hasattr(sink, "geometry") and hasattr(sink, "crs"):
        points = sink.geometry if sink.crs is None or sink.crs == crs else sink.geometry.to_crs(crs)
        if len(points) != 1:
            raise UsageError(Text("排放口应为一个点", "the sink must be one point"))
        sink = points.iloc[0]
    point = sink if isinstance(sink, shapely.Geometry) else shapely.Point(*sink)
    if point.is_empty or point.geom_type != "Point" or not np.isfinite([point.x, point.y]).all():
        raise UsageError(Text("排放口应为一个点", "the sink must be one point"))
    return np.array([point.x, point.y])


def _spots(buildings: gpd.GeoDataFrame) -> tuple[Array, NDArray[np.bool_]]:
    values = buildings.geometry.to_numpy()
    known = ~(shapely.is_missing(values) | shapely.is_empty(values))
    spots = np.full((len(values), 2), np.nan)
    inside = shapely.point_on_surface(values[known])
    plain = shapely.get_type_id(values[known]) == 0
    inside = np.where(plain, values[known], inside)
    spots[known] = shapely.get_coordinates(inside)
    return spots, known


def _people(buildings: gpd.GeoDataFrame, people: Any, prices: Prices, known: Any) -> Array:
    if people is None and "people" in buildings.columns:
        people = buildings["people"]
    if people is None:
        people = prices.design["people.household"]
    values = np.broadcast_to(np.asarray(people, dtype=float), (len(buildings),)).copy()
    values[~known & np.isnan(values)] = 0.0
    return amounts.check_people(values, buildings.index, what="buildings")


def _lines(roads: gpd.GeoDataFrame, crs: Any) -> NDArray[Any]:
    moved = roads.geometry if roads.crs == crs else roads.geometry.to_crs(crs)
    parts = shapely.get_parts(moved.to_numpy()[~moved.isna()])
    lines = parts[(shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 0)]
    if not len(lines):
        raise DataError(
            Problem("no_lines", "error", Text("道路图层没有线", "the layer of roads has no lines"),
                    file="roads")
        )  # fmt: skip
    return np.asarray(lines)


def _heights(terrain: Terrain, xy: Array, crs: Any) -> Array:
    import geopandas as gpd

    points = gpd.GeoSeries(gpd.points_from_xy(xy[:, 0], xy[:, 1]), crs=crs)
    return np.asarray(terrain.sample(points).to_numpy(float))


def _tally(why: NDArray[Any]) -> Text:
    counts = pd.Series(why[why != ""]).value_counts().sort_index()
    return Text(
        "，".join(f"{UNCONNECTED[k].zh} {n} 栋" for k, n in counts.items()),
        ", ".join(f"{n}: {UNCONNECTED[k].en}" for k, n in counts.items()),
    )


# ---------------------------------------------------------------- trees


def _trees(
    graph: streets.Streets, sink: int, nodes: NDArray[np.int64], terrain: Terrain, crs: Any
) -> list[set[int]]:
    """Candidate trees, the shortest first: they never depend on prices or the depth limit."""
    terminals = sorted(set(nodes.tolist()))
    ground = _heights(terrain, graph.xy, crs)
    found: list[tuple[float, int, set[int]]] = []
    for number, climb in enumerate(_CLIMB):
        arcs: list[list[tuple[int, float, int]]] = [[] for _ in range(len(graph.xy))]
        for edge, (a, b) in enumerate(graph.ends):
            if a == b:
                continue
            # grown outwards from the sink: the water comes back along the arc
            rise = float(ground[a] - ground[b])
            arcs[a].append((b, graph.length[edge] + climb * max(rise, 0.0), edge))
            arcs[b].append((a, graph.length[edge] + climb * max(-rise, 0.0), edge))
        edges = steiner.grow(arcs, sink, terminals)
        edges = steiner.prune(graph.ends, edges, {*terminals, sink})[0]
        found.append((steiner.tree_length(graph.length, edges), number, edges))
        better = steiner.improve(graph.ends, graph.length, arcs, edges, sink, terminals)
        found.append((steiner.tree_length(graph.length, better), number, better))
    found.sort(key=lambda item: item[:2])
    unique: list[set[int]] = []
    for _, _, edges in found:
        if edges not in unique:
            unique.append(edges)
    return unique


# ---------------------------------------------------------------- design


@dataclass(frozen=True)
class _Houses:
    """Where houses join.

    Node of the street, own connection and way to the street (m), the house whose connection is
    shared (-1: none), and which houses take part.
    """

    node: NDArray[np.int64]
    own: Array
    way: Array
    shared: NDArray[np.int64]
    use: NDArray[np.bool_]


@dataclass(frozen=True)
class _Design:
    """One tree with manholes, flows and depths."""

    tree: depths.Tree
    depths: depths.Depths
    xy: Array
    kind: list[str]
    lines: list[Any]
    manhole_of: NDArray[np.int64]
    houses: _Houses
    mean_house: Array
    prices: Prices
    sink_level: float | None

    @classmethod
    def make(
        cls, graph: streets.Streets, edges: set[int], sink: int, sink_xy: Array, houses: _Houses,
        mean: Array, house_ground: Array, terrain: Terrain, crs: Any, norms: Standards,
        prices: Prices, sink_level: float | None,
    ) -> _Design | None:  # fmt: skip
        """Place manholes along a tree and find its depths."""
        rules = prices.rules
        node, use = houses.node, houses.use
        holes = _Manholes(graph, edges, sink, sink_xy, rules.manhole_spacing)
        manhole_of = np.full(len(node), -1, np.int64)
        manhole_of[use] = [holes.of_node[int(k)] for k in node[use]]
        order, down, length, lines = holes.chain()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        manhole_of[use] = rank[manhole_of[use]]
        xy = np.array(holes.xy)[order]
        own = np.zeros(len(order))
        np.add.at(own, manhole_of[use], mean[use])
        total = own.copy()
        for v in range(len(order) - 1):
            total[down[v]] += total[v]
        size = rules.size(rules.peak(total))
        if (size >= len(rules.diameters)).any():
            raise DataError(
                Problem(
                    "flow_too_large", "error",
                    Text(f"流量 {total.max():.0f} m³/d 超过最大管径 {rules.diameters[-1] * 1000:.0f} mm 的能力",
                         f"{total.max():.0f} m³/d is more than the largest pipe carries"),
                    fix=Text("在 sewage.pipe.diameters_mm 中补充更大管径",
                             "add larger diameters to sewage.pipe.diameters_mm"),
                )
            )  # fmt: skip
        middle = np.array([line.interpolate(0.5, normalized=True).coords[0] for line in lines])
        heights = _heights(terrain, np.vstack([xy, middle.reshape(-1, 2)]), crs)
        ground, mid = heights[: len(xy)], heights[len(xy) :]
        dip = np.zeros(len(xy))
        dip[:-1] = np.clip((ground[:-1] + ground[down[:-1]]) / 2.0 - mid, 0.0, _MOST_DIP)
        drain, fall = (
            float(norms.value("sewage.house.drain_depth_m")),
            float(norms.value("sewage.gravity.house_slope")),
        )
        need: list[list[float]] = [[] for _ in order]
        for i in np.flatnonzero(use):
            v = int(manhole_of[i])
            level = house_ground[i] - drain - fall * houses.way[i]
            need[v].append(float(ground[v] - level))
        tree = depths.Tree(
            down, ground, length, dip, total, size, [np.array(sorted(x)) for x in need]
        )
        found = depths.optimise(tree, prices, rules.max_depth, root_level=sink_level)
        if found is None:
            return None
        kind = [holes.kind[k] for k in order]
        return cls(
            tree, found, xy, kind, lines, manhole_of, houses, np.where(use, mean, np.nan), prices,
            sink_level,
        )  # fmt: skip

    def result(self, buildings: gpd.GeoDataFrame, why: NDArray[Any], crs: Any) -> SewerLayout:
        """Return the tables."""
        import geopandas as gpd

        from qianwan_gis.services._sewage import quantities

        tree, d, rules = self.tree, self.depths, self.prices.rules
        n = len(tree.down)
        up = np.arange(n - 1)
        low = tree.down[:-1]
        names = np.array([f"W{i + 1:04d}" for i in range(n)], object)
        invert_up, invert_down = tree.ground[up] - d.leave[up], tree.ground[low] - d.arrive[up]
        peak = rules.peak(tree.mean[up])
        slope = (invert_up - invert_down) / tree.length[up]
        main = d.pressure[up]
        which = np.searchsorted(rules.pressure_capacity * (1 + 1e-12), peak)
        which = np.minimum(which, len(rules.pressure_diameters) - 1)
        diameter = np.where(main, rules.pressure_diameters[which], rules.diameters[tree.size[up]])
        down = np.where(main, 1.0, slope)
        fill = np.where(main, 1.0, fill_of(peak, diameter, down, rules.roughness))
        speed = np.where(
            main, peak / (np.pi / 4.0 * diameter**2),
            velocity(diameter, down, fill, rules.roughness),
        )  # fmt: skip
        pipes = gpd.GeoDataFrame(
            {
                "pipe": [f"P{i + 1:04d}" for i in up],
                "from": names[up],
                "to": names[low],
                "kind": np.where(main, "pressure", "gravity"),
                "length_m": tree.length[up],
                "diameter_mm": np.round(diameter * 1000).astype(int),
                "slope": slope,
                "ground_up_m": tree.ground[up],
                "ground_down_m": tree.ground[low],
                "invert_up_m": invert_up,
                "invert_down_m": invert_down,
                "depth_up_m": d.leave[up],
                "depth_down_m": d.arrive[up],
                "mean_m3d": tree.mean[up],
                "peak_ls": peak * 1000.0,
                "fill": fill,
                "velocity_ms": speed,
                "self_cleansing": speed >= rules.min_velocity,
            },
            geometry=self.lines,
            crs=crs,
        )
        deepest = np.zeros(n)
        np.maximum.at(deepest, low, d.arrive[up])
        incoming = np.bincount(low, minlength=n)
        first = np.full(n, np.inf)
        np.minimum.at(first, low, d.arrive[up])
        drop = (incoming > 0) & (np.r_[d.leave[:-1], d.sump[-1]] - first > 0.5)
        kind = np.array(self.kind, object)
        kind[drop & (kind != "sink")] = "drop"
        kind[d.lifted] = "lift"
        lift = d.head.copy()
        if self.sink_level is not None:
            lift[-1] = d.sump[-1] - (tree.ground[-1] - self.sink_level)
            d.lifted[-1] = lift[-1] > 1e-9
        houses_at = np.bincount(self.manhole_of[self.manhole_of >= 0], minlength=n)
        points = gpd.points_from_xy(self.xy[:, 0], self.xy[:, 1])
        manholes = gpd.GeoDataFrame(
            {
                "manhole": names, "kind": kind, "ground_m": tree.ground,
                "invert_m": tree.ground - d.sump, "depth_m": d.sump, "houses": houses_at,
            },
            geometry=points, crs=crs,
        )  # fmt: skip
        lifted = np.flatnonzero(d.lifted)
        single = np.flatnonzero(d.house_pumps > 0)
        pumps = gpd.GeoDataFrame(
            {
                "kind": ["lift"] * len(lifted) + ["house"] * len(single),
                "manhole": np.r_[names[lifted], names[single]],
                "number": np.r_[np.ones(len(lifted), int), d.house_pumps[single]].astype(int),
                "lift_m": np.r_[lift[lifted], np.full(len(single), np.nan)],
                "peak_ls": np.r_[
                    rules.peak(tree.mean[lifted]) * 1000.0, np.full(len(single), np.nan)
                ],
            },
            geometry=points[np.r_[lifted, single].astype(int)], crs=crs,
        )  # fmt: skip
        joined = self.manhole_of >= 0
        houses = gpd.GeoDataFrame(
            {
                "connected": joined,
                "manhole": np.where(joined, names[self.manhole_of], ""),
                "metres": np.where(joined, self.houses.own, np.nan),
                "shares": [str(buildings.index[k]) if k >= 0 else "" for k in self.houses.shared],
                "mean_m3d": self.mean_house,
            },
            index=buildings.index,
            geometry=buildings.geometry.to_numpy(),
            crs=crs,
        )
        lost = why != ""
        unconnected = pd.DataFrame(
            {"reason": why[lost], "text": [UNCONNECTED[w] for w in why[lost]]},
            index=buildings.index[lost],
        )
        log = ProblemLog()
        if lost.any():
            tally = _tally(why)
            log.add("warning", "unconnected", f"{int(lost.sum())} 栋未接入：{tally.zh}",
                    f"{int(lost.sum())} buildings are not joined: {tally.en}", file="buildings")  # fmt: skip
        if d.steep[:-1].any():
            log.add("warning", "fast",
                    f"{int(d.steep[:-1].sum())} 段管道超过最大流速，已计消能井",
                    f"{int(d.steep[:-1].sum())} pipes run faster than the limit; stilling manholes "
                    "are counted")  # fmt: skip
        bill = quantities.of_layout(
            pipes, manholes, pumps, self.houses.own[joined], self.prices, d.steep[:-1]
        )
        cost = quantities.cost_of_layout(bill, pumps, tree.mean[lifted], self.prices)
        return SewerLayout(pipes, manholes, pumps, houses, unconnected, bill, cost, list(log))


class _Manholes:
    """Manholes along a tree: at ends, forks, bends, and at most the norm's spacing apart."""

    def __init__(
        self, graph: streets.Streets, edges: set[int], sink: int, sink_xy: Array, spacing: float
    ) -> None:
        self.xy: list[tuple[float, float]] = []
        self.kind: list[str] = []
        self.down: list[int] = []
        self.line: list[Any] = []
        self.of_node: dict[int, int] = {}
        at: dict[int, list[int]] = {}
        for edge in sorted(edges):
            for end in graph.ends[edge]:
                at.setdefault(end, []).append(edge)
        root_xy = graph.xy[sink]
        root = self._add(tuple(sink_xy.tolist()), "sink", -1, None)
        if float(np.hypot(*(root_xy - sink_xy))) > streets.SAME:
            leg = shapely.LineString([root_xy, sink_xy])
            root = self._path(leg, [], root, "junction", spacing)
        self.of_node[sink] = root
        stack = [(sink, -1)]
        while stack:
            node, came = stack.pop()
            for edge in sorted(at.get(node, []), reverse=True):
                if edge == came:
                    continue
                here, last, run, stops = node, edge, [], []
                total = 0.0
                while True:
                    a, b = graph.ends[last]
                    line = graph.lines[last]
                    run.append(line.reverse() if a == here else line)
                    total += line.length
                    here = b if a == here else a
                    if len(at[here]) != 2:
                        break
                    stops.append((here, total))
                    last = next(e for e in at[here] if e != last)
                # water runs from the far end to the node
                coords = np.concatenate([shapely.get_coordinates(x) for x in run[::-1]])
                keep = np.r_[True, (np.diff(coords, axis=0) != 0).any(axis=1)]
                whole = shapely.LineString(coords[keep])
                inner = [(k, total - where) for k, where in stops]
                kind = "end" if len(at[here]) == 1 else "junction"
                self.of_node[here] = self._path(whole, inner, self.of_node[node], kind, spacing)
                if len(at[here]) > 1:
                    stack.append((here, last))

    def _add(self, xy: tuple[float, float], kind: str, down: int, line: Any) -> int:
        self.xy.append(xy)
        self.kind.append(kind)
        self.down.append(down)
        self.line.append(line)
        return len(self.xy) - 1

    def _path(
        self, line: Any, inner: list[tuple[int, float]], root: int, kind: str, spacing: float
    ) -> int:
        """Lay the manholes of one path that drains to ``root``; returns the one at its head."""
        coords = shapely.get_coordinates(line)
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(coords, axis=0).T))]
        turn = np.unwrap(np.arctan2(*np.diff(coords, axis=0).T[::-1]))
        sharp = np.flatnonzero(np.abs(np.diff(turn)) > np.radians(_BEND)) + 1
        stops = [0.0]
        for stop in [*along[sharp].tolist(), float(along[-1])]:
            if stop - stops[-1] < 2.0 and stop != along[-1]:
                continue
            parts = max(1, int(np.ceil((stop - stops[-1]) / spacing - 1e-9)))
            start = stops[-1]
            stops += [start + (stop - start) * (k + 1) / parts for k in range(parts)]
        below = root
        head = root
        made: list[tuple[float, int]] = []
        for low, high in zip(stops[-2::-1], stops[:0:-1], strict=True):
            piece = shapely.ops.substring(line, low, high)
            head = self._add(
                tuple(piece.coords[0]), kind if low == 0.0 else "manhole", below, piece
            )
            made.append((low, head))
            below = head
        # a house joins the pipe; its water counts from the manhole above
        for node, where in inner:
            self.of_node[node] = next(hole for low, hole in made if low <= where + 1e-9)
        return head

    def chain(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, list[Any]]:
        """Order of flow (the sink last), the node below each, pipe lengths, and pipe lines."""
        order = np.arange(len(self.xy) - 1, -1, -1)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        down = np.array([rank[self.down[k]] if self.down[k] >= 0 else -1 for k in order])
        lines = [self.line[k] for k in order[:-1]]
        length = np.array([line.length for line in lines] + [0.0])
        return order, down, length, lines
