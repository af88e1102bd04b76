"""Nearest facilities on networks of zero weights, one-way streets and chains, against networkx."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis._errors import DataError
from qianwan_gis.network import RoadNetwork


def made(edges, count):
    nodes = pd.DataFrame({"node": range(count), "x": np.arange(count) * 10.0, "y": 0.0})
    table = pd.DataFrame(edges, columns=["u", "v", "seconds", "oneway"])
    return RoadNetwork.from_edges(nodes, table.assign(metres=table["seconds"]), crs="EPSG:4547")


def test_a_village_at_a_facility_inside_a_chain_has_no_way_to_go():
    # facilities at 3 and 2, both inside one chain, asked in the order opposite to the chain's
    net = made([(2, 0, 0.0, True), (5, 4, 0.0, False), (2, 3, 1.0, True), (4, 3, 2.0, True)], 6)
    found = net.nearest(np.array([2]), np.array([3, 2, 1]))
    assert found[["facility", "seconds"]].iloc[0].tolist() == [2, 0.0]


@pytest.mark.parametrize("seed", range(60))
def test_nearest_of_all_nodes_agrees_with_networkx(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 12))
    along = np.arange(count - 1)  # a chain, and a few streets across it
    u = np.concatenate([along, rng.integers(0, count, 2)])
    v = np.concatenate([along + 1, rng.integers(0, count, 2)])
    weights = rng.integers(0, 4, len(u)).astype(float)
    edges = list(zip(u, v, weights, rng.random(len(u)) < 0.3, strict=True))
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(count))
    for u, v, seconds, oneway in edges:
        graph.add_edge(u, v, weight=seconds)
        if not oneway:
            graph.add_edge(v, u, weight=seconds)
    facilities = rng.integers(0, count, int(rng.integers(1, 5)))
    limit = [None, 0.0, 1.0, 3.0][seed % 4]
    reach = nx.multi_source_dijkstra_path_length(graph.reverse(), {int(f) for f in facilities})
    wanted = [reach.get(node, np.nan) for node in range(count)]
    wanted = [np.nan if limit is not None and w > limit else w for w in wanted]
    found = made(edges, count).nearest(np.arange(count), facilities, limit=limit)
    np.testing.assert_allclose(found["seconds"], wanted)


def test_bare_points_are_taken_in_the_networks_crs():
    net = made([(0, 1, 10.0, False)], 2)
    found = net.shortest_path(shapely.Point(2, 0), shapely.Point(7, 0))
    assert found.metres == pytest.approx(5.0)


@pytest.mark.parametrize("flag", ["no", "False", "0", 2])
def test_a_flag_that_is_no_flag_is_refused(flag):
    with pytest.raises(DataError) as caught:
        made([(0, 1, 1.0, flag)], 2)
    assert caught.value.problems[0].field == "oneway"
