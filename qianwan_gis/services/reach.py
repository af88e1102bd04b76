"""Further questions of access: a second facility, full facilities, life circles, all-season roads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qianwan_gis import people as people_rule
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import FacilityBasis, Inventory, Match, Reason

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork

#: A village this near to an assumed facility stands on the same evidence: not assessed.
SAME_POINT_M = 100.0


def backup(
    villages: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    network: RoadNetwork,
    *,
    minutes: float,
    mode: str | None = None,
) -> pd.DataFrame:
    """Return the nearest and the second nearest facility of every village with a point.

    Parameters
    ----------
    villages, facilities
        VILLAGES and FACILITIES of one tier; rows without a point are left out.
    minutes
        Limit, inclusive.

    Returns
    -------
    Table ``code, first_id, first_minutes, second_id, second_minutes, within`` where ``within`` is
    the number of facilities (0, 1 or 2) inside the limit; 2 is backup coverage.
    """
    homes = villages[villages.geometry.notna() & ~villages.geometry.is_empty].set_index("code")
    places = facilities[facilities.geometry.notna() & ~facilities.geometry.is_empty]
    places = places.sort_values("facility_id").set_index("facility_id")
    found = network.nearest(homes, places, k=2, mode=mode)
    table = pd.DataFrame({"code": homes.index.astype(str)})
    for rank, name in ((1, "first"), (2, "second")):
        part = found[found["rank"].eq(rank)].set_index("origin")
        facility = part["facility"].astype(object).reindex(homes.index)
        table[f"{name}_id"] = facility.fillna("").to_numpy()
        table[f"{name}_minutes"] = part["seconds"].reindex(homes.index).to_numpy() / 60.0
    times = table[["first_minutes", "second_minutes"]].to_numpy(float)
    table["within"] = (times <= minutes * (1 + 1e-12)).sum(axis=1)
    return table


def allocate(
    cost: pd.DataFrame,
    demand: pd.Series,
    capacity: pd.Series,
    limit: float,
    *,
    split: bool = True,
) -> pd.DataFrame:
    """Fill facilities with the people nearest to them: a full one covers no more.

    Pairs are taken by rising cost; equal costs in the order of the identifiers, so the order of
    rows does not matter. This is what people do who come in order of distance, not an optimum:
    for the best use of capacities see `siting.mclp(capacity=...)`.

    Parameters
    ----------
    cost
        Long table ``origin, destination, cost``; NaN and inf are unreachable.
    demand
        People by origin; unknown people (NaN) count as nobody.
    capacity
        Room by destination; NaN is without limit.
    limit
        Largest cost, inclusive.
    split
        Whether an origin may divide over facilities; else it is served whole or not at all.

    Returns
    -------
    Table ``origin, destination, cost, people, reason``: one row per origin and facility used
    (reason ``ok``) and one per origin with people left over (no destination; reason
    ``facility_full``, ``over_limit`` or ``no_facility``). People add up to the demand.
    """
    left = demand.fillna(0.0).astype(float).to_dict()
    room = capacity.astype(float).fillna(np.inf).to_dict()
    reachable = np.isfinite(cost["cost"].to_numpy(float))
    known = cost[cost["origin"].isin(left) & cost["destination"].isin(room) & reachable]
    near = known[known["cost"] <= limit].sort_values(["cost", "origin", "destination"])
    rows: list[tuple[object, object, float, float, str]] = []
    for origin, destination, value in zip(
        near["origin"], near["destination"], near["cost"], strict=True
    ):
        wanted, free = left[origin], room[destination]
        served = min(wanted, free) if split else (wanted if wanted <= free else 0.0)
        if served > 0:
            rows.append((origin, destination, float(value), served, str(Reason.OK)))
            left[origin] -= served
            room[destination] -= served
    reached, inside = set(known["origin"]), set(near["origin"])
    for origin, people in left.items():
        if people > 0:
            reason = (
                Reason.FACILITY_FULL
                if origin in inside
                else Reason.OVER_LIMIT
                if origin in reached
                else Reason.NO_FACILITY
            )
            rows.append((origin, "", np.nan, people, str(reason)))
    table = pd.DataFrame(rows, columns=["origin", "destination", "cost", "people", "reason"])
    table = table.astype({"cost": float, "people": float})
    return table.sort_values(["origin", "cost", "destination"], ignore_index=True)


def life_circle(
    minutes: Mapping[str, pd.Series], limit: float, *, required: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return which of the required services each village has within its life circle.

    Parameters
    ----------
    minutes
        Walking minutes to the nearest facility by village code, one Series per service. NaN is
        out of reach; a village missing from a Series is unknown for that service.
    limit
        Minutes, inclusive (15 for 一刻钟便民生活圈).
    required
        Names of the services that make the circle complete; all of ``minutes`` by default.

    Returns
    -------
    Table by code: ``reached, known, required, complete`` (nullable: unknown while nothing known
    is missing but something is unknown), ``missing`` and ``unknown`` (names joined by ;).
    """
    names = list(minutes if required is None else required)
    absent = [name for name in names if name not in minutes]
    codes = sorted({str(code) for series in minutes.values() for code in series.index})
    columns = {
        name: minutes[name].rename(index=str).reindex(codes) for name in names if name in minutes
    }
    asked = {name: set(map(str, minutes[name].index)) for name in columns}
    rows = []
    for code in codes:
        reached = [n for n, series in columns.items() if series[code] <= limit * (1 + 1e-12)]
        unknown = [*absent, *(n for n in columns if code not in asked[n])]
        missing = [n for n in names if n not in reached and n not in unknown]
        complete = False if missing else (pd.NA if unknown else True)
        rows.append(
            (
                code,
                len(reached),
                len(names) - len(unknown),
                len(names),
                complete,
                ";".join(missing),
                ";".join(unknown),
            )
        )
    table = pd.DataFrame(
        rows,
        columns=["code", "reached", "known", "required", "complete", "missing", "unknown"],
    )
    table["complete"] = table["complete"].astype("boolean")
    return table.set_index("code")


