"""The planning layers: one registry that maps and every export draw from.

A layer is a function from `Results` to a GeoDataFrame (or ``None`` where there is nothing to show
or where the data do not bear it), with a title, the meaning of its columns and one or more styles.
A `Style` is plain data; QML, SLD, Matplotlib and web legends are all derived from it, so a colour
is chosen in one place.

A module of this package holds the layers of one topic; importing it registers them. New layer::

    @layer("wells", Text("水井", "Wells"), theme="facilities", columns=WELLS, styles=(...,))
    def _wells(results: Results) -> gpd.GeoDataFrame | None:
        return ...
"""

# In the order in which layers of one theme are listed.
# isort: off
from qianwan_gis.layers import (
    villages,
    coverage,
    scenarios,
    facilities,
    siting,
    roads,
    corridor,
    spacing,
    sewage,
    water,
    base,
)

# isort: on
from qianwan_gis.layers._registry import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    THEMES,
    Layer,
    Results,
    Style,
    Symbol,
    built,
    catalogue,
    chosen,
    family,
    layer,
    readable,
    withheld,
)
from qianwan_gis.layers.coverage import (
    COVERAGE_STYLE,
    MINUTES,
    STATE_TEXT,
    coverage_points,
    coverage_state,
    service_title,
    services_of,
)
from qianwan_gis.layers.roads import ROAD_SYMBOLS
from qianwan_gis.layers.villages import (
    CATEGORY_STYLE,
    CATEGORY_SYMBOLS,
    MATCH_COLORS,
    MATCH_STYLE,
    densest,
)

__all__ = [
    "BLUE",
    "CATEGORY_STYLE",
    "CATEGORY_SYMBOLS",
    "COVERAGE_STYLE",
    "GREEN",
    "GREY",
    "MATCH_COLORS",
    "MATCH_STYLE",
    "MINUTES",
    "ORANGE",
    "ROAD_SYMBOLS",
    "STATE_TEXT",
    "THEMES",
    "Layer",
    "Results",
    "Style",
    "Symbol",
    "base",
    "built",
    "catalogue",
    "chosen",
    "corridor",
    "coverage",
    "coverage_points",
    "coverage_state",
    "densest",
    "facilities",
    "family",
    "layer",
    "readable",
    "roads",
    "scenarios",
    "service_title",
    "services_of",
    "sewage",
    "siting",
    "spacing",
    "villages",
    "water",
    "withheld",
]
