"""Locating points on a corridor: ours, shapely and (where installed) linref, in one run.

    python benchmarks/corridor.py [--points 100000] [--km 400] [--sample 2000]

A made-up road of 10 m pieces, points strewn 500 m about it. Three ways to a measure:
`Corridor.locate`; `shapely.line_locate_point` on the whole line (PostGIS' ST_LineLocatePoint; only a
sample, it is slow); linref's `project` on one row per kilometre (STRtree join, then the same shapely
call on a short line). Ours also finds side, overshoot and ties; they find the measure only. Prints
microseconds a point, ratios, and the largest difference of the measures.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis.corridor import Corridor

CRS = "EPSG:4547"


def road(kilometres: float, rng: np.random.Generator) -> shapely.LineString:
    """Return a winding line of 10 m pieces."""
    heading = np.cumsum(rng.normal(0.0, 0.02, int(kilometres * 100)))
    step = np.column_stack([np.cos(heading), np.sin(heading)]) * 10.0
    return shapely.LineString(np.vstack([[0.0, 0.0], np.cumsum(step, axis=0)]) + 500_000.0)


def best(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the least seconds of several runs, and the last answer."""
    seconds, answer = np.inf, None
    for _ in range(repeats):
        start = time.perf_counter()
        answer = run()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, answer


def by_linref(line: shapely.LineString, points: gpd.GeoSeries) -> Callable[[], np.ndarray] | None:
    """Return linref's projection onto one row per kilometre, or ``None`` where it is missing."""
    try:
        import linref  # noqa: F401 - registers the accessor
    except ImportError:
        return None
    xy = shapely.get_coordinates(line)
    at = np.r_[0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    cuts = np.append(np.arange(0, len(xy) - 1, 100), len(xy) - 1)  # at vertices, about 1 km apart
    rows = gpd.GeoDataFrame(
        {"route": "主线", "beg": at[cuts[:-1]], "end": at[cuts[1:]]},
        geometry=[shapely.LineString(xy[a : b + 1]) for a, b in itertools.pairwise(cuts)],
        crs=CRS,
    )
    rows = rows.lr.set_lrs(
        key_col="route", loc_col="loc", beg_col="beg", end_col="end", geom_col="geometry",
        geom_m_col="geometry_m",
    )  # fmt: skip
    rows = rows.lr.add_geom_m()
    table = gpd.GeoDataFrame(geometry=points)
    return lambda: rows.lr.project(table, buffer=1e9, dropna=False)["loc"].to_numpy(float)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--km", type=float, default=400.0)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    line = road(asked.km, rng)
    at = shapely.get_coordinates(line.interpolate(rng.uniform(0.0, line.length, asked.points)))
    points = gpd.GeoSeries(shapely.points(at + rng.normal(0.0, 500.0, at.shape)), crs=CRS)
    corridor = Corridor.from_segments(
        gpd.GeoDataFrame({"branch": ["主线"]}, geometry=[line], crs=CRS)
    )
    print(f"{line.length / 1000:.0f} km, {len(line.coords)} vertices, {asked.points} points")
    mine, found = best(lambda: corridor.locate(points), asked.repeats)
    ours = found["chainage_m"].to_numpy()
    free = ~found["tie"].to_numpy()
    per = mine / asked.points
    print(
        f"qianwan_gis  {per * 1e6:8.1f} us a point ({mine:.2f} s); {int((~free).sum())} ties told"
    )
    sample = points.to_numpy()[: asked.sample]
    seconds, measures = best(lambda: shapely.line_locate_point(line, sample), 1)
    report(
        "shapely", seconds / asked.sample, per, ours[: asked.sample], measures, free[: asked.sample]
    )
    project = by_linref(line, points)
    if project is None:
        print("linref       not installed")
        return
    seconds, measures = best(project, asked.repeats)
    report("linref", seconds / asked.points, per, ours, measures, free)


def report(
    name: str, each: float, ours: float, mine: np.ndarray, theirs: np.ndarray, free: np.ndarray
) -> None:
    """Print one engine's time, the ratio to ours, and the largest difference off ties."""
    apart = np.abs(mine - theirs)[free].max()
    print(f"{name:12} {each * 1e6:8.1f} us a point; ours {each / ours:.1f} times as fast; "
          f"largest difference {apart:.1e} m")  # fmt: skip


if __name__ == "__main__":
    main()
