"""From a table of segments to the ordered, oriented parts of a corridor."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from qianwan_gis import datum
from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis.chainage import Chainage

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Join = Literal["start", "continuous", "long", "short", "gap"]

_SCALE = 0.005  # a CRS that stretches lengths by more is told; 3-degree zones stay under 0.1 %
SAME_CHAINAGE = 0.01  # m; stakes closer than this are one stake
COLUMN_NAMES = {
    "branch": ("branch", "线别", "支线", "线路", "主支线"),
    "seq": ("seq", "order", "sequence", "序号", "顺序"),
    "start": (
        "start",
        "start_chainage",
        "chainage_start",
        "start_m",
        "from_chainage",
        "起点桩号",
        "起桩号",
        "起始桩号",
    ),
    "end": (
        "end",
        "end_chainage",
        "chainage_end",
        "end_m",
        "to_chainage",
        "终点桩号",
        "止点桩号",
        "止桩号",
        "讫点桩号",
        "终止桩号",
    ),
    "length_m": ("length_m", "published_m", "长度_m", "长度（米）", "长度(米)"),
    "length_km": ("length_km", "published_km", "长度_km", "长度（公里）", "里程", "里程（公里）"),
    "name": ("name", "名称", "路段", "路段名称"),
    "basis": ("basis", "来源性质"),
}


@dataclass(frozen=True)
class Part:
    """One unbroken line of a branch over which chainage runs steadily.

    Attributes
    ----------
    coords, along
        Vertices in the direction of travel, and metres from the part's start to each.
    marks, counts
        Known places: metres from the part's start, and the chainage there (both rising).
    run
        Number of the connected piece within the branch, from 1: it changes at every gap.
    join
        How the part follows the one before: ``long`` (长链: chainage drops back), ``short``
        (短链: chainage jumps ahead), ``gap`` (the drawn line is interrupted) or ``continuous``.
    travelled
        Metres of drawn line in the branch before this part.
    row
        Number of the table's row, from 1, that it comes from.
    stated
        Which stakes of that row are given, not computed: its start, its end.
    """

    branch: str
    coords: Floats
    along: Floats
    marks: Floats
    counts: Floats
    prefix: str = ""
    name: str = ""
    row: int = 0
    published_m: float = np.nan
    stated: tuple[bool, bool] = (False, False)
    run: int = 1
    join: Join = "start"
    gap_m: float = 0.0
    travelled: float = 0.0

    @property
    def length(self) -> float:
        return float(self.along[-1])

    @property
    def start(self) -> float:
        return float(self.counts[0])

    @property
    def end(self) -> float:
        return float(self.counts[-1])

    def chainage_at(self, metres: Floats | float) -> Any:
        """Chainage at a distance from the part's start."""
        return np.interp(metres, self.marks, self.counts)

    def metres_at(self, chainage: Floats | float) -> Any:
        """Distance from the part's start at which a chainage lies."""
        return np.interp(chainage, self.counts, self.marks)

    def place(self, metres: float) -> Floats:
        """Coordinates at a distance from the part's start."""
        return np.array([np.interp(metres, self.along, self.coords[:, k]) for k in range(2)])

    def stretch(self, start: float, end: float) -> Floats:
        """Vertices between two distances, both included."""
        inside = (self.along > start + 1e-9) & (self.along < end - 1e-9)
        return np.vstack([self.place(start), self.coords[inside], self.place(end)])


def column(table: pd.DataFrame, ours: str) -> str | None:
    """Return the table's own name for one of our columns."""
    return next((name for name in COLUMN_NAMES[ours] if name in table.columns), None)


def projected(table: gpd.GeoDataFrame, log: ProblemLog, file: str) -> gpd.GeoDataFrame:
    """Bring segments into projected metres: as they are, or into their CGCS2000 zone."""
    if table.crs is None:
        log.add(
            "error",
            "no_crs",
            "廊带线没有坐标系",
            "the corridor has no CRS",
            file=file,
            fix=("写入坐标系（如 EPSG:4490）后再读", "set one, such as EPSG:4490"),
        )
        return table
    if table.crs.is_projected:
        unit = table.crs.axis_info[0].unit_conversion_factor
        if abs(unit - 1.0) > 1e-9:
            log.add("error", "not_metres", "廊带线坐标系的单位不是米",
                    "the corridor's CRS is not in metres", file=file)  # fmt: skip
        else:
            _check_scale(table, log, file)
        return table
    bounds = table.total_bounds
    if not np.isfinite(bounds).all():  # no line at all: what is missing is told row by row
        return table
    return table.to_crs(datum.zone(float((bounds[0] + bounds[2]) / 2.0)))


