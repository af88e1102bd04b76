"""Travel time from everywhere: a raster of the minutes to the nearest facility.

What AccessMod makes from a merged raster of land and roads, but with the roads kept as a network:
a journey is a walk over terrain to a place on a road and a ride from there, or a walk all the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qianwan_gis.network.offroad import Surface, cost_distance, road_places
from qianwan_gis.network.places import point_coordinates

if TYPE_CHECKING:
    from qianwan_gis.network.graph import RoadNetwork
    from qianwan_gis.standards import Standards


def travel_minutes(
    net: RoadNetwork,
    facilities: Any,
    ground: Surface,
    *,
    mode: str | None = None,
    limit: float = float("inf"),
    standards: Standards | None = None,
) -> npt.NDArray[np.float64]:
    """Minutes from every cell of a surface to the facility that is soonest reached.

    Parameters
    ----------
    net
        The network; take `modes.with_terrain` first for slopes on the roads as well.
    facilities
        Points (GeoDataFrame or GeoSeries, any CRS); those outside the surface are reached by road.
    ground
        The surface to walk over (`offroad.surface`).
    mode
        Mode of travel on the road; the default mode when None.
    limit
        Largest time in minutes, inclusive.

    Returns
    -------
    ndarray
        Shape of ``ground.heights``; NaN where nothing is reached within the limit.

    Notes
    -----
    People walk at the norm's speed times ``terrain.walk.offroad_factor`` on level open ground and
    by Tobler's function on slopes, both ways differing. Exact to about one cell.
    """
    rows, cols = ground.heights.shape
    if not rows * cols or not len(facilities):
        return np.full((rows, cols), np.nan)
    cell = ground.cell_m
    box = (ground.left, ground.top - rows * cell, ground.left + cols * cell, ground.top)
    places, x, y = road_places(net, cell, net.mode_name(mode), ground.crs, [box])
    start = net.nearest(places, facilities, mode=mode)["seconds"].fillna(np.inf).to_numpy()
    _, fx, fy = point_coordinates(facilities, ground.crs)
    spread = cost_distance(
        ground,
        ground.cells(np.r_[x, fx], np.r_[y, fy]),
        start=np.r_[start, np.zeros(len(fx))],
        limit=limit * 60.0,
        standards=standards,
        to_norm=True,
    )
    minutes = spread.seconds.reshape(rows, cols) / 60.0
    return np.where(np.isfinite(minutes), minutes, np.nan)
