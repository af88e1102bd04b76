"""What lies along the corridor: reports in chainage order, spacing, people, areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import people as people_rule
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor._nearest import EQUAL
from qianwan_gis.corridor._spacing import (
    KINDS,
    VERDICTS,
    Kind,
    judged,
    proposed,
    spacing,
    stake_text,
)
from qianwan_gis.corridor._strips import strips
from qianwan_gis.corridor._words import COLUMN_TEXT, TITLES, hidden, readable

if TYPE_CHECKING:
    from qianwan_gis.corridor._corridor import Corridor
    from qianwan_gis.network import RoadNetwork

__all__ = [
    "COLUMN_TEXT",
    "KINDS",
    "TITLES",
    "VERDICTS",
    "Kind",
    "along",
    "hidden",
    "judged",
    "people",
    "proposed",
    "readable",
    "served",
    "spacing",
    "strips",
    "tables",
]

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
#: Facilities counted inside zones and areas, by column.
_COUNTED: dict[str, tuple[str, str | None]] = {
    "scenic": ("corridor", "scenic"),
    "posts": ("corridor", "post"),
    "toilets": ("corridor", "toilet"),
    "chargers": ("corridor", "charger"),
    "clinics": ("clinic", None),
}


def tables(
    corridor: Corridor,
    *,
    villages: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    limits_km: Mapping[str, float],
    inventories: Mapping[tuple[str, str], Any],
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
    limits_km
        Spacing limits by the key of `KINDS` (``corridor.<kind>.spacing_km``).
    inventories
        How complete each register is: with an incomplete one no interval is over the limit.
    within_m, minutes, network
        Villages, scenic spots and services are listed within this offset, or within this many
        minutes by road off the corridor where a network is given (limits included); ``reach`` says
        by which.
    near_m
        A service counts as on the road up to this offset, for spacing.
    widths_m, areas, published_total_m
        Zones, 片区 polygons (``name``), published length of the road.

    Returns
    -------
    Tables with codes for words (`readable` turns them into words) and stakes as text beside
    metres; those that nothing is known for are left out.

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
        return _in_reach(
            along(corridor, features, within_m=np.inf, network=network), within_m, minutes
        )

    scenic = facilities["tier"].eq("scenic") & facilities["service"].eq("corridor")
    findings, intervals, sided = judged(corridor, facilities, limits_km, inventories, near_m)
    zones = corridor.zones(widths_m)
    found = {
        "findings": findings,
        "spacing": intervals,
        "spacing_sides": sided,
        "villages": near(villages),
        "scenic": near(facilities[scenic]),
        "services": near(facilities[~scenic]),
        "zones": _with_facilities(people(zones, villages, by="width_m"), zones, facilities),
        "completeness": corridor.completeness(published_total_m),
        "equations": _equations(corridor),
    }
    if len(intervals):
        found["proposed"] = pd.DataFrame(proposed(corridor, intervals).drop(columns="geometry"))
    if "lists" in villages.columns:
        listed = villages[villages["lists"].fillna("") != ""]
        judgement = served(corridor, listed, widths_m=widths_m, regions=regions)
        names = [c for c in ("code", "name", "township", "lists", "category") if c in listed]
        found["served"] = pd.DataFrame(listed[names]).join(judgement).sort_values(
            ["verdict", "code"], key=lambda c: c.map(_VERDICT_ORDER).fillna(9) if c.name == "verdict" else c,
            kind="stable",
        )  # fmt: skip
    if areas is not None and len(areas):
        found["areas"] = _with_facilities(people(areas, villages, by="name"), areas, facilities)
        found["area_villages"] = _area_villages(corridor, areas, villages)
    return {key: found[key] for key in TITLES if key in found and len(found[key])}


_VERDICT_ORDER = {"served": 0, "missed": 1, "undecided": 2}


def _in_reach(table: pd.DataFrame, within_m: float, minutes: float | None) -> pd.DataFrame:
    """Keep what lies near enough, straight or by road, and say by which."""
    close = table["offset_m"].abs() <= within_m + EQUAL
    quick = pd.Series(data=False, index=table.index)
    if minutes is not None and "off_minutes" in table.columns:
        quick = table["off_minutes"] <= minutes + 1e-9
    words = np.select(
        [(close & quick).to_numpy(), close.to_numpy()], ["both", "distance"], default="time"
    )
    place = int(table.columns.get_indexer(["side"])[0]) + 1
    table = table.copy()
    table.insert(place, "reach", words)
    return table[close | quick]


def _equations(corridor: Corridor) -> pd.DataFrame:
    """Station equations with stakes as text: pandas would print them as numbers."""
    table = pd.DataFrame(corridor.equations.drop(columns="geometry"))
    for name in ("back", "ahead"):
        place = int(table.columns.get_indexer([name])[0]) + 1
        table.insert(place, f"{name}_m", [float(v) for v in table[name]])
        table[name] = [str(v) for v in table[name]]
    return table


def _with_facilities(
    table: pd.DataFrame, groups: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Add how many facilities of each kind lie inside each group."""
    placed = facilities.to_crs(groups.crs)
    placed = placed[placed.geometry.notna() & ~placed.geometry.is_empty]
    points = placed.geometry.to_numpy()
    inside = [shapely.dwithin(shape, points, EQUAL) for shape in groups.geometry]
    place = int(table.columns.get_indexer(["listed"])[0]) + 1
    for number, (name, (service, tier)) in enumerate(_COUNTED.items()):
        mine = (placed["service"] == service).to_numpy()
        if tier is not None:
            mine = mine & (placed["tier"] == tier).to_numpy()
        table.insert(place + number, name, [int((held & mine).sum()) for held in inside])
    return table


