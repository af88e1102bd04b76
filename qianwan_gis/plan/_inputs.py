"""The other inputs: roads, rivers, registers of facilities, terrain, targets, corridor segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from qianwan_gis import facilities as registers
from qianwan_gis import indicators
from qianwan_gis import roads as road_files
from qianwan_gis._errors import ProblemLog
from qianwan_gis.plan import _reading
from qianwan_gis.schemas import ROADS, empty_layer
from qianwan_gis.terrain import Terrain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.plan._plan import Plan


def recorded(plan: Plan) -> tuple[gpd.GeoDataFrame, NDArray[np.intp]]:
    """Read ROADS from the county's files, and by road the number of the file that it is from."""
    return _reading.step(plan, lambda log: _read_roads(plan, log))


def _read_roads(plan: Plan, log: ProblemLog) -> tuple[gpd.GeoDataFrame, NDArray[np.intp]]:
    parts = [
        road_files.read_roads(
            plan.county.resolve(spec.path), standards=plan.standards, crs=plan.crs,
            layer=spec.layer, file_crs=spec.crs, file_datum=spec.datum, encoding=spec.encoding,
            columns=spec.columns, classes=spec.classes, basis=spec.basis, log=log,
        )
        for spec in plan.county.roads.files
    ]  # fmt: skip
    if not parts:
        return empty_layer(ROADS, plan.crs), np.zeros(0, dtype=np.intp)
    roads = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=plan.crs)
    return roads, np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def recorded_roads(plan: Plan) -> gpd.GeoDataFrame:
    """ROADS from the county's files, without presumed links."""
    return plan._recorded[0]


def rivers(plan: Plan) -> gpd.GeoDataFrame | None:
    """Rivers as lines, where the county supplied them."""
    spec = plan.county.rivers
    return None if spec is None else _reading.projected(plan, spec, "LineString")


def facilities(plan: Plan) -> gpd.GeoDataFrame:
    """FACILITIES of every service."""
    villages = plan.villages
    return _reading.step(plan, lambda log: read_facilities(plan, villages, log))


def read_facilities(
    plan: Plan, villages: gpd.GeoDataFrame | None, log: ProblemLog
) -> gpd.GeoDataFrame:
    """Read the registers of facilities; without villages for their own faults alone."""
    return registers.read_facilities(
        plan.county.facilities, crs=plan.crs, villages=villages, seats=plan.townships,
        boundary=plan.boundary.geometry.iloc[0], resolve=plan.county.resolve, log=log,
    )  # fmt: skip


def sewers(plan: Plan) -> gpd.GeoDataFrame:
    """Recorded sewer lines; empty where there are none on record."""
    county = plan.county
    return _reading.step(
        plan,
        lambda log: registers.read_sewers(
            county.facilities, crs=plan.crs, resolve=county.resolve, log=log
        ),
    )


def supplies(plan: Plan) -> pd.DataFrame:
    """Which facility serves which village, where a register says so."""
    county = plan.county
    return _reading.step(
        plan,
        lambda log: registers.read_supplies(
            county.facilities, villages=plan.villages, facilities=plan.facilities,
            resolve=county.resolve, log=log,
        ),
    )  # fmt: skip


def terrain(plan: Plan) -> Terrain | None:
    """Elevation, where the county has a raster."""
    spec = plan.county.terrain
    return Terrain.open(plan.county.resolve(spec.path)) if spec else None


def targets(plan: Plan) -> pd.DataFrame:
    """TARGETS: the ledger of the plans' numeric targets."""
    paths = [plan.county.resolve(path) for path in plan.county.targets]
    return _reading.step(
        plan, lambda log: indicators.progress(indicators.read_targets(paths, log=log))
    )


def segments(plan: Plan) -> gpd.GeoDataFrame | None:
    """The corridor's segments as the county supplied them."""
    spec = plan.county.corridor.segments if plan.county.corridor else None
    return None if spec is None else _reading.read(plan, spec, "LineString")


def excluded_areas(plan: Plan) -> gpd.GeoDataFrame | None:
    """Areas where sewage works may not be: ``kind`` and polygon, where the county has them."""
    specs = plan.county.sewage.excluded
    if not specs:
        return None
    parts = [
        _reading.projected(plan, spec, "Polygon").assign(kind=spec.kind)[["kind", "geometry"]]
        for spec in specs
    ]
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=plan.crs)
