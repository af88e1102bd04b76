"""Roads, planned roads and presumed links."""

from __future__ import annotations

import geopandas as gpd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import (
    Results,
    Style,
    Symbol,
    contract,
    layer,
    readable,
    select,
)
from qianwan_gis.schemas import (
    ROADS,
)

ROAD_SYMBOLS = (
    Symbol("motorway", Text("高速公路", "motorway"), "#b5453c", 0.9),
    Symbol("motorway_link", Text("高速匝道", "motorway link"), "#b5453c", 0.4),
    Symbol("trunk", Text("干线公路", "trunk road"), "#d98324", 0.75),
    Symbol("primary", Text("国省道", "primary road"), "#e0a83a", 0.65),
    Symbol("secondary", Text("县道", "county road"), "#c9b458", 0.5),
    Symbol("tertiary", Text("乡道", "township road"), "#a9a28c", 0.4),
    Symbol("village", Text("村道", "village road"), "#b8b8b0", 0.3),
    Symbol("track", Text("机耕路", "track"), "#cfcfc6", 0.2),
    Symbol("", Text("其他道路", "other road"), "#d0d0d0", 0.25),
)
_ROAD_COLUMNS = contract(ROADS, "basis")


@layer(
    "roads",
    Text("道路", "Roads"),
    theme="roads",
    columns=_ROAD_COLUMNS,
    styles=(Style(Text("道路等级", "Class"), "line", ROAD_SYMBOLS, by="road_class"),),
    note=Text("来源性质为“概化”的线约有百米误差", "lines whose basis is “generalised” are ~100 m"),
)
def _roads(results: Results) -> gpd.GeoDataFrame | None:
    roads = results.roads
    frame = roads[(roads["basis"] != "presumed") & (roads["status"] != "planned")]
    return select(readable(frame, ("basis",), results.lang), _ROAD_COLUMNS)


@layer(
    "roads_planned",
    Text("规划道路", "Planned roads"),
    theme="roads",
    columns=_ROAD_COLUMNS,
    styles=(
        Style(
            Text("规划道路", "Planned roads"),
            "line",
            (Symbol("", Text("规划道路", "planned road"), "#56b4e9", 0.5, dashed=True),),
        ),
    ),
    note=Text("尚未建成，不参与现状计算", "not built; not part of the present network"),
)
def _roads_planned(results: Results) -> gpd.GeoDataFrame | None:
    roads = results.roads
    frame = roads[(roads["basis"] != "presumed") & (roads["status"] == "planned")]
    return select(readable(frame, ("basis",), results.lang), _ROAD_COLUMNS)


@layer(
    "presumed_links",
    Text("推定连接（非道路）", "Presumed links (not roads)"),
    theme="roads",
    columns=_ROAD_COLUMNS,
    styles=(
        Style(
            Text("推定连接", "Presumed link"),
            "line",
            (
                Symbol(
                    "",
                    Text("推定连接（非道路）", "presumed link (not a road)"),
                    "#7a7a7a",
                    0.25,
                    dashed=True,
                ),
            ),
        ),
    ),
    note=Text(
        "没有道路数据时为计算而设的直线，不代表任何道路",
        "straight lines that stand in for missing roads in the computation; no road is meant",
    ),
)
def _presumed_links(results: Results) -> gpd.GeoDataFrame | None:
    roads = results.roads
    frame = roads[roads["basis"] == "presumed"]
    return select(readable(frame, ("basis",), results.lang), _ROAD_COLUMNS)
