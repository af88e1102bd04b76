"""Travel times over terrain: slope and bends of every edge, and what they do to each mode.

Heights are sampled along the edges at the raster's own cell width. A car slows with rise, fall and
bends (a published linear model, used as a ratio), a walker follows Tobler's function, an e-bike is
limited by its motor. Times differ by direction; `with_terrain` puts them onto the same network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.topology import FloatArray

if TYPE_CHECKING:
    from qianwan_gis.network.graph import RoadNetwork
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

#: Modes whose times depend on the terrain.
MODES = ("car", "walk", "ebike")

_GRAVITY = 9.81  # m/s²
_AIR = 1.2  # kg/m³
_GRADE_OF = {"motorway_link": "primary", "street": "tertiary", "path": "track"}
_CLASSES = ("motorway", "motorway_link", "trunk", "primary", "secondary", "tertiary", "street",
            "village", "track", "path")  # fmt: skip


def tobler_kph(slope: Any, standards: Standards | None = None) -> FloatArray:
    """Walking speed by Tobler's hiking function, km/h: ``6 exp(-3.5 |S + 0.05|)``.

    Parameters
    ----------
    slope
        Rise over run in the direction of travel (downhill negative), any shape.

    References
    ----------
    Tobler (1993), Three presentations on geographical analysis and modeling, NCGIA report 93-1.
    """
    norms = _norms(standards)
    most, decay, offset = (
        float(norms.value(f"access.tobler.{name}")) for name in ("max_kph", "decay", "offset")
    )
    return np.asarray(most * np.exp(-decay * np.abs(np.asarray(slope, np.float64) + offset)))


def car_factor(
    rise: Any, fall: Any, curvature: Any, standards: Standards | None = None
) -> FloatArray:
    """Share of its speed on a straight level road that a car keeps, at most 1.

    Parameters
    ----------
    rise, fall
        Metres up and down per kilometre in the direction of travel, both >= 0.
    curvature
        Sum of the turning angles, degrees per kilometre.

    References
    ----------
    TRRL Laboratory Report 672 (Hide et al., 1975): ``V = 102.6 - 0.372 RS - 0.076 F - 0.111 C`` for
    cars on paved roads. The ratio to ``V(0, 0, 0)`` reduces the speed of the road's class.
    """
    norms = _norms(standards)
    free, per_rise, per_fall, per_degree, bent, least = (
        float(norms.value(f"terrain.car.{name}"))
        for name in ("free_kph", "rise", "fall", "curvature", "most_curvature", "least_factor")
    )
    lost = per_rise * np.asarray(rise, np.float64) + per_fall * np.asarray(fall, np.float64)
    lost = lost + per_degree * np.minimum(np.asarray(curvature, np.float64), bent)
    return np.asarray(np.clip(1.0 - lost / free, least, 1.0))


def ebike_kph(slope: Any, standards: Standards | None = None) -> FloatArray:
    """Speed of an e-bike, km/h: the usual speed, or less where the motor's power is the limit.

    The power balance ``P = v (m g (sin a + c cos a)) + r A v³ / 2`` (Martin et al. 1998, J. Appl.
    Biomech. 14) is solved for v. Where it cannot be ridden it is pushed.
    """
    norms = _norms(standards)
    watts, share, mass, rolling, drag, push = (
        float(norms.value(f"terrain.ebike.{name}"))
        for name in ("power_w", "efficiency", "mass_kg", "rolling", "drag_area_m2", "push_kph")
    )
    usual = float(norms.value("access.ebike.speed_kph"))
    angle = np.arctan(np.asarray(slope, np.float64))
    force = mass * _GRAVITY * (np.sin(angle) + rolling * np.cos(angle))
    low, high = np.zeros(angle.shape), np.full(angle.shape, usual / 3.6)
    for _ in range(40):  # halving: the needed power grows with v wherever it is positive
        middle = (low + high) / 2.0
        enough = middle * force + 0.5 * _AIR * drag * middle**3 <= watts * share
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.asarray(np.maximum(high * 3.6, push))


@dataclass(frozen=True, eq=False)
class EdgeTerrain:
    """Slope and bends of every edge, in steps of about one cell of the raster.

    Attributes
    ----------
    edge
        Edge number of every step, ascending.
    metres
        Length of every step (m); the steps of an edge add up to its length.
    grade
        Rise over run of every step from u to v. One value for a whole bridge, tunnel or presumed
        link: the ground under it is not its own.
    curvature
        Degrees of turning per kilometre, per edge.
    known
        Per edge: whether there are heights. Without them an edge keeps its time.
    """

    edge: npt.NDArray[np.int64]
    metres: FloatArray
    grade: FloatArray
    curvature: FloatArray
    known: npt.NDArray[np.bool_]

    @cached_property
    def length(self) -> FloatArray:
        """Length of every edge (m)."""
        return self.sum(self.metres)

    def sum(self, steps: FloatArray) -> FloatArray:
        """Add up values of the steps by edge."""
        return np.asarray(np.bincount(self.edge, steps, minlength=len(self.known)), np.float64)

    def per_km(self, *, most: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Metres up and down per kilometre from u to v, per edge.

        Parameters
        ----------
        most
            Largest grade that each edge's road can have; steeper steps are noise of the raster.
        """
        grade = self.grade
        if most is not None:
            grade = np.clip(grade, -most[self.edge], most[self.edge])
        length = np.maximum(self.length, 1e-9)
        up = self.sum(np.maximum(grade, 0.0) * self.metres) / length * 1000.0
        down = self.sum(np.maximum(-grade, 0.0) * self.metres) / length * 1000.0
        return up, down


