"""Options of coverage: a second facility in reach, and facilities that can be full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis.schemas import Inventory, Reason
from qianwan_gis.services import access, registry
from qianwan_gis.services.reach import allocate
from qianwan_gis.uncertainty import SURE

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services.access import Place
    from qianwan_gis.services.ground import Ground
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
    ground: Ground | None = None,
    place: Place | None = None,
) -> pd.DataFrame:
    """Return the COVERAGE rows of a tier with a second facility, or with full ones told.

    Parameters
    ----------
    table
        Rows of `access.coverage`, villages in the order of ``villages``.
    backup
        Adds ``backup_id``, ``backup_minutes`` (the second nearest facility within the limit in at
        least half of the draws) and ``p_backup`` (share of the draws with two or more in reach;
        empty where the register is not complete and a second one is not sure).
    capacity
        People that one unit of the recorded ``capacity`` serves (1 where it is in people, more for
        beds or doctors); None is without limits. People go to the nearest facility that has room,
        the nearest first; a village may divide over several. It is covered when all its people
        find room, else the reason is ``facility_full``. Against a register that is not complete
        that is unknown, because a facility off the record may have room. Villages without a
        population take no room. Adds ``served``, the share of the people who find room.

    Notes
    -----
    Facilities stand at their recorded place and roads keep their weights (`pairs_in_reach`). Because
    villages may divide, more room or one more facility never takes room from any village; whole
    villages first come first served would not have that property.
    """
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    places = facilities[own].sort_values("facility_id", ignore_index=True)
    out = table.copy()
    if places.empty:
        return out.assign(backup_id="", backup_minutes=np.nan, p_backup=np.nan) if backup else out
    found = _in_reach(
        service, villages, positions, network, places, standards, draws, ground, place
    )
    ids = places["facility_id"].astype(str).to_numpy()
    known = table["p_covered"].notna().to_numpy()
    whole = registry.inventory_of(service, inventories) is Inventory.COMPLETE
    if backup:
        out = out.assign(**_second(found, ids, known, draws.n, whole=whole))
    if capacity is not None:
        out = _filled(out, found, villages, places, ids, draws.n, capacity, whole=whole)
    return out


def _filled(
    table: pd.DataFrame,
    found: pd.DataFrame,
    villages: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    ids: np.ndarray,
    n: int,
    capacity: float,
    *,
    whole: bool,
) -> pd.DataFrame:
    """Return the rows with the people who find room, and who does not."""
    out = table.copy()
    pairs = _usual(found, n)
    codes = out["code"].astype(str).to_numpy()  # ties are settled by code, not by row
    cost = pd.DataFrame(
        {
            "origin": codes[pairs["village"]],
            "destination": ids[pairs["place"]],
            "cost": pairs["minutes"].to_numpy(),
        }
    )
    people = pd.to_numeric(villages["population"], errors="coerce").to_numpy(float)
    room = pd.to_numeric(places["capacity"], errors="coerce").set_axis(ids) * capacity
    split = allocate(cost, pd.Series(people, index=codes), room, np.inf)
    used = split[split["reason"].eq(str(Reason.OK))]
    placed = used.groupby("origin")["people"].sum().reindex(codes).fillna(0.0).to_numpy()
    covered = out["covered"].fillna(value=False).to_numpy(bool)
    counted = covered & (people > 0) & np.isin(codes, cost["origin"])
    served = np.where(
        counted, np.divide(placed, people, where=counted, out=np.zeros(len(out))), np.nan
    )
    full = counted & (served < 1.0 - 1e-9)
    verdict = out["covered"].astype("boolean").array.copy()
    verdict[full] = False if whole else pd.NA
    out["covered"] = verdict
    out["reason"] = np.where(full, str(Reason.FACILITY_FULL), out["reason"])
    out["served"] = np.round(served, 4)
    # Most of a village's people decide which facility it is said to go to.
    most = used.sort_values(["origin", "people", "cost", "destination"],
                            ascending=[True, False, True, True]).drop_duplicates("origin")  # fmt: skip
    most = most.set_index("origin").reindex(codes)
    goes = counted & most["destination"].notna().to_numpy()
    elsewhere = goes & (
        most["destination"].astype(object).fillna("").to_numpy() != out["facility_id"].to_numpy()
    )
    out.loc[elsewhere, "facility_id"] = most["destination"].to_numpy()[elsewhere]
    # Minutes and metres of the nearest do not hold for those who go to another one.
    out.loc[elsewhere, "minutes"] = np.round(most["cost"].to_numpy(float)[elsewhere], 1)
    out.loc[elsewhere, ["minutes_low", "minutes_high", "metres"]] = np.nan
    return out


def _in_reach(
    service: Service,
    villages: gpd.GeoDataFrame,
    positions: Positions,
    network: RoadNetwork,
    places: gpd.GeoDataFrame,
    standards: Standards,
    draws: Draws,
    ground: Ground | None,
    place: Place | None,
) -> pd.DataFrame:
    """Return pairs within the limit by draw; a facility recorded in a village is at the village."""
    found = access.pairs_in_reach(
        service,
        villages,
        positions,
        network,
        places,
        standards,
        draws,
        ground=ground,
        place=place,
    )
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


def _usual(found: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the pairs within the limit in at least half of the draws, with their median minutes.

    That median is of all draws, those over the limit included: it does not depend on the limit.
    """
    ordered = found.sort_values(["village", "place", "minutes"])
    rank = ordered.groupby(["village", "place"]).cumcount()
    middle = int(np.ceil(_USUAL * n)) - 1
    return ordered.loc[rank == middle, ["village", "place", "minutes"]].reset_index(drop=True)


def _second(
    found: pd.DataFrame, ids: np.ndarray, known: np.ndarray, n: int, *, whole: bool
) -> dict[str, np.ndarray]:
    """Return the second nearest usual facility of each village, and how sure a second one is."""
    count = found.groupby(["village", "draw"]).size()
    twice = count[count >= 2].groupby("village").size()
    p = np.zeros(len(known))
    p[twice.index.to_numpy()] = twice.to_numpy() / n
    known = known if whole else known & (p >= SURE - 1e-9)  # silence is not absence
    pairs = _usual(found, n).sort_values(["village", "minutes", "place"])
    second = pairs[pairs.groupby("village").cumcount() == 1]
    name = np.full(len(known), "", dtype=object)
    minutes = np.full(len(known), np.nan)
    name[second["village"]] = ids[second["place"]]
    minutes[second["village"]] = second["minutes"].round(1)
    return {
        "backup_id": np.where(known, name, ""),
        "backup_minutes": np.where(known, minutes, np.nan),
        "p_backup": np.where(known, p.round(4), np.nan),
    }
