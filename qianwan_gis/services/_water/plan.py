"""Water supply of a county: who gets water from which works, through which pipes, at what pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.services import planned
from qianwan_gis.services._water import graph as graphs
from qianwan_gis.services._water import keeping, laying, result, search, sizing, tree, zones
from qianwan_gis.services._water import model as _model
from qianwan_gis.services._water.bound import tree_bound
from qianwan_gis.services._water.demand import demands
from qianwan_gis.services._water.hydraulics import Rules
from qianwan_gis.services._water.result import WaterPlan
from qianwan_gis.standards import Standards

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services._water.model import Scheme
    from qianwan_gis.services._water.system import WaterSystem
    from qianwan_gis.terrain import Terrain

_REACH_M = 15_000.0  # new pipe that one further village may need


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
    quick: bool = False,
    kept: Path | None = None,
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
    quick
        Size one tree per works at once (`sizing.quick`) instead of searching over trees, and compute
        no bound on any tree.
    kept
        File of `WaterPlan.keep`: its choices are taken where they were made for exactly this
        problem, which is told otherwise.

    Raises
    ------
    DataError
        Every fault of the tables at once: CRS, doubled codes, people missing or nought, capacity
        below nought, points or pipes outside the terrain.
    UsageError
        Norms or prices that cannot be (a negative price).

    Notes
    -----
    Who is joined to which works: a heuristic without a bound (`tree.grow`). The tree of each works:
    a search over trees by their exact sizing (`search.best`), with a proven lower bound
    (`bound.tree_bound`). Pipes, pumps, break-pressure tanks and valves of each tree: proven to
    ``gap`` (`sizing.size`).
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
        return result.bare(result.worded(table), rules, scale, log)
    located = np.flatnonzero(~(villages.geometry.isna() | villages.geometry.is_empty).to_numpy())
    table.loc[table.index[np.setdiff1d(np.arange(len(table)), located)], "status"] = "not_located"
    spots = villages.geometry.iloc[located]
    heights = terrain.sample(
        gpd.GeoSeries(pd.concat([spots, works.geometry]).to_numpy(), crs=villages.crs,
                      index=[*villages["code"].iloc[located], *works["facility_id"]])
    ).to_numpy()  # fmt: skip
    ground = np.full(len(villages), np.nan)
    ground[located] = heights[: len(located)]
    table["ground_m"] = np.round(ground, 2)
    works_ground = heights[len(located) :]
    laid, mark, from_file = _lay_out(
        villages, located, works, works_ground, network, terrain, want, supplies, table,
        rules, reach_m, time_limit, gap, log, quick=quick, kept=kept,
    )  # fmt: skip
    origin = "kept" if from_file else "quick" if quick else "solved"
    schemes = _design(laid, works, want, table, rules, gap, log)
    codes = villages["code"].astype(str).tolist()
    if not schemes:
        return result.bare(result.worded(table), rules, scale, log)
    system = _model.build(schemes, codes, rules, villages.crs)
    rings = zones.add_loops(system, schemes, rules, loops, log) if loops else []
    rings = _keep_good(rings, system, schemes, codes, rules, log)
    checked = _model.check(system, schemes, codes, rules, log)
    _tell_low(schemes, log)
    return result.finish(
        table,
        schemes,
        system,
        checked,
        rings,
        works,
        rules,
        scale,
        large,
        log,
        origin=origin,
        mark=mark,
    )


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
    if "head_m" in works:
        given = works["head_m"].astype(str).str.strip().replace({"": "nan", "None": "nan"})
        works["head_m"] = pd.to_numeric(given, errors="coerce")
        for row in np.flatnonzero(works["head_m"].isna() & given.ne("nan") & given.ne("<NA>")):
            log.add("error", "not_a_number", f"水厂水位“{given[row]}”不是数字",
                    f"head_m “{given[row]}” is not a number", file="works",
                    row=str(works["facility_id"][row]), field="head_m")  # fmt: skip
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
    time_limit: float | None, gap: float, log: ProblemLog, *, quick: bool,
    kept: Path | None,
) -> tuple[list[tuple[int, search.Found, float]], str, bool]:  # fmt: skip
    """Choose who is joined to which works, and design each.

    Returns works, design and bound; the fingerprint of the problem; whether a file gave the choices.
    """
    points = gpd.GeoSeries(
        [*villages.geometry.iloc[located], *works.geometry], crs=villages.crs
    )  # fmt: skip
    graph = graphs.build_graph(network, points, rules["village.offtake_m"], terrain)
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
    mark = keeping.mark(
        graph, nodes, roots, need, capacity, heads, works_ground, allowed, reach_m, rules
    )
    before, problem = planned.kept(kept, mark) if kept is not None else (None, None)
    if problem is not None:
        log.problems.append(problem)
    chosen = before["systems"] if before is not None else {}
    for r, root in enumerate(roots):
        mine = [k for k, o in owner.items() if o == r]
        if not mine:
            continue
        free = {nodes[k] for k in mine if allowed[k] is None}
        head = float(heads[r]) if np.isfinite(heads[r]) else float(works_ground[r])
        dropped = tree.cut_dear(
            graph, edges[r], root, {nodes[k]: float(need[k]) for k in mine}, head, free, rules
        )
        joined = {nodes[k]: int(located[k]) for k in mine if nodes[k] not in dropped}
        if not joined:
            continue
        wanted = {node: float(demand[row]) for node, row in joined.items()}

        def lay(
            edges: set[int], root: int = root, r: int = r, joined: dict[int, int] = joined
        ) -> laying.Laid:
            return laying.lay(
                graph, edges, root, joined, demand, terrain, network.working.crs, rules,
                float(heads[r]) if np.isfinite(heads[r]) else None,
            )  # fmt: skip

        def size(edges: set[int], rough: float, lay: Callable[..., Any] = lay) -> search.Sized:
            one = lay(edges)
            if quick:
                return one, sizing.quick(one.tree, rules, gap=rough)
            return one, sizing.size(one.tree, rules, time_limit=time_limit, gap=rough)

        identity = str(works["facility_id"][r])
        if identity in chosen:
            best, bound = keeping.restored(chosen[identity], lay, rules)
        else:
            best = search.best(graph, edges[r], root, wanted, head, rules, size, gap, quick=quick)
            bound = np.nan if quick else _bound(graph, root, joined, wanted, best, rules)
        found.append((r, best, bound))
    return found, mark, bool(chosen)


def _bound(
    graph: graphs.Graph, root: int, kept: dict[int, int], wanted: dict[int, float],
    best: search.Found, rules: Rules,
) -> float:  # fmt: skip
    """Lower bound on any tree for these villages; the levels wanted are those of the laid tree."""
    laid = best.laid.tree
    at = {int(row): v for v, row in enumerate(best.laid.terminal) if row >= 0}
    levels = {node: float(laid.ground[at[row]] + laid.need[at[row]]) for node, row in kept.items()}
    return tree_bound(graph, root, wanted, levels, laid.head, rules)


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
    laid: list[tuple[int, search.Found, float]], works: gpd.GeoDataFrame, want: pd.DataFrame,
    table: gpd.GeoDataFrame, rules: Rules, gap: float, log: ProblemLog,
) -> list[Scheme]:  # fmt: skip
    schemes: list[Scheme] = []
    demand = want["demand_m3d"].to_numpy()
    for r, best, bound in laid:
        one = best.laid
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
        design = best.design
        if design is None:
            table.loc[rows, "status"] = "no_design"
            log.add("warning", "no_design",
                    f"水厂 {identity}（{name}）的管网在限值内没有可行方案（或求解超时），{len(members)} 村未设计",
                    f"works {identity}: no design keeps the limits (or time ran out); "
                    f"{len(members)} villages not designed",
                    row=identity, fix=("放宽 water.device.max_lift_m 或提高压力等级",
                                       "raise water.device.max_lift_m or the pressure classes"))  # fmt: skip
            continue
        if design.gap > gap and design.status != "quick":  # a quick plan says so as a whole
            log.add("note", "gap", f"水厂 {identity} 的方案与下界相差 {design.gap:.1%}",
                    f"works {identity}: within {design.gap:.1%} of the bound", row=identity)  # fmt: skip
        table.loc[rows, "status"] = "works"
        volume, initial = _model.tank_volume(day, rules)
        schemes.append(
            _model.Scheme(
                len(schemes) + 1,
                identity,
                name,
                one,
                design,
                day,
                volume,
                initial,
                bound=float(np.minimum(bound, design.cost)),
                tried=best.tried,
                edges=best.edges,
            )
        )
    return schemes


def _keep_good(
    rings: list[dict[str, Any]], system: WaterSystem, schemes: list[Scheme], codes: list[str],
    rules: Rules, log: ProblemLog,
) -> list[dict[str, Any]]:  # fmt: skip
    """Take out the rings that put their system out of its limits, tried one after another."""
    if not rings:
        return rings
    names = {s.works_id: s.name for s in schemes}

    def bad() -> set[str]:
        trial = ProblemLog()
        _model.check(system, schemes, codes, rules, trial)
        return {str(p.file) for p in trial if p.level != "note"}

    already = bad()
    doubtful = [ring for ring in rings if names[ring["system"]] in already]
    kept = [ring for ring in rings if names[ring["system"]] not in already]
    for ring in doubtful:
        system.model.remove_link(ring["pipe"])
    for ring in doubtful:
        zones.add_ring(system, ring, rules)
        if names[ring["system"]] not in bad():
            kept.append(ring)
            continue
        system.model.remove_link(ring["pipe"])
        log.add("note", "ring_dropped", f"成环管 {ring['pipe']} 使压力或流速超限，不设",
                f"ring {ring['pipe']} would put pressures or velocities out of limits: left out",
                file=names[ring["system"]])  # fmt: skip
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


__all__ = ["WaterPlan", "plan_water"]
