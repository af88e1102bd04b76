"""Datums: published conversions, exact inverses, zones, and telling a layer's datum."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis import UsageError, datum

# Published: the test table of eviltransform (WGS84 and GCJ-02; it uses another radius, which moves
# the result by a centimetre) ...
EVILTRANSFORM = [
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
]
# ... of the coordtransform family (a full-precision example at one place) ...
COORDTRANSFORM_GCJ = ((116.404, 39.915), (116.41024449916938, 39.91640428150164))
COORDTRANSFORM_BD = ((116.404, 39.915), (116.41036949371029, 39.92133699351021))
# ... and of gcoord: cities as AMap publishes them, with WGS84 by gcoord (to half a metre).
GCOORD = [  # WGS84, GCJ-02
    ((114.0164322, 33.0133556), (114.022306, 33.0115324)),
    ((92.0499619, 31.4784436), (92.0512438, 31.4762063)),
    ((111.0017421, 35.0271663), (111.0075355, 35.0264171)),
    ((123.4253306, 41.8032629), (123.4314787, 41.8057023)),
    ((98.4937175, 39.7319946), (98.4943595, 39.7328234)),
    ((116.6775114, 23.3567569), (116.6819735, 23.3540964)),
]
NAMES = ("wgs84", "gcj02", "bd09")
METRE = 1 / 111_320


def reference_gcj(lon: float, lat: float) -> tuple[float, float]:
    """The public formula, written out plainly for one place."""
    from math import cos, pi, radians, sin, sqrt

    x, y = lon - 105, lat - 35
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    north += (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    east += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    a, ee = 6378245.0, 0.00669342162296594323
    magic = 1 - ee * sin(radians(lat)) ** 2
    dlat = north * 180 / ((a * (1 - ee)) / (magic * sqrt(magic)) * pi)
    dlon = east * 180 / (a / sqrt(magic) * cos(radians(lat)) * pi)
    return lon + dlon, lat + dlat


@pytest.mark.parametrize("row", EVILTRANSFORM)
def test_agrees_with_eviltransform(row: tuple[float, ...]) -> None:
    assert datum.transform(row[0], row[1], "wgs84", "gcj02") == pytest.approx(row[2:], abs=2e-7)


@pytest.mark.parametrize(("wgs", "gcj"), GCOORD)
def test_agrees_with_gcoord(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert datum.transform(*gcj, "gcj02", "wgs84") == pytest.approx(wgs, abs=1e-5)


def test_agrees_with_full_precision_examples() -> None:
    source, target = COORDTRANSFORM_GCJ
    assert datum.transform(*source, "wgs84", "gcj02") == pytest.approx(target, abs=1e-12)
    source, target = COORDTRANSFORM_BD
    assert datum.transform(*source, "gcj02", "bd09") == pytest.approx(target, abs=1e-12)


@given(st.floats(72.004, 137.8347), st.floats(0.8293, 55.8271))
def test_forward_is_the_public_formula(lon: float, lat: float) -> None:
    found = datum.transform(lon, lat, "wgs84", "gcj02")
    assert found == pytest.approx(reference_gcj(lon, lat), abs=1e-12)


@settings(max_examples=200)
@given(
    st.floats(72.004, 137.8347),
    st.floats(0.8293, 55.8271),
    st.sampled_from(["gcj02", "bd09"]),
)
def test_round_trip_is_exact_up_to_the_edge(lon: float, lat: float, other: str) -> None:
    there = datum.transform(lon, lat, "wgs84", other)
    back = datum.transform(*there, other, "wgs84")
    assert back == pytest.approx((lon, lat), abs=0.001 * METRE)


def test_round_trips_over_a_grid_of_all_china() -> None:
    lon, lat = np.meshgrid(np.linspace(72.004, 137.8347, 700), np.linspace(0.8293, 55.8271, 600))
    for source, target in (("wgs84", "gcj02"), ("wgs84", "bd09"), ("gcj02", "bd09")):
        start = (lon, lat)
        if source == "gcj02":
            start = datum.transform(lon, lat, "wgs84", "gcj02")
        there = datum.transform(*start, source, target)
        back = datum.transform(*there, target, source)
        error = np.hypot(back[0] - start[0], back[1] - start[1]) / METRE
        assert error.max() < 1e-4, (source, target)
        assert back[0].shape == lon.shape


def test_wgs84_to_bd09_goes_by_way_of_gcj02() -> None:
    lon, lat = np.array([112.9, 80.1]), np.array([35.6, 44.0])
    gcj = datum.transform(lon, lat, "wgs84", "gcj02")
    bd = datum.transform(*gcj, "gcj02", "bd09")
    np.testing.assert_allclose(datum.transform(lon, lat, "wgs84", "bd09"), bd, atol=1e-12)


@pytest.mark.parametrize(
    "place", [(0.0, 0.0), (139.7, 35.7), (-74.0, 40.7), (100.0, 60.0), (72.0, 0.5)]
)
@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_nothing_moves_outside_the_rectangle(
    place: tuple[float, float], source: str, target: str
) -> None:
    assert datum.transform(*place, source, target) == place


def test_the_edge_of_the_rectangle_belongs_to_it() -> None:
    assert datum.transform(72.004, 30.0, "wgs84", "gcj02")[0] != 72.004
    assert datum.transform(72.004 - 1e-9, 30.0, "wgs84", "gcj02")[0] == 72.004 - 1e-9


def test_cgcs2000_is_wgs84() -> None:
    assert datum.transform(112.9, 35.6, "cgcs2000", "wgs84") == (112.9, 35.6)
    assert datum.transform(112.9, 35.6, "gcj02", "cgcs2000") == datum.transform(
        112.9, 35.6, "gcj02", "wgs84"
    )


def test_numbers_arrays_nan_and_empties() -> None:
    x, y = datum.transform(112.9, 35.6, "wgs84", "gcj02")
    assert type(x) is float
    assert type(y) is float
    x, y = datum.transform([112.9, np.nan, np.inf], [35.6, 35.6, 35.6], "wgs84", "bd09")
    assert np.isfinite([x[0], y[0]]).all()
    assert np.isnan(x[1])
    assert y[1] == 35.6
    assert np.isinf(x[2])
    x, y = datum.transform(np.zeros((0, 3)), np.zeros((0, 3)), "gcj02", "wgs84")
    assert x.shape == (0, 3)
    x, y = datum.transform(np.full((2, 1), 112.9), np.full(3, 35.6), "gcj02", "wgs84")
    assert x.shape == y.shape == (2, 3)


def test_input_is_left_alone_and_threads_change_nothing() -> None:
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(75, 135, 200_000), rng.uniform(18, 53, 200_000)
    copy = lon.copy()
    many = datum.transform(lon, lat, "gcj02", "wgs84")
    few = datum.transform(lon[:8192], lat[:8192], "gcj02", "wgs84")
    np.testing.assert_array_equal(lon, copy)
    np.testing.assert_array_equal(many[0][:8192], few[0])


def test_unknown_datum_and_unequal_shapes_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="beijing54"):
        datum.transform(1, 2, "beijing54", "wgs84")
    with pytest.raises(UsageError, match="形状"):
        datum.transform([1, 2], [1, 2, 3], "gcj02", "wgs84")


@pytest.mark.parametrize(
    ("lon", "code"), [(112.9, 4547), (112.49, 4546), (112.5, 4547), (75.0, 4534), (135.0, 4554)]
)
def test_zones_by_longitude(lon: float, code: int) -> None:
    assert datum.zone(lon).to_epsg() == code


@pytest.mark.parametrize("meridian", range(75, 136, 3))
def test_zones_have_the_right_meridian_and_false_easting(meridian: int) -> None:
    for prefix in (False, True):
        crs = datum.zone(float(meridian), prefix=prefix)
        to_zone = pyproj.Transformer.from_crs(datum.CGCS2000, crs, always_xy=True)
        easting, _ = to_zone.transform(meridian, 36.0)
        assert easting == pytest.approx(500_000 + (meridian // 3 * 1_000_000 if prefix else 0))


@pytest.mark.parametrize("lon", [70.0, 140.0, float("nan"), -100.0])
def test_longitudes_outside_china_have_no_zone(lon: float) -> None:
    with pytest.raises(UsageError, match="3度带"):
        datum.zone(lon)


def grid_of_roads(rng: np.random.Generator) -> gpd.GeoSeries:
    """Crooked roads over 30 km: no two alike, none along an axis."""
    lines = []
    for _ in range(40):
        start, heading = rng.uniform(0, 30_000, 2), rng.uniform(0, 2 * np.pi)
        turns = heading + np.cumsum(rng.normal(0, 0.25, 40))
        steps = 500 * np.column_stack([np.cos(turns), np.sin(turns)])
        lines.append(shapely.LineString(start + np.cumsum(steps, axis=0)))
    local = gpd.GeoSeries(lines).translate(480_000, 3_930_000)
    return local.set_crs(datum.zone(113.0)).to_crs(datum.WGS84)


def on_roads(roads: gpd.GeoSeries, n: int, rng: np.random.Generator) -> np.ndarray:
    local = roads.to_crs(datum.zone(113.0)).to_numpy()
    chosen = local[rng.integers(0, len(local), n)]
    places = shapely.line_interpolate_point(chosen, rng.random(n), normalized=True)
    noisy = shapely.get_coordinates(places) + rng.normal(0, 30, (n, 2))
    back = gpd.GeoSeries(gpd.points_from_xy(*noisy.T), crs=datum.zone(113.0)).to_crs(datum.WGS84)
    return np.column_stack([back.x, back.y])


def test_detect_is_right_on_layers_of_thirty_points_and_never_wrong_on_smaller_ones() -> None:
    rng = np.random.default_rng(5)
    roads = grid_of_roads(rng)
    right = wrong = 0
    for trial in range(90):
        truth = NAMES[trial % 3]
        written = on_roads(roads, 30, rng)
        layer = np.column_stack(datum.transform(*written.T, "wgs84", truth))
        verdict = datum.detect(layer, roads)
        right += verdict.datum == truth
        wrong += verdict.datum not in (truth, "unsure")
        few = datum.detect(layer[:10], roads)
        wrong += few.datum not in (truth, "unsure")
        assert datum.detect(layer[:5], roads).datum == "unsure"
    assert right >= 89
    assert wrong == 0


def test_detect_tells_the_shift_and_accepts_geometries() -> None:
    rng = np.random.default_rng(6)
    roads = grid_of_roads(rng)
    layer = np.column_stack(datum.transform(*on_roads(roads, 80, rng).T, "wgs84", "gcj02"))
    points = gpd.GeoSeries(gpd.points_from_xy(*layer.T), crs=datum.WGS84)
    verdict = datum.detect(gpd.GeoDataFrame(geometry=points), gpd.GeoDataFrame(geometry=roads))
    assert verdict.datum == "gcj02"
    assert 400 < verdict.shift_m < 700
    assert verdict.confidence > 0.999
    assert verdict.misfit_m["gcj02"] < 60 < verdict.misfit_m["wgs84"]
    assert "GCJ-02" in verdict.text.zh
    shifted = points.translate(0.004, 0.008)
    assert datum.detect(shifted, roads).datum == "unsure"


def test_detect_compares_lines_with_the_border_of_a_polygon() -> None:
    from qianwan_gis import boundaries

    outline = boundaries.outline(140525).geometry
    vertices = shapely.get_coordinates(outline.iloc[0])[::7]
    for truth in NAMES:
        line = shapely.LineString(np.column_stack(datum.transform(*vertices.T, "wgs84", truth)))
        assert datum.detect([line], outline).datum == truth


def test_detect_is_unsure_of_layers_that_have_nothing_to_do_with_the_reference() -> None:
    rng = np.random.default_rng(7)
    roads = grid_of_roads(rng)
    assert datum.detect(rng.uniform([100, 20], [101, 21], (50, 2)), roads).datum == "unsure"
    assert datum.detect(np.empty((0, 2)), roads).datum == "unsure"
    assert datum.detect(on_roads(roads, 30, rng), []).datum == "unsure"
    bounds = roads.total_bounds
    told = [
        datum.detect(rng.uniform(bounds[:2], bounds[2:], (60, 2)), roads).datum for _ in range(40)
    ]
    assert told.count("unsure") >= 39
