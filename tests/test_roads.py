"""Reading roads, and the rules by which they join."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import schemas
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.network import RoadNetwork
from qianwan_gis.roads import CLASSES, presumed_links, read_roads
from qianwan_gis.standards import Standards

CRS = "EPSG:4547"
X, Y = 482000.0, 3930000.0


def table(rows):
    """ROADS rows from (class, coordinates, extra columns)."""
    out = [
        {
            "road_id": f"r{i}", "road_class": name, "name": "", "ref": "", "surface": "",
            "oneway": False, "bridge": False, "tunnel": False, "status": "existing",
            "basis": "surveyed", **more,
            "geometry": shapely.LineString([(X + x, Y + y) for x, y in line]),
        }
        for i, (name, line, more) in enumerate(rows)
    ]  # fmt: skip
    return gpd.GeoDataFrame(out, crs=CRS)


@pytest.fixture(scope="module")
def norms():
    return Standards.load()


def office(words, **more):
    lines = [
        shapely.LineString([(112.8, 35.5 + i / 100), (112.81, 35.5 + i / 100)])
        for i in range(len(words))
    ]
    return gpd.GeoDataFrame({"等级": words, **more}, geometry=lines, crs=4490)


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "shp-utf8", "shp-gbk"])
def test_office_files_in_their_own_words(tmp_path, kind):
    words = ["高速公路", "一级", "国道", "四级", "村道", "等外", "机耕路"]
    frame = office(words, 路名=[f"路{i}" for i in range(7)], 单行=["是"] + ["否"] * 6)
    if kind == "gpkg":
        path = tmp_path / "roads.gpkg"
        frame.to_file(path, layer="道路")
    elif kind == "geojson":
        path = tmp_path / "roads.geojson"
        frame.to_crs(4326).to_file(path)
    else:
        path = tmp_path / "roads.shp"
        frame.to_file(path, encoding="utf-8" if kind.endswith("utf8") else "gbk")
    log = ProblemLog()
    roads = read_roads(path, log=log)
    assert not log.errors
    assert roads["road_class"].tolist() == [
        "motorway", "trunk", "primary", "tertiary", "village", "village", "track",
    ]  # fmt: skip
    assert roads["name"].tolist() == [f"路{i}" for i in range(7)]
    assert roads["oneway"].tolist() == [True] + [False] * 6
    assert roads.crs.to_epsg() == 4547
    assert set(roads["basis"]) == {"surveyed"}
    assert not schemas.find_problems(roads, schemas.ROADS, file="x").errors
    assert [p.code for p in log] == ["administrative_level"]
    assert "国道按二级公路" in str(log.problems[0])


def test_every_fault_is_told_at_once(tmp_path):
    frame = office(["一级", "彩虹路", "彩虹路", "村道", "村道"])
    frame.geometry = [*frame.geometry[:3], None, shapely.LineString()]
    path = tmp_path / "坏路.gpkg"
    frame.to_file(path)
    with pytest.raises(DataError) as caught:
        read_roads(path)
    told = {(p.code, p.row, p.file) for p in caught.value.problems}
    assert ("null_geometry", 4, "坏路.gpkg") in told
    assert any(code in ("empty_geometry", "null_geometry") and row == 5 for code, row, _ in told)
    unknown = next(p for p in caught.value.problems if p.code == "unknown_class")
    assert "彩虹路" in str(unknown)
    assert "共2行" in str(unknown)
    assert unknown.row == 2
    mended = office(["一级", "彩虹路", "彩虹路"])
    mended.to_file(tmp_path / "b.gpkg")
    good = read_roads(tmp_path / "b.gpkg", classes={"彩虹路": "village"})
    assert good["road_class"].tolist() == ["trunk", "village", "village"]
    office(["a"]).drop(columns="等级").to_file(tmp_path / "c.gpkg")
    with pytest.raises(DataError, match="等级"):
        read_roads(tmp_path / "c.gpkg")
    with pytest.raises(DataError, match="不存在"):
        read_roads(tmp_path / "nowhere.gpkg")
    bare = office(["一级"]).set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        bare.to_file(tmp_path / "d.shp")
    with pytest.raises(DataError, match="坐标系"):
        read_roads(tmp_path / "d.shp")
    assert read_roads(tmp_path / "d.shp", file_crs="EPSG:4490").crs.to_epsg() == 4547


def test_multi_lines_ids_and_geofabrik_oneway(tmp_path):
    lines = [
        shapely.MultiLineString(
            [[(112.8, 35.5), (112.81, 35.5)], [(112.82, 35.5), (112.83, 35.5)]]
        ),
        shapely.LineString([(112.8, 35.6), (112.81, 35.6)]),
        shapely.LineString([(112.8, 35.7), (112.81, 35.7)]),
    ]
    frame = gpd.GeoDataFrame(
        {"osm_id": ["7", "7", ""], "fclass": ["residential", "track_grade2", "primary"],
         "oneway": ["B", "F", "T"], "bridge": ["F", "T", "F"]},
        geometry=lines, crs=4326,
    )  # fmt: skip
    frame.to_file(tmp_path / "g.gpkg")
    roads = read_roads(tmp_path / "g.gpkg", crs=4326)
    assert roads["road_id"].is_unique
    assert len(roads) == 4
    assert roads["oneway"].tolist() == [False, False, True, True]
    assert roads["bridge"].tolist() == [False, False, True, False]
    assert roads.geometry.iloc[3].coords[0][0] == 112.81  # T runs against the line: turned


OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="test">
 <node id="1" lat="35.50" lon="112.80"/><node id="2" lat="35.50" lon="112.81"/>
 <node id="3" lat="35.50" lon="112.82"/><node id="4" lat="35.51" lon="112.81"/>
 <node id="5" lat="35.49" lon="112.81"/><node id="6" lat="35.50" lon="112.83"/>
 <way id="100"><nd ref="1"/><nd ref="2"/><nd ref="3"/>
  <tag k="highway" v="unclassified"/><tag k="name" v="甲路"/><tag k="surface" v="asphalt"/></way>
 <way id="101"><nd ref="4"/><nd ref="2"/><tag k="highway" v="track"/></way>
 <way id="102"><nd ref="5"/><nd ref="2"/><tag k="highway" v="residential"/>
  <tag k="oneway" v="-1"/></way>
 <way id="103"><nd ref="3"/><nd ref="6"/><nd ref="99"/><tag k="highway" v="tertiary"/>
  <tag k="maxspeed" v="10"/><tag k="bridge" v="viaduct"/></way>
 <way id="104"><nd ref="1"/><nd ref="4"/><tag k="building" v="yes"/></way>
 <way id="105"><nd ref="1"/><nd ref="5"/><tag k="highway" v="service"/>
  <tag k="access" v="private"/></way>
 <way id="106"><nd ref="4"/><nd ref="6"/><tag k="highway" v="footway"/></way>
</osm>
"""


