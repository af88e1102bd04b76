"""One design of a settlement's sewers: manholes along a tree, flows, depths, and the tables of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._errors import DataError, Problem, ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.services._sewage import depths
from qianwan_gis.services._sewage.hydraulics import fill_of, velocity
from qianwan_gis.services._sewage.laid import UNCONNECTED, SewerLayout, tally
from qianwan_gis.services._sewage.manholes import Manholes

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage import streets
    from qianwan_gis.services._sewage.costs import Prices
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

_MOST_DIP = 0.5  # m of extra depth for ground that sags between two manholes


@dataclass(frozen=True)
class Houses:
    """Where houses join.

    Node of the street, own connection and way to the street (m), the house whose connection is
    shared (-1: none), and which houses take part.
    """

    node: NDArray[np.int64]
    own: Array
    way: Array
    shared: NDArray[np.int64]
    use: NDArray[np.bool_]


@dataclass(frozen=True)
class Design:
    """One tree with manholes, flows and depths."""

    tree: depths.Tree
    depths: depths.Depths
    xy: Array
    kind: list[str]
    lines: list[Any]
    manhole_of: NDArray[np.int64]
    houses: Houses
    mean_house: Array
    prices: Prices
    sink_level: float | None

    @classmethod
    def make(
        cls, graph: streets.Streets, edges: set[int], sink: int, sink_xy: Array, houses: Houses,
        mean: Array, house_ground: Array, terrain: Terrain, crs: Any, norms: Standards,
        prices: Prices, sink_level: float | None,
    ) -> Design | None:  # fmt: skip
        """Place manholes along a tree and find its depths."""
        rules = prices.rules
        node, use = houses.node, houses.use
        holes = Manholes(graph, edges, sink, sink_xy, rules.manhole_spacing)
        manhole_of = np.full(len(node), -1, np.int64)
        manhole_of[use] = [holes.of_node[int(k)] for k in node[use]]
        order, down, length, lines = holes.chain()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        manhole_of[use] = rank[manhole_of[use]]
        xy = np.array(holes.xy)[order]
        own = np.zeros(len(order))
        np.add.at(own, manhole_of[use], mean[use])
        total = own.copy()
        for v in range(len(order) - 1):
            total[down[v]] += total[v]
        size = rules.size(rules.peak(total))
        if (size >= len(rules.diameters)).any():
            raise DataError(
                Problem(
                    "flow_too_large", "error",
                    Text(f"流量 {total.max():.0f} m³/d 超过最大管径 {rules.diameters[-1] * 1000:.0f} mm 的能力",
                         f"{total.max():.0f} m³/d is more than the largest pipe carries"),
                    fix=Text("在 sewage.pipe.diameters_mm 中补充更大管径",
                             "add larger diameters to sewage.pipe.diameters_mm"),
                )
            )  # fmt: skip
        middle = np.array([line.interpolate(0.5, normalized=True).coords[0] for line in lines])
        levels = heights(terrain, np.vstack([xy, middle.reshape(-1, 2)]), crs)
        ground, mid = levels[: len(xy)], levels[len(xy) :]
        dip = np.zeros(len(xy))
        dip[:-1] = np.clip((ground[:-1] + ground[down[:-1]]) / 2.0 - mid, 0.0, _MOST_DIP)
        drain, fall = (
            float(norms.value("sewage.house.drain_depth_m")),
            float(norms.value("sewage.gravity.house_slope")),
        )
        need: list[list[float]] = [[] for _ in order]
        for i in np.flatnonzero(use):
            v = int(manhole_of[i])
            level = house_ground[i] - drain - fall * houses.way[i]
            need[v].append(float(ground[v] - level))
        tree = depths.Tree(
            down, ground, length, dip, total, size, [np.array(sorted(x)) for x in need]
        )
        found = depths.optimise(tree, prices, rules.max_depth, root_level=sink_level)
        if found is None:
            return None
        kind = [holes.kind[k] for k in order]
        return cls(
            tree, found, xy, kind, lines, manhole_of, houses, np.where(use, mean, np.nan), prices,
            sink_level,
        )  # fmt: skip

    def result(self, buildings: gpd.GeoDataFrame, why: NDArray[Any], crs: Any) -> SewerLayout:
        """Return the tables."""
        import geopandas as gpd

        from qianwan_gis.services._sewage import quantities

        tree, d, rules = self.tree, self.depths, self.prices.rules
        n = len(tree.down)
        up = np.arange(n - 1)
        low = tree.down[:-1]
        names = np.array([f"W{i + 1:04d}" for i in range(n)], object)
        invert_up, invert_down = tree.ground[up] - d.leave[up], tree.ground[low] - d.arrive[up]
        peak = rules.peak(tree.mean[up])
        slope = (invert_up - invert_down) / tree.length[up]
        main = d.pressure[up]
        which = np.searchsorted(rules.pressure_capacity * (1 + 1e-12), peak)
        which = np.minimum(which, len(rules.pressure_diameters) - 1)
        diameter = np.where(main, rules.pressure_diameters[which], rules.diameters[tree.size[up]])
        down = np.where(main, 1.0, slope)
        fill = np.where(main, 1.0, fill_of(peak, diameter, down, rules.roughness))
        speed = np.where(
            main, peak / (np.pi / 4.0 * diameter**2),
            velocity(diameter, down, fill, rules.roughness),
        )  # fmt: skip
        pipes = gpd.GeoDataFrame(
            {
                "pipe": [f"P{i + 1:04d}" for i in up],
                "from": names[up],
                "to": names[low],
                "kind": np.where(main, "pressure", "gravity"),
                "length_m": tree.length[up],
                "diameter_mm": np.round(diameter * 1000).astype(int),
                "slope": slope,
                "ground_up_m": tree.ground[up],
                "ground_down_m": tree.ground[low],
                "invert_up_m": invert_up,
                "invert_down_m": invert_down,
                "depth_up_m": d.leave[up],
                "depth_down_m": d.arrive[up],
                "mean_m3d": tree.mean[up],
                "peak_ls": peak * 1000.0,
                "fill": fill,
                "velocity_ms": speed,
                "self_cleansing": speed >= rules.min_velocity,
            },
            geometry=self.lines,
            crs=crs,
        )
        deepest = np.zeros(n)
        np.maximum.at(deepest, low, d.arrive[up])
        incoming = np.bincount(low, minlength=n)
        first = np.full(n, np.inf)
        np.minimum.at(first, low, d.arrive[up])
        drop = (incoming > 0) & (np.r_[d.leave[:-1], d.sump[-1]] - first > 0.5)
        kind = np.array(self.kind, object)
        kind[drop & (kind != "sink")] = "drop"
        kind[d.lifted] = "lift"
        lift = d.head.copy()
        if self.sink_level is not None:
            lift[-1] = d.sump[-1] - (tree.ground[-1] - self.sink_level)
            d.lifted[-1] = lift[-1] > 1e-9
        houses_at = np.bincount(self.manhole_of[self.manhole_of >= 0], minlength=n)
        points = gpd.points_from_xy(self.xy[:, 0], self.xy[:, 1])
        manholes = gpd.GeoDataFrame(
            {
                "manhole": names, "kind": kind, "ground_m": tree.ground,
                "invert_m": tree.ground - d.sump, "depth_m": d.sump, "houses": houses_at,
            },
            geometry=points, crs=crs,
        )  # fmt: skip
        lifted = np.flatnonzero(d.lifted)
        single = np.flatnonzero(d.house_pumps > 0)
        pumps = gpd.GeoDataFrame(
            {
                "kind": ["lift"] * len(lifted) + ["house"] * len(single),
                "manhole": np.r_[names[lifted], names[single]],
                "number": np.r_[np.ones(len(lifted), int), d.house_pumps[single]].astype(int),
                "lift_m": np.r_[lift[lifted], np.full(len(single), np.nan)],
                "peak_ls": np.r_[
                    rules.peak(tree.mean[lifted]) * 1000.0, np.full(len(single), np.nan)
                ],
            },
            geometry=points[np.r_[lifted, single].astype(int)], crs=crs,
        )  # fmt: skip
        joined = self.manhole_of >= 0
        houses = gpd.GeoDataFrame(
            {
                "connected": joined,
                "manhole": np.where(joined, names[self.manhole_of], ""),
                "metres": np.where(joined, self.houses.own, np.nan),
                "shares": [str(buildings.index[k]) if k >= 0 else "" for k in self.houses.shared],
                "mean_m3d": self.mean_house,
            },
            index=buildings.index,
            geometry=buildings.geometry.to_numpy(),
            crs=crs,
        )
        lost = why != ""
        unconnected = pd.DataFrame(
            {"reason": why[lost], "text": [UNCONNECTED[w] for w in why[lost]]},
            index=buildings.index[lost],
        )
        log = ProblemLog()
        if lost.any():
            left = tally(why)
            log.add("warning", "unconnected", f"{int(lost.sum())} 栋未接入：{left.zh}",
                    f"{int(lost.sum())} buildings are not joined: {left.en}", file="buildings")  # fmt: skip
        if d.steep[:-1].any():
            log.add("warning", "fast",
                    f"{int(d.steep[:-1].sum())} 段管道超过最大流速，已计消能井",
                    f"{int(d.steep[:-1].sum())} pipes run faster than the limit; stilling manholes "
                    "are counted")  # fmt: skip
        bill = quantities.of_layout(
            pipes, manholes, pumps, self.houses.own[joined], self.prices, d.steep[:-1]
        )
        cost = quantities.cost_of_layout(bill, pumps, tree.mean[lifted], self.prices)
        return SewerLayout(pipes, manholes, pumps, houses, unconnected, bill, cost, list(log))


def heights(terrain: Terrain, xy: Array, crs: Any) -> Array:
    """Ground (m) at coordinates; `DataError` names every place without."""
    import geopandas as gpd

    points = gpd.GeoSeries(gpd.points_from_xy(xy[:, 0], xy[:, 1]), crs=crs)
    return np.asarray(terrain.sample(points).to_numpy(float))


__all__ = ["Design", "Houses", "heights"]
