"""Who has sewage treatment already, by the registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.standards import Standards


def served(
    units: gpd.GeoDataFrame, *, facilities: gpd.GeoDataFrame, sewers: gpd.GeoDataFrame | None,
    supplies: pd.DataFrame | None, standards: Standards,
) -> dict[str, str]:  # fmt: skip
    """Return the facility that serves each settlement or village already.

    By the registers of who is served (``supplies``, by village), else within the norm's reach of a
    recorded sewer (its plant) or of a station; both reaches as the coverage table has them.

    Parameters
    ----------
    units
        Points with ``settlement_id`` or ``code`` (``code`` is the village's), projected.

    Returns
    -------
    ``{unit: facility}``, without those that nothing serves.
    """
    names = units["settlement_id" if "settlement_id" in units else "code"].astype(str).to_numpy()
    homes = units["code"].astype(str).to_numpy() if "code" in units else names
    found: dict[str, str] = {}

    def near(lines: gpd.GeoDataFrame, reach: float, labels: list[str]) -> None:
        points = shapely.point_on_surface(units.geometry.to_numpy())
        tree = shapely.STRtree(lines.geometry.to_numpy())
        (mine, other), away = tree.query_nearest(points, return_distance=True, all_matches=False)
        for i, k, d in zip(mine.tolist(), other.tolist(), away.tolist(), strict=True):
            if d <= reach * (1 + 1e-12):
                found.setdefault(str(names[i]), labels[k])

    if supplies is not None and len(supplies):
        own = supplies[supplies["service"].eq("sewage")]
        by_code = dict(zip(own["code"].astype(str), own["facility_id"].astype(str), strict=True))
        found |= {str(n): by_code[c] for n, c in zip(names, homes, strict=True) if c in by_code}
    if sewers is not None and len(sewers):
        ids = sewers["plant_id" if "plant_id" in sewers else "facility_id"].astype(str).tolist()
        near(sewers, float(standards.value("services.sewer.reach_m")), ids)
    stations = facilities[
        facilities["service"].eq("sewage")
        & facilities["tier"].eq("station")
        & facilities.geometry.notna()
        & ~facilities.geometry.is_empty
    ]
    if len(stations):
        ids = stations["facility_id"].astype(str).tolist()
        near(stations, float(standards.value("services.station.reach_m")), ids)
    return found


__all__ = ["served"]
