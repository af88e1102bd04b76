"""Plans: scenarios, faults of all inputs at once, and the complete county."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from qianwan_gis import datum, settings
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.plan import Plan


def shift(path, target):
    """Rewrite a layer in another datum, still declared as it was."""
    layer = gpd.read_file(path)
    moved = shapely.transform(
        layer.geometry.to_crs(4326).to_numpy(),
        lambda xy: np.column_stack(datum.transform(xy[:, 0], xy[:, 1], "wgs84", target)),
    )
    path.unlink()
    layer.set_geometry(gpd.GeoSeries(moved, crs=4326).to_crs(layer.crs)).to_file(path)


def errors_of(folder):
    with pytest.raises(DataError) as caught:
        Plan.open(folder).check()
    return [p for p in caught.value.problems if p.level == "error"]


def test_complete_county_shows_what_thin_data_hide(demo):
    assert repr(demo) == f"<Plan {demo.county.key}: {demo.county.name}>"
    shown = demo.disclosure
    assert shown.county_shares
    assert shown.people
    assert shown.stakes
    assert demo.marks[0].zh == "合成数据"
    assert (demo.villages["basis"] == "point").all()
    assert demo.corridor.basis == "synthetic"
    assert len(demo.corridor_villages)
    clinics = demo.coverage.query("service == 'clinic' and tier == 'village'")
    assert set(clinics["covered"].dropna()) == {True, False}


def test_summary_adds_up(demo):
    county = demo.summary("county")
    assert (county["covered"] + county["uncovered"] + county["unknown"] == county["villages"]).all()
    townships = demo.summary("township")
    for column in ("villages", "covered", "uncovered", "unknown"):
        total = townships.groupby(["service", "tier"])[column].sum()
        assert total.to_dict() == county.set_index(["service", "tier"])[column].to_dict()


def test_summary_in_people_is_the_sum_over_villages(demo):
    row = demo.summary("county").query("service == 'clinic' and tier == 'village'").iloc[0]
    table = demo.coverage.query("service == 'clinic' and tier == 'village'").merge(
        demo.villages[["code", "population"]], on="code"
    )
    covered = table.loc[table["covered"].fillna(False).astype(bool), "population"].sum()
    assert row["people_covered"] == covered
    assert row["people"] == demo.villages["population"].sum()


def test_a_scenario_is_another_plan(demo):
    slower = demo.replace(standards={"roads.village.speed_kph": 8}, width_m=700)
    assert slower.standards.value("roads.village.speed_kph") == 8
    assert demo.standards.value("roads.village.speed_kph") != 8
    assert slower.widths_m == [700.0]
    key = ["code", "service", "tier"]
    before = demo.coverage.set_index(key)["minutes"]
    after = slower.coverage.set_index(key)["minutes"]
    car = before.index.get_level_values("tier").isin(["township", "county"])
    assert (after[car] >= before[car] - 1e-9).all()
    assert (after[car] > before[car]).any()


def test_unknown_standard_names_its_neighbours():
    with pytest.raises(UsageError, match=r"roads\.village\.speed_kph"):
        Plan.open("zezhou", standards={"roads.village.speed_kp": 15})


@pytest.mark.parametrize("target", ["gcj02", "bd09"])
@pytest.mark.parametrize(
    "name",
    [
        "roads/roads.gpkg",
        "facilities/clinic_village.gpkg",
        "corridor/segments.gpkg",
        "villages/settlements.gpkg",
    ],
)
def test_a_layer_in_another_datum_than_declared_is_refused(own_demo, name, target):
    shift(own_demo / name, target)
    doubts = [p for p in errors_of(own_demo) if p.code == "datum_mismatch"]
    assert [p.file for p in doubts] == [name.split("/")[1]]
    assert {"gcj02": "GCJ-02", "bd09": "BD-09"}[target] in doubts[0].text.en


def test_a_layer_declared_in_its_true_datum_is_converted(own_demo):
    path = own_demo / "roads" / "roads.gpkg"
    shift(path, "gcj02")
    layer = gpd.read_file(path).to_crs(4326)
    path.unlink()
    layer.to_file(path)
    toml = own_demo / "county.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(
        text.replace('path = "roads/roads.gpkg"', 'path = "roads/roads.gpkg"\ndatum = "gcj02"'),
        encoding="utf-8",
    )
    Plan.open(own_demo).check()


def test_faults_of_all_inputs_are_told_at_once(own_demo, tmp_path):
    clinics = own_demo / "facilities" / "clinic_village.gpkg"
    layer = gpd.read_file(clinics)
    layer.loc[0, "geometry"] = shapely.Point(0, 0)
    layer.loc[2, "geometry"] = None
    clinics.unlink()
    layer.to_file(clinics)
    roads = own_demo / "roads" / "roads.gpkg"
    roads.write_bytes(roads.read_bytes()[:5000])
    (own_demo / "corridor" / "segments.gpkg").unlink()
    (own_demo / "villages" / "省级名单.txt").write_bytes(b"\xff\xfe\x00 broken \x81")
    found = {(p.file, p.code, p.row) for p in errors_of(own_demo)}
    assert {
        ("clinic_village.gpkg", "zero_position", 1),
        ("clinic_village.gpkg", "null_geometry", 3),
    } <= found
    assert ("roads.gpkg", "damaged_file", None) in found
    assert "segments.gpkg" in {file for file, _, _ in found}
    assert "省级名单.txt" in {file for file, _, _ in found}


def test_a_village_twice_in_one_list_is_told(own_demo):
    path = own_demo / "villages" / "市级名单.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines) if line.count("\t") >= 2 and "村、" in line)
    cells = lines[number].split("\t")
    filled = next(i for i, cell in enumerate(cells) if "、" in cell)
    name = cells[filled].split("、")[0]
    cells[filled] += f"、{name}"
    lines[number] = "\t".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")
    plan = Plan.open(own_demo).check()
    assert any(name in str(p) and p.level == "warning" for p in plan.problems)


def test_shapefile_in_the_offices_own_words(own_demo):
    roads = gpd.read_file(own_demo / "roads" / "roads.gpkg")
    words = {
        "motorway": "高速",
        "trunk": "一级",
        "primary": "二级",
        "secondary": "三级",
        "tertiary": "四级",
        "village": "村道",
    }
    own = gpd.GeoDataFrame(
        {"技术等级": roads["road_class"].map(words).fillna("村道"), "路线名称": roads["name"]},
        geometry=roads.geometry, crs=roads.crs,
    )  # fmt: skip
    (own_demo / "roads" / "roads.gpkg").unlink()
    own.to_file(own_demo / "roads" / "道路.shp", encoding="GBK")
    (own_demo / "roads" / "道路.cpg").unlink(missing_ok=True)
    toml = own_demo / "county.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace("roads/roads.gpkg", "roads/道路.shp"), encoding="utf-8")
    read = Plan.open(own_demo).check().recorded_roads
    assert len(read) == len(roads)
    assert set(read["road_class"]) <= {*words, "track"}
    assert read["name"].notna().all()


def test_second_county_from_init_to_outputs(tmp_path):
    from qianwan_gis.project import check_project, init_project

    folder = tmp_path / "上党"
    init_project(folder, "140404")
    skeleton = gpd.read_file(settings.data_dir() / "roads" / "shangdang_main.geojson")
    words = {"motorway": "高速公路", "trunk": "一级公路", "primary": "二级公路"}
    own = gpd.GeoDataFrame(
        {"技术等级": skeleton["road_class"].map(words)}, geometry=skeleton.geometry, crs=4326
    )
    own[own["技术等级"].notna()].to_file(folder / "roads" / "路网.gpkg")
    named = "乡镇,村名,类别\n南宋镇,东掌村,精品示范村\n苏店镇,西申家庄村,精品示范村\n韩店街道,桥沟村,精品示范村\n"
    (folder / "villages" / "名单.csv").write_text(named, encoding="gb18030")
    toml = folder / "county.toml"
    text = toml.read_text(encoding="utf-8").replace("lists = []", 'lists = ["villages/名单.csv"]')
    text = text.replace(
        "presume_links = true",
        'presume_links = true\n[[roads.files]]\npath = "roads/路网.gpkg"\nbasis = "surveyed"',
        1,
    )
    toml.write_text(text, encoding="utf-8")
    report = check_project(str(folder))
    assert not report.failed, [str(p) for p in report.problems]
    plan = Plan.open(folder).check()
    assert len(plan.villages) == 191
    assert (plan.villages["lists"] != "").sum() == 3
    out = plan.write(tmp_path / "out")
    assert (out / "map.html").stat().st_size > 100_000


def test_a_boundary_in_another_datum_is_refused(tmp_path):
    from qianwan_gis import boundaries
    from qianwan_gis.project import init_project

    folder = tmp_path / "county"
    init_project(folder, "140525")
    path = folder / "boundaries" / "县界.gpkg"
    boundaries.outline("140525")[["adcode", "geometry"]].to_crs(4326).to_file(path)
    toml = folder / "county.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text + '\n[boundary.file]\npath = "boundaries/县界.gpkg"\n', encoding="utf-8")
    Plan.open(folder).check()
    shift(path, "gcj02")
    assert [p.file for p in errors_of(folder) if p.code == "datum_mismatch"] == ["县界.gpkg"]
