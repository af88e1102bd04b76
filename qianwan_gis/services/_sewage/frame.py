"""From the tables given to the choice problem: ways, stations, villages and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import Problem, ProblemLog
from qianwan_gis.services import planned
from qianwan_gis.services._sewage import amounts, routes
from qianwan_gis.services._sewage.model import Model

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.costs import Prices
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Everything between the tables given and the choice problem."""

    villages: Any
    names: list[str]
    people: Array
    mean: Array
    households: Array
    node: NDArray[np.int64]
    routes: routes.Routes
    model: Model
    prices: Prices
    norms: Any
    crs: Any
    on_site: Array
    reuse: Array
    tank: Array
    local_choice: list[str]
    leg_cost: Array
    barred_station: NDArray[np.bool_]
    candidate: list[tuple[str, float]]
    served: Mapping[str, str]
    problems: list[Problem]

    @cached_property
    def factor(self) -> float:
        """Price factor of pipes off the road."""
        return float(self.norms.value("sewage.trunk.cross_factor"))

    @cached_property
    def mark(self) -> str:
        """Fingerprint of the choice problem: prices, norms, ways and people are all in it."""
        model = self.model
        arcs = (
            (a.tail, a.head, a.plant, a.sewer, a.length, *(x for o in a.options for x in o))
            for a in model.arcs
        )
        return planned.fingerprint(
            [model.demand, model.local, model.collect, *self.names, *sorted(model.spare.items()),
             *(x for arc in arcs for x in arc)]
        )  # fmt: skip

    @classmethod
    def build(
        cls, settlements: gpd.GeoDataFrame, names: list[str], people: Array, mean: Array,
        prices: Prices, norms: Standards, inputs: Mapping[str, Any],
    ) -> Frame:  # fmt: skip
        """Build the graph and price everything in it."""
        import geopandas as gpd

        network, terrain = inputs["network"], inputs["terrain"]
        crs, log = network.crs, ProblemLog()
        points = settlements.geometry.to_crs(crs)
        points = gpd.GeoSeries(shapely.point_on_surface(points.to_numpy()), crs=crs)
        home = terrain.sample(gpd.GeoSeries(points.to_numpy(), index=names, crs=crs)).to_numpy(
            float
        )
        amounts.check_above_sea(home, names, what="settlements")
        served = {n: f for n, f in (inputs["served"] or {}).items() if n in set(names)}
        loaded = _loads(served, names, mean)
        spare, candidates, pipes = _plants(
            inputs["plants"], inputs["sewers"], terrain, crs, loaded if served else None, log
        )
        zones = _zones(inputs["excluded"], crs)
        total = float(mean.sum())
        graph = routes.build(
            points, network, terrain, prices, sewers=pipes, barred=zones.get("mined"), norms=norms,
            largest=total,
        )  # fmt: skip
        household = prices.design["people.household"]
        households = people / household
        xy = shapely.get_coordinates(points.to_numpy())
        node, leg_cost = _homes(graph, xy, home, mean, terrain, crs, prices)
        # where nothing may be done on the spot, or no station stand
        inside = {kind: shapely.intersects(zone, points.to_numpy()) for kind, zone in zones.items()}
        none = np.zeros(len(names), bool)
        water = inside.get("water_source", none)
        on_site = np.where(water, np.inf, prices.on_site(households))
        small = people <= float(norms.value("sewage.reuse.max_people"))
        reuse = np.where(water | ~small, np.inf, prices.reuse(households))
        tank = prices.holding_tank(households, mean)
        own = np.column_stack([on_site, reuse, tank])
        local_choice = [("on_site", "reuse", "tank")[k] for k in own.argmin(axis=1)]
        demand, local, collect = (np.zeros(len(graph.xy)) for _ in range(3))
        alive = (people > 0) & ~np.isin(names, list(served))
        demand[node[alive]] = mean[alive]
        local[node] = own.min(axis=1)
        collect[node] = prices.collection(households) + leg_cost
        barred = _barred(
            graph, zones, terrain, crs, float(norms.value("sewage.station.max_slope_deg"))
        )
        arcs = [*graph.arcs]
        fixed, per = prices.station_lines
        ways = tuple(
            routes.Option(float(f), float(c), total, "station")
            for f, c in zip(fixed, per, strict=True)
        )
        arcs += [
            routes.Arc(int(k), -1, 0.0, ways)
            for k in _station_nodes(graph, node[alive])
            if not barred[k]
        ]
        far = [names[i] for i in np.flatnonzero(graph.place < 0)]
        if far:
            log.add("warning", "no_road", f"{len(far)} 个村附近无道路，只比较就地处理与单村站：{'、'.join(far[:10])}",
                    f"{len(far)} villages have no road near, so trunks are not considered: {', '.join(far[:10])}",
                    file="settlements")  # fmt: skip
        model = Model(demand, local, collect, arcs, spare)
        near = _candidates(xy, candidates)
        return cls(
            settlements, names, people, mean, households, node, graph, model, prices, norms, crs,
            on_site, reuse, tank, local_choice, leg_cost, barred, near, served, list(log),
        )  # fmt: skip


