"""Designed networks as one EPANET model, and the check of what EPANET says of them.

A pump that holds its outlet level (恒压变频) is a pump and, behind it, a valve set to that level. A
break-pressure tank whose inlet is closed by a float holds its own level; hydraulically it is a
valve set to that level, and so it is modelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis.services._water.demand import pattern
from qianwan_gis.services._water.hydraulics import SECONDS_PER_DAY
from qianwan_gis.services._water.laying import TANK_RESERVE
from qianwan_gis.services._water.system import Simulation, WaterSystem, _wntr, run

if TYPE_CHECKING:
    from qianwan_gis._errors import ProblemLog
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.laying import Laid
    from qianwan_gis.services._water.sizing import Design

_SHORT_M = 1.0  # between a valve and what follows: EPANET wants no two valves in a row
_SPARE_M = 1.0  # of lift, so that the valve and not the pump sets the level
_TOLERANCE_M = 0.05
_REST = 0.05  # share of the mean demand that stands for rest


@dataclass
class Scheme:
    """One designed system: works, tree, design, and the names of its parts in the model.

    ``bound``: no tree for these villages costs less; ``tried``: how many trees were sized.
    """

    number: int
    works_id: str
    name: str
    laid: Laid
    design: Design
    day_m3: float
    tank_m3: float
    initial_share: float
    bound: float = 0.0
    tried: int = 1
    edges: frozenset[int] = frozenset()
    node: list[str] = field(default_factory=list)
    tap: dict[int, str] = field(default_factory=dict)
    pipe: list[str] = field(default_factory=list)
    tank: str = ""
    pump: dict[int, str] = field(default_factory=dict)


def tank_volume(day_m3: float, rules: Rules) -> tuple[float, float]:
    """Return the volume (m³) of a clear-water tank and the share that is full at midnight.

    The works delivers evenly over 24 hours. The tank holds the swing of the day's demand and a
    tenth of itself at each end, and at least the norm's share of a day.
    """
    stored = np.r_[0.0, np.cumsum(1.0 - np.array(pattern(rules)))] / 24.0
    swing = float(stored.max() - stored.min())
    share = max(rules["works.tank_share"], swing / (1.0 - 2.0 * TANK_RESERVE))
    spare = (share - swing) / 2.0
    return share * day_m3, (spare - float(stored.min())) / share


def build(schemes: list[Scheme], codes: list[str], rules: Rules, crs: Any) -> WaterSystem:
    """Return all systems as one network; fills in the names of the schemes' parts."""
    wntr = _wntr()
    model = wntr.network.WaterNetworkModel()
    model.options.hydraulic.inpfile_units = "LPS"
    model.options.hydraulic.headloss = "H-W"
    model.options.hydraulic.accuracy = 1e-5
    model.options.hydraulic.trials = 200
    model.options.time.duration = 24 * 3600
    model.add_pattern("DAY", pattern(rules))
    labels: dict[str, dict[str, Any]] = {}
    for scheme in schemes:
        _Builder(model, scheme, codes, rules, labels).run()
    table = pd.DataFrame.from_dict(labels, orient="index", columns=["code", "kind", "system"])
    return WaterSystem(model, table, crs)


