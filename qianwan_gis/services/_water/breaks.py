"""Failing pipes: who loses water when a pipe is shut, bursts or leaks, and which pipes matter most.

Everything is pressure-driven (Wagner et al. 1988, as EPANET 2.2 has it): where the pressure falls,
so does the supply, and no node draws water that is not there. Parts without any way to a source are
taken out before the run and named; EPANET cannot compute them.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis._text import Text
from qianwan_gis.services._water import system as _system

if TYPE_CHECKING:
    from qianwan_gis.services._water.system import Simulation, WaterSystem

Mode = Literal["closed", "open", "leak"]
#: Below this share of its demand a node has lost its water.
LOST_SHARE = 0.01
#: At or above this share of what it had before the break a node loses nothing.
KEPT_SHARE = 0.999
#: Diameter (m) of the hole of a leak when none is given.
LEAK_M = 0.01
_ORIFICE = 0.75
#: Valves that flip between open and active keep Newton's method of EPANET from settling; halving
#: its steps near the solution (DAMPLIMIT) settles nearly all, testing valves less often the rest.
_SETTINGS: tuple[dict[str, float], ...] = (
    {"damplimit": 0.1, "trials": 200},
    {"damplimit": 1.0, "trials": 400, "checkfreq": 10, "maxcheck": 100},
    {"damplimit": 1.0, "trials": 1000, "checkfreq": 20, "maxcheck": 400, "accuracy": 1e-3},
)

CRITICALITY = (
    "pipe", "system", "length_m", "diameter_mm", "nodes_lost", "nodes_reduced", "codes",
    "villages", "people", "short_m3d", "verdict", "why",
)  # fmt: skip


@dataclass(frozen=True)
class BreakResult:
    """Who loses water when a pipe fails.

    Attributes
    ----------
    pipe, mode
        What failed and how.
    nodes
        One row per demand node of the part of the network that hangs together with the pipe:
        ``demand_m3s``, ``before_m3s`` (what it got before), ``supplied_m3s`` (means over the
        simulation), ``share`` of its demand, ``pressure_m`` (lowest; NaN when cut off),
        ``verdict``: ok, reduced, lost or cut_off, and the labels of the system's nodes (``code`` …).
    leak_m3s
        Mean flow out of the hole (modes ``open`` and ``leak``).
    """

    pipe: str
    mode: str
    nodes: pd.DataFrame
    leak_m3s: float

    @property
    def affected(self) -> pd.DataFrame:
        """The nodes that get less than they got before."""
        return self.nodes[self.nodes["verdict"] != "ok"]

    @property
    def codes(self) -> list[str]:
        """Codes of the villages that lose water, in order of the table."""
        return codes_of(self.affected)


def codes_of(nodes: pd.DataFrame) -> list[str]:
    """Return the village codes of nodes; several villages may draw at one node."""
    if "code" not in nodes:
        return []
    given = nodes["code"].dropna().astype(str)
    return list(dict.fromkeys(c for text in given for c in text.split(";") if c))


def break_pipe(
    system: WaterSystem, pipe: str, *, mode: Mode = "closed", hole_m: float | None = None,
    required_m: float = 10.0,
) -> BreakResult:  # fmt: skip
    """Find who loses water when a pipe fails; see `WaterSystem.break_pipe`."""
    if pipe not in system.model.pipe_name_list:
        raise UsageError(Text(f"没有管道“{pipe}”", f"there is no pipe “{pipe}”"))
    _check_options(mode, required_m)
    part = _part_of(system.model, pipe)
    return _Breaker(part, system.labels, required_m).run(pipe, mode, hole_m)


def criticality(
    system: WaterSystem, *, people: pd.Series | None = None, pipes: list[str] | None = None,
    mode: Mode = "closed", hole_m: float | None = None, required_m: float = 10.0,
) -> pd.DataFrame:  # fmt: skip
    """Break every pipe in turn; see `WaterSystem.criticality`."""
    _check_options(mode, required_m)
    known = system.model.pipe_name_list
    asked = list(known) if pipes is None else list(pipes)
    for pipe in asked:
        if pipe not in set(known):
            raise UsageError(Text(f"没有管道“{pipe}”", f"there is no pipe “{pipe}”"))
    breakers: dict[str, _Breaker | Text] = {}
    rows = []
    for pipe in asked:
        if pipe not in breakers:
            part = _part_of(system.model, pipe)
            try:
                breaker: _Breaker | Text = _Breaker(part, system.labels, required_m)
            except DataError as error:
                breaker = error.problems[0].text
            breakers.update(dict.fromkeys(part.pipe_name_list, breaker))
        rows.append(_critical_row(system, pipe, breakers[pipe], people, mode, hole_m))
    table = pd.DataFrame(rows, columns=list(CRITICALITY))
    order = ["people", "villages", "short_m3d", "length_m"]
    return table.sort_values(order, ascending=False, kind="stable", ignore_index=True)


def _critical_row(
    system: WaterSystem, pipe: str, breaker: _Breaker | Text, people: pd.Series | None, mode: Mode,
    hole_m: float | None,
) -> dict[str, Any]:  # fmt: skip
    link = system.model.get_link(pipe)
    row: dict[str, Any] = {
        "pipe": pipe, "system": _label_of(system, link), "length_m": round(float(link.length), 1),
        "diameter_mm": round(float(link.diameter) * 1e3, 1), "nodes_lost": 0, "nodes_reduced": 0,
        "codes": "", "villages": 0, "people": 0.0, "short_m3d": 0.0, "verdict": "nobody", "why": "",
    }  # fmt: skip
    try:
        if isinstance(breaker, Text):
            raise DataError(_system.failed(breaker))
        found = breaker.run(pipe, mode, hole_m)
    except DataError as error:
        # what cannot be computed is said to be unknown, never "nobody"
        blank = {"nodes_lost": np.nan, "nodes_reduced": np.nan, "villages": np.nan,
                 "people": np.nan, "short_m3d": np.nan}  # fmt: skip
        return {**row, **blank, "verdict": "unknown", "why": error.problems[0].text.zh}
    hit = found.affected
    codes = found.codes
    short = (hit["before_m3s"] - hit["supplied_m3s"]).clip(lower=0.0).sum()
    lost = hit["verdict"].isin(["lost", "cut_off"])
    row |= {
        "nodes_lost": int(lost.sum()), "nodes_reduced": int((~lost).sum()),
        "codes": ";".join(codes), "villages": len(codes),
        "people": float(people.reindex(codes).fillna(0.0).sum()) if people is not None else np.nan,
        "short_m3d": round(float(short) * 86_400.0, 3),
    }  # fmt: skip
    if len(hit):
        row["verdict"] = "lost" if lost.any() else "reduced"
    return row


def _label_of(system: WaterSystem, link: Any) -> str:
    """The works that a pipe of a designed network belongs to; empty for other networks."""
    if "system" not in system.labels:
        return ""
    stem = re.match(r"S\d+", link.name)
    named = system.labels["system"].get(f"{stem[0]}T") if stem else None
    return str(named) if named is not None else ""


def _check_options(mode: str, required_m: float) -> None:
    if mode not in ("closed", "open", "leak"):
        raise UsageError(
            Text(f"没有故障方式“{mode}”", f"mode must be closed, open or leak, not “{mode}”")
        )
    if not required_m > 0.1:
        raise UsageError(Text("所需压力应大于0.1 m", "required_m must exceed 0.1 m"))


class _Breaker:
    """One connected network, run once whole and then with each failure."""

    def __init__(self, model: Any, labels: pd.DataFrame, required_m: float) -> None:
        self.model, self.labels, self.required_m = model, labels, required_m
        whole = copy.deepcopy(model)
        # what nothing supplies even before the failure gets nothing before and after
        self.dry = cut_off(whole)
        wanted = _mean_demand(whole)
        supplied = pd.Series(0.0, index=wanted.index)
        if whole.num_nodes - len(self.dry) > 1:  # a source alone is no network
            remove_nodes(whole, self.dry)
            before = pressure_driven(whole, required_m)
            kept = [n for n in wanted.index if n in before.demand.columns]
            supplied[kept] = before.demand[kept].mean().to_numpy()
        self.wanted, self.before = wanted, supplied

    def run(self, pipe: str, mode: Mode, hole_m: float | None) -> BreakResult:
        model = copy.deepcopy(self.model)
        leak = ""
        if mode == "closed":
            for name in controls_of(model, pipe):
                model.remove_control(name)
            model.remove_link(pipe)
        else:
            leak = _hole(model, pipe, mode, hole_m)
        dry = cut_off(model)
        wanted = self.wanted
        supplied = pd.Series(0.0, index=wanted.index)
        pressure = pd.Series(np.nan, index=wanted.index)
        flow_out = 0.0
        if model.num_nodes - len(dry) > 1:
            remove_nodes(model, dry)
            result = pressure_driven(model, self.required_m)
            kept = [n for n in wanted.index if n in result.demand.columns]
            supplied[kept] = result.demand[kept].mean().to_numpy()
            pressure[kept] = result.pressure[kept].min().to_numpy()
            flow_out = float(result.demand[leak].mean()) if leak in result.demand else 0.0
        table = pd.DataFrame(
            {
                "demand_m3s": wanted,
                "before_m3s": self.before,
                "supplied_m3s": supplied,
                "share": (supplied / wanted).clip(0.0, 1.0),
                "pressure_m": pressure,
            }
        )
        less = table["supplied_m3s"] < KEPT_SHARE * table["before_m3s"]
        verdict = np.where(less, "reduced", "ok").astype(object)
        verdict[(less & (table["share"] < LOST_SHARE)).to_numpy()] = "lost"
        verdict[table.index.isin(dry)] = "cut_off"
        table["verdict"] = verdict
        return BreakResult(pipe, mode, table.join(self.labels, how="left"), flow_out)


def pressure_driven(model: Any, required_m: float) -> Simulation:
    """Run EPANET pressure-driven; changes the options of ``model``."""
    options = model.options.hydraulic
    options.demand_model = "PDD"
    options.minimum_pressure, options.required_pressure = 0.0, required_m
    options.pressure_exponent = 0.5
    for node in (model.get_node(name) for name in model.tank_name_list):
        node.overflow = True  # a tank that is full lets the works' even inflow go
    for last, settings in enumerate(_SETTINGS, start=1):
        for name, value in settings.items():
            setattr(options, name, value)
        try:
            return _system.run(model)
        except DataError:
            if last == len(_SETTINGS):
                raise
    raise AssertionError("the loop returns or raises")


def _mean_demand(model: Any) -> pd.Series:
    """Mean demand (m³/s) over the simulation of every junction that wants water."""
    time = model.options.time
    times = range(int(time.report_start), int(time.duration) + 1, max(int(time.report_timestep), 1))
    multiplier = float(model.options.hydraulic.demand_multiplier)
    found = {
        name: float(np.mean([node.demand_timeseries_list.at(t) for t in times])) * multiplier
        for name, node in model.junctions()
    }
    series = pd.Series(found, dtype=float)
    return series[series > 0]


def _hole(model: Any, pipe: str, mode: str, hole_m: float | None) -> str:
    """Open a hole in the middle of a pipe; returns the node where water leaves."""
    wntr = _system._wntr()
    diameter = float(model.get_link(pipe).diameter)
    usual = diameter if mode == "open" else min(LEAK_M, diameter)
    hole = usual if hole_m is None else float(hole_m)
    if not 0 < hole <= diameter:
        raise UsageError(
            Text(f"孔径应大于0且不超过管径{diameter:g} m",
                 f"the hole must be above 0 and at most the pipe's {diameter:g} m")
        )  # fmt: skip
    names = [_free("BURST", model.node_name_list), _free("BURST_P", model.link_name_list)]
    with _system._quiet():
        wntr.morph.split_pipe(model, pipe, names[1], names[0], return_copy=False)
    # orifice: Q = 0.75 A sqrt(2 g h); an emitter is Q = k sqrt(p)
    area = np.pi / 4.0 * hole**2
    model.options.hydraulic.emitter_exponent = 0.5
    model.get_node(names[0]).emitter_coefficient = _ORIFICE * area * np.sqrt(2.0 * 9.81)
    return names[0]


def _free(stem: str, taken: Any) -> str:
    used = set(taken)
    return (
        stem
        if stem not in used
        else next(n for i in range(10**6) if (n := f"{stem}{i}") not in used)
    )


def _neighbours(model: Any, *, closed: bool) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {name: [] for name in model.node_name_list}
    for _, link in model.links():
        shut = link.link_type == "Pipe" and str(link.initial_status) in ("Closed", "0")
        # a pipe that a control may open again is a way
        if not closed and shut and not controls_of(model, link.name):
            continue
        near[link.start_node_name].append(link.end_node_name)
        near[link.end_node_name].append(link.start_node_name)
    return near


def _reach(near: dict[str, list[str]], start: set[str]) -> set[str]:
    reached = set(start)
    stack = sorted(reached)
    while stack:
        for other in near[stack.pop()]:
            if other not in reached:
                reached.add(other)
                stack.append(other)
    return reached


def cut_off(model: Any) -> set[str]:
    """Return the nodes without any way (open or closable) to a reservoir or tank."""
    # an inflow given as negative demand is no source of head
    sources = {*model.reservoir_name_list, *model.tank_name_list}
    return set(model.node_name_list) - _reach(_neighbours(model, closed=False), sources)


def _part_of(model: Any, pipe: str) -> Any:
    """Return a copy of the connected network around a pipe; controls that reach out keep it whole."""
    inside = _reach(_neighbours(model, closed=True), {model.get_link(pipe).start_node_name})
    part = copy.deepcopy(model)
    outside = set(part.node_name_list) - inside
    if not outside:
        return part
    for _, control in part.controls():
        names = {getattr(p, "name", None) for p in control.requires()}
        links = {n for n in names if n in set(part.link_name_list)}
        nodes = {n for n in names if n in set(part.node_name_list)}
        nodes |= {part.get_link(n).start_node_name for n in links}
        if nodes & outside and nodes & inside:
            return part
    remove_nodes(part, outside)
    return part


def controls_of(model: Any, name: str) -> list[str]:
    """Return the controls that speak of a node or link."""
    return [
        key
        for key, control in model.controls()
        if any(getattr(part, "name", None) == name for part in control.requires())
    ]


def remove_nodes(model: Any, names: set[str]) -> None:
    """Take out nodes with their links and controls."""
    links = [
        key
        for key, link in model.links()
        if link.start_node_name in names or link.end_node_name in names
    ]
    gone = {*links, *names}
    for key in [
        key
        for key, control in model.controls()
        if any(getattr(part, "name", None) in gone for part in control.requires())
    ]:
        model.remove_control(key)
    for key in links:
        model.remove_link(key)
    for key in [key for key, source in model.sources() if source.node_name in names]:
        model.remove_source(key)  # of water quality
    for name in sorted(names):
        model.remove_node(name)