def _check_scale(table: gpd.GeoDataFrame, log: ProblemLog, file: str) -> None:
    """Say so where a metre of the CRS is none on the ground, as in web maps' Mercator."""
    import pyproj

    lines = table.geometry[table.geometry.notna() & ~table.geometry.is_empty]
    if lines.empty or not np.isfinite(lines.total_bounds).all():
        return
    middle = lines.iloc[[0]].representative_point().to_crs(table.crs.geodetic_crs)
    lon, lat = float(middle.x.iloc[0]), float(middle.y.iloc[0])
    if not (abs(lon) <= 180.0 and abs(lat) <= 90.0):  # nowhere on Earth; synthetic coordinates
        return
    scale = float(pyproj.Proj(table.crs).get_factors(lon, lat).meridional_scale)
    if abs(scale - 1.0) > _SCALE:
        log.add(
            "warning",
            "stretched_crs",
            f"廊带线坐标系（{table.crs.name}）在本地把长度放大为{scale:.3f}倍，里程和距离都不真实",
            f"the corridor's CRS ({table.crs.name}) stretches lengths here by {scale:.3f}: chainage "
            "and distances are not true",
            file=file,
            fix=("先转到本县的 CGCS2000 三度带", "bring it into the county's CGCS2000 zone first"),
        )


def make_parts(
    table: gpd.GeoDataFrame,
    *,
    tolerance: float,
    gap: Literal["length", "straight"],
    log: ProblemLog,
    file: str,
) -> list[Part]:
    """Order, orient and measure all segments; faults go to ``log`` and give no parts."""
    segments = _read_segments(table, log, file)
    if log.errors:
        return []
    parts: list[Part] = []
    for branch in dict.fromkeys(s.branch for s in segments):
        mine = [s for s in segments if s.branch == branch]
        lines = (
            _in_given_order(mine, tolerance, log, file)
            if any(s.ordered for s in mine)
            else _in_drawn_order(mine, tolerance, log, file)
        )
        parts += _measured(lines, tolerance, gap, log, file)
    main = [p for p in parts if "主" in p.branch]
    return main + [p for p in parts if "主" not in p.branch]


@dataclass(frozen=True)
class _Segment:
    """One row of the table: lines in drawn direction and what is stated of them."""

    row: int
    branch: str
    lines: tuple[Floats, ...]
    position: float  # rank from seq or start chainage; NaN when neither is given
    start: float
    end: float
    prefix: str
    name: str
    published_m: float

    @property
    def ordered(self) -> bool:
        return not np.isnan(self.position)


