"""Pipe hydraulics and life-cycle cost. Truth: printed tables, the US forms, closed formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qianwan_gis._errors import UsageError
from qianwan_gis.services._sewage import hydraulics as h
from qianwan_gis.services._sewage.costs import FACTORS, Prices, scaled
from qianwan_gis.standards import Standards

NORMS = Standards.load()
RULES = h.Rules.read(NORMS)
PRICES = Prices.read(NORMS, RULES)


def test_a_full_pipe_of_a_worked_example():
    # 8-inch pipe, n 0.013, 0.5 %: 0.854 cfs and 2.448 ft/s (civiltoolbox, Manning pipe flow)
    diameter = 2 / 3 * 0.3048
    assert float(h.flow(diameter, 0.005, 1.0, 0.013)) / 0.3048**3 == pytest.approx(0.854, abs=0.002)
    assert float(h.velocity(diameter, 0.005, 1.0, 0.013)) / 0.3048 == pytest.approx(
        2.448, abs=0.004
    )


# hydraulic elements of a circular section, n constant, as printed in sewer manuals
@pytest.mark.parametrize(
    ("fill", "speed", "share"),
    [(0.1, 0.401, 0.021), (0.2, 0.615, 0.088), (0.25, 0.701, 0.137), (0.3, 0.776, 0.196),
     (0.5, 1.0, 0.5), (0.6, 1.072, 0.672), (0.75, 1.134, 0.912), (0.8, 1.140, 0.977),
     (0.9, 1.124, 1.066)],
)  # fmt: skip
def test_part_full_ratios_are_the_printed_ones(fill, speed, share):
    v = h.velocity(0.4, 0.004, [fill, 1.0], 0.013)
    q = h.flow(0.4, 0.004, [fill, 1.0], 0.013)
    assert v[0] / v[1] == pytest.approx(speed, abs=1.5e-3)
    assert q[0] / q[1] == pytest.approx(share, abs=1.5e-3)


def test_a_pipe_carries_most_at_0938_and_runs_fastest_at_0813():
    fills = np.linspace(0.01, 1.0, 10_000)
    assert fills[h.flow(1.0, 0.01, fills, 0.013).argmax()] == pytest.approx(0.938, abs=1e-3)
    assert fills[h.velocity(1.0, 0.01, fills, 0.013).argmax()] == pytest.approx(0.813, abs=1e-3)
    assert h.flow(1.0, 0.01, fills, 0.013).max() / h.flow(1.0, 0.01, 1.0, 0.013) == pytest.approx(
        1.076, abs=1e-3
    )


@given(st.floats(0.1, 2.0), st.floats(1e-4, 0.2), st.floats(0.01, 0.93))
def test_normal_depth_is_the_inverse_of_flow(diameter, slope, fill):
    q = h.flow(diameter, slope, fill, 0.012)
    assert float(h.fill_of(q, diameter, slope, 0.012)) == pytest.approx(fill, abs=1e-6)


def test_a_flow_over_capacity_has_no_depth():
    full = h.flow(0.2, 0.004, h.FULLEST, 0.01)
    assert np.isnan(h.fill_of(full * 1.001, 0.2, 0.004, 0.01))


@given(st.floats(1e-4, 0.3), st.floats(0.2, 1.0))
def test_the_speed_limit_slope_gives_that_speed(q, diameter):
    slope = float(h.slope_at_speed(q, diameter, 3.0, 0.012))
    if q / 3.0 < float(h.section(diameter, 0.9)[0]):
        fill = float(h.fill_of(q, diameter, slope, 0.012))
        assert float(h.velocity(diameter, slope, fill, 0.012)) == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize(("gpm", "inches", "c"), [(100, 4, 140), (450, 8, 130), (1200, 12, 100)])
def test_hazen_williams_agrees_with_the_form_of_epanets_manual(gpm, inches, c):
    cfs, feet = gpm / 448.831, inches / 12.0
    slope = 4.727 * c**-1.852 * feet**-4.871 * cfs**1.852
    assert float(h.hazen_williams(gpm * 6.30902e-5, inches * 0.0254, c)) == pytest.approx(
        slope, rel=2e-3
    )


def test_peak_factors_are_interpolated_and_invert():
    ten = 10.0 * 86.4  # 10 L/s in m³/d
    assert float(RULES.peak(ten)) * 1000 == pytest.approx(10.0 * 2.55)  # between 2.7 and 2.4
    assert float(RULES.peak(1.0)) * 86_400 == pytest.approx(2.7)
    mean = np.array([1.0, 50.0, 400.0, 3000.0, 1e5])
    np.testing.assert_allclose(RULES.mean_of_peak(RULES.peak(mean)), mean, rtol=1e-9)


@given(st.lists(st.floats(0.0, 0.5), min_size=2, max_size=20))
def test_more_water_never_gets_a_smaller_pipe(flows):
    sizes = RULES.size(np.sort(flows))
    assert (np.diff(sizes) >= 0).all()
    fits = sizes < len(RULES.diameters)
    assert (RULES.gravity_capacity[sizes[fits]] >= np.sort(flows)[fits] * (1 - 1e-9)).all()


def test_rules_that_cannot_be_are_all_named():
    bad = NORMS.replace({"sewage.gravity.max_depth_m": 0.5, "sewage.pipe.roughness": 0.5})
    with pytest.raises(UsageError) as told:
        h.Rules.read(bad)
    assert "0.5" in str(told.value)
    assert "pipe.roughness" in str(told.value)


# ---------------------------------------------------------------- life-cycle cost


def test_present_values_are_the_closed_ones():
    norms = NORMS.replace({"sewage.life.discount": 0.05, "sewage.life.horizon_years": 30})
    p = Prices.read(norms)
    assert p.annuity == pytest.approx(sum(1.05**-k for k in range(1, 31)))
    assert p.renewal(15) == pytest.approx(1 + 1.05**-15)
    assert p.renewal(50) == pytest.approx(1 - 0.4 * 1.05**-30)
    free = Prices.read(norms.replace({"sewage.life.discount": 0.0}))
    assert free.annuity == pytest.approx(30)
    assert free.renewal(20) == pytest.approx(1.5)  # half of the second one is left


def test_energy_is_that_of_lifting_water():
    p = PRICES
    joule = 1000 * 9.81 * 10.0 / p.design["pump.efficiency"]  # one m³ by ten metres
    yearly = joule / 3.6e6 * 365 * p.price["power_yuan_kwh"]
    assert float(p.energy(10.0)) == pytest.approx(yearly * p.annuity)


def test_stations_have_economies_of_scale_and_meet_the_power_law_at_the_break_points():
    fixed, slope = PRICES.station_lines
    assert (np.diff(slope) < 0).all()
    assert (np.diff(fixed) > 0).all()
    for q in PRICES.sizes[1:-1]:
        power = PRICES.price["station_yuan"] * q ** PRICES.price["station_power"]
        assert PRICES.station_build(float(q)) == pytest.approx(power, rel=1e-9)
    q = np.linspace(1, 9000, 500)
    assert (np.diff(PRICES.station(q) / q) < 0).all()


def test_negative_prices_are_all_named():
    with pytest.raises(UsageError) as told:
        Prices.read(
            NORMS.replace({"sewage.cost.join_yuan": -1.0, "sewage.cost.power_yuan_kwh": -0.5})
        )
    assert "join_yuan" in str(told.value)
    assert "power_yuan_kwh" in str(told.value)


def test_a_factor_scales_exactly_its_prices():
    twice = scaled(NORMS, "pipe", 2.0)
    for name in FACTORS["pipe"]:
        old, new = NORMS.value(f"sewage.cost.{name}"), twice.value(f"sewage.cost.{name}")
        np.testing.assert_allclose(np.array(new, float), 2 * np.array(old, float))
    assert twice.value("sewage.cost.station_yuan") == NORMS.value("sewage.cost.station_yuan")
    with pytest.raises(UsageError, match="没有敏感性因素"):
        scaled(NORMS, "rain", 2.0)


def test_every_price_says_where_it_comes_from():
    for key, entry in NORMS.entries.items():
        if key.startswith("sewage.cost."):
            assert entry.status in ("to-check", "judgement"), key
            assert entry.source, key
            assert entry.unit or key.endswith(("station_power", "pipe_spread")), key
            assert entry.clause[:4].isdigit(), key  # the year of the price
            assert entry.region, key
            if not isinstance(entry.value, list) and not key.endswith("pipe_spread"):
                assert entry.low < entry.value < entry.high, key
