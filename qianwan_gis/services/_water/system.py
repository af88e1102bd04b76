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
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import DataError, Problem, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from qianwan_gis.services._water.breaks import BreakResult, Mode

#: EPANET allows identifiers of this many bytes.
ID_BYTES = 31


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
        return run(self.model)

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
        self, pipe: str, *, mode: Mode = "closed", hole_m: float | None = None,
        required_m: float = 10.0,
    ) -> BreakResult:  # fmt: skip
        """Find who loses water when a pipe fails.

        Parameters
        ----------
        pipe
            Link id of a pipe.
        mode
            ``closed``: shut off for repair. ``open``: it bursts and water runs out at its middle;
            ``leak``: a small hole there; everything else stays open in both.
        hole_m
            Diameter of the hole (m); when None that of the pipe for ``open``, 0.01 for ``leak``.
        required_m
            Pressure (m) at which a node takes its full demand. Below it the supply falls with the
            square root of the pressure (Wagner et al. 1988), down to nothing at 0.

        Notes
        -----
        The simulation is pressure-driven (EPANET 2.2). Nodes without any way to a source are taken
        out before it and get nothing. Full tanks overflow.
        """
        from qianwan_gis.services._water.breaks import break_pipe

        return break_pipe(self, pipe, mode=mode, hole_m=hole_m, required_m=required_m)

    def criticality(
        self, *, people: pd.Series | None = None, pipes: list[str] | None = None,
        mode: Mode = "closed", hole_m: float | None = None, required_m: float = 10.0,
    ) -> pd.DataFrame:  # fmt: skip
        """Break every pipe in turn and say who loses water, the worst pipe first.

        Parameters
        ----------
        people
            People by village code, for the column ``people``.
        pipes
            Link ids; every pipe when None.
        mode, hole_m, required_m
            As for `break_pipe`.

        Returns
        -------
        ``pipe``, ``system``, ``length_m``, ``diameter_mm``, ``nodes_lost`` (no water or cut off),
        ``nodes_reduced``, ``codes`` (villages that lose water, joined by ``;``), ``villages``,
        ``people``, ``short_m3d`` (water that is missing, mean of the simulation), ``verdict``
        (lost, reduced, nobody; unknown where EPANET cannot run it, with ``why``).
        """
        from qianwan_gis.services._water.breaks import criticality

        return criticality(
            self, people=people, pipes=pipes, mode=mode, hole_m=hole_m, required_m=required_m
        )


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


def run(model: Any) -> Simulation:
    """Run EPANET on a wntr model over its times; faults are `DataError`."""
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
            raise DataError(failed(Text(f"EPANET 无法计算该管网：{_short(error)}",
                                        f"EPANET cannot run this network: {_short(error)}"))
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


def failed(text: Text) -> Problem:
    """Return the problem of a network that EPANET cannot run."""
    fix = Text("检查水源、孤立节点、泵与阀的位置",
               "check sources, isolated nodes, and where pumps and valves are")  # fmt: skip
    return Problem("epanet_failed", "error", text, fix=fix)


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
