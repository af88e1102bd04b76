"""Water supply: which waterworks supplies which village, by the works' own register.

Distance to a waterworks says nothing of a pipe. A village is supplied when a register says so,
and only a complete register may say that it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis.schemas import Inventory, Reason
from qianwan_gis.services import registry
from qianwan_gis.services._water.lines import from_lines
from qianwan_gis.services._water.plan import WaterPlan, plan_water
from qianwan_gis.services._water.rows import coverage_rows
from qianwan_gis.services._water.system import BreakResult, Simulation, WaterSystem, read_inp
from qianwan_gis.services._water.zones import gravity_bands

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.services.registry import Service

__all__ = [
    "BreakResult",
    "Simulation",
    "WaterPlan",
    "WaterSystem",
    "coverage",
    "coverage_rows",
    "from_lines",
    "gravity_bands",
    "plan_water",
    "read_inp",
    "served_by_record",
]


def coverage(
    service: Service,
    villages: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    *,
    supplies: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the COVERAGE rows of waterworks: covered by record, or not assessed.

    Parameters as for `services.compute_coverage`.
    """
    codes = villages["code"].astype(str).tolist()
    inventory = registry.inventory_of(service, inventories)
    served = served_by_record(service, facilities, supplies)
    if inventory is Inventory.NONE or served is None:
        return registry.not_assessed(codes, service)
    return registry.rows(codes, service, record_columns(codes, served, inventory))


def served_by_record(
    service: Service, facilities: pd.DataFrame, supplies: pd.DataFrame | None
) -> pd.DataFrame | None:
    """Return the facility and its basis by village code, as registers have it; None without any.

    A facility that names its own village serves it; the supplies table adds the others. A village
    on two facilities keeps the first by identifier.
    """
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    table = facilities.loc[own, ["facility_id", "basis", "village_code"]]
    parts = [table.rename(columns={"village_code": "code"}).loc[lambda t: t["code"].ne("")]]
    if supplies is not None and len(supplies):
        mine = supplies["service"].eq(service.service) & supplies["tier"].eq(service.tier)
        parts.append(
            supplies.loc[mine, ["facility_id", "code"]].merge(
                table[["facility_id", "basis"]], on="facility_id", how="left"
            )
        )
    found = pd.concat(parts, ignore_index=True)
    if found.empty:
        return None
    found = found.sort_values(["code", "facility_id"]).drop_duplicates("code")
    return found.set_index("code")


def record_columns(codes: list[str], served: pd.DataFrame, inventory: Inventory) -> dict[str, Any]:
    """Return COVERAGE columns for what a register says: served, not served, or unknown."""
    found = served.reindex(codes)
    yes = found["facility_id"].notna().to_numpy()
    complete = inventory is Inventory.COMPLETE
    missing = Reason.NO_FACILITY if complete else Reason.INVENTORY_INCOMPLETE
    weak = registry.weakest(*served["basis"].dropna().astype(str).unique())
    return {
        "facility_id": found["facility_id"].fillna("").to_numpy(object),
        "covered": pd.array(
            [True if y else (False if complete else pd.NA) for y in yes], dtype="boolean"
        ),
        "p_covered": np.where(yes, 1.0, 0.0 if complete else np.nan),
        "reason": np.where(yes, str(Reason.OK), str(missing)),
        "basis": np.where(yes, found["basis"].fillna("recorded"), weak if complete else "none"),
    }
