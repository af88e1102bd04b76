"""Sewers inside a settlement: houses, streets and ground in; pipes, manholes and pumps out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.services import _steiner as steiner
from qianwan_gis.services._sewage import amounts, streets
from qianwan_gis.services._sewage.costs import Prices
from qianwan_gis.services._sewage.hydraulics import Rules
from qianwan_gis.services._sewage.laid import tally
from qianwan_gis.services._sewage.sewers import Design, Houses, heights

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.laid import SewerLayout
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

#: Weights of climbing in the trees tried: metres of detour that one metre of climb is worth.
_CLIMB = (0.0, 5.0, 20.0, 60.0)
#: A tree may be this much longer than the shortest one found when it is cheaper to dig.
_LONGER = 1.01


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
                Text("没有一栋建筑能接入：" + tally(why).zh, "no building can be joined: " + tally(why).en),
                fix=Text("核对道路、排放口和坐标系", "check the streets, the sink and the CRS"),
            )
        )  # fmt: skip

    shared, root, own, way = streets.share(spots, feet, metres, use, reach)
    houses = Houses(node[root], own, way, shared, use)
    house_ground = np.full(len(buildings), np.nan)
    house_ground[use] = heights(terrain, spots[use], crs)
    amounts.check_above_sea(heights(terrain, sink_xy[None, :], crs), ["sink"], what="sink")
    mean = amounts.wastewater(persons, norms)
    best: tuple[float, Design] | None = None
    shortest = np.inf
    for tree_edges in _trees(graph, sink_node, houses.node[use], terrain, crs):
        total = steiner.tree_length(graph.length, tree_edges)
        shortest = min(shortest, total)
        if total > shortest * _LONGER:
            continue
        design = Design.make(
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


# ---------------------------------------------------------------- trees


def _trees(
    graph: streets.Streets, sink: int, nodes: NDArray[np.int64], terrain: Terrain, crs: Any
) -> list[set[int]]:
    """Candidate trees, the shortest first: they never depend on prices or the depth limit."""
    terminals = sorted(set(nodes.tolist()))
    ground = heights(terrain, graph.xy, crs)
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


__all__ = ["layout"]
