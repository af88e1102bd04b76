"""From road lines to a network: which lines join, where they are cut, what each piece costs.

The rules (DESIGN section 5):

* line ends within the tolerance of each other join; an end within it of another line cuts it;
* a crossing is a junction only where neither line is a bridge or tunnel and neither is a motorway
  or ramp;
* motorways join other roads only through ramps (class ``motorway_link``) that end on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.builders import line_arrays
from qianwan_gis.network.graph import RoadNetwork, Seconds
from qianwan_gis.network.topology import FloatArray, IntArray
from qianwan_gis.roads import CLASSES

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.standards import Standards

BoolArray = npt.NDArray[np.bool_]

_KEPT = (
    "road_id", "road_class", "name", "ref", "surface", "basis", "status", "bridge", "tunnel",
    "joins", "crosses_river",
)  # fmt: skip
_SAME_SPOT = 1e-6  # m: two cuts of one line this close are one


def from_roads(
    roads: gpd.GeoDataFrame,
    standards: Standards | None = None,
    modes: Sequence[str] = ("car", "walk"),
    *,
    planned: bool = False,
    tolerance_m: float | None = None,
    log: ProblemLog | None = None,
) -> RoadNetwork:
    """Make a network from a ROADS table.

    Parameters
    ----------
    roads
        ROADS rows (`schemas.ROADS`); optional ``maxspeed_kph`` caps the car, ``access`` closes.
    standards
        Speeds, tolerances and what presumed links cost; the carried ones when None.
    modes
        ``car``, or any mode with a speed ``access.<mode>.speed_kph`` (walk, ebike, …).
    planned
        Whether planned roads are part of it.
    tolerance_m
        Joining tolerance; by default by how the lines came to be (standards).
    log
        Gets notes on components and dead ends, and warnings.

    Returns
    -------
    RoadNetwork
        Edges in the order of the roads, in a projected CRS, with ``road_id``, ``road_class``,
        ``presumed`` and more as attributes. A presumed edge is longer than its straight line by
        the circuity of the standards.
    """
    from qianwan_gis.network import kernels
    from qianwan_gis.standards import Standards as Norms

    norms = standards if standards is not None else Norms.load()
    _check(roads)
    table = (
        roads if planned or "status" not in roads.columns else (roads[roads["status"] != "planned"])
    )
    if table.crs.is_geographic:
        box = table.total_bounds
        table = table.to_crs(datum.zone(float(box[0] + box[2]) / 2))
    table = table[~(table.geometry.isna() | table.geometry.is_empty)]
    table = table.explode(index_parts=False).reset_index(drop=True)
    lines = shapely.force_2d(table.geometry.to_numpy())
    kinds = _Kinds.of(table)
    tolerance = _tolerances(kinds, norms, tolerance_m)
    cut = node_lines(lines, kinds, tolerance)
    pointer, xy = line_arrays(lines, np.empty(0), np.empty(0), None, None, ProblemLog())
    ip, part = kernels.cut_lines(pointer, xy, cut.line, cut.low, cut.high)
    part[ip[:-1], 0], part[ip[:-1], 1] = cut.x[cut.u], cut.y[cut.u]
    part[ip[1:] - 1, 0], part[ip[1:] - 1, 1] = cut.x[cut.v], cut.y[cut.v]
    length = kernels.line_lengths(ip, part)
    keep = (cut.u != cut.v) | (length > _SAME_SPOT)
    if not keep.all():
        ip, part = kernels.cut_lines(
            ip, part, np.flatnonzero(keep).astype(np.int32), np.zeros(int(keep.sum())),
            np.ones(int(keep.sum())),
        )  # fmt: skip
        length = length[keep]
    u, v, line = cut.u[keep], cut.v[keep], cut.line[keep]
    attributes = pd.DataFrame(
        {name: table[name].array.take(line) for name in _KEPT if name in table.columns}
    )
    presumed = kinds.presumed[line]
    attributes["presumed"] = presumed
    metres = np.where(presumed, length * float(norms.value("roads.presumed.circuity")), length)
    seconds = edge_seconds(table.iloc[line], metres, kinds.take(line), norms, modes)
    net = RoadNetwork(
        crs=table.crs, node_ids=pd.RangeIndex(len(cut.x), name="node"), x=cut.x, y=cut.y, u=u, v=v,
        metres=metres, seconds=seconds, lines=(ip, part), attributes=attributes,
        snappable=~(kinds.motorway | kinds.ramp)[line],
        access_kph=float(norms.value("access.walk.speed_kph")),
        reach_m=float(norms.value("roads.topology.access_m")),
    )  # fmt: skip
    if log is not None:
        tell_structure(net, log)
    return net


def _check(roads: gpd.GeoDataFrame) -> None:
    """Raise on what makes the table unusable; all faults at once."""
    log = ProblemLog()
    if roads.crs is None:
        log.add("error", "no_crs", "道路图层没有坐标系", "the road layer has no CRS",
                fix=("先设置坐标系，如 set_crs", "set it first, e.g. with set_crs"))  # fmt: skip
    if "road_class" not in roads.columns:
        log.add("error", "missing_column", "缺少字段“road_class”", "column “road_class” is missing",
                field="road_class", fix=("用 read_roads 读入", "read the file with read_roads"))  # fmt: skip
    else:
        for word in sorted(set(roads["road_class"].dropna()) - set(CLASSES)):
            log.add("error", "unknown_class", f"不认识的道路等级“{word}”",
                    f"unknown road class “{word}”", field="road_class",
                    fix=(f"可用：{'、'.join(CLASSES)}", f"classes: {', '.join(CLASSES)}"))  # fmt: skip
    kinds = set(roads.geom_type.dropna()) - {"LineString", "MultiLineString"}
    if kinds:
        log.add("error", "wrong_geometry", f"道路几何应为线，却有{'、'.join(sorted(kinds))}",
                f"roads are lines, but there are: {', '.join(sorted(kinds))}",
                field="geometry")  # fmt: skip
    log.raise_errors()


@dataclass(frozen=True)
class _Kinds:
    """What each line is, as far as joining is concerned."""

    motorway: BoolArray
    ramp: BoolArray
    over: BoolArray  # bridge or tunnel
    presumed: BoolArray
    generalised: BoolArray

    @classmethod
    def of(cls, table: pd.DataFrame) -> _Kinds:
        n = len(table)

        def flag(name: str) -> BoolArray:
            if name not in table.columns:
                return np.zeros(n, np.bool_)
            return np.asarray(table[name].fillna(False), dtype=np.bool_)

        basis = (
            table["basis"].astype(str) if "basis" in table.columns else pd.Series("", table.index)
        )
        name = table["road_class"]
        return cls(
            (name == "motorway").to_numpy(), (name == "motorway_link").to_numpy(),
            flag("bridge") | flag("tunnel"), (basis == "presumed").to_numpy(),
            (basis == "generalised").to_numpy(),
        )  # fmt: skip

    def take(self, rows: IntArray) -> _Kinds:
        return _Kinds(*(getattr(self, f)[rows] for f in self.__dataclass_fields__))


def _tolerances(kinds: _Kinds, norms: Standards, given: float | None) -> FloatArray:
    if given is not None:
        if not given >= 0:
            raise UsageError(Text(f"容差不能是 {given}", f"a tolerance cannot be {given}"))
        return np.full(len(kinds.motorway), float(given))
    fine = float(norms.value("roads.topology.snap_m"))
    coarse = float(norms.value("roads.topology.snap_generalised_m"))
    return np.where(kinds.generalised, coarse, fine)


@dataclass(frozen=True)
class Noded:
    """Pieces of lines between nodes: line, fractions, node positions, and the nodes."""

    line: IntArray
    low: FloatArray
    high: FloatArray
    u: IntArray
    v: IntArray
    x: FloatArray
    y: FloatArray


def node_lines(lines: npt.NDArray[Any], kinds: _Kinds, tolerance: FloatArray) -> Noded:
    """Find all junctions and cut the lines there."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(lines)
    length = shapely.length(lines)
    first, last = shapely.get_point(lines, 0), shapely.get_point(lines, -1)
    ends = np.empty((2 * n, 2))
    ends[::2] = shapely.get_coordinates(first)
    ends[1::2] = shapely.get_coordinates(last)
    owner = np.repeat(np.arange(n), 2)
    same = [_joined_ends(ends, owner, kinds, tolerance)]
    # node numbers: 2 per line for its ends, then one per crossing
    cut_line, cut_at, cut_node = _touching_ends(lines, ends, owner, kinds, tolerance)
    cross_line, cross_at, cross_node, cross_xy = _crossings(lines, kinds, 2 * n)
    cut_line = np.r_[cut_line, cross_line]
    cut_at = np.r_[cut_at, cross_at]
    cut_node = np.r_[cut_node, cross_node]
    at_first = cut_at <= np.minimum(tolerance[cut_line], length[cut_line] / 2)
    at_last = ~at_first & (
        cut_at >= length[cut_line] - np.minimum(tolerance[cut_line], length[cut_line] / 2)
    )
    # a cut at a line's own end is no cut: the end itself is the junction
    for mask, shift in ((at_first, 0), (at_last, 1)):
        same.append(np.column_stack([cut_node[mask], 2 * cut_line[mask] + shift]))
    inner = ~(at_first | at_last)
    cut_line, cut_at, cut_node = cut_line[inner], cut_at[inner], cut_node[inner]
    order = np.lexsort((cut_node, cut_at, cut_line))
    cut_line, cut_at, cut_node = cut_line[order], cut_at[order], cut_node[order]
    close = (np.diff(cut_line) == 0) & (np.diff(cut_at) <= _SAME_SPOT)
    same.append(np.column_stack([cut_node[:-1][close], cut_node[1:][close]]))
    keep = np.r_[True, ~close] if len(cut_line) else np.empty(0, bool)
    cut_line, cut_at, cut_node = cut_line[keep], cut_at[keep], cut_node[keep]

    xy = np.concatenate([ends, cross_xy])
    pairs = np.concatenate(same).astype(np.int64)
    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (len(xy),) * 2)
    _, label = connected_components(graph, directed=False)
    _, where, number = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(where), np.int32)
    rank[np.argsort(where, kind="stable")] = np.arange(len(where), dtype=np.int32)
    node = rank[number.ravel()]
    position = np.sort(where)

    # every line: its start, its cuts, its end
    line = np.r_[np.arange(n), cut_line, np.arange(n)]
    at = np.r_[np.zeros(n), cut_at, length]
    who = np.r_[node[0 : 2 * n : 2], node[cut_node], node[1 : 2 * n : 2]]
    kind = np.r_[np.zeros(n), np.ones(len(cut_line)), np.full(n, 2.0)]
    order = np.lexsort((kind, at, line))
    line, at, who = line[order], at[order], who[order]
    piece = np.flatnonzero(line[1:] == line[:-1])
    total = np.maximum(length[line[piece]], 1e-300)
    low, high = at[piece] / total, at[piece + 1] / total
    last = np.ones(len(piece), bool)  # the piece at the end of its line
    last[:-1] = line[piece][1:] != line[piece][:-1]
    high[last] = 1.0
    return Noded(
        line[piece].astype(np.int32), low, high, who[piece].astype(np.int32),
        who[piece + 1].astype(np.int32), xy[position, 0].copy(), xy[position, 1].copy(),
    )  # fmt: skip