def life_circles(
    villages: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    network: RoadNetwork,
    inventories: Mapping[tuple[str, str], Inventory],
    *,
    required: Mapping[str, tuple[str, str]],
    limit: float,
    mode: str = "walk",
) -> pd.DataFrame:
    """Return how complete each village's life circle is, from the network's own times.

    Parameters
    ----------
    villages, facilities
        VILLAGES and FACILITIES; villages without a point are unknown for every service.
    inventories
        How complete each register is. Out of reach of a register that is not complete is unknown:
        silence is not absence. So is a service that is assumed where the village itself stands.
    required
        Which services make the circle: name to (service, tier).
    limit
        Minutes, inclusive (``life_circle.walk_minutes``).
    mode
        Mode of travel.

    Returns
    -------
    As `life_circle`, one row per village in the order of the codes, with a column per service of
    the minutes to the nearest facility.
    """
    has = (villages.geometry.notna() & ~villages.geometry.is_empty).to_numpy()
    homes = villages[has]
    codes = homes["code"].astype(str).to_numpy()
    every = pd.Index(villages["code"].astype(str), name="code").sort_values()
    minutes: dict[str, pd.Series] = {}
    for name, (service, tier) in required.items():
        own = facilities["service"].eq(service) & facilities["tier"].eq(tier)
        places = facilities[own & facilities.geometry.notna() & ~facilities.geometry.is_empty]
        found = np.full(len(codes), np.nan)
        if len(places) and len(codes):
            near = network.nearest(homes, places.sort_values("facility_id"), mode=mode)
            found = near["seconds"].to_numpy(float) / 60.0
        inside = np.isin(codes, facilities.loc[own, "village_code"].fillna("").astype(str))
        found[inside] = 0.0
        series = pd.Series(found, index=codes)[inside | ~same_point(homes, places)]
        inventory = Inventory(inventories.get((service, tier), Inventory.NONE))
        if inventory is not Inventory.COMPLETE:
            series = series[series <= limit * (1 + 1e-12)]
        minutes[name] = series
    made = life_circle(minutes, limit).reindex(every)
    unseen = made["required"].isna()
    made.loc[unseen, ["reached", "known"]] = 0
    made.loc[unseen, "required"] = len(required)
    made.loc[unseen, "missing"] = ""
    made.loc[unseen, "unknown"] = ";".join(required)
    made = made.astype({"reached": int, "known": int, "required": int})
    for name, series in minutes.items():
        made[name] = series.reindex(every).round(1)
    return made