class _Builder:
    def __init__(
        self, model: Any, scheme: Scheme, codes: list[str], rules: Rules,
        labels: dict[str, dict[str, Any]],
    ) -> None:  # fmt: skip
        self.model, self.scheme, self.codes = model, scheme, codes
        self.rules, self.labels = rules, labels
        self.extra = 0

    def run(self) -> None:
        scheme, rules, model = self.scheme, self.rules, self.model
        tree, design, laid = scheme.laid.tree, scheme.design, scheme.laid
        s = scheme.number
        n = len(tree.parent)
        for v in range(n):
            scheme.node.append(self.junction(f"S{s}N{v}", v))
        self.works()
        scheme.pipe.append("")
        for v in range(1, n):
            u = int(tree.parent[v])
            start = scheme.node[u]
            if design.lift[v] > 0:
                start = self.pump(start, v, u, design.lift[v], design.setpoint[v])
            elif design.breaks[v]:
                start = self.valve(start, u, design.setpoint[v], f"S{s}B{v}", v)
                self.label(f"S{s}B{v}", "", "break_tank")
            name = f"S{s}P{v}"
            model.add_pipe(
                name, start, scheme.node[v], length=float(tree.length[v]),
                diameter=float(rules.diameters[design.size[v]]), roughness=rules.roughness,
            )  # fmt: skip
            model.get_link(name).vertices = [
                tuple(map(float, c[:2])) for c in laid.lines[v].coords[1:-1]
            ]
            scheme.pipe.append(name)
            if tree.village[v]:
                self.village(v)

    def label(self, name: str, code: str, kind: str) -> None:
        self.labels[name] = {"code": code, "kind": kind, "system": self.scheme.works_id}

    def junction(self, name: str, v: int) -> str:
        laid = self.scheme.laid
        self.model.add_junction(
            name, elevation=float(laid.tree.ground[v]), coordinates=tuple(map(float, laid.xy[v]))
        )
        return name

    def helper(self, v: int) -> str:
        self.extra += 1
        return self.junction(f"S{self.scheme.number}X{self.extra}", v)

    def works(self) -> None:
        scheme, tree, model = self.scheme, self.scheme.laid.tree, self.model
        s = scheme.number
        depth = self.rules["works.tank_depth_m"]
        scheme.tank = f"S{s}T"
        floor = tree.level - depth
        place = tuple(map(float, scheme.laid.xy[0]))
        model.add_tank(
            scheme.tank, elevation=floor, init_level=scheme.initial_share * depth,
            min_level=0.0, max_level=depth,
            diameter=float(np.sqrt(4.0 * scheme.tank_m3 / (np.pi * depth))), coordinates=place,
        )  # fmt: skip
        self.label(scheme.tank, scheme.works_id, "tank")
        source = f"S{s}Q"
        # the works delivers evenly over the day
        model.add_junction(
            source, base_demand=-scheme.day_m3 / SECONDS_PER_DAY, elevation=floor,
            coordinates=place,
        )  # fmt: skip
        self.label(source, scheme.works_id, "works")
        wide = self.bore(0)
        model.add_pipe(f"S{s}W", source, scheme.tank, length=_SHORT_M, diameter=wide,
                       roughness=self.rules.roughness)  # fmt: skip
        start = scheme.tank
        if scheme.design.lift[0] > 0:
            start = self.pump(start, 0, 0, scheme.design.lift[0], scheme.design.setpoint[0])
        model.add_pipe(f"S{s}O", start, scheme.node[0], length=_SHORT_M, diameter=wide,
                       roughness=self.rules.roughness)  # fmt: skip

    def pump(self, start: str, v: int, u: int, lift: float, level: float) -> str:
        s, model = self.scheme.number, self.model
        name = f"S{s}U{v}"
        out = self.helper(u)
        flow = float(self.scheme.laid.tree.flow[v])
        model.add_curve(name, "HEAD", [(flow, float(lift) + _SPARE_M)])
        model.add_pump(name, start, out, pump_type="HEAD", pump_parameter=name)
        self.scheme.pump[v] = name
        return self.valve(out, u, level, f"S{s}R{v}", v)

    def bore(self, v: int) -> float:
        """Diameter (m) of a short fitting at a node: two sizes over the pipe that it serves."""
        tree, size = self.scheme.laid.tree, self.scheme.design.size
        own = int(size[v]) if v else int(size[tree.parent == 0].max())
        return float(self.rules.diameters[min(own + 2, len(self.rules.diameters) - 1)])

    def valve(self, start: str, u: int, level: float, name: str, v: int) -> str:
        """Hold a level behind ``start``; returns the node behind."""
        out = self.helper(u)
        setting = float(level - self.scheme.laid.tree.ground[u])
        self.model.add_valve(
            name, start, out, diameter=self.bore(v), valve_type="PRV",
            initial_setting=setting,
        )  # fmt: skip
        return out

    def village(self, v: int) -> None:
        scheme = self.scheme
        node = scheme.node[v]
        if scheme.design.valve[v]:
            setting = (self.rules["head.service_m"] + self.rules["head.static_max_m"]) / 2.0
            level = float(scheme.laid.tree.ground[v]) + setting
            node = self.valve(node, v, level, f"S{scheme.number}V{v}", v)
        demand = scheme.laid.tree.demand[v] / self.rules["demand.hour_factor"]
        self.model.get_node(node).add_demand(float(demand), "DAY")
        scheme.tap[v] = node
        self.label(node, self.codes[int(scheme.laid.terminal[v])], "village")


