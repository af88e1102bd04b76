"""A water network that EPANET can run: reading, writing, simulating, breaking pipes.

wntr holds the network and EPANET (inside wntr) computes it. Everything here is in SI units:
heads and pressures m, flows m³/s, diameters m.
"""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import DataError, Problem, UsageError
from qianwan_gis._text import Text

#: EPANET allows identifiers of this many bytes.
ID_BYTES = 31
#: Below this share of its demand a node has lost its water.
LOST_SHARE = 0.01
#: At or above this share of what it had before the break a node loses nothing.
KEPT_SHARE = 0.999


def read_inp(path: str | Path) -> WaterSystem:
    """Read an EPANET input file (.inp).

    Raises
    ------
    DataError
        The file is missing or EPANET's rules are broken in it.
    """
    wntr = _wntr()
    path = Path(path)
    if not path.is_file():
        raise DataError(
            Problem("missing_file", "error",
                    Text("没有这个 EPANET 文件", "there is no such EPANET file"), file=path.name)
        )  # fmt: skip
    try:
        with _quiet():
            model = wntr.network.WaterNetworkModel(str(path))
    # wntr raises whatever its parser stumbles over; each of these means that the file is at fault
    except (
        wntr.epanet.exceptions.EpanetException, RuntimeError, ValueError, KeyError, TypeError,
        IndexError, AttributeError, AssertionError,
    ) as error:  # fmt: skip
        raise DataError(
            Problem("bad_inp", "error",
                    Text(f"不是有效的 EPANET 文件：{error}", f"not a valid EPANET file: {error}"),
                    file=path.name)
        ) from error  # fmt: skip
    if not model.num_nodes:
        raise DataError(
            Problem("empty_inp", "error",
                    Text("文件中没有任何节点", "the file has no node"), file=path.name,
                    fix=Text("应含 [JUNCTIONS]、[PIPES] 等节", "it needs [JUNCTIONS], [PIPES] and so on"))
        )  # fmt: skip
    return WaterSystem(model)


@dataclass(frozen=True)
class Simulation:
    """What EPANET computed. Tables have one row per time (s), one column per node or link.

    Attributes
    ----------
    pressure, head, demand
        m, m, m³/s by node (an inflow is a negative demand).
    flow, velocity, headloss
        m³/s, m/s, and m by link (loss between its ends; a gain at a pump is negative).
    warnings
        EPANET's own words where it was not content.
    """

    pressure: pd.DataFrame
    head: pd.DataFrame
    demand: pd.DataFrame
    flow: pd.DataFrame
    velocity: pd.DataFrame
    headloss: pd.DataFrame
    warnings: tuple[str, ...] = ()

    @property
    def nodes(self) -> pd.DataFrame:
        """One row per node: lowest and highest pressure (m), largest and mean demand (m³/s)."""
        return pd.DataFrame(
            {
                "pressure_min_m": self.pressure.min(),
                "pressure_max_m": self.pressure.max(),
                "demand_mean_m3s": self.demand.mean(),
                "demand_max_m3s": self.demand.max(),
            }
        )

    @property
    def links(self) -> pd.DataFrame:
        """One row per link: largest flow (m³/s), velocity (m/s) and loss (m)."""
        return pd.DataFrame(
            {
                "flow_max_m3s": self.flow.abs().max(),
                "velocity_max_ms": self.velocity.max(),
                "headloss_max_m": self.headloss.max(),
            }
        )


@dataclass(frozen=True)
class BreakResult:
    """Who loses water when a pipe fails.

    Attributes
    ----------
    pipe, mode
        What failed and how.
    nodes
        One row per demand node: ``demand_m3s``, ``before_m3s`` (what it got before),
        ``supplied_m3s`` (means over the simulation), ``share`` of its demand, ``pressure_m`` (lowest; NaN when cut off), ``verdict``: ok, reduced, lost or
        cut_off, and the labels of the system's nodes (``code`` …).
    leak_m3s
        Mean flow out of the open end (mode ``open``).
    """

    pipe: str
    mode: str
    nodes: pd.DataFrame
    leak_m3s: float

    @property
    def affected(self) -> pd.DataFrame:
        """The nodes that get less than they want."""
        return self.nodes[self.nodes["verdict"] != "ok"]


