"""A finished plan of water supply: its tables and layers, and the bill of quantities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import Problem, ProblemLog
from qianwan_gis._solve import relative_gap
from qianwan_gis._text import Text
from qianwan_gis.services import planned
from qianwan_gis.services._water import keeping, profiles, zones
from qianwan_gis.services._water import model as _model
from qianwan_gis.services._water.breaks import CRITICALITY
from qianwan_gis.services._water.demand import scale_class
from qianwan_gis.services._water.hydraulics import Rules, pump_power

if TYPE_CHECKING:
    from pathlib import Path

    from qianwan_gis.services._water.model import Checked, Scheme
    from qianwan_gis.services._water.system import WaterSystem

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
        (gravity or pumped), zone, who is cut off when it is shut, basis.
    stations, tanks, break_pressure_tanks, valves
        Points: pumps and boosters; clear-water tanks; 减压池; 村口减压阀.
    zones
        Pressure zones: level, range of ground, villages, people, polygon around the pipes.
    nodes
        Junctions: pressures at the peak, at night and at rest by EPANET, the limits, and the verdict
        (ok, low, high).
    systems
        One row per designed system: works, class, demand, capacity, cost; ``bound`` and ``gap`` of
        the sizing of its tree; ``tree_bound`` and ``tree_gap``: proven for every tree that serves
        the same villages from the same works; ``trees_tried``: how many were sized.
    quantities, cost
        Bill of quantities (工程量清单); present value and building cost by part.
    problems
        Every node out of limits, every village left out, works over capacity.
    system
        The network for EPANET; None when nothing was designed.
    origin
        ``solved`` now, ``kept`` (solved before, taken from a file) or ``quick``.
    """

    villages: gpd.GeoDataFrame
    pipes: gpd.GeoDataFrame
    stations: gpd.GeoDataFrame
    tanks: gpd.GeoDataFrame
    break_pressure_tanks: gpd.GeoDataFrame
    valves: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame
    systems: pd.DataFrame
    quantities: pd.DataFrame
    cost: dict[str, float]
    problems: list[Problem]
    system: WaterSystem | None
    schemes: tuple[Scheme, ...] = field(default=(), repr=False)
    rules: Rules | None = field(default=None, repr=False)
    origin: str = "solved"
    mark: str = field(default="", repr=False)

    def profile(self, code: str) -> pd.DataFrame:
        """Return the long section (纵断面) from the works to a village.

        Returns
        -------
        ``metres`` from the works, ``ground_m``, ``peak_m`` (level of the water at the peak),
        ``static_m``, ``pipe``, ``diameter_mm``.
        """
        return profiles.profile(self, code)

    def keep(self, file: Path) -> Path:
        """Write the choices, for `plan_water` to take up again (``kept``); see `services.planned`."""
        return planned.keep(file, self.mark, {"systems": keeping.choices(self.schemes)})

    def criticality(self, **options: Any) -> pd.DataFrame:
        """Break every pipe in turn: who loses water, the worst first.

        Columns and options as for `WaterSystem.criticality`; people are those of the villages.
        """
        if self.system is None:
            return pd.DataFrame(columns=list(CRITICALITY))
        people = self.villages.set_index(self.villages["code"].astype(str))["population"]
        # the works' own fittings in the model are no pipes of the plan
        pipes = options.pop("pipes", None)
        named = self.pipes["pipe"].tolist() if pipes is None else pipes
        return self.system.criticality(people=people.astype(float), pipes=named, **options)

    def draw_profile(self, code: str, path: Any, *, lang: str = "zh") -> Any:
        """Draw the long section to a village as PNG, SVG or PDF; returns the path."""
        return profiles.draw_profile(self, code, path, lang=lang)


def bare(
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
              "velocity_ms", "headloss_m", "static_m", "class_mpa", "villages_cut", "people_cut",
              "basis"],
    "stations": ["station", "system", "kind", "ground_m", "flow_ls", "lift_m", "outlet_m",
                 "power_kw"],
    "tanks": ["tank", "system", "volume_m3", "depth_m", "level_min_m", "level_max_m"],
    "break_pressure_tanks": ["tank", "system", "ground_m", "level_m", "broken_m"],
    "valves": ["valve", "system", "code", "inlet_m", "outlet_m"],
    "zones": ["zone", "system", "kind", "level_m", "ground_low_m", "ground_high_m", "villages",
              "people"],
    "nodes": ["node", "system", "zone", "code", "ground_m", "pressure_peak_m", "pressure_night_m",
              "pressure_rest_m", "least_m", "most_m", "verdict"],
}  # fmt: skip
_SYSTEMS = ["system", "name", "scale", "large", "villages", "people", "demand_m3d", "capacity_m3d",
            "pipe_m", "lift_m", "present_value", "bound", "gap", "status", "tree_bound", "tree_gap",
            "trees_tried"]  # fmt: skip


def finish(
    table: gpd.GeoDataFrame, schemes: list[Scheme], system: WaterSystem, checked: Checked,
    rings: list[dict[str, Any]], works: gpd.GeoDataFrame, rules: Rules, scale: dict[str, float],
    large: tuple[float, float], log: ProblemLog, *, origin: str, mark: str,
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
        rows["pipes"] += zones.pipe_rows(scheme, zone_of, checked, rules, table, rings)
        rows["nodes"] += _model.node_rows(scheme, zone_of, checked, rules, table)
        _device_rows(rows, scheme, checked, table, rules)
        rows["zones"] += zones.zone_rows(scheme, zone_of, table)
        systems.append(
            dict(zip(_SYSTEMS, (
                scheme.works_id, scheme.name, rank, big, len(members), people,
                round(scheme.day_m3, 3), float(capacity[scheme.works_id]),
                round(float(scheme.laid.tree.length.sum()), 1),
                round(float(scheme.design.lift.sum()), 2), round(scheme.design.cost, 2),
                round(scheme.design.bound, 2), round(scheme.design.gap, 5), scheme.design.status,
                round(scheme.bound, 2), round(_tree_gap(scheme), 5), scheme.tried,
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
        worded(table), **layers, systems=pd.DataFrame(systems),
        quantities=quantities, cost=cost, problems=log.problems, system=system,
        schemes=tuple(schemes), rules=rules, origin=origin, mark=mark,
    )  # fmt: skip


def _tree_gap(scheme: Scheme) -> float:
    """Share by which another tree might cost less; NaN where no bound was computed."""
    if np.isnan(scheme.bound):
        return np.nan
    return relative_gap(scheme.design.cost, scheme.bound)


def worded(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
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


__all__ = ["WaterPlan", "bare", "finish", "worded"]