def _read_segments(table: gpd.GeoDataFrame, log: ProblemLog, file: str) -> list[_Segment]:
    names = {ours: column(table, ours) for ours in COLUMN_NAMES}
    if names["branch"] is None:
        log.add(
            "error",
            "missing_column",
            "缺少字段“branch”（主线、支线）",
            "column “branch” (main line, branches) is missing",
            file=file,
            field="branch",
            fix=("加一列 branch，主线填“主线”", "add a column branch; 主线 for the main line"),
        )
        return []
    segments = []
    for number, (_, row) in enumerate(table.iterrows(), start=1):
        branch = "" if pd.isna(row[names["branch"]]) else str(row[names["branch"]]).strip()
        if not branch:
            log.add("error", "null_value", "没有写明主线或支线", "branch is empty",
                    file=file, row=number, field=names["branch"])  # fmt: skip
        lines = _lines(row[table.geometry.name], number, log, file)
        start, prefix = _stake(row, names["start"], number, log, file)
        end, _ = _stake(row, names["end"], number, log, file)
        seq = _number(row, names["seq"], number, log, file)
        metres = _number(row, names["length_m"], number, log, file)
        kilometres = _number(row, names["length_km"], number, log, file)
        published = metres if not np.isnan(metres) else kilometres * 1000.0
        if not np.isnan(start) and not np.isnan(end):
            if start == end:
                log.add("error", "no_length", f"起讫桩号相同（{Chainage(start)}）",
                        f"start and end are the same chainage ({Chainage(start)})",
                        file=file, row=number)  # fmt: skip
            if start > end:  # drawn against the direction of the stakes
                start, end, lines = end, start, tuple(line[::-1] for line in lines[::-1])
        elif not np.isnan(end):
            start = end - sum(_lengths(line)[-1] for line in lines)
        segments.append(
            _Segment(
                row=number,
                branch=branch,
                lines=lines,
                position=seq if not np.isnan(seq) else start,
                start=start,
                end=end,
                prefix=prefix,
                name=""
                if names["name"] is None or pd.isna(row[names["name"]])
                else str(row[names["name"]]),
                published_m=published,
            )
        )
    if not segments:
        log.add(
            "error", "empty_layer", "廊带线图层是空的", "the corridor layer is empty", file=file
        )
    for branch in dict.fromkeys(s.branch for s in segments):
        mine = [s for s in segments if s.branch == branch]
        if 0 < sum(s.ordered for s in mine) < len(mine):
            log.add(
                "error",
                "partly_ordered",
                f"“{branch}”只有部分路段写了顺序或起点桩号",
                f"only some segments of “{branch}” have an order or a start chainage",
                file=file,
                fix=("全部写上或全部留空", "give it for all or for none"),
            )
    return segments


def _lines(geometry: Any, number: int, log: ProblemLog, file: str) -> tuple[Floats, ...]:
    if pd.isna(geometry) or geometry.is_empty:
        log.add("error", "empty_geometry", "没有线形", "the row has no geometry",
                file=file, row=number)  # fmt: skip
        return ()
    if geometry.geom_type not in ("LineString", "MultiLineString", "LinearRing"):
        log.add("error", "wrong_geometry", f"应为线，实为{geometry.geom_type}",
                f"must be a line, not {geometry.geom_type}", file=file, row=number)  # fmt: skip
        return ()
    found = []
    for part in shapely.get_parts(geometry):
        xy = shapely.get_coordinates(part)
        xy = xy[np.r_[True, (np.diff(xy, axis=0) != 0.0).any(axis=1)]]
        if not np.isfinite(xy).all():
            log.add("error", "bad_coordinates", "坐标含空值", "coordinates are not finite",
                    file=file, row=number)  # fmt: skip
        elif len(xy) < 2:
            log.add("error", "no_length", "线的长度为零", "the line has no length",
                    file=file, row=number)  # fmt: skip
        else:
            found.append(xy)
    return tuple(found)


def _stake(
    row: pd.Series, name: str | None, number: int, log: ProblemLog, file: str
) -> tuple[float, str]:
    if name is None or pd.isna(row[name]) or str(row[name]).strip() == "":
        return np.nan, ""
    value = row[name]
    try:
        stake = Chainage.parse(value)
    except UsageError as error:
        try:
            stake = Chainage(float(value))  # text that is a plain number of metres
        except (TypeError, ValueError):
            log.add("error", "bad_chainage", error.text.zh, error.text.en,
                    file=file, row=number, field=name)  # fmt: skip
            return np.nan, ""
    return stake.metres, stake.prefix


def _number(row: pd.Series, name: str | None, number: int, log: ProblemLog, file: str) -> float:
    if name is None or pd.isna(row[name]) or str(row[name]).strip() == "":
        return float("nan")
    try:
        return float(row[name])
    except (TypeError, ValueError):
        log.add("error", "not_a_number", f"“{row[name]}”不是数字", f"“{row[name]}” is not a number",
                file=file, row=number, field=name)  # fmt: skip
        return float("nan")


