"""Signs of the strip maps: services along the road, verdicts on their spacing, the road itself."""

from __future__ import annotations

from qianwan_gis._text import Text
from qianwan_gis.corridor.report import VERDICTS
from qianwan_gis.layers import Symbol
from qianwan_gis.layers.spacing import VERDICT_COLORS

ROAD = "#882255"
ELSEWHERE = "#d9b3c7"  # the road beyond the sheet's stretch, and other branches

#: What is drawn along the road, and the registers each kind comes from.
COUNTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "post": ("corridor", ("post",)),
    "toilet": ("corridor", ("toilet",)),
    "charger": ("corridor", ("charger",)),
    "clinic": ("clinic", ("village", "township", "county")),
    "parking": ("corridor", ("parking",)),
    "scenic": ("corridor", ("scenic",)),
}
SYMBOLS: dict[str, Symbol] = {
    "post": Symbol("", Text("驿站", "wayside station"), "#882255", 3.0, "square"),
    "toilet": Symbol("", Text("公厕", "public toilet"), "#0072b2", 2.2, "square"),
    "charger": Symbol("", Text("充电站", "charging station"), "#009e73", 2.4, "triangle"),
    "clinic": Symbol("", Text("医疗点", "clinic"), "#cc3311", 2.6, "cross"),
    "parking": Symbol("", Text("停车观景点", "car park or viewpoint"), "#56606b", 2.4, "circle"),
    "scenic": Symbol("", Text("景点", "scenic spot"), "#e69f00", 2.8, "triangle"),
}
VERDICT_SYMBOLS: tuple[Symbol, ...] = tuple(
    Symbol("", Text(f"间距{word.zh}", f"spacing {word.en}"), VERDICT_COLORS[key], 1.6)
    for key, word in VERDICTS.items()
    if key in VERDICT_COLORS
)
