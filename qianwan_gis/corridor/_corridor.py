"""The corridor: chainage along a road with branches, gaps and broken chainage."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from qianwan_gis.corridor._equations import apply_equations
from qianwan_gis.corridor._nearest import EQUAL, Pieces

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Stake = Chainage | float | int | str


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
            parts = apply_equations(parts, equations, tolerance, log, file)
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
        points: gpd.GeoSeries | gpd.GeoDataFrame | Sequence[shapely.Point] | shapely.Point,
        *,
        branch: str | None = None,
        within: float | None = None,
    ) -> pd.DataFrame:
        """Find the nearest place on the corridor for every point.

        Parameters
        ----------
        points
            Table or series of points in any CRS; plain shapely points, which carry no CRS, are
            taken as being in the corridor's.
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
        past an end of the drawn line, 0 alongside); ``travelled_m`` (drawn length from the branch's
        start, which no broken chainage repeats); ``part`` (number of the connected piece in its
        branch); ``tie`` and ``tie_with`` (another place just as near, or another name of the same
        place: at a station equation, where branches meet). Of equal places the first along the
        main line is taken. Empty rows for missing points.
        """
        import geopandas as gpd

        segments = self._pieces(branch)
        if not hasattr(points, "geometry"):
            plain = [points] if isinstance(points, shapely.Point) else list(points)
            points = gpd.GeoSeries(plain, crs=self.crs)
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
        where = moved.to_numpy()
        if set(shapely.get_type_id(where).tolist()) - {0, -1}:
            raise UsageError(
                Text(
                    "只能定位点；面请先取代表点",
                    "only points can be located; take representative points",
                )
            )
        known = np.flatnonzero(~(moved.isna() | moved.is_empty).to_numpy())
        xy = shapely.get_coordinates(where[known])
        finite = np.isfinite(xy).all(axis=1)
        known, xy = known[finite], xy[finite]
        found = segments.nearest(xy) if len(known) else None

        count = len(points)
        text = np.full(count, "", dtype=object)
        columns: dict[str, Any] = {
            "branch": text.copy(),
            "chainage": np.full(count, None, dtype=object),
            "chainage_m": np.full(count, np.nan),
            "offset_m": np.full(count, np.nan),
            "side": text.copy(),
            "beyond_m": np.full(count, np.nan),
            "travelled_m": np.full(count, np.nan),
            "part": np.zeros(count, dtype=np.int64),
            "tie": np.zeros(count, dtype=bool),
            "tie_with": text.copy(),
        }
        if found is not None:
            # distances this close are equal: on a slanting line no distance is exact
            near = np.abs(found.offset) <= (np.inf if within is None else within + EQUAL)
            for i in np.flatnonzero(near).tolist():
                row = known[i]
                part = self.parts[found.part[i]]
                columns["branch"][row] = part.branch
                columns["chainage_m"][row] = found.chainage[i]
                columns["chainage"][row] = self._shown(found.chainage[i], part)
                columns["offset_m"][row] = found.offset[i]
                columns["side"][row] = found.side[i]
                columns["beyond_m"][row] = found.beyond[i]
                columns["travelled_m"][row] = part.travelled + found.along[i]
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
        steps = np.searchsorted(widths, table["offset_m"].abs().to_numpy() - EQUAL)
        table["within_m"] = np.array(widths)[steps]
        table["_order"] = table["branch"].map({b: i for i, b in enumerate(self.branches)})
        # by the way travelled: on a long equation chainage runs twice
        table = table.sort_values(["_order", "travelled_m", "code"], kind="stable")
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
        branch = str(branch)  # a column of numbers is read as text
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

    def _pieces(self, branch: str | None) -> Pieces:
        name = None if branch is None else self._branch(branch)
        return Pieces(
            [i for i, part in enumerate(self.parts) if name is None or part.branch == name],
            self.parts,
        )


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
