"""What lies along the corridor: reports in chainage order, spacing, people, strip maps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.corridor._corridor import _geometry

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.corridor._corridor import Corridor
    from qianwan_gis.network import RoadNetwork

_ACCESS_STEP = 200.0  # m between the places where one may leave the corridor
_LEADING = [
    "branch",
    "chainage",
    "chainage_m",
    "travelled_m",
    "offset_m",
    "side",
    "off_minutes",
    "off_metres",
    "turn_off",
]
_SHARED_DEFINITION = 0.8  # DESIGN: people are shown where this share has one definition ...
_YEARS_APART = 10  # ... within this many years


#: The tables of `tables`, as readers see them named.
TITLES: dict[str, Text] = {
    "villages": Text("沿线村庄", "Villages along the corridor"),
    "scenic": Text("沿线景点", "Scenic spots along the corridor"),
    "services": Text("沿线服务设施", "Services along the corridor"),
    "spacing": Text("服务设施间距", "Spacing of services"),
    "served": Text("名单村与廊带", "Listed villages and the corridor"),
    "zones": Text("廊带影响区村庄与人口", "Villages and people in the corridor zones"),
    "areas": Text("片区村庄与人口", "Villages and people in the areas"),
    "completeness": Text("路段长度核对", "Segment lengths against published ones"),
    "equations": Text("断链表", "Station equations"),
}

#: Column headings of these tables beyond those of `qianwan_gis.schemas`.
COLUMN_TEXT: dict[str, Text] = {
    "branch": Text("线别", "Branch"),
    "chainage": Text("桩号", "Chainage"),
    "chainage_m": Text("桩号里程（米）", "Chainage, m"),
    "travelled_m": Text("沿线里程（米）", "Distance along the line, m"),
    "offset_m": Text("偏距（米，左正右负）", "Offset, m (left positive)"),
    "side": Text("侧别", "Side"),
    "within_m": Text("所在影响区（米）", "Within, m"),
    "off_minutes": Text("离线行车时间（分钟）", "Minutes off the road"),
    "off_metres": Text("离线行车里程（米）", "Metres off the road"),
    "turn_off": Text("下线处", "Turn off at"),
    "service": Text("设施类别", "Service"),
    "from_name": Text("自", "From"),
    "to_name": Text("至", "To"),
    "from_chainage": Text("起点桩号", "From chainage"),
    "to_chainage": Text("终点桩号", "To chainage"),
    "spacing_km": Text("间距（公里）", "Spacing, km"),
    "allowed_km": Text("允许间距（公里）", "Allowed, km"),
    "ok": Text("是否达标", "Within the standard"),
    "missing": Text("缺设施数", "Missing"),
    "suggest": Text("建议增设处", "Suggested places"),
    "verdict": Text("判定", "Verdict"),
    "villages": Text("村庄数", "Villages"),
    "listed": Text("名单村数", "Listed villages"),
    "with_people": Text("口径一致的村数", "Villages with comparable people"),
    "population": Text("人口", "People"),
    "population_kind": Text("人口口径", "Population kind"),
    "years": Text("人口年份", "Years"),
    "note": Text("说明", "Note"),
    "width_m": Text("离线距离（米）", "Width, m"),
    "drawn_m": Text("图上长度（米）", "Drawn, m"),
    "published_m": Text("公布长度（米）", "Published, m"),
    "difference_m": Text("差（米）", "Difference, m"),
    "difference_pct": Text("差（%）", "Difference, %"),
    "kind": Text("类别", "Kind"),
    "back": Text("来向桩号", "Back chainage"),
    "ahead": Text("去向桩号", "Ahead chainage"),
    "metres": Text("长短（米，长链为正）", "Metres (long positive)"),
}

#: Kinds of service whose spacing along the corridor is looked at: (service, tier).
SPACED: tuple[tuple[str, str], ...] = (
    ("corridor", "post"),
    ("corridor", "toilet"),
    ("corridor", "charger"),
    ("clinic", "village"),
)


def tables(
    corridor: Corridor,
    *,
    villages: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    standard_km: float,
    within_m: float = 5000.0,
    near_m: float = 500.0,
    widths_m: Sequence[float] = (1000.0, 2000.0, 5000.0),
    network: RoadNetwork | None = None,
    minutes: float | None = None,
    regions: gpd.GeoDataFrame | None = None,
    areas: gpd.GeoDataFrame | None = None,
    published_total_m: float | None = None,
) -> dict[str, pd.DataFrame]:
    """All tables of the corridor report, by the keys of `TITLES`.

    Parameters
    ----------
    villages, facilities, regions
        VILLAGES, FACILITIES, REGIONS; listed villages are those with ``lists``.
    standard_km
        Standard of spacing (``corridor.station.spacing_km``).
    within_m, minutes, network
        As in `along`, for villages, scenic spots and services.
    near_m
        A service counts as on the road up to this offset, for spacing.
    widths_m, areas, published_total_m
        Zones, 片区 polygons (``name``), published length of the road.

    Returns
    -------
    Tables; those that nothing is known for are left out.

    Raises
    ------
    UsageError
        The corridor is presumed: a sketch feeds no table.
    """
    if corridor.basis == "presumed":
        raise UsageError(
            Text(
                "推定走向仅为示意，不出廊带报表",
                "a presumed course is a sketch: no corridor tables",
            )
        )

    def near(features: gpd.GeoDataFrame) -> pd.DataFrame:
        return along(corridor, features, within_m=within_m, network=network, minutes=minutes)

    scenic = facilities["tier"].eq("scenic") & facilities["service"].eq("corridor")
    found = {
        "villages": near(villages),
        "scenic": near(facilities[scenic]),
        "services": near(facilities[~scenic]),
        "spacing": _spacings(corridor, facilities, standard_km, near_m),
        "zones": people(corridor.zones(widths_m), villages, by="width_m"),
        "completeness": corridor.completeness(published_total_m),
        "equations": pd.DataFrame(corridor.equations.drop(columns="geometry")),
    }
    if "lists" in villages.columns:
        listed = villages[villages["lists"].fillna("") != ""]
        judged = served(corridor, listed, widths_m=widths_m, regions=regions)
        names = [c for c in ("code", "name", "township", "lists", "category") if c in listed]
        found["served"] = pd.DataFrame(listed[names]).join(judged)
    if areas is not None and len(areas):
        found["areas"] = people(areas, villages, by="name")
    return {key: found[key] for key in TITLES if key in found and len(found[key])}


def _spacings(
    corridor: Corridor, facilities: gpd.GeoDataFrame, standard_km: float, near_m: float
) -> pd.DataFrame:
    parts = []
    for service, tier in SPACED:
        mine = facilities[facilities["service"].eq(service) & facilities["tier"].eq(tier)]
        if len(mine):
            table = spacing(corridor, mine, standard_km=standard_km, within_m=near_m)
            table.insert(0, "service", f"{service}.{tier}")
            parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def along(
    corridor: Corridor,
    features: gpd.GeoDataFrame,
    *,
    within_m: float = 5000.0,
    network: RoadNetwork | None = None,
    minutes: float | None = None,
    mode: str | None = None,
) -> pd.DataFrame:
    """List what lies within reach of the corridor, in the order of chainage.

    Parameters
    ----------
    features
        Points with any attributes (villages, scenic spots, posts, clinics): all columns are kept.
    within_m
        Farthest straight distance from the line.
    network
        Roads to drive on off the corridor; gives the real way from the corridor.
    minutes
        Keep only what is reached within this many minutes off the corridor (limit included).
    mode
        The network's mode; its first when not given.

    Returns
    -------
    ``branch``, ``chainage``, ``chainage_m``, ``travelled_m`` (from the branch's start),
    ``offset_m``, ``side``, and with a network ``off_minutes``, ``off_metres`` and ``turn_off``
    (where to leave the corridor; NaN and empty where there is no way), then the features' columns.
    Sorted by branch and place, nearest first at one place; the index is the features'.
    """
    if minutes is not None and network is None:
        raise UsageError(Text("按分钟筛选需要路网", "minutes off the road need a network"))
    # by position, so that labels may repeat
    numbered = features.set_axis(pd.RangeIndex(len(features)))
    placed = numbered[numbered.geometry.notna() & ~numbered.geometry.is_empty]
    table = corridor.locate(placed.geometry, within=within_m)
    table = table[table["branch"] != ""]
    table = table.assign(travelled_m=_travelled(corridor, table))
    if network is not None:
        table = table.join(_off_road(corridor, placed.loc[table.index], network, mode))
    if minutes is not None:
        table = table[table["off_minutes"] <= minutes + 1e-9]
    leading = [c for c in _LEADING if c in table.columns]
    rest = [c for c in features.columns if c not in leading and c != features.geometry.name]
    result = table[leading].join(numbered[rest])
    keys = pd.DataFrame(
        {
            "branch": result["branch"].map({b: i for i, b in enumerate(corridor.branches)}),
            "at": result["travelled_m"].round(3),
            "off": result["offset_m"].abs(),
        }
    )
    order = keys.sort_values(["branch", "at", "off"], kind="stable").index
    return result.loc[order].set_axis(features.index[order])


def spacing(
    corridor: Corridor,
    services: gpd.GeoDataFrame,
    *,
    standard_km: float,
    within_m: float = 500.0,
    name: str = "name",
) -> pd.DataFrame:
    """Distances between services along the corridor, against a standard.

    Parameters
    ----------
    services
        Points of one kind (posts, toilets, chargers, clinics).
    standard_km
        Longest distance between two, limit included; from an end of the corridor to the first one
        half of it is allowed; a branch needs at least one.
    within_m
        Only services this close to the line count.

    Returns
    -------
    One row per interval along each branch: ``branch``, ``from_name``, ``to_name`` (起点, 终点 at the
    ends), ``from_chainage``, ``to_chainage``, ``spacing_km`` (travelled), ``allowed_km``,
    ``ok``, ``missing`` (how many more would do), ``suggest`` (where they would best stand, evenly
    between). A branch without a service is one row from end to end.
    """
    if not standard_km > 0:
        raise UsageError(
            Text(
                f"间距标准须为正数，给出的是{standard_km}",
                f"the standard must be positive: {standard_km}",
            )
        )
    near = along(corridor, services, within_m=within_m)
    rows = []
    for branch in corridor.branches:
        parts = [p for p in corridor.parts if p.branch == branch]
        total = parts[-1].travelled + parts[-1].length
        mine = near[near["branch"] == branch]
        at = [0.0, *mine["travelled_m"], total]
        names = [
            "起点",
            *(mine[name].astype(str) if name in mine.columns else mine.index.astype(str)),
            "终点",
        ]
        last = len(at) - 1
        for i, (low, high) in enumerate(itertools.pairwise(at)):
            length = (high - low) / 1000.0
            ends = (i == 0) + (i == last - 1)
            # half a standard from an end; nothing where there is no service at all
            allowed = standard_km * (1.0, 0.5, 0.0)[ends]
            missing = _missing(length, standard_km, ends)
            rows.append(
                {
                    "branch": branch,
                    "from_name": names[i],
                    "to_name": names[i + 1],
                    "from_chainage": _label_at(corridor, parts, low),
                    "to_chainage": _label_at(corridor, parts, high),
                    "spacing_km": round(length, 3),
                    "allowed_km": allowed,
                    "ok": missing == 0,
                    "missing": missing,
                    "suggest": "、".join(
                        _label_at(corridor, parts, low + (high - low) * share)
                        for share in _shares(missing, ends, i == 0)
                    ),
                }
            )
    return pd.DataFrame(rows)


def _missing(length_km: float, standard_km: float, ends: int) -> int:
    """How many services an interval still needs.

    With k services more, an inner interval falls into k + 1 spans; one that starts at an end of
    the corridor has one half span; one without any service has two.
    """
    spans = length_km / standard_km
    if ends == 0:
        return max(0, int(np.ceil(spans - 1e-9)) - 1)
    if ends == 1:
        return max(0, int(np.ceil(spans - 0.5 - 1e-9)))
    return max(1, int(np.ceil(spans - 1e-9)))


def _shares(missing: int, ends: int, at_start: bool) -> list[float]:
    """Where in an interval new services stand: evenly, half a span from an end of the corridor."""
    if ends == 0:
        return [(k + 1) / (missing + 1) for k in range(missing)]
    if ends == 1:
        places = [(k + 0.5) / (missing + 0.5) for k in range(missing)]
        return places if at_start else sorted(1.0 - p for p in places)
    return [(k + 0.5) / missing for k in range(missing)]


def served(
    corridor: Corridor,
    villages: gpd.GeoDataFrame,
    *,
    widths_m: Sequence[float] = (1000.0, 2000.0, 5000.0),
    regions: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Which villages the corridor serves, which it misses, and which nobody can say.

    Parameters
    ----------
    villages
        VILLAGES rows to be judged, usually the listed ones.
    regions
        REGIONS of villages without a point: one that lies wholly inside a zone is served, wholly
        outside all of them missed, else undecided.

    Returns
    -------
    Index of ``villages``: ``verdict`` (served, missed, undecided), ``within_m`` (narrowest zone
    that surely holds it), ``branch``, ``chainage``, ``offset_m``, ``side``.
    """
    widths = sorted(float(w) for w in widths_m)
    located = corridor.locate(villages.geometry)
    result = located[["branch", "chainage", "offset_m", "side"]].copy()
    offset = result["offset_m"].abs()
    placed = offset.notna()
    within = pd.Series(np.nan, index=villages.index)
    steps = np.searchsorted(widths, offset[placed].to_numpy() - 1e-9)
    within[placed] = np.array([*widths, np.nan])[steps]
    verdict = pd.Series("undecided", index=villages.index, dtype=object)
    verdict[placed] = np.where(within[placed].notna(), "served", "missed")
    if regions is not None and len(regions):
        zones = [corridor.zone(w) for w in widths]
        for code, group in regions.to_crs(corridor.crs).groupby("code"):
            rows = villages.index[(villages["code"] == code).to_numpy() & ~placed.to_numpy()]
            shapes = group.geometry.to_numpy()
            if not shapely.intersects(zones[-1], shapes).any():
                verdict[rows] = "missed"
            elif shapely.covers(zones[-1], shapes).all():
                verdict[rows] = "served"
                within[rows] = next(
                    w for w, z in zip(widths, zones, strict=True) if shapely.covers(z, shapes).all()
                )
    result.insert(0, "verdict", verdict)
    result.insert(1, "within_m", within)
    return result


def people(
    groups: gpd.GeoDataFrame,
    villages: gpd.GeoDataFrame,
    *,
    by: str,
) -> pd.DataFrame:
    """Villages and people inside areas: zones of the corridor, or the 片区.

    Parameters
    ----------
    groups
        Polygons with the column ``by`` (``width_m`` of `Corridor.zones`, ``name`` of areas).
        Zones hold the narrower ones, so their rows do not add up.
    villages
        VILLAGES with points; ``population``, ``population_kind``, ``population_year``.

    Returns
    -------
    ``by``, ``villages``, ``listed`` (on an official list, where ``lists`` is known),
    ``with_people`` (villages whose population is known), ``population``: given only where at least
    80 % of the group's villages share one definition within ten years, else empty with the reason in
    ``note``; ``population_kind``, ``years``.
    """
    moved = villages.to_crs(groups.crs)
    placed = moved[moved.geometry.notna() & ~moved.geometry.is_empty]
    rows = []
    for label, shape in zip(groups[by], groups.geometry, strict=True):
        shapely.prepare(shape)
        # a village on the edge is in it: limits are inclusive
        mine = placed[shapely.intersects(shape, placed.geometry.to_numpy())]
        rows.append({by: label, **_count(mine)})
    return pd.DataFrame(rows)


def _count(mine: gpd.GeoDataFrame) -> dict[str, Any]:
    listed = int((mine["lists"].fillna("") != "").sum()) if "lists" in mine.columns else pd.NA
    known = mine[mine["population"].notna()]
    row: dict[str, Any] = {
        "villages": len(mine),
        "listed": listed,
        "with_people": len(known),
        "population": pd.NA,
        "population_kind": "",
        "years": "",
        "note": "",
    }
    if not len(mine):
        row["note"] = "没有村庄"
        return row
    best = _largest_agreement(known)
    if best is None or len(best[2]) < _SHARED_DEFINITION * len(mine):
        row["note"] = (
            f"人口口径一致的村不足八成（{0 if best is None else len(best[2])}/{len(mine)}）"
        )
        return row
    kind, years, rows = best
    row |= {
        "population": int(rows["population"].sum()),
        "population_kind": kind,
        "years": years,
        "with_people": len(rows),
    }
    return row


def _largest_agreement(known: gpd.GeoDataFrame) -> tuple[str, str, gpd.GeoDataFrame] | None:
    """The largest set of villages with one definition and years at most ten apart."""
    best: tuple[str, str, gpd.GeoDataFrame] | None = None
    stated = known[(known["population_kind"].fillna("") != "") & known["population_year"].notna()]
    for kind, group in stated.groupby("population_kind", sort=True):
        years = group["population_year"].astype(int)
        for first in sorted(set(years)):
            chosen = group[(years >= first) & (years <= first + _YEARS_APART)]
            if best is None or len(chosen) > len(best[2]):
                low, high = (
                    int(chosen["population_year"].min()),
                    int(chosen["population_year"].max()),
                )
                best = (str(kind), str(low) if low == high else f"{low}—{high}", chosen)
    return best


def strips(
    corridor: Corridor, *, every: float = 10_000.0, overlap: float = 500.0, width_m: float = 3000.0
) -> gpd.GeoDataFrame:
    """Frames of a strip map: one sheet per stretch of the corridor.

    Returns
    -------
    ``branch``, ``sheet`` (number in the branch), ``start``, ``end`` (labels), ``from_m``, ``to_m``
    (travelled), ``angle`` (degrees to turn the sheet clockwise so that travel runs left to right),
    ``line`` (WKB of the stretch) and the frame's polygon: the least rectangle along the
    stretch's main direction that holds it with ``width_m`` on either side. Neighbouring sheets share
    ``overlap`` metres.
    """
    import geopandas as gpd

    if not (every > 0 and 0 <= overlap < every and width_m > 0):
        raise UsageError(
            Text("每幅长度须为正数，且大于重叠", "sheets must be longer than their overlap")
        )
    rows, shapes = [], []
    for branch in corridor.branches:
        parts = [p for p in corridor.parts if p.branch == branch]
        total = parts[-1].travelled + parts[-1].length
        count = max(1, int(np.ceil((total - overlap) / (every - overlap) - 1e-9)))
        for sheet in range(count):
            low = sheet * (every - overlap)
            high = min(low + every, total)
            pieces = [
                (p.stretch(max(low - p.travelled, 0.0), min(high - p.travelled, p.length)), p)
                for p in parts
                if min(high - p.travelled, p.length) > max(low - p.travelled, 0.0)
            ]
            line = _geometry([piece for piece, _ in pieces], [p for _, p in pieces])
            frame, angle = _frame(shapely.get_coordinates(line), width_m)
            rows.append(
                {
                    "branch": branch,
                    "sheet": sheet + 1,
                    "start": _label_at(corridor, parts, low),
                    "end": _label_at(corridor, parts, high, after=False),
                    "from_m": low,
                    "to_m": high,
                    "angle": angle,
                    "line": shapely.to_wkb(line),
                }
            )
            shapes.append(frame)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=corridor.crs)


