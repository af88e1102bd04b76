"""Points that the asker's own table gives its villages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.geocoding.evidence import Evidence
from qianwan_gis.schemas import Match
from qianwan_gis.standards import Standards

# A village does not lie further outside its county's outline than this.
_OUTSIDE_M = 2000.0
# Places this close are one place, copied.
_SAME_M = 1.0


def points_of(
    table: pd.DataFrame | None,
    codes: pd.Series,
    known: Mapping[str, Evidence],
    county: Any,
    crs: Any,
    standards: Standards,
    log: ProblemLog,
) -> dict[str, Evidence]:
    """Return the points of a table with ``lon`` and ``lat`` (degrees, WGS84), by code.

    Parameters
    ----------
    table
        The villages as asked for; ``uncertainty_m`` is read where there is one.
    codes
        Their codes, row by row.
    known
        The gazetteer's points: one that the table only repeats keeps its own evidence.
    county
        The county's polygon in ``crs``: a place far outside it is reported and left out.
    crs, standards, log
        Projected CRS, norms, and where problems go.
    """
    if table is None or not {"lon", "lat"} <= set(table.columns):
        return {}
    lon, lat = (pd.to_numeric(table[c], errors="coerce").to_numpy(float) for c in ("lon", "lat"))
    given = (table["lon"].notna() | table["lat"].notna()).to_numpy()
    spread = (
        pd.to_numeric(table["uncertainty_m"], errors="coerce").to_numpy(float)
        if "uncertainty_m" in table.columns
        else np.full(len(table), np.nan)
    )
    place = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0)
    xy = np.full((len(table), 2), np.nan)
    places = gpd.GeoSeries(gpd.points_from_xy(lon[place], lat[place]), crs=datum.WGS84).to_crs(crs)
    xy[place] = shapely.get_coordinates(places.to_numpy())
    near = shapely.buffer(county, _OUTSIDE_M)
    shapely.prepare(near)
    usual = float(standards.value("geocoding.radius.exact_m"))
    found: dict[str, Evidence] = {}
    for row in np.flatnonzero(given):
        code = str(codes.iloc[row])
        if not (place[row] and shapely.intersects_xy(near, *xy[row])):
            log.add(
                "warning",
                "point_outside",
                f"给出的坐标（{table['lon'].iloc[row]}，{table['lat'].iloc[row]}）不在本县及其外2公里以内，未使用",
                f"the coordinates given ({table['lon'].iloc[row]}, {table['lat'].iloc[row]}) are not "
                "within 2 km of the county; they are not used",
                row=int(row) + 1,
                field="lon",
                fix=("检查经纬度次序与坐标系（应为WGS84度）", "check their order and datum (WGS84 degrees)"),
            )  # fmt: skip
            continue
        own = known.get(code)
        if own is not None and own.xy is not None and np.hypot(*(xy[row] - own.xy)) < _SAME_M:
            continue
        if code in found:
            log.add(
                "warning",
                "point_repeated",
                f"“{code}”已在前面的行给出坐标，本行坐标未使用",
                f"“{code}” has coordinates in a row above; those of this row are not used",
                row=int(row) + 1,
                field="lon",
            )
            continue
        found[code] = Evidence(
            match=Match.EXACT,
            says=Text("村庄表给出的点", "point given in the table"),
            source="村庄表",
            licence="",
            datum="WGS84",
            weight=float(standards.value("evidence.weight.exact")),
            xy=(float(xy[row, 0]), float(xy[row, 1])),
            uncertainty_m=float(spread[row]) if spread[row] > 0 else usual,
        )
    return found
