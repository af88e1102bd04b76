"""Corridor reports and corridors from roads. Truth: small layouts whose answers can be counted."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString, Point, box

from qianwan_gis import synthetic
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.corridor import Corridor, from_roads, report, route_via
from qianwan_gis.network import RoadNetwork

CRS = "EPSG:4547"


@pytest.fixture
def straight():
    """Ten kilometres due east."""
    return Corridor.from_segments(
        gpd.GeoDataFrame(
            {"branch": ["主线"]}, geometry=[LineString([(0, 0), (10_000, 0)])], crs=CRS
        )
    )


def places(*rows, **columns):
    names, xy = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"name": names, **columns}, geometry=[None if p is None else Point(p) for p in xy], crs=CRS)  # fmt: skip


def roads(*rows, crs=CRS):
    """Rows of (class, line, name)."""
    kinds, lines, names = zip(*rows, strict=True)
    return gpd.GeoDataFrame(
        {
            "road_id": [str(i) for i in range(len(rows))],
            "road_class": kinds,
            "name": names,
            "ref": "",
            "surface": "",
            "oneway": False,
            "bridge": [k == "motorway" for k in kinds],
            "tunnel": False,
            "status": "existing",
            "basis": "surveyed",
        },
        geometry=[LineString(line) for line in lines],
        crs=crs,
    )


# ---- along -------------------------------------------------------------------------------


def test_along_lists_in_chainage_order(straight):
    table = report.along(
        straight,
        places(
            ("远", (9000, 4000)),
            ("中", (5000, -100)),
            ("近", (200, 50)),
            ("外", (1, 6000)),
            ("无", None),
        ),
        within_m=4000,
    )
    assert table["name"].tolist() == ["近", "中", "远"]
    assert table.index.tolist() == [2, 1, 0]
    assert [str(c) for c in table["chainage"]] == ["K0+200", "K5+000", "K9+000"]
    assert table["side"].tolist() == ["左", "右", "左"]
    with pytest.raises(UsageError, match="路网"):
        report.along(straight, places(("a", (1, 1))), minutes=5)


def test_minutes_off_the_road_are_driven_not_flown(straight):
    # a village 1 km north of K5, reached only by a road that leaves at K8: 3 + 1 km at 20 km/h
    net = RoadNetwork.from_roads(
        roads(
            ("village", [(0, 0), (8000, 0)], "廊带"),
            ("village", [(8000, 0), (10_000, 0)], "廊带"),
            ("village", [(8000, 0), (8000, 1000), (5000, 1000)], "支路"),
        ),
        modes=("car",),
    )
    spots = places(("村", (5000, 1000)), ("路边", (2000, 0)), ("孤", (4000, 2000)))
    table = report.along(straight, spots, network=net)
    row = table.set_index("name").loc["村"]
    assert str(row["chainage"]) == "K5+000"
    assert row["offset_m"] == pytest.approx(1000)
    assert row["off_metres"] == pytest.approx(4000)
    assert row["off_minutes"] == pytest.approx(12, rel=1e-3)
    assert row["turn_off"] == "主线 K8+000"
    limited = report.along(straight, spots, network=net, minutes=float(row["off_minutes"]))
    assert set(limited["name"]) >= {"村", "路边"}  # the limit is inclusive
    fewer = report.along(straight, spots, network=net, minutes=float(row["off_minutes"]) - 0.1)
    assert "村" not in set(fewer["name"])


# ---- spacing -----------------------------------------------------------------------------


def test_spacing_finds_the_gaps_and_where_to_build(straight):
    posts = places(("甲", (1000, 20)), ("乙", (3000, -20)), ("丙", (9000, 0)), ("远", (5000, 800)))
    table = report.spacing(straight, posts, standard_km=2.0, within_m=500)
    assert table[["from_name", "to_name"]].to_numpy().tolist() == [
        ["起点", "甲"], ["甲", "乙"], ["乙", "丙"], ["丙", "终点"],
    ]  # fmt: skip
    assert table["spacing_km"].tolist() == [1, 2, 6, 1]
    assert table["allowed_km"].tolist() == [1, 2, 2, 1]
    assert table["ok"].tolist() == [True, True, False, True]
    assert table["missing"].tolist() == [0, 0, 2, 0]
    assert table["suggest"].iloc[2] == "K5+000、K7+000"
    wider = report.spacing(straight, posts, standard_km=2.0, within_m=800)
    assert wider["missing"].tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("standard", [0.7, 1.0, 2.0, 3.3, 20.0])
@pytest.mark.parametrize("existing", [[], [4000.0], [500.0, 7200.0], [0.0, 10_000.0]])
def test_building_what_is_suggested_closes_every_gap_and_no_fewer_would(
    straight, standard, existing
):
    posts = (
        places(*[(str(x), (x, 0.0)) for x in existing]) if existing else places(("外", (0, 9e4)))
    )
    table = report.spacing(straight, posts, standard_km=standard)
    assert table["spacing_km"].sum() == pytest.approx(10)
    added = [straight.point_at(s) for text in table["suggest"] for s in text.split("、") if s]
    assert len(added) == table["missing"].sum()
    if existing or added:
        full = pd.concat(
            [
                posts,
                gpd.GeoDataFrame({"name": "新"}, index=range(len(added)), geometry=added, crs=CRS),
            ]
        )
        after = report.spacing(straight, full, standard_km=standard + 1e-6)
        assert after["ok"].all()
    # one post fewer in any interval leaves a span too long
    for row in table[table["missing"] > 0].to_dict("records"):
        k = row["missing"] - 1
        inner = row["from_name"] != "起点" and row["to_name"] != "终点"
        if inner:
            assert row["spacing_km"] / (k + 1) > standard
    with pytest.raises(UsageError, match="间距标准"):
        report.spacing(straight, posts, standard_km=0)


# ---- served, people ----------------------------------------------------------------------


def test_served_missed_and_undecided(straight):
    villages = places(
        ("a", (1, 900)),
        ("b", (1, 2000)),
        ("c", (1, 5001)),
        ("d", None),
        ("e", None),
        ("f", None),
        ("g", None),
    )
    villages["code"] = list("abcdefg")
    regions = gpd.GeoDataFrame(
        {"code": ["d", "d", "e", "f"], "weight": [0.5, 0.5, 1, 1]},
        geometry=[
            box(100, 100, 900, 900),
            box(100, 1000, 900, 1900),
            box(0, 4000, 900, 9000),
            box(0, 6000, 9, 9000),
        ],
        crs=CRS,
    )
    table = report.served(straight, villages, regions=regions)
    assert table["verdict"].tolist() == [
        "served",
        "served",
        "missed",
        "served",
        "undecided",
        "missed",
        "undecided",
    ]
    assert table["within_m"].fillna(0).tolist() == [1000, 2000, 0, 2000, 0, 0, 0]
    assert table.index.equals(villages.index)


def test_people_only_where_they_agree(straight):
    zones = straight.zones([1000, 3000])
    villages = places(*[(str(i), (i * 900.0, 500.0 if i < 5 else 2000.0)) for i in range(10)])
    villages["lists"] = ["省级"] * 3 + [""] * 7
    villages["population"] = [100.0] * 10
    villages["population_kind"] = ["registered"] * 4 + ["resident"] + ["registered"] * 5
    villages["population_year"] = [2020] * 9 + [2005]
    table = report.people(zones, villages, by="width_m")
    assert table["villages"].tolist() == [5, 10]
    assert table["listed"].tolist() == [3, 3]
    # 4 of 5 agree: shown; 8 of 10 within ten years: shown, each for those that agree
    assert table["population"].tolist() == [400, 800]
    assert table["with_people"].tolist() == [4, 8]
    villages.loc[0, "population"] = np.nan
    fewer = report.people(zones, villages, by="width_m")
    assert fewer["population"].isna().tolist() == [True, True]
    assert "不足八成" in fewer["note"].iloc[0]
    areas = gpd.GeoDataFrame(
        {"name": ["东片区", "空"]}, geometry=[box(4000, 0, 9999, 999), box(-9, -9, -8, -8)], crs=CRS
    )
    inside = report.people(areas, villages, by="name")
    assert inside["villages"].tolist() == [0, 0]
    assert inside["note"].tolist() == ["没有村庄", "没有村庄"]
    edge = report.people(
        gpd.GeoDataFrame({"name": ["边"]}, geometry=[box(-1, 0, 0, 500)], crs=CRS),
        villages,
        by="name",
    )
    assert edge["villages"].tolist() == [1]  # a village on the edge counts


def test_zone_counts_agree_with_table_for():
    made = synthetic.county(120, seed=4)
    line = Corridor.from_segments(made.corridor_segments)
    villages = made.villages.assign(lists="")
    table = report.people(line.zones([1000, 2000, 5000]), villages, by="width_m")
    listed = line.table_for(villages, widths_m=[1000, 2000, 5000])
    assert table["villages"].tolist() == [
        (listed["within_m"] <= w).sum() for w in (1000, 2000, 5000)
    ]
    codes = listed.loc[listed["within_m"] <= 2000, "code"]
    people = villages.set_index("code").loc[codes, "population"].sum()
    assert table["population"].iloc[1] == people


# ---- strips ------------------------------------------------------------------------------


def test_strips_cover_the_road_once_with_overlap(straight):
    sheets = report.strips(straight, every=4000, overlap=500, width_m=1000)
    assert sheets[["from_m", "to_m"]].to_numpy().tolist() == [
        [0, 4000],
        [3500, 7500],
        [7000, 10_000],
    ]
    assert sheets["start"].tolist() == ["K0+000", "K3+500", "K7+000"]
    assert sheets.geometry.iloc[0].bounds == (-1000, -1000, 5000, 1000)
    made = synthetic.county(60, seed=2)
    line = Corridor.from_segments(made.corridor_segments)
    many = report.strips(line, every=6000, width_m=1500)
    assert shapely.union_all(many.geometry.to_numpy()).covers(
        shapely.union_all(line.lines.geometry.to_numpy())
    )
    for row in many.itertuples():
        turned = shapely.from_wkb(row.line)
        assert row.geometry.buffer(1e-6).covers(turned)
        assert turned.length == pytest.approx(row.to_m - row.from_m)
        # turned clockwise by its angle, the stretch runs from left to right
        xy = shapely.get_coordinates(turned)
        c, s = np.cos(np.radians(row.angle)), np.sin(np.radians(row.angle))
        assert (xy @ np.array([c, s]))[-1] >= (xy @ np.array([c, s]))[0]
    with pytest.raises(UsageError):
        report.strips(straight, every=400, overlap=500)


# ---- from roads, via places --------------------------------------------------------------


def test_from_roads_by_name_and_number():
    table = roads(
        ("secondary", [(0, 0), (100, 0)], "示范路"),
        ("secondary", [(200, 0), (100, 0)], "示范路"),
        ("village", [(100, 0), (100, 90)], "某支路"),
        ("village", [(100, 90), (200, 90)], "别路"),
    )
    table.loc[3, "ref"] = "Y001;Y002"
    line = from_roads(
        table,
        {"主线": {"name": "示范路"}, "支线一": {"name": ["某支路"]}, "支线二": {"ref": "Y002"}},
    )
    assert line.branches == ["主线", "支线一", "支线二"]
    assert line.point_at(150).equals(Point(150, 0))
    assert line.lines["length_m"].tolist() == [200, 90, 100]
    with pytest.raises(DataError) as caught:
        from_roads(table, {"主线": {"name": "没有"}, "支线": {"ref": "G1"}})
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="分岔"):
        from_roads(table, {"主线": {"name": ["示范路", "某支路"]}})
    with pytest.raises(UsageError, match="没有字段"):
        from_roads(table, {"主线": {"colour": "red"}})


def test_the_synthetic_corridor_can_be_found_by_its_number():
    made = synthetic.county(60, seed=2)
    main = made.corridor_segments[made.corridor_segments["branch"] == "主线"]
    whole = made.roads[made.roads["ref"] == "S990"]
    line = from_roads(whole, {"主线": {"ref": "S990"}})
    assert line.basis == "synthetic"
    near = shapely.union_all(main.geometry.to_numpy()).buffer(0.1)
    assert shapely.union_all(line.lines.geometry.to_numpy()).intersection(near).length == (
        pytest.approx(line.length - main.geometry.iloc[0].length * 0, rel=0.05)
    )


def test_route_via_keeps_off_the_motorway():
    table = roads(
        ("motorway", [(0, 10), (10_000, 10)], "高速"),
        ("motorway_link", [(0, 10), (0, 0)], "匝道"),
        ("motorway_link", [(10_000, 10), (10_000, 0)], "匝道"),
        ("village", [(0, 0), (0, -3000), (10_000, -3000), (10_000, 0)], "村道"),
        ("village", [(5000, -3000), (5000, -4000)], "死路"),
    )
    via = places(("西", (0, 0)), ("南", (5000, -4000)), ("东", (10_000, 0)))
    line = route_via(table, via)
    assert line.basis == "presumed"
    # the way into the dead end and back is not part of the course
    assert line.length == pytest.approx(16_000)
    assert line.zone(1).covers(Point(5000, -3000))
    with pytest.raises(UsageError, match="示意里程"):
        line.stakes()
    same = route_via(RoadNetwork.from_roads(table, modes=("car",)), via)
    assert same.lines.geometry.iloc[0].hausdorff_distance(line.lines.geometry.iloc[0]) < 1e-6
    with pytest.raises(UsageError, match="两个"):
        route_via(table, via.iloc[:1])
    far = places(("西", (0, 0)), ("天边", (90_000, 0)), ("空", None))
    with pytest.raises(DataError, match="空"):
        route_via(table, far)
    with pytest.raises(DataError, match="天边"):
        route_via(table, far.iloc[:2])
    apart = pd.concat(
        [table, roads(("village", [(40_000, 0), (41_000, 0)], "孤路"))], ignore_index=True
    )
    with pytest.raises(DataError, match="“西”与“孤”"):
        route_via(apart, places(("西", (0, 0)), ("孤", (40_000, 0))))


# ---- the whole report --------------------------------------------------------------------


def test_the_whole_report_of_a_made_up_county():
    made = synthetic.county(120, seed=4)
    line = Corridor.from_segments(made.corridor_segments)
    lists = made.official_list.groupby("code")["list"].agg(";".join)
    villages = made.villages.assign(lists=made.villages["code"].map(lists).fillna(""))
    net = RoadNetwork.from_roads(made.roads[made.roads["status"] == "existing"], modes=("car",))
    options = {
        "villages": villages, "facilities": made.facilities, "areas": made.areas,
        "limits_km": {k.key: 10.0 for k in report.KINDS},
        "inventories": {pair: "complete" for k in report.KINDS for pair in k.counted},
        "network": net, "published_total_m": made.corridor_segments["length_m"].sum(),
    }  # fmt: skip
    found = report.tables(line, **options)
    assert set(found) == set(report.TITLES)
    headings = set(report.COLUMN_TEXT)
    assert set(found["spacing"].columns) - {"suggest_m"} | set(found["zones"].columns) <= headings
    order = {b: i for i, b in enumerate(line.branches)}
    at = found["villages"]["branch"].map(order) * 1e9 + found["villages"]["travelled_m"]
    assert at.is_monotonic_increasing
    # by road one never gets there on a shorter way than straight, but for the snapping to roads
    off = found["villages"].dropna(subset=["off_metres"])
    assert (off["off_metres"] > off["offset_m"].abs() - 250.0).all()
    assert abs(found["completeness"]["difference_m"].iloc[-1]) < 1.0
    assert (found["served"]["verdict"] != "undecided").all()
    assert found["zones"]["population"].is_monotonic_increasing
    assert set(found["spacing"]["kind"]) == {k.key for k in report.KINDS}
    # within X m or within Y minutes: every village by brute force, none else
    reach = report.tables(line, **options, within_m=1500.0, minutes=8.0)["villages"]
    everywhere = report.along(line, villages, within_m=np.inf, network=net)
    near = everywhere["offset_m"].abs() <= 1500.0
    quick = everywhere["off_minutes"] <= 8.0
    assert set(reach["code"]) == set(everywhere.loc[near | quick, "code"])
    words = (
        pd.Series("time", index=everywhere.index).mask(near, "distance").mask(near & quick, "both")
    )
    assert reach["reach"].equals(words[reach.index].astype(reach["reach"].dtype))
    assert set(words[near | quick]) == {"both", "distance", "time"}
    # what lies in an area, counted independently
    held = gpd.sjoin(villages, made.areas[["name", "geometry"]].rename(columns={"name": "area"}))
    counts = found["area_villages"].groupby("area").size()
    assert counts.to_dict() == held.groupby("area").size().to_dict()
    assert counts.to_dict() == found["areas"].set_index("name")["villages"].to_dict()
    stations = made.facilities[made.facilities["tier"] == "post"]
    zone = line.zone(1000.0)
    assert found["zones"]["posts"].iloc[0] == stations.within(zone).sum()
    # a village without a point: how near its region comes
    lost = villages.copy()
    lost.loc[lost.index[:1], "geometry"] = None
    lost.loc[lost.index[:1], "lists"] = "省级"
    box_ = gpd.GeoDataFrame({"code": lost["code"].iloc[:1], "weight": 1.0}, crs=line.crs,
                            geometry=[shapely.box(0, 0, 100, 100)])  # fmt: skip
    told = report.tables(line, **{**options, "villages": lost}, regions=box_)["served"]
    row = told.set_index("code").loc[lost["code"].iloc[0]]
    assert row["verdict"] == "missed"
    assert row["at_least_m"] == pytest.approx(
        line.lines.geometry.union_all().distance(box_.geometry.iloc[0])
    )
    empty = report.tables(line, **{**options, "facilities": made.facilities[:0], "areas": None})
    assert {"scenic", "services", "areas", "area_villages"} & set(empty) == set()
    assert set(empty["findings"]["verdict"]) == {"over"}  # complete registers, nothing in them
    presumed = route_via(made.roads, made.townships.rename(columns={"township": "name"}))
    with pytest.raises(UsageError, match="示意"):
        report.tables(presumed, **options)


def test_repeated_labels_do_no_harm(straight):
    spots = places(("a", (100, 1)), ("b", (50, 1))).set_axis([7, 7])
    table = report.along(straight, spots)
    assert table["name"].tolist() == ["b", "a"]
    assert table.index.tolist() == [7, 7]


def test_order_along_a_long_equation_is_the_order_of_travel():
    """Chainage that occurs twice once put places of the second stretch into the first."""
    line = Corridor.from_segments(
        gpd.GeoDataFrame(
            {"branch": "主线", "start": ["K0", "K3+500"], "end": ["K4", "K7+500"]},
            geometry=[LineString([(0, 0), (4000, 0)]), LineString([(4000, 0), (8000, 0)])],
            crs=CRS,
        )
    )
    spots = places(("后", (4200, 5)), ("前", (3800, 5)), ("尾", (7000, 5)))
    table = report.along(line, spots)
    assert table["name"].tolist() == ["前", "后", "尾"]
    assert table["chainage"].tolist() == ["K3+800", "K3+700", "K6+500"]
    assert table["travelled_m"].tolist() == [3800, 4200, 7000]
    near = line.table_for(spots.assign(code=["b", "a", "c"]))
    assert near["code"].tolist() == ["a", "b", "c"]
