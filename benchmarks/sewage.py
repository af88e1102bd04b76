"""Sewage benchmarks: the plan's gap by size, the layout's speed and length against pysewer.

Run: ``python benchmarks/sewage.py plan 40 100 600`` and
``python benchmarks/sewage.py layout --pysewer PYTHON`` where PYTHON is the interpreter of another
environment that holds pysewer (GPL: never imported here).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine

import qianwan_gis as qg
from qianwan_gis.services._sewage import search
from qianwan_gis.services._sewage.model import cost, everyone_local
from qianwan_gis.terrain import Terrain

CRS = "EPSG:4547"
PYSEWER = """
import json, sys, time, pysewer
folder, x, y, fast = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "fast"
start = time.time()
domain = pysewer.ModelDomain(folder + "/dem.tif", folder + "/roads.gpkg", folder + "/buildings.gpkg",
                             clustering="none")
domain.add_sink((x, y))
graph = domain.generate_connection_graph()
tree = (pysewer.rsph_tree_fast if fast else pysewer.rsph_tree)(graph, domain.get_sinks())
metres = sum(a["geometry"].length for _, _, a in tree.edges(data=True))
print("RESULT " + json.dumps({"metres": metres, "seconds": time.time() - start}))
"""


def settlement(houses: int, side: int, seed: int = 0, step: float = 60.0):
    """Return houses on a shaken street grid over rolling ground, and the sink."""
    rng = np.random.default_rng(seed)
    x0, y0 = 500_000.0, 3_985_000.0
    grid = np.stack(
        np.meshgrid(x0 + np.arange(side) * step, y0 + np.arange(side) * step, indexing="ij"), -1
    )
    grid = grid + rng.uniform(-15, 15, grid.shape)
    lines = [
        shapely.LineString([grid[i, j], grid[i + di, j + dj]])
        for i in range(side)
        for j in range(side)
        for di, dj in ((1, 0), (0, 1))
        if i + di < side and j + dj < side and rng.random() < 0.85
    ]
    far = (side - 1) * step
    spots = rng.uniform([x0, y0], [x0 + far, y0 + far], (houses, 2))
    buildings = gpd.GeoDataFrame(
        {"people": rng.integers(1, 6, houses)}, geometry=gpd.points_from_xy(*spots.T), crs=CRS
    )
    row, col = np.mgrid[0:200, 0:200]
    height = 800 + 0.3 * col - 0.1 * row + 6 * np.sin(col / 12) + 5 * np.cos(row / 9)
    ground = Terrain.from_array(height, Affine(10, 0, x0 - 300, 0, -10, y0 + 1700), CRS)
    return (
        buildings,
        gpd.GeoDataFrame(geometry=lines, crs=CRS),
        ground,
        shapely.Point(x0 - 20, y0 + 5),
    )


def run_layout(pysewer: str | None) -> None:
    """Print seconds and metres of pipe, house connections included, for three settlements."""
    for houses, side in ((57, 8), (300, 13), (800, 20)):
        buildings, roads, ground, sink = settlement(houses, side)
        start = time.perf_counter()
        made = qg.sewage.layout(buildings, roads, ground, sink)
        seconds = time.perf_counter() - start
        metres = made.length_m + made.houses["metres"].sum()
        print(
            f"{houses} buildings: {seconds:.1f} s, {metres:.0f} m, unconnected {len(made.unconnected)}"
        )
        if pysewer is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            buildings.to_file(f"{folder}/buildings.gpkg")
            roads.to_file(f"{folder}/roads.gpkg")
            ground.write(Path(folder) / "dem.tif")
            for kind in ("fast", "full"):
                done = subprocess.run(
                    [pysewer, "-c", PYSEWER, folder, str(sink.x), str(sink.y), kind],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                line = next(x for x in done.stdout.splitlines() if x.startswith("RESULT "))
                theirs = json.loads(line.removeprefix("RESULT "))
                print(f"  pysewer {kind}: {theirs['seconds']:.1f} s, {theirs['metres']:.0f} m")


def run_plan(sizes: list[int], seed: int, limit: float, settlements: bool) -> None:
    """Print cost, bound and gap for synthetic counties, with the greedy and all-local plans."""
    for size in sizes:
        county = qg.synthetic.county(size, seed=seed)
        net = qg.RoadNetwork.from_roads(county.roads[county.roads["status"].eq("existing")])
        start = time.perf_counter()
        plan = qg.sewage.plan_sewage(
            county.settlements if settlements else county.villages,
            network=net,
            terrain=Terrain.from_array(*county.elevation),
            plants=county.facilities[county.facilities["tier"].eq("plant")],
            sewers=county.sewers,
            time_limit=limit,
        )
        seconds = time.perf_counter() - start
        greedy = cost(plan.model, search.greedy(plan.model))
        local = cost(plan.model, everyone_local(plan.model))
        print(
            f"{size} villages ({len(plan.decisions)} units): {seconds:.0f} s, {plan.status}, "
            f"cost {plan.cost:.0f}, bound {plan.bound:.0f}, gap {plan.gap:.2%}, "
            f"greedy +{greedy / plan.cost - 1:.2%}, all local +{local / plan.cost - 1:.2%}"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["plan", "layout"])
    parser.add_argument("sizes", nargs="*", type=int, default=[40, 100])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=300.0)
    parser.add_argument("--settlements", action="store_true")
    parser.add_argument("--pysewer")
    given = parser.parse_args()
    if given.what == "layout":
        run_layout(given.pysewer)
    else:
        run_plan(given.sizes, given.seed, given.limit, given.settlements)


if __name__ == "__main__":
    main()
