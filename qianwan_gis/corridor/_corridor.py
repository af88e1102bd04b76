"""The corridor: chainage along a road with branches, gaps and broken chainage."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor import _build
from qianwan_gis.corridor._build import SAME_CHAINAGE, Part

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Stake = Chainage | float | int | str

LEFT, RIGHT, ON, AHEAD = "左", "右", "线上", "端外"
_TIE = 0.01  # m; places on the line further apart than this are two places


@dataclass(frozen=True)
class Position:
    """One place on a corridor: the part, and metres from the part's start."""

    part: int
    metres: float


@dataclass(frozen=True, repr=False)
class Corridor:
    """A road with chainage: main line and branches, gaps, station equations.

    Make one with `from_segments`. All coordinates are projected metres in `crs`; all distances
    are planar.

    Attributes
    ----------
    parts
        Unbroken stretches in order, the main line first.
    crs
        Projected CRS.
    basis
        ``surveyed``, ``presumed`` or ``synthetic``. A presumed corridor has no stakes.
    name
        The road's name.
    problems
        What was found in the segments: warnings and notes.
    """

    parts: tuple[Part, ...]
    crs: Any
    basis: str = "surveyed"
    name: str = ""
    tolerance: float = 1.0
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    @classmethod
    def from_segments(
        cls,
        segments: gpd.GeoDataFrame,
        *,
        equations: pd.DataFrame | None = None,
        stakes: gpd.GeoDataFrame | None = None,
        tolerance: float = 1.0,
        gap: Literal["length", "straight"] = "length",
        basis: str | None = None,
        name: str = "",
        file: str = "corridor",
    ) -> Corridor:
        """Build a corridor from its segments.

        Parameters
        ----------
        segments
            Lines (multi-part allowed). Only ``branch`` (主线, 支线一, …) is required. Optional:
            ``seq`` (order), ``start``/``end`` (stakes; numbers are metres), ``length_m`` or
            ``length_km`` (published length, see `completeness`), ``name``, ``basis``; usual Chinese
            names (起点桩号, 终点桩号, 序号 …) are read too. Without order and stakes, segments are
            strung together end to end; each connected piece runs the way most of it was drawn.
            Geographic coordinates are brought into their CGCS2000 3-degree zone.
        equations
            Station equations (断链): ``branch``, ``back`` (来向桩号), ``ahead`` (去向桩号); K23+000 =
            K22+850 is back K23+000, ahead K22+850 (长链, 150 m). Where the segments' own stakes
            already hold them, they are checked against those.
        stakes
            Known stakes to calibrate to, see `calibrate`.
        tolerance
            Ends closer than this many metres meet.
        gap
            What an interruption of the drawn line adds to chainage that is not stated: nothing
            (``length``; as PostGIS adds measures to a multi-part line) or its ``straight`` length.
        basis
            Overrides the segments' own; ``surveyed`` when neither says.

        Raises
        ------
        DataError
            With every fault: no branch column, no CRS, empty or wrong geometry, unreadable
            chainage, a fork inside one branch, an equation that fits nowhere.
        """
        log = ProblemLog()
        table = _build.projected(segments, log, file)
        parts: list[Part] = []
        if not log.errors:
            parts = _build.make_parts(table, tolerance=tolerance, gap=gap, log=log, file=file)
        if parts and equations is not None and len(equations):
            parts = _apply_equations(parts, equations, tolerance, log, file)
        log.raise_errors()
        if basis is None:
            column = _build.column(segments, "basis")
            stated = set(segments[column].dropna().astype(str)) if column else set()
            # the weakest basis of any segment is the corridor's
            basis = next(
                (b for b in ("presumed", "synthetic", "generalised") if b in stated), "surveyed"
            )
        made = cls(tuple(parts), table.crs, basis, name, tolerance, tuple(log.problems))
        return made if stakes is None else made.calibrate(stakes)

    # ---- what it is ---------------------------------------------------------------------

    def __repr__(self) -> str:
        branches = "、".join(self.branches)
        return f"Corridor({self.name or branches}: {self.length / 1000:.1f} km, {self.basis}, {branches})"

    @property
    def branches(self) -> list[str]:
        """Names of the branches, the main line first."""
        return list(dict.fromkeys(part.branch for part in self.parts))

    @property
    def length(self) -> float:
        """Planar length of all branches in metres, gaps not counted."""
        return float(sum(part.length for part in self.parts))

    @property
    def lines(self) -> gpd.GeoDataFrame:
        """One row per branch: ``branch``, ``length_m``, ``basis``, MultiLineString or LineString."""
        import geopandas as gpd

        rows = []
        for branch in self.branches:
            mine = [part for part in self.parts if part.branch == branch]
            rows.append(
                (branch, sum(p.length for p in mine), _geometry([p.coords for p in mine], mine))
            )
        return gpd.GeoDataFrame(
            {
                "branch": [row[0] for row in rows],
                "length_m": [row[1] for row in rows],
                "basis": self.basis,
            },
            geometry=[row[2] for row in rows],
            crs=self.crs,
        )

    @property
    def table(self) -> gpd.GeoDataFrame:
        """One row per part: branch, run, join, stakes, length, published length, stretch factor."""
        import geopandas as gpd

        return gpd.GeoDataFrame(
            {
                "branch": [p.branch for p in self.parts],
                "part": list(range(1, len(self.parts) + 1)),
                "run": [p.run for p in self.parts],
                "name": [p.name for p in self.parts],
                "join": [p.join for p in self.parts],
                "gap_m": [p.gap_m for p in self.parts],
                "start": [self._label(p.start, p.prefix) for p in self.parts],
                "end": [self._label(p.end, p.prefix) for p in self.parts],
                "start_m": [p.start for p in self.parts],
                "end_m": [p.end for p in self.parts],
                "length_m": [p.length for p in self.parts],
                "published_m": [p.published_m for p in self.parts],
                "stretch": [(p.end - p.start) / p.length for p in self.parts],
                "basis": self.basis,
            },
            geometry=[shapely.LineString(p.coords) for p in self.parts],
            crs=self.crs,
        )

    @property
    def equations(self) -> gpd.GeoDataFrame:
        """Station equations: branch, back, ahead, kind (长链, 短链), metres (long > 0), Point."""
        import geopandas as gpd

        pairs = [
            (before, part)
            for before, part in itertools.pairwise(self.parts)
            if part.join in ("long", "short")
        ]
        # numbers that write themselves as stakes: pandas must not turn them into plain floats
        back = pd.Series([Chainage(b.end, b.prefix) for b, _ in pairs], dtype=object)
        ahead = pd.Series([Chainage(p.start, p.prefix) for _, p in pairs], dtype=object)
        return gpd.GeoDataFrame(
            {
                "branch": [p.branch for _, p in pairs],
                "back": back,
                "ahead": ahead,
                "kind": ["长链" if p.join == "long" else "短链" for _, p in pairs],
                "metres": [round(b.end - p.start, 6) for b, p in pairs],
            },
            geometry=[shapely.Point(p.coords[0]) for _, p in pairs],
            crs=self.crs,
        )

    @property
    def gaps(self) -> gpd.GeoDataFrame:
        """Interruptions of the drawn line: branch, stakes either side, straight metres, LineString."""
        import geopandas as gpd

        pairs = [
            (before, part) for before, part in itertools.pairwise(self.parts) if part.join == "gap"
        ]
        return gpd.GeoDataFrame(
            {
                "branch": [part.branch for _, part in pairs],
                "from_chainage": [self._label(b.end, b.prefix) for b, _ in pairs],
                "to_chainage": [self._label(p.start, p.prefix) for _, p in pairs],
                "gap_m": [part.gap_m for _, part in pairs],
                "chainage_m": [part.start - before.end for before, part in pairs],
            },
            geometry=[shapely.LineString([b.coords[-1], p.coords[0]]) for b, p in pairs],
            crs=self.crs,
        )

    # ---- from place to chainage ---------------------------------------------------------

    def locate(
        self,
        points: gpd.GeoSeries | gpd.GeoDataFrame,
        *,
        branch: str | None = None,
        within: float | None = None,
    ) -> pd.DataFrame:
        """Find the nearest place on the corridor for every point.

        Parameters
        ----------
        points
            Points in any CRS.
        branch
            Only this branch.
        within
            Points further than this many metres from the line get no chainage.

        Returns
        -------
        Table with the index of ``points``:
        ``branch``; ``chainage`` (`Chainage`; on a presumed corridor the text 示意里程);
        ``chainage_m``; ``offset_m`` (distance to the line, left of the direction of travel
        positive); ``side`` (左, 右, 线上, or 端外: straight ahead of an end); ``beyond_m`` (metres
        past an end of the drawn line, 0 alongside); ``part`` (number of the connected piece in its
        branch); ``tie`` and ``tie_with`` (another place just as near, or another name of the same
        place: at a station equation, where branches meet). Of equal places the first along the
        main line is taken. Empty rows for missing points.
        """
        segments = self._pieces(branch)
        geometry = points.geometry
        if geometry.crs is None:
            raise DataError(
                Problem(
                    "no_crs",
                    "error",
                    Text("点没有坐标系，无法定位到廊带", "the points have no CRS"),
                    fix=Text("先 set_crs", "call set_crs first"),
                )
            )
        moved = geometry if geometry.crs == self.crs else geometry.to_crs(self.crs)
        known = np.flatnonzero(~(moved.isna() | moved.is_empty).to_numpy())
        where = moved.to_numpy()[known]
        kinds = set(shapely.get_type_id(where).tolist())
        if kinds - {0}:
            raise UsageError(
                Text(
                    "只能定位点；面请先取代表点",
                    "only points can be located; take representative points",
                )
            )
        found = segments.nearest(shapely.get_coordinates(where)) if len(known) else None

        count = len(points)
        text = np.full(count, "", dtype=object)
        columns: dict[str, Any] = {
            "branch": text.copy(),
            "chainage": np.full(count, None, dtype=object),
            "chainage_m": np.full(count, np.nan),
            "offset_m": np.full(count, np.nan),
            "side": text.copy(),
            "beyond_m": np.full(count, np.nan),
            "part": np.zeros(count, dtype=np.int64),
            "tie": np.zeros(count, dtype=bool),
            "tie_with": text.copy(),
        }
        if found is not None:
            near = np.abs(found.offset) <= (np.inf if within is None else within)
            for i in np.flatnonzero(near).tolist():
                row = known[i]
                part = self.parts[found.part[i]]
                columns["branch"][row] = part.branch
                columns["chainage_m"][row] = found.chainage[i]
                columns["chainage"][row] = self._shown(found.chainage[i], part)
                columns["offset_m"][row] = found.offset[i]
                columns["side"][row] = found.side[i]
                columns["beyond_m"][row] = found.beyond[i]
                columns["part"][row] = part.run
                if i in found.ties:
                    columns["tie"][row] = True
                    columns["tie_with"][row] = "；".join(
                        f"{self.parts[p].branch} {self._label(c, self.parts[p].prefix)}"
                        for p, c in found.ties[i]
                    )
        return pd.DataFrame(columns, index=points.index)

    # ---- from chainage to place ---------------------------------------------------------

    def positions(self, chainage: Stake, branch: str | None = None) -> list[Position]:
        """All places that bear a chainage, in the direction of travel (two on a 长链)."""
        metres, prefix = _metres(chainage)
        name = self._branch(branch)
        found: list[Position] = []
        last = -np.inf
        for number, part in enumerate(self.parts):
            if part.branch != name or (prefix and part.prefix and prefix != part.prefix):
                continue
            if part.start - SAME_CHAINAGE / 2 <= metres <= part.end + SAME_CHAINAGE / 2:
                at = float(part.metres_at(metres))
                if part.travelled + at - last > SAME_CHAINAGE:
                    found.append(Position(number, at))
                    last = part.travelled + at
        return found

    def point_at(
        self, chainage: Stake, branch: str | None = None, *, occurrence: int | None = None
    ) -> shapely.Point:
        """The place of a chainage, in the corridor's CRS.

        Parameters
        ----------
        chainage
            ``Chainage``, text (K12+345.6) or metres.
        branch
            The main line when not given.
        occurrence
            1 or 2, where a 长链 makes the chainage occur twice.

        Raises
        ------
        UsageError
            The chainage is not on the branch, falls into a 短链 or a gap, or occurs twice; the
            message names what there is.
        """
        position = self._position(chainage, branch, occurrence)
        return shapely.Point(self.parts[position.part].place(position.metres))

    def substring(
        self,
        start: Stake,
        end: Stake,
        branch: str | None = None,
        *,
        occurrence: int | tuple[int | None, int | None] | None = None,
    ) -> shapely.LineString | shapely.MultiLineString:
        """The line between two chainages, vertices included; a MultiLineString across gaps.

        Runs backwards when ``start`` lies beyond ``end``. Both equal gives a line of no length.
        ``occurrence`` as in `point_at`, one number for both or a pair.
        """
        which = occurrence if isinstance(occurrence, tuple) else (occurrence, occurrence)
        a = self._position(start, branch, which[0])
        b = self._position(end, branch, which[1])
        backwards = (b.part, b.metres) < (a.part, a.metres)
        if backwards:
            a, b = b, a
        pieces, parts = [], []
        for number in range(a.part, b.part + 1):
            part = self.parts[number]
            low = a.metres if number == a.part else 0.0
            high = b.metres if number == b.part else part.length
            if high > low or (a.part == b.part):
                pieces.append(part.stretch(low, high))
                parts.append(part)
        line = _geometry(pieces, parts)
        return line.reverse() if backwards else line

    def stakes(self, every: float = 1000.0, branch: str | None = None) -> gpd.GeoDataFrame:
        """Stakes at every multiple of ``every`` metres of chainage.

        Returns ``stake`` (text), ``branch``, ``chainage_m``, ``occurrence`` (2 for the second of a
        chainage that a 长链 repeats) and Points.

        Raises
        ------
        UsageError
            The corridor is presumed: a sketch has no stakes.
        """
        import geopandas as gpd

        if self.basis == "presumed":
            raise UsageError(
                Text(
                    "推定走向只有示意里程，没有桩号",
                    "a presumed course has distances for orientation only, no stakes",
                )
            )
        if not every > 0:
            raise UsageError(
                Text(f"间距须为正数，给出的是{every}", f"spacing must be positive: {every}")
            )
        rows = []
        for name in self.branches if branch is None else [self._branch(branch)]:
            mine = [p for p in self.parts if p.branch == name]
            prefix = mine[0].prefix
            counts = sorted(
                {
                    k
                    for p in mine
                    for k in range(
                        int(np.ceil((p.start - SAME_CHAINAGE / 2) / every)),
                        int(np.floor((p.end + SAME_CHAINAGE / 2) / every)) + 1,
                    )
                }
            )
            placed = [
                (position, i + 1, k * every)
                for k in counts
                for i, position in enumerate(self.positions(k * every, name))
            ]
            for position, occurrence, metres in sorted(
                placed, key=lambda s: (s[0].part, s[0].metres)
            ):
                rows.append(
                    {
                        "stake": str(Chainage(metres, prefix)),
                        "branch": name,
                        "chainage_m": metres,
                        "occurrence": occurrence,
                        "geometry": shapely.Point(self.parts[position.part].place(position.metres)),
                    }
                )
        columns = ["stake", "branch", "chainage_m", "occurrence", "geometry"]
        return gpd.GeoDataFrame(
            pd.DataFrame(rows, columns=columns), geometry="geometry", crs=self.crs
        )

    # ---- zones --------------------------------------------------------------------------

    def zone(
        self, width_m: float, branch: str | None = None
    ) -> shapely.Polygon | shapely.MultiPolygon:
        """The area within ``width_m`` metres of the line, on either side and around its ends."""
        if not width_m > 0:
            raise UsageError(
                Text(
                    f"廊带宽度须为正数，给出的是{width_m}", f"the width must be positive: {width_m}"
                )
            )
        mine = [p for p in self.parts if branch is None or p.branch == self._branch(branch)]
        line = shapely.MultiLineString([p.coords for p in mine])
        return line.buffer(width_m, quad_segs=32)

    def zones(self, widths_m: Sequence[float] = (1000.0, 2000.0, 5000.0)) -> gpd.GeoDataFrame:
        """Zones of several widths (each holds the narrower ones): ``width_m``, polygon."""
        import geopandas as gpd

        widths = [float(w) for w in widths_m]
        return gpd.GeoDataFrame(
            {"width_m": widths}, geometry=[self.zone(w) for w in widths], crs=self.crs
        )

    def table_for(
        self, villages: gpd.GeoDataFrame, *, widths_m: Sequence[float] = (1000.0, 2000.0, 5000.0)
    ) -> pd.DataFrame:
        """Villages within the widest zone: where along the corridor they lie.

        Parameters
        ----------
        villages
            VILLAGES; those without a point are left out: a region has no chainage.

        Returns
        -------
        ``code``, ``branch``, ``chainage_m``, ``offset_m``, ``side``, ``within_m`` (narrowest zone
        that holds the village, limits included), in order of branch and chainage.
        """
        widths = sorted(float(w) for w in widths_m)
        placed = villages[villages.geometry.notna() & ~villages.geometry.is_empty]
        table = self.locate(placed.geometry, within=widths[-1])
        table.insert(0, "code", placed["code"].to_numpy())
        table = table[table["branch"] != ""].copy()
        steps = np.searchsorted(widths, table["offset_m"].abs().to_numpy() - 1e-9)
        table["within_m"] = np.array(widths)[steps]
        table["_order"] = table["branch"].map({b: i for i, b in enumerate(self.branches)})
        table = table.sort_values(["_order", "part", "chainage_m", "code"], kind="stable")
        columns = ["code", "branch", "chainage_m", "offset_m", "side", "within_m", "part", "tie"]
        return table[columns].reset_index(drop=True)

    # ---- calibration --------------------------------------------------------------------

    def calibrate(self, stakes: gpd.GeoDataFrame, *, within: float = 50.0) -> Corridor:
        """Fit chainage to known stakes: linear between two stakes, true metres beyond the last.

        Parameters
        ----------
        stakes
            Points with ``branch`` (the main line when absent) and ``chainage``; usual Chinese
            names (桩号) are read too. A stake is matched to the place nearest to it; where chainage is
            broken, to the side whose present chainage is nearer its own.
        within
            A stake further than this many metres from the line is an error.

        Returns
        -------
        A corridor whose `locate` gives every stake its own chainage.

        Raises
        ------
        DataError
            Unreadable chainage, a stake off the line, stakes whose order contradicts the line: all
            at once, naming the pair.
        """
        from qianwan_gis.corridor._calibrate import calibrated

        return calibrated(self, stakes, within)

    def completeness(self, published_total_m: float | None = None) -> pd.DataFrame:
        """Compare drawn with published lengths, segment by segment and in all.

        Returns
        -------
        ``branch``, ``name``, ``start``, ``end``, ``drawn_m``, ``published_m``, ``difference_m``,
        ``difference_pct``; last a row 合计 against ``published_total_m`` (or the sum of the published
        segments), and one row per gap of the drawn line.
        """
        from qianwan_gis.corridor._complete import completeness

        return completeness(self, published_total_m)

    # ---- inside -------------------------------------------------------------------------

    def _branch(self, branch: str | None) -> str:
        if branch is None:
            return self.branches[0]
        if branch not in self.branches:
            there = "、".join(self.branches)
            raise UsageError(
                Text(
                    f"没有支线“{branch}”，现有：{there}",
                    f"no branch “{branch}”; there are: {there}",
                )
            )
        return branch

    def _label(self, metres: float, prefix: str = "") -> str:
        if self.basis == "presumed":
            return f"示意里程{metres / 1000.0:.1f}公里"
        return Chainage(metres, prefix).format()

    def _shown(self, metres: float, part: Part) -> Any:
        if self.basis == "presumed":
            return self._label(metres)
        return Chainage(metres, part.prefix)

    def _position(self, chainage: Stake, branch: str | None, occurrence: int | None) -> Position:
        found = self.positions(chainage, branch)
        metres, prefix = _metres(chainage)
        name = self._branch(branch)
        label = self._label(metres, prefix)
        if not found:
            raise UsageError(self._why_nowhere(metres, name, label))
        if occurrence is None:
            if len(found) == 1:
                return found[0]
            places = [self.parts[p.part].place(p.metres) for p in found]
            listing = "、".join(
                f"第{i}处({x:.1f}, {y:.1f})" for i, (x, y) in enumerate(places, start=1)
            )
            listing_en = ", ".join(
                f"no. {i} ({x:.1f}, {y:.1f})" for i, (x, y) in enumerate(places, start=1)
            )
            raise UsageError(
                Text(
                    f"{name} {label} 因长链出现{len(found)}次：{listing}；请用 occurrence 指明",
                    f"{name} {label} occurs {len(found)} times: {listing_en}; say which with occurrence",
                )
            )
        if not 1 <= occurrence <= len(found):
            # a chainage that occurs once has no second; a pair for a substring may name only one
            raise UsageError(
                Text(
                    f"{name} {label} 只出现{len(found)}次，没有第{occurrence}处",
                    f"{name} {label} occurs {len(found)} time(s); there is no number {occurrence}",
                )
            )
        return found[occurrence - 1]

    def _why_nowhere(self, metres: float, name: str, label: str) -> Text:
        mine = [p for p in self.parts if p.branch == name]
        for before, part in itertools.pairwise(mine):
            if before.end < metres < part.start:
                a, b = self._label(before.end, before.prefix), self._label(part.start, part.prefix)
                if part.join == "short":
                    return Text(
                        f"{name} {label} 不存在：短链 {a} = {b}",
                        f"{name} {label} does not exist: short equation {a} = {b}",
                    )
                return Text(
                    f"{name} {label} 在未连通处，线形在 {a} 至 {b} 之间断开",
                    f"{name} {label} falls in a gap of the drawn line, {a} to {b}",
                )
        low, high = min(p.start for p in mine), max(p.end for p in mine)
        return Text(
            f"{label} 不在{name}上（{self._label(low)} 至 {self._label(high)}）",
            f"{label} is not on {name} ({self._label(low)} to {self._label(high)})",
        )

    def _pieces(self, branch: str | None) -> _Pieces:
        name = None if branch is None else self._branch(branch)
        return _Pieces(
            [i for i, part in enumerate(self.parts) if name is None or part.branch == name],
            self.parts,
        )