@dataclass(frozen=True)
class Checked:
    """What EPANET says of all systems: a day's run, a run at rest, and a table of the villages."""

    day: Simulation
    rest: Simulation
    villages: pd.DataFrame


def check(
    system: WaterSystem, schemes: list[Scheme], codes: list[str], rules: Rules, log: ProblemLog
) -> Checked:
    """Run EPANET and name every node and pipe out of limits."""
    day = system.simulate()
    still = system.to_wntr()
    still.options.hydraulic.demand_multiplier = _REST
    still.options.time.duration = 0
    # with next to no flow the relative test of convergence asks for more digits than there are
    still.options.hydraulic.accuracy = 1e-4
    rest = run(still)
    for word in (*day.warnings, *rest.warnings):
        if "Warnings were issued" not in word:
            log.add("warning", "epanet_warning", f"EPANET：{word}", f"EPANET: {word}")
    rows = []
    service, most = rules["head.service_m"], rules["head.static_max_m"]
    for scheme in schemes:
        for v, node in scheme.tap.items():
            code = codes[int(scheme.laid.terminal[v])]
            pressure = day.pressure[node]
            row: dict[str, Any] = {
                "code": code,
                "node": node,
                "pressure_peak_m": float(pressure.min()),
                "pressure_night_m": float(pressure.max()),
                "pressure_rest_m": float(rest.pressure[node].iloc[0]),
                "supplied_m3d": float(day.demand[node].iloc[:24].mean()) * SECONDS_PER_DAY,
            }
            rows.append(row)
            high = max(row["pressure_night_m"], row["pressure_rest_m"])
            if row["pressure_peak_m"] < service - _TOLERANCE_M:
                log.add("warning", "low_pressure",
                        f"村口 {node} 最高时压力 {row['pressure_peak_m']:.1f} m，低于 {service:g} m",
                        f"inlet {node}: {row['pressure_peak_m']:.1f} m at the peak, below {service:g} m",
                        row=code, file=scheme.name)  # fmt: skip
            if high > most + _TOLERANCE_M:
                log.add("warning", "high_pressure",
                        f"村口 {node} 静水压力 {high:.1f} m，高于 {most:g} m",
                        f"inlet {node}: {high:.1f} m at rest, above {most:g} m", row=code, file=scheme.name)  # fmt: skip
        _check_mains(scheme, day, rest, rules, log)
        level = day.pressure[scheme.tank]
        depth = rules["works.tank_depth_m"]
        if level.min() < _TOLERANCE_M or level.max() > depth - 1e-3:
            log.add("warning", "tank_level",
                    f"清水池 {scheme.tank} 水位 {level.min():.2f}—{level.max():.2f} m，超出 0—{depth:g} m",
                    f"tank {scheme.tank}: level {level.min():.2f} to {level.max():.2f} m of {depth:g} m",
                    file=scheme.name)  # fmt: skip
        for v in scheme.design.over:
            log.add("warning", "over_velocity",
                    f"管道 {scheme.pipe[v]} 在最大管径下流速仍超过 {rules['pipe.max_velocity_ms']:g} m/s",
                    f"pipe {scheme.pipe[v]} runs too fast even in the largest diameter",
                    file=scheme.name, fix=("另设并行管道", "lay a second pipe"))  # fmt: skip
    columns = ["code", "node", "pressure_peak_m", "pressure_night_m", "pressure_rest_m",
               "supplied_m3d"]  # fmt: skip
    return Checked(day, rest, pd.DataFrame(rows, columns=columns).set_index("code"))


