"""Where things are: outline, gazetteer, official lists, villages, townships, settlements, areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from qianwan_gis import boundaries, datum, geocoding
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.county import LayerSpec
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.names import township_core
from qianwan_gis.plan import _reading
from qianwan_gis.review import read_review
from qianwan_gis.villages import TOTAL_COLUMNS, VillageList, merge_lists, read_village_list

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan


def boundary(plan: Plan) -> gpd.GeoDataFrame:
    """County outline: one row, in the plan's CRS."""
    spec = plan.county.boundary.file
    if spec is None:
        outline = boundaries.outline(plan.county.adcode)
    else:
        outline = boundaries.read_outline(
            plan.county.resolve(spec.path), source=spec.source, licence=spec.licence,
            layer=spec.layer, crs=spec.crs, datum=spec.datum, encoding=spec.encoding,
        )  # fmt: skip
    centre = outline.to_crs(datum.CGCS2000).geometry.iloc[0].representative_point()
    return outline.to_crs(plan.county.zone_crs(centre.x))


def gazetteer(plan: Plan) -> Gazetteer:
    """The county's village-level units, townships and descriptions."""
    county = plan.county
    units, carried = county.villages.units, county.villages.gazetteer
    if units is not None:
        return _reading.step(plan, lambda log: _read_units(plan, units, log))
    if carried is not None:
        try:
            return Gazetteer.carried(str(carried))
        except UsageError as error:
            raise _reading.bad_setting(county, "villages.gazetteer", error.text) from error
    raise DataError(
        Problem(
            "no_villages", "error", Text("没有村庄表", "there is no village table"),
            file=county.file.name, field="villages.units",
            fix=Text("放入村庄表并写明 [villages.units] path", "supply one under [villages.units]"),
        )
    )  # fmt: skip


def _read_units(plan: Plan, spec: LayerSpec, log: ProblemLog) -> Gazetteer:
    """Read the county's own village table, or a point layer of villages."""
    return Gazetteer.read(
        plan.county.resolve(spec.path), adcode=plan.county.adcode, layer=spec.layer, crs=spec.crs,
        columns=spec.columns, encoding=spec.encoding, datum=spec.datum, log=log,
    )  # fmt: skip


def village_list(plan: Plan) -> VillageList | None:
    """The official lists, as printed and as corrected; ``None`` without any."""
    paths = [plan.county.resolve(path) for path in plan.county.villages.lists]
    if not paths:
        return None
    parts, faults = [], ProblemLog()
    for path in paths:
        try:
            parts.append(read_village_list(path, gazetteer=plan.gazetteer))
        except DataError as error:
            faults.extend(error.problems)
    faults.raise_errors()
    lists = merge_lists(parts)
    _reading.tell(plan, lists.problems)
    return lists


def list_totals(plan: Plan) -> pd.DataFrame:
    """Return the totals of the lists; no rows without any."""
    lists = plan.village_list
    return lists.totals if lists is not None else pd.DataFrame(columns=[*TOTAL_COLUMNS])


def located(plan: Plan) -> geocoding.Located:
    """Positions with evidence: `villages`, `regions` and conflicts come from here."""
    spec = plan.county.villages
    review = read_review(plan.county.resolve(spec.review)) if spec.review else None
    found = geocoding.locate(
        gazetteer=plan.gazetteer, outline=plan.boundary, crs=plan.crs,
        standards=plan.standards, lists=plan.village_list, review=review,
        townships=plan.township_areas,
        providers=(*geocoding.file_providers(plan.county), *plan._providers),
    )  # fmt: skip
    _reading.tell(plan, found.problems)
    return found


def township_areas(plan: Plan) -> gpd.GeoDataFrame | None:
    """The user's own township polygons, if any."""
    spec = plan.county.boundary.townships
    if spec is None:
        return None
    found = geocoding.areas.named(_reading.projected(plan, spec, "Polygon"), spec.path.name)
    _reading.tell(plan, _without_area(plan, found, spec.path.name))
    return found


def _without_area(plan: Plan, polygons: gpd.GeoDataFrame, file: str) -> ProblemLog:
    """Tell which townships of the villages have no polygon of their name."""
    drawn = {township_core(str(name)) for name in polygons["township"]}
    own = dict.fromkeys(plan.gazetteer.units["township"].astype(str))
    lacking = [name for name in own if township_core(name) not in drawn]
    log = ProblemLog()
    if lacking:
        there = list(dict.fromkeys(polygons["township"].astype(str)))
        log.add(
            "warning", "unknown_township",
            f"村庄表里的乡镇在乡镇范围图层里没有：{'、'.join(lacking)}；图层里有：{'、'.join(there)}",
            f"townships of the villages without an area: {', '.join(lacking)}; "
            f"the layer has: {', '.join(there)}",
            file=file, field="township",
            fix=("使两处乡镇名称一致", "use the same names in both"),
        )  # fmt: skip
    return log


def townships(plan: Plan) -> gpd.GeoDataFrame:
    """Seat points: ``township``, ``code``, ``status``, ``uncertainty_m``."""
    table = plan.gazetteer.townships.rename(columns={"name": "township"})
    table = table[table["lon"].notna()].reset_index(drop=True)
    points = gpd.points_from_xy(table["lon"], table["lat"])
    return gpd.GeoDataFrame(table, geometry=points, crs=datum.WGS84).to_crs(plan.crs)


def with_point(plan: Plan) -> gpd.GeoDataFrame:
    """Return the villages that have a point of their own."""
    return plan.villages[plan.villages["basis"] == "point"]


def settlements(plan: Plan) -> gpd.GeoDataFrame:
    """Settlements (自然村) where the county supplied them, else villages with a point."""
    spec = plan.county.settlements
    return with_point(plan) if spec is None else _reading.projected(plan, spec, "Point")


def areas(plan: Plan) -> gpd.GeoDataFrame | None:
    """The 片区 as polygons (``name``), where the county supplied them."""
    spec = plan.county.areas
    if spec is None:
        return None
    found = _reading.projected(plan, spec, "Polygon")
    if "name" in found.columns:
        return found
    raise DataError(
        Problem(
            "missing_column", "error",
            Text("片区图层没有名称字段", "the layer of areas has no column with their names"),
            file=spec.path.name, field="name",
            fix=Text('在 county.toml 写对照，例如 columns = { name = "字段名" }',
                     'name it in county.toml, e.g. columns = { name = "FIELD" }'),
        )
    )  # fmt: skip