def _loads(served: Mapping[str, str], names: list[str], mean: Array) -> dict[str, float]:
    """Return the wastewater (m³/d) that each facility takes already."""
    found: dict[str, float] = {}
    for name, q in zip(names, mean.tolist(), strict=True):
        if name in served:
            found[served[name]] = found.get(served[name], 0.0) + q
    return found


def _plants(
    plants: Any,
    sewers: Any,
    terrain: Terrain,
    crs: Any,
    loaded: Mapping[str, float] | None,
    log: ProblemLog,
) -> tuple[dict[str, float], list[tuple[str, float, float]], Any]:
    """Return spare capacity by plant, plants without sewers, and the sewers that take more."""
    if plants is None or not len(plants):
        if sewers is not None and len(sewers):
            log.add("warning", "no_plant", "有管网而没有污水厂资料，管网余量未知，不作纳管",
                    "there are sewers but no plants: their spare capacity is unknown, so none is joined",
                    file="plants")  # fmt: skip
        return {}, [], None
    table = plants.to_crs(crs).reset_index(drop=True)
    ids = table["facility_id"].astype(str)
    ground = terrain.sample(table.geometry.set_axis(ids.to_numpy())).to_numpy(float)
    amounts.check_above_sea(ground, ids, what="plants")
    capacity = pd.to_numeric(table["capacity"], errors="coerce").to_numpy(float)
    load = np.full(len(table), np.nan)
    if "load" in table:
        load = pd.to_numeric(table["load"], errors="coerce").to_numpy(float)
    if np.isnan(load).all():
        load = np.array([(loaded or {}).get(name, 0.0) for name in ids])
        what = ("按现已接入村庄的污水量计", "that of the villages joined already is taken") if loaded else (
            "按全部能力可用计", "all of their capacity is taken as spare")  # fmt: skip
        log.add("warning", "no_load", f"污水厂没有现状负荷，{what[0]}",
                f"the plants' present load is not given: {what[1]}",
                file="plants", field="load",
                fix=("补充 load（m³/d）", "add column load (m³/d)"))  # fmt: skip
    free = capacity - load
    for name in ids[np.isnan(free)]:
        log.add("warning", "unknown_capacity", "能力或负荷未知，不作纳管", "capacity or load unknown: takes nothing",
                file="plants", row=name, field="capacity")  # fmt: skip
    piped = set() if sewers is None else set(sewers["plant_id"].astype(str))
    spare = {name: float(q) for name, q in zip(ids, free, strict=True) if name in piped and q > 0}
    lone = [
        (name, float(p.x), float(p.y))
        for name, p in zip(ids, table.geometry, strict=True)
        if name not in piped
    ]
    if sewers is None or not len(sewers):
        return {}, lone, None
    lines = sewers.to_crs(crs)
    lines = lines[lines["plant_id"].astype(str).isin(spare)]
    return spare, lone, lines.assign(plant_id=lines["plant_id"].astype(str))


