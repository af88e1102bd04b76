"""The made-up county: whole, consistent, reproducible, and marked synthetic everywhere."""

from __future__ import annotations

import hashlib
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import datum, schemas, synthetic
from qianwan_gis._errors import UsageError
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor import Corridor
from qianwan_gis.county import County
from qianwan_gis.network import RoadNetwork
from qianwan_gis.terrain import Terrain

TABLES = [
    "boundary", "townships", "township_areas", "villages", "settlements", "rivers", "roads",
    "facilities", "sewers", "corridor_segments", "stakes", "areas",
]  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return synthetic.county(300, seed=7)


@pytest.fixture(scope="module")
def terrain(made):
    return Terrain.from_array(*made.elevation)


def same(a, b):
    pd.testing.assert_frame_equal(
        pd.DataFrame(a.drop(columns="geometry")), pd.DataFrame(b.drop(columns="geometry"))
    )
    assert (a.geometry.to_wkb() == b.geometry.to_wkb()).all()


def test_the_same_arguments_give_the_same_county_and_others_do_not(made):
    again = synthetic.county(300, seed=7)
    for name in TABLES:
        same(getattr(made, name), getattr(again, name))
    pd.testing.assert_frame_equal(made.supplies, again.supplies)
    pd.testing.assert_frame_equal(made.official_list, again.official_list)
    np.testing.assert_array_equal(made.elevation.array, again.elevation.array)
    other = synthetic.county(300, seed=8)
    assert not other.villages.geometry.geom_equals(made.villages.geometry).any()


@pytest.mark.parametrize("villages", [1, 2, 3, 7, 40])
def test_any_size_works(villages):
    small = synthetic.county(villages, seed=1)
    assert len(small.villages) == villages
    line = Corridor.from_segments(small.corridor_segments)
    assert line.branches[0] == "主线"
    assert line.length > 1000
    assert not small.roads.geometry.is_empty.any()
    assert small.boundary.geometry.iloc[0].area == pytest.approx(villages * 4.5e6, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"villages": 0}, "村庄数"),
        ({"villages": 10**6}, "村庄数"),
        ({"seed": -1}, "种子"),
        ({"adcode": "140525"}, "99开头"),
        ({"adcode": "99"}, "99开头"),
    ],
)
def test_impossible_wishes_are_refused(arguments, word):
    with pytest.raises(UsageError, match=word):
        synthetic.county(**arguments)


def test_everything_says_synthetic_and_shares_one_zone(made):
    zone = datum.zone(114.0)
    for name in TABLES:
        table = getattr(made, name)
        assert (table["basis"] == "synthetic").all(), name
        assert table.crs.equals(zone), name
        assert table.geometry.is_valid.all(), name
    assert made.adcode.startswith("99")
    assert "合成数据" in made.boundary["note"].iloc[0]


def test_contracts_hold(made):
    schemas.require(made.roads, schemas.ROADS, file="roads")
    schemas.require(made.facilities, schemas.FACILITIES, file="facilities")
    assert made.roads["road_id"].is_unique
    assert made.facilities["facility_id"].is_unique
    assert set(made.roads.geometry.geom_type) == {"LineString"}


def test_villages_townships_and_people_fit_together(made):
    villages = made.villages
    assert len(villages) == 300
    assert villages["code"].is_unique
    assert villages["code"].str.fullmatch(r"990001[12]\d\d[2-9]\d\d").all()
    assert (villages["code"].str[:9] + "000" == villages["township_code"]).all()
    assert not villages.duplicated(["township", "name"]).any()
    assert set(villages["township_code"]) == set(made.townships["code"])
    assert villages["name"].duplicated().any()  # homonyms in different townships
    own = villages.set_index("code")["population"]
    hamlets = made.settlements.groupby("code")["population"].sum()
    pd.testing.assert_series_equal(hamlets, own.sort_index(), check_names=False, check_dtype=False)
    assert (made.settlements["population"] >= 0).all()
    assert set(villages["population_kind"]) == {"registered"}
    outline = made.boundary.geometry.iloc[0]
    assert villages.within(outline).all()
    areas = made.township_areas.set_index("code").geometry
    assert areas.area.sum() == pytest.approx(outline.area, rel=1e-6)
    assert villages.within(gpd.GeoSeries(areas[villages["township_code"]].to_numpy(), villages.index, villages.crs)).all()  # fmt: skip
    counts = villages["township_code"].value_counts().sort_index()
    assert (made.townships.set_index("code")["villages"] == counts).all()