def _frame(xy: np.ndarray, width_m: float) -> tuple[shapely.Polygon, float]:
    way = xy[-1] - xy[0]
    if np.hypot(*way) < 1.0:  # a ring has no way of its own
        way = np.array([1.0, 0.0])
    angle = float(np.degrees(np.arctan2(way[1], way[0])))
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned = xy @ np.array([[c, -s], [s, c]])
    low, high = turned.min(axis=0) - width_m, turned.max(axis=0) + width_m
    box = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return shapely.Polygon(box @ np.array([[c, s], [-s, c]])), angle


def _travelled(corridor: Corridor, table: pd.DataFrame) -> list[float]:
    """Travelled metres of located rows: chainage may repeat, distance along the line does not."""
    found = []
    for branch, chainage, run in zip(
        table["branch"], table["chainage_m"], table["part"], strict=True
    ):
        parts = [p for p in corridor.parts if p.branch == branch and p.run == run]
        found.append((parts, chainage))
    return [
        next(
            p.travelled + float(p.metres_at(c))
            for p in parts
            if p.start - 1e-6 <= c <= p.end + 1e-6
        )
        for parts, c in found
    ]


def _off_road(
    corridor: Corridor, features: gpd.GeoDataFrame, network: RoadNetwork, mode: str | None
) -> pd.DataFrame:
    """Least time from the corridor to each feature, and where to turn off."""
    import geopandas as gpd

    doors, labels = [], []
    for part in corridor.parts:
        count = max(1, int(np.ceil(part.length / _ACCESS_STEP)))
        for at in np.linspace(0.0, part.length, count + 1):
            doors.append(shapely.Point(part.place(float(at))))
            place = corridor._label(float(part.chainage_at(at)), part.prefix)
            labels.append(f"{part.branch} {place}")
    access = gpd.GeoSeries(doors, crs=corridor.crs)
    found = network.nearest(features.geometry, access, by="seconds", mode=mode)
    return pd.DataFrame(
        {
            "off_minutes": found["seconds"].to_numpy() / 60.0,
            "off_metres": found["metres"].to_numpy(),
            "turn_off": [
                labels[int(f)] if pd.notna(f) and s == s else ""
                for f, s in zip(found["facility"], found["seconds"], strict=True)
            ],
        },
        index=features.index,
    )


def _label_at(
    corridor: Corridor, parts: Sequence[Any], travelled: float, *, after: bool = True
) -> str:
    from qianwan_gis.corridor.events import _part_at

    part = _part_at(parts, travelled, after=after)
    return corridor._label(float(part.chainage_at(travelled - part.travelled)), part.prefix)
