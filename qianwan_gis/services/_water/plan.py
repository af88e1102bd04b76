"""Water supply of a county: who gets water from which works, through which pipes, at what pressure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.services._water import model as _model
from qianwan_gis.services._water import sizing, tree, zones
from qianwan_gis.services._water.demand import demands, scale_class
from qianwan_gis.services._water.hydraulics import Rules, pump_power
from qianwan_gis.standards import Standards

if TYPE_CHECKING:
    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services._water.model import Checked, Scheme
    from qianwan_gis.services._water.system import WaterSystem
    from qianwan_gis.terrain import Terrain

_REACH_M = 15_000.0  # new pipe that one further village may need
_STATUS = {
    "works": Text("联村集中供水", "from a waterworks"),
    "single": Text("单村供水", "single-village scheme"),
    "no_road": Text("附近无道路", "no road near"),
    "not_located": Text("位置未知", "not located"),
    "no_design": Text("未得出合格方案", "no design within the limits"),
    "no_terrain": Text("缺少地形数据，仅作直线距离筛查", "no terrain: straight distance only"),
}


@dataclass(frozen=True)
class WaterPlan:
    """A plan of water supply. Layers are in the CRS of the villages.

    Attributes
    ----------
    villages
        One row per village, the given index: ``code``, ``system`` (works), ``status`` (works,
        single, no_road, not_located, no_design, no_terrain), ``reason`` (words), ``zone``,
        ``scale`` (Ⅰ–Ⅴ), ``large`` (规模化供水), ``demand_m3d`` (peak day), ``peak_ls``,
        ``quantity_lpcd`` (what the works' capacity leaves each person), ``ground_m``,
        ``static_m`` and ``dynamic_m`` (pressure of the main at rest and at the peak),
        ``pressure_peak_m``, ``pressure_night_m``, ``pressure_rest_m`` (at the inlet, by EPANET),
        ``valve``, ``works_m`` (straight distance to the nearest works).
    pipes
        Lines: diameter, length, flow, velocity, loss, static pressure, pressure class, kind
        (gravity or pumped), zone, basis.
    stations, tanks, break_pressure_tanks, valves
        Points: pumps and boosters; clear-water tanks; 减压池; 村口减压阀.
    zones
        Pressure zones: level, range of ground, villages, people, polygon around the pipes.
    systems
        One row per designed system: works, class, demand, capacity, cost, bound and gap.
    quantities, cost
        Bill of quantities (工程量清单); present value and building cost by part.
    problems
        Every node out of limits, every village left out, works over capacity.
    system
        The network for EPANET; None when nothing was designed.
    """

    villages: gpd.GeoDataFrame
    pipes: gpd.GeoDataFrame
    stations: gpd.GeoDataFrame
    tanks: gpd.GeoDataFrame
    break_pressure_tanks: gpd.GeoDataFrame
    valves: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    systems: pd.DataFrame
    quantities: pd.DataFrame
    cost: dict[str, float]
    problems: list[Problem]
    system: WaterSystem | None
    schemes: tuple[Scheme, ...] = field(default=(), repr=False)
    rules: Rules | None = field(default=None, repr=False)

    def profile(self, code: str) -> pd.DataFrame:
        """Return the long section (纵断面) from the works to a village.

        Returns
        -------
        ``metres`` from the works, ``ground_m``, ``peak_m`` (level of the water at the peak),
        ``static_m``, ``pipe``, ``diameter_mm``.
        """
        return zones.profile(self, code)

    def draw_profile(self, code: str, path: Any, *, lang: str = "zh") -> Any:
        """Draw the long section to a village as PNG, SVG or PDF; returns the path."""
        return zones.draw_profile(self, code, path, lang=lang)


def plan_water(
    villages: gpd.GeoDataFrame,
    *,
    network: RoadNetwork,
    terrain: Terrain | None,
    works: gpd.GeoDataFrame,
    standards: Standards | None = None,
    supplies: pd.DataFrame | None = None,
    loops: int = 0,
    reach_m: float = _REACH_M,
    time_limit: float | None = 60.0,
    gap: float = 5e-3,
) -> WaterPlan:
    """Plan the supply of villages from waterworks by pipes along roads, checked by EPANET.

    Parameters
    ----------
    villages
        ``code``, ``population``, points in a projected CRS (m); ``quota_lpcd`` where known. A
        missing point leaves the village unplanned, and says so.
    network
        Roads that pipes may follow (where walkers may go).
    terrain
        Heights. Without it nothing is designed: the villages table gives the straight distance to
        the nearest works as a screen and says ``no_terrain``.
    works
        ``facility_id``, ``name``, ``capacity`` (m³/d), points; ``head_m`` (lowest level of the
        clear-water tank) where known, else the ground. FACILITIES of other services are left out.
    supplies
        ``facility_id``, ``code``: which works supplies which village by register. These stay
        together; villages without a row go where it is cheapest. None: all are free.
    loops
        How many ring pipes to add in each system, within one pressure zone.
    reach_m
        Metres of new pipe that one further village may need.
    time_limit, gap
        Seconds per system and relative gap for the solver; a gap left open is reported.

    Raises
    ------
    DataError
        Every fault of the tables at once: CRS, doubled codes, people missing or nought, capacity
        below nought, points or pipes outside the terrain.
    UsageError
        Norms or prices that cannot be (a negative price).

    Notes
    -----
    Trees: a heuristic without a bound on the whole (`tree.grow`); pipes, pumps, break-pressure
    tanks and valves of each tree: proven to ``gap`` (`sizing.size`).
    """
    standards = standards or Standards.load()
    rules = Rules.read(standards)
    scale = {f"class{k}": float(standards.value(f"water.scale.class{k}_m3d")) for k in (1, 2, 3, 4)}
    large = (float(standards.value("water.scale.large_m3d")),
             float(standards.value("water.scale.large_people")))  # fmt: skip
    log = ProblemLog()
    works = _check(villages, works, supplies, log)
    if loops < 0 or not reach_m > 0:
        raise UsageError(
            Text("loops 不能为负，reach_m 应为正数", "loops must be >= 0, reach_m > 0")
        )
    want = demands(villages, rules)
    table = _start(villages, works, want)
    if terrain is None:
        table["status"] = np.where(table.geometry.isna(), "not_located", "no_terrain")
        log.add("warning", "no_terrain", "没有地形，未作供水管网设计，只列到最近水厂的直线距离",
                "no terrain: nothing designed, straight distances to works only",
                fix=("提供高程（DEM）", "supply an elevation raster"))  # fmt: skip
        return _bare(_worded(table), rules, scale, log)
    located = np.flatnonzero(~(villages.geometry.isna() | villages.geometry.is_empty).to_numpy())
    table.loc[table.index[np.setdiff1d(np.arange(len(table)), located)], "status"] = "not_located"
    spots = villages.geometry.iloc[located]
    heights = terrain.sample(
        gpd.GeoSeries(pd.concat([spots, works.geometry]).to_numpy(), crs=villages.crs,
                      index=[*villages["code"].iloc[located], *works["facility_id"]])
    ).to_numpy()  # fmt: skip
    ground = np.full(len(villages), np.nan)
    ground[located] = heights[: len(located)]
    table["ground_m"] = ground
    works_ground = heights[len(located) :]
    laid = _lay_out(
        villages, located, works, works_ground, network, terrain, want, supplies, table,
        rules, reach_m, log,
    )  # fmt: skip
    schemes = _design(laid, works, want, table, rules, time_limit, gap, log)
    codes = villages["code"].astype(str).tolist()
    if not schemes:
        return _bare(_worded(table), rules, scale, log)
    system = _model.build(schemes, codes, rules, villages.crs)
    rings = zones.add_loops(system, schemes, rules, loops, log) if loops else []
    rings = _keep_good(rings, system, schemes, codes, rules, log)
    checked = _model.check(system, schemes, codes, rules, log)
    _tell_low(schemes, log)
    return _finish(table, schemes, system, checked, rings, works, rules, scale, large, log)


# ---------------------------------------------------------------- door


def _check(
    villages: gpd.GeoDataFrame, works: gpd.GeoDataFrame, supplies: pd.DataFrame | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Raise every fault of the tables at once; returns the waterworks in the villages' CRS."""
    for name, given, needed in (
        ("villages", villages, ("code", "population")),
        ("works", works, ("facility_id", "name", "capacity")),
    ):
        for column in needed:
            if column not in given:
                log.add("error", "missing_column", f"缺少字段“{column}”",
                        f"column “{column}” is missing", file=name, field=column)  # fmt: skip
        if given.crs is None or (name == "villages" and not given.crs.is_projected):
            log.add("error", "no_crs", "须有平面坐标系（米）", "needs a projected CRS in metres",
                    file=name, fix=("先 set_crs / to_crs", "call set_crs or to_crs first"))  # fmt: skip
    if supplies is not None:
        for column in ("facility_id", "code"):
            if column not in supplies:
                log.add("error", "missing_column", f"缺少字段“{column}”",
                        f"column “{column}” is missing", file="supplies", field=column)  # fmt: skip
    log.raise_errors()
    if "service" in works:
        works = works[works["service"] == "water"]
    works = works.to_crs(villages.crs).reset_index(drop=True)
    for file, values in (("villages", villages["code"]), ("works", works["facility_id"])):
        for value in values[values.duplicated()].unique():
            log.add("error", "duplicate", f"“{value}”重复", f"“{value}” occurs twice",
                    file=file, row=str(value))  # fmt: skip
    if not len(villages):
        log.add("error", "empty_layer", "没有任何村庄", "there is no village", file="villages")
    for identity, value, place in zip(
        works["facility_id"], works["capacity"], works.geometry, strict=True
    ):
        if place is None or place.is_empty:
            log.add("error", "empty_geometry", f"水厂 {identity} 没有位置",
                    f"works {identity} has no position", file="works", row=str(identity))  # fmt: skip
        if pd.isna(value):
            log.add("warning", "no_capacity", f"水厂 {identity} 没有规模，按不限量计算",
                    f"works {identity} has no capacity: taken as unlimited",
                    file="works", row=str(identity), field="capacity")  # fmt: skip
        elif not value >= 0:
            log.add("error", "bad_capacity", f"水厂 {identity} 的规模 {value:g} 为负",
                    f"works {identity} has a capacity of {value:g}", file="works",
                    row=str(identity), field="capacity")  # fmt: skip
    log.raise_errors()
    return works


def _start(
    villages: gpd.GeoDataFrame, works: gpd.GeoDataFrame, want: pd.DataFrame
) -> gpd.GeoDataFrame:
    """Return the villages table before anything is planned."""
    table = villages[["code"]].copy()
    for name in ("name", "township"):
        if name in villages:
            table[name] = villages[name]
    table["population"] = villages["population"]
    for name in ("system", "zone", "scale"):
        table[name] = ""
    table["status"] = "single"
    table["reason"] = ""
    table["large"] = False
    table["demand_m3d"] = want["demand_m3d"].round(3)
    table["peak_ls"] = want["peak_ls"].round(4)
    for name in ("quantity_lpcd", "ground_m", "static_m", "dynamic_m", "pressure_peak_m",
                 "pressure_night_m", "pressure_rest_m", "works_m"):  # fmt: skip
        table[name] = np.nan
    table["valve"] = False
    if len(works):
        homes = villages.geometry.to_numpy()
        near = shapely.distance(homes[:, None], works.geometry.to_numpy()[None, :])
        table["works_m"] = np.where(shapely.is_missing(homes), np.nan, near.min(axis=1)).round(1)
    return gpd.GeoDataFrame(table, geometry=villages.geometry, crs=villages.crs)


# ---------------------------------------------------------------- layout


def _lay_out(
    villages: gpd.GeoDataFrame, located: np.ndarray, works: gpd.GeoDataFrame,
    works_ground: np.ndarray, network: RoadNetwork, terrain: Terrain, want: pd.DataFrame,
    supplies: pd.DataFrame | None, table: gpd.GeoDataFrame, rules: Rules, reach_m: float,
    log: ProblemLog,
) -> list[tuple[int, tree.Laid]]:  # fmt: skip
    """Choose who is joined to which works, and lay the pipes; returns works and what is laid."""
    points = gpd.GeoSeries(
        [*villages.geometry.iloc[located], *works.geometry], crs=villages.crs
    )  # fmt: skip
    graph = tree.build_graph(network, points, rules["village.offtake_m"], terrain)
    nodes = graph.place[: len(located)].tolist()
    roots = graph.place[len(located) :].tolist()
    for k in np.flatnonzero(np.array(nodes) < 0):
        row = located[k]
        table.loc[table.index[row], "status"] = "no_road"
        log.add("warning", "no_road", f"{rules['village.offtake_m']:g} m 内没有道路，未接管",
                f"no road within {rules['village.offtake_m']:g} m: not joined",
                row=str(villages["code"].iloc[row]))  # fmt: skip
    for r, node in enumerate(roots):
        if node < 0:
            log.add("warning", "works_no_road", f"水厂附近 {rules['village.offtake_m']:g} m 内没有道路，未使用",
                    "the works has no road near and was left out", row=str(works["facility_id"][r]))  # fmt: skip
    allowed = _allowed(villages, located, works, supplies, roots, log)
    need = want["demand_m3d"].to_numpy()[located]
    capacity = works["capacity"].to_numpy(float)
    capacity = np.where(np.isnan(capacity), np.inf, capacity)
    edges, owner = tree.grow(graph, roots, nodes, allowed, need, capacity, reach_m)
    for j, may in enumerate(allowed):
        if may is not None and j not in owner and nodes[j] >= 0:
            code = str(villages["code"].iloc[located[j]])
            log.add("warning", "register_not_joined",
                    f"台账称村庄 {code} 由水厂供水，但 {reach_m:g} m 内没有相连的道路可敷管，按单村供水计",
                    f"by register a works supplies village {code}, but no connected road within "
                    f"{reach_m:g} m can carry a pipe: counted as a single-village scheme",
                    row=code)  # fmt: skip
    heads = works["head_m"].to_numpy(float) if "head_m" in works else np.full(len(works), np.nan)
    found = []
    demand = want["demand_m3d"].to_numpy()
    for r, root in enumerate(roots):
        mine = [k for k, o in owner.items() if o == r]
        if not mine:
            continue
        free = {nodes[k] for k in mine if allowed[k] is None}
        head = float(heads[r]) if np.isfinite(heads[r]) else float(works_ground[r])
        dropped = tree.cut_dear(
            graph, edges[r], root, {nodes[k]: float(need[k]) for k in mine}, head, free, rules
        )
        kept = {nodes[k]: int(located[k]) for k in mine if nodes[k] not in dropped}
        if not kept:
            continue
        wanted = {node: float(demand[row]) for node, row in kept.items()}
        short = tree.cheapest(graph, edges[r], root, wanted, head, rules)
        laid = tree.lay(
            graph, short, root, kept, demand, terrain, network.working.crs, rules,
            float(heads[r]) if np.isfinite(heads[r]) else None,
        )  # fmt: skip
        found.append((r, laid))
    return found


def _allowed(
    villages: gpd.GeoDataFrame, located: np.ndarray, works: gpd.GeoDataFrame,
    supplies: pd.DataFrame | None, roots: list[int], log: ProblemLog,
) -> list[set[int] | None]:  # fmt: skip
    """By village: the works that its register names; None where it names none."""
    if supplies is None or not len(supplies):
        return [None] * len(located)
    if "service" in supplies:
        supplies = supplies[supplies["service"] == "water"]
    number = {identity: r for r, identity in enumerate(works["facility_id"])}
    known = set(villages["code"])
    named: dict[str, int] = {}
    rows = supplies.sort_values(["code", "facility_id"])
    for code, identity in zip(rows["code"], rows["facility_id"], strict=True):
        if identity not in number or code not in known:
            what = identity if identity not in number else code
            log.add("warning", "unknown_supply", f"供水台账中的“{what}”不在表中，略去",
                    f"“{what}” in the register of supplies is in no table: left out",
                    file="supplies", row=str(code))  # fmt: skip
        elif roots[number[identity]] >= 0:
            named.setdefault(code, number[identity])
    codes = villages["code"].iloc[located]
    return [{named[c]} if c in named else None for c in codes]


# ---------------------------------------------------------------- design


def _design(
    laid: list[tuple[int, tree.Laid]], works: gpd.GeoDataFrame, want: pd.DataFrame,
    table: gpd.GeoDataFrame, rules: Rules, time_limit: float | None, gap: float, log: ProblemLog,
) -> list[Scheme]:  # fmt: skip
    schemes: list[Scheme] = []
    demand = want["demand_m3d"].to_numpy()
    for r, one in laid:
        members = one.terminal[one.terminal >= 0]
        day = float(demand[members].sum())
        identity, name = str(works["facility_id"][r]), str(works["name"][r])
        rows = table.index[members]
        table.loc[rows, "system"] = identity
        capacity = works["capacity"][r]
        share = 1.0 if pd.isna(capacity) or day <= 0 else min(1.0, float(capacity) / day)
        people = table.loc[rows, "population"].to_numpy(float)
        # what reaches each person at the mean of the peak day, leaks taken off
        home = demand[members] / people * 1000.0 / (1.0 + rules["demand.leak_share"])
        home = home / (1.0 + rules["demand.other_share"]) / rules["demand.day_factor"]
        table.loc[rows, "quantity_lpcd"] = (home * share).round(2)
        if share < 1.0:
            log.add("warning", "works_over_capacity",
                    f"水厂 {identity}（{name}）供 {len(members)} 村最高日需 {day:.0f} m³/d，超过规模 {capacity:.0f} m³/d",
                    f"works {identity}: {len(members)} villages want {day:.0f} m³/d on the peak day, "
                    f"capacity {capacity:.0f}",
                    row=identity, fix=("扩建水厂或调整供水范围", "enlarge the works or move villages"))  # fmt: skip
        design = sizing.size(one.tree, rules, time_limit=time_limit, gap=gap)
        if design is None:
            table.loc[rows, "status"] = "no_design"
            log.add("warning", "no_design",
                    f"水厂 {identity}（{name}）的管网在限值内没有可行方案（或求解超时），{len(members)} 村未设计",
                    f"works {identity}: no design keeps the limits (or time ran out); "
                    f"{len(members)} villages not designed",
                    row=identity, fix=("放宽 water.device.max_lift_m 或提高压力等级",
                                       "raise water.device.max_lift_m or the pressure classes"))  # fmt: skip
            continue
        if design.gap > gap:
            log.add("note", "gap", f"水厂 {identity} 的方案与下界相差 {design.gap:.1%}",
                    f"works {identity}: within {design.gap:.1%} of the bound", row=identity)  # fmt: skip
        table.loc[rows, "status"] = "works"
        volume, initial = _model.tank_volume(day, rules)
        schemes.append(
            _model.Scheme(len(schemes) + 1, identity, name, one, design, day, volume, initial)
        )
    return schemes


def _keep_good(
    rings: list[dict[str, Any]], system: WaterSystem, schemes: list[Scheme], codes: list[str],
    rules: Rules, log: ProblemLog,
) -> list[dict[str, Any]]:  # fmt: skip
    """Take out the rings of every system that they put out of its limits."""
    if not rings:
        return rings
    trial = ProblemLog()
    _model.check(system, schemes, codes, rules, trial)
    bad = {p.file for p in trial if p.level != "note"}
    names = {s.works_id: s.name for s in schemes}
    kept = []
    for ring in rings:
        if names[ring["system"]] in bad:
            system.model.remove_link(ring["pipe"])
            log.add("note", "ring_dropped", f"成环管 {ring['pipe']} 使压力或流速超限，不设",
                    f"ring {ring['pipe']} would put pressures or velocities out of limits: left out",
                    file=names[ring["system"]])  # fmt: skip
        else:
            kept.append(ring)
    return kept


def _tell_low(schemes: list[Scheme], log: ProblemLog) -> None:
    for scheme in schemes:
        base = scheme.laid.tree.head
        villages = scheme.laid.tree.ground[scheme.laid.tree.village]
        if (villages > base).all():
            log.add("note", "works_below",
                    f"水厂 {scheme.works_id}（{scheme.name}）低于所有供水村庄，全部加压",
                    f"works {scheme.works_id} lies below all its villages: all water is pumped",
                    row=scheme.works_id)  # fmt: skip


# ---------------------------------------------------------------- tables


def _bare(
    table: gpd.GeoDataFrame, rules: Rules, scale: dict[str, float], log: ProblemLog
) -> WaterPlan:
    """Return a plan without any network."""
    empty = {name: gpd.GeoDataFrame({k: [] for k in columns}, geometry=[], crs=table.crs)
             for name, columns in _LAYERS.items()}  # fmt: skip
    single = table.loc[table["status"] == "single"]
    table.loc[single.index, "scale"] = [scale_class(q, scale) for q in single["demand_m3d"]]
    quantities, cost = _bill([], single, rules, [])
    return WaterPlan(
        table, **empty, systems=pd.DataFrame(columns=_SYSTEMS),
        quantities=quantities, cost=cost, problems=log.problems, system=None, rules=rules,
    )  # fmt: skip


_LAYERS: dict[str, list[str]] = {
    "pipes": ["pipe", "system", "zone", "kind", "name", "diameter_mm", "length_m", "flow_ls",
              "velocity_ms", "headloss_m", "static_m", "class_mpa", "basis"],
    "stations": ["station", "system", "kind", "ground_m", "flow_ls", "lift_m", "outlet_m",
                 "power_kw"],
    "tanks": ["tank", "system", "volume_m3", "depth_m", "level_min_m", "level_max_m"],
    "break_pressure_tanks": ["tank", "system", "ground_m", "level_m", "broken_m"],
    "valves": ["valve", "system", "code", "inlet_m", "outlet_m"],
    "zones": ["zone", "system", "kind", "level_m", "ground_low_m", "ground_high_m", "villages",
              "people"],
}  # fmt: skip
_SYSTEMS = ["system", "name", "scale", "large", "villages", "people", "demand_m3d", "capacity_m3d",
            "pipe_m", "lift_m", "present_value", "bound", "gap", "status"]  # fmt: skip


def _finish(
    table: gpd.GeoDataFrame, schemes: list[Scheme], system: WaterSystem, checked: Checked,
    rings: list[dict[str, Any]], works: gpd.GeoDataFrame, rules: Rules, scale: dict[str, float],
    large: tuple[float, float], log: ProblemLog,
) -> WaterPlan:  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _LAYERS}
    systems = []
    capacity = works.set_index("facility_id")["capacity"]
    for scheme in schemes:
        zone_of = zones.label(scheme)
        members = scheme.laid.terminal[scheme.laid.terminal >= 0]
        people = float(table["population"].to_numpy(float)[members].sum())
        rank = scale_class(scheme.day_m3, scale)
        big = scheme.day_m3 >= large[0] or people >= large[1]
        _village_rows(table, scheme, zone_of, rank, big, checked)
        rows["pipes"] += zones.pipe_rows(scheme, zone_of, checked, rules)
        _device_rows(rows, scheme, checked, table, rules)
        rows["zones"] += zones.zone_rows(scheme, zone_of, table)
        systems.append(
            dict(zip(_SYSTEMS, (
                scheme.works_id, scheme.name, rank, big, len(members), people, scheme.day_m3,
                float(capacity[scheme.works_id]), float(scheme.laid.tree.length.sum()),
                float(scheme.design.lift.sum()), scheme.design.cost, scheme.design.bound,
                scheme.design.gap, scheme.design.status,
            ), strict=True))
        )  # fmt: skip
    rows["pipes"] += rings
    layers = {
        name: gpd.GeoDataFrame(
            pd.DataFrame(rows[name], columns=[*columns, "geometry"]), geometry="geometry",
            crs=table.crs,
        )
        for name, columns in _LAYERS.items()
    }  # fmt: skip
    single = table.loc[table["status"] == "single"]
    table.loc[single.index, "scale"] = [scale_class(q, scale) for q in single["demand_m3d"]]
    quantities, cost = _bill(schemes, single, rules, rings)
    return WaterPlan(
        _worded(table), **layers, systems=pd.DataFrame(systems),
        quantities=quantities, cost=cost, problems=log.problems, system=system,
        schemes=tuple(schemes), rules=rules,
    )  # fmt: skip


