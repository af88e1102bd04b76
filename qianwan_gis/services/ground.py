"""What the terrain does to a coverage: slopes on the way, and villages that walk to the road.

The roads' own times over terrain are in the network (`network.modes.with_terrain`). Here is what
only shows when a coverage is computed: how many minutes the slopes cost a village and on which
road, and the way on foot of a village that no road comes near.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from qianwan_gis.network import offroad

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]


class Walked(NamedTuple):
    """Where points reach a road on foot: edge (-1 nowhere), place on it, time and length."""

    edge: NDArray[np.int64]
    fraction: Array
    x: Array
    y: Array
    seconds: Array
    metres: Array


@dataclass(eq=False)
class Ground:
    """The terrain under a network.

    Parameters
    ----------
    terrain
        Elevation. Villages walk over it only where it is in projected metres.
    flat
        The same roads as if they were level: what the slopes are measured against.
    standards
        Walking speeds.
    friction
        What is hard to cross off the roads: lines and polygons with a column ``friction``.
    """

    terrain: Terrain
    flat: RoadNetwork
    standards: Standards
    friction: gpd.GeoDataFrame | None = None
    _known: dict[Any, Walked] = field(default_factory=dict, repr=False)

    def over(self, net: RoadNetwork, xy: Array, crs: Any, mode: str) -> Walked:
        """Walk from places to the road that is soonest reached.

        Parameters
        ----------
        net
            The network; ``mode`` is how people travel on the road.
        xy
            Array (places, 2) in ``crs``.
        """
        import geopandas as gpd

        key = (id(net), mode, xy.tobytes())
        if key not in self._known:
            points = gpd.GeoSeries(shapely.points(xy), crs=crs)
            table = offroad.on_foot(
                net, points, self.terrain, mode=mode, friction=self.friction,
                standards=self.standards, to_norm=True, lines=False,
            ).table  # fmt: skip
            names = ("edge", "fraction", "x", "y", "walk_seconds", "walk_metres")
            columns = [table[name].to_numpy(float) for name in names]
            self._known[key] = Walked(columns[0].astype(np.int64), *columns[1:])
        return self._known[key]

    @property
    def walkable(self) -> bool:
        """Whether ways off the roads can be computed on this raster."""
        return bool(self.terrain.crs.is_projected)


def slopes(
    net: RoadNetwork, ground: Ground, homes: gpd.GeoSeries, places: gpd.GeoSeries, mode: str
) -> pd.DataFrame:
    """Return what the slopes cost on the way from each village to its nearest facility.

    Parameters
    ----------
    homes, places
        Recorded positions of the villages and of the facilities; missing ones are left out.

    Returns
    -------
    Table with the villages' index: ``flat_seconds`` (to the nearest facility if all roads were
    level) and ``seconds``; NaN where there is no way.
    """
    sites = places[places.notna() & ~places.is_empty]
    start = net.snap(homes, mode=mode)
    goal = net.snap(sites, mode=mode)
    level, real = (n.nearest(start, goal, by="seconds", mode=mode) for n in (ground.flat, net))
    return pd.DataFrame(
        {"flat_seconds": level["seconds"].to_numpy(), "seconds": real["seconds"].to_numpy()},
        index=homes.index,
    )


def slow_roads(
    net: RoadNetwork, ground: Ground, homes: gpd.GeoSeries, places: gpd.GeoSeries, mode: str
) -> list[str]:
    """Name, for each village, the road whose slopes cost most on its way; empty without one."""
    sites = places[places.notna() & ~places.is_empty].reset_index(drop=True)
    near = net.nearest(homes, sites, by="seconds", mode=mode)
    number = near["facility"].fillna(-1).to_numpy(int)
    reached = np.flatnonzero(number >= 0)
    out = [""] * len(homes)
    if not len(reached):
        return out
    ways = net.shortest_paths(
        homes.iloc[reached], sites.iloc[number[reached]], mode=mode, geometry=False
    )
    real, level = net.seconds[mode], ground.flat.seconds[mode]
    names = road_names(net.attributes)
    for row, way in zip(reached, ways, strict=True):
        walked = np.asarray(way.edges, np.int64)
        back = walked < 0  # against the edge's direction
        edge = np.where(back, -walked - 1, walked)
        spent, alone = (
            np.where(back, times.backward[edge], times.forward[edge]) for times in (real, level)
        )
        lost = spent - alone
        cost = pd.Series(lost).groupby(names[edge]).sum()
        if len(cost) and cost.max() > 0:
            out[row] = str(cost.idxmax())
    return out


def road_names(attributes: pd.DataFrame) -> NDArray[np.object_]:
    """Return what people call each edge's road: its name, else its number, else its identifier."""
    out = np.full(len(attributes), "", dtype=object)
    for column in ("road_id", "ref", "name"):
        if column in attributes.columns:
            text = attributes[column].astype(object).fillna("").astype(str).to_numpy()
            out = np.where(text != "", text, out)
    return out