def _zones(excluded: Any, crs: Any) -> dict[str, Any]:
    if excluded is None or not len(excluded):
        return {}
    table = excluded.to_crs(crs)
    zones = {}
    for kind, part in table.groupby("kind"):
        zone = shapely.union_all(part.geometry.to_numpy())
        shapely.prepare(zone)
        zones[str(kind)] = zone
    return zones


def _homes(
    graph: routes.Routes, xy: Array, home: Array, mean: Array, terrain: Terrain, crs: Any,
    prices: Prices,
) -> tuple[NDArray[np.int64], Array]:  # fmt: skip
    """Give every village a node of its own, and price the leg from the village to the road.

    Villages at one place on the road get nodes joined to it free of cost; villages without a road a
    node that stands alone.
    """
    node = graph.place.copy()
    taken: set[int] = set()
    more_xy, more_z = [], []
    count = len(graph.xy)
    for i, k in enumerate(node.tolist()):
        if k >= 0 and k not in taken:
            taken.add(k)
            continue
        if k >= 0:
            free = routes.Option(0.0, 0.0, float("inf"), "gravity")
            graph.arcs.append(routes.Arc(count, k, 0.0, (free,)))
            more_xy.append(graph.xy[k])
            more_z.append(graph.ground[k])
        else:
            more_xy.append(xy[i])
            more_z.append(home[i])
        node[i] = count
        count += 1
    if more_xy:
        graph.xy = np.vstack([graph.xy, np.array(more_xy)])
        graph.ground = np.r_[graph.ground, more_z]
    cost = np.zeros(len(xy))
    legs = [i for i in range(len(xy)) if graph.leg[i] > 1.0]
    lines = [shapely.LineString([xy[i], graph.xy[graph.place[i]]]) for i in legs]
    if lines:
        profiles, _ = routes.sample_profiles(graph.xy[:0], lines, terrain, crs, 25.0)
        for i, (along, z) in zip(legs, profiles, strict=True):
            ways = routes.options(along, z, prices, float(mean[i]))
            carried = [o.fixed + o.per_flow * mean[i] for o in ways if o.capacity >= mean[i]]
            cost[i] = min(carried, default=np.inf)
    return node, cost


def _barred(
    graph: routes.Routes, zones: Mapping[str, Any], terrain: Terrain, crs: Any, steepest: float
) -> NDArray[np.bool_]:
    """Nodes where no station may stand: inside an excluded area, or on ground too steep."""
    import geopandas as gpd

    spots = shapely.points(graph.xy)
    barred = np.zeros(len(spots), bool)
    for zone in zones.values():
        barred |= shapely.intersects(zone, spots)
    if terrain.crs.is_projected:
        slope = terrain.slope(gpd.GeoSeries(spots, crs=crs)).to_numpy(float)
        barred |= slope > steepest
    return barred


def _station_nodes(graph: routes.Routes, homes: NDArray[np.int64]) -> list[int]:
    """Villages, and junctions lower than all their neighbours."""
    low = np.ones(len(graph.xy), bool)
    touched = np.zeros(len(graph.xy), bool)
    for arc in graph.arcs:
        if arc.head >= 0:
            touched[arc.tail] = True
            low[arc.tail] &= graph.ground[arc.tail] < graph.ground[arc.head]
    return sorted({*homes.tolist(), *np.flatnonzero(low & touched).tolist()})


def _candidates(xy: Array, lone: list[tuple[str, float, float]]) -> list[tuple[str, float]]:
    if not lone:
        return [("", float("nan"))] * len(xy)
    spots = np.array([(x, y) for _, x, y in lone])
    away = np.hypot(*(xy[:, None] - spots[None]).transpose(2, 0, 1))
    return [(lone[k][0], float(row[k])) for row, k in zip(away, away.argmin(axis=1), strict=True)]


__all__ = ["Frame"]
