"""What the compiler costs: the first answer after an install, and the first one of a later process.

    python benchmarks/first_call.py

Every question is asked in a fresh process with an empty kernel cache, then in another one that finds
the cache filled. ``all kernels`` is what `make run` does during set-up.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import results

ASK = """
import time
import geopandas as gpd, numpy as np, pandas as pd
from qianwan_gis.network import RoadNetwork, compile_kernels
nodes = pd.DataFrame({{"node": range(4), "x": [0.0, 1, 2, 1], "y": [0.0, 0, 0, 1]}})
edges = pd.DataFrame({{"u": [0, 1, 1], "v": [1, 2, 3], "seconds": 1.0, "metres": 1.0}})
points = gpd.GeoSeries.from_xy([0.2, 1.9], [0.1, 0.0], crs="EPSG:4547")
begin = time.perf_counter()
net = RoadNetwork.from_edges(nodes, edges, "EPSG:4547")
{question}
print(time.perf_counter() - begin)
"""
QUESTIONS = {
    "nearest, k = 1": "net.nearest(points, points)",
    "nearest, k = 2": "net.nearest(points, points, k=2)",
    "cost matrix": "net.od_matrix(points, points)",
    "service area": "net.service_area(points, [1.0])",
    "shortest path": "net.shortest_path(0, 3)",
    "all kernels": "compile_kernels()",
}


def ask(question: str, cache: str) -> float:
    """Seconds of one question in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", ASK.format(question=question)], capture_output=True, text=True,
        check=True, env={**os.environ, "NUMBA_CACHE_DIR": cache},
    )  # fmt: skip
    return float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    args = parser.parse_args()
    found = {}
    for name, question in QUESTIONS.items():
        with tempfile.TemporaryDirectory() as cache:
            first = ask(question, cache)
            later = min(ask(question, cache) for _ in range(3))
        found[name] = {"first": first, "later": later}
        print(f"{name}: {first:.1f} s, then {later:.2f} s", flush=True)
    results.merge(args.json, "first", found, ["numba"])


if __name__ == "__main__":
    main()