@dataclass
class WaterSystem:
    """A water network.

    Attributes
    ----------
    model
        ``wntr.network.WaterNetworkModel``.
    labels
        What nodes are in the plan: index node id, columns such as ``code``, ``kind``.
    crs
        Of the coordinates; None for a file that does not say.
    joined
        Gaps closed when the network came from lines: one row each.
    problems
        What was found on the way.
    """

    model: Any
    labels: pd.DataFrame = field(default_factory=pd.DataFrame)
    crs: Any = None
    joined: pd.DataFrame = field(default_factory=pd.DataFrame)
    problems: list[Problem] = field(default_factory=list)

    def __repr__(self) -> str:
        m = self.model
        return (
            f"WaterSystem({m.num_junctions} junctions, {m.num_reservoirs} reservoirs, "
            f"{m.num_tanks} tanks, {m.num_pipes} pipes, {m.num_pumps} pumps, {m.num_valves} valves)"
        )

    @classmethod
    def read_inp(cls, path: str | Path) -> WaterSystem:
        """Read an EPANET file; see `read_inp`."""
        return read_inp(path)

    @classmethod
    def from_lines(cls, lines: Any, **options: Any) -> WaterSystem:
        """Build a network from GIS lines; see `lines.from_lines`."""
        from qianwan_gis.services._water.lines import from_lines

        return from_lines(lines, **options)

    def to_wntr(self) -> Any:
        """Return a copy of the network as ``wntr.network.WaterNetworkModel``."""
        import copy

        _wntr()
        return copy.deepcopy(self.model)

    def write_inp(self, path: str | Path, *, units: str | None = None) -> Path:
        """Write an EPANET 2.2 file, the same bytes for the same network; returns the path.

        Parameters
        ----------
        units
            EPANET flow units (``LPS``, ``CMD``, ``GPM`` …); those of the network when None.
        """
        path = Path(path)
        _io.write_bytes(path, self._inp_bytes(units))
        return path

    def _inp_bytes(self, units: str | None = None) -> bytes:
        wntr = _wntr()
        given = units or self.model.options.hydraulic.inpfile_units
        if given not in wntr.epanet.util.FlowUnits.__members__:
            raise UsageError(
                Text(f"EPANET 没有流量单位“{given}”", f"EPANET has no flow unit “{given}”")
            )
        with tempfile.TemporaryDirectory() as folder, _quiet():
            file = Path(folder) / "network.inp"
            wntr.network.write_inpfile(self.model, str(file), units=given, version=2.2)
            data = file.read_bytes()
        # wntr begins with the source's path and the time of writing, which differ between runs
        return re.sub(rb"\A(?:;[^\n]*\n)+", b"", data)

    def simulate(self) -> Simulation:
        """Run EPANET over the times of the network.

        Raises
        ------
        DataError
            EPANET cannot run the network (no source, pumps and valves in wrong places …).
        """
        return _run(self.model)

    def pipes(self) -> Any:
        """Return the links as a GeoDataFrame: kind, ends, length, diameter; bends kept."""
        import geopandas as gpd
        import shapely

        rows = []
        for name, link in self.model.links():
            a, b = link.start_node, link.end_node
            xy = [a.coordinates, *link.vertices, b.coordinates]
            rows.append(
                {
                    "link": name,
                    "kind": link.link_type.lower(),
                    "start": a.name,
                    "end": b.name,
                    "length_m": float(getattr(link, "length", np.nan)),
                    "diameter_m": float(getattr(link, "diameter", np.nan)),
                    "geometry": shapely.LineString(xy),
                }
            )
        columns = ["link", "kind", "start", "end", "length_m", "diameter_m", "geometry"]
        return gpd.GeoDataFrame(
            pd.DataFrame(rows, columns=columns), geometry="geometry", crs=self.crs
        )

    def break_pipe(
        self,
        pipe: str,
        *,
        mode: Literal["closed", "open"] = "closed",
        hole_m: float | None = None,
        required_m: float = 10.0,
    ) -> BreakResult:
        """Find who loses water when a pipe fails.

        Parameters
        ----------
        pipe
            Link id of a pipe.
        mode
            ``closed``: shut off for repair. ``open``: it bursts and flows out at its middle,
            everything else stays open.
        hole_m
            Diameter of the hole (m) for ``open``; that of the pipe when None.
        required_m
            Pressure (m) at which a node takes its full demand. Below it the supply falls with the
            square root of the pressure (Wagner et al. 1988), down to nothing at 0.

        Notes
        -----
        The simulation is pressure-driven (EPANET 2.2). Nodes without any way to a source are taken
        out before it and get nothing.
        """
        model = self.to_wntr()
        if pipe not in model.pipe_name_list:
            raise UsageError(Text(f"没有管道“{pipe}”", f"there is no pipe “{pipe}”"))
        if mode not in ("closed", "open"):
            raise UsageError(
                Text(f"没有故障方式“{mode}”", f"mode must be closed or open, not “{mode}”")
            )
        if not required_m > 0.1:
            raise UsageError(Text("所需压力应大于0.1 m", "required_m must exceed 0.1 m"))
        before = _pressure_driven(model, required_m)
        wanted = _mean_demand(model, before.demand.index)
        leak = ""
        if mode == "open":
            leak = _burst(model, pipe, hole_m)
        else:
            for name in _controls_of(model, pipe):
                model.remove_control(name)
            model.remove_link(pipe)
        dry = _cut_off(model)
        supplied = pd.Series(0.0, index=wanted.index)
        pressure = pd.Series(np.nan, index=wanted.index)
        flow_out = 0.0
        sources = model.num_reservoirs + model.num_tanks
        if sources and len(dry) < model.num_nodes:
            _remove_nodes(model, dry)
            result = _pressure_driven(model, required_m)
            kept = [n for n in wanted.index if n in result.demand.columns]
            supplied[kept] = result.demand[kept].mean().to_numpy()
            pressure[kept] = result.pressure[kept].min().to_numpy()
            flow_out = float(result.demand[leak].mean()) if leak else 0.0
        table = pd.DataFrame(
            {
                "demand_m3s": wanted,
                "before_m3s": before.demand[wanted.index].mean(),
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
        table = table.join(self.labels, how="left")
        return BreakResult(pipe, mode, table, flow_out)


# ---------------------------------------------------------------- engine


def _wntr() -> Any:
    """Import wntr (seconds, hence late) without its dependencies' deprecation warnings."""
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, FutureWarning, SyntaxWarning, UserWarning):
            warnings.simplefilter("ignore", kind)
        import wntr
        import wntr.epanet.toolkit
    return wntr


class _quiet(warnings.catch_warnings):  # noqa: N801
    """Within it wntr's own warnings (its use of pandas and numpy, EPANET codes) are not raised."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.filterwarnings("ignore", module=r"wntr(\..*)?")
        return entered


def _run(model: Any) -> Simulation:
    wntr = _wntr()
    told = _Told()
    logger = logging.getLogger("wntr")
    logger.addHandler(told)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = wntr.sim.EpanetSimulator(model).run_sim(
                file_prefix=str(Path(folder) / "run"), convergence_error=True
            )
        # "EpanetException" is not a RuntimeError; the rest is what wntr raises for broken models
        except (
            wntr.epanet.exceptions.EpanetException, RuntimeError, ValueError, KeyError
        ) as error:  # fmt: skip
            raise DataError(
                Problem("epanet_failed", "error",
                        Text(f"EPANET 无法计算该管网：{_short(error)}",
                             f"EPANET cannot run this network: {_short(error)}"),
                        fix=Text("检查水源、孤立节点、泵与阀的位置",
                                 "check sources, isolated nodes, and where pumps and valves are"))
            ) from error  # fmt: skip
        finally:
            logger.removeHandler(told)
    words = [str(w.message) for w in caught if str(w.message).startswith(("Simulation", "Warning"))]
    head = result.node["head"].astype(float)
    links = result.link["flowrate"].columns
    start = [model.get_link(n).start_node_name for n in links]
    end = [model.get_link(n).end_node_name for n in links]
    loss = pd.DataFrame(
        head[start].to_numpy() - head[end].to_numpy(), index=head.index, columns=links
    )
    flow = result.link["flowrate"].astype(float)
    loss = loss.where(flow >= 0, -loss)
    return Simulation(
        result.node["pressure"].astype(float), head, result.node["demand"].astype(float), flow,
        result.link["velocity"].astype(float), loss, tuple(dict.fromkeys(words + told.words)),
    )  # fmt: skip


class _Told(logging.Handler):
    """Keeps what wntr logs as a warning: EPANET's codes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


def _short(error: BaseException) -> str:
    """Return an error's words without the folder that EPANET worked in."""
    return re.sub(r"(?:[A-Za-z]:)?[\\/][^\s'\"]*[\\/]", "", str(error))


def _pressure_driven(model: Any, required_m: float) -> Simulation:
    options = model.options.hydraulic
    options.demand_model = "PDD"
    options.minimum_pressure, options.required_pressure = 0.0, required_m
    options.pressure_exponent = 0.5
    return _run(model)


def _mean_demand(model: Any, times: Any) -> pd.Series:
    """Mean demand (m³/s) over ``times`` (s) of every junction that wants water."""
    multiplier = float(model.options.hydraulic.demand_multiplier)
    found = {
        name: float(np.mean([node.demand_timeseries_list.at(int(t)) for t in times])) * multiplier
        for name, node in model.junctions()
    }
    series = pd.Series(found, dtype=float)
    return series[series > 0]


def _burst(model: Any, pipe: str, hole_m: float | None) -> str:
    """Open a hole in the middle of a pipe; returns the node where water leaves."""
    wntr = _wntr()
    diameter = float(model.get_link(pipe).diameter)
    hole = diameter if hole_m is None else float(hole_m)
    if not 0 < hole <= diameter:
        raise UsageError(
            Text(f"孔径应大于0且不超过管径{diameter:g} m",
                 f"the hole must be above 0 and at most the pipe's {diameter:g} m")
        )  # fmt: skip
    names = [_free("BURST", model.node_name_list), _free("BURST_P", model.link_name_list)]
    with _quiet():
        wntr.morph.split_pipe(model, pipe, names[1], names[0], return_copy=False)
    # orifice: Q = 0.75 A sqrt(2 g h); an emitter is Q = k sqrt(p)
    area = np.pi / 4.0 * hole**2
    model.options.hydraulic.emitter_exponent = 0.5
    model.get_node(names[0]).emitter_coefficient = 0.75 * area * np.sqrt(2.0 * 9.81)
    return names[0]


def _free(stem: str, taken: Any) -> str:
    used = set(taken)
    return (
        stem
        if stem not in used
        else next(n for i in range(10**6) if (n := f"{stem}{i}") not in used)
    )


def _cut_off(model: Any) -> set[str]:
    """Nodes without any way (open or closable) to a reservoir or tank."""
    near: dict[str, list[str]] = {name: [] for name in model.node_name_list}
    for _, link in model.links():
        if link.link_type == "Pipe" and str(link.initial_status) in ("Closed", "0"):
            continue
        near[link.start_node_name].append(link.end_node_name)
        near[link.end_node_name].append(link.start_node_name)
    # an inflow given as negative demand is no source of head
    reached = {*model.reservoir_name_list, *model.tank_name_list}
    stack = sorted(reached)
    while stack:
        for other in near[stack.pop()]:
            if other not in reached:
                reached.add(other)
                stack.append(other)
    return set(model.node_name_list) - reached


def _controls_of(model: Any, name: str) -> list[str]:
    return [
        key
        for key, control in model.controls()
        if any(getattr(part, "name", None) == name for part in control.requires())
    ]


def _remove_nodes(model: Any, names: set[str]) -> None:
    links = [
        key
        for key, link in model.links()
        if link.start_node_name in names or link.end_node_name in names
    ]
    for name in (*links, *sorted(names)):
        for control in _controls_of(model, name):
            model.remove_control(control)
    for key in links:
        model.remove_link(key)
    for name in sorted(names):
        model.remove_node(name)
