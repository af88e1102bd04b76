"""Weighted polygons: algebra, radii, samples."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from qianwan_gis import UsageError, datum, regions
from qianwan_gis.regions import Likelihood, Region

SQUARE = shapely.box(0, 0, 1000, 1000)


def test_radius_of_a_disc_is_known() -> None:
    disc = regions.annulus(5000, -3000, 0, 2000)
    x, y, radius = regions.region_radius([disc], share=0.9)
    assert (x, y) == pytest.approx((5000, -3000), abs=1)
    assert radius == pytest.approx(2000 * np.sqrt(0.9), rel=0.01)


def test_radius_of_two_weighted_discs() -> None:
    near, far = regions.annulus(0, 0, 0, 10), regions.annulus(1000, 0, 0, 10)
    x, _, radius = regions.region_radius([near, far], [0.8, 0.2])
    assert x == pytest.approx(200, abs=1)
    assert radius == pytest.approx(800, abs=15)


def test_product_is_bayes_rule() -> None:
    prior = Region.of([shapely.box(0, 0, 500, 1000), shapely.box(500, 0, 1000, 1000)], [0.8, 0.2])
    told = Likelihood.of([(shapely.box(0, 0, 1000, 500), 0.9)], 0.1)
    after, fit = regions.product(prior, told)
    assert fit == pytest.approx(0.5)
    held = {tuple(p.bounds): w for p, w in zip(after.polygons, after.weights, strict=True)}
    assert held[(0, 0, 500, 500)] == pytest.approx(0.8 * 0.9)
    assert held[(500, 500, 1000, 1000)] == pytest.approx(0.2 * 0.1)


@given(
    st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(20, 600), st.floats(0.05, 1)),
        min_size=1,
        max_size=4,
    )
)
def test_products_agree_with_a_grid(discs: list[tuple[float, float, float, float]]) -> None:
    region = Region.of([SQUARE])
    axis = np.arange(5, 1000, 10.0)
    x, y = (a.ravel() for a in np.meshgrid(axis, axis))
    grid = np.ones(x.size)
    for cx, cy, radius, value in discs:
        disc = regions.annulus(cx, cy, 0, radius)
        region, _ = regions.product(region, Likelihood.of([(disc, value)], 0.05))
        grid *= np.where(shapely.intersects_xy(disc, x, y), value, 0.05)
    grid /= grid.sum()
    assert region.weights.sum() == pytest.approx(1)
    left = shapely.box(0, 0, 400, 1000)
    exact = sum(
        w * shapely.intersection(p, left).area / p.area
        for p, w in zip(region.polygons, region.weights, strict=True)
    )
    assert exact == pytest.approx(grid[x < 400].sum(), abs=0.04)


def test_evidence_that_fits_nowhere_leaves_the_region() -> None:
    region = Region.of([SQUARE])
    same, fit = regions.product(region, Likelihood.of([(shapely.box(5000, 0, 6000, 1), 1.0)], 0.0))
    assert fit == 0
    assert same is region


def test_bands_keep_their_shares_inside_the_county() -> None:
    core = shapely.box(0, 0, 400, 1000)
    region = regions.bands(core, [100, 300], [0.7, 0.2, 0.1], SQUARE)
    assert region.weights == pytest.approx([0.7, 0.2, 0.1])
    assert region.areas == pytest.approx([400_000, 100_000, 200_000])
    whole = regions.bands(SQUARE, [100], [0.7, 0.3], SQUARE)
    assert whole.weights == pytest.approx([1.0])
    with pytest.raises(UsageError):
        regions.bands(core, [100], [1.0], SQUARE)


def test_cover_and_credible_mass() -> None:
    region = Region.of([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 110, 100)], [0.6, 0.4])
    assert region.cover(0.6).equals(shapely.box(0, 0, 10, 10))
    assert region.cover(0.61).area == pytest.approx(10_100)
    assert region.mass_denser_than(5, 5) == pytest.approx((0, 0.6))
    assert region.mass_denser_than(50, 50) == pytest.approx((0.6, 0.4))
    assert region.mass_denser_than(-5, 5) == (1.0, 0.0)


def test_merging_keeps_mass_and_does_not_spread_the_tail() -> None:
    rings = [regions.annulus(0, 0, r, r + 100) for r in range(0, 4000, 100)]
    weights = np.exp(-np.arange(40) / 4.0)
    region = Region.of(rings, weights)
    merged = region.merged((0.3, 0.55, 0.75, 0.9, 0.97, 1.0))
    assert len(merged.polygons) <= 6
    assert merged.weights.sum() == pytest.approx(1)
    assert shapely.union_all(merged.polygons).area == pytest.approx(region.areas.sum())
    before, after = regions.region_radius(region)[2], regions.region_radius(merged)[2]
    assert after == pytest.approx(before, rel=0.12)


@given(st.floats(0, 360), st.floats(5, 175), st.floats(0, 50))
def test_sectors_hold_the_right_azimuths(azimuth: float, half: float, inner: float) -> None:
    piece = regions.sector(0, 0, azimuth, half, 100, inner)
    assert piece.is_valid
    share = half / 180 * (100**2 - inner**2) * np.pi
    assert piece.area == pytest.approx(share, rel=0.01)
    for turn, held in ((0, True), (half * 0.9, True), (min(half + 8, 180), False)):
        bearing = np.radians(azimuth + turn)
        place = shapely.Point(75 * np.sin(bearing), 75 * np.cos(bearing))
        assert piece.contains(place) == held or turn >= 360 - half


def test_samples_follow_weights_and_the_seed() -> None:
    holed = shapely.difference(shapely.box(0, 0, 100, 100), shapely.box(20, 20, 80, 80))
    region = Region.of([holed, shapely.box(200, 0, 300, 100)], [0.25, 0.75])
    places = regions.sample(region, np.random.default_rng(1), 20_000)
    inside = shapely.intersects_xy(shapely.union_all(region.polygons), *places.T)
    assert inside.all()
    assert (places[:, 0] > 150).mean() == pytest.approx(0.75, abs=0.01)
    again = regions.sample(region, np.random.default_rng(1), 20_000)
    np.testing.assert_array_equal(places, again)


def test_tables_go_and_come_back() -> None:
    table = regions.to_frame(
        {"a": Region.of([SQUARE]), "b": Region.of([shapely.box(0, 0, 1, 9), SQUARE], [1, 3])},
        datum.zone(113.0),
    )
    assert table["code"].tolist() == ["a", "b", "b"]
    assert table.groupby("code")["weight"].sum().tolist() == pytest.approx([1, 1])
    back = regions.from_frame(table)
    assert sorted(back["b"].weights) == pytest.approx([0.25, 0.75])
    assert regions.to_frame({}, datum.zone(113.0)).empty


def test_impossible_regions_are_told() -> None:
    with pytest.raises(UsageError):
        Region.of([shapely.Point(0, 0)])
    with pytest.raises(UsageError):
        Region.of([SQUARE], [-1.0])
    with pytest.raises(UsageError):
        Region.of([SQUARE], [np.nan])
    with pytest.raises(UsageError):
        regions.annulus(0, 0, 5, 5)
