"""The tables that a sewage plan is made of, checked before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis._errors import ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.services._sewage import amounts

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork

    Array = NDArray[np.float64]

#: What may be excluded, and what it forbids.
EXCLUDED = {
    "water_source": Text(
        "饮用水水源保护区：不设站、不就地排放", "water source: no station, no discharge"
    ),
    "flood": Text("淹没区：不设站", "flooded: no station"),
    "steep": Text("陡坡：不设站", "steep: no station"),
    "mined": Text("采空区：不设站、不敷管", "mined out: no station, no pipe"),
}


def checked(
    settlements: gpd.GeoDataFrame, network: RoadNetwork, plants: Any, sewers: Any, excluded: Any
) -> tuple[list[str], Array]:
    """Return names and people of the settlements; `DataError` names the faults of all tables."""
    log = ProblemLog()
    if not len(settlements):
        log.add("error", "empty_layer", "没有村庄", "there are no villages", file="settlements")
    if settlements.crs is None:
        log.add("error", "no_crs", "图层没有坐标系", "the layer has no CRS", file="settlements",
                fix=("先 set_crs", "call set_crs first"))  # fmt: skip
    if not network.crs.is_projected:
        log.add("error", "not_projected", "路网须为平面坐标（米）", "the network must be in projected metres",
                file="network")  # fmt: skip
    key = "settlement_id" if "settlement_id" in settlements else "code"
    if key not in settlements:
        log.add("error", "missing_column", "缺少字段 settlement_id 或 code",
                "column settlement_id or code is missing", file="settlements")  # fmt: skip
    who = "population" if "population" in settlements else "people"
    if who not in settlements:
        log.add("error", "missing_column", "缺少字段 population", "column population is missing",
                file="settlements", field="population")  # fmt: skip
    for table, name, columns in (
        (plants, "plants", ("facility_id", "capacity")),
        (sewers, "sewers", ("facility_id", "plant_id")),
        (excluded, "excluded", ("kind",)),
    ):
        if table is None:
            continue
        if table.crs is None:
            log.add("error", "no_crs", "图层没有坐标系", "the layer has no CRS", file=name)
        for column in columns:
            if column not in table:
                log.add("error", "missing_column", f"缺少字段 {column}", f"column {column} is missing",
                        file=name, field=column)  # fmt: skip
        if name == "plants" and "capacity" in table:
            for row, value in zip(table.index, table["capacity"], strict=True):
                if value < 0:
                    log.add("error", "bad_capacity", f"处理能力为 {value:g}", f"capacity is {value:g}",
                            file=name, row=str(row), field="capacity")  # fmt: skip
        if name == "excluded" and "kind" in table:
            for row, value in zip(table.index, table["kind"], strict=True):
                if value not in EXCLUDED:
                    log.add("error", "unknown_value", f"“{value}”不在 {'、'.join(EXCLUDED)} 之内",
                            f"“{value}” is none of {', '.join(EXCLUDED)}",
                            file=name, row=str(row), field="kind")  # fmt: skip
    log.raise_errors()
    names = settlements[key].astype(str).tolist()
    for name in (
        sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    ):
        log.add("error", "duplicate_id", f"编号“{name}”重复", f"id “{name}” is repeated",
                file="settlements", row=name)  # fmt: skip
    for row, shape in zip(names, settlements.geometry, strict=True):
        if shape is None or shape.is_empty:
            log.add("error", "no_position", "没有位置", "no position", file="settlements", row=row,
                    fix=("先定位，或剔除该村", "locate it first, or leave it out"))  # fmt: skip
    log.raise_errors()
    return names, amounts.check_people(settlements[who], names, what="settlements")


__all__ = ["EXCLUDED", "checked"]
