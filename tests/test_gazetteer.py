"""The carried code tables, and an office's own table with its faults."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis.gazetteer import (
    TOWNSHIP_COLUMNS,
    UNIT_COLUMNS,
    Gazetteer,
    recognise_county,
)


@pytest.fixture(scope="module")
def zezhou():
    return Gazetteer.carried("140525")


@pytest.mark.parametrize(
    ("adcode", "units", "communities", "townships"),
    [("140525", 450, 22, 16), ("140404", 191, 10, 13)],
)
def test_carried_counties_are_whole(adcode, units, communities, townships):
    gazetteer = Gazetteer.carried(adcode)
    assert len(gazetteer.units) == units
    assert (gazetteer.units["kind"] == "community").sum() == communities
    current = gazetteer.townships[gazetteer.townships["status"] == "current"]
    assert set(gazetteer.units["township"]) <= set(current["name"])
    assert len(set(gazetteer.units["township"])) == townships
    assert gazetteer.units["code"].is_unique
    assert set(UNIT_COLUMNS) <= set(gazetteer.units.columns)
    assert set(TOWNSHIP_COLUMNS) <= set(gazetteer.townships.columns)
    assert gazetteer.units["lon"].dropna().between(112, 114).all()
    assert gazetteer.units["lat"].dropna().between(35, 37).all()


def test_a_county_that_is_not_carried():
    assert Gazetteer.is_carried("140525")
    assert not Gazetteer.is_carried("110000")
    with pytest.raises(UsageError, match="140525"):
        Gazetteer.carried("110000")


@pytest.mark.parametrize(
    ("printed", "name", "change"),
    [
        ("下村镇", "下村镇", ""),
        ("下村", "下村镇", "former"),
        ("李寨乡", "南岭镇", "former"),
        ("南岭乡", "南岭镇", "former"),
        ("川底鄉", "川底镇", "former"),
        ("晋庙浦镇", "晋庙铺镇", "misprint"),
        ("火星镇", "", "unknown"),
    ],
)
def test_townships_of_today(zezhou, printed, name, change):
    found = zezhou.township(printed)
    assert (found.name, found.change) == (name, change)
    assert bool(found.code) == bool(name)
    assert (found.note is None) == (change == "")


def test_renamed_townships_of_the_other_county():
    gazetteer = Gazetteer.carried("140404")
    assert gazetteer.township("贾掌镇").name == "苏店镇"
    assert gazetteer.township("振兴新区").name == "振兴乡村生态文化旅游区"


@pytest.mark.parametrize(
    ("text", "adcode"),
    [("泽州县2025年计划", "140525"), ("长治县、上党区", "140404"), ("某县", ""), ("", "")],
)
def test_the_county_is_recognised_by_name(text, adcode):
    assert recognise_county(text) == adcode


OWN = {
    "行政村代码": ["999901100200", "999901100201", ""],
    "所属乡镇": ["石桥镇", "石桥镇", "东山乡"],
    "行政村": ["李家沟村委会", "滨河社区居委会", "和村村"],
    "曾用名": ["李沟", "", ""],
    "经度": ["112.1", "", "112.3"],
    "纬度": ["35.1", "", "35.3"],
    "户籍人口": ["812", "", "90"],
}


def written(tmp_path, table, name="村庄.csv", encoding="utf-8"):
    path = tmp_path / name
    if name.endswith(".xlsx"):
        pd.DataFrame(table).to_excel(path, index=False)
    else:
        pd.DataFrame(table).to_csv(path, index=False, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("村庄.csv", "utf-8"), ("村庄.csv", "gb18030"), ("村庄.csv", "utf-8-sig"), ("村庄.xlsx", "")],
)
def test_an_own_table_with_usual_column_names(tmp_path, name, encoding):
    gazetteer = Gazetteer.read(
        written(tmp_path, OWN, name, encoding), source="县局", licence="内部"
    )
    units = gazetteer.units
    assert gazetteer.adcode == "999901"
    assert units["name"].tolist() == ["李家沟", "滨河社区", "和村"]
    assert units["official_name"].tolist() == OWN["行政村"]
    assert units["kind"].tolist() == ["village", "community", "village"]
    assert units["code"].tolist()[2] == "999901-东山乡-和村"
    assert units["population"].iloc[0] == 812
    assert pd.isna(units["population"].iloc[1])
    assert units["lon"].iloc[2] == 112.3
    assert set(units["source"]) == {"县局"}
    assert gazetteer.townships["name"].tolist() == ["石桥镇", "东山乡"]
    assert gazetteer.township("石桥乡").name == "石桥镇"
    assert gazetteer.names.match("李沟村", "石桥镇").code == "999901100200"


def test_columns_may_be_mapped_and_come_from_a_frame():
    frame = pd.DataFrame({"A": ["石桥镇"], "B": ["李家沟村"]})
    gazetteer = Gazetteer.read(frame, columns={"township": "A", "name": "B"}, adcode="999901")
    assert gazetteer.units["code"].tolist() == ["999901-石桥镇-李家沟"]


def test_a_folder_as_the_carried_one(tmp_path, zezhou):
    zezhou.units.to_csv(tmp_path / "140525_units.csv", index=False)
    zezhou.townships.to_csv(tmp_path / "140525_townships.csv", index=False)
    gazetteer = Gazetteer.read(tmp_path)
    assert gazetteer.adcode == "140525"
    pd.testing.assert_frame_equal(
        gazetteer.units[["code", "name", "township", "lon"]],
        zezhou.units[["code", "name", "township", "lon"]],
    )
    assert gazetteer.former_townships["李寨乡"] == "南岭镇"


def test_a_point_layer_and_its_datum(tmp_path):
    x, y = datum.transform([112.9], [35.6], "wgs84", "gcj02")
    frame = gpd.GeoDataFrame(
        {"XZQMC": ["李家沟"], "乡镇": ["石桥镇"]},
        geometry=[shapely.Point(x[0], y[0])],
        crs="EPSG:4326",
    )
    frame.to_file(tmp_path / "a.gpkg")
    found = Gazetteer.read(tmp_path / "a.gpkg", datum="gcj02", adcode="999901").units
    assert found["lon"].iloc[0] == pytest.approx(112.9, abs=1e-7)
    table = pd.DataFrame({"乡镇": ["石桥镇"], "村名": ["李家沟"], "经度": x, "纬度": y})
    found = Gazetteer.read(table, datum="gcj02", adcode="999901").units
    assert found["lat"].iloc[0] == pytest.approx(35.6, abs=1e-7)


def test_projected_coordinates_of_a_declared_crs():
    table = pd.DataFrame({"乡镇": ["石桥镇"] * 2, "村名": ["李家沟", "王庄"]})
    table["经度"], table["纬度"] = ["500000", ""], ["3941165", ""]
    found = Gazetteer.read(table, crs="EPSG:4547", adcode="999901").units
    # the zone's central meridian is 114 E, with 500 km of false easting; one degree is 111 km
    assert found["lon"].iloc[0] == pytest.approx(114, abs=1e-9)
    assert found["lat"].iloc[0] == pytest.approx(35.6, abs=0.01)
    assert found["lon"].isna().tolist() == [False, True]
    assert faults(table, crs="EPSG:1")[0][0] == "bad_crs"


def faults(source, **options):
    with pytest.raises(DataError) as caught:
        Gazetteer.read(source, **options)
    return [(p.code, p.row, p.field) for p in caught.value.problems]


def test_all_faults_at_once(tmp_path):
    table = {
        "村代码": ["1.40525E+11", "999901100201", "999901100201", "999901100203", ""],
        "乡镇": ["石桥镇", "石桥镇", "东山乡", "", "石桥镇"],
        "村名": ["甲村", "乙村", "丙村", "丁村", "=1+1"],
        "经度": ["112", "x", "212", "112", "112"],
        "纬度": ["35", "35", "35", "35", "95"],
    }
    assert faults(written(tmp_path, table)) == [
        ("bad_code", 2, "code"),
        ("empty_township", 5, "township"),
        ("bad_name", 6, "name"),
        ("bad_coordinate", 3, "lon"),
        ("bad_coordinate", 4, "lon"),
        ("bad_coordinate", 6, "lat"),
    ]
    fine = {k: v[1:3] for k, v in table.items() if k in ("村代码", "乡镇", "村名")}
    assert {f[0] for f in faults(written(tmp_path, fine))} == {"duplicate_code"}


def test_tables_that_cannot_be_used(tmp_path):
    assert faults(tmp_path / "none.csv")[0][0] == "missing_file"
    assert faults(tmp_path)[0][0] == "missing_file"
    assert faults(written(tmp_path, {"a": ["1"], "b": ["2"]})) == [
        ("missing_column", None, "村名"),
        ("missing_column", None, "乡镇"),
    ]
    assert faults(written(tmp_path, {"乡镇": [], "村名": []}))[0][0] == "empty_table"
    twice = {"乡镇": ["甲镇", "甲镇"], "村名": ["乙村", "乙村"]}
    assert faults(written(tmp_path, twice)) == [("duplicate_unit", 3, "name")]
    written(tmp_path, OWN, "second.csv")
    assert faults(tmp_path)[0][0] == "several_files"


def test_hostile_rows_are_named_and_nothing_else(tmp_path):
    rows = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "字" * 40000, "😀"]
    table = {"乡镇": ["甲镇"] * 5, "村名": ["乙村", *rows]}
    log = ProblemLog()
    read = Gazetteer.read(written(tmp_path, table), adcode="990001", log=log)
    assert [(p.code, p.level, p.row) for p in log] == [
        ("bad_name", "warning", n) for n in range(3, 7)
    ]
    assert len(read.units) == 5
    assert read.units["name"].iloc[0] == "乙村"


def test_a_name_of_nothing_visible_is_an_error(tmp_path):
    table = {"乡镇": ["甲镇"] * 2, "村名": ["乙村", "　\u200b"]}
    assert [f[:2] for f in faults(written(tmp_path, table))] == [("bad_name", 3)]


@pytest.mark.parametrize("step", [1, -1])
def test_a_town_and_a_street_office_of_one_name_are_two(step):
    rows = [("140500001201", "甲村", "东城街道"), ("140500002201", "乙村", "东城镇")][::step]
    made = Gazetteer.read(pd.DataFrame(rows, columns=["code", "name", "township"]))
    for name in ("东城街道", "东城镇"):
        found = made.township(name)
        assert (found.name, found.change) == (name, "")
    unclear = made.township("东城乡")
    assert (unclear.name, unclear.change) == ("", "unknown")
    assert "东城街道" in unclear.note.zh
    assert "东城镇" in unclear.note.zh