@dataclass(frozen=True)
class _Found:
    part: NDArray[np.int64]
    chainage: Floats
    offset: Floats
    side: NDArray[Any]
    beyond: Floats
    ties: dict[int, list[tuple[int, float]]]


class _Pieces:
    """All straight pieces of a corridor, for nearest-place search."""

    def __init__(self, numbers: Sequence[int], parts: Sequence[Part]) -> None:
        self.parts = parts
        starts, ends, owner, at = [], [], [], []
        for number in numbers:
            part = parts[number]
            starts.append(part.coords[:-1])
            ends.append(part.coords[1:])
            at.append(part.along[:-1])
            owner.append(np.full(len(part.coords) - 1, number))
        self.a, self.b = np.concatenate(starts), np.concatenate(ends)
        self.owner, self.at = np.concatenate(owner), np.concatenate(at)
        self.size = np.hypot(*(self.b - self.a).T)
        # the straight piece before and after, where the drawn line goes on
        count = len(self.owner)
        joined = np.zeros(count, dtype=bool)
        joined[1:] = self.owner[1:] == self.owner[:-1]
        for number in numbers:
            first = int(np.searchsorted(self.owner, number))
            if first > 0 and self._follows(parts, self.owner[first - 1], number):
                joined[first] = True
        self.joined = joined
        self.tree = shapely.STRtree(shapely.linestrings(np.stack([self.a, self.b], axis=1)))

    @staticmethod
    def _follows(parts: Sequence[Part], before: int, number: int) -> bool:
        return parts[before].branch == parts[number].branch and parts[number].join != "gap"

    def nearest(self, xy: Floats) -> _Found:
        """Nearest place for every point; see `Corridor.locate` for the rules."""
        points = shapely.points(xy)
        (_, _), distance = self.tree.query_nearest(points, return_distance=True, all_matches=False)
        slack = 1e-6 * np.maximum(1.0, distance)
        who, piece = self.tree.query(points, predicate="dwithin", distance=distance + slack)
        a, b, size = self.a[piece], self.b[piece], self.size[piece]
        unit = (b - a) / size[:, None]
        forward = ((xy[who] - a) * unit).sum(axis=1)
        t = np.clip(forward, 0.0, size)
        foot = a + unit * t[:, None]
        away = np.hypot(*(xy[who] - foot).T)
        owner = self.owner[piece]
        along = self.at[piece] + t
        chainage = np.empty(len(piece))
        for number in np.unique(owner).tolist():
            mine = owner == number
            chainage[mine] = self.parts[number].chainage_at(along[mine])
        # first the nearest (ties rounded to a micrometre), then the first along the corridor
        order = np.lexsort((along, owner, np.round(away, 6), who))
        first = np.r_[0, np.flatnonzero(np.diff(who[order])) + 1]
        best = order[first]
        ties: dict[int, list[tuple[int, float]]] = {}
        for i, (low, high) in enumerate(
            zip(first.tolist(), [*first[1:].tolist(), len(order)], strict=True)
        ):
            if high - low < 2:
                continue
            chosen = order[low]
            others = [
                (int(owner[k]), float(chainage[k]))
                for k in order[low + 1 : high].tolist()
                if self.parts[owner[k]].branch != self.parts[owner[chosen]].branch
                or abs(chainage[k] - chainage[chosen]) > _TIE
                or np.hypot(*(foot[k] - foot[chosen])) > _TIE
            ]
            kept: list[tuple[int, float]] = []
            for p, c in others:
                if not any(q == p and abs(c - d) <= _TIE for q, d in kept):
                    kept.append((p, c))
            if kept:
                ties[i] = kept
        offset, side, beyond = self._sides(xy, piece[best], forward[best], away[best])
        return _Found(owner[best], chainage[best], offset, side, beyond, ties)

    def _sides(
        self, xy: Floats, piece: NDArray[np.int64], forward: Floats, away: Floats
    ) -> tuple[Floats, NDArray[Any], Floats]:
        """Signed offset, side and overshoot.

        A point nearest to a vertex lies on the outer side of the bend there; the straight piece
        on either hand may have it on the other side.
        """
        direction = self.b[piece] - self.a[piece]
        reach = xy - self.a[piece]
        cross = direction[:, 0] * reach[:, 1] - direction[:, 1] * reach[:, 0]
        size = self.size[piece]
        last = len(self.owner) - 1
        after = np.minimum(piece + 1, last)
        goes_on = (piece < last) & self.joined[after]
        comes_from = self.joined[piece]
        for at_end, neighbour, linked in (
            (forward >= size, after, goes_on),
            (forward <= 0.0, np.maximum(piece - 1, 0), comes_from),
        ):
            bend = at_end & linked
            other = self.b[neighbour] - self.a[neighbour]
            turn = direction[:, 0] * other[:, 1] - direction[:, 1] * other[:, 0]
            if neighbour is not after:
                turn = -turn
            decided = bend & (np.abs(turn) > 1e-12 * size * self.size[neighbour])
            cross = np.where(decided, -turn, cross)
        over = np.where((forward > size) & ~goes_on, forward - size, 0.0)
        over = np.where((forward < 0.0) & ~comes_from, -forward, over)
        straight = np.abs(cross) <= 1e-9 * size * np.maximum(away, 1e-9)
        on_line = away <= 1e-6
        side = np.where(cross > 0.0, LEFT, RIGHT).astype(object)
        side[straight] = AHEAD
        side[on_line] = ON
        sign = np.where((cross > 0.0) | straight, 1.0, -1.0)
        return np.where(on_line, 0.0, sign * away), side, over


