"""Facilities: the office's own files, and every fault of them."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import serv_tables as t
from shapely import Point, box

from qianwan_gis import facilities as f
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.county import FacilitySpec
from qianwan_gis.schemas import FACILITIES, find_problems


def spec(path=None, service="clinic", tier="village", inventory="complete", **more):
    return FacilitySpec(path=path, service=service, tier=tier, inventory=inventory, **more)


VILLAGES = t.villages([(0, 0), None, (700, 0)], basis=["point", "region", "point"],
                      name=["大南庄", "下庄", "下庄"], township=["下村镇", "下村镇", "高都镇"])  # fmt: skip
CODES = VILLAGES["code"].tolist()


def lonlat(x, y):
    point = gpd.GeoSeries([Point(t.X0 + x, t.Y0 + y)], crs=t.CRS).to_crs("EPSG:4326").iloc[0]
    return point.x, point.y


def test_the_offices_own_columns(tmp_path):
    lon, lat = lonlat(300, 400)
    path = tmp_path / "卫生室.csv"
    path.write_text(f"机构名称,JD,WD,床位数\n甲卫生室,{lon:.8f},{lat:.8f},3\n", encoding="gb18030")
    columns = {"lon": "JD", "lat": "WD"}
    made = f.read_facilities([spec(path, columns=columns, source="县卫体局")], crs=t.CRS)
    row = made.iloc[0]
    assert (row["name"], row["capacity"], row["basis"], row["source"]) == (
        "甲卫生室", 3.0, "recorded", "县卫体局")  # fmt: skip
    assert row.geometry.distance(Point(t.X0 + 300, t.Y0 + 400)) < 0.01
    assert not find_problems(made, FACILITIES, file="x").errors


def test_a_layer_in_another_crs_and_multipoints(tmp_path):
    path = tmp_path / "站.gpkg"
    gpd.GeoDataFrame(
        {"名称": ["站"]},
        geometry=gpd.points_from_xy(*np.array([lonlat(10, 20)]).T),
        crs="EPSG:4326",
    ).to_file(path, engine="pyogrio")
    made = f.read_facilities([spec(path, "sewage", "station")], crs=t.CRS)
    assert made["name"].tolist() == ["站"]
    assert made.geometry.iloc[0].distance(Point(t.X0 + 10, t.Y0 + 20)) < 0.01


def test_placed_by_village_code_or_by_township_and_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"name,village_code,township,village\nA,{CODES[0]},,\n", encoding="utf-8")
    other = tmp_path / "b.csv"
    other.write_text("name,township,village\nB,下村镇,下庄村\nC,高都镇,下庄\n", encoding="utf-8")
    made = f.read_facilities([spec(path), spec(other)], crs=t.CRS, villages=VILLAGES)
    assert made["village_code"].tolist() == CODES
    assert made.geometry.isna().tolist() == [False, True, False]  # the region moves in the draws
    assert made.geometry.iloc[0].equals(VILLAGES.geometry.iloc[0])


def test_assumed_at_seats_leaves_out_former_townships():
    seats = gpd.GeoDataFrame(
        {"township": ["下村镇", "李寨乡"], "status": ["current", "former"], "uncertainty_m": [200.0, 1.0]},
        geometry=[Point(t.X0, t.Y0)] * 2, crs=t.CRS,
    )  # fmt: skip
    one = spec(service="clinic", tier="township", inventory="assumed", assume="township_seat")
    made = f.read_facilities([one], crs=t.CRS, seats=seats)
    assert made["name"].tolist() == ["下村镇卫生院"]
    assert made["basis"].tolist() == ["assumed"]
    assert made["uncertainty_m"].tolist() == [200.0]
    with pytest.raises(DataError, match="驻地"):
        f.read_facilities([one], crs=t.CRS)


def test_every_fault_is_told_at_once(tmp_path):
    lon, lat = lonlat(0, 0)
    path = tmp_path / "坏.csv"
    path.write_text(
        f"facility_id,name,lon,lat,village_code\n1,甲,0,0,\n2,乙,abc,35,\n3,丙,,,999999999999\n"
        f"4,丁,{lon},{lat},\n4,戊,{lon},{lat},\n", encoding="utf-8"
    )  # fmt: skip
    log = ProblemLog()
    unknown = SimpleNamespace(service="school", tier="primary", path=path, assume=None)
    far = box(t.X0 + 90_000, t.Y0, t.X0 + 91_000, t.Y0 + 10)
    made = f.read_facilities(
        [spec(path), unknown], crs=t.CRS, villages=VILLAGES, boundary=far, log=log
    )
    found = [(p.code, p.row) for p in log]
    assert ("zero_position", 2) in found
    assert ("not_a_number", 3) in found
    assert ("unknown_village", 4) in found
    assert ("facility_without_place", 4) in found
    codes = {p.code for p in log}
    assert {"unknown_service", "duplicate_facility", "shared_position", "far_outside"} <= codes
    assert all(p.file == "坏.csv" for p in log if p.code in ("zero_position", "not_a_number"))
    assert made["name"].tolist() == ["丁", "戊"]


def test_neither_place_nor_village(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name\n甲\n", encoding="utf-8")
    with pytest.raises(DataError, match="经纬度"):
        f.read_facilities([spec(path)], crs=t.CRS, villages=VILLAGES)


def test_inventories_take_the_weaker_register():
    rows = [spec(inventory="complete"), spec(inventory="partial"), spec(tier="county", inventory="none"),
            spec(tier="county", inventory="complete")]  # fmt: skip
    made = f.inventories(rows)
    assert made == {("clinic", "village"): "partial", ("clinic", "county"): "complete"}


def test_sewers_are_lines_and_not_facilities(tmp_path):
    path = tmp_path / "管网.gpkg"
    line = gpd.GeoSeries.from_wkt([f"LINESTRING({t.X0} {t.Y0}, {t.X0 + 9} {t.Y0})"], crs=t.CRS)
    gpd.GeoDataFrame({"名称": ["干管"]}, geometry=line).to_file(path, engine="pyogrio")
    one = spec(path, "sewage", "sewer", basis="synthetic")
    assert f.read_facilities([one], crs=t.CRS).empty
    made = f.read_sewers([one], crs=t.CRS)
    assert made["name"].tolist() == ["干管"]
    assert made["basis"].tolist() == ["synthetic"]
    assert f.read_sewers([], crs=t.CRS).empty


def test_supplies_join_works_and_villages(tmp_path):
    works = t.facilities([(0, 0)], "water", "works")
    path = tmp_path / "供水.csv"
    path.write_text(f"facility_id,code\nF00,{CODES[0]}\nF00,{CODES[1]}\n", encoding="utf-8")
    made = f.read_supplies([spec(None, "water", "works", supplies=path)], villages=VILLAGES,
                           facilities=works)  # fmt: skip
    assert made["code"].tolist() == CODES[:2]
    path.write_text(f"facility_id,code\nX9,{CODES[0]}\nF00,1\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        f.read_supplies([spec(None, "water", "works", supplies=path)], villages=VILLAGES,
                        facilities=works)  # fmt: skip
    assert {p.code for p in caught.value.problems} == {"unknown_facility", "unknown_village"}
