"""RoadNetwork and networkx/osmnx: valid for osmnx, and nothing lost on the way and back."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis._errors import DataError
from qianwan_gis.network import RoadNetwork

CRS = "EPSG:4547"


@pytest.fixture(scope="module")
def osmnx():
    return pytest.importorskip("osmnx")


def sample(names=False):
    ids = ["a", "b", "c", "d"] if names else [10, 20, 30, 40]
    nodes = pd.DataFrame({"node": ids, "x": [0.0, 100, 100, 0], "y": [0.0, 0, 100, 100], "k": 1})
    edges = pd.DataFrame(
        {
            "u": [ids[i] for i in (0, 1, 2, 2, 3)],
            "v": [ids[i] for i in (1, 2, 3, 3, 3)],
            "seconds": [10.0, 20.0, 30.0, 31.0, 0.0],
            "metres": [100.0, 100.0, 100.0, 140.0, 5.0],
            "oneway": [False, True, False, False, False],
            "road_id": list("vwxyz"),
            "geometry": [
                shapely.LineString([(0, 0), (50, 5), (100, 0)]),
                shapely.LineString([(100, 0), (100, 100)]),
                shapely.LineString([(100, 100), (0, 100)]),
                shapely.LineString([(100, 100), (50, 150), (0, 100)]),
                shapely.LineString([(0, 100), (-1, 101), (0, 100)]),
            ],
        }
    )
    return RoadNetwork.from_edges(nodes, gpd.GeoDataFrame(edges, crs=CRS), CRS)


@pytest.mark.parametrize("names", [False, True])
def test_round_trip_keeps_everything(osmnx, names):
    net = sample(names)
    graph = net.to_networkx()
    osmnx.convert.validate_graph(graph)
    back = RoadNetwork.from_networkx(graph)
    pd.testing.assert_frame_equal(pd.DataFrame(back.edges), pd.DataFrame(net.edges))
    pd.testing.assert_frame_equal(back.nodes, net.nodes)
    assert back.crs == net.crs
    for mode in net.modes:
        assert (back.seconds[mode].forward == net.seconds[mode].forward).all()
        assert (back.seconds[mode].backward == net.seconds[mode].backward).all()


def test_path_lengths_are_those_of_networkx(osmnx):
    net = sample()
    graph = net.to_networkx()
    for weight, by in (("travel_time", "seconds"), ("length", "metres")):
        truth = dict(nx.all_pairs_dijkstra_path_length(graph, weight=weight))
        for row in net.od_matrix(net.node_ids, net.node_ids, by=by).itertuples():
            assert getattr(row, by) == truth[row.origin][row.destination]
    routes = osmnx.routing.shortest_path(graph, 10, 30, weight="travel_time")
    assert routes == [10, 20, 30]


def test_osmnx_graph_comes_back_as_it_was(osmnx):
    graph = nx.MultiDiGraph(crs="EPSG:4326", simplified=True)
    for node, (x, y) in {5: (112.8, 35.5), 7: (112.81, 35.5), 9: (112.81, 35.51)}.items():
        graph.add_node(node, x=x, y=y, street_count=2, highway="crossing")
    line = shapely.LineString([(112.8, 35.5), (112.805, 35.502), (112.81, 35.5)])
    common = {"osmid": [1, 2], "length": 950.0, "oneway": False, "highway": "residential"}
    graph.add_edge(5, 7, geometry=line, reversed=False, **common)
    graph.add_edge(7, 5, geometry=shapely.reverse(line), reversed=True, **common)
    graph.add_edge(7, 9, osmid=3, length=1100.0, oneway=True, reversed=False, maxspeed="30")
    osmnx.convert.validate_graph(graph)
    with pytest.raises(DataError, match="travel_time"):
        RoadNetwork.from_networkx(graph)
    net = RoadNetwork.from_networkx(graph, speed_kph=36.0)
    assert len(net.u) == 2  # the two directions are one edge
    assert net.nearest([5, 9], [9])["seconds"].tolist() == [205.0, 0.0]
    assert np.isnan(net.nearest([9], [5])["seconds"][0])
    again = net.to_networkx()
    osmnx.convert.validate_graph(again)
    assert nx.utils.graphs_equal(
        graph, RoadNetwork.from_networkx(graph, speed_kph=1.0).to_networkx()
    )
    # snapping on a geographic graph is done in metres
    village = gpd.GeoSeries.from_xy([112.805], [35.5021], crs=4326)
    placed = net.snap(village)
    assert placed.metres[0] == pytest.approx(11.0, abs=0.3)
    path = net.shortest_path(village, 9, access=False)
    assert path.geometry.bounds[0] == pytest.approx(112.805, abs=1e-5)
    assert path.seconds == pytest.approx(157.5, abs=1)


def test_undirected_and_plain_graphs():
    graph = nx.path_graph(4)
    nx.set_node_attributes(graph, {i: {"x": float(i), "y": 0.0} for i in graph})
    nx.set_edge_attributes(graph, 2.0, "length")
    with pytest.raises(DataError, match="crs"):
        RoadNetwork.from_networkx(graph, speed_kph=3.6)
    graph.graph["crs"] = CRS
    net = RoadNetwork.from_networkx(graph, speed_kph=3.6)
    assert net.od_matrix([0, 3], [3, 0])["metres"].tolist() == [6.0, 0.0, 0.0, 6.0]
    del graph.nodes[2]["x"]
    with pytest.raises(DataError, match="坐标"):
        RoadNetwork.from_networkx(graph, speed_kph=3.6)
