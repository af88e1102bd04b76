"""Areas (片区) and the official village list of a made-up county."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from qianwan_gis.synthetic._places import Places

LISTS = ("省级", "市级")
CATEGORIES = ("精品示范村", "提档升级村")


def make_areas(places: Places, crs: Any) -> gpd.GeoDataFrame:
    """Up to four 片区 around the four largest townships; they may cut across township lines."""
    towns = places.township_areas
    outline = shapely.union_all(towns.geometry.to_numpy(), grid_size=0.01)
    order = np.argsort(-towns.geometry.area.to_numpy(), kind="stable")[:4]
    free = np.ones(len(places.villages), dtype=bool)
    names: list[str] = []
    shapes: list[Any] = []
    for row in order.tolist():
        seat = places.townships.geometry.iloc[row]
        reach = 0.9 * np.sqrt(towns.geometry.iloc[row].area / np.pi)
        mine = free & (places.villages.geometry.distance(seat).to_numpy() <= reach)
        if not mine.any():
            continue
        free &= ~mine
        ground = shapely.union_all(places.cells[mine].to_numpy(), grid_size=0.01)
        ground = shapely.intersection(ground, outline)
        shapes.append(max(shapely.get_parts(ground), key=lambda part: part.area))
        stem = places.townships["township"].iloc[row].removesuffix("镇").removesuffix("乡")
        names.append(f"{stem}片区")
    return gpd.GeoDataFrame({"name": names, "basis": "synthetic"}, geometry=shapes, crs=crs)


def make_list(
    places: Places,
    corridor: list[tuple[str, NDArray[np.float64]]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The year's lists: mostly villages near the corridor; some stand in both lists.

    Columns ``list``, ``township``, ``name``, ``printed`` (with 村), ``category``, ``code``.
    """
    villages = places.villages
    line = shapely.MultiLineString([coords for _, coords in corridor])
    away = villages.geometry.distance(line).to_numpy()
    key = -away / 4000.0 + rng.gumbel(size=len(villages))
    order = np.argsort(-key, kind="stable")
    count = max(1, min(len(order), round(0.16 * len(order))))
    rows = []
    for label, share in zip(LISTS, (0.65, 1.0), strict=True):
        chosen = np.sort(order[: max(1, round(share * count))])
        best = set(order[: max(1, round(0.12 * count))].tolist())
        for row in chosen.tolist():
            village = villages.iloc[row]
            rows.append(
                {
                    "list": label,
                    "township": village["township"],
                    "name": village["name"],
                    "printed": f"{village['name']}村",
                    "category": CATEGORIES[0] if row in best else CATEGORIES[1],
                    "code": village["code"],
                }
            )
    return pd.DataFrame(rows)