def osm_file(tmp_path, kind):
    path = tmp_path / "village.osm"
    path.write_text(OSM, encoding="utf-8")
    if kind == "xml":
        return path
    import osmium

    out = tmp_path / "village.osm.pbf"
    with osmium.SimpleWriter(str(out)) as writer:
        for item in osmium.FileProcessor(str(path)):
            writer.add(item)
    return out


@pytest.mark.parametrize("kind", ["xml", "pbf"])
def test_osm_is_split_at_shared_nodes(tmp_path, kind, norms):
    path = osm_file(tmp_path, kind)
    roads = read_roads(path)
    by = roads.groupby("road_id")["road_class"].first()
    assert len(roads) == 7
    assert by["w100"] == "village"
    assert roads["name"].tolist().count("甲路") == 2
    assert roads.set_index("road_id").loc["w102", "oneway"]
    assert roads.set_index("road_id").loc["w103", "bridge"]
    assert set(roads["basis"]) == {"osm"}
    net = RoadNetwork.from_osm(path, norms)
    assert sorted(net.node_ids) == [1, 2, 3, 4, 5, 6]
    assert len(net.u) == 7
    lengths = net.attributes["osmid"].map(lambda i: i).to_numpy()
    straight = shapely.length(net.edge_lines())
    assert net.metres == pytest.approx(straight)
    car = net.seconds["car"]
    at = {int(i): e for e, i in enumerate(lengths)}
    assert car.forward[at[103]] == pytest.approx(net.metres[at[103]] / (10 / 3.6))
    assert np.isinf(car.forward[at[105]])
    assert np.isinf(car.forward[at[106]])
    assert np.isfinite(net.seconds["walk"].forward[at[106]])
    # way 102 may be driven from node 2 to node 5 only; on foot both ways
    assert np.isfinite(net.nearest([2], [5])["seconds"][0])
    assert np.isnan(net.nearest([5], [2])["seconds"][0])
    assert np.isfinite(net.nearest([5], [2], mode="walk")["seconds"][0])
    same = RoadNetwork.from_roads(roads, norms)
    assert same.components()["nodes"].tolist() == net.components()["nodes"].tolist()
    assert same.metres.sum() == pytest.approx(net.metres.sum(), rel=1e-6)


