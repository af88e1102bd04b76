"""The corridor, its stakes and its zones."""

from __future__ import annotations

import geopandas as gpd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import (
    Results,
    Style,
    Symbol,
    layer,
    readable,
    select,
)
from qianwan_gis.schemas import (
    Column,
)

_CORRIDOR_COLUMNS = (
    Column("branch", "text", Text("支线", "Branch"), Text("", ""), nullable=False),
    Column("length_m", "number", Text("长度", "Length"), Text("投影平面长度", "planar"), "m"),
    Column("basis", "text", Text("来源性质", "Basis"), Text("实测、推定或合成", "")),
    Column("basis_text", "text", Text("来源性质（文字）", "Basis, in words"), Text("", "")),
)


@layer(
    "corridor",
    Text("示范廊带线", "Corridor"),
    theme="corridor",
    columns=_CORRIDOR_COLUMNS,
    styles=(
        Style(
            Text("廊带", "Corridor"),
            "line",
            (
                Symbol(
                    "presumed",
                    Text("推定走向（示意）", "presumed course"),
                    "#882255",
                    0.8,
                    dashed=True,
                ),
                Symbol("", Text("廊带线", "corridor"), "#882255", 1.0),
            ),
            by="basis",
            label="branch",
        ),
    ),
    note=Text(
        "来源性质为“推定”的走向仅为示意，不含桩号，不参与汇总",
        "a presumed course is a sketch: no stakes, in no summary",
    ),
)
def _corridor(results: Results) -> gpd.GeoDataFrame | None:
    if results.corridor is None:
        return None
    lines = results.corridor.lines
    frame = gpd.GeoDataFrame(
        {
            "branch": lines["branch"].astype(str),
            "length_m": lines.geometry.length.round(1),
            "basis": str(results.corridor.basis),
        },
        geometry=lines.geometry,
        crs=lines.crs,
    ).to_crs(results.crs)
    return select(readable(frame, ("basis",), results.lang), _CORRIDOR_COLUMNS)


_STAKE_COLUMNS = (
    Column("stake", "text", Text("桩号", "Stake"), Text("如 K12+000", "such as K12+000")),
    Column("branch", "text", Text("支线", "Branch"), Text("", "")),
)


@layer(
    "stakes",
    Text("里程桩", "Stakes"),
    theme="corridor",
    columns=_STAKE_COLUMNS,
    styles=(
        Style(
            Text("里程桩", "Stakes"),
            "point",
            (Symbol("", Text("公里桩", "kilometre stake"), "#882255", 1.2, "square"),),
            label="stake",
        ),
    ),
)
def _stakes(results: Results) -> gpd.GeoDataFrame | None:
    corridor = results.corridor
    if corridor is None or str(corridor.basis) == "presumed" or not results.disclosure.stakes:
        return None
    stakes = corridor.stakes(1000.0)
    return select(stakes.to_crs(results.crs), _STAKE_COLUMNS)


_ZONE_COLUMNS = (
    Column("width_m", "number", Text("离线距离", "Distance"), Text("单侧", "on either side"), "m"),
)


@layer(
    "zones",
    Text("廊带影响区", "Corridor zones"),
    theme="corridor",
    columns=_ZONE_COLUMNS,
    styles=(
        Style(
            Text("廊带影响区", "Corridor zones"),
            "area",
            (
                Symbol(
                    "",
                    Text("廊带影响区", "corridor zone"),
                    "#882255",
                    0.3,
                    outline="#882255",
                    opacity=0.06,
                ),
            ),
        ),
    ),
)
def _zones(results: Results) -> gpd.GeoDataFrame | None:
    zones = results.zones
    if zones is None or zones.empty:
        return None
    # The widest first, so that the narrow ones are drawn on top.
    return select(zones.sort_values("width_m", ascending=False), _ZONE_COLUMNS)
