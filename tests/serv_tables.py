"""Small tables for the tests of services: villages, facilities and networks in metres."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import Point

from qianwan_gis.network import RoadNetwork

CRS = "EPSG:4547"
X0, Y0 = 400_000.0, 3_900_000.0


def villages(xy, *, uncertainty=0.0, **columns) -> gpd.GeoDataFrame:
    """Return VILLAGES at places relative to the corner; None is a village without a point."""
    n = len(xy)
    table = {
        "code": [f"1405250000{i:02d}" for i in range(n)],
        "name": [f"村{i}" for i in range(n)],
        "township": "甲镇",
        "lists": "",
        "category": "",
        "population": np.nan,
        "population_kind": "",
        "population_year": np.nan,
        "basis": ["none" if p is None else "point" for p in xy],
        "match": ["none" if p is None else "exact" for p in xy],
        "uncertainty_m": uncertainty,
        "evidence": "",
    }
    places = [None if p is None else Point(X0 + p[0], Y0 + p[1]) for p in xy]
    return gpd.GeoDataFrame(table | columns, geometry=places, crs=CRS)


def facilities(xy, service="clinic", tier="village", **columns) -> gpd.GeoDataFrame:
    """Return FACILITIES at places relative to the corner."""
    table = {
        "facility_id": [f"F{i:02d}" for i in range(len(xy))],
        "service": service,
        "tier": tier,
        "name": "",
        "capacity": np.nan,
        "basis": "recorded",
        "uncertainty_m": 0.0,
        "source": "",
        "licence": "",
        "village_code": "",
    }
    places = [None if p is None else Point(X0 + p[0], Y0 + p[1]) for p in xy]
    return gpd.GeoDataFrame(table | columns, geometry=gpd.GeoSeries(places, crs=CRS), crs=CRS)


def network(nodes, edges, *, kph=4.0, basis="surveyed", mode="walk") -> RoadNetwork:
    """Return a network of straight edges at one speed; places relative to the corner."""
    node = pd.DataFrame(
        [(i, X0 + x, Y0 + y) for i, (x, y) in enumerate(nodes)], columns=["node", "x", "y"]
    )
    xy = np.array(nodes, float)
    rows = []
    for k, (u, v) in enumerate(edges):
        metres = float(np.hypot(*(xy[u] - xy[v])))
        kind = basis if isinstance(basis, str) else basis[k]
        rows.append((u, v, metres / (kph / 3.6), metres, kind, kind == "presumed"))
    edge = pd.DataFrame(rows, columns=["u", "v", "seconds", "metres", "basis", "presumed"])
    return RoadNetwork.from_edges(node, edge, CRS, mode=mode)