def _lengths(line: Floats) -> Floats:
    return np.asarray(np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


@dataclass(frozen=True, eq=False)
class _Line:
    """One drawn line of a segment, oriented."""

    segment: _Segment
    coords: Floats
    turned: bool = False  # against the direction in which it was drawn

    def reverse(self) -> _Line:
        return _Line(self.segment, self.coords[::-1], not self.turned)


def _in_given_order(
    segments: Sequence[_Segment], tolerance: float, log: ProblemLog, file: str
) -> list[_Line]:
    """Order by seq or start chainage; turn a segment round where only that makes it meet."""
    ordered = sorted(segments, key=lambda s: s.position)
    groups = [_chain([_Line(s, line) for line in s.lines], tolerance, log, file) for s in ordered]
    groups = [group for group in groups if group]

    def meets(a: Floats, b: Floats) -> bool:
        return bool(np.hypot(*(a - b)) <= tolerance)

    for i, group in enumerate(groups):
        first, last = group[0].coords[0], group[-1].coords[-1]
        turned = False
        if i > 0:
            before = groups[i - 1][-1].coords[-1]
            turned = meets(before, last) and not meets(before, first)
        elif len(groups) > 1:
            after = (groups[1][0].coords[0], groups[1][-1].coords[-1])
            turned = any(meets(first, p) for p in after) and not any(meets(last, p) for p in after)
        if turned:
            groups[i] = [line.reverse() for line in group[::-1]]
    return [line for group in groups for line in group]


def _in_drawn_order(
    segments: Sequence[_Segment], tolerance: float, log: ProblemLog, file: str
) -> list[_Line]:
    return _chain([_Line(s, line) for s in segments for line in s.lines], tolerance, log, file)


def _chain(lines: list[_Line], tolerance: float, log: ProblemLog, file: str) -> list[_Line]:
    """String lines together end to end; pieces that do not touch follow with the least gaps.

    Each connected piece runs the way that most of its length was drawn.
    """
    if len(lines) < 2:
        return lines
    nodes = _nodes(lines, tolerance)
    meeting: dict[int, list[int]] = {}
    for i, (a, b) in enumerate(nodes):
        meeting.setdefault(a, []).append(i)
        meeting.setdefault(b, []).append(i)
    for node, at in meeting.items():
        if len(at) > 2:
            i = at[0]
            x, y = lines[i].coords[0 if nodes[i][0] == node else -1]
            branch = lines[i].segment.branch
            log.add(
                "error",
                "fork",
                f"“{branch}”在({x:.1f}, {y:.1f})处分岔，{len(at)}段相接",
                f"“{branch}” forks at ({x:.1f}, {y:.1f}) where {len(at)} lines meet",
                file=file,
                fix=(
                    "把岔出的路段改为另一条支线，或写明顺序（seq）",
                    "give the side road a branch of its own, or state the order (seq)",
                ),
            )
    if any(len(at) > 2 for at in meeting.values()):
        return []
    left = set(range(len(lines)))
    pieces: list[list[_Line]] = []
    while left:
        ends = [i for i in sorted(left) if any(len(meeting[n]) == 1 for n in nodes[i])]
        i = ends[0] if ends else min(left)  # a ring starts where its first line does
        node = next((n for n in nodes[i] if len(meeting[n]) == 1), nodes[i][0])
        piece = []
        while True:
            left.discard(i)
            forward = nodes[i][0] == node
            piece.append(lines[i] if forward else lines[i].reverse())
            node = nodes[i][1] if forward else nodes[i][0]
            onward = [k for k in meeting[node] if k in left]
            if not onward:
                break
            i = onward[0]
        against = sum(_lengths(line.coords)[-1] * (1 if line.turned else -1) for line in piece)
        if against > 0.0:
            piece = [line.reverse() for line in piece[::-1]]
        pieces.append(piece)
    return [line for piece in _least_gaps(pieces) for line in piece]


def _nodes(lines: list[_Line], tolerance: float) -> list[tuple[int, int]]:
    """Number the places where lines end; ends within ``tolerance`` are one place."""
    from scipy.cluster.hierarchy import DisjointSet
    from scipy.spatial import KDTree

    ends = np.array([p for line in lines for p in (line.coords[0], line.coords[-1])])
    places = DisjointSet(range(len(ends)))
    for a, b in sorted(KDTree(ends).query_pairs(tolerance)):
        places.merge(a, b)
    number = [places[k] for k in range(len(ends))]
    return list(zip(number[0::2], number[1::2], strict=True))


def _least_gaps(pieces: list[list[_Line]]) -> list[list[_Line]]:
    """Order unconnected pieces so that the straight gaps between them are least in sum."""
    if len(pieces) < 2:
        return pieces
    start = np.array([piece[0].coords[0] for piece in pieces])
    end = np.array([piece[-1].coords[-1] for piece in pieces])
    hop = np.hypot(*(end[:, None, :] - start[None, :, :]).transpose(2, 0, 1))
    count = len(pieces)
    if count <= 7:
        orders: list[tuple[int, ...]] = list(itertools.permutations(range(count)))
    else:
        orders = []
        for first in range(count):
            order, rest = [first], set(range(count)) - {first}
            while rest:
                order.append(min(rest, key=lambda k: (hop[order[-1], k], k)))
                rest.discard(order[-1])
            orders.append(tuple(order))
    best = min(
        orders, key=lambda o: (round(sum(hop[a, b] for a, b in itertools.pairwise(o)), 6), o)
    )
    return [pieces[i] for i in best]


def _measured(
    lines: list[_Line],
    tolerance: float,
    gap: Literal["length", "straight"],
    log: ProblemLog,
    file: str,
) -> list[Part]:
    """Give every line its chainage, and say how each follows the one before."""
    parts: list[Part] = []
    by_row: dict[int, list[_Line]] = {}
    for line in lines:
        by_row.setdefault(line.segment.row, []).append(line)
    for line in lines:
        segment = line.segment
        along = _lengths(line.coords)
        mine = by_row[segment.row]
        total = sum(_lengths(other.coords)[-1] for other in mine)
        before = sum(_lengths(other.coords)[-1] for other in mine[: mine.index(line)])
        previous = parts[-1] if parts else None
        jump = (
            float(np.hypot(*(previous.coords[-1] - line.coords[0])))
            if previous is not None
            else 0.0
        )
        is_gap = jump > tolerance
        if np.isnan(segment.start):
            start = 0.0 if previous is None else previous.end
            start += jump if is_gap and gap == "straight" else 0.0
            end = start + along[-1]
        else:
            end_stated = segment.start + total if np.isnan(segment.end) else segment.end
            factor = (end_stated - segment.start) / total
            start = segment.start + before * factor
            end = start + along[-1] * factor
        part = Part(
            branch=segment.branch,
            coords=line.coords,
            along=along,
            marks=np.array([0.0, along[-1]]),
            counts=np.array([start, end]),
            prefix=segment.prefix or (previous.prefix if previous is not None else ""),
            name=segment.name,
            row=segment.row,
            published_m=segment.published_m,
            stated=(not np.isnan(segment.start), not np.isnan(segment.end)),
        )
        parts.append(part)
    return joined(parts, tolerance, log, file)


def joined(parts: list[Part], tolerance: float, log: ProblemLog, file: str) -> list[Part]:
    """Fill in runs, joins, gaps and travelled distance of one branch's parts in order."""
    result: list[Part] = []
    run, travelled = 1, 0.0
    for i, part in enumerate(parts):
        join: Join = "start"
        gap_m = 0.0
        if i > 0:
            before = result[-1]
            gap_m = float(np.hypot(*(before.coords[-1] - part.coords[0])))
            step = part.start - before.end
            if gap_m > tolerance:
                join, run = "gap", run + 1
                if step < -SAME_CHAINAGE:
                    log.add(
                        "warning",
                        "chainage_back_over_gap",
                        f"“{part.branch}”断开处桩号倒退：{Chainage(before.end)} 之后为 {Chainage(part.start)}",
                        f"“{part.branch}”: after the gap at {Chainage(before.end)} the chainage "
                        f"goes back to {Chainage(part.start)}",
                        file=file,
                    )
            else:
                gap_m = 0.0
                join = (
                    "continuous" if abs(step) <= SAME_CHAINAGE else "long" if step < 0 else "short"
                )
        result.append(replace(part, run=run, join=join, gap_m=gap_m, travelled=travelled))
        travelled += part.length
    return result
