"""Spacing of services along the corridor, against a limit: the gaps, and what would close them.

One rule holds everywhere: from no place on the corridor is it further than half the limit, along
the corridor, to the next service. So two neighbours may stand the whole limit apart, the first and
the last half of it from an open end. Where a branch meets another line the way goes on over the
junction to the nearest service there.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor._nearest import LEFT, RIGHT
from qianwan_gis.schemas import Inventory

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.corridor._build import Part
    from qianwan_gis.corridor._corridor import Corridor

START, END = "起点", "终点"
EITHER = "两侧"
_NEAR = 1e-9

Side = Literal["左", "右"]


@dataclass(frozen=True)
class Kind:
    """One kind of service whose spacing along the corridor is looked at.

    Attributes
    ----------
    key
        Stable name, as in ``corridor_gaps.kind``.
    counted
        The registers (service, tier) whose facilities count. Where one of them is not complete, an
        interval over the limit is not judged.
    standard
        Key of the limit, in kilometres.
    """

    key: str
    title: Text
    counted: tuple[tuple[str, str], ...]
    standard: str


#: What is looked at, in the order of the report.
KINDS: tuple[Kind, ...] = (
    Kind("post", Text("驿站", "Wayside station"), (("corridor", "post"),),
         "corridor.station.spacing_km"),
    Kind("toilet", Text("公厕", "Public toilet"), (("corridor", "toilet"),),
         "corridor.toilet.spacing_km"),
    Kind("charger", Text("充电站", "Charging station"), (("corridor", "charger"),),
         "corridor.charger.spacing_km"),
    Kind("clinic", Text("医疗点", "Clinic"),
         (("clinic", "village"), ("clinic", "township"), ("clinic", "county")),
         "corridor.clinic.spacing_km"),
    # a wayside station has a car park of its own
    Kind("parking", Text("停车观景点", "Car park or viewpoint"),
         (("corridor", "parking"), ("corridor", "post")), "corridor.parking.spacing_km"),
)  # fmt: skip

#: Words of the verdict on one interval or one kind.
VERDICTS: dict[str, Text] = {
    "ok": Text("达标", "within the limit"),
    "over": Text("超限", "over the limit"),
    "unknown": Text("不能判定（名录不完整）", "not judged: incomplete register"),
    "none": Text("未评估（没有名录）", "not assessed: no register"),
}

COLUMNS = [
    "branch", "side", "from_name", "to_name", "from_chainage", "to_chainage", "from_m", "to_m",
    "spacing_km", "allowed_km", "ok", "missing", "suggest", "suggest_m", "note",
]  # fmt: skip


def stake_text(corridor: Corridor, metres: float, prefix: str = "") -> str:
    """A stake to the metre, as reports print it; 示意里程 on a presumed corridor."""
    if corridor.basis == "presumed":
        return corridor._label(metres)
    return Chainage(metres, prefix).format(0)


class Ruler:
    """Distance along one branch over the ground: drawn length and the interruptions between.

    An interruption of the drawn line counts as long as its stakes say, at least straight across.
    """

    def __init__(self, corridor: Corridor, branch: str) -> None:
        self.corridor, self.branch = corridor, branch
        self.parts: list[Part] = [p for p in corridor.parts if p.branch == branch]
        self.skipped: dict[int, float] = {}
        at = 0.0
        for before, part in zip([None, *self.parts[:-1]], self.parts, strict=True):
            if before is not None and part.join == "gap":
                at += max(part.start - before.end, part.gap_m)
            self.skipped.setdefault(part.run, at)
        last = self.parts[-1]
        self.total = last.travelled + last.length + at

    def ground(self, travelled: float, run: int) -> float:
        """Distance over the ground of a place on connected piece ``run``."""
        return travelled + self.skipped[run]

    def place(self, ground: float) -> tuple[Part, float]:
        """Part and travelled metres at a distance; inside an interruption its nearer edge."""
        best: tuple[float, Part, float] | None = None
        for part in self.parts:
            low = part.travelled + self.skipped[part.run]
            inside = min(max(ground - low, 0.0), part.length)
            away = abs(low + inside - ground)
            if best is None or away < best[0] - _NEAR:
                best = (away, part, part.travelled + inside)
        assert best is not None  # noqa: S101 - a branch has parts
        return best[1], best[2]

    def label(self, ground: float) -> str:
        """The stake at a distance."""
        part, travelled = self.place(ground)
        metres = float(part.chainage_at(travelled - part.travelled))
        return stake_text(self.corridor, metres, part.prefix)

    def interrupted(self, low: float, high: float) -> bool:
        """Whether the drawn line is interrupted between two distances."""
        edges = [p.travelled + self.skipped[p.run] for p in self.parts if p.join == "gap"]
        return any(low < edge <= high + _NEAR for edge in edges)


@dataclass(frozen=True)
class _Way:
    """How far it is from an end of a branch, over the junction there, to a service."""

    metres: float
    name: str


def spacing(
    corridor: Corridor,
    services: gpd.GeoDataFrame,
    *,
    standard_km: float,
    within_m: float = 500.0,
    name: str = "name",
    side: Side | None = None,
) -> pd.DataFrame:
    """Distances between services along the corridor, against a limit.

    Parameters
    ----------
    services
        Points of one kind (posts, toilets, chargers, clinics).
    standard_km
        Longest distance between two, limit included; from an open end of the corridor to the first
        one half of it is allowed. A branch that meets another goes on over the junction to the
        nearest service there.
    within_m
        Only services this close to the line count.
    side
        Count only services on this side in the direction of travel (those on the line count on
        both); for roads where one cannot turn.

    Returns
    -------
    One row per interval along each branch: ``branch``, ``side`` (两侧, 左, 右), ``from_name``,
    ``to_name`` (起点, 终点 at the open ends), ``from_chainage``, ``to_chainage``, ``from_m``, ``to_m``
    (travelled), ``spacing_km`` (over the ground, with the way over a junction), ``allowed_km``,
    ``ok``, ``missing`` (how many more would do), ``suggest`` and ``suggest_m`` (where they would best
    stand: evenly between; stakes, and travelled metres), ``note``. A branch without a service is one
    row from end to end.
    """
    if not standard_km > 0:
        raise UsageError(
            Text(
                f"间距标准须为正数，给出的是{standard_km}",
                f"the standard must be positive: {standard_km}",
            )
        )
    limit = standard_km * 1000.0
    stops = _stops(corridor, services, within_m, name, side)
    rows: list[dict[str, Any]] = []
    for branch in corridor.branches:
        ruler = Ruler(corridor, branch)
        mine = stops[branch]
        ways = [_over_junction(corridor, branch, end, stops, limit) for end in (0, -1)]
        ends = [_name(ways[0], START), _name(ways[1], END)]
        at = [0.0, *(g for g, _ in mine), ruler.total]
        names = [ends[0], *(n for _, n in mine), ends[1]]
        last = len(at) - 2
        for i, (low, high) in enumerate(itertools.pairwise(at)):
            before = ways[0] if i == 0 else None
            after = ways[1] if i == last else None
            opens = (i == 0 and before is None, i == last and after is None)
            row = _interval(ruler, low, high, before, after, opens, limit)
            rows.append(
                {"branch": branch, "side": side or EITHER, "from_name": names[i],
                 "to_name": names[i + 1], **row}
            )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _name(way: _Way | None, word: str) -> str:
    return word if way is None else way.name


def _stops(
    corridor: Corridor,
    services: gpd.GeoDataFrame,
    within_m: float,
    name: str,
    side: Side | None,
) -> dict[str, list[tuple[float, str]]]:
    """Services on the road: (distance over the ground, name) per branch, in order."""
    numbered = services.set_axis(pd.RangeIndex(len(services)))
    placed = numbered[numbered.geometry.notna() & ~numbered.geometry.is_empty]
    found = corridor.locate(placed.geometry, within=within_m)
    found = found[found["branch"] != ""]
    if side is not None:
        found = found[found["side"] != (RIGHT if side == LEFT else LEFT)]
    rulers = {branch: Ruler(corridor, branch) for branch in corridor.branches}
    stops: dict[str, list[tuple[float, str]]] = {branch: [] for branch in corridor.branches}
    for row, metres in zip(found.itertuples(), found["travelled_m"], strict=True):
        label = str(numbered[name].iloc[row.Index]) if name in numbered.columns else str(row.Index)
        stops[row.branch].append((rulers[row.branch].ground(metres, row.part), label))
    return {branch: sorted(mine) for branch, mine in stops.items()}


def _over_junction(
    corridor: Corridor,
    branch: str,
    end: int,
    stops: Mapping[str, Sequence[tuple[float, str]]],
    limit: float,
) -> _Way | None:
    """The way from an end of a branch to the nearest service of the line it meets.

    ``None`` where the end is open, or where the other line has nothing within the limit: then the
    branch is judged by itself, as the other line is.
    """
    import geopandas as gpd
    import shapely

    mine = [p for p in corridor.parts if p.branch == branch]
    tip = shapely.Point(mine[end].coords[end])
    ways = []
    # only lines named before it: two branches never vouch for each other
    for other in corridor.branches[: corridor.branches.index(branch)]:
        if not stops[other]:
            continue
        found = corridor.locate(gpd.GeoSeries([tip], crs=corridor.crs), branch=other,
                                within=corridor.tolerance)  # fmt: skip
        if found["branch"].iloc[0] == "":
            continue
        at = Ruler(corridor, other).ground(
            float(found["travelled_m"].iloc[0]), int(found["part"].iloc[0])
        )
        metres, name = min((abs(g - at), n) for g, n in stops[other])
        if metres <= limit + _NEAR:
            ways.append((metres, name))
    return _Way(*min(ways)) if ways else None


def _interval(
    ruler: Ruler,
    low: float,
    high: float,
    before: _Way | None,
    after: _Way | None,
    opens: tuple[bool, bool],
    limit: float,
) -> dict[str, Any]:
    """Measure one interval and say what would close it."""
    lead = before.metres if before else 0.0
    tail = after.metres if after else 0.0
    length = lead + high - low + tail
    allowed = limit * (1.0, 0.5, 0.0)[sum(opens)]
    count = _missing(length, limit, sum(opens))
    # a place that would fall on the other line stands at the junction instead
    places = sorted(
        {min(max(low - lead + length * share, low), high) for share in _shares(count, opens)}
    )
    first, last = ruler.place(low)[1], ruler.place(high)[1]
    note = []
    if before or after:
        note.append("经接点")
    if ruler.interrupted(low, high):
        note.append("含未连通处")
    return {
        "from_chainage": ruler.label(low),
        "to_chainage": ruler.label(high),
        "from_m": first,
        "to_m": last,
        "spacing_km": round(length / 1000.0, 3),
        "allowed_km": allowed / 1000.0,
        "ok": not places,
        "missing": len(places),
        "suggest": "、".join(ruler.label(g) for g in places),
        "suggest_m": tuple(round(ruler.place(g)[1], 3) for g in places),
        "note": "；".join(note),
    }


def _missing(length: float, limit: float, opens: int) -> int:
    """How many services an interval still needs.

    With k services more, an inner interval falls into k + 1 spans; one that starts at an open end
    has one half span; one without any service has two.
    """
    spans = length / limit
    if opens == 0:
        return max(0, int(np.ceil(spans - _NEAR)) - 1)
    if opens == 1:
        return max(0, int(np.ceil(spans - 0.5 - _NEAR)))
    return max(1, int(np.ceil(spans - _NEAR)))


def _shares(missing: int, opens: tuple[bool, bool]) -> list[float]:
    """Where in an interval new services stand: evenly, half a span from an open end."""
    lead = 0.5 if opens[0] else 1.0
    spans = missing - 1 + lead + (0.5 if opens[1] else 1.0)
    return [(k + lead) / spans for k in range(missing)]


def judged(
    corridor: Corridor,
    facilities: gpd.GeoDataFrame,
    limits_km: Mapping[str, float],
    inventories: Mapping[tuple[str, str], Any],
    within_m: float,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Spacing of every kind, by either side and by each: (findings, intervals, by side).

    Parameters
    ----------
    limits_km
        Limit by the key of `KINDS`; kinds without one are not looked at.
    inventories
        How complete the register of each (service, tier) is; one not named does not exist.

    Returns
    -------
    Intervals as `spacing` gives them with ``kind`` in front and ``verdict`` (`VERDICTS`) for
    ``ok``; findings, one row per kind, worst interval first to be built for.
    """
    findings, intervals, sided = [], [], []
    for kind in KINDS:
        if kind.key not in limits_km:
            continue
        limit = float(limits_km[kind.key])
        registers = [Inventory(inventories.get(key, Inventory.NONE)) for key in kind.counted]
        complete = all(r is Inventory.COMPLETE for r in registers)
        pairs = pd.MultiIndex.from_frame(facilities[["service", "tier"]])
        mine = facilities[pairs.isin(kind.counted)]
        row: dict[str, Any] = {"kind": kind.key, "limit_km": limit}
        if not len(mine) and all(r is Inventory.NONE for r in registers):
            findings.append({**row, "verdict": "none"})
            continue
        table = _verdicts(kind, spacing(corridor, mine, standard_km=limit, within_m=within_m),
                          complete=complete)  # fmt: skip
        intervals.append(table)
        for side in (LEFT, RIGHT):
            one = spacing(corridor, mine, standard_km=limit, within_m=within_m, side=side)  # type: ignore[arg-type]
            sided.append(_verdicts(kind, one, complete=complete))
        findings.append({**row, **_finding(table)})
    names = [
        "kind", "verdict", "limit_km", "on_road", "intervals", "over", "branch", "worst_km",
        "worst_allowed_km", "worst_from", "worst_to", "missing", "proposed",
    ]  # fmt: skip
    return (
        pd.DataFrame(findings, columns=names).astype(
            dict.fromkeys(("on_road", "intervals", "over", "missing"), "Int64")
        ),
        pd.concat(intervals, ignore_index=True) if intervals else pd.DataFrame(),
        pd.concat(sided, ignore_index=True) if sided else pd.DataFrame(),
    )