def test_rivers_run_downhill_and_villages_stand_dry(made, terrain):
    assert len(made.rivers) > 5
    for line in made.rivers.geometry:
        at = np.arange(0.0, line.length, 90.0)
        bed = terrain.heights(shapely.get_coordinates(shapely.line_interpolate_point(line, at)))
        # the raster is in cells of 60 m or so: a bend may touch the bank
        assert (np.diff(bed) <= 6.0).all()
        assert bed[-1] <= bed[0]
    wet = shapely.union_all(made.rivers.geometry.to_numpy())
    assert made.villages.distance(wet).median() > 150.0
    high = terrain.sample(made.villages.geometry)
    assert high.median() < np.median(made.elevation.array)
    rows, cols = made.elevation.array.shape
    box = shapely.box(*terrain.bounds)
    assert box.contains(made.boundary.geometry.iloc[0])
    assert min(rows, cols) > 200


def test_all_classes_of_road_with_what_belongs_to_them(made):
    roads = made.roads
    assert set(roads["road_class"]) == {
        "motorway", "motorway_link", "trunk", "primary", "secondary", "tertiary", "village", "track",
    }  # fmt: skip
    assert {"国道", "省道", "县道", "乡道", "村道"} <= set(roads["admin_class"])
    motor = roads["road_class"].isin(["motorway", "motorway_link"])
    assert roads.loc[motor, "oneway"].all()
    assert roads.loc[~motor, "oneway"].any()
    assert roads["bridge"].any()
    assert not (roads["bridge"] & roads["tunnel"]).any()
    assert set(roads["status"]) == {"existing", "planned"}
    assert (roads.geometry.length > 0.4).all()


def test_a_river_is_crossed_on_a_bridge(made):
    existing = made.roads[(made.roads["status"] == "existing") & (made.roads["name"] != "")]
    named = existing[~existing["name"].str.endswith("街") & ~existing["tunnel"]]
    rivers = made.rivers.geometry.to_numpy()
    tree = shapely.STRtree(rivers)
    lines, _ = tree.query(named.geometry.to_numpy(), predicate="crosses")
    assert len(lines) > 10
    assert named["bridge"].to_numpy()[lines].mean() > 0.97


def test_the_motorway_meets_other_roads_only_at_ramps(made):
    roads = made.roads[made.roads["status"] == "existing"]
    motorway = roads[roads["road_class"] == "motorway"]
    ramps = roads[roads["road_class"] == "motorway_link"]
    ends = shapely.get_coordinates(shapely.boundary(ramps.geometry.to_numpy()))
    on_motorway = shapely.get_coordinates(shapely.boundary(motorway.geometry.to_numpy()))
    met = {tuple(p) for p in ends} & {tuple(p) for p in on_motorway}
    assert len(met) >= 4
    rest = roads[~roads["road_class"].isin(["motorway", "motorway_link"])]
    others = {tuple(p) for p in shapely.get_coordinates(shapely.boundary(rest.geometry.to_numpy()))}
    assert not others & {tuple(p) for p in on_motorway}
    assert others & {tuple(p) for p in ends}
    # crossings are on different levels
    flat = motorway[~motorway["bridge"] & ~motorway["tunnel"]]
    lines, _ = shapely.STRtree(rest.geometry.to_numpy()).query(
        flat.geometry.to_numpy(), predicate="crosses"
    )
    streets = len(lines)
    assert streets <= 0.02 * len(flat) + 2


def test_the_network_holds_together_with_a_few_islands(made):
    net = RoadNetwork.from_roads(made.roads[made.roads["status"] == "existing"])
    snapped = net.snap(made.villages.geometry)
    part = net.component(snapped, "car")
    main = np.bincount(part[part >= 0]).argmax()
    share = (part == main).mean()
    assert 0.97 < share <= 1.0
    assert np.median(snapped.metres) < 90.0
    # off the main roads or far from any: the villages that make coverage interesting
    assert (part != main).any() or (snapped.metres > 400.0).any()
    # every seat is on the main network
    seats = net.component(net.snap(made.townships.geometry), "car")
    assert (seats == main).all()


def test_registers_are_complete_and_consistent(made):
    table = made.facilities.groupby(["service", "tier"]).size()
    assert table["clinic", "village"] == 180
    assert table["clinic", "township"] == len(made.townships)
    assert table["clinic", "county"] == 2
    assert table["sewage", "plant"] == len(made.townships)
    assert {("corridor", t) for t in ("post", "scenic", "toilet", "charger")} <= set(table.index)
    works = made.facilities[made.facilities["tier"] == "works"]
    assert (works["capacity"] > 0).all()
    water = made.supplies[made.supplies["tier"] == "works"]
    assert set(water["facility_id"]) == set(works["facility_id"])
    assert water["code"].is_unique
    assert made.supplies["code"].isin(made.villages["code"]).all()
    assert 0.85 < len(water) / 300 < 1.0
    tanks = made.supplies[made.supplies["tier"] == "on_site"]
    assert len(tanks) == table["sewage", "on_site"]
    assert tanks["code"].is_unique
    assert set(made.sewers["plant_id"]) == set(
        made.facilities.loc[made.facilities["tier"] == "plant", "facility_id"]
    )