def edge_terrain(
    net: RoadNetwork,
    terrain: Terrain,
    *,
    step_m: float | None = None,
    log: ProblemLog | None = None,
) -> EdgeTerrain:
    """Sample heights along every edge.

    Parameters
    ----------
    net
        The network.
    terrain
        Elevation in any CRS.
    step_m
        Longest step between samples; the raster's cell when None.
    log
        Gets a warning with the number of edges without heights.

    Raises
    ------
    UsageError
        A step that is not positive.
    """
    import geopandas as gpd

    step = terrain.cell_m if step_m is None else float(step_m)
    if not step > 0:
        raise UsageError(Text(f"步长须为正数，给出的是{step}", f"step_m must be positive: {step}"))
    work = net.working
    count = len(net.u)
    lines = shapely.from_ragged_array(
        shapely.GeometryType.LINESTRING, np.ascontiguousarray(work.xy), (work.pointer,)
    )
    length = shapely.length(lines)
    whole = _flag(net, "bridge") | _flag(net, "tunnel") | net.presumed
    steps = np.where(whole, 1, np.maximum(1, np.ceil(length / step))).astype(np.int64)
    edge = np.repeat(np.arange(count), steps)
    first = np.cumsum(steps) - steps
    # sample k of an edge lies at the share k / steps; the last one at its end
    owner = np.repeat(np.arange(count), steps + 1)
    number = np.arange(len(owner)) - np.repeat(first + np.arange(count), steps + 1)
    share = number / steps[owner]
    spots = shapely.line_interpolate_point(lines[owner], share, normalized=True)
    heights = terrain.sample(gpd.GeoSeries(spots, crs=work.crs), missing="nan").to_numpy()
    rise = np.diff(heights)[owner[1:] == owner[:-1]]
    run = net.metres[edge] / steps[edge]
    # An edge without length climbs nothing.
    grade = np.divide(rise, run, out=np.zeros(len(rise)), where=run > 0)
    known = np.bincount(edge, np.isnan(grade), minlength=count) == 0
    if log is not None and not known.all():
        lost = int((~known).sum())
        log.add(
            "warning", "no_elevation",
            f"{lost}条路段（共{count}条）没有高程，按无坡度计",
            f"{lost} of {count} road pieces have no heights and keep their times",
            fix=("补充高程范围", "extend the elevation raster"),
        )  # fmt: skip
    grade = np.where(known[edge], grade, 0.0)
    return EdgeTerrain(edge, run, grade, _curvature(work.pointer, work.xy, length), known)


def _curvature(pointer: npt.NDArray[np.int64], xy: FloatArray, length: FloatArray) -> FloatArray:
    """Degrees of turning per kilometre of every line."""
    count = len(pointer) - 1
    owner = np.repeat(np.arange(count), np.diff(pointer))
    way = np.diff(xy, axis=0)
    same = owner[1:] == owner[:-1]
    heading = np.arctan2(way[:, 1], way[:, 0])
    real = same & (np.hypot(way[:, 0], way[:, 1]) > 0)  # a doubled vertex has no heading
    heading, of = heading[real], owner[1:][real]
    turn = np.abs((np.diff(heading) + np.pi) % (2.0 * np.pi) - np.pi)
    inner = of[1:] == of[:-1]
    total = np.bincount(of[1:][inner], turn[inner], minlength=count)
    return np.degrees(total) / np.maximum(length / 1000.0, 1e-9) * (length > 0)


