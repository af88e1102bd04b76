"""The villages: points by evidence and by category, and the regions of the others."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    Results,
    Style,
    Symbol,
    contract,
    layer,
    readable,
    select,
    symbols,
)
from qianwan_gis.schemas import (
    REGIONS,
    VILLAGES,
    Column,
)

MATCH_COLORS = {
    "reviewed": "#08306b",
    "exact": "#08519c",
    "landmark": "#2171b5",
    "seat": "#4292c6",
    "provider": "#6baed6",
    "settlement": "#e69f00",
    "described": "#bdbdbd",
    "township": "#d9d9d9",
    "none": "#f0f0f0",
}
CATEGORY_SYMBOLS = (
    Symbol("精品示范村", Text("精品示范村", "model village"), ORANGE, 3.2, "diamond"),
    Symbol("提档升级村", Text("提档升级村", "upgrade village"), BLUE, 2.8),
    Symbol("环境整治村", Text("环境整治村", "clean-up village"), GREEN, 2.4),
    Symbol("", Text("不在名单", "on no list"), GREY, 1.6),
)
MATCH_STYLE = Style(
    Text("定位依据", "How the position is known"),
    "point",
    symbols("match", MATCH_COLORS, size=2.6),
    by="match",
    label="name",
)
CATEGORY_STYLE = Style(
    Text("创建类别", "Category"), "point", CATEGORY_SYMBOLS, by="category", label="name"
)
_VILLAGE_COLUMNS = contract(VILLAGES, "basis", "match")


@layer(
    "villages",
    Text("村庄", "Villages"),
    theme="villages",
    columns=_VILLAGE_COLUMNS,
    styles=(MATCH_STYLE, CATEGORY_STYLE),
    note=Text(
        "每个村一行；只有定位方式为点位的才有几何，其余仅知范围或所属乡镇，几何为空",
        "one row per village; only those placed as points have a geometry, the others none",
    ),
)
def _villages(results: Results) -> gpd.GeoDataFrame | None:
    return select(readable(results.villages, ("basis", "match"), results.lang), _VILLAGE_COLUMNS)


# Share of a region's probability that its drawn part holds. The rest lies in wide, thin fringes
# that would cover the map and tell nothing.
DENSE_SHARE = 0.5
_REGION_COLUMNS = (
    *(c for c in contract(REGIONS) if c.name == "code"),
    Column(
        "weight",
        "number",
        Text("把握", "Probability"),
        Text("该村在所绘范围内的概率", "that the village lies in the drawn area"),
    ),
    *(
        c
        for c in contract(VILLAGES)
        if c.name in ("name", "township", "lists", "category", "match")
    ),
)


@layer(
    "village_regions",
    Text("村庄最可能范围（非界线）", "Where a village most likely is (not a boundary)"),
    theme="villages",
    columns=_REGION_COLUMNS,
    styles=(
        Style(
            Text("可能范围", "possible area"),
            "area",
            (
                Symbol(
                    "",
                    Text("村庄最可能范围（非界线）", "most likely area (not a boundary)"),
                    "#8c6bb1",
                    0.2,
                    outline="#8c6bb1",
                    opacity=0.12,
                    dashed=True,
                ),
            ),
        ),
    ),
    note=Text(
        "按已发表的文字描述推算，约有一半把握；供找村用，不是任何行政界线",
        "derived from published descriptions, holds the village at about one half; never a boundary",
    ),
)
def _village_regions(results: Results) -> gpd.GeoDataFrame | None:
    names = [c.name for c in _REGION_COLUMNS if c.name not in ("code", "weight")]
    villages = pd.DataFrame(results.villages)[["code", *names]]
    regions = results.regions
    if not results.disclosure.cells:
        # A region known only by its township has the outline of a computed cell: drawn, it would
        # be read as the township's boundary.
        by_township = villages.loc[villages["match"] == "township", "code"]
        regions = regions[~regions["code"].isin(by_township)]
    if regions.empty:
        return None
    frame = densest(regions).merge(villages, on="code", how="left", validate="1:1")
    return select(frame, _REGION_COLUMNS)


def densest(regions: gpd.GeoDataFrame, share: float = DENSE_SHARE) -> gpd.GeoDataFrame:
    """Return, for each code, the smallest union of its polygons that holds ``share``.

    Parameters
    ----------
    regions
        REGIONS in a projected CRS: ``code``, ``weight``, polygon; weights of a code sum to one.
    share
        Least probability to hold, 0 to 1.

    Returns
    -------
    GeoDataFrame
        ``code``, ``weight`` (what the union really holds) and geometry, one row per code, in the
        order of first appearance.
    """
    density = regions["weight"] / regions.geometry.area
    ranked = regions.assign(density=density, order=pd.factorize(regions["code"])[0]).sort_values(
        ["order", "density"], ascending=[True, False], kind="stable"
    )
    before = ranked.groupby("order")["weight"].cumsum() - ranked["weight"]
    kept = ranked[before < share - 1e-12]
    made = kept[["order", "code", "weight", "geometry"]].dissolve(
        by="order", aggfunc={"code": "first", "weight": "sum"}
    )
    return made[["code", "weight", "geometry"]].reset_index(drop=True)
