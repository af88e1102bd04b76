"""Where a corridor comes from: a file, the roads' names, places on the way, a published table."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point

from qianwan_gis._errors import DataError
from qianwan_gis.corridor import completeness_of_table, from_table, places_of
from qianwan_gis.plan import Plan

CRS = "EPSG:4547"


def roads(*lines, road_class="secondary"):
    return gpd.GeoDataFrame(
        {
            "road_id": [str(i) for i in range(len(lines))], "road_class": road_class, "name": "",
            "ref": "", "surface": "", "oneway": False, "bridge": False, "tunnel": False,
            "status": "existing", "basis": "surveyed",
        },
        geometry=[LineString(line) for line in lines], crs=CRS,
    )  # fmt: skip


NET = roads(
    [(0, 0), (10_000, 0)],
    [(10_000, 0), (10_000, 5000)],
    [(0, 0), (0, 20_000), (10_000, 20_000), (10_000, 5000)],
    [(10_000, 0), (10_000, -4000)],
)
PLACES = gpd.GeoDataFrame(
    {"name": ["甲镇", "乙镇", "丙镇", "丁村", "北村"]},
    geometry=[
        Point(p) for p in ((0, 0), (10_000, 0), (10_000, 5000), (10_000, -4000), (0, 20_000))
    ],
    crs=CRS,
)


def test_a_published_table_is_routed_and_every_difference_named():
    table = pd.DataFrame(
        {
            "线别": ["主线", "主线", "支线一"],
            "起点": ["甲镇", "乙镇", "乙镇"],
            "终点": ["乙镇", "丙镇", "丁村"],
            "里程（公里）": ["10.0", "7.5", "4.1"],
            "路段": ["一段", None, "支线段"],
        }
    )
    assert places_of(table) == ["甲镇", "乙镇", "丙镇", "丁村"]
    line = from_table(NET, table, PLACES, name="示范路")
    assert line.basis == "presumed"
    assert line.branches == ["主线", "支线一"]
    assert line.lines["length_m"].tolist() == pytest.approx([15_000, 4000])
    checked = line.completeness(21_600).set_index("name")
    assert checked["drawn_m"].to_dict() == {
        "一段": 10_000, "乙镇—丙镇": 5000, "支线段": 4000, "合计": 19_000,
    }  # fmt: skip
    assert checked.loc["乙镇—丙镇", "difference_m"] == -2500
    assert checked.loc["合计", "difference_m"] == -2600
    (told,) = [p for p in line.problems if p.code == "length_differs"]
    assert "乙镇—丙镇" in told.text.zh
    assert told.row == 2
    # 2.4 % on the branch is within what a routed line can say
    assert not any("支线段" in p.text.zh for p in line.problems)


def test_places_on_the_way_choose_the_road():
    table = pd.DataFrame({"from": ["甲镇"], "to": ["丙镇"], "via": ["北村"], "length_km": [45]})
    line = from_table(NET, table, PLACES)
    assert line.length == pytest.approx(45_000)
    assert not line.problems
    short = from_table(NET, table.drop(columns="via"), PLACES)
    assert short.length == pytest.approx(15_000)
    assert short.problems[0].code == "length_differs"


def test_faults_of_a_table_are_told_together():
    table = pd.DataFrame(
        {
            "起点": ["甲镇", "天宫", None],
            "终点": ["乙镇", "乙镇", "龙宫"],
            "length_km": ["十", "1", "2"],
        }
    )
    with pytest.raises(DataError) as caught:
        from_table(NET, table, PLACES)
    assert {p.row for p in caught.value.problems} == {3}
    with pytest.raises(DataError) as caught:
        from_table(NET, table.iloc[:2], PLACES)
    assert {(p.code, p.row) for p in caught.value.problems} == {
        ("not_a_number", 1), ("unknown_via", 2),
    }  # fmt: skip
    with pytest.raises(DataError, match="缺少公布长度"):
        from_table(NET, table.drop(columns="length_km"), PLACES)
    with pytest.raises(DataError, match="起点"):
        from_table(NET, pd.DataFrame({"length_km": [1.0]}), PLACES)


def test_a_table_without_any_line_adds_up_or_says_where_not():
    table = pd.DataFrame({"branch": "主线", "start": ["K0", "K10"], "end": ["K8", "K15"],
                          "length_km": [8, 5]})  # fmt: skip
    found = completeness_of_table(table, 20_000)
    assert found["kind"].tolist() == ["segment", "segment", "unlisted", "total"]
    assert found["difference_m"].iloc[-1] == -7000


def rewrite(folder, corridor):
    """Give the project another source of its corridor."""
    file = folder / "county.toml"
    text = file.read_text(encoding="utf-8")
    start = text.index("[corridor]")
    end = text.index("[terrain]")
    file.write_text(text[:start] + corridor + "\n" + text[end:], encoding="utf-8")


def test_all_four_sources_from_the_county_file(own_demo):
    """From its segments, its road number, places on the way, and a published table."""
    surveyed = Plan.open(own_demo)
    assert surveyed.corridor.basis == "synthetic"
    seats = surveyed.townships["township"].tolist()
    rewrite(own_demo, '[corridor]\nname = "按编号"\n[corridor.roads."主线"]\nref = "S990"\n')
    named = Plan.open(own_demo)
    road = named.recorded_roads[named.recorded_roads["ref"] == "S990"]
    assert named.corridor.length == pytest.approx(road.length.sum(), rel=0.01)
    assert named.corridor.stakes(1000.0)["stake"].iloc[0] == "K0+000"
    assert "findings" in named.corridor_tables
    rewrite(own_demo, f'[corridor]\nname = "按途经地"\nvia = ["{seats[0]}", "{seats[1]}"]\n')
    via = Plan.open(own_demo)
    assert via.corridor.basis == "presumed"
    assert via.corridor_tables == {}
    (own_demo / "corridor" / "路段.csv").write_text(
        f"线别,起点,终点,里程（公里）\n主线,{seats[0]},{seats[1]},{via.corridor.length / 1000:.3f}\n",
        encoding="utf-8",
    )
    rewrite(own_demo, '[corridor]\nname = "按表"\ntable = "corridor/路段.csv"\n')
    listed = Plan.open(own_demo)
    assert listed.corridor.basis == "presumed"
    assert abs(listed.corridor.completeness()["difference_m"].iloc[-1]) < 1.0
    assert "corridor/路段.csv" in listed.input_files()
    rewrite(
        own_demo, f'[corridor]\nname = "两种"\nvia = ["{seats[0]}"]\ntable = "corridor/路段.csv"\n'
    )
    with pytest.raises(DataError, match="只能有一种来源"):
        Plan.open(own_demo).check()
    rewrite(own_demo, '[corridor]\nname = "错"\n[corridor.roads."主线"]\ncolour = "red"\n')
    with pytest.raises(DataError, match="没有字段"):
        Plan.open(own_demo).check()