def _worded(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    table["reason"] = [_STATUS[s].zh for s in table["status"]]
    return table


def _village_rows(
    table: gpd.GeoDataFrame, scheme: Scheme, zone_of: list[str], rank: str, big: bool,
    checked: Checked,
) -> None:  # fmt: skip
    laid, design = scheme.laid, scheme.design
    for v in scheme.tap:
        row = table.index[laid.terminal[v]]
        found = checked.villages.loc[str(table["code"].iloc[laid.terminal[v]])]
        values = {
            "zone": zone_of[v], "scale": rank, "large": big,
            "static_m": round(float(design.static[v] - laid.tree.ground[v]), 2),
            "dynamic_m": round(float(design.head[v] - laid.tree.ground[v]), 2),
            "valve": bool(design.valve[v]),
            **{k: round(float(found[k]), 2)
               for k in ("pressure_peak_m", "pressure_night_m", "pressure_rest_m")},
        }  # fmt: skip
        for name, value in values.items():
            table.loc[row, name] = value


def _device_rows(
    rows: dict[str, list[dict[str, Any]]], scheme: Scheme, checked: Checked,
    table: gpd.GeoDataFrame, rules: Rules,
) -> None:  # fmt: skip
    laid, design = scheme.laid, scheme.design
    ground, flow = laid.tree.ground, laid.tree.flow
    for v, name in scheme.pump.items():
        u = max(int(laid.tree.parent[v]), 0)
        rows["stations"].append(
            {
                "station": name, "system": scheme.works_id,
                "kind": "works_pump" if v == 0 else "booster",
                "ground_m": round(float(ground[u]), 2), "flow_ls": round(float(flow[v]) * 1e3, 3),
                "lift_m": round(float(design.lift[v]), 2),
                "outlet_m": round(float(design.setpoint[v]), 2),
                "power_kw": round(float(pump_power(flow[v], design.lift[v],
                                                   rules["device.pump_efficiency"])), 2),
                "geometry": shapely.Point(laid.xy[u]),
            }
        )  # fmt: skip
    for v in np.flatnonzero(design.breaks).tolist():
        u = int(laid.tree.parent[v])
        rows["break_pressure_tanks"].append(
            {
                "tank": f"S{scheme.number}B{v}", "system": scheme.works_id,
                "ground_m": round(float(ground[u]), 2),
                "level_m": round(float(design.setpoint[v]), 2),
                "broken_m": round(float(design.static[u] - design.setpoint[v]), 2),
                "geometry": shapely.Point(laid.xy[u]),
            }
        )  # fmt: skip
    for v in np.flatnonzero(design.valve).tolist():
        rows["valves"].append(
            {
                "valve": f"S{scheme.number}V{v}", "system": scheme.works_id,
                "code": str(table["code"].iloc[int(laid.terminal[v])]),
                "inlet_m": round(float(design.static[v] - ground[v]), 2),
                "outlet_m": (rules["head.service_m"] + rules["head.static_max_m"]) / 2.0,
                "geometry": shapely.Point(laid.xy[v]),
            }
        )  # fmt: skip
    level = checked.day.pressure[scheme.tank]
    rows["tanks"].append(
        {
            "tank": scheme.tank, "system": scheme.works_id,
            "volume_m3": round(scheme.tank_m3, 1), "depth_m": rules["works.tank_depth_m"],
            "level_min_m": round(float(level.min()), 3),
            "level_max_m": round(float(level.max()), 3),
            "geometry": shapely.Point(laid.xy[0]),
        }
    )  # fmt: skip


def _bill(
    schemes: list[Scheme], single: pd.DataFrame, rules: Rules, rings: list[dict[str, Any]]
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the bill of quantities (building) and present values by part, in yuan."""
    metres = np.zeros(len(rules.diameters))
    pumps, kilowatts, lifting, breaks, valves, tanks, day = 0, 0.0, 0.0, 0, 0, 0.0, 0.0
    for scheme in schemes:
        tree_, design = scheme.laid.tree, scheme.design
        np.add.at(metres, design.size[1:], tree_.length[1:])
        flow = tree_.flow
        used = design.lift > 0
        pumps += int(used.sum())
        kilowatts += float(
            pump_power(flow, design.lift, rules["device.pump_efficiency"])[used].sum()
        )
        lifting += float((rules.lift_metre(flow) * design.lift)[used].sum())
        breaks += int(design.breaks.sum())
        valves += int(design.valve.sum())
        tanks += scheme.tank_m3
        day += scheme.day_m3
    for ring in rings:
        metres[int(ring["size"])] += ring["length_m"]
    rows: list[tuple[str, str, str, float, float]] = [
        ("输配水管道", rules.names[k], "m", float(m), float(rules.pipe_price[k]))
        for k, m in enumerate(metres) if m > 0
    ]  # fmt: skip
    rows += [
        ("加压泵站", "", "座", float(pumps), rules["cost.booster_yuan"]),
        ("加压泵站装机", "", "kW", kilowatts, rules["cost.booster_yuan_kw"]),
        ("减压池", "", "座", float(breaks), rules["cost.break_tank_yuan"]),
        ("村口减压阀组", "", "套", float(valves), rules["cost.valve_yuan"]),
        ("清水池", "", "m³", tanks, rules["cost.tank_yuan_m3"]),
        ("单村供水工程", "", "处", float(len(single)), rules["cost.single_yuan"]),
        ("单村供水工程规模", "", "m³/d", float(single["demand_m3d"].sum()),
         rules["cost.single_yuan_m3d"]),
    ]  # fmt: skip
    table = pd.DataFrame(
        [(a, b, c, round(q, 2), p, round(q * p, 2)) for a, b, c, q, p in rows if q > 0],
        columns=["item", "spec", "unit", "quantity", "unit_price", "amount"],
    )
    cost = {
        "pipes": float((metres * rules.pipe_metre).sum()),
        "pumping": pumps * rules.station_fixed + lifting,
        "break_pressure": breaks * rules["cost.break_tank_yuan"] + valves * rules["cost.valve_yuan"],
        "tanks": tanks * rules["cost.tank_yuan_m3"],
        "works_water": float(rules.works_water(day)),
        "single": float(rules.single(single["demand_m3d"].to_numpy(float)).sum()),
    }  # fmt: skip
    cost["total"] = sum(cost.values())
    cost["building"] = float(table["amount"].sum())
    return table, cost


__all__ = ["WaterPlan", "plan_water"]
