"""Facilities."""

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
    FACILITIES,
    VALUE_TEXT,
)

_FACILITY_COLUMNS = contract(FACILITIES, "service", "tier", "basis")


@layer(
    "facilities",
    Text("设施", "Facilities"),
    theme="facilities",
    columns=_FACILITY_COLUMNS,
    styles=(
        Style(
            Text("服务类别", "Service"),
            "point",
            (
                Symbol("clinic", VALUE_TEXT["service"]["clinic"], "#cc3377", 3.2, "cross"),
                Symbol("sewage", VALUE_TEXT["service"]["sewage"], "#6b4c2a", 3.0, "square"),
                Symbol("water", VALUE_TEXT["service"]["water"], "#2aa1b3", 3.0, "triangle"),
                Symbol("", Text("其他", "other"), "#555555", 2.6, "square"),
            ),
            by="service",
            label="name",
        ),
    ),
    note=Text(
        "来源性质为“假定”的设施不是登记数据", "facilities whose basis is “assumed” are not records"
    ),
)
def _facilities(results: Results) -> gpd.GeoDataFrame | None:
    frame = readable(results.facilities, ("service", "tier", "basis"), results.lang)
    return select(frame, _FACILITY_COLUMNS)