def _verdicts(kind: Kind, table: pd.DataFrame, *, complete: bool) -> pd.DataFrame:
    bad = "over" if complete else "unknown"
    verdict = table["ok"].map({True: "ok", False: bad})
    place = table.columns.get_loc("ok")
    made = table.drop(columns="ok")
    made.insert(int(place), "verdict", verdict)
    made.insert(0, "kind", kind.key)
    return made


def _finding(table: pd.DataFrame) -> dict[str, Any]:
    """One kind in a row: how many stand on the road, the worst interval, what would close it."""
    failed = table[table["verdict"] != "ok"]
    # worst is what takes the greatest share of its own limit; a branch without any has none
    share = table["spacing_km"] / table["allowed_km"].where(table["allowed_km"] > 0, 1e-9)
    worst = table.loc[share.idxmax()]
    return {
        "verdict": "ok" if failed.empty else failed["verdict"].iloc[0],
        "on_road": len(table) - table["branch"].nunique(),
        "intervals": len(table),
        "over": len(failed),
        "branch": worst["branch"],
        "worst_km": worst["spacing_km"],
        "worst_allowed_km": worst["allowed_km"],
        "worst_from": f"{worst['from_name']} {worst['from_chainage']}",
        "worst_to": f"{worst['to_name']} {worst['to_chainage']}",
        "missing": int(table["missing"].sum()),
        "proposed": worst["suggest"],
    }


