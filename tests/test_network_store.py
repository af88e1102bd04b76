"""Saved networks answer as before, from a mapped file."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis._errors import DataError
from qianwan_gis.network import RoadNetwork

CRS = "EPSG:4547"


def sample():
    rng = np.random.default_rng(0)
    n = 60
    nodes = pd.DataFrame(
        {"node": [f"村{i}" for i in range(n)], "x": rng.uniform(0, 9e3, n), "y": 0.0}
    )
    nodes["y"] = rng.uniform(0, 9e3, n)
    a, b = rng.integers(0, n, (2, 150))
    xy = nodes[["x", "y"]].to_numpy()
    edges = gpd.GeoDataFrame(
        {
            "u": nodes["node"].to_numpy()[a],
            "v": nodes["node"].to_numpy()[b],
            "seconds": rng.uniform(0, 9, 150),
            "metres": rng.uniform(0, 9, 150),
            "oneway": rng.random(150) < 0.2,
            "road_class": pd.Categorical(rng.choice(["village", "primary"], 150)),
            "name": rng.choice(["甲路", "", None], 150),
            "lanes": rng.integers(1, 4, 150),
        },
        geometry=[
            shapely.LineString([xy[i], (xy[i] + xy[j]) / 2 + 5, xy[j]])
            for i, j in zip(a, b, strict=True)
        ],
        crs=CRS,
    )
    return RoadNetwork.from_edges(nodes, edges, CRS)


def test_saved_network_is_the_same(tmp_path):
    net = sample()
    path = net.save(tmp_path / "deep" / "网.qwnet")
    again = RoadNetwork.open(path)
    pd.testing.assert_frame_equal(pd.DataFrame(again.edges), pd.DataFrame(net.edges))
    pd.testing.assert_frame_equal(again.nodes, net.nodes)
    points = gpd.GeoSeries.from_xy(*np.random.default_rng(1).uniform(0, 9e3, (2, 40)), crs=CRS)
    for k in (1, 3):
        pd.testing.assert_frame_equal(
            again.nearest(points, points[:5], k=k), net.nearest(points, points[:5], k=k)
        )
    pd.testing.assert_frame_equal(again.od_matrix(points, points), net.od_matrix(points, points))
    one, two = (n.service_area(points[:3], [9.0]).edges for n in (net, again))
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))
    # a change in memory stays there
    before = path.read_bytes()
    again.metres[:] = 0.0
    assert path.read_bytes() == before
    assert before == net.save(tmp_path / "b.qwnet").read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_broken_files_are_refused(tmp_path):
    path = sample().save(tmp_path / "a.qwnet")
    with pytest.raises(DataError, match="不存在"):
        RoadNetwork.open(tmp_path / "nothing.qwnet")
    whole = path.read_bytes()
    for cut in (0, 10, 60, len(whole) - 100):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"a\.qwnet"):
            RoadNetwork.open(path)
    path.write_bytes(b"PK" + whole)
    with pytest.raises(DataError, match="完整"):
        RoadNetwork.open(path)
