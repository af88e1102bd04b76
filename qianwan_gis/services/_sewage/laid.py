"""What a layout of sewers consists of, and why a building is not joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

UNCONNECTED = {
    "no_street": Text("附近没有道路", "no street near enough"),
    "other_part": Text("所在道路与排放口不连通", "its street is not joined to the sink's"),
    "nobody": Text("无人居住", "nobody lives there"),
    "no_position": Text("没有位置", "no position"),
}


@dataclass(frozen=True)
class SewerLayout:
    """The sewers of one settlement.

    Attributes
    ----------
    pipes
        ``pipe``, ``from``, ``to`` (manholes, in the direction of flow), ``kind`` (gravity, or
        pressure where the street climbs too steeply), ``length_m``,
        ``diameter_mm``, ``slope``, ``ground_up_m``, ``ground_down_m``, ``invert_up_m``,
        ``invert_down_m``, ``depth_up_m``, ``depth_down_m``, ``mean_m3d``, ``peak_ls``, ``fill``
        (d/D at the peak), ``velocity_ms`` (at the peak), ``self_cleansing``, LineString.
    manholes
        ``manhole``, ``kind`` (end, junction, manhole, drop, lift, sink), ``ground_m``, ``invert_m``
        (of the bottom), ``depth_m``, ``houses``, Point.
    pumps
        Lifting stations: ``manhole``, ``lift_m``, ``peak_ls``, Point; and ``kind`` ``house`` for
        lifting units of single houses, with their number.
    houses
        One row per building: ``connected``, ``manhole``, ``metres`` of its own house connection,
        ``shares`` (the building whose connection it joins), ``mean_m3d``.
    unconnected
        Buildings that are not joined: ``reason``, ``text``.
    quantities, cost
        Bill of quantities, and the cost by part: ``build_yuan`` and ``life_yuan``.
    problems
        Warnings.
    """

    pipes: gpd.GeoDataFrame
    manholes: gpd.GeoDataFrame
    pumps: gpd.GeoDataFrame
    houses: gpd.GeoDataFrame
    unconnected: pd.DataFrame
    quantities: pd.DataFrame
    cost: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)

    @property
    def length_m(self) -> float:
        """Length of all pipes, house connections not counted."""
        return float(self.pipes["length_m"].sum())

    @property
    def life_yuan(self) -> float:
        """Life-cycle cost."""
        return float(self.cost["life_yuan"].sum())

    def profile(self, start: str | None = None) -> pd.DataFrame:
        """Longitudinal profile from a manhole down to the sink (the farthest one by default).

        Columns as for `profile.table`: chainage, ground, inverts, depth, diameter, slope.
        """
        from qianwan_gis.services._sewage import profile

        return profile.of_layout(self, start)

    def draw_profile(self, start: str | None = None, *, path: Any = None, lang: str = "zh") -> Any:
        """Draw the profile (纵断面图); returns the figure, or writes it to ``path``."""
        from qianwan_gis.services._sewage import profile

        return profile.draw(self.profile(start), path=path, lang=lang)


def tally(why: NDArray[Any]) -> Text:
    """Say how many buildings are left out for each reason."""
    counts = pd.Series(why[why != ""]).value_counts().sort_index()
    return Text(
        "，".join(f"{UNCONNECTED[k].zh} {n} 栋" for k, n in counts.items()),
        ", ".join(f"{n}: {UNCONNECTED[k].en}" for k, n in counts.items()),
    )


__all__ = ["UNCONNECTED", "SewerLayout", "tally"]
