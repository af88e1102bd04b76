"""Reading damaged and ill-declared files: every fault is named by file, row and field."""

import warnings
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import _io
from qianwan_gis._errors import DataError, ProblemLog, UsageError

POINTS = [shapely.Point(112.9, 35.6), shapely.Point(112.8, 35.5)]


def frame(geometry=POINTS, crs="EPSG:4326", **columns):
    columns = columns or {"name": ["周村", "犇龘村"]}
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs)


def faults(path, **options):
    log = ProblemLog()
    _io.read_layer(path, log=log, **options)
    return {(p.code, p.row) for p in log.errors}


def test_reads_each_vector_format(tmp_path):
    for name in ("a.gpkg", "a.geojson", "a.fgb"):
        frame().to_file(tmp_path / name)
        read = _io.read_layer(tmp_path / name)
        assert sorted(read["name"]) == ["周村", "犇龘村"]
        assert read.crs.to_epsg() == 4326


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK", "GB18030"])
@pytest.mark.parametrize("keep_cpg", [True, False])
def test_shapefile_encoding_is_found_with_and_without_cpg(tmp_path, encoding, keep_cpg):
    path = tmp_path / "村.shp"
    frame(村名=["周村", "大箕"]).to_file(path, encoding=encoding)
    if not keep_cpg:
        path.with_suffix(".cpg").unlink()
    assert list(_io.read_layer(path, columns={"name": "村名"})["name"]) == ["周村", "大箕"]


def test_field_name_cut_inside_a_character_is_reported(tmp_path):
    path = tmp_path / "a.shp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GDAL says that it cuts the name
        frame(行政村名=["周村", "大箕"]).to_file(path, encoding="UTF-8")
    with pytest.raises(DataError) as caught:
        _io.read_layer(path, encoding="UTF-8")
    assert caught.value.problems[0].code == "encoding"


def test_columns_are_mapped_first_and_guessed_after(tmp_path):
    frame(CUNMC=["甲", "乙"], 镇别=["A镇", "B镇"]).to_file(tmp_path / "a.gpkg")
    read = _io.read_layer(tmp_path / "a.gpkg", columns={"township": "镇别"})
    assert list(read["name"]) == ["甲", "乙"]
    assert list(read["township"]) == ["A镇", "B镇"]
    log = ProblemLog()
    _io.read_layer(tmp_path / "a.gpkg", columns={"township": "无此列"}, log=log)
    assert "无此列" in str(log.errors[0])
    assert "CUNMC" in str(log.errors[0])


def test_all_bad_geometries_are_named_by_row(tmp_path):
    bad = [
        *POINTS,
        None,
        shapely.Point(),
        shapely.Point(0, 0),
        shapely.LineString([(0, 1), (1, 1)]),
    ]
    frame(bad, name=list("abcdef")).to_file(tmp_path / "a.gpkg")
    found = faults(tmp_path / "a.gpkg", kind="Point")
    assert {("null_geometry", 3), ("zero_position", 5), ("wrong_geometry", 6)} <= found
    assert {row for _, row in found} == {3, 4, 5, 6}


def test_nan_coordinates(tmp_path):
    with np.errstate(invalid="ignore"):
        line = shapely.LineString([(112.0, 35.0), (np.nan, 35.5)])
        frame([line, shapely.LineString([(112, 35), (113, 36)])]).to_parquet(tmp_path / "a.parquet")
    assert faults(tmp_path / "a.parquet") == {("nan_geometry", 1)}


def test_layer_without_crs(tmp_path):
    path = tmp_path / "a.shp"
    frame().to_file(path)
    path.with_suffix(".prj").unlink()
    assert faults(path) == {("no_crs", None)}
    assert _io.read_layer(path, crs="EPSG:4326").crs.to_epsg() == 4326


