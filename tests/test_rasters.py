"""Rasters of a plan: read back by rasterio, slopes and minutes against other ways to compute them."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from results_fixture import thin

from qianwan_gis import export
from qianwan_gis._errors import UnavailableError
from qianwan_gis.network import offroad
from qianwan_gis.network.travel_surface import travel_minutes


@pytest.fixture(scope="module")
def written(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rasters")
    paths = export.write_layers(demo, folder, formats=["cog"])
    return {path.stem: path for path in paths}


def test_height_and_slope_are_those_of_the_terrain(demo, written):
    with rasterio.open(written["height"]) as height, rasterio.open(written["slope"]) as slope:
        assert height.crs == slope.crs
        assert height.descriptions == ("高程",)
        assert slope.units == ("°",)
        assert height.overviews(1) or max(height.shape) <= 512
        xy = np.random.default_rng(0).uniform(height.bounds[:2], height.bounds[2:], (200, 2))
        points = gpd.GeoSeries.from_xy(*xy.T, crs=height.crs)
        got = np.array([v[0] for v in slope.sample(xy)], float)
    told = demo.terrain.slope(points).to_numpy()
    both = np.isfinite(told) & np.isfinite(got)
    assert both.sum() > 100
    np.testing.assert_allclose(got[both], told[both], atol=1e-3)


def test_minutes_equal_the_way_from_single_points(demo, written):
    own = demo.facilities[
        (demo.facilities["service"] == "clinic") & (demo.facilities["tier"] == "village")
    ]
    some = demo.villages.geometry.iloc[:12].to_crs(demo.terrain.crs)
    ways = offroad.on_foot(
        demo.network, some, demo.terrain, own, mode="walk", to_norm=True, reach_m=20_000,
        standards=demo.standards, lines=False,
    )  # fmt: skip
    with rasterio.open(written["minutes_clinic_village"]) as raster:
        assert raster.units == ("min",)
        got = np.array([v[0] for v in raster.sample(np.column_stack([some.x, some.y]))], float)
    np.testing.assert_allclose(got, ways.table["seconds"].to_numpy() / 60, rtol=1e-4)


def test_no_minute_is_shorter_than_the_fastest_straight_way(demo, written):
    own = demo.facilities[demo.facilities["service"] == "clinic"]
    own = own[own["tier"] == "county"].to_crs(demo.terrain.crs)
    with rasterio.open(written["minutes_clinic_county"]) as raster:
        minutes = raster.read(1)
        rows, cols = np.nonzero(np.isfinite(minutes))
        x, y = rasterio.transform.xy(raster.transform, rows, cols)
    at = np.column_stack([x, y])
    far = np.min([np.hypot(*(at - [p.x, p.y]).T) for p in own.geometry], axis=0)
    fastest = 120 / 3.6  # m/s: above every speed of the standards
    assert (minutes[rows, cols] * 60 * fastest >= far - 60).all()
    assert minutes[rows, cols][far < 40].max() < 2


def test_without_facilities_or_ground_nothing_is_reached(demo):
    ground = offroad.surface(demo.terrain, tuple(demo.boundary.total_bounds), cell_m=500)
    nobody = demo.facilities.iloc[:0]
    assert np.isnan(travel_minutes(demo.network, nobody, ground)).all()
    inside = travel_minutes(demo.network, demo.facilities, ground, limit=5)
    whole = travel_minutes(demo.network, demo.facilities, ground)
    reached = np.isfinite(inside)
    assert reached.any()
    assert (reached == (whole <= 5)).all()


def test_no_terrain_is_said(tmp_path):
    with pytest.raises(UnavailableError, match="terrain"):
        export.write_layers(thin(), tmp_path, formats=["cog"])


def test_thin_data_bear_no_slopes_and_no_minutes(demo, tmp_path):
    class Coarse:
        """The demo county as if its terrain were too coarse and its roads presumed."""

        def __getattr__(self, name):
            return getattr(demo, name)

        @property
        def disclosure(self):
            from dataclasses import replace

            return replace(demo.disclosure, slopes=False, isochrones=False)

    paths = export.write_layers(Coarse(), tmp_path, formats=["cog"])
    assert [path.name for path in paths] == ["height.tif"]
