"""Sewage: what is on record, and a distance screen where nothing is.

Three tiers: joined to a recorded sewer, served by a treatment station, treated on site. Without
a register of sewers the distance to the nearest recorded treatment plant is a *screen* in bands
of 1, 3 and 5 km: it orders what to look into and never says covered or not covered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis.schemas import Basis, Inventory, Reason
from qianwan_gis.services import registry
from qianwan_gis.services._sewage.given import EXCLUDED
from qianwan_gis.services._sewage.laid import SewerLayout
from qianwan_gis.services._sewage.layout import layout
from qianwan_gis.services._sewage.plan import SewagePlan, plan_sewage
from qianwan_gis.services._sewage.priorities import counts_of_targets
from qianwan_gis.services._sewage.register import served
from qianwan_gis.services._sewage.report import tables as plan_tables
from qianwan_gis.services._sewage.tables import coverage_rows
from qianwan_gis.services.water import record_columns, served_by_record
from qianwan_gis.uncertainty import decide

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services.registry import Service
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws, Positions

    Array = NDArray[np.float64]

__all__ = ["EXCLUDED", "SewagePlan", "SewerLayout", "counts_of_targets", "coverage", "coverage_rows", "layout",
           "plan_sewage", "plan_tables", "served"]  # fmt: skip

#: Municipal treatment plants: anchor of the screen, no tier of their own.
PLANT = "plant"
_BANDS = ("sewage.screen.near_km", "sewage.screen.middle_km", "sewage.screen.far_km")


def coverage(
    service: Service,
    positions: Positions,
    facilities: gpd.GeoDataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    standards: Standards,
    draws: Draws,
    *,
    sewers: gpd.GeoDataFrame | None = None,
    supplies: pd.DataFrame | None = None,
    joint: registry.Joint | None = None,
) -> pd.DataFrame:
    """Return the COVERAGE rows of one sewage tier.

    A village served by record is covered. Else a recorded sewer (or station) within the norm's
    reach covers it at p >= 0.95 of the position draws, and only a complete register may deny it.
    Parameters as for `services.compute_coverage`.
    """
    codes = [str(code) for code in positions.codes]
    inventory = registry.inventory_of(service, inventories)
    served = served_by_record(service, facilities, supplies)
    if service.tier == "sewer" and (inventory is Inventory.NONE or sewers is None or sewers.empty):
        return _screen(service, codes, positions, facilities, standards, draws)
    if inventory is Inventory.NONE:
        return registry.not_assessed(codes, service)
    if not service.limit:
        if served is None:
            return registry.not_assessed(codes, service)
        return registry.rows(codes, service, record_columns(codes, served, inventory))
    limit = float(standards.value(service.limit))
    if service.tier == "sewer" and sewers is not None:
        lines = sewers.sort_values("facility_id", ignore_index=True)
        names = lines["facility_id"].to_numpy(object)
        kinds = lines["basis"].astype(str).to_numpy()
        metres, which = _nearest_line(positions, lines)
    else:
        names, kinds, near = _nearest_point(service, positions, facilities, draws)
        if near is None:
            return registry.not_assessed(codes, service)
        metres, which = near
    within = metres <= limit * (1 + 1e-12)
    p = np.where(positions.located, within.mean(axis=1), np.nan)
    if served is not None:
        within |= np.isin(codes, served.index)[:, None]
    if joint is not None:
        joint.within[service.service, service.tier] = within
        joint.assessed[service.service, service.tier] = positions.located
    verdict = decide(p, inventory)
    low, mid, high = np.percentile(metres, [5, 50, 95], axis=1)
    most = np.array([int(np.bincount(row).argmax()) for row in which], dtype=np.int64)
    region = positions.basis.eq(str(Basis.REGION)).to_numpy()
    columns: dict[str, Any] = {
        "limit": limit,
        "limit_unit": service.unit,
        "facility_id": np.where(np.isnan(p), "", names[most]),
        "metres": np.where(region, np.round(mid, -2), np.round(mid)),
        "metres_low": np.where(region, np.floor(low / 100) * 100, np.nan),
        "metres_high": np.where(region, np.ceil(high / 100) * 100, np.nan),
        "p_covered": np.round(p, 4),
        "covered": verdict["covered"].array,
        "reason": verdict["reason"].to_numpy(object),
        "basis": [
            "none" if np.isnan(q) else registry.weakest(k, "presumed" if r else "")
            for q, k, r in zip(p, kinds[most], region, strict=True)
        ],
    }
    table = registry.rows(codes, service, columns)
    if served is not None:
        by_record = table["code"].isin(served.index)
        known = served.loc[table.loc[by_record, "code"]]
        table.loc[by_record, "facility_id"] = known["facility_id"].to_numpy()
        table.loc[by_record, "basis"] = known["basis"].to_numpy()
        table.loc[by_record, ["covered", "p_covered", "reason"]] = [True, 1.0, str(Reason.OK)]
    return table


def _screen(
    service: Service,
    codes: list[str],
    positions: Positions,
    facilities: gpd.GeoDataFrame,
    standards: Standards,
    draws: Draws,
) -> pd.DataFrame:
    """Return the distance screen to recorded plants: a band, never a verdict."""
    plant = registry.Service(service.service, PLANT, service.physics, service.missing)
    names, kinds, near = _nearest_point(plant, positions, facilities, draws)
    if near is None:
        return registry.not_assessed(codes, service)
    metres, which = near
    limits = np.array([float(standards.value(key)) * 1000.0 for key in _BANDS])
    labels = _band_labels(limits / 1000.0)
    low, mid, high = np.percentile(metres, [5, 50, 95], axis=1)
    # Inclusive limits: exactly 1 km is in the first band.
    first, last = np.searchsorted(limits, low), np.searchsorted(limits, high)
    most = np.array([int(np.bincount(row).argmax()) for row in which], dtype=np.int64)
    located = positions.located
    columns = {
        "facility_id": np.where(located, names[most], ""),
        "metres": np.where(located, np.round(mid, -2), np.nan),
        "metres_low": np.where(located, np.floor(low / 100) * 100, np.nan),
        "metres_high": np.where(located, np.ceil(high / 100) * 100, np.nan),
        "band": [
            "" if not ok else labels[a] if a == b else f"{labels[a]} / {labels[b]}"
            for ok, a, b in zip(located, first, last, strict=True)
        ],
        "reason": np.where(located, str(Reason.SCREEN_ONLY), str(Reason.NOT_LOCATED)),
        "basis": np.where(located, registry.weakest("presumed", *kinds), "none"),
    }
    return registry.rows(codes, service, columns)


def _band_labels(km: Array) -> list[str]:
    near, middle, far = (f"{k:g}" for k in km)
    return [f"≤{near} km", f"{near}–{middle} km", f"{middle}–{far} km", f">{far} km"]


def _nearest_line(positions: Positions, lines: gpd.GeoDataFrame) -> tuple[Array, NDArray[np.int64]]:
    n, d, _ = positions.xy.shape
    flat = positions.xy.reshape(-1, 2)
    ok = np.isfinite(flat[:, 0])
    metres, which = np.full(n * d, np.nan), np.zeros(n * d, dtype=np.int64)
    tree = shapely.STRtree(lines.geometry.to_numpy())
    (_, found), distance = tree.query_nearest(
        shapely.points(flat[ok]), return_distance=True, all_matches=False
    )
    metres[ok], which[ok] = distance, found
    return metres.reshape(n, d), which.reshape(n, d)


def _nearest_point(
    service: Service, positions: Positions, facilities: gpd.GeoDataFrame, draws: Draws
) -> tuple[NDArray[np.object_], NDArray[np.str_], tuple[Array, NDArray[np.int64]] | None]:
    """Return names and kinds of the facilities, and the nearest to each village in each draw."""
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    has = facilities.geometry.notna() & ~facilities.geometry.is_empty
    table = facilities[own & has].sort_values("facility_id", ignore_index=True)
    names = table["facility_id"].to_numpy(object)
    kinds = table["basis"].astype(str).to_numpy()
    if table.empty:
        return names, kinds, None
    where = draws.points(
        "facility",
        table["facility_id"].astype(str),
        np.column_stack([table.geometry.x, table.geometry.y]),
        table["uncertainty_m"].to_numpy(float),
    )
    n, d, _ = positions.xy.shape
    metres, which = np.full((n, d), np.nan), np.zeros((n, d), dtype=np.int64)
    ok = positions.located
    for k in range(d):
        gap = positions.xy[ok, None, k] - where[None, :, k]
        distance = np.hypot(gap[..., 0], gap[..., 1])
        which[ok, k] = distance.argmin(axis=1)
        metres[ok, k] = distance.min(axis=1)
    return names, kinds, (metres, which)
