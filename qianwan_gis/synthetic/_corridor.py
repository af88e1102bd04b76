"""The corridor of a made-up county as an office would hand it over: segments, equations, stakes."""

from __future__ import annotations

import itertools
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOUR = ("起点", "丹崖", "长亭", "双桥", "落雁", "终点")


def make_corridor(
    lines: list[tuple[str, Floats]], crs: Any, rng: np.random.Generator
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Cut the branches into segments with chainage, and set a stake at every kilometre.

    The main line has five segments, a 长链 after the first, a 短链 after the second, and a stretch
    not yet built between the third and the fourth, over which the chainage runs on. Within
    a segment chainage is planar length. Returns segments and stakes.
    """
    segments: list[dict[str, Any]] = []
    stakes: list[dict[str, Any]] = []
    for branch, coords in lines:
        line = shapely.LineString(coords)
        main = branch == "主线"
        shares = [0.0, 0.24, 0.43, 0.62, 0.8, 1.0] if main else [0.0, 1.0]
        unbuilt = min(900.0, 0.03 * line.length) if main else 0.0
        chainage = 0.0
        for number, (low, high) in enumerate(itertools.pairwise(shares)):
            start, end = round(low * line.length, 1), round(high * line.length, 1)
            if main and number == 3:
                start += unbuilt
                chainage += unbuilt
            if main and number == 1:
                chainage -= round(float(rng.uniform(60.0, 420.0)), 1)
            if main and number == 2:
                chainage += round(float(rng.uniform(40.0, 300.0)), 1)
            piece = _part(line, start, min(end, line.length))
            first, last = round(chainage, 1), round(chainage + piece.length, 1)
            segments.append(
                {
                    "branch": branch,
                    "seq": number + 1,
                    "name": f"{_TOUR[number]}至{_TOUR[number + 1]}段" if main else f"{branch}全段",
                    "start": stake_text(first),
                    "end": stake_text(last),
                    "length_m": round(piece.length, 1),
                    "basis": "synthetic",
                    "geometry": piece,
                }
            )
            for km in range(int(np.ceil(first / 1000.0)), int(last // 1000.0) + 1):
                along = (km * 1000.0 - first) / (last - first) * piece.length
                stakes.append(
                    {
                        "branch": branch,
                        "chainage": stake_text(km * 1000.0),
                        "segment": number + 1,
                        "basis": "synthetic",
                        "geometry": piece.interpolate(along),
                    }
                )
            chainage = last
    table = gpd.GeoDataFrame(segments, geometry="geometry", crs=crs)
    columns = ["branch", "chainage", "segment", "basis", "geometry"]
    return table, gpd.GeoDataFrame(
        pd.DataFrame(stakes, columns=columns), geometry="geometry", crs=crs
    )


def stake_text(metres: float) -> str:
    """Write metres as a stake, K12+345.6 (non-negative; `qianwan_gis.chainage` reads it)."""
    tenths = round(metres * 10)
    km, rest = divmod(tenths, 10_000)
    whole, tenth = divmod(rest, 10)
    return f"K{km}+{whole:03d}" + (f".{tenth}" if tenth else "")


def _part(line: shapely.LineString, start: float, end: float) -> shapely.LineString:
    coords = shapely.get_coordinates(line)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(coords, axis=0).T))]
    inside = coords[(along > start + 1e-6) & (along < end - 1e-6)]
    ends = [[float(np.interp(at, along, coords[:, k])) for k in range(2)] for at in (start, end)]
    return shapely.LineString(np.vstack([ends[0], inside, ends[1]]))
