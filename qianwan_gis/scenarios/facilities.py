"""Facilities of a scenario: added, moved, removed, of another capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis.scenarios.roads import nearest_names
from qianwan_gis.schemas import FacilityBasis
from qianwan_gis.services.choices import tiers

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.scenarios.model import Add, Scenario
    from qianwan_gis.scenarios.run import PlanLike

    Bools = NDArray[np.bool_]


def facilities_after(plan: PlanLike, scenario: Scenario, log: ProblemLog) -> gpd.GeoDataFrame:
    """Return the facilities after, with every fault of the scenario in the log."""
    import geopandas as gpd

    table = plan.facilities
    ids = table["facility_id"].astype(str)
    names = table["name"].astype(object).fillna("").astype(str)
    out = table.copy()

    def rows(wanted: str, field_: str) -> Bools:
        mine = ids.eq(wanted) | (names.eq(wanted) & names.ne(""))
        if not mine.any():
            known = {*ids, *names} - {""}
            near = nearest_names(wanted, known)
            log.add(
                "error", "unknown_facility", f"没有设施“{wanted}”",
                f"there is no facility “{wanted}”", field=field_,
                fix=(f"是否为：{'、'.join(near)}", f"did you mean {', '.join(near)}")
                if near else ("写设施编号或名称", "give an id or a name"),
            )  # fmt: skip
        elif mine.sum() > 1:
            log.add(
                "error", "several_facilities",
                f"“{wanted}”对应{int(mine.sum())}处设施：{'、'.join(ids[mine][:5])}",
                f"“{wanted}” stands for {int(mine.sum())} facilities: {', '.join(ids[mine][:5])}",
                field=field_, fix=("请写设施编号", "give the id"),
            )  # fmt: skip
        return np.asarray(mine, dtype=np.bool_)

    for name, value in scenario.capacity.items():
        out.loc[rows(name, "capacity"), "capacity"] = float(value)
    for move in scenario.move:
        mine = rows(move.id, "move")
        if mine.sum() == 1:
            place = gpd.GeoSeries(gpd.points_from_xy([move.lon], [move.lat]), crs=datum.WGS84)
            out.loc[mine, "geometry"] = place.to_crs(table.crs).iloc[0]
            out.loc[mine, "village_code"] = ""
            out.loc[mine, "uncertainty_m"] = 0.0
    gone = np.zeros(len(out), bool)
    for name in scenario.remove:
        gone |= rows(name, "remove")
    parts = [out[~gone]]
    used = set(ids)
    for number, add in enumerate(scenario.add, start=1):
        row = _added(plan, scenario, add, number, used, log)
        if row is not None:
            parts.append(row)
            used.add(str(row["facility_id"].iloc[0]))
    if len(parts) == 1:
        return out[~gone].reset_index(drop=True)
    whole = pd.concat(parts, ignore_index=True)
    return gpd.GeoDataFrame(whole, geometry="geometry", crs=table.crs)


def _added(
    plan: PlanLike, scenario: Scenario, add: Add, number: int, used: set[str], log: ProblemLog
) -> gpd.GeoDataFrame | None:
    """Return the FACILITIES row of a new facility."""
    import geopandas as gpd

    where = f"add.{number}"
    try:
        tiers(add.service, add.tier)
    except UsageError as error:
        log.add("error", "bad_setting", error.text.zh, error.text.en, field=where)
        return None
    label = add.id or f"{scenario.name}-{number}"
    if label in used:
        log.add("error", "duplicate_id", f"设施编号“{label}”已有", f"the id “{label}” is in use",
                field=where)  # fmt: skip
        return None
    point, code = None, ""
    if add.village:
        villages = plan.villages
        wanted = add.village.strip()
        mine = villages["code"].astype(str).eq(wanted) | villages["name"].astype(str).isin(
            {wanted, wanted.removesuffix("村")}
        )
        if mine.sum() != 1:
            near = nearest_names(wanted, set(villages["name"].astype(str)))
            some = "、".join(
                f"{t}{n}（{c}）" for t, n, c in villages.loc[mine, ["township", "name", "code"]].values[:5]
            )  # fmt: skip
            log.add(
                "error", "unknown_village",
                f"没有村“{wanted}”" if not mine.any() else f"村名“{wanted}”有{int(mine.sum())}个：{some}",
                f"there is no village “{wanted}”" if not mine.any()
                else f"{int(mine.sum())} villages are called “{wanted}”: {some}",
                field=where,
                fix=(f"是否为：{'、'.join(near)}", f"did you mean {', '.join(near)}")
                if not mine.any() and near else ("写12位村庄代码", "give the 12-digit code"),
            )  # fmt: skip
            return None
        code = str(villages.loc[mine, "code"].iloc[0])
        point = villages.loc[mine, "geometry"].iloc[0]
    else:
        lonlat = gpd.GeoSeries(gpd.points_from_xy([add.lon], [add.lat]), crs=datum.WGS84)
        point = lonlat.to_crs(plan.facilities.crs).iloc[0]
        south = plan.townships.total_bounds if len(plan.townships) else plan.roads.total_bounds
        far = shapely.distance(shapely.box(*south), point) / 1000.0
        if np.isfinite(far) and far > 200.0:
            log.add(
                "error", "far_away", f"新增设施距本县{far:.0f}公里",
                f"the new facility is {far:.0f} km from the county", field=where,
                fix=("核对经纬度", "check longitude and latitude"),
            )  # fmt: skip
    row: dict[str, Any] = {
        "facility_id": label, "service": add.service, "tier": add.tier, "name": add.name or label,
        "capacity": np.nan if add.capacity is None else add.capacity,
        "basis": str(FacilityBasis.RECORDED), "uncertainty_m": 0.0, "source": scenario.name,
        "licence": "", "village_code": code,
    }  # fmt: skip
    return gpd.GeoDataFrame([row], geometry=[point], crs=plan.facilities.crs)