def seconds(
    net: RoadNetwork,
    terrain: Terrain | EdgeTerrain,
    mode: str,
    *,
    standards: Standards | None = None,
    to_norm: bool = False,
    log: ProblemLog | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Travel time of every edge over terrain, from u to v and from v to u.

    Parameters
    ----------
    net
        The network; a car keeps the speeds that it has there, reduced by slope and bends.
    terrain
        Elevation, or what `edge_terrain` made of it (shared between modes).
    mode
        ``car``, ``walk`` or ``ebike``; must be a mode of the network.
    to_norm
        On foot: scale Tobler's function so that level ground is walked at the norm's speed
        (``access.walk.speed_kph``) instead of Tobler's own 5.04 km/h.
    log
        Gets the number of edges without heights, which keep the times that they have.

    Returns
    -------
    forward, backward
        Seconds, inf where the mode may not go; for `RoadNetwork.with_weights`.
    """
    if mode not in MODES:
        there = ", ".join(MODES)
        raise UsageError(
            Text(f"地形速度只有 {there}，没有“{mode}”", f"no terrain speeds for “{mode}”: {there}")
        )
    name = net.mode_name(mode)
    norms = _norms(standards)
    shape = terrain if isinstance(terrain, EdgeTerrain) else edge_terrain(net, terrain, log=log)
    flat = net.seconds[name]
    if mode == "car":
        up, down = shape.per_km(most=_largest_grades(net, norms))
        ahead = flat.forward / car_factor(up, down, shape.curvature, norms)
        back = flat.backward / car_factor(down, up, shape.curvature, norms)
    else:
        grade = shape.grade
        if mode == "ebike":
            limit = _largest_grades(net, norms)[shape.edge]
            grade = np.clip(grade, -limit, limit)
            speeds = ebike_kph(grade, norms), ebike_kph(-grade, norms)
        else:
            speeds = tobler_kph(grade, norms), tobler_kph(-grade, norms)
            if to_norm:
                level = float(tobler_kph(0.0, norms))
                scale = float(norms.value("access.walk.speed_kph")) / level
                speeds = speeds[0] * scale, speeds[1] * scale
        ahead, back = (shape.sum(shape.metres / (kph / 3.6)) for kph in speeds)
    ahead = np.where(shape.known & np.isfinite(flat.forward), ahead, flat.forward)
    back = np.where(shape.known & np.isfinite(flat.backward), back, flat.backward)
    return ahead, back


def with_terrain(
    net: RoadNetwork,
    terrain: Terrain,
    modes: Sequence[str] | None = None,
    *,
    standards: Standards | None = None,
    to_norm: bool = False,
    log: ProblemLog | None = None,
) -> RoadNetwork:
    """Return the network with travel times over terrain; parameters as for `seconds`.

    Parameters
    ----------
    modes
        Modes to change; all of the network's that depend on terrain when None.
    """
    shape = edge_terrain(net, terrain, log=log)
    out = net
    for mode in modes if modes is not None else [m for m in net.modes if m in MODES]:
        ahead, back = seconds(net, shape, mode, standards=standards, to_norm=to_norm)
        out = out.with_weights(ahead, backward=back, mode=mode)
    return out


def _largest_grades(net: RoadNetwork, norms: Standards) -> FloatArray:
    """Largest grade (rise over run) that the class of every edge allows; inf where unknown."""
    out = np.full(len(net.u), np.inf)
    if "road_class" in net.attributes.columns:
        names = net.attributes["road_class"].to_numpy()
        for name in _CLASSES:
            if (names == name).any():
                key = f"terrain.grade.{_GRADE_OF.get(name, name)}_pct"
                out[names == name] = float(norms.value(key)) / 100.0
    return out


def _flag(net: RoadNetwork, name: str) -> npt.NDArray[np.bool_]:
    if name not in net.attributes.columns:
        return np.zeros(len(net.u), np.bool_)
    return np.asarray(net.attributes[name].fillna(False), dtype=np.bool_)


def _norms(standards: Standards | None) -> Standards:
    from qianwan_gis.standards import Standards as Norms

    return standards if standards is not None else Norms.load()