def _area_villages(
    corridor: Corridor, areas: gpd.GeoDataFrame, villages: gpd.GeoDataFrame
) -> pd.DataFrame:
    """The villages of every area in order of chainage, however far they lie off the corridor."""
    placed = along(corridor, villages, within_m=np.inf)
    points = villages.to_crs(areas.crs).geometry
    parts = []
    for name, shape in zip(areas["name"], areas.geometry, strict=True):
        held = points.index[shapely.intersects(shape, points.to_numpy())]
        mine = placed[placed.index.isin(held)].copy()
        mine.insert(0, "area", str(name))
        parts.append(mine)
    return pd.concat(parts, ignore_index=True)


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
    ``branch``, ``chainage`` (stake as text, to the metre), ``chainage_m``, ``travelled_m`` (from the branch's start),
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
    shown = [_stake(c) for c in table["chainage"]]
    table = table.assign(chainage=shown)
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
    that surely holds it), ``distance_m`` from the line, ``at_least_m`` (how near the region of a
    village without a point comes), ``branch``, ``chainage`` (stake as text), ``chainage_m``,
    ``offset_m``, ``side``.
    """
    widths = sorted(float(w) for w in widths_m)
    located = corridor.locate(villages.geometry)
    result = located[["branch", "chainage", "chainage_m", "offset_m", "side"]].copy()
    result["chainage"] = [_stake(c) for c in result["chainage"]]
    offset = result["offset_m"].abs()
    placed = offset.notna()
    within = pd.Series(np.nan, index=villages.index)
    steps = np.searchsorted(widths, offset[placed].to_numpy() - EQUAL)
    within[placed] = np.array([*widths, np.nan])[steps]
    verdict = pd.Series("undecided", index=villages.index, dtype=object)
    verdict[placed] = np.where(within[placed].notna(), "served", "missed")
    nearest = pd.Series(np.nan, index=villages.index)
    line = shapely.MultiLineString([p.coords for p in corridor.parts])
    if regions is not None and len(regions):
        zones = [corridor.zone(w) for w in widths]
        for code, group in regions.to_crs(corridor.crs).groupby("code"):
            rows = villages.index[(villages["code"] == code).to_numpy() & ~placed.to_numpy()]
            shapes = group.geometry.to_numpy()
            nearest[rows] = float(shapely.distance(line, shapes).min())
            if not shapely.intersects(zones[-1], shapes).any():
                verdict[rows] = "missed"
            elif shapely.covers(zones[-1], shapes).all():
                verdict[rows] = "served"
                within[rows] = next(
                    w for w, z in zip(widths, zones, strict=True) if shapely.covers(z, shapes).all()
                )
    result.insert(0, "verdict", verdict)
    result.insert(1, "within_m", within)
    result.insert(2, "distance_m", offset)
    result.insert(3, "at_least_m", nearest)
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
        mine = placed[shapely.dwithin(shape, placed.geometry.to_numpy(), EQUAL)]
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
    agreed = people_rule.agreement(mine)
    if agreed is None or not agreed.enough:
        count = 0 if agreed is None else int(agreed.rows.sum())
        row["note"] = f"人口口径一致的村不足八成（{count}/{len(mine)}）"
        return row
    row |= {
        "population": int(mine.loc[agreed.rows, "population"].sum()),
        "population_kind": agreed.kind,
        "years": agreed.years("—"),
        "with_people": int(agreed.rows.sum()),
    }
    return row


def _stake(place: Any) -> str:
    """A stake as text, to the metre: pandas would print a chainage as a number."""
    if isinstance(place, Chainage):
        return place.format(0)
    return place if isinstance(place, str) else ""


def _off_road(
    corridor: Corridor, features: gpd.GeoDataFrame, network: RoadNetwork, mode: str | None
) -> pd.DataFrame:
    """Least time from the corridor to each feature, and where to turn off."""
    doors, labels = [], []
    for part in corridor.parts:
        count = max(1, int(np.ceil(part.length / _ACCESS_STEP)))
        for at in np.linspace(0.0, part.length, count + 1):
            doors.append(shapely.Point(part.place(float(at))))
            place = stake_text(corridor, float(part.chainage_at(at)), part.prefix)
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
