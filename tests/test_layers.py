"""The registry of planning layers."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_fixture import HOSTILE, rich, thin
from shapely import box

from qianwan_gis import layers


@pytest.mark.parametrize("make", [thin, rich])
def test_every_layer_is_described_and_in_the_countys_crs(make):
    results = make()
    seen = {entry.key: (entry, frame) for entry, frame in layers.built(results)}
    assert {"villages", "roads", "facilities", "seats", "boundary"} <= set(seen)
    for entry, frame in seen.values():
        assert isinstance(frame, gpd.GeoDataFrame)
        assert frame.crs == results.crs
        assert set(frame.columns) - {"geometry"} == {c.name for c in entry.columns} & set(
            frame.columns
        )
        described = {c.name for c in entry.columns}
        assert set(frame.columns) - {"geometry"} <= described
        for style in entry.styles:
            assert style.geometry == entry.geometry
            assert style.by is None or style.by in frame.columns
            assert style.label is None or style.label in frame.columns
            assert sum(n for _, n in style.legend(frame)) == len(frame)


def test_no_village_is_dropped_and_none_gets_a_place_it_has_not():
    results = thin()
    villages = {e.key: f for e, f in layers.built(results)}["villages"]
    assert list(villages["code"]) == list(results.villages["code"])
    assert (villages.geometry.notna() == (results.villages["basis"] == "point").to_numpy()).all()
    assert villages["name"].head(len(HOSTILE)).tolist() == list(HOSTILE)
    assert "仅知所属乡镇" in set(villages["match_text"])


def test_thin_data_show_no_cells_stakes_or_red():
    results = thin()
    seen = {e.key: f for e, f in layers.built(results)}
    by_township = results.villages.loc[results.villages["match"] == "township", "code"]
    assert len(by_township)
    assert not set(seen["village_regions"]["code"]) & set(by_township)
    assert not {"corridor", "stakes", "zones"} & set(seen)
    assert "presumed" not in set(seen["roads"]["basis"])
    assert set(seen["presumed_links"]["basis"]) == {"presumed"}
    minutes = seen["coverage_clinic_township"]["minutes"].dropna()
    assert len(minutes)
    assert (minutes == minutes.round()).all()


def test_uncovered_needs_leave():
    results = rich()
    coverage = results.coverage
    free = layers.coverage_state(coverage, results.disclosure)
    expected = coverage["covered"].map({True: "covered", False: "uncovered"})
    pd.testing.assert_series_equal(free, expected.astype("str"), check_names=False)
    tight = layers.coverage_state(coverage, thin().disclosure)
    assert "uncovered" not in set(tight[coverage["service"] != "clinic"])
    assert (tight[coverage["service"] == "clinic"] == free[coverage["service"] == "clinic"]).all()


def test_rich_data_show_corridor_stakes_and_zones_widest_first():
    seen = {e.key: f for e, f in layers.built(rich())}
    assert {"corridor", "stakes", "zones"} <= set(seen)
    assert list(seen["zones"]["width_m"]) == [5000, 2000, 1000]
    assert "K12+000" in set(seen["stakes"]["stake"])


def test_words_follow_the_language():
    chinese = {e.key: f for e, f in layers.built(thin())}["villages"]
    english = {e.key: f for e, f in layers.built(thin().with_lang("en"))}["villages"]
    assert (chinese["match"] == english["match"]).all()
    assert "township only" in set(english["match_text"])


def test_colours_of_one_legend_differ():
    for entry in layers.catalogue(rich()):
        for style in entry.styles:
            looks = [(s.color, s.shape, s.size, s.dashed) for s in style.symbols]
            assert len(set(looks)) == len(looks), entry.key


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(1, 50)), min_size=1, max_size=8),
    st.floats(0.1, 0.99),
)
def test_densest_part_is_the_smallest_that_holds_the_share(parts, share):
    weights = np.array([w for w, _ in parts])
    weights = weights / weights.sum()
    boxes = [box(100 * i, 0, 100 * i + side, side) for i, (_, side) in enumerate(parts)]
    regions = gpd.GeoDataFrame({"code": "a", "weight": weights}, geometry=boxes, crs="EPSG:4547")
    (row,) = layers.densest(regions, share).itertuples()
    assert row.weight >= share - 1e-9
    inside = [row.geometry.covers(b) for b in boxes]
    assert row.weight == pytest.approx(weights[inside].sum())
    density = weights / np.array([b.area for b in boxes])
    kept, left = density[inside], density[np.logical_not(inside)]
    assert len(left) == 0 or kept.min() >= left.max() - 1e-12
    # Without its thinnest part it would hold too little.
    assert row.weight - weights[inside][kept.argmin()] < share


def test_densest_keeps_codes_apart_and_in_order():
    regions = thin().regions
    made = layers.densest(regions)
    assert made["code"].tolist() == regions["code"].drop_duplicates().tolist()
    assert made.crs == regions.crs