def test_the_corridor_has_what_corridors_have(made):
    line = Corridor.from_segments(made.corridor_segments)
    assert line.basis == "synthetic"
    assert line.branches == ["主线", "支线一", "支线二"]
    assert line.equations["kind"].tolist() == ["长链", "短链"]
    assert len(line.gaps) == 1
    for branch, group in made.stakes.groupby("branch"):
        found = line.locate(group.geometry, branch=branch)
        wanted = np.array([Chainage.parse(t).metres for t in group["chainage"]])
        assert np.abs(found["offset_m"]).max() < 1e-6
        assert np.abs(found["chainage_m"] - wanted).max() < 0.2
    # it runs on roads of the county
    roads = shapely.union_all(made.roads.geometry.to_numpy())
    samples = shapely.line_interpolate_point(
        line.parts[0].coords.shape and shapely.LineString(line.parts[0].coords),
        np.linspace(0, line.parts[0].length, 60),
    )
    assert shapely.distance(samples, roads).max() < 0.05
    assert len(line.stakes()) == len(made.stakes)


def test_the_list_is_printed_as_offices_print_it(made):
    text = made.list_text
    assert text.count("合成数据") == 2
    for label in ("省级", "市级"):
        rows = made.official_list[made.official_list["list"] == label]
        block = text[text.index(f"（{label}）") :]
        total = re.search(r"合计\t(\d+)\t(\d+)", block)
        printed = [int(n) for n in total.groups()]
        assert printed == [(rows["category"] == c).sum() for c in ("精品示范村", "提档升级村")]
        for village in rows["printed"]:
            assert village in block
    both = made.official_list.groupby("list")["code"].agg(set)
    assert both["省级"] < both["市级"]


def test_writing_gives_a_project_folder_and_the_same_bytes(tmp_path):
    small = synthetic.county(40, seed=2)
    folder = small.write(tmp_path / "a")
    small.write(tmp_path / "b")

    def digest(root):
        return {
            p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*"))
            if p.is_file()
        }

    assert digest(folder) == digest(tmp_path / "b")
    county = County.open(folder)
    assert county.synthetic
    assert county.name == "虚谷县"
    named = [s.path for s in county.facilities] + [
        county.boundary.file.path, county.boundary.townships.path, county.roads.files[0].path,
        county.corridor.segments.path, county.corridor.stakes.path, county.terrain.path,
        county.rivers.path, county.settlements.path, county.areas.path,
        county.villages.units.path, *county.villages.lists,
    ]  # fmt: skip
    for path in named:
        assert county.resolve(path).exists(), path
    assert {s.inventory for s in county.facilities} == {"complete"}
    roads = gpd.read_file(folder / "roads" / "roads.gpkg")
    same(roads[small.roads.columns].astype({c: small.roads[c].dtype for c in small.roads.columns if c != "geometry"}), small.roads)  # fmt: skip
    units = pd.read_csv(folder / "villages" / "990001_units.csv", dtype=str)
    back = gpd.GeoSeries.from_xy(units["lon"].astype(float), units["lat"].astype(float), crs=4490)
    assert back.to_crs(small.crs).distance(small.villages.geometry).max() < 0.02
    dem = Terrain.open(folder / "boundaries" / "dem.tif")
    np.testing.assert_allclose(
        dem.sample(small.villages.geometry),
        Terrain.from_array(*small.elevation).sample(small.villages.geometry),
    )


def test_a_failed_write_leaves_the_old_folder(tmp_path, monkeypatch):
    small = synthetic.county(5, seed=2)
    small.write(tmp_path / "a")
    before = sorted(p.name for p in (tmp_path / "a").iterdir())
    broken = synthetic.county(5, seed=3)
    object.__setattr__(broken, "stakes", None)
    with pytest.raises(AttributeError):
        broken.write(tmp_path / "a")
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_many_counties_are_distinct_and_made_on_demand():
    made = list(synthetic.counties(4, villages=6, seed=5))
    assert [c.adcode for c in made] == ["990001", "990002", "990003", "990004"]
    assert len({c.name for c in made}) == 4
    assert all(3 <= len(c.villages) <= 9 for c in made)
    assert len({c.crs.to_epsg() for c in made}) == 4
    later = synthetic.counties(9801, villages=6)
    assert next(later).adcode == "990001"
    with pytest.raises(UsageError, match="县数"):
        next(synthetic.counties(0))


def test_a_folder_of_the_users_own_is_left_alone(tmp_path):
    small = synthetic.county(villages=20, seed=0)
    (tmp_path / "论文.txt").write_text("三年的心血", encoding="utf-8")
    with pytest.raises(UsageError, match="不会覆盖"):
        small.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["论文.txt"]
