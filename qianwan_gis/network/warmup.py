"""Compile every kernel once, during set-up, so that no question waits for the compiler."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Packages with kernels of their own. By name: they stand above this one, and imports point down only.
_OTHERS = ("qianwan_gis.services.warmup", "qianwan_gis.siting.warmup")


def compile_kernels() -> float:
    """Compile (or load from the cache) all kernels; return the seconds that it took.

    The cache lies beside the package where that can be written, else in the user's cache folder
    (``NUMBA_CACHE_DIR`` overrides both).
    """
    import importlib
    import time

    import geopandas as gpd

    from qianwan_gis.datum import zone
    from qianwan_gis.network import kernels, offroad_kernel
    from qianwan_gis.network.graph import RoadNetwork

    begin = time.perf_counter()
    crs = zone(112.8)
    nodes = pd.DataFrame({"node": range(5), "x": [0.0, 1, 2, 1, 2], "y": [0.0, 0, 0, 1, 1]})
    edges = pd.DataFrame(
        {
            "u": [0, 1, 2, 1, 3],
            "v": [1, 2, 3, 3, 4],
            "seconds": [1.0, 1, 1, 2, 1],
            "metres": 1.0,
            "oneway": [False, False, True, False, False],
        }
    )
    net = RoadNetwork.from_edges(nodes, edges, crs)
    points = gpd.GeoSeries.from_xy([0.2, 1.9], [0.1, 0.9], crs=crs)
    net.nearest([0, 4], [2], limit=9.0)
    net.nearest(net.node_ids, points)
    net.nearest(net.node_ids, points, carry={"metres_again": net.metres})
    net.nearest(points, points, k=2, threads=1)
    net.od_matrix(points, points, threads=1)
    net.service_area(points, [1.0], threads=1)
    net.service_area(points, [1.0], merge=True)
    net.shortest_path(0, 4)
    net.nearest_paths(points, [2])
    net.components()
    RoadNetwork.from_csr(
        np.array([0, 1, 2], np.int64), np.array([1, 0], np.int32), np.ones(2), [0.0, 1.0],
        [0.0, 0.0], crs,
    )  # fmt: skip
    pointer, xy = net.lines
    kernels.line_lengths(pointer, xy)
    kernels.turn_lines(pointer, xy, np.zeros(len(net.u), np.bool_))
    offroad_kernel.spread(
        np.zeros((2, 2)), np.ones((2, 2)), 10.0, np.zeros(1, np.int64), np.zeros(1), True,
        6.0, 3.5, 0.05, 100.0,
    )  # fmt: skip
    for name in _OTHERS:
        importlib.import_module(name).compile_kernels()
    return time.perf_counter() - begin