def test_real_osm_extract(norms):
    """The extract that pyogrio brings for its own tests."""
    pyogrio = pytest.importorskip("pyogrio")
    path = Path(pyogrio.__file__).parent / "tests/fixtures/sample.osm.pbf"
    if not path.is_file():
        pytest.skip("pyogrio was installed without its test files")
    log = ProblemLog()
    net = RoadNetwork.from_osm(path, norms, crs="EPSG:3857", log=log)
    assert not log.errors
    pyogrio.set_gdal_config_options({"OSM_USE_CUSTOM_INDEXING": "NO"})  # its ids do not ascend
    try:
        lines = gpd.read_file(path, layer="lines")
    finally:
        pyogrio.set_gdal_config_options({"OSM_USE_CUSTOM_INDEXING": None})
    ways = set(lines.loc[lines["highway"].notna(), "osm_id"].astype(int))
    assert set(net.attributes["osmid"]) <= ways
    assert len(net.attributes["osmid"].unique()) > 0.8 * len(ways)
    mine = net.edges.dissolve("osmid").length
    theirs = lines.set_index(lines["osm_id"].astype(int)).to_crs(3857).length
    assert mine.to_numpy() == pytest.approx(theirs[mine.index].to_numpy(), rel=1e-6)


def test_broken_osm_file(tmp_path):
    path = osm_file(tmp_path, "pbf")
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(DataError, match=r"village\.osm\.pbf"):
        read_roads(path)
    empty = tmp_path / "empty.osm"
    empty.write_text('<osm version="0.6"></osm>', encoding="utf-8")
    with pytest.raises(DataError, match="没有道路"):
        RoadNetwork.from_osm(empty)


def parts(rows, norms, **options):
    return RoadNetwork.from_roads(table(rows), norms, modes=("car",), **options)


def connected(net):
    shares = net.components()
    return int((shares["edges"] > 0).sum())


CROSS = [(-100, 0), (100, 0)], [(0, -100), (0, 100)]


@pytest.mark.parametrize(
    ("one", "two", "joined"),
    [
        (("primary", {}), ("village", {}), True),
        (("primary", {"bridge": True}), ("village", {}), False),
        (("primary", {}), ("village", {"tunnel": True}), False),
        (("motorway", {}), ("village", {}), False),
        (("motorway_link", {}), ("village", {}), False),
        (("motorway", {}), ("motorway", {}), False),
    ],
)
def test_crossings(norms, one, two, joined):
    net = parts([(one[0], CROSS[0], one[1]), (two[0], CROSS[1], two[1])], norms)
    assert connected(net) == (1 if joined else 2)
    assert len(net.u) == (4 if joined else 2)
    assert net.metres.sum() == pytest.approx(400)