def proposed(corridor: Corridor, intervals: pd.DataFrame) -> gpd.GeoDataFrame:
    """Points where services would close the gaps: evenly spaced, to be settled on the ground.

    Returns
    -------
    ``kind``, ``branch``, ``chainage`` (stake), ``travelled_m``, ``closes`` (the two ends of the
    interval), ``gap_km``, ``verdict`` of the interval, Point.
    """
    import geopandas as gpd
    import shapely

    rows, points = [], []
    for row in intervals.to_dict("records"):
        for stake, metres in zip(row["suggest"].split("、"), row["suggest_m"], strict=False):
            part = next(
                p
                for p in reversed(corridor.parts)
                if p.branch == row["branch"] and p.travelled <= metres + 1e-6
            )
            points.append(shapely.Point(part.place(metres - part.travelled)))
            rows.append(
                {
                    "kind": row["kind"],
                    "branch": row["branch"],
                    "chainage": stake,
                    "travelled_m": metres,
                    "closes": f"{row['from_name']}—{row['to_name']}",
                    "gap_km": row["spacing_km"],
                    "verdict": row["verdict"],
                }
            )
    names = ["kind", "branch", "chainage", "travelled_m", "closes", "gap_km", "verdict"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=names), geometry=points, crs=corridor.crs)
