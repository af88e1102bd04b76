"""An existing network from GIS lines: gaps closed and named, bends kept, heights from the terrain."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
import shapely.ops

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.services._water.breaks import cut_off, remove_nodes
from qianwan_gis.services._water.demand import pattern
from qianwan_gis.services._water.hydraulics import SECONDS_PER_DAY, Rules
from qianwan_gis.services._water.system import WaterSystem, _wntr

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

_SAME = 1e-6  # metres; ends closer than this are one place and nothing was joined
_JOINED = ["kind", "line", "other", "gap_m", "x", "y"]


def from_lines(
    lines: gpd.GeoDataFrame,
    *,
    sources: gpd.GeoDataFrame,
    standards: Standards,
    terrain: Terrain | None = None,
    demands: gpd.GeoDataFrame | None = None,
    tolerance: float = 1.0,
    reach: float | None = None,
    diameter: str = "diameter_mm",
    level_m: float = 0.0,
) -> WaterSystem:
    """Make a network of pipe lines as they come from a drawing or a GIS.

    Parameters
    ----------
    lines
        Pipes in a projected CRS (m); column ``diameter`` in mm. Lines that cross without an end
        there are not joined: pipes may pass one above the other.
    sources
        Points; ``head_m`` (water level, m) where known, else the ground plus ``level_m``.
    terrain
        Heights of the junctions. Without it lines need z coordinates (m).
    demands
        Points with ``code`` and ``demand_m3d`` (peak day); each draws water at the nearest place
        of a pipe within ``reach``.
    tolerance
        Largest gap (m) that is closed: an end to an end first, then an end to a pipe.
    reach
        Metres from a source or demand to a pipe; ``water.village.offtake_m`` when None.
    level_m
        Water level above ground of a source without ``head_m``.

    Returns
    -------
    WaterSystem with ``joined`` (each gap closed: both lines, gap, place) and ``problems`` (parts
    without a source, villages beyond reach).

    Raises
    ------
    DataError
        No projected CRS, empty or wrong geometry, diameters that are not positive, no height, no
        source near a pipe, demands that are negative: all at once.
    """
    if not tolerance >= 0:
        raise UsageError(Text(f"容差不能为负：{tolerance}", f"tolerance is negative: {tolerance}"))
    rules = Rules.read(standards)
    reach = rules["village.offtake_m"] if reach is None else reach
    log = ProblemLog()
    _check(lines, sources, demands, diameter, log)
    log.raise_errors()
    crs = lines.crs
    drawn, heights = _parts(lines)
    geometry = [g for g, _, _ in drawn]
    ends = np.array([[g.coords[0], g.coords[-1]] for g in geometry]).reshape(-1, 2)
    node_of, joined, cuts = _close_gaps(geometry, [n for _, n, _ in drawn], ends, tolerance)
    taken = [_attach(points, crs, geometry, reach, cuts) for points in (sources, demands)]
    _tell_far(sources, taken[0], reach, "source", log)
    _tell_far(demands, taken[1], reach, "demand", log)
    if not any(spot is not None for spot in taken[0]):
        log.add("error", "no_source", "没有任何水源在管线附近", "no source lies near a pipe",
                fix=("补充水源点或加大 reach", "add source points or raise reach"))  # fmt: skip
    log.raise_errors()
    pieces, xy, spot_node = _split(geometry, cuts, node_of, ends)
    z = _heights(xy, crs, terrain, heights, log)
    log.raise_errors()

    wntr = _wntr()
    model = wntr.network.WaterNetworkModel()
    model.options.hydraulic.inpfile_units = "LPS"
    model.options.hydraulic.headloss = "H-W"
    model.options.time.duration = 24 * 3600
    model.add_pattern("DAY", pattern(rules))
    labels: dict[str, dict[str, Any]] = {}
    wanted = dict.fromkeys(range(len(xy)), 0.0)
    codes: dict[int, list[str]] = {}
    for row, spot in enumerate(taken[1]):
        if spot is not None:
            node = spot_node[spot]
            wanted[node] += float(demands["demand_m3d"].iloc[row])  # type: ignore[index]
            codes.setdefault(node, []).append(str(demands["code"].iloc[row]))  # type: ignore[index]
    for i in range(len(xy)):
        model.add_junction(
            f"N{i + 1}", base_demand=wanted[i] / SECONDS_PER_DAY, demand_pattern="DAY",
            elevation=float(z[i]), coordinates=(float(xy[i, 0]), float(xy[i, 1])),
        )  # fmt: skip
        if i in codes:
            labels[f"N{i + 1}"] = {"code": ";".join(codes[i]), "kind": "demand"}
    for number, (a, b, piece, line) in enumerate(pieces):
        model.add_pipe(
            f"P{number + 1}", f"N{a + 1}", f"N{b + 1}", length=max(float(piece.length), 0.01),
            diameter=float(lines[diameter].iloc[line]) / 1000.0, roughness=rules.roughness,
        )  # fmt: skip
        model.get_link(f"P{number + 1}").vertices = [tuple(c[:2]) for c in piece.coords[1:-1]]
    for row, spot in enumerate(taken[0]):
        if spot is None:
            continue
        node = spot_node[spot]
        given = sources["head_m"].iloc[row] if "head_m" in sources else np.nan
        head = float(given) if pd.notna(given) else float(z[node]) + level_m
        name = f"R{row + 1}"
        place = shapely.get_coordinates(sources.geometry.to_crs(crs).iloc[row])[0]
        model.add_reservoir(name, base_head=head, coordinates=tuple(map(float, place)))
        # a short wide pipe: the source's own connection is not part of the drawing
        model.add_pipe(f"C{row + 1}", name, f"N{node + 1}", length=0.01, diameter=1.0,
                       roughness=rules.roughness)  # fmt: skip
        labels[name] = {"code": str(sources.index[row]), "kind": "source"}
    _tell_parts(model, labels, log)
    table = pd.DataFrame.from_dict(labels, orient="index", columns=["code", "kind"])
    return WaterSystem(model, table, crs, joined, log.problems)


def _check(
    lines: gpd.GeoDataFrame, sources: gpd.GeoDataFrame, demands: gpd.GeoDataFrame | None,
    diameter: str, log: ProblemLog,
) -> None:  # fmt: skip
    for name, table in (("lines", lines), ("sources", sources), ("demands", demands)):
        if table is None:
            continue
        if table.crs is None or (name == "lines" and not table.crs.is_projected):
            log.add("error", "no_crs", "须有平面坐标系（米）", "needs a projected CRS in metres",
                    file=name, fix=("先 set_crs / to_crs", "call set_crs or to_crs first"))  # fmt: skip
        for row in table.index[(table.geometry.isna() | table.geometry.is_empty).to_numpy()]:
            log.add("error", "empty_geometry", "几何为空", "geometry is empty",
                    file=name, row=str(row))  # fmt: skip
    if not len(lines):
        log.add("error", "empty_layer", "没有任何管线", "there is no line", file="lines")
    kinds = lines.geometry.dropna().geom_type
    for row in kinds.index[~kinds.isin(["LineString", "MultiLineString"])]:
        log.add("error", "not_a_line", f"几何类型为{kinds[row]}，应为线",
                f"geometry is a {kinds[row]}, not a line", file="lines", row=str(row))  # fmt: skip
    if diameter not in lines:
        log.add("error", "missing_column", f"缺少管径字段“{diameter}”",
                f"column “{diameter}” (mm) is missing", file="lines", field=diameter)  # fmt: skip
    else:
        values = pd.to_numeric(lines[diameter], errors="coerce")
        for row in lines.index[~(values > 0).to_numpy()]:
            log.add("error", "bad_diameter", f"管径“{lines[diameter][row]}”不是正数",
                    f"diameter “{lines[diameter][row]}” is not positive", file="lines",
                    row=str(row), field=diameter)  # fmt: skip
    if demands is not None:
        for column in ("code", "demand_m3d"):
            if column not in demands:
                log.add("error", "missing_column", f"缺少字段“{column}”",
                        f"column “{column}” is missing", file="demands", field=column)  # fmt: skip
        if "demand_m3d" in demands:
            values = pd.to_numeric(demands["demand_m3d"], errors="coerce")
            for row in demands.index[~(values >= 0).to_numpy()]:
                log.add("error", "bad_demand", "需水量不是非负数", "demand is not a number >= 0",
                        file="demands", row=str(row), field="demand_m3d")  # fmt: skip


def _parts(lines: gpd.GeoDataFrame) -> tuple[list[tuple[Any, Any, int]], dict[Any, float]]:
    """Split multi-part lines; returns (plane line, label, row) and heights of vertices that have z."""
    parts: list[tuple[Any, Any, int]] = []
    heights: dict[Any, float] = {}
    for row, (label, shape) in enumerate(zip(lines.index, lines.geometry, strict=True)):
        for part in shapely.get_parts(shape):
            if part.length <= 0:
                continue
            if part.has_z:
                for x, y, z in part.coords:
                    heights.setdefault((round(x, 3), round(y, 3)), z)
            parts.append((shapely.force_2d(part), label, row))
    return parts, heights


def _close_gaps(
    geometry: list[Any], labels: list[Any], ends: np.ndarray, tolerance: float
) -> tuple[np.ndarray, pd.DataFrame, dict[int, list[tuple[float, Any]]]]:
    """Join ends to ends and to pipes.

    Returns the cluster of every end, what was joined, and by line the places (metres along, key)
    where it must be cut.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    n = len(ends)
    pairs = KDTree(ends).query_pairs(max(tolerance, _SAME), output_type="ndarray")
    gap = np.hypot(*(ends[pairs[:, 0]] - ends[pairs[:, 1]]).T) if len(pairs) else np.empty(0)
    # the two ends of one short line are not a gap
    real = pairs[:, 0] // 2 != pairs[:, 1] // 2 if len(pairs) else np.empty(0, bool)
    pairs, gap = pairs[real], gap[real]
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, cluster = connected_components(graph, directed=False)
    rows = []
    closed = np.flatnonzero(gap > _SAME)
    told: set[tuple[int, int]] = set()
    for k in closed[np.argsort(gap[closed], kind="stable")]:
        a, b = sorted(pairs[k].tolist())
        if (a, b) not in told:
            told.add((a, b))
            x, y = ends[a]
            rows.append(("ends", labels[a // 2], labels[b // 2], float(gap[k]), x, y))
    cuts: dict[int, list[tuple[float, Any]]] = {}
    tree = shapely.STRtree(geometry)
    spots = shapely.points(ends)
    size = np.bincount(cluster)
    for end, line in tree.query(spots, predicate="dwithin", distance=max(tolerance, _SAME)).T:
        if line == end // 2 or (size[cluster[end]] > 1 and _at_end(cluster, end, line)):
            continue
        along = float(shapely.line_locate_point(geometry[line], spots[end]))
        if along <= max(tolerance, _SAME) or along >= geometry[line].length - max(tolerance, _SAME):
            continue
        away = float(shapely.distance(geometry[line], spots[end]))
        cuts.setdefault(int(line), []).append((along, ("end", int(cluster[end]))))
        if away > _SAME:
            x, y = ends[end]
            rows.append(("end_to_pipe", labels[end // 2], labels[line], away, x, y))
    return cluster, pd.DataFrame(rows, columns=_JOINED), cuts


def _at_end(cluster: np.ndarray, end: int, line: int) -> bool:
    return bool(cluster[end] in (cluster[2 * line], cluster[2 * line + 1]))


def _attach(
    points: gpd.GeoDataFrame | None, crs: Any, geometry: list[Any], reach: float,
    cuts: dict[int, list[tuple[float, Any]]],
) -> list[Any]:  # fmt: skip
    """Cut pipes where points join them; returns each point's key, None beyond reach."""
    if points is None or not len(points):
        return []
    spots = points.geometry.to_crs(crs).to_numpy()
    tree = shapely.STRtree(geometry)
    found: list[Any] = []
    for spot in spots:
        line = int(tree.nearest(spot))
        if float(shapely.distance(geometry[line], spot)) > reach:
            found.append(None)
            continue
        along = float(shapely.line_locate_point(geometry[line], spot))
        key = ("spot", line, round(along, 3))
        cuts.setdefault(line, []).append((along, key))
        found.append(key)
    return found


def _split(
    geometry: list[Any], cuts: dict[int, list[tuple[float, Any]]], cluster: np.ndarray,
    ends: np.ndarray,
) -> tuple[list[tuple[int, int, Any, int]], np.ndarray, dict[Any, int]]:  # fmt: skip
    """Cut lines; returns pieces (from, to, geometry, row), node coordinates, node by key."""
    number: dict[Any, int] = {}
    xy: list[tuple[float, float]] = []
    for i in range(len(ends)):
        if ("end", int(cluster[i])) not in number:
            number["end", int(cluster[i])] = len(xy)
            xy.append((float(ends[i][0]), float(ends[i][1])))
    pieces = []
    for line, shape in enumerate(geometry):
        first, last = (number["end", int(cluster[2 * line + k])] for k in (0, 1))
        total = float(shape.length)
        stops: list[tuple[float, int]] = [(0.0, first)]
        for along, key in sorted(cuts.get(line, []), key=lambda c: (c[0], str(c[1]))):
            if key in number and key[0] == "end":
                stops.append((along, number[key]))
            elif along <= _SAME or along >= total - _SAME:
                number[key] = first if along <= _SAME else last
            elif along - stops[-1][0] <= _SAME:
                number[key] = stops[-1][1]
            else:
                place = shapely.line_interpolate_point(shape, along)
                number[key] = len(xy)
                xy.append((float(place.x), float(place.y)))
                stops.append((along, number[key]))
        stops.append((total, last))
        for (low, a), (high, b) in itertools.pairwise(stops):
            if a != b:
                pieces.append((a, b, shapely.ops.substring(shape, low, high), line))
    return pieces, np.array(xy), number


def _heights(
    xy: np.ndarray, crs: Any, terrain: Terrain | None, known: dict[Any, float], log: ProblemLog
) -> np.ndarray:
    import geopandas as gpd

    if terrain is not None:
        return np.asarray(terrain.sample(gpd.GeoSeries(shapely.points(xy), crs=crs)))
    z = np.array([known.get((round(x, 3), round(y, 3)), np.nan) for x, y in xy.tolist()])
    for i in np.flatnonzero(np.isnan(z)):
        log.add("error", "no_elevation",
                f"({xy[i, 0]:.1f}, {xy[i, 1]:.1f}) 没有高程", f"({xy[i, 0]:.1f}, {xy[i, 1]:.1f}) has no height",
                file="lines", fix=("提供地形（DEM），或给管线每个端点以 z 值",
                                   "give a terrain, or z values at the ends of lines"))  # fmt: skip
    return z


def _tell_far(
    points: gpd.GeoDataFrame | None, taken: list[Any], reach: float, kind: str, log: ProblemLog
) -> None:
    if points is None:
        return
    zh = {"source": "水源", "demand": "用水点"}[kind]
    names = points["code"].astype(str) if "code" in points else points.index.astype(str)
    for name, spot in zip(names, taken, strict=True):
        if spot is None:
            log.add("warning", f"{kind}_far", f"{zh} {name} 距管线超过 {reach:g} m，未接入",
                    f"{kind} {name} is more than {reach:g} m from any pipe and was left out",
                    row=name)  # fmt: skip


def _tell_parts(model: Any, labels: dict[str, dict[str, Any]], log: ProblemLog) -> None:
    """Name and take out the parts that no source reaches: EPANET cannot compute them."""
    dry = cut_off(model)
    if not dry:
        return
    inside = [(key, link) for key, link in model.links() if link.start_node_name in dry]
    metres = sum(float(link.length) for _, link in inside)
    codes = sorted(labels[n]["code"] for n in dry if n in labels)
    log.add("warning", "no_source_part",
            f"{len(inside)}段管线（{metres:.0f} m）与任何水源不连通，未计算；涉及：{'、'.join(codes) or '无用水点'}",
            f"{len(inside)} pipes ({metres:.0f} m) have no way to a source and were left out; "
            f"villages: {', '.join(codes) or 'none'}",
            fix=("加大容差或补画缺失的管段", "raise the tolerance or draw the missing pipe"))  # fmt: skip
    remove_nodes(model, dry)
    for name in dry:
        labels.pop(name, None)