def test_motorway_joins_only_through_a_ramp(norms):
    motorway = ("motorway", [(0, 0), (1000, 0)], {})
    beside = ("village", [(1000, 0), (1500, 0)], {})  # same end point, no interchange
    assert connected(parts([motorway, beside], norms)) == 2
    ramp = ("motorway_link", [(1000, 0), (1200, 300)], {})
    road = ("village", [(1000, 300), (1400, 300)], {})
    net = parts([motorway, ramp, road], norms)
    assert connected(net) == 1
    assert len(net.u) == 4  # the ramp's end cuts the village road
    # villages do not start on the motorway, however near it is
    village = gpd.GeoSeries.from_xy([X + 500], [Y + 10], crs=CRS)
    placed = net.snap(village)
    assert (placed.x[0], placed.y[0]) == (X + 1000, Y + 300)


def test_ends_join_within_the_tolerance(norms):
    gap = [("village", [(0, 0), (100, 0)], {}), ("village", [(100.8, 0), (200, 0)], {})]
    assert connected(parts(gap, norms)) == 1
    wide = [("village", [(0, 0), (100, 0)], {}), ("village", [(103, 0), (200, 0)], {})]
    assert connected(parts(wide, norms)) == 2
    assert connected(parts(wide, norms, tolerance_m=5.0)) == 1
    coarse = [(a, b, {"basis": "generalised"}) for a, b, _ in wide]
    assert connected(parts(coarse, norms)) == 1
    touch = [("village", [(0, 0), (100, 0)], {}), ("village", [(50, 0.5), (50, 80)], {})]
    net = parts(touch, norms)
    assert connected(net) == 1
    assert len(net.u) == 3
    bridge = [("village", [(0, 0), (100, 0)], {"bridge": True}), touch[1]]
    assert connected(parts(bridge, norms)) == 2


def test_edges_follow_their_lines_and_costs(norms):
    net = parts(
        [("village", [(0, 0), (60, 80), (100, 80)], {"oneway": True}), ("track", [(60, 80), (60, 0)], {})],
        norms,
    )  # fmt: skip
    edges = net.edges
    assert edges.length.to_numpy() == pytest.approx(net.metres)
    kph = float(norms.value("roads.village.speed_kph"))
    assert edges["seconds"][0] == pytest.approx(100 / (kph / 3.6))
    assert np.isinf(net.seconds["car"].backward[0])
    assert set(edges["road_id"]) == {"r0", "r1"}
    for u, v, line in zip(edges["u"], edges["v"], edges.geometry, strict=True):
        a, b = net.nodes.loc[u], net.nodes.loc[v]
        assert line.coords[0] == pytest.approx((a.x, a.y))
        assert line.coords[-1] == pytest.approx((b.x, b.y))


def test_planned_roads_and_structure_are_told(norms):
    rows = [
        ("village", [(0, 0), (100, 0)], {}),
        ("village", [(100, 0), (200, 0)], {"status": "planned"}),
        ("village", [(500, 500), (600, 500)], {}),
    ]
    log = ProblemLog()
    net = parts(rows, norms, log=log)
    assert len(net.u) == 2
    assert len(parts(rows, norms, planned=True).u) == 3
    (problem,) = log.problems
    assert problem.code == "components"
    assert "2个" in str(problem)
    assert "断头4处" in str(problem)


def test_unusable_tables(norms):
    frame = table([("village", [(0, 0), (1, 0)], {}), ("rainbow", [(0, 0), (1, 0)], {})])
    frame = frame.set_crs(None, allow_override=True)
    with pytest.raises(DataError) as caught:
        RoadNetwork.from_roads(frame, norms)
    assert {p.code for p in caught.value.problems} == {"no_crs", "unknown_class"}
    none = table([("village", [(0, 0), (1, 0)], {})]).iloc[:0]
    with pytest.raises(DataError, match="没有可通行的道路"):
        RoadNetwork.from_roads(none, norms, log=ProblemLog())


