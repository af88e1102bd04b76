"""Roads with presumed links, and the network measured on them: modes, standards, terrain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from qianwan_gis import indicators
from qianwan_gis import roads as road_files
from qianwan_gis._errors import ProblemLog
from qianwan_gis.network import RoadNetwork
from qianwan_gis.network import modes as terrain_modes
from qianwan_gis.plan import _reading
from qianwan_gis.plan._places import with_point
from qianwan_gis.services.ground import Ground

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan


def roads(plan: Plan) -> gpd.GeoDataFrame:
    """ROADS: recorded, and presumed links where the county's file asks for them."""
    recorded = plan.recorded_roads
    if not plan.county.roads.presume_links:
        return recorded
    links = road_files.presumed_links(
        with_point(plan), recorded, plan.townships, plan.standards, rivers=plan.rivers
    )
    return gpd.GeoDataFrame(
        pd.concat([recorded, links], ignore_index=True), geometry="geometry", crs=plan.crs
    )


def measured(plan: Plan) -> tuple[RoadNetwork, Ground | None]:
    """Measure the plan's own roads."""
    return _reading.step(plan, lambda log: plan.measure(plan.roads, log=log))


def network(plan: Plan) -> RoadNetwork:
    """The road network of `roads`, with seconds by mode and metres.

    Where the county has terrain fine enough for slopes, times follow slope and bends.
    """
    return plan._measured[0]


def ground(plan: Plan) -> Ground | None:
    """The terrain under the network; ``None`` without one that is fine enough for slopes."""
    return plan._measured[1]


def measure(
    plan: Plan, roads: gpd.GeoDataFrame, *, planned: bool, log: ProblemLog | None
) -> tuple[RoadNetwork, Ground | None]:
    """Make a network of roads and the terrain under it, see `Plan.measure`."""
    flat = RoadNetwork.from_roads(
        roads, plan.standards, tuple(plan.choices.modes()), planned=planned, log=log
    )
    terrain = plan.terrain
    if terrain is None or terrain.cell_m > indicators.SLOPE_CELL_M:
        return flat, None
    net = terrain_modes.with_terrain(flat, terrain, standards=plan.standards, to_norm=True, log=log)
    rivers = plan.rivers
    friction = rivers if rivers is not None and "friction" in rivers.columns else None
    return net, Ground(terrain, flat, plan.standards, friction)
