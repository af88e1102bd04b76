"""What is told of facilities once all are read: identifiers used twice, doubtful positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis._errors import ProblemLog

if TYPE_CHECKING:
    import geopandas as gpd

#: A facility further from every village region and seat than this is told as a doubtful position.
FAR_OUTSIDE_M = 20_000.0


def tell_duplicates(table: gpd.GeoDataFrame, log: ProblemLog) -> None:
    """One identifier twice is an error; one tier twice on one spot is told.

    ``_file`` and ``_row`` of the table say where each facility stands.
    """
    repeated = table[table["facility_id"].duplicated(keep=False)]
    for facility, group in repeated.groupby("facility_id", sort=False):
        first, again = group.iloc[0], group.iloc[1]
        log.add(
            "error", "duplicate_facility",
            f"设施编号“{facility}”重复（另见{first['_file']}第{first['_row']}行）",
            f"facility id “{facility}” is used more than once "
            f"(also {first['_file']}, row {first['_row']})",
            file=again["_file"], row=int(again["_row"]), field="facility_id",
            fix=("改为唯一编号", "give each its own id"),
        )  # fmt: skip
    has = table[table.geometry.notna()]
    spot = pd.DataFrame(
        {"service": has["service"], "tier": has["tier"],
         "x": has.geometry.x.round(0), "y": has.geometry.y.round(0)}
    )  # fmt: skip
    for _, group in has[spot.duplicated(keep=False)].groupby(
        [spot["service"], spot["tier"], spot["x"], spot["y"]], sort=True
    ):
        names = "、".join(group["name"])
        log.add(
            "warning", "shared_position", f"{len(group)}处设施在同一点：{names}",
            f"{len(group)} facilities stand on one point: {names}",
            file=group["_file"].iloc[0], row=int(group["_row"].iloc[0]), field="geometry",
            fix=("核对是否重复登记", "check whether they are one facility"),
        )  # fmt: skip


def tell_far_outside(table: gpd.GeoDataFrame, boundary: Any, log: ProblemLog) -> None:
    """Tell the facilities that lie further outside the county than `FAR_OUTSIDE_M`."""
    if boundary is None or not len(table):
        return
    distance = table.geometry.distance(boundary)
    far = distance > FAR_OUTSIDE_M
    for name, file, row, metres in zip(
        table["name"][far], table["_file"][far], table["_row"][far], distance[far], strict=True
    ):
        log.add(
            "warning", "far_outside", f"“{name}”在县界外{metres / 1000:.0f}公里",
            f"“{name}” lies {metres / 1000:.0f} km outside the county",
            file=file, row=int(row), field="geometry",
            fix=("核对坐标与坐标系", "check the coordinates and their datum"),
        )  # fmt: skip