def _metres(chainage: Stake) -> tuple[float, str]:
    stake = Chainage.parse(chainage)
    return stake.metres, stake.prefix


def _geometry(pieces: Sequence[Floats], parts: Sequence[Part]) -> Any:
    """One line where parts join, several where there are gaps."""
    lines: list[list[Floats]] = []
    for coords, part in zip(pieces, parts, strict=True):
        if lines and part.join != "gap" and part is not parts[0]:
            # the first vertex repeats the last one
            lines[-1].append(coords[1:])
        else:
            lines.append([coords])
    done = [np.concatenate(line) for line in lines]
    if len(done) == 1:
        return shapely.LineString(done[0])
    return shapely.MultiLineString(done)


def _apply_equations(
    parts: list[Part], equations: pd.DataFrame, tolerance: float, log: ProblemLog, file: str
) -> list[Part]:
    """Break chainage at the given equations, or check them where the stakes already break."""
    missing = [c for c in ("back", "ahead") if c not in equations.columns]
    for name in missing:
        log.add("error", "missing_column", f"断链表缺少字段“{name}”",
                f"the table of equations lacks “{name}”", file=file, field=name)  # fmt: skip
    if missing:
        return parts
    for number, (_, row) in enumerate(equations.iterrows(), start=1):
        branch = str(row["branch"]) if "branch" in equations.columns else parts[0].branch
        try:
            back, ahead = Chainage.parse(row["back"]), Chainage.parse(row["ahead"])
        except UsageError as error:
            log.add("error", "bad_chainage", error.text.zh, error.text.en, file=file, row=number)
            continue
        mine = [p for p in parts if p.branch == branch]
        rest = [p for p in parts if p.branch != branch]
        stated = any(
            abs(a.end - back) <= 0.5 and abs(b.start - ahead) <= 0.5
            for a, b in itertools.pairwise(mine)
        )
        if stated:
            continue
        at = next(
            (
                i
                for i in reversed(range(len(mine)))
                if mine[i].start < back.metres <= mine[i].end + SAME_CHAINAGE
            ),
            None,
        )
        if at is None:
            log.add(
                "error",
                "equation_nowhere",
                f"断链 {back} = {ahead} 在“{branch}”上没有位置",
                f"equation {back} = {ahead} fits nowhere on “{branch}”",
                file=file,
                row=number,
            )
            continue
        part = mine[at]
        cut = float(part.metres_at(back.metres))
        shift = ahead.metres - back.metres
        pieces = [part] if cut >= part.length - 1e-9 else list(_split(part, cut))
        later = [replace(p, counts=p.counts + shift) for p in [*pieces[1:], *mine[at + 1 :]]]
        mine = _build.joined([*mine[:at], pieces[0], *later], tolerance, log, file)
        order = list(dict.fromkeys(p.branch for p in parts))
        parts = [p for b in order for p in (mine if b == branch else rest) if p.branch == b]
    return parts


def _split(part: Part, cut: float) -> tuple[Part, Part]:
    """Cut a part in two at a distance from its start."""
    at = float(part.chainage_at(cut))
    low, high = part.marks < cut - 1e-9, part.marks > cut + 1e-9
    first, second = part.stretch(0.0, cut), part.stretch(cut, part.length)
    sizes = [np.r_[0.0, np.cumsum(np.hypot(*np.diff(c, axis=0).T))] for c in (first, second)]
    return (
        replace(
            part,
            coords=first,
            along=sizes[0],
            marks=np.r_[part.marks[low], sizes[0][-1]],
            counts=np.r_[part.counts[low], at],
        ),
        replace(
            part,
            coords=second,
            along=sizes[1],
            marks=np.r_[0.0, part.marks[high] - cut],
            counts=np.r_[at, part.counts[high]],
        ),
    )