def _check_mains(
    scheme: Scheme, day: Simulation, rest: Simulation, rules: Rules, log: ProblemLog
) -> None:
    most = float(rules.class_m[-1])
    for v, node in enumerate(scheme.node):
        low = float(day.pressure[node].min())
        least = float(scheme.laid.tree.need[v])
        if v and not scheme.laid.tree.village[v] and low < least - _TOLERANCE_M:
            log.add("warning", "main_low",
                    f"干管节点 {node} 最小压力 {low:.1f} m，低于 {least:g} m",
                    f"main node {node}: {low:.1f} m, below {least:g} m", file=scheme.name)  # fmt: skip
        top = max(float(day.pressure[node].max()), float(rest.pressure[node].iloc[0]))
        if top > most + _TOLERANCE_M:
            log.add("warning", "main_high",
                    f"干管节点 {node} 压力 {top:.1f} m，超过最高压力等级 {most:.0f} m",
                    f"main node {node}: {top:.1f} m, above the highest class {most:.0f} m",
                    file=scheme.name)  # fmt: skip
    slow = rules["pipe.low_velocity_ms"]
    lazy = [v for v in range(1, len(scheme.pipe)) if day.velocity[scheme.pipe[v]].max() < slow]
    if lazy:
        metres = float(scheme.laid.tree.length[lazy].sum())
        log.add("note", "slow", f"{len(lazy)}段管道（{metres:.0f} m）最高时流速低于 {slow:g} m/s，注意停留时间与冲洗",
                f"{len(lazy)} pipes ({metres:.0f} m) stay below {slow:g} m/s at the peak: mind their age",
                file=scheme.name)  # fmt: skip
    fast = rules["pipe.max_velocity_ms"]
    for name in scheme.pipe[1:]:
        speed = float(day.velocity[name].max())
        if speed > fast + 1e-3:
            log.add("warning", "fast",
                    f"管道 {name} 流速 {speed:.2f} m/s，超过 {fast:g} m/s",
                    f"pipe {name}: {speed:.2f} m/s, above {fast:g} m/s", file=scheme.name)  # fmt: skip


def node_rows(
    scheme: Scheme, zone_of: list[str], checked: Checked, rules: Rules, table: Any
) -> list[dict[str, Any]]:
    """Return one row per junction of the tree, a village's inlet behind its valve."""
    import shapely

    laid = scheme.laid
    top = float(rules.class_m[-1])
    rows = []
    for v, main in enumerate(scheme.node):
        village = v in scheme.tap
        node = scheme.tap.get(v, main)
        pressure = checked.day.pressure[node]
        low, high = float(pressure.min()), float(pressure.max())
        rest = float(checked.rest.pressure[node].iloc[0])
        least = float(laid.tree.need[v]) if v else 0.0
        most = rules["head.static_max_m"] if village else top
        verdict = "ok"
        if v and low < least - _TOLERANCE_M:
            verdict = "low"
        elif max(high, rest) > most + _TOLERANCE_M:
            verdict = "high"
        rows.append(
            {
                "node": node, "system": scheme.works_id, "zone": zone_of[v],
                "code": str(table["code"].iloc[int(laid.terminal[v])]) if village else "",
                "ground_m": round(float(laid.tree.ground[v]), 2),
                "pressure_peak_m": round(low, 2), "pressure_night_m": round(high, 2),
                "pressure_rest_m": round(rest, 2), "least_m": round(least, 2),
                "most_m": round(float(most), 2), "verdict": verdict,
                "geometry": shapely.Point(laid.xy[v]),
            }
        )  # fmt: skip
    return rows