def test_presumed_links(norms, tmp_path):
    roads = table(
        [
            ("primary", [(-5000, -3000), (5000, -3000)], {}),
            ("motorway", [(-5000, 100), (5000, 100)], {}),
        ]
    )
    villages = gpd.GeoDataFrame(
        {"code": ["1", "2", "3", "4"], "township": ["甲镇", "甲镇", "乙镇", "甲镇"]},
        geometry=[
            shapely.Point(X, Y), shapely.Point(X + 1000, Y), shapely.Point(X + 90000, Y), None,
        ],
        crs=CRS,
    )  # fmt: skip
    seats = gpd.GeoDataFrame({"township": ["甲镇"]}, geometry=[shapely.Point(X, Y + 2000)], crs=CRS)
    rivers = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(X - 9e3, Y + 1000), (X + 9e3, Y + 1000)])], crs=CRS
    )
    links = presumed_links(villages, roads, seats, norms, rivers=rivers)
    assert set(links["basis"]) == {"presumed"}
    assert not schemas.find_problems(links, schemas.ROADS, file="x").errors
    to_road = links[links["joins"] == "road"]
    # every hub within 10 km is joined to the class II road, none to the nearer motorway
    assert len(to_road) == 3
    assert [line.coords[-1][1] for line in to_road.geometry] == pytest.approx([Y - 3000] * 3)
    assert (links["joins"] == "seat").sum() == 2
    assert links["crosses_river"].sum() == 3  # two to the seat beyond, one from it to the road
    assert presumed_links(villages, roads, seats, norms)["crosses_river"].isna().all()
    net = RoadNetwork.from_roads(pd.concat([roads, links], ignore_index=True), norms)
    got = net.nearest(villages, seats)
    circuity = float(norms.value("roads.presumed.circuity"))
    speed = float(norms.value("roads.presumed.speed_kph"))
    assert got["metres"][0] == pytest.approx(2000 * circuity)
    assert got["seconds"][0] == pytest.approx(2000 * circuity / (speed / 3.6))
    assert got["metres"][1] == pytest.approx(np.hypot(1000, 2000) * circuity)
    assert got["seconds"].iloc[2:].isna().all()
    assert net.presumed.sum() > 0
    carried = net.nearest(villages, seats, carry={"presumed_m": net.edges_presumed_metres})
    assert carried["presumed_m"][0] == pytest.approx(2000 * circuity)
    # flags that are not known everywhere survive the file
    again = RoadNetwork.open(net.save(tmp_path / "net.qwnet"))
    pd.testing.assert_frame_equal(pd.DataFrame(again.edges), pd.DataFrame(net.edges))
    pd.testing.assert_frame_equal(again.nearest(villages, seats), got)


def test_geographic_roads_with_few_columns(norms):
    frame = gpd.GeoDataFrame(
        {"road_class": ["village", "track"]},
        geometry=[
            shapely.LineString([(112.8, 35.5), (112.82, 35.5)]),
            shapely.MultiLineString([[(112.81, 35.49), (112.81, 35.51)]]),
        ],
        crs=4490,
    )
    net = RoadNetwork.from_roads(frame, norms)
    assert net.crs.to_epsg() == 4547
    assert connected(net) == 1
    assert len(net.u) == 4
    truth = frame.to_crs(4547).length.sum()
    assert net.metres.sum() == pytest.approx(truth)


def test_every_class_has_a_speed_and_a_title(norms):
    for name, road_class in CLASSES.items():
        assert road_class.title.zh
        if road_class.speed is not None:
            assert float(norms.value(road_class.speed)) > 0, name
