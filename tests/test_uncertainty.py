"""Draws: their distributions, their independence of row order, and the verdicts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import serv_tables as t
from shapely import Point, box, from_wkb

from qianwan_gis._errors import UsageError
from qianwan_gis.standards import Standards
from qianwan_gis.uncertainty import Draws, decide, seed_of, total_covered, what_to_locate_first


def regions(code, polygons, weights):
    return gpd.GeoDataFrame({"code": code, "weight": weights}, geometry=polygons, crs=t.CRS)


def test_points_scatter_so_that_the_radius_holds_ninety_percent():
    draws = Draws(n=4000, seed=1)
    made = draws.positions(t.villages([(0, 0)], uncertainty=500.0))
    away = np.hypot(*(made.xy[0] - [t.X0, t.Y0]).T)
    assert (away <= 500).mean() == pytest.approx(0.9, abs=0.015)
    assert made.xy[0].mean(axis=0) == pytest.approx([t.X0, t.Y0], abs=12)


def test_exact_points_do_not_move():
    made = Draws(n=20).positions(t.villages([(1, 2), (3, 4)], uncertainty=[0.0, np.nan]))
    assert (made.xy == made.xy[:, :1]).all()


def test_regions_are_drawn_by_weight_and_area():
    # A triangle with a hole and a far square that holds three quarters of the mass.
    hollow = box(0, 0, 1000, 1000).difference(box(250, 250, 750, 750))
    square = box(10_000, 0, 10_100, 100)
    places = t.villages([None], basis="region")
    table = regions([places["code"][0]] * 2, [hollow, square], [0.25, 0.75])
    xy = Draws(n=8000, seed=4).positions(places, table).xy[0]
    far = xy[:, 0] > 5000
    assert far.mean() == pytest.approx(0.75, abs=0.02)
    inside = [hollow.intersects(Point(p)) for p in xy[~far]]
    assert all(inside)
    left = (xy[~far][:, 0] < 250).mean()  # 250 x 1000 of 750 000 square metres
    assert left == pytest.approx(1 / 3, abs=0.03)


def test_row_order_and_other_rows_change_nothing():
    places = t.villages([(0, 0), (500, 0), None, None], uncertainty=300.0,
                        basis=["point", "point", "region", "none"])  # fmt: skip
    table = regions([places["code"][2]] * 2, [box(0, 0, 9, 9), box(20, 0, 29, 9)], [0.5, 0.5])
    draws = Draws(n=50, seed=9)
    first = draws.positions(places, table)
    again = draws.positions(places.iloc[::-1], table.iloc[::-1])
    np.testing.assert_array_equal(first.xy, again.xy[::-1])
    fewer = draws.positions(places.iloc[1:3], table)
    np.testing.assert_array_equal(first.xy[1:3], fewer.xy)
    assert first.located.tolist() == [True, True, True, False]


def test_villages_on_one_shared_point_scatter_independently():
    made = Draws(n=2000, seed=2).positions(t.villages([(0, 0), (0, 0)], uncertainty=800.0))
    move = made.xy - made.xy.mean(axis=1, keepdims=True)
    assert abs(np.corrcoef(move[0, :, 0], move[1, :, 0])[0, 1]) < 0.08


def test_factors_follow_the_standard():
    standards = Standards.load()
    draws = Draws(n=4000, seed=7)
    drawn = draws.factor(standards, "roads.presumed.circuity")
    entry = standards.entry("roads.presumed.circuity")
    assert drawn.min() >= entry.low
    assert drawn.max() <= entry.high
    mean = (entry.low + entry.value + entry.high) / 3  # of a triangular distribution
    assert drawn.mean() == pytest.approx(mean, rel=0.01)
    other = draws.factor(standards, "roads.presumed.circuity", "village", "140525000001")
    assert not np.array_equal(drawn, other)
    certain = standards.replace({"roads.presumed.circuity": 1.5})  # a county's own value
    assert (draws.factor(certain, "roads.presumed.circuity") == 1.5).all()


def test_same_seed_same_draws():
    assert seed_of("zezhou") == seed_of("zezhou") != seed_of("shangdang")
    a, b = Draws(n=20, seed=seed_of("zezhou")), Draws(n=20, seed=seed_of("zezhou"))
    assert a.rng("x").random() == b.rng("x").random()
    with pytest.raises(UsageError):
        Draws(n=5)


def test_verdicts():
    p = [1.0, 0.95, 0.949, 0.5, 0.051, 0.05, 0.0, np.nan]
    full = decide(p, "complete")
    assert full["covered"].tolist() == [True, True, pd.NA, pd.NA, pd.NA, False, False, pd.NA]
    assert full["reason"].tolist() == [
        "ok", "ok", "undecided", "undecided", "undecided", "over_limit", "over_limit", "not_located",
    ]  # fmt: skip
    for inventory in ("partial", "assumed"):
        made = decide(p, inventory)
        assert not made["covered"].eq(False).any()
        assert made["reason"].iloc[-2] == "inventory_incomplete"


def test_totals_are_joint():
    within = np.zeros((2, 200), bool)
    within[:, :100] = True  # both covered in the same draws: the total is 0 or 2, never 1
    _, low, high = total_covered(within)
    assert (low, high) == (0, 2)
    assert total_covered(within, [10, 5])[2] == 15


def test_what_to_locate_first_puts_listed_and_undecided_villages_first():
    places = t.villages(
        [(0, 0), (1, 0), (2, 0)], lists=["", "省级", "省级"], uncertainty=[900, 50, 60]
    )
    coverage = pd.DataFrame(
        {"code": places["code"], "p_covered": [0.5, 1.0, 0.6],
         "covered": pd.array([pd.NA, True, pd.NA], dtype="boolean")}
    )  # fmt: skip
    made = what_to_locate_first(coverage, places)
    assert made["name"].tolist() == ["村2", "村1", "村0"]
    assert made["open_verdicts"].tolist() == [1, 0, 1]
    assert made["gain"].tolist() == [0.96, 0.0, 1.0]


def test_villages_that_share_a_polygon_are_drawn_as_if_they_did_not():
    hollow = box(0, 0, 1000, 1000).difference(box(250, 250, 750, 750))
    square = box(2000, 0, 2600, 300)
    places = t.villages([None, None, None], basis="region")
    codes = np.repeat(places["code"].to_numpy(), 2)
    shared = regions(codes, [hollow, square] * 3, [0.4, 0.6] * 3)
    copies = shared.assign(geometry=from_wkb(shared.geometry.to_wkb()))
    assert copies.geometry.iloc[0] is not copies.geometry.iloc[2]
    together = Draws(n=50).positions(places, shared).xy
    assert (together == Draws(n=50).positions(places, copies).xy).all()
    for row in range(3):
        alone = shared[shared["code"] == places["code"].iloc[row]]
        assert (together[row] == Draws(n=50).positions(places, alone).xy[row]).all()
    assert (together[0] != together[1]).all()
