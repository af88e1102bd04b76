"""Terrain: sampling, profiles, slope. Truth: planes and a published worked slope example."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely import LineString, Point

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.terrain import Terrain

CRS = "EPSG:4547"
TRANSFORM = Affine(10.0, 0.0, 1000.0, 0.0, -10.0, 5000.0)


def plane(rows=20, cols=30, *, east=0.3, north=-0.2, base=700.0, transform=TRANSFORM):
    """Heights of a tilted plane at cell centres."""
    col, row = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
    x, y = transform.c + transform.a * col, transform.f + transform.e * row
    return base + east * (x - 1000.0) + north * (y - 5000.0)


def tile(path, array, transform=TRANSFORM, crs=CRS, nodata=None):
    with rasterio.open(
        path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1], count=1,
        dtype="float32", crs=crs, transform=transform, nodata=nodata,
    ) as raster:  # fmt: skip
        raster.write(array.astype("float32"), 1)
    return path


def points(*xy, crs=CRS):
    return gpd.GeoSeries([Point(p) for p in xy], crs=crs, index=[f"p{i}" for i in range(len(xy))])


def test_bilinear_is_exact_on_a_plane_and_keeps_the_index():
    rng = np.random.default_rng(0)
    xy = rng.uniform([1005, 4805], [1295, 4995], (200, 2))
    terrain = Terrain.from_array(plane(), TRANSFORM, CRS)
    where = points(*xy)
    heights = terrain.sample(where)
    truth = 700 + 0.3 * (xy[:, 0] - 1000) - 0.2 * (xy[:, 1] - 5000)
    assert heights.index.equals(where.index)
    np.testing.assert_allclose(heights, truth, atol=1e-9)


def test_nearest_takes_the_cell_that_holds_the_point():
    array = np.arange(6.0).reshape(2, 3) + 100
    terrain = Terrain.from_array(array, TRANSFORM, CRS)
    at = points((1000, 5000), (1009.9, 4990.1), (1010.1, 4989.9), (1030, 4980))
    assert terrain.sample(at, method="nearest").tolist() == [100.0, 100.0, 104.0, 105.0]


def test_a_file_and_an_array_agree_and_points_may_be_in_degrees(tmp_path):
    array = plane(base=850.0)
    on_disk = Terrain.open(tile(tmp_path / "dem.tif", array))
    in_memory = Terrain.from_array(array.astype("float32"), TRANSFORM, CRS)
    xy = np.random.default_rng(1).uniform([1000, 4800], [1300, 5000], (50, 2))
    where = points(*xy)
    expected = in_memory.sample(where)
    np.testing.assert_allclose(on_disk.sample(where), expected, atol=1e-9)
    np.testing.assert_allclose(on_disk.sample(where.to_crs(4490)), expected, atol=1e-4)
    assert on_disk.bounds == (1000.0, 4800.0, 1300.0, 5000.0)


def test_write_and_open_is_the_identity(tmp_path):
    array = plane().astype("float32")
    path = Terrain.from_array(array, TRANSFORM, CRS).write(tmp_path / "out.tif")
    again = Terrain.from_array(array, TRANSFORM, CRS).write(tmp_path / "again.tif")
    assert path.read_bytes() == again.read_bytes()
    with rasterio.open(path) as raster:
        np.testing.assert_array_equal(raster.read(1), array)
        assert raster.transform == TRANSFORM
        assert raster.crs.to_epsg() == 4547
    with pytest.raises(UsageError, match="数组"):
        Terrain.open(path).write(tmp_path / "third.tif")


def test_tiles_join_and_a_missing_one_is_named(tmp_path):
    array = plane(20, 30)
    tile(tmp_path / "a.tif", array[:, :10])
    tile(tmp_path / "c.tif", array[:, 20:], Affine(10.0, 0.0, 1200.0, 0.0, -10.0, 5000.0))
    terrain = Terrain.open(tmp_path)
    found = terrain.sample(points((1050, 4900), (1250, 4900)))
    np.testing.assert_allclose(found, [700 + 15 + 20, 700 + 75 + 20], atol=1e-3)
    with pytest.raises(DataError) as caught:
        terrain.sample(points((1050, 4900), (1150, 4900), (2000, 4900)))
    said = [str(p) for p in caught.value.problems]
    assert len(said) == 2
    assert "p1" in said[0]
    assert "缺少一块" in said[0]
    assert "p2" in said[1]
    assert "范围之外" in said[1]


def test_no_data_is_never_filled(tmp_path):
    array = plane()
    array[5:8, 5:8] = -32768
    terrain = Terrain.open(tile(tmp_path / "dem.tif", array, nodata=-32768))
    hole, beside = (1065.0, 4935.0), (1048.0, 4935.0)
    found = terrain.sample(points(hole, beside), missing="nan")
    assert np.isnan(found["p0"])
    # beside the hole only cells with data count
    assert found["p1"] == pytest.approx(700 + 0.3 * 48 + 0.2 * 65, abs=1.1)
    with pytest.raises(DataError, match="无数据"):
        terrain.sample(points(hole))
    # void values that a file forgot to declare are no ground either
    wild = Terrain.from_array(array, TRANSFORM, CRS)
    assert np.isnan(wild.sample(points(hole), missing="nan")["p0"])


def test_empty_points_and_points_without_crs():
    terrain = Terrain.from_array(plane(), TRANSFORM, CRS)
    holes = gpd.GeoSeries([Point(1050, 4900), None, Point()], crs=CRS)
    assert terrain.sample(holes, missing="nan").isna().tolist() == [False, True, True]
    with pytest.raises(DataError, match="没有位置"):
        terrain.sample(holes)
    with pytest.raises(DataError, match="坐标系"):
        terrain.sample(gpd.GeoSeries([Point(1, 1)]))
    with pytest.raises(UsageError, match="取样"):
        terrain.sample(points((1050, 4900)), method="cubic")


def test_profile_follows_the_line():
    terrain = Terrain.from_array(plane(), TRANSFORM, CRS)
    line = LineString([(1010, 4990), (1110, 4990), (1110, 4890)])
    profile = terrain.profile(line, 30.0)
    assert profile["metres"].tolist() == [0, 30, 60, 90, 100, 120, 150, 180, 200]
    np.testing.assert_allclose(profile["elevation_m"].iloc[[0, 4, 8]], [705, 735, 755], atol=1e-9)
    np.testing.assert_allclose(profile["grade"].iloc[[0, 5, 8]], [0.3, 0.2, 0.2], atol=1e-9)
    assert len(terrain.profile(line)) == 21
    in_degrees = gpd.GeoSeries([line], crs=CRS).to_crs(4490).iloc[0]
    with pytest.raises(UsageError, match="平面"):
        terrain.profile(in_degrees, 30.0, crs=4490)
    with pytest.raises(UsageError, match="步长"):
        terrain.profile(line, 0)
    with pytest.raises(DataError, match="范围之外"):
        terrain.profile(LineString([(1010, 4990), (2000, 4990)]), 500.0)


def test_slope_of_a_plane_and_of_the_worked_example():
    steep = Terrain.from_array(plane(east=1.0, north=0.0), TRANSFORM, CRS)
    assert steep.slope(points((1100, 4900)))["p0"] == pytest.approx(45.0)
    # the 3 x 3 window that Esri prints in "How slope works": 5 m cells, slope 75.25762 degrees
    window = np.array([[50.0, 45.0, 50.0], [30.0, 30.0, 30.0], [8.0, 10.0, 10.0]])
    example = Terrain.from_array(window, Affine(5, 0, 0, 0, -5, 15), CRS)
    assert example.slope(points((7.5, 7.5)))["p0"] == pytest.approx(75.25762, abs=1e-4)
    assert np.isnan(steep.slope(points((1000.1, 4999.9)))["p0"])
    degrees = Terrain.from_array(window, Affine(0.01, 0, 112, 0, -0.01, 36), 4490)
    with pytest.raises(UsageError, match="投影"):
        degrees.slope(points((112.01, 35.99), crs=4490))


def test_bad_files_are_all_told_at_once(tmp_path):
    with pytest.raises(DataError, match="没有高程"):
        Terrain.open(tmp_path / "none.tif")
    with pytest.raises(DataError, match="没有高程"):
        Terrain.open(tmp_path)
    (tmp_path / "a.tif").write_bytes(b"not a raster")
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        tile(tmp_path / "b.tif", plane(), Affine.identity())
    tile(tmp_path / "c.tif", plane(), crs=None)
    tile(tmp_path / "d.tif", plane())
    tile(tmp_path / "e.tif", plane(), crs="EPSG:4546")
    with pytest.raises(DataError) as caught:
        Terrain.open(tmp_path)
    assert [(p.file, p.code) for p in caught.value.problems] == [
        ("a.tif", "bad_raster"),
        ("b.tif", "no_georeference"),
        ("c.tif", "no_crs"),
        ("e.tif", "mixed_crs"),
    ]
    with pytest.raises(UsageError, match="二维"):
        Terrain.from_array(np.zeros(3), TRANSFORM, CRS)