def same_point(villages: gpd.GeoDataFrame, places: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether a village and an assumed facility stand on one and the same evidence.

    That is within 100 m of each other, or a village placed by its seat or shared town point with
    the assumed facility inside its uncertainty: to say that it is reached would be a tautology.
    """
    placed = places.geometry.notna() & ~places.geometry.is_empty
    assumed = places[places["basis"].eq(str(FacilityBasis.ASSUMED)) & placed]
    out = np.zeros(len(villages), bool)
    geometry = villages.geometry
    has = (geometry.notna() & ~geometry.is_empty).to_numpy()
    if assumed.empty or not has.any():
        return out
    tree = shapely.STRtree(assumed.geometry.to_numpy())
    _, distance = tree.query_nearest(
        geometry.to_numpy()[has], return_distance=True, all_matches=False
    )
    match = villages["match"].astype(str).to_numpy()[has]
    reach = pd.to_numeric(villages["uncertainty_m"]).to_numpy(float)[has]
    shared = np.isin(match, [str(Match.SEAT), str(Match.SETTLEMENT)])
    out[has] = (distance <= SAME_POINT_M) | (shared & (distance <= np.nan_to_num(reach)))
    return out


def rural_access_index(
    villages: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    *,
    all_season: pd.Series | Collection[str],
    network: RoadNetwork | None = None,
    distance_m: float = 2000.0,
    rural: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the Rural Access Index (SDG 9.1.1): who lives within 2 km of an all-season road.

    Parameters
    ----------
    villages
        VILLAGES; those without a point are not assessed.
    roads
        ROADS in the same projected CRS. Planned roads and motorways (no way on) never count.
    all_season
        Which roads stay open all year: a boolean Series by road row, or the values of
        ``surface`` that count. Always explicit, because it decides the result.
    network
        Adds the distance along the network to the nearest all-season road.
    distance_m
        Inclusive.
    rural
        Boolean by village row; all villages are rural without it.

    Returns
    -------
    Table by method (``straight``, ``network``): ``villages, assessed, within, within_low,
    within_high, share_villages, people, people_within, share_people``. ``within_low`` counts the
    villages that are within wherever in their uncertainty (90 % radius) they lie,
    ``within_high`` those that may be; along the network as if every metre counted once. The people columns are empty unless 80 % of the
    assessed villages have a population of one definition within ten years (`qianwan_gis.people`).
    """
    if isinstance(all_season, pd.Series):
        open_all_year = all_season.reindex(roads.index).fillna(value=False).astype(bool)
    else:
        open_all_year = roads["surface"].isin(list(all_season))
    usable = open_all_year & roads["status"].eq("existing") & roads["road_class"].ne("motorway")
    usable &= roads.geometry.notna() & ~roads.geometry.is_empty
    subject = villages if rural is None else villages[rural.reindex(villages.index).astype(bool)]
    has = subject.geometry.notna() & ~subject.geometry.is_empty
    homes = subject[has]
    if villages.crs != roads.crs:
        raise UsageError(Text("村庄与道路坐标系不同", "villages and roads differ in CRS"))
    straight = np.full(len(homes), np.inf)
    if usable.any() and len(homes):
        tree = shapely.STRtree(roads.geometry.to_numpy()[usable.to_numpy()])
        straight = tree.query_nearest(
            homes.geometry.to_numpy(), return_distance=True, all_matches=False
        )[1]
    rows = {"straight": _index_row(subject, homes, straight, distance_m)}
    if network is not None:
        along = _along_network(homes, network, set(roads.loc[usable, "road_id"].astype(str)))
        rows["network"] = _index_row(subject, homes, along, distance_m)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def _along_network(homes: gpd.GeoDataFrame, network: RoadNetwork, good: set[str]) -> np.ndarray:
    """Return metres from each village, leg included, to the nearest all-season road."""
    edge_good = network.attributes["road_id"].astype(str).isin(good).to_numpy()
    nodes = np.unique(np.r_[network.u[edge_good], network.v[edge_good]])
    starts = network.snap(homes)
    metres = np.full(len(homes), np.inf)
    if len(nodes):
        found = network.nearest(starts, network.node_ids[nodes], by="metres")
        metres = found["metres"].fillna(np.inf).to_numpy()
    on_good = (starts.edge >= 0) & edge_good[np.maximum(starts.edge, 0)]
    return np.where(on_good, starts.metres, metres)


def _index_row(
    subject: gpd.GeoDataFrame, homes: gpd.GeoDataFrame, metres: np.ndarray, limit: float
) -> dict[str, float]:
    near = metres <= limit * (1 + 1e-12)
    n = len(homes)
    doubt = homes["uncertainty_m"].fillna(0.0).to_numpy(float)
    row = {
        "villages": float(len(subject)),
        "assessed": float(n),
        "within": float(near.sum()),
        "within_low": float((metres + doubt <= limit * (1 + 1e-12)).sum()),
        "within_high": float((metres - doubt <= limit * (1 + 1e-12)).sum()),
        "share_villages": near.sum() / n if n else np.nan,
        "people": np.nan,
        "people_within": np.nan,
        "share_people": np.nan,
    }
    agreed = people_rule.agreement(homes)
    if agreed is not None and agreed.enough:
        people = pd.to_numeric(homes["population"], errors="coerce").to_numpy(float)
        total = float(people[agreed.rows].sum())
        inside = float(people[agreed.rows & near].sum())
        share = inside / total if total > 0 else np.nan
        row |= {"people": total, "people_within": inside, "share_people": share}
    return row


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return what changed between two scenarios of COVERAGE, one row per village and tier.

    Returns
    -------
    Table ``code, service, tier, covered_before, covered_after, minutes_before, minutes_after,
    change``: ``gained``, ``lost``, ``decided``, ``undecided`` or ``same``.
    """
    keys = ["code", "service", "tier"]
    columns = [*keys, "covered", "minutes"]
    both = before[columns].merge(after[columns], on=keys, suffixes=("_before", "_after"))
    old, new = (both[f"covered_{k}"].astype("boolean") for k in ("before", "after"))
    change = np.full(len(both), "same", dtype=object)
    change[(old.isna() & new.notna()).to_numpy()] = "decided"
    change[(old.notna() & new.isna()).to_numpy()] = "undecided"
    yes_old, yes_new = (
        old.fillna(value=False).to_numpy(bool),
        new.fillna(value=False).to_numpy(bool),
    )
    change[(old.notna() & new.notna()).to_numpy() & ~yes_old & yes_new] = "gained"
    change[(old.notna() & new.notna()).to_numpy() & yes_old & ~yes_new] = "lost"
    both["change"] = change
    order = ["covered_before", "covered_after", "minutes_before", "minutes_after", "change"]
    return both[[*keys, *order]]