def _may_join(kinds: _Kinds, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> BoolArray:
    """Whether the ends of lines a and b may join: motorways meet ramps and motorways only."""
    ordinary_a = ~(kinds.motorway[a] | kinds.ramp[a])
    ordinary_b = ~(kinds.motorway[b] | kinds.ramp[b])
    apart = (kinds.motorway[a] & ordinary_b) | (kinds.motorway[b] & ordinary_a)
    return np.asarray(~apart, dtype=np.bool_)


def _joined_ends(
    ends: FloatArray, owner: npt.NDArray[Any], kinds: _Kinds, tolerance: FloatArray
) -> npt.NDArray[np.int64]:
    """Pairs of line ends within the tolerance of both their lines."""
    from scipy.spatial import cKDTree

    top = float(tolerance.max()) if len(tolerance) else 0.0
    pairs = cKDTree(ends).query_pairs(top, output_type="ndarray")
    a, b = owner[pairs[:, 0]], owner[pairs[:, 1]]
    gap = np.hypot(*(ends[pairs[:, 0]] - ends[pairs[:, 1]]).T)
    near = (gap <= np.maximum(tolerance[a], tolerance[b])) & _may_join(kinds, a, b)
    # the two ends of one short line stay apart unless they are one spot
    near &= (a != b) | (gap <= _SAME_SPOT)
    return np.asarray(pairs[near], dtype=np.int64)


def _touching_ends(
    lines: npt.NDArray[Any], ends: FloatArray, owner: npt.NDArray[Any], kinds: _Kinds,
    tolerance: FloatArray,
) -> tuple[npt.NDArray[Any], FloatArray, npt.NDArray[Any]]:  # fmt: skip
    """Ends that lie on another line: line cut, distance along it, node (the end)."""
    points = shapely.points(ends)
    end, line = shapely.STRtree(lines).query(points, "dwithin", distance=tolerance[owner])
    other = owner[end] != line
    end, line = end[other], line[other]
    a = owner[end]
    ordinary = ~(kinds.motorway | kinds.ramp)
    # onto a motorway only ramps (and motorways); onto a ramp's middle nobody but them
    allowed = np.where(kinds.motorway[line] | kinds.ramp[line], ~ordinary[a], ~kinds.motorway[a])
    allowed &= ~kinds.over[line]
    end, line = end[allowed], line[allowed]
    at = shapely.line_locate_point(lines[line], points[end])
    gap = shapely.distance(lines[line], points[end])
    # beyond exact contact an end joins the nearest line alone, or it would bridge parallel roads
    order = np.lexsort((line, gap, end))
    end, line, at, gap = end[order], line[order], at[order], gap[order]
    nearest = np.r_[True, end[1:] != end[:-1]] if len(end) else np.empty(0, bool)
    keep = nearest | (gap <= 1.0)
    return line[keep], at[keep], end[keep]


def _crossings(
    lines: npt.NDArray[Any], kinds: _Kinds, first: int
) -> tuple[npt.NDArray[Any], FloatArray, npt.NDArray[Any], FloatArray]:
    """Crossings of two lines, neither bridge nor tunnel nor motorway: cuts of both lines."""
    free = np.flatnonzero(~(kinds.over | kinds.motorway | kinds.ramp))
    a, b = shapely.STRtree(lines[free]).query(lines[free], "intersects")
    pair = a < b
    a, b = free[a[pair]], free[b[pair]]
    # two presumed lines that cross are two guesses, not a junction
    real = ~(kinds.presumed[a] & kinds.presumed[b])
    a, b = a[real], b[real]
    meet = shapely.intersection(lines[a], lines[b])
    spots, row = shapely.get_parts(meet, return_index=True)
    kind = shapely.get_type_id(spots)
    # a shared stretch: both its ends are junctions
    stretch = kind == 1
    points = np.r_[
        spots[kind == 0],
        shapely.get_point(spots[stretch], 0),
        shapely.get_point(spots[stretch], -1),
    ]
    row = np.r_[row[kind == 0], row[stretch], row[stretch]]
    xy = shapely.get_coordinates(points)
    node = first + np.arange(len(points))
    line = np.r_[a[row], b[row]]
    at = shapely.line_locate_point(lines[line], np.r_[points, points])
    return line, at, np.r_[node, node], xy


def edge_seconds(
    table: pd.DataFrame, metres: FloatArray, kinds: _Kinds, norms: Standards, modes: Sequence[str]
) -> dict[str, Seconds]:
    """Travel time of every edge by mode, from class speeds and limits; inf where not allowed."""
    if not modes:
        raise UsageError(Text("至少要有一种出行方式", "at least one mode is needed"))
    names = table["road_class"].to_numpy()
    oneway = (
        np.asarray(table["oneway"].fillna(False), dtype=np.bool_)
        if "oneway" in table.columns
        else np.zeros(len(table), np.bool_)
    )
    access = table["access"].astype(str).to_numpy() if "access" in table.columns else None
    out = {}
    for mode in modes:
        speed = np.full(len(table), np.nan)
        if mode == "car":
            for name, road_class in CLASSES.items():
                if road_class.speed is not None and (names == name).any():
                    speed[names == name] = float(norms.value(road_class.speed))
            if kinds.presumed.any():
                speed[kinds.presumed] = float(norms.value("roads.presumed.speed_kph"))
            if "maxspeed_kph" in table.columns:
                speed = np.fmin(speed, table["maxspeed_kph"].to_numpy(np.float64, na_value=np.nan),
                                where=~np.isnan(speed), out=speed)  # fmt: skip
            if access is not None:
                speed[np.isin(access, ["no", "private", "no_car"])] = np.nan
        else:
            kph = float(norms.value(f"access.{mode}.speed_kph"))
            for name, road_class in CLASSES.items():
                if road_class.walk:
                    speed[names == name] = kph
            if access is not None:
                speed[np.isin(access, ["no", "private"])] = np.nan
        ahead = np.where(np.isnan(speed), np.inf, metres / (speed / 3.6))
        # on foot a one-way street is walked both ways
        back = ahead if mode == "walk" or not oneway.any() else np.where(oneway, np.inf, ahead)
        out[mode] = Seconds(ahead, back)
    return out


def tell_structure(net: RoadNetwork, log: ProblemLog) -> None:
    """Record components and dead ends of the default mode in the log.

    Motorways without a recorded interchange stay out of village routing by rule; they are told
    apart, so that they do not look like breaks in the roads.
    """
    parts = net.components()
    parts = parts[parts["edges"] > 0]
    if len(parts) == 0:
        empty = ProblemLog()
        empty.add("error", "empty_network", "没有可通行的道路", "no road can be used")
        empty.raise_errors()
    if "road_class" in net.attributes.columns:
        motorway = net.attributes["road_class"].isin(["motorway", "motorway_link"]).to_numpy()
        own = pd.Series(motorway).groupby(net.node_component()[net.u]).all()
        apart = parts["component"].isin(own.index[own])
        if apart.any() and not apart.all():
            length = float(parts.loc[apart, "metres"].sum()) / 1000.0
            log.add(
                "note", "motorways_apart",
                f"高速公路{length:.0f} km没有互通记录，不与其他道路相接，不参与村庄路径",
                f"{length:.0f} km of motorway have no recorded interchange and take no part in routing",
            )  # fmt: skip
            parts = parts[~apart]
    ends = len(net.dead_ends())
    if len(parts) == 1:
        log.add(
            "note", "components", f"路网连成一体；断头{ends}处",
            f"the network is in one piece; {ends} dead ends",
        )  # fmt: skip
        return
    share = parts["metres"].iloc[0] / max(float(parts["metres"].sum()), 1e-9)
    log.add(
        "warning", "components",
        f"路网分为{len(parts)}个互不连通的部分，最大的占里程{share:.1%}；断头{ends}处",
        f"the network has {len(parts)} separate parts, the largest holds {share:.1%} of the length;"
        f" {ends} dead ends",
        fix=(
            "检查断开处的端点、桥隧标记和高速互通",
            "check line ends, bridge and tunnel flags and interchanges there",
        ),
    )  # fmt: skip
