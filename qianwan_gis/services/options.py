"""Options of coverage: a second facility in reach, and facilities that can be full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis.schemas import Inventory, Reason
from qianwan_gis.services import access, registry
from qianwan_gis.services.reach import allocate

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services.registry import Service
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws, Positions

#: A facility counts as one that a village goes to when it is in reach in this share of the draws.
_USUAL = 0.5


def extend(
    table: pd.DataFrame,
    service: Service,
    villages: gpd.GeoDataFrame,
    positions: Positions,
    network: RoadNetwork,
    facilities: gpd.GeoDataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    standards: Standards,
    draws: Draws,
    *,
    backup: bool,
    capacity: float | None,
) -> pd.DataFrame:
    """Return the COVERAGE rows of a tier with a second facility, or with full ones told.

    Parameters
    ----------
    table
        Rows of `access.coverage`, villages in the order of ``villages``.
    backup
        Adds ``backup_id``, ``backup_minutes`` (the second nearest facility within the limit in at
        least half of the draws) and ``p_backup`` (share of the draws with two or more in reach).
    capacity
        People that one unit of the recorded ``capacity`` serves (1 where it is in people, more for
        beds or doctors); None is without limits. Facilities take the nearest villages first, each whole;
        a village left over is not covered, reason ``facility_full``. Against a register that is
        not complete it is unknown, because a facility off the record may have room. Villages
        without a population take no room.

    Notes
    -----
    Facilities stand at their recorded place and roads keep their weights (`pairs_in_reach`).
    """
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    places = facilities[own].sort_values("facility_id", ignore_index=True)
    out = table.copy()
    if places.empty:
        return out.assign(backup_id="", backup_minutes=np.nan, p_backup=np.nan) if backup else out
    found = _in_reach(service, villages, positions, network, places, standards, draws)
    ids = places["facility_id"].astype(str).to_numpy()
    known = table["p_covered"].notna().to_numpy()
    if backup:
        out = out.assign(**_second(found, ids, known, draws.n))
    if capacity is not None:
        pairs = found.groupby(["village", "place"])["minutes"].agg(["size", "mean"]).reset_index()
        pairs = pairs[pairs["size"] >= _USUAL * draws.n]
        cost = pd.DataFrame(
            {"origin": pairs["village"], "destination": ids[pairs["place"]], "cost": pairs["mean"]}
        )
        people = pd.to_numeric(villages["population"], errors="coerce").reset_index(drop=True)
        room = pd.to_numeric(places["capacity"], errors="coerce").set_axis(ids) * capacity
        split = allocate(cost, people, room, np.inf, split=False)
        full = np.zeros(len(out), bool)
        full[split.loc[split["reason"].eq(str(Reason.FACILITY_FULL)), "origin"].to_numpy(int)] = (
            True
        )
        full &= out["covered"].fillna(value=False).to_numpy(bool)
        whole = registry.inventory_of(service, inventories) is Inventory.COMPLETE
        covered = out["covered"].astype("boolean").array.copy()
        covered[full] = False if whole else pd.NA
        out["covered"] = covered
        out["reason"] = np.where(full, str(Reason.FACILITY_FULL), out["reason"])
        used = split[split["reason"].eq(str(Reason.OK))].set_index("origin")["destination"]
        served = out["covered"].fillna(value=False).to_numpy(bool)
        moved = served & np.isin(np.arange(len(out)), used.index)
        out.loc[moved, "facility_id"] = used.reindex(np.flatnonzero(moved)).to_numpy()
        minutes = cost.set_index(["origin", "destination"])["cost"]
        keys = list(zip(np.flatnonzero(moved), out.loc[moved, "facility_id"], strict=True))
        changed = (
            out.loc[moved, "facility_id"].to_numpy() != table.loc[moved, "facility_id"].to_numpy()
        )
        # Minutes and metres of the nearest do not hold for those who go to another one.
        rows = np.flatnonzero(moved)[changed]
        out.loc[rows, "minutes"] = [
            round(float(minutes[key]), 1) for key, c in zip(keys, changed, strict=True) if c
        ]
        out.loc[rows, ["minutes_low", "minutes_high", "metres"]] = np.nan
    return out


def _in_reach(
    service: Service,
    villages: gpd.GeoDataFrame,
    positions: Positions,
    network: RoadNetwork,
    places: gpd.GeoDataFrame,
    standards: Standards,
    draws: Draws,
) -> pd.DataFrame:
    """Return pairs within the limit by draw; a facility recorded in a village is at the village."""
    found = access.pairs_in_reach(service, villages, positions, network, places, standards, draws)
    rows = {str(code): row for row, code in enumerate(positions.codes)}
    home = [rows.get(str(code), -1) for code in places["village_code"].fillna("")]
    housed = [(row, place) for place, row in enumerate(home) if row >= 0]
    if not housed:
        return found
    at_home = pd.DataFrame(housed, columns=["village", "place"]).merge(
        pd.DataFrame({"draw": np.arange(draws.n)}), how="cross"
    )
    both = pd.concat([at_home.assign(minutes=0.0), found], ignore_index=True)
    return both.drop_duplicates(["village", "draw", "place"])


def _second(
    found: pd.DataFrame, ids: np.ndarray, known: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    """Return the second nearest usual facility of each village, and how sure a second one is."""
    count = found.groupby(["village", "draw"]).size()
    twice = count[count >= 2].groupby("village").size()
    p = np.zeros(len(known))
    p[twice.index.to_numpy()] = twice.to_numpy() / n
    pairs = found.groupby(["village", "place"])["minutes"].agg(["size", "mean"]).reset_index()
    pairs = pairs[pairs["size"] >= _USUAL * n].sort_values(["village", "mean", "place"])
    second = pairs[pairs.groupby("village").cumcount() == 1]
    name = np.full(len(known), "", dtype=object)
    minutes = np.full(len(known), np.nan)
    name[second["village"]] = ids[second["place"]]
    minutes[second["village"]] = second["mean"].round(1)
    return {
        "backup_id": np.where(known, name, ""),
        "backup_minutes": np.where(known, minutes, np.nan),
        "p_backup": np.where(known, p.round(4), np.nan),
    }