def test_empty_layer_missing_file_and_unknown_format(tmp_path):
    frame().iloc[:0].to_file(tmp_path / "empty.gpkg")
    (tmp_path / "a.dwg").write_bytes(b"AC1032")
    assert faults(tmp_path / "empty.gpkg") == {("empty_layer", None)}
    assert faults(tmp_path / "none.gpkg") == {("missing_file", None)}
    assert faults(tmp_path / "a.dwg") == {("unknown_format", None)}


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_geopackage(tmp_path, share):
    whole, cut = tmp_path / "whole.gpkg", tmp_path / "cut.gpkg"
    frame().to_file(whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    assert faults(cut) == {("damaged_file", None)}


def test_truncated_shapefile_and_missing_parts(tmp_path):
    frame().to_file(tmp_path / "a.shp")
    (tmp_path / "a.dbf").unlink()
    assert faults(tmp_path / "a.shp") == {("damaged_file", None)}


def test_gcj02_layer_is_converted_and_a_projected_one_refused(tmp_path):
    frame().to_file(tmp_path / "a.gpkg")
    read = _io.read_layer(tmp_path / "a.gpkg", datum="gcj02")
    shift = (112.9 - read.geometry.x.iloc[0]) * np.cos(np.radians(35.6)) * 111320
    assert shift == pytest.approx(553, abs=15)
    frame().to_crs(4547).to_file(tmp_path / "b.gpkg")
    assert faults(tmp_path / "b.gpkg", datum="gcj02") == {("projected_datum", None)}


def test_table_with_positions(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "村名,经度,纬度\n甲,112.9,35.6\n乙,abc,35.5\n丙,,\n丁,0,0\n", encoding="gb18030"
    )
    log = ProblemLog()
    read = _io.read_layer(path, columns={"name": "村名"}, log=log)
    assert list(read["name"]) == ["甲"]
    assert {(p.code, p.row) for p in log.errors} == {
        ("not_a_number", 3), ("empty_geometry", 4), ("zero_position", 5),
    }  # fmt: skip


def test_table_faults(tmp_path):
    log = ProblemLog()
    (tmp_path / "undecodable.csv").write_bytes(b"a,b\n\xff\xff,\x80\n")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    for name in ("undecodable.csv", "ragged.csv", "broken.xlsx", "absent.csv"):
        _io.read_table(tmp_path / name, log=log)
    assert [p.code for p in log.errors] == ["encoding", "ragged_row", "bad_xlsx", "missing_file"]
    assert log.errors[1].row == 3


def test_xlsx_keeps_codes_as_text(tmp_path):
    pd.DataFrame({"代码": ["001402"], "人口": [12]}).to_excel(tmp_path / "a.xlsx", index=False)
    table = _io.read_table(tmp_path / "a.xlsx")
    assert table.iloc[0].tolist() == ["001402", "12"]


def test_staged_folder_swaps_in_only_on_success(tmp_path):
    target = tmp_path / "out"
    with _io.staged_folder(target) as stage:
        (stage / "a.txt").write_text("good")

    def fail_halfway():
        with _io.staged_folder(target) as stage:
            (stage / "a.txt").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert (target / "a.txt").read_text() == "good"
    leftover = tmp_path / ".out.killed.part"
    leftover.mkdir()
    with _io.staged_folder(target) as stage:
        (stage / "b.txt").write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert [p.name for p in target.iterdir()] == ["b.txt"]


def test_normalised_zip_has_the_same_bytes(tmp_path):
    paths = [tmp_path / "a.zip", tmp_path / "b.zip"]
    for year, path in zip((1999, 2024), paths, strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("x.txt", (year, 1, 1, 0, 0, 0)), "text")
        _io.normalise_zip(path, (2025, 3, 26, 0, 0, 0))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_swap_that_stopped_half_way_is_put_back(tmp_path):
    good = tmp_path / ".out.killed.old"
    good.mkdir()
    (good / "a.txt").write_text("good")
    with pytest.raises(RuntimeError), _io.staged_folder(tmp_path / "out"):
        raise RuntimeError
    assert (tmp_path / "out" / "a.txt").read_text() == "good"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_swap_that_fails_puts_the_old_folder_back(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "a.txt").write_text("good")
    with pytest.raises(FileNotFoundError), _io.staged_folder(target) as stage:
        stage.rmdir()
    assert (target / "a.txt").read_text() == "good"


def test_a_link_to_the_output_folder_stays_a_link(tmp_path):
    (tmp_path / "share").mkdir()
    link = tmp_path / "out"
    link.symlink_to(tmp_path / "share")
    with _io.staged_folder(link) as stage:
        (stage / "a.txt").write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "share" / "a.txt").read_text() == "new"


def test_the_current_folder_is_not_swapped_away(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError), _io.staged_folder("."):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
