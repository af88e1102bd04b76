"""What the data bear: every output asks here before it shows what could mislead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.indicators._summary import one_definition
from qianwan_gis.schemas import Basis, Inventory, value_text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork

#: Shares of a county and siting need this share of its villages as points.
POINT_SHARE = 0.8
#: Slopes need terrain cells no wider than this (m); relief from wider ones hides valleys.
SLOPE_CELL_M = 90.0


@dataclass(frozen=True)
class Disclosure:
    """What the data bear. Every output asks here before it shows a thing that could mislead.

    Attributes
    ----------
    county_shares
        Coverage as shares of a county or group.
    people
        Figures in people.
    stakes
        Stake labels (K12+345) along the corridor.
    isochrones
        Areas of equal travel time.
    decimal_minutes
        Minutes with decimals.
    siting
        Advice on where to build.
    slopes
        Gradients from the terrain.
    cells
        Township areas drawn as boundaries.
    silent
        Services without any complete register: "not covered" is never shown for them.
    reasons
        Why not, by attribute.
    """

    county_shares: bool = True
    people: bool = True
    stakes: bool = True
    isochrones: bool = True
    decimal_minutes: bool = True
    siting: bool = True
    slopes: bool = True
    cells: bool = True
    silent: frozenset[str] = frozenset()
    reasons: Mapping[str, Text] = field(default_factory=dict)

    def red_uncovered(self, service: str) -> bool:
        """Whether "not covered" may be shown for a service at all."""
        return service not in self.silent

    @classmethod
    def of(
        cls,
        villages: pd.DataFrame,
        inventories: Mapping[tuple[str, str], Inventory],
        *,
        network: RoadNetwork | None = None,
        roads: gpd.GeoDataFrame | None = None,
        corridor_basis: str | None = None,
        terrain_cell_m: float | None = None,
        own_township_areas: bool = False,
    ) -> Disclosure:
        """Decide from the data alone what may be shown.

        Parameters
        ----------
        villages
            VILLAGES.
        inventories
            How complete each register is.
        network, roads
            The network, or the ROADS table, to tell whether village roads are presumed.
        corridor_basis
            ``surveyed``, ``presumed``, ``synthetic``; None without a corridor.
        terrain_cell_m
            Width of the terrain's cells in metres; None without terrain.
        own_township_areas
            Whether the township areas come from the user's own polygons.
        """
        reasons: dict[str, Text] = {}
        total = len(villages)
        points = int(villages["basis"].eq(str(Basis.POINT)).sum())
        few = points < POINT_SHARE * total
        where = Text(f"{total}个村中只有{points}个有点位",
                     f"only {points} of {total} villages have a point")  # fmt: skip
        presumed = any_presumed(network, roads)
        roads_text = Text("村级道路是推定的，不是实测", "village roads are presumed, not surveyed")
        services = sorted({service for service, _ in inventories})
        complete = {
            s for (s, _), inv in inventories.items() if Inventory(inv) is Inventory.COMPLETE
        }
        silent = frozenset(services) - complete
        registers = Text(
            "没有一类设施的名录是完整的" if not complete else "",
            "no register of facilities is complete" if not complete else "",
        )
        shares_why = _join([(few, where), (presumed, roads_text), (not complete, registers)])
        shares = shares_why is None
        if shares_why is not None:
            reasons["county_shares"] = shares_why
        people = (
            one_definition(
                pd.DataFrame(villages).reindex(
                    columns=["code", "population", "population_kind", "population_year"]
                )
            )
            is not None
        )
        if not people:
            known = int(pd.to_numeric(villages["population"], errors="coerce").notna().sum())
            reasons["people"] = Text(
                f"{total}个村中{known}个有人口数，同一口径、十年之内的不足八成",
                f"{known} of {total} villages have a population; fewer than 80 % share one "
                "definition within ten years",
            )
        stakes = corridor_basis is not None and corridor_basis != "presumed"
        if not stakes:
            reasons["stakes"] = (
                Text("没有廊带线位", "there is no line of the corridor")
                if corridor_basis is None
                else Text(
                    "走向是推定的，里程仅为示意", "the course is presumed, its chainage a sketch"
                )
            )
        if presumed:
            reasons["isochrones"] = reasons["decimal_minutes"] = roads_text
        siting_why = _join([(few, where), (presumed, roads_text), (
            "clinic" in silent,
            Text("医疗设施名录不完整", "the register of health facilities is incomplete"),
        )])  # fmt: skip
        if siting_why is not None:
            reasons["siting"] = siting_why
        slopes = terrain_cell_m is not None and terrain_cell_m <= SLOPE_CELL_M
        if not slopes:
            reasons["slopes"] = (
                Text("没有地形数据", "there is no terrain data")
                if terrain_cell_m is None
                else Text(
                    f"地形格网{terrain_cell_m:.0f}米，坡度无意义",
                    f"terrain cells of {terrain_cell_m:.0f} m bear no slopes",
                )
            )
        if not own_township_areas:
            reasons["cells"] = Text(
                "乡镇范围由驻地推算，不是界线",
                "township areas are computed from seats, no boundaries",
            )
        if silent:
            named = [value_text("service", s) for s in sorted(silent)]
            reasons["red_uncovered"] = Text(
                f"{'、'.join(t.zh for t in named)}没有完整名录，没有记录不等于没有设施",
                f"{', '.join(t.en for t in named)}: no complete register; silence is not absence",
            )
        return cls(
            county_shares=shares, people=people, stakes=stakes, isochrones=not presumed,
            decimal_minutes=not presumed, siting=siting_why is None, slopes=slopes,
            cells=own_township_areas, silent=silent, reasons=reasons,
        )  # fmt: skip


def _join(faults: Iterable[tuple[bool, Text]]) -> Text | None:
    """Return the texts of the faults that apply as one, or None."""
    found = [text for applies, text in faults if applies]
    if not found:
        return None
    return Text("；".join(t.zh for t in found), "; ".join(t.en for t in found))


def any_presumed(network: RoadNetwork | None, roads: pd.DataFrame | None) -> bool:
    """Whether any road is presumed rather than surveyed."""
    if network is not None:
        return bool(network.presumed.any())
    if roads is not None and "basis" in roads.columns:
        return bool(roads["basis"].eq("presumed").any())
    return True  # without roads every minute would be presumed
