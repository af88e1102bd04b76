"""Township seats and the county's outline."""

from __future__ import annotations

import geopandas as gpd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import (
    Results,
    Style,
    Symbol,
    layer,
    select,
)
from qianwan_gis.schemas import (
    Column,
)

_SEAT_COLUMNS = (
    Column("township", "text", Text("乡镇", "Township"), Text("现名", "present name")),
    Column("code", "text", Text("代码", "Code"), Text("统计代码", "statistical code")),
    Column("status", "text", Text("状态", "Status"), Text("现设或已撤并", "current or former")),
)


@layer(
    "seats",
    Text("乡镇驻地", "Township seats"),
    theme="base",
    columns=_SEAT_COLUMNS,
    styles=(
        Style(
            Text("乡镇驻地", "Township seats"),
            "point",
            (
                Symbol(
                    "",
                    Text("乡镇驻地", "township seat"),
                    "#ffffff",
                    2.4,
                    "square",
                    outline="#333333",
                ),
            ),
            label="township",
        ),
    ),
)
def _seats(results: Results) -> gpd.GeoDataFrame | None:
    return select(results.townships, _SEAT_COLUMNS)


_BOUNDARY_COLUMNS = (
    Column("name", "text", Text("名称", "Name"), Text("", "")),
    Column("source", "text", Text("来源", "Source"), Text("", "")),
    Column("licence", "text", Text("许可", "Licence"), Text("", "")),
    Column("note", "text", Text("说明", "Note"), Text("如 非标准界线", "such as 非标准界线")),
)


@layer(
    "boundary",
    Text("县域范围（非标准界线）", "County outline (not an official boundary)"),
    theme="base",
    columns=_BOUNDARY_COLUMNS,
    styles=(
        Style(
            Text("县域范围", "County outline"),
            "area",
            (
                Symbol(
                    "",
                    Text("县域范围（非标准界线）", "county outline (not an official boundary)"),
                    "#f7f7f2",
                    0.5,
                    outline="#6a6a6a",
                    opacity=0.0,
                    dashed=True,
                ),
            ),
        ),
    ),
)
def _boundary(results: Results) -> gpd.GeoDataFrame | None:
    frame = results.boundary
    if "name" not in frame.columns:
        frame = frame.assign(name=str(results.county.name))
    return select(frame, _BOUNDARY_COLUMNS)
